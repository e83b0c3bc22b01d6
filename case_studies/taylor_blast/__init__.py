"""A blast wave from photographs."""
