"""One form for laws that are the same: monomials taken out of sums where that is shorter."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
        Products, powers and sums are rewritten, other trees returned.
    runs : Runs
        Their physical variables say what is short; monomials taken out of a root must be positive,
        so that all groups must be logged.
    """
    if not isinstance(tree, Product | Power | Sum) or not all(runs.logged):
        return tree
    none: _Exponents = (Fraction(0),) * runs.n_groups
    front = none
    factors: list[Tree] = []
    for factor in tree.factors if isinstance(tree, Product) else (tree,):
        if isinstance(factor, Mono):
            front = _sum(front, factor.exponents, Fraction(1))
        else:
            factors.append(factor)
    for k, factor in enumerate(factors):
        base, b = (factor.base, factor.exponent) if isinstance(factor, Power) else (factor, None)
        if not isinstance(base, Sum):
            continue
        terms = [_split(term, none) for term in base.terms]
        power = Fraction(1) if b is None else b
        best: tuple[float, _Exponents, Tree] = (
            law_bits(Mono(front), runs) + structure_bits(base, runs),
            front,
            base,
        )
        for exponents in {t.exponents: None for t in terms}:
            inside = _grouped([t.over(exponents) for t in terms], runs)
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


@dataclass(frozen=True)
class _Term:
    """A number times a monomial times the rest."""

    number: Number
    exponents: _Exponents
    rest: tuple[Tree, ...]

    def over(self, exponents: _Exponents) -> "_Term":
        return replace(self, exponents=_sum(self.exponents, exponents, Fraction(-1)))

    @property
    def tree(self) -> Tree:
        product: Tree = times(self.number, monomial(self.exponents))
        for tree in self.rest:
            product = _joined(product, tree)
        return product


def _split(term: Tree, none: _Exponents) -> _Term:
    number, exponents, rest = ONE, none, []
    for factor in term.factors if isinstance(term, Product) else (term,):
        if isinstance(factor, Mono):
            exponents = _sum(exponents, factor.exponents, Fraction(1))
        elif isinstance(factor, Number) and number == ONE:
            number = factor
        else:
            rest.append(factor)
    return _Term(number, exponents, tuple(rest))


def _joined(first: Tree, second: Tree) -> Tree:
    """A product without products in it."""
    if first == ONE:
        return second
    known = first.factors if isinstance(first, Product) else (first,)
    return Product((*known, second))


def _grouped(terms: list[_Term], runs: Runs) -> Tree:
    """A sum, two of its terms with their monomial in front where that is shorter: 1 + u (1 - v)."""
    trees = [term.tree for term in terms]
    best: Tree = Sum(tuple(trees))
    bits = structure_bits(best, runs)
    for i, first in enumerate(terms) if len(terms) > 2 else []:
        if not any(first.exponents):
            continue
        for j, second in enumerate(terms):
            others = [tree for k, tree in enumerate(trees) if k not in (i, j)]
            none = first.over(first.exponents)
            if i == j or second.exponents != first.exponents:
                continue
            inner = Sum((none.tree, second.over(first.exponents).tree))
            trial = Sum((*others, Product((Mono(first.exponents), inner))))
            if structure_bits(trial, runs) < bits:
                best, bits = trial, structure_bits(trial, runs)
    return best


def _sum(a: _Exponents, b: _Exponents, factor: Fraction) -> _Exponents:
    return tuple(x + factor * y for x, y in zip(a, b, strict=True))
