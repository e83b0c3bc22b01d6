"""Which forms are the same law.

Forms are the same law where one is the other with some constants fixed, exponents apart, and the
runs do not refute these values: how a law is written, and whether its 2 is fitted, is no other law.
A power law with real exponents and one with simple ones are two.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy

from dimgs.arrays import Array
from dimgs.design.features import Design
from dimgs.discovery.contenders import Contender, refutes
from dimgs.discovery.cross_validation import is_monomial
from dimgs.discovery.evidence import Errors, fitted
from dimgs.discovery.models import FormulaModel, PowerModel

# rms of a law written in another form: rounding, and the end of a refit
_SAME = 1e-7
# the groups beyond the runs, in their spreads about the middle, where forms are compared
_BEYOND, _POINTS = 1.5, 60


@np.errstate(all="ignore")
def same_laws(design: Design, found: Sequence[Contender], errors: Errors) -> list[int]:
    """Which contenders are the same law: the number of its first form for each.

    Parameters
    ----------
    design : Design
    found : sequence of Contender
    errors : Errors

    Returns
    -------
    list of int
    """
    first = list(range(len(found)))
    points = _beyond(design)
    values = [_at(c, points) for c in found]
    for j, general in enumerate(found):
        for i, special in enumerate(found):
            if i == j or first[i] == first[j]:
                continue
            more = len(general.constants) - len(special.constants)
            if more < 0 or (more == 0 and i > j) or (more and not general.rigid):
                continue
            if _holds_in(general, special, points, values[i], errors):
                old, new = max(first[i], first[j]), min(first[i], first[j])
                first = [new if k == old else k for k in first]
    return first


def _holds_in(
    general: Contender, special: Contender, points: Design, target: Array, errors: Errors
) -> bool:
    """Whether the special form is the general one with other constants, which the runs allow."""
    a = general.evidence.whole
    if refutes(general.evidence, special.evidence):
        return False
    usable = np.isfinite(target) & (target != 0)
    if 2 * usable.sum() < len(usable) or isinstance(general.model, PowerModel) != isinstance(
        special.model, PowerModel
    ):
        return _is_power(general) and _is_power(special) and _same_exponents(general, special)
    model = FormulaModel(points, general.expression, dict(general.constants))
    unit = np.where(usable, np.abs(target), 1.0)
    aim = Errors("group", np.where(usable, target, 1.0), np.ones(len(target)), unit)
    again = fitted(model, aim, usable, a.constants)
    return again.usable and bool(np.sqrt(np.mean(again.residuals[usable] ** 2)) < _SAME)


def _is_power(one: Contender) -> bool:
    return is_monomial(one.expression)


def _same_exponents(one: Contender, other: Contender) -> bool:
    ratio = sympy.powsimp(one.expression / other.expression, force=True)
    names = {str(s) for s in ratio.free_symbols}
    return not names - set(one.constants) - set(other.constants) and one.rigid and other.rigid


def _beyond(design: Design) -> Design:
    """Some of the runs, moved away from their middle."""
    rows = np.linspace(0, design.n_runs - 1, min(design.n_runs, _POINTS)).astype(int)
    part = design.take(rows)
    middle = design.X.mean(axis=0)
    return replace(part, X=middle + _BEYOND * (part.X - middle))


def _at(one: Contender, points: Design) -> Array:
    constants = one.evidence.whole.constants
    if isinstance(one.model, PowerModel):
        return np.full(points.n_runs, np.nan)
    return FormulaModel(points, one.expression, dict(one.constants)).value(constants)
