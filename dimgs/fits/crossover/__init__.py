"""Smooth crossovers between two power laws, and the choice between sharp and smooth."""

from dimgs.fits.crossover.crossover_power_law import (
    CrossoverChoice,
    CrossoverPowerLaw,
    choose_crossover,
)

__all__ = ["CrossoverChoice", "CrossoverPowerLaw", "choose_crossover"]
