"""Datasets from columns in memory: Pint quantities of any registry, arrays, strings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.dataset.build import ReadOptions, build
from dimgs.dataset.data_frames import series_column
from dimgs.dataset.dataset import Dataset
from dimgs.dataset.raw import RawColumn, RawTable
from dimgs.errors import InputError
from dimgs.variables.quantities import is_quantity, magnitude_and_unit, quantities_in_one_unit


def dataset_from_columns(columns: Mapping[str, Any], units: Mapping[str, str]) -> Dataset:
    """Dataset of columns by name; see :meth:`Dataset.from_columns`."""
    return build(raw_columns(columns), ReadOptions(dict(units), find_duplicates=False))


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
            raise InputError(
                f"Column '{name}' has {length} values where '{longest}' has {n_runs}; "
                f"give every column one value per run (scalars are repeated)."
            )
    for column in raw:
        if len(np.atleast_1d(column.cells)) != n_runs or not column.cells.ndim:
            column.cells = np.repeat(column.cells.reshape(1), n_runs)
    return RawTable("columns", raw, np.arange(1, n_runs + 1))


def _raw_column(name: str, values: Any) -> RawColumn:
    kind = f"{type(values).__module__.split('.')[0]}.{type(values).__name__}"
    if kind == "pandas.Series":
        return series_column(name, values, {}, "columns")
    if kind == "xarray.DataArray":
        unit = values.attrs.get("units", values.attrs.get("unit"))
        column = _raw_column(name, values.data)
        return column if column.binding or unit is None else replace(column, unit=str(unit))
    if not is_quantity(values) and (hasattr(values, "unit") or hasattr(values, "units")):
        raise InputError(
            f"Column '{name}' carries a unit in a form that is not read ({kind}); give a Pint "
            f"quantity, or plain numbers in a known unit."
        )
    if is_quantity(values):
        magnitude, unit = magnitude_and_unit(values, name)
        return RawColumn(name, _cells(name, magnitude), unit, binding=True)
    cells = _cells(name, values)
    if cells.dtype == object and cells.size and all(is_quantity(c) for c in cells.flat):
        numbers, unit = quantities_in_one_unit(list(cells.flat), name)
        return RawColumn(name, numbers.reshape(cells.shape), unit, binding=True)
    return RawColumn(name, cells)


def _cells(name: str, values: Any) -> NDArray[Any]:
    if isinstance(values, str):
        return np.array(values, dtype=object)
    try:
        if isinstance(values, list | tuple):
            plain = all(isinstance(v, int | float | np.number) for v in values)
            plain = plain and not any(isinstance(v, bool | np.bool_) for v in values)
            # what an object is stays: a quantity would be asked for its number
            objects = None if plain else np.fromiter(values, dtype=object, count=len(values))
            cells = np.array(values) if objects is None else objects
        else:
            cells = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"Column '{name}' cannot be read as numbers or text ({error}).") from error
    if cells.ndim > 1:
        raise InputError(
            f"Column '{name}' has shape {cells.shape}; give one value per run (a flat array)."
        )
    if cells.dtype.kind == "c":
        raise InputError(f"Column '{name}' holds complex numbers; give real numbers.")
    if cells.dtype.kind not in "fiu":
        return cells.astype(object)
    return cells.astype(np.float64)
