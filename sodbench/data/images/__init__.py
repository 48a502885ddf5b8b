"""Decoders: maps, masks and photos as arrays."""
