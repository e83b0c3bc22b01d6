"""Which forms are the same law.

Forms are the same law where one is the other with some constants fixed, exponents apart, and the
runs do not refute these values: how a law is written, and whether its 2 is fitted, is no other law,
nor is a term that makes no difference even beyond the runs.
A law with fitted exponents and one with simple ones are two, but not two of which both have fitted
ones.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy

from dimgs.design.features import Design
from dimgs.discovery.contenders import Contender, refutes
from dimgs.discovery.cross_validation import is_monomial
from dimgs.discovery.evidence import fitted
from dimgs.discovery.models import FormulaModel, PowerModel
from dimgs.fits.noise import Errors
from dimgs.law.assemble import feature_values

# relative rms between forms of one law: rounding, and the end of a refit; or a tenth of a run's
# error, and never more than the benchmarks of known laws allow
_SAME, _OF_ERROR, _MOST = 1e-7, 0.1, 1e-3
# the groups beyond the runs, in their spreads about the middle, where forms are compared
_BEYOND, _POINTS = 1.5, 60
# natural logarithm of odds against a form, beyond which it is not asked which law it is
_IMPROBABLE = 25.0


@np.errstate(all="ignore")
def same_laws(design: Design, found: Sequence[Contender]) -> list[int]:
    """Which contenders are the same law: the number of its first form for each.

    Parameters
    ----------
    design : Design
    found : sequence of Contender

    Returns
    -------
    list of int
    """
    first = list(range(len(found)))
    points = _beyond(design)
    known = feature_values(points)
    there = [
        c.model.elsewhere(known, points.n_runs) if isinstance(c.model, FormulaModel) else None
        for c in found
    ]
    best = max((c.score for c in found), default=0.0)
    probable = [k for k, c in enumerate(found) if c.score > best - _IMPROBABLE]
    for j in probable:
        for i in probable:
            general, special = found[j], found[i]
            if i == j or first[i] == first[j]:
                continue
            more = len(general.constants) - len(special.constants)
            if more < 0 or (more == 0 and i > j) or (more and special.rigid > general.rigid):
                continue
            if _holds_in(general, special, there[j], there[i]):
                old, new = max(first[i], first[j]), min(first[i], first[j])
                first = [new if k == old else k for k in first]
    return first


def _holds_in(
    general: Contender, special: Contender, model: FormulaModel | None, other: FormulaModel | None
) -> bool:
    """Whether the special form is the general one with other constants, which the runs allow."""
    if refutes(general.evidence, special.evidence):
        return False
    target = np.array([])
    if model is not None and other is not None:
        target = other.value(special.evidence.whole.constants)
    usable = np.isfinite(target) & (target != 0)
    if model is None or 2 * usable.sum() <= len(usable):
        powers = isinstance(general.model, PowerModel) and isinstance(special.model, PowerModel)
        nested = powers and not general.rigid and not special.rigid
        alike = _is_power(general) and _is_power(special) and _same_exponents(general, special)
        return nested or alike
    unit = np.where(usable, np.abs(target), 1.0)
    aim = Errors("group", np.where(usable, target, 1.0), np.ones(len(target)), unit)
    again = fitted(model, aim, usable, general.evidence.whole.constants)
    same = max(_SAME, min(_OF_ERROR * special.evidence.whole.sd, _MOST))
    return again.usable and bool(np.sqrt(np.mean(again.residuals[usable] ** 2)) < same)


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
