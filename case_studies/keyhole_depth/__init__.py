"""Depth of a laser keyhole."""
