"""`read_table`: one function for every kind of table, in a file, in parts of it or in memory."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import dropwhile, islice
from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Unpack
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from dimgs.common.advice import Act, Step, setting, typed
from dimgs.common.errors import InputError, attempt, noting
from dimgs.common.formats import is_database
from dimgs.dataset.checks import (
    check_loggable,
    drop_bad_rows,
    duplicate_warnings,
    with_rounding,
)
from dimgs.dataset.dataset import Dataset, converted
from dimgs.dataset.raw import (
    BLANKS,
    FIRST_ROWS,
    DroppedRow,
    Percentage,
    RawColumn,
    RawTable,
    ReadKeywords,
    ReadOptions,
    cell_text,
    check_unique,
    check_width,
    chosen,
    from_columns,
    from_pandas,
    from_xarray,
    is_blank,
    is_decimal_comma,
    is_unit_row,
    may_separate,
    parse_number,
    raw_columns,
    sidecar_of,
    title_rows,
    titled_columns,
    titles_note,
)
from dimgs.variables import split_header
from dimgs.variables.units import LABEL_TEXTS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


# ---- `read_table`: one function for every kind of table, and the layout of delimited text.


# ---- Layout of a delimited text table: delimiter, header, row of units, decimal mark.


# the part of a file that its layout is judged by: comments and titles rarely fill a megabyte
_HEAD_BYTES = 1 << 20
# a row of as many columns as are read, with long texts; a longer one has lost its line end
LONGEST_RECORD = 16 << 20
# rows after the header that decide on delimiter and decimal mark
_SAMPLE = 200
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_AS_UTF8 = "save the table as UTF-8 (in Excel: 'CSV UTF-8')"
_DELIMITERS = (",", ";", "\t")
_BRACKET = re.compile(r"[\[\]]")
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")

Record = tuple[int, list[str]]
# bytes of text parsed at once: large enough for full speed, small beside any memory
BLOCK_BYTES = 32 << 20
# below this, loading pyarrow takes longer than reading the block without it
_SMALL_BYTES = 1 << 18
_NULLS = sorted({*BLANKS, *(b.upper() for b in BLANKS), "NaN"})
_SKIPPED_LINE = re.compile(rb"(?:\A|\n)[ ]*(?:#|(?<=[ ])(?:\n|\Z))")


@dataclass
class Field:
    """A column of a text table: whether it is read, and whether as text."""

    as_text: bool
    is_read: bool = True


@dataclass(frozen=True)
class Layout:
    """Layout of a text table.

    Parameters
    ----------
    table : RawTable
        With columns that have no cells, and notes on what was passed over above the header.
    delimiter : str
        Field separator.
    fields : list of Field
        One for each column.
    start, first_line : int
        Byte and line (from 1) at which the data begin.
    """

    table: RawTable
    delimiter: str
    fields: list[Field]
    start: int
    first_line: int


def decode(raw: bytes, source: str, first_line: int = 1) -> str:
    """Text of UTF-8 bytes, or a clear error with the line of the first wrong byte."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + raw.count(b"\n", 0, error.start)
        fault = f"Line {line} of {source} is not UTF-8 (byte 0x{raw[error.start]:02x})"
        raise InputError(f"{fault}; {_AS_UTF8}.") from error
    if "\0" in text:
        remedy = "save it as CSV in UTF-8, or give it the extension of its format (.parquet, .xlsx)"
        raise InputError(f"{source} is not a text table (it holds zero bytes); {remedy}.")
    return text


def record_lines(
    lines: Iterable[str], first_line: int, others: list[tuple[int, str]] | None = None
) -> Iterator[tuple[int, str]]:
    """Lines of records with their numbers: all but comments and blank lines.

    Parameters
    ----------
    lines : iterable of str
    first_line : int
        Number of the first line.
    others : list of (int, str), optional
        It takes the comments and blank lines.
    """
    inside_quotes = False
    for number, line in enumerate(lines, first_line):
        if inside_quotes or (line.strip(" ") and not line.lstrip().startswith("#")):
            inside_quotes ^= line.count('"') % 2 == 1
            yield number, line
        elif others is not None:
            others.append((number, line))


def records(lines: Iterable[str], delimiter: str, first_line: int, source: str) -> Iterator[Record]:
    """Records of delimited text, each with the number of its first line.

    Parameters
    ----------
    lines : iterable of str
        Without their ends.
    delimiter : str
    first_line : int
        Number of the first line.
    source : str
        File name, for messages.
    """
    numbers: list[int] = []

    def kept() -> Iterator[str]:
        for number, line in record_lines(lines, first_line):
            numbers.append(number)
            yield f"{line}\n"

    begun = 0
    try:
        for fields in csv.reader(kept(), delimiter=delimiter):
            yield numbers[begun], fields
            begun = len(numbers)
    except csv.Error as error:
        where = f"The record at line {numbers[begun]} of {source}"
        remedy = "look for a quote that is not closed"
        raise InputError(f"{where} cannot be read ({error}); {remedy}.") from error


def joined_in_brackets(fields: Sequence[str], delimiter: str) -> list[str]:
    """Fields of a header, in which a delimiter inside square brackets does not separate.

    Examples
    --------
    >>> joined_in_brackets(["a [m^2/s", " thermal diffusivity]", "b [m]"], ";")
    ['a [m^2/s; thermal diffusivity]', 'b [m]']
    """
    last = max((k for k, text in enumerate(fields) if "]" in text), default=-1)
    parts: list[list[str]] = []
    depth = 0
    for k, text in enumerate(fields):
        if depth:
            parts[-1].append(text)
        else:
            parts.append([text])
        for match in _BRACKET.finditer(text):
            # a bracket that nothing closes is a letter
            opens = match[0] == "[" and (k < last or match.start() < text.rfind("]"))
            depth = depth + 1 if opens else max(depth - (match[0] == "]"), 0)
    return [delimiter.join(part) for part in parts]


def read_layout(path: Path, options: ReadOptions) -> Layout:
    """Layout of a text table, judged from its first megabyte.

    Parameters
    ----------
    path : Path
    options : ReadOptions
        Without its `skip_rows`, titles above the header are noticed where clear.

    Raises
    ------
    InputError
        If the table is empty, not UTF-8, or its columns are separated by spaces.
    """
    source, sidecar = path.name, sidecar_of(path)
    with path.open("rb") as file:
        head = _head(file, source)
    if head.startswith(_WIDE_BOMS):
        raise InputError(f"{source} is encoded as UTF-16; {_AS_UTF8}.")
    bom = len(_BOM) if head.startswith(_BOM) else 0
    # the ends of lines stay as they are
    whole = list(io.StringIO(decode(head[bom:], source), newline=""))
    lines = [line.rstrip("\r\n") for line in whole]
    delimiters = ("\t",) if path.suffix.lower() in {".tsv", ".tab"} else _DELIMITERS
    # a header of many names may be too long a field to a delimiter that does not divide it
    tried = (attempt(_first_rows, lines, source, d, options.skip_rows) for d in delimiters)
    scored = [*filter(None, tried)] or [
        _first_rows(lines, source, delimiters[-1], options.skip_rows)
    ]
    _, delimiter, rows, titles = max(scored, key=itemgetter(0))
    above = [x.strip() for x in lines[rows[0][0] - 1 : rows[titles][0] - 1] if x.strip()]
    headers = joined_in_brackets(rows[titles][1], delimiter)
    check_width(len(headers), source)
    sample = rows[titles + 1 :][: _SAMPLE + 1]
    _refuse_spaces(headers, sample, source)
    after: list[object] | None = list(sample[1][1]) if len(sample) > 1 else None
    decimal = _decimal(delimiter, sample)
    units = [""] * len(headers)
    if sample and is_unit_row(headers, list(sample[0][1]), after, decimal):
        units = sample.pop(0)[1]
    if len(units) != len(headers):
        fault = f"has {len(units)} fields where the header has {len(headers)}"
        remedy = "give one unit per column ('1' for none, 'label' for categories)"
        raise InputError(f"The row of units of {source} {fault}; {remedy}.")
    first_line = sample[0][0] if sample else len(lines) + 1
    named = zip(headers, units, strict=True)
    columns = [RawColumn(h, np.empty(0), row_unit=unit) for h, unit in named]
    notes = [titles_note(above[0], len(above), source)] if above else []
    table = RawTable(source, columns, np.empty(0, np.int64), sidecar, decimal, notes=notes)
    fields = _fields(table, [cells for _, cells in sample], options)
    start = bom + len("".join(whole[: first_line - 1]).encode())
    return Layout(table, delimiter, fields, start, first_line)


def _fields(table: RawTable, rows: list[list[str]], options: ReadOptions) -> list[Field]:
    """Which columns are read, and which of them as text."""
    fields, named = [], []
    for i, column in enumerate(table.columns):
        cells = (row[i] for row in rows if i < len(row))
        is_text = any(parse_number(cell, table.decimal) is None for cell in cells)
        # what trailing delimiters leave is read as text, to see whether it is blank
        nameless = not (is_text or column.header.strip())
        fields.append(Field(is_text or nameless))
        named += [] if nameless else [(column, fields[-1])]
    titled, _ = titled_columns(replace(table, columns=[c for c, _ in named]), options)
    used = set(chosen([t.name for t in titled], options, table.source))
    for (_, each), title in zip(named, titled, strict=True):
        is_label = (title.unit or "").lower() in LABEL_TEXTS
        words = options.with_labels and (is_label or (each.as_text and title.unit is None))
        each.is_read = title.name in used or (words and title.name not in (options.drop or ()))
        each.as_text |= is_label
    return fields


def _head(file: BinaryIO, source: str) -> bytes:
    """First megabyte, cut after a line end where the file goes on."""
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return head
    if b"\n" not in head and b"\r" in head:
        return head[: head.rfind(b"\r") + 1]
    head += file.readline(LONGEST_RECORD)
    if len(head) >= _HEAD_BYTES + LONGEST_RECORD:
        raise too_long(source)
    return head


def too_long(source: str) -> InputError:
    """Error for a row that does not end."""
    remedy = "look for a quote that is not closed, or for line ends that are missing"
    return InputError(f"A row of {source} has more than {LONGEST_RECORD >> 20} MB; {remedy}.")


def _first_rows(
    lines: list[str], source: str, delimiter: str, skip_rows: int | None
) -> tuple[tuple[float, int], str, list[Record], int]:
    """First rows as a delimiter gives them, and the place of the header: titles may stand above.

    Before them stands how well the delimiter fits: the share of the rows that have as many fields
    as the header, and how many these are.
    """
    begin = skip_rows or 0
    every = records(lines[begin:], delimiter, begin + 1, source)
    filled = dropwhile(lambda row: not delimiter.join(row[1]).strip(), every)
    rows = list(islice(filled, FIRST_ROWS + _SAMPLE + 1))
    if not rows:
        remedy = "give a header such as 'U [m/s],D [mm]' and one row per run"
        raise InputError(f"{source} is empty; {remedy}.")
    first = [joined_in_brackets(fields, delimiter) for _, fields in rows[:FIRST_ROWS]]
    titles = title_rows(first) if skip_rows is None else 0
    sample = first[titles + 1 : titles + 21]
    # what no row holds is a character of the header's one name
    lone = bool(sample) and all(len(fields) == 1 for fields in sample)
    width = 1 if lone else len(first[titles])
    share = sum(len(f) == width for f in sample) / len(sample) if sample else 1.0
    return (share if width > 1 else 0.0, width), delimiter, rows, titles


def _refuse_spaces(headers: list[str], sample: list[Record], source: str) -> None:
    parts = sample[-1][1][0].split() if len(headers) == 1 and sample and sample[-1][1] else []
    if len(parts) > 1 and all(parse_number(p) is not None for p in parts):
        remedy = "separate them by commas, semicolons or tabs"
        raise InputError(f"The columns of {source} are separated by spaces; {remedy}.")


def _decimal(delimiter: str, sample: list[Record]) -> str:
    if delimiter == ",":
        return "."
    cells = [cell.strip() for _, fields in sample for cell in fields]
    comma = any(is_decimal_comma(c) for c in cells)
    # a point between groups of three digits may separate thousands beside decimal commas
    point = any(_POINT.fullmatch(c) and not may_separate(c) for c in cells)
    return "," if comma and not point else "."


class Position(NamedTuple):
    """End of a part of a table, from which reading continues.

    Parameters
    ----------
    file : int
        Number of the file in the folder, from 0.
    byte, row, line : int
        Where to go on in that file, rows and lines from 1; zeros stand for its beginning.
    """

    file: int = 0
    byte: int = 0
    row: int = 0
    line: int = 0


def text_tables(
    path: Path,
    options: ReadOptions,
    block_bytes: int = BLOCK_BYTES,
    start: Position | None = None,
) -> Iterator[tuple[RawTable, Position]]:
    """Raw tables of successive blocks of rows from `start`, each with the position of its end.

    The columns that are not used have no cells.

    Raises
    ------
    InputError
        For a wrong encoding, or a row with another number of fields than the header.
    """
    layout = read_layout(path, options)
    _, begin, row, line = start or Position(0, layout.start, 1, layout.first_line)
    for raw, position in _byte_blocks(path, begin, block_bytes):
        table = _parse(raw, layout, row, line, drop_bad=options.drop_bad)
        row += len(table.rows) + len(table.dropped)
        line += raw.count(b"\n")
        yield table, Position(0, position, row, line)


def without_blank_columns(table: RawTable) -> RawTable:
    """The table without the nameless, blank columns that trailing delimiters leave."""
    kept = [c for c in table.columns if c.header.strip() or not is_blank(c.cells)]
    return replace(table, columns=kept)


def concatenated(tables: Iterator[tuple[RawTable, Position]]) -> RawTable:
    """One raw table of all blocks."""
    parts = [table for table, _ in tables]
    columns = [
        replace(same[0], cells=np.concatenate([c.cells for c in same]))
        for same in zip(*(p.columns for p in parts), strict=True)
    ]
    whole = replace(
        parts[0],
        columns=columns,
        rows=np.concatenate([p.rows for p in parts]),
        dropped=[d for p in parts for d in p.dropped],
        notes=[n for p in parts for n in p.notes],
    )
    return without_blank_columns(whole)


def _byte_blocks(path: Path, start: int, size: int) -> Iterator[tuple[bytes, int]]:
    """Blocks of whole records with plain line ends, and the position after each."""
    with path.open("rb") as file:
        file.seek(start)
        rest, yielded = b"", False
        # the bounds of a block depend on where it starts alone, so that reading can go on there
        while chunk := file.read(size - len(rest) % size):
            rest += chunk
            cut = _last_record_end(rest)
            if cut:
                yielded = True
                yield _with_plain_ends(rest[:cut]), file.tell() - len(rest) + cut
                rest = rest[cut:]
            elif len(rest) > size + LONGEST_RECORD:
                raise too_long(path.name)
        if rest or not yielded:
            yield _with_plain_ends(rest), file.tell()


def _with_plain_ends(block: bytes) -> bytes:
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in block else block


def _last_record_end(block: bytes) -> int:
    """Position after the last line end that is not inside quotes; 0 where there is none."""
    newline = b"\n" if b"\n" in block else b"\r"
    end = block.rfind(newline) + 1
    if newline == b"\r" and end == len(block):
        # its \n may be the first byte of the next chunk
        end = block.rfind(newline, 0, end - 1) + 1
    odd = block.count(b'"', 0, end) % 2
    while end and odd:
        before = block.rfind(newline, 0, end - 1) + 1
        odd ^= block.count(b'"', before, end) % 2
        end = before
    return end


def _parse(raw: bytes, layout: Layout, row: int, line: int, *, drop_bad: bool) -> RawTable:
    """Raw table of a block, from the numbers of its first row and line."""
    table = layout.table
    text = decode(raw, table.source, line)
    notes, fast = table.notes if row == 1 else [], raw
    if _SKIPPED_LINE.search(raw):
        fast, further = _without_skipped_lines(text, layout, line)
        notes = [*notes, *further]
    plain = None if len(raw) <= _SMALL_BYTES else _fast_cells(fast, layout)
    cells, ragged = (plain, {}) if plain else _careful_cells(text, layout, line)
    if ragged and not drop_bad:
        what = next(iter(ragged.values()))
        cell = f"a cell that contains the delimiter {layout.delimiter!r} in double quotes"
        raise InputError(f"{what[0].upper()}{what[1:]}; add or remove fields, and put {cell}.")
    rows = np.arange(row, row + max(map(len, cells)) + len(ragged))
    return replace(
        table,
        columns=[replace(c, cells=x) for c, x in zip(table.columns, cells, strict=True)],
        rows=np.delete(rows, list(ragged)),
        dropped=[DroppedRow(int(rows[index]), what) for index, what in ragged.items()],
        notes=notes,
    )


def _without_skipped_lines(text: str, layout: Layout, first: int) -> tuple[bytes, list[str]]:
    others: list[tuple[int, str]] = []
    kept = record_lines(text.split("\n"), first, others)
    rest = "".join(f"{line}\n" for _, line in kept).encode()
    notes = [
        f"Line {number} of {layout.table.source} starts with # and was taken as a comment, though "
        f"it has as many fields as a row; put its first cell in quotes if it is data."
        for number, line in others
        # a comment may be longer than any field
        for fields in csv.reader([line[: csv.field_size_limit()]], delimiter=layout.delimiter)
        if len(joined_in_brackets(fields, layout.delimiter)) == len(layout.fields) > 1
    ]
    return rest, notes


def _fast_cells(raw: bytes, layout: Layout) -> list[NDArray[Any]] | None:
    """Columns of a block, read by pyarrow, or None where anything at all is unusual."""
    import pyarrow as pa
    from pyarrow import csv

    fields = {str(i): field for i, field in enumerate(layout.fields)}
    columns: Any = csv.ConvertOptions(null_values=_NULLS, decimal_point=layout.table.decimal)
    columns.column_types = {
        n: pa.string() if f.as_text else pa.float64() for n, f in fields.items()
    }
    columns.include_columns = [n for n, f in fields.items() if f.is_read]
    rows = csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=b'"' in raw)
    names = csv.ReadOptions(column_names=list(fields))
    try:
        table = csv.read_csv(pa.BufferReader(raw), names, rows, columns)
    except pa.ArrowException:
        return None
    return [_array(table.column(n)) if f.is_read else np.empty(0) for n, f in fields.items()]


def _array(column: Any) -> NDArray[Any]:
    import pyarrow as pa

    if column.type == pa.float64():
        return np.asarray(column.to_numpy(), dtype=np.float64)
    coded = column.combine_chunks().dictionary_encode()
    words = np.array([*coded.dictionary.to_pylist(), ""], dtype=object)[:-1]
    return np.asarray(words[coded.indices.to_numpy()])


def _careful_cells(
    text: str, layout: Layout, first_line: int
) -> tuple[list[NDArray[Any]], dict[int, str]]:
    """Columns of a block, read record by record, and what is wrong with rows of another length."""
    source, width = layout.table.source, len(layout.fields)
    cells, ragged = [list[str]() for _ in layout.fields], dict[int, str]()
    read = [(i, cells[i]) for i, field in enumerate(layout.fields) if field.is_read]
    every = records(text.split("\n"), layout.delimiter, first_line, source)
    for index, (line, row) in enumerate(every):
        if len(row) == width:
            for i, column in read:
                column.append(row[i])
            continue
        many = "1 field" if len(row) == 1 else f"{len(row)} fields"
        ragged[index] = f"line {line} of {source} has {many} where the header has {width}"
    columns = [
        np.array(column, dtype=object) if field.as_text else _numbers(column, layout.table.decimal)
        for field, column in zip(layout.fields, cells, strict=True)
    ]
    return columns, ragged


def _numbers(column: list[str], decimal: str) -> NDArray[Any]:
    """Floats where every cell is a plain number; otherwise the cells, for diagnosis."""
    cells = np.array(column, dtype=object)
    text = "".join(column)
    # Python's float reads more than a table may hold: 1_000 and digits of other scripts
    if decimal == "." and text.isascii() and "_" not in text:
        with suppress(ValueError):
            return np.asarray(cells.astype(np.float64))
    return cells


# ---- `read_table`: one function for every kind of table, in a file or in memory.


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
    beside = source.label_names if options.with_labels else ()
    with_labels = replace(options, beside=[*options.beside, *beside])
    columns = chosen(list(source.names), with_labels, source.source)
    return checked(source.select(columns), options)


def build(table: RawTable, options: ReadOptions) -> Dataset:
    """Dataset of a raw table.

    Raises
    ------
    InputError
        For anything in the used columns that cannot be read or used, with row, column and remedy.
    """
    data = converted(table, options)
    with noting(data.warnings):
        data = checked(data, options)
        copies = duplicate_warnings(data) if options.find_duplicates else ()
        return replace(data, warnings=(*data.warnings, *copies))


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
        fault = "is blank in one part of the table and filled in another, and has no unit"
        remedy = f"leave it out ({setting('drop')}) or give it a unit"
        raise InputError(f"Column '{odd}' of {table.source} {fault}; {remedy}.")
    return data


def raw_table(source: Any, options: ReadOptions) -> RawTable:
    """Headers and cells of any source that `read_table` takes, but a Dataset."""
    if isinstance(source, str | PathLike):
        path = existing(source)
        table = _raw_file(path, options)
        return table if path.suffix.lower() in PARQUET_SUFFIXES else without_empty_rows(table)
    for odd in (name for name in ("sheet", "skip_rows") if getattr(options, name) is not None):
        fault = "A table in memory has no rows above its header and no sheet"
        raise InputError(f"{fault}; leave out {odd}.")
    kinds = {f"{t.__module__.split('.')[0]}.{t.__name__}" for t in type(source).__mro__}
    if "pandas.DataFrame" in kinds:
        return from_pandas(source, "DataFrame")
    if "xarray.Dataset" in kinds or "xarray.DataArray" in kinds:
        return from_xarray(source)
    if isinstance(source, Mapping):
        return raw_columns(source)
    fault = f"A table cannot be read from an object of type '{type(source).__name__}'"
    ways = "a path, a pandas DataFrame, an xarray Dataset or a mapping of column to quantities"
    raise InputError(f"{fault}; give {ways}.")


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
        if is_database(path):
            files = f"--hub {typed(str(path))} --target NAME --out {typed(f'{path.stem}.csv')}"
            step = Act(Step.WRITE_RUNS, files)
            raise InputError(f"'{path.name}' is a database; write its runs as a table: {step}.")
        fault = f"'{path.name}' has the extension '{suffix}', which is not read"
        raise InputError(f"{fault}; save it as .csv, .tsv, .parquet or .xlsx.")
    return path


def _raw_file(path: Path, options: ReadOptions) -> RawTable:
    suffix = path.suffix.lower()
    if options.sheet is not None and suffix not in EXCEL_SUFFIXES:
        raise InputError(f"'{path.name}' has no sheets; leave out the sheet '{options.sheet}'.")
    skipped = setting("skip_rows")
    if options.skip_rows is not None and suffix in PARQUET_SUFFIXES:
        raise InputError(f"'{path.name}' has no rows above its header; leave out {skipped}.")
    if (options.skip_rows or 0) < 0:
        raise InputError(f"{skipped} is negative; give the number of lines above the header.")
    try:
        if suffix in TEXT_SUFFIXES:
            check_memory(path.stat().st_size, path.name)
            return concatenated(text_tables(path, options))
        read = from_parquet if suffix in PARQUET_SUFFIXES else from_excel
        return read(path, options)
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

    file = open_parquet(path)
    schema = file.schema_arrow
    columns = decoded_headers(options, schema)
    check_width(len(columns or schema.names), path.name)
    check_memory(file.metadata.num_rows * len(columns or schema.names) * _BYTES_A_CELL, path.name)
    # one copy of each text, however often it stands in the file
    texts = text_fields(schema)
    try:
        frame = pd.read_parquet(path, engine="pyarrow", columns=columns, read_dictionary=texts)
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise unreadable(path, "a Parquet file", error) from error
    return from_pandas(frame, path.name, sidecar_of(path), field_units(schema))


def text_fields(schema: Any) -> list[str]:
    """Columns of a Parquet file that hold texts."""
    from pyarrow import types

    return [f.name for f in schema if types.is_string(f.type) or types.is_large_string(f.type)]


def decoded_headers(options: ReadOptions, schema: Any) -> list[str] | None:
    """Headers of the columns to decode, those of texts among them; None for all."""
    names = {header: split_header(header)[0] for header in schema.names}
    used = {*(options.columns or ()), *options.units}
    if options.columns is None or not used <= set(names.values()):
        return None
    texts = text_fields(schema) if options.with_labels else []
    used |= {*options.beside}
    return [h for h, name in names.items() if name.removesuffix("_err") in used or h in texts]


def check_memory(needed: int, source: str) -> None:
    """Refuse a table that does not fit into the memory of this machine.

    Raises
    ------
    InputError
        With the remedy.
    """
    memory = memory_bytes()
    if needed > memory:
        fault = f"needs about {needed / 1e9:.1f} GB of memory where this machine has"
        ways = f"use fewer columns ({setting('columns')}), or fit it in parts ({setting('stream')})"
        raise InputError(f"'{source}' {fault} {memory / 1e9:.1f}; {ways}.")


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
    remedy = "save it again, or give it the extension of its format"
    return InputError(f"'{path.name}' cannot be read as {what} ({text}); {remedy}.")


def _refuse_nested(schema: Any, source: str) -> None:
    check_unique(schema.names, source)
    for column in schema:
        if column.type.num_fields:
            fault = f"Column '{column.name}' of {source} holds nested values ({column.type})"
            raise InputError(f"{fault}; give one number or text per row.")


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
        remedy = f"give a header such as 'U [m/s]' in each column and one row per run{choose}"
        raise InputError(f"The sheet '{title}' of {path.name} is empty; {remedy}.")
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
            fault = f"'{path.name}' unpacks to {size / 1e9:.1f} GB ('{name}')"
            needed = f"more than a table of {_MOST_CELLS:,} cells needs"
            raise InputError(f"{fault}, {needed}; save it as .csv or .parquet.")


def _used_rows(sheet: Any, source: str, skipped: int) -> list[list[Any]]:
    """Rows with content, each up to its last cell with content."""
    # what a sheet says of its size may be anything
    sheet.reset_dimensions()
    rows: list[list[Any]] = []
    cells = looked_at = 0
    for number, cell_row in enumerate(sheet.iter_rows()):
        looked_at += len(cell_row)
        if number >= skipped:
            row = [*map(_cell, cell_row)]
            while row and (row[-1] is None or row[-1] == ""):
                row.pop()
            if not next(filter(None, map(cell_text, row)), "#").startswith("#"):
                cells += len(row)
                rows.append(row)
        if cells > _MOST_CELLS or looked_at > 10 * _MOST_CELLS or number > _SHEET_ROWS:
            raise _too_many_cells(source)
    return rows


def _too_many_cells(source: str) -> InputError:
    remedy = "save it as .csv or .parquet, with the columns that matter"
    return InputError(f"'{source}' has more than {_MOST_CELLS:,} cells; {remedy}.")


def _cell(cell: Any) -> Any:
    """Value of a cell, which says where it is shown in percent."""
    percent = isinstance(cell.value, float | int) and "%" in cell.number_format
    return Percentage(cell.value) if percent else cell.value


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


# ---- Tables larger than memory: the rules of `read_table`, a bounded number of rows at a time.


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
        data = part.data
        n_rows, lost = n_rows + part.n_rows, [*lost, *data.dropped]
        for start in range(0, len(data), chunk_rows):
            if chunk is not None:
                yield chunk
            rows = np.arange(start, min(start + chunk_rows, len(data)))
            chunk, lost = replace(data.take(rows), dropped=tuple(sorted(lost))), []
        if progress is not None:
            progress(n_rows, part.fraction)
    if chunk is None:
        what = f"{table.source} has {'no usable row' if n_rows else 'column names but no rows'}"
        raise InputError(f"{what}; add at least one row of data that can be used.")
    yield replace(chunk, dropped=tuple(sorted([*chunk.dropped, *lost])))


@dataclass(frozen=True)
class Part:
    """Successive rows of a table.

    Attributes
    ----------
    data : Dataset
    end : Position
        Where the next part begins.
    fraction : float
        Share of the table that lies before `end`.
    n_rows : int
        Number of rows, those dropped while reading included.
    """

    data: Dataset
    end: Position
    fraction: float
    n_rows: int


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
    >>> [part.data["U"].tolist() for part in TableInParts(file, 2, ReadOptions({})).parts()]
    [[1.0, 2.0, 3.0]]
    """

    path: str | PathLike[str]
    chunk_rows: int
    options: ReadOptions

    def __post_init__(self) -> None:
        if self.chunk_rows < 1:
            remedy = f"give at least 1 row per chunk ({setting('chunk_rows')})"
            raise InputError(f"chunk_rows is {self.chunk_rows}; {remedy}.")
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
            # messages are worded in that thread as in this one
            ahead = pool.submit(copy_context().run, lambda: next(reader, None))
            while (part := ahead.result()) is not None:
                ahead = pool.submit(copy_context().run, lambda: next(reader, None))
                yield part

    def _parts(self, start: Position | None) -> Iterator[Part]:
        begin, head = start or Position(), None
        if self.files[0].suffix.lower() not in PARQUET_SUFFIXES:
            yield from self._text_parts(self.files[0], begin)
            return
        sizes = [int(open_parquet(path).metadata.num_rows) for path in self.files]
        for i in range(begin.file, len(self.files)):
            row = begin.row if i == begin.file else 0
            batches = parquet_batches(self.files[i], self.chunk_rows, self.options, head, row)
            for data, n_rows, last in batches:
                head = head or data
                end = Position(i + 1) if last == sizes[i] else Position(i, 0, last)
                fraction = (sum(sizes[:i]) + last) / max(sum(sizes), 1)
                yield Part(data, end, fraction, n_rows)

    def _text_parts(self, path: Path, begin: Position) -> Iterator[Part]:
        size = max(path.stat().st_size, 1)
        start = begin if begin.byte else None
        head: Dataset | None = None
        # a later start needs the columns as the first rows show them
        if start is not None:
            head = next(self._text_parts(path, Position())).data
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
            yield Part(data, end, min(1.0, end.byte / size), n_rows)


def _raw(batch: Any, path: Path, units: Mapping[str, str], end: int) -> RawTable:
    frame = batch.to_pandas(ignore_metadata=True)
    frame = frame[[c for c in frame.columns if not c.startswith("__index_level_")]]
    table = from_pandas(frame, path.name, sidecar_of(path), units)
    table.rows = np.arange(end - len(table.rows) + 1, end + 1)
    return table


def parquet_batches(
    path: Path, chunk_rows: int, options: ReadOptions, first: Dataset | None, start: int
) -> Iterator[tuple[Dataset, int, int]]:
    """Batches of a file from one row on; their bounds do not depend on it.

    Each comes with the number of its rows, and of those of the file up to its end.

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
    columns = decoded_headers(options, file.schema_arrow)
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
                if head is None or end > start:
                    data = chunk_like(_raw(batch, path, units, end), options, head)
                    head = _check(data, first, path) if head is None else head
                if end > start:
                    yield data, batch.num_rows, end
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, "a Parquet file", error) from error


def _check(data: Dataset, first: Dataset | None, path: Path) -> Dataset:
    """The data, refused without the columns of the first file of their folder."""
    for variable in () if first is None else first.variables:
        if variable.name not in data.names:
            lacks = f"'{path.name}' lacks the column '{variable.name}'"
            remedy = "give every file the same columns"
            raise InputError(f"{lacks} that the other files of the folder have; {remedy}.")
        column = data.variable(variable.name)
        if (column.dimension, column.unit.scale) != (variable.dimension, variable.unit.scale):
            here = f"'{variable.name}' is in '{column.unit.text}' in '{path.name}'"
            there = f"in '{variable.unit.text}' in the other files"
            raise InputError(f"Column {here} and {there}; give it one dimension.")
    return data
