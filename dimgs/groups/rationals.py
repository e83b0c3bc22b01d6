"""Simple numbers: rationals of small denominator, multiples of pi, and what they cost in bits."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from math import ceil, exp, floor, gcd, isfinite, log, log2, pi, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sympy

# what exponents of laws are taken from: nearly all of those in textbooks are within both
MAX_DENOMINATOR, MAX_MAGNITUDE = 6, 8
_PI_POWERS = ((0, ""), (1, "*pi"), (-1, "/pi"), (2, "*pi**2"), (-2, "/pi**2"))
# of the rationals that are recognised: those of geometry and of series
_DENOMINATORS, _LARGEST = (1, 2, 3, 4, 6, 8), 12
# an interval wider than this part of the constant singles out nothing, whatever it holds
_NARROW = 0.05
# standard errors from which on a number has no likelihood
_NO_LIKELIHOOD = 8.0
# relative: constants come with the digits of a double, less what a fit loses
_ROUNDING = 1e-9
# bits of each π in a number; more bits than that are any decimal; one number near any other
_PI_BITS, _MOST_BITS, _FEWEST_NEAR = 4, 20.0, 0.5
# bits of a root or another number; digits that nobody writes
_OTHER_BITS, _LARGEST_READ = 14.0, 4096
# probability that a constant is not the number that it is recognised as
_CHANCE = 0.05
# of an exponent that is written as a decimal: the largest denominator that is read from it
_LARGEST_DENOMINATOR = 12
# bits that say that a constant is written out
_WRITTEN = 1.0


def rationals_between(low: float, high: float, max_denominator: int) -> Iterator[Fraction]:
    """Rationals in a closed interval, those of small denominators first, then the smallest.

    There are none where the interval is not finite.

    Examples
    --------
    >>> [str(x) for x in rationals_between(-0.4, 1.1, 3)]
    ['0', '1', '1/2', '1/3', '-1/3', '2/3']
    """
    is_finite = isfinite(low) and isfinite(high)
    for denominator in range(1, max_denominator + 1) if is_finite else ():
        first, last = ceil(low * denominator), floor(high * denominator)
        start = min(max(0, first), last)
        for away in range(max(last - start, start - first) + 1):
            for numerator in dict.fromkeys((start + away, start - away)):
                if first <= numerator <= last and gcd(numerator, denominator) == 1:
                    yield Fraction(numerator, denominator)


def simplest_between(
    low: float, high: float, max_denominator: int = MAX_DENOMINATOR
) -> Fraction | None:
    """Rational of the smallest denominator, then smallest size, in a closed, finite interval.

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
    rationals = list(islice(rationals_between(low, high, MAX_DENOMINATOR), 2))
    return rationals[0] if len(rationals) == 1 else None


def is_simple(value: Fraction) -> bool:
    """Whether `value` is among the rationals that :func:`only_simple` proposes."""
    return value.denominator <= MAX_DENOMINATOR and abs(value) <= MAX_MAGNITUDE


def nearest_rationals(value: float, denominators: Iterable[int]) -> Iterator[Fraction]:
    """The nearest rational of each denominator, each once; none where they are not doubles.

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


@lru_cache(maxsize=1)
def known_values() -> "tuple[sympy.Expr, ...]":
    """Exact values that are recognised, both signs, the simplest first."""
    import sympy

    pi, root = sympy.pi, sympy.sqrt
    plain = [sympy.Integer(k) for k in range(1, 13)]
    plain += [sympy.Rational(p, q) for q in (2, 3, 4) for p in range(1, 8) if p % q]
    plain += [sympy.Integer(k) for k in (16, 24, 32, 64)]
    plain += [sympy.Rational(1, k) for k in (5, 6, 8, 10, 12, 16, 24, 32, 64)]
    angular = [k * pi for k in (1, 2, 4, 8)] + [pi / k for k in (2, 3, 4, 6, 8, 12, 128)]
    angular += [4 * pi / 3, pi**2, 4 * pi**2, 1 / pi, 2 / pi, 1 / (2 * pi), 1 / (4 * pi)]
    angular += [root(pi), 1 / root(pi), 2 / root(pi), root(2 * pi), 1 / root(2 * pi)]
    roots = [root(2), root(3), 1 / root(2), 1 / root(3), sympy.E, 1 / sympy.E, sympy.log(2)]
    unique = {v.evalf(15): v for v in reversed([*plain, *angular, *roots])}
    values = [*reversed(unique.values())]
    return (*values, *(-v for v in values))


def recognised_value(
    value: float, low: float | None, high: float | None, level: float = 0.9
) -> "sympy.Expr | None":
    """The exact value that an interval singles out, None if there is none.

    The value is taken for the constant if its posterior probability is 95 % and the interval
    holds it. Its rivals are the other exact values, and every real number: a priori the constant
    is as likely to be a real number of this size as to be an exact value as simple as this one.

    Parameters
    ----------
    value : float
    low, high : float or None
        Interval of the constant.
    level : float
        Its coverage, from which the error of the constant follows.

    References
    ----------
    J. M. Dickey, Ann. Math. Stat. 42 (1971) 204-223, for the odds of a point against an interval.

    Examples
    --------
    >>> recognised_value(6.28, 6.27, 6.29), recognised_value(6.27, 6.2, 6.35)
    (2*pi, None)
    >>> recognised_value(0.335, 0.331, 0.339), recognised_value(0.337, 0.333, 0.341)
    (1/3, None)
    """
    if low is None or high is None or value == 0 or high - low > _NARROW * abs(value):
        return None
    least, quantile = _ROUNDING * abs(value), NormalDist().inv_cdf((1.0 + level) / 2)
    error = max((high - low) / 2, least) / quantile
    # odds of a real number against each exact value
    odds = {}
    for exact in known_values():
        away = float(exact) - value
        far = quantile * away / max(high - value if away > 0 else value - low, least)
        if abs(far) < _NO_LIKELIHOOD:
            width = sqrt(2 * pi) * error / abs(value)
            odds[exact] = chance_of_number(float(exact), bits_of(exact), width) * exp(far**2 / 2)
    best = min(odds, key=lambda exact: odds[exact], default=None)
    if best is None or not low - least <= float(best) <= high + least:
        return None
    probability = 1.0 / odds[best] / (1.0 + sum(1.0 / each for each in odds.values()))
    return best if probability > 1.0 - _CHANCE else None


def bits_of(number: "sympy.Expr") -> float:
    """Bits of a number, of its digits and its π.

    Examples
    --------
    >>> import sympy
    >>> bits_of(sympy.Rational(3, 2)), bits_of(4 / sympy.pi**2)
    (5.169925001442312, 12.0)
    """
    import sympy

    rational, rest = sympy.sympify(number).as_coeff_Mul()
    base, power = rest.as_base_exp()
    plain = rest == 1 or (base == sympy.pi and power.is_Integer)
    if not (plain and rational.is_Rational):
        return _OTHER_BITS
    if max(abs(rational.p), rational.q) > _LARGEST_READ:
        return _MOST_BITS
    return number_bits(int(rational.p), int(rational.q), 0 if rest == 1 else int(power))


@lru_cache(maxsize=64)
def _logs_as_simple(bits: int) -> tuple[float, ...]:
    """Logarithms of all p/q π^k of at most so many bits, in lowest terms."""
    logs = []
    for power in range(-(bits // _PI_BITS), bits // _PI_BITS + 1):
        most = int(2.0 ** ((bits - _PI_BITS * abs(power)) / 2) + _ROUNDING)
        for p in range(1, most + 1):
            for q in range(1, most // p + 1):
                if gcd(p, q) == 1:
                    logs.append(log(p / q) + power * log(pi))
    return tuple(logs)


def number_bits(p: int, q: int, power: int = 0) -> float:
    """Bits of p/q π^power: two for each binary digit, four for each π.

    Examples
    --------
    >>> number_bits(1, 2), number_bits(4, 1, -2)
    (2.0, 12.0)
    """
    return 2 * log2(max(abs(p), 1)) + 2 * log2(q) + _PI_BITS * abs(power)


def chance_of_number(value: float, bits: float, width: float) -> float:
    """Expected count of numbers as simple as one that an interval of its size meets by chance.

    Parameters
    ----------
    value : float
        The number.
    bits : float
        What it costs, see :func:`number_bits`.
    width : float
        Of the interval, relative to the number.

    Examples
    --------
    >>> chance_of_number(5.0, number_bits(5, 1), 0.02) < 0.06
    True
    >>> chance_of_number(4 / pi**2, number_bits(4, 1, -2), 0.02) > 0.3
    True
    """
    logs = _logs_as_simple(ceil(min(bits, _MOST_BITS) - _ROUNDING))
    near = sum(abs(log(abs(value)) - other) <= 1.0 for other in logs)
    return max(near / 2.0, _FEWEST_NEAR) * width


def numbers_near(value: float, window: float) -> list[tuple[str, float]]:
    """Simple numbers p/q times a power of pi within the window, the three simplest.

    Examples
    --------
    >>> numbers_near(1.5708, 1e-4)
    [('(1/2)*pi', 1.5707963267948966)]
    """
    priced = []
    for power, text in _PI_POWERS:
        unit = pi**power
        for fraction in nearest_rationals(value / unit, _DENOMINATORS):
            p, q = fraction.numerator, fraction.denominator
            if p and abs(p) <= _LARGEST and abs(p * unit / q - value) <= window:
                # two to half of its bits, exactly
                price = abs(p) * q * 2 ** (_PI_BITS // 2 * abs(power))
                priced.append((price, f"({fraction}){text}", p * unit / q))
    return [(text, number) for _, text, number in sorted(priced)[:3]]


@lru_cache(maxsize=10_000)
def exponent_bits(size: float) -> float:
    """Bits of the size of a rational exponent.

    Examples
    --------
    >>> exponent_bits(1.0), exponent_bits(0.5)
    (0.0, 2.0)
    """
    fraction = Fraction(size).limit_denominator(_LARGEST_DENOMINATOR)
    return number_bits(fraction.numerator, fraction.denominator)


def exact_bits(text: str) -> float:
    """Digits and names of a constant that is written out.

    Examples
    --------
    >>> exact_bits("1/2"), exact_bits("4*pi")
    (3.0, 9.0)
    """
    numbers = "".join(c if c.isdigit() else " " for c in text).split()
    digits = sum(number_bits(int(n), 1) for n in numbers)
    return _WRITTEN + digits + _PI_BITS * text.count("pi")


# what an exponent keeps: 12 decimals, unless more are needed to stay within rounding
_DECIMALS, _LAST_DIGIT = 12, 1e-14


def without_rounding(value: float) -> Fraction:
    """A number with all its digits; the rounding of a short decimal is undone.

    Examples
    --------
    >>> print(without_rounding(0.37000000000000005))
    37/100
    """
    short = round(value, _DECIMALS)
    return Fraction(repr(value if short and abs(short - value) > _LAST_DIGIT else short))
