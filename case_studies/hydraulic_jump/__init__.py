"""A bore in a channel."""
