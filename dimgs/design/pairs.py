"""Which pairs of runs are contrasted: policies that sum over pairs without forming them.

Every policy weighs a pair by the product of its runs' weights and answers with the pair scatter
sum w_u w_v (z_u - z_v)(z_u - z_v)' of the columns z = [X | Y], which is all that least squares
over these pairs needs. `materialised_pairs` lists the same pairs, for checks and small tables.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.spatial import cKDTree

from dimgs.arrays import Array, IntArray
from dimgs.design.grouped_moments import group_means
from dimgs.design.moments import Moments, checked_arrays
from dimgs.errors import InputError


@dataclass(frozen=True, eq=False)
class PairScatter:
    """Sum over pairs of the outer products of differences of [X | Y].

    Attributes
    ----------
    scatter : ndarray of shape (n_features + n_targets, n_features + n_targets)
    n_pairs : int
    n_features : int
    """

    scatter: Array
    n_pairs: int
    n_features: int


class PairPolicy(ABC):
    """Choice of the pairs of runs that are contrasted."""

    @abstractmethod
    def pairs(self, X: Array, w: Array) -> tuple[IntArray, IntArray]:
        """Both runs of every pair, materialised: for small tables only."""

    @abstractmethod
    def scatter(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> PairScatter:
        """Pair scatter of [X | Y] without forming the pairs.

        Parameters
        ----------
        X : array-like of shape (n_runs, n_features)
        y : array-like of shape (n_runs,) or (n_runs, n_targets)
        sample_weight : array-like of shape (n_runs,) or None
        """

    @abstractmethod
    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Laplacian of the graph of the pairs times Z, shape (n_runs, n_columns).

        Row u is the sum over its pairs of w_u w_v (z_u - z_v).
        """


@dataclass(frozen=True)
class AllPairs(PairPolicy):
    """Every pair of runs.

    Examples
    --------
    >>> AllPairs().scatter([[0.0], [1.0], [3.0]], [0.0, 2.0, 6.0], None).scatter
    array([[14., 28.],
           [28., 56.]])
    """

    def pairs(self, X: Array, w: Array) -> tuple[IntArray, IntArray]:
        """Both runs of every pair."""
        return np.triu_indices(len(X), 1)

    def scatter(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> PairScatter:
        """Pair scatter from the centred moments."""
        moments = Moments.from_arrays(X, y, sample_weight)
        n = moments.count
        return PairScatter(moments.weight * moments.scatter, n * (n - 1) // 2, moments.n_features)

    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Distance from the mean, times the weights."""
        return np.asarray(w[:, None] * (w.sum() * Z - w @ Z))


@dataclass(frozen=True, eq=False)
class WithinGroups(PairPolicy):
    """Pairs of runs of equal label, so that each label's own prefactor cancels.

    Parameters
    ----------
    labels : array-like of shape (n_runs,)
    """

    labels: ArrayLike

    def _codes(self, n_runs: int) -> IntArray:
        codes = np.unique(np.asarray(self.labels), return_inverse=True)[1]
        if codes.shape != (n_runs,):
            raise InputError(f"{codes.size} group labels for {n_runs} runs: give one per run.")
        return np.asarray(codes, dtype=np.intp)

    def pairs(self, X: Array, w: Array) -> tuple[IntArray, IntArray]:
        """Both runs of every pair within a group."""
        codes = self._codes(len(X))
        u, v = np.triu_indices(len(X), 1)
        same = codes[u] == codes[v]
        return u[same], v[same]

    def scatter(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> PairScatter:
        """Pair scatter from the moments of each group, weighed by the weight of the group."""
        x, t, w = checked_arrays(X, y, sample_weight)
        codes = self._codes(len(x))
        weight = np.ones(len(x)) if w is None else w
        z = np.hstack([x, t])
        totals, means = group_means(z, codes, int(codes.max(initial=-1)) + 1, weight)
        centred = z - means[codes]
        scatter = centred.T @ (centred * (weight * totals[codes])[:, None])
        counts = np.bincount(codes, weight > 0.0).astype(np.int64)
        return PairScatter(scatter, int((counts * (counts - 1) // 2).sum()), x.shape[1])

    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Distance from the mean of the group, times the weights."""
        codes = self._codes(len(X))
        totals, means = group_means(Z, codes, int(codes.max(initial=-1)) + 1, w)
        return np.asarray((w * totals[codes])[:, None] * (Z - means[codes]))


@dataclass(frozen=True)
class ReferencePairs(PairPolicy):
    """Every run against one reference run, whose own error then enters every contrast.

    Parameters
    ----------
    run : int
        Position of the reference run.
    """

    run: int

    def pairs(self, X: Array, w: Array) -> tuple[IntArray, IntArray]:
        """The reference paired with every other run."""
        self._check(len(X))
        others = np.delete(np.arange(len(X)), self.run)
        return np.full(len(others), self.run), others

    def scatter(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> PairScatter:
        """Scatter about the reference run in place of the mean."""
        x, t, w = checked_arrays(X, y, sample_weight)
        self._check(len(x))
        weight = np.ones(len(x)) if w is None else w
        z = np.hstack([x, t])
        gap = z - z[self.run]
        scatter = gap.T @ (gap * (weight[self.run] * weight)[:, None])
        n = int(np.count_nonzero(weight)) - 1 if weight[self.run] > 0.0 else 0
        return PairScatter(scatter, n, x.shape[1])

    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Distance from the reference run, which bears the sum of all."""
        self._check(len(X))
        out = (w[self.run] * w)[:, None] * (Z - Z[self.run])
        out[self.run] = -out.sum(axis=0)
        return np.asarray(out)

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
        white = whitened(X, w)
        found = cKDTree(white).query(white, k=self.k + 1)[1]
        u = np.repeat(np.arange(len(X)), self.k + 1)
        v = found.ravel()
        # with duplicates a run need not be the first of its own neighbours
        low, high = np.minimum(u, v), np.maximum(u, v)
        keys = np.unique((low * len(X) + high)[low < high])
        return keys // len(X), keys % len(X)

    def laplacian(self, X: Array, w: Array) -> sparse.csr_array:
        """Laplacian of the graph of the pairs, weighed; shape (n_runs, n_runs), sparse."""
        u, v = self.pairs(X, w)
        n = len(X)
        weight = w[u] * w[v]
        links = sparse.coo_array((weight, (u, v)), shape=(n, n)).tocsr()
        links = links + links.T
        return sparse.csr_array(sparse.diags_array(links.sum(axis=1)) - links)

    def scatter(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> PairScatter:
        """Pair scatter Z' L Z from the sparse Laplacian."""
        x, t, w = checked_arrays(X, y, sample_weight)
        weight = np.ones(len(x)) if w is None else w
        laplacian = self.laplacian(x, weight)
        z = np.hstack([x, t])
        z = z - z.mean(axis=0)
        n_pairs = sparse.triu(laplacian, 1).count_nonzero()
        return PairScatter(z.T @ (laplacian @ z), int(n_pairs), x.shape[1])

    def laplacian_times(self, X: Array, w: Array, Z: Array) -> Array:
        """Sparse product."""
        return np.asarray(self.laplacian(X, w) @ Z)


def whitened(X: ArrayLike, sample_weight: ArrayLike | None = None) -> Array:
    """Rows in coordinates of unit spread; distances between them do not depend on the basis.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
    sample_weight : array-like of shape (n_runs,), optional

    Returns
    -------
    ndarray of shape (n_runs, rank)
        Directions that never varied are left out.
    """
    x = np.asarray(X, dtype=np.float64)
    w = np.ones(len(x)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    centred = x - w @ x / w.sum()
    spread = np.sqrt(w @ centred**2)
    usable = spread > 1e-11 * np.sqrt(w @ x**2)
    standard = centred[:, usable] / spread[usable]
    _, singular, directions = np.linalg.svd(np.sqrt(w)[:, None] * standard, full_matrices=False)
    keep = singular > 1e-10 * singular.max(initial=0.0)
    return np.asarray(np.sqrt(w.sum()) * (standard @ directions[keep].T) / singular[keep])


def materialised_pairs(
    X: ArrayLike,
    y: ArrayLike,
    policy: PairPolicy | None = None,
    sample_weight: ArrayLike | None = None,
) -> tuple[Array, Array, Array]:
    """Every pair written out: the slow reference that the closed forms are checked against.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
    y : array-like of shape (n_runs,) or (n_runs, n_targets)
    policy : PairPolicy, optional
        All pairs by default.
    sample_weight : array-like of shape (n_runs,), optional

    Returns
    -------
    differences_x : ndarray of shape (n_pairs, n_features)
    differences_y : ndarray of shape (n_pairs, n_targets)
    weights : ndarray of shape (n_pairs,)
    """
    x, t, w = checked_arrays(X, y, sample_weight)
    weight = np.ones(len(x)) if w is None else w
    u, v = (policy or AllPairs()).pairs(x, weight)
    return x[u] - x[v], t[u] - t[v], weight[u] * weight[v]
