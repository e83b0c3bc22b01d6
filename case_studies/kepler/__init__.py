"""Kepler's third law."""
