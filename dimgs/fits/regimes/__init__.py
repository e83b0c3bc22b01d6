"""Regimes of constant exponents, their boundaries and how many there are."""

from dimgs.fits.regimes.estimator import RegimePowerLaw
from dimgs.fits.regimes.outcome import Condition, Regime
from dimgs.fits.regimes.thresholds import RegimeThreshold

__all__ = ["Condition", "Regime", "RegimePowerLaw", "RegimeThreshold"]
