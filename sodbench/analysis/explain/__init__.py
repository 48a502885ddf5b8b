"""The same maps under every convention."""
