"""Local exponents of a law with their intervals."""

from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from dimgs.expression.simplest import derivatives_of
from dimgs.law.evaluate import Inputs, evaluate
from dimgs.law.prediction import Interval

if TYPE_CHECKING:
    from dimgs.law.law import Law


@np.errstate(all="ignore")
def elasticities(law: "Law", inputs: Inputs, level: float | None) -> dict[str, Any]:
    """Elasticity of each input column, see :meth:`Law.elasticities`.

    The value is exact (symbolic differentiation). The interval follows from how the elasticity
    moves with the law's parameters: the derivative of each parameter's gradient.
    """
    values: dict[str, Any] = {s: inputs.values[v.name] for s, v in law.symbols.items()}
    values |= law.constant_values
    monomials = _group_monomials(law)
    gradients = [g.subs(monomials) for g in law.uncertainty.gradients]
    if law.uncertainty.scale == "linear":
        pi_0 = law.pi_expression.subs(monomials)
        gradients = [g / pi_0 for g in gradients]
    out: dict[str, Any] = {}
    for name, variable in law.symbols.items():
        x = sympy.Symbol(name)
        slope = x * derivatives_of(law.expression, [name])[0]
        if not law.target.is_level:
            slope = slope / law.expression
        value = evaluate(sympy.powsimp(slope), values, inputs.n)
        if level is None:
            out[variable.name] = inputs.like(value)
            continue
        turns = (x * derivatives_of(g, [name])[0] for g in gradients)
        # the slope of a sign is zero but at one point
        smooth = (turn.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0)) for turn in turns)
        moves = [evaluate(turn, values, inputs.n) for turn in smooth]
        moved = np.column_stack(moves) if moves else np.zeros((inputs.n, 0))
        half = law.uncertainty.half_width(moved, level, 0.0)
        if law.target.is_level:
            half = half / abs(law.target.unit.log_factor)
        ends = (value, value - half, value + half)
        out[variable.name] = Interval(*(inputs.like(x) for x in ends))
    return out


def _group_monomials(law: "Law") -> dict[sympy.Symbol, sympy.Expr]:
    """Each group as a monomial of the law's symbols and constants, scales counting as 1."""
    identifiers = {v.name: s for s, v in law.symbols.items()}
    identifiers |= {c.name: c.name for c in law.constants}
    monomials = {}
    for group in law.groups:
        factors = [
            sympy.Symbol(identifiers[name]) ** sympy.Rational(str(e))
            for name, e in group.exponents
            if name in identifiers
        ]
        monomials[sympy.Symbol(group.name)] = sympy.Mul(*factors)
    return monomials
