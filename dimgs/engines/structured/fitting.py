"""Free constants of a tree: fitted in double precision, then made simple numbers."""

from dataclasses import dataclass

import numpy as np

from dimgs.arrays import Array
from dimgs.engines.selection import constants_bits, data_bits
from dimgs.engines.structured.description import law_bits
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    Compiled,
    Number,
    Tree,
    compiled,
    nodes,
    parameters,
    rebuild,
    with_parameters,
)
from dimgs.rationals import numbers_near

# values beyond have no squares and no slopes in double precision
_BAD = 1e300
# relative gain at which a fit ends: far below what any comparison of laws sees
_ENOUGH = 1e-9
# steps of a fit; bits of the runs above those of the best law at which one ends that gains less
# than this share: nearer, and laws are lost whose first constants are far off
_STEPS, _FAR, _SLOW = 30, 100.0, 0.03


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


def residuals_of(tree: Tree, runs: Runs) -> tuple[Array, Array | None] | None:
    """Scaled residuals and their gradient, None where the tree is not real in some run."""
    with np.errstate(all="ignore"):
        return _residuals(compiled(tree, runs), parameters(tree), runs)


def _residuals(law: Compiled, theta: Array, runs: Runs) -> tuple[Array, Array | None] | None:
    value, slope = law(theta)
    largest = float(np.abs(value).max())
    if not largest < _BAD:
        return None
    if runs.positive and not value.min() > 0:
        return None
    if runs.relative:
        e = runs.root * np.log(value / runs.y)
        scale = runs.root / value
    else:
        e = runs.root * (value - runs.y)
        scale = runs.root
    if not len(theta):
        return e, None
    jacobian = (slope * scale).T
    return (e, jacobian) if np.all(np.isfinite(jacobian)) else None


def polish(tree: Tree, runs: Runs, least: float = np.inf) -> FittedTree | None:
    """Refit the free constants and score the result; None where it is not real.

    Parameters
    ----------
    tree : Tree
    runs : Runs
    least : float
        Loss of the best fit known: what stays far above it is not fitted to the end.
    """
    with np.errstate(all="ignore"):
        law, theta = compiled(tree, runs), parameters(tree)
        current = _residuals(law, theta, runs)
        if current is None:
            return None
        e, jacobian = current
        loss = float(e @ e)
        damping, far = 1e-4, runs.n_runs * least * 4.0 ** (_FAR / runs.n_runs)
        for _ in range(_STEPS if jacobian is not None else 0):
            assert jacobian is not None
            scale = np.sqrt((jacobian**2).sum(axis=0)) + 1e-300
            step, moved, gain = _step(jacobian / scale, e, damping)
            if gain < _ENOUGH * loss:
                break
            trial = theta - step / scale
            new = _residuals(law, trial, runs)
            new_loss = np.inf if new is None else float(new[0] @ new[0])
            if new is None or not new_loss < loss:
                if damping > 1e6 or moved < 1e-15 * max(1.0, float(np.abs(theta).max())):
                    break
                damping = max(damping * 10, 1e-8)
                continue
            done = loss - new_loss < _ENOUGH * loss and damping <= 1e-6
            done |= new_loss > far and loss - new_loss < _SLOW * loss
            theta, loss, (e, jacobian) = trial, new_loss, new
            damping *= 0.1
            if done or loss == 0:
                break
        if len(theta):
            tree = with_parameters(tree, theta)
        return scored(tree, runs, law(theta)[0], e, jacobian)


def _step(scaled: Array, e: Array, damping: float) -> tuple[Array, float, float]:
    """The step, its largest part, and the squares that it takes away if the law is linear."""
    p = scaled.shape[1]
    stacked = np.vstack([scaled, np.sqrt(damping) * np.eye(p)])
    right = np.concatenate([e, np.zeros(p)])
    step = np.linalg.lstsq(stacked, right, rcond=1e-15)[0]
    moved = scaled @ step
    return step, float(np.abs(step).max()), float(moved @ moved)


def scored(tree: Tree, runs: Runs, value: Array, e: Array, jacobian: Array | None) -> FittedTree:
    """Length of description of a fitted tree with these values."""
    n = runs.n_runs
    free = 0 if jacobian is None else jacobian.shape[1]
    structure = law_bits(tree, runs) + constants_bits(free, n)
    data = data_bits(value, runs.y, runs.weights, runs.unit)
    return FittedTree(tree, float(np.mean(e**2)), data + structure, structure)


def simplified(fitted: FittedTree, runs: Runs) -> FittedTree:
    """Replace constants by simple numbers, the surest first, while the bits do not grow."""
    for _ in range(8):
        found = residuals_of(fitted.tree, runs)
        if found is None:
            return fitted
        e, jacobian = found
        if jacobian is None:
            return fitted
        values = parameters(fitted.tree)
        scale = np.sqrt((jacobian**2).sum(axis=0)) + 1e-300
        inverse = np.linalg.pinv((jacobian / scale).T @ (jacobian / scale), hermitian=True)
        variance = max(float(e @ e) / max(len(e) - len(values), 1), 1e-24)
        errors = np.sqrt(np.diag(inverse) * variance) / scale
        better = None
        for i in np.argsort(errors / (np.abs(values) + 1e-300), kind="stable"):
            better = _simpler(fitted, runs, int(i), float(values[i]), float(errors[i]))
            if better is not None:
                break
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
        free[i] = Number(number, text)
        trial = polish(rebuild(fitted.tree, iter(free)), runs)
        if trial is not None and trial.bits <= fitted.bits:
            return trial
    return None
