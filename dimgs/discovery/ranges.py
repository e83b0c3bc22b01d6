"""Ranges of columns as they are asked for: ``0.1..10 m/s``, or a pair of numbers or quantities."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dimgs.errors import InputError
from dimgs.variables import Variable, parse_unit
from dimgs.variables.quantities import Quantity, as_quantity
from dimgs.variables.readings import other_turning


def range_of(given: Any, variable: Variable) -> tuple[float, float]:
    """A range in SI from ``0.1..10 m/s``, or a pair of numbers or quantities.

    Raises
    ------
    InputError

    Examples
    --------
    >>> from dimgs.variables import parse_variable
    >>> range_of("10..250 mm", parse_variable("d [m]"))
    (0.01, 0.25)
    """
    name = f"The range of '{variable.name}'"
    if isinstance(given, str | Mapping | Quantity):
        found = as_quantity(given, name)
        if found.is_label:
            raise InputError(
                f"{name} is '{found}'; write it as '{variable.name}=0.1..10 {variable.unit.text}'."
            )
        ends = [(end, found.unit) for end in found.ends()]
    else:
        both = [as_quantity(end, name) for end in given] if np.ndim(given) == 1 else []
        if len(both) != 2:
            raise InputError(f"{name} needs two ends, such as (0.1, 10).")
        ends = [(end.number(name), end.unit) for end in both]
    low, high = (_in_si(*end, variable) for end in ends)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(f"{name} must be finite and rise, such as 0.1..10.")
    return low, high


def ranges_of(texts: Sequence[str]) -> dict[str, Quantity]:
    """Ranges by column from ``U=0.1..10 m/s``.

    Raises
    ------
    InputError

    Examples
    --------
    >>> ranges_of(["U=0.1..10 m/s"])["U"].ends()
    (0.1, 10.0)
    """
    out: dict[str, Quantity] = {}
    for text in texts:
        name, equals, span = text.partition("=")
        if not equals or not name.strip():
            raise InputError(f"The range '{text}' is not clear; write it as 'U=0.1..10 m/s'.")
        if name.strip() in out:
            raise InputError(f"'{name.strip()}' has two ranges; give one.")
        out[name.strip()] = as_quantity(span, f"The range of '{name.strip()}'")
    return out


def _in_si(number: float, unit: str | None, variable: Variable) -> float:
    own = variable.unit if unit in (None, "1") else parse_unit(str(unit))
    if not variable.unit.accepts(own):
        raise InputError(
            f"The range of '{variable.name}' is in '{unit}', which is no unit of that column; give "
            f"it in '{variable.unit.text}'."
        )
    if doubt := other_turning(variable.name, own, variable.unit):
        raise InputError(f"The range of {doubt}.")
    return float(own.to_si(number))
