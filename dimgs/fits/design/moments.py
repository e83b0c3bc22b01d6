"""Weighted centred moments that merge: all pairs of runs at the cost of one pass.

With product weights the sum over all pairs collapses to a sum over runs,

    sum_{u<v} w_u w_v (e_u - e_v)^2 = W sum_u w_u (e_u - e_mean)^2,    W = sum_u w_u,

so centred moments hold everything that least squares over all pairs needs.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError

# rows of a few columns that stay in a processor's cache
BLOCK_ROWS = 8192
# the squares of 1e8 such values still add up to a number
_LARGEST = 1e150
# Sums are centred afterwards. The cancellation costs a relative error of eps * mean^2 / variance;
# beyond this ratio they are formed again about the means.
_MAX_CANCELLATION = 1e3


@dataclass(frozen=True, eq=False)
class Moments:
    """Weight, mean and centred scatter of the columns [X | Y]; a frozen value that merges.

    Runs may be paired only within their group: then each group is centred on its own mean.

    Attributes
    ----------
    labels : ndarray of shape (n_groups,)
        Distinct labels, sorted; of runs without labels, the single label 0.
    weights, counts : ndarray of shape (n_groups,)
        Weight of each group, and its number of runs of positive weight.
    means : ndarray of shape (n_groups, n_features + n_targets)
    scatter : ndarray of shape (n_features + n_targets, n_features + n_targets)
        Weighted sum of outer products of the centred rows, over all groups.
    n_features : int
        Number of leading columns that belong to X.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance",
    The American Statistician 37 (1983) 242-247.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    >>> whole = Moments.from_arrays(X, y)
    >>> parts = Moments.from_arrays(X[:1], y[:1]) + Moments.from_arrays(X[1:], y[1:])
    >>> bool(np.allclose(whole.scatter, parts.scatter)), bool(whole.counts == parts.counts)
    (True, True)
    >>> X, y = np.array([[0.0], [1.0], [0.0], [2.0]]), np.array([0.0, 1.0, 9.0, 11.0])
    >>> grouped = Moments.from_arrays(X, y, ["a", "a", "b", "b"])
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
        """Moments of rows of log groups `X` and responses `y`; memory does not grow with rows.

        Parameters
        ----------
        X : array-like of shape (n_runs, n_features)
        y : array-like of shape (n_runs,) or (n_runs, n_targets)
        labels : array-like of shape (n_runs,), optional
        sample_weight : array-like of shape (n_runs,), optional

        Raises
        ------
        InputError
            If the shapes disagree, a weight is negative, or a value is not finite.
        """
        x, t, w = checked_arrays(X, y, sample_weight)
        p, d = x.shape[1], x.shape[1] + t.shape[1]
        distinct, codes = np.zeros(1, dtype=np.intp), np.zeros(0, dtype=np.intp)
        if labels is not None:
            distinct, codes = np.unique(np.asarray(labels), return_inverse=True)
            if len(codes) != len(x):
                raise InputError(f"{len(codes)} group labels for {len(x)} runs: give one per run.")
        if len(distinct) != 1:
            weights, means = group_means(np.hstack([x, t]), codes, len(distinct), w)
            counts = np.bincount(codes, None if w is None else w > 0, len(distinct))
            scatter = _products(x, t, w, means, codes)[:d, :d]
        else:
            means = np.zeros((1, d))
            counts = np.array([len(x) if w is None else np.count_nonzero(w)])
            for _ in range(2):
                raw = _products(x, t, w, means)
                weights, sums = raw[d:, d], raw[d, :d]
                gap = sums / (weights[0] or 1.0)
                means, scatter = means + gap, raw[:d, :d] - gap[:, None] * sums
                if not (gap * sums > _MAX_CANCELLATION * scatter.diagonal()).any():
                    break
        scatter = (scatter + scatter.T) / 2
        total = cls(distinct, weights, counts.astype(np.int64), means, scatter, p)
        if not np.isfinite(total.scatter).all():
            raise InputError(not_finite_message(x, t))
        return total

    @classmethod
    def empty(
        cls, n_features: int, n_targets: int = 1, labels: NDArray[np.generic] | None = None
    ) -> Self:
        """Moments of no run in groups of these labels: the neutral element of `merge`."""
        labels = np.zeros(1, dtype=np.intp) if labels is None else labels
        n, size = len(labels), n_features + n_targets
        none = np.zeros(n, dtype=np.int64)
        scatter = np.zeros((size, size))
        return cls(labels, np.zeros(n), none, np.zeros((n, size)), scatter, n_features)

    def merge(self, other: "Moments") -> Self:
        """Moments of both sets of runs; groups of equal label become one (Chan et al. 1983)."""
        if self.n_features != other.n_features or self.means.shape[1] != other.means.shape[1]:
            raise InputError(
                f"Moments of {self.n_features} and {other.n_features} features cannot merge: "
                "both sets of runs need the same columns."
            )
        if not np.array_equal(self.labels, other.labels):
            # an empty set of labels has no kind of its own
            labels = np.unique(np.concatenate([m.labels for m in (self, other) if len(m.labels)]))
            return self._over(labels).merge(other._over(labels))
        weights = self.weights + other.weights
        safe = np.where(weights > 0.0, weights, 1.0)
        share, gap = other.weights / safe, other.means - self.means
        # convex form: exact when one side is empty
        means = (self.weights / safe)[:, None] * self.means + share[:, None] * other.means
        scatter = self.scatter + other.scatter + gap.T @ (gap * (self.weights * share)[:, None])
        counts = self.counts + other.counts
        return type(self)(self.labels, weights, counts, means, scatter, self.n_features)

    def __add__(self, other: "Moments") -> Self:
        return self.merge(other)

    def _over(self, labels: NDArray[np.generic]) -> Self:
        """The same moments, with groups of no run for labels that are new."""
        at, size = np.searchsorted(labels, self.labels), self.means.shape[1]
        wider = self.empty(self.n_features, size - self.n_features, labels)
        for name in ("weights", "counts", "means"):
            getattr(wider, name)[at] = getattr(self, name)
        return replace(wider, scatter=self.scatter)

    def pooled(self) -> Self:
        """Moments of all runs as one group, the spread between the groups included."""
        weights = np.array([self.weights.sum()])
        mean = self.weights @ self.means / (weights[0] or 1.0)
        gap = self.means - mean
        return type(self)(
            np.zeros(1, dtype=np.intp),
            weights,
            np.array([self.counts.sum()]),
            mean[None],
            self.scatter + gap.T @ (gap * self.weights[:, None]),
            self.n_features,
        )


def _products(
    x: Array, t: Array, w: Array | None, centres: Array, codes: IntArray | None = None
) -> Array:
    """Weighted sums of products of [X | Y | 1], of X and Y less the centres of their groups.

    By what lies in a cache.
    """
    p, d = x.shape[1], centres.shape[1]
    out, buffer = np.zeros((d + 1, d + 1)), np.ones((min(BLOCK_ROWS, len(x)), d + 1))
    moved = bool(centres.any())
    for start in range(0, len(x), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        z = buffer[: len(x[rows])]
        z[:, :p], z[:, p:d] = x[rows], t[rows]
        if moved:
            z[:, :d] -= centres if codes is None else centres[codes[rows]]
        out += z.T @ (z if w is None else z * w[rows, None])
    return out


def checked_arrays(
    X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Array, Array, Array | None]:
    """`X`, `y` as two-dimensional and weights as one-dimensional float arrays, not copied."""
    x = np.asarray(X, dtype=np.float64)
    t = np.asarray(y, dtype=np.float64)
    if t.ndim == 1:
        t = t[:, None]
    if x.ndim != 2 or t.ndim != 2 or len(x) != len(t):
        raise InputError(
            f"X of shape {np.shape(X)} and y of shape {np.shape(y)} do not pair up: "
            "give one row of X per response."
        )
    if sample_weight is None:
        return x, t, None
    w = np.asarray(sample_weight, dtype=np.float64)
    if w.shape != (len(x),):
        raise InputError(f"{w.size} weights for {len(x)} runs: give one weight per run.")
    if not (w >= 0.0).all():
        row = int(np.argmin(w >= 0.0))
        raise InputError(f"The weight of run {row} is {w[row]}: weights must be 0 or more.")
    return x, t, w


def check_finite(x: Array, t: Array) -> None:
    """Raise InputError unless every value is finite and so are sums of squares of them."""
    if not all(np.abs(values).max(initial=0.0) < _LARGEST for values in (x, t)):
        raise InputError(not_finite_message(x, t))


def not_finite_message(x: Array, t: Array) -> str:
    """Message on the first value that is not finite, with the remedy."""
    for name, values in (("X", x), ("y", t)):
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, column = bad[0]
            return (
                f"{name} is not finite in row {row}, column {column}: drop the run, or see "
                "whether its logarithm was taken of zero."
            )
    return "The moments overflow: rescale X or y, or drop the runs of extreme values."


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


def group_sums(rows: Array, codes: IntArray) -> Array:
    """Sum of the rows of each group, shape (n_groups, n_columns); at least one column."""
    return np.column_stack([np.bincount(codes, column) for column in rows.T])
