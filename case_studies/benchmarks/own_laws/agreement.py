"""Whether a candidate is the true law: constants refitted on clean runs, then compared.

First it must return other clean runs to 1e-6: sums of four terms approach laws of one group to
1e-4 even at complex points. Then one of two comparisons settles it. At complex points
approximations that are good on the real range fail. At real points far outside the ranges, to
1e-6, laws agree that are equal for positive symbols but whose roots and logarithms of differences
lie on different branches at complex points.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from case_studies.benchmarks.exactness import (
    expression_value,
    group_values,
    monomial,
    refitted,
)
from case_studies.benchmarks.own_laws.law import OwnLaw
from dimgs.expression import Candidate
from dimgs.groups.group import PiBasis

_POINTS, _SHARE = 400, 0.95
_SPREAD, _ANGLE = 6.0, np.pi / 12
_COMPLEX_TOLERANCE, _REAL_TOLERANCE = 1e-3, 1e-6
# fewer usable points than this settle nothing
_FEWEST = 50


def is_true_law(candidate: Candidate, law: OwnLaw, basis: PiBasis, seed: int = 7) -> bool:
    """Whether the candidate, its constants refitted on clean runs, is the law itself.

    Parameters
    ----------
    candidate : Candidate
        pi_0 in the groups of `basis`.
    law : OwnLaw
    basis : PiBasis
    seed : int
        Of the clean runs and of the points.

    Returns
    -------
    bool
        Agreement to 1e-6 on 95 % of clean runs, and either to 1e-3 at 95 % of 400 complex points
        with moduli from a sixth of the lower to six times the upper end of each range and angles
        up to 15 degrees, or to 1e-6 at 95 % of real points with these moduli. Physical constants
        keep their values.
    """
    found = refitted(candidate, law, basis, seed)
    if found is None:
        return False
    expression, constants = found
    rng = np.random.default_rng(seed)
    moduli = {
        name: np.exp(rng.uniform(np.log(low / _SPREAD), np.log(high * _SPREAD), _POINTS))
        for name, (low, high) in law.ranges.items()
    }
    turned = {
        name: values * np.exp(1j * rng.uniform(-_ANGLE, _ANGLE, _POINTS))
        for name, values in moduli.items()
    }

    def share(points: Mapping[str, NDArray[Any]], tolerance: float) -> float:
        known = {name: np.full(_POINTS, value) for name, value in law.known().items()}
        everything: dict[str, NDArray[Any]] = {**points, **known}
        true = law.value(points) * monomial(basis.response, everything, basis)
        # the inputs too, as a law without groups would not know the number of points
        filled: dict[str, NDArray[Any]] = {**everything, **group_values(basis, everything)}
        filled |= {name: np.full(_POINTS, value) for name, value in constants.items()}
        values = expression_value(expression, filled)
        usable = np.isfinite(true) & (np.abs(true) > 1e-250) & (np.abs(true) < 1e250)
        if usable.sum() < _FEWEST:
            return 0.0
        with np.errstate(all="ignore"):
            gap = np.abs(values[usable] - true[usable]) / np.abs(true[usable])
        return float(np.mean(gap <= tolerance))

    clean, _ = law.runs(_POINTS, seed + 1)
    if share({name: clean[name] for name in law.ranges}, _REAL_TOLERANCE) < _SHARE:
        return False
    return share(turned, _COMPLEX_TOLERANCE) >= _SHARE or share(moduli, _REAL_TOLERANCE) >= _SHARE
