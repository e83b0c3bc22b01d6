"""Layout of a delimited text table: delimiter, header, row of units, decimal mark."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import compress, islice
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
_LINE_END = re.compile(rb"\r\n|\n|\r")
_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")

Record = tuple[int, list[str]]
# bytes of text parsed at once: large enough for full speed, small beside any memory
BLOCK_BYTES = 32 << 20
# below this, loading pyarrow takes longer than reading the block without it
_SMALL_BYTES = 1 << 18
_NULLS = sorted({*BLANKS, *(b.upper() for b in BLANKS), "NaN"})
_SKIPPED_LINE = re.compile(rb"(?:\A|\n)[ ]*(?:#|(?<=[ ])(?:\n|\Z))")


@dataclass(frozen=True)
class Layout:
    """Layout of a text table.

    Parameters
    ----------
    source : str
        File name, for messages.
    delimiter, decimal : str
        Field separator and decimal mark.
    headers : list of str
        Header cells as written.
    unit_row : list of str, optional
        Row of units below the header.
    numeric : list of bool
        Columns whose first cells are all numbers or blank.
    start, first_line : int
        Byte and line (from 1) at which the data begin.
    notes : tuple of str
        What was passed over above the header.
    """

    source: str
    delimiter: str
    decimal: str
    headers: list[str]
    unit_row: list[str] | None
    numeric: list[bool]
    start: int
    first_line: int
    notes: tuple[str, ...] = ()


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


class Records:
    """Records of delimited text with the line of each; comments and blank lines are skipped.

    Parameters
    ----------
    text : str
        Whole lines.
    delimiter : str
    first_line : int
        Number of the first line.
    source : str
        File name, for messages.
    """

    def __init__(self, text: str, delimiter: str, first_line: int, source: str) -> None:
        self._lines = text.split("\n")
        self._delimiter = delimiter
        self._first_line = first_line
        self._source = source
        self.comments: list[tuple[int, str]] = []
        self._record_line = first_line

    def __iter__(self) -> Iterator[Record]:
        reader = csv.reader(self.physical_lines(), delimiter=self._delimiter)
        try:
            for fields in reader:
                yield self._record_line, fields
        except csv.Error as error:
            raise InputError(
                f"The record at line {self._record_line} of {self._source} cannot be read "
                f"({error}); look for a quote that is not closed."
            ) from error

    def physical_lines(self) -> Iterator[str]:
        """Lines of records only, each with its line end."""
        inside_quotes = False
        for number, line in enumerate(self._lines, start=self._first_line):
            if not inside_quotes:
                if line.lstrip().startswith("#"):
                    self.comments.append((number, line))
                    continue
                if not line.strip(" "):
                    continue
                self._record_line = number
            if line.count('"') % 2:
                inside_quotes = not inside_quotes
            yield line + "\n"


def split_line(text: str, delimiter: str) -> tuple[list[str], int]:
    """Fields of the first record of a text, and where the record ends.

    Unlike in a row of data, a delimiter inside square brackets does not separate:
    ``a [m^2/s; thermal diffusivity];b [m]`` has two fields.
    """
    end = text.find("\n")
    line = text if end < 0 else text[:end]
    if '"' not in line and "[" not in line:
        return line.split(delimiter), min(len(line) + 1, len(text))
    fields: list[str] = []
    field = ""
    position, quoted, depth = 0, False, 0
    # the last bracket that closes in this line
    last, line_end = line.rfind("]"), len(line)
    special = re.compile(f'["\\n\\[\\]{delimiter}]')
    while True:
        match = special.search(text, position)
        end = match.start() if match else len(text)
        field += text[position:end]
        position = end + 1
        if match is None:
            break
        char = match.group()
        if quoted:
            if char == '"' and text[position : position + 1] == '"':
                position += 1
            elif char == '"':
                quoted = False
                continue
            field += char
        elif char == '"' and not field.strip():
            quoted, field = True, ""
        elif char == "\n":
            break
        elif char == delimiter and not depth:
            fields.append(field)
            field = ""
        else:
            if end > line_end:
                line_end = text.find("\n", end)
                line_end = line_end if line_end >= 0 else len(text)
                last = text.rfind("]", end, line_end)
            if char == "[" and end < last:
                depth += 1
            elif char == "]" and depth:
                depth -= 1
            field += char
    return [*fields, field], min(position, len(text))


def read_layout(path: Path, source: str, skip_rows: int | None = None) -> Layout:
    """Layout of a text table, judged from its first megabyte.

    Parameters
    ----------
    path : Path
    source : str
        File name, for messages.
    skip_rows : int, optional
        Lines above the header; without it titles above the header are noticed where clear.

    Raises
    ------
    InputError
        If the table is empty, not UTF-8, or its columns are separated by spaces.
    """
    with path.open("rb") as file:
        head = _head(file, source)
    if head.startswith(_WIDE_BOMS):
        raise InputError(
            f"{source} is encoded as UTF-16; save the table as UTF-8 (in Excel: 'CSV UTF-8')."
        )
    bom = len(_BOM) if head.startswith(_BOM) else 0
    text = decode(head[bom:], source)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    skipped = _after_lines(text, skip_rows or 0)
    skipped += _skipped_lines(text[skipped:])
    body = text[skipped:]
    if not body.strip():
        raise InputError(
            f"{source} is empty; give a header such as 'U [m/s],D [mm]' and one row per run."
        )
    tabs = path.suffix.lower() in {".tsv", ".tab"}
    delimiter, titles = _sniff(body, ("\t",) if tabs else _DELIMITERS, skip_rows is None)
    notes = _title_notes(body[:titles], source)
    skipped, body = skipped + titles, body[titles:]
    check_width(body.partition("\n")[0].count(delimiter) + 1, source)
    headers, end = split_line(body, delimiter)
    first_line = 1 + text.count("\n", 0, skipped + end)
    sample = _sample(body[end:], delimiter, first_line, source)
    _refuse_spaces(headers, sample, source)
    unit_row = None
    after: list[object] | None = list(sample[1][1]) if len(sample) > 1 else None
    decimal = _decimal(delimiter, sample)
    if sample and is_unit_row(headers, list(sample[0][1]), after, decimal):
        line, fields = sample.pop(0)
        unit_row = _unit_row(fields, headers, source)
        first_line = line + 1
    if sample:
        first_line = sample[0][0]
    numeric = [
        all(len(f) <= i or parse_number(f[i], decimal) is not None for _, f in sample)
        for i in range(len(headers))
    ]
    start = bom + _byte_offset(head[bom:], first_line - 1)
    return Layout(source, delimiter, decimal, headers, unit_row, numeric, start, first_line, notes)


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


def _after_lines(text: str, lines: int) -> int:
    """Position after so many lines."""
    position = 0
    for _ in range(lines):
        position = text.find("\n", position) + 1
        if not position:
            return len(text)
    return position


def _byte_offset(raw: bytes, lines: int) -> int:
    """Byte at which the line after so many lines starts; the end where there is none."""
    ends = islice(_LINE_END.finditer(raw), max(lines - 1, 0), None)
    last = next(ends, None) if lines else None
    return last.end() if last else len(raw)


def _skipped_lines(text: str) -> int:
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        line = text[position : end if end >= 0 else len(text)]
        if line.strip() and not line.lstrip().startswith("#"):
            break
        position = end + 1 if end >= 0 else len(text)
    return position


def _sample(text: str, delimiter: str, first_line: int, source: str) -> list[Record]:
    records: list[Record] = []
    for record in Records(text, delimiter, first_line, source):
        records.append(record)
        if len(records) > _SAMPLE:
            break
    return records


def _sniff(body: str, delimiters: Iterable[str], with_titles: bool) -> tuple[str, int]:
    """Delimiter that gives the header and most of the first rows the same number of fields.

    The position of the header in the text comes with it: titles may stand above.
    """
    best, best_score = (",", 0), (-1.0, 0)
    for delimiter in delimiters:
        rows, starts = _first_rows(body, delimiter)
        titles = title_rows(rows) if with_titles else 0
        sample = rows[titles + 1 : titles + 21]
        # what no row holds is a character of the header's one name
        lone = bool(sample) and all(len(row) == 1 for row in sample)
        fields = 1 if lone else len(rows[titles])
        share = sum(len(r) == fields for r in sample) / len(sample) if sample else 1.0
        score = (share if fields > 1 else 0.0, fields)
        if score > best_score:
            best, best_score = (delimiter, starts[titles]), score
    return best


def _first_rows(body: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """Fields of the first rows and the positions of their lines, without blanks and comments."""
    rows: list[list[str]] = []
    starts: list[int] = []
    position = 0
    while position < len(body) and len(rows) < FIRST_ROWS:
        position += _skipped_lines(body[position : position + _HEAD_BYTES])
        if position >= len(body):
            break
        fields, end = split_line(body[position:], delimiter)
        rows.append(fields)
        starts.append(position)
        position += end
    return rows, starts


def _title_notes(titles: str, source: str) -> tuple[str, ...]:
    lines = [line.strip() for line in titles.split("\n") if line.strip()]
    if not lines:
        return ()
    return (titles_note(lines[0], len(lines), source),)


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


class Mark(NamedTuple):
    """End of a block of rows, from which reading continues.

    Parameters
    ----------
    byte : int
        Position in the file.
    row, line : int
        Number of the next row and of the next line, from 1.
    """

    byte: int
    row: int
    line: int


@dataclass
class _Block:
    """Columns of a block of rows, and what was odd about it."""

    columns: list[NDArray[Any]]
    n_rows: int
    ragged: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Plan:
    """Columns to read, and those to read as text."""

    layout: Layout
    wanted: list[bool]
    as_text: list[bool]


def text_tables(
    path: Path,
    options: ReadOptions,
    sidecar: tuple[dict[str, str], str],
    block_bytes: int = BLOCK_BYTES,
    start: Mark | None = None,
) -> Iterator[tuple[RawTable, Mark]]:
    """Raw tables of successive blocks of rows from `start`, each with the mark of its end.

    The columns that are not used have no cells.

    Raises
    ------
    InputError
        For a wrong encoding, or a row with another number of fields than the header.
    """
    layout = read_layout(path, path.name, options.skip_rows)
    plan = _plan(layout, options, sidecar)
    begin, row, line = start or Mark(layout.start, 1, layout.first_line)
    for raw, position in _byte_blocks(path, begin, block_bytes):
        block = _parse(raw, plan, line)
        line += raw.count(b"\n")
        rows = np.arange(row, row + block.n_rows)
        row += block.n_rows
        dropped: list[DroppedRow] = []
        for index, what in block.ragged.items():
            if not options.drop_bad:
                raise InputError(
                    f"{what[0].upper()}{what[1:]}; add or remove fields, and put a cell that "
                    f"contains the delimiter {layout.delimiter!r} in double quotes."
                )
            dropped.append(DroppedRow(int(rows[index]), what))
        columns = [RawColumn(h, c) for h, c in zip(layout.headers, block.columns, strict=True)]
        table = RawTable(
            layout.source,
            columns,
            np.delete(rows, list(block.ragged)),
            layout.unit_row,
            *sidecar,
            layout.decimal,
            dropped,
            [*(layout.notes if row == block.n_rows + 1 else ()), *block.notes],
        )
        yield table, Mark(position, row, line)


def without_blank_columns(table: RawTable) -> RawTable:
    """The table without the nameless, blank columns that trailing delimiters leave."""
    keep = [bool(c.header.strip()) or not is_blank(c.cells) for c in table.columns]
    units = table.unit_row
    return replace(
        table,
        columns=list(compress(table.columns, keep)),
        unit_row=None if units is None else list(compress(units, keep)),
    )


def concatenated(tables: Iterator[tuple[RawTable, Mark]]) -> RawTable:
    """One raw table of all blocks."""
    parts = [table for table, _ in tables]
    first = parts[0]
    columns = [
        RawColumn(same[0].header, _joined([c.cells for c in same]))
        for same in zip(*(p.columns for p in parts), strict=True)
    ]
    whole = replace(
        first,
        columns=columns,
        rows=np.concatenate([p.rows for p in parts]),
        dropped=[d for p in parts for d in p.dropped],
        notes=[n for p in parts for n in p.notes],
    )
    return without_blank_columns(whole)


def _joined(cells: list[NDArray[Any]]) -> NDArray[Any]:
    if len(cells) == 1:
        return cells[0]
    kinds = {c.dtype for c in cells}
    return np.concatenate(cells if len(kinds) == 1 else [c.astype(object) for c in cells])


def _plan(layout: Layout, options: ReadOptions, sidecar: tuple[dict[str, str], str]) -> _Plan:
    nameless = [not h.strip() and n for h, n in zip(layout.headers, layout.numeric, strict=True)]
    named = [not n for n in nameless]
    stub = RawTable(
        layout.source,
        [RawColumn(h, np.empty(0)) for h in compress(layout.headers, named)],
        np.empty(0, np.int64),
        None if layout.unit_row is None else list(compress(layout.unit_row, named)),
        *sidecar,
    )
    titled, _ = titled_columns(stub, options)
    used = set(chosen([t.name for t in titled], options.columns, options.drop, layout.source))
    rest = iter(titled)
    is_read, as_text = [], []
    for without, numeric in zip(nameless, layout.numeric, strict=True):
        if without:
            is_read.append(True)
            as_text.append(True)
            continue
        t = next(rest)
        is_read.append(t.name in used)
        as_text.append(not numeric or (t.unit or "").lower() in LABEL_TEXTS)
    return _Plan(layout, is_read, as_text)


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


def _parse(raw: bytes, plan: _Plan, first_line: int) -> _Block:
    text = decode(raw, plan.layout.source, first_line)
    if not text.strip("\n"):
        return _Block([np.empty(0) for _ in plan.wanted], 0)
    notes: list[str] = []
    fast = raw
    if _SKIPPED_LINE.search(raw):
        fast, notes = _without_skipped_lines(text, plan.layout, first_line)
    block = None if len(raw) <= _SMALL_BYTES else _parse_fast(fast, plan)
    block = block or _parse_carefully(text, plan, first_line)
    block.notes = notes
    return block


def _without_skipped_lines(text: str, layout: Layout, line: int) -> tuple[bytes, list[str]]:
    records = Records(text, layout.delimiter, line, layout.source)
    rest = "".join(records.physical_lines())
    notes = [
        f"Line {number} of {layout.source} starts with # and was taken as a comment, though it has "
        f"as many fields as a row; put its first cell in quotes if it is data."
        for number, comment in records.comments
        if len(layout.headers) > 1
        and len(split_line(comment, layout.delimiter)[0]) == len(layout.headers)
    ]
    return rest.encode(), notes


def _parse_fast(raw: bytes, plan: _Plan) -> _Block | None:
    """Block read by pyarrow, or None where anything at all is unusual."""
    import pyarrow as pa
    from pyarrow import csv

    names = [str(i) for i in range(len(plan.wanted))]
    included = [n for n, w in zip(names, plan.wanted, strict=True) if w]
    types = {
        n: pa.string() if text else pa.float64()
        for n, text in zip(names, plan.as_text, strict=True)
    }
    try:
        table = csv.read_csv(
            pa.BufferReader(raw),
            read_options=csv.ReadOptions(column_names=names),
            parse_options=csv.ParseOptions(
                delimiter=plan.layout.delimiter, newlines_in_values=b'"' in raw
            ),
            convert_options=csv.ConvertOptions(
                column_types=types,
                include_columns=included,
                null_values=_NULLS,
                strings_can_be_null=False,
                decimal_point=plan.layout.decimal,
            ),
        )
    except pa.ArrowException:
        return None
    columns = [
        _array(table.column(n)) if w else np.empty(0)
        for n, w in zip(names, plan.wanted, strict=True)
    ]
    return _Block(columns, table.num_rows)


def _array(column: Any) -> NDArray[Any]:
    import pyarrow as pa

    if column.type == pa.float64():
        return np.asarray(column.to_numpy(), dtype=np.float64)
    coded = column.combine_chunks().dictionary_encode()
    words = np.array([*coded.dictionary.to_pylist(), ""], dtype=object)[:-1]
    return np.asarray(words[coded.indices.to_numpy()])


def _parse_carefully(text: str, plan: _Plan, first_line: int) -> _Block:
    """Block read record by record, with the ragged rows named."""
    layout = plan.layout
    width = len(layout.headers)
    cells: list[list[str]] = [[] for _ in range(width)]
    ragged: dict[int, str] = {}
    index = 0
    for line, fields in Records(text, layout.delimiter, first_line, layout.source):
        if len(fields) != width:
            ragged[index] = (
                f"line {line} of {layout.source} has {len(fields)} "
                f"{'field' if len(fields) == 1 else 'fields'} where the header has {width}"
            )
        else:
            for column, is_read, cell in zip(cells, plan.wanted, fields, strict=True):
                if is_read:
                    column.append(cell)
        index += 1
    columns = [
        np.array(column, dtype=object) if text else _numbers(column, layout.decimal)
        for column, text in zip(cells, plan.as_text, strict=True)
    ]
    return _Block(columns, index, ragged)


def _numbers(column: list[str], decimal: str) -> NDArray[Any]:
    """Floats where every cell is a plain number; otherwise the cells, for diagnosis."""
    cells = np.array(column, dtype=object)
    text = "".join(column)
    # Python's float reads more than a table may hold: 1_000 and digits of other scripts
    if decimal == "." and text.isascii() and "_" not in text:
        try:
            return np.asarray(cells.astype(np.float64))
        except ValueError:
            return cells
    return cells
