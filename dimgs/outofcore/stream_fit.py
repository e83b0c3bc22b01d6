"""The fit of a table larger than memory: one pass in parts, moments alone kept."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Unpack

from dimgs.dataset import Dataset
from dimgs.dataset.checks import usable_runs
from dimgs.dataset.stream import Part, Position, TableInParts
from dimgs.discovery.keywords import StreamKeywords
from dimgs.discovery.options import Options, documented
from dimgs.errors import InputError, noting, warn_all
from dimgs.outofcore.checkpoint import Checkpoint
from dimgs.outofcore.stream_moments import StreamMoments, columns_of
from dimgs.outofcore.stream_plan import StreamPlan, as_ranges, check_streamable, ranges_of, union
from dimgs.outofcore.stream_result import result_of
from dimgs.report.results import FitResult

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

    The law is that of :func:`dimgs.discovery.fitting.fit` on the same rows, and up to 64 runs so
    are its intervals; of more, they come from leaving out one of 64 blocks of runs (or, as in
    memory, one cluster of `split_by`) instead of one run. The score on the target itself (`r2`)
    is not known from moments and is None; where the target has an error column, `cv_r2_log` weighs
    the runs as the fit does. Runs that are set aside are whole blocks, or clusters.

    Where a later part shows that the plan made of the first ones does not hold (a column that
    never varied does, a dimensionless one vanishes), the pass starts over with what is known.

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
    chosen = Options.of(options, keywords, "fit_stream", StreamKeywords)
    check_streamable(chosen)
    table = TableInParts(path, chunk_rows, chosen.reader([target]))
    plan = first_plan(table.parts(), table.source, target, chosen)
    table = only_needed(table, plan)
    several = len(table.files) > 1
    run = _Run(table, plan, progress, StreamMoments.empty(plan, in_pieces=several))
    if checkpoint is not None:
        run.resume(Checkpoint.of(checkpoint, table, target, chosen))
    with noting(plan.warnings):
        while not run.go_on():
            run.start_over()
        result = result_of(run.plan, run.state, run.notes)
    if run.checkpoint is not None:
        run.checkpoint.remove()
    warn_all(result.warnings)
    return result


def first_plan(parts: Iterable[Part], source: str, target: str, options: Options) -> StreamPlan:
    """Plan made of the first part with a run that can be used.

    Raises
    ------
    InputError
        If there is none.
    """
    for part in parts:
        read = part.dataset()
        with noting(read.warnings):
            found = usable_runs(read, options.purpose(target, allow_empty=True))
            ranges = ranges_of(found)
            if ranges is not None:
                unused = [n for n in found.data.label_names if n not in options.labels]
                plan = StreamPlan.of(ranges, target, options)
                return replace(plan, has_errors=target in found.data.errors, unused=tuple(unused))
    raise InputError(f"{source} has no usable row; add at least one row of data that can be used.")


def only_needed(table: TableInParts, plan: StreamPlan) -> TableInParts:
    """The table without the columns that the plan does not read."""
    names = [*plan.names, *plan.options.labels]
    return replace(table, options=replace(table.options, columns=names, drop=None))


def add_part(state: StreamMoments, plan: StreamPlan, part: Part) -> Dataset | None:
    """Add the runs of a part, or return the wider ranges for which another plan is needed.

    Raises
    ------
    InputError
        For a cell that cannot be used, unless such rows are dropped.
    """
    numbers = None if plan.options.labels or plan.has_errors else part.numbers(plan.names)
    if numbers is not None and state.widen(numbers, plan):
        wider = state.ranges(plan)
        if not plan.still_holds(wider):
            return wider
        state.update(plan, numbers)
        return None
    found = usable_runs(part.dataset(), plan.purpose)
    data, ranges = found.data, ranges_of(found)
    if ranges is not None and any(n in plan.logged for n in found.unlogged):
        return union(state.ranges(plan), ranges)
    state.drop(data)
    if ranges is None:
        return None
    columns, extra = columns_of(data, plan)
    state.widen(columns, plan)
    wider = state.ranges(plan)
    if not plan.still_holds(wider):
        return wider
    state.update(plan, columns, **extra)
    return None


@dataclass
class _Run:
    """A pass over a table, and where it stands."""

    table: TableInParts
    plan: StreamPlan
    progress: Progress | None
    state: StreamMoments
    position: Position = field(default_factory=Position)
    rows: int = 0
    checkpoint: Checkpoint | None = None
    notes: tuple[str, ...] = ()
    wider: Dataset | None = None

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint, where it is of use."""
        self.checkpoint = checkpoint
        found = checkpoint.load(self.state)
        if isinstance(found, str):
            self.notes = (found,)
        elif found is not None:
            self.state, self.position, (low, high), self.rows = found
            ranges = as_ranges(self.plan.ranges, self.plan.names, low, high)
            self.plan = self.plan.with_ranges(ranges)

    def go_on(self) -> bool:
        """Read on to the end; False where another plan is needed."""
        for part in self.table.parts(self.position):
            self.wider = add_part(self.state, self.plan, part)
            if self.wider is not None:
                return False
            self.position, self.rows = part.end, self.rows + part.n_rows
            if self.checkpoint is not None:
                ends = [[float(self.plan.ranges[n][i]) for n in self.plan.names] for i in (0, 1)]
                self.checkpoint.save(self.state, self.position, ends, self.rows)
            if self.progress is not None:
                self.progress(self.rows, part.fraction)
        return True

    def start_over(self) -> None:
        """Begin the pass again, with a plan for the ranges that were found."""
        assert self.wider is not None
        self.plan = self.plan.with_ranges(self.wider)
        self.state = StreamMoments.empty(self.plan, in_pieces=self.state.in_pieces)
        self.position, self.rows = Position(), 0
