"""Mass and luminosity of stars."""
