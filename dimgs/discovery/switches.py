"""Switching laws: power laws by regime, and the smaller or larger of two power laws.

Where two power laws meet, the boundary is where they are equal, and the law is the smaller or the
larger of both; where there is a jump, the boundary is a constant of its own.
"""

from dataclasses import replace
from fractions import Fraction

import sympy

from dimgs.common.errors import DimgsError
from dimgs.discovery.options import Options
from dimgs.discovery.regimes import MOST_REGIMES, RegimeResult, regime_document, regimes_of
from dimgs.discovery.study import Study
from dimgs.engines.clock import Clock
from dimgs.groups.rationals import is_simple
from dimgs.judgement.candidates import Proposal
from dimgs.law.law import Law

# who found forms that switch
REGIMES = "regimes"


def switching(study: Study, options: Options, clock: Clock) -> tuple[list[Proposal], Study]:
    """Forms that switch, and the study with the regimes that they are made of.

    Parameters
    ----------
    study : Study
    options : Options
    clock : Clock
        No further number of regimes is tried that it would not see the end of.

    Returns
    -------
    tuple of (list of Proposal, Study)
        No forms, and the study itself, where the exponents are the same everywhere.
    """
    if study.result is None:
        return [], study
    forms: list[Proposal] = []
    result, most = study.result, MOST_REGIMES
    took = 0.0
    while most > 1 and clock.left > took:
        left = clock.left
        try:
            # a law that wins is validated with the others, as it stands
            regimes, law = regimes_of(study.prepared.design, options, most=most, validated=False)
        except DimgsError:
            break
        if law is None:
            break
        if not forms:
            result = replace(result, regimes=tuple(map(regime_document, regimes)))
        forms += _forms(regimes, law)
        took = left - clock.left
        # fewer regimes may be the law, and the others its scatter
        most = len(regimes) - 1
    return forms, replace(study, result=result)


def _forms(regimes: list[RegimeResult], law: Law) -> list[Proposal]:
    start = {c.name: c.value for c in law.constants if c.origin == "fitted"}
    decimals = {
        power.exp: sympy.Symbol(f"a_{k}")
        for k, power in enumerate(sorted(law.pi_expression.atoms(sympy.Pow), key=str), 1)
        if power.exp.is_Rational and not is_simple(Fraction(power.exp.p, power.exp.q))
    }
    whole = law.pi_expression.xreplace(decimals)
    start |= {str(symbol): float(value) for value, symbol in decimals.items()}
    out: list[Proposal] = [Proposal(name=REGIMES, expression=whole, constants=start, law=law)]
    if len(regimes) == 2:
        sides = [piece.expr for piece in whole.args]
        for extreme in (sympy.Min, sympy.Max):
            out.append(Proposal(name=REGIMES, expression=extreme(*sides), constants=start))
    return out
