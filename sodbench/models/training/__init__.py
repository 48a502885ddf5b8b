"""Training: configuration, data, loss, checkpoints, multiple processes, and the training loop."""
