"""Ranges of inputs and groups as they are typed: ``D=1e-16..1e-12 m^2/s``, ``t/l^2=1..9``."""

import math
from dataclasses import dataclass

from dimgs.errors import InputError
from dimgs.escape import visible
from dimgs.variables import LABEL, Unit
from dimgs.variables.quantities import NORMAL, as_quantity

# relative: what conversions of units lose; stored numbers have 12 digits
_SLACK = 2e-12
# of letters: the longest group of a dozen inputs takes a fifth of it
_LONGEST = 1000


@dataclass(frozen=True)
class TypedRange:
    """A range of a number in SI units, or a label.

    Attributes
    ----------
    text : str
        As it was typed.
    low, high : float
        Widened by what conversions of units lose; infinite where the range is open.
    unit : Unit
    label : str or None
    """

    text: str
    low: float
    high: float
    unit: Unit
    label: str | None = None


def split_condition(text: str) -> tuple[str, str]:
    """Name or group, and range, of a condition.

    Raises
    ------
    InputError
    """
    name, equals, span = text.partition("=")
    if not equals or not name.strip() or not span.strip() or len(text) > _LONGEST:
        raise InputError(
            f"The condition '{visible(text[:60])}' is no range; write 'D=1e-16..1e-12 m^2/s', "
            f"'l=2 mm' or 'kind=resin'."
        )
    return name.strip(), span.strip()


def read_range(text: str, name: str = "") -> TypedRange:
    """Range from its text; an interval is the range between its bounds.

    Raises
    ------
    InputError
        If it cannot be read, or the ends are reversed.

    Examples
    --------
    >>> r = read_range("1..20 degC")
    >>> round(r.low, 6), round(r.high, 6)
    (274.15, 293.15)
    >>> read_range("resin").label, read_range("..5e-3 m").low
    ('resin', -inf)
    """
    what = f"The range of '{visible(name[:60])}'" if name else "The range"
    quantity = as_quantity(text, what)
    if isinstance(quantity.value, str):
        return TypedRange(text, math.nan, math.nan, LABEL, quantity.value)
    if quantity.dist == NORMAL:
        raise InputError(f"{what} is '{visible(text[:60])}', a standard error; give both ends.")
    unit = quantity.parsed
    ends = [float(unit.to_si(end)) for end in quantity.ends()]
    low, high = (
        end + way * _SLACK * abs(end) if math.isfinite(end) else end
        for end, way in zip(ends, (-1, 1), strict=True)
    )
    return TypedRange(text, low, high, unit)
