"""Contrast features, pair weights, mergeable moments and run-wise splits."""
