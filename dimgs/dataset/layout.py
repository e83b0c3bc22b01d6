"""Layout of a delimited text table: delimiter, header, row of units, decimal mark."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from dimgs.dataset.cells import is_decimal_comma, parse_number
from dimgs.dataset.headers import is_unit_row
from dimgs.errors import InputError

_HEAD_BYTES = 1 << 20
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
    """

    source: str
    delimiter: str
    decimal: str
    headers: list[str]
    unit_row: list[str] | None
    numeric: list[bool]
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
    fields: list[str] = []
    field = ""
    position, quoted, depth = 0, False, 0
    while position < len(text):
        char = text[position]
        if quoted:
            if char == '"' and text[position + 1 : position + 2] == '"':
                field += '"'
                position += 1
            elif char == '"':
                quoted = False
            else:
                field += char
        elif char == '"' and not field.strip():
            quoted, field = True, ""
        elif char == "\n":
            break
        elif char == delimiter and not depth:
            fields.append(field)
            field = ""
        else:
            end = text.find("\n", position)
            if char == "[" and text.find("]", position, end if end >= 0 else None) >= 0:
                depth += 1
            elif char == "]" and depth:
                depth -= 1
            field += char
        position += 1
    return [*fields, field], min(position + 1, len(text))


def read_layout(path: Path, source: str) -> Layout:
    """Layout of a text table, judged from its first megabyte.

    Raises
    ------
    InputError
        If the table is empty, not UTF-8, or its columns are separated by spaces.
    """
    with path.open("rb") as file:
        head = _head(file)
    if head.startswith(_WIDE_BOMS):
        raise InputError(
            f"{source} is encoded as UTF-16; save the table as UTF-8 (in Excel: 'CSV UTF-8')."
        )
    bom = len(_BOM) if head.startswith(_BOM) else 0
    text = decode(head[bom:], source)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    skipped = _skipped_lines(text)
    body = text[skipped:]
    if not body.strip():
        raise InputError(
            f"{source} is empty; give a header such as 'U [m/s],D [mm]' and one row per run."
        )
    tabs = path.suffix.lower() in {".tsv", ".tab"}
    delimiter = "\t" if tabs else _sniff(body, source)
    headers, end = split_line(body, delimiter)
    first_line = 1 + text.count("\n", 0, skipped + end)
    sample = _sample(body[end:], delimiter, first_line, source)
    _refuse_spaces(headers, sample, source)
    unit_row = None
    after: list[object] | None = list(sample[1][1]) if len(sample) > 1 else None
    if sample and is_unit_row(headers, list(sample[0][1]), after):
        line, fields = sample.pop(0)
        unit_row = _unit_row(fields, headers, source)
        first_line = line + 1
    if sample:
        first_line = sample[0][0]
    decimal = _decimal(delimiter, sample)
    numeric = [
        all(len(f) <= i or parse_number(f[i], decimal) is not None for _, f in sample)
        for i in range(len(headers))
    ]
    start = bom + _byte_offset(head[bom:], first_line - 1)
    return Layout(source, delimiter, decimal, headers, unit_row, numeric, start, first_line)


def _head(file: BinaryIO) -> bytes:
    """First megabyte, cut after a line end where the file goes on."""
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return head
    head += file.readline()
    return head


def _byte_offset(raw: bytes, lines: int) -> int:
    """Byte at which the line after so many lines starts."""
    ends = islice(_LINE_END.finditer(raw), lines - 1, None)
    last = next(ends, None) if lines else None
    return last.end() if last else len(raw) if lines else 0


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


def _sniff(body: str, source: str) -> str:
    """Delimiter that gives the header and most of the first rows the same number of fields."""
    best, best_score = ",", (-1.0, 0)
    for delimiter in _DELIMITERS:
        headers, end = split_line(body, delimiter)
        try:
            sample = _sample(body[end:], delimiter, 1, source)[:20]
        except InputError:
            continue
        agreeing = sum(len(fields) == len(headers) for _, fields in sample)
        share = agreeing / len(sample) if sample else 1.0
        score = (share if len(headers) > 1 else 0.0, len(headers))
        if score > best_score:
            best, best_score = delimiter, score
    return best


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
