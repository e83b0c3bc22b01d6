"""Laws with units, searched by an engine of symbolic regression: how many are found exactly."""
