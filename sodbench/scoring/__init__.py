"""From pairs of files to scores that are stored, continued and read back."""
