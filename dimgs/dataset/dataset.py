"""The Dataset: runs with units, stored as coherent SI floats."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.dataset.conversion import converted, from_si
from dimgs.dataset.data_frames import raw_columns
from dimgs.dataset.raw import DroppedRow, ReadOptions, cell_error, no_such_column
from dimgs.variables import (
    DIMENSIONLESS,
    Unit,
    Variable,
    difference_unit,
    parse_unit,
    registry,
    si_unit,
    to_pint,
)

if TYPE_CHECKING:
    import pandas as pd


# absolute zero given in °C or °F may convert to -1e-13 K
_BELOW_ZERO_KELVIN = -1e-9
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
        twice = sorted(n for n, count in Counter(names).items() if count > 1)
        if twice:
            raise InputError(
                f"Two columns of {self.source} are named '{twice[0]}'; rename one of them."
            )
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
                raise InputError(
                    f"Column '{name}' of {self.source} has shape {column.shape} where {n_runs} "
                    f"values are needed; give every column one value per run."
                )
        for attribute, value in (
            ("values", MappingProxyType(values)),
            ("errors", MappingProxyType(errors)),
            ("rows", _read_only(rows)),
        ):
            object.__setattr__(self, attribute, value)
        self._check_temperatures()
        self._check_errors()

    def _check_temperatures(self) -> None:
        for v in self.variables:
            if v.unit.scale == "temperature" and v.unit.offset:
                bad = np.flatnonzero(self.values[v.name] < _BELOW_ZERO_KELVIN)
                if bad.size:
                    what = "the temperature lies below absolute zero"
                    units = f"({v.unit.text}; {difference_unit(v.unit.text)} is for differences)"
                    remedy = f"correct the cell or its unit {units}"
                    raise cell_error(v.name, self.rows[bad[0]], self.source, what, remedy)

    def _check_errors(self) -> None:
        for name, errors in self.errors.items():
            if name not in self.values or self.variable(name).is_label:
                raise InputError(
                    f"The uncertainties '{name}_err' of {self.source} belong to no numeric column; "
                    f"add the column '{name}' or rename this one."
                )
            bad = np.flatnonzero(errors < 0)
            if bad.size:
                what, remedy = "a standard error is negative", "give its absolute value"
                raise cell_error(f"{name}_err", self.rows[bad[0]], self.source, what, remedy)

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Any] | None = None,
        /,
        *,
        units: Mapping[str, str] | None = None,
        **more: Any,
    ) -> "Dataset":
        """Dataset from Pint quantities, plain arrays with units, and strings.

        Parameters
        ----------
        columns : mapping of str to array-like or Pint quantity, optional
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
        table = raw_columns({**(columns or {}), **more})
        return cls(*converted(table, ReadOptions(dict(units or {}))))

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

    def _with(
        self, variables: tuple[Variable, ...], pick: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> "Dataset":
        columns = {v.name for v in variables}
        return Dataset(
            variables,
            {n: pick(self.values[n]) for n in columns},
            {n: pick(e) for n, e in self.errors.items() if n in columns},
            pick(self.rows),
            self.source,
            self.dropped,
            self.warnings,
            tuple(n for n in self.rounded if n in columns),
        )

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
        raise InputError(
            f"Column '{variable.name}' of {source} does not hold numbers ({error}); "
            f"give numbers, or the unit 'label' for categories."
        ) from error


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
        raise InputError(
            f"Column '{variable.name}' holds labels, which have no unit; read it as data[name]."
        )
    if variable.is_level:
        return registry().Quantity(values, "")
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
