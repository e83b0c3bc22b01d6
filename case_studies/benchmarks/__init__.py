"""Measurements of speed; each module prints its own figures."""
