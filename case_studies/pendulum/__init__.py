"""A pendulum, integrated."""
