"""Laws that switch: power laws in pieces, and the smaller or larger of two, from the runs' regimes.

Where two power laws meet, the boundary is where they are equal, and the law is the smaller or the
larger of both; where there is a jump, the boundary is a constant of its own.
"""

from dataclasses import replace

import sympy

from dimgs.discovery.forms import Form
from dimgs.discovery.options import Options
from dimgs.discovery.regimes import RegimeResult, regime_document, regimes_of
from dimgs.discovery.study import Study
from dimgs.errors import DimgsError
from dimgs.law.law import Law

# who found forms that switch
REGIMES = "regimes"


def switching(found: Study, options: Options) -> tuple[list[Form], Study]:
    """Forms that switch, and the study with the regimes that they are made of.

    Parameters
    ----------
    found : Study
    options : Options

    Returns
    -------
    tuple of (list of Form, Study)
        No forms, and the study itself, where the exponents are the same everywhere.
    """
    if found.result is None:
        return [], found
    try:
        regimes, law = regimes_of(found.prepared.design, options)
    except DimgsError:
        return [], found
    if law is None:
        return [], found
    documents = tuple(regime_document(regime) for regime in regimes)
    return _forms(regimes, law), replace(found, result=replace(found.result, regimes=documents))


def _forms(regimes: list[RegimeResult], law: Law) -> list[Form]:
    start = {c.name: c.value for c in law.constants if c.origin == "fitted"}
    out: list[Form] = [(REGIMES, law.pi_expression, start, None, law)]
    if len(regimes) == 2:
        sides = [piece.expr for piece in law.pi_expression.args]
        for extreme in (sympy.Min, sympy.Max):
            out.append((REGIMES, extreme(*sides), start, None, None))
    return out
