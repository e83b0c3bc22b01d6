"""Ranges of columns as they are asked for: ``0.1..10 m/s``, or a pair of numbers or quantities."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from dimgs.errors import InputError
from dimgs.variables import Variable, parse_unit
from dimgs.variables.quantities import is_quantity

_RANGE = re.compile(r"^\s*(?P<low>[^\s.]\S*?)\s*\.\.\s*(?P<high>\S+)\s*(?P<unit>.*)$")


def range_of(text: Any, variable: Variable) -> tuple[float, float]:
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
    name, unit = variable.name, variable.unit
    if isinstance(text, str):
        found = _RANGE.match(text)
        try:
            ends = [float(found["low"]), float(found["high"])] if found else []
        except ValueError:
            ends = []
        if found is None or len(ends) != 2:
            raise InputError(
                f"The range of '{name}' is '{text}'; write it as '{name}=0.1..10 {unit.text}'."
            )
        if found["unit"].strip():
            unit = parse_unit(found["unit"])
            if not variable.unit.accepts(unit):
                raise InputError(
                    f"The range of '{name}' is in '{unit.text}', which is no unit of that column; "
                    f"give it in '{variable.unit.text}'."
                )
        low, high = (float(unit.to_si(x)) for x in ends)
    else:
        pair = list(text) if isinstance(text, Sequence | np.ndarray) else []
        if len(pair) != 2:
            raise InputError(f"The range of '{name}' needs two ends, such as (0.1, 10).")
        low, high = (_end(x, variable) for x in pair)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(f"The range of '{name}' must be finite and rise, such as 0.1..10.")
    return low, high


def ranges_of(texts: Sequence[str]) -> dict[str, str]:
    """Ranges by column from ``U=0.1..10 m/s``.

    Raises
    ------
    InputError

    Examples
    --------
    >>> ranges_of(["U=0.1..10 m/s"])
    {'U': '0.1..10 m/s'}
    """
    out: dict[str, str] = {}
    for text in texts:
        name, equals, span = text.partition("=")
        if not equals or not name.strip():
            raise InputError(f"The range '{text}' is not clear; write it as 'U=0.1..10 m/s'.")
        if name.strip() in out:
            raise InputError(f"'{name.strip()}' has two ranges; give one.")
        out[name.strip()] = span.strip()
    return out


def _end(value: Any, variable: Variable) -> float:
    if is_quantity(value):
        from dimgs.variables.quantities import magnitude_and_unit

        number, text = magnitude_and_unit(value, variable.name)
        unit = parse_unit(text)
        if not variable.unit.accepts(unit):
            raise InputError(
                f"The range of '{variable.name}' is in '{text}'; give it in '{variable.unit.text}'."
            )
        return float(unit.to_si(float(number)))
    return float(variable.unit.to_si(float(value)))
