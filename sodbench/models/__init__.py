"""Models: architectures, weights, and the runner that makes maps of photos. Needs the extra `models`."""
