"""Choice of pairs of runs: sums over pairs without forming them.

Every policy weighs a pair by the product of its runs' weights and gives the Laplacian of the graph
of its pairs, L: the sum over pairs of w_u w_v (z_u - z_v)(z_u - z_v)' is z' L z, which is all that
least squares over these pairs needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.fits.design.whitening import whiten


class PairPolicy(ABC):
    """Choice of the pairs of runs that are contrasted."""

    @abstractmethod
    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Laplacian of the graph of the pairs times Z, shape (n_runs, n_columns).

        Row u is the sum over its pairs of w_u w_v (z_u - z_v).

        Parameters
        ----------
        X : ndarray of shape (n_runs, n_features)
            Places of the runs, by which pairs may be chosen.
        w : ndarray of shape (n_runs,)
        Z : ndarray of shape (n_runs, n_columns)
        """

    @abstractmethod
    def count(self, X: Array, w: Array) -> int:
        """Number of pairs of two runs of positive weight."""


@dataclass(frozen=True)
class AllPairs(PairPolicy):
    """Every pair of runs.

    Examples
    --------
    >>> z = np.array([[0.0], [1.0], [3.0]])
    >>> z.T @ AllPairs().laplacian_times(z, np.ones(3), z)
    array([[14.]])
    """

    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Distance from the mean, times the weights."""
        return np.asarray(w[:, None] * (w.sum() * Z - w @ Z))

    def count(self, X: Array, w: Array) -> int:
        """Half of the square, less the runs themselves."""
        n = int(np.count_nonzero(w))
        return n * (n - 1) // 2


@dataclass(frozen=True)
class ReferencePairs(PairPolicy):
    """Every run against one reference run, whose own error then enters every contrast.

    Parameters
    ----------
    run : int
        Position of the reference run.
    """

    run: int

    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Distance from the reference run, which bears the sum of all."""
        self._check(len(X))
        out = (w[self.run] * w)[:, None] * (Z - Z[self.run])
        out[self.run] = -out.sum(axis=0)
        return np.asarray(out)

    def count(self, X: Array, w: Array) -> int:
        """All runs but the reference."""
        self._check(len(X))
        return int(np.count_nonzero(w)) - 1 if w[self.run] > 0.0 else 0

    def _check(self, n_runs: int) -> None:
        if not 0 <= self.run < n_runs:
            raise InputError(f"Reference run {self.run} is not among the {n_runs} runs.")


@dataclass(frozen=True)
class NearestPairs(PairPolicy):
    """Pairs of runs of which one is among the `k` nearest of the other.

    Nearness is measured between whitened rows, so that it does not depend on the basis of the
    groups, nor on the units of a feature.

    Parameters
    ----------
    k : int
        Neighbours of each run, at least 1.
    """

    k: int

    def pairs(self, X: Array, w: Array) -> tuple[IntArray, IntArray]:
        """Both runs of every neighbouring pair, the lower position first."""
        if not 1 <= self.k < len(X):
            raise InputError(
                f"{self.k} neighbours of {len(X)} runs: k must be from 1 to {len(X) - 1}."
            )
        white = whiten(X, w)[1]
        neighbours = cKDTree(white).query(white, k=self.k + 1)[1]
        u = np.repeat(np.arange(len(X)), self.k + 1)
        v = neighbours.ravel()
        # with duplicates a run need not be the first of its own neighbours
        low, high = np.minimum(u, v), np.maximum(u, v)
        keys = np.unique((low * len(X) + high)[low < high])
        return keys // len(X), keys % len(X)

    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Sparse product."""
        u, v = self.pairs(X, w)
        links = sparse.coo_array((w[u] * w[v], (u, v)), shape=(len(X), len(X))).tocsr()
        links = links + links.T
        return np.asarray(links.sum(axis=1)[:, None] * Z - links @ Z)

    def count(self, X: Array, w: Array) -> int:
        """Neighbours among the runs of positive weight."""
        u, v = self.pairs(X, w)
        return int(np.count_nonzero(w[u] * w[v]))


def triples(
    n_runs: int, count: int, draw: Callable[[int, int, int], IntArray]
) -> tuple[IntArray, IntArray, IntArray]:
    """Triples of different runs, drawn by chance: the positions of the first, second and third.

    Parameters
    ----------
    n_runs : int
        At least three.
    count : int
    draw : callable
        Of a lower bound, an upper one that is left out, and a count.
    """
    a = draw(0, n_runs, count)
    b = (a + draw(1, n_runs, count)) % n_runs
    c = draw(0, n_runs - 2, count)
    for low in np.sort(np.stack([a, b]), axis=0):
        c = c + (c >= low)
    return a, b, c
