"""The same maps scored under every convention."""
