"""Symbolic-regression engines, one file each, imported when they are used."""
