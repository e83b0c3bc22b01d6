"""How many bits the structure of a tree takes, in the physical variables."""

from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    Call,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    children,
)
from dimgs.rationals import exact_bits, exponent_bits

_OPERATOR = 2.0
_VARIABLE = 2.0
_SIGN = 1.0
PHASE_BITS = 5.0
# functions of plain products are the rule: of 41 products inside functions of the development laws
# of other fields 39 have exponents 1 alone, and 2 of 38 functions stand inside another one
_INNER_EXPONENTS = 2.0
_NESTED = 4.0
_INVERSES = ("asin", "acos", "atan", "log", "log1p")


def law_bits(tree: Tree, runs: Runs) -> float:
    """Bits of the law of the target itself, which is that of pi_0 over the variables in pi_0.

    A monomial in front, or in every term of a sum, is counted together with those variables, so
    that a law is as long as it is in the physical variables, whatever pi_0 was made with.
    """
    around = monomial_bits(-runs.shift)
    plain = structure_bits(tree, runs) + around
    match tree:
        case Mono(exponents):
            return _own(exponents, runs)
        case Product(factors):
            fronts = [f for f in factors if isinstance(f, Mono)]
            if len(fronts) != 1:
                return plain
            return (
                plain - around - structure_bits(fronts[0], runs) + _own(fronts[0].exponents, runs)
            )
        case Sum(terms):
            return min(plain, _OPERATOR * (len(terms) - 1) + sum(law_bits(t, runs) for t in terms))
        case _:
            return plain


def _own(exponents: tuple[Fraction, ...], runs: Runs) -> float:
    return monomial_bits(runs.shape @ np.array([float(e) for e in exponents]) - runs.shift)


def monomial_bits(physical: NDArray[np.float64], share: float = 1.0) -> float:
    """Bits of the variables of a monomial and their exponents; a common power is told once.

    Parameters
    ----------
    physical : ndarray of shape (n_variables,)
        Exponents.
    share : float
        How dear exponents are.
    """
    sizes = tuple(sorted(round(x, 6) for x in np.abs(physical).tolist() if x > 1e-9))
    return _VARIABLE * len(sizes) + share * _exponents_bits(sizes)


@lru_cache(maxsize=100_000)
def _exponents_bits(sizes: tuple[float, ...]) -> float:
    one_by_one = sum(exponent_bits(x) for x in sizes)
    together = min(
        (exponent_bits(c) + sum(exponent_bits(x / c) for x in sizes) for c in set(sizes)),
        default=0.0,
    )
    return min(one_by_one, together)


def structure_bits(tree: Tree, runs: Runs, within: str = "") -> float:
    """Bits of operators, functions, variables, exponents and exact numbers.

    Parameters
    ----------
    tree : Tree
    runs : Runs
    within : str
        Function whose argument the tree is part of, if any.
    """
    own = 0.0
    match tree:
        case Number(value, text):
            own = 0.0 if text is None or value == 1 else exact_bits(text)
        case Mono(exponents):
            physical = runs.shape @ np.array([float(e) for e in exponents])
            own = monomial_bits(physical, _INNER_EXPONENTS if within else 1.0)
        case Power(_, exponent):
            own = _OPERATOR + exponent_bits(abs(float(exponent)))
        case Call(name, argument):
            own = FUNCTIONS[name].bits
            own += _NESTED if within and within not in _INVERSES else 0.0
            within = name
            if FUNCTIONS[name].periodic and not is_angle(argument, runs):
                own += PHASE_BITS
        case Sum(terms):
            # a number in a sum is a coefficient of 1, as dear as that of any other term
            numbers = sum(isinstance(t, Number) and abs(t.value) != 1 for t in terms)
            own = _OPERATOR * (len(terms) - 1 + numbers)
        case Product((Number(-1.0), Mono() as rest)):
            return _SIGN + structure_bits(rest, runs, within)
        case _:
            own = _OPERATOR * (len(children(tree)) - 1)
    return own + sum(structure_bits(child, runs, within) for child in children(tree))


def is_angle(argument: Tree, runs: Runs) -> bool:
    """Whether all variables of an argument are dimensionless by themselves, as angles are.

    Those alone are varied apart from all others: a group of several variables is a phase, which is
    rarer in laws.
    """
    match argument:
        case Number():
            return True
        case Mono(exponents):
            taken = [k for k, e in enumerate(exponents) if e]
            return all(np.count_nonzero(np.abs(runs.shape[:, k]) > 1e-9) <= 1 for k in taken)
        case _:
            return all(is_angle(child, runs) for child in children(argument))
