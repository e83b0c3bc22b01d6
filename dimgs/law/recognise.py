"""Constants recognised: π, 2π, 1/2, √2, ... only where the interval singles one out.

A dimensionless fitted constant takes a value of the list if its interval is narrower than 5 % of
the constant, holds that value and, made three times as wide, holds no other of the list, and is
so narrow that meeting a number as simple as that by chance is improbable (one in twenty: 2 at a
width of 4 %, 2π at 0.6 %, 4/π² at 0.1 %). Its origin is then "recognised"; the interval stays that
of the fit, and is shown. A factor of 1 or -1 that runs without noise leave no doubt of is no
constant: the law is written without it. Otherwise nothing changes.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy

from dimgs.law.law import Law
from dimgs.law.parts import Constant
from dimgs.rationals import recognised_value
from dimgs.variables import Dimension

# half-width of the interval of a factor of one that is not written: rounding, and no noise, is less
_NO_DOUBT = 1e-6
_KELVIN, _CELSIUS = Dimension.of({"[temperature]": 1}), 273.15
# of it: an interval as wide as 50 K holds 273 K by chance
_NARROW = 0.2


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
    return _without_ones(replace(law, constants=constants)) if changed and finite else law


def _without_ones(law: Law) -> Law:
    """The law without constants that are 1 or -1 beyond doubt; its uncertainty stays."""
    ones = {
        sympy.Symbol(c.name): sympy.Integer(round(c.value)) for c in law.constants if _is_one(c)
    }
    if not ones:
        return law
    uncertainty = law.uncertainty
    return replace(
        law,
        expression=law.expression.xreplace(ones),
        pi_expression=law.pi_expression.xreplace(ones),
        constants=tuple(c for c in law.constants if not _is_one(c)),
        uncertainty=replace(
            uncertainty, gradients=tuple(g.xreplace(ones) for g in uncertainty.gradients)
        ),
    )


def _is_one(constant: Constant) -> bool:
    if constant.origin != "recognised" or abs(constant.value) != 1.0:
        return False
    low, high = constant.low, constant.high
    return low is not None and high is not None and high - low < 2 * _NO_DOUBT


def celsius_zeros(law: Law) -> tuple[str, ...]:
    """Doubts where a fitted constant is the zero of the Celsius scale, in one sentence each.

    Parameters
    ----------
    law : Law

    Returns
    -------
    tuple of str
    """
    return tuple(
        f"The fitted constant {c.name} is {c.value:.5g} K, the zero of the Celsius scale: a "
        f"column in degC may be a difference, or may count from 0 °C; give its unit as delta_degC."
        for c in law.constants
        if c.origin == "fitted"
        and c.dimension == _KELVIN
        and c.low is not None
        and c.high is not None
        and min(abs(c.low), abs(c.high)) <= _CELSIUS <= max(abs(c.low), abs(c.high))
        and abs(c.high - c.low) < _NARROW * _CELSIUS
    )
