"""Symmetries of textbook laws."""
