"""Vapour pressure of liquids."""
