"""Regimes of constant exponents, their boundaries and how many there are."""

from dimgs.fits.regimes.regime_outcome import Condition, Regime
from dimgs.fits.regimes.regime_power_law import RegimePowerLaw
from dimgs.fits.regimes.thresholds import RegimeThreshold

__all__ = ["Condition", "Regime", "RegimePowerLaw", "RegimeThreshold"]
