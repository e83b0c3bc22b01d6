"""Units as they are written in tables: text -> exact dimension and conversion to SI."""

import math
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from dimgs.arrays import Array
from dimgs.errors import InputError, UnitError
from dimgs.variables.dimension import Dimension, exact_exponent
from dimgs.variables.names import is_unit, phrases, pint_unit, reading_of
from dimgs.variables.notation import Product, parse
from dimgs.variables.registry import registry

if TYPE_CHECKING:
    from collections.abc import Mapping


_Numbers = TypeVar("_Numbers", float, "Array")
Scale = Literal["ratio", "temperature", "level", "label"]

DIMENSIONLESS_TEXTS = frozenset(
    {*("", "1", "-", "--", "---", "–", "—", "[-]", "(-)"), "none", "dimensionless"}
    | {"nondimensional", "unitless"}
)
LABEL_TEXTS = frozenset({"label", "category", "categorical"})

# natural logarithm of the power-like quantity per unit of the level
_LN10 = math.log(10.0)
_LEVELS: "Mapping[str, float]" = {
    "B": _LN10,
    "bel": _LN10,
    "dB": _LN10 / 10,
    "decibel": _LN10 / 10,
    "dB(A)": _LN10 / 10,
    "dBA": _LN10 / 10,
    "dBm": _LN10 / 10,
    "dBW": _LN10 / 10,
    "dBu": _LN10 / 10,
    "dBV": _LN10 / 10,
    "dB SPL": _LN10 / 10,
    "dB re 20 µPa": _LN10 / 10,
    "Np": 1.0,
    "neper": 1.0,
    "pH": -_LN10,
    "pKa": -_LN10,
    "mag": -0.4 * _LN10,
    "magnitude": -0.4 * _LN10,
    "dex": _LN10,
    "decade": _LN10,
    "octave": math.log(2.0),
}
_ALIASES = {"bel": "B", "decibel": "dB", "dBA": "dB(A)", "neper": "Np", "magnitude": "mag"}
_LEVEL_OF = re.compile(r"^(ln|log|log10|log_10|log2|log_2)\s*\((.*)\)$")
# names that are levels within a product too; B is a byte there
_LEVEL_NAMES = frozenset(_LEVELS) - {"B"}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as written, with its exact dimension and its conversion to coherent SI.

    Parameters
    ----------
    text : str
        The unit as the user wrote it.
    dimension : Dimension
        Exact exponents of the base dimensions.
    factor, offset : float
        ``SI value = factor * value + offset``.
    scale : {"ratio", "temperature", "level", "label"}
        Whether ratios mean something ("ratio"), the unit is an absolute temperature on an
        offset scale ("temperature", in kelvin once converted), the number is already a
        logarithm ("level"), or there is no number at all ("label").
    log_factor : float
        For a level, the natural logarithm of the underlying quantity per unit of the level;
        zero otherwise.

    Examples
    --------
    >>> parse_unit("kg m-3").dimension.to_json()
    {'[length]': '-3', '[mass]': '1'}
    >>> parse_unit("degC").offset
    273.15
    >>> parse_unit("dB").scale
    'level'
    """

    text: str
    dimension: Dimension
    factor: float = 1.0
    offset: float = 0.0
    scale: Scale = "ratio"
    log_factor: float = 0.0

    def to_si(self, value: _Numbers) -> _Numbers:
        """SI value of a number in this unit.

        Examples
        --------
        >>> parse_unit("degC").to_si(20.0)
        293.15
        """
        return value * self.factor + self.offset

    def from_si(self, value: _Numbers) -> _Numbers:
        """Number in this unit whose SI value is given, up to a rounding error."""
        return (value - self.offset) / self.factor

    def accepts(self, other: "Unit") -> bool:
        """Whether numbers in another unit can stand for numbers in this one, once converted.

        A level stands for the same level only, and a difference of temperatures for no absolute
        temperature where either unit states which one it is.

        Examples
        --------
        >>> parse_unit("mm").accepts(parse_unit("ft")), parse_unit("dB").accepts(parse_unit("Np"))
        (True, False)
        >>> parse_unit("degC").accepts(parse_unit("delta_degC"))
        False
        """
        if "level" in (self.scale, other.scale):
            return _ALIASES.get(self.text, self.text) == _ALIASES.get(other.text, other.text)
        if (self.offset and _is_difference(other)) or (other.offset and _is_difference(self)):
            return False
        labels = (self.scale == "label") == (other.scale == "label")
        return labels and self.dimension == other.dimension


def _is_difference(unit: Unit) -> bool:
    return not unit.offset and any("delta_" in f.name for f in written(unit.text).factors)


_PRESSURE = Dimension.of({"[length]": -1, "[mass]": 1, "[time]": -2})
DIMENSIONLESS = Unit("1", Dimension())
LABEL = Unit("label", Dimension(), scale="label")


_REMARK = re.compile(r"(?P<unit>[^()]+(?:\([^()]*\)[^()]*)*?)\s+\((?P<remark>[^()]+)\)$")
# "(x 1e3)", "(10³)", "(thousands)": whether numbers were multiplied or are to be is not said
_SCALING = re.compile(
    r"[x×*]\s*\d|10\s*[\^⁰¹²³⁴⁵⁶⁷⁸⁹⁻]|\d[eE][-+]?\d|^[\d.,'\s]+s?$"
    r"|\b(?:hundred|thousand|million|billion|trillion)s?\b",
    re.IGNORECASE,
)
# what a pressure counts from, and the phase of a substance: bara, bar(g), kPa abs, mol(g)
_REFERENCE = re.compile(
    r"(?P<unit>.*?[^\W\d])(?P<apart>\s*)(?P<open>\()?"
    r"(?:(?P<absolute>abs(?:olute)?\.?|a)|(?P<gauge>gauge|ga?)|[els])(?(open)\))$"
)
# "1 (Darcy)" is a friction factor
_PERSON = re.compile(r"\b[A-Z][a-z]{3,}")
_PROSE = re.compile(r"^(?=.*[^\W\d_]{3}).*\S\s+\S|^[a-z]{5,}$")


def written(text: str, *, tight: bool = False) -> Product:
    """Product of names that a text is, before anything is known of the names.

    With `tight`, ``W/m K`` is W/(m K) and ``mu m`` a prefix and a unit.
    """
    return parse(text, is_unit, phrases(), tight=tight)


def powers_of(product: Product, *, literal: bool = False) -> tuple[float, dict[str, Fraction]]:
    """Number and exact powers of Pint's units; with `literal`, without the table of readings."""
    number, powers = product.number, dict[str, Fraction]()
    for factor in product.factors:
        row = None if literal else reading_of(factor)
        if row is not None and row.reading:
            power = factor.power / factor.written if "^" in row.text else factor.power
            inner, found = powers_of(written(row.reading), literal=True)
            number *= inner ** float(power)
        else:
            power, found = factor.power, {_name(factor.name): Fraction(1)}
        for name, exponent in found.items():
            powers[name] = powers.get(name, Fraction(0)) + power * exponent
    return number, {name: power for name, power in powers.items() if power}


def _name(name: str) -> str:
    known = pint_unit(name)
    if known is None:
        odd = next((c for c in name if not c.isascii()), None)
        strange = f"; {odd!r} is {unicodedata.name(odd, 'unnamed').lower()}" if odd else ""
        raise InputError(f"'{name}' is not defined in the unit registry{strange}")
    return str(registry().get_name("".join(known)))


def _quantity(text: str) -> tuple[Any, Dimension]:
    """Pint quantity for a unit text that may carry a number ("1e19 m^-3"), and its dimension."""
    units = registry()
    product = written(text)
    if any(factor.name in _LEVEL_NAMES for factor in product.factors):
        raise InputError(
            "it mixes a logarithmic level with other units; give the level alone ('dB') or convert "
            "the rate to a linear unit, 1 dB/m = 0.2303 1/m for power"
        )
    number, powers = powers_of(product)
    counted = {name for name in powers if not units._is_multiplicative(name)}
    if list(powers.values()) != [1]:
        # within a product a temperature is a difference
        powers = {f"delta_{n}" if n in counted else n: power for n, power in powers.items()}
    elif counted and number != 1:
        raise InputError("a temperature that counts from a zero takes no factor")
    dimension = Dimension()
    for name, power in powers.items():
        exact = {
            str(base): exact_exponent(e, text) for base, e in units.get_dimensionality(name).items()
        }
        dimension *= Dimension.of(exact) ** power
    container = units.UnitsContainer({name: float(power) for name, power in powers.items()})
    return units.Quantity(number, container), dimension


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit:
    """Unit from its text.

    Pint's names and aliases hold (``m/s**2``, ``m/s^2``, ``kg m-3``, ``Pa·s``, ``µm``, ``°C``,
    ``%``, ``MPa·√m``). Angles are dimensionless (radian) and moles a base dimension, as in Pint.
    ``degC`` and ``degF`` alone are absolute temperatures; inside a product they are
    differences, and so is ``delta_degC``. Decibels, pH, magnitudes, dex, nepers, octaves and
    ``log10(unit)`` are levels: already logarithmic. Words in brackets after the unit that are no
    unit themselves are a remark: ``m (beam diameter)``, ``1 (Darcy)``; so is ``a`` or ``abs`` after
    a pressure: ``bara``, ``kPa abs``.

    Parameters
    ----------
    text : str
        Unit as written in a table.

    Returns
    -------
    Unit

    Raises
    ------
    InputError
        If the text cannot be read or an exponent is not rational.

    Examples
    --------
    >>> str(parse_unit("MPa·√m").dimension)
    'L^(-1/2)·M·T⁻²'
    """
    if unit := _with_reference(text):
        return unit
    try:
        return _parse(text)
    except InputError:
        if unit := _without_remark(text):
            return unit
        raise


def _without_remark(text: str) -> Unit | None:
    """Unit of ``m (beam diameter)`` or ``1 (Darcy)``: words in brackets that are no unit."""
    match = _REMARK.match(text.strip())
    if match is None:
        return None
    try:
        unit = _parse(match["unit"])
    except InputError:
        return None
    if _SCALING.search(match["remark"]):
        raise InputError(
            f"The unit '{text}' has a factor in brackets; write it first, for example "
            f"'1e3 {match['unit']}' where 2 means 2000 {match['unit']}."
        )
    dimensionless = unit.dimension.is_dimensionless
    if not dimensionless and not _PROSE.search(match["remark"]):
        # too short to tell from a misspelt unit
        return None
    named = dimensionless and _PERSON.search(match["remark"])
    return unit if named or _fails(match["remark"]) else None


def _with_reference(text: str) -> Unit | None:
    """Unit of ``psia``, ``bar(a)`` or ``kPa abs``: a pressure whose zero is stated."""
    match = _REFERENCE.match(text.strip())
    if match is None or (not match["apart"] and not match["open"] and not _fails(text)):
        return None
    try:
        unit = _parse(match["unit"])
    except InputError:
        return None
    if unit.dimension == _PRESSURE and match["absolute"]:
        return unit
    if unit.dimension == _PRESSURE and match["gauge"]:
        raise InputError(
            f"The unit '{text}' is a gauge pressure, which counts from that of the atmosphere; "
            f"add the atmosphere's and give the sum in '{match['unit'].strip()}'."
        )
    if match["open"]:
        raise InputError(
            f"The unit '{text}' ends with a letter in brackets, which may be a unit or a remark; "
            f"give '{match['unit'].strip()}', or write the factor without brackets."
        )
    return None


def _fails(text: str) -> bool:
    try:
        _parse(text)
    except InputError:
        return True
    return False


def _parse(text: str) -> Unit:
    stripped = text.strip()
    if stripped.lower() in DIMENSIONLESS_TEXTS:
        return Unit("1", Dimension())
    if stripped.lower() in LABEL_TEXTS:
        return LABEL
    level = _level(stripped)
    if level is not None:
        return level
    try:
        return _from_quantity(text, *_quantity(stripped))
    except UnitError:
        raise
    except Exception as error:
        raise InputError(
            f"The unit '{text}' cannot be read ({error}); write it in Pint's names, for example "
            f"'kg/m^3', 'W/(m*K)' or '1' for none, or define it first (EUR = [currency])."
        ) from error


def _level(text: str) -> Unit | None:
    if text in _LEVELS:
        return Unit(text, Dimension(), scale="level", log_factor=_LEVELS[text])
    match = _LEVEL_OF.match(text)
    if match is None:
        return None
    inner = parse_unit(match.group(2))
    if inner.scale != "ratio":
        raise InputError(f"The unit '{text}' is a logarithm of a unit that has no ratio scale.")
    base = match.group(1)
    factor = 1.0 if base == "ln" else math.log(2.0) if base in {"log2", "log_2"} else _LN10
    return Unit(text, Dimension(), scale="level", log_factor=factor)


def _from_quantity(text: str, quantity: Any, dimension: Dimension) -> Unit:
    units = registry()
    if not quantity._is_multiplicative:
        zero = float(units.Quantity(0.0, quantity.units).to_base_units().magnitude)
        step = float(units.Quantity(1.0, f"delta_{quantity.units}").to_base_units().magnitude)
        return Unit(text, dimension, step, zero, scale="temperature")
    factor = _without_rounding(float(quantity.to_base_units().magnitude))
    if not (math.isfinite(factor) and factor > 0):
        raise InputError("its size in SI units is out of range")
    is_kelvin = str(quantity.units) == "kelvin" and math.isclose(factor, 1.0)
    return Unit(text, dimension, factor, scale="temperature" if is_kelvin else "ratio")


def _without_rounding(factor: float) -> float:
    """Undo the last-digit noise of chained conversions (999.9999999999999 -> 1000)."""
    short = float(f"{factor:.13g}")
    return short if math.isclose(short, factor, rel_tol=1e-15) else factor


def to_pint(values: Any, text: str) -> Any:
    """Pint quantity of numbers in a unit that :func:`parse_unit` reads, its own number included.

    Examples
    --------
    >>> str(to_pint(2.0, "1e3 kg")), str(to_pint(20.0, "degC"))
    ('2000.0 kilogram', '20.0 degree_Celsius')
    """
    unit = parse_unit(text)
    text = unit.text.strip()
    if unit.scale in {"level", "label"} or text.lower() in DIMENSIONLESS_TEXTS:
        return registry().Quantity(values, "")
    one = _quantity(text)[0]
    return registry().Quantity(values if one.magnitude == 1 else values * one.magnitude, one.units)


def unit_text(units: Any) -> str:
    """Text of a Pint unit with full names, which no registry's aliases can change.

    Pint writes exponents with six digits; here m**(1/3) stays exact.
    """
    if not hasattr(units, "_units"):
        return str(units)
    text = f"{units:D}"
    if text in {"", "dimensionless"}:
        return "1"
    powers = dict(units._units)
    if all(float(e).is_integer() for e in powers.values()):
        return text
    exact = {name: exact_exponent(e, str(units)) for name, e in powers.items()}
    return " * ".join(n if e == 1 else f"{n} ** ({e})" for n, e in sorted(exact.items()))


def difference_unit(unit: str) -> str:
    """Unit of differences, and so of standard errors: that of degrees for a scale with a zero.

    Examples
    --------
    >>> difference_unit("°C"), difference_unit("degF"), difference_unit("mm")
    ('delta_degC', 'delta_degF', 'mm')
    """
    return f"delta_{unit.replace('°', 'deg')}" if parse_unit(unit).offset else unit
