"""One form for laws that are the same: monomials taken out of sums where that is shorter."""

from collections.abc import Iterator
from fractions import Fraction

from dimgs.engines.structured.describe import law_bits, structure_bits
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    ONE,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    monomial,
    times,
)

_Exponents = tuple[Fraction, ...]


def normalised(tree: Tree, runs: Runs) -> Tree:
    """Take monomials out of sums: (m_1 + c m_2)^b is m_1^b (1 + c m_2/m_1)^b where that is shorter.

    Parameters
    ----------
    tree : Tree
        Products are rewritten, other trees returned.
    runs : Runs
        Their physical variables say what is short; monomials taken out of a root must be positive,
        so that all groups must be logged.
    """
    if not isinstance(tree, Product) or not all(runs.logged):
        return tree
    none: _Exponents = (Fraction(0),) * runs.n_groups
    front = none
    factors: list[Tree] = []
    for factor in tree.factors:
        if isinstance(factor, Mono):
            front = _sum(front, factor.exponents, Fraction(1))
        else:
            factors.append(factor)
    for k, factor in enumerate(factors):
        base, b = (factor.base, factor.exponent) if isinstance(factor, Power) else (factor, None)
        if not isinstance(base, Sum):
            continue
        terms = [_split(term, none) for term in base.terms]
        if any(term is None for term in terms):
            continue
        known = [term for term in terms if term is not None]
        power = Fraction(1) if b is None else b
        best = (law_bits(Mono(front), runs) + structure_bits(base, runs), front, base)
        for _, exponents in known:
            inside = Sum(
                tuple(times(n, monomial(_sum(e, exponents, Fraction(-1)))) for n, e in known)
            )
            outside = _sum(front, exponents, power)
            bits = law_bits(Mono(outside), runs) + structure_bits(inside, runs)
            if bits < best[0]:
                best = (bits, outside, inside)
        _, front, base = best
        factors[k] = base if b is None else Power(base, b)
    if any(front):
        factors = list(_after_numbers(Mono(front), factors))
    if not factors:
        return ONE
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


def _after_numbers(front: Mono, factors: list[Tree]) -> Iterator[Tree]:
    numbers = [f for f in factors if isinstance(f, Number)]
    yield from numbers
    yield front
    yield from (f for f in factors if not isinstance(f, Number))


def _split(term: Tree, none: _Exponents) -> tuple[Number, _Exponents] | None:
    """A number and the exponents of a monomial, if the term is their product."""
    match term:
        case Number():
            return term, none
        case Mono(exponents):
            return ONE, exponents
        case Product((Number() as number, Mono(exponents))):
            return number, exponents
        case _:
            return None


def _sum(a: _Exponents, b: _Exponents, factor: Fraction) -> _Exponents:
    return tuple(x + factor * y for x, y in zip(a, b, strict=True))
