"""Parquet and Excel files -> raw tables."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from dimgs.advice import setting
from dimgs.dataset.build import ReadOptions
from dimgs.dataset.cells import cell_text
from dimgs.dataset.data_frames import from_columns, from_pandas
from dimgs.dataset.headers import FIRST_ROWS, check_width, title_rows, titles_note
from dimgs.dataset.raw import RawColumn, RawTable
from dimgs.errors import InputError
from dimgs.variables import split_header

Sidecar = tuple[Mapping[str, str], str]
# a cell is an object of some 50 bytes: 1 GB, which small machines have
_MOST_CELLS = 20_000_000
# rows of a sheet, by Excel's own definition
_SHEET_ROWS = 1_048_576
# a sheet of the most cells; texts, which are kept; and the parts that are parsed at once
_SHEET_BYTES, _TEXT_BYTES, _PART_BYTES = 1 << 30, 1 << 28, 1 << 26
# a number is held by Arrow, by pandas and by the Dataset
_BYTES_A_CELL = 24


def field_units(schema: Any) -> dict[str, str]:
    """Units in the metadata of single fields of a Parquet schema (``units`` or ``unit``)."""
    found: dict[str, str] = {}
    for column in schema:
        metadata = column.metadata or {}
        unit = metadata.get(b"units", metadata.get(b"unit"))
        if unit is not None:
            found[column.name] = unit.decode("utf-8", "replace")
    return found


def from_parquet(path: Path, sidecar: Sidecar, options: ReadOptions) -> RawTable:
    """Raw table of a Parquet file; units also from its fields' metadata and pandas' attrs."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import types

    file = open_parquet(path)
    schema = file.schema_arrow
    wanted = _wanted(options, schema.names)
    check_width(len(wanted or schema.names), path.name)
    check_memory(file.metadata.num_rows * len(wanted or schema.names) * _BYTES_A_CELL, path.name)
    # one copy of each text, however often it stands in the file
    texts = [f.name for f in schema if types.is_string(f.type) or types.is_large_string(f.type)]
    try:
        frame = pd.read_parquet(path, engine="pyarrow", columns=wanted, read_dictionary=texts)
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise unreadable(path, "a Parquet file", error) from error
    return from_pandas(frame, path.name, sidecar, field_units(schema))


def _wanted(options: ReadOptions, headers: list[str]) -> list[str] | None:
    """Headers of the columns to decode; None for all."""
    names = [split_header(header)[0] for header in headers]
    chosen = None if options.columns is None else set(options.columns)
    if chosen is None or not chosen | set(options.units) <= set(names):
        return None
    chosen |= set(options.units)
    return [h for h, n in zip(headers, names, strict=True) if n.removesuffix("_err") in chosen]


def check_memory(needed: int, source: str) -> None:
    """Refuse a table that does not fit into the memory of this machine.

    Raises
    ------
    InputError
        With the remedy.
    """
    memory = memory_bytes()
    if needed > memory:
        raise InputError(
            f"'{source}' needs about {needed / 1e9:.1f} GB of memory where this machine has "
            f"{memory / 1e9:.1f}; use fewer columns ({setting('columns')}), or fit it in parts "
            f"({setting('stream')})."
        )


def memory_bytes() -> int:
    """Memory of this machine, as far as the system reports it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 40


def open_parquet(path: Path) -> Any:
    """Parquet file open for reading in batches."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, "a Parquet file", error) from error
    _refuse_nested(file.schema_arrow, path.name)
    return file


def unreadable(path: Path, what: str, error: Exception) -> InputError:
    """Error for a damaged file, or one that has a wrong extension."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(
        f"'{path.name}' cannot be read as {what} ({text}); save it again, or give it the extension "
        f"of its format."
    )


def _refuse_nested(schema: Any, source: str) -> None:
    names = list(schema.names)
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two columns of {source} are named '{name}'; rename one of them.")
    for column in schema:
        if column.type.num_fields:
            raise InputError(
                f"Column '{column.name}' of {source} holds nested values ({column.type}); give "
                f"one number or text per row."
            )


def from_excel(path: Path, sidecar: Sidecar, options: ReadOptions) -> RawTable:
    """Raw table of one sheet; blank rows and rows that start with ``#`` are skipped."""
    from openpyxl import load_workbook

    _refuse_large_parts(path)
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise unreadable(path, "an Excel workbook", error) from error
    try:
        title = _sheet(list(book.sheetnames), options.sheet, path.name)
        rows = _used_rows(book[title], path.name, options.skip_rows or 0)
    except InputError:
        raise
    except Exception as error:
        raise unreadable(path, "an Excel workbook", error) from error
    finally:
        book.close()
    source = path.name if options.sheet is None else f"{path.name} (sheet '{title}')"
    if not rows:
        others = [name for name in book.sheetnames if name != title]
        choose = f", or choose another sheet ({_listed(others)})" if others else ""
        raise InputError(
            f"The sheet '{title}' of {path.name} is empty; give a header such as 'U [m/s]' in each "
            f"column and one row per run{choose}."
        )
    notes = []
    if options.skip_rows is None:
        first = [[cell_text(c) for c in row] for row in rows[:FIRST_ROWS]]
        width = max(map(len, first))
        titles = title_rows([[*row, *[""] * (width - len(row))] for row in first])
        if titles:
            notes.append(titles_note(next(filter(None, first[0])), titles, source))
            rows = rows[titles:]
    table = from_columns(_columns(rows, source), source, sidecar)
    table.notes += notes
    if options.sheet is None and len(book.sheetnames) > 1:
        rest = _listed([s for s in book.sheetnames if s != title])
        table.notes.append(
            f"The sheet '{title}' of {path.name} was read; it also has {rest} ({setting('sheet')})."
        )
    return table


def _refuse_large_parts(path: Path) -> None:
    """Refuse a workbook whose parts unpack to more than any table has, before they do."""
    try:
        with ZipFile(path) as archive:
            sizes = {item.filename: item.file_size for item in archive.infolist()}
    except (OSError, BadZipFile, ValueError) as error:
        raise unreadable(path, "an Excel workbook", error) from error
    for name, size in sizes.items():
        is_sheet = name.startswith("xl/worksheets/")
        most = _SHEET_BYTES if is_sheet else _TEXT_BYTES if "sharedStrings" in name else _PART_BYTES
        if name.endswith((".xml", ".rels")) and size > most:
            raise InputError(
                f"'{path.name}' unpacks to {size / 1e9:.1f} GB ('{name}'), more than a table of "
                f"{_MOST_CELLS:,} cells needs; save it as .csv or .parquet."
            )


def _used_rows(sheet: Any, source: str, skipped: int) -> list[list[Any]]:
    """Rows with content, each up to its last cell with content."""
    # what a sheet says of its size may be anything
    sheet.reset_dimensions()
    rows: list[list[Any]] = []
    cells = looked_at = 0
    for number, found in enumerate(sheet.iter_rows(values_only=True)):
        looked_at += len(found)
        if number >= skipped:
            row = list(found)
            while row and (row[-1] is None or row[-1] == ""):
                row.pop()
            if row and _is_used(row):
                cells += len(row)
                rows.append(row)
        if cells > _MOST_CELLS or looked_at > 10 * _MOST_CELLS or number > _SHEET_ROWS:
            raise _too_many_cells(source)
    return rows


def _too_many_cells(source: str) -> InputError:
    return InputError(
        f"'{source}' has more than {_MOST_CELLS:,} cells; save it as .csv or .parquet, with the "
        f"columns that matter."
    )


def _columns(rows: list[list[Any]], source: str) -> list[RawColumn]:
    used = sorted({i for row in rows for i, cell in enumerate(row) if cell is not None})
    check_width(len(used), source)
    if len(used) * len(rows) > _MOST_CELLS:
        raise _too_many_cells(source)
    columns = []
    for i in used:
        cells = np.empty(len(rows) - 1, dtype=object)
        cells[:] = [row[i] if i < len(row) else None for row in rows[1:]]
        columns.append(RawColumn(cell_text(rows[0][i]) if i < len(rows[0]) else "", cells))
    return columns


def _is_used(row: list[Any]) -> bool:
    texts = [cell_text(cell) for cell in row]
    filled = [t for t in texts if t]
    return bool(filled) and not filled[0].startswith("#")


def _sheet(names: list[str], sheet: str | int | None, source: str) -> str:
    if sheet is None:
        return names[0]
    if isinstance(sheet, int) and 0 <= sheet < len(names):
        return names[sheet]
    if isinstance(sheet, str) and sheet in names:
        return sheet
    raise InputError(f"{source} has no sheet '{sheet}'; its sheets are {_listed(names)}.")


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{n}'" for n in names)
