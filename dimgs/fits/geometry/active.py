"""Active directions: the monomials along which the response changes, and how many there are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array, BoolArray, IntArray
from dimgs.design.whitening import whiten
from dimgs.errors import InputError
from dimgs.fits.covariance import t_intervals
from dimgs.fits.geometry.log_gradient import GradientField
from dimgs.fits.geometry.principal_axes import checked_map, checked_rows


@dataclass(frozen=True, eq=False)
class ActiveDirections:
    """Eigenvectors of the mean outer product of the gradients, in whitened log groups.

    Attributes
    ----------
    eigenvalues : ndarray of shape (n_axes,)
        Mean squared change of log f per standard deviation of each monomial, decreasing; free
        of the part that the error of the gradients adds, so small ones may be negative.
    eigenvalue_intervals : ndarray of shape (n_axes, 2)
    shares : ndarray of shape (n_axes,)
        Of the sum of the positive eigenvalues.
    share_intervals : ndarray of shape (n_axes, 2)
    directions : ndarray of shape (n_features, n_axes)
        Exponents of each monomial on the columns of X; its logarithm has unit variance.
    covariances : ndarray of shape (n_axes, n_features, n_features)
        Of each direction, by leaving out runs or groups.
    physical_exponents : ndarray of shape (n_variables, n_axes)
    replicate_eigenvalues : ndarray of shape (n_blocks, n_axes)
        With each block of runs left out.
    dof : int
        Degrees of freedom of the intervals: blocks less one.
    level : float
    """

    eigenvalues: Array
    eigenvalue_intervals: Array
    shares: Array
    share_intervals: Array
    directions: Array
    covariances: Array
    physical_exponents: Array
    replicate_eigenvalues: Array
    dof: int
    level: float


@dataclass(frozen=True)
class EffectiveDimension:
    """How many monomials the response depends on.

    Attributes
    ----------
    participation : float
        (sum of eigenvalues)² / sum of squared eigenvalues.
    low, high : float
        Its interval, by leaving out runs or groups.
    above_noise : int
        Eigenvalues whose interval lies above zero.
    """

    participation: float
    low: float
    high: float
    above_noise: int


def active_directions(
    gradients: GradientField | ArrayLike,
    X: ArrayLike,
    *,
    exponent_map: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    level: float = 0.9,
) -> ActiveDirections:
    """Eigen-decomposition of E[grad grad'] over the runs, by decreasing eigenvalue.

    Parameters
    ----------
    gradients : GradientField or array-like of shape (n_runs, n_features)
        A bare array is taken as exact: then the intervals count only which runs there are.
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups at which the gradients were taken.
    exponent_map : array-like of shape (n_variables, n_features), optional
        Physical exponents of each group.
    groups : array-like of shape (n_runs,), optional
        Clusters of runs to leave out together, for a bare array.
    level : float, default=0.9

    References
    ----------
    Constantine (2015), Active Subspaces, SIAM, § 3.1.
    Constantine, del Rosario & Iaccarino (2017), arXiv:1708.04303 (log groups).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> from dimgs.fits.geometry import gradient_field
    >>> field = gradient_field(X, np.tanh(X @ [1.0, -2.0]))
    >>> active = active_directions(field, X)
    >>> bool(active.shares[0] > 0.9)
    True
    """
    rows = checked_rows(X, least=3)
    whitening, _ = whiten(rows, np.ones(len(rows)))
    if whitening.rank == 0:
        raise InputError("no group varies over the runs, so there is no active direction")
    powers = checked_map(exponent_map, rows.shape[1])
    covariance = np.cov(rows.T, bias=True).reshape(rows.shape[1], rows.shape[1])
    to_slopes = covariance @ whitening.transform
    field, copies, blocks = _replicates(gradients, rows, groups, to_slopes)
    n_blocks = int(blocks.max()) + 1
    if n_blocks < 2:
        raise InputError("groups holds one label only; give at least two groups, or none")
    kept = np.array([blocks != b for b in range(n_blocks)])
    moments = np.stack(
        [
            (copy := copies[min(b, len(copies) - 1)][keep]).T @ copy / len(copy)
            for b, keep in enumerate(kept)
        ]
    )
    noise = _noise(field, copies, kept)
    values, vectors = _eigen(field.T @ field / len(field) - noise)
    vectors = vectors * np.where(field.mean(axis=0) @ vectors < 0, -1.0, 1.0)
    found = [_matched(moment - noise, vectors) for moment in moments]
    replicate_values = np.stack([pair[0] for pair in found])
    changes = np.stack([pair[1] for pair in found]) - vectors
    factor = (n_blocks - 1) / n_blocks
    directions = whitening.transform @ vectors
    moved = np.einsum("fr,brk->bkf", whitening.transform, changes)
    return ActiveDirections(
        eigenvalues=values,
        eigenvalue_intervals=_interval(values, replicate_values, factor, level),
        shares=_shares(values),
        share_intervals=np.clip(
            _interval(_shares(values), _shares(replicate_values), factor, level), 0.0, 1.0
        ),
        directions=directions,
        covariances=factor * np.einsum("bkf,bkg->kfg", moved, moved),
        physical_exponents=powers @ directions,
        replicate_eigenvalues=replicate_values,
        dof=n_blocks - 1,
        level=level,
    )


def _replicates(
    gradients: GradientField | ArrayLike, rows: Array, groups: ArrayLike | None, to_slopes: Array
) -> tuple[Array, Array, IntArray]:
    """Gradients by whitened groups, those without each block of runs, and the blocks."""
    if isinstance(gradients, GradientField):
        copies = gradients.replicates @ to_slopes
        return gradients.gradients @ to_slopes, copies, gradients.blocks
    field = np.asarray(gradients, dtype=np.float64)
    if field.shape != rows.shape:
        raise InputError(
            f"gradients has shape {field.shape}, but X has {rows.shape}; give one row a run"
        )
    field = field @ to_slopes
    labels = np.arange(len(rows)) if groups is None else np.asarray(groups)
    blocks = np.unique(labels, return_inverse=True)[1].ravel()
    return field, np.broadcast_to(field, (1, *field.shape)), blocks


def effective_dimension(active: ActiveDirections) -> EffectiveDimension:
    """Participation ratio of the eigenvalues, and how many stand above their noise.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> from dimgs.fits.geometry import gradient_field
    >>> field = gradient_field(X, X @ [1.0, -2.0, 0.5])
    >>> dimension = effective_dimension(active_directions(field, X))
    >>> round(dimension.participation, 6), dimension.above_noise
    (1.0, 1)
    """
    values, copies = active.eigenvalues, active.replicate_eigenvalues
    ratio = _participation(values)
    factor = active.dof / (active.dof + 1)
    low, high = np.clip(
        _interval(ratio, _participation(copies), factor, active.level), 1.0, len(values)
    )
    floor = 1e-10 * max(float(values.max()), 0.0)
    return EffectiveDimension(
        participation=float(ratio),
        low=float(low),
        high=float(high),
        above_noise=int(np.sum(active.eigenvalue_intervals[:, 0] > floor)),
    )


def _noise(field: Array, copies: Array, kept: BoolArray) -> Array:
    """What the error of the gradients adds to their mean outer product, by the jackknife."""
    if len(copies) == 1:
        return np.zeros((field.shape[1], field.shape[1]))
    off = (copies - field) * kept[:, :, None]
    factor = (len(copies) - 1) / len(copies)
    return np.asarray(factor * np.einsum("bmi,bmj->ij", off, off) / len(field))


def _eigen(moment: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(moment)
    return values[::-1], vectors[:, ::-1]


def _matched(moment: Array, reference: Array) -> tuple[Array, Array]:
    """Eigenpairs in order, with the signs of the reference."""
    values, vectors = _eigen(moment)
    sign = np.where(np.einsum("rk,rk->k", vectors, reference) < 0, -1.0, 1.0)
    return values, vectors * sign


def _shares(values: Array) -> Array:
    positive = np.maximum(values, 0.0)
    return np.asarray(positive / np.maximum(positive.sum(axis=-1, keepdims=True), 1e-300))


def _participation(values: Array) -> Array:
    positive = np.maximum(values, 0.0)
    squares = np.maximum((positive**2).sum(axis=-1), 1e-300)
    return np.asarray(positive.sum(axis=-1) ** 2 / squares)


def _interval(value: Array, copies: Array, factor: float, level: float) -> Array:
    variance = factor * ((copies - value) ** 2).sum(axis=0)
    return t_intervals(value, variance, len(copies) - 1, level)
