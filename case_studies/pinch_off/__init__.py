"""A viscous thread that pinches off."""
