"""What is wrong with maps, by looking at the files themselves."""
