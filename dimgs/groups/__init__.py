"""Pi groups, named numbers, physical kinds and physical constants."""
