"""Energy confinement in tokamaks."""
