"""Additive laws: sums of smooth functions of log groups, or of log-ratios."""

from dimgs.fits.additive.pair import PairAdditive
from dimgs.fits.additive.sparse import SparseAdditive
from dimgs.fits.additive.splines import AdditiveComponent

__all__ = ["AdditiveComponent", "PairAdditive", "SparseAdditive"]
