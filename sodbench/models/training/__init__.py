"""Training: configuration, pairs, loss, checkpoints, several processes, and the loop over them."""
