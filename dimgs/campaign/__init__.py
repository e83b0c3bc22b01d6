"""From a plan to the fewest runs of a kernel that answer it."""
