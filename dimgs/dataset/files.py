"""Parquet and Excel files -> raw tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dimgs.dataset.cells import cell_text
from dimgs.dataset.frames import from_columns, from_pandas
from dimgs.dataset.raw import RawColumn, RawTable
from dimgs.errors import InputError

Sidecar = tuple[Mapping[str, str], str]


def field_units(schema: Any) -> dict[str, str]:
    """Units in the metadata of single fields of a Parquet schema (``units`` or ``unit``)."""
    found: dict[str, str] = {}
    for column in schema:
        metadata = column.metadata or {}
        unit = metadata.get(b"units", metadata.get(b"unit"))
        if unit is not None:
            found[column.name] = unit.decode("utf-8", "replace")
    return found


def from_parquet(path: Path, sidecar: Sidecar) -> RawTable:
    """Raw table of a Parquet file; units also from its fields' metadata and pandas' attrs."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
        _refuse_nested(schema, path.name)
        frame = pd.read_parquet(path, engine="pyarrow")
    except (pa.ArrowException, ValueError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise unreadable(path, "a Parquet file", error) from error
    return from_pandas(frame, path.name, sidecar, field_units(schema))


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


def from_excel(path: Path, sheet: str | int | None, sidecar: Sidecar) -> RawTable:
    """Raw table of one sheet; blank rows and rows that start with ``#`` are skipped."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:
        raise unreadable(path, "an Excel workbook", error) from error
    try:
        title = _sheet(list(book.sheetnames), sheet, path.name)
        rows = [list(row) for row in book[title].iter_rows(values_only=True)]
    except InputError:
        raise
    except Exception as error:
        raise unreadable(path, "an Excel workbook", error) from error
    finally:
        book.close()
    source = path.name if sheet is None else f"{path.name} (sheet '{title}')"
    kept = [row for row in rows if _is_used(row)]
    if not kept:
        others = [name for name in book.sheetnames if name != title]
        choose = f", or choose another sheet ({_listed(others)})" if others else ""
        raise InputError(
            f"The sheet '{title}' of {path.name} is empty; give a header such as 'U [m/s]' in each "
            f"column and one row per run{choose}."
        )
    width = max(len(row) for row in kept)
    padded = [[*row, *[None] * (width - len(row))] for row in kept]
    headers = [cell_text(cell) for cell in padded[0]]
    columns = []
    for i, header in enumerate(headers):
        cells = np.empty(len(padded) - 1, dtype=object)
        cells[:] = [row[i] for row in padded[1:]]
        columns.append(RawColumn(header, cells))
    table = from_columns(columns, source, sidecar)
    if sheet is None and len(book.sheetnames) > 1:
        rest = _listed([s for s in book.sheetnames if s != title])
        table.notes.append(f"The sheet '{title}' of {path.name} was read; it also has {rest}.")
    return table


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
