"""Ranges of inputs and groups as they are typed: ``D=1e-16..1e-12 m^2/s``, ``t/l^2=1..9``."""

import math
import re
from dataclasses import dataclass

from dimgs.errors import InputError
from dimgs.escape import visible
from dimgs.variables import Unit, parse_unit

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SPAN = re.compile(rf"({_NUMBER})?\s*\.\.\s*({_NUMBER})?(?:\s+(\S.*)|([^\d\s.].*))?")
_ONE = re.compile(rf"({_NUMBER})(?:\s+(\S.*)|([^\d\s.].*))?")
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


def read_range(text: str) -> TypedRange:
    """Range from its text.

    Raises
    ------
    InputError
        If its unit cannot be read, or the ends are reversed.

    Examples
    --------
    >>> r = read_range("1..20 degC")
    >>> round(r.low, 6), round(r.high, 6)
    (274.15, 293.15)
    >>> read_range("resin").label, read_range("..5e-3 m").low
    ('resin', -inf)
    """
    span, one = _SPAN.fullmatch(text), _ONE.fullmatch(text)
    if span is not None and (span[1] or span[2]):
        low, high, written = span[1] or "-inf", span[2] or "inf", span[3] or span[4]
    elif one is not None:
        low, high, written = one[1], one[1], one[2] or one[3]
    else:
        return TypedRange(text, math.nan, math.nan, parse_unit("label"), text)
    unit = parse_unit((written or "1").strip())
    ends = [float(unit.to_si(float(end))) for end in (low, high)]
    if ends[0] > ends[1]:
        raise InputError(
            f"The range '{visible(text[:60])}' is reversed; give the smaller end first."
        )
    low, high = (
        end + way * _SLACK * abs(end) if math.isfinite(end) else end
        for end, way in zip(ends, (-1, 1), strict=True)
    )
    return TypedRange(text, low, high, unit)


def is_range(text: str) -> bool:
    """Whether a text is a range of numbers, such as ``1..20 degC``.

    Examples
    --------
    >>> is_range("1..20 degC"), is_range("..5 m"), is_range("20 degC"), is_range("res..in")
    (True, True, False, False)
    """
    span = _SPAN.fullmatch(text.strip())
    return span is not None and bool(span[1] or span[2])


def read_value(text: str) -> tuple[float | str, str]:
    """Number with its unit, or a label, of one value.

    Examples
    --------
    >>> read_value("1e-14 m^2/s"), read_value("resin"), read_value("3")
    ((1e-14, 'm^2/s'), ('resin', 'label'), (3.0, '1'))
    """
    one = _ONE.fullmatch(text.strip())
    if one is None:
        return text.strip(), "label"
    return float(one[1]), (one[2] or one[3] or "1").strip()
