"""Names, units and kinds of the columns, doubts about units, and which columns are used."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.errors import InputError
from dimgs.dataset.raw import (
    RawColumn,
    RawTable,
    ReadOptions,
    is_decimal_comma,
    is_missing,
    no_such_column,
    parse_number,
)
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.variables import Unit, parse_unit, split_header
from dimgs.variables.readings import Reading, absolute_difference, improbable, mixed_turning
from dimgs.variables.units import DIMENSIONLESS_TEXTS, LABEL_TEXTS

ERROR_SUFFIX = "_err"
# what may stand in a row of units for a column of labels
_OF_LABELS = LABEL_TEXTS | {"", "-"}
# the width of an Excel sheet; wider ones are no tables of variables
_MOST_COLUMNS = 16384
# a page of notes above a header; longer ones need --skip-rows
_MOST_TITLES = 20
# so many titles, and enough rows below them to see the layout
FIRST_ROWS = 2 * _MOST_TITLES + 1


@dataclass
class Titled:
    """A column with its name, and its unit where one is known."""

    name: str
    unit: str | None
    kind: str | None
    column: RawColumn


def titled_columns(table: RawTable, options: ReadOptions) -> tuple[list[Titled], list[str]]:
    """Columns with names, units and kinds: mapping, header, second row, sidecar, in this order.

    The caller's defaults come last.

    Returns
    -------
    tuple of (list of Titled, list of str)
        The columns, and warnings about sources that disagree.
    """
    parts = [split_header(c.header) for c in table.columns]
    names = [name for name, _, _ in parts]
    _check_names(names, table)
    headers = {c.header.strip(): name for c, name in zip(table.columns, names, strict=True)}
    mapping: dict[str, str] = {}
    for key, text in options.units.items():
        if key.strip() not in names and key.strip() not in headers:
            raise no_such_column(key, names, table.source)
        mapping[headers.get(key.strip(), key.strip())] = str(text)
    titled: list[Titled] = []
    notes: list[str] = []
    for i, (column, (name, header_unit, kind)) in enumerate(zip(table.columns, parts, strict=True)):
        # an empty cell in a row of units means nothing; "-" there fits text as well as numbers
        row_unit = (table.unit_row[i].strip() or None) if table.unit_row else None
        sidecar_unit = table.sidecar.get(name, table.sidecar.get(column.header))
        found = [
            ("the mapping", mapping.get(name)),
            ("its header", header_unit),
            ("the second row", row_unit),
            ("its own unit", column.unit),
            (table.sidecar_name, sidecar_unit),
        ]
        known = [(where, text) for where, text in found if text is not None]
        if not known and name in options.defaults:
            known = [("the law", options.defaults[name])]
        unit, hint = _split_kind(known[0][1]) if known else (None, None)
        if known and known[0] == ("the second row", "-") and _is_text(column):
            unit = None
        if column.binding and column.unit is not None and unit != column.unit:
            _refuse_contradiction(name, unit or "", column.unit, table.source)
        for where, text in known[1:]:
            # a mapping corrects the units of the table, hardly into something else
            corrects = known[0][0] == "the mapping" and not _are_apart(unit, _split_kind(text)[0])
            if not corrects and _split_kind(text)[0] != unit:
                notes.append(
                    f"Column '{name}': {known[0][0]} gives the unit '{unit}' and {where} "
                    f"'{text}'; '{unit}' was used."
                )
        titled.append(Titled(name, unit, hint or kind, column))
    return titled, notes


def _are_apart(unit: str | None, other: str) -> bool:
    """Whether two units are of different dimensions."""
    with suppress(InputError):
        return parse_unit(unit or "").dimension != parse_unit(other).dimension
    return False


def _is_text(column: RawColumn) -> bool:
    if column.cells.dtype != object:
        return False
    return all(parse_number(str(c)) is None for c in column.cells.tolist() if not is_missing(c))


def _split_kind(text: str) -> tuple[str, str | None]:
    unit, _, kind = text.partition(";")
    return unit.strip(), kind.strip() or None


def _refuse_contradiction(name: str, unit: str, own: str, source: str) -> None:
    if parse_unit(unit) == parse_unit(own):
        return
    given, carried = parse_unit(unit), parse_unit(own)
    same = (given.dimension, given.factor, given.offset, given.scale) == (
        carried.dimension,
        carried.factor,
        carried.offset,
        carried.scale,
    )
    if not same:
        raise InputError(
            f"Column '{name}' of {source} holds quantities in '{own}', but '{unit}' is given as "
            f"its unit; leave the unit out, the quantities carry theirs."
        )


def _check_names(names: list[str], table: RawTable) -> None:
    if not names:
        raise InputError(f"{table.source} has no columns; give one column per quantity.")
    check_width(len(names), table.source)
    for position, name in enumerate(names, start=1):
        if not name or (name.startswith("[") and name.endswith("]")):
            raise InputError(
                f"Column {position} of {table.source} has no name; name it, or remove it "
                f"(a saved pandas index: to_csv(index=False))."
            )
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        places = [str(i) for i, n in enumerate(names, start=1) if n == twice]
        raise InputError(
            f"Columns {' and '.join(places)} of {table.source} are both named '{twice}'; "
            f"rename one of them."
        )
    if all(_is_number(c.header) for c in table.columns):
        raise InputError(
            f"The first row of {table.source} holds numbers, not column names "
            f"({', '.join(names[:3])}); add a header row such as 'U [m/s],D [mm]' "
            f"(a line that starts with # is a comment)."
        )


def check_width(columns: int, source: str) -> None:
    """Refuse a table wider than any that is meant, before it takes memory."""
    if columns > _MOST_COLUMNS:
        raise InputError(
            f"{source} has {columns} columns where at most {_MOST_COLUMNS} are read; keep the "
            f"columns that matter in a table of their own."
        )


def title_rows(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows are titles above the header; 0 unless that is clear.

    It is where they have fewer cells than the header, the header's cells are distinct names, and
    numbers follow within two rows in as many cells.

    Examples
    --------
    >>> title_rows([["Pipe, May 2020", "", ""], ["U", "D", "dp"], ["m/s", "mm", "Pa"], list("123")])
    1
    """
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    for i in range(min(len(rows) - 1, _MOST_TITLES + 1)):
        if filled[i] < max(filled[i + 1 :]):
            continue
        return i if i and _is_header(rows, filled, i) else 0
    return 0


def titles_note(first: str, count: int, source: str) -> str:
    """The note on titles above the header."""
    lines = "line" if count == 1 else f"{count} lines"
    return (
        f"The first {lines} of {source} ('{first[:60]}') {'was' if count == 1 else 'were'} taken "
        f"as a title above the header; use {setting('skip_rows', '0')} if it is the header."
    )


def _is_header(rows: Sequence[Sequence[str]], filled: list[int], i: int) -> bool:
    cells = [cell.strip() for cell in rows[i] if cell.strip()]
    titled = any(split_header(cell)[1] is not None for row in rows[:i] for cell in row)
    numbers = any(
        _is_number(cell) or is_decimal_comma(cell) for row in rows[i + 1 : i + 3] for cell in row
    )
    return (
        not titled
        and numbers
        and len(set(cells)) == len(cells) > max(filled[:i])
        and not any(_is_number(cell) or is_decimal_comma(cell) for cell in cells)
        and all(len(row) == len(rows[i]) for row in rows[i + 1 :])
    )


def _is_number(text: str, decimal: str = ".") -> bool:
    value = parse_number(text, decimal)
    return value is not None and not np.isnan(value)


def chosen(
    names: list[str], columns: Iterable[str] | None, drop: Iterable[str] | None, source: str
) -> list[str]:
    """Names of the columns that are used, uncertainty columns following their quantity."""
    known = set(names)
    for name in (*(columns or ()), *(drop or ())):
        if name not in known:
            raise no_such_column(name, names, source)
    out = set(drop or ())
    out |= {n for n in names if quantity_of(n) in out and quantity_of(n) in known}
    kept = known if columns is None else set(columns)
    kept = kept | {n for n in names if quantity_of(n) in kept and quantity_of(n) in known}
    result = [n for n in names if n in kept and n not in out]
    if not result:
        raise InputError(f"No column of {source} is left to use; name or keep at least one.")
    return result


def quantity_of(name: str) -> str | None:
    """Name of the quantity whose uncertainty a column holds, judged by its name alone."""
    base = name.removesuffix(ERROR_SUFFIX)
    return base if base and base != name else None


def is_unit_row(
    headers: list[str], first: list[object], second: list[object] | None, decimal: str = "."
) -> bool:
    """Whether the first row below the header holds units rather than data.

    It does when a column turns from a unit in this row to a number in the next, and no cell of
    such a column holds a number other than the 1 of "dimensionless"; columns of labels may
    only say so (``label``, ``-`` or nothing). Without a next row, every cell must be a unit.

    Parameters
    ----------
    headers : list of str
        Headers as written.
    first, second : list of object
        Cells of the first two rows; `second` is None where there is one row only.
    decimal : str
        Decimal mark of the cells that are text.
    """
    units = [split_header(h)[1] for h in headers]
    complete = all(unit is not None for unit in units)
    texts = ["" if is_missing(c) else str(c).strip() for c in first]
    if complete and (second is None or "1" in texts):
        # with all units in the header, a text in the first row is more likely a slip
        return False
    turns = False
    below = second or [None] * len(first)
    for unit, one, text, two in zip(units, first, texts, below, strict=False):
        if unit is not None and unit.lower() in LABEL_TEXTS:
            # a label may well be the name of a unit
            if text.lower() not in _OF_LABELS:
                return False
            continue
        plain = text.lower() in DIMENSIONLESS_TEXTS
        if not plain and (
            _is_number(text, decimal) or not (isinstance(one, str) or is_missing(one))
        ):
            return False
        if second is None:
            if not plain and not _is_unit(text):
                return False
            turns = turns or not plain
            continue
        kind = _kind(two, decimal)
        if kind == "text" and text.lower() not in _OF_LABELS | {"1"}:
            return False
        turns = turns or (kind == "number" and not plain and _is_unit(text))
    return turns


def _kind(cell: object, decimal: str) -> str:
    if is_missing(cell):
        return "blank"
    if isinstance(cell, str):
        value = parse_number(cell, decimal)
        return "text" if value is None else "blank" if np.isnan(value) else "number"
    return "text" if isinstance(cell, bool) else "number"


def _is_unit(text: str) -> bool:
    try:
        parse_unit(_split_kind(text)[0])
    except InputError:
        return False
    return True


def doubts(units: Mapping[str, str], source: str, *, strict: bool = False) -> dict[str, str]:
    """One sentence for each column whose unit probably means something else, by its name.

    So does one where columns count turns differently, as Hz and rpm do.

    Parameters
    ----------
    units : mapping of str to str
        Unit of each column, as written.
    source : str
        Name of the table, for messages.
    strict : bool
        Raise instead.

    Raises
    ------
    InputError
        For the first such column if `strict`, and for a unit that cannot be read.

    Examples
    --------
    >>> print(*doubts({"k": "W/mK", "q": "W/m^2", "L": "m", "T": "K"}, "t.csv").values())
    Column 'k' of t.csv: the unit 'W/mK' reads as watt / millikelvin, but W/(m*K) may be meant; \
write 'watt / millikelvin' or 'W/(m*K)'.
    """
    found: dict[str, Reading] = {}
    parsed: dict[str, Unit] = {}
    for name, text in units.items():
        try:
            parsed[name] = parse_unit(text)
            reading = improbable(text) or absolute_difference(name, text)
        except InputError as error:
            raise InputError(f"Column '{name}' of {source}: {error}") from error
        if reading is not None:
            found[name] = reading
    # what is in doubt itself is no witness
    certain = {n: u for n, u in parsed.items() if n not in found and u.scale != "label"}
    sentences = {}
    for name, reading in found.items():
        literal = _fits(parsed[name], certain)
        meant = reading.unit is not None and _fits(reading.unit, certain)
        if reading.doubtful and (literal or not meant):
            continue
        fits = ""
        if literal != meant:
            only = reading.meant if meant else reading.literal
            fits = f"; only {only} fits the dimensions of the other columns"
        sentences[name] = f"Column '{name}' of {source}: {reading.sentence(units[name], fits)}"
    for name, why in mixed_turning(parsed).items():
        told = f"Column '{name}' of {source} {why}."
        sentences[name] = f"{sentences[name]} {told}" if name in sentences else told
    if strict and sentences:
        first = next(iter(sentences.values()))
        raise InputError(f"{first[:-1]} ({setting('strict_units')}).")
    return sentences


def _fits(unit: Unit, others: Mapping[str, Unit]) -> bool:
    """Whether a product of powers of the other columns has the dimension of this one."""
    if unit.dimension.is_dimensionless:
        return True
    known = list(dict.fromkeys(u.dimension for u in others.values()))
    matrix = DimensionalMatrix.of_dimensions([str(i) for i in range(len(known))], known)
    return bool(matrix.bases) and matrix.solve(unit.dimension) is not None
