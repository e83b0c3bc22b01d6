"""Constants recognised: π, 2π, 1/2, √2, ... only where the interval singles one out.

A dimensionless fitted constant takes a value of the list if its interval is narrower than 5 % of
the constant, holds that value and, made three times as wide, holds no other of the list, and is
so narrow that meeting a number as simple as that by chance is improbable (one in twenty: 2 at a
width of 4 %, 2π at 0.6 %, 4/π² at 0.1 %). Its origin is then "recognised"; the interval stays that
of the fit, and is shown. Otherwise nothing changes.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dimgs.law.law import Law
from dimgs.law.parts import Constant
from dimgs.rationals import recognised_value


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
