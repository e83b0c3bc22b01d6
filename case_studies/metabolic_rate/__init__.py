"""Metabolic rates of animals."""
