"""What knows nothing of saliency: files, processes, text."""
