"""Contrastive deep potential: a power law plus a small network, fitted on ratios of runs."""

from dimgs.fits.potential.contrastive_potential import ContrastivePotential, CurvePotential
from dimgs.fits.potential.potential_runs import Limit, Physics

__all__ = ["ContrastivePotential", "CurvePotential", "Limit", "Physics"]
