"""A table as it was read: headers and cells, before units."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.variables import parse_unit

BLANKS = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "<na>"})
BOOLEANS = {"true": 1.0, "false": 0.0}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_SEPARATED = re.compile(r"[+-]?\d{1,3}([,. '’_\u00a0\u202f]\d{3})+([.,]\d+)?")
_WITH_UNIT = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*(?![eE][+-]?\d)([^\W\d_%°√Ω].*|[%°√Ω].*)"
)
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ].*)?|\d\d?[./]\d\d?[./]\d{2,4}")
_CENSORED = re.compile(r"[<>≤≥~≈]\s*[+-]?[\d.]")


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
    """

    header: str
    cells: NDArray[Any]
    unit: str | None = None
    binding: bool = False
    is_index: bool = False


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
    unit_row : list of str, optional
        Second row of the table, where it holds units.
    sidecar : mapping of str to str
        Units from a file beside the table, or from attributes of the whole table.
    sidecar_name : str
        Where `sidecar` comes from, for messages.
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
    unit_row: list[str] | None = None
    sidecar: Mapping[str, str] = field(default_factory=dict)
    sidecar_name: str = "the sidecar"
    decimal: str = "."
    dropped: list[DroppedRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ReadOptions:
    """What the caller asked of the reader; a single name stands for a list of one."""

    units: Mapping[str, str] = field(default_factory=dict)
    columns: Iterable[str] | None = None
    drop: Iterable[str] | None = None
    drop_bad: bool = False
    logged: Iterable[str] | None = None
    find_duplicates: bool = True
    allow_empty: bool = False
    strict_units: bool = False
    sheet: str | int | None = None
    skip_rows: int | None = None
    # units of columns that have none from elsewhere
    defaults: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("columns", "drop", "logged"):
            given = getattr(self, name)
            if given is not None:
                names = [given] if isinstance(given, str) else list(given)
                object.__setattr__(self, name, names)


def no_such_column(name: str, names: Iterable[str], source: str) -> InputError:
    """Error for a column that is absent; it lists near matches."""
    known = list(names)
    lower = {n.lower(): n for n in known}
    near = [lower[m] for m in get_close_matches(name.lower(), lower, n=3, cutoff=0.5)]
    if near:
        remedy = f"did you mean {' or '.join(repr(n) for n in near)}?"
    else:
        remedy = "its columns are " + (", ".join(repr(n) for n in known[:30]) or "none") + "."
    return InputError(f"There is no column '{name}' in {source}; {remedy}")


@dataclass
class Cells:
    """A column read cell by cell.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows,)
        float64 values; NaN where the cell is blank or text.
    text : ndarray of int
        Positions of the cells that hold neither a number nor nothing.
    words : list of str
        Their text.
    """

    numbers: Array
    text: IntArray
    words: list[str]

    @property
    def n_numbers(self) -> int:
        """How many cells hold a number."""
        return int(np.count_nonzero(~np.isnan(self.numbers)))


def parse_number(text: str, decimal: str = ".") -> float | None:
    """Number in a cell, NaN for a blank, None for anything else.

    Examples
    --------
    >>> parse_number(" 1.5e3 "), parse_number("NA"), parse_number("1,234"), parse_number("1,5", ",")
    (1500.0, nan, None, 1.5)
    """
    text = text.strip()
    if text.lower() in BLANKS:
        return float("nan")
    if decimal == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    text = text.replace("\u2212", "-")
    return float(text) if text.isascii() and _NUMBER.fullmatch(text) else None


def read_cells(cells: NDArray[Any], decimal: str = ".") -> Cells:
    """Numbers and text of a column of shape (n_rows,)."""
    if cells.dtype.kind in "fiu":
        return Cells(np.asarray(cells, dtype=np.float64), np.empty(0, np.intp), [])
    numbers = np.full(len(cells), np.nan)
    positions: list[int] = []
    words: list[str] = []
    seen: dict[str, float | None] = {}
    for i, cell in enumerate(cells.tolist()):
        if isinstance(cell, str):
            if cell not in seen:
                seen[cell] = parse_number(cell, decimal)
            value = seen[cell]
        else:
            value = _value(cell)
        if value is None:
            positions.append(i)
            words.append(cell_text(cell))
        else:
            numbers[i] = value
    return Cells(numbers, np.array(positions, dtype=np.intp), words)


def _value(cell: object) -> float | None:
    if isinstance(cell, bool | np.bool_):
        return None
    if isinstance(cell, int | float | np.integer | np.floating | Decimal | Fraction):
        try:
            return float(cell)
        except OverflowError:
            return float("-inf") if str(cell).startswith("-") else float("inf")
    return float("nan") if is_missing(cell) else None


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


def own_unit(word: str) -> str | None:
    """Unit that a cell carries itself, as in ``3 mm``; None where it carries none."""
    match = _WITH_UNIT.fullmatch(word.strip())
    if match is None or len(word) > 80:
        return None
    try:
        parse_unit(match.group(1).strip())
    except InputError:
        return None
    return match.group(1).strip()


def looks_numeric(word: str) -> bool:
    """Whether a text cell was meant as a number, with separators or a decimal comma."""
    return bool(_SEPARATED.fullmatch(word) or _DECIMAL_COMMA.fullmatch(word))


def is_decimal_comma(word: str) -> bool:
    """Whether a cell can only be a number with a decimal comma (``1,234`` could be both)."""
    word = word.strip()
    return bool(_DECIMAL_COMMA.fullmatch(word)) and not (
        _SEPARATED.fullmatch(word) and not word.lstrip("+-").startswith("0")
    )


def whats_wrong(word: str) -> tuple[str, str]:
    """What a text cell in a numeric column is, and the remedy."""
    short = word if len(word) <= 40 else word[:37] + "..."
    if word.lower() in BOOLEANS:
        return f"'{short}' is a truth value", "write 0 or 1 with unit 1, or give the unit 'label'"
    if is_decimal_comma(word):
        return f"'{short}' has a decimal comma", "write decimal points"
    if looks_numeric(word):
        return f"'{short}' has thousands separators", "write the number without them"
    if _DATE.fullmatch(word):
        return f"'{short}' is a date", "give the elapsed time as a number with a unit"
    if _CENSORED.match(word):
        return f"'{short}' is a bound, not a value", "give a value, or leave the cell blank"
    unit = own_unit(word)
    if unit is not None:
        return (
            f"'{short}' carries a unit of its own (mixed units)",
            "convert the column to one unit, in the header, and keep only the numbers",
        )
    return f"'{short}' is not a number", "correct the cell or leave it blank"
