"""Runs of a regime search: whitened coordinates that no pi basis decides, and their moments.

Whitening makes the coordinates the same for X and X @ U, U invertible; the single power law is
taken out of the response.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.design.whitening import Whitening, whiten

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

    def direction(self, monomial: Sequence[float], least: float = 0.0) -> Array | None:
        """Unit direction along which a monomial of the groups varies among the runs, shape (rank,).

        None where its length, in whitened coordinates, is no more than `least`.
        """
        direction = self.inverse @ np.asarray(monomial, dtype=np.float64)
        length = float(np.linalg.norm(direction))
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
        padded = np.concatenate([np.zeros_like(total[:1]), total])
        return np.asarray(padded[cuts])
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
    found: list[tuple[Array, float]] = []
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
        found.append((0.5 * (ordered[cut - 1] + ordered[cut]), float(best[-1])))
    return found


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
