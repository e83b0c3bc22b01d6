"""Numbers out of SymPy expressions, and tables of values into the symbols they need."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.dataset import Dataset
from dimgs.design.features import label_texts
from dimgs.errors import InputError
from dimgs.variables import Variable
from dimgs.variables.quantities import unit_of

Array = NDArray[np.float64]


@lru_cache(maxsize=512)
def _compiled(expression: sympy.Expr, names: tuple[str, ...]) -> Any:
    symbols = [sympy.Symbol(name) for name in names]
    return sympy.lambdify(symbols, expression, modules=["scipy", "numpy"])


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
    with np.errstate(all="ignore"):
        result = _compiled(expression, names)(*(values[name] for name in names))
    return np.broadcast_to(np.asarray(result, dtype=np.float64), (n,)).copy()


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
) -> Inputs:
    """SI values of the named variables from a Dataset or a mapping of name to values.

    Parameters
    ----------
    data : Dataset or mapping of str to array-like or Pint quantity
        Plain arrays are SI values. A column of the law that is absent is an error.
    variables : sequence of Variable
        Inputs that the law needs.
    labels : sequence of str
        Label columns that the law can use if they are there.
    optional : sequence of Variable
        Inputs that the law can use if they are there.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        If a column is absent or has another dimension than the law's.
    """
    if isinstance(data, Dataset):
        return _from_dataset(data, variables, labels, optional)
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        data = {str(name): data[name].to_numpy() for name in data.columns}
    if not isinstance(data, Mapping):
        raise InputError(
            f"A law predicts from a Dataset or a mapping of column to values, not from "
            f"{type(data).__name__}; read tables with dimgs.read_table."
        )
    missing = [v.name for v in variables if v.name not in data]
    if missing:
        raise InputError(f"The input '{missing[0]}' is missing; the law needs {_list(variables)}.")
    used = [*variables, *(v for v in optional if v.name in data)]
    columns = {v.name: _si_values(v, data[v.name]) for v in used}
    n = max((len(c) for c in columns.values()), default=1)
    for name, column in columns.items():
        if len(column) not in (1, n):
            raise InputError(f"The input '{name}' has {len(column)} values where others have {n}.")
    values = {k: np.broadcast_to(c, (n,)) for k, c in columns.items()}
    kept = {k: np.broadcast_to(_labels(data[k]), (n,)) for k in labels if k in data}
    tagged = any(hasattr(data[v.name], "dimensionality") for v in variables)
    given = [data[v.name] for v in used]
    scalar = bool(given) and all(np.ndim(getattr(x, "magnitude", x)) == 0 for x in given)
    return Inputs(values, kept, n, tagged, scalar)


def _labels(values: Any) -> NDArray[np.str_]:
    if hasattr(values, "to_base_units"):
        values = values.to_base_units().magnitude
    return label_texts(np.atleast_1d(values))


def _from_dataset(
    data: Dataset,
    variables: Sequence[Variable],
    labels: Sequence[str],
    optional: Sequence[Variable],
) -> Inputs:
    used = [*variables, *(v for v in optional if v.name in data.names)]
    for variable in used:
        own = data.variable(variable.name)
        if own.is_label or own.dimension != variable.dimension:
            raise InputError(
                f"Column '{variable.name}' has the unit '{own.unit.text}' in {data.source}, but "
                f"the law needs the dimension of '{variable.unit.text}'."
            )
    values = {v.name: np.asarray(data[v.name], dtype=np.float64) for v in used}
    kept = {k: label_texts(data[k]) for k in labels if k in data.names}
    return Inputs(values, kept, data.n_runs, True)


def _si_values(variable: Variable, values: Any) -> Array:
    if hasattr(values, "dimensionality") and hasattr(values, "units"):
        unit = unit_of(values, variable.name)
        if unit.dimension != variable.dimension:
            raise InputError(
                f"The input '{variable.name}' is given in '{values.units}', but the law needs the "
                f"dimension of '{variable.unit.text}'."
            )
        magnitude = np.asarray(values.magnitude, dtype=np.float64)
        return np.atleast_1d(unit.to_si(magnitude))
    if isinstance(values, list | tuple) and any(hasattr(x, "dimensionality") for x in values):
        return np.concatenate([_si_values(variable, x) for x in values])
    try:
        return np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(f"The input '{variable.name}' is not numeric: {error}.") from error


def _list(variables: Sequence[Variable]) -> str:
    return ", ".join(f"{v.name} [{v.unit.text}]" for v in variables)
