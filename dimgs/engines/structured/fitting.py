"""Free constants of a tree: fitted in double precision, then made simple numbers."""

from dataclasses import dataclass

import numpy as np

from dimgs.common.arrays import Array, least_squares, unscaled_covariance
from dimgs.engines.selection import constants_bits
from dimgs.engines.structured.description import law_bits
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    ONE,
    Compiled,
    Number,
    Tree,
    compiled,
    nodes,
    other_scales,
    parameters,
    rebuild,
    with_parameters,
)
from dimgs.fits.noise import data_bits
from dimgs.fits.nonlinear_least_squares import minimise_squares
from dimgs.groups.rationals import numbers_near

# values beyond have no squares and no slopes in double precision
_BAD = 1e300
# relative gain at which a fit ends: far below what any comparison of laws sees
_ENOUGH = 1e-9
# bits of the runs above those of the best law at which a fit ends that gains little in a step:
# nearer, and laws are lost whose first constants are far off
_FAR = 100.0
# squares that are rounding
_LEAST = 1e-24


@dataclass(frozen=True, slots=True)
class FittedTree:
    """A tree with fitted constants and its score.

    Parameters
    ----------
    tree : Tree
    loss : float
        Weighted mean square of the residuals: relative ones (of the logarithm) for a positive
        response, in units of its floored modulus otherwise.
    bits : float
        Length of description, see `dimgs.engines.selection`.
    structure : float
        Its part for the structure and the constants.
    """

    tree: Tree
    loss: float
    bits: float
    structure: float


def residuals_of(tree: Tree, runs: Runs) -> tuple[Array, Array] | None:
    """Scaled residuals and the slopes of the law, None where it is not real in some run."""
    with np.errstate(all="ignore"):
        return _residuals(compiled(tree, runs), parameters(tree), runs)


def _residuals(law: Compiled, theta: Array, runs: Runs) -> tuple[Array, Array] | None:
    value, slope = law(theta)
    largest = float(np.abs(value).max())
    if not largest < _BAD:
        return None
    if runs.positive and not value.min() > 0:
        return None
    if runs.relative:
        e = runs.root * np.log(runs.y / value)
        scale = runs.root / value
    else:
        e = runs.root * (runs.y - value)
        scale = runs.root
    slopes = (slope * scale).T
    return (e, slopes) if np.all(np.isfinite(slopes)) else None


def polish(tree: Tree, runs: Runs, least: float = np.inf) -> FittedTree | None:
    """Refit the free constants and score the result; None where it is not real.

    Parameters
    ----------
    tree : Tree
    runs : Runs
    least : float
        Loss of the best fit known: what stays far above it is not fitted to the end.
    """
    law, theta = compiled(tree, runs), parameters(tree)
    missing = np.full(runs.n_runs, np.nan), np.full((runs.n_runs, len(theta)), np.nan)

    def model(constants: Array) -> tuple[Array, Array]:
        return _residuals(law, constants, runs) or missing

    far = runs.n_runs * least * 4.0 ** (_FAR / runs.n_runs)
    with np.errstate(all="ignore"):
        solution = minimise_squares(model, theta, enough=_ENOUGH, hopeless=far)
        if not np.isfinite(solution.squares):
            return None
        if len(theta):
            tree = with_parameters(tree, solution.parameters)
        data = data_bits(law(solution.parameters)[0], runs.y, runs.weights, runs.unit)
        structure = law_bits(tree, runs) + constants_bits(len(theta), runs.n_runs)
        loss = float(np.mean(solution.residuals**2))
        return FittedTree(tree, loss, data + structure, structure)


@np.errstate(all="ignore")
def bits_gained(tree: Tree, runs: Runs) -> float:
    """Bits of the runs that one step of least squares gains from the present constants.

    References
    ----------
    C. R. Rao, Proc. Cambridge Phil. Soc. 44 (1948) 50-57 (the score test).
    """
    linearised = residuals_of(tree, runs)
    if linearised is None:
        return 0.0
    e, slopes = linearised
    left = e - slopes @ least_squares(slopes, e)
    return 0.5 * runs.n_runs * float(np.log2((e @ e + _LEAST) / (left @ left + _LEAST)))


def simplify_numbers(fitted: FittedTree, runs: Runs) -> FittedTree:
    """Replace constants by simple numbers, the surest first, while the bits do not grow.

    Of a power of a sum any term may have the simple number: c (1 + d u)^p is (a + b u)^p.
    """
    ways = (fitted, *(polish(tree, runs) for tree in other_scales(fitted.tree)))
    return min((_simplified(way, runs) for way in ways if way is not None), key=lambda f: f.bits)


def _simplified(fitted: FittedTree, runs: Runs) -> FittedTree:
    for _ in range(8):
        linearised = residuals_of(fitted.tree, runs)
        if linearised is None:
            return fitted
        e, jacobian = linearised
        values = parameters(fitted.tree)
        if not len(values):
            return fitted
        variance = max(float(e @ e) / max(len(e) - len(values), 1), 1e-24)
        errors = np.sqrt(unscaled_covariance(jacobian).diagonal() * variance)
        order = np.argsort(errors / (np.abs(values) + 1e-300), kind="stable").tolist()
        simpler = (_simpler(fitted, runs, i, float(values[i]), float(errors[i])) for i in order)
        better = next(filter(None, simpler), None)
        if better is None:
            return fitted
        fitted = better
    return fitted


def _simpler(
    fitted: FittedTree, runs: Runs, i: int, value: float, error: float
) -> FittedTree | None:
    window = max(3 * error, 1e-10 * abs(value))
    if window > 0.2 * abs(value):
        return None
    for text, number in numbers_near(value, window):
        free = [n for n in nodes(fitted.tree) if isinstance(n, Number) and n.free]
        free[i] = ONE if number == 1 else Number(number, text)
        trial = polish(rebuild(fitted.tree, iter(free)), runs)
        if trial is not None and trial.bits <= fitted.bits:
            return trial
    return None
