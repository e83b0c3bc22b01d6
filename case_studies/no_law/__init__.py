"""Runs without a law."""
