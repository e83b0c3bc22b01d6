"""Tables larger than memory: the same rules as `read_table`, a bounded number of rows at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from dimgs.dataset.build import Options, build
from dimgs.dataset.checks import with_notes
from dimgs.dataset.dataset import Dataset, Dropped
from dimgs.dataset.files import field_units, open_parquet, unreadable
from dimgs.dataset.frames import from_pandas
from dimgs.dataset.raw import RawTable
from dimgs.dataset.read import EXCEL_SUFFIXES, PARQUET_SUFFIXES, existing, sidecar_of
from dimgs.dataset.text import text_tables, without_blank_columns
from dimgs.errors import InputError

Progress = Callable[[int, float], None]
# about one number with its separator; rows of several columns make blocks of fewer rows
_BYTES_PER_CELL = 16
# smaller blocks cost more calls than reading, larger ones only memory
_LEAST_BLOCK, _MOST_BLOCK = 1 << 12, 16 << 20


def iter_chunks(
    path: str | PathLike[str],
    chunk_rows: int = 65536,
    *,
    units: Mapping[str, str] | None = None,
    columns: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    drop_bad: bool = False,
    logged: Iterable[str] | None = None,
    skip_rows: int | None = None,
    strict_units: bool = False,
    progress: Progress | None = None,
) -> Iterator[Dataset]:
    r"""Datasets of successive rows of a text table or a Parquet file, in bounded memory.

    The columns and units are the same in every chunk, and row numbers go on from chunk to chunk.
    Duplicate rows are not looked for. Rows dropped between two chunks are listed in one of them.

    Parameters
    ----------
    path : str or path
        A ``.csv``, ``.tsv``, ``.tab``, ``.txt``, ``.parquet`` or ``.pq`` file.
    chunk_rows : int
        Most rows per chunk; memory is proportional to it.
    units, columns, drop, drop_bad, logged, skip_rows, strict_units
        As in :func:`read_table`.
    progress : callable, optional
        Called after every chunk with the number of rows so far (dropped ones included) and the
        fraction of the file that has been read.

    Yields
    ------
    Dataset
        Of at least one and at most `chunk_rows` runs.

    Raises
    ------
    InputError
        As `read_table` does, when the chunk with the trouble is reached.

    Examples
    --------
    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp()) / "runs.csv"
    >>> _ = table.write_text("U [m/s]\n1\n2\n3\n")
    >>> [chunk["U"].tolist() for chunk in iter_chunks(table, 2)]
    [[1.0, 2.0], [3.0]]
    """
    if chunk_rows < 1:
        raise InputError(f"chunk_rows is {chunk_rows}; give at least 1 row per chunk.")
    file = existing(path)
    options = Options(
        dict(units or {}),
        None if columns is None else list(columns),
        None if drop is None else list(drop),
        drop_bad,
        None if logged is None else list(logged),
        find_duplicates=False,
        allow_empty=True,
        strict_units=strict_units,
        skip_rows=skip_rows,
    )
    suffix = file.suffix.lower()
    if suffix in EXCEL_SUFFIXES:
        raise InputError(f"'{file.name}' cannot be read in chunks; save it as .csv or .parquet.")
    tables = (
        _parquet_tables(file, chunk_rows)
        if suffix in PARQUET_SUFFIXES
        else _text_tables(file, options, chunk_rows)
    )
    yield from _chunks(tables, options, file.name, progress)


def _chunks(
    tables: Iterator[tuple[RawTable, float]],
    options: Options,
    source: str,
    progress: Progress | None,
) -> Iterator[Dataset]:
    """Chunks with rows; each is held back until the next, for the drops of chunks without any."""
    held: Dataset | None = None
    lost: list[Dropped] = []
    done = 0
    for table, fraction in tables:
        if not len(table.rows) and not table.dropped:
            continue
        done += len(table.rows) + len(table.dropped)
        data = chunk_like(table, options, held)
        if not len(data):
            lost += data.dropped
        else:
            data = with_notes(data, lost, ()) if held is None else data
            if held is not None:
                yield with_notes(held, lost, ())
            held, lost = data, []
        if progress is not None:
            progress(done, fraction)
    if held is None:
        what = "no usable row" if done else "column names but no rows"
        raise InputError(f"{source} has {what}; add at least one row of data that can be used.")
    yield with_notes(held, lost, ())


def chunk_like(table: RawTable, options: Options, known: Dataset | None) -> Dataset:
    """Dataset of a chunk, with the columns of one that is known already.

    Raises
    ------
    InputError
        If a column is blank in one part of the table and filled in another, without a unit.
    """
    if known is None:
        return build(table, options)
    # a chunk of blanks or of bare numbers must not change what a column is
    labels = dict.fromkeys(known.label_names, "label")
    data = build(table, replace(options, units={**labels, **options.units}))
    if data.names != known.names:
        odd = ", ".join(sorted(set(data.names) ^ set(known.names)))
        raise InputError(
            f"Column '{odd}' of {table.source} is blank in one part of the table and filled in "
            f"another, and has no unit; leave it out (--drop) or give it a unit."
        )
    return data


def block_bytes(rows: int) -> int:
    """Bytes of text to read at once for about as many rows, or fewer."""
    return min(max(rows * _BYTES_PER_CELL, _LEAST_BLOCK), _MOST_BLOCK)


def _text_tables(path: Path, options: Options, rows: int) -> Iterator[tuple[RawTable, float]]:
    size = max(path.stat().st_size, 1)
    tables = text_tables(path, options, sidecar_of(path), block_bytes(rows))
    for block, mark in tables:
        table = without_blank_columns(block)
        n_rows = len(table.rows)
        for start in range(0, max(n_rows, 1), rows):
            part = slice(start, start + rows)
            yield _sliced(table, part, with_drops=start == 0), min(1.0, mark.byte / size)


def _sliced(table: RawTable, part: slice, *, with_drops: bool) -> RawTable:
    columns = [replace(c, cells=c.cells[part]) for c in table.columns]
    return replace(
        table,
        columns=columns,
        rows=table.rows[part],
        dropped=table.dropped if with_drops else [],
        notes=table.notes if with_drops else [],
    )


def _parquet_tables(path: Path, rows: int) -> Iterator[tuple[RawTable, float]]:
    import pyarrow as pa

    file = open_parquet(path)
    units = field_units(file.schema_arrow)
    total, done = max(int(file.metadata.num_rows), 1), 0
    sidecar = sidecar_of(path)
    try:
        for batch in file.iter_batches(batch_size=rows):
            frame: Any = batch.to_pandas(ignore_metadata=True)
            frame = frame[[c for c in frame.columns if not c.startswith("__index_level_")]]
            table = from_pandas(frame, path.name, sidecar, units)
            table.rows = np.arange(done + 1, done + 1 + len(table.rows))
            done += len(frame)
            yield table, done / total
    except pa.ArrowException as error:
        raise unreadable(path, "a Parquet file", error) from error
