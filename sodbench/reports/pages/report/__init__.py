"""The report: scores of several methods, with charts and pictures, as one file."""
