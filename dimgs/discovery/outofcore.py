"""Fits of tables larger than memory: moments in one pass, resumed, and merged from a cluster.

The plan says which logarithms, which groups, from which columns; memory does not grow with the
runs.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property, partial, reduce
from importlib import import_module
from itertools import count
from os import PathLike
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Self, Unpack
from zipfile import ZIP_STORED, ZipFile
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, IntArray, mixed_bits
from dimgs.common.errors import InputError, noting, warn_all
from dimgs.common.formats import SCHEMA, attributes, json_value, refuse_newer, validated, whole
from dimgs.common.plugins import needing
from dimgs.dataset import Dataset
from dimgs.dataset.checks import (
    UsableRuns,
    check_enough_runs,
    constant_columns,
    dropped_warnings,
    duplicate_warnings,
    is_constant,
    unlogged_names,
    unused_label_warnings,
    usable_runs,
)
from dimgs.dataset.raw import ReadOptions, from_pandas
from dimgs.dataset.read import Part, Position, TableInParts, build
from dimgs.discovery.diagnostics import separation_warnings, shared_variables
from dimgs.discovery.estimators import of_least_squares, scatter_fields, with_rationals
from dimgs.discovery.options import (
    FitKeywords,
    Options,
    StreamKeywords,
    TableKeywords,
    documented,
    options_by_name,
)
from dimgs.discovery.power_law import with_law
from dimgs.discovery.prepare import prepare
from dimgs.discovery.scoring import r2_of_squares
from dimgs.fits.design import (
    Design,
    Feature,
    Moments,
    build_design,
    features_of,
    label_texts,
    spans,
    stated_errors,
)
from dimgs.fits.estimate import Estimate
from dimgs.fits.least_squares import BlockMoments
from dimgs.fits.noise import MOST_SAMPLED, Scatter, sample_rows, scatter_of
from dimgs.groups.group import PiBasis
from dimgs.law.assemble import power_law
from dimgs.law.checked_law import Domain, Scores, leverages
from dimgs.law.prediction import domain_from_moments, inverse_scatter
from dimgs.report.results import FitResult

_IN_MEMORY_ONLY = sorted(FitKeywords.__annotations__.keys() - StreamKeywords.__annotations__)


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
    warnings : tuple of str
    unused : tuple of str
        Label columns that take no part.
    """

    ranges: Dataset
    target: str
    options: Options
    basis: PiBasis
    features: tuple[Feature, ...]
    warnings: tuple[str, ...]
    unused: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, ranges: Dataset, target: str, options: Options, unused: tuple[str, ...] = ()
    ) -> "StreamPlan":
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
        return cls(ranges, target, options, prepared.basis, features, notes, unused)

    def with_ranges(self, ranges: Dataset) -> "StreamPlan":
        """Plan of the same table, of which more is known."""
        return StreamPlan.of(ranges, self.target, self.options, self.unused)

    def still_holds(self, ranges: Dataset) -> bool:
        """Whether a table of these wider ranges has the same features."""
        if _state(ranges) == _state(self.ranges):
            return True
        other = self.with_ranges(ranges)
        return (other.basis, other.features) == (self.basis, self.features)

    @cached_property
    def temperatures(self) -> list[str]:
        """Columns that enter by their inverses; the domain is judged in themselves."""
        return [str(f.variable) for f in self.features if f.contrast == "inverse"]

    @cached_property
    def in_domain(self) -> list[int]:
        """Columns of the moments in which the domain is judged, one per feature."""
        temperatures = count(len(self.features) + 2)
        return [
            next(temperatures) if f.contrast == "inverse" else j
            for j, f in enumerate(self.features)
        ]


def _streamable(options: Options | None, keywords: Mapping[str, Any], function: str) -> Options:
    """The options of a function; an error where one of them needs all runs in memory."""
    chosen = Options.of(options, keywords, function, StreamKeywords)
    plain = Options()
    for name in _IN_MEMORY_ONLY:
        if getattr(chosen, name) != getattr(plain, name):
            raise InputError(
                f"{setting(name)} needs all runs in memory and does not go with "
                f"{setting('stream')}; draw a sample of rows from the table and fit that."
            )
    return chosen


def ranges_of(usable: UsableRuns) -> Dataset | None:
    """Ranges of the numeric columns of usable runs; None where no run is left."""
    data = usable.data
    if not len(data):
        return None
    names = [n for n in data.names if n in usable.inputs or n == usable.purpose.target]
    with_errors = [f"'{n}'" for n in names if n in data.errors and n in usable.inputs]
    if with_errors:
        note = (
            f"The errors of {', '.join(with_errors)} are not used with {setting('stream')}: "
            f"exponents may be too flat; the fit of a sample in memory uses them."
        )
        data = replace(data, warnings=(*data.warnings, note))
    return as_ranges(data, names, [data[n].min() for n in names], [data[n].max() for n in names])


def as_ranges(
    data: Dataset, names: Iterable[str], low: Iterable[Any], high: Iterable[Any]
) -> Dataset:
    """Two runs, of the smallest and of the largest values, with what the reader noticed."""
    ends = zip(names, low, high, strict=True)
    values = {n: np.array([a, b], dtype=np.float64) for n, a, b in ends}
    variables = tuple(data.variable(n) for n in values)
    return Dataset(variables, values, {}, source=data.source, warnings=data.warnings)


def _ends(ranges: Dataset) -> Array:
    """Smallest and largest value of each column, shape (2, n_columns)."""
    return np.column_stack([ranges[n] for n in ranges.names])


def union(one: Dataset, other: Dataset) -> Dataset:
    """Ranges of the runs of both.

    Values of an input that have no logarithm are left out if they are the same in one of the parts:
    there they were taken for those of an input that plays no part.
    """
    both, names, low, high = (one, other), one.names, list[float](), list[float]()
    parts = [(r, {*unlogged_names(r, names)} - {*unlogged_names(r, names, names)}) for r in both]
    for n in names:
        known = [part[n] for part, apart in parts if n not in apart]
        ends = np.concatenate(known or [one[n], other[n]])
        low.append(ends.min())
        high.append(ends.max())
    return as_ranges(one, names, low, high)


def _state(ranges: Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return constant_columns(ranges), unlogged_names(ranges, ranges.names)


# Extreme runs that are kept. Of few runs these are all, so that the domain is exactly that of the
# runs; of many, the farthest ones by far bound it.
_EXTREMES = 512
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
    ranges : Dataset
        Of the numeric columns, those that the plan was made of included.
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
    position : Position
        Where the next part of the table begins.
    rows : int
        Number of rows read, those that were dropped included.
    """

    blocks: BlockMoments
    total: Moments
    ranges: Dataset
    feature_low: Array
    feature_high: Array
    extremes: Array
    sample: Array
    n_dropped: int = 0
    dropped: tuple[str, ...] = ()
    in_pieces: bool = False
    scatter: Scatter | None = None
    position: Position = field(default_factory=Position)
    rows: int = 0

    @classmethod
    def empty(
        cls, plan: StreamPlan, scatter: Scatter | None = None, *, in_pieces: bool = False
    ) -> Self:
        """Moments of no run."""
        p = len(plan.features)
        none: NDArray[np.generic] = np.empty(0, dtype=np.str_ if plan.options.within else np.intp)
        return cls(
            BlockMoments(),
            Moments.empty(p, 2 + len(plan.temperatures), none),
            plan.ranges,
            np.full(p, np.inf),
            np.full(p, -np.inf),
            np.zeros((0, p)),
            np.zeros((0, p + 4)),
            in_pieces=in_pieces,
            scatter=scatter,
        )

    @property
    def n_runs(self) -> int:
        """Number of runs that entered."""
        return int(self.total.counts.sum())

    def update(self, plan: StreamPlan, data: Dataset) -> None:
        """Add clean runs."""
        options = plan.options
        if options.split_by is None:
            # a block is a fair share of every part, however the table is sorted
            data = data.take(np.argsort(mixed_bits(data[n] for n in sorted(plan.ranges.names))))
        within, split = (
            None if name is None else label_texts(data[name])
            for name in (options.within, options.split_by)
        )
        of, p = build_design(data, plan.basis, features=plan.features), len(plan.features)
        temperatures = (data[n] for n in plan.temperatures)
        # column by column in memory, as their sums and ends are taken
        z = np.vstack([*of.X.T, of.y, of.y + of.offset, *temperatures]).T
        x, t = z[:, :p], z[:, p:]
        sigma, weights = stated_errors(data, plan.target, of.scale), None
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

    def varying(self, plan: StreamPlan) -> list[bool]:
        """Indices of the features that vary."""
        ends = zip(plan.features, self.feature_low, self.feature_high, strict=True)
        return [spans(float(a), float(b), f.contrast) for f, a, b in ends]

    def _keep_extremes(self, z: Array, plan: StreamPlan) -> None:
        x, coordinates = z[:, : len(plan.features)], z[:, plan.in_domain]
        np.minimum(self.feature_low, x.min(axis=0), out=self.feature_low)
        np.maximum(self.feature_high, x.max(axis=0), out=self.feature_high)
        self.extremes = np.vstack([self.extremes, coordinates])
        if len(self.extremes) > _EXTREMES:
            centre, scatter = self.spread(plan)
            precision = inverse_scatter(scatter, self.n_runs)
            order = np.argsort(leverages(self.extremes - centre, precision))
            self.extremes = self.extremes[np.sort(order[-_EXTREMES:])]

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
        return replace(
            self,
            blocks=self.blocks.merge(other.blocks),
            total=self.total.merge(other.total),
            ranges=union(self.ranges, other.ranges),
            feature_low=np.minimum(self.feature_low, other.feature_low),
            feature_high=np.maximum(self.feature_high, other.feature_high),
            extremes=np.vstack([self.extremes, other.extremes]),
            sample=_first(np.vstack([self.sample, other.sample])),
            n_dropped=self.n_dropped + other.n_dropped,
            dropped=(*self.dropped, *other.dropped)[:_NAMED],
        )


def _first(sample: Array) -> Array:
    """The rows of a sample of the smallest rank."""
    return sample[np.argsort(sample[:, 0], kind="stable")[:MOST_SAMPLED]]


# ---- Work on a large table that can be interrupted: moments and position in one file.


Count = Annotated[int, Field(ge=0)]


class QuestionPart(BaseModel):
    """Question of a checkpoint: target and options."""

    model_config = ConfigDict(strict=True, extra="allow")

    target: str
    options: dict[str, str]


class IdentityPart(BaseModel):
    """The table as it was, and the question."""

    model_config = ConfigDict(strict=True, extra="allow")

    version: int
    files: dict[str, list[Any]]
    question: QuestionPart


class CheckpointFile(BaseModel):
    """The text ``about`` in a checkpoint, an archive of NumPy arrays."""

    model_config = ConfigDict(strict=True, protected_namespaces=())

    edition: int = Field(0, alias="schema", ge=0)
    identity: IdentityPart
    position: Annotated[list[Count], Field(min_length=4, max_length=4)]
    ranges: Annotated[list[list[float]], FailFast()]
    rows: Count
    sizes: Annotated[list[Count], FailFast(), Field(min_length=1)]
    keys: Annotated[list[int | str], FailFast()]
    n_features: Count
    n_seen: Count
    shared: bool
    n_dropped: Count
    dropped: list[str]
    in_pieces: bool
    scatter: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None


# raised when states of before can no longer be used
_VERSION = 1
# between two writings: rarely enough to cost next to nothing
_SECONDS = 5.0
# a fit searches for no closed form, so that limits of searches change no answer
_LIMITS = frozenset({"effort", "evaluations", "time_limit"})
# options of the reader are compared on their own, as the reader holds them
_READER = TableKeywords.__annotations__.keys() - {"drop_bad"}
_ANALYSIS = sorted(options_by_name().keys() - _LIMITS - _READER)
# arrays of moments with one row a group, and arrays of all runs
_BY_GROUP = ("labels", "weights", "counts", "means")
_OF_RUNS = ("feature_low", "feature_high", "extremes", "sample")
_ENDS = ("low", "high", "feature_low", "feature_high")
# of a file, which reveal a changed table whose size and time are the same
_HEAD_BYTES = 1 << 16


@dataclass
class Checkpoint:
    """A file that keeps the state of a pass, written at most every few seconds.

    Parameters
    ----------
    path : Path
    identity : dict
        What the state belongs to: the table as it was, and the question.
    """

    path: Path
    identity: dict[str, Any]
    last: float = field(default_factory=monotonic)

    @classmethod
    def of(
        cls, path: str | os.PathLike[str], table: TableInParts, target: str, options: Options
    ) -> "Checkpoint":
        """Checkpoint of the work on a table."""
        files = {}
        for file in table.files:
            about = file.stat()
            with file.open("rb") as opened:
                head = hashlib.sha256(opened.read(_HEAD_BYTES)).hexdigest()
            files[str(file.resolve())] = [about.st_size, about.st_mtime_ns, head]
        reader = table.options
        question = {
            "target": target,
            "options": {k: repr(getattr(options, k)) for k in _ANALYSIS},
            "columns": None if reader.columns is None else list(reader.columns),
            "drop": None if reader.drop is None else list(reader.drop),
            "units": dict(reader.units),
            "skip_rows": reader.skip_rows,
            "chunk_rows": table.chunk_rows,
        }
        return cls(Path(path), {"version": _VERSION, "files": files, "question": question})

    def load(
        self, plan: StreamPlan, empty: Callable[[StreamPlan], StreamMoments]
    ) -> tuple[StreamPlan, StreamMoments] | str | None:
        """State kept so far, a sentence why it is of no use, or None where there is none.

        Parameters
        ----------
        plan : StreamPlan
            Of the first part of the table.
        empty : callable
            The state of a plan before the first run, whose arrays are as wide.

        Returns
        -------
        tuple of (StreamPlan, StreamMoments), str or None
            The plan is that of the ranges that were known.

        Raises
        ------
        InputError
            If the file is not a checkpoint; it is not overwritten then.
        """
        if not self.path.exists():
            return None
        where = f"'{self.path}' is not a checkpoint of dimgs, so it is neither read nor overwritten"
        about, arrays = _read(self.path, where)
        kept, what = about.identity.model_dump(), ""
        if kept["files"] != self.identity["files"]:
            what = "the table changed"
        elif not _same(kept, self.identity):
            what = "it belongs to another table or other options"
        elif "sample" not in arrays and not np.array_equal(arrays["weights"], arrays["counts"]):
            what = "it has no sample of the stated errors, which version 0.2 did not keep"
        if what:
            return (
                f"The checkpoint '{self.path.name}' cannot be used ({what}), so the fit "
                f"started over from the first row."
            )
        try:
            plan = plan.with_ranges(as_ranges(plan.ranges, plan.ranges.names, *about.ranges))
            return plan, _unpacked(arrays, about, empty(plan))
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise InputError(
                f"{where}: its parts are inconsistent; name another file, or remove it."
            ) from error

    def save(self, plan: StreamPlan, state: StreamMoments) -> None:
        """Write the state, atomically, if the last time is some seconds ago."""
        if monotonic() - self.last < _SECONDS:
            return
        (arrays, about), ranges = _packed(state), _ends(plan.ranges).tolist()
        about |= {"schema": SCHEMA, "identity": self.identity, "ranges": ranges}
        try:
            with whole(self.path) as beside, beside.open("wb") as file:
                np.savez(file, about=np.array(json.dumps(about)), **arrays)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(
                f"The checkpoint '{self.path}' cannot be written ({error}); name another file."
            ) from error
        self.last = monotonic()


def _read(path: Path, where: str) -> tuple[CheckpointFile, dict[str, NDArray[Any]]]:
    """The content of a checkpoint: arrays as NumPy stores them, never compressed."""
    remedy = "name another file, or remove it"
    try:
        with ZipFile(path) as archive:
            # compressed parts may grow without bound when they are read; dimgs writes none
            plain = all(i.compress_type == ZIP_STORED for i in archive.infolist())
        with np.load(path, allow_pickle=False) as opened:
            arrays = {k: opened[k] for k in opened.files if plain}
        text = str(arrays.pop("about"))
    except Exception as error:
        # NumPy reads the heads of arrays with Python's own tokenizer, and lets its errors through
        raise InputError(f"{where}; {remedy}.") from error
    document = json_value(text, where, remedy)
    refuse_newer(document if isinstance(document, dict) else {}, f"'{path}'")
    return validated(CheckpointFile, document, f"{where}: "), arrays


def _same(kept: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Whether two states answer the same; what is newer than a state was not asked."""
    defaults = {name: repr(options_by_name()[name].default) for name in _ANALYSIS}
    question = {**dict.fromkeys(current["question"]), **kept["question"]}
    before = {k: v for k, v in question["options"].items() if k not in _LIMITS}
    compared = [{**defaults, **before}, current["question"]["options"]]
    filled = {**question, "options": current["question"]["options"]}
    one, other = ({k: _as_list(v) for k, v in options.items()} for options in compared)
    return one == other and {**kept, "question": filled} == current


def _as_list(text: str) -> str:
    """Sequences alike, whether they were written as lists or as tuples."""
    return text.replace("(", "[").replace(",)", "]").replace(")", "]")


def _packed(state: StreamMoments) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = [state.total, *state.blocks.blocks.values()]
    low, high = _ends(state.ranges)
    arrays: dict[str, Any] = {
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in _BY_GROUP},
        "scatter": np.stack([p.scatter for p in parts]),
        "low": low,
        "high": high,
        **{name: getattr(state, name) for name in _OF_RUNS},
    }
    about = {
        "sizes": [len(p.labels) for p in parts],
        "keys": list(state.blocks.blocks),
        "n_features": state.total.n_features,
        **attributes(state.blocks, "n_seen shared"),
        **attributes(state, "n_dropped dropped in_pieces rows"),
        "position": list(state.position),
        "scatter": None if state.scatter is None else list(astuple(state.scatter)),
    }
    return arrays, about


def _unpacked(
    arrays: dict[str, NDArray[Any]], about: CheckpointFile, empty: StreamMoments
) -> StreamMoments:
    arrays.setdefault("sample", empty.sample)
    if _columns_in(arrays) != _columns_in(_packed(empty)[0]):
        raise ValueError("the columns differ")
    bounds = np.cumsum([0, *about.sizes])
    if any(len(arrays[name]) != bounds[-1] for name in _BY_GROUP):
        raise ValueError("rows are missing")
    if about.n_features != empty.total.n_features:
        raise ValueError("the features differ")
    if not all(np.isfinite(arrays[name]).all() for name in ("weights", "means", "scatter")):
        raise ValueError("a moment is not finite")
    parts = [
        Moments(
            **{name: arrays[name][a:b] for name in _BY_GROUP},
            scatter=scatter,
            n_features=about.n_features,
        )
        for a, b, scatter in zip(bounds[:-1], bounds[1:], arrays["scatter"], strict=True)
    ]
    blocks = dict(zip(about.keys, parts[1:], strict=True))
    return replace(
        empty,
        blocks=BlockMoments(blocks, about.n_seen, about.shared),
        total=parts[0],
        ranges=as_ranges(empty.ranges, empty.ranges.names, arrays["low"], arrays["high"]),
        **{name: arrays[name] for name in _OF_RUNS},
        n_dropped=about.n_dropped,
        dropped=tuple(about.dropped),
        in_pieces=about.in_pieces,
        position=Position(*about.position),
        rows=about.rows,
        scatter=None if about.scatter is None else Scatter(*about.scatter),
    )


def _columns_in(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Kind and number of columns of each array; of ends of columns, how many there are."""
    shapes = {name: a.shape if name in _ENDS else a.shape[1:] for name, a in arrays.items()}
    return {name: (arrays[name].dtype.kind, shape) for name, shape in shapes.items()}


# ---- The fit of a table larger than memory: a pass or two in parts, moments alone kept.
#
# From these come the same law and scores as from the runs.


# as in memory: a share of the blocks, of so many runs or more
_HOLDOUT, _FEWEST = 0.2, 10


def result_of(plan: StreamPlan, state: StreamMoments, notes: tuple[str, ...] = ()) -> FitResult:
    """Fit, snap, assemble the law and score it, from moments alone.

    Parameters
    ----------
    plan : StreamPlan
    state : StreamMoments
        Of all runs.
    notes : tuple of str
        Warnings to put first.

    Returns
    -------
    FitResult
        Its intervals are by blocks of runs, or by clusters.

    Raises
    ------
    InputError
        If there are fewer runs than unknowns.
    FitError
        If the runs make no pair.
    """
    options, total = plan.options, state.total
    if options.within is not None and 2 * len(total.labels) > max(4, state.n_runs):
        raise InputError(
            f"Column '{options.within}' given to {setting('within')} has a value of its own in "
            f"most rows; give a column of labels."
        )
    # what is reported of the columns is what all runs span, not the first ones
    plan = plan.with_ranges(state.ranges)
    varies, p = state.varying(plan), len(plan.features)
    keep = np.array([*np.flatnonzero(varies), p, p + 1], dtype=np.intp)
    total = _columns(total, keep)
    blocks = BlockMoments({k: _columns(b, keep) for k, b in state.blocks.blocks.items()})
    weighted = reduce(Moments.merge, blocks.blocks.values())
    design = _design(plan, weighted, varies)
    groups = max(1, len(total.labels))
    check_enough_runs(state.n_runs, len(design.features) + groups + 1, plan.ranges.source)
    raw = blocks.fit()
    fit = of_least_squares(design, raw, options.level)
    fit = replace(fit, **scatter_fields(state.estimated(plan)))
    snapped = with_rationals(design, fit, plan.ranges)
    r2_log, rmse = _in_sample(total, snapped)
    held, held_n = _holdout(blocks, total, options.seed)
    left_out = (1.0 - float(raw.cv_r2[0])) * float(weighted.scatter[-2, -2])
    scores = Scores(
        r2_log=r2_log,
        rmse_log=rmse,
        cv_r2_log=_share(left_out, weighted),
        # squares of the target itself are not moments of its logarithm
        r2=r2_log if design.target.is_level else None,
        holdout_r2_log=held,
        holdout_n=held_n,
    )
    law = power_law(design, snapped, options.within, _domain(plan, state, design, keep[:-2]))
    warnings = (
        *notes,
        *plan.warnings,
        *dropped_warnings(state.n_dropped, state.dropped),
        *unused_label_warnings(plan.unused),
        *separation_warnings(design, fit, scores.cv_r2_log),
        *fit.notes,
        *_self_correlation(design, total, fit),
    )
    return with_law(design, snapped, law.with_scores(scores), warnings)


def _design(plan: StreamPlan, weighted: Moments, varies: Sequence[bool]) -> Design:
    """The features that varied, with the mean of every `within` group in place of its runs.

    All that is linear in the runs is exact on it.
    """
    q = weighted.n_features
    response, log_target = weighted.means[:, q], weighted.means[:, q + 1]
    return Design(
        data=plan.ranges.take(np.arange(len(weighted.labels)) % 2),
        basis=plan.basis,
        features=tuple(f for f, v in zip(plan.features, varies, strict=True) if v),
        X=weighted.means[:, :q],
        y=response,
        offset=log_target - response,
        scale="log",
        weights=weighted.weights,
        within=weighted.labels if plan.options.within is not None else None,
        never_varied=tuple(f.name for f, v in zip(plan.features, varies, strict=True) if not v),
        labelled=plan.options.labels,
    )


def _columns(moments: Moments, keep: IntArray) -> Moments:
    means, scatter = moments.means[:, keep], moments.scatter[np.ix_(keep, keep)]
    return replace(moments, means=means, scatter=scatter, n_features=len(keep) - 2)


def _squares(
    moments: Moments, exponents: Sequence[float], intercept: float, others: Mapping[str, float]
) -> float:
    """Sum over the runs of the squared residuals of ln(target); some labels have other intercepts.

    Parameters
    ----------
    moments : Moments
        Of [features | ln pi_0, ln target].
    """
    contrast = np.array([*(-e for e in exponents), 1.0, 0.0])
    shift = np.array([others.get(str(label), intercept) for label in moments.labels])
    mean = moments.means @ contrast - shift
    return max(0.0, float(contrast @ moments.scatter @ contrast + moments.weights @ mean**2))


def _share(squares: float, moments: Moments, about: float | None = None) -> float | None:
    """R² of ln target about its mean, or another; None where it never varies."""
    pooled = moments.pooled()
    mean, weight = float(pooled.means[0, -1]), float(pooled.weights[0])
    about = mean if about is None else about
    spread = float(pooled.scatter[-1, -1]) + weight * (mean - about) ** 2
    return r2_of_squares(squares, spread, max(1.0, about**2) * weight)


def _in_sample(total: Moments, estimate: Estimate) -> tuple[float | None, float]:
    """R² of ln target by a law, and the root mean square of what it leaves."""
    others = {k: estimate.intercept + e for k, e in (estimate.effects or {}).items()}
    exponents = [float(c) for c in estimate.coefficients]
    squares = _squares(total, exponents, estimate.intercept, others)
    return _share(squares, total), float(np.sqrt(squares / total.weights.sum()))


def _holdout(blocks: BlockMoments, total: Moments, seed: int) -> tuple[float | None, int]:
    """R² on ln target of blocks (or clusters) set aside before fitting."""
    parts = blocks.blocks
    names = sorted(parts, key=str)
    if len(names) < 3 or total.counts.sum() < _FEWEST:
        return None, 0
    order = np.random.default_rng(seed).permutation(len(names))
    aside = {names[i] for i in order[: max(1, round(_HOLDOUT * len(names)))]}
    train = BlockMoments({k: v for k, v in parts.items() if k not in aside})
    training = reduce(Moments.merge, train.blocks.values())
    test = reduce(Moments.merge, (parts[k] for k in sorted(aside, key=str)))
    if training.counts.sum() < training.n_features + 3 or len(train.blocks) < 2:
        return None, 0
    fit = train.fit()
    labels, intercepts = fit.group_labels.tolist(), fit.group_intercepts[:, 0].tolist()
    others = {str(label): value for label, value in zip(labels, intercepts, strict=True)}
    squares = _squares(test, fit.exponents[0].tolist(), float(fit.intercept[0]), others)
    score = _share(squares, test, float(training.pooled().means[0, -1]))
    return (None, 0) if score is None else (score, int(test.counts.sum()))


def _domain(plan: StreamPlan, state: StreamMoments, design: Design, kept: IntArray) -> Domain:
    """Ranges and leverage; the largest leverage is that of the extreme runs that were kept."""
    ends = np.array([state.feature_low[kept], state.feature_high[kept]])
    centre, scatter = state.spread(plan)
    return domain_from_moments(
        design,
        plan.ranges,
        ends,
        centre[kept],
        scatter[np.ix_(kept, kept)],
        state.n_runs,
        state.extremes[:, kept],
    )


def _self_correlation(design: Design, total: Moments, fit: Estimate) -> list[str]:
    """Warning that pi_0 shares variables with the groups, before rounding of exponents."""
    pooled = total.pooled().scatter
    honest, _ = _in_sample(total, fit)
    of_target, of_response = float(pooled[-1, -1]), float(pooled[-2, -2])
    if honest is None or of_response <= 0.0:
        return []
    in_groups = 1.0 - (1.0 - honest) * of_target / of_response
    return shared_variables(design, in_groups, honest)


# rows of ten columns take 5 MB, and a call for each costs nothing
CHUNK_ROWS = 65536
Progress = Callable[[int, float], None]


@documented(StreamKeywords)
def fit_stream(
    path: str | PathLike[str],
    target: str,
    options: Options | None = None,
    *,
    chunk_rows: int = CHUNK_ROWS,
    progress: Progress | None = None,
    checkpoint: str | PathLike[str] | None = None,
    **keywords: Unpack[StreamKeywords],
) -> FitResult:
    r"""Contrastive power law of a table that need not fit into memory.

    The law is that of :func:`dimgs.discovery.discover.fit` on the same rows, and up to 64 runs so
    are its intervals; of more, they come from leaving out one of 64 blocks of runs (or, as in
    memory, one cluster of `split_by`) instead of one run. The score on the target itself (`r2`)
    is not known from moments and is None; where the target has an error column, `cv_r2_log` weighs
    the runs as the fit does. Runs that are set aside are whole blocks, or clusters.

    Where a later part shows that the plan made of the first ones does not hold (a column that
    never varied does, a dimensionless one vanishes), the pass starts over with what is known. Where
    the runs scatter more than the errors of the target say, a second pass weighs them by both.

    Parameters
    ----------
    path : str or path
        A text table, a Parquet file, or a folder of Parquet files of the same columns.
    target : str
    options : Options, optional
        The options as one value, which keywords change; not `limits`, `robust`, `regimes`, `local`
        or `additive`, which need all runs at once.
    chunk_rows : int
        Most rows in memory at a time.
    progress : callable, optional
        Called after every part with the number of rows read so far and the fraction of the table.
    checkpoint : str or path, optional
        File that keeps the work every few seconds. If it is there already and the table and the
        question are the same, the pass goes on from it; if they changed, the result's warnings
        say that it started over. It is removed at the end.
    {options}

    Returns
    -------
    FitResult

    Raises
    ------
    InputError, DimensionError, FitError
        Naming what is wrong, where, and the remedy.

    Warns
    -----
    DimgsWarning
        For each of the result's `warnings`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> table = Path(tempfile.mkdtemp()) / "runs.csv"
    >>> rows = [f"{h},{(2 * h / 9.8) ** 0.5}\n" for h in range(1, 50)]
    >>> _ = table.write_text("h [m],t [s]\n" + "".join(rows))
    >>> print(fit_stream(table, "t", Options(constants=["g"])).law.expression)
    C*sqrt(h)/sqrt(g)
    """
    chosen = _streamable(options, keywords, "fit_stream")
    table = TableInParts(path, chunk_rows, chosen.reader([target]))
    plan = first_plan(table.parts(), table.source, target, chosen)
    table = only_needed(table, plan)
    empty = partial(StreamMoments.empty, in_pieces=len(table.files) > 1)
    notes: tuple[str, ...] = ()
    kept = None if checkpoint is None else Checkpoint.of(checkpoint, table, target, chosen)
    saved = None if kept is None else kept.load(plan, empty)
    # where the first pass begins; later ones begin with the table
    begun: list[StreamMoments] = []
    if isinstance(saved, str):
        notes = (saved,)
    elif saved is not None:
        plan, state = saved
        begun.append(state)

    def read(plan: StreamPlan, scatter: Scatter | None) -> StreamMoments | Dataset:
        state = begun.pop() if begun else empty(plan, scatter)

        def after(part: Part) -> None:
            if kept is not None:
                kept.save(plan, state)
            if progress is not None:
                progress(state.rows, part.fraction)

        return add_parts(table.parts(state.position), plan, state, after)

    with noting(plan.warnings):
        result = result_of(*read_in_passes(plan, read), notes)
    if kept is not None:
        kept.path.unlink(missing_ok=True)
    warn_all(result.warnings)
    return result


def read_in_passes(
    plan: StreamPlan, read: Callable[[StreamPlan, Scatter | None], StreamMoments | Dataset]
) -> tuple[StreamPlan, StreamMoments]:
    """Moments of a table that is read again until its plan, and its weights, are those of all runs.

    Parameters
    ----------
    plan : StreamPlan
        For the first pass.
    read : callable
        A pass: from a plan and what the weights include, the moments, or the wider ranges for
        which another plan is needed.
    """
    scatter: Scatter | None = None
    while True:
        outcome = read(plan, scatter)
        if isinstance(outcome, Dataset):
            plan = plan.with_ranges(outcome)
            continue
        estimate = outcome.estimated(plan)
        if outcome.scatter is not None or estimate is None or not estimate.intrinsic > 0:
            return plan, outcome
        scatter = estimate


def first_plan(parts: Iterable[Part], source: str, target: str, options: Options) -> StreamPlan:
    """Plan made of the first part with a run that can be used.

    Raises
    ------
    InputError
        If there is none.
    """
    for part in parts:
        read = part.data
        with noting(read.warnings):
            usable = usable_runs(read, options.purpose(target, allow_empty=True))
            ranges = ranges_of(usable)
            if ranges is not None:
                unused = [n for n in usable.data.label_names if n not in options.labels]
                return StreamPlan.of(ranges, target, options, tuple(unused))
    raise InputError(f"{source} has no usable row; add at least one row of data that can be used.")


def only_needed(table: TableInParts, plan: StreamPlan) -> TableInParts:
    """The table without the columns that the plan does not read."""
    names = [*plan.ranges.names, *plan.options.labels]
    return replace(table, options=replace(table.options, columns=names, drop=None))


def add_parts(
    parts: Iterable[Part],
    plan: StreamPlan,
    state: StreamMoments,
    after: Callable[[Part], None] = lambda part: None,
) -> StreamMoments | Dataset:
    """Add the runs of parts to a state, or return wider ranges for which another plan is needed.

    Parameters
    ----------
    parts : iterable of Part
    plan : StreamPlan
    state : StreamMoments
        Is changed.
    after : callable
        Called after each part.

    Raises
    ------
    InputError
        For a cell that cannot be used, unless such rows are dropped.
    """
    purpose = plan.options.purpose(plan.target, allow_empty=True)
    for part in parts:
        data, known = part.data, state.ranges
        varying = {n for n in known.names if not is_constant(np.append(data[n], known[n]))}
        usable = usable_runs(data, purpose, varying)
        ranges = ranges_of(usable)
        if ranges is not None:
            wider = union(state.ranges, ranges)
            if not plan.still_holds(wider):
                return wider
            state.ranges = wider
            state.update(plan, usable.data)
        state.drop(usable.data)
        state.position, state.rows = part.end, state.rows + part.n_rows
        after(part)
    return state


# ---- The fit of a partitioned table on a Dask cluster: the same moments, merged.


@documented(StreamKeywords)
def fit_dask(
    frame: Any,
    target: str,
    options: Options | None = None,
    client: Any = None,
    *,
    chunk_rows: int = CHUNK_ROWS,
    **keywords: Unpack[StreamKeywords],
) -> FitResult:
    """Contrastive power law of a partitioned table, with moments computed by its workers.

    Only moments travel. The law is that of :func:`dimgs.discovery.discover.fit` on the same rows,
    and the intervals are those of :func:`dimgs.discovery.outofcore.fit_stream`.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame, or sequence of paths
        Partitions with headers ``name [unit]``; or Parquet files that every worker can read,
        each a task of its own in bounded memory.
    target : str
    options : Options, optional
        The options as one value, which keywords change; not `limits`, `robust`, `regimes`, `local`
        or `additive`, which need all runs at once.
    client : dask.distributed.Client, optional
        By default the current one, or Dask's own scheduler where there is none.
    chunk_rows : int
        Most rows of a file in a worker's memory at a time.
    {options}

    Returns
    -------
    FitResult

    Raises
    ------
    InputError, DimensionError, FitError
        Naming what is wrong, where (the row within its partition or file), and the remedy; also if
        Dask is not installed.

    Warns
    -----
    DimgsWarning
        For each of the result's `warnings`.
    """
    with needing("dask", "fit_dask needs"):
        dask, _ = map(import_module, ("dask", "dask.dataframe"))
    chosen = _streamable(options, keywords, "fit_dask")
    reader = replace(chosen.reader([target]), find_duplicates=False, allow_empty=True)
    pieces = _pieces(frame, reader, chunk_rows)

    def first_parts() -> Iterator[Part]:
        for value, name in pieces:
            piece = value if isinstance(value, Path) else dask.compute(value)[0]
            yield from _parts(piece, name, reader, chunk_rows)

    plan = first_plan(first_parts(), "the table", target, chosen)
    run = dask.delayed(_moments, pure=False)

    def read(plan: StreamPlan, scatter: Scatter | None) -> StreamMoments | Dataset:
        tasks = [run(plan, scatter, value, name, reader, chunk_rows) for value, name in pieces]
        parts = dask.compute(*tasks) if client is None else client.gather(client.compute(tasks))
        wider = [f for f in parts if isinstance(f, Dataset)]
        if not wider:
            merged: StreamMoments = reduce(StreamMoments.merge, parts)
            # what no partition shows alone: a column may be constant in each of them, and vary
            wider = [merged.ranges]
            if plan.still_holds(merged.ranges):
                return merged
        return reduce(union, wider, plan.ranges)

    result = result_of(*read_in_passes(plan, read))
    warn_all(result.warnings)
    return result


def _parts(
    value: Any, name: str, reader: ReadOptions, chunk_rows: int, plan: StreamPlan | None = None
) -> Iterator[Part]:
    """Parts of a file, or the one part of a partition; with a plan, of the columns it reads."""
    if isinstance(value, Path):
        table = TableInParts(value, chunk_rows, reader)
        yield from (table if plan is None else only_needed(table, plan)).parts()
    elif len(value):
        raw = from_pandas(value.reset_index(drop=True), name)
        yield Part(build(raw, reader), Position(1), 1.0, len(value))


def _moments(
    plan: StreamPlan, scatter: Scatter | None, value: Any, name: str, reader: ReadOptions, rows: int
) -> StreamMoments | Dataset:
    """Moments of a partition, or the ranges for which another plan is needed."""
    empty = StreamMoments.empty(plan, scatter, in_pieces=True)
    return add_parts(_parts(value, name, reader, rows, plan), plan, empty)


def _pieces(frame: Any, reader: ReadOptions, chunk_rows: int) -> list[tuple[Any, str]]:
    """Each partition, as a Dask value or a path, with its name."""
    if hasattr(frame, "to_delayed"):
        return [(value, f"partition {i}") for i, value in enumerate(frame.to_delayed(), start=1)]
    if isinstance(frame, str | PathLike):
        frame = TableInParts(frame, chunk_rows, reader).files
    paths = list(frame) if isinstance(frame, list | tuple) else []
    if not paths or not all(isinstance(p, str | PathLike) for p in paths):
        raise InputError(
            f"A partitioned table cannot be made of '{type(frame).__name__}'; give a "
            f"dask.dataframe or paths of Parquet files."
        )
    return [(Path(p).resolve(), str(p)) for p in paths]
