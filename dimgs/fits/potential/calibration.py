"""Calibration of a potential's intervals: which runs are left out, and the errors on them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.fits.covariance import check_level
from dimgs.fits.potential.runs import PotentialRuns

FEW = 100
MANY = 2000


@dataclass(frozen=True, eq=False)
class Folds:
    """Sets of runs that some networks are trained without.

    Parameters
    ----------
    held : ndarray of bool of shape (n_folds, n_runs)
        Rounds of folds one after the other; in a round, no run is held out twice.
    pairs : ndarray of int of shape (n_pairs, 3)
        Fold and two of its runs, of different clusters; in a round, no run occurs twice.
    rounds : int
    """

    held: NDArray[np.bool_]
    pairs: IntArray
    rounds: int

    def __len__(self) -> int:
        return len(self.held)


def folds_of(runs: PotentialRuns, seed: int) -> Folds:
    """Folds for the choice of smoothness and for the intervals.

    Below 100 clusters, eight folds (jackknife+ by groups of runs), in two rounds below 50; from
    100 on five folds; of thousands of runs, one fifth is held out once.

    Parameters
    ----------
    runs : PotentialRuns
    seed : int
    """
    rng = np.random.default_rng(seed)
    n = runs.n_clusters
    if len(runs) > MANY or n >= FEW:
        n_folds, rounds = 5, 1
    else:
        # two clusters a fold where they allow it, since a pair needs two
        n_folds, rounds = min(8, max(n // 2, min(n, 3))), 2 if n < FEW // 2 else 1
    held: list[NDArray[np.bool_]] = []
    pairs: list[tuple[int, int, int]] = []
    for _ in range(rounds):
        place = np.empty(n, dtype=np.intp)
        place[rng.permutation(n)] = np.arange(n) % n_folds
        for fold in range(1 if len(runs) > MANY else n_folds):
            mask = place[runs.clusters] == fold
            for u, v in disjoint_pairs(np.flatnonzero(mask), runs, rng):
                pairs.append((len(held), u, v))
            held.append(mask)
    return Folds(np.array(held), np.array(pairs, dtype=np.intp).reshape(-1, 3), rounds)


def disjoint_pairs(
    rows: IntArray, runs: PotentialRuns, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Pairs of the rows that share no run: of two clusters, and of one label if any.

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
    runs : PotentialRuns
    rng : Generator
    """
    out = []
    label = np.zeros(len(runs), dtype=np.intp) if runs.within is None else runs.within
    shuffled = rng.permutation(runs.n_clusters)
    for value in np.unique(label[rows]):
        mine = rng.permutation(rows[label[rows] == value])
        # cluster by cluster and folded in half, partners differ unless one cluster is the majority
        mine = mine[np.argsort(shuffled[runs.clusters[mine]], kind="stable")]
        half = len(mine) // 2
        for u, v in zip(mine[:half], mine[len(mine) - half :], strict=True):
            if runs.clusters[u] != runs.clusters[v]:
                out.append((int(u), int(v)))
    return out


_BLOCK = 5_000_000


@dataclass(frozen=True, eq=False)
class Calibration:
    """Errors on what was left out, and the networks that made them.

    Parameters
    ----------
    fold : ndarray of int of shape (n_errors,)
        Fold of each error.
    scores : ndarray of shape (n_errors, n_targets)
        Absolute errors in units of the scale there.
    effective : int
        Independent errors among them.
    """

    fold: IntArray
    scores: Array
    effective: int

    def bounds(self, centres: Array, scales: Array, level: float) -> Array:
        """Intervals at some places.

        Parameters
        ----------
        centres, scales : ndarray of shape (n_folds, n_rows, n_targets)
            Prediction by the networks of each fold, and what they leave open.
        level : float

        Returns
        -------
        ndarray of shape (n_rows, n_targets, 2)
            Infinite where too few runs were left out for the level.
        """
        check_level(level)
        n = len(self.fold)
        out = np.empty((*centres.shape[1:], 2))
        rank = n + 1
        if self.effective:
            rank = int(np.ceil(level * (1.0 + 1.0 / self.effective) * n - 1e-9))
        if rank > n:
            out[..., 0], out[..., 1] = -np.inf, np.inf
            return out
        if np.all(self.fold == self.fold[0]):
            # one centre for all errors: their own quantile
            size = np.partition(self.scores, rank - 1, axis=0)[rank - 1]
            reach = size * scales[self.fold[0]]
            out[..., 0], out[..., 1] = (centres[self.fold[0]] + s * reach for s in (-1.0, 1.0))
            return out
        block = max(1, _BLOCK // (n * centres.shape[2]))
        for start in range(0, centres.shape[1], block):
            rows = slice(start, start + block)
            centre, scale = centres[self.fold, rows], scales[self.fold, rows]
            reach = self.scores[:, None] * scale
            out[rows, :, 0] = np.partition(centre - reach, n - rank, axis=0)[n - rank]
            out[rows, :, 1] = np.partition(centre + reach, rank - 1, axis=0)[rank - 1]
        return out


def widened(bounds: Array, reach: Array) -> Array:
    """Bounds (in the last axis) that reach further on both sides."""
    return np.stack([bounds[..., 0] - reach, bounds[..., 1] + reach], axis=-1)
