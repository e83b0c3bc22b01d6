"""Migration from a package into food."""
