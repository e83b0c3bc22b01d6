"""Regimes of constant exponents in a table: their number, sharp boundaries, smooth crossovers.

The few runs of a campaign have regimes by other means (`dimgs.campaign.regimes`).

The partition is a binary tree of oriented hyperplanes whose leaves are the regimes. With regimes
1..K in order, a continuous boundary between k and k + 1 lies where their laws agree. Given the
partition the loss is a separate regression per regime, so a Gauss-Newton step is: fit each regime,
derive the boundaries, repeat, damped until the loss falls (Breiman 1993, IEEE Trans. Inf. Theory
39:999; Pucar & Sjoberg 1998, ibid. 44:1310).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise, product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from sklearn.base import clone
from sklearn.utils.validation import check_X_y

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import InputError, check_level
from dimgs.fits.base import ContrastiveRegressor, seed_of
from dimgs.fits.blend import BLUNTEST, SHARPEST, Blend, descend, mix
from dimgs.fits.covariance import Linearised, linearised, t_intervals, t_quantile
from dimgs.fits.design import Whitening, run_folds, whiten
from dimgs.fits.noise import is_as_good
from dimgs.fits.snapping import checked_map, short_monomials
from dimgs.fits.training_runs import TrainingRuns, checked_weights, cluster_codes

# pivots below leave an axis to rounding
_DEGENERATE = 1e-6


@dataclass(frozen=True, eq=False)
class WhitenedAxes(Whitening):
    """Whitening whose rotation no pi basis decides, and the way back.

    Attributes
    ----------
    inverse : ndarray of shape (rank, n_features)
        X - centre = Z @ inverse on the runs.
    """

    inverse: Array

    def direction(
        self, powers: ArrayLike, least: float = 0.0, towards: Array | None = None
    ) -> Array | None:
        """Unit direction along which a monomial of the groups varies among the runs, shape (rank,).

        None where its length, in whitened coordinates, is no more than `least`. Of the two ways
        along it, that `towards` a direction, if one is given.
        """
        direction = self.inverse @ np.asarray(powers, dtype=np.float64)
        length = float(np.linalg.norm(direction))
        if towards is not None and direction @ towards < 0:
            direction = -direction
        return np.asarray(direction / length) if length > least else None

    def units(self, powers: ArrayLike, direction: Array) -> tuple[float, float]:
        """Factor and offset from a threshold along a direction to the logarithm of a monomial."""
        exponents = np.asarray(powers, dtype=np.float64)
        return float(self.inverse @ exponents @ direction), float(exponents @ self.centre)


def whitened_axes(X: Array, y: Array, weight: Array) -> WhitenedAxes:
    """Whitened coordinates that are the same for X and X @ U, U invertible.

    Whitening fixes the coordinates up to a rotation. The rotation is fixed by generic functions
    of what every basis agrees on (the response and the leverages) projected on the span of X.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs,)
    weight : ndarray of shape (n_runs,)
        Positive weights.

    Returns
    -------
    WhitenedAxes
    """
    whitening, Z = whiten(X, weight)
    root = np.sqrt(weight / weight.sum())
    orthonormal = root[:, None] * Z
    rotation = _rotation(orthonormal, y, root) if whitening.rank else np.zeros((0, 0))
    inverse = (orthonormal @ rotation).T @ (root[:, None] * (X - whitening.centre))
    return WhitenedAxes(whitening.centre, whitening.transform @ rotation, inverse)


def _rotation(orthonormal: Array, y: Array, root: Array) -> Array:
    rank = orthonormal.shape[1]
    mean = float(np.average(y, weights=root**2))
    spread = float(np.sqrt(np.average((y - mean) ** 2, weights=root**2)))
    signal = (y - mean) / (spread if spread > 0 else 1.0)
    leverage = np.sum((orthonormal / root[:, None]) ** 2, axis=1) / rank
    order = np.arange(1, rank + 1)
    generic = np.cos(order * signal[:, None] + order**2 * np.sqrt(leverage)[:, None] + order)
    generic[:, 0] = signal
    rotation, triangle = np.linalg.qr(orthonormal.T @ (root[:, None] * generic))
    pivots = np.abs(np.diag(triangle))
    if pivots.min() < _DEGENERATE:
        # A design too symmetric for its responses to orient it: the order of the runs decides.
        place = np.arange(len(y))[:, None] * np.sqrt(np.arange(2.0, rank + 2.0))
        rotation, triangle = np.linalg.qr(orthonormal.T @ (root[:, None] * np.cos(place)))
    return np.asarray(rotation * np.where(np.diag(triangle) < 0, -1.0, 1.0))


# of the column itself: below, it is a combination of those before
_PIVOT = 1e-10
# of the range: projections nearer than this are equal, but for rounding
_TIE = 1e-9
# cuts of a scan: between them the loss is smooth enough for the scans that refine it
_CUTS = 64


@dataclass(frozen=True, eq=False)
class Sample:
    """Runs in whitened coordinates, ready for scans.

    Attributes
    ----------
    Z : ndarray of shape (n_runs, rank)
    y : ndarray of shape (n_runs,)
        Residual of the single power law in units of the spread of the response: every loss is
        unchanged by that, and cancellation is avoided.
    weight : ndarray of shape (n_runs,)
    cluster : ndarray of int of shape (n_runs,)
    min_runs : int
        Smallest number of runs of a regime.
    """

    Z: Array
    y: Array
    weight: Array
    cluster: IntArray
    min_runs: int

    @property
    def design(self) -> Array:
        """Columns 1 and Z, shape (n_runs, rank + 1)."""
        return np.column_stack([np.ones(len(self.y)), self.Z])

    @property
    def rows(self) -> Array:
        """Columns 1, Z, y, each row times the root of its weight."""
        return np.asarray(np.sqrt(self.weight)[:, None] * np.column_stack([self.design, self.y]))

    @cached_property
    def basis(self) -> Array:
        """Orthonormal basis of the weighted design, shape (n_runs, rank + 1)."""
        return np.asarray(np.linalg.qr(np.sqrt(self.weight)[:, None] * self.design)[0])

    def apart(self, columns: Array) -> Array:
        """Weighted columns, shape (n_runs, n_columns), without what one law explains of them."""
        return np.asarray(columns - self.basis @ (self.basis.T @ columns))

    def about(self, law: Array) -> Linearised:
        """Covariance of a law that was fitted to all runs."""
        return linearised(self.design, self.y - self.design @ law, self.weight, self.cluster)

    def take(self, index: IntArray) -> "Sample":
        """The runs `index` alone."""
        return Sample(
            self.Z[index], self.y[index], self.weight[index], self.cluster[index], self.min_runs
        )


def losses(grams: Array) -> Array:
    """Residual sums of squares of regressions given by their Gram matrices.

    Parameters
    ----------
    grams : ndarray of shape (..., q, q)
        Moments of the columns (1, Z, y), y last.

    Returns
    -------
    ndarray of shape (...)
        Sums of squares of what (1, Z) leave of y; columns without information are skipped.
    """
    work = grams.copy()
    least = _PIVOT * np.diagonal(grams, axis1=-2, axis2=-1)
    size = grams.shape[-1]
    for k in range(size - 1):
        pivot = work[..., k, k]
        inverse = np.divide(1.0, pivot, out=np.zeros(pivot.shape), where=pivot > least[..., k])
        row = work[..., k, k + 1 :]
        work[..., k + 1 :, k + 1 :] -= (row * inverse[..., None])[..., :, None] * row[..., None, :]
    return np.asarray(np.maximum(work[..., -1, -1], 0.0))


def prefix_grams(rows: Array, cuts: IntArray) -> Array:
    """Gram matrices of the first cuts[i] rows, shape (n_cuts, q, q); `cuts` positive, ascending."""
    squares = rows[: cuts[-1], :, None] * rows[: cuts[-1], None, :]
    return np.asarray(np.cumsum(np.add.reduceat(squares, np.append(0, cuts[:-1])), axis=0))


def distinct_cuts(ordered: Array, min_runs: int, most: int | None = None) -> IntArray:
    """Positions where a sorted projection may be cut: never between ties, never too few runs."""
    size = len(ordered)
    if size < 2 * min_runs:
        return np.zeros(0, dtype=np.intp)
    spread = ordered[-1] - ordered[0]
    cuts = np.arange(min_runs, size - min_runs + 1)
    cuts = cuts[ordered[cuts] - ordered[cuts - 1] > _TIE * max(float(spread), 1e-300)]
    if most is not None and len(cuts) > most:
        cuts = cuts[np.unique(np.linspace(0, len(cuts) - 1, most).astype(np.intp))]
    return np.asarray(cuts, dtype=np.intp)


def split_losses(
    rows: Array, left: IntArray, right: IntArray, cuts: IntArray, min_runs: int
) -> Array:
    """Loss of every cut of sorted rows whose two sides may themselves be divided into regimes.

    Parameters
    ----------
    rows : ndarray of shape (n_runs, q)
        Weighted columns (1, Z, y), sorted along the direction.
    left, right : ndarray of int of shape (n_runs,)
        Regime of each run if it falls on the lower, or on the upper, side of the cut.
    cuts : ndarray of int
        Number of runs on the lower side.
    min_runs : int
        A cut that leaves fewer runs in any regime has infinite loss.

    Returns
    -------
    ndarray of shape (n_cuts,)
    """
    ends = np.append(cuts, len(rows)).astype(np.intp)
    grams: list[Array] = []
    counts: list[NDArray[np.integer]] = []
    whole: Array | None = None
    for labels, upper in ((left, False), (right, True)):
        for regime in np.flatnonzero(np.bincount(labels)):
            member = labels == regime
            if member.all():
                whole = prefix_grams(rows, ends) if whole is None else whole
                gram, count = whole, ends
            else:
                gram = prefix_grams(rows * member[:, None], ends)
                count = np.concatenate([[0], np.cumsum(member)])[ends]
            grams.append(gram[-1] - gram[:-1] if upper else gram[:-1])
            counts.append(count[-1] - count[:-1] if upper else count[:-1])
    # one elimination for all sides: the cost is that of calls, not of numbers
    each = losses(np.concatenate(grams)).reshape(len(grams), len(cuts))
    return np.asarray(np.where(np.array(counts) >= min_runs, each, np.inf).sum(axis=0))


def best_cut(
    rows: Array, projection: Array, left: IntArray, right: IntArray, min_runs: int
) -> tuple[float, float]:
    """Threshold on a projection with the least loss, and that loss (infinite if none is possible).

    The neighbourhood of the best of some cuts is scanned again until every run has been considered,
    so the cost stays linear in the runs.
    """
    order = np.argsort(projection, kind="stable")
    ordered, rows, left, right = projection[order], rows[order], left[order], right[order]
    every = distinct_cuts(ordered, min_runs)
    if not len(every):
        return 0.0, np.inf
    low, high = 0, len(every) - 1
    while True:
        chosen = np.unique(np.linspace(low, high, min(_CUTS, high - low + 1)).astype(np.intp))
        loss = split_losses(rows, left, right, every[chosen], min_runs)
        at = int(np.argmin(loss))
        if len(chosen) == high - low + 1:
            break
        low, high = int(chosen[max(at - 1, 0)]), int(chosen[min(at + 1, len(chosen) - 1)])
    cut = int(every[chosen[at]])
    return float(0.5 * (ordered[cut - 1] + ordered[cut])), float(loss[at])


@dataclass(frozen=True, eq=False)
class RegimeRuns:
    """Runs ready for a search.

    Attributes
    ----------
    axes : WhitenedAxes
    sample : Sample
        Its response is (y - base law) / scale.
    base : ndarray of shape (rank + 1,)
        The single power law in whitened coordinates.
    scale : float
        Spread of the response.
    """

    axes: WhitenedAxes
    sample: Sample
    base: Array
    scale: float


def prepare(
    X: Array, y: Array, weight: Array, cluster: IntArray, min_runs: int | None = None
) -> RegimeRuns:
    """Whiten the groups and take the single power law out of the response.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
    y, weight : ndarray of shape (n_runs,)
        Positive weights; only their ratios matter.
    cluster : ndarray of int of shape (n_runs,)
    min_runs : int or None
        Smallest regime; None: twice the parameters of a law, 5, or half the root of the number
        of runs, whichever is largest.
    """
    weight = weight / weight.mean()
    axes = whitened_axes(X, y, weight)
    Z = axes.apply(X)
    root = np.sqrt(weight)
    design = np.column_stack([np.ones(len(y)), Z])
    base = np.linalg.lstsq(root[:, None] * design, root * y, rcond=1e-12)[0]
    scale = float(np.sqrt(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)))
    scale = scale if scale > 1e-13 * float(np.abs(y).max(initial=0.0)) else 1.0
    least = max(2 * (axes.rank + 1), 5, int(np.ceil(0.5 * np.sqrt(len(y)))))
    sample = Sample(Z, (y - design @ base) / scale, weight, cluster, min_runs or least)
    return RegimeRuns(axes, sample, base, scale)


# relative: exponents that differ by rounding are equally large
_TIED = 1e-9


def sphere(rank: int) -> Array:
    """A fixed, even set of directions of a half sphere, shape (n_directions, rank)."""
    if rank <= 1:
        return np.ones((rank, rank))
    if rank == 2:
        angle = np.pi * np.arange(24) / 24
        return np.column_stack([np.cos(angle), np.sin(angle)])
    rng = np.random.RandomState(0)
    count = 24 + 8 * min(rank, 5)
    points = np.concatenate([np.eye(rank), rng.standard_normal((count, rank))])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points)


def leading(direction: Array) -> float:
    """Exponent of the largest size, the first of those that are equal: it is made 1.

    A boundary that hardly follows its first group would otherwise have exponents in the
    thousands, and a threshold that no number can hold.
    """
    size = np.abs(direction)
    largest = float(size.max(initial=0.0))
    return float(direction[np.argmax(size >= largest * (1 - _TIED))]) if largest else 1.0


def rational(direction: tuple[int, ...]) -> tuple[Fraction, ...]:
    """Exact exponents of a monomial, the first of the largest ones 1."""
    lead = max(direction, key=abs)
    return tuple(Fraction(c, lead) for c in direction)


# runs that decide where to look; all decide what is found
_LARGEST_TABLE = 5000


def thin(sample: Sample) -> Sample:
    """At most a few thousand runs, evenly spaced, where every run is not needed."""
    if len(sample.y) <= _LARGEST_TABLE:
        return sample
    step = -(-len(sample.y) // _LARGEST_TABLE)
    return sample.take(np.arange(0, len(sample.y), step))


def hinge_gains(sample: Sample, projection: Array, knots: Array, response: Array) -> Array:
    """What a hinge beside the law takes off the sum of squares, for each knot; shape (n_knots,).

    Parameters
    ----------
    sample : Sample
    projection : ndarray of shape (n_runs,)
    knots : ndarray of shape (n_knots,)
    response : ndarray of shape (n_runs, 1)
        Weighted, already without what the law explains.
    """
    hinge = np.sqrt(sample.weight)[:, None] * np.maximum(projection[:, None] - knots, 0.0)
    raw = np.sum(hinge**2, axis=0)
    hinge = sample.apart(hinge)
    size = np.sum(hinge**2, axis=0)
    # what is left of a hinge that the law contains is rounding
    usable = size > 1e-10 * raw
    gain = (hinge.T @ response)[:, 0] ** 2
    return np.asarray(np.where(usable, gain / np.where(usable, size, 1.0), 0.0))


@dataclass(frozen=True, eq=False)
class Boundary:
    """The hyperplane direction @ z = threshold in whitened coordinates.

    A continuous boundary is where the two laws beside it are equal; `direction` and `threshold`
    are then derived from them. Of the boundaries of a tree, those of lower `order` divide first.
    """

    direction: Array
    threshold: float
    continuous: bool = False
    order: int = 0


# Boundaries from left to right, number k between regimes k and k + 1. Each divides the region that
# those of lower order leave around it: rows below it go left, the others right.
Tree = tuple[Boundary, ...]


def downwards(tree: Tree) -> list[int]:
    """Numbers of the boundaries in the order in which they divide."""
    return sorted(range(len(tree)), key=lambda k: tree[k].order)


def labels(tree: Tree, Z: Array) -> IntArray:
    """Regime of each row, numbered from left to right."""
    first, last = np.zeros(len(Z), dtype=np.intp), np.full(len(Z), len(tree))
    for k in downwards(tree):
        upper = Z @ tree[k].direction >= tree[k].threshold
        reached = (first <= k) & (k < last)
        first[reached & upper] = k + 1
        last[reached & ~upper] = k
    return first


def with_boundary(tree: Tree, k: int, boundary: Boundary) -> Tree:
    """The tree with another boundary in the place of boundary `k`."""
    return (*tree[:k], replace(boundary, order=tree[k].order), *tree[k + 1 :])


def split_leaf(tree: Tree, regime: int, boundary: Boundary) -> Tree:
    """The tree with one regime divided in two."""
    return (*tree[:regime], replace(boundary, order=len(tree)), *tree[regime:])


def at_boundary(tree: Tree, k: int, Z: Array) -> tuple[BoolArray, IntArray, IntArray]:
    """Runs divided by boundary `k`, and their regimes on either side of it.

    Returns
    -------
    reaches : ndarray of bool of shape (n_runs,)
    left, right : ndarray of int of shape (n_runs,)
        Regime of the run on the lower and on the upper side.
    """
    edge = tree[k]
    # with the boundary moved beyond all runs, one way and the other
    ends = (with_boundary(tree, k, replace(edge, threshold=end)) for end in (np.inf, -np.inf))
    left, right = (labels(moved, Z) for moved in ends)
    return np.asarray(left != right), left, right


def paths(tree: Tree) -> list[list[tuple[int, int]]]:
    """For each regime, the boundaries on its way as (number, side): side -1 below, +1 above."""

    def divides(k: int, regime: int) -> bool:
        between = tree[k:regime] if regime > k else tree[regime : k + 1]
        return tree[k].order == min(edge.order for edge in between)

    return [
        [(k, 1 if regime > k else -1) for k in downwards(tree) if divides(k, regime)]
        for regime in range(len(tree) + 1)
    ]


# shares of a step towards the least squares that are tried, and steps; a few are the rule
_STEPS, _ROUNDS = 0.5 ** np.arange(8), 50


@dataclass(frozen=True, eq=False)
class Pieces:
    """A partition with its laws.

    Attributes
    ----------
    tree : tuple of Boundary
    laws : ndarray of shape (n_regimes, rank + 1)
        Intercept and exponents of each regime, in whitened coordinates.
    loss : float
        Weighted residual sum of squares.
    """

    tree: Tree
    laws: Array
    loss: float

    @property
    def n_regimes(self) -> int:
        """Number of regimes."""
        return len(self.laws)

    def predict(self, Z: Array) -> Array:
        """Response at whitened coordinates, shape (n_runs,)."""
        law = self.laws[labels(self.tree, Z)]
        return np.asarray(law[:, 0] + np.sum(law[:, 1:] * Z, axis=1))


def fit_laws(sample: Sample, regime: IntArray, n_regimes: int) -> Array:
    """Weighted least squares in each regime, shape (n_regimes, rank + 1)."""
    root = np.sqrt(sample.weight)
    design = root[:, None] * sample.design
    response = root * sample.y
    laws = np.empty((n_regimes, design.shape[1]))
    for k in range(n_regimes):
        member = regime == k
        laws[k] = np.linalg.lstsq(design[member], response[member], rcond=1e-10)[0]
    return laws


def jump_pieces(sample: Sample, tree: Tree) -> Pieces:
    """Laws fitted separately in each regime of a partition."""
    regime = labels(tree, sample.Z)
    laws = fit_laws(sample, regime, len(tree) + 1)
    return Pieces(tree, laws, _loss(sample, laws, regime))


def _loss(sample: Sample, laws: Array, regime: IntArray) -> float:
    law = laws[regime]
    miss = sample.y - law[:, 0] - np.sum(law[:, 1:] * sample.Z, axis=1)
    return float(sample.weight @ miss**2)


def _met(sample: Sample, tree: Tree, laws: Array) -> Pieces | None:
    """Laws with the continuous boundaries where they meet.

    None if two of them are parallel, or a regime has too few runs.
    """
    edges = list(tree)
    for k, (edge, law, change) in enumerate(zip(tree, laws, np.diff(laws, axis=0), strict=False)):
        length = float(np.linalg.norm(change[1:]))
        if edge.continuous and length <= 1e-9 * (1.0 + float(np.abs(law[1:]).max())):
            return None
        if edge.continuous:
            length = length if change[1:] @ edge.direction >= 0.0 else -length
            edges[k] = replace(edge, direction=change[1:] / length, threshold=-change[0] / length)
    regime = labels(tuple(edges), sample.Z)
    if np.bincount(regime, minlength=len(laws)).min() < sample.min_runs:
        return None
    return Pieces(tuple(edges), laws, _loss(sample, laws, regime))


def fit_continuous(sample: Sample, tree: Tree, which: list[int]) -> Pieces | None:
    """Fit with the boundaries numbered `which` continuous; None where the laws do not meet."""
    flagged = tuple(replace(b, continuous=k in which) for k, b in enumerate(tree))
    current = _met(sample, flagged, jump_pieces(sample, tree).laws)
    for _ in range(_ROUNDS if current is not None else 0):
        assert current is not None
        goal = fit_laws(sample, labels(current.tree, sample.Z), current.n_regimes)
        move, least = goal - current.laws, current.loss * (1 - 1e-9)
        trials = (_met(sample, current.tree, current.laws + step * move) for step in _STEPS)
        better = next((t for t in trials if t is not None and t.loss < least), None)
        if better is None:
            break
        current = better
    return current


# places of a profile: the ends of a jump are known to a twentieth of a percent of the runs, and
# those of a meeting to a quarter of a percent of the range
_PLACES, _KNOTS = 2000, 400
# numbers in memory at a time: 16 MB
_BLOCK = 2_000_000
# first step of the pattern search, in radians, and what it shrinks by
_WIDEST, _NARROWER = 0.3, 0.45


@dataclass(frozen=True, eq=False)
class BoundaryRuns:
    """The runs that one boundary divides, to see what they lose where it is moved.

    Attributes
    ----------
    part : Sample
    left, right : ndarray of int of shape (n_runs,)
        Regime of each run if it falls below, or above, the boundary: the others are held.
    continuous : bool
        Whether the laws beside it meet.
    """

    part: Sample
    left: IntArray
    right: IntArray
    continuous: bool

    @classmethod
    def of(cls, sample: Sample, tree: Tree, k: int) -> "BoundaryRuns":
        """Those of boundary `k`; where laws meet, those of the two regimes beside it."""
        reaches, left, right = at_boundary(tree, k, sample.Z)
        near = reaches & np.isin(labels(tree, sample.Z), (k, k + 1))
        rows = np.flatnonzero(near if tree[k].continuous else reaches)
        return cls(sample.take(rows), left[rows], right[rows], tree[k].continuous)

    @cached_property
    def rows(self) -> Array:
        """Weighted columns 1, Z, y."""
        return self.part.rows

    @cached_property
    def response(self) -> Array:
        """What one law leaves of the weighted response, shape (n_runs, 1)."""
        return self.part.apart(self.rows[:, -1:])

    def scan(
        self, direction: Array, most: int, within: tuple[float, float] | None = None
    ) -> tuple[Array, Array, Array]:
        """Ranges of thresholds along a direction, and the loss of each, the laws refitted.

        Parameters
        ----------
        direction : ndarray of shape (rank,)
        most : int
            Of thresholds.
        within : tuple of float, optional
            Thresholds between which laws that meet are looked at; all by default.
        """
        projection, least = self.part.Z @ direction, self.part.min_runs
        order = np.argsort(projection, kind="stable")
        ordered = projection[order]
        cuts = distinct_cuts(ordered, least, most)
        if not self.continuous or not len(cuts):
            sides = self.left[order], self.right[order]
            loss = split_losses(self.rows[order], *sides, cuts, least)
            first, last = np.append(0, cuts[:-1]), np.append(cuts[1:], len(ordered)) - 1
            return ordered[first], ordered[last], loss
        low, high = within or (float(ordered[cuts[0] - 1]), float(ordered[cuts[-1]]))
        knots = np.linspace(low, high, min(most, _KNOTS))
        blocks = np.array_split(knots, -(-len(knots) * len(projection) // _BLOCK))
        gains = [hinge_gains(self.part, projection, b, self.response) for b in blocks]
        loss = float(np.sum(self.response**2)) - np.concatenate(gains)
        return np.append(knots[0], knots[:-1]), np.append(knots[1:], knots[-1]), loss

    def best(self, direction: Array) -> tuple[float, float]:
        """Threshold along a direction with the least loss, and that loss, the laws refitted."""
        if not self.continuous:
            projection, least = self.part.Z @ direction, self.part.min_runs
            return best_cut(self.rows, projection, self.left, self.right, least)
        within, at = None, 0
        for _ in range(2):
            lower, upper, loss = self.scan(direction, _CUTS, within)
            if not len(loss):
                return 0.0, np.inf
            at = int(np.argmin(loss))
            within = float(lower[at]), float(upper[at])
        return float(lower[at] + upper[at]) / 2.0, float(loss[at])

    def profile(self, direction: Array, unit: float, dof: float) -> "Profile":
        """Likelihood ratio of thresholds along a direction, over a noise variance."""
        lower, upper, loss = self.scan(direction, _PLACES)
        return Profile(lower, upper, (loss - loss.min()) / unit, dof, self.continuous)


Place = Callable[[Array], tuple[float, float]]


def polish(sample: Sample, tree: Tree) -> Tree:
    """Move each boundary to its best threshold; turn it where no other is parallel to it."""
    for k, edge in enumerate(tree):
        place, direction = BoundaryRuns.of(sample, tree, k).best, edge.direction
        others = [b.direction for j, b in enumerate(tree) if j != k]
        if direction.size > 1 and not any(abs(abs(d @ direction) - 1) < 1e-9 for d in others):
            direction = _turn(direction, place, max(0.25 / len(sample.y), 1e-4))
        threshold, loss = place(direction)
        tree = with_boundary(tree, k, Boundary(direction, threshold)) if loss < np.inf else tree
    return tree


def _turn(direction: Array, place: Place, finest: float) -> Array:
    """Pattern search on the sphere, in coordinates that no basis can change."""
    size, loss = _WIDEST, place(direction)[1]
    # Runs decide a direction to about the spacing of their projections.
    while size > finest:
        for axis in np.eye(len(direction)):
            tangent = axis - (axis @ direction) * direction
            length = float(np.linalg.norm(tangent))
            if length < 1e-6:
                continue
            for sign in (1.0, -1.0):
                trial = direction + sign * size * tangent / length
                trial /= np.linalg.norm(trial)
                value = place(trial)[1]
                if value < loss * (1 - 1e-9):
                    direction, loss = trial, value
                    break
        size *= _NARROWER
    return direction


# square of relative rounding: less is not a misfit
EXACT = 1e-22
# parameters that a jump counts for: see `degrees_of_freedom`
_THRESHOLD_COST = 3.0
# a kink follows from its two laws, but for being searched
_KINK_COST = 1.0


@dataclass(frozen=True)
class Kinds:
    """Permitted kinds of boundaries."""

    jump: bool
    continuous: bool


def degrees_of_freedom(tree: Tree, rank: int) -> float:
    """Parameters of a partition, searches included.

    K laws of rank + 1 parameters. A searched threshold costs 3, as a change point does in an
    information criterion that counts it consistently (Hall, Osborn & Sakurai 2013, Manchester
    School 81:54), and each searched direction rank - 1. A continuous boundary is derived from the
    laws beside it; one more for the search of its place.
    """
    total = float((len(tree) + 1) * (rank + 1))
    seen: list[Array] = []
    for edge in tree:
        if edge.continuous:
            total += _KINK_COST
            continue
        total += _THRESHOLD_COST
        if not any(abs(abs(edge.direction @ d) - 1) < 1e-9 for d in seen):
            total += rank - 1
            seen.append(edge.direction / np.linalg.norm(edge.direction))
    return total


def information(loss: float, n_runs: int, n_parameters: float) -> float:
    """Bayesian information criterion; runs, never pairs, are counted."""
    return float(n_runs * np.log(max(loss / n_runs, EXACT)) + n_parameters * np.log(n_runs))


def bic(sample: Sample, pieces: Pieces) -> float:
    """Information criterion of a partition with its laws."""
    used = degrees_of_freedom(pieces.tree, sample.Z.shape[1])
    return information(pieces.loss, len(sample.y), used)


def grow(sample: Sample, directions: Array, max_regimes: int, kinds: Kinds) -> list[Pieces]:
    """Best pieces for 1, 2, ... regimes, until more only lose, or the runs are too few."""
    path = [jump_pieces(sample, ())]
    jump = path[0]
    while len(path) < max_regimes and path[-1].loss > EXACT * len(sample.y):
        tree = _split(sample, jump.tree, directions)
        if tree is None:
            break
        jump = jump_pieces(sample, polish(sample, tree))
        options = [jump] if kinds.jump else []
        if kinds.continuous:
            options += _kinked(sample, jump, kinds)
        if not options:
            break
        path.append(min(options, key=lambda p: bic(sample, p)))
        last = [bic(sample, p) for p in path[-3:]]
        if len(last) > 2 and last[2] > last[1] > last[0]:
            break
    return path


def _split(sample: Sample, tree: Tree, directions: Array) -> Tree | None:
    """The tree with the regime split that gains most; None where the runs are too few."""
    regime = labels(tree, sample.Z)
    most, best = 0.0, None
    for k in range(len(tree) + 1):
        part = thin(sample.take(np.flatnonzero(regime == k)))
        if len(part.y) < 2 * part.min_runs:
            continue
        rows, alone = part.rows, np.zeros(len(part.y), dtype=np.intp)
        whole = jump_pieces(part, ()).loss
        for direction in directions:
            threshold, loss = best_cut(rows, part.Z @ direction, alone, alone, part.min_runs)
            # equal up to rounding errors is equal: the first of them, in every basis
            if whole - loss > most * (1.0 + 1e-9):
                most, best = whole - loss, split_leaf(tree, k, Boundary(direction, threshold))
    return best


def _kinked(sample: Sample, jump: Pieces, kinds: Kinds) -> list[Pieces]:
    """Laws that meet at all boundaries, and at those where that is better, one after the other."""
    every = [*range(len(jump.tree))]
    fits, best, met = [fit_continuous(sample, jump.tree, every)], jump, list[int]()
    for k in every if kinds.jump and len(every) > 1 else ():
        one = fit_continuous(sample, jump.tree, [*met, k])
        if one is not None and bic(sample, one) < bic(sample, best):
            best, met = one, [*met, k]
    return [pieces for pieces in (*fits, best) if pieces is not None and pieces is not jump]


def noise_variance(sample: Sample, pieces: Pieces) -> tuple[float, float]:
    """Residual variance and its degrees of freedom, searches not counted twice."""
    used = degrees_of_freedom(pieces.tree, sample.Z.shape[1])
    laws = pieces.laws.size + pieces.n_regimes - 1
    dof = max(1.0, len(sample.y) - min(used, float(laws)))
    return max(pieces.loss / dof, 1e-300), dof


# admissible thresholds that the doubt of the laws is averaged over
_MOVES = 16


def hansen_quantile(level: float) -> float:
    """Critical likelihood ratio of a jump: -2 log(1 - sqrt(level)) (Hansen 2000, theorem 1).

    Examples
    --------
    >>> round(hansen_quantile(0.90), 2)
    5.94
    """
    return float(-2.0 * np.log(1.0 - np.sqrt(level)))


@dataclass(frozen=True, eq=False)
class Profile:
    """Likelihood ratio along one boundary's direction.

    Attributes
    ----------
    lower, upper : ndarray of shape (n_places,)
        Range of thresholds that each place stands for.
    ratio : ndarray of shape (n_places,)
        Rise of the loss over its least value, in units of the noise variance.
    dof : float
        Degrees of freedom of that variance.
    continuous : bool
    """

    lower: Array
    upper: Array
    ratio: Array
    dof: float
    continuous: bool

    def translated(self, factor: float, offset: float) -> "Profile":
        """The profile over factor * threshold + offset."""
        ends = np.sort([factor * self.lower + offset, factor * self.upper + offset], axis=0)
        return replace(self, lower=ends[0], upper=ends[1])

    def interval(self, level: float) -> tuple[float, float]:
        """Thresholds that are not rejected; infinite where the last admissible one is not."""
        kept = self.ratio <= critical(level, self.dof, self.continuous)
        kept[np.argmin(self.ratio)] = True
        low, high = float(self.lower[kept].min()), float(self.upper[kept].max())
        first, last = kept[np.argmin(self.upper)], kept[np.argmax(self.lower)]
        return -np.inf if first else low, np.inf if last else high


@dataclass(frozen=True)
class Simple:
    """A short monomial that divides the runs as well as an exact boundary does.

    Attributes
    ----------
    powers : tuple of Fraction
        Exponents of the groups, the largest in size 1.
    value, low, high : float
        Logarithm of the monomial at the boundary and its interval, the direction held.
    sign : int
        1 where it grows along the exact direction, -1 against it.
    """

    powers: tuple[Fraction, ...]
    value: float
    low: float
    high: float
    sign: int


@dataclass(frozen=True, eq=False)
class RegimeThreshold:
    """A boundary ``direction @ x = value`` between two regimes.

    Attributes
    ----------
    direction : ndarray of shape (n_features,)
        Exponents of the monomial of groups; the largest in size is 1.
    value, low, high : float
        Logarithm of the monomial at the boundary and its interval at `level`, the direction held.
    level : float
    kind : str
        "jump", or "continuous" where the two laws meet and their difference fixes the direction.
    rationals : tuple of tuple of Fraction
        For a jump in several groups with an exponent map: the rational directions that the runs
        cannot distinguish at `level`, shortest first.
    profile : Profile
        Likelihood ratios, for intervals at other levels.
    simple : Simple or None
        For a continuous boundary in several groups with an exponent map: the shortest monomial
        that divides the runs as well, where there is one.
    """

    direction: Array
    value: float
    low: float
    high: float
    level: float
    kind: str
    rationals: tuple[tuple[Fraction, ...], ...]
    profile: Profile
    simple: Simple | None = None

    def interval(self, level: float) -> tuple[float, float]:
        """Interval (low, high) at another level."""
        check_level(level)
        return self.profile.interval(level)


def critical(level: float, dof: float, continuous: bool) -> float:
    """Largest likelihood ratio of a boundary that is not rejected."""
    return float(t_quantile(level, dof)) ** 2 if continuous else hansen_quantile(level)


def unit_of_ratio(sample: Sample, pieces: Pieces, k: int) -> float:
    """Noise variance of what moving boundary `k` changes, never below the mean variance.

    It is larger where runs scatter more near the boundary, or where clusters of them agree. For a
    jump it is a kernel average over the runs near the threshold (Hansen 2000, section 3.4); for
    laws that meet, over what the law beyond the boundary loses.
    """
    variance, _ = noise_variance(sample, pieces)
    edge = pieces.tree[k]
    part = sample.take(np.flatnonzero(np.isin(labels(pieces.tree, sample.Z), (k, k + 1))))
    projection, root = part.Z @ edge.direction, np.sqrt(part.weight)
    if edge.continuous:
        beyond = np.maximum(projection - edge.threshold, 0.0)
        table = root[:, None] * np.column_stack([part.design, beyond])
        step = root * (beyond > 0.0)
        change = step - table @ np.linalg.lstsq(table, step, rcond=1e-10)[0]
    else:
        spread = float(np.std(projection)) * len(projection) ** -0.2
        kernel = np.exp(-0.25 * ((projection - edge.threshold) / max(spread, 1e-12)) ** 2)
        change = kernel * root * (part.design @ (pieces.laws[k + 1] - pieces.laws[k]))
    noise = np.bincount(part.cluster, change * root * (part.y - pieces.predict(part.Z)))
    size = float(change @ change)
    return max(variance, float(noise @ noise) / size) if size > 0.0 else variance


def threshold_doubt(sample: Sample, pieces: Pieces) -> Array:
    """Covariance of the laws due to the uncertain positions of the jumps.

    Each jump is moved over the thresholds that its profile does not reject at 95 %, the laws
    beside it refitted; their scatter is averaged with weights exp(-ratio / 2).

    Returns
    -------
    ndarray of shape (n_regimes, rank + 1, rank + 1)
    """
    width = sample.Z.shape[1] + 1
    doubt = np.zeros((pieces.n_regimes, width, width))
    laws = fit_laws(sample, labels(pieces.tree, sample.Z), pieces.n_regimes)
    for k, edge in enumerate(pieces.tree):
        if edge.continuous:
            continue
        unit, dof = unit_of_ratio(sample, pieces, k), noise_variance(sample, pieces)[1]
        profile = BoundaryRuns.of(sample, pieces.tree, k).profile(edge.direction, unit, dof)
        kept = np.flatnonzero(profile.ratio <= hansen_quantile(0.95))
        kept = kept[np.unique(np.linspace(0, len(kept) - 1, _MOVES).astype(np.intp))]
        weight = np.exp(-0.5 * profile.ratio[kept])
        weight /= weight.sum()
        place = 0.5 * (profile.lower[kept] + profile.upper[kept])
        for share, threshold in zip(weight, place, strict=True):
            moved = with_boundary(pieces.tree, k, Boundary(edge.direction, float(threshold)))
            change = fit_laws(sample, labels(moved, sample.Z), pieces.n_regimes) - laws
            doubt += share * (change[:, :, None] * change[:, None, :])
    return doubt


_ROUNDING = float(np.finfo(float).eps)


def round_directions(
    data: RegimeRuns, pieces: Pieces, monomials: list[tuple[int, ...]], level: float
) -> tuple[Pieces, dict[int, list[tuple[int, ...]]]]:
    """The short monomials that each boundary may lie along; jumps are moved onto the shortest.

    Parameters
    ----------
    data : RegimeRuns
    pieces : Pieces
    monomials : list of tuple of int
        Candidate directions in the groups, shortest first.
    level : float
        Of the likelihood-ratio test of each, whose critical value is that of a threshold.

    Returns
    -------
    pieces : Pieces
        Refitted where a direction changed.
    kept : dict of int to list of tuple of int
        For each boundary the monomials that are not rejected, shortest first.
    """
    axes, sample = data.axes, data.sample
    tree, kept = pieces.tree, dict[int, list[tuple[int, ...]]]()
    for k, edge in enumerate(pieces.tree if monomials else ()):
        runs = BoundaryRuns.of(sample, tree, k)
        slack = unit_of_ratio(sample, pieces, k) * hansen_quantile(level)
        # exact runs have losses of rounding alone, which say nothing of a direction
        slack = max(slack, _ROUNDING * len(runs.rows) * float(np.sum(runs.rows[:, -1] ** 2)))
        # the sides of a boundary are not alike: each may be divided further
        ways = [(m, axes.direction(m, towards=edge.direction)) for m in monomials]
        tried = [(monomial, way, *runs.best(way)) for monomial, way in ways if way is not None]
        most = min([runs.best(edge.direction)[1], *(t[3] for t in tried)]) + slack
        fine = [t for t in tried if np.isfinite(t[3]) and t[3] <= most]
        kept[k] = [t[0] for t in fine]
        if fine and not edge.continuous:
            tree = with_boundary(tree, k, Boundary(*fine[0][1:3]))
    if tree is pieces.tree:
        return pieces, kept
    flags = [k for k, edge in enumerate(tree) if edge.continuous]
    moved = fit_continuous(sample, tree, flags) if flags else jump_pieces(sample, tree)
    return pieces if moved is None else moved, kept


@dataclass(frozen=True, eq=False)
class Regime:
    """A region of constant exponents.

    Attributes
    ----------
    conditions : list of (RegimeThreshold, int)
        Boundaries, and 1 where the regime lies above, -1 below. All hold inside the regime; empty
        where there is a single one.
    exponents : ndarray of shape (n_features,)
    intercept : float
        Logarithm of the prefactor.
    parameter_covariance : ndarray of shape (n_features + 1, n_features + 1)
        Of the intercept and the exponents: leave-one-out, and what the place of a jump adds.
    dof : float
        Degrees of freedom of its t quantiles.
    n : int
        Runs of positive weight inside.
    indices : ndarray of int of shape (n,)
        Their rows.
    """

    conditions: list[tuple[RegimeThreshold, int]]
    exponents: Array
    intercept: float
    parameter_covariance: Array
    dof: float
    n: int
    indices: IntArray

    @property
    def covariance(self) -> Array:
        """Covariance of the exponents, shape (n_features, n_features)."""
        return self.parameter_covariance[1:, 1:]

    def intervals(self, level: float = 0.9) -> Array:
        """Intervals of the exponents, shape (n_features, 2)."""
        return t_intervals(self.exponents, np.diag(self.covariance), self.dof, level)

    def intercept_interval(self, level: float = 0.9) -> tuple[float, float]:
        """Interval of the logarithm of the prefactor."""
        variance = self.parameter_covariance[0, 0]
        low, high = t_intervals(self.intercept, variance, self.dof, level).tolist()
        return low, high


def regimes_of(
    data: RegimeRuns, pieces: Pieces, thresholds: Sequence[RegimeThreshold], used: IntArray
) -> tuple[list[Regime], list[int], list[int]]:
    """Regimes in the groups, from pieces in whitened coordinates.

    Parameters
    ----------
    data : RegimeRuns
    pieces : Pieces
    thresholds : sequence of RegimeThreshold
        Of the boundaries of the pieces.
    used : ndarray of int
        Rows of the prepared runs in the caller's table.

    Returns
    -------
    regimes : list of Regime
    leaves, order : list of int
        Their numbers, and those of the boundaries between them, in the pieces.
    """
    axes, sample, scale, tree = data.axes, data.sample, data.scale, pieces.tree
    grows = [monomial_of(edge, axes)[1] > 0 for edge in tree]
    # upwards on each monomial: a boundary whose leading exponent is negative is turned over
    ways = [[(k, side if grows[k] else -side) for k, side in way] for way in paths(tree)]
    leaves = sorted(range(len(ways)), key=lambda leaf: [side for _, side in ways[leaf]])
    order = [
        next(k for (k, side), (_, other) in zip(ways[a], ways[b], strict=False) if side != other)
        for a, b in pairwise(leaves)
    ]
    regime, doubt = labels(tree, sample.Z), threshold_doubt(sample, pieces)
    regimes, translation = [], axes.translation
    for k in leaves:
        index = np.flatnonzero(regime == k)
        estimates = sample.take(index).about(pieces.laws[k])
        law = translation @ (data.base + scale * pieces.laws[k])
        with np.errstate(invalid="ignore"):
            spread = scale**2 * translation @ (estimates.covariance + doubt[k]) @ translation.T
        if not np.isfinite(spread).all():
            spread = np.diag(np.full(len(law), np.inf))
        conditions = [(thresholds[j], side) for j, side in ways[k]]
        dof = max(1.0, float(estimates.dof.min()))
        regimes.append(
            Regime(conditions, law[1:], float(law[0]), spread, dof, len(index), used[index])
        )
    return regimes, leaves, order


def monomial_of(edge: Boundary, axes: WhitenedAxes) -> tuple[Array, float, float]:
    """Exponents of a boundary, the leading one 1, their growth along it and their value there."""
    powers = axes.transform @ edge.direction
    powers = powers / leading(powers)
    # exponents at the level of rounding errors are none
    powers[np.abs(powers) < 1e-12 * np.abs(powers).max()] = 0.0
    factor, offset = axes.units(powers, edge.direction)
    return powers, factor, factor * edge.threshold + offset


def threshold_of(
    data: RegimeRuns, pieces: Pieces, k: int, kept: list[tuple[int, ...]], level: float
) -> RegimeThreshold:
    """Boundary `k` in the groups, with its interval; it may follow the monomials `kept`."""
    axes, sample, edge = data.axes, data.sample, pieces.tree[k]
    runs, unit = BoundaryRuns.of(sample, pieces.tree, k), unit_of_ratio(sample, pieces, k)
    dof = noise_variance(sample, pieces)[1]
    powers, factor, value = monomial_of(edge, axes)
    profile = runs.profile(edge.direction, unit, dof)
    profile = profile.translated(factor, value - factor * edge.threshold)
    place = (powers, value, *profile.interval(level), level)
    rationals = tuple(map(rational, kept))
    if not edge.continuous:
        return RegimeThreshold(*place, "jump", rationals, profile)
    simple = None
    if kept:
        direction = axes.direction(kept[0], towards=edge.direction)
        assert direction is not None
        growth, offset = axes.units([float(p) for p in rationals[0]], direction)
        short = runs.profile(direction, unit, dof).translated(growth, offset)
        middle = float(np.mean([short.lower, short.upper], axis=0)[np.argmin(short.ratio)])
        sign = 1 if growth * factor > 0 else -1
        simple = Simple(rationals[0], middle, *short.interval(level), sign)
    return RegimeThreshold(*place, "continuous", (), profile, simple)


# sign flips: the least p-value, times the two statistics, is then 0.004
_REPLICATES = 499
# places that are tried in a test
_COUNT_CUTS = 32


def structure_p_value(
    sample: Sample, pieces: Pieces, directions: Array, rng: np.random.RandomState
) -> float:
    """Probability, if the laws held, of a further split as strong as the strongest seen.

    The strongest over every regime, direction and threshold is compared with the same search on
    residuals multiplied by random signs per run or cluster, so the search is paid for and unequal
    scatter is allowed (Hansen 1996, Econometrica 64:413).

    Parameters
    ----------
    sample : Sample
    pieces : Pieces
        The laws under test.
    directions : ndarray of shape (n_directions, rank)
        Directions searched; they may not depend on the residuals.
    rng : RandomState

    Returns
    -------
    float
        The lesser of two p-values, plain and robust, times two.
    """
    sample = thin(sample)
    residual = sample.y - pieces.predict(sample.Z)
    regime = labels(pieces.tree, sample.Z)
    clusters, member = np.unique(sample.cluster, return_inverse=True)
    flips = np.where(rng.random_sample((len(clusters), _REPLICATES)) < 0.5, -1.0, 1.0)[member]
    strongest = np.zeros((2, _REPLICATES + 1))
    for k in np.unique(regime):
        index = np.flatnonzero(regime == k)
        part = sample.take(index)
        free = np.maximum(1.0 - np.sum(part.basis**2, axis=1), 0.05)
        seen = (np.sqrt(part.weight) * residual[index])[:, None]
        scaled = seen / free[:, None]
        response = part.apart(np.concatenate([seen, scaled * flips[index]], axis=1))
        for direction in directions:
            strength = _strength(part, part.Z @ direction, response, scaled)
            np.maximum(strongest, strength, out=strongest)
    exceed = np.sum(strongest[:, 1:] >= strongest[:, :1] * (1 - 1e-9), axis=1)
    return float(min(1.0, 2.0 * (1 + exceed.min()) / (_REPLICATES + 1)))


def _strength(part: Sample, projection: Array, response: Array, scaled: Array) -> Array:
    """Largest likelihood ratio of two laws, and largest robust score, of columns of a response.

    Each regime has its own noise: a noisy one hides no other. The robust score weighs the moments
    below a cut by their heteroscedastic covariance, which random signs leave as it is, so that
    outliers discount themselves.
    """
    order = np.argsort(projection, kind="stable")
    cuts = distinct_cuts(projection[order], part.min_runs, _COUNT_CUTS)
    if not len(cuts):
        return np.zeros((2, response.shape[1]))
    basis, response, scaled = part.basis[order], response[order], scaled[order]
    below = prefix_grams(basis, cuts)
    noise = prefix_grams(scaled * basis, np.append(cuts, len(order)))
    cross = np.cumsum([basis[a:b].T @ response[a:b] for a, b in pairwise([0, *cuts])], axis=0)
    # below the cut the moments are S and c, above it I - S and -c: eigenvalues of S serve both
    value, vector = np.linalg.eigh(below)
    along = np.swapaxes(vector, 1, 2) @ cross
    inverse = np.where(value > 1e-10, 1.0 / np.maximum(value, 1e-10), 0.0)
    inverse += np.where(value < 1 - 1e-10, 1.0 / np.maximum(1.0 - value, 1e-10), 0.0)
    gain = np.sum(along**2 * inverse[:, :, None], axis=1).max(axis=0)
    share = gain / np.maximum(np.sum(response**2, axis=0), 1e-300)
    above = np.eye(basis.shape[1]) - below
    spread = above @ noise[:-1] @ above + below @ (noise[-1] - noise[:-1]) @ below
    metric = np.linalg.pinv(spread, rcond=1e-10, hermitian=True)
    robust = np.sum(cross * (metric @ cross), axis=1).max(axis=0)
    return np.array([-len(order) * np.log1p(-np.minimum(share, 1 - 1e-12)), robust])


# chance of one more regime where there is none
SIGNIFICANCE = 0.01
# as is usual: a fifth of the runs is left out
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Selection:
    """The chosen pieces and what chose them.

    Attributes
    ----------
    pieces : Pieces
    scores : dict of int to float
        Criterion for each number of regimes that was fitted; smaller is better.
    p_values : dict of int to float
        Significance of structure left by the best laws with that many regimes, where tested.
    """

    pieces: Pieces
    scores: dict[int, float]
    p_values: dict[int, float]


def by_information(
    sample: Sample, directions: Array, max_regimes: int, kinds: Kinds, seed: int
) -> Selection:
    """Least BIC among the numbers of regimes whose last boundary is significant."""
    path = grow(sample, directions, 1, kinds)
    tested: dict[int, float] = {}

    def left_over(pieces: Pieces) -> float:
        count = pieces.n_regimes
        if count not in tested:
            exact = pieces.loss <= EXACT * len(sample.y)
            rng = np.random.RandomState(seed)
            tested[count] = 1.0 if exact else structure_p_value(sample, pieces, directions, rng)
        return tested[count]

    if max_regimes > 1 and left_over(path[0]) <= SIGNIFICANCE:
        path = grow(sample, directions, max_regimes, kinds)
    scores = [bic(sample, p) for p in path]
    ranked = np.argsort(scores, kind="stable")
    best = next(at for at in ranked if at == 0 or left_over(path[at - 1]) <= SIGNIFICANCE)
    by_count = {p.n_regimes: s for p, s in zip(path, scores, strict=True)}
    return Selection(path[best], by_count, tested)


def by_validation(
    sample: Sample, directions: Array, max_regimes: int, kinds: Kinds, seed: int
) -> Selection:
    """Fewest regimes within one standard error of the least cross-validated loss.

    Folds are of runs, or of clusters where there are any.
    """
    path = grow(sample, directions, max_regimes, kinds)
    if len(path) == 1:
        return Selection(path[0], {1: path[0].loss / len(sample.y)}, {})
    error = np.full((len(path), len(sample.y)), np.nan)
    for train, test in folds(sample.cluster, seed):
        part = grow(sample.take(train), directions, len(path), kinds)
        for k in range(len(path)):
            # A fold too small for that many regimes answers with the most that it supports.
            pieces = part[min(k, len(part) - 1)]
            miss = sample.y[test] - pieces.predict(sample.Z[test])
            error[k, test] = sample.weight[test] * miss**2
    mean = error.mean(axis=1)
    best, cluster = error[np.argmin(mean)], sample.cluster
    chosen = next(p for p, e in zip(path, error, strict=True) if is_as_good(best, e, cluster))
    return Selection(chosen, {p.n_regimes: float(v) for p, v in zip(path, mean, strict=True)}, {})


def folds(cluster: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Five splits by run, or by cluster where runs share one."""
    shared = len(np.unique(cluster)) < len(cluster)
    return run_folds(_FOLDS, len(cluster), cluster if shared else None, seed)


# shortest monomials that are searched along, beside even directions
_SEARCH_MONOMIALS = 32
# shortest monomials that a boundary may be read as
_ROUNDING_MONOMIALS = 200
# a monomial that never varied in the runs has no direction there, but for rounding
_NO_DIRECTION = 1e-12


@dataclass(eq=False, repr=False)
class RegimePowerLaw(ContrastiveRegressor):
    """Power laws in regimes whose number, boundaries and exponents are found from the runs.

    A boundary is a threshold on a monomial of the groups. It is either a jump, whose direction is
    searched, or continuous: two power laws that meet fix it, its normal is the difference of
    their exponents. The result does not depend on the pi basis.

    Parameters
    ----------
    max_regimes : int, default=5
    continuous : {"auto"} or bool, default="auto"
        Whether laws meet at a boundary: decided by the information criterion, always, or never.
    criterion : {"bic", "cv"}, default="bic"
        What chooses the number of regimes: the Bayesian information criterion, where each further
        boundary must also be significant at 1 % in a wild bootstrap of its whole search; or the
        fewest within one standard error of the least run-wise cross-validated loss.
    exponent_map : array-like of shape (n_variables, n_features) or None, default=None
        Exponents of the physical variables in each group. With it, a jump gets the rational
        direction with the smallest physical exponents that the runs cannot distinguish from the
        best; without it, the direction is real. Under X -> X @ U it becomes
        ``exponent_map @ U``.
    min_runs : int or None, default=None
        Smallest number of runs of a regime; None: twice the parameters of a law, 5, or half the
        root of the number of runs, whichever is largest.
    level : float, default=0.9
        Level of the intervals stored in `thresholds_` and of the choice of rational directions.
    random_state : int, RandomState or None, default=0
        For the bootstrap and the folds.

    Attributes
    ----------
    regimes_ : list of Regime
        Conditions, exponents, intercept, covariance, runs.
    thresholds_ : list of RegimeThreshold
        Boundary k separates regimes k and k + 1.
    labels_ : ndarray of shape (n_runs,)
        Regime of each run.
    n_regimes_ : int
    exponents_ : ndarray of shape (n_regimes, n_features)
    intercepts_ : ndarray of shape (n_regimes,)
    covariance_ : ndarray of shape (n_regimes, n_features, n_features)
        Of the exponents, by leaving out runs or clusters, plus what the place of a jump adds.
    bic_ : float
        Of the response in units of its spread.
    n_parameters_ : float
        Parameters that it counts, searches included.
    scores_ : dict of int to float
        Criterion for each number of regimes tried; smaller is better.
    p_values_ : dict of int to float
        Significance of the structure that so many regimes leave, where it was tested.
    intercept_ : float
        Mean prediction over the runs.
    residuals_ : ndarray of shape (n_runs,)
    n_contrasts_, n_pairs_ : int
    n_features_in_ : int

    References
    ----------
    Hansen (2000), Econometrica 68:575. Bai & Perron (2003), J. Applied Econometrics 18:1.

    Examples
    --------
    >>> x = np.linspace(0.0, 6.0, 60)[:, None]
    >>> noise = 0.01 * np.cos(40.0 * x[:, 0] ** 2)
    >>> y = np.where(x[:, 0] < 3.0, 1.0 - x[:, 0], 0.5 - 0.25 * x[:, 0]) + noise
    >>> model = RegimePowerLaw().fit(x, y)
    >>> model.n_regimes_, model.thresholds_[0].kind, np.round(model.exponents_[:, 0], 2).tolist()
    (2, 'jump', [-1.0, -0.25])
    """

    max_regimes: int = 5
    continuous: str | bool = "auto"
    criterion: str = "bic"
    exponent_map: ArrayLike | None = None
    min_runs: int | None = None
    level: float = 0.9
    random_state: int | np.random.RandomState | None = 0

    def _fit(self, runs: TrainingRuns) -> None:
        kinds = self._check()
        used = runs.only_used()
        data = prepare(used.X, used.y, used.weights, used.clusters, self.min_runs)
        axes, sample = data.axes, data.sample
        directions = self._directions(axes)
        seed = seed_of(self.random_state)
        choose = by_information if self.criterion == "bic" else by_validation
        selection = choose(sample, directions, int(self.max_regimes), kinds, seed)
        monomials = self._monomials(axes, _ROUNDING_MONOMIALS) if selection.pieces.tree else []
        pieces, kept = round_directions(data, selection.pieces, monomials, self.level)
        self.scores_, self.p_values_ = selection.scores, selection.p_values
        self.bic_ = bic(sample, pieces)
        self.n_parameters_ = degrees_of_freedom(pieces.tree, axes.rank)
        self._axes, self._tree = axes, pieces.tree
        thresholds = [
            threshold_of(data, pieces, k, kept.get(k, []), self.level)
            for k in range(len(pieces.tree))
        ]
        rows = np.flatnonzero(runs.used)
        self.regimes_, self._leaves, order = regimes_of(data, pieces, thresholds, rows)
        self.thresholds_ = [thresholds[k] for k in order]
        self.n_regimes_ = len(self.regimes_)
        self.exponents_ = np.stack([regime.exponents for regime in self.regimes_])
        self.intercepts_ = np.array([regime.intercept for regime in self.regimes_])
        self.covariance_ = np.stack([regime.covariance for regime in self.regimes_])
        self.dof_ = np.array([[regime.dof] for regime in self.regimes_])
        self.labels_ = self._labels(runs.X)
        fitted = self._pieces(runs.X)
        self.residuals_ = runs.y - fitted
        self.intercept_ = float(np.average(fitted, weights=runs.weights))

    def apply(self, X: ArrayLike) -> IntArray:
        """Regime of each row, shape (n_runs,)."""
        return self._labels(self._checked_rows(X))

    def _labels(self, X: Array) -> IntArray:
        return np.argsort(self._leaves)[labels(self._tree, self._axes.apply(X))]

    def _potential(self, X: Array) -> Array:
        return np.asarray(self._pieces(X) - self.intercept_)

    def _pieces(self, X: Array) -> Array:
        regime = self._labels(X)
        return np.asarray(self.intercepts_[regime] + np.sum(self.exponents_[regime] * X, axis=1))

    def _check(self) -> Kinds:
        if int(self.max_regimes) != self.max_regimes or self.max_regimes < 1:
            raise InputError(f"max_regimes must be a positive integer, got {self.max_regimes!r}")
        if self.criterion not in ("bic", "cv"):
            raise InputError(f"criterion must be 'bic' or 'cv', got {self.criterion!r}")
        if self.continuous not in ("auto", True, False):
            raise InputError(f"continuous must be 'auto', True or False, got {self.continuous!r}")
        check_level(self.level)
        return Kinds(jump=self.continuous is not True, continuous=self.continuous is not False)

    def _monomials(self, axes: WhitenedAxes, most: int) -> list[tuple[int, ...]]:
        if self.exponent_map is None or axes.rank < 2:
            return []
        return short_monomials(checked_map(self.exponent_map, self.n_features_in_), most)

    def _directions(self, axes: WhitenedAxes) -> Array:
        least = _NO_DIRECTION * float(np.linalg.norm(axes.inverse))
        ways = (axes.direction(m, least) for m in self._monomials(axes, _SEARCH_MONOMIALS))
        return np.vstack([sphere(axes.rank), *(way for way in ways if way is not None)])


# ---- Smooth crossovers between two power laws, and whether the runs prefer one to sharp regimes.
#
# The two laws are blended as (A^n + B^n)^(1/n), fitted on the log scale. Everything is in
# whitened coordinates with a standardised response, where the blend keeps its form and n is
# multiplied by the scale of the response.


# blunt, usual and sharp: one of them leads to the best minimum
_STARTING_POWERS = (0.5, 1.5, 5.0)
# of log |n|: as an interval is printed
_CLOSE = 0.003
# evaluations of every start, and starts that are followed to the end
_LOOK, _KEPT = 8, 3


def best_blend(sample: Sample, start: Array, scale: float, power: float | None) -> Blend:
    """Best of the local minima near starting laws.

    Parameters
    ----------
    sample : Sample
    start : ndarray of shape (2, rank + 1)
        Laws beside a sharp boundary. They are also tried with their difference enlarged, because
        a wide crossover bends the laws beside it towards each other.
    scale : float
        Spread of the response: n of the response is n of the sample over it.
    power : float or None
        n of the response where the form fixes it.
    """
    runs, some = ((s.design, s.y, s.weight) for s in (sample, thin(sample)))
    bounds = None if power is not None else (BLUNTEST * scale, SHARPEST * scale)
    powers = [s * p * scale for p in _STARTING_POWERS for s in (1.0, -1.0)]
    powers = powers if power is None else [power * scale]
    blends, middle = [], start.mean(axis=0)
    for factor, first in product((1.0, 1.7), powers):
        laws = middle + factor * (start - middle)
        blends.append(descend(some, laws, first, bounds, max_nfev=_LOOK))
    promising = sorted(blends, key=lambda b: b.loss)[:_KEPT]
    best = min((descend(some, b.laws, b.power, bounds) for b in promising), key=lambda b: b.loss)
    whole = len(some[1]) == len(runs[1])
    return best if whole else descend(runs, best.laws, best.power, bounds)


def power_profile(sample: Sample, best: Blend, scale: float, slack: float) -> tuple[float, float]:
    """Range of |n| whose loss exceeds the least by at most `slack`.

    Parameters
    ----------
    sample : Sample
    best : Blend
    scale : float
    slack : float

    Returns
    -------
    low, high : float
        Of |n| of the sample; 0 or infinity where no admissible n is rejected.
    """
    sign, at = np.sign(best.power), float(np.log(abs(best.power)))
    runs = sample.design, sample.y, sample.weight

    def excess(log: float) -> float:
        held = descend(runs, best.laws, float(sign * np.exp(log)), None)
        # the loss is nearly quadratic, and its root a line
        return float(np.sqrt(max(held.loss - best.loss, 0.0)) - np.sqrt(slack))

    ends = []
    for limit, beyond in ((BLUNTEST, 0.0), (SHARPEST, np.inf)):
        last = float(np.log(limit * scale))
        rejected = excess(last) > 0.0
        ends.append(float(np.exp(brentq(excess, at, last, xtol=_CLOSE))) if rejected else beyond)
    return ends[0], ends[1]


# power of the mean of both laws that each form is; of a blend, fitted
FORMS: dict[str, float | None] = {"sum": 1.0, "saturation": -1.0, "blend": None}


@dataclass(eq=False, repr=False)
class CrossoverPowerLaw(ContrastiveRegressor):
    """Two power laws A and B of the groups, joined as (A^n + B^n)^(1/n).

    Positive n: the larger law wins far from the crossover; negative n: the smaller; the larger
    ``abs(n)``, the sharper. n = 1 is the sum A + B, n = -1 the saturation A / (1 + A / B).

    Parameters
    ----------
    form : {"auto", "blend", "sum", "saturation"}, default="auto"
        Auto takes the least information criterion; n counts as one parameter where it is fitted.
    level : float, default=0.9
        Level of the stored interval of n.

    Attributes
    ----------
    form_ : str
        The form used; "single" where the runs are too few for two laws.
    n_regimes_ : int
        Number of laws.
    exponents_ : ndarray of shape (2, n_features)
        Of A, which holds on the lower side of the crossover, and of B.
    intercepts_ : ndarray of shape (2,)
        Logarithms of their prefactors.
    covariance_ : ndarray of shape (2, n_features, n_features)
        Of the exponents, by leaving out runs or clusters.
    parameter_covariance_ : ndarray of shape (2 + 2 * n_features, 2 + 2 * n_features)
        Of (intercept, exponents) of A, then of B.
    n_ : float
        nan where there is a single law.
    n_interval_ : tuple of float
        Profile-likelihood interval of n at `level`; equal ends where the form fixes it, an
        infinite end where the runs do not distinguish the crossover from a sharp one.
    direction_ : ndarray of shape (n_features,)
        Monomial along which A gives way to B, the largest exponent 1.
    threshold_ : float
        Logarithm of the monomial where A = B.
    scores_ : dict of str to float
        Bayesian information criterion of each form tried; smaller is better.
    bic_ : float
    n_parameters_ : int
    intercept_ : float
        Mean prediction over the runs.
    residuals_ : ndarray of shape (n_runs,)
    n_contrasts_, n_pairs_ : int
    n_features_in_ : int

    References
    ----------
    Churchill & Usagi (1972), AIChE Journal 18:1121.

    Examples
    --------
    >>> x = np.linspace(-4.0, 4.0, 60)[:, None]
    >>> noise = 0.01 * np.cos(40.0 * x[:, 0] ** 2)
    >>> y = np.logaddexp(2.0 * 0.5 * x[:, 0], 2.0 * (1.0 + 2.0 * x[:, 0])) / 2.0 + noise
    >>> model = CrossoverPowerLaw().fit(x, y)
    >>> model.form_, round(model.n_, 1), np.round(model.exponents_[:, 0], 2).tolist()
    ('blend', 2.0, [0.5, 2.0])
    """

    form: str = "auto"
    level: float = 0.9

    def _fit(self, runs: TrainingRuns) -> None:
        if self.form != "auto" and self.form not in FORMS:
            raise InputError(f"form must be 'auto' or one of {sorted(FORMS)}, got {self.form!r}")
        check_level(self.level)
        used = runs.only_used()
        data = prepare(used.X, used.y, used.weights, used.clusters)
        self._publish(data, *self._choose(data))
        fitted = self._blend(runs.X)
        self.residuals_ = runs.y - fitted
        self.intercept_ = float(np.average(fitted, weights=runs.weights))

    def _choose(self, data: RegimeRuns) -> tuple[str, Blend]:
        sample, width = data.sample, data.axes.rank + 1
        n, loss = len(sample.y), jump_pieces(sample, ()).loss
        by_form = {"single": Blend(np.zeros((2, width)), np.nan, loss)}
        if n >= 2 * width + 3 and (start := _start(data)) is not None:
            wanted = list(FORMS) if self.form == "auto" else [self.form]
            by_form = {f: best_blend(sample, start, data.scale, FORMS[f]) for f in wanted}
        self.scores_ = {
            form: information(blend.loss, n, _parameters(data, form))
            for form, blend in by_form.items()
        }
        best = min(self.scores_, key=lambda form: self.scores_[form])
        self.bic_ = self.scores_[best]
        self.n_parameters_ = _parameters(data, best)
        return best, by_form[best]

    def _publish(self, data: RegimeRuns, form: str, blend: Blend) -> None:
        axes, sample, scale = data.axes, data.sample, data.scale
        width, translation = axes.rank + 1, axes.translation
        laws = (data.base + scale * blend.laws) @ translation.T
        difference = laws[1] - laws[0]
        lead = leading(difference[1:])
        # The winner below the crossover comes first.
        turned = np.isfinite(blend.power) and blend.power * lead < 0
        order = np.array([1, 0]) if turned else np.array([0, 1])
        self.form_, self.n_regimes_ = form, 1 + (form != "single")
        self.intercepts_, self.exponents_ = laws[order, 0], laws[order, 1:]
        self.direction_ = difference[1:] / lead
        self.threshold_ = -float(difference[0]) / lead
        self.n_ = blend.power / scale
        inside = BLUNTEST * 1.001 < abs(self.n_) < SHARPEST * 0.999
        free = form == "blend" and inside
        if form == "single":
            jacobian, miss = sample.design, sample.y
        else:
            jacobian = blend.jacobian(sample.design, free)
            miss = sample.y - blend.parts(sample.design)[1]
        estimates = linearised(jacobian, miss, sample.weight, sample.cluster)
        spread, self.dof_ = estimates.covariance, max(1.0, float(estimates.dof.min()))
        determined = np.isfinite(spread).all()
        head = np.tile(spread, (2, 2)) if form == "single" else spread[: 2 * width, : 2 * width]
        wide = np.kron(np.eye(2)[order], translation)
        size = wide.shape[0]
        full = scale**2 * wide @ head @ wide.T if determined else np.diag(np.full(size, np.inf))
        self.parameter_covariance_ = full
        half = size // 2
        self.covariance_ = np.stack([full[1:half, 1:half], full[half + 1 :, half + 1 :]])
        self.n_interval_ = (self.n_, self.n_)
        if form == "blend":
            error = float(np.sqrt(spread[-1, -1])) if free and determined else 0.5
            self.n_interval_ = self._interval_of_n(data, blend, jacobian, error if free else np.nan)

    def _interval_of_n(
        self, data: RegimeRuns, blend: Blend, jacobian: Array, error: float
    ) -> tuple[float, float]:
        """Profile interval; unequal scatter widens it by the robust over the plain variance."""
        sample = data.sample
        dof = max(1, len(sample.y) - 2 * (data.axes.rank + 1) - 1)
        variance = blend.loss / dof
        factor = 1.0
        if np.isfinite(error) and variance > 0:
            gram = jacobian.T @ (sample.weight[:, None] * jacobian)
            plain = variance * float(np.linalg.pinv(gram, hermitian=True)[-1, -1])
            factor = max(1.0, error**2 / plain) if plain > 0 else 1.0
        bound = float(t_quantile(self.level, dof)) ** 2
        slack = max(bound * variance * min(factor, 100.0), EXACT * len(sample.y))
        low, high = power_profile(sample, blend, data.scale, slack)
        low, high = low / data.scale, high / data.scale
        return (low, high) if blend.power > 0 else (-high, -low)

    def _blend(self, X: Array) -> Array:
        laws = self.intercepts_ + X @ self.exponents_.T
        return np.asarray(laws[:, 0]) if self.form_ == "single" else mix(laws, self.n_)[0]

    def _potential(self, X: Array) -> Array:
        return np.asarray(self._blend(X) - self.intercept_)


def _parameters(data: RegimeRuns, form: str) -> int:
    width = data.axes.rank + 1
    return {"single": width, "blend": 2 * width + 1}.get(form, 2 * width)


def _start(data: RegimeRuns) -> Array | None:
    """Laws beside the best continuous boundary, or beside a jump where no laws meet."""
    for kinds in (Kinds(False, True), Kinds(True, False)):
        path = grow(data.sample, sphere(data.axes.rank), 2, kinds)
        if len(path) > 1:
            return path[1].laws
    return None


# quantile of the normal distribution that chance exceeds one time in twenty
_ONE_SIDED_5 = 1.645


@dataclass(frozen=True, eq=False)
class CrossoverChoice:
    """One way to join two power laws.

    Attributes
    ----------
    name : {"single", "continuous", "jump", "sum", "saturation", "blend"}
    criterion : float
        Information criterion, or cross-validated mean squared error; smaller is better.
    model : estimator
        Fitted to all runs.
    """

    name: str
    criterion: float
    model: RegimePowerLaw | CrossoverPowerLaw


def choose_crossover(
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    criterion: str = "bic",
    random_state: int = 0,
) -> list[CrossoverChoice]:
    """Compare a single power law, sharp boundaries and smooth crossovers on the same runs.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups.
    y : array-like of shape (n_runs,)
        Logarithm of the response group.
    sample_weight : array-like of shape (n_runs,), optional
    groups : array-like of shape (n_runs,), optional
        Clusters of runs, held out together.
    criterion : {"bic", "cv"}, default="bic"
    random_state : int, default=0
        For the folds and for the tests inside the sharp fits.

    Returns
    -------
    list of CrossoverChoice
        Best first. A sharp boundary is listed only where it is significant, and a smooth form
        ahead of the single law only where it predicts runs left out better, too: the edge of a
        crossover can be bent through one outlying run.

    Raises
    ------
    InputError
        If `criterion` is unknown.

    Examples
    --------
    >>> x = np.linspace(-4.0, 4.0, 80)[:, None]
    >>> noise = 0.02 * np.cos(40.0 * x[:, 0] ** 2)
    >>> y = np.logaddexp(0.5 * x[:, 0], 1.0 + 2.0 * x[:, 0]) + noise
    >>> choose_crossover(x, y)[0].name
    'sum'
    """
    if criterion not in ("bic", "cv"):
        raise InputError(f"criterion must be 'bic' or 'cv', got {criterion!r}")
    rows, target = check_X_y(X, y, dtype=np.float64, y_numeric=True)
    weight = checked_weights(sample_weight, len(rows))
    runs = TrainingRuns(rows, target, weight, cluster_codes(groups, len(target)))
    candidates: dict[str, RegimePowerLaw | CrossoverPowerLaw] = {
        "single": RegimePowerLaw(max_regimes=1, random_state=random_state),
        "continuous": RegimePowerLaw(2, continuous=True, random_state=random_state),
        "jump": RegimePowerLaw(2, continuous=False, random_state=random_state),
        **{form: CrossoverPowerLaw(form) for form in FORMS},
    }
    choices = []
    for name, model in candidates.items():
        model.fit(rows, target, sample_weight=weight, groups=runs.groups)
        if name != "single" and model.n_regimes_ < 2:
            continue
        value = model.bic_
        if criterion == "cv":
            value = weight @ _held_out_squares(model, runs, random_state) / weight.sum()
        choices.append(CrossoverChoice(name, float(value), model))
    single = choices[0]
    return [
        choice
        for choice in sorted(choices, key=lambda choice: choice.criterion)
        if choice.criterion >= single.criterion
        or isinstance(choice.model, RegimePowerLaw)
        or _predicts_better(choice, single, runs, random_state)
    ]


def _predicts_better(
    smooth: CrossoverChoice, single: CrossoverChoice, runs: TrainingRuns, seed: int
) -> bool:
    """Whether the gain on runs left out exceeds what chance gives one time in twenty."""
    one, two = (_held_out_squares(c.model, runs, seed) for c in (single, smooth))
    gain = np.bincount(runs.clusters, runs.weights * (one - two))
    return bool(gain.sum() > _ONE_SIDED_5 * np.sqrt(np.sum(gain**2)))


def _held_out_squares(
    model: RegimePowerLaw | CrossoverPowerLaw, runs: TrainingRuns, seed: int
) -> Array:
    """Squared error of each run by a fit without its fold."""
    squares, cluster = np.zeros(len(runs)), runs.clusters
    for train, test in folds(cluster, seed):
        some = runs.take(train)
        part = clone(model).fit(some.X, some.y, some.weights, some.groups)
        squares[test] = (runs.y[test] - part.predict(runs.X[test])) ** 2
    return squares
