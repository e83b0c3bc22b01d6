"""What simple numbers cost in bits of a description."""

from fractions import Fraction
from functools import lru_cache
from math import log2

# of an exponent that is written as a decimal: the largest denominator that is read from it
_LARGEST_DENOMINATOR = 12
# a constant that is written out, and each pi in it
_WRITTEN, _PI = 1.0, 4.0


@lru_cache(maxsize=10_000)
def exponent_bits(size: float) -> float:
    """Bits of the size of a rational exponent.

    Examples
    --------
    >>> exponent_bits(1.0), exponent_bits(0.5)
    (0.0, 2.0)
    """
    fraction = Fraction(size).limit_denominator(_LARGEST_DENOMINATOR)
    return 2 * log2(max(fraction.numerator, 1)) + 2 * log2(fraction.denominator)


def exact_bits(text: str) -> float:
    """Digits and names of a constant that is written out.

    Examples
    --------
    >>> exact_bits("1/2"), exact_bits("4*pi")
    (3.0, 9.0)
    """
    numbers = "".join(c if c.isdigit() else " " for c in text).split()
    digits = sum(2 * log2(max(int(n), 1)) for n in numbers)
    return _WRITTEN + digits + _PI * text.count("pi")
