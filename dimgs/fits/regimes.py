"""Regimes of constant exponents, their boundaries and how many there are.

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
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.fits.base import ContrastiveRegressor, TrainingRuns, seed_of
from dimgs.fits.covariance import Linearised, check_level, linearised, t_intervals, t_quantile
from dimgs.fits.design.splits import run_folds
from dimgs.fits.design.whitening import Whitening, whiten
from dimgs.fits.one_error import is_as_good
from dimgs.fits.short_vectors import checked_map, short_monomials
from dimgs.fits.solve import oriented

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
        self, monomial: Sequence[float], least: float = 0.0, towards: Array | None = None
    ) -> Array | None:
        """Unit direction along which a monomial of the groups varies among the runs, shape (rank,).

        None where its length, in whitened coordinates, is no more than `least`. Of the two ways
        along it, that `towards` a direction, if one is given.
        """
        direction = self.inverse @ np.asarray(monomial, dtype=np.float64)
        length = float(np.linalg.norm(direction))
        if towards is not None and direction @ towards < 0:
            direction = -direction
        return np.asarray(direction / length) if length > least else None


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
# cuts of a first scan: between them the loss is smooth enough for the scans that refine it
_CUTS = 64
# rows up to which all prefixes cost less than blocks
_DENSE = 400


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
    """Gram matrices of the first cuts[i] rows, shape (n_cuts, q, q); `cuts` ascending."""
    if len(rows) <= _DENSE:
        total = np.cumsum(rows[:, :, None] * rows[:, None, :], axis=0)
        return np.asarray(np.concatenate([np.zeros_like(total[:1]), total])[cuts])
    grams = np.empty((len(cuts), rows.shape[1], rows.shape[1]))
    running = np.zeros(grams.shape[1:])
    start = 0
    for i, stop in enumerate(cuts):
        block = rows[start:stop]
        running = running + block.T @ block
        grams[i] = running
        start = int(stop)
    return grams


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
    rows: Array,
    projection: Array,
    left: IntArray,
    right: IntArray,
    min_runs: int,
    most: int = _CUTS,
    exact: bool = False,
) -> tuple[float, float]:
    """Threshold on a projection with the least loss, and that loss (infinite if none is possible).

    A first scan over at most `most` cuts; with `exact`, the neighbourhood of the best one is
    scanned again until every run has been considered, so the cost stays linear in the runs.
    """
    order = np.argsort(projection, kind="stable")
    ordered, rows, left, right = projection[order], rows[order], left[order], right[order]
    every = distinct_cuts(ordered, min_runs)
    if not len(every):
        return 0.0, np.inf
    low, high = 0, len(every) - 1
    while True:
        chosen = np.unique(np.linspace(low, high, min(most, high - low + 1)).astype(np.intp))
        loss = split_losses(rows, left, right, every[chosen], min_runs)
        at = int(np.argmin(loss))
        if not exact or len(chosen) == high - low + 1:
            break
        low, high = int(chosen[max(at - 1, 0)]), int(chosen[min(at + 1, len(chosen) - 1)])
    cut = int(every[chosen[at]])
    return float(0.5 * (ordered[cut - 1] + ordered[cut])), float(loss[at])


def best_chains(
    rows: Array, projection: Array, min_runs: int, most: int
) -> list[tuple[Array, float]]:
    """Least-loss thresholds along one direction for 2, 3, ..., `most` regimes.

    Dynamic programming over at most `_CUTS` cuts (Bai & Perron 2003, J. Appl. Econometrics 18:1).

    Returns
    -------
    list of (thresholds, loss)
        Shorter than `most` - 1 where the runs are too few.
    """
    order = np.argsort(projection, kind="stable")
    ordered = projection[order]
    cuts = distinct_cuts(ordered, min_runs, _CUTS)
    if not len(cuts):
        return []
    stops = np.concatenate([[0], cuts, [len(ordered)]]).astype(np.intp)
    grams = prefix_grams(rows[order], stops)
    i, j = np.triu_indices(len(stops), k=1)
    wide = stops[j] - stops[i] >= min_runs
    cost = np.full((len(stops), len(stops)), np.inf)
    cost[i[wide], j[wide]] = losses(grams[j[wide]] - grams[i[wide]])
    best = cost[0]
    back: list[IntArray] = []
    chains: list[tuple[Array, float]] = []
    for _ in range(2, most + 1):
        total = best[:, None] + cost
        back.append(np.argmin(total, axis=0))
        best = np.min(total, axis=0)
        if not np.isfinite(best[-1]):
            break
        place, at = [], len(stops) - 1
        for pointer in reversed(back):
            at = int(pointer[at])
            place.append(int(stops[at]))
        cut = np.array(place[::-1])
        chains.append((0.5 * (ordered[cut - 1] + ordered[cut]), float(best[-1])))
    return chains


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


def curvature_directions(sample: Sample) -> Array:
    """Principal Hessian directions of the response (Li 1992, JASA 87:1025), largest first.

    The kink between two power laws is curvature along the normal of their boundary.
    """
    hessian = (sample.Z * (sample.weight * sample.y)[:, None]).T @ sample.Z
    value, vector = np.linalg.eigh(hessian)
    vector = vector[:, np.argsort(-np.abs(value), kind="stable")]
    return np.asarray((vector * oriented(vector)).T)


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


def knots_of(projection: Array, min_runs: int, most: int) -> Array:
    """Thresholds between runs that leave enough of them on both sides."""
    ordered = np.sort(projection)
    cuts = distinct_cuts(ordered, min_runs, most)
    return np.asarray(0.5 * (ordered[cuts - 1] + ordered[cuts]))


def kink_scores(
    sample: Sample, projection: Array, knots: Array, response: Array
) -> tuple[Array, Array]:
    """Projections on single hinges, given the law already fitted.

    Parameters
    ----------
    sample : Sample
    projection : ndarray of shape (n_runs,)
    knots : ndarray of shape (n_knots,)
    response : ndarray of shape (n_runs, n_responses)
        Weighted responses, already without what the law explains.

    Returns
    -------
    scores : ndarray of shape (n_knots, n_responses)
        Their squares are the reductions of the sum of squares.
    hinges : ndarray of shape (n_runs, n_knots)
        Unit vectors beside the law; zero where it already contains the hinge.
    """
    hinge = np.sqrt(sample.weight)[:, None] * np.maximum(projection[:, None] - knots, 0.0)
    raw = np.sum(hinge**2, axis=0)
    hinge = sample.apart(hinge)
    size = np.sqrt(np.sum(hinge**2, axis=0))
    usable = size > 1e-5 * np.sqrt(raw)
    hinge *= np.where(usable, 1.0 / np.where(usable, size, 1.0), 0.0)
    return np.asarray(hinge.T @ response), hinge


def best_hinge(
    sample: Sample, regime: IntArray, directions: Array
) -> tuple[int, Array, float] | None:
    """The regime, direction and threshold of the hinge that explains most, or None."""
    best: tuple[int, Array, float] | None = None
    most = 0.0
    for k in range(int(regime.max()) + 1):
        part = thin(sample.take(np.flatnonzero(regime == k)))
        response = part.apart(part.rows[:, -1:])
        for direction in directions:
            projection = part.Z @ direction
            knots = knots_of(projection, part.min_runs, 32)
            if len(knots):
                gain = kink_scores(part, projection, knots, response)[0][:, 0] ** 2
                at = int(np.argmax(gain))
                if gain[at] > most * (1 + 1e-9):
                    most, best = float(gain[at]), (k, direction, float(knots[at]))
    return best


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


def chain(direction: Array, thresholds: Array) -> Tree:
    """Parallel boundaries along one direction, thresholds ascending."""
    return tuple(Boundary(direction, t, order=k) for k, t in enumerate(thresholds.tolist()))


def at_boundary(tree: Tree, k: int, Z: Array) -> tuple[Array, IntArray, IntArray]:
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
    return left != right, left, right


def paths(tree: Tree) -> list[list[tuple[int, int]]]:
    """For each regime, the boundaries on its way as (number, side): side -1 below, +1 above."""
    ways: list[list[tuple[int, int]]] = []
    for regime in range(len(tree) + 1):
        ways.append([])
        first, last = 0, len(tree)
        for k in downwards(tree):
            if first <= k < last:
                ways[-1].append((k, 1 if regime > k else -1))
                first, last = (k + 1, last) if regime > k else (first, k)
    return ways


# shares of a step towards the least squares that are tried
_STEPS = 0.5 ** np.arange(8)


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
    miss = np.empty_like(sample.y)
    for k, law in enumerate(laws):
        member = regime == k
        miss[member] = sample.y[member] - law[0] - sample.Z[member] @ law[1:]
    return float(sample.weight @ miss**2)


def _derive(tree: Tree, laws: Array) -> Tree | None:
    """The tree with its continuous boundaries where the laws meet; None if two are parallel."""
    edges = []
    for old, law, change in zip(tree, laws, np.diff(laws, axis=0), strict=False):
        edge, length = old, float(np.linalg.norm(change[1:]))
        if old.continuous:
            if length <= 1e-9 * (1.0 + float(np.abs(law[1:]).max())):
                return None
            if change[1:] @ old.direction < 0:
                length = -length
            edge = replace(old, direction=change[1:] / length, threshold=-change[0] / length)
        edges.append(edge)
    return tuple(edges)


def _evaluate(sample: Sample, tree: Tree, laws: Array) -> Pieces | None:
    derived = _derive(tree, laws)
    if derived is None:
        return None
    regime = labels(derived, sample.Z)
    if np.bincount(regime, minlength=len(laws)).min() < sample.min_runs:
        return None
    return Pieces(derived, laws, _loss(sample, laws, regime))


def _hinge_laws(sample: Sample, tree: Tree) -> Array:
    """Least squares of laws that meet at the given parallel boundaries."""
    columns = [np.maximum(sample.Z @ edge.direction - edge.threshold, 0.0) for edge in tree]
    root = np.sqrt(sample.weight)[:, None]
    design = root * np.column_stack([sample.design, *columns])
    solution = np.linalg.lstsq(design, root[:, 0] * sample.y, rcond=1e-10)[0]
    width = sample.Z.shape[1] + 1
    laws = [solution[:width]]
    for edge, change in zip(tree, solution[width:], strict=True):
        laws.append(laws[-1] + change * np.append(-edge.threshold, edge.direction))
    return np.array(laws)


def fit_continuous(sample: Sample, tree: Tree, which: list[int]) -> Pieces | None:
    """Fit with the boundaries numbered `which` continuous; None where the laws do not meet."""
    flagged = tuple(replace(b, continuous=k in which) for k, b in enumerate(tree))
    starts = [fit_laws(sample, labels(tree, sample.Z), len(tree) + 1)]
    parallel = all(abs(abs(b.direction @ tree[0].direction) - 1) < 1e-9 for b in tree)
    if len(which) == len(tree) and parallel:
        starts.append(_hinge_laws(sample, tree))
    evaluated = [_evaluate(sample, flagged, start) for start in starts]
    results = [_descend(sample, current) for current in evaluated if current is not None]
    return min(results, key=lambda r: r.loss, default=None)


def _descend(sample: Sample, current: Pieces) -> Pieces:
    for _ in range(50):
        goal = fit_laws(sample, labels(current.tree, sample.Z), current.n_regimes)
        move = goal - current.laws
        trials = (_evaluate(sample, current.tree, current.laws + step * move) for step in _STEPS)
        least = current.loss * (1 - 1e-12)
        better = next((t for t in trials if t is not None and t.loss < least), None)
        if better is None:
            return current
        settled = better.loss > current.loss * (1 - 1e-9)
        current = better
        if settled:
            break
    return current


# first step of the pattern search, in radians, and what it shrinks by
_WIDEST, _NARROWER = 0.3, 0.45

Place = Callable[[Array], tuple[float, float]]


def placer(sample: Sample, tree: Tree, k: int) -> Place:
    """Function (direction) -> (threshold, loss) for boundary `k`, the others held."""
    reaches, left, right = at_boundary(tree, k, sample.Z)
    Z, rows, left, right = sample.Z[reaches], sample.rows[reaches], left[reaches], right[reaches]

    def place(direction: Array) -> tuple[float, float]:
        return best_cut(rows, Z @ direction, left, right, sample.min_runs, exact=True)

    return place


def polish(sample: Sample, tree: Tree) -> Tree:
    """Move each boundary to its best threshold; turn it where no other is parallel to it."""
    for _ in range(2 if len(tree) > 1 else 1):
        for k, edge in enumerate(tree):
            place = placer(sample, tree, k)
            direction = edge.direction
            threshold, loss = place(direction)
            if not np.isfinite(loss):
                continue
            others = [b.direction for j, b in enumerate(tree) if j != k]
            if direction.size > 1 and not any(abs(abs(d @ direction) - 1) < 1e-9 for d in others):
                turned = _turn(direction, loss, place, max(0.25 / len(sample.y), 1e-4))
                if turned is not direction:
                    direction = turned
                    threshold, _ = place(direction)
            tree = with_boundary(tree, k, Boundary(direction, threshold))
    return tree


def _turn(direction: Array, loss: float, place: Place, finest: float) -> Array:
    """Pattern search on the sphere, in coordinates that no basis can change."""
    size = _WIDEST
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
# best directions of one boundary along which several are tried
_CHAIN_DIRECTIONS = 6


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
    if max_regimes < 2 or len(sample.y) < 2 * sample.min_runs or not sample.Z.shape[1]:
        return path
    directions = np.concatenate([directions, curvature_directions(sample)])
    tree, favourites = _first_split(sample, directions)
    if not tree:
        return path
    chains = _chains(sample, favourites, max_regimes)
    jumps: Tree = ()
    for count in range(2, max_regimes + 1):
        proposals: list[Tree] = [tree] if count == 2 else _proposals(sample, jumps, directions)
        if count in chains:
            proposals.append(chains[count])
        polished = [jump_pieces(sample, polish(sample, p)) for p in proposals]
        if not polished:
            break
        jump = min(polished, key=lambda p: bic(sample, p))
        jumps = jump.tree
        options = [jump] if kinds.jump else []
        if kinds.continuous:
            options += _kinked(sample, jump, path[-1], directions, kinds)
        if not options:
            break
        path.append(min(options, key=lambda p: bic(sample, p)))
        last = [bic(sample, p) for p in path[-3:]]
        if len(last) > 2 and last[2] > last[1] > last[0]:
            break
        if path[-1].loss <= EXACT * len(sample.y):
            break
    return path


def _first_split(sample: Sample, directions: Array) -> tuple[Tree, Array]:
    alone = np.zeros(len(sample.y), dtype=np.intp)
    rows = sample.rows
    cuts = [best_cut(rows, sample.Z @ d, alone, alone, sample.min_runs) for d in directions]
    loss = np.array([c[1] for c in cuts])
    if not np.isfinite(loss).any():
        return (), directions[:0]
    least = max(float(loss.min()), EXACT)
    # Equal up to rounding errors is equal: the first of them, in every basis.
    order = np.argsort(np.round(loss / least, 9), kind="stable")
    at = order[0]
    tree = polish(sample, (Boundary(directions[at], cuts[at][0]),))
    best = tree[0].direction[None]
    if sample.Z.shape[1] == 1:
        return tree, best
    return tree, np.concatenate([best, directions[order[:_CHAIN_DIRECTIONS]]])


def _chains(sample: Sample, favourites: Array, max_regimes: int) -> dict[int, Tree]:
    best: dict[int, tuple[float, Tree]] = {}
    rows = sample.rows
    for direction in favourites:
        chains = best_chains(rows, sample.Z @ direction, sample.min_runs, max_regimes)
        for thresholds, loss in chains:
            count = len(thresholds) + 1
            if count not in best or loss < best[count][0] * (1 - 1e-9):
                best[count] = (loss, chain(direction, thresholds))
    return {count: tree for count, (_, tree) in best.items()}


def _proposals(sample: Sample, tree: Tree, directions: Array) -> list[Tree]:
    """The tree with the regime split that gains most."""
    regime = labels(tree, sample.Z)
    rows = sample.rows
    best: tuple[float, Tree] | None = None
    for k in range(len(tree) + 1):
        index = np.flatnonzero(regime == k)
        if len(index) < 2 * sample.min_runs:
            continue
        alone = np.zeros(len(index), dtype=np.intp)
        Z, part = sample.Z[index], rows[index]
        whole = jump_pieces(sample.take(index), ()).loss
        for direction in directions:
            threshold, loss = best_cut(part, Z @ direction, alone, alone, sample.min_runs)
            gain = whole - loss
            if np.isfinite(gain) and (best is None or gain > best[0] + 1e-9 * abs(best[0])):
                best = (gain, split_leaf(tree, k, Boundary(direction, threshold)))
    return [] if best is None else [best[1]]


def _kinked(
    sample: Sample, jump: Pieces, fewer: Pieces, directions: Array, kinds: Kinds
) -> list[Pieces]:
    """Variants with continuous boundaries, from the jumps and from the best extra hinge."""
    count = jump.n_regimes
    every = list(range(count - 1))
    starts: list[Tree] = [jump.tree]
    hinge = best_hinge(sample, labels(fewer.tree, sample.Z), directions)
    if hinge is not None and fewer.n_regimes == count - 1:
        starts.append(split_leaf(fewer.tree, hinge[0], Boundary(hinge[1], hinge[2])))
    fits = [fit_continuous(sample, start, every) for start in starts]
    if kinds.jump and count > 2:
        single = [fit_continuous(sample, jump.tree, [k]) for k in every]
        fits, score = fits + single, bic(sample, jump)
        helpful = [k for k in every if (p := single[k]) is not None and bic(sample, p) < score]
        if 1 < len(helpful) < len(every):
            fits.append(fit_continuous(sample, jump.tree, helpful))
    return [pieces for pieces in fits if pieces is not None]


def noise_variance(sample: Sample, pieces: Pieces) -> tuple[float, float]:
    """Residual variance and its degrees of freedom, searches not counted twice."""
    used = degrees_of_freedom(pieces.tree, sample.Z.shape[1])
    laws = pieces.laws.size + pieces.n_regimes - 1
    dof = max(1.0, len(sample.y) - min(used, float(laws)))
    return max(pieces.loss / dof, 1e-300), dof


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


def simple_boundaries(
    data: RegimeRuns, pieces: Pieces, monomials: list[tuple[int, ...]], level: float
) -> dict[int, tuple[tuple[int, ...], Boundary]]:
    """For each continuous boundary the shortest monomial that the runs do not reject.

    The laws are held, and the runs that change sides are judged by the other law: the loss may
    rise by no more than the likelihood ratio allows.

    Parameters
    ----------
    data : RegimeRuns
    pieces : Pieces
    monomials : list of tuple of int
        Candidate directions in the groups, shortest first.
    level : float

    Returns
    -------
    dict of int to (tuple of int, Boundary)
        By the number of the boundary; absent where every candidate is rejected.
    """
    axes, sample = data.axes, data.sample
    rounded: dict[int, tuple[tuple[int, ...], Boundary]] = {}
    variance, dof = noise_variance(sample, pieces)
    slack = float(t_quantile(level, dof)) ** 2 * variance
    miss = sample.y[:, None] - sample.design @ pieces.laws.T
    losses = sample.weight[:, None] * miss**2
    tree = pieces.tree
    for k, edge in enumerate(pieces.tree):
        if not edge.continuous:
            continue
        reaches, left, right = at_boundary(tree, k, sample.Z)
        rows = np.flatnonzero(reaches)
        now = losses[rows, labels(tree, sample.Z)[rows]]
        below, above = losses[rows, left[rows]] - now, losses[rows, right[rows]] - now
        for monomial in monomials:
            direction = axes.direction(monomial, towards=edge.direction)
            if direction is None:
                continue
            threshold, rise = best_place(sample.Z[rows] @ direction, below, above)
            if rise > slack:
                continue
            moved = with_boundary(tree, k, Boundary(direction, threshold, continuous=True))
            count = np.bincount(labels(moved, sample.Z), minlength=len(moved) + 1)
            if count.min() >= sample.min_runs:
                tree = moved
                rounded[k] = monomial, Boundary(direction, threshold, continuous=True)
                break
    return rounded


def best_place(projection: Array, below: Array, above: Array) -> tuple[float, float]:
    """Threshold of the least loss, and its rise, from what each run loses on either side."""
    order = np.argsort(projection, kind="stable")
    at = projection[order]
    rise = np.cumsum(below[order])[:-1] + np.cumsum(above[order][::-1])[::-1][1:]
    cuts = np.flatnonzero(at[1:] > at[:-1])
    if not len(cuts):
        return 0.0, np.inf
    best = int(cuts[np.argmin(rise[cuts])])
    return 0.5 * float(at[best] + at[best + 1]), float(rise[best])


# thresholds of a profile, beside as many around the best
_PROFILE_CUTS = 2000
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
    lower, upper : ndarray of shape (n_cuts,)
        Range of thresholds that each cut stands for.
    ratio : ndarray of shape (n_cuts,)
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

    @classmethod
    def at(cls, places: Array, ratio: Array, dof: float) -> "Profile":
        """Profile of a continuous boundary: each place stands for what its neighbours enclose."""
        lower = np.concatenate([places[:1], places[:-1]])
        return cls(lower, np.concatenate([places[1:], places[-1:]]), ratio, dof, True)

    def translated(self, factor: float, offset: float) -> "Profile":
        """The profile over factor * threshold + offset."""
        ends = (factor * self.lower + offset, factor * self.upper + offset)
        if factor > 0:
            return Profile(*ends, self.ratio, self.dof, self.continuous)
        return Profile(ends[1][::-1], ends[0][::-1], self.ratio[::-1], self.dof, self.continuous)

    def interval(self, level: float) -> tuple[float, float]:
        """Thresholds that are not rejected; infinite where the last admissible one is not."""
        check_level(level)
        student = float(t_quantile(level, self.dof)) ** 2
        bound = student if self.continuous else hansen_quantile(level)
        kept = np.flatnonzero(self.ratio <= bound)
        if not len(kept):
            kept = np.array([int(np.argmin(self.ratio))])
        first, last = int(kept[0]), int(kept[-1])
        low = -np.inf if first == 0 else float(self.lower[first])
        high = np.inf if last == len(self.ratio) - 1 else float(self.upper[last])
        return low, high


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
        return self.profile.interval(level)


def jump_profile(sample: Sample, pieces: Pieces, k: int) -> Profile:
    """Likelihood ratio of boundary `k` as a jump, all other boundaries held."""
    edge = pieces.tree[k]
    reaches, left, right = at_boundary(pieces.tree, k, sample.Z)
    projection = sample.Z[reaches] @ edge.direction
    order = np.argsort(projection, kind="stable")
    ordered = projection[order]
    cuts = distinct_cuts(ordered, sample.min_runs)
    if len(cuts) > 2 * _PROFILE_CUTS:
        near = int(np.searchsorted(cuts, np.searchsorted(ordered, edge.threshold)))
        every = np.linspace(0, len(cuts) - 1, _PROFILE_CUTS).astype(np.intp)
        beside = np.arange(near - _PROFILE_CUTS // 2, near + _PROFILE_CUTS // 2)
        cuts = cuts[np.union1d(every, np.clip(beside, 0, len(cuts) - 1))]
    rows = sample.rows[reaches][order]
    loss = split_losses(rows, left[reaches][order], right[reaches][order], cuts, sample.min_runs)
    variance, dof = noise_variance(sample, pieces)
    scale = variance * jump_nuisance(sample, pieces, k, variance)
    lower = np.concatenate([ordered[:1], ordered[cuts[:-1]]])
    upper = np.concatenate([ordered[cuts[1:] - 1], ordered[-1:]])
    return Profile(lower, upper, (loss - loss.min()) / scale, dof, False)


def jump_nuisance(sample: Sample, pieces: Pieces, k: int, variance: float) -> float:
    """Hansen's eta squared: noise at the threshold against the mean noise, never below 1.

    A kernel average over the runs near the threshold of the squared jump times the squared
    residual, over that of the squared jump times the variance (Hansen 2000, section 3.4).
    """
    edge = pieces.tree[k]
    near = np.isin(labels(pieces.tree, sample.Z), (k, k + 1))
    part = sample.take(np.flatnonzero(near))
    projection = part.Z @ edge.direction
    spread = float(np.std(projection)) * len(projection) ** -0.2
    kernel = np.exp(-0.5 * ((projection - edge.threshold) / max(spread, 1e-12)) ** 2)
    jump = part.weight * (part.design @ (pieces.laws[k + 1] - pieces.laws[k])) ** 2 * kernel
    noise = part.weight * (part.y - pieces.predict(part.Z)) ** 2
    bottom = float(jump.sum()) * variance
    return max(1.0, float(jump @ noise) / bottom) if bottom > 0 else 1.0


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
        profile = jump_profile(sample, pieces, k)
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


# places of a profile: its ends are known to a quarter of a percent of the range
_PROFILE_KNOTS = 400
# numbers in memory at a time: 16 MB
_BLOCK = 2_000_000


def kink_profile(sample: Sample, pieces: Pieces, k: int) -> Profile:
    """Likelihood ratio of the kink between the two regimes beside it, in one independent direction.

    The noise is scaled by the ratio of the run- or cluster-robust to the plain variance of the
    difference of the laws at the boundary, never below 1.
    """
    edge = pieces.tree[k]
    regime = labels(pieces.tree, sample.Z)
    part = sample.take(np.flatnonzero(np.isin(regime, (k, k + 1))))
    response = part.apart(part.rows[:, -1:])
    projection = part.Z @ edge.direction
    ordered = np.sort(projection)
    cuts = distinct_cuts(ordered, part.min_runs)
    ends = ordered[cuts[0] - 1], ordered[cuts[-1]]
    knots = np.unique(np.append(np.linspace(*ends, _PROFILE_KNOTS), np.clip(edge.threshold, *ends)))
    blocks = np.array_split(knots, -(-len(knots) * len(projection) // _BLOCK))
    scores = [kink_scores(part, projection, b, response)[0][:, 0] for b in blocks]
    gain = np.concatenate(scores) ** 2
    variance, dof = noise_variance(sample, pieces)
    scale = variance * _kink_nuisance(sample, pieces, k, variance)
    return Profile.at(knots, (gain.max() - gain) / scale, dof)


def _kink_nuisance(sample: Sample, pieces: Pieces, k: int, variance: float) -> float:
    edge = pieces.tree[k]
    regime = labels(pieces.tree, sample.Z)
    middle = sample.Z[np.isin(regime, (k, k + 1))].mean(axis=0)
    middle = middle + (edge.threshold - middle @ edge.direction) * edge.direction
    point = np.append(1.0, middle)
    robust = plain = 0.0
    for j in (k, k + 1):
        part = sample.take(np.flatnonzero(regime == j))
        spread = part.about(pieces.laws[j]).covariance
        gram = part.design.T @ (part.weight[:, None] * part.design)
        robust += float(point @ spread @ point)
        plain += variance * float(point @ np.linalg.pinv(gram, hermitian=True) @ point)
    ratio = robust / plain if plain > 0 else 1.0
    return max(1.0, ratio) if np.isfinite(ratio) else 1.0


def meeting_profile(difference: Array, covariance: Array, lead: int, dof: float) -> Profile:
    """Squared t statistics of thresholds c where difference @ (1, c at `lead`) = 0 (Fieller 1954).

    For a continuous boundary in several groups, whose direction is estimated with it.

    Parameters
    ----------
    difference : ndarray of shape (n_features + 1,)
        Intercept and exponents of one law minus those of the other.
    covariance : ndarray of shape (n_features + 1, n_features + 1)
    lead : int
        Feature whose exponent is 1 in the boundary.
    dof : float

    References
    ----------
    Fieller (1954), J. R. Statist. Soc. B 16:175.
    """
    pick = np.array([0, lead + 1])
    offset, slope = difference[pick]
    block = covariance[np.ix_(pick, pick)]
    centre = -offset / slope
    gradient = np.array([-1.0 / slope, offset / slope**2])
    error = float(np.sqrt(max(gradient @ block @ gradient, 0.0)))
    if not np.isfinite(error) or error == 0.0:
        error = max(abs(centre), 1.0)
    steps = np.sinh(np.linspace(-8.0, 8.0, 2 * _PROFILE_KNOTS + 1)) / 10.0
    grid = centre + error * steps
    variance = block[0, 0] + 2 * grid * block[0, 1] + grid**2 * block[1, 1]
    miss = (offset + grid * slope) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(np.isfinite(variance) & (variance > 0), miss / variance, 0.0)
    return Profile.at(grid, ratio, dof)


Rationals = dict[int, tuple[tuple[Fraction, ...], ...]]


def round_directions(
    data: RegimeRuns, pieces: Pieces, monomials: list[tuple[int, ...]], level: float
) -> tuple[Pieces, Rationals]:
    """Give each jump the shortest direction that is not rejected by the likelihood ratio.

    Parameters
    ----------
    data : RegimeRuns
    pieces : Pieces
    monomials : list of tuple of int
        Candidate directions in the groups, shortest first.
    level : float
        Level of the test, whose critical value is that of a threshold.

    Returns
    -------
    pieces : Pieces
        Refitted where a direction changed.
    rationals : dict of int to tuple of tuple of Fraction
        For each jump, the directions that are not rejected, shortest first, leading exponent 1.
    """
    if not monomials:
        return pieces, {}
    axes, sample = data.axes, data.sample
    variance, _ = noise_variance(sample, pieces)
    tree = pieces.tree
    rationals: Rationals = {}
    for k, edge in enumerate(pieces.tree):
        if edge.continuous:
            continue
        place = placer(sample, tree, k)
        slack = variance * jump_nuisance(sample, pieces, k, variance) * hansen_quantile(level)
        # the sides of a boundary are not alike: each may be divided further
        ways = [(m, axes.direction(m, towards=edge.direction)) for m in monomials]
        tried = [(monomial, way, *place(way)) for monomial, way in ways if way is not None]
        least = min([place(edge.direction)[1], *(t[3] for t in tried)])
        kept = [t for t in tried if np.isfinite(t[3]) and t[3] <= least + slack]
        rationals[k] = tuple(rational(t[0]) for t in kept)
        if kept:
            _, direction, threshold, _ = kept[0]
            tree = with_boundary(tree, k, Boundary(direction, threshold))
    if tree is pieces.tree:
        return pieces, rationals
    flags = [k for k, edge in enumerate(tree) if edge.continuous]
    if not flags:
        return jump_pieces(sample, tree), rationals
    rounded = fit_continuous(sample, tree, flags)
    return (pieces, rationals) if rounded is None else (rounded, rationals)


class Condition(NamedTuple):
    """One side of a boundary: ``direction @ x >= threshold`` if sign is 1, below it if -1.

    The threshold is the logarithm of a monomial whose exponents are `direction`.
    """

    direction: tuple[float, ...]
    sign: int
    threshold: float


@dataclass(frozen=True, eq=False)
class Regime:
    """A region of constant exponents.

    Attributes
    ----------
    conditions : list of Condition
        All hold inside the regime; empty where there is a single one.
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

    conditions: list[Condition]
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


def outcome_of(
    data: RegimeRuns,
    pieces: Pieces,
    rationals: dict[int, tuple[tuple[Fraction, ...], ...]],
    short: dict[int, tuple[tuple[int, ...], Boundary]],
    level: float,
    used: IntArray,
) -> tuple[list[Regime], list[RegimeThreshold], Tree]:
    """Regimes, thresholds and partition in the groups, from pieces in whitened coordinates.

    Parameters
    ----------
    data : RegimeRuns
    pieces : Pieces
    rationals : dict
        Rational directions of the jumps, by number.
    short : dict
        Short monomials in place of continuous boundaries, by number.
    level : float
    used : ndarray of int
        Rows of the prepared runs in the caller's table.
    """
    axes, sample, scale = data.axes, data.sample, data.scale
    edges = pieces.tree
    shown, leaves, order = _oriented(edges, axes)
    regime, ways = labels(edges, sample.Z), paths(shown)
    translation = axes.translation
    regimes = []
    doubt = threshold_doubt(sample, pieces)
    for place, k in enumerate(leaves):
        index = np.flatnonzero(regime == k)
        estimates = sample.take(index).about(pieces.laws[k])
        spread, dof = estimates.covariance, max(1.0, float(estimates.dof.min()))
        law = translation @ (data.base + scale * pieces.laws[k])
        with np.errstate(invalid="ignore"):
            covariance = scale**2 * translation @ (spread + doubt[k]) @ translation.T
        if not np.isfinite(covariance).all():
            covariance = np.diag(np.full(len(law), np.inf))
        conditions = [
            Condition(tuple(shown[j].direction.tolist()), side, shown[j].threshold)
            for j, side in ways[place]
        ]
        regimes.append(
            Regime(conditions, law[1:], float(law[0]), covariance, dof, len(index), used[index])
        )
    thresholds = []
    for place, k in enumerate(order):
        if edges[k].continuous and axes.rank > 1:
            beside = regimes[leaves.index(k)], regimes[leaves.index(k + 1)]
            profile = _meeting(*beside, shown[place].direction)
        else:
            profile = (kink_profile if edges[k].continuous else jump_profile)(sample, pieces, k)
            profile = profile.translated(*_translation(edges[k], axes))
        low, high = profile.interval(level)
        exact = shown[place].threshold, low, high
        thresholds.append(
            RegimeThreshold(
                direction=shown[place].direction,
                value=shown[place].threshold,
                low=low,
                high=high,
                level=level,
                kind="continuous" if edges[k].continuous else "jump",
                rationals=rationals.get(k, ()),
                profile=profile,
                simple=_simple(*short[k], edges[k], exact, axes) if k in short else None,
            )
        )
    return regimes, thresholds, shown


def _simple(
    monomial: tuple[int, ...],
    near: Boundary,
    edge: Boundary,
    exact: tuple[float, float, float],
    axes: WhitenedAxes,
) -> Simple:
    """The monomial with the interval of the exact boundary, its width in its own units."""
    # by the monomial itself: where groups are collinear, its image in the runs is another one
    powers = rational(monomial)
    numbers = np.array([float(p) for p in powers])
    factor = float(axes.inverse @ numbers @ near.direction)
    value = factor * near.threshold + float(numbers @ axes.centre)
    ratio = factor / _translation(edge, axes)[0]
    low, high = sorted(value + ratio * (end - exact[0]) for end in exact[1:])
    return Simple(powers, value, low, high, 1 if ratio > 0 else -1)


def _meeting(one: Regime, other: Regime, direction: Array) -> Profile:
    """Profile of the boundary where two regimes' laws are equal."""
    difference = np.append(other.intercept - one.intercept, other.exponents - one.exponents)
    covariance = one.parameter_covariance + other.parameter_covariance
    lead = int(np.argmin(np.abs(direction - 1.0)))
    return meeting_profile(difference, covariance, lead, float(min(one.dof, other.dof)))


def _translation(edge: Boundary, axes: WhitenedAxes) -> tuple[float, float]:
    """Factor and offset from a threshold in whitened coordinates to one on the monomial."""
    direction = axes.transform @ edge.direction
    lead = leading(direction)
    return 1.0 / lead, float(direction @ axes.centre) / lead


def _oriented(tree: Tree, axes: WhitenedAxes) -> tuple[Tree, list[int], list[int]]:
    """The tree in the features, leading exponents 1, with the old numbers of its parts in order.

    A boundary whose leading exponent is negative is turned over, and its two sides with it.
    """
    factors, edges = [], []
    for edge in tree:
        factor, offset = _translation(edge, axes)
        direction = factor * (axes.transform @ edge.direction)
        # Exponents at the level of rounding errors are none.
        direction[np.abs(direction) < 1e-12 * np.abs(direction).max()] = 0.0
        threshold = factor * edge.threshold + offset
        edges.append(replace(edge, direction=direction, threshold=threshold))
        factors.append(factor)

    def walk(first: int, last: int) -> tuple[list[int], list[int]]:
        """Regimes from first to last, and the boundaries between them, in their new order."""
        if first == last:
            return [first], []
        top = next(k for k in downwards(tree) if first <= k < last)
        left, right = walk(first, top), walk(top + 1, last)
        if factors[top] < 0:
            left, right = right, left
        return left[0] + right[0], [*left[1], top, *right[1]]

    leaves, order = walk(0, len(tree))
    return tuple(edges[k] for k in order), leaves, order


# sign flips: the least p-value, times the four statistics, is then 0.008
_REPLICATES = 499
# places of a jump that are tried in a test
_COUNT_CUTS = 32
# places of a kink that are tried in a test
_COUNT_KNOTS = 16


def structure_p_value(
    sample: Sample, pieces: Pieces, directions: Array, rng: np.random.RandomState
) -> float:
    """Probability, if the laws held, of a further jump or kink as strong as the strongest seen.

    The strongest gain over every regime, direction and threshold is compared with the same search
    on residuals multiplied by random signs per run or cluster, so the search is paid for and
    unequal scatter is allowed (Hansen 1996, Econometrica 64:413).

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
        The least of four p-values (jumps and kinks, plain and robust), times four.
    """
    sample = thin(sample)
    residual = sample.y - pieces.predict(sample.Z)
    regime = labels(pieces.tree, sample.Z)
    clusters, member = np.unique(sample.cluster, return_inverse=True)
    flips = np.where(rng.random_sample((len(clusters), _REPLICATES)) < 0.5, -1.0, 1.0)[member]
    strongest = np.zeros((4, _REPLICATES + 1))
    for k in np.unique(regime):
        index = np.flatnonzero(regime == k)
        part = sample.take(index)
        if len(index) < 2 * part.min_runs:
            continue
        basis = part.basis
        free = np.maximum(1.0 - np.sum(basis**2, axis=1), 0.05)
        seen = (np.sqrt(part.weight) * residual[index])[:, None]
        scaled = seen / free[:, None]
        response = part.apart(np.concatenate([seen, scaled * flips[index]], axis=1))
        loss = np.maximum(np.sum(response**2, axis=0), 1e-300)
        for direction in directions:
            projection = part.Z @ direction
            knots = knots_of(projection, part.min_runs, _COUNT_KNOTS)
            if not len(knots):
                continue
            jump, jump_robust = _jumps(basis, projection, response, scaled[:, 0], part.min_runs)
            score, hinge = kink_scores(part, projection, knots, response)
            noise = np.maximum((hinge**2).T @ scaled**2, 1e-300)
            statistics = [
                _evidence(jump, loss, len(index)),
                jump_robust,
                _evidence((score**2).max(axis=0), loss, len(index)),
                (score**2 / noise).max(axis=0),
            ]
            np.maximum(strongest, statistics, out=strongest)
    exceed = np.sum(strongest[:, 1:] >= strongest[:, :1] * (1 - 1e-9), axis=1)
    return float(min(1.0, 4.0 * (1 + exceed.min()) / (_REPLICATES + 1)))


def _evidence(gain: Array, loss: Array, n_runs: int) -> Array:
    """Twice the log-likelihood ratio of a regime with its own noise: a noisy one hides no other."""
    return np.asarray(-n_runs * np.log1p(-np.minimum(gain / loss, 1 - 1e-12)))


def _jumps(
    basis: Array, projection: Array, response: Array, scaled: Array, min_runs: int
) -> tuple[Array, Array]:
    """Largest reduction by two laws, and largest robust score, of each column of a response.

    The robust score weighs the moments below a cut by their own heteroscedastic covariance, which
    random signs leave as it is, so that outliers discount themselves.
    """
    order = np.argsort(projection, kind="stable")
    cuts = distinct_cuts(projection[order], min_runs, _COUNT_CUTS)
    basis, response, scaled = basis[order], response[order], scaled[order]
    below = prefix_grams(basis, cuts)
    above = np.eye(basis.shape[1]) - below
    noise = prefix_grams(scaled[:, None] * basis, np.append(cuts, len(order)))
    cross = np.cumsum([basis[a:b].T @ response[a:b] for a, b in pairwise([0, *cuts])], axis=0)
    # Below the cut the moments are S and c, above it I - S and -c: eigenvalues of S serve both.
    value, vector = np.linalg.eigh(below)
    along = np.swapaxes(vector, 1, 2) @ cross
    inverse = np.where(value > 1e-10, 1.0 / np.maximum(value, 1e-10), 0.0)
    inverse += np.where(value < 1 - 1e-10, 1.0 / np.maximum(1.0 - value, 1e-10), 0.0)
    plain = np.sum(along**2 * inverse[:, :, None], axis=1).max(axis=0)
    spread = above @ noise[:-1] @ above + below @ (noise[-1] - noise[:-1]) @ below
    metric = np.linalg.pinv(spread, rcond=1e-10, hermitian=True)
    robust = np.sum(cross * (metric @ cross), axis=1).max(axis=0)
    return np.asarray(plain), np.asarray(robust)


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
        pieces, rationals = round_directions(data, selection.pieces, monomials, self.level)
        short = simple_boundaries(data, pieces, monomials, self.level)
        self.scores_, self.p_values_ = selection.scores, selection.p_values
        self.bic_ = bic(sample, pieces)
        self.n_parameters_ = degrees_of_freedom(pieces.tree, axes.rank)
        self.regimes_, self.thresholds_, self._tree = outcome_of(
            data, pieces, rationals, short, self.level, np.flatnonzero(runs.used)
        )
        self.n_regimes_ = len(self.regimes_)
        self.exponents_ = np.stack([regime.exponents for regime in self.regimes_])
        self.intercepts_ = np.array([regime.intercept for regime in self.regimes_])
        self.covariance_ = np.stack([regime.covariance for regime in self.regimes_])
        self.dof_ = np.array([[regime.dof] for regime in self.regimes_])
        self.labels_ = labels(self._tree, runs.X)
        fitted = self._pieces(runs.X)
        self.residuals_ = runs.y - fitted
        self.intercept_ = float(np.average(fitted, weights=runs.weights))

    def apply(self, X: ArrayLike) -> IntArray:
        """Regime of each row, shape (n_runs,)."""
        return labels(self._tree, self._checked_rows(X))

    def _potential(self, X: Array) -> Array:
        return np.asarray(self._pieces(X) - self.intercept_)

    def _pieces(self, X: Array) -> Array:
        regime = labels(self._tree, X)
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
