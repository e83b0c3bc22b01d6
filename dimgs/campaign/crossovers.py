"""Laws that only follow a crossover between two others are no regimes of their own."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from dimgs.campaign.affine import Affine
from dimgs.campaign.consensus import Search

Array = NDArray[np.float64]

# a crossover reaches about this far from where two laws meet, in log pi_0
_REACH = 3.0
_BETWEEN = 0.15
_MAJORITY = 0.5


def without_crossovers(search: Search, laws: list[Affine]) -> list[Affine]:
    """Laws without those that are tangents of a crossover.

    A law is one if most of its runs lie where two other laws are both within `e^3` of the runs,
    and its slope is a mixture of the other slopes: the slope of a smooth crossover always is.

    Parameters
    ----------
    search : Search
    laws : list of Affine

    Returns
    -------
    list of Affine
    """
    kept = list(laws)
    while len(kept) > 2:
        values = np.stack([law(search.z) for law in kept], axis=1)
        misses = np.abs(search.y[:, None] - values)
        owner = misses.argmin(axis=1)
        own = [(owner == k) & (misses[:, k] <= search.accepted) for k in range(len(kept))]
        for k in sorted(range(len(kept)), key=lambda k: int(own[k].sum())):
            others = [j for j in range(len(kept)) if j != k]
            if _in_crossover(misses[own[k]][:, others]) and _is_mixture(
                kept[k].slope, np.array([kept[j].slope for j in others])
            ):
                del kept[k]
                break
        else:
            return kept
    return kept


def _in_crossover(misses: Array) -> bool:
    if not len(misses):
        return True
    return bool(np.mean(np.sort(misses, axis=1)[:, 1] < _REACH) >= _MAJORITY)


def _is_mixture(slope: Array, others: Array) -> bool:
    """Whether a slope is close to the convex hull of others, against their spread."""
    spread = float(np.linalg.norm(others - others.mean(axis=0), axis=1).max())
    if spread == 0.0:
        return False
    heavy = 1e3
    table = np.vstack([others.T / spread, heavy * np.ones(len(others))])
    _, distance = nnls(table, np.append(slope / spread, heavy))
    return bool(distance < _BETWEEN)
