"""Rounded columns: the steps of their last digits, as standard errors.

A reading that was rounded to a step d lies anywhere within half a step of its number: it has a
uniform error with the standard deviation d/√12. Digits alone do not show whether a column holds
readings or values that somebody set (300 K, 350 K), so that only the user can say it.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.dataset.conversion import from_si
from dimgs.dataset.dataset import Dataset
from dimgs.variables import Variable
from dimgs.variables.quantities import parse_quantity

# digits of a number that a person wrote; further ones are those of a conversion
_DIGITS = 12


def steps_of(numbers: Array) -> Array:
    """Step to which each number of a column was rounded: equal decimals, or equal digits.

    Of the grids that hold all numbers, the one with the larger steps is the likelier: a number
    that was not rounded to it would lie on it with a chance as small as the grid is coarse.

    Parameters
    ----------
    numbers : ndarray of shape (n_runs,)
        In the unit in which they were written; blank cells are NaN.

    Examples
    --------
    >>> steps_of(np.array([0.5, 12.0, 37.2])).tolist()
    [0.1, 0.1, 0.1]
    >>> steps_of(np.array([0.051, 0.12, 3.4, 57.0])).tolist()
    [0.001, 0.01, 0.1, 1.0]
    """
    used = np.flatnonzero(np.isfinite(numbers) & (numbers != 0))
    written = [Decimal(f"{x:.{_DIGITS}g}").normalize() for x in numbers[used].tolist()]
    last = np.array([d.as_tuple().exponent for d in written], dtype=np.float64)
    first = np.array([d.adjusted() for d in written], dtype=np.float64)
    if not len(used):
        return np.full(len(numbers), np.nan)
    decimals, digits = np.full(len(used), last.min()), first - (first - last).max()
    places = decimals if decimals.sum() >= digits.sum() else digits
    out = np.full(len(numbers), 10.0 ** places.min())
    out[used] = 10.0**places
    return out


def relative_steps(data: Dataset, name: str) -> Array:
    """Step to which each value of a column was rounded, over the value.

    Examples
    --------
    >>> relative_steps(Dataset.from_columns({"d [mm]": [0.5, 2.0]}), "d").round(2).tolist()
    [0.2, 0.5]
    """
    values = from_si(data[name], data.variable(name).unit)
    with np.errstate(all="ignore"):
        return np.asarray(steps_of(values) / values)


def with_rounding(data: Dataset, rounded: Iterable[str]) -> Dataset:
    """Dataset with the errors of rounded columns, beside those that are stated.

    Parameters
    ----------
    data : Dataset
    rounded : iterable of str
        Names of columns, whose digits give the step, or ``NAME=STEP`` with the step as a number in
        the unit of the column or as a quantity, such as ``d=0.5 mm``.

    Raises
    ------
    InputError
        If a column does not hold numbers, or a step is none.

    Examples
    --------
    >>> data = Dataset.from_columns({"d [mm]": [1.2, 3.4]})
    >>> (with_rounding(data, ["d"]).errors["d"] * 12**0.5).round(6).tolist()
    [0.0001, 0.0001]
    """
    errors, names = dict(data.errors), list(data.rounded)
    for text in rounded:
        name, _, step = (part.strip() for part in text.partition("="))
        variable = data.variable(name)
        if variable.is_label:
            raise InputError(f"'{name}' given to {setting('rounded')} holds labels, not numbers.")
        if name in names:
            continue
        unit = variable.unit
        if step:
            sizes = np.full(len(data), _step_in_si(step, variable))
        else:
            sizes = steps_of(from_si(data[name], unit)) * unit.factor
        errors[name] = np.hypot(errors.get(name, 0.0), sizes / np.sqrt(12.0))
        names.append(name)
    return replace(data, errors=errors, rounded=tuple(names))


def _step_in_si(text: str, variable: Variable) -> float:
    """A step that somebody gave, in the SI unit of its column."""
    quantity = parse_quantity(text, f"The step of '{variable.name}'")
    unit = variable.unit if quantity.unit in (None, "1") else quantity.parsed
    step = quantity.number(f"The step of '{variable.name}'")
    if not step > 0 or unit.dimension != variable.unit.dimension:
        raise InputError(
            f"The step of '{variable.name}' is '{text}'; give one above zero in a unit of the "
            f"column, such as '{variable.name}=0.1 {variable.unit.text}'."
        )
    return step * unit.factor
