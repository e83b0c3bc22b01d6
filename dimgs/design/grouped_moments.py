"""Moments within groups of runs, each group centred on its own mean; they merge by label."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.arrays import Array, IntArray
from dimgs.design.moments import BLOCK_ROWS, Moments, checked_arrays, not_finite_message
from dimgs.errors import InputError


@dataclass(frozen=True, eq=False)
class GroupedMoments:
    """Moments of runs paired only within their group: each group is centred on its own mean.

    Attributes
    ----------
    labels : ndarray of shape (n_groups,)
        Distinct labels, sorted.
    weights, counts : ndarray of shape (n_groups,)
        Weight and number of runs of each group.
    means : ndarray of shape (n_groups, n_features + n_targets)
    scatter : ndarray of shape (n_features + n_targets, n_features + n_targets)
        Scatter within the groups, pooled.
    n_features : int

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [0.0], [2.0]]), np.array([0.0, 1.0, 9.0, 11.0])
    >>> grouped = GroupedMoments.from_arrays(X, y, ["a", "a", "b", "b"])
    >>> float(grouped.scatter[0, 1] / grouped.scatter[0, 0])
    1.0
    """

    labels: NDArray[np.generic]
    weights: Array
    counts: NDArray[np.int64]
    means: Array
    scatter: Array
    n_features: int

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike,
        y: ArrayLike,
        labels: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Moments within the groups named by `labels`, one label per run; see `Moments`.

        Without labels all runs are one group, whose label is 0.
        """
        if labels is None:
            alone = np.zeros(1, dtype=np.intp)
            return cls.from_moments(alone, Moments.from_arrays(X, y, sample_weight))
        x, t, w = checked_arrays(X, y, sample_weight)
        distinct, codes = np.unique(np.asarray(labels), return_inverse=True)
        if len(codes) != len(x):
            raise InputError(f"{len(codes)} group labels for {len(x)} runs: give one per run.")
        if len(distinct) == 1:
            return cls.from_moments(distinct, Moments.from_arrays(x, t, w))
        weights, means = group_means(np.hstack([x, t]), codes, len(distinct), w)
        counts = np.bincount(codes, None if w is None else w > 0, len(distinct)).astype(np.int64)
        scatter = np.zeros((means.shape[1], means.shape[1]))
        for start in range(0, len(x), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            z = np.hstack([x[rows], t[rows]]) - means[codes[rows]]
            scatter += z.T @ (z if w is None else z * w[rows, None])
        if not np.isfinite(scatter).all():
            raise InputError(not_finite_message(x, t))
        return cls(distinct, weights, counts, means, (scatter + scatter.T) / 2, x.shape[1])

    @classmethod
    def from_moments(cls, label: NDArray[np.generic], moments: Moments) -> Self:
        """One group made of the runs of `moments`; `label` has shape (1,)."""
        return cls(
            label,
            np.array([moments.weight]),
            np.array([moments.count]),
            moments.mean[None],
            moments.scatter,
            moments.n_features,
        )

    def merge(self, other: "GroupedMoments") -> Self:
        """Moments of both sets of runs; groups of equal label become one."""
        if self.n_features != other.n_features or self.means.shape[1] != other.means.shape[1]:
            raise InputError("Grouped moments of different columns cannot merge.")
        if len(self.labels) == 1 and np.array_equal(self.labels, other.labels):
            # many small merges of one group are common, and sorting labels is most of their cost
            return self.from_moments(self.labels, self._only().merge(other._only()))
        labels, codes = np.unique(np.concatenate([self.labels, other.labels]), return_inverse=True)
        parts = np.concatenate([self.means, other.means])
        part_weights = np.concatenate([self.weights, other.weights])
        weights, means = group_means(parts, codes, len(labels), part_weights)
        gap = parts - means[codes]
        scatter = self.scatter + other.scatter + gap.T @ (gap * part_weights[:, None])
        counts = np.zeros(len(labels), dtype=np.int64)
        np.add.at(counts, codes, np.concatenate([self.counts, other.counts]))
        return type(self)(labels, weights, counts, means, scatter, self.n_features)

    def __add__(self, other: "GroupedMoments") -> Self:
        return self.merge(other)

    def _only(self) -> Moments:
        weight, count = float(self.weights[0]), int(self.counts[0])
        return Moments(weight, count, self.means[0], self.scatter, self.n_features)

    def pooled(self) -> Moments:
        """Moments of all runs together, the spread between the groups included."""
        total = self.weights.sum()
        if total == 0.0:
            return Moments.empty(self.n_features, self.means.shape[1] - self.n_features)
        mean = self.weights @ self.means / total
        gap = self.means - mean
        scatter = self.scatter + gap.T @ (gap * self.weights[:, None])
        return Moments(float(total), int(self.counts.sum()), mean, scatter, self.n_features)


def group_means(
    values: Array, codes: IntArray, n_groups: int, sample_weight: Array | None = None
) -> tuple[Array, Array]:
    """Weight and weighted mean of the rows of each group; the mean of a weightless group is 0.

    Parameters
    ----------
    values : ndarray of shape (n_runs, n_columns)
    codes : ndarray of shape (n_runs,)
        Group of each run, 0 ... n_groups - 1.
    n_groups : int
    sample_weight : ndarray of shape (n_runs,), optional

    Returns
    -------
    weights : ndarray of shape (n_groups,)
    means : ndarray of shape (n_groups, n_columns)
    """
    w = np.ones(len(values)) if sample_weight is None else sample_weight
    weights = np.asarray(np.bincount(codes, w, n_groups), dtype=np.float64)
    safe = np.where(weights > 0.0, weights, 1.0)
    means = np.empty((n_groups, values.shape[1]))
    for j, column in enumerate(values.T):
        first = np.bincount(codes, w * column, n_groups) / safe
        # second pass: removes the rounding of a large mean
        means[:, j] = first + np.bincount(codes, w * (column - first[codes]), n_groups) / safe
    return weights, np.where(weights[:, None] > 0.0, means, 0.0)
