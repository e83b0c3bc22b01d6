"""Readable coherent SI units for a dimension."""

import re
from fractions import Fraction
from functools import lru_cache
from itertools import chain

from dimgs.variables.dimension import Dimension

# of a larger denominator an exponent was written as a decimal, and is shown as one
_MAX_QUOTIENT = 1000
_BASE_UNITS = {
    "[length]": "m",
    "[mass]": "kg",
    "[time]": "s",
    "[temperature]": "K",
    "[current]": "A",
    "[substance]": "mol",
    "[luminosity]": "cd",
    "[printing_unit]": "pixel",
}
# a power that is no rational of a table: more digits than anybody writes
_FITTED = re.compile(r"(\^|\*\*)(-?\d+\.\d{5,})")


def _dimension(length: int, mass: int, time: int, current: int = 0) -> Dimension:
    return Dimension.of({"[length]": length, "[mass]": mass, "[time]": time, "[current]": current})


_DERIVED = (
    ("W", _dimension(2, 1, -3)),
    ("Pa", _dimension(-1, 1, -2)),
    ("J", _dimension(2, 1, -2)),
    ("N", _dimension(1, 1, -2)),
    ("C", _dimension(0, 0, 1, 1)),
    ("V", _dimension(2, 1, -3, -1)),
    ("ohm", _dimension(2, 1, -3, -2)),
    ("F", _dimension(-2, -1, 4, 2)),
    ("T", _dimension(0, 1, -2, -1)),
    ("H", _dimension(2, 1, -2, -2)),
)

# as tables of properties print them, though a shorter product exists
_USUAL = {
    _dimension(0, 1, -3): "W/m^2",
    _dimension(0, 1, -2): "N/m",
    _dimension(0, 1, -3) / Dimension.of({"[temperature]": 1}): "W/(m^2*K)",
}


def base_unit(base: str) -> str:
    """SI base unit of a base dimension; a user's own dimension keeps its registry unit."""
    if base in _BASE_UNITS:
        return _BASE_UNITS[base]
    from dimgs.variables.registry import registry

    units = registry()
    for name in sorted(set(dir(units)) - set(dir(type(units)))):
        unit = getattr(units, name, None)
        if isinstance(unit, units.Unit) and dict(unit.dimensionality) == {base: 1}:
            return str(units.Quantity(1.0, unit).to_base_units().units)
    return base.strip("[]")


def _factor(name: str, exponent: Fraction) -> str:
    if exponent == 1:
        return name
    if exponent.denominator == 1:
        return f"{name}^{exponent}"
    if exponent.denominator > _MAX_QUOTIENT:
        return f"{name}^{float(exponent)!r}"
    return f"{name}^({exponent})"


def _format(factors: list[tuple[str, Fraction]]) -> str:
    above = [_factor(n, e) for n, e in factors if e > 0]
    below = [_factor(n, -e) for n, e in factors if e < 0]
    if not above:
        return "*".join(_factor(n, e) for n, e in factors) if len(below) > 1 else "1/" + below[0]
    text = "*".join(above)
    if not below:
        return text
    return f"{text}/{below[0]}" if len(below) == 1 else f"{text}/({'*'.join(below)})"


@lru_cache(maxsize=4096)
def si_unit(dimension: Dimension) -> str:
    """Shortest readable coherent SI unit of a dimension, in a form that Pint reads.

    Examples
    --------
    >>> si_unit(Dimension.of({"[mass]": 1, "[length]": -1, "[time]": -2}))
    'Pa'
    >>> watts = Dimension.of({"[mass]": 1, "[length]": 2, "[time]": -3})
    >>> si_unit(watts / Dimension.of({"[mass]": 1}) ** Fraction(3, 4))
    'W/kg^(3/4)'
    >>> si_unit(Dimension())
    '1'
    """
    if dimension.is_dimensionless:
        return "1"
    if dimension in _USUAL:
        return _USUAL[dimension]
    best = [(base_unit(b), e) for b, e in dimension]
    least = _cost(best)
    for name, derived in _DERIVED:
        for power in (Fraction(1), Fraction(-1)):
            rest = [(base_unit(b), e) for b, e in dimension / derived**power]
            if _squares_a_mass(rest):
                continue
            factors = list(chain([(name, power)], rest))
            if _cost(factors) + 1 < least:
                best, least = factors, _cost(factors) + 1
    return _format(best)


def shown_unit(unit: str) -> str:
    """A unit for reading: fitted exponents in it in four digits.

    Examples
    --------
    >>> shown_unit("W*kg^0.2774795809430786/s^1.5588904474279146"), shown_unit("W/kg^(3/4)")
    ('W*kg^0.2775/s^1.559', 'W/kg^(3/4)')
    """
    return _FITTED.sub(lambda found: f"{found[1]}{float(found[2]):.4g}", unit)


def _squares_a_mass(factors: list[tuple[str, Fraction]]) -> bool:
    """Whether a kilogram is left squared, as in J m/kg^2 for m^3/(kg s^2)."""
    return any(unit == "kg" and abs(e) >= 2 for unit, e in factors)


def _cost(factors: list[tuple[str, Fraction]]) -> Fraction:
    size = sum((abs(e) + (1 if e.denominator > 1 else 0) for _, e in factors), Fraction(0))
    return size + 2 * len(factors)
