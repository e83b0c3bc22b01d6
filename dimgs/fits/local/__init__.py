"""Local power laws: exponents at every run from pairs of near runs, their field and intervals."""

from dimgs.fits.local.local_power_law import LocalPowerLaw

__all__ = ["LocalPowerLaw"]
