"""Kepler beyond the Sun."""
