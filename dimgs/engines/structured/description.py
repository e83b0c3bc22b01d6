"""Bits of a tree in the physical variables, its canonical form, and simple numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, reduce
from itertools import product

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import (
    ONE,
    Call,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    children,
    monomial,
    times,
)
from dimgs.groups.rationals import exact_bits, exponent_bits

# bits of one of four operators, of one of four variables, and of a sign
OPERATOR = 2.0
_VARIABLE = 2.0
SIGN_BITS = 1.0
# a sine, cosine or tangent of what is not an angle: rarer than a function of any group by that
PHASE_BITS = 5.0
# a group that changes sign in a denominator: it is infinite within the runs, which is rarer
_POLE_BITS = 4.0
# functions of plain products are the rule: of 41 products inside functions of the development laws
# of other fields 39 have exponents 1 alone, and 2 of 38 functions stand inside another one
_INNER_EXPONENTS = 2.0
_NESTED = 4.0
# of these arguments may be functions at no further cost, as in asin(u sin v) and log(cosh u)
_INVERSES = ("asin", "acos", "atan", "log", "log1p")
# simple numbers that constants are tried at, with those of circles, spheres and turns
_RATIONAL = ("1", "2", "1/2", "3", "1/3", "4", "1/4", "3/2", "2/3", "3/4", "4/3", "8", "1/8")
_WITH_PI = ("pi", "2*pi", "pi/2", "4*pi", "1/pi", "1/(2*pi)", "1/(4*pi)", "pi/4", "4*pi/3")
# rounding of bits: forms that differ by no more are as long
_SAME = 1e-9
_Exponents = tuple[Fraction, ...]


def law_bits(tree: Tree, runs: Runs) -> float:
    """Bits of the law of the target itself, which is that of pi_0 over the variables in pi_0.

    A monomial in front, or in every term of a sum, is counted together with those variables, so
    that a law is as long as it is in the physical variables, whatever pi_0 was made with.
    """
    around = monomial_bits(-runs.shift)
    plain = structure_bits(tree, runs) + around
    match tree:
        case Mono(exponents):
            return _in_variables(exponents, runs)
        case Product(factors):
            fronts = [f for f in factors if isinstance(f, Mono)]
            if len(fronts) != 1:
                return plain
            return (
                plain
                - around
                - structure_bits(fronts[0], runs)
                + _in_variables(fronts[0].exponents, runs)
            )
        case Sum(terms):
            return min(plain, OPERATOR * (len(terms) - 1) + sum(law_bits(t, runs) for t in terms))
        case _:
            return plain


def _in_variables(exponents: tuple[Fraction, ...], runs: Runs) -> float:
    return monomial_bits(runs.shape @ np.array([float(e) for e in exponents]) - runs.shift)


def monomial_bits(physical: Array, share: float = 1.0) -> float:
    """Bits of the variables of a monomial and their exponents; a common power is stated once.

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
    price = 0.0
    match tree:
        case Number(value, text):
            price = 0.0 if text is None or value == 1 else exact_bits(text)
        case Mono(exponents):
            key = exponents, bool(within)
            if key not in runs.lengths:
                e = np.array([float(x) for x in exponents])
                bits = monomial_bits(runs.shape @ e, _INNER_EXPONENTS if within else 1.0)
                runs.lengths[key] = bits + _POLE_BITS * float(runs.poles(e[None, :])[0])
            price = runs.lengths[key]
        case Power(_, exponent):
            price = OPERATOR + exponent_bits(abs(float(exponent)))
        case Call(name, argument):
            price = FUNCTIONS[name].bits
            price += _NESTED if within and within not in _INVERSES else 0.0
            within = name
            if FUNCTIONS[name].periodic and not is_angle(argument, runs):
                price += PHASE_BITS
        case Sum(terms):
            # a number in a sum is a coefficient of 1, as dear as that of any other term
            numbers = sum(isinstance(t, Number) and abs(t.value) != 1 for t in terms)
            price = OPERATOR * (len(terms) - 1 + numbers)
        case Product((Number(-1.0), Mono() as rest)):
            return SIGN_BITS + structure_bits(rest, runs, within)
        case Product(factors):
            price = OPERATOR * (sum(f != ONE for f in factors) - 1)
    return price + sum(structure_bits(child, runs, within) for child in children(tree))


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


@dataclass(frozen=True, slots=True)
class SimpleNumber:
    """A simple positive number.

    Parameters
    ----------
    value : float
    text : str
        As SymPy reads it.
    bits : float
        Length of description.
    """

    value: float
    text: str
    bits: float

    def signed(self, sign: float) -> Number:
        """The number with a sign."""
        return Number(self.value, self.text) if sign > 0 else Number(-self.value, f"-{self.text}")


def simple_number(text: str) -> SimpleNumber:
    """The number of a text such as "1", "1/2", "2*pi" or "1/(4*pi)"."""
    value = 1.0
    head, _, tail = text.partition("/")
    for part, power in ((head, 1.0), (tail.strip("()"), -1.0)):
        for factor in filter(None, part.split("*")):
            value *= (np.pi if factor == "pi" else float(factor)) ** power
    return SimpleNumber(value, text, 0.0 if text == "1" else exact_bits(text))


SIMPLE_NUMBERS = tuple(
    sorted(map(simple_number, (*_RATIONAL, *_WITH_PI)), key=lambda n: (n.bits, n.value))
)


def simple_number_near(size: float, window: float) -> SimpleNumber | None:
    """The simplest of the numbers whose logarithm is within a window of that of `size`.

    Examples
    --------
    >>> simple_number_near(1.9, 0.1).text
    '2'
    """
    if not size > 0:
        return None
    return next((n for n in SIMPLE_NUMBERS if abs(np.log(n.value / size)) <= window), None)


def canonical(tree: Tree, runs: Runs) -> Tree:
    """Take monomials out of sums: (m_1 + c m_2)^b is m_1^b (1 + c m_2/m_1)^b where that is shorter.

    Parameters
    ----------
    tree : Tree
        Products, powers and sums are rewritten, other trees returned.
    runs : Runs
        Their physical variables say what is short; only groups that are logged are taken out, as
        what leaves a root or a sum must be positive.
    """
    if not isinstance(tree, Product | Power | Sum):
        return tree
    none: _Exponents = (Fraction(0),) * runs.n_groups
    front = none
    factors: list[Tree] = []
    for factor in tree.factors if isinstance(tree, Product) else (tree,):
        if isinstance(factor, Mono):
            front = _sum(front, factor.exponents, Fraction(1))
        else:
            factors.append(factor)
    # what is taken out of one sum may cancel what is taken out of another one
    ways = [_ways(factor, none, runs) for factor in factors]
    best, bits = None, np.inf
    for chosen in product(*ways):
        outside = reduce(_times, (way.outside for way in chosen), front)
        length = law_bits(monomial(outside), runs) + sum(way.bits for way in chosen)
        if best is None or length < bits - _SAME:
            best, bits = (outside, chosen), length
    if best is not None:
        front, factors = best[0], [way.inside for way in best[1]]
    if any(front):
        factors = list(_after_numbers(Mono(front), factors))
    if not factors:
        return ONE
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


@dataclass(frozen=True)
class _Way:
    """A factor as a monomial times the rest, and the bits of that."""

    outside: _Exponents
    inside: Tree
    bits: float


def _ways(factor: Tree, none: _Exponents, runs: Runs) -> list[_Way]:
    """The factor itself, and with each of the monomials that a sum in it may have in front."""
    out = [_Way(none, factor, structure_bits(factor, runs))]
    base, power = (factor.base, factor.exponent) if isinstance(factor, Power) else (factor, None)
    if not isinstance(base, Sum):
        return out
    terms = [_split(term, none) for term in base.terms]
    for exponents in {_positive(t.exponents, runs): None for t in terms}:
        inside: Tree = Sum(tuple(t.over(exponents).tree for t in terms))
        whole = inside if power is None else Power(inside, power)
        outside = _sum(none, exponents, Fraction(1) if power is None else power)
        out.append(_Way(outside, whole, structure_bits(whole, runs)))
    return out


def _positive(exponents: _Exponents, runs: Runs) -> _Exponents:
    """The exponents of groups that are logged."""
    pairs = zip(exponents, runs.logged, strict=True)
    return tuple(e if logged else Fraction(0) for e, logged in pairs)


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
        whole: Tree = times(self.number, monomial(self.exponents))
        for tree in self.rest:
            whole = _joined(whole, tree)
        return whole


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
    factors = first.factors if isinstance(first, Product) else (first,)
    return Product((*factors, second))


def _times(a: _Exponents, b: _Exponents) -> _Exponents:
    return _sum(a, b, Fraction(1))


def _sum(a: _Exponents, b: _Exponents, factor: Fraction) -> _Exponents:
    return tuple(x + factor * y for x, y in zip(a, b, strict=True))
