"""Helpers that are not specific to saliency: files, processes, text."""
