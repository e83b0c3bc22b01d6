"""Moments of a large table, accumulated in one pass over its parts.

The plan says which logarithms, which groups, from which columns; memory does not grow with the
runs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any, Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, mixed_bits
from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.dataset.checks import Purpose, UsableRuns, duplicate_warnings, unlogged_names
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.fits.design import (
    Feature,
    Moments,
    ResponseScale,
    features_of,
    label_texts,
    log_groups,
    spans,
    stated_errors,
)
from dimgs.fits.least_squares import BlockMoments
from dimgs.fits.noise import MOST_SAMPLED, Scatter, sample_rows, scatter_of
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.law.prediction import inverse_scatter
from dimgs.variables import Variable

_IN_MEMORY_ONLY = ("limits", "robust", "regimes", "local", "additive")


@dataclass(frozen=True)
class StreamPlan:
    """Plan by which rows enter the moments, equal for all parts and workers.

    Attributes
    ----------
    ranges : Dataset
        Two runs: the smallest and the largest value of every numeric column so far. They
        settle the basis, what enters unlogged and what never varied.
    target : str
    options : Options
    basis : PiBasis
    features : tuple of Feature
        Those that never varied included.
    unlogged : tuple of str
        Inputs that enter without a logarithm.
    warnings : tuple of str
    has_errors : bool
        Whether the target has an error column.
    unused : tuple of str
        Label columns that take no part.
    """

    ranges: Dataset
    target: str
    options: Options
    basis: PiBasis
    features: tuple[Feature, ...]
    unlogged: tuple[str, ...]
    warnings: tuple[str, ...]
    has_errors: bool = False
    unused: tuple[str, ...] = ()

    @classmethod
    def of(cls, ranges: Dataset, target: str, options: Options) -> "StreamPlan":
        """Plan of a table with the given ranges of columns.

        Raises
        ------
        InputError, DimensionError
            As :func:`dimgs.discovery.prepare.prepare` does.
        """
        plain = replace(options, drop_bad=False, within=None, split_by=None)
        prepared = prepare(ranges, target, plain)
        inverse = options.arrhenius or ()
        features = tuple(features_of(prepared.basis, prepared.unlogged, inverse))
        # of a single run both ends are the same
        copies = duplicate_warnings(ranges)
        notes = tuple(w for w in prepared.warnings if w not in copies)
        return cls(ranges, target, options, prepared.basis, features, prepared.unlogged, notes)

    def with_ranges(self, ranges: Dataset) -> "StreamPlan":
        """Plan of the same table, of which more is known."""
        other = StreamPlan.of(ranges, self.target, self.options)
        return replace(other, has_errors=self.has_errors, unused=self.unused)

    def still_holds(self, ranges: Dataset) -> bool:
        """Whether a table of these wider ranges has the same features."""
        if _state(ranges) == _state(self.ranges):
            return True
        other = StreamPlan.of(ranges, self.target, self.options)
        return (other.basis, other.features) == (self.basis, self.features)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Numeric columns that are read: the target and its inputs."""
        return self.ranges.variables

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numeric columns."""
        return self.ranges.names

    @property
    def purpose(self) -> Purpose:
        """Requirements on each part of the table."""
        return self.options.purpose(self.target, allow_empty=True)

    @cached_property
    def logged(self) -> tuple[str, ...]:
        """Columns that must be positive."""
        return tuple(
            n for n in self.names if n not in self.unlogged and not self.ranges.variable(n).is_level
        )

    @cached_property
    def temperatures(self) -> list[str]:
        """Columns that enter by their inverses; the domain is judged in themselves."""
        return [str(f.variable) for f in self.features if f.contrast == "inverse"]

    @property
    def n_columns(self) -> int:
        """Number of columns whose moments are kept; see :meth:`table`."""
        return len(self.features) + 2 + len(self.temperatures)

    def table(self, columns: Mapping[str, Array]) -> Array:
        """Features, ln pi_0, ln target and temperatures of some runs, (n_runs, n_columns)."""
        data = replace(self.ranges, values=columns, rows=np.empty(0, dtype=np.int64))
        groups = [f.group for f in self.features if f.logged and f.group]
        rest, *logs = log_groups(data, self.basis, [self._rest, *groups]).T
        plain = [
            1.0 / columns[n] if f.contrast == "inverse" else columns[n]
            for f in self.features
            if (n := f.variable) is not None
        ]
        values, target = columns[self.target], self.ranges.variable(self.target)
        log = values * target.unit.log_factor if target.is_level else np.log(values)
        # column by column in memory, as their sums and ends are taken
        return np.vstack(
            [*logs, *plain, log + rest, log, *(columns[n] for n in self.temperatures)]
        ).T

    @cached_property
    def _rest(self) -> PiGroup:
        """What pi_0 holds beside the target."""
        response, level = self.basis.response, self.ranges.variable(self.target).is_level
        powers = {} if response is None or level else dict(response.exponents)
        powers.pop(self.target, None)
        return PiGroup.of("rest", powers)

    @cached_property
    def in_domain(self) -> list[int]:
        """Columns of :meth:`table` in which the domain is judged, one per feature."""
        temperatures = count(len(self.features) + 2)
        return [
            next(temperatures) if f.contrast == "inverse" else j
            for j, f in enumerate(self.features)
        ]


def check_streamable(options: Options) -> None:
    """Raise where an option needs all runs in memory.

    Raises
    ------
    InputError
        Naming the option.
    """
    for name in _IN_MEMORY_ONLY:
        if getattr(options, name):
            raise InputError(
                f"{setting(name)} needs all runs in memory and does not go with "
                f"{setting('stream')}; draw a sample "
                f"of rows from the table and fit that."
            )


def ranges_of(usable: UsableRuns) -> Dataset | None:
    """Ranges of the numeric columns of usable runs; None where no run is left."""
    data = usable.data
    if not len(data):
        return None
    names = [n for n in data.names if n in usable.inputs or n == usable.purpose.target]
    return as_ranges(data, names, [data[n].min() for n in names], [data[n].max() for n in names])


def as_ranges(
    data: Dataset, names: Iterable[str], low: Iterable[Any], high: Iterable[Any]
) -> Dataset:
    """Two runs, of the smallest and of the largest values, with what the reader noticed."""
    ends = zip(names, low, high, strict=True)
    values = {n: np.array([a, b], dtype=np.float64) for n, a, b in ends}
    variables = tuple(data.variable(n) for n in values)
    return Dataset(variables, values, {}, source=data.source, warnings=data.warnings)


def union(one: Dataset, other: Dataset) -> Dataset:
    """Ranges of the runs of both."""
    low = [min(one[n][0], other[n][0]) for n in one.names]
    high = [max(one[n][1], other[n][1]) for n in one.names]
    return as_ranges(one, one.names, low, high)


def _state(ranges: Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from dimgs.dataset.checks import constant_columns

    return constant_columns(ranges), unlogged_names(ranges, ranges.names)


# Extreme runs in memory, and those that stay of them. Few runs are all kept, so that the domain is
# exactly that of the runs; of many, the farthest ones by far bound it.
_MOST_EXTREMES, _KEPT_EXTREMES = 4096, 512
# dropped rows that a message lists: it stays readable in a terminal
_NAMED = 10


@dataclass
class StreamMoments:
    """Moments, ranges and extreme runs of a table; parts update it, and several merge.

    Attributes
    ----------
    blocks : BlockMoments
        Of the features and of [ln pi_0, ln target, temperatures], weighted, by block or cluster.
    total : Moments
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
    sample : ndarray of shape (n_sampled, n_features + 4)
        Where the target has an error column, rank, features, response, error and number of the
        label of some runs, from which the scatter beside the stated errors is estimated.
    scatter : Scatter or None
        What the weights include; None in the first pass.
    """

    blocks: BlockMoments
    total: Moments
    low: Array
    high: Array
    feature_low: Array
    feature_high: Array
    extremes: Array
    n_dropped: int = 0
    dropped: tuple[str, ...] = ()
    in_pieces: bool = False
    sample: Array = field(default_factory=lambda: np.zeros((0, 0)))
    scatter: Scatter | None = None

    @classmethod
    def empty(
        cls, plan: StreamPlan, *, in_pieces: bool = False, scatter: Scatter | None = None
    ) -> Self:
        """Moments of no run."""
        p, k = len(plan.features), len(plan.names)
        none: NDArray[np.generic] = np.empty(0, dtype=np.str_ if plan.options.within else np.intp)
        total = Moments.empty(p, plan.n_columns - p, none)
        return cls(
            BlockMoments(),
            total,
            np.full(k, np.inf),
            np.full(k, -np.inf),
            np.full(p, np.inf),
            np.full(p, -np.inf),
            np.zeros((0, p)),
            in_pieces=in_pieces,
            sample=np.zeros((0, p + 4)),
            scatter=scatter,
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
        sigma: Array | None = None,
        within: NDArray[Any] | None = None,
        split: NDArray[Any] | None = None,
    ) -> None:
        """Add runs whose cells fit the plan; `columns` holds SI values by name."""
        if split is None:
            # a block is a fair share of every part, however the table is sorted
            order = np.argsort(mixed_bits(columns[name] for name in sorted(columns)))
            columns = {name: values[order] for name, values in columns.items()}
            sigma, within = (None if v is None else v[order] for v in (sigma, within))
        z, p = plan.table(columns), len(plan.features)
        x, t = z[:, :p], z[:, p:]
        weights = None
        if sigma is not None:
            if self.scatter is None:
                self._sample(x, t[:, 0], sigma, within)
            shared = 0.0 if self.scatter is None else self.scatter.intrinsic
            weights = np.hypot(sigma, shared) ** -2
        self.blocks.update(x, t, weights, split, within)
        self.total = self.total.merge(Moments.from_arrays(x, t, within))
        if p:
            self._keep_extremes(z, plan)

    def _sample(self, x: Array, y: Array, sigma: Array, within: NDArray[Any] | None) -> None:
        rows, ranks = sample_rows(np.column_stack([x, y]))
        codes = np.zeros(len(rows))
        if within is not None:
            codes = np.array([crc32(str(label).encode()) for label in within[rows]], np.float64)
        new = np.column_stack([ranks, x[rows], y[rows], sigma[rows], codes])
        self.sample = _first(np.vstack([self.sample, new]))

    def estimated(self, plan: StreamPlan) -> Scatter | None:
        """The scatter of the runs beside the stated errors; None without these."""
        if self.scatter is not None or not len(self.sample):
            return self.scatter
        kept = [1 + j for j, varies in enumerate(self.varying(plan)) if varies]
        *_, y, sigma, labels = self.sample.T
        return scatter_of(self.sample[:, kept], y, sigma, labels)

    def needs_scatter(self, plan: StreamPlan) -> bool:
        """Whether the runs must be read again, to be weighed by their scatter too."""
        noise = self.estimated(plan)
        return self.scatter is None and noise is not None and noise.intrinsic > 0

    def varying(self, plan: StreamPlan) -> list[bool]:
        """Indices of the features that vary."""
        ends = zip(plan.features, self.feature_low, self.feature_high, strict=True)
        return [spans(float(a), float(b), f.contrast) for f, a, b in ends]

    def _keep_extremes(self, z: Array, plan: StreamPlan) -> None:
        x, coordinates = z[:, : len(plan.features)], z[:, plan.in_domain]
        np.minimum(self.feature_low, x.min(axis=0), out=self.feature_low)
        np.maximum(self.feature_high, x.max(axis=0), out=self.feature_high)
        if self.n_runs > _KEPT_EXTREMES:
            ends = [coordinates.argmin(axis=0), coordinates.argmax(axis=0)]
            far = [[int(np.argmax(self._leverage(coordinates, plan)))]]
            coordinates = coordinates[np.unique(np.concatenate([*ends, *far]))]
        self.extremes = np.vstack([self.extremes, coordinates])
        if len(self.extremes) > _MOST_EXTREMES:
            order = np.argsort(self._leverage(self.extremes, plan))
            self.extremes = self.extremes[np.sort(order[-_KEPT_EXTREMES:])]

    def _leverage(self, coordinates: Array, plan: StreamPlan) -> Array:
        """Leverage of runs in the features of the domain."""
        centre, scatter = self.spread(plan)
        apart = coordinates - centre
        precision = inverse_scatter(scatter, self.n_runs)
        return np.asarray(np.einsum("ni,ni->n", apart @ precision, apart))

    def spread(self, plan: StreamPlan) -> tuple[Array, Array]:
        """Mean and scatter of all runs, in the features in which the domain is judged."""
        pooled, rows = self.total.pooled(), plan.in_domain
        return pooled.means[0, rows], pooled.scatter[np.ix_(rows, rows)]

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
            _first(np.vstack([self.sample, other.sample])),
            self.scatter,
        )


def _first(sample: Array) -> Array:
    """The rows of a sample of the smallest rank."""
    return sample[np.argsort(sample[:, 0], kind="stable")[:MOST_SAMPLED]]


def columns_of(data: Dataset, plan: StreamPlan) -> tuple[dict[str, Array], dict[str, Any]]:
    """Numeric columns of clean runs, and their errors and labels as `update` takes them."""
    columns = {n: data[n] for n in plan.names}
    options = plan.options
    scale: ResponseScale = "level" if data.variable(plan.target).is_level else "log"
    extra: dict[str, Any] = {"sigma": stated_errors(data, plan.target, scale)}
    for key, name in (("within", options.within), ("split", options.split_by)):
        extra[key] = None if name is None else label_texts(data[name])
    return columns, extra


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
