"""Smooth crossovers between two power laws, and the choice between sharp and smooth."""

from dimgs.fits.crossover.crossover_choice import CrossoverChoice, choose_crossover
from dimgs.fits.crossover.crossover_power_law import CrossoverPowerLaw

__all__ = ["CrossoverChoice", "CrossoverPowerLaw", "choose_crossover"]
