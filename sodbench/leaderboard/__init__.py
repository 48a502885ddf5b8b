"""Boards of published and measured rows, one CSV per dataset."""
