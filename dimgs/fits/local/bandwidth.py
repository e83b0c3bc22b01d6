"""The width of the local window, by leaving out runs (or clusters of runs)."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from dimgs.arrays import Array, IntArray
from dimgs.fits.least_squares import fit_power_law
from dimgs.fits.local.regression import LocalFits, Window, local_fits
from dimgs.fits.local.run_cells import RunCells, gather, partition

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
    for share in sorted(errors, reverse=True):
        loss = w * (errors[share] - errors[best_share])
        if table.clustered:
            loss = np.bincount(table.clusters[runs], loss)
        spread = ((loss - loss.mean()) ** 2).sum() * len(loss) / max(len(loss) - 1, 1)
        if loss.sum() <= np.sqrt(spread):
            break
    return BandwidthChoice(share, best_share, tried, scores)
