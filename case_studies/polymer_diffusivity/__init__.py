"""Diffusion in polymers."""
