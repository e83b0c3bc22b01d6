"""How the errors of the response grow with it, from what the best law so far leaves."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.choice import leftover
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.runs import (
    ADDITIVE_FLOOR,
    FLOOR,
    RELATIVE_FLOOR,
    Errors,
    Measured,
    Runs,
)
from dimgs.engines.structured.trees import evaluate

Array = NDArray[np.float64]
_SURE = 4.0
_HALF_EXPLAINED = 0.5
_FEWEST = 20
_ERRORS, _MOST_BLIND, _NORMAL_MEDIAN = 2.0, 0.4, 0.6745


def judged(archive: Archive) -> Runs:
    """The runs with the errors under which the residuals are likeliest; the same ones if unclear.

    Residuals are contrasted with those of the nearest neighbour, so that what the law misses
    counts little; where it misses most of what there is to see, nothing is concluded.

    References
    ----------
    R. J. Carroll, D. Ruppert, Transformation and Weighting in Regression (1988), chapter 3.
    """
    runs, best = archive.runs, archive.best
    if best is None or archive.exact or runs.n_runs < _FEWEST:
        return runs
    left = evaluate(best.tree, runs)[0] - runs.y
    if not np.all(np.isfinite(left)) or not np.any(left):
        return runs
    if leftover(runs.places, left / runs.size) > _HALF_EXPLAINED:
        return runs
    present = replace(runs.errors, blind=0.0)
    found = {kind: _likelihood(runs.with_errors(kind), left) for kind in _kinds(runs)}
    errors = max(found, key=lambda kind: found[kind])
    if found[errors] <= found.get(present, -np.inf) + _SURE:
        errors = present
    if errors.floor == ADDITIVE_FLOOR:
        scale = runs.scale_of(errors.of)
        contrast = np.abs(left / scale - (left / scale)[runs.neighbours])
        error = float(np.median(contrast)) / (_NORMAL_MEDIAN * np.sqrt(2))
        most = float(np.quantile(np.abs(runs.y / scale), _MOST_BLIND))
        errors = replace(errors, blind=min(_ERRORS * error, most))
    same = replace(errors, blind=0.0) == present
    if same and errors.blind > 0.5 * runs.errors.blind:
        return runs
    return runs.with_errors(errors)


def _kinds(runs: Runs) -> list[Errors]:
    """Errors that are tried: relative ones, mixed ones, and those of one size."""
    out = [Errors(RELATIVE_FLOOR)] if runs.positive else []
    kinds: tuple[Measured, ...] = ("group",) if runs.unit is None else ("target", "group")
    for of in kinds:
        out += [Errors(floor, of) for floor in (FLOOR, ADDITIVE_FLOOR)]
    return out


def _likelihood(runs: Runs, left: Array) -> float:
    """Logarithm of the likelihood of the contrasts, their scale at its best value."""
    near, weights = runs.neighbours, np.sqrt(runs.weights)
    contrast = weights * left - (weights * left)[near]
    size = runs.size**2
    variance = size + size[near]
    scale = float(np.mean(contrast**2 / variance))
    return -0.5 * float(np.log(variance * scale).sum()) if scale > 0 else -np.inf
