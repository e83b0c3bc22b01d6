"""The arithmetic of one part of a large table, a block of rows in the cache at a time."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from dimgs.arrays import Array
from dimgs.design.moments import Moments
from dimgs.law.domain import inverse_scatter
from dimgs.outofcore.stream_plan import StreamPlan

# so that the columns and rows of a block stay in the processor's cache
_ROWS = 8192
# beyond this ratio of squared mean to variance, centring afterwards loses digits
_MAX_CANCELLATION = 1e3
# relative: a few hundred times the rounding of a double
_ROUNDING = 1e-13


@dataclass
class BlockTransform:
    """From columns to features, their moments and their extreme runs.

    Every column is transformed once, one matrix product makes all features of a block about
    the mean of the runs before, and another one their scatter.

    Attributes
    ----------
    plan : StreamPlan
    matrix : ndarray of shape (n_rows + 1, n_terms + 1)
        `StreamPlan.matrix`, shifted by `shift`, and a row that makes ones.
    shift : ndarray of shape (n_rows,)
    precision : ndarray of shape (n_features, n_features)
        Inverse scatter of the runs before, in the features in which leverage is judged.
    every : bool
        Whether every run counts as extreme, as long as there are few.
    """

    plan: StreamPlan
    matrix: Array
    shift: Array
    precision: Array
    every: bool = False
    _found: list[Array] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        plan: StreamPlan,
        columns: dict[str, Array],
        known: tuple[Array, Array, int] | None,
        every: bool = False,
    ) -> Self:
        """BlockTransform about the runs before, or about the first of these where there were none.

        Parameters
        ----------
        plan : StreamPlan
        columns : dict of str to ndarray of shape (n_runs,)
        known : tuple of (ndarray, ndarray, int), optional
            Mean and scatter of the rows of `StreamPlan.matrix`, and the number of runs.
        every : bool
        """
        size, k = len(plan.matrix), len(plan.terms)
        ones = np.zeros(k + 1)
        ones[-1] = 1.0
        matrix = np.vstack([plan.matrix, ones])
        if known is None:
            n = len(columns[plan.target])
            z = cls(plan, matrix, np.zeros(size), np.zeros((0, 0))).rows(columns, 0, n)
            moments = Moments.from_arrays(z.T, z[:1].T)
            known = moments.mean[:size], moments.scatter[:size, :size], n
        shift, scatter, n_runs = known
        matrix[:size, -1] -= shift
        rows = plan.leverage_rows
        precision = inverse_scatter(scatter[np.ix_(rows, rows)], n_runs)
        return cls(plan, matrix, shift, precision, every)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.plan.features)

    def rows(self, columns: dict[str, Array], start: int, stop: int) -> Array:
        """Rows of `StreamPlan.matrix` of some runs, shape (n_rows, stop - start)."""
        size = len(self.shift)
        out = np.empty((size, stop - start))
        terms, z = self._buffers(stop - start)
        for a in range(start, stop, _ROWS):
            block = self._block(columns, a, min(a + _ROWS, stop), terms, z)
            out[:, a - start : a - start + block.shape[1]] = block[:size] + self.shift[:, None]
            if self.precision.size:
                self._find(block)
        return out

    def moments(self, columns: dict[str, Array], start: int, stop: int) -> Moments:
        """Moments of some runs, unweighted."""
        size = len(self.shift)
        sums = np.zeros((size + 1, size + 1))
        terms, z = self._buffers(stop - start)
        for a in range(start, stop, _ROWS):
            block = self._block(columns, a, min(a + _ROWS, stop), terms, z)
            sums += block @ block.T
            self._find(block)
        n = stop - start
        mean = sums[size, :size] / n
        scatter = sums[:size, :size] - n * np.outer(mean, mean)
        # a column that never varies is off its mean by rounding alone
        rounding = (_ROUNDING * np.abs(self.shift)) ** 2
        if (n * mean**2 > _MAX_CANCELLATION * scatter.diagonal() + n * rounding).any():
            whole = BlockTransform(self.plan, self.matrix, self.shift, np.zeros((0, 0)))
            x = whole.rows(columns, start, stop)
            return Moments.from_arrays(x[: self.n_features].T, x[self.n_features :].T)
        return Moments(float(n), n, mean + self.shift, scatter, self.n_features)

    def extremes(self) -> Array:
        """Runs of extreme features or of large leverage, shape (n_rows, n_found)."""
        found = np.hstack(self._found)
        self._found = []
        self._find(found)
        return self._found.pop() + self.shift[:, None]

    def _buffers(self, n: int) -> tuple[Array, Array]:
        n = min(_ROWS, n)
        return np.ones((len(self.plan.terms) + 1, n)), np.empty((len(self.matrix), n))

    def _block(
        self, columns: dict[str, Array], start: int, stop: int, terms: Array, z: Array
    ) -> Array:
        n = stop - start
        if n < terms.shape[1]:
            # a contiguous buffer, which BLAS wants
            terms, z = self._buffers(n)
        for row, (name, transform) in zip(terms, self.plan.terms, strict=False):
            values = columns[name][start:stop]
            if transform == "log":
                np.log(values, out=row)
            elif transform == "inverse":
                np.divide(1.0, values, out=row)
            else:
                row[:] = values
        return np.matmul(self.matrix, terms, out=z)

    def _find(self, block: Array) -> None:
        if not self.n_features:
            return
        size, p = len(self.shift), self.n_features
        if self.every:
            self._found.append(block[:size].copy())
            return
        rows = self.plan.leverage_rows
        judged = block[:p] if rows == list(range(p)) else block[rows]
        leverage = np.einsum("in,in->n", judged, self.precision @ judged)
        whole = block[:size]
        found = [whole.argmin(axis=1), whole.argmax(axis=1), [leverage.argmax()]]
        self._found.append(whole[:, np.unique(np.concatenate(found))])
