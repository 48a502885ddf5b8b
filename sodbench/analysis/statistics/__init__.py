"""Resampling, intervals, tests and ranks."""
