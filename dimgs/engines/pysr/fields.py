"""Closed forms of learned exponents -> laws whose exponents they are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.errors import LawError
from dimgs.engines.protocol import Problem
from dimgs.engines.pysr.integrate import is_gradient, potential_of
from dimgs.engines.translate import name_constants
from dimgs.expression.candidate import Candidate

if TYPE_CHECKING:
    import sympy


def rebuilt(
    problem: Problem, fronts: Mapping[str, Sequence["sympy.Expr"]], engine: str = ""
) -> list[Candidate]:
    """Laws c · Π pi_j^a_j in which some of the exponents are functions of other groups.

    An exponent is integrated along its group: if it does not depend on that group itself, the law
    is a power of it. Each closed form is taken alone, with constant exponents of the other groups,
    and the best ones of all groups together where they form a gradient; which of the laws fits,
    only the runs can decide.

    Parameters
    ----------
    problem : Problem
        With a positive response.
    fronts : mapping of str to sequence of sympy.Expr
        Closed forms of the exponent of each group, the best first, in floats.
    engine : str

    Returns
    -------
    list of Candidate
        Not yet refitted.

    Examples
    --------
    >>> from sympy import Symbol
    >>> x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 0.5, 2.0, 0.7])
    >>> problem = Problem({"pi_1": x, "pi_2": y}, 2 * x ** (1 + y) / y)
    >>> law = rebuilt(problem, {"pi_1": [1.0 + Symbol("pi_2")]})[0]
    >>> print(law)
    c_1*pi_1**(c_3 + pi_2)*pi_2**c_2
    """
    names = [n for n in problem.groups if n not in problem.unlogged]
    names.sort(key=lambda n: (len(n), n))
    logs = {n: np.log(problem.groups[n]) for n in names}
    usable = {n: list(forms) for n, forms in fronts.items() if n in names}
    sets: list[dict[str, Any]] = [{n: e} for n, forms in usable.items() for e in forms]
    best = {n: forms[0] for n, forms in usable.items() if forms}
    if len(best) > 1 and is_gradient(best, problem):
        sets.append(best)
    per_set = (_law(problem, logs, exponents, engine) for exponents in sets)
    return [law for laws in per_set for law in laws]


def _law(
    problem: Problem, logs: Mapping[str, Any], exponents: Mapping[str, Any], engine: str
) -> Iterator[Candidate]:
    import sympy

    factor = _factor_of(exponents)
    if factor is None:
        return
    try:
        log_factor = np.log(Candidate.of(factor).evaluate(problem.groups))
        if not np.all(np.isfinite(log_factor)):
            return
        log_remainder = np.log(problem.response) - log_factor
        others = [n for n in logs if n not in exponents]
        columns = np.column_stack([np.ones(problem.n_runs), *(logs[n] for n in others)])
        solution = np.linalg.lstsq(columns, log_remainder, rcond=None)[0]
        constants = {"c_1": float(np.exp(solution[0]))}
        law: Any = sympy.Symbol("c_1")
        for j, n in enumerate(others):
            constants[f"c_{j + 2}"] = float(solution[j + 1])
            law *= sympy.Symbol(n) ** sympy.Symbol(f"c_{j + 2}")
        named, values = name_constants(factor, len(constants) + 1)
        constants |= values
        law *= named
        yield Candidate.of(law, constants, engine=engine)
    except (LawError, np.linalg.LinAlgError):
        return


def _factor_of(exponents: Mapping[str, Any]) -> Any:
    """exp(Φ) of the potential Φ; powers where the exponents are free of their groups."""
    import sympy

    symbols = {sympy.Symbol(n) for n in exponents}
    if all(not e.free_symbols & symbols for e in exponents.values()):
        return sympy.Mul(*(sympy.Symbol(n) ** e for n, e in exponents.items()))
    potential = potential_of(exponents)
    return None if potential is None else sympy.exp(potential)
