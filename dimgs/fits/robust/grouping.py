"""Groups of runs, and ties among their residuals."""

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array
from dimgs.fits.robust.dispersion import PairLoss, SortedLoss
from dimgs.fits.robust.solver import Problem

Labels = NDArray[np.intp]


def tied(loss: SortedLoss, pairs: PairLoss, problem: Problem) -> SortedLoss:
    """The loss with pairs that rounding has parted at the minimiser tied again."""
    e = loss.sorted_residuals
    new = np.append(True, np.diff(e) > 1e-11 * problem.spread(loss))
    first = np.maximum.accumulate(np.where(new, np.arange(len(e)), 0))
    residuals = np.empty_like(e)
    residuals[loss.order] = e[first]
    return pairs.absolute(residuals)


def group_means(values: Array, weights: Array, starts: Labels) -> Array:
    """Weighted mean of each row's group, rows contiguous by group."""
    totals = np.add.reduceat(weights, starts[:-1])
    sums = np.add.reduceat(values * weights[:, None], starts[:-1], axis=0)
    return np.repeat(sums / totals[:, None], np.diff(starts), axis=0)
