"""How the errors of the response grow with it, from what a law leaves."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.choice import leftover
from dimgs.engines.structured.runs import (
    ADDITIVE_FLOOR,
    FLOOR,
    RELATIVE_FLOOR,
    Errors,
    Measured,
    Runs,
)
from dimgs.engines.structured.surrogate import surrogate

Array = NDArray[np.float64]
_SURE = 4.0
_HALF_EXPLAINED = 0.5
_FEWEST = 20
_MOVED, _NORMAL_MEDIAN = 0.2, 0.6745


def started(runs: Runs) -> Runs:
    """The runs with errors of one size, where a smooth surrogate shows them to be so."""
    found: list[tuple[float, int, Runs]] = []
    for of in _measured(runs):
        expected = surrogate(runs, runs.scale_of(of))
        if expected is not None:
            again = judged(runs, expected)
            if again is not runs and again.errors.of == of and again.errors.noise:
                found.append((_likelihood(again, expected), len(found), again))
    return max(found, key=lambda f: f[:2])[2] if found else runs


def judged(runs: Runs, expected: Array, *, settled: bool = False) -> Runs:
    """The runs with the errors under which the residuals are likeliest; the same ones if unclear.

    Residuals are contrasted with those of the nearest neighbour, so that what the law misses
    counts little; where it misses most of what there is to see, nothing is concluded. Errors of one
    size make the logarithms of small responses useless: those are taken around what is expected.

    Parameters
    ----------
    runs : Runs
    expected : ndarray of shape (n_runs,)
        Response by a law.
    settled : bool
        Whether runs with the same errors are given where only what is expected has moved.

    References
    ----------
    R. J. Carroll, D. Ruppert, Transformation and Weighting in Regression (1988), chapter 3.
    """
    left = expected - runs.y
    if runs.n_runs < _FEWEST or not np.all(np.isfinite(left)) or not np.any(left):
        return runs
    if leftover(runs.places, left / runs.size_at(expected)) > _HALF_EXPLAINED:
        return runs
    present = replace(runs.errors, noise=0.0)
    found = {kind: _likelihood(runs.with_errors(kind), expected) for kind in _kinds(runs)}
    errors = max(found, key=lambda kind: found[kind])
    if found[errors] <= found.get(present, -np.inf) + _SURE:
        errors = present
    if errors.floor == ADDITIVE_FLOOR:
        contrast = left / runs.scale_of(errors.of)
        contrast = np.abs(contrast - contrast[runs.neighbours])
        errors = replace(errors, noise=float(np.median(contrast)) / (_NORMAL_MEDIAN * np.sqrt(2)))
    again = runs.with_errors(errors, expected)
    if replace(errors, noise=0.0) != present:
        return again
    return again if settled and _moved(again, runs) > _MOVED else runs


def _moved(again: Runs, runs: Runs) -> float:
    """How far what is expected of doubtful responses has moved, rms of all runs, in errors."""
    if not again.errors.noise:
        return 0.0
    change = (again.anchor - runs.anchor) / again.scale_of(again.errors.of)
    return float(np.sqrt(np.mean(change**2))) / again.errors.noise


def _kinds(runs: Runs) -> list[Errors]:
    """Errors that are tried: relative ones, mixed ones, and those of one size."""
    out = [Errors(RELATIVE_FLOOR)] if runs.positive else []
    for of in _measured(runs):
        out += [Errors(floor, of) for floor in (FLOOR, ADDITIVE_FLOOR)]
    return out


def _measured(runs: Runs) -> tuple[Measured, ...]:
    return ("group",) if runs.unit is None else ("target", "group")


def _likelihood(runs: Runs, expected: Array) -> float:
    """Logarithm of the likelihood of the contrasts, their scale at its best value."""
    near, left = runs.neighbours, np.sqrt(runs.weights) * (expected - runs.y)
    contrast = left - left[near]
    size = runs.size_at(expected) ** 2
    variance = size + size[near]
    scale = float(np.mean(contrast**2 / variance))
    return -0.5 * float(np.log(variance * scale).sum()) if scale > 0 else -np.inf
