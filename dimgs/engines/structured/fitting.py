"""Levenberg-Marquardt for the free constants of a tree, in double precision."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.choice import constants_bits, data_bits, deleted_residuals
from dimgs.engines.structured.describe import structure_bits
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Tree, evaluate, parameters, with_parameters

Array = NDArray[np.float64]
_BAD = 1e300


@dataclass(frozen=True, slots=True)
class Fitted:
    """A tree with fitted constants and its score.

    Parameters
    ----------
    tree : Tree
    loss : float
        Weighted mean square of the residuals: relative ones (of the logarithm) for a positive
        response, in units of its floored modulus otherwise.
    bits : float
        Length of description, see `dimgs.engines.choice`.
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
        value, slope = evaluate(tree, runs, gradient=True)
        if not np.all(np.isfinite(value)) or np.any(np.abs(value) > _BAD):
            return None
        if runs.positive:
            if not np.all(value > 0):
                return None
            root = np.sqrt(runs.weights) * runs.y / runs.size
            e = root * np.log(value / runs.y)
            jacobian = None if slope is None else (slope * (root / value)).T
        else:
            root = np.sqrt(runs.weights) / runs.size
            e = root * (value - runs.y)
            jacobian = None if slope is None else (slope * root).T
    if jacobian is not None and not np.all(np.isfinite(jacobian)):
        return None
    return e, jacobian


def polish(tree: Tree, runs: Runs, iterations: int = 30) -> Fitted | None:
    """Refit the free constants and score the result; None where it is not real."""
    current = residuals_of(tree, runs)
    if current is None:
        return None
    e, jacobian = current
    loss = float(e @ e)
    damping = 1e-4
    for _ in range(iterations if jacobian is not None else 0):
        assert jacobian is not None
        scale = np.sqrt((jacobian**2).sum(axis=0)) + 1e-300
        scaled = jacobian / scale
        step, moved = _step(scaled, e, damping)
        trial = with_parameters(tree, parameters(tree) - step / scale)
        new = residuals_of(trial, runs)
        new_loss = np.inf if new is None else float(new[0] @ new[0])
        if new is None or not new_loss < loss:
            if damping > 1e6 or moved < 1e-15 * max(1.0, float(np.abs(parameters(tree)).max())):
                break
            damping = max(damping * 10, 1e-8)
            continue
        done = loss - new_loss < 1e-9 * loss and damping <= 1e-6
        tree, loss, (e, jacobian) = trial, new_loss, new
        damping *= 0.1
        if done or loss == 0:
            break
    return scored(tree, runs, e, jacobian)


def _step(scaled: Array, e: Array, damping: float) -> tuple[Array, float]:
    p = scaled.shape[1]
    stacked = np.vstack([scaled, np.sqrt(damping) * np.eye(p)])
    right = np.concatenate([e, np.zeros(p)])
    step = np.linalg.lstsq(stacked, right, rcond=1e-15)[0]
    return step, float(np.abs(step).max())


def scored(tree: Tree, runs: Runs, e: Array, jacobian: Array | None) -> Fitted:
    """Length of description of a fitted tree."""
    left_out = deleted_residuals(e, jacobian, runs.split)
    value = evaluate(tree, runs)[0]
    with np.errstate(all="ignore"):
        if runs.positive:
            change = runs.y * np.expm1(np.clip(left_out * runs.size / runs.y, -50, 50))
            change = change / np.sqrt(runs.weights)
        else:
            change = left_out * runs.size / np.sqrt(runs.weights)
    n = runs.n_runs
    free = 0 if jacobian is None else jacobian.shape[1]
    structure = structure_bits(tree, runs) + constants_bits(free, n)
    data = data_bits(value, change, runs.y, runs.weights)
    return Fitted(tree, float(np.mean(e**2)), data + structure, structure)
