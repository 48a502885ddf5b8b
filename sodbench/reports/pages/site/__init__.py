"""The site of the leaderboards: its pages, the same data as JSON and CSV, and how it gets into a folder."""
