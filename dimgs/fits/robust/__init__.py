"""Robust power laws from all pairs: rank dispersion, Huber pairs, their uncertainty."""

from dimgs.fits.robust.dispersion import rank_dispersion
from dimgs.fits.robust.location import hodges_lehmann
from dimgs.fits.robust.robust_power_law import RobustPowerLaw

__all__ = ["RobustPowerLaw", "hodges_lehmann", "rank_dispersion"]
