"""Batches of the rows of one Parquet file, as bare numbers or as Datasets with every check."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dimgs.arrays import Array
from dimgs.dataset.build import ReadOptions, build, chunk_like
from dimgs.dataset.data_frames import from_pandas
from dimgs.dataset.dataset import Dataset
from dimgs.dataset.export import to_si
from dimgs.dataset.raw import RawTable
from dimgs.dataset.read import sidecar_of
from dimgs.dataset.table_files import field_units, open_parquet, unreadable
from dimgs.errors import InputError
from dimgs.variables import Variable, split_header


def n_rows(path: Path) -> int:
    """Number of rows of a Parquet file."""
    return int(open_parquet(path).metadata.num_rows)


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
        out: dict[str, Array] = {}
        for name in names:
            values = _plain(self.batch.column(self.headers[name]), self.head.variable(name))
            if values is None:
                return None
            out[name] = values
        return out


def _plain(column: Any, variable: Variable) -> Array | None:
    from pyarrow import types

    if column.null_count or not (types.is_floating(column.type) or types.is_integer(column.type)):
        return None
    values = np.asarray(column.to_numpy(zero_copy_only=True), dtype=np.float64)
    unit = variable.unit
    if unit.factor == 1.0 and not unit.offset:
        return values
    return to_si(values, unit)


def _raw(batch: Any, path: Path, units: Mapping[str, str], end: int) -> RawTable:
    frame = batch.to_pandas(ignore_metadata=True)
    frame = frame[[c for c in frame.columns if not c.startswith("__index_level_")]]
    table = from_pandas(frame, path.name, sidecar_of(path), units)
    table.rows = np.arange(end - len(table.rows) + 1, end + 1)
    return table


def parquet_batches(
    path: Path, chunk_rows: int, options: ReadOptions, known: Dataset | None, start: int
) -> Iterator[Batch]:
    """Batches of a file from one row on; their bounds do not depend on it.

    Parameters
    ----------
    path : Path
    chunk_rows : int
        Most rows per batch.
    options : ReadOptions
        Of the reader; only the columns that it chooses are decoded.
    known : Dataset, optional
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
    options, wanted = _projected(options, headers)
    head = None
    if start:
        # a later start needs the columns as the first rows show them
        for batch in file.iter_batches(chunk_rows, row_groups=[0], columns=wanted):
            head = _like(build(_raw(batch, path, units, batch.num_rows), options), known, path)
            break
    end = 0
    try:
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if end + size <= start:
                end += size
                continue
            for batch in file.iter_batches(chunk_rows, row_groups=[group], columns=wanted):
                end += batch.num_rows
                if end <= start:
                    continue
                if head is None:
                    head = _like(build(_raw(batch, path, units, end), options), known, path)
                yield Batch(batch, path, options, head, headers, units, end)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, "a Parquet file", error) from error


def _projected(
    options: ReadOptions, headers: Mapping[str, str]
) -> tuple[ReadOptions, list[str] | None]:
    """Options and columns for the reader, where only the columns that are used are decoded."""
    if options.columns is None or any(n not in headers for n in options.columns):
        return options, None
    # the uncertainty columns of a quantity follow it
    names = {*options.columns, *(f"{n}_err" for n in options.columns)}
    wanted = {n: h for n, h in headers.items() if n in names}
    units = {k: u for k, u in options.units.items() if k in wanted or k in wanted.values()}
    return replace(options, columns=None, drop=None, units=units), list(wanted.values())


def _like(data: Dataset, known: Dataset | None, path: Path) -> Dataset:
    if known is None:
        return data
    for variable in known.variables:
        if variable.name not in data.names:
            raise InputError(
                f"'{path.name}' lacks the column '{variable.name}' that the other files of the "
                f"folder have; give every file the same columns."
            )
        own = data.variable(variable.name)
        if (own.dimension, own.unit.scale) != (variable.dimension, variable.unit.scale):
            raise InputError(
                f"Column '{variable.name}' is in '{own.unit.text}' in '{path.name}' and in "
                f"'{variable.unit.text}' in the other files; give it one dimension."
            )
    return data
