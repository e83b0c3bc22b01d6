"""Inputs that matter: backward elimination in a polynomial of second degree of the groups.

The span of the logarithms of the groups without an input does not depend on their basis, and
neither does the polynomial. An input goes where the others explain the response as well, by an F
test against the polynomial of all groups.
"""

import numpy as np
from scipy.special import fdtrc

from dimgs.common.arrays import Array, BoolArray
from dimgs.engines.structured.runs import Runs

# chance that an input that plays no part stays: of 84 laws of other fields (100 runs, 1 %) none
# loses an input that it needs, and of three further ones all go in 69; at 0.01 two lose one
_LEVEL = 0.05
# share of the runs that the polynomial may have as terms, as the rest judges it; and share of the
# variance that it may leave: of what it misses, such as a wave, it cannot say what matters
_TERMS, _LEFT = 0.5, 0.2
# singular values of directions and columns below which rounding decides
_RANK = 1e-9


def inputs_that_matter(runs: Runs) -> BoolArray:
    """Mask of the physical variables that the response depends on, those of pi_0 among them.

    Parameters
    ----------
    runs : Runs
    """
    used, width = np.ones(len(runs.shape), dtype=bool), runs.n_groups
    if not width or (width + 1) * (width + 2) / 2 > _TERMS * runs.n_runs:
        return used
    y = np.log(runs.y) if runs.positive else runs.y / runs.size
    left, terms = _left_by_polynomial(runs, used, y)
    variance, dof = float(np.sum((y - y.mean()) ** 2)), runs.n_runs - terms
    if left > _LEFT * variance or not variance:
        return used
    noise = (left + _RANK**2 * variance) / dof
    others = np.flatnonzero(np.abs(runs.shift) < _RANK).tolist()
    free = [k for k in others if k not in runs.must_use]
    while free:
        chances = []
        for k in free:
            without = used & (np.arange(len(used)) != k)
            more, fewer = _left_by_polynomial(runs, without, y)
            restrictions = max(terms - fewer, 1)
            chances.append(
                float(fdtrc(restrictions, dof, max(more - left, 0.0) / restrictions / noise))
            )
        best = int(np.argmax(chances))
        if chances[best] < _LEVEL:
            break
        used[free.pop(best)] = False
    return used


def _left_by_polynomial(runs: Runs, used: BoolArray, y: Array) -> tuple[float, int]:
    """Sum of squares that a polynomial of the groups of some variables leaves, and its terms."""
    _, size, directions = np.linalg.svd(runs.shape[~used])
    Z = np.where(runs.logged, runs.logs, runs.values) @ directions[int(np.sum(size > _RANK)) :].T
    Z = (Z - Z.mean(axis=0)) / np.where(Z.std(axis=0) > 0, Z.std(axis=0), 1.0)
    first, second = np.triu_indices(Z.shape[1])
    terms = np.column_stack([np.ones(len(y)), Z, Z[:, first] * Z[:, second]])
    base, size, _ = np.linalg.svd(terms, full_matrices=False)
    base = base[:, size > _RANK * size[0]]
    return float(np.sum((y - base @ (base.T @ y)) ** 2)), base.shape[1]
