"""HTML pages: the report in one file, and the site of the leaderboards."""
