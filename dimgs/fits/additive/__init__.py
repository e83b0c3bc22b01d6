"""Additive laws: sums of smooth functions of log groups, or of log-ratios."""

from dimgs.fits.additive.component import AdditiveComponent
from dimgs.fits.additive.pair import PairAdditive
from dimgs.fits.additive.sparse import SparseAdditive

__all__ = ["AdditiveComponent", "PairAdditive", "SparseAdditive"]
