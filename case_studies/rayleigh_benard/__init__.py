"""Turbulent convection between plates."""
