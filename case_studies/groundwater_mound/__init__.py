"""A mound of groundwater that loses what it wets."""
