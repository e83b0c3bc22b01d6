"""Ising's magnet on finite lattices."""
