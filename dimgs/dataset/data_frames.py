"""Tables in memory -> raw tables: pandas (also pint dtypes and attrs), xarray, and columns."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dimgs.common.errors import InputError
from dimgs.dataset.raw import (
    NO_SIDECAR,
    RawColumn,
    RawTable,
    Sidecar,
    cell_text,
    is_blank,
    is_unit_row,
)
from dimgs.variables import split_header
from dimgs.variables.quantities import is_quantity, magnitude_and_unit, quantities_in_one_unit

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


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
        series_column(_title(label), frame.iloc[:, i], stated, source)
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


def series_column(
    title: str, series: "pd.Series[Any]", stated: Mapping[str, str], source: str
) -> RawColumn:
    """Raw column of a pandas Series, with the unit that it carries."""
    dtype = str(series.dtype)
    if dtype.startswith("pint["):
        magnitude, unit = magnitude_and_unit(series.array.quantity, title)
        return RawColumn(title, np.asarray(magnitude, dtype=np.float64), unit, binding=True)
    attribute = series.attrs.get("units", series.attrs.get("unit"))
    name = split_header(title)[0]
    attached = attribute if isinstance(attribute, str) else stated.get(name) or stated.get(title)
    kind = getattr(series.dtype, "kind", "O")
    if kind == "m":
        raise InputError(
            f"Column '{title}' of {source} holds time spans; convert it to numbers with "
            f"series.dt.total_seconds() and the unit s."
        )
    if kind == "c":
        raise InputError(f"Column '{title}' of {source} holds complex numbers; give real numbers.")
    if kind in "fiu":
        cells: NDArray[Any] = series.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        cells = series.astype(object).to_numpy(dtype=object)
        filled = [c for c in cells.tolist() if c is not None and c == c]
        if filled and all(is_quantity(c) for c in filled):
            numbers, unit = quantities_in_one_unit(cells.tolist(), title)
            return RawColumn(title, numbers, unit, binding=True)
    return RawColumn(title, cells, attached)


def from_xarray(dataset: "xr.Dataset | xr.DataArray") -> RawTable:
    """Raw table of an xarray Dataset, flattened over its dimensions.

    Coordinates become columns; a dimension without coordinate only numbers its cells and does
    not, nor does a coordinate that numbers the cells of its own dimension without a unit. Units
    come from ``attrs["units"]`` of each variable, or from pint-xarray.
    """
    if type(dataset).__name__ == "DataArray":
        array: Any = dataset
        table: Any = array.to_dataset(name=array.name or "value")
        source = "DataArray"
    else:
        table, source = dataset, "xarray Dataset"
    shape = dict(table.sizes)
    columns = []
    for name in [*table.coords, *table.data_vars]:
        variable = table.variables[name].to_base_variable()
        data: Any = variable.data
        unit = variable.attrs.get("units", variable.attrs.get("unit"))
        binding = is_quantity(data)
        if binding:
            data, unit = magnitude_and_unit(data, str(name))
        flat = variable.copy(data=np.asarray(data)).set_dims(shape).data.ravel()
        if flat.dtype.kind in "mc":
            what = "time spans" if flat.dtype.kind == "m" else "complex numbers"
            raise InputError(
                f"Variable '{name}' of the {source} holds {what}; convert it to real numbers "
                f"with a unit."
            )
        cells = flat.astype(np.float64 if flat.dtype.kind in "fiu" else object)
        is_index = name in table.dims and name in table.coords
        text = None if unit is None else str(unit)
        columns.append(RawColumn(str(name), cells, text, binding, is_index))
    return RawTable(source, columns, np.arange(1, len(columns[0].cells) + 1 if columns else 1))


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
        return RawColumn(name, _column_cells(name, magnitude), unit, binding=True)
    cells = _column_cells(name, values)
    if cells.dtype == object and cells.size and all(is_quantity(c) for c in cells.flat):
        numbers, unit = quantities_in_one_unit(list(cells.flat), name)
        return RawColumn(name, numbers.reshape(cells.shape), unit, binding=True)
    return RawColumn(name, cells)


def _column_cells(name: str, values: Any) -> NDArray[Any]:
    if isinstance(values, str):
        return np.array(values, dtype=object)
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
        raise InputError(
            f"Column '{name}' has shape {cells.shape}; give one value per run (a flat array)."
        )
    if cells.dtype.kind == "c":
        raise InputError(f"Column '{name}' holds complex numbers; give real numbers.")
    if cells.dtype.kind not in "fiu":
        return cells.astype(object)
    return cells.astype(np.float64)
