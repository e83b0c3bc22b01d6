"""Rationals of small denominator: in an interval, near a value, equal to it."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from math import ceil, floor, gcd, isfinite

# what exponents of laws are taken from: nearly all of those in textbooks are within both
MAX_DENOMINATOR, MAX_MAGNITUDE = 6, 8


def rationals_between(low: float, high: float, max_denominator: int) -> Iterator[Fraction]:
    """Rationals in a closed interval, those of small denominators first, then the smallest.

    Examples
    --------
    >>> [str(x) for x in rationals_between(-0.4, 1.1, 3)]
    ['0', '1', '1/2', '1/3', '-1/3', '2/3']
    """
    for denominator in range(1, max_denominator + 1):
        first, last = ceil(low * denominator), floor(high * denominator)
        start = min(max(0, first), last)
        for away in range(max(last - start, start - first) + 1):
            for numerator in dict.fromkeys((start + away, start - away)):
                if first <= numerator <= last and gcd(numerator, denominator) == 1:
                    yield Fraction(numerator, denominator)


def simplest_between(
    low: float, high: float, max_denominator: int = MAX_DENOMINATOR
) -> Fraction | None:
    """Rational of the smallest denominator, then smallest size, in a closed interval.

    Examples
    --------
    >>> simplest_between(0.3, 0.45), simplest_between(-0.2, 0.1), simplest_between(0.501, 0.502)
    (Fraction(1, 3), Fraction(0, 1), None)
    """
    return next(rationals_between(low, high, max_denominator), None)


def only_simple(low: float, high: float) -> Fraction | None:
    """The only simple rational of an interval; None where there is none or more than one.

    Examples
    --------
    >>> only_simple(0.48, 0.52), only_simple(0.64, 0.7), only_simple(0.1, 0.9)
    (Fraction(1, 2), Fraction(2, 3), None)
    """
    if not (isfinite(low) and isfinite(high)):
        return None
    low, high = max(low, -MAX_MAGNITUDE), min(high, MAX_MAGNITUDE)
    found = list(islice(rationals_between(low, high, MAX_DENOMINATOR), 2))
    return found[0] if len(found) == 1 else None


def is_simple(value: Fraction) -> bool:
    """Whether `value` is among the rationals that :func:`only_simple` proposes."""
    return value.denominator <= MAX_DENOMINATOR and abs(value) <= MAX_MAGNITUDE


def nearest_rationals(value: float, denominators: Iterable[int]) -> Iterator[Fraction]:
    """The nearest rational of each denominator, each once; none where they are no doubles.

    Parameters
    ----------
    value : float
    denominators : iterable of int
        In rising order, each with its divisors.

    Examples
    --------
    >>> [str(x) for x in nearest_rationals(0.34, (1, 2, 3, 4))]
    ['0', '1/2', '1/3', '1/4']
    """
    seen = set()
    for denominator in denominators:
        if not isfinite(value * denominator):
            return
        near = Fraction(round(value * denominator), denominator)
        if near not in seen:
            seen.add(near)
            yield near


def equal_rational(value: float, max_denominator: int, tolerance: float) -> Fraction | None:
    """The rational that a value is to rounding, None where it is none.

    Examples
    --------
    >>> equal_rational(1.75, 12, 1e-9), equal_rational(1.7501, 12, 1e-9)
    (Fraction(7, 4), None)
    """
    simple = Fraction(value).limit_denominator(max_denominator)
    return simple if abs(float(simple) - value) < tolerance else None
