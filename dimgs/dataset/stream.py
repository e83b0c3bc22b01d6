"""Tables larger than memory: the rules of `read_table`, a bounded number of rows at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.dataset.checks import with_notes
from dimgs.dataset.dataset import Dataset
from dimgs.dataset.raw import (
    DroppedRow,
    RawTable,
    ReadKeywords,
    ReadOptions,
    from_pandas,
    sidecar_of,
)
from dimgs.dataset.read import (
    EXCEL_SUFFIXES,
    PARQUET_SUFFIXES,
    build,
    chunk_like,
    decoded_headers,
    existing,
    field_units,
    open_parquet,
    text_tables,
    unreadable,
    without_blank_columns,
    without_empty_rows,
)
from dimgs.dataset.read import Position as Position
from dimgs.variables import Variable, split_header

Progress = Callable[[int, float], None]
# about one number with its separator; rows of several columns make blocks of fewer rows
_BYTES_PER_CELL = 16
# smaller blocks cost more calls than reading, larger ones only memory
_LEAST_BLOCK, _MOST_BLOCK = 1 << 12, 16 << 20


def iter_chunks(
    path: str | PathLike[str],
    chunk_rows: int = 65536,
    *,
    progress: Progress | None = None,
    **options: Unpack[ReadKeywords],
) -> Iterator[Dataset]:
    r"""Datasets of successive rows of a text table or a Parquet file, in bounded memory.

    The columns and units are the same in every chunk, and row numbers go on from chunk to chunk.
    Duplicate rows are not looked for. Rows dropped between two chunks are listed in one of them.

    Parameters
    ----------
    path : str or path
        A ``.csv``, ``.tsv``, ``.tab``, ``.txt``, ``.parquet`` or ``.pq`` file, or a folder of the
        last two.
    chunk_rows : int
        Most rows per chunk; memory is proportional to it.
    units, columns, drop, drop_bad, logged, skip_rows, strict_units, si
        As in :func:`read_table`.
    progress : callable, optional
        Called after every block that was read with the number of rows so far (dropped ones
        included) and the fraction of the table that has been read.

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
    table = TableInParts(path, chunk_rows, ReadOptions(**options))
    chunk: Dataset | None = None
    lost: list[DroppedRow] = []
    n_rows = 0
    for part in table.parts():
        data = part.dataset()
        n_rows, lost = n_rows + part.n_rows, [*lost, *data.dropped]
        for start in range(0, len(data), chunk_rows):
            if chunk is not None:
                yield chunk
            rows = np.arange(start, min(start + chunk_rows, len(data)))
            chunk, lost = with_notes(replace(data.take(rows), dropped=()), lost, ()), []
        if progress is not None:
            progress(n_rows, part.fraction)
    if chunk is None:
        what = "no usable row" if n_rows else "column names but no rows"
        raise InputError(
            f"{table.source} has {what}; add at least one row of data that can be used."
        )
    yield with_notes(chunk, lost, ())


@dataclass(frozen=True)
class Part:
    """Successive rows of a table.

    Attributes
    ----------
    dataset : callable
        Makes the Dataset of the rows, with every check.
    end : Position
        Where the next part begins.
    fraction : float
        Share of the table that lies before `end`.
    n_rows : int
        Number of rows, those dropped while reading included.
    numbers : callable
        Makes the SI values of numeric columns by name, unchecked and in place; None where
        some column is anything but plain numbers without blanks, or was read with every check.
    """

    dataset: Callable[[], Dataset]
    end: Position
    fraction: float
    n_rows: int
    numbers: Callable[[Iterable[str]], dict[str, Array] | None] = lambda names: None


@dataclass(frozen=True)
class TableInParts:
    r"""A text table, a Parquet file or a folder of Parquet files, to be read in parts.

    Parameters
    ----------
    path : str or path
    chunk_rows : int
        Most rows per part of a Parquet file, and about as many per part of a text table.
    options : ReadOptions
        Of the reader.

    Raises
    ------
    InputError
        If there is no such table, or it cannot be read in parts.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "runs.csv"
    >>> _ = file.write_text("U [m/s]\n1\n2\n3\n")
    >>> [part.dataset()["U"].tolist() for part in TableInParts(file, 2, ReadOptions({})).parts()]
    [[1.0, 2.0, 3.0]]
    """

    path: str | PathLike[str]
    chunk_rows: int
    options: ReadOptions

    def __post_init__(self) -> None:
        if self.chunk_rows < 1:
            raise InputError(
                f"chunk_rows is {self.chunk_rows}; give at least 1 row per chunk "
                f"({setting('chunk_rows')})."
            )
        chosen = replace(self.options, find_duplicates=False, allow_empty=True)
        object.__setattr__(self, "options", chosen)

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The file itself, or the Parquet files of the folder, sorted by name."""
        path = Path(self.path)
        if path.is_dir():
            files = sorted(
                p
                for p in path.rglob("*")
                if p.suffix.lower() in PARQUET_SUFFIXES
                and not any(part[0] in "._" for part in p.relative_to(path).parts)
            )
            if not files:
                raise InputError(f"The folder '{path}' holds no Parquet file; name a table.")
            return tuple(files)
        file = existing(path)
        if file.suffix.lower() in EXCEL_SUFFIXES:
            raise InputError(f"'{file.name}' cannot be read in parts; save it as .csv or .parquet.")
        return (file,)

    @property
    def source(self) -> str:
        """Name for messages."""
        return Path(self.path).name

    def parts(self, start: Position | None = None) -> Iterator[Part]:
        """Parts of the table in order, from `start`; their bounds do not depend on it.

        The next part is read by a thread of its own while the last one is used.

        Raises
        ------
        InputError
            As `read_table` does, when the part with the trouble is reached.
        """
        from concurrent.futures import ThreadPoolExecutor

        reader = self._parts(start)
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(next, reader, None)
            while (part := ahead.result()) is not None:
                ahead = pool.submit(next, reader, None)
                yield part

    def _parts(self, start: Position | None) -> Iterator[Part]:
        begin, head = start or Position(), None
        if self.files[0].suffix.lower() not in PARQUET_SUFFIXES:
            yield from self._text_parts(self.files[0], begin)
            return
        sizes = [int(open_parquet(path).metadata.num_rows) for path in self.files]
        for i in range(begin.file, len(self.files)):
            row = begin.row if i == begin.file else 0
            for part in parquet_batches(self.files[i], self.chunk_rows, self.options, head, row):
                head = head or part.head
                end = Position(i + 1) if part.end == sizes[i] else Position(i, 0, part.end)
                fraction = (sum(sizes[:i]) + part.end) / max(sum(sizes), 1)
                yield Part(part.dataset, end, fraction, part.batch.num_rows, part.numbers)

    def _text_parts(self, path: Path, begin: Position) -> Iterator[Part]:
        size = max(path.stat().st_size, 1)
        start = begin if begin.byte else None
        head: Dataset | None = None
        # a later start needs the columns as the first rows show them
        if start is not None:
            head = next(self._text_parts(path, Position())).dataset()
        # bytes of text to read at once for about as many rows, or fewer
        block = min(max(self.chunk_rows * _BYTES_PER_CELL, _LEAST_BLOCK), _MOST_BLOCK)
        blocks = text_tables(path, self.options, block, start)
        for part, end in blocks:
            table = without_empty_rows(without_blank_columns(part))
            if not len(table.rows) and not table.dropped:
                continue
            data = chunk_like(table, self.options, head)
            head = head or (data if len(data) else None)
            n_rows = len(table.rows) + len(table.dropped)
            yield Part(partial(_same, data), end, min(1.0, end.byte / size), n_rows)


def _same(data: Dataset) -> Dataset:
    return data


@dataclass(frozen=True)
class Batch:
    """Rows of one Parquet file, and how to turn them into a Dataset or into bare numbers."""

    batch: Any
    path: Path
    options: ReadOptions
    head: Dataset
    headers: Mapping[str, str]
    units: Mapping[str, str]
    end: int

    def dataset(self) -> Dataset:
        """Dataset with every check."""
        table = _raw(self.batch, self.path, self.units, self.end)
        return chunk_like(table, self.options, self.head)

    def numbers(self, names: Iterable[str]) -> dict[str, Array] | None:
        """SI values of plain numeric columns."""
        columns: dict[str, Array] = {}
        for name in names:
            values = _plain(self.batch.column(self.headers[name]), self.head.variable(name))
            if values is None:
                return None
            columns[name] = values
        return columns


def _plain(column: Any, variable: Variable) -> Array | None:
    from pyarrow import types

    if column.null_count or not (types.is_floating(column.type) or types.is_integer(column.type)):
        return None
    values = np.asarray(column.to_numpy(zero_copy_only=True), dtype=np.float64)
    return variable.unit.to_si(values)


def _raw(batch: Any, path: Path, units: Mapping[str, str], end: int) -> RawTable:
    frame = batch.to_pandas(ignore_metadata=True)
    frame = frame[[c for c in frame.columns if not c.startswith("__index_level_")]]
    table = from_pandas(frame, path.name, sidecar_of(path), units)
    table.rows = np.arange(end - len(table.rows) + 1, end + 1)
    return table


def parquet_batches(
    path: Path, chunk_rows: int, options: ReadOptions, first: Dataset | None, start: int
) -> Iterator[Batch]:
    """Batches of a file from one row on; their bounds do not depend on it.

    Parameters
    ----------
    path : Path
    chunk_rows : int
        Most rows per batch.
    options : ReadOptions
        Of the reader; only the columns that it chooses are decoded.
    first : Dataset, optional
        Whose columns the file must have.
    start : int
        Number of rows to skip, at the end of a batch.

    Raises
    ------
    InputError
        If the file is damaged, or lacks a column or its dimension.
    """
    import pyarrow as pa

    file = open_parquet(path)
    units = field_units(file.schema_arrow)
    headers = {split_header(h)[0]: h for h in file.schema_arrow.names}
    columns = decoded_headers(options, list(headers.values()))
    head, end = None, 0
    try:
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            # a later start needs the columns as the first rows show them
            if head is not None and end + size <= start:
                end += size
                continue
            for batch in file.iter_batches(chunk_rows, row_groups=[group], columns=columns):
                end += batch.num_rows
                if head is None:
                    head = _check(build(_raw(batch, path, units, end), options), first, path)
                if end > start:
                    yield Batch(batch, path, options, head, headers, units, end)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, "a Parquet file", error) from error


def _check(data: Dataset, first: Dataset | None, path: Path) -> Dataset:
    if first is None:
        return data
    for variable in first.variables:
        if variable.name not in data.names:
            raise InputError(
                f"'{path.name}' lacks the column '{variable.name}' that the other files of the "
                f"folder have; give every file the same columns."
            )
        column = data.variable(variable.name)
        if (column.dimension, column.unit.scale) != (variable.dimension, variable.unit.scale):
            raise InputError(
                f"Column '{variable.name}' is in '{column.unit.text}' in '{path.name}' and in "
                f"'{variable.unit.text}' in the other files; give it one dimension."
            )
    return data
