"""Terminal velocity of spheres."""
