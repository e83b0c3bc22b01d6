"""Least squares: of a power law over all pairs in closed form, and of constants by steps.

With moments runs arrive in parts, and none of them is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import FitError
from dimgs.fits.covariance import (
    FULL_LEVERAGE,
    ClusterInfluence,
    Influence,
    IntervalKind,
    RunInfluence,
)
from dimgs.fits.design import Moments, check_finite, checked_arrays, group_means
from dimgs.fits.training_runs import check_clusters, check_pairs, label_codes

# ---- Least squares in standardised, orthonormal coordinates: rank, null and weak directions.


# relative singular values of rows in memory below it are rounding, not data
ROWS_TOLERANCE = 1e-10
# the same of scatter matrices, whose eigenvalues are squares and have lost half of the digits
SCATTER_TOLERANCE = 1e-6
# of the size of a column: a spread below is rounding of its mean
CONSTANT_TOLERANCE = 1e-11
# Condition index from which Belsley, Kuh and Welsch (1980) call columns strongly collinear.
MAX_CONDITION_INDEX = 30.0
# share of a functional in the null directions: well above the rounding of either tolerance
_LEAK = 1e-6
# entries of an echelon form below are rounding: its pivots are 1, and its rows came from floats
_ZERO = 1e-8


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Orthonormal coordinates of the feature directions that the runs can separate.

    Attributes
    ----------
    whiten : ndarray of shape (n_features, rank)
        Centred, weighted rows times this are orthonormal columns.
    scale : ndarray of shape (n_features,)
        Spread of each feature (root of its scatter; 1 where it never varied).
    directions : ndarray of shape (n_features, n_features)
        Principal directions of the standardised features, one a row, by decreasing spread.
    condition_indices : ndarray of shape (n_features,)
        Largest spread over the spread along each direction; infinite where it vanishes.
    """

    whiten: Array
    scale: Array
    directions: Array
    condition_indices: Array

    @property
    def rank(self) -> int:
        """Number of directions that the runs can separate."""
        return int(self.whiten.shape[1])

    @property
    def null(self) -> Array:
        """Orthonormal null directions in standardised features, shape (n_null, n_features)."""
        return self.directions[self.rank :]

    def solved(self, xx: Array, xy: Array) -> Array:
        """Least-squares exponents from scatter matrices, (n_targets, n_features); refined once."""
        first = self.whiten @ (self.whiten.T @ xy)
        return np.asarray((first + self.whiten @ (self.whiten.T @ (xy - xx @ first))).T)

    def null_directions(self) -> Array:
        """Coefficient vectors along which the exponents can move without any effect.

        The monomial with these exponents is constant over the runs. Reduced to echelon form,
        so that each row involves as few features as possible; shape (n_null, n_features).
        """
        return echelon(self.null / self.scale)

    def weak_directions(self) -> Array:
        """Directions that the runs separate only weakly, the largest entry of each being 1."""
        weak = self.condition_indices[: self.rank] > MAX_CONDITION_INDEX
        rows = self.directions[: self.rank][weak] / self.scale
        if not len(rows):
            return np.asarray(rows)
        largest = np.abs(rows).argmax(axis=1, keepdims=True)
        return np.asarray(rows / np.take_along_axis(rows, largest, axis=1))

    def identifies(self, functionals: Array) -> BoolArray:
        """Whether each functional of the exponents, one a row, is free of null directions."""
        standard = functionals / self.scale
        leak = np.linalg.norm(standard @ self.null.T, axis=1)
        return np.asarray(leak <= _LEAK * np.linalg.norm(standard, axis=1))


def coordinates_of_rows(centred: Array, magnitude: Array) -> tuple[Coordinates, Array]:
    """Coordinates of centred, weighted rows, and the rows in these coordinates.

    Parameters
    ----------
    centred : ndarray of shape (n_runs, n_features)
        Rows times the root of their weights, centred.
    magnitude : ndarray of shape (n_features,)
        Norm of each weighted column before it was centred: what its rounding is relative to.

    Returns
    -------
    Coordinates
    ndarray of shape (n_runs, rank)
        Orthonormal columns.
    """
    scale = _scale(np.linalg.norm(centred, axis=0), magnitude)
    q, r = np.linalg.qr(centred / scale)
    left, singular, directions = np.linalg.svd(r)
    coordinates = _coordinates(scale, singular, directions, ROWS_TOLERANCE)
    return coordinates, q @ left[:, : coordinates.rank]


def coordinates_of_scatter(scatter: Array, magnitude: Array) -> Coordinates:
    """Coordinates from the centred scatter matrix alone; see `coordinates_of_rows`."""
    scale = _scale(np.sqrt(np.maximum(scatter.diagonal(), 0.0)), magnitude)
    values, vectors = np.linalg.eigh(scatter / np.outer(scale, scale))
    singular = np.sqrt(np.maximum(values[::-1], 0.0))
    return _coordinates(scale, singular, vectors[:, ::-1].T, SCATTER_TOLERANCE)


def _scale(norms: Array, magnitude: Array) -> Array:
    return np.where(norms > CONSTANT_TOLERANCE * magnitude, norms, np.inf)


def _coordinates(scale: Array, singular: Array, directions: Array, rtol: float) -> Coordinates:
    p = len(scale)
    singular = np.concatenate([singular, np.zeros(p - len(singular))])
    largest = float(np.max(singular, initial=0.0))
    rank = int(np.count_nonzero(singular > rtol * largest))
    indices = np.full(p, np.inf)
    indices[:rank] = largest / singular[:rank]
    whiten = directions[:rank].T / scale[:, None] / singular[:rank]
    return Coordinates(whiten, np.where(np.isinf(scale), 1.0, scale), directions, indices)


def echelon(rows: Array) -> Array:
    """Reduced echelon form of independent `rows`, pivots 1, largest pivots first."""
    a = np.array(rows, dtype=np.float64)
    free = np.ones(a.shape[1], dtype=bool)
    for i in range(len(a)):
        block = np.where(free, np.abs(a[i:]), -1.0)
        row, column = np.unravel_index(int(np.argmax(block)), block.shape)
        a[[i, i + int(row)]] = a[[i + int(row), i]]
        a[i] /= a[i, column]
        others = np.arange(len(a)) != i
        a[others] -= np.outer(a[others, column], a[i])
        free[column] = False
    a[np.abs(a) < _ZERO] = 0.0
    return a[np.lexsort(-np.abs(a).T[::-1])] if len(a) else a


def oriented(columns: Array) -> Array:
    """Sign that makes the largest entry of each column positive (the first, in ties)."""
    size = np.abs(columns)
    first = np.argmax(size >= size.max(axis=0) * (1 - 1e-9), axis=0)
    return np.where(columns[first, np.arange(columns.shape[1])] < 0, -1.0, 1.0)


# ---- Least squares of constants: Levenberg-Marquardt steps from one start, or from many at once.
#
# References: D. W. Marquardt, J. Soc. Ind. Appl. Math. 11 (1963) 431-441 (the damped
# step, and when the damping grows); J. J. Moré, Lect. Notes Math. 630 (1978) 105-116 (parameters
# scaled by their columns, and the fit ended by the squares that the linear model still promises).


# damping at the start, as a share of the squares of the scaled columns, its factor after a step,
# and its least value: below, the normal equations are no longer exact to the rounding
_DAMPING, _FACTOR, _LEAST = 1e-4, 10.0, 1e-12
# promised gain that is rounding: residuals are of size 1, and double precision is 1e-16 of that;
# and the share of the squares by which rounding may let them grow
_ROUNDING, _SAME = 1e-30, 1e-15
# rounding of the slope by the logarithm of a factor, which is 1 in every run
_ALIKE = 1e-9
# share of the squares that a step gains at least in a fit that is worth its further steps though
# they are above `hopeless`: nearer to 0, and laws of a search are lost whose first constants are
# far off
_SLOW = 0.03


@dataclass(frozen=True, eq=False, slots=True)
class Minimum:
    """Minimum that the steps reached; with several starts, they are the first axis.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
    residuals : ndarray of shape (n_runs,)
        Of all runs.
    slopes : ndarray of shape (n_runs, n_parameters)
        Of the model, there.
    squares : ndarray of shape ()
        Sum of the squared residuals of the runs that were fitted; infinite if the start has none.
    """

    parameters: Array
    residuals: Array
    slopes: Array
    squares: Array


def minimise_squares(
    model: Callable[..., tuple[Array, Array]],
    start: Array,
    *,
    rows: BoolArray | slice = slice(None),
    steps: int = 30,
    enough: float = 1e-10,
    largest: float = np.inf,
    hopeless: float = np.inf,
) -> Minimum:
    """Parameters of least squares near a start, but for rounding never worse than it.

    Parameters
    ----------
    model : callable
        From parameters to the residuals (observed less predicted, of size 1 or so) and the slopes
        of what is predicted; not finite where the model is not real.
    start : ndarray of shape (n_parameters,) or (n_starts, n_parameters)
        With many starts residuals have shape (n_starts, n_runs), and slopes
        (n_starts, n_runs, n_parameters). Those that have ended are not evaluated any more: the
        second argument of the model has the numbers of the starts that the parameters are of.
    rows : ndarray of bool of shape (n_runs,), optional
        Runs that are fitted; all by default.
    steps : int
    enough : float
        The fit ends when a step promises to take away less than this share of the squares.
    largest : float
        Bound of the modulus of every parameter.
    hopeless : float
        Squares above which a fit also ends when it gains little in a step.

    Returns
    -------
    Minimum

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 9)
    >>> y = 3 * np.exp(-2 * x)
    >>> def decay(theta):
    ...     shape = np.exp(-theta[1] * x)
    ...     slopes = np.column_stack([shape, -theta[0] * x * shape])
    ...     return y - theta[0] * shape, slopes
    >>> minimise_squares(decay, np.array([1.0, 1.0])).parameters.round(9).tolist()
    [3.0, 2.0]
    """
    with np.errstate(all="ignore"):
        theta = np.array(start, dtype=np.float64)
        several = theta.ndim > 1
        first = model(theta, np.arange(len(theta))) if several else model(theta)
        e, J = map(np.array, first)
        squares = _squares(e[..., rows])
        damping = np.full(squares.shape, _DAMPING)
        going = np.asarray(np.isfinite(squares))
        unit = np.eye(theta.shape[-1])
        for _ in range(steps if theta.size else 0):
            at = np.flatnonzero(going) if several else ...
            A = J[at][..., rows, :]
            scale = np.sqrt((A**2).sum(axis=-2))
            scale = np.where(scale > 0, scale, 1.0)
            A = A / scale[..., None, :]
            slope = (e[at][..., None, rows] @ A)[..., 0, :]
            normal = A.mT @ A + damping[at][..., None, None] * unit
            step = _solved(normal, slope)
            promised = (slope * step).sum(axis=-1)
            before = squares[at]
            worth = going[at] & (promised > np.maximum(enough * before, _ROUNDING))
            if not worth.any():
                break
            trial = np.clip(_moved(theta[at], step / scale, J[at]), -largest, largest)
            e_new, J_new = model(trial, at) if several else model(trial)
            new = _squares(e_new[..., rows])
            better = worth & (new <= before * (1 + _SAME))
            going[at] = worth & ~(better & (new > hopeless) & (before - new < _SLOW * before))
            less, more = np.maximum(damping[at] / _FACTOR, _LEAST), damping[at] * _FACTOR
            damping[at] = np.where(better, less, more)
            theta[at] = np.where(better[..., None], trial, theta[at])
            e[at] = np.where(better[..., None], e_new, e[at])
            J[at] = np.where(better[..., None, None], J_new, J[at])
            squares[at] = np.where(better, new, before)
    return Minimum(theta, e, J, squares)


def _moved(theta: Array, step: Array, slopes: Array) -> Array:
    """Parameters after a step; a factor that it would more than double or end, by its logarithm.

    Residuals of logarithms are linear in the logarithm of a factor. By steps of its size, it would
    take a hundred of them to follow a constant such as b in exp(b/x).
    """
    is_long = (np.abs(step) > np.abs(theta)) & (np.abs(theta * slopes[..., 0, :] - 1.0) < _ALIKE)
    if is_long.any():
        by_logarithm = np.abs(theta[..., None, :] * slopes)
        is_long &= np.all(np.abs(by_logarithm - 1.0) < _ALIKE, axis=-2)
    return np.where(is_long, theta * np.exp(step / theta), theta + step)


def _solved(normal: Array, slope: Array) -> Array:
    """Step of the normal equations; the least one where a matrix is singular to rounding."""
    try:
        return np.asarray(np.linalg.solve(normal, slope[..., None])[..., 0])
    except np.linalg.LinAlgError:
        inverse = np.linalg.pinv(np.nan_to_num(normal), hermitian=True)
        return np.asarray((inverse @ slope[..., None])[..., 0])


# step of a central difference, of the size of a parameter: the cube root of double precision
_STEP = 6e-6


def log_slopes(sizes: Callable[[Array], Array], parameters: Array) -> Array:
    """Derivatives of the logarithms of positive sizes by parameters, by central differences.

    Parameters
    ----------
    sizes : callable
        From parameters to an array of shape (n_runs,).
    parameters : ndarray of shape (n_parameters,)

    Returns
    -------
    ndarray of shape (n_runs, n_parameters)

    Examples
    --------
    >>> log_slopes(lambda theta: theta[0] * np.ones(2), np.array([4.0])).round(6).tolist()
    [[0.25], [0.25]]
    """
    steps = _STEP * np.where(parameters != 0, np.abs(parameters), 1.0)
    columns = [
        (np.log(sizes(parameters + step)) - np.log(sizes(parameters - step))) / (2 * size)
        for step, size in zip(np.diag(steps), steps, strict=True)
    ]
    return np.column_stack(columns) if columns else np.zeros((len(sizes(parameters)), 0))


def _squares(e: Array) -> Array:
    squares = np.asarray((e**2).sum(axis=-1))
    return np.where(np.isfinite(squares), squares, np.inf)


# Groups that span several clusters become explicit coordinates of the jackknife up to this
# number; beyond it their prefactors count as known, which then makes next to no difference.
MAX_EXPLICIT_GROUPS = 64


@dataclass(frozen=True, eq=False)
class PowerLawFit:
    """A fitted power law with the arrays for its uncertainty; targets are the first axis.

    Attributes
    ----------
    exponents : ndarray of shape (n_targets, n_features)
    intercept : ndarray of shape (n_targets,)
        Weighted mean of the group intercepts.
    group_labels : ndarray of shape (n_groups,)
    group_intercepts : ndarray of shape (n_groups, n_targets)
    centre : ndarray of shape (n_features,)
        Weighted mean of the features, where the intercept is known best.
    coordinates : Coordinates
    influence : Influence
    weight : float
        Sum of the weights.
    r2, cv_r2 : ndarray of shape (n_targets,)
        In-sample, and by runs or clusters left out; of the contrasts that were fitted.
    residual_scale : ndarray of shape (n_targets,)
        Standard deviation of a run of average weight about the law.
    n_runs, n_pairs, n_contrasts : int
    residuals, loo_residuals : ndarray of shape (n_runs, n_targets) or None
        The second by the law without the run, or without its cluster. None when only moments were
        kept; NaN where a run cannot be left out.
    """

    exponents: Array
    intercept: Array
    group_labels: NDArray[np.generic]
    group_intercepts: Array
    centre: Array
    coordinates: Coordinates
    influence: Influence
    weight: float
    r2: Array
    cv_r2: Array
    residual_scale: Array
    n_runs: int
    n_pairs: int
    n_contrasts: int
    residuals: Array | None = None
    loo_residuals: Array | None = None

    @property
    def joint_covariance(self) -> Array:
        """Covariance of [intercept, exponents], shape (n_targets, n_features + 1, ...)."""
        u = self.functionals(np.eye(len(self.centre) + 1))
        return np.asarray(u @ self.influence.covariance @ u.T)

    def functionals(self, c: Array) -> Array:
        """Orthonormal coordinates of functionals c . [intercept, exponents], one a row of `c`."""
        about_centre = c[:, 1:] - c[:, :1] * self.centre
        return np.column_stack(
            [c[:, 0] / np.sqrt(self.weight), about_centre @ self.coordinates.whiten]
        )

    def half_widths(self, c: Array, level: float, extra: float = 0.0) -> Array:
        """Half width of each functional's interval; infinite where the runs do not determine it.

        Parameters
        ----------
        c : ndarray of shape (n, n_features + 1)
            Functionals of [intercept, exponents], one a row.
        level : float
        extra : float
            Variances of one run to add.

        Returns
        -------
        ndarray of shape (n, n_targets)
        """
        widths = self.influence.half_widths(self.functionals(c), level, extra)
        unknown = ~self.coordinates.identifies(c[:, 1:] - c[:, :1] * self.centre)
        widths[unknown] = np.inf
        return widths


def fit_power_law(
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    within: ArrayLike | None = None,
    *,
    interval: IntervalKind = "cr3",
    seed: int = 0,
) -> PowerLawFit:
    """Least squares over all pairs of runs, in closed form; `X` may have no column at all.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Log groups; n_features may be 0, where the law is a constant.
    y : array-like of shape (n_runs,) or (n_runs, n_targets)
    sample_weight : array-like of shape (n_runs,), optional
        A pair weighs the product of its runs' weights; 1/variance is efficient.
    groups : array-like of shape (n_runs,), optional
        Cluster of each run, for the uncertainty and the cross-validation.
    within : array-like of shape (n_runs,), optional
        Only runs of equal label are paired, so that each label keeps its own prefactor.
    interval : {"cr3", "jackknife", "bootstrap"}
    seed : int

    Raises
    ------
    FitError
        If fewer than two runs have a positive weight.
    InputError
        If shapes disagree or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> fit = fit_power_law(np.log([[1.0], [2.0], [4.0]]), np.log([3.0, 12.0, 48.0]))
    >>> float(fit.exponents[0, 0].round(12)), float(np.exp(fit.intercept[0]).round(12))
    (2.0, 3.0)
    """
    x, t, w = checked_arrays(X, y, sample_weight)
    check_finite(x, t)
    weight = np.ones(len(x)) if w is None else w
    used = weight > 0.0
    check_pairs(int(used.sum()))
    labels, codes = label_codes(within, len(x), "within")
    group_weight, means = group_means(np.hstack([x, t]), codes, len(labels), weight)
    p = x.shape[1]
    root = np.sqrt(weight)[:, None]
    xc, tc = (x - means[codes, :p]), (t - means[codes, p:])
    coordinates, rows = coordinates_of_rows(xc * root, np.linalg.norm(x * root, axis=0))
    target = tc * root
    loadings, residuals = _projected(rows, target)
    exponents = (coordinates.whiten @ loadings).T
    counts = np.bincount(codes, used, len(labels)).astype(np.int64)
    sse = np.einsum("iq,iq->q", residuals, residuals)
    share = np.divide(weight, group_weight[codes], out=np.zeros(len(x)), where=used)
    runs = RunInfluence(
        *residual_variance(sse, counts, coordinates.rank),
        interval,
        seed,
        rows=rows,
        constant=np.sqrt(weight / group_weight.sum()),
        dummy=np.sqrt(share),
        codes=codes,
        residuals=residuals,
    )
    influence: Influence = runs
    # a run that alone determines a direction cannot be left out
    free = (used & (runs.leverage < FULL_LEVERAGE))[:, None]
    left_out = np.full(residuals.shape, np.nan)
    np.divide(residuals, 1.0 - runs.leverage[:, None], out=left_out, where=free)
    if groups is not None:
        _, clusters = label_codes(groups, len(x), "groups")
        check_clusters(clusters)
        influence, left_out = cluster_influence(runs, clusters, group_weight)
    finite = np.isfinite(left_out).all(axis=1)
    return assembled(
        GroupTable(labels, group_weight, counts, means),
        exponents,
        coordinates,
        influence,
        r2=score(sse, np.einsum("iq,iq->q", target, target)),
        cv_r2=score((left_out[finite] ** 2).sum(axis=0), (target[finite] ** 2).sum(axis=0)),
        residuals=tc - xc @ exponents.T,
        loo_residuals=np.divide(left_out, root, out=np.full_like(left_out, np.nan), where=root > 0),
    )


def _projected(rows: Array, target: Array) -> tuple[Array, Array]:
    """Loadings of orthonormal columns, and what they leave of the target."""
    loadings = rows.T @ target
    residuals = target - rows @ loadings
    # one refinement step: what rounding left of the fit in the residuals
    correction = rows.T @ residuals
    return loadings + correction, residuals - rows @ correction


class GroupTable(NamedTuple):
    """Counts and means of groups with their own prefactor; the means are of [X | Y]."""

    labels: NDArray[np.generic]
    weights: Array
    counts: NDArray[np.int64]
    means: Array


def residual_variance(sse: Array, counts: NDArray[np.int64], rank: int) -> tuple[float, Array]:
    """Degrees of freedom of the residuals, and their variance per unit weight."""
    dof = float(counts.sum() - np.count_nonzero(counts) - rank)
    return dof, sse / dof if dof > 0 else np.zeros_like(sse)


def assembled(
    groups: GroupTable,
    exponents: Array,
    coordinates: Coordinates,
    influence: Influence,
    *,
    r2: Array,
    cv_r2: Array,
    residuals: Array | None = None,
    loo_residuals: Array | None = None,
) -> PowerLawFit:
    """The fit with all that follows from its exponents, from runs or from moments."""
    p, counts = exponents.shape[1], groups.counts
    total, n_runs = float(groups.weights.sum()), int(counts.sum())
    offsets = groups.means[:, p:] - groups.means[:, :p] @ exponents.T
    variance, dof = influence.variance, influence.residual_dof
    scale = np.sqrt(variance * n_runs / total) if dof > 0 else np.full(len(variance), np.nan)
    return PowerLawFit(
        exponents=exponents,
        intercept=groups.weights @ offsets / total,
        group_labels=groups.labels,
        group_intercepts=np.where(counts[:, None] > 0, offsets, np.nan),
        centre=groups.weights @ groups.means[:, :p] / total,
        coordinates=coordinates,
        influence=influence,
        weight=total,
        r2=r2,
        cv_r2=cv_r2,
        residual_scale=scale,
        n_runs=n_runs,
        n_pairs=int((counts * (counts - 1) // 2).sum()),
        n_contrasts=n_runs - int(np.count_nonzero(counts)),
        residuals=residuals,
        loo_residuals=loo_residuals,
    )


def cluster_influence(
    runs: RunInfluence, clusters: IntArray, group_weight: Array
) -> tuple[ClusterInfluence, Array]:
    """Influence of clusters of runs, and the residuals with the own cluster left out.

    A group that lies inside one cluster goes with it: its prefactor, which no other run determines,
    is granted to the left-out residuals.
    """
    cells = np.unique(np.stack([runs.codes, clusters]), axis=1)
    spanning = np.flatnonzero(np.bincount(cells[0], minlength=len(group_weight)) > 1)
    explicit, embedding = group_embedding(group_weight, spanning, runs.rows.shape[1])
    indicator = runs.codes[:, None] == explicit
    columns = np.hstack([indicator * runs.dummy[:, None], runs.rows])
    influence = ClusterInfluence.of_runs(runs, columns, clusters, embedding)
    left_out = runs.residuals.copy()
    for column, shift in zip(columns.T, influence.leave_out().transpose(1, 0, 2), strict=True):
        left_out += column[:, None] * shift[clusters]
    return influence, left_out


def group_embedding(group_weight: Array, spanning: IntArray, rank: int) -> tuple[IntArray, Array]:
    """Groups with an indicator, and the matrix from [1, features] to [indicators, features]."""
    explicit = spanning if len(spanning) <= MAX_EXPLICIT_GROUPS else spanning[:0]
    embedding = np.zeros((len(explicit) + rank, 1 + rank))
    embedding[: len(explicit), 0] = np.sqrt(group_weight[explicit] / group_weight.sum())
    embedding[len(explicit) :, 1:] = np.eye(rank)
    return explicit, embedding


def score(sse: Array, sst: Array) -> Array:
    """Share of the spread that is explained; 1 or 0 where there is no spread to explain."""
    flat = sst <= 0.0
    return np.where(flat, np.where(sse <= 0.0, 1.0, 0.0), 1.0 - sse / np.where(flat, 1.0, sst))


# blocks of runs that the jackknife leaves out: t quantiles with 63 degrees of freedom are normal
# ones to 2 %
N_BLOCKS = 64
# Clusters keep a block each up to this number; then they share the N_BLOCKS.
MAX_CLUSTER_BLOCKS = 256


@dataclass
class BlockMoments:
    """Moments of the runs seen so far, spread over blocks that the jackknife leaves out.

    Runs go to the blocks in turn; a cluster of runs has a block of its own, or, when there are
    many, always the same one. So the uncertainty stays honest under clustered and
    heteroscedastic noise without keeping any run.

    Attributes
    ----------
    blocks : dict of (int or str) to Moments
        Keyed by number, or by the label of the cluster.
    n_seen : int
        Number of runs seen.
    shared : bool
        Whether clusters share blocks already.
    """

    blocks: dict[int | str, Moments] = field(default_factory=dict)
    n_seen: int = 0
    shared: bool = False

    def update(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        within: ArrayLike | None = None,
    ) -> None:
        """Add runs; arguments as in `fit_power_law`."""
        x, t, w = checked_arrays(X, y, sample_weight)
        labels = None if within is None else np.asarray(within)
        for block, rows in self._assign(len(x), groups):
            part = Moments.from_arrays(
                x[rows],
                t[rows],
                None if labels is None else labels[rows],
                None if w is None else w[rows],
            )
            _add(self.blocks, block, part)
        self.n_seen += len(x)
        self._share(self.shared)

    def merge(self, other: "BlockMoments") -> Self:
        """Moments of the runs of both, block by block; neither is changed."""
        merged = type(self)(dict(self.blocks), self.n_seen + other.n_seen, self.shared)
        for key, part in other.blocks.items():
            _add(merged.blocks, key, part)
        merged._share(self.shared or other.shared)
        return merged

    def _share(self, at_once: bool) -> None:
        """Move clusters to shared blocks once there are too many of them."""
        if not at_once and len(self.blocks) <= MAX_CLUSTER_BLOCKS:
            return
        blocks: dict[int | str, Moments] = {}
        for key, part in self.blocks.items():
            _add(blocks, _block(key) if isinstance(key, str) else key, part)
        self.blocks, self.shared = blocks, True

    def _assign(
        self, n_runs: int, groups: ArrayLike | None
    ) -> list[tuple[int | str, slice | IntArray]]:
        if groups is None:
            bounds = np.linspace(0, n_runs, min(N_BLOCKS, n_runs) + 1).astype(int)
            return [
                ((self.n_seen + i) % N_BLOCKS, slice(int(a), int(b)))
                for i, (a, b) in enumerate(pairwise(bounds))
            ]
        distinct, codes = np.unique(np.asarray(groups), return_inverse=True)
        order = np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(1, len(distinct)))
        return [
            (str(label), rows)
            for label, rows in zip(distinct, np.split(order, bounds), strict=True)
        ]

    def fit(self, interval: IntervalKind = "cr3", seed: int = 0) -> PowerLawFit:
        """Fit the runs seen so far; the scores are cross-validated over the blocks.

        Raises
        ------
        FitError
            If fewer than two runs of positive weight, or a single block, were seen.
        """
        parts = [self.blocks[k] for k in sorted(self.blocks, key=str)]
        if not parts:
            raise FitError("No run was seen yet: call partial_fit with some.")
        whole = reduce(Moments.merge, parts)
        p = whole.n_features
        check_pairs(int(whole.counts.sum()))
        total = float(whole.weights.sum())
        pooled = whole.pooled()
        magnitude = np.sqrt(pooled.scatter.diagonal()[:p] + total * pooled.means[0, :p] ** 2)
        coordinates = coordinates_of_scatter(whole.scatter[:p, :p], magnitude)
        exponents = coordinates.solved(whole.scatter[:p, :p], whole.scatter[:p, p:])
        sst = whole.scatter[p:, p:].diagonal()
        contrast = np.hstack([-exponents, np.eye(len(exponents))])
        sse = np.maximum(np.einsum("qi,ij,qj->q", contrast, whole.scatter, contrast), 0.0)
        every = np.arange(len(whole.weights))
        explicit, embedding = group_embedding(whole.weights, every, coordinates.rank)
        parts_of = [_block_score(b, whole, coordinates.whiten, contrast, explicit) for b in parts]
        influence = ClusterInfluence(
            *residual_variance(sse, whole.counts, coordinates.rank),
            interval,
            seed,
            scatter=np.stack([part[0] for part in parts_of]),
            score=np.stack([part[1] for part in parts_of]),
            embedding=embedding,
        )
        # sum of (e + Q shift)^2 over a block, from its scores alone
        shift = influence.leave_out()
        cross = 2.0 * np.einsum("gkq,gkq->q", shift, influence.score)
        square = np.einsum("gkq,gkl,glq->q", shift, influence.scatter, shift)
        return assembled(
            GroupTable(whole.labels, whole.weights, whole.counts, whole.means),
            exponents,
            coordinates,
            influence,
            r2=score(sse, sst),
            cv_r2=score(sse + cross + square, sst),
        )


def _add(blocks: dict[int | str, Moments], key: int | str, part: Moments) -> None:
    blocks[key] = blocks[key].merge(part) if key in blocks else part


def _block(label: str) -> int:
    # Python's own hash of a string changes from process to process
    return int.from_bytes(blake2b(label.encode(), digest_size=8).digest(), "big") % N_BLOCKS


def _block_score(
    block: Moments, whole: Moments, whiten: Array, contrast: Array, explicit: IntArray
) -> tuple[Array, Array]:
    """Scatter and score of a block in the orthonormal coordinates of the whole."""
    p = whole.n_features
    at = np.searchsorted(whole.labels, block.labels)
    gap = block.means - whole.means[at]
    about_whole = block.scatter + gap.T @ (gap * block.weights[:, None])
    indicator, diagonal = np.zeros((len(explicit), len(at))), np.zeros(len(explicit))
    if len(explicit):
        safe = np.where(whole.weights > 0.0, whole.weights, 1.0)
        indicator[at, np.arange(len(at))] = block.weights / np.sqrt(safe[at])
        diagonal[at] = block.weights / safe[at]
    sums = indicator @ np.hstack([gap[:, :p] @ whiten, gap @ contrast.T])
    rank = whiten.shape[1]
    corner = whiten.T @ about_whole[:p, :p] @ whiten
    scatter = np.block([[np.diag(diagonal), sums[:, :rank]], [sums[:, :rank].T, corner]])
    residual = whiten.T @ about_whole[:p] @ contrast.T
    return scatter, np.vstack([sums[:, rank:], residual])
