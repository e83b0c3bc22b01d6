"""Layout of a delimited text table: delimiter, header, row of units, decimal mark."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from dimgs.dataset.cells import is_decimal_comma, parse_number
from dimgs.dataset.headers import FIRST_ROWS, check_width, is_unit_row, title_rows, titles_note
from dimgs.errors import InputError

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


@dataclass(frozen=True)
class Layout:
    """How a text table is written.

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
        found = special.search(text, position)
        end = found.start() if found else len(text)
        field += text[position:end]
        position = end + 1
        if found is None:
            break
        char = found.group()
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
