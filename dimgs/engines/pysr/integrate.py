"""Closed forms of exponents -> their potential: ln pi_0 whose derivatives they are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.errors import LawError
from dimgs.engines.protocol import Problem
from dimgs.expression.candidate import Candidate

if TYPE_CHECKING:
    import sympy

# share of the slopes by which two mixed ones may differ: forms of fields are fitted to a per cent
_CURL = 1e-2


def potential_of(exponents: "Mapping[str, sympy.Expr]") -> "sympy.Expr | None":
    """Φ with ∂Φ/∂ ln pi_j = a_j for each given exponent, None where there is none or it is hard.

    One group after the other is integrated, each time what the potential so far leaves; that must
    be free of the groups before, else the exponents are not a gradient. A sum is integrated term by
    term: what is free of the group, its powers and logarithms, denominators linear in it.

    Parameters
    ----------
    exponents : mapping of str to sympy.Expr
        By the name of the group.

    Examples
    --------
    >>> from sympy import symbols, log
    >>> x, y = symbols("pi_1 pi_2")
    >>> potential_of({"pi_1": y + 1 / (1 + x)})
    pi_2*log(pi_1) + log(pi_1) - log(pi_1 + 1)
    >>> potential_of({"pi_1": log(y), "pi_2": log(x) + 2})
    log(pi_1)*log(pi_2) + 2*log(pi_2)
    >>> potential_of({"pi_1": y, "pi_2": x}) is None
    True
    """
    import sympy

    total: Any = sympy.Integer(0)
    before: set[Any] = set()
    for name in sorted(exponents):
        x = sympy.Symbol(name)
        left = sympy.expand(exponents[name] - x * sympy.diff(total, x))
        if left.free_symbols & before:
            return None
        parts = [_term(term, x) for term in sympy.Add.make_args(left)]
        if any(p is None for p in parts):
            return None
        total += sympy.Add(*parts)
        before.add(x)
    return total


def _term(term: Any, x: Any) -> Any:
    import sympy

    factor, rest = term.as_independent(x, as_Add=False)
    if rest == 1:
        return factor * sympy.log(x)
    if rest == sympy.log(x):
        return factor * sympy.log(x) ** 2 / 2
    powers = rest.as_powers_dict()
    power = powers.pop(x, sympy.Integer(0))
    if not powers and not power.has(x):
        return factor * x**power / power
    if len(powers) != 1 or power not in (0, 1):
        return None
    (line, exponent), = powers.items()  # fmt: skip
    if exponent != -1 or not line.is_polynomial(x) or sympy.degree(line, x) != 1:
        return None
    slope, offset = sympy.Poly(line, x).all_coeffs()
    if power == 1:
        return factor / slope * sympy.log(line)
    return factor / offset * (sympy.log(x) - sympy.log(line))


def is_gradient(exponents: "Mapping[str, sympy.Expr]", problem: Problem) -> bool:
    """Whether closed forms of exponents have no curl: ∂a_i/∂ ln pi_j = ∂a_j/∂ ln pi_i in the runs.

    Parameters
    ----------
    exponents : mapping of str to sympy.Expr
        By the name of the group, in groups and numbers.
    problem : Problem

    Examples
    --------
    >>> from sympy import Integer, Symbol, log
    >>> g = {"pi_1": np.array([1.0, 2.0, 3.0]), "pi_2": np.array([2.0, 1.0, 3.0])}
    >>> problem = Problem(g, g["pi_1"])
    >>> y, one = Symbol("pi_2"), Integer(1)
    >>> is_gradient({"pi_1": y, "pi_2": one}, problem)
    False
    >>> is_gradient({"pi_1": log(y), "pi_2": log(Symbol("pi_1"))}, problem)
    True
    """
    names = sorted(exponents)
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            one = _slope(exponents[first], second, problem)
            two = _slope(exponents[second], first, problem)
            if one is None or two is None:
                return False
            size = max(float(np.max(np.abs(one))), float(np.max(np.abs(two))))
            if float(np.max(np.abs(one - two))) > _CURL * size:
                return False
    return True


def _slope(exponent: Any, group: str, problem: Problem) -> Any:
    """Its derivative by the logarithm of a group in every run."""
    import sympy

    x = sympy.Symbol(group)
    slope = x * sympy.diff(exponent, x)
    if slope == 0:
        return np.zeros(problem.n_runs)
    try:
        return Candidate.of(slope, scale="linear").evaluate(problem.groups)
    except LawError:
        return None
