"""Polymer chains, simulated."""
