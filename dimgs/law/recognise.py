"""Constants recognised: π, 2π, 1/2, √2, ... only where the interval singles one out.

A dimensionless fitted constant takes a value of the list if its interval is narrower than 5 % of
the constant, holds that value and, made three times as wide, holds no other of the list. Its
origin is then "recognised"; the interval stays that of the fit. Otherwise nothing changes.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import sympy

from dimgs.law.law import Law
from dimgs.law.parts import Constant

NARROW = 0.05
_WIDER = 3.0
_ROUNDING = 1e-9


@lru_cache(maxsize=1)
def known_values() -> tuple[sympy.Expr, ...]:
    """Exact values that are recognised, both signs, the simplest first."""
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


def recognised_value(value: float, low: float | None, high: float | None) -> sympy.Expr | None:
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
    known: sympy.Expr, value: float, low: float, high: float, slack: float, wider: float
) -> bool:
    gap = float(known) - value
    return wider * (low - value) - slack <= gap <= wider * (high - value) + slack


def recognised(constant: Constant) -> Constant:
    """The constant with its recognised value and origin, or as it is."""
    if constant.origin != "fitted" or not constant.dimension.is_dimensionless:
        return constant
    known = recognised_value(constant.value, constant.low, constant.high)
    if known is None:
        return constant
    return replace(constant, value=float(known), origin="recognised")


def recognise(law: Law, units: Sequence[str] = ()) -> Law:
    """The law with its dimensionless constants recognised where their intervals allow.

    Where unknown scales take part, a dimensionless prefactor says which unit the scale was
    counted in, so nothing is recognised in such a law unless its scales were absorbed.

    Parameters
    ----------
    law : Law
    units : sequence of str
        Names of constants to leave alone.

    Returns
    -------
    Law
    """
    if any(c.origin == "scale" for c in law.constants):
        return law
    constants = tuple(c if c.name in units else recognised(c) for c in law.constants)
    changed = any(a is not b for a, b in zip(constants, law.constants, strict=True))
    finite = all(np.isfinite(c.value) for c in constants)
    return replace(law, constants=constants) if changed and finite else law
