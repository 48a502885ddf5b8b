"""Models: architectures, weights, inference and training. Needs the extra `models`."""
