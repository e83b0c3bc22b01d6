"""Smooth crossovers between two power laws, and the choice between sharp and smooth."""

from dimgs.fits.crossover.choice import CrossoverChoice, choose_crossover
from dimgs.fits.crossover.estimator import CrossoverPowerLaw

__all__ = ["CrossoverChoice", "CrossoverPowerLaw", "choose_crossover"]
