"""How the errors of the response grow with it, from what the best law so far leaves."""

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.choice import leftover
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.runs import ADDITIVE_FLOOR, FLOOR, RELATIVE_FLOOR, Runs
from dimgs.engines.structured.trees import evaluate

Array = NDArray[np.float64]
_SURE = 4.0
_HALF_EXPLAINED = 0.5
_FEWEST = 20


def noise_floor(archive: Archive) -> float:
    """Floor of the errors under which the residuals are likeliest; the present one if unclear.

    Residuals are contrasted with those of the nearest neighbour, so that what the law misses
    counts little; where it misses most of what there is to see, nothing is concluded.

    References
    ----------
    R. J. Carroll, D. Ruppert, Transformation and Weighting in Regression (1988), chapter 3.
    """
    runs, best = archive.runs, archive.best
    if best is None or archive.exact or runs.n_runs < _FEWEST:
        return runs.floor
    left = evaluate(best.tree, runs)[0] - runs.y
    if not np.all(np.isfinite(left)) or not np.any(left):
        return runs.floor
    if leftover(runs.places, left / runs.size) > _HALF_EXPLAINED:
        return runs.floor
    floors = (RELATIVE_FLOOR, FLOOR, ADDITIVE_FLOOR) if runs.positive else (FLOOR, ADDITIVE_FLOOR)
    found = {floor: _likelihood(runs, left, floor) for floor in floors}
    likeliest = max(floors, key=lambda floor: found[floor])
    present = found.get(runs.floor, -np.inf)
    return likeliest if found[likeliest] > present + _SURE else runs.floor


def _likelihood(runs: Runs, left: Array, floor: float) -> float:
    """Logarithm of the likelihood of the contrasts, their scale at its best value."""
    near, weights = runs.neighbours, np.sqrt(runs.weights)
    contrast = weights * left - (weights * left)[near]
    size = runs.with_floor(floor).size ** 2
    variance = size + size[near]
    scale = float(np.mean(contrast**2 / variance))
    return -0.5 * float(np.log(variance * scale).sum()) if scale > 0 else -np.inf
