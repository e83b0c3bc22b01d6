"""Weighted centred moments that merge: all pairs of runs at the cost of one pass.

With product weights the sum over all pairs collapses to a sum over runs,

    sum_{u<v} w_u w_v (e_u - e_v)^2 = W sum_u w_u (e_u - e_mean)^2,    W = sum_u w_u,

so centred moments hold everything that least squares over all pairs needs. Those within groups of
runs are each centred on the group's own mean; they merge by label.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError

# rows of a few columns that stay in a processor's cache
BLOCK_ROWS = 8192
# the squares of 1e8 such values still add up to a number
_LARGEST = 1e150
# Blocks are used where they lie, uncentred, and centred afterwards. The cancellation costs a
# relative error of eps * mean^2 / variance; beyond this ratio the blocks are shifted first.
_MAX_CANCELLATION = 1e3
# blocks whose sums are added before they are centred and merged
_BLOCKS_PER_MERGE = 64


@dataclass(frozen=True, eq=False)
class Moments:
    """Weight, mean and centred scatter of the columns [X | Y]; a frozen value that merges.

    Attributes
    ----------
    weight : float
        Sum of the weights of the runs.
    count : int
        Number of runs of positive weight.
    mean : ndarray of shape (n_features + n_targets,)
        Weighted mean of [X | Y].
    scatter : ndarray of shape (n_features + n_targets, n_features + n_targets)
        Weighted sum of outer products of the centred rows of [X | Y].
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
    >>> bool(np.allclose(whole.scatter, parts.scatter)), whole.count == parts.count
    (True, True)
    """

    weight: float
    count: int
    mean: Array
    scatter: Array
    n_features: int

    @classmethod
    def from_arrays(
        cls, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Moments of rows of log groups `X` and responses `y`; memory does not grow with rows.

        Parameters
        ----------
        X : array-like of shape (n_runs, n_features)
        y : array-like of shape (n_runs,) or (n_runs, n_targets)
        sample_weight : array-like of shape (n_runs,), optional

        Raises
        ------
        InputError
            If the shapes disagree, a weight is negative, or a value is not finite.
        """
        x, t, w = checked_arrays(X, y, sample_weight)
        step = BLOCK_ROWS * _BLOCKS_PER_MERGE
        shift = np.zeros(x.shape[1] + t.shape[1])
        total = cls.empty(x.shape[1], t.shape[1])
        for start in range(0, len(x), step):
            rows = slice(start, start + step)
            part = (x[rows], t[rows], None if w is None else w[rows])
            moments = cls._from_sums(*part, shift)
            if moments._cancels(shift):
                shift = moments.mean
                moments = cls._from_sums(*part, shift)
            total = total.merge(moments)
        if not np.isfinite(total.scatter).all():
            raise InputError(not_finite_message(x, t))
        return total

    @classmethod
    def empty(cls, n_features: int, n_targets: int = 1) -> Self:
        """Moments of no run: the neutral element of `merge`."""
        size = n_features + n_targets
        return cls(0.0, 0, np.zeros(size), np.zeros((size, size)), n_features)

    @classmethod
    def _from_sums(cls, x: Array, t: Array, w: Array | None, shift: Array) -> Self:
        p, q = x.shape[1], t.shape[1]
        d = p + q
        rows = min(BLOCK_ROWS, len(x))
        raw = np.zeros((d + 1, d))  # of [X | Y | 1] times [X | Y]
        left = np.ones((q + 1, rows))
        tile = np.tile(shift[:p], (rows, 1)) if shift.any() else None
        for start in range(0, len(x), rows):
            block = x[start : start + rows]
            target = t[start : start + rows]
            if tile is not None:
                block = block - tile[: len(block)]
                target = target - shift[p:]
            z = left[:, : len(block)]
            z[:q] = target.T
            if w is None:
                raw[:p, :p] += block.T @ block
            else:
                weights = w[start : start + rows]
                raw[:p, :p] += block.T @ (block * weights[:, None])
                z = z * weights
            raw[p:, :p] += z @ block
            raw[p:, p:] += z @ target
        weight, count = (
            (float(len(x)), len(x)) if w is None else (float(w.sum()), np.count_nonzero(w))
        )
        scatter, sums = raw[:d], raw[d]
        scatter[:p, p:] = scatter[p:, :p].T
        mean = sums / weight if weight > 0.0 else np.zeros(d)
        scatter -= mean[:, None] * sums
        return cls(weight, int(count), mean + shift, (scatter + scatter.T) / 2, p)

    def _cancels(self, shift: Array) -> bool:
        """Whether some mean, against its spread, is so large that centring lost digits."""
        gap = self.weight * (self.mean - shift) ** 2
        return bool((gap > _MAX_CANCELLATION * self.scatter.diagonal()).any())

    def merge(self, other: "Moments") -> Self:
        """Moments of both sets of runs together (Chan, Golub and LeVeque 1983)."""
        if self.n_features != other.n_features or len(self.mean) != len(other.mean):
            raise InputError(
                f"Moments of {self.n_features} and {other.n_features} features cannot merge: "
                "both sets of runs need the same columns."
            )
        weight = self.weight + other.weight
        if weight == 0.0:
            return self
        gap = other.mean - self.mean
        # convex form: exact when one side is empty
        mean = (self.weight / weight) * self.mean + (other.weight / weight) * other.mean
        factor = self.weight * (other.weight / weight)
        scatter = self.scatter + other.scatter + factor * np.outer(gap, gap)
        return type(self)(weight, self.count + other.count, mean, scatter, self.n_features)

    def __add__(self, other: "Moments") -> Self:
        return self.merge(other)

    @property
    def xx(self) -> Array:
        """Scatter of the features, shape (n_features, n_features)."""
        return self.scatter[: self.n_features, : self.n_features]

    @property
    def xy(self) -> Array:
        """Cross scatter of features and targets, shape (n_features, n_targets)."""
        return self.scatter[: self.n_features, self.n_features :]


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
