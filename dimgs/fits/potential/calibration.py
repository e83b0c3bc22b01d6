"""Calibration of a potential's intervals: which runs are left out, and the errors on them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import IntArray
from dimgs.fits.potential.potential_runs import PotentialRuns

# clusters from which one round of five folds leaves enough errors for a level of 0.95
FEW = 100
# runs from which a single fold leaves out hundreds of them
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
