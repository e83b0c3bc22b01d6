"""The gradient field of log f over the runs, with replicates that carry its error."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array, BoolArray, IntArray
from dimgs.design.whitening import Whitening, whiten
from dimgs.errors import InputError
from dimgs.fits.geometry.principal_axes import checked_rows


@dataclass(frozen=True, eq=False)
class GradientField:
    """Local exponents at every run, and again with each block of runs left out.

    Attributes
    ----------
    gradients : ndarray of shape (n_runs, n_features)
        d log f / d log pi at each run.
    replicates : ndarray of shape (n_blocks, n_runs, n_features)
        The same, estimated without the runs of each block.
    blocks : ndarray of int of shape (n_runs,)
        Block of each run: the groups, or random blocks of single runs.
    """

    gradients: Array
    replicates: Array
    blocks: IntArray


def gradient_field(
    X: ArrayLike,
    y: ArrayLike,
    *,
    method: Literal["quadratic", "local"] = "quadratic",
    groups: ArrayLike | None = None,
    max_blocks: int = 50,
    random_state: int = 0,
) -> GradientField:
    """Estimate the exponents at each run, independently of the basis of the groups.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups.
    y : array-like of shape (n_runs,)
        Logarithm of the response group.
    method : {"quadratic", "local"}, default="quadratic"
        "quadratic" fits one parabola in whitened coordinates; only its curvature is
        penalised, by leave-one-out error. "local" takes the exponents of `LocalPowerLaw`.
    groups : array-like of shape (n_runs,), optional
        Clusters of runs, left out together.
    max_blocks : int, default=50
        Without groups, single runs are left out up to this number, random blocks beyond.
    random_state : int, default=0
        Draws the blocks.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(30, 2))
    >>> field = gradient_field(X, X @ [1.0, -0.5])
    >>> [round(float(g), 6) for g in field.gradients[0]]
    [1.0, -0.5]
    """
    rows = checked_rows(X, least=3)
    target = np.asarray(y, dtype=np.float64)
    if target.shape != (len(rows),) or not np.isfinite(target).all():
        raise InputError(f"y must hold one finite value for each of the {len(rows)} runs")
    blocks = _blocks(len(rows), groups, max_blocks, random_state)
    n_blocks = int(blocks.max()) + 1
    if n_blocks < 2:
        raise InputError("groups holds one label only; give at least two groups, or none")
    everything = np.ones(len(rows), dtype=bool)
    if method == "quadratic":
        whitening, z = whiten(rows, np.ones(len(rows)))
        penalty = _penalty(z, target)
        fields = [
            _quadratic_gradients(whitening, z, target, kept, penalty)
            for kept in (everything, *(blocks != b for b in range(n_blocks)))
        ]
    elif method == "local":
        fields = [
            _local_gradients(rows, target, kept)
            for kept in (everything, *(blocks != b for b in range(n_blocks)))
        ]
    else:
        raise InputError(f"method {method!r} is unknown; use 'quadratic' or 'local'")
    return GradientField(fields[0], np.stack(fields[1:]), blocks)


def _blocks(n: int, groups: ArrayLike | None, max_blocks: int, random_state: int) -> IntArray:
    if groups is not None:
        return np.unique(np.asarray(groups), return_inverse=True)[1].ravel()
    order = np.random.default_rng(random_state).permutation(n)
    return np.asarray(order % min(n, max_blocks), dtype=np.intp)


def _parabola(z: Array) -> Array:
    """Second-order columns whose sum of squares does not change under rotations of `z`."""
    first, second = np.triu_indices(z.shape[1])
    return z[:, first] * z[:, second] * np.where(first == second, 1.0, np.sqrt(2.0))


def _penalty(z: Array, y: Array) -> float:
    """Ridge penalty of the curvature with the least leave-one-out error."""
    lines = np.linalg.qr(np.column_stack([np.ones(len(z)), z]))[0]
    bend = _parabola(z)
    bend = bend - lines @ (lines.T @ bend)
    left, singular, _ = np.linalg.svd(bend, full_matrices=False)
    rest = y - lines @ (lines.T @ y)
    leverage = np.einsum("ij,ij->i", lines, lines)
    best, chosen = np.inf, 1.0
    for penalty in len(z) * np.geomspace(1e-4, 1e4, 33):
        shrink = singular**2 / (singular**2 + penalty)
        left_out = 1 - leverage - left**2 @ shrink
        error = (rest - left @ (shrink * (left.T @ rest))) / np.maximum(left_out, 1e-9)
        score = float(error @ error)
        if score < best * (1 - 1e-9):
            best, chosen = score, float(penalty)
    return chosen


def _quadratic_gradients(
    whitening: Whitening, z: Array, y: Array, kept: BoolArray, penalty: float
) -> Array:
    lines = np.column_stack([np.ones(len(z)), z])
    bend = _parabola(z)
    table = np.column_stack([lines[kept], bend[kept]])
    ridge = np.hstack([np.zeros((bend.shape[1], lines.shape[1])), np.eye(bend.shape[1])])
    coef = np.linalg.lstsq(
        np.vstack([table, np.sqrt(penalty) * ridge]),
        np.append(y[kept], np.zeros(bend.shape[1])),
        rcond=1e-10,
    )[0]
    first, second = np.triu_indices(z.shape[1])
    hessian = np.zeros((z.shape[1], z.shape[1]))
    hessian[first, second] = coef[lines.shape[1] :] * np.where(first == second, 1.0, np.sqrt(2.0))
    slopes = coef[1 : lines.shape[1]] + z @ (hessian + hessian.T)
    return whitening.exponents(slopes)


def _local_gradients(rows: Array, y: Array, kept: BoolArray) -> Array:
    from dimgs.fits.local import LocalPowerLaw

    model = LocalPowerLaw().fit(rows[kept], y[kept])
    found = np.zeros_like(rows)
    found[kept] = model.exponents_
    return found
