"""Percolation on finite lattices."""
