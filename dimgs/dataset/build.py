"""From a table as it was read to a Dataset: units, numbers, labels, uncertainties."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.advice import setting
from dimgs.arrays import Array
from dimgs.dataset import checks
from dimgs.dataset.cells import (
    BOOLEANS,
    Cells,
    labels,
    looks_numeric,
    own_unit,
    read_cells,
    whats_wrong,
)
from dimgs.dataset.dataset import Dataset, DroppedRow
from dimgs.dataset.export import to_si
from dimgs.dataset.headers import Titled, chosen, doubts, quantity_of, titled_columns
from dimgs.dataset.raw import RawTable
from dimgs.errors import InputError, noting
from dimgs.variables import LABEL, Unit, Variable, parse_unit

# absolute zero given in °C or °F may convert to -1e-13 K
_ROUNDING_KELVIN = 1e-9


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


def build(table: RawTable, options: ReadOptions) -> Dataset:
    """Dataset of a raw table.

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
        builder = _Builder(table, options)
        missing = [t.name for t in titled if not builder.add(t)]
        if missing:
            raise _missing_units(missing, table)
        return builder.finish(notes, options)


def chunk_like(table: RawTable, options: ReadOptions, known: Dataset | None) -> Dataset:
    """Dataset of a chunk, with the columns of one that is known already.

    Raises
    ------
    InputError
        If a column is blank in one part of the table and filled in another, without a unit.
    """
    if known is None:
        return build(table, options)
    # a chunk of blanks or of bare numbers must not change what a column is
    labels = dict.fromkeys(known.label_names, "label")
    data = build(table, replace(options, units={**labels, **options.units}))
    if data.names != known.names:
        odd = ", ".join(sorted(set(data.names) ^ set(known.names)))
        raise InputError(
            f"Column '{odd}' of {table.source} is blank in one part of the table and filled in "
            f"another, and has no unit; leave it out ({setting('drop')}) or give it a unit."
        )
    return data


def _missing_units(names: list[str], table: RawTable) -> InputError:
    listed = ", ".join(f"'{n}'" for n in names)
    what = f"Columns {listed} of" if len(names) > 1 else f"Column {listed} of"
    header = next(filter(None, map(_in_square_brackets, names)), f"{names[0]} [unit]")
    return InputError(
        f"{what} {table.source} {'have' if len(names) > 1 else 'has'} no unit; write the header as "
        f"'{header}' ('[1]' for none, '[label]' for categories), or pass "
        f"units={{{names[0]!r}: '...'}}."
    )


def _in_square_brackets(name: str) -> str | None:
    """``U [m/s]`` for a header ``U (m/s)``, None where the round brackets hold no unit."""
    start, _, rest = name.partition(" (")
    if not (start and rest.endswith(")")):
        return None
    try:
        parse_unit(rest[:-1])
    except InputError:
        return None
    return f"{start} [{rest[:-1]}]"


class _Builder:
    """Collects converted columns, and for each row the first thing that is wrong with it."""

    def __init__(self, table: RawTable, options: ReadOptions) -> None:
        self.table = table
        self.drop_bad = options.drop_bad
        self.asked_for = set(options.columns or ())
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
        unit = self._unit(titled)
        if unit.scale == "label":
            self._keep_labels(titled)
            return True
        cells = read_cells(titled.column.cells, self.table.decimal)
        words = {w.lower() for w in cells.words}
        if words and words <= set(BOOLEANS) and not cells.n_numbers and unit.text == "1":
            cells.numbers[cells.text] = [BOOLEANS[w.lower()] for w in cells.words]
        elif cells.words:
            self._refuse_text(name, cells)
        self._keep_numbers(Variable(name, unit, titled.kind), cells.numbers)
        return True

    def _unit(self, titled: Titled) -> Unit:
        try:
            return parse_unit(titled.unit or "")
        except InputError as error:
            raise InputError(f"Column '{titled.name}' of {self.table.source}: {error}") from error

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
            return False
        if cells.n_numbers:
            row = self.table.rows[cells.text[0]]
            raise InputError(
                f"Column '{name}' of {source} mixes numbers and text (row {row}: "
                f"'{cells.words[0][:40]}') and has no unit; write '{name} [unit]' and correct the "
                f"cell, or '{name} [label]' if the numbers are names."
            )
        self._refuse_numbers_in_disguise(name, cells)
        self._keep_labels(titled)
        return True

    def _keep_labels(self, titled: Titled) -> None:
        for position, cell in enumerate(titled.column.cells.tolist()):
            if isinstance(cell, list | tuple | dict | set | np.ndarray):
                what = f"the cell holds several values ({type(cell).__name__})"
                remedy = "give one value per run, and numbers with a unit as a Pint quantity"
                raise self._error(titled.name, position, what, remedy)
        self._keep(Variable(titled.name, LABEL, titled.kind), labels(titled.column.cells))

    def _refuse_numbers_in_disguise(self, name: str, cells: Cells) -> None:
        if all(looks_numeric(w) for w in cells.words):
            what, remedy = whats_wrong(cells.words[0])
            raise self._error(name, int(cells.text[0]), what, remedy)
        if all(own_unit(w) for w in cells.words):
            self._refuse_own_units(name, cells)

    def _refuse_own_units(self, name: str, cells: Cells) -> None:
        units = [own_unit(w) or "" for w in cells.words]
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

    def _refuse_text(self, name: str, cells: Cells) -> None:
        if not self.drop_bad and not cells.n_numbers and all(own_unit(w) for w in cells.words):
            self._refuse_own_units(name, cells)
        for position, word in zip(cells.text.tolist(), cells.words, strict=True):
            self._report(name, position, *whats_wrong(word))

    def _report(self, name: str, position: int, what: str, remedy: str) -> None:
        if not self.drop_bad:
            raise self._error(name, position, what, remedy)
        self.bad.setdefault(position, f"column '{name}': {what}")

    def _error(self, name: str, position: int, what: str, remedy: str) -> InputError:
        row = self.table.rows[position]
        return InputError(f"Column '{name}', row {row} of {self.table.source}: {what}; {remedy}.")

    def _keep(self, variable: Variable, values: NDArray[Any]) -> None:
        self.variables.append(variable)
        self.values[variable.name] = values

    def _keep_numbers(self, variable: Variable, numbers: Array) -> None:
        if quantity_of(variable.name) is not None:
            # keeps the column's place in case it turns out to be a quantity of its own
            self.pending.append((variable, numbers))
            self._keep(variable, numbers)
        else:
            self._keep(variable, self._converted(variable, numbers))

    def _converted(self, variable: Variable, numbers: Array) -> Array:
        with np.errstate(over="ignore"):
            values = to_si(numbers, variable.unit)
        self._check_overflow(variable, numbers, values)
        if variable.unit.scale == "temperature" and variable.unit.offset:
            values = np.where((values < 0) & (values > -_ROUNDING_KELVIN), 0.0, values)
            for position in np.flatnonzero(values < 0).tolist():
                what = f"{numbers[position]:g} {variable.unit.text} lies below absolute zero"
                remedy = "correct the cell or its unit (delta_degC is for differences)"
                self._report(variable.name, position, what, remedy)
                values[position] = np.nan
        return values

    def _check_overflow(self, variable: Variable, numbers: Array, values: Array) -> None:
        for position in np.flatnonzero(np.isfinite(numbers) & ~np.isfinite(values)).tolist():
            what = f"{numbers[position]:g} {variable.unit.text} is too large in SI units"
            self._report(variable.name, position, what, "correct the cell or its unit")

    def _attach_errors(self) -> None:
        """Move uncertainty columns to their quantities, once all columns are known."""
        known = {v.name: v for v in self.variables}
        for variable, numbers in self.pending:
            base = known.get(quantity_of(variable.name) or "")
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
        return numbers if level else np.asarray(numbers * unit.factor)

    def finish(self, notes: list[str], options: ReadOptions) -> Dataset:
        """Dataset of everything collected, without the bad rows where the caller asked so."""
        self._attach_errors()
        dropped = list(self.table.dropped)
        data = Dataset(
            tuple(self.variables),
            self.values,
            self.errors,
            self.table.rows,
            self.table.source,
            (),
            (),
        )
        if self.bad:
            positions = sorted(self.bad)
            dropped += [DroppedRow(int(data.rows[p]), self.bad[p]) for p in positions]
            keep = np.ones(len(data), dtype=bool)
            keep[positions] = False
            data = data.where(keep)
        data = checks.with_notes(data, dropped, [*self.notes, *notes])
        data = checked(data, options)
        if options.find_duplicates:
            data = checks.with_notes(data, (), checks.duplicate_warnings(data))
        return data


def checked(data: Dataset, options: ReadOptions) -> Dataset:
    """Dataset without the rows that cannot be used, where the caller asked so."""
    logged = options.logged or ()
    if options.drop_bad:
        names, allow = data.numeric_names, options.allow_empty
        return checks.drop_bad_rows(data, names, logged=logged, allow_empty=allow)
    if logged:
        checks.check_loggable(data, logged)
    return data
