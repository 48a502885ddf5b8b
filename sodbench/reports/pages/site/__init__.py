"""The site of the leaderboards: pages, the same data as JSON and CSV, and how a folder of them is replaced."""
