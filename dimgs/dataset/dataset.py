"""The Dataset: runs with units, stored as coherent SI floats, and how cells become its columns."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, IntArray, is_counter
from dimgs.common.errors import InputError, attempt, noting
from dimgs.dataset.raw import (
    BOOLEANS,
    EVERY,
    OF_HEADER,
    Cells,
    DroppedRow,
    Percentage,
    RawTable,
    ReadOptions,
    Titled,
    cell_error,
    check_unique,
    chosen,
    doubts,
    in_square_brackets,
    is_blank,
    is_text,
    labels,
    looks_numeric,
    no_such_column,
    parse_number,
    quantity_of,
    raw_columns,
    read_cells,
    titled_columns,
    unit_of_cell,
    whats_wrong,
)
from dimgs.variables import (
    DIMENSIONLESS,
    LABEL,
    Unit,
    Variable,
    difference_unit,
    parse_unit,
    si_unit,
    to_pint,
)
from dimgs.variables.units import LABEL_TEXTS

if TYPE_CHECKING:
    import pandas as pd


# ---- Censored cells: values that are known only to lie below or above a limit.
#
# A cell such as ``<0.3`` or ``>=500`` is a bound. So is the number in a row whose status, in a
# column such as ``event``, ``failed`` or ``censored``, says that the test ended before the event.
# Bounds of a column are kept beside it as labels, in ``NAME_bound``.


BOUND_SUFFIX = "_bound"
BELOW, ABOVE = "<", ">"
_BOUND = re.compile(r"(<=|>=|[<>≤≥])\s*(.+)")
_SIDES = {"<": BELOW, "<=": BELOW, "≤": BELOW, ">": ABOVE, ">=": ABOVE, "≥": ABOVE}
_SIGNS = {"": 0, "=": 0, BELOW: -1, ABOVE: 1}
_YES, _NO = {"1", "yes", "y", "true", "t"}, {"0", "no", "n", "false", "f"}
_ENDED = {"failed", "failure", "fail", "event", "dead", "death", "broken", "observed"}
_ONGOING = {
    *("censored", "right-censored", "suspended", "suspension", "runout", "run-out", "survived"),
    *("alive", "unbroken"),
}
# names of a column whose "yes" is a measured value, and of one whose "yes" is a bound
_OF_EVENTS = {"event", "failed", "failure", "observed", "uncensored"}
_OF_BOUNDS = {"censored", "suspended", "runout"}
_OF_EITHER = {"status"}


def read_bounds(cells: Cells, decimal: str) -> NDArray[np.object_] | None:
    """Read the bounds among the cells of a column as numbers; they are text no longer.

    Parameters
    ----------
    cells : Cells
        Changed in place.
    decimal : str
        Decimal mark of text cells.

    Returns
    -------
    ndarray of object of shape (n_rows,) or None
        "<" and ">" where the number is a bound, else "="; None where no cell is a bound.
    """
    sides, many = np.full(len(cells.numbers), "=", dtype=object), len(cells.words)
    for position, word in [*cells.words.items()]:
        match = _BOUND.fullmatch(word.strip())
        value = parse_number(match.group(2), decimal) if match else None
        if match and value is not None and np.isfinite(value):
            cells.numbers[position], sides[position] = value, _SIDES[match.group(1)]
            del cells.words[position]
    return sides if len(cells.words) < many else None


def _signs_of_status(name: str, cells: Iterable[str]) -> dict[str, int] | None:
    """What each text of a status column says of the target; None where it is no such column.

    Its name and its cells decide.

    Examples
    --------
    >>> _signs_of_status("event", ["0", "1"]), _signs_of_status("event", ["Kobe", "Northridge"])
    ({'0': 1, '1': 0}, None)
    """
    title = name.strip().lower()
    words = {text: text.lower() for text in cells if text}
    if title not in _OF_EVENTS | _OF_BOUNDS | _OF_EITHER or not words:
        return None
    if all(word in _ENDED | _ONGOING for word in words.values()):
        return {text: int(word in _ONGOING) for text, word in words.items()}
    if title not in _OF_EITHER and all(word in _YES | _NO for word in words.values()):
        return {t: int((word in _YES) == (title in _OF_BOUNDS)) for t, word in words.items()}
    return None


def bounds_of(
    data: "Dataset", target: str, used: Iterable[str] = ()
) -> tuple[tuple[str, ...], IntArray]:
    """Label columns that say which values of a target are bounds, and on which side it lies.

    Parameters
    ----------
    data : Dataset
    target : str
    used : iterable of str
        Label columns that the analysis reads, and so are none of them.

    Returns
    -------
    tuple of str, ndarray of int of shape (n_runs,)
        -1 where the target lies at or below its number, 1 where at or above it, 0 where it was
        measured.

    Raises
    ------
    InputError
        If the status of a row is blank, or a text in ``NAME_bound`` is none of "<", ">" and "=".

    Examples
    --------
    >>> table = {"t [s]": [1.0, 2.0], "status": ["failed", "censored"], "alloy": ["A", "B"]}
    >>> bounds_of(Dataset.from_columns(table), "t")
    (('status',), array([0, 1]))
    """
    sides = np.zeros(len(data), dtype=np.intp)
    columns: list[str] = []
    read = set(used)
    for name in data.label_names:
        cells = data[name].tolist()
        signs = dict(_SIGNS) if name == target + BOUND_SUFFIX else _signs_of_status(name, cells)
        if signs is None or name in read:
            continue
        odd = next((i for i, cell in enumerate(cells) if cell not in signs), None)
        if odd is not None:
            what = f"'{cells[odd]}' does not say whether '{target}' was measured"
            remedy = f"give {' or '.join(repr(k) for k in signs if k)}"
            raise cell_error(name, data.rows[odd], data.source, what, remedy)
        stated = np.array([signs[cell] for cell in cells], dtype=np.intp)
        sides = np.where(sides == 0, stated, sides)
        columns.append(name)
    return tuple(columns), sides


# ---- From a table as it was read to columns in SI units: numbers, labels, uncertainties.


# absolute zero given in °C or °F may convert to -1e-13 K
_ROUNDING_KELVIN = 1e-9


def converted(table: RawTable, options: ReadOptions) -> "Dataset":
    """Dataset of a raw table in SI units, without the rows that cannot be read.

    Raises
    ------
    InputError
        For anything in the used columns that cannot be read, with row, column and remedy.
    """
    titled, notes = titled_columns(table, options)
    names = [t.name for t in titled]
    used = set(chosen(names, options, table.source))
    # what labels say of the runs is known though only the inputs are named
    others = set(names) - used - set(options.drop or ()) if options.with_labels else set()
    beside = {t.name for t in titled if t.name in others and _says_labels(t, table.decimal)}
    titled = [t for t in titled if t.name in used | beside]
    if not len(table.rows) and not options.allow_empty:
        what = "has column names but no rows" if not table.dropped else "has no usable row left"
        raise InputError(f"{table.source} {what}; add at least one row of data.")
    units = {t.name: t.unit for t in titled if t.unit is not None}
    notes += doubts(units, table.source, strict=options.strict_units).values()
    with noting([*table.notes, *notes]):
        columns = _ColumnCollector(table, options)
        missing = []
        for each in titled:
            if each.name in beside:
                attempt(columns.add, each)
            elif not columns.add(each):
                missing.append(each)
        if missing:
            raise _missing_units(missing, table)
        return columns.finish(notes)


def _says_labels(titled: Titled, decimal: str) -> bool:
    unit, column = titled.unit, titled.column
    if unit is not None:
        return unit.lower() in LABEL_TEXTS
    return is_text(column, decimal) and not is_blank(column.cells)


def _missing_units(missing: list[Titled], table: RawTable) -> InputError:
    names = [t.name for t in missing]
    listed = ", ".join(f"'{n}'" for n in names)
    what = f"Columns {listed} of" if len(names) > 1 else f"Column {listed} of"
    read = {n: in_square_brackets(n) for n in names}
    header = next(filter(None, read.values()), f"{names[0]} [unit]")
    units = {n: h.rpartition("[")[2][:-1] for n, h in read.items() if h}
    # what counts the rows names them, and is no input
    numeric = {t.name: t.column.cells for t in missing if t.column.cells.dtype.kind == "f"}
    units |= {n: "label" for n, x in numeric.items() if n not in units and is_counter(x)}
    said = ",".join(f"{n}={units.get(n, '1')}" for n in names)
    beside = f"{setting('units', said)}{'' if units else ' says that they have none'}"
    if all(read.values()):
        beside = f"{setting('units', f'{EVERY}={OF_HEADER}')} reads these headers as they are"
    return InputError(
        f"{what} {table.source} {'have' if len(names) > 1 else 'has'} no unit; write the header as "
        f"'{header}' ('[1]' for none, '[label]' for categories), or give units beside the table: "
        f"{beside}."
    )


def from_si(values: Array, unit: Unit) -> Array:
    """Numbers in a unit whose SI values are `values`, to the last bit where such numbers exist.

    Plain division is off by a rounding error (273.25 K would be 0.10000000000002274 °C): the
    shortest decimal number that converts back to the same float is what the user wrote.
    """
    if unit.factor == 1.0 and unit.offset == 0.0:
        return values
    if not np.ndim(values):
        return np.asarray(from_si(np.atleast_1d(values), unit)[0])
    nearest = unit.from_si(values)
    result, moved = nearest.copy(), nearest.copy()
    size = np.maximum(np.abs(nearest), abs(unit.offset / unit.factor))
    todo = np.flatnonzero(np.isfinite(nearest) & (nearest != 0))

    def try_numbers(numbers: Array) -> IntArray:
        """Keep the numbers that convert back to the same float; where none has yet."""
        hit = unit.to_si(numbers) == values[todo]
        result[todo[hit]] = numbers[hit]
        return np.asarray(todo[~hit])

    for digits in (12, 15, 16, 17):
        places = (digits - np.floor(np.log10(size[todo]))).astype(int).tolist()
        short = [*map(round, nearest[todo].tolist(), places)]
        todo = try_numbers(np.array(short, dtype=np.float64))
    for direction in (-np.inf, np.inf):
        moved[todo] = nearest[todo]
        for _ in range(3):
            moved[todo] = np.nextafter(moved[todo], direction)
            todo = try_numbers(moved[todo])
    return result


class _ColumnCollector:
    """Collects converted columns, and for each row the first thing that is wrong with it."""

    def __init__(self, table: RawTable, options: ReadOptions) -> None:
        self.table, self.options = table, options
        self.variables: list[Variable] = []
        self.values: dict[str, NDArray[Any]] = {}
        self.errors: dict[str, Array] = {}
        self.bad: dict[int, str] = {}
        self.notes = list(table.notes)

    def add(self, titled: Titled) -> bool:
        """Convert one column; False when its unit is missing."""
        name = titled.name
        if titled.unit is None:
            return self._add_without_unit(titled)
        unit = parse_unit(titled.unit)
        if unit.scale == "label":
            self._keep_labels(titled)
            return True
        cells = read_cells(titled.column.cells, self.table.decimal)
        sides = read_bounds(cells, self.table.decimal) if name in self.options.bounded else None
        words = [w.lower() for w in cells.words.values()]
        if words and unit.text == "1" and not cells.n_numbers and BOOLEANS.keys() >= set(words):
            cells.numbers[[*cells.words]] = [BOOLEANS[w] for w in words]
        else:
            if not self.options.drop_bad and not cells.n_numbers:
                self._refuse_units_in_cells(name, cells)
            for position, word in cells.words.items():
                self._report(name, position, *whats_wrong(word, self.table.decimal))
        shown = [isinstance(c, Percentage) for c in titled.column.cells.tolist()]
        if "%" in unit.text and any(shown):
            cells.numbers[shown] *= 100
            how = "the workbook shows its cells in percent, and 0.1 as 10%"
            text = f"{how}; with its unit '{unit.text}' they were read as shown."
            self.notes.append(f"Column '{name}' of {self.table.source}: {text}")
        # an uncertainty waits for its quantity: it may turn out to be one of its own
        variable, numbers = Variable(name, unit, titled.kind), cells.numbers
        is_quantity = quantity_of(name) is None
        self._keep(variable, self._converted(variable, numbers) if is_quantity else numbers)
        if sides is not None:
            self._keep(Variable(name + BOUND_SUFFIX, LABEL), sides)
        return True

    def _add_without_unit(self, titled: Titled) -> bool:
        cells = read_cells(titled.column.cells, self.table.decimal)
        name, source = titled.name, self.table.source
        if not cells.words:
            if not cells.n_numbers:
                self.notes.append(f"Column '{name}' of {source} is empty and was left out.")
                return True
            if titled.column.is_index and name not in (self.options.columns or ()):
                remedy = f"give it a unit (units={{{name!r}: '1'}}) if it is an input"
                what = f"The coordinate '{name}' of {source} has no unit"
                self.notes.append(f"{what} and was left out as a mere count; {remedy}.")
                return True
            if _signs_of_status(name, labels(titled.column.cells)) is None:
                return False
        else:
            position, word = next(iter(cells.words.items()))
            if cells.n_numbers:
                where = f"row {self.table.rows[position]}: '{word[:40]}'"
                fault = f"Column '{name}' of {source} mixes numbers and text ({where})"
                remedy = f"write '{name} [unit]' and correct the cell"
                names = f"'{name} [label]' if the numbers are names"
                raise InputError(f"{fault} and has no unit; {remedy}, or {names}.")
            if all(map(looks_numeric, cells.words.values())):
                raise self._error(name, position, *whats_wrong(word, self.table.decimal))
            self._refuse_units_in_cells(name, cells)
        self._keep_labels(titled)
        return True

    def _keep_labels(self, titled: Titled) -> None:
        for position, cell in enumerate(titled.column.cells.tolist()):
            if isinstance(cell, list | tuple | dict | set | np.ndarray):
                what = f"the cell holds several values ({type(cell).__name__})"
                remedy = "give one value per run, and numbers with a unit as a Pint quantity"
                raise self._error(titled.name, position, what, remedy)
        self._keep(Variable(titled.name, LABEL, titled.kind), labels(titled.column.cells))

    def _refuse_units_in_cells(self, name: str, cells: Cells) -> None:
        """Refuse a column in which every text is a number with its unit."""
        units = [unit_of_cell(w) for w in cells.words.values()]
        if not units or not all(units):
            return
        shown = [f"row {self.table.rows[p]}: '{w}'" for p, w in cells.words.items()]
        column, header = f"'{name}' of {self.table.source}", f"'{name} [{units[0]}]'"
        other = next((i for i, u in enumerate(units) if u != units[0]), None)
        if other is None:
            remedy = f"put the unit in the header as {header} and keep only the numbers"
            names = f"write '{name} [label]' if they are names"
            fault = f"Every cell of column {column} carries its unit ({shown[0]})"
            raise InputError(f"{fault}; {remedy}, or {names}.")
        remedy = f"convert it to one unit, in the header as {header}, and keep only the numbers"
        raise InputError(f"Column {column} mixes units ({shown[0]}, {shown[other]}); {remedy}.")

    def _report(self, name: str, position: int, what: str, remedy: str) -> None:
        if not self.options.drop_bad:
            raise self._error(name, position, what, remedy)
        self.bad.setdefault(position, f"column '{name}': {what}")

    def _error(self, name: str, position: int, what: str, remedy: str) -> InputError:
        return cell_error(name, self.table.rows[position], self.table.source, what, remedy)

    def _keep(self, variable: Variable, values: NDArray[Any]) -> None:
        self.variables.append(variable)
        self.values[variable.name] = values

    def _converted(self, variable: Variable, numbers: Array) -> Array:
        with np.errstate(over="ignore"):
            values = variable.unit.to_si(numbers)
        for position in np.flatnonzero(np.isfinite(numbers) & ~np.isfinite(values)).tolist():
            what = f"{numbers[position]:g} {variable.unit.text} is too large in SI units"
            self._report(variable.name, position, what, "correct the cell or its unit")
        if variable.unit.scale == "temperature" and variable.unit.offset:
            values = np.where((values < 0) & (values > -_ROUNDING_KELVIN), 0.0, values)
            for position in np.flatnonzero(values < 0).tolist():
                what = f"{numbers[position]:g} {variable.unit.text} lies below absolute zero"
                remedy = "correct the cell or its unit (delta_degC is for differences)"
                self._report(variable.name, position, what, remedy)
                values[position] = np.nan
        return values

    def _attach_errors(self) -> None:
        """Move uncertainty columns to their quantities, once all columns are known."""
        by_name = {v.name: v for v in self.variables}
        for variable in by_name.values():
            of = quantity_of(variable.name)
            if of is None or variable.is_label:
                continue
            base, numbers = by_name.get(of), self.values[variable.name]
            if base is None or base.is_label:
                self.values[variable.name] = self._converted(variable, numbers)
                continue
            self.variables.remove(variable)
            del self.values[variable.name]
            self.errors[base.name] = self._error_values(base, variable, numbers)

    def _error_values(self, base: Variable, variable: Variable, numbers: Array) -> Array:
        unit = variable.unit
        level = "level" in (base.unit.scale, unit.scale)
        if unit.dimension != base.dimension or (level and base.unit.text != unit.text):
            fault = f"is in '{unit.text}', but '{base.name}' is in '{base.unit.text}'"
            remedy = "give the uncertainty in a unit of the same dimension, not as a percentage"
            raise InputError(f"Column '{variable.name}' of {self.table.source} {fault}; {remedy}.")
        for position in np.flatnonzero(numbers < 0).tolist():
            what = f"the standard error {numbers[position]:g} is negative"
            self._report(variable.name, position, what, "give its absolute value")
            numbers = np.where(numbers < 0, np.nan, numbers)
        # a difference: an offset scale's zero does not enter
        return np.asarray(numbers * unit.factor)

    def finish(self, notes: list[str]) -> "Dataset":
        """Everything collected, without the bad rows."""
        self._attach_errors()
        table, notes = self.table, [*self.notes, *notes]
        data = Dataset(tuple(self.variables), self.values, self.errors, table.rows, table.source)
        data = replace(data, dropped=tuple(sorted(table.dropped)), warnings=tuple(notes))
        return data.dropping(self.bad)


# ---- The Dataset: runs with units, stored as coherent SI floats.


# rows of the preview in a notebook: they fit on a screen
_SHOWN_ROWS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Runs of an experiment or a simulator, with units; checked when made.

    Build one with :func:`read_table` or :meth:`from_columns`.

    Parameters
    ----------
    variables : tuple of Variable
        Numeric and label columns, each name once.
    values : mapping of str to ndarray of shape (n_runs,)
        For a numeric column, float64 values in the coherent SI unit of its dimension (absolute
        temperatures in kelvin, angles in radians); a level (dB, pH) keeps its own number; blank
        cells are NaN. For a label column, an object array of str, blank cells being ``""``.
        The arrays are read-only.
    errors : mapping of str to ndarray of shape (n_runs,), optional
        Standard errors of some numeric columns, in the same SI units; NaN where blank.
    rows : ndarray of int of shape (n_runs,), optional
        Number of each data row in the source, from 1 (the row below the header, or below the
        row of units); used in messages.
    source : str
        Name of the source, for messages: ``"pipe.csv"``, ``"DataFrame"``.
    dropped : tuple of DroppedRow
        Rows left out on request, with the reason.
    warnings : tuple of str
        Remarks of the reader, such as duplicate rows.
    rounded : tuple of str
        Columns whose standard errors contain those of rounding.

    Raises
    ------
    InputError
        If names repeat, shapes differ, a temperature lies below absolute zero or a standard
        error is negative.

    Examples
    --------
    >>> data = Dataset.from_columns(U=[1.0, 2.0], D=[50, 50], units={"U": "m/s", "D": "mm"})
    >>> data["D"]
    array([0.05, 0.05])
    >>> data
    Dataset(2 runs from columns: U [m/s], D [mm])
    """

    variables: tuple[Variable, ...]
    values: Mapping[str, NDArray[Any]]
    errors: Mapping[str, Array] = field(default_factory=dict)
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    source: str = "columns"
    dropped: tuple[DroppedRow, ...] = ()
    warnings: tuple[str, ...] = ()
    rounded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [v.name for v in self.variables]
        check_unique(names, self.source)
        if set(names) != set(self.values):
            raise InputError(f"The values of {self.source} do not match its variables {names}.")
        values = {v.name: _stored(v, self.values[v.name], self.source) for v in self.variables}
        n_runs = len(next(iter(values.values()))) if values else len(self.rows)
        rows = np.asarray(self.rows, dtype=np.int64)
        if rows.size == 0:
            rows = np.arange(1, n_runs + 1)
        errors = {n: _read_only(np.asarray(e, dtype=np.float64)) for n, e in self.errors.items()}
        for name, column in [*values.items(), *errors.items(), ("rows", rows)]:
            if column.shape != (n_runs,):
                fault = f"has shape {column.shape} where {n_runs} values are needed"
                remedy = "give every column one value per run"
                raise InputError(f"Column '{name}' of {self.source} {fault}; {remedy}.")
        object.__setattr__(self, "values", MappingProxyType(values))
        object.__setattr__(self, "errors", MappingProxyType(errors))
        object.__setattr__(self, "rows", _read_only(rows))
        self._check_temperatures()
        self._check_errors()

    def _check_temperatures(self) -> None:
        for v in self.variables:
            if v.unit.scale == "temperature" and v.unit.offset:
                bad = np.flatnonzero(self.values[v.name] < -_ROUNDING_KELVIN)
                if bad.size:
                    what = "the temperature lies below absolute zero"
                    units = f"({v.unit.text}; {difference_unit(v.unit.text)} is for differences)"
                    remedy = f"correct the cell or its unit {units}"
                    raise cell_error(v.name, self.rows[bad[0]], self.source, what, remedy)

    def _check_errors(self) -> None:
        for name, errors in self.errors.items():
            if name not in self.values or self.variable(name).is_label:
                what, remedy = f"'{name}_err' of {self.source}", f"add the column '{name}'"
                fault = f"The uncertainties {what} belong to no numeric column"
                raise InputError(f"{fault}; {remedy} or rename this one.")
            bad = np.flatnonzero(errors < 0)
            if bad.size:
                what, remedy = "a standard error is negative", "give its absolute value"
                raise cell_error(f"{name}_err", self.rows[bad[0]], self.source, what, remedy)

    @staticmethod
    def from_columns(
        columns: "Mapping[str, Any] | pd.DataFrame | None" = None,
        /,
        *,
        units: Mapping[str, str] | None = None,
        **more: Any,
    ) -> "Dataset":
        """Dataset from Pint quantities, plain arrays with units, and strings.

        Parameters
        ----------
        columns : mapping of str to array-like or Pint quantity, or pandas.DataFrame, optional
            Columns by name; a name may carry its unit as ``"U [m/s]"``. Quantities may come
            from any Pint registry. Strings are labels. Scalars are repeated for every run.
        units : mapping of str to str, optional
            Units of the plain arrays; ``"1"`` for none, ``"label"`` for categories.
        **more : array-like or Pint quantity
            More columns by name.

        Returns
        -------
        Dataset

        Raises
        ------
        InputError
            If a plain array has no unit, lengths differ, or a value cannot be used.

        Examples
        --------
        >>> from dimgs.variables import registry
        >>> Q_ = registry().Quantity
        >>> data = Dataset.from_columns(T=Q_([20.0, 30.0], "degC"), fluid="water")
        >>> data["T"], list(data["fluid"])
        (array([293.15, 303.15]), ['water', 'water'])
        """
        table = raw_columns({**({} if columns is None else columns), **more})
        return converted(table, ReadOptions(dict(units or {})))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(v.name for v in self.variables)

    @cached_property
    def _by_name(self) -> dict[str, Variable]:
        return {v.name: v for v in self.variables}

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the categorical columns."""
        return tuple(v.name for v in self.variables if v.is_label)

    @property
    def numeric_names(self) -> tuple[str, ...]:
        """Names of the columns that hold numbers."""
        return tuple(v.name for v in self.variables if not v.is_label)

    @property
    def n_runs(self) -> int:
        """Number of runs (rows)."""
        return len(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def variable(self, name: str) -> Variable:
        """Variable of one column.

        Raises
        ------
        InputError
            If there is no such column; near matches are listed.
        """
        variable = self._by_name.get(name)
        if variable is None:
            raise no_such_column(name, self.names, self.source)
        return variable

    def __getitem__(self, name: str) -> NDArray[Any]:
        self.variable(name)
        return self.values[name]

    def logs(self, names: Iterable[str]) -> Array:
        """Natural logarithms of some columns, shape (n_runs, n_columns).

        Examples
        --------
        >>> Dataset.from_columns({"D [m]": [1.0, 10.0]}).logs(["D"]).round(3).tolist()
        [[0.0], [2.303]]
        """
        columns = [self[n] for n in names]
        return np.log(np.column_stack(columns)) if columns else np.empty((len(self), 0))

    def quantity(self, name: str) -> Any:
        """Pint quantity of a numeric column, in the user's unit.

        Examples
        --------
        >>> Dataset.from_columns({"D [mm]": [50.0, 80.0]}).quantity("D").units
        <Unit('millimeter')>
        """
        return quantity(self.variable(name), self[name])

    def select(self, names: Iterable[str]) -> "Dataset":
        """Dataset of these columns only, in this order, with their errors."""
        return self._with(tuple(self.variable(n) for n in names), lambda column: column)

    def without(self, names: Iterable[str]) -> "Dataset":
        """Dataset of all columns but these."""
        dropped = {self.variable(n).name for n in names}
        return self.select(n for n in self.names if n not in dropped)

    def take(self, indices: ArrayLike) -> "Dataset":
        """Dataset of the runs at these positions (counted from 0)."""
        positions = np.asarray(indices, dtype=np.intp)
        return self._with(self.variables, lambda column: column[positions])

    def where(self, mask: ArrayLike) -> "Dataset":
        """Dataset of the runs where `mask`, of shape (n_runs,), is true."""
        return self.take(np.flatnonzero(np.asarray(mask, dtype=bool)))

    def dropping(self, reasons: Mapping[int, str]) -> "Dataset":
        """Dataset without the runs at some positions (from 0), which are listed with reasons."""
        lost = [DroppedRow(int(self.rows[p]), why) for p, why in reasons.items()]
        kept = self.take(np.delete(np.arange(len(self)), list(reasons))) if reasons else self
        return replace(kept, dropped=tuple(sorted([*self.dropped, *lost])))

    def _with(
        self, variables: tuple[Variable, ...], pick: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> "Dataset":
        values = {v.name: pick(self.values[v.name]) for v in variables}
        errors = {n: pick(e) for n, e in self.errors.items() if n in values}
        rounded = tuple(n for n in self.rounded if n in values)
        kept = (self.source, self.dropped, self.warnings, rounded)
        return Dataset(variables, values, errors, pick(self.rows), *kept)

    def in_si(self) -> "Dataset":
        """Dataset whose columns are in coherent SI units, for laws and reports that show these.

        Examples
        --------
        >>> Dataset.from_columns({"D [mm]": [50.0, 80.0]}).in_si().to_pandas()
           D [m]
        0   0.05
        1   0.08
        """
        return replace(self, variables=tuple(v.in_si() for v in self.variables))

    def to_pandas(self) -> "pd.DataFrame":
        """DataFrame in the user's units with headers ``name [unit]``; `read_table` reads it back.

        Examples
        --------
        >>> Dataset.from_columns({"D [mm]": [50.0, 80.0]}).to_pandas()
           D [mm]
        0    50.0
        1    80.0
        """
        import pandas as pd

        columns: dict[str, NDArray[Any]] = {}
        for v in self.variables:
            title = header(v.name, v.unit.text, v.kind)
            columns[title] = self[v.name] if v.is_label else from_si(self[v.name], v.unit)
            if v.name in self.errors:
                unit = Unit(v.unit.text, v.dimension, v.unit.factor, scale=v.unit.scale)
                errors = self.errors[v.name]
                numbers = from_si(errors, unit)
                if not np.array_equal(unit.to_si(numbers), errors, equal_nan=True):
                    # given in another unit than its column: SI keeps every bit
                    unit, numbers = parse_unit(si_unit(v.dimension)), errors
                columns[header(f"{v.name}_err", unit.text)] = numbers
        return pd.DataFrame({title: np.array(column) for title, column in columns.items()})

    @cached_property
    def sha256(self) -> str:
        """Hash of names, units, values and errors, independent of the order of the columns."""
        digest = hashlib.sha256()
        for v in sorted(self.variables, key=lambda v: v.name):
            digest.update(json.dumps([v.name, v.unit.text, v.kind, len(self)]).encode())
            digest.update(_bytes(self.values[v.name]))
            if v.name in self.errors:
                digest.update(b"err" + _bytes(self.errors[v.name]))
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dataset):
            return NotImplemented
        return self.variables == other.variables and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __reduce__(self) -> tuple[Any, ...]:
        values, errors = dict(self.values), dict(self.errors)
        state = (self.variables, values, errors, self.rows, self.source)
        return Dataset, (*state, self.dropped, self.warnings, self.rounded)

    def __repr__(self) -> str:
        columns = ", ".join(f"{v.name} [{v.unit.text}]" for v in self.variables)
        return f"Dataset({len(self)} runs from {self.source}: {columns})"

    def _repr_html_(self) -> str:
        rest = len(self) - _SHOWN_ROWS
        note = f"<p>{rest} more runs</p>" if rest > 0 else ""
        title = f"<p>{escape(self.source)}: {len(self)} runs</p>"
        return f"{title}{_preview(self).to_html()}{note}"

    def _repr_latex_(self) -> str:
        columns = "r" * (len(self.variables) + 1)
        return _preview(self).to_latex(escape=True, column_format=columns)


def _stored(variable: Variable, values: NDArray[Any], source: str) -> NDArray[Any]:
    """Read-only column of shape (n_runs,): float64 numbers, or str objects for labels."""
    if variable.is_label:
        return _read_only(np.asarray(values, dtype=object))
    try:
        return _read_only(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        fault = f"Column '{variable.name}' of {source} does not hold numbers ({error})"
        remedy = "give numbers, or the unit 'label' for categories"
        raise InputError(f"{fault}; {remedy}.") from error


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The array itself where it is read-only already, otherwise a read-only copy."""
    if array.flags.writeable or not array.flags.c_contiguous:
        array = array.copy()
        array.flags.writeable = False
    return array


def _bytes(column: NDArray[Any]) -> bytes:
    if column.dtype == object:
        return json.dumps(column.tolist()).encode()
    plain = np.where(np.isnan(column), np.nan, column + 0.0)
    return plain.astype("<f8").tobytes()


def quantity(variable: Variable, values: Array) -> Any:
    """Pint quantity of SI values in the variable's unit."""
    if variable.is_label:
        fault = f"Column '{variable.name}' holds labels, which have no unit"
        raise InputError(f"{fault}; read it as data[name].")
    return to_pint(from_si(values, variable.unit), variable.unit.text)


def header(name: str, unit: str, kind: str | None = None) -> str:
    """Header ``name [unit]`` or ``name [unit; kind]``."""
    return f"{name} [{unit}; {kind}]" if kind else f"{name} [{unit}]"


def _preview(data: "Dataset") -> "pd.DataFrame":
    """The first runs as texts, by their row numbers, for notebooks."""
    import pandas as pd

    columns: dict[str, list[str]] = {}
    for v in data.variables:
        first = data[v.name][:_SHOWN_ROWS]
        if v.is_label:
            columns[v.name] = list(map(str, first))
            continue
        title = v.name if v.unit == DIMENSIONLESS else header(v.name, v.unit.text)
        columns[title] = [f"{x:.6g}" for x in from_si(first, v.unit)]
    return pd.DataFrame(columns, index=data.rows[:_SHOWN_ROWS])
