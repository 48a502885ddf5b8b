"""Boards of published and measured rows, one CSV a dataset."""
