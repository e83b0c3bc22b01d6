"""Noise of an airfoil."""
