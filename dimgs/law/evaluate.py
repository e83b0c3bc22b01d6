"""Numbers out of SymPy expressions, and tables of values into the symbols they need."""

import warnings
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsWarning, InputError
from dimgs.dataset import Dataset
from dimgs.dataset.checks import with_notes
from dimgs.dataset.data_frames import raw_columns
from dimgs.dataset.raw import ReadOptions, titled_columns
from dimgs.dataset.read import build, dataset_of, raw_table
from dimgs.expression.compiled import compiled, real_values
from dimgs.fits.design import label_texts
from dimgs.variables import DIMENSIONLESS, Unit, Variable, split_header
from dimgs.variables.quantities import Quantity, as_quantity
from dimgs.variables.readings import other_turning


def evaluate(expression: sympy.Expr, values: Mapping[str, Any], n: int) -> Array:
    """Value of an expression in each of `n` rows; NaN where it is not real.

    Parameters
    ----------
    expression : sympy.Expr
    values : mapping of str to float or ndarray of shape (n,)
        Every free symbol of the expression.
    n : int

    Returns
    -------
    ndarray of shape (n,)
    """
    names = tuple(sorted(str(s) for s in expression.free_symbols))
    # NumPy's own numbers end in infinity or NaN where Python's raise, or become complex
    numbers = [np.asarray(values[name], dtype=np.float64)[()] for name in names]
    with np.errstate(all="ignore"):
        result = real_values(compiled(expression, names)(*numbers))
    return np.broadcast_to(result, (n,)).copy()


def evaluate_each(expressions: Iterable[sympy.Expr], values: Mapping[str, Any], n: int) -> Array:
    """Values of several expressions as of :func:`evaluate`, of shape (n, n_expressions)."""
    columns = [evaluate(each, values, n) for each in expressions]
    return np.column_stack(columns) if columns else np.zeros((n, 0))


class Inputs(NamedTuple):
    """Values of a law's inputs in SI units; `scalar` where each was given as a single number."""

    values: dict[str, Array]
    labels: Mapping[str, NDArray[np.str_]]
    n: int
    with_units: bool
    scalar: bool = False

    def like(self, values: Array) -> Any:
        """Values of the rows, or the number where single numbers were given."""
        return values[0] if self.scalar else values


def inputs_of(
    data: Any,
    variables: Sequence[Variable],
    labels: Sequence[str] = (),
    optional: Sequence[Variable] = (),
    plain_units: Mapping[str, str] | None = None,
) -> Inputs:
    """SI values of the named variables from anything that `read_table` takes.

    Parameters
    ----------
    data : Dataset, path, pandas.DataFrame, xarray.Dataset or mapping
        A mapping's values are Pint quantities, arrays or scalars; plain numbers are in the
        coherent SI unit of the variable. In every other container an input with a dimension needs
        a unit. Columns that are not asked for are ignored.
    variables : sequence of Variable
        Inputs that the law needs.
    labels : sequence of str
        Label columns that the law can use if they are there.
    optional : sequence of Variable
        Inputs that the law can use if they are there.
    plain_units : mapping of str to str, optional
        Units of plain numbers in a mapping where they are not SI.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        If a column is absent, has no unit where it needs one, or has another dimension than the
        law's.

    Warns
    -----
    DimgsWarning
        For a unit whose literal reading is improbable, and a frequency in Hz where the law was
        found with rad/s or rpm, or the other way round.
    """
    table, tagged = input_table(data, variables, labels, optional, plain_units=plain_units)
    used = [*variables, *(v for v in optional if v.name in table.names)]
    # what a Dataset itself warns of was said when it was read
    for note in _turning_notes(table, used) if isinstance(data, Dataset) else table.warnings:
        warnings.warn(note, DimgsWarning, stacklevel=4)
    in_mapping = isinstance(data, Mapping)
    for variable in used:
        _check_unit(variable, table.variable(variable.name).unit, in_mapping)
    values = {v.name: np.asarray(table[v.name], dtype=np.float64) for v in used}
    kept = {k: label_texts(table[k]) for k in labels if k in table.names}
    scalar = in_mapping and _are_scalars(data, list(values))
    return Inputs(values, kept, table.n_runs, tagged, scalar)


def input_table(
    data: Any,
    variables: Sequence[Variable],
    labels: Sequence[str] = (),
    optional: Sequence[Variable] = (),
    options: ReadOptions | None = None,
    plain_units: Mapping[str, str] | None = None,
) -> tuple[Dataset, bool]:
    """Dataset of the inputs alone, and whether any of them has a unit of its own.

    Parameters
    ----------
    data, variables, labels, optional, plain_units
        As in :func:`inputs_of`.
    options : ReadOptions, optional
        Of the reader, for what only a file needs.
    """
    wanted = [*(v.name for v in (*variables, *optional)), *labels]
    chosen = options or ReadOptions()
    if isinstance(data, Dataset):
        _require(variables, data.names)
        return dataset_of(data, replace(chosen, columns=_present(wanted, data.names))), True
    # xarray's Dataset is a mapping too, and says what its numbers mean or is refused
    plain = isinstance(data, Mapping) and not hasattr(data, "data_vars")
    defaults = {v.name: v.si_unit for v in (*variables, *optional) if plain or _is_bare(v)}
    defaults |= dict.fromkeys(labels, "label")
    if plain:
        defaults |= plain_units or {}
    chosen = replace(chosen, defaults=defaults, find_duplicates=False)
    if plain:
        used = {str(k): v for k, v in data.items() if split_header(str(k))[0] in wanted}
        raw = raw_columns(dict(_titled(k, v) for k, v in used.items()), repeated=True)
    else:
        raw = raw_table(data, chosen)
    titled, _ = titled_columns(raw, replace(chosen, defaults={}))
    units = {t.name: t.unit for t in titled}
    _require(variables, units)
    bare = [n for n in wanted if n in units and units[n] is None and n not in chosen.defaults]
    if bare:
        named = {v.name: v.unit.text for v in (*variables, *optional)}
        listed = ", ".join(f"'{n}'" for n in bare)
        raise InputError(
            f"The law needs the unit of {listed}, and {raw.source} gives none; name the column "
            f"'{bare[0]} [{named[bare[0]]}]', or pass a mapping of plain arrays in SI units."
        )
    table = build(raw, replace(chosen, columns=_present(wanted, units)))
    given = [v for v in (*variables, *optional) if v.name in table.names]
    table = with_notes(table, (), _turning_notes(table, given))
    return table, any(units[v.name] is not None for v in variables)


def _turning_notes(table: Dataset, variables: Sequence[Variable]) -> list[str]:
    """Frequencies of a table that count turns otherwise than those the law was found with."""
    units = {v.name: table.variable(v.name).unit for v in variables}
    notes = [other_turning(v.name, units[v.name], v.unit) for v in variables]
    return [f"The input {note}." for note in notes if note]


def _titled(name: str, value: Any) -> tuple[str, Any]:
    """A quantity that is written as a text or mapping as a number under a header with its unit."""
    pair = isinstance(value, tuple) and list(map(type, value)) in ([float, str], [int, str])
    if not (pair or isinstance(value, str | Mapping | Quantity)):
        return name, value
    quantity = as_quantity(value, f"The input '{name}'")
    if quantity.is_label or quantity.unit is None or split_header(name)[1] is not None:
        return name, value
    return f"{name} [{quantity.unit}]", quantity.number(f"The input '{name}'")


def _present(wanted: Sequence[str], names: Container[str]) -> list[str]:
    return [n for n in dict.fromkeys(wanted) if n in names]


def _require(variables: Sequence[Variable], names: Container[str]) -> None:
    missing = next((v.name for v in variables if v.name not in names), None)
    if missing is not None:
        listed = ", ".join(f"{v.name} [{v.unit.text}]" for v in variables)
        raise InputError(f"The input '{missing}' is missing; the law needs {listed}.")


def _is_bare(variable: Variable) -> bool:
    """Whether a number of the variable means the same without a unit."""
    unit = variable.unit
    return unit.dimension.is_dimensionless and unit.scale == "ratio" and unit.factor == 1.0


def _are_scalars(data: Mapping[str, Any], names: Sequence[str]) -> bool:
    values = [v for k, v in data.items() if split_header(str(k))[0] in names]
    return bool(values) and all(np.ndim(getattr(x, "magnitude", x)) == 0 for x in values)


def _check_unit(variable: Variable, unit: Unit, in_mapping: bool) -> None:
    # a quantity of a level is a plain number in the level's own unit (Dataset.quantity)
    if in_mapping and variable.is_level and unit == DIMENSIONLESS:
        return
    if not variable.unit.accepts(unit):
        raise InputError(
            f"The input '{variable.name}' is given in '{unit.text}', but the law needs the "
            f"dimension of '{variable.unit.text}'."
        )
