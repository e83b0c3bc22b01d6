"""Friction in smooth pipes."""
