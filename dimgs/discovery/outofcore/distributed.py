"""The fit of a partitioned table on a Dask cluster: the same moments, merged."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

from dimgs.common.errors import InputError, warn_all
from dimgs.common.plugins import needing
from dimgs.dataset import Dataset
from dimgs.dataset.raw import ReadOptions
from dimgs.dataset.read import build
from dimgs.dataset.stream import Part, Position, TableInParts
from dimgs.discovery.keywords import StreamKeywords
from dimgs.discovery.options import Options, documented
from dimgs.discovery.outofcore.stream_fit import (
    CHUNK_ROWS,
    add_part,
    first_plan,
    only_needed,
    read_in_passes,
    result_of,
)
from dimgs.discovery.outofcore.stream_moments import (
    StreamMoments,
    StreamPlan,
    check_streamable,
    union,
)
from dimgs.fits.noise import Scatter
from dimgs.report.results import FitResult


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

    Only moments travel. The law is that of :func:`dimgs.discovery.fitting.fit` on the same rows,
    and the intervals are those of :func:`dimgs.discovery.outofcore.stream_fit.fit_stream`.

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
    chosen = Options.of(options, keywords, "fit_dask", StreamKeywords)
    check_streamable(chosen)
    reader = replace(chosen.reader([target]), find_duplicates=False, allow_empty=True)
    pieces = _pieces(frame, reader, chunk_rows)

    def first_parts() -> Iterator[Part]:
        for value, piece in pieces:
            yield from piece.parts(value if isinstance(value, Path) else dask.compute(value)[0])

    plan = first_plan(first_parts(), "the table", target, chosen)
    run = dask.delayed(_moments, pure=False)

    def read(plan: StreamPlan, scatter: Scatter | None) -> StreamMoments | Dataset:
        tasks = [run(plan, value, piece, scatter) for value, piece in pieces]
        parts = dask.compute(*tasks) if client is None else client.gather(client.compute(tasks))
        wider = [f for f in parts if isinstance(f, Dataset)]
        if not wider:
            merged: StreamMoments = reduce(StreamMoments.merge, parts)
            # what no partition shows alone: a column may be constant in each of them, and vary
            wider = [merged.ranges(plan)]
            if plan.still_holds(wider[0]):
                return merged
        return reduce(union, wider, plan.ranges)

    result = result_of(*read_in_passes(plan, read))
    warn_all(result.warnings)
    return result


@dataclass(frozen=True)
class _Piece:
    """One partition of a frame or of a file, and how to read it."""

    reader: ReadOptions
    chunk_rows: int
    name: str | None = None

    def parts(self, value: Any, plan: StreamPlan | None = None) -> Iterator[Part]:
        """Parts of a partition; with a plan, of the columns that it reads."""
        if self.name is None:
            table = TableInParts(value, self.chunk_rows, self.reader)
            yield from (table if plan is None else only_needed(table, plan)).parts()
        elif len(value):
            yield Part(lambda: self._dataset(value), Position(1), 1.0, len(value))

    def _dataset(self, frame: Any) -> Dataset:
        from dimgs.dataset.data_frames import from_pandas

        return build(from_pandas(frame.reset_index(drop=True), str(self.name)), self.reader)


def _moments(
    plan: StreamPlan, value: Any, piece: _Piece, scatter: Scatter | None
) -> StreamMoments | Dataset:
    """Moments of a partition, or the ranges for which another plan is needed."""
    state = StreamMoments.empty(plan, in_pieces=True, scatter=scatter)
    for part in piece.parts(value, plan):
        wider = add_part(state, plan, part)
        if wider is not None:
            return wider
    return state


def _pieces(frame: Any, reader: ReadOptions, chunk_rows: int) -> list[tuple[Any, _Piece]]:
    """Each partition, as a Dask value or a path, with how to read it."""
    if hasattr(frame, "to_delayed"):
        named = enumerate(frame.to_delayed(), start=1)
        return [(v, _Piece(reader, chunk_rows, f"partition {i}")) for i, v in named]
    if isinstance(frame, str | PathLike):
        frame = TableInParts(frame, chunk_rows, reader).files
    paths = list(frame) if isinstance(frame, list | tuple) else []
    if not paths or not all(isinstance(p, str | PathLike) for p in paths):
        raise InputError(
            f"A partitioned table cannot be made of '{type(frame).__name__}'; give a "
            f"dask.dataframe or paths of Parquet files."
        )
    return [(Path(p).resolve(), _Piece(reader, chunk_rows)) for p in paths]
