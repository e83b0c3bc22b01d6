"""Dimensions as exact rational exponents of base dimensions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from dimgs.common.errors import UnitError

# finds every exponent that is written as a fraction, and few floats by chance
_MAX_DENOMINATOR = 1000
# far above a float's rounding, and below the 1e-6 between fractions of these denominators
_EXACTNESS = 1e-9
# a decimal this close to a fraction this simple was probably meant as it: 0.3333
_SIMPLE_DENOMINATOR = 12
# 0.3333 or 0.667: an exponent this near to a simple fraction was cut off when it was written
_TRUNCATED = 1e-4
# twelve decimals; longer ones are results of a calculation, not exponents that were written
_MAX_DECIMAL = 10**12

# base dimensions of the SI with their symbols, in the usual order
BASES = {
    "[length]": "L",
    "[mass]": "M",
    "[time]": "T",
    "[temperature]": "Θ",
    "[current]": "I",
    "[substance]": "N",
    "[luminosity]": "J",
}


def exact_exponent(value: object, where: str) -> Fraction:
    """Rational behind a unit's exponent, which Pint keeps as a float.

    Parameters
    ----------
    value : object
        Exponent as an int, Fraction, Decimal or float.
    where : str
        The unit it stands in, for the message.

    Returns
    -------
    Fraction

    Raises
    ------
    InputError
        If no rational of denominator up to 1000 gives the same float within 1e-9, and it is not
        a decimal of up to 12 digits that is clearly no truncated fraction.

    Examples
    --------
    >>> exact_exponent(1 / 3, "m**(1/3)")
    Fraction(1, 3)
    """
    if isinstance(value, int | Fraction):
        return Fraction(value)
    number = float(str(value))
    rational = Fraction(number).limit_denominator(_MAX_DENOMINATOR)
    if abs(float(rational) - number) <= _EXACTNESS:
        return rational
    decimal = Fraction(repr(number))
    simple = Fraction(number).limit_denominator(_SIMPLE_DENOMINATOR)
    if decimal.denominator > _MAX_DECIMAL or abs(float(simple) - number) < _TRUNCATED:
        raise UnitError(
            f"The exponent {number!r} in the unit '{where}' is not a rational of small "
            f"denominator; write it as a fraction, for example m**(1/3)."
        )
    return decimal


@dataclass(frozen=True, slots=True)
class Dimension:
    """Product of powers of base dimensions, with exact rational exponents.

    Parameters
    ----------
    exponents : tuple of (str, Fraction)
        Pairs of a base dimension such as ``"[length]"`` and its exponent, sorted by name and
        without zeros. Use :meth:`of` to build one from any mapping.

    Examples
    --------
    >>> velocity = Dimension.of({"[length]": 1, "[time]": -1})
    >>> print(velocity**2 / velocity)
    L·T⁻¹
    """

    exponents: tuple[tuple[str, Fraction], ...] = ()

    @classmethod
    def of(cls, exponents: Mapping[str, Fraction | int]) -> "Dimension":
        """Dimension from a mapping of base dimension to exponent; zeros are left out."""
        return cls(tuple(sorted((k, Fraction(v)) for k, v in exponents.items() if v != 0)))

    def __iter__(self) -> Iterator[tuple[str, Fraction]]:
        return iter(self.exponents)

    def get(self, base: str) -> Fraction:
        """Exponent of one base dimension (zero where absent)."""
        return dict(self.exponents).get(base, Fraction(0))

    @property
    def is_dimensionless(self) -> bool:
        """Whether every exponent is zero."""
        return not self.exponents

    def as_dict(self) -> dict[str, Fraction]:
        """Exponents by base dimension."""
        return dict(self.exponents)

    def to_json(self) -> dict[str, str]:
        """Exponents by base dimension, as strings of exact rationals."""
        return {base: str(exponent) for base, exponent in self.exponents}

    @classmethod
    def from_json(cls, exponents: Mapping[str, str]) -> "Dimension":
        """Inverse of :meth:`to_json`."""
        return cls.of({base: Fraction(text) for base, text in exponents.items()})

    def __mul__(self, other: "Dimension") -> "Dimension":
        total = dict(self.exponents)
        for base, exponent in other.exponents:
            total[base] = total.get(base, Fraction(0)) + exponent
        return Dimension.of(total)

    def __truediv__(self, other: "Dimension") -> "Dimension":
        return self * other**-1

    def __pow__(self, power: Fraction | int) -> "Dimension":
        return Dimension.of({base: e * Fraction(power) for base, e in self.exponents})

    def __str__(self) -> str:
        if not self.exponents:
            return "1"
        return "·".join(
            BASES.get(base, base) + superscript(exponent) for base, exponent in self.exponents
        )


def superscript(exponent: Fraction) -> str:
    """Exponent in Unicode superscripts; nothing for one.

    Examples
    --------
    >>> superscript(Fraction(-2)), superscript(Fraction(1, 2)), superscript(Fraction(1))
    ('⁻²', '^(1/2)', '')
    """
    if exponent == 1:
        return ""
    if exponent.denominator != 1:
        return f"^({exponent})"
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
