"""Quantities: what people write, JSON and Pint quantities -> numbers, intervals and a unit.

The one reader of quantities for the command line, plans, the hub, the web, tools and Python. A
text is read whole or refused: it never has a value of which a part was passed over.
"""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, located
from dimgs.common.formats import shown
from dimgs.variables.units import (
    LABEL_TEXTS,
    Dimension,
    Unit,
    define_unit,
    exact_exponent,
    improbable,
    parse_unit,
    registry,
    si_unit,
    unit_text,
)

# what an interval says: nothing beyond it is possible, or it is one standard error to each side
BOUNDS, NORMAL = "bounds", "normal"
_KEYS = ("value", "unit", "low", "high", "dist")
# characters: twice the longest unit
_LONGEST = 400
# powers of ten: no float is beyond, and 10**exponent is never made of what somebody typed
_BEYOND = 400
_SUPERSCRIPTS = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹−–", "-+0123456789--")
_BLANK = "[ \u00a0\u2009\u202f]?"
_TEN = (
    r"10(?:(?:\^|\*\*)(?:\{[-+−–]?[0-9]+\}|\([-+−–]?[0-9]+\)|[-+−–]?[0-9]+)"
    r"|[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
)
_NUMBER = re.compile(
    rf"(?P<sign>[-+−])?(?:(?P<alone>{_TEN})(?![0-9.(])"
    r"|(?P<above>[0-9]{1,9})/(?P<below>[0-9]{1,9})(?![0-9.(/eE])"
    # groups of three, where a blank that does not break holds them together
    r"|(?P<digits>(?:[1-9][0-9]{0,2}(?:[\u00a0\u2009\u202f][0-9]{3})+(?![0-9])|[0-9]+)(?:\.(?!\.)[0-9]*)?"
    r"|\.[0-9]+)"
    rf"(?:\((?P<last>[0-9]+)\))?(?:[eE](?P<e>[-+−–]?[0-9]+)|(?P<times>{_BLANK}[×·⋅x*]{_BLANK}{_TEN}))?)"
)
_QUOTED = re.compile(r"'.*'|\".*\"")
_NUMERIC = re.compile(r"\(?\s*[-+−–±]?\s*(?:\.?[0-9]|\.\.)|.*\.\.|[-+−]?(?:nan|inf)", re.IGNORECASE)
_DOTS = re.compile(r"\s*\.\.\s*")
_BETWEEN = re.compile(r"\s*(?P<dash>–|-|−)\s*(?=[-+−.0-9])|\s+to\s+(?=[-+−.0-9])")
_SPREAD = re.compile(r"\s*(?:±|\+/[-−])\s*")
_IN_BRACKETS = re.compile(r"\((?P<inside>[^()]*(?:±|\+/[-−])[^()]*)\)(?P<after>.*)")
_TIMES_TEN = re.compile(rf"{_BLANK}[×·⋅x*]{_BLANK}({_TEN})(?![0-9.])")
# an exponent of FORTRAN, or one that a blank parts from its number: no charge or day to a power
_OTHER_EXPONENT = re.compile(r"(?:[eEdD][\s^]*|\s+[eE]\s*)[-+−–]?[0-9]")
_TWO_NUMBERS = re.compile(r"[0-9]|\.(?!\.)|\.{3}")
# of a unit: what none begins with, words in brackets, and numbers that are neither powers nor, as
# in l/(100*km), a factor of what follows them
_NO_UNIT = re.compile(r"(?!1\s*/\s*[^\W\d])[-−–/0-9.×·⋅∙*^]|[x(]\s*[0-9.]|.*\s[-−–]\s*[0-9]")
_REMARK = re.compile(r"(?<![*/^·⋅×\s])\s+\(")
_OF_PERCENT = re.compile(r"%\s*(?P<unit>[^\W\d].*)")
_DIVISOR = re.compile(r"(?<![0-9])\s*/\s*\(?\s*[0-9.]+(?![0-9.]|\s*\*?\s*[^\W\d])")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, an interval of numbers, or a label.

    Parameters
    ----------
    value : float, str or None
        In `unit`; the text of a label; None of a range, which has ends alone.
    unit : str or None
        "1" where it has none, "label" of a label; None of a plain number, which is in the unit of
        whatever it is given for.
    low, high : float, optional
        Ends of the interval, in `unit`; infinite where a range is open.
    dist : {"bounds", "normal"}
        What the ends are: bounds, or one standard error below and above the value.
    text : str
        As it was written.
    step : float
        Half of the last digit that was written.

    Examples
    --------
    >>> parse_quantity("30 ± 2 mm").low, parse_quantity("20..200 µm").value
    (28.0, None)
    """

    value: float | str | None
    unit: str | None = "1"
    low: float | None = None
    high: float | None = None
    dist: str = BOUNDS
    text: str = ""
    step: float = 0.0

    @property
    def is_label(self) -> bool:
        """Whether it is a text and no number."""
        return isinstance(self.value, str)

    @property
    def is_range(self) -> bool:
        """Whether it has ends, and no value between them."""
        return self.value is None

    @property
    def is_interval(self) -> bool:
        """Whether it has ends that differ."""
        return self.low is not None and self.low != self.high

    @property
    def parsed(self) -> Unit:
        """Its unit."""
        return parse_unit(self.unit or "1")

    def number(self, name: str = "The quantity") -> float:
        """The value, where it is one number.

        Raises
        ------
        InputError
            If it is an interval, a range or a label.

        Examples
        --------
        >>> parse_quantity("30 ± 2 mm").number("'L'")
        Traceback (most recent call last):
        dimgs.common.errors.InputError: 'L' is '30 ± 2 mm', an interval, and one number is needed
        here.
        """
        if isinstance(self.value, str):
            raise InputError(
                f"{name} is '{shown(self.value)}'; give a number with its unit, such as '80 µm'."
            )
        if self.value is None or self.is_interval:
            what = "a range" if self.value is None else "an interval"
            raise InputError(f"{name} is '{shown(self)}', {what}, and one number is needed here.")
        return self.value

    def ends(self, widening: float = 1.0) -> tuple[float, float]:
        """Ends of the interval in `unit`; the value itself twice where it has none.

        Parameters
        ----------
        widening : float
            Standard errors that an interval of a standard error has to each side; bounds stay.
        """
        if self.low is None or self.high is None:
            value = self.number()
            return value, value
        if self.dist == NORMAL and isinstance(self.value, float):
            below, above = self.value - self.low, self.high - self.value
            return self.value - widening * below, self.value + widening * above
        return self.low, self.high

    def to_json(self) -> dict[str, Any]:
        """The quantity as in a JSON document."""
        document: dict[str, Any] = {"unit": self.unit or "1"}
        if self.value is not None:
            document = {"value": self.value, **document}
        ends = {"low": self.low, "high": self.high}
        document |= {k: end for k, end in ends.items() if end is not None and math.isfinite(end)}
        return document if self.dist == BOUNDS else {**document, "dist": self.dist}

    def __str__(self) -> str:
        return self.text or str(self.to_json())


def meaning_of(quantity: Quantity) -> str:
    """Meaning of the interval of a quantity, in words: bounds or a standard error.

    Examples
    --------
    >>> print(meaning_of(parse_quantity("30 ± 2 mm")))
    '30 ± 2 mm' gives bounds: every value from 28 to 32 mm, and none beyond
    >>> print(meaning_of(parse_quantity("0.48(3) mm")))
    '0.48(3) mm' gives a standard error: 0.03 mm below and 0.03 mm above the value
    """
    low, high = quantity.ends()
    unit = "" if quantity.unit in (None, "1") else f" {quantity.unit}"
    name = f"'{shown(quantity.text)}'" if quantity.text else "the interval"
    if quantity.dist == NORMAL and isinstance(quantity.value, float):
        below, above = (f"{end:.3g}{unit}" for end in (quantity.value - low, high - quantity.value))
        return f"{name} gives a standard error: {below} below and {above} above the value"
    return f"{name} gives bounds: every value from {low:g} to {high:g}{unit}, and none beyond"


def is_numeric(text: str) -> bool:
    """Whether a text begins as a number or range does; any other is a label.

    Examples
    --------
    >>> is_numeric("30 ± x"), is_numeric("nan..1"), is_numeric("resin")
    (True, True, False)
    """
    return _NUMERIC.match(text.strip()) is not None


def parse_quantity(text: str, name: str = "The quantity") -> Quantity:
    """Quantity from its text.

    Read are ``30 mm``, ``1/3``, ``1.2e-3 m``, ``1.2×10⁻³ m``; the intervals ``30 ± 2 mm``,
    ``(30 ± 2) mm``, ``30 mm +/- 2 mm``, ``30 mm ± 5 %``, ``0.48(3) mm``; and the ranges
    ``20..200 µm``, ``20–200 µm``, ``20 to 200 µm``, which may be open (``..5 mm``). What ± gives
    are bounds. The digits in brackets are a standard error of the last digits, as the GUM (2008,
    7.2.2) writes it. A comma in a number, blanks between digits, a hyphen between two numbers and
    anything else that has more than one reading is refused.

    Parameters
    ----------
    text : str
    name : str
        What it is, for messages.

    Returns
    -------
    Quantity

    Raises
    ------
    InputError
        If the text is not wholly understood.

    Examples
    --------
    >>> q = parse_quantity("1e-14 m²/s ± 50 %")
    >>> q.value, q.low, q.high, q.unit
    (1e-14, 5e-15, 1.5e-14, 'm²/s')
    >>> q = parse_quantity("0.48(3) mm")
    >>> q.value, round(q.low, 9), q.dist
    (0.48, 0.45, 'normal')
    >>> parse_quantity("12 µm (0.5 mil)", "'l'")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: 'l' is '12 µm (0.5 mil)'; what is in the brackets is not clear,
    leave it out.
    """
    try:
        if len(text) > _LONGEST:
            raise InputError(f"give at most {_LONGEST} characters")
        return _parsed(text.strip())
    except _UnitError as error:
        raise InputError(f"{name} is '{shown(text)}': {error}") from error
    except InputError as error:
        raise InputError(f"{name} is '{shown(text)}'; {error}.") from error


def as_quantity(source: Any, name: str = "The quantity") -> Quantity:
    """Quantity, range or label from a text, a number, JSON or a Pint quantity.

    Parameters
    ----------
    source : str, float, (value, unit), mapping, pint.Quantity or Quantity
        A mapping is ``{"value", "unit"}`` with optional ``"low"``, ``"high"`` and ``"dist"``; a
        range has its ends alone. A plain number has no unit of its own.
    name : str
        What it is, for messages.

    Raises
    ------
    InputError
        If it cannot be read, is not finite, or has a key that no quantity has.

    Examples
    --------
    >>> as_quantity({"value": 1, "unit": "day"}).value, as_quantity("resin").unit
    (1.0, 'label')
    >>> as_quantity({"value": 1, "unit": "day", "error": 0.1}, "'t'")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: 't' has the key 'error', which no quantity has; give value and
    unit, and low, high and dist ('bounds' or 'normal') where it has an interval.
    """
    if isinstance(source, Quantity):
        return source
    if isinstance(source, str):
        text = source.strip()
        if _QUOTED.fullmatch(text):
            return _label(text[1:-1])
        return parse_quantity(text, name) if is_numeric(text) else _label(text)
    if isinstance(source, Mapping):
        return _of_mapping(source, name)
    if is_quantity(source):
        number, unit = magnitude_and_unit(source, name.strip("'"))
        return Quantity(_plain(number, name), unit)
    if isinstance(source, tuple | list) and len(source) == 2 and isinstance(source[1], str | None):
        value, unit = source
        return as_quantity(value if unit is None else {"value": value, "unit": unit}, name)
    return Quantity(_plain(source, name), None)


def stored(value: Any) -> Any:
    """Quantity in a stored value, without its further keys such as the safe side."""
    return {k: v for k, v in value.items() if k in _KEYS} if isinstance(value, Mapping) else value


def _label(text: str) -> Quantity:
    return Quantity(text, "label", text=text)


def _of_mapping(fields: Mapping[Any, Any], name: str) -> Quantity:
    odd = next((key for key in fields if key not in _KEYS), None)
    if odd is not None:
        raise InputError(
            f"{name} has the key '{shown(odd)}', which no quantity has; give value and unit, and "
            f"low, high and dist ('bounds' or 'normal') where it has an interval."
        )
    value, unit, dist = fields.get("value"), fields.get("unit", "1"), fields.get("dist", BOUNDS)
    if not isinstance(unit, str):
        raise InputError(f"{name} has the unit {unit!r:.60}; give a text, such as 'mm'.")
    if isinstance(value, str) and (unit in LABEL_TEXTS or not is_numeric(value)):
        return _label(value.strip())
    with located(name):
        if parse_unit(unit).scale == "label":
            raise InputError(f"{shown(value)} is not text, and so no label.")
    if isinstance(value, str):
        read = parse_quantity(value, name)
        if "1" not in (read.unit, unit) or not set(fields) <= {"value", "unit"}:
            raise InputError(f"{name} is '{shown(value)}' in '{shown(unit)}'; give one unit.")
        return read if unit == "1" else replace(read, unit=unit, text=f"{value} {unit}")
    number, low, high = (
        None if end is None else _plain(end, name)
        for end in (value, fields.get("low"), fields.get("high"))
    )
    if number is None and low is None and high is None:
        raise InputError(f"{name} has no value; give a number with its unit, such as '80 µm'.")
    if dist not in (BOUNDS, NORMAL) or (dist == NORMAL and None in (number, low, high)):
        raise InputError(
            f"{name} has the dist '{shown(dist)}'; give 'bounds', or 'normal' with value, low and "
            f"high: one standard error to each side."
        )
    if low is None and high is None:
        return Quantity(number, unit)
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    if not low <= (low if number is None else number) <= high:
        raise InputError(
            f"{name} is {shown(dict(fields))}; give low, value and high in this order."
        )
    return Quantity(number, unit, low, high, dist)


def _plain(value: Any, name: str) -> float:
    try:
        if isinstance(value, str | bytes | bool | np.bool_) or np.ndim(value):
            raise TypeError
        number = float(value)
    except OverflowError as error:
        raise InputError(f"{name} is too large; give a finite number.") from error
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{name} is '{shown(value)}'; give a number with its unit, such as '80 µm' or "
            f'{{"value": 80, "unit": "µm"}}.'
        ) from error
    if not math.isfinite(number):
        raise InputError(f"{name} is {number}; give a finite number.")
    return number


class _UnitError(InputError):
    """A unit that cannot be read: its message is a sentence."""


class _Number(NamedTuple):
    """A number at the beginning of a text."""

    value: float
    # half of its last digit, and the standard error that brackets give
    step: float
    error: float | None
    # whether a power of ten is written with a sign of multiplication
    times: bool
    rest: str


def _parse_number(
    text: str, what: str = "it begins with no number, such as 80 or 1.2e-3"
) -> _Number:
    match = _NUMBER.match(text)
    if match is None:
        raise InputError(what)
    rest = text[match.end() :]
    if rest.startswith(",") and rest[1:2].isdigit():
        raise InputError("a comma may mark decimals or thousands; write 1.5 or 1500")
    if re.match(r"\s[0-9]{3}(?![0-9])", rest):
        raise InputError("a blank may part one number or two; write 1000 or 20..200")
    if _TWO_NUMBERS.match(rest):
        raise InputError("it has a decimal point or number too many; give one number")
    if _OTHER_EXPONENT.match(rest):
        raise InputError("the exponent is not clear; write 1e-3")
    sign = -1 if match["sign"] in ("-", "−") else 1
    if match["above"]:
        if int(match["below"]) == 0:
            raise InputError("it divides by zero")
        return _Number(sign * int(match["above"]) / int(match["below"]), 0.0, None, False, rest)
    power = match["alone"] or match["times"]
    exponent = _exponent(power) if power else int((match["e"] or "0").translate(_SUPERSCRIPTS))
    digits = "1" if match["alone"] else re.sub(r"[^0-9.]", "", match["digits"])
    place = _within(exponent - len(digits.partition(".")[2]))
    value = sign * float(f"{digits}e{_within(exponent)}")
    if not math.isfinite(value) or (value == 0 and digits.strip("0.")):
        raise InputError("the number is beyond every quantity")
    error = None if match["last"] is None else float(f"{match['last']}e{place}")
    return _Number(value, float(f"0.5e{place}"), error, bool(match["times"]), rest)


def with_exponents(text: str) -> str:
    """A text in which powers of ten are exponents.

    Examples
    --------
    >>> with_exponents("1.2×10⁻³"), with_exponents("3 * 10^5 m")
    ('1.2e-3', '3e5 m')
    """
    return _TIMES_TEN.sub(lambda match: f"e{_exponent(match[1])}", text)


def _exponent(power: str) -> int:
    """Exponent of ``10^-3``, ``×10⁻³``, ``* 10**{-3}``."""
    plain = power[power.index("10") + 2 :].translate(_SUPERSCRIPTS)
    return int(plain.strip("^*{}()"))


def _within(exponent: int) -> int:
    if abs(exponent) > _BEYOND:
        raise InputError("the number is beyond every quantity")
    return exponent


def _parsed(text: str) -> Quantity:
    if text.startswith("..") and not text.startswith("..."):
        last = _parse_number(text[2:].lstrip())
        if last.error is not None:
            raise InputError("the ends of a range are plain numbers, as in 20..200 µm")
        return Quantity(None, _unit(last.rest), -math.inf, last.value, text=text)
    bracketed = _IN_BRACKETS.fullmatch(text)
    if bracketed is not None:
        return _parse_bracketed(text, bracketed["inside"].strip(), bracketed["after"])
    one = _parse_number(text)
    if one.error is not None:
        ends = one.value - one.error, one.value + one.error
        return _interval(text, one, _unit(one.rest), ends, NORMAL)
    spread = _SPREAD.search(one.rest)
    if spread is not None:
        return _parse_spread(
            text, one, one.rest[: spread.start()].strip(), one.rest[spread.end() :]
        )
    dots = _DOTS.search(one.rest)
    if dots is not None:
        return _parse_range(text, one, one.rest[: dots.start()], one.rest[dots.end() :])
    for between in _BETWEEN.finditer(one.rest):
        before, after = one.rest[: between.start()].strip(), one.rest[between.end() :]
        # W m–2 K–1 has dashes too: they part ends of a range only where both are of one dimension
        if not before or _is_of(after, before):
            if between["dash"] in ("-", "−"):
                first = text[: len(text) - len(one.rest) + between.start()]
                raise InputError(f"a hyphen may be a minus; write it as '{first}..{after}'")
            return _parse_range(text, one, before, after)
    return Quantity(one.value, _unit(one.rest), text=text, step=one.step)


def _parse_bracketed(text: str, inside: str, after: str) -> Quantity:
    """``(30 ± 2) mm`` and ``(1.2 ± 0.1)×10^-3 m``."""
    inner, ten = _parsed(inside), _TIMES_TEN.match(after)
    if inner.unit != "1" or inner.value is None or inner.low is None or inner.high is None:
        raise InputError("give the unit after the brackets, as in (30 ± 2) mm")
    if ten is None:
        return replace(inner, unit=_unit(after), text=text)
    power = _within(_exponent(ten[1]))
    value, low, high, step = (
        float(Decimal(repr(x)).scaleb(power))
        for x in (inner.value, inner.low, inner.high, inner.step)
    )
    return Quantity(value, _unit(after[ten.end() :]), low, high, BOUNDS, text, step)


def _parse_spread(text: str, one: _Number, before: str, after: str) -> Quantity:
    """Interval of ``a ± b unit``, ``a unit ± b unit``, ``a unit ± p %`` or ``a ± p % unit``."""
    two = _parse_number(after)
    rest = two.rest.strip()
    if after[0] in "-+−" or two.error is not None:
        raise InputError("the number after the ± has no sign or error of its own")
    if two.times and not one.times:
        raise InputError("the power of ten may be of both numbers; write (1.2 ± 0.1)×10^-3")
    of_percent = _OF_PERCENT.fullmatch(rest)
    if rest == "%" or of_percent is not None:
        unit = _unit(of_percent["unit"] if of_percent else before)
        if (before and of_percent) or unit == "1" or "%" in unit:
            raise InputError("it is not clear what the % is of; write a range such as 28..32 %")
        unit_of_number = parse_unit(unit)
        if unit_of_number.offset or unit_of_number.scale == "level":
            raise InputError("no part is taken of a temperature or level; give ± in its unit")
        half = abs(one.value) * two.value / 100
    elif before:
        unit, further = _unit(before), _unit(rest)
        first, second = parse_unit(unit), parse_unit(further)
        if further == "1" or first.dimension != second.dimension or first.scale != second.scale:
            raise InputError("both numbers need the unit; give it last, as in 30 ± 2 mm")
        if first.scale == "level" and unit != further:
            raise InputError("both numbers need one unit, as in 30 ± 2 dB")
        half = two.value if unit == further else two.value * (second.factor / first.factor)
    else:
        unit, half = _unit(rest), two.value
    return _interval(text, one, unit, (one.value - half, one.value + half))


def _interval(
    text: str, one: _Number, unit: str, ends: tuple[float, float], dist: str = BOUNDS
) -> Quantity:
    # of a difference the last digits are noise: 0.45 and not 0.44999999999999996
    low, high = (float(f"{end:.14g}") for end in ends)
    return Quantity(one.value, unit, low, high, dist, text, one.step)


def _parse_range(text: str, one: _Number, before: str, after: str) -> Quantity:
    before = before.strip()
    if not after:
        return Quantity(None, _unit(before), one.value, math.inf, text=text)
    two = _parse_number(after, "a range ends with a number, as in 20..200 µm")
    if two.error is not None or _SPREAD.search(two.rest) or ".." in two.rest:
        raise InputError("the ends of a range are plain numbers, as in 20..200 µm")
    if two.times and not one.times:
        raise InputError(
            "it is not clear whether both numbers have the power of ten; write 1e-3..2e-3"
        )
    low, unit = one.value, _unit(two.rest)
    if before:
        first, second = parse_unit(_unit(before)), parse_unit(unit)
        if not second.accepts(first):
            raise InputError("both ends need one dimension")
        if first.text != second.text:
            low = float(f"{second.from_si(first.to_si(low)):.15g}")
    if low > two.value:
        raise InputError("the range is reversed; give the smaller end first")
    return Quantity(None, unit, low, two.value, text=text)


def _is_of(text: str, unit: str) -> bool:
    """Whether a text is a number with a unit that has the dimension of another unit."""
    try:
        two = _parse_number(text)
        return bool(two.rest.strip()) and parse_unit(unit).accepts(parse_unit(_unit(two.rest)))
    except InputError:
        return False


def _unit(text: str) -> str:
    """Unit after a number, with nothing in it that is not a unit; "1" where there is none."""
    unit = text.strip()
    if not unit:
        return "1"
    if _NO_UNIT.match(unit) or text.startswith("("):
        raise InputError("give one number with its unit, such as '80 µm'")
    if _REMARK.search(unit):
        raise InputError("what is in the brackets is not clear, leave it out")
    try:
        parsed = parse_unit(unit)
        other = improbable(unit)
    except InputError as error:
        raise _UnitError(str(error)) from error
    if parsed.scale == "label":
        raise InputError("a number has no unit 'label'")
    if other is not None and not other.doubtful:
        raise InputError(other.sentence(unit).rstrip("."))
    of_percent = _OF_PERCENT.match(unit)
    if of_percent is not None and not parsed.dimension.is_dimensionless:
        raise InputError("it is not clear what the % is of; give one number with its unit")
    if parsed.scale != "level" and _DIVISOR.search(unit):
        raise InputError("it is not clear what the number in the unit divides")
    return unit


def is_quantity(value: object) -> bool:
    """Whether a value is a Pint quantity, of any registry."""
    return all(hasattr(value, a) for a in ("magnitude", "units", "dimensionality"))


def magnitude_and_unit(quantity: Any, name: str) -> tuple[Any, str]:
    """Numbers of a quantity and the text of its unit.

    A unit that only the user's registry has (a currency) is defined here too.

    Raises
    ------
    InputError
        If the unit means something else in the user's registry.
    """
    text = unit_text(quantity.units)
    _define_missing(quantity)
    unit = parse_unit(text)
    _check_same(quantity, unit, name)
    return quantity.magnitude, text


def quantities_in_one_unit(cells: Sequence[Any], name: str) -> tuple[Array, str]:
    """Numbers of a list of quantities in the unit of the first; NaN where there is none.

    Raises
    ------
    InputError
        If two of them differ in dimension.
    """
    first = next(c for c in cells if is_quantity(c))
    _, unit = magnitude_and_unit(first, name)
    numbers = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        if is_quantity(cell):
            try:
                numbers[i] = float(cell.to(first.units).magnitude)
            except Exception as error:
                raise InputError(
                    f"Column '{name}', row {i + 1}: a quantity in '{unit_text(cell.units)}' "
                    f"stands among quantities in '{unit}' (mixed units); give one dimension."
                ) from error
    return numbers, unit


def unit_of(value: Any, name: str) -> Unit:
    """Unit of a Pint quantity, or a Pint unit itself, of any registry.

    Raises
    ------
    InputError
        If an exponent is not rational, or the unit means something else in that registry.
    """
    quantity = value if is_quantity(value) else value._REGISTRY.Quantity(1.0, value)
    return parse_unit(magnitude_and_unit(quantity, name)[1])


def _define_missing(quantity: Any) -> None:
    theirs, ours = quantity._REGISTRY, registry()
    for name in dict(quantity.units._units):
        if name in ours:
            continue
        root = theirs.Quantity(1.0, name).to_root_units()
        for base in dict(root.units._units):
            if base not in ours:
                dimension = next(iter(dict(theirs.Quantity(1.0, base).dimensionality)))
                define_unit(f"{base} = {dimension}")
        if name not in ours:
            define_unit(f"{name} = {float(root.magnitude)!r} * {root.units:D}")


def _check_same(quantity: Any, unit: Unit, name: str) -> None:
    dimension = Dimension.of(
        {str(k): exact_exponent(v, unit.text) for k, v in quantity.dimensionality.items()}
    )
    one, factor = quantity._REGISTRY.Quantity(1.0, quantity.units), 1.0
    if dimension != unit.dimension:
        # gauss, oersted and maxwell are units of the Gaussian system in Pint, and of SI here
        with suppress(Exception):
            one, dimension = one.to(si_unit(unit.dimension), "Gaussian"), unit.dimension
    if unit.scale not in {"level", "label"} and not unit.offset:
        root = one.to_root_units()
        factor = float(root.magnitude) * parse_unit(unit_text(root.units)).factor / unit.factor
    if dimension != unit.dimension or abs(factor - 1.0) > 1e-6:
        raise InputError(
            f"Column '{name}': the unit '{unit.text}' means something else in the registry of "
            f"this quantity; give its values in '{si_unit(unit.dimension)}'."
        )
