"""From a table as it was read to columns in SI units: numbers, labels, uncertainties."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError, noting
from dimgs.dataset.bounds import BOUND_SUFFIX, is_status, read_bounds
from dimgs.dataset.raw import (
    BOOLEANS,
    EVERY,
    OF_HEADER,
    Cells,
    DroppedRow,
    RawTable,
    ReadOptions,
    Titled,
    cell_error,
    cell_text,
    chosen,
    doubts,
    in_square_brackets,
    labels,
    looks_numeric,
    quantity_of,
    read_cells,
    titled_columns,
    unit_of_cell,
    whats_wrong,
)
from dimgs.variables import LABEL, Unit, Variable, parse_unit

# absolute zero given in °C or °F may convert to -1e-13 K
_ROUNDING_KELVIN = 1e-9


class Columns(NamedTuple):
    """Converted columns of a table, in the order in which a Dataset takes its parts."""

    variables: tuple[Variable, ...]
    values: dict[str, NDArray[Any]]
    errors: dict[str, Array]
    rows: NDArray[np.int64]
    source: str
    dropped: tuple[DroppedRow, ...]
    warnings: tuple[str, ...]


def converted(table: RawTable, options: ReadOptions) -> Columns:
    """Columns of a raw table in SI units, without the rows that cannot be read.

    Raises
    ------
    InputError
        For anything in the used columns that cannot be read, with row, column and remedy.
    """
    titled, notes = titled_columns(table, options)
    names = [t.name for t in titled]
    used = set(chosen(names, options.columns, options.drop, table.source))
    titled = [t for t in titled if t.name in used]
    if not len(table.rows) and not options.allow_empty:
        what = "has column names but no rows" if not table.dropped else "has no usable row left"
        raise InputError(f"{table.source} {what}; add at least one row of data.")
    units = {t.name: t.unit for t in titled if t.unit is not None}
    notes += doubts(units, table.source, strict=options.strict_units).values()
    with noting(notes):
        columns = _ColumnCollector(table, options)
        missing = [t.name for t in titled if not columns.add(t)]
        if missing:
            raise _missing_units(missing, table)
        return columns.finish(notes)


def _missing_units(names: list[str], table: RawTable) -> InputError:
    listed = ", ".join(f"'{n}'" for n in names)
    what = f"Columns {listed} of" if len(names) > 1 else f"Column {listed} of"
    read = {n: in_square_brackets(n) for n in names}
    header = next(filter(None, read.values()), f"{names[0]} [unit]")
    units = ",".join(f"{n}={h.rpartition('[')[2][:-1] if h else 1}" for n, h in read.items())
    beside = f"{setting('units', units)}{'' if any(read.values()) else ' says that they have none'}"
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
        self.table = table
        self.drop_bad = options.drop_bad
        self.asked_for = set(options.columns or ())
        self.bounded = set(options.bounded)
        self.variables: list[Variable] = []
        self.values: dict[str, NDArray[Any]] = {}
        self.errors: dict[str, Array] = {}
        self.bad: dict[int, str] = {}
        self.notes = list(table.notes)
        self.pending: list[tuple[Variable, Array]] = []

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
        sides = read_bounds(cells, self.table.decimal) if name in self.bounded else None
        words = [w.lower() for w in cells.words]
        if words and unit.text == "1" and not cells.n_numbers and BOOLEANS.keys() >= set(words):
            cells.numbers[cells.text] = [BOOLEANS[w] for w in words]
        else:
            if not self.drop_bad and not cells.n_numbers:
                self._refuse_units_in_cells(name, cells)
            for position, word in zip(cells.text.tolist(), cells.words, strict=True):
                self._report(name, position, *whats_wrong(word))
        variable, numbers = Variable(name, unit, titled.kind), cells.numbers
        if quantity_of(name) is None:
            self._keep(variable, self._converted(variable, numbers))
        else:
            # keeps the column's place in case it turns out to be a quantity of its own
            self.pending.append((variable, numbers))
            self._keep(variable, numbers)
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
            if titled.column.is_index and name not in self.asked_for:
                self.notes.append(
                    f"The coordinate '{name}' of {source} has no unit and was left out as a mere "
                    f"count; give it a unit (units={{{name!r}: '1'}}) if it is an input."
                )
                return True
            if is_status(name, map(cell_text, titled.column.cells.tolist())):
                self._keep_labels(titled)
                return True
            return False
        if cells.n_numbers:
            row = self.table.rows[cells.text[0]]
            raise InputError(
                f"Column '{name}' of {source} mixes numbers and text (row {row}: "
                f"'{cells.words[0][:40]}') and has no unit; write '{name} [unit]' and correct the "
                f"cell, or '{name} [label]' if the numbers are names."
            )
        if all(looks_numeric(w) for w in cells.words):
            raise self._error(name, int(cells.text[0]), *whats_wrong(cells.words[0]))
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
        units = [unit_of_cell(w) for w in cells.words]
        if not units or not all(units):
            return
        rows, source = self.table.rows[cells.text], self.table.source
        other = next((i for i, u in enumerate(units) if u != units[0]), None)
        if other is None:
            raise InputError(
                f"Every cell of column '{name}' of {source} carries its unit (row {rows[0]}: "
                f"'{cells.words[0]}'); put the unit in the header as '{name} [{units[0]}]' and "
                f"keep only the numbers, or write '{name} [label]' if they are names."
            )
        raise InputError(
            f"Column '{name}' of {source} mixes units (row {rows[0]}: '{cells.words[0]}', row "
            f"{rows[other]}: '{cells.words[other]}'); convert it to one unit, in the header as "
            f"'{name} [{units[0]}]', and keep only the numbers."
        )

    def _report(self, name: str, position: int, what: str, remedy: str) -> None:
        if not self.drop_bad:
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
        for variable, numbers in self.pending:
            base = by_name.get(quantity_of(variable.name) or "")
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
            raise InputError(
                f"Column '{variable.name}' of {self.table.source} is in '{unit.text}', but "
                f"'{base.name}' is in '{base.unit.text}'; give the uncertainty in a unit of the "
                f"same dimension, not as a percentage."
            )
        for position in np.flatnonzero(numbers < 0).tolist():
            what = f"the standard error {numbers[position]:g} is negative"
            self._report(variable.name, position, what, "give its absolute value")
            numbers = np.where(numbers < 0, np.nan, numbers)
        # a difference: an offset scale's zero does not enter
        return np.asarray(numbers * unit.factor)

    def finish(self, notes: list[str]) -> Columns:
        """Everything collected, without the bad rows."""
        self._attach_errors()
        rows, values, errors = self.table.rows, self.values, self.errors
        positions = sorted(self.bad)
        dropped = [DroppedRow(int(rows[p]), self.bad[p]) for p in positions]
        if positions:
            rows = np.delete(rows, positions)
            values = {n: np.delete(column, positions) for n, column in values.items()}
            errors = {n: np.delete(column, positions) for n, column in errors.items()}
        return Columns(
            tuple(self.variables),
            values,
            errors,
            rows,
            self.table.source,
            tuple(sorted([*self.table.dropped, *dropped])),
            (*self.notes, *notes),
        )
