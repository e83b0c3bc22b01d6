"""Layout of a delimited text table: delimiter, header, row of units, decimal mark."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import dropwhile, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dimgs.common.errors import InputError
from dimgs.dataset.raw import (
    BLANKS,
    FIRST_ROWS,
    DroppedRow,
    RawColumn,
    RawTable,
    ReadOptions,
    check_width,
    chosen,
    is_blank,
    is_decimal_comma,
    is_unit_row,
    parse_number,
    sidecar_of,
    title_rows,
    titled_columns,
    titles_note,
)
from dimgs.variables.units import LABEL_TEXTS

# the part of a file that its layout is judged by: comments and titles rarely fill a megabyte
_HEAD_BYTES = 1 << 20
# a row of as many columns as are read, with long texts; a longer one has lost its line end
LONGEST_RECORD = 16 << 20
# rows after the header that decide on delimiter and decimal mark
_SAMPLE = 200
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
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
        raise InputError(
            f"Line {line} of {source} is not UTF-8 (byte 0x{raw[error.start]:02x}); save the "
            f"table as UTF-8 (in Excel: 'CSV UTF-8')."
        ) from error
    if "\0" in text:
        raise InputError(
            f"{source} is not a text table (it holds zero bytes); save it as CSV in UTF-8, or give "
            f"it the extension of its format (.parquet, .xlsx)."
        )
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
    reader = csv.reader(kept(), delimiter=delimiter)
    try:
        for fields in reader:
            yield numbers[begun], fields
            begun = len(numbers)
    except csv.Error as error:
        raise InputError(
            f"The record at line {numbers[begun]} of {source} cannot be read ({error}); look for a "
            f"quote that is not closed."
        ) from error


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
        raise InputError(
            f"{source} is encoded as UTF-16; save the table as UTF-8 (in Excel: 'CSV UTF-8')."
        )
    bom = len(_BOM) if head.startswith(_BOM) else 0
    # the ends of lines stay as they are
    whole = list(io.StringIO(decode(head[bom:], source), newline=""))
    lines = [line.rstrip("\r\n") for line in whole]
    delimiters = ("\t",) if path.suffix.lower() in {".tsv", ".tab"} else _DELIMITERS
    scored = []
    for each in delimiters:
        try:
            scored.append(_first_rows(lines, source, each, options.skip_rows))
        except InputError:
            # a header of many names is one field to a delimiter that does not divide it
            if not scored and each == delimiters[-1]:
                raise
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
        units = _unit_row(sample.pop(0)[1], headers, source)
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
    used = set(chosen([t.name for t in titled], options.columns, options.drop, table.source))
    for (_, each), title in zip(named, titled, strict=True):
        each.is_read = title.name in used
        each.as_text |= (title.unit or "").lower() in LABEL_TEXTS
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
    return InputError(
        f"A row of {source} has more than {LONGEST_RECORD >> 20} MB; look for a quote that is not "
        f"closed, or for line ends that are missing."
    )


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
        raise InputError(
            f"{source} is empty; give a header such as 'U [m/s],D [mm]' and one row per run."
        )
    first = [joined_in_brackets(fields, delimiter) for _, fields in rows[:FIRST_ROWS]]
    titles = title_rows(first) if skip_rows is None else 0
    sample = first[titles + 1 : titles + 21]
    # what no row holds is a character of the header's one name
    lone = bool(sample) and all(len(fields) == 1 for fields in sample)
    width = 1 if lone else len(first[titles])
    share = sum(len(f) == width for f in sample) / len(sample) if sample else 1.0
    return (share if width > 1 else 0.0, width), delimiter, rows, titles


def _refuse_spaces(headers: list[str], sample: list[Record], source: str) -> None:
    if len(headers) > 1 or not sample:
        return
    parts = sample[-1][1][0].split() if sample[-1][1] else []
    if len(parts) > 1 and all(parse_number(p) is not None for p in parts):
        raise InputError(
            f"The columns of {source} are separated by spaces; separate them by commas, "
            f"semicolons or tabs."
        )


def _unit_row(fields: list[str], headers: list[str], source: str) -> list[str]:
    if len(fields) != len(headers):
        raise InputError(
            f"The row of units of {source} has {len(fields)} fields where the header has "
            f"{len(headers)}; give one unit per column ('1' for none, 'label' for categories)."
        )
    return fields


def _decimal(delimiter: str, sample: list[Record]) -> str:
    if delimiter == ",":
        return "."
    cells = [cell.strip() for _, fields in sample for cell in fields]
    comma = any(is_decimal_comma(c) for c in cells)
    return "," if comma and not any(_POINT.fullmatch(c) for c in cells) else "."


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
        raise InputError(
            f"{what[0].upper()}{what[1:]}; add or remove fields, and put a cell that contains the "
            f"delimiter {layout.delimiter!r} in double quotes."
        )
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
    try:
        table = csv.read_csv(
            pa.BufferReader(raw),
            read_options=csv.ReadOptions(column_names=list(fields)),
            parse_options=csv.ParseOptions(
                delimiter=layout.delimiter, newlines_in_values=b'"' in raw
            ),
            convert_options=csv.ConvertOptions(
                column_types={
                    n: pa.string() if f.as_text else pa.float64() for n, f in fields.items()
                },
                include_columns=[n for n, f in fields.items() if f.is_read],
                null_values=_NULLS,
                strings_can_be_null=False,
                decimal_point=layout.table.decimal,
            ),
        )
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
        ragged[index] = (
            f"line {line} of {source} has {len(row)} {'field' if len(row) == 1 else 'fields'} "
            f"where the header has {width}"
        )
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
