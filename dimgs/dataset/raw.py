"""A table as it was read, from a file or from memory: cells, and the names and units of headers."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from dimgs.common.advice import did_you_mean, setting
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, attempt, located
from dimgs.common.formats import json_value, read_text, shown, validated
from dimgs.groups.dimensions import spans
from dimgs.variables import Unit, parse_unit, split_header
from dimgs.variables.quantities import (
    is_quantity,
    magnitude_and_unit,
    quantities_in_one_unit,
    with_exponents,
)
from dimgs.variables.units import (
    DIMENSIONLESS_TEXTS,
    LABEL_TEXTS,
    Reading,
    doubt_of,
    is_difference,
    mixed_turning,
)

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


# ---- A table as it was read: headers and cells, and the names and units that headers give.


BLANKS = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "<na>"})
# signs for a missing value among numbers; alone in a column they may be labels or units
_NO_VALUES = frozenset(
    {"-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "?", "n.a.", "none"}
)
BOOLEANS = {"true": 1.0, "false": 0.0}
# Fortran writes the exponent of a double with D
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([ed][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eEdD][+-]?\d+)?")
_SEPARATED = re.compile(r"[+-]?\d{1,3}([,. '’_\u00a0\u202f]\d{3})+([.,]\d+)?")
_WITH_UNIT = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*(?![eE][+-]?\d)([^\W\d_%°√Ω].*|[%°√Ω].*)"
)
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ].*)?|\d\d?[./]\d\d?[./]\d{2,4}")
_TIME_OF_DAY = re.compile(r"\d\d?:\d\d(:\d\d)?(\.\d*)?( ?[ap]m)?", re.IGNORECASE)
_WITH_ERROR = re.compile(
    r"[+-]?[\d.]+(?:[eE][+-]?\d+)?\s*(?:(?:±|\+/-)\s*[\d.]+.*|\(\d+\)(?:[eE][+-]?\d+)?)"
)
_CENSORED = re.compile(r"([<>]=?|[≤≥~≈])\s*[+-]?[\d.]")


def is_date(word: str) -> bool:
    """Whether a text is a date or a time of day.

    Examples
    --------
    >>> [is_date(word) for word in ("2024-03-01", "1.3.2024 ", "08:15", "8.15", "2024")]
    [True, True, True, False, False]
    """
    word = word.strip()
    return bool(_DATE.fullmatch(word) or _TIME_OF_DAY.fullmatch(word))


# units from a file beside a table, and the name of that file
Sidecar = tuple[Mapping[str, str], str]
NO_SIDECAR: Sidecar = ({}, "the sidecar")


class DroppedRow(NamedTuple):
    """A row that was left out on request, and why.

    Parameters
    ----------
    row : int
        Number of the data row in its source, from 1.
    reason : str
        Clause that names the column and what is wrong there.
    """

    row: int
    reason: str


@dataclass
class RawColumn:
    """One column before its unit is known.

    Parameters
    ----------
    header : str
        Header as written, perhaps ``name [unit; kind]``.
    cells : ndarray of shape (n_rows,)
        float64 where all cells are numbers (NaN for blanks), otherwise objects.
    unit : str, optional
        Unit that the source itself attaches (a pint dtype, an attribute), if any.
    binding : bool
        Whether `unit` describes the numbers for certain (a quantity), so that no other
        source may contradict it.
    is_index : bool
        Whether the column only numbers the rows where it has no unit.
    row_unit : str
        Cell of the column in the second row of the table, where that row holds units.
    """

    header: str
    cells: NDArray[Any]
    unit: str | None = None
    binding: bool = False
    is_index: bool = False
    row_unit: str = ""


@dataclass
class RawTable:
    """Columns of one source, all of one length.

    Parameters
    ----------
    source : str
        Name for messages.
    columns : list of RawColumn
        Columns in the order of the source.
    rows : ndarray of int
        Number of each data row, from 1.
    sidecar : tuple of (mapping of str to str, str)
        Units from a file beside the table, and the name of that file.
    decimal : str
        Decimal mark of text cells.
    dropped : list of DroppedRow
        Rows already left out.
    notes : list of str
        Warnings.
    """

    source: str
    columns: list[RawColumn]
    rows: NDArray[np.int64]
    sidecar: Sidecar = NO_SIDECAR
    decimal: str = "."
    dropped: list[DroppedRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class TableKeywords(TypedDict, total=False):
    """Keywords for reading a table."""

    columns: Iterable[str] | None
    drop: Iterable[str] | None
    drop_bad: bool
    units: Mapping[str, str]
    sheet: str | int | None
    skip_rows: int | None
    strict_units: bool
    si: bool


class ReadKeywords(TableKeywords, total=False):
    """Keywords of `read_table` and `iter_chunks`."""

    logged: Iterable[str] | None


@dataclass(frozen=True)
class ReadOptions:
    """Options of the reader; a single name stands for a list of one."""

    units: Mapping[str, str] = field(default_factory=dict)
    columns: Iterable[str] | None = None
    drop: Iterable[str] | None = None
    drop_bad: bool = False
    logged: Iterable[str] | None = None
    find_duplicates: bool = True
    allow_empty: bool = False
    strict_units: bool = False
    si: bool = False
    sheet: str | int | None = None
    skip_rows: int | None = None
    # units of columns that have none from elsewhere
    defaults: Mapping[str, str] = field(default_factory=dict)
    # columns whose cells may be bounds, such as "<0.3"
    bounded: Iterable[str] = ()
    rounded: Iterable[str] = ()
    # columns that are read beside `columns` if there are such
    beside: Iterable[str] = ()
    # whether labels that `columns` does not name are read too, for what they say of the runs
    with_labels: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", dict(self.units or {}))
        for name in ("columns", "drop", "logged"):
            value = getattr(self, name)
            if value is not None:
                names = [value] if isinstance(value, str) else list(value)
                object.__setattr__(self, name, names)


def cell_error(name: str, row: object, source: str, what: str, remedy: str) -> InputError:
    """Error for a cell, by its column and the number of its row."""
    return InputError(f"Column '{name}', row {row} of {source}: {what}; {remedy}.")


def sidecar_of(path: Path) -> Sidecar:
    """Units from ``TABLE.units.json`` beside a table, and the name of that file."""
    for beside in (path.with_suffix(".units.json"), path.with_name(path.name + ".units.json")):
        if not beside.is_file():
            continue
        from dimgs.dataset.sidecar import SidecarFile

        remedy = 'write a JSON object such as {"U": "m/s", "material": "label"} in UTF-8'
        where = f"'{shown(beside.name)}'"
        document = json_value(read_text(beside, "sidecar"), where, remedy)
        if not isinstance(document, dict):
            raise InputError(f"{where} is not an object of unit strings; {remedy}.")
        units = validated(SidecarFile, document, f"{where} cannot be used: ").root
        return units, beside.name
    return NO_SIDECAR


def no_such_column(name: str, names: Iterable[str], source: str) -> InputError:
    """Error for a column that is absent; it lists near matches."""
    columns = list(names)
    known = f"its columns are {', '.join(map(repr, columns[:30])) or 'none'}."
    remedy = did_you_mean(name, columns, known, most=3)
    return InputError(f"There is no column '{name}' in {source}; {remedy}")


@dataclass
class Cells:
    """A column read cell by cell.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows,)
        float64 values; NaN where the cell is blank or text.
    words : dict of int to str
        Text of the cells that hold neither a number nor nothing, by their positions.
    """

    numbers: Array
    words: dict[int, str]

    @property
    def n_numbers(self) -> int:
        """Number of numeric cells."""
        return int(np.count_nonzero(~np.isnan(self.numbers)))


# a column of labels has few texts, many times each
@lru_cache(maxsize=4096)
def parse_number(text: str, decimal: str = ".") -> float | None:
    """Number in a cell, NaN for a blank, None for anything else.

    Examples
    --------
    >>> parse_number(" 1.5e3 "), parse_number("NA"), parse_number("1,234"), parse_number("1,5", ",")
    (1500.0, nan, None, 1.5)
    >>> parse_number("−1.5×10⁻³"), parse_number("1.5D-03")
    (-0.0015, 0.0015)
    """
    text = text.strip()
    if text.lower() in BLANKS:
        return float("nan")
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    text = with_exponents(text).replace("\u2212", "-")
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return None
    return float(text.lower().replace("d", "e"))


def read_cells(cells: NDArray[Any], decimal: str = ".") -> Cells:
    """Numbers and text of a column of shape (n_rows,)."""
    if cells.dtype.kind in "fiu":
        return Cells(np.asarray(cells, dtype=np.float64), {})
    numbers = np.full(len(cells), np.nan)
    words: dict[int, str] = {}
    for i, cell in enumerate(cells.tolist()):
        value = parse_number(cell, decimal) if isinstance(cell, str) else _value(cell)
        if value is None:
            words[i] = cell_text(cell)
        else:
            numbers[i] = value
    if words and not np.isnan(numbers).all():
        words = {i: word for i, word in words.items() if word.lower() not in _NO_VALUES}
    return Cells(numbers, words)


def _value(cell: object) -> float | None:
    if isinstance(cell, bool | np.bool_):
        return None
    if isinstance(cell, int | float | np.integer | np.floating | Decimal | Fraction):
        try:
            return float(cell)
        except OverflowError:
            return float("-inf") if str(cell).startswith("-") else float("inf")
    return float("nan") if is_missing(cell) else None


class Percentage(float):
    """A number that its source shows in percent: 0.1 as 10%."""


def is_missing(cell: object) -> bool:
    """Whether a cell is empty: None, NaN, pandas' NA or NaT."""
    if cell is None or type(cell).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(cell, float | np.floating) and bool(np.isnan(cell))


def is_blank(cells: NDArray[Any]) -> bool:
    """Whether no cell of a column of shape (n_rows,) holds anything."""
    if cells.dtype == np.float64:
        return bool(np.isnan(cells).all())
    return all(not cell_text(c) for c in cells.tolist())


def cell_text(cell: object) -> str:
    """Text of a cell as a label; empty where the cell is blank, and ``7`` for 7.0."""
    if isinstance(cell, str):
        return cell.strip()
    if is_missing(cell):
        return ""
    if isinstance(cell, float | np.floating):
        number = float(cell)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else str(number)
    return str(cell).strip()


def labels(cells: NDArray[Any]) -> NDArray[np.object_]:
    """Column of shape (n_rows,) as stripped strings."""
    result = np.empty(len(cells), dtype=object)
    result[:] = [cell_text(c) for c in cells.tolist()]
    return result


def unit_of_cell(word: str) -> str | None:
    """Unit that a cell carries itself, as in ``3 mm``; None where it carries none."""
    match = _WITH_UNIT.fullmatch(word.strip())
    if match is None or len(word) > 80 or attempt(parse_unit, match.group(1).strip()) is None:
        return None
    return match.group(1).strip()


def looks_numeric(word: str) -> bool:
    """Whether a text cell was meant as a number, with separators or a decimal comma."""
    return may_separate(word) or bool(_DECIMAL_COMMA.fullmatch(word))


# behind a number; digits may be an exponent, and letters a unit
_FOOTNOTE_MARKS = " *†‡§¶#"


def may_separate(word: str) -> bool:
    """Whether the marks of a cell may separate thousands (``1.240`` could be both)."""
    word = word.strip()
    return bool(_SEPARATED.fullmatch(word)) and not word.lstrip("+-").startswith("0")


def is_decimal_comma(word: str) -> bool:
    """Whether a cell can only be a number with a decimal comma (``1,234`` could be both)."""
    word = word.strip()
    return bool(_DECIMAL_COMMA.fullmatch(word)) and not may_separate(word)


def whats_wrong(word: str, decimal: str) -> tuple[str, str]:
    """Description of a text cell in a numeric column of a table with a decimal mark; the remedy."""
    short = word if len(word) <= 40 else word[:37] + "..."
    dropped = f"drop such rows ({setting('drop_bad')})"
    if word.lower() in BOOLEANS:
        return f"'{short}' is a truth value", "write 0 or 1 with unit 1, or give the unit 'label'"
    if is_decimal_comma(word):
        remedy = "write decimal points, and no separators of thousands"
        return f"'{short}' has a decimal comma", remedy
    if looks_numeric(word):
        *groups, last = re.split(r"[^\d+-]", word)
        marks = re.sub(r"[\d+-]", "", word)
        whole, decimals = "".join([*groups, last]), f"{''.join(groups)}{decimal}{last}"
        if marks in (",", "."):
            fault = f"the mark in '{short}' separates thousands or begins decimals"
            return fault, f"write '{whole}' or '{decimals}', whichever is meant"
        number = decimals if marks.count(marks[-1]) == 1 < len(marks) else whole
        return f"'{short}' has thousands separators", f"write '{number}'"
    if parse_number(word) is not None:
        fault = f"'{short}' has a decimal point where the table has decimal commas"
        return fault, "write one mark for decimals, and no separators of thousands"
    if is_date(word):
        kind = "date" if _DATE.fullmatch(word) else "time"
        return f"'{short}' is a {kind}", "give the elapsed time as a number with a unit"
    if _WITH_ERROR.fullmatch(word):
        remedy = "keep the value, and put the error into a column of the same unit, NAME_err"
        return f"'{short}' is a value with its error", remedy
    if _CENSORED.match(word):
        only = "only the target of 'fit' and 'discover' may be a bound ('<' or '>')"
        remedy = f"give a value, or {dropped}; {only}"
        return f"'{short}' is a bound, not a value", remedy
    if unit_of_cell(word) is not None:
        remedy = "convert the column to one unit, in the header, and keep only the numbers"
        return f"'{short}' carries a unit of its own (mixed units)", remedy
    if _is_number(number := word.rstrip(_FOOTNOTE_MARKS), decimal):
        return f"'{short}' has the mark of a footnote", f"write '{number}'"
    return f"'{short}' is not a number", f"correct the cell, or {dropped}"


ERROR_SUFFIX = "_err"
# other names of uncertainties: u(p), sd_p, p ±, p_std, p uncertainty
_ERRORS = (
    r"sd|std|stdev|sigma|σ|se|s\.e\.|sem|std\.?\s?err(?:or)?|stderr|err(?:or)?|unc(?:ertainty|\.)?"
)
_ERROR_NAMES = re.compile(
    rf"u\((?P<one>.+)\)|(?:±|(?:{_ERRORS})[\s_.](?:(?:of|in)\s)?)\s*(?P<two>.+)"
    rf"|(?P<three>.+?)(?:\s*±|[\s_.](?:{_ERRORS}))",
    re.IGNORECASE,
)
_SIGNS = ("±", "+/-", "+-")
# dF, ΔF, delta_F: an uncertainty to some, a difference to others
_DIFFERENCE_NAMES = re.compile(r"(?:[Dd]elta[\s_]?|[Δδ∆]\s?|d)(.+)")
# what may stand in a row of units for a column of labels
_OF_LABELS = LABEL_TEXTS | {"", "-"}
# the width of an Excel sheet; wider ones are not tables of variables
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


# every column, in a mapping of columns to units, and the unit that its header gives in another way
EVERY, OF_HEADER = "*", "header"


def in_square_brackets(name: str) -> str | None:
    """``U [m/s]`` for ``U (m/s)``, ``U / (m/s)`` and ``U, m/s``; None where no unit follows."""
    for style in (r"(.+?)(?: /|,)? \((.+)\)", r"(.+)(?: /|,) (.+)"):
        parts = re.fullmatch(style, name)
        if parts and attempt(parse_unit, parts[2]):
            return f"{parts[1]} [{parts[2]}]"
    return None


def titled_columns(table: RawTable, options: ReadOptions) -> tuple[list[Titled], list[str]]:
    """Columns with names, units and kinds: mapping, header, second row, sidecar, in this order.

    The caller's defaults come last.

    Returns
    -------
    tuple of (list of Titled, list of str)
        The columns, and warnings about sources that disagree.
    """
    parts = [split_header(c.header) for c in table.columns]
    given = dict(options.units)
    every = given.pop(EVERY, table.sidecar[0].get(EVERY, ""))
    if every.strip() == OF_HEADER:
        written = [in_square_brackets(name) if unit is None else None for name, unit, _ in parts]
        parts = [split_header(h) if h else part for h, part in zip(written, parts, strict=True)]
    names = [name for name, _, _ in parts]
    _check_names(names, table)
    headers = {c.header.strip(): name for c, name in zip(table.columns, names, strict=True)}
    mapping: dict[str, str] = {}
    for key, text in given.items():
        if key.strip() not in names and key.strip() not in headers:
            raise no_such_column(key, names, table.source)
        mapping[headers.get(key.strip(), key.strip())] = str(text)
    titled: list[Titled] = []
    notes: list[str] = []
    sidecar, beside = table.sidecar
    for column, (name, header_unit, kind) in zip(table.columns, parts, strict=True):
        # an empty cell in a row of units means nothing; "-" there fits text as well as numbers
        stated = [
            ("the mapping", mapping.get(name)),
            ("its header", header_unit),
            ("the second row", _without_brackets(column.row_unit) or None),
            ("its own unit", column.unit),
            (beside, sidecar.get(name, sidecar.get(column.header))),
        ]
        units = [(where, text) for where, text in stated if text is not None]
        if not units and name in options.defaults:
            units = [("the law", options.defaults[name])]
        unit, hint = _split_kind(units[0][1]) if units else (None, None)
        if units and units[0] == ("the second row", "-") and is_text(column, table.decimal):
            unit = None
        if column.binding and column.unit is not None and unit != column.unit:
            _refuse_contradiction(name, unit or "", column.unit, table.source)
        for where, text in units[1:]:
            # a mapping corrects the units of the table, hardly into something else
            corrects = units[0][0] == "the mapping" and not _are_apart(unit, _split_kind(text)[0])
            if not corrects and _split_kind(text)[0] != unit:
                said = f"{units[0][0]} gives the unit '{unit}' and {where} '{text}'"
                notes.append(f"Column '{name}': {said}; '{unit}' was used.")
        titled.append(Titled(name, unit, hint or kind, column))
    return titled, notes


def _are_apart(unit: str | None, other: str) -> bool:
    """Whether two units are of different dimensions."""
    one, two = attempt(parse_unit, unit or ""), attempt(parse_unit, other)
    return one is not None and two is not None and one.dimension != two.dimension


def is_text(column: RawColumn, decimal: str) -> bool:
    """Whether no cell of a column is a number."""
    if column.cells.dtype != object:
        return False
    present = (str(c) for c in column.cells.tolist() if not is_missing(c))
    return all(parse_number(text, decimal) is None for text in present)


def _split_kind(text: str) -> tuple[str, str | None]:
    unit, _, kind = text.partition(";")
    return unit.strip(), kind.strip() or None


def _refuse_contradiction(name: str, unit: str, carried: str, source: str) -> None:
    if replace(parse_unit(unit), text=carried) != parse_unit(carried):
        given = f"'{unit}' is given as its unit; leave the unit out, the quantities carry theirs"
        raise InputError(
            f"Column '{name}' of {source} holds quantities in '{carried}', but {given}."
        )


def _check_names(names: list[str], table: RawTable) -> None:
    if not names:
        raise InputError(f"{table.source} has no columns; give one column per quantity.")
    check_width(len(names), table.source)
    for position, (name, column) in enumerate(zip(names, table.columns, strict=True), start=1):
        # a unit alone; [S] [mM] is a concentration
        if not name or (name == column.header.strip() and re.fullmatch(r"\[.*\]", name)):
            remedy = "name it, or remove it (a saved pandas index: to_csv(index=False))"
            raise InputError(f"Column {position} of {table.source} has no name; {remedy}.")
    check_unique(names, table.source)
    if all(_is_number(c.header) for c in table.columns):
        fault = f"The first row of {table.source} holds numbers, not column names"
        remedy = (
            "add a header row such as 'U [m/s],D [mm]' (a line that starts with # is a comment)"
        )
        raise InputError(f"{fault} ({', '.join(names[:3])}); {remedy}.")


def check_unique(names: Sequence[str], source: str) -> None:
    """Refuse a table with two columns of one name."""
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        places = " and ".join(str(i) for i, n in enumerate(names, start=1) if n == twice)
        raise InputError(
            f"Columns {places} of {source} are both named '{twice}'; rename one of them."
        )


def check_width(columns: int, source: str) -> None:
    """Refuse a table wider than any that is meant, before it takes memory."""
    if columns > _MOST_COLUMNS:
        fault = f"{source} has {columns} columns where at most {_MOST_COLUMNS} are read"
        raise InputError(f"{fault}; keep the columns that matter in a table of their own.")


def title_rows(rows: Sequence[Sequence[str]]) -> int:
    """Number of title rows above the header; 0 in case of doubt.

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
    lines, were = ("line", "was") if count == 1 else (f"{count} lines", "were")
    what = f"The first {lines} of {source} ('{first[:60]}') {were} taken as a title"
    return f"{what} above the header; use {setting('skip_rows', '0')} if it is the header."


def _is_header(rows: Sequence[Sequence[str]], filled: list[int], i: int) -> bool:
    cells = [cell.strip() for cell in rows[i] if cell.strip()]
    titled = any(split_header(cell)[1] is not None for row in rows[:i] for cell in row)
    numbers, names = (
        [_is_number(cell) or is_decimal_comma(cell) for row in part for cell in row]
        for part in (rows[i + 1 : i + 3], [cells])
    )
    distinct = len(set(cells)) == len(cells) > max(filled[:i])
    even = all(len(row) == len(rows[i]) for row in rows[i + 1 :])
    return not titled and any(numbers) and distinct and not any(names) and even


def _is_number(text: str, decimal: str = ".") -> bool:
    value = parse_number(text, decimal)
    return value is not None and not np.isnan(value)


def chosen(names: list[str], options: ReadOptions, source: str) -> list[str]:
    """Names of the columns that are used, uncertainty columns following their quantity."""
    present, columns, dropped = set(names), options.columns, set(options.drop or ())
    for name in (*(columns or ()), *(options.drop or ())):
        if name not in present:
            raise no_such_column(name, names, source)
    wanted = present if columns is None else {*columns, *options.beside}
    result = [
        n for n in names if not dropped & {n, quantity_of(n)} and wanted & {n, quantity_of(n)}
    ]
    if not result:
        raise InputError(f"No column of {source} is left to use; name or keep at least one.")
    return result


def quantity_of(name: str) -> str | None:
    """Name of the quantity whose uncertainty a column holds, judged by its name alone."""
    base = name.removesuffix(ERROR_SUFFIX)
    return base if base and base != name else None


def _without_brackets(text: str) -> str:
    """Text of a cell of units, which may be in brackets as in a header."""
    text = text.strip()
    return text[1:-1].strip() if text[:1] + text[-1:] in ("[]", "()") else text


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
    texts = ["" if is_missing(c) else _without_brackets(str(c)) for c in first]
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
        is_unit = not plain and attempt(parse_unit, _split_kind(text)[0]) is not None
        kind = "number" if second is None else _kind(two, decimal)
        if second is None and not (plain or is_unit):
            return False
        if kind == "text" and text.lower() not in _OF_LABELS | {"1"}:
            return False
        turns = turns or (kind == "number" and is_unit)
    return turns


def _kind(cell: object, decimal: str) -> str:
    if is_missing(cell):
        return "blank"
    if isinstance(cell, str):
        value = parse_number(cell, decimal)
        return "text" if value is None else "blank" if np.isnan(value) else "number"
    return "text" if isinstance(cell, bool) else "number"


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
    readings: dict[str, Reading] = {}
    parsed: dict[str, Unit] = {}
    for name, text in units.items():
        with located(f"Column '{name}' of {source}"):
            parsed[name] = parse_unit(text)
            reading = doubt_of(name, text)
        if reading is not None:
            readings[name] = reading
    # what is in doubt itself is not a witness
    certain = {n: u for n, u in parsed.items() if n not in readings and u.scale != "label"}
    sentences = {}
    for name, reading in readings.items():
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
        sentence = f"Column '{name}' of {source} {why}."
        sentences[name] = f"{sentences[name]} {sentence}" if name in sentences else sentence
    for name, base, or_difference in _uncertainties(parsed):
        fault = f"is named as an uncertainty of '{base}', but counts as an input"
        otherwise = f"leave it out ({setting('drop', name)})"
        if or_difference:
            fault = f"may be an uncertainty of '{base}' or a difference, and is read as a quantity"
            otherwise = f"'change_of_{base}' if it is a difference"
        remedy = f"name it '{base}{ERROR_SUFFIX}' if it is the standard error, or {otherwise}"
        sentences[name] = f"Column '{name}' of {source} {fault}; {remedy}."
    if strict and sentences:
        first = next(iter(sentences.values()))
        raise InputError(f"{first[:-1]} ({setting('strict_units')}).")
    return sentences


def _uncertainties(units: Mapping[str, Unit]) -> Iterator[tuple[str, str, bool]]:
    """Columns named as uncertainties of others of their dimension, and if as differences too."""
    before, by_case = "", {name.casefold(): name for name in units}
    for name, unit in units.items():
        error = _ERROR_NAMES.fullmatch(name.strip())
        match = error or _DIFFERENCE_NAMES.fullmatch(name.strip())
        base = next(filter(None, match.groups()), "") if match else ""
        # a sign alone belongs to the column before it
        base, before = (before if name.strip() in _SIGNS else base), name
        if error is not None and base not in units:
            base = by_case.get(base.casefold(), base)
        if base not in units or unit.scale == "label" or name == base + ERROR_SUFFIX:
            continue
        may_differ = match is not None and error is None
        if units[base].dimension == unit.dimension and not (may_differ and is_difference(unit)):
            yield name, base, may_differ


def _fits(unit: Unit, others: Mapping[str, Unit]) -> bool:
    """Whether a product of powers of the other columns has the dimension of this one."""
    return spans(list(dict.fromkeys(u.dimension for u in others.values())), unit.dimension)


# ---- Tables in memory -> raw tables: pandas (also pint dtypes and attrs), xarray, and columns.


def from_pandas(
    frame: "pd.DataFrame",
    source: str,
    sidecar: Sidecar = NO_SIDECAR,
    units: Mapping[str, str] | None = None,
) -> RawTable:
    """Raw table of a DataFrame.

    Parameters
    ----------
    frame : pandas.DataFrame
        Headers ``name [unit]``, or two levels (name, unit); pint dtypes and cells that are Pint
        quantities carry their units; ``frame.attrs["units"]`` and ``frame[name].attrs`` may too.
    source : str
        Name for messages.
    sidecar : tuple of (mapping, str)
        Units from a file beside the table, and its name.
    units : mapping of str to str, optional
        Units attached to single columns by their file.
    """
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    attrs = frame.attrs.get("units", {})
    stated = {str(k): str(v) for k, v in attrs.items()} if isinstance(attrs, Mapping) else {}
    stated |= dict(units or {})
    columns = [
        series_column(_title(label), frame.iloc[:, i], stated)
        for i, label in enumerate(frame.columns)
    ]
    return from_columns(columns, source, sidecar)


def from_columns(columns: list[RawColumn], source: str, sidecar: Sidecar) -> RawTable:
    """Raw table of columns whose first cells may be a row of units."""
    columns = [c for c in columns if c.header or not is_blank(c.cells)]
    n_rows = len(columns[0].cells) if columns else 0
    if n_rows:
        first, *more = map(list, zip(*(c.cells[:2].tolist() for c in columns), strict=True))
        if is_unit_row([c.header for c in columns], first, more[0] if more else None):
            columns = [
                replace(c, cells=c.cells[1:], row_unit=cell_text(unit))
                for c, unit in zip(columns, first, strict=True)
            ]
            n_rows -= 1
    return RawTable(source, columns, np.arange(1, n_rows + 1), sidecar)


def _title(label: Any) -> str:
    if isinstance(label, tuple):
        name, *rest = [str(part).strip() for part in label]
        unit = next((r for r in rest if r and not r.startswith("Unnamed:")), None)
        if unit is None:
            return name
        return f"{name} [{'1' if unit == 'No Unit' else unit}]"
    return str(label)


def series_column(title: str, series: "pd.Series[Any]", stated: Mapping[str, str]) -> RawColumn:
    """Raw column of a pandas Series, with the unit that it carries."""
    if str(series.dtype).startswith("pint["):
        return _raw_column(title, series.array.quantity)
    kind = getattr(series.dtype, "kind", "O")
    if kind in "fiu":
        cells: NDArray[Any] = series.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        cells = series.to_numpy() if kind in "mc" else series.astype(object).to_numpy(dtype=object)
    otherwise = stated.get(split_header(title)[0]) or stated.get(title)
    return _attached(_raw_column(title, cells), series.attrs, otherwise)


def _attached(
    column: RawColumn, attrs: Mapping[Any, Any], otherwise: str | None = None
) -> RawColumn:
    """The column with the unit that its attributes give, unless it holds quantities."""
    unit = attrs.get("units", attrs.get("unit"))
    # a column of pandas has the attributes of its frame: units by name
    text = otherwise if unit is None or isinstance(unit, Mapping) else str(unit)
    return column if column.binding or text is None else replace(column, unit=text)


def from_xarray(dataset: "xr.Dataset | xr.DataArray") -> RawTable:
    """Raw table of an xarray Dataset, flattened over its dimensions.

    Coordinates become columns; a dimension without coordinate only numbers its cells and does
    not, nor does a coordinate that numbers the cells of its own dimension without a unit. Units
    come from ``attrs["units"]`` of each variable, or from pint-xarray.
    """
    given: Any = dataset
    is_array = type(dataset).__name__ == "DataArray"
    table = given.to_dataset(name=given.name or "value") if is_array else given
    columns = []
    for name in [*table.coords, *table.data_vars]:
        variable = table.variables[name].to_base_variable()
        flat = variable.set_dims(dict(table.sizes)).data.ravel()
        column = _attached(_raw_column(str(name), flat), variable.attrs)
        is_index = name in table.dims and name in table.coords
        columns.append(replace(column, is_index=is_index))
    source = "DataArray" if is_array else "xarray Dataset"
    n_rows = len(columns[0].cells) if columns else 0
    return RawTable(source, columns, np.arange(1, n_rows + 1))


def raw_columns(columns: Mapping[str, Any], *, repeated: bool = False) -> RawTable:
    """Raw table of columns by name.

    Parameters
    ----------
    columns : mapping of str to array-like or quantity
        Scalars are repeated for every run.
    repeated : bool
        Repeat arrays of one value too.

    Raises
    ------
    InputError
        If there are none, their lengths differ, or one has a unit that cannot be known.
    """
    if not columns:
        raise InputError("There are no columns; give at least one, such as U=Q_([1, 2], 'm/s').")
    raw = [_raw_column(str(name), values) for name, values in columns.items()]
    lengths = {c.header: len(c.cells) for c in raw if c.cells.ndim}
    longest = max(lengths, key=lambda name: lengths[name], default="")
    n_runs = lengths.get(longest, 1)
    for name, length in lengths.items():
        if length != n_runs and not (repeated and length == 1):
            fault = f"Column '{name}' has {length} values where '{longest}' has {n_runs}"
            raise InputError(
                f"{fault}; give every column one value per run (scalars are repeated)."
            )
    for column in raw:
        if len(np.atleast_1d(column.cells)) != n_runs or not column.cells.ndim:
            column.cells = np.repeat(column.cells.reshape(1), n_runs)
    return RawTable("columns", raw, np.arange(1, n_runs + 1))


def _raw_column(name: str, values: Any) -> RawColumn:
    kind = f"{type(values).__module__.split('.')[0]}.{type(values).__name__}"
    if kind == "pandas.Series":
        return series_column(name, values, {})
    if kind == "xarray.DataArray":
        return _attached(_raw_column(name, values.data), values.attrs)
    if not is_quantity(values) and (hasattr(values, "unit") or hasattr(values, "units")):
        fault = f"Column '{name}' carries a unit in a form that is not read ({kind})"
        raise InputError(f"{fault}; give a Pint quantity, or plain numbers in a known unit.")
    if is_quantity(values):
        magnitude, unit = magnitude_and_unit(values, name)
        return RawColumn(name, _column_cells(name, magnitude), unit, binding=True)
    cells = _column_cells(name, values)
    objects = cells.flat if cells.dtype == object else ()
    present = (cell for cell in objects if not is_missing(cell))
    if is_quantity(next(present, None)) and all(map(is_quantity, present)):
        numbers, unit = quantities_in_one_unit(list(cells.flat), name)
        return RawColumn(name, numbers.reshape(cells.shape), unit, binding=True)
    return RawColumn(name, cells)


def _column_cells(name: str, values: Any) -> NDArray[Any]:
    if isinstance(values, str):
        return np.array(values, dtype=object)
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(object), np.nan)
    try:
        if isinstance(values, list | tuple):
            plain = all(isinstance(v, int | float | np.number) for v in values)
            plain = plain and not any(isinstance(v, bool | np.bool_) for v in values)
            # what an object is stays: a quantity would be asked for its number
            cells = np.array(values) if plain else np.fromiter(values, object, len(values))
        else:
            cells = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"Column '{name}' cannot be read as numbers or text ({error}).") from error
    if cells.ndim > 1:
        remedy = "give one value per run (a flat array)"
        raise InputError(f"Column '{name}' has shape {cells.shape}; {remedy}.")
    if cells.dtype.kind in "mc":
        what = "time spans" if cells.dtype.kind == "m" else "complex numbers"
        raise InputError(f"Column '{name}' holds {what}; convert it to real numbers with a unit.")
    return cells.astype(np.float64 if cells.dtype.kind in "fiu" else object)
