"""Friction in rough pipes."""
