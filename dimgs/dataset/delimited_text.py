"""Delimited text -> raw tables, block by block: a fast path, and a careful one for diagnosis."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dimgs.dataset.build import ReadOptions
from dimgs.dataset.cells import BLANKS, is_blank
from dimgs.dataset.dataset import DroppedRow
from dimgs.dataset.headers import chosen, titled_columns
from dimgs.dataset.layout import (
    LONGEST_RECORD,
    Layout,
    Records,
    decode,
    read_layout,
    split_line,
    too_long,
)
from dimgs.dataset.raw import RawColumn, RawTable
from dimgs.errors import InputError
from dimgs.variables.units import LABEL_TEXTS

# bytes of text parsed at once: large enough for full speed, small beside any memory
BLOCK_BYTES = 32 << 20
# below this, loading pyarrow takes longer than reading the block without it
_SMALL_BYTES = 1 << 18
_NULLS = sorted({*BLANKS, *(b.upper() for b in BLANKS), "NaN"})
_SKIPPED_LINE = re.compile(rb"(?:\A|\n)[ ]*(?:#|(?<=[ ])(?:\n|\Z))")


class Mark(NamedTuple):
    """Where a block of rows ends, and reading can go on.

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
    """Which columns to read, and which of them as text."""

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
    wanted, as_text = [], []
    for without, numeric in zip(nameless, layout.numeric, strict=True):
        if without:
            wanted.append(True)
            as_text.append(True)
            continue
        t = next(rest)
        wanted.append(t.name in used)
        as_text.append(not numeric or (t.unit or "").lower() in LABEL_TEXTS)
    return _Plan(layout, wanted, as_text)


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
    kept = "".join(records.physical_lines())
    notes = [
        f"Line {number} of {layout.source} starts with # and was taken as a comment, though it has "
        f"as many fields as a row; put its first cell in quotes if it is data."
        for number, comment in records.comments
        if len(layout.headers) > 1
        and len(split_line(comment, layout.delimiter)[0]) == len(layout.headers)
    ]
    return kept.encode(), notes


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
            for column, wanted, cell in zip(cells, plan.wanted, fields, strict=True):
                if wanted:
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
