"""Everything that a fit needs of the runs seen so far, in memory that does not grow with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dimgs.advice import setting
from dimgs.arrays import Array, IntArray
from dimgs.dataset import Dataset
from dimgs.design.features import label_texts
from dimgs.design.grouped_moments import GroupedMoments
from dimgs.design.moments import BLOCK_ROWS
from dimgs.errors import InputError
from dimgs.fits.block_moments import BlockMoments
from dimgs.law.domain import inverse_scatter
from dimgs.outofcore.stream_plan import StreamPlan, as_ranges

# Extreme runs in memory, and those that stay of them. Few runs are all kept, so that the domain is
# exactly that of the runs; of many, the farthest ones by far bound it.
_MOST_EXTREMES, _KEPT_EXTREMES = 4096, 512
# dropped rows that a message lists: it stays readable in a terminal
_NAMED = 10
# the two rounds of SplitMix64's mixing function
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


@dataclass
class StreamMoments:
    """Moments, ranges and extreme runs of a table; parts update it, and several merge.

    Attributes
    ----------
    blocks : BlockMoments
        Of the features and of [ln pi_0, ln target, temperatures], weighted, by block or cluster.
    total : GroupedMoments
        Of the same columns, unweighted, by `within` label.
    low, high : ndarray of shape (n_columns,)
        Ranges of the numeric columns of the plan.
    feature_low, feature_high : ndarray of shape (n_features,)
    extremes : ndarray of shape (n_extremes, n_features)
        Runs of large leverage, in the features in which the domain is judged.
    n_dropped : int
    dropped : tuple of str
        The first rows that were dropped.
    in_pieces : bool
        Whether rows are numbered within a file or a partition, which is then named with them.
    """

    blocks: BlockMoments
    total: GroupedMoments
    low: Array
    high: Array
    feature_low: Array
    feature_high: Array
    extremes: Array
    n_dropped: int = 0
    dropped: tuple[str, ...] = ()
    in_pieces: bool = False

    @classmethod
    def empty(cls, plan: StreamPlan, *, in_pieces: bool = False) -> Self:
        """Moments of no run."""
        p, k = len(plan.features), len(plan.names)
        columns = len(plan.matrix)
        none: NDArray[np.generic] = np.empty(0, dtype=np.str_ if plan.options.within else np.intp)
        total = GroupedMoments(
            none,
            np.zeros(0),
            np.zeros(0, np.int64),
            np.zeros((0, columns)),
            np.zeros((columns, columns)),
            p,
        )
        return cls(
            BlockMoments(),
            total,
            np.full(k, np.inf),
            np.full(k, -np.inf),
            np.full(p, np.inf),
            np.full(p, -np.inf),
            np.zeros((0, p)),
            in_pieces=in_pieces,
        )

    @property
    def n_runs(self) -> int:
        """Number of runs that entered."""
        return int(self.total.counts.sum())

    def ranges(self, plan: StreamPlan) -> Dataset:
        """Ranges of the numeric columns so far, those that the plan was made of included."""
        low = [min(a, plan.ranges[n][0]) for n, a in zip(plan.names, self.low, strict=True)]
        high = [max(b, plan.ranges[n][1]) for n, b in zip(plan.names, self.high, strict=True)]
        return as_ranges(plan.ranges, plan.names, low, high)

    def widen(self, columns: dict[str, Array], plan: StreamPlan) -> bool:
        """Widen the ranges by new runs; False where some cell does not fit the plan.

        A cell does not fit if it is not finite, or not positive where that is needed.
        """
        low = np.array([columns[n].min() for n in plan.names])
        high = np.array([columns[n].max() for n in plan.names])
        # a NaN makes both ends NaN
        positive = np.array([n in plan.logged for n in plan.names])
        if not (np.isfinite(low) & np.isfinite(high) & ((low > 0) | ~positive)).all():
            return False
        np.minimum(self.low, low, out=self.low)
        np.maximum(self.high, high, out=self.high)
        return True

    def update(
        self,
        plan: StreamPlan,
        columns: dict[str, Array],
        weights: Array | None = None,
        within: NDArray[Any] | None = None,
        split: NDArray[Any] | None = None,
    ) -> None:
        """Add runs whose cells fit the plan; `columns` holds SI values by name."""
        if split is None:
            # a block is a fair share of every part, however the table is sorted
            order = shuffled(columns)
            columns = {name: values[order] for name, values in columns.items()}
            weights, within = (None if v is None else v[order] for v in (weights, within))
        z, p = transformed(plan, columns), len(plan.features)
        x, t = z[:p].T, z[p:].T
        self.blocks.update(x, t, weights, split, within)
        self.total = self.total.merge(GroupedMoments.from_arrays(x, t, within))
        if p:
            self._keep_extremes(z, plan)

    def _keep_extremes(self, z: Array, plan: StreamPlan) -> None:
        p, rows = len(plan.features), plan.leverage_rows
        np.minimum(self.feature_low, z[:p].min(axis=1), out=self.feature_low)
        np.maximum(self.feature_high, z[:p].max(axis=1), out=self.feature_high)
        judged = z[rows].T
        if self.n_runs > _KEPT_EXTREMES:
            ends = [judged.argmin(axis=0), judged.argmax(axis=0)]
            far = [[int(np.argmax(self._leverage(judged, plan)))]]
            judged = judged[np.unique(np.concatenate([*ends, *far]))]
        self.extremes = np.vstack([self.extremes, judged])
        if len(self.extremes) > _MOST_EXTREMES:
            order = np.argsort(self._leverage(self.extremes, plan))
            self.extremes = self.extremes[np.sort(order[-_KEPT_EXTREMES:])]

    def _leverage(self, judged: Array, plan: StreamPlan) -> Array:
        """How far runs lie from all, in the features in which the domain is judged."""
        centre, scatter = self.spread(plan)
        apart = judged - centre
        precision = inverse_scatter(scatter, self.n_runs)
        return np.asarray(np.einsum("ni,ni->n", apart @ precision, apart))

    def spread(self, plan: StreamPlan) -> tuple[Array, Array]:
        """Mean and scatter of all runs, in the features in which the domain is judged."""
        pooled, rows = self.total.pooled(), plan.leverage_rows
        return pooled.mean[rows], pooled.scatter[np.ix_(rows, rows)]

    def drop(self, data: Dataset) -> None:
        """Count the rows that were dropped from a part."""
        self.n_dropped += len(data.dropped)
        room = max(0, _NAMED - len(self.dropped))
        where = f" of {data.source}" if self.in_pieces else ""
        self.dropped += tuple(f"{d.row}{where}" for d in data.dropped[:room])

    def merge(self, other: "StreamMoments") -> Self:
        """Moments of the runs of both; neither is changed."""
        return type(self)(
            self.blocks.merge(other.blocks),
            self.total.merge(other.total),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            np.minimum(self.feature_low, other.feature_low),
            np.maximum(self.feature_high, other.feature_high),
            np.vstack([self.extremes, other.extremes]),
            self.n_dropped + other.n_dropped,
            (*self.dropped, *other.dropped)[:_NAMED],
            self.in_pieces or other.in_pieces,
        )


def transformed(plan: StreamPlan, columns: Mapping[str, Array]) -> Array:
    """Rows of `StreamPlan.matrix` of some runs, shape (n_rows, n_runs), by blocks in the cache."""
    n = len(columns[plan.target])
    out = np.empty((len(plan.matrix), n))
    for start in range(0, n, BLOCK_ROWS):
        part = slice(start, min(start + BLOCK_ROWS, n))
        terms = np.ones((len(plan.terms) + 1, part.stop - start))
        for row, (name, transform) in zip(terms, plan.terms, strict=False):
            values = columns[name][part]
            if transform == "log":
                np.log(values, out=row)
            else:
                row[:] = 1.0 / values if transform == "inverse" else values
        out[:, part] = plan.matrix @ terms
    return out


# last bits of a double that are left out: 32 of 52 decide, a relative 2e-10, above what a
# conversion of units rounds and below what two runs differ by
_TRAILING = np.uint64(20)
# half of the last bit that counts, so that leading bits are rounded
_HALF_TRAILING = np.uint64(1 << 19)


def shuffled(columns: Mapping[str, Array]) -> IntArray:
    """An order of runs as good as random, which depends on their values and not on their places.

    Runs are sorted by a sum of the leading bits of their values, mixed as by SplitMix64: the last
    digits, which the conversion of units rounds, decide nothing.

    References
    ----------
    G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014
    (the mixing function).

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> x[shuffled({"x": x})].tolist() == x[::-1][shuffled({"x": x[::-1]})].tolist()
    True
    """
    bits = np.zeros(len(next(iter(columns.values()))), dtype=np.uint64)
    for k, name in enumerate(sorted(columns)):
        # odd factors, so that equal values in two columns do not cancel
        raw = np.ascontiguousarray(columns[name]).view(np.uint64)
        leading = (raw + _HALF_TRAILING) >> _TRAILING
        bits += leading * np.uint64(2 * k + 1)
    for shift, factor in _MIX:
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return np.argsort(bits ^ (bits >> np.uint64(31)))


def columns_of(data: Dataset, plan: StreamPlan) -> tuple[dict[str, Array], dict[str, Any]]:
    """Numeric columns of clean runs, and their weights and labels as `update` takes them."""
    columns = {n: np.asarray(data[n], dtype=np.float64) for n in plan.names}
    options = plan.options
    extra: dict[str, Any] = {"weights": _weights(data, plan)}
    for key, name in (("within", options.within), ("split", options.split_by)):
        extra[key] = None if name is None else label_texts(data[name])
    return columns, extra


def _weights(data: Dataset, plan: StreamPlan) -> Array | None:
    errors = data.errors.get(plan.target)
    if errors is None:
        return None
    variable = data.variable(plan.target)
    if variable.is_level:
        return np.asarray(1.0 / (errors * variable.unit.log_factor) ** 2)
    return np.asarray((data[plan.target] / errors) ** 2)


def check_group_count(state: StreamMoments, plan: StreamPlan) -> None:
    """Raise where most runs have a label of their own.

    Raises
    ------
    InputError
        Naming the option.
    """
    if plan.options.within is not None and 2 * len(state.total.labels) > max(4, state.n_runs):
        raise InputError(
            f"Column '{plan.options.within}' given to {setting('within')} has a value of its own "
            f"in most "
            f"rows; give a column of labels."
        )
