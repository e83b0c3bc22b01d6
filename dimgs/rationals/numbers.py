"""Numbers that constants of laws are recognised as: rationals, multiples of pi, roots, e."""

from functools import lru_cache
from math import pi
from typing import TYPE_CHECKING

from dimgs.rationals.search import nearest_rationals

if TYPE_CHECKING:
    import sympy

_PI_POWERS = ((0, ""), (1, "*pi"), (-1, "/pi"), (2, "*pi**2"), (-2, "/pi**2"))
_DENOMINATORS = (1, 2, 3, 4, 6, 8)
_LARGEST = 12
# an interval wider than this part of the constant singles out nothing, whatever it holds
NARROW = 0.05
_WIDER = 3.0
_ROUNDING = 1e-9


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


def recognised_value(value: float, low: float | None, high: float | None) -> "sympy.Expr | None":
    """The exact value that an interval singles out, None if there is none.

    Parameters
    ----------
    value : float
    low, high : float or None
        Interval of the constant.

    Examples
    --------
    >>> recognised_value(6.27, 6.2, 6.35), recognised_value(6.27, 5.0, 7.0)
    (2*pi, None)
    """
    if low is None or high is None or value == 0 or high - low > NARROW * abs(value):
        return None
    slack = _ROUNDING * abs(value)
    near = [v for v in known_values() if _within(v, value, low, high, slack, _WIDER)]
    held = [v for v in near if _within(v, value, low, high, slack, 1.0)]
    return held[0] if len(near) == 1 and held else None


def _within(
    known: "sympy.Expr", value: float, low: float, high: float, slack: float, wider: float
) -> bool:
    gap = float(known) - value
    return wider * (low - value) - slack <= gap <= wider * (high - value) + slack


def numbers_near(value: float, window: float) -> list[tuple[str, float]]:
    """Simple numbers p/q times a power of pi within the window, the three simplest.

    Examples
    --------
    >>> numbers_near(1.5708, 1e-4)
    [('(1/2)*pi', 1.5707963267948966)]
    """
    out = []
    for power, text in _PI_POWERS:
        unit = pi**power
        for fraction in nearest_rationals(value / unit, _DENOMINATORS):
            p, q = fraction.numerator, fraction.denominator
            if p and abs(p) <= _LARGEST and abs(p * unit / q - value) <= window:
                out.append((abs(p) * q * (1 + 3 * abs(power)), f"({fraction}){text}", p * unit / q))
    return [(text, number) for _, text, number in sorted(out)[:3]]
