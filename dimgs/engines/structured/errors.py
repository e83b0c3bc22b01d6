"""Error model of the response during a search, from the best law so far."""

from dataclasses import replace

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.selection import predictable_share
from dimgs.engines.structured.runs import Runs, relative_floor
from dimgs.fits.noise import (
    ADDITIVE_FLOOR,
    FLOOR,
    ErrorModel,
    Measured,
    likeliest,
    profile_log_likelihood,
)

# of residuals by the groups: a law that misses more says nothing of the errors
_HALF_EXPLAINED = 0.5
# with fewer runs a third of them is not a sample of the errors
_FEWEST = 20
# of an error, rms: what is expected of doubtful responses may move by that before weights follow
_MOVED = 0.2
# median of the modulus of a standard normal variable
_NORMAL_MEDIAN = 0.6745


def choose_errors(runs: Runs, expected: Array, *, settled: bool = False) -> Runs:
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
    residuals = expected - runs.y
    if runs.n_runs < _FEWEST or not np.all(np.isfinite(residuals)) or not np.any(residuals):
        return runs
    if predictable_share(runs.places, residuals / runs.size_at(expected)) > _HALF_EXPLAINED:
        return runs
    present = replace(runs.errors, noise=0.0)
    likelihoods = {kind: _likelihood(runs.with_errors(kind), expected) for kind in _kinds(runs)}
    errors = likeliest(likelihoods, present)
    if errors.floor == ADDITIVE_FLOOR:
        contrast = residuals / runs.scale_of(errors.of)
        contrast = np.abs(contrast - contrast[runs.neighbours])
        errors = replace(errors, noise=float(np.median(contrast)) / (_NORMAL_MEDIAN * np.sqrt(2)))
    again = runs.with_errors(errors, expected)
    if replace(errors, noise=0.0) != present:
        return again
    return again if settled and _moved(again, runs) > _MOVED else runs


def _moved(again: Runs, runs: Runs) -> float:
    """Change of the expected doubtful responses, rms over all runs, in standard errors."""
    if not again.errors.noise:
        return 0.0
    change = (again.anchor - runs.anchor) / again.scale_of(again.errors.of)
    return float(np.sqrt(np.mean(change**2))) / again.errors.noise


def _kinds(runs: Runs) -> list[ErrorModel]:
    """Errors that are tried: relative ones, mixed ones, and those of one size."""
    scale = runs.scale_of(runs.errors.of)
    out = [ErrorModel(relative_floor(runs.y / scale))] if runs.positive else []
    for of in _measured(runs):
        out += [ErrorModel(floor, of) for floor in (FLOOR, ADDITIVE_FLOOR)]
    return out


def _measured(runs: Runs) -> tuple[Measured, ...]:
    return ("group",) if runs.unit is None else ("target", "group")


def _likelihood(runs: Runs, expected: Array) -> float:
    """Logarithm of the likelihood of the contrasts, their scale at its best value."""
    near, residuals = runs.neighbours, np.sqrt(runs.weights) * (expected - runs.y)
    contrast = residuals - residuals[near]
    if not np.any(contrast):
        return -np.inf
    size = runs.size_at(expected) ** 2
    return profile_log_likelihood(contrast, np.sqrt(size + size[near]))
