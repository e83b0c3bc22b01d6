"""Conserved quantities of integrated motions."""
