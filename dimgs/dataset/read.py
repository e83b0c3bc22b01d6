"""`read_table`: one function for every kind of table, in a file or in memory."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack
from zipfile import BadZipFile, ZipFile

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.errors import InputError, noting
from dimgs.dataset.checks import check_loggable, drop_bad_rows, duplicate_warnings, with_notes
from dimgs.dataset.conversion import converted
from dimgs.dataset.data_frames import from_columns, from_pandas, from_xarray, raw_columns
from dimgs.dataset.dataset import Dataset
from dimgs.dataset.delimited_text import concatenated, text_tables
from dimgs.dataset.raw import (
    FIRST_ROWS,
    RawColumn,
    RawTable,
    ReadKeywords,
    ReadOptions,
    cell_text,
    check_width,
    chosen,
    sidecar_of,
    title_rows,
    titles_note,
)
from dimgs.dataset.rounding import with_rounding
from dimgs.variables import split_header

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt"})
PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
EXCEL_SUFFIXES = frozenset({".xlsx", ".xlsm"})
# a cell is an object of some 50 bytes: 1 GB, which small machines have
_MOST_CELLS = 20_000_000
# rows of a sheet, by Excel's own definition
_SHEET_ROWS = 1_048_576
# a sheet of the most cells; texts, which are kept; and the parts that are parsed at once
_SHEET_BYTES, _TEXT_BYTES, _PART_BYTES = 1 << 30, 1 << 28, 1 << 26
# a number is held by Arrow, by pandas and by the Dataset
_BYTES_A_CELL = 24


def read_table(
    source: "str | PathLike[str] | pd.DataFrame | xr.Dataset | Dataset | Mapping[str, Any]",
    **options: Unpack[ReadKeywords],
) -> Dataset:
    """Read a table with units, as a Dataset.

    Units are found in this order: `units`; the header ``name [unit]``; a second row of units;
    the unit that the source attaches (a pint dtype, ``attrs["units"]``, Parquet metadata) or the
    file ``TABLE.units.json`` beside the table. A column whose unit is ``label``, or whose
    cells are text, is categorical; so is a column of truth values, unless its unit is ``1``, which
    makes it 0 and 1. ``name_err [unit]`` holds the standard errors of ``name``. In text, lines
    that start with ``#`` and blank lines are skipped; comma, semicolon and tab separate. Titles
    above the header are passed over, with a warning, where they clearly are not headers.

    A unit whose literal reading is improbable (``W/m K``, ``Nm``, ``kg/cm2``) is read literally,
    with a warning that names the other reading.

    Parameters
    ----------
    source : str, path, pandas.DataFrame, xarray.Dataset, Dataset or mapping
        A file (``.csv``, ``.tsv``, ``.tab``, ``.txt``, ``.parquet``, ``.pq``, ``.xlsx``,
        ``.xlsm``) or a table in memory, also a mapping of column to Pint quantities or arrays. An
        unnamed index is ignored; a named one is a column.
    units : mapping of str to str, optional
        Units by column name; ``"1"`` for none, ``"label"`` for categories, ``"m^2/s; thermal
        diffusivity"`` with a kind hint. ``{"*": "header"}`` reads units from headers such as
        ``U (m/s)`` and ``U / (m/s)``.
    sheet : str or int, optional
        Excel sheet, by name or position from 0; the first by default.
    drop_bad : bool
        Leave out the rows in which a used numeric column is blank, infinite, text or (where
        `logged`) not positive, and rows with a wrong number of fields; all are listed in
        ``dropped``. Without it, blanks are kept as NaN and everything else raises.
    columns : iterable of str, optional
        The only columns to use; their uncertainty columns follow.
    drop : iterable of str, optional
        Columns not to use.
    logged : iterable of str, optional
        Columns that must be positive.
    skip_rows : int, optional
        Lines above the header of a text table or a sheet; by default as many as are clearly titles.
    strict_units : bool
        Refuse a unit whose literal reading is improbable, instead of warning.
    si : bool
        Replace the units by coherent SI units, which results then show.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        The message gives the fault, its row and column, and the remedy.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"U [m/s]": [1.0, 2.0], "D [mm; diameter]": [50, 80]})
    >>> read_table(frame)["D"]
    array([0.05, 0.08])
    """
    return dataset_of(source, ReadOptions(**options))


def dataset_of(source: Any, options: ReadOptions) -> Dataset:
    """Dataset of anything that `read_table` takes."""
    if not isinstance(source, Dataset):
        return build(raw_table(source, options), options)
    if options.units:
        raise InputError("A Dataset has its units already; leave out the mapping of units.")
    columns = chosen(list(source.names), options.columns, options.drop, source.source)
    return checked(source.select(columns), options)


def build(table: RawTable, options: ReadOptions) -> Dataset:
    """Dataset of a raw table.

    Raises
    ------
    InputError
        For anything in the used columns that cannot be read or used, with row, column and remedy.
    """
    columns = converted(table, options)
    with noting(columns.warnings):
        data = checked(Dataset(*columns), options)
        return with_notes(data, (), duplicate_warnings(data) if options.find_duplicates else ())


def checked(data: Dataset, options: ReadOptions) -> Dataset:
    """Dataset, in SI units and without unusable rows if the options ask for that."""
    data = with_rounding(data, options.rounded) if options.rounded else data
    data = data.in_si() if options.si else data
    logged = options.logged or ()
    if options.drop_bad:
        names, allow = data.numeric_names, options.allow_empty
        return drop_bad_rows(data, names, logged=logged, allow_empty=allow)
    if logged:
        check_loggable(data, logged)
    return data


def chunk_like(table: RawTable, options: ReadOptions, head: Dataset | None) -> Dataset:
    """Dataset of a chunk, with the columns of one that is known already.

    Raises
    ------
    InputError
        If a column is blank in one part of the table and filled in another, without a unit.
    """
    if head is None:
        return build(table, options)
    # a chunk of blanks or of bare numbers must not change what a column is
    labels = dict.fromkeys(head.label_names, "label")
    data = build(table, replace(options, units={**labels, **options.units}))
    if data.names != head.names:
        odd = ", ".join(sorted(set(data.names) ^ set(head.names)))
        raise InputError(
            f"Column '{odd}' of {table.source} is blank in one part of the table and filled in "
            f"another, and has no unit; leave it out ({setting('drop')}) or give it a unit."
        )
    return data


def raw_table(source: Any, options: ReadOptions) -> RawTable:
    """Headers and cells of any source that `read_table` takes, but a Dataset."""
    if isinstance(source, str | PathLike):
        path = existing(source)
        table = _raw_file(path, options)
        return table if path.suffix.lower() in PARQUET_SUFFIXES else without_empty_rows(table)
    sheet_options = (("sheet", options.sheet), ("skip_rows", options.skip_rows))
    odd = next((name for name, value in sheet_options if value is not None), None)
    if odd is not None:
        raise InputError(
            f"A table in memory has no rows above its header and no sheet; leave out {odd}."
        )
    kinds = {f"{t.__module__.split('.')[0]}.{t.__name__}" for t in type(source).__mro__}
    if "pandas.DataFrame" in kinds:
        return from_pandas(source, "DataFrame")
    if "xarray.Dataset" in kinds or "xarray.DataArray" in kinds:
        return from_xarray(source)
    if isinstance(source, Mapping):
        return raw_columns(source)
    raise InputError(
        f"A table cannot be read from an object of type '{type(source).__name__}'; give a path, a "
        f"pandas DataFrame, an xarray Dataset or a mapping of column to quantities."
    )


def without_empty_rows(table: RawTable) -> RawTable:
    """Table without rows in which every cell is blank, as spreadsheets have them."""
    filled = [c.cells for c in table.columns if len(c.cells) == len(table.rows)]
    empty = np.full(len(table.rows), bool(filled))
    for cells in filled:
        rows = np.flatnonzero(empty)
        empty[rows] = [not cell_text(cell) for cell in cells[rows].tolist()]
    if not np.any(empty):
        return table
    columns = [
        replace(c, cells=c.cells[~empty]) if len(c.cells) == len(empty) else c
        for c in table.columns
    ]
    return replace(table, columns=columns, rows=table.rows[~empty])


def existing(source: str | PathLike[str]) -> Path:
    """Path of a file that exists and has a supported extension."""
    path = Path(source)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, ValueError):
        is_file = is_folder = False
    if is_folder:
        raise InputError(f"'{path}' is a folder; name a table in it.")
    if not is_file:
        raise InputError(f"There is no file '{path}'; check the path (now in '{Path.cwd()}').")
    suffix = path.suffix.lower()
    if suffix not in TEXT_SUFFIXES | PARQUET_SUFFIXES | EXCEL_SUFFIXES:
        raise InputError(
            f"'{path.name}' has the extension '{suffix}', which is not read; save it as .csv, "
            f".tsv, .parquet or .xlsx."
        )
    return path


def _raw_file(path: Path, options: ReadOptions) -> RawTable:
    suffix = path.suffix.lower()
    if options.sheet is not None and suffix not in EXCEL_SUFFIXES:
        raise InputError(f"'{path.name}' has no sheets; leave out the sheet '{options.sheet}'.")
    if options.skip_rows is not None:
        if suffix in PARQUET_SUFFIXES:
            raise InputError(
                f"'{path.name}' has no rows above its header; leave out {setting('skip_rows')}."
            )
        if options.skip_rows < 0:
            raise InputError(
                f"{setting('skip_rows')} is negative; give the number of lines above the header."
            )
    try:
        if suffix in TEXT_SUFFIXES:
            check_memory(path.stat().st_size, path.name)
            return concatenated(text_tables(path, options))
        return (
            from_parquet(path, options) if suffix in PARQUET_SUFFIXES else from_excel(path, options)
        )
    except OSError as error:
        raise InputError(f"'{path}' cannot be read ({error}); check its permissions.") from error


def field_units(schema: Any) -> dict[str, str]:
    """Units in the metadata of single fields of a Parquet schema (``units`` or ``unit``)."""
    attached = {column.name: column.metadata or {} for column in schema}
    units = {name: data.get(b"units", data.get(b"unit")) for name, data in attached.items()}
    return {name: u.decode("utf-8", "replace") for name, u in units.items() if u is not None}


def from_parquet(path: Path, options: ReadOptions) -> RawTable:
    """Raw table of a Parquet file; units also from its fields' metadata and pandas' attrs."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import types

    file = open_parquet(path)
    schema = file.schema_arrow
    columns = decoded_headers(options, schema.names)
    check_width(len(columns or schema.names), path.name)
    check_memory(file.metadata.num_rows * len(columns or schema.names) * _BYTES_A_CELL, path.name)
    # one copy of each text, however often it stands in the file
    texts = [f.name for f in schema if types.is_string(f.type) or types.is_large_string(f.type)]
    try:
        frame = pd.read_parquet(path, engine="pyarrow", columns=columns, read_dictionary=texts)
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise unreadable(path, "a Parquet file", error) from error
    return from_pandas(frame, path.name, sidecar_of(path), field_units(schema))


def decoded_headers(options: ReadOptions, headers: list[str]) -> list[str] | None:
    """Headers of the columns to decode; None for all."""
    names = {header: split_header(header)[0] for header in headers}
    used = {*(options.columns or ()), *options.units}
    if options.columns is None or not used <= set(names.values()):
        return None
    return [h for h, name in names.items() if name.removesuffix("_err") in used]


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
    """Memory of this machine."""
    import psutil

    return int(psutil.virtual_memory().total)


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


def from_excel(path: Path, options: ReadOptions) -> RawTable:
    """Raw table of one sheet; blank rows and rows that start with ``#`` are skipped."""
    from openpyxl import load_workbook

    _refuse_large_parts(path)
    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as book:
            names = list(book.sheetnames)
            title = _sheet(names, options.sheet, path.name)
            rows = _used_rows(book[title], path.name, options.skip_rows or 0)
    except InputError:
        raise
    except Exception as error:
        raise unreadable(path, "an Excel workbook", error) from error
    others = _listed([name for name in names if name != title])
    source = path.name if options.sheet is None else f"{path.name} (sheet '{title}')"
    if not rows:
        choose = f", or choose another sheet ({others})" if others else ""
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
    table = from_columns(_columns(rows, source), source, sidecar_of(path))
    table.notes += notes
    if options.sheet is None and others:
        also = f"it also has {others} ({setting('sheet')})"
        table.notes.append(f"The sheet '{title}' of {path.name} was read; {also}.")
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
    for number, cell_row in enumerate(sheet.iter_rows(values_only=True)):
        looked_at += len(cell_row)
        if number >= skipped:
            row = list(cell_row)
            while row and (row[-1] is None or row[-1] == ""):
                row.pop()
            if not next(filter(None, map(cell_text, row)), "#").startswith("#"):
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
