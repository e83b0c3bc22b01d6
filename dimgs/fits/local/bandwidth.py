"""The width of the local window, by leaving out runs, and the intervals of its slopes."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from dimgs.arrays import Array, IntArray
from dimgs.fits.covariance import t_quantile
from dimgs.fits.least_squares import fit_power_law
from dimgs.fits.local.regression import (
    LocalFits,
    RunCells,
    Window,
    gather,
    local_fits,
    partition,
    terms,
)
from dimgs.fits.one_error import gain_and_error

# cells under the kernel: means of cells then stand for their runs to well below the noise
CELLS_IN_WINDOW = 64
# the same where the window is all runs
CELLS_WHEN_ALL = 512
# runs that judge a width: their mean error is known to some percent
JUDGES = 2_000


@dataclass(frozen=True, eq=False)
class BandwidthTable:
    """Distinct runs in whitened coordinates; the response less the global power law."""

    Z: Array
    response: Array
    weights: Array
    clusters: IntArray
    clustered: bool
    direction: Array

    def window(self, share: float) -> Window:
        """The window of this share of the weight, on cells fine enough for it."""
        count = len(self.Z)
        within = CELLS_WHEN_ALL if np.isinf(share) else CELLS_IN_WINDOW
        size = int(min(share, 1.0) * count / within)
        member = partition(self.Z, self.direction, self.clusters, size)
        cells = gather(self.Z, self.response, self.weights, self.clusters, member)
        near = int(np.ceil(min(share, 1.0) * len(cells.mass))) + 8
        return Window(share, cells, cKDTree(cells.centres), near)

    def judges(self) -> IntArray:
        """Runs that a width is judged at: all of them, or evenly spread over the response."""
        count = len(self.Z)
        if count <= JUDGES:
            return np.arange(count)
        return np.sort(np.argsort(self.response, kind="stable")[:: count // JUDGES])


def own_weight(fits: LocalFits, cells: RunCells, runs: IntArray, weights: Array) -> Array:
    """What each run's own response contributes to the local value at the run."""
    member = cells.member[runs]
    mine = np.where(fits.index == member[:, None], fits.weights, 0.0).sum(axis=1)
    return np.asarray(fits.leverage * mine * weights[runs] / cells.mass[member])


def held_out(table: BandwidthTable, window: Window, runs: IntArray) -> Array:
    """Residual of each run from the local fit without it, or without its whole cluster.

    For single runs it is the closed form e / (1 - h), with the window held fixed.
    """
    out = np.empty(len(runs))
    exclude = table.clusters[runs] if table.clustered else None
    for fits in local_fits(window, table.Z[runs], exclude=exclude):
        chosen = runs[fits.rows]
        residual = table.response[chosen] - fits.value
        if not table.clustered:
            own = own_weight(fits, window.cells, chosen, table.weights)
            residual = residual / np.maximum(1.0 - own, 1e-3)
        out[fits.rows] = residual
    return out


def held_out_globally(table: BandwidthTable) -> Array:
    """The same for the global power law, the limit of a wide window."""
    clusters = table.clusters if table.clustered else None
    found = fit_power_law(table.Z, table.response, table.weights, clusters).loo_residuals
    assert found is not None
    # a run that alone determines a direction is met exactly
    return np.where(np.isfinite(found[:, 0]), found[:, 0], table.response)


@dataclass(frozen=True, eq=False)
class BandwidthChoice:
    """Chosen share, the best share, and the mean squared residual of every share tried."""

    share: float
    best: float
    shares: Array
    scores: Array


def choose_share(table: BandwidthTable, fewest: int) -> BandwidthChoice:
    """Share of the weight in the window with the smallest run-wise prediction error.

    Of the windows whose error does not exceed the smallest by more than the standard error of
    the difference over runs (or clusters), the widest is taken: exponents gain from a wider
    window than predictions do, and one power law for all runs is kept unless it is refuted.
    """
    runs = table.judges()
    w = table.weights[runs] / table.weights[runs].sum()
    count = len(table.Z)
    base = held_out_globally(table)[runs] ** 2
    errors: dict[float, Array] = {}

    def judge(share: float) -> float:
        if share not in errors:
            errors[share] = held_out(table, table.window(share), runs) ** 2
        return float(w @ errors[share])

    ratio = 2.0**0.5 if count <= 500 else 2.0
    smallest = fewest / count
    steps = int(np.ceil(np.log(4.0 / smallest) / np.log(ratio))) if smallest < 4.0 else 0
    # Not wider than where single windows hold all runs several times over.
    shares = [4.0 * ratio**-step for step in range(steps + 1)]
    shares = [share for share in shares if share >= smallest * (1.0 - 1e-9)]
    behind, best = 0, np.inf
    for share in shares:
        score = judge(share)
        behind = 0 if score < best else behind + 1
        best = min(best, score)
        if behind >= 4 and score > 1.5 * best:
            break
    if errors and ratio > 1.9:
        centre = min(errors, key=judge)
        for share in (centre * 2.0**-0.5, centre * 2.0**0.5):
            if share >= smallest:
                judge(share)
    tried = np.array([*sorted(errors), np.inf])
    scores = np.array([*(judge(share) for share in sorted(errors)), float(w @ base)])
    if not errors:
        return BandwidthChoice(np.inf, np.inf, tried, scores)
    errors[np.inf] = base
    best_share = min(errors, key=judge)
    clusters = table.clusters[runs] if table.clustered else None
    for share in sorted(errors, reverse=True):
        gain, by_chance = gain_and_error(w * errors[best_share], w * errors[share], clusters)
        if gain <= by_chance:
            break
    return BandwidthChoice(share, best_share, tried, scores)


def interval_window(table: BandwidthTable, share: float) -> tuple[Window, bool]:
    """The window of the intervals, and whether its runs allow a local quadratic."""
    rank = table.Z.shape[1]
    needed = 2.0 * terms(rank, True) / len(table.Z)
    quadratic = needed <= 1.0
    return table.window(max(share, needed) if quadratic else max(share, 1.0)), quadratic


def slope_intervals(
    table: BandwidthTable, noise: Array, share: float, points: Array, transform: Array, level: float
) -> tuple[Array, Array]:
    """Centres and half widths of the exponents' deviation from the global law.

    Parameters
    ----------
    table : BandwidthTable
    noise : ndarray of shape (n_runs,)
        Residuals scaled so that their squares estimate variances.
    share : float
        Share of the weight in a window.
    points : ndarray of shape (n_points, rank)
        Whitened coordinates.
    transform : ndarray of shape (n_features, rank)
        From whitened slopes to exponents.
    level : float
        Pointwise coverage.

    Returns
    -------
    centres, half_widths : ndarray of shape (n_points, n_features)
    """
    window, quadratic = interval_window(table, share)
    cells = window.cells
    count = len(cells.mass)
    part = table.weights / cells.mass[cells.member]
    score = np.asarray(np.bincount(cells.member, part * noise, count), dtype=np.float64)
    variance = np.bincount(cells.member, (part * noise) ** 2, count)
    squares = np.asarray(np.bincount(cells.member, part**2, count), dtype=np.float64)
    fourths = np.bincount(cells.member, part**4, count)
    features = len(transform)
    centres = np.empty((len(points), features))
    halves = np.empty_like(centres)
    for fits in local_fits(window, points, quadratic=quadratic, rows=True):
        if fits.slope_rows is None:
            continue
        rows = transform @ fits.slope_rows
        index = fits.index[:, None, :]
        if table.clustered:
            total, dof = _by_cluster(fits, rows, score, squares, cells.cluster)
        else:
            total = (rows**2 * variance[index]).sum(axis=2)
            spread = (rows**2 * squares[index]).sum(axis=2)
            dof = spread**2 / np.maximum((rows**4 * fourths[index]).sum(axis=2), 1e-300)
        quantile = t_quantile(level, np.maximum(dof, 1.0))
        centres[fits.rows] = fits.slopes @ transform.T
        halves[fits.rows] = quantile * np.sqrt(total)
    return centres, halves


def _by_cluster(
    fits: LocalFits, rows: Array, score: Array, squares: Array, cluster: IntArray
) -> tuple[Array, Array]:
    """Variance from sums of scores over clusters, and its effective degrees of freedom."""
    points, features, _ = rows.shape
    labels = int(cluster.max()) + 1
    key = (np.arange(points)[:, None] * labels + cluster[fits.index]).ravel()
    distinct, place = np.unique(key, return_inverse=True)
    owner = distinct // labels
    total, dof = np.empty((points, features)), np.empty((points, features))
    for j in range(features):
        row = rows[:, j]
        sums = np.bincount(place, (row * score[fits.index]).ravel())
        spread = np.bincount(place, (row**2 * squares[fits.index]).ravel())
        total[:, j] = np.bincount(owner, sums**2, points)
        first = np.bincount(owner, spread, points)
        dof[:, j] = first**2 / np.maximum(np.bincount(owner, spread**2, points), 1e-300) - 1.0
    return total, dof
