"""Datasets: the registry, where they are on disk, and reading their files as arrays."""
