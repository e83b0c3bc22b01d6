"""Expressions over groups as small immutable trees, with values and exact gradients."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import count
from math import prod
from operator import add, mul
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.engines.structured.functions import FUNCTIONS

if TYPE_CHECKING:
    import sympy

    from dimgs.engines.structured.runs import Runs

Exponents = tuple[Fraction, ...]
# the value, and its slope by each free constant in the order of the tree
Evaluated = tuple[Any, list[Any]]
Compiled = Callable[[Array], tuple[Array, Array]]
_Part = Callable[[Array], Evaluated]


@dataclass(frozen=True, slots=True)
class Number:
    """A constant: free (refitted to the data) or exact, with the text that SymPy reads."""

    value: float
    text: str | None = None

    @property
    def free(self) -> bool:
        """Whether it is refitted."""
        return self.text is None


@dataclass(frozen=True, slots=True)
class Mono:
    """Product of rational powers of the groups; exponents in the order of the groups."""

    exponents: Exponents


@dataclass(frozen=True, slots=True)
class Sum:
    """Sum of terms."""

    terms: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Product of factors."""

    factors: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Power:
    """A tree to a rational power."""

    base: "Tree"
    exponent: Fraction


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the library."""

    name: str
    argument: "Tree"


Tree = Number | Mono | Sum | Product | Power | Call
ONE = Number(1.0, "1")


def exact(value: int | Fraction) -> Number:
    """An exact rational number."""
    return Number(float(value), str(Fraction(value)))


def monomial(exponents: Exponents) -> Tree:
    """A monomial; the number 1 where it has no group."""
    return Mono(exponents) if any(exponents) else ONE


def times(first: Tree, second: Tree) -> Tree:
    """Product of two trees, without a factor 1."""
    if first == ONE:
        return second
    return first if second == ONE else Product((first, second))


def with_front(exponents: Exponents, tree: Tree) -> Tree:
    """A monomial times a tree, joined with the monomial that the tree has.

    Where a term of a sum is divided by a part of it, the sum is multiplied out.
    """
    match tree:
        case Mono(powers):
            return monomial(tuple(a + b for a, b in zip(powers, exponents, strict=True)))
        case Sum(terms) if any(_divides(exponents, t) for t in terms):
            return Sum(tuple(with_front(exponents, t) for t in terms))
        case Product(factors) if any(
            isinstance(f, Sum) and any(_divides(exponents, t) for t in f.terms) for f in factors
        ):
            place = next(k for k, f in enumerate(factors) if isinstance(f, Sum))
            inner = with_front(exponents, factors[place])
            return Product((*factors[:place], inner, *factors[place + 1 :]))
        case Product(factors):
            rest = [f for f in factors if not isinstance(f, Mono)]
            monomials = [f.exponents for f in factors if isinstance(f, Mono)]
            total = tuple(sum(e, Fraction(0)) for e in zip(exponents, *monomials, strict=True))
            return Product((*rest, Mono(total))) if any(total) else Product(tuple(rest))
        case _:
            return times(tree, monomial(exponents))


def _divides(exponents: Exponents, term: Tree) -> bool:
    """Whether a monomial of the term has what a front has in its denominator."""
    parts = term.factors if isinstance(term, Product) else (term,)
    powers = [f.exponents for f in parts if isinstance(f, Mono)]
    return any(a > 0 > b for e in powers for a, b in zip(exponents, e, strict=True))


def powered(tree: Tree, power: Fraction) -> Tree:
    """A power, taken inside monomials and exponentials, where it has one branch only."""
    match tree:
        case Mono(exponents):
            return Mono(tuple(e * power for e in exponents))
        case Call("exp", argument):
            return Call("exp", Product((exact(power), argument)))
        case Number(value, None) if value > 0:
            return Number(value ** float(power))
        case Power(base, exponent) if power.denominator == 1:
            return Power(base, exponent * power)
        case Product(factors) if all(
            isinstance(f, Mono)
            or (isinstance(f, Call) and f.name == "exp")
            or (isinstance(f, Number) and f.free and f.value > 0)
            for f in factors
        ):
            return Product(tuple(powered(f, power) for f in factors))
        case _:
            return Power(tree, power)


def children(tree: Tree) -> tuple[Tree, ...]:
    """Direct parts of a tree."""
    match tree:
        case Sum(parts) | Product(parts):
            return parts
        case Power(base, _):
            return (base,)
        case Call(_, argument):
            return (argument,)
        case _:
            return ()


def nodes(tree: Tree) -> Iterator[Tree]:
    """Every part of a tree, itself first."""
    yield tree
    for child in children(tree):
        yield from nodes(child)


def parameters(tree: Tree) -> Array:
    """Values of the free constants, in the order of the tree."""
    return np.array([n.value for n in nodes(tree) if isinstance(n, Number) and n.free])


def with_leaves(tree: Tree, leaf: "Callable[[Number | Mono], Tree]") -> Tree:
    """The tree with others in place of its numbers and monomials."""
    match tree:
        case Sum(parts):
            return Sum(tuple(with_leaves(p, leaf) for p in parts))
        case Product(parts):
            return Product(tuple(with_leaves(p, leaf) for p in parts))
        case Power(base, exponent):
            return Power(with_leaves(base, leaf), exponent)
        case Call(name, argument):
            return Call(name, with_leaves(argument, leaf))
        case _:
            return leaf(tree)


def rebuild(tree: Tree, numbers: "Iterator[Number]") -> Tree:
    """The tree with numbers in place of its free constants."""
    return with_leaves(tree, lambda x: next(numbers) if isinstance(x, Number) and x.free else x)


def other_scales(tree: Tree) -> Iterator[Tree]:
    """The tree with the number of another term in front of a power of a sum.

    That number is free, and so are those of the other terms.
    """
    match tree:
        case Power(Sum(terms), exponent):
            numbered = [_numbered(term) for term in terms]
            for size in dict.fromkeys(abs(c) for c, _ in numbered if abs(c) not in (0, 1)):
                inside = Sum(
                    tuple(
                        times(exact(int(np.sign(c))) if abs(c) == size else Number(c / size), part)
                        for c, part in numbered
                    )
                )
                yield Product((Number(size ** float(exponent)), Power(inside, exponent)))
        case Product(factors):
            numbers = [f.value for f in factors if isinstance(f, Number)]
            rest = [f for f in factors if not isinstance(f, Number)]
            for k, factor in enumerate(rest):
                for other in other_scales(factor) if isinstance(factor, Power) else ():
                    front, power = children(other)
                    assert isinstance(front, Number)
                    number = Number(prod(numbers, start=front.value))
                    yield Product((number, *rest[:k], power, *rest[k + 1 :]))
        case Sum(terms):
            for k, term in enumerate(terms):
                for other in other_scales(term):
                    yield Sum((*terms[:k], other, *terms[k + 1 :]))


def _numbered(term: Tree) -> tuple[float, Tree]:
    """The number of a term, and the rest."""
    match term:
        case Number(c):
            return c, ONE
        case Product((Number(c), rest)):
            return c, rest
        case Product((Number(c), *rest)):
            return c, Product(tuple(rest))
        case _:
            return 1.0, term


def in_groups(tree: Tree, groups: Sequence[Exponents]) -> Tree:
    """A tree over monomials of some groups, given by their exponents, as one over these groups."""

    def leaf(part: Number | Mono) -> Tree:
        if isinstance(part, Number):
            return part
        powers = [[x * p for x in e] for p, e in zip(part.exponents, groups, strict=True)]
        return monomial(tuple(sum(each, Fraction(0)) for each in zip(*powers, strict=True)))

    return with_leaves(tree, leaf)


def with_parameters(tree: Tree, values: Any) -> Tree:
    """The tree with new values of its free constants."""
    return rebuild(tree, iter([Number(float(v)) for v in values]))


def evaluate(tree: Tree, runs: "Runs") -> Array:
    """Values in every run, shape (n_runs,); NaN or infinite where the expression is not real."""
    match tree:
        case Number(value):
            return np.full(runs.n_runs, value)
        case Mono(exponents):
            return runs.monomial(exponents)
        case Sum(parts):
            return reduce(add, [evaluate(p, runs) for p in parts])
        case Product(parts):
            return reduce(mul, [evaluate(p, runs) for p in parts])
        case Power(base, exponent):
            return raised(evaluate(base, runs), exponent)
        case Call(name, argument):
            return np.asarray(FUNCTIONS[name].value(evaluate(argument, runs)))


def raised(value: Array, exponent: Fraction) -> Array:
    """A power, by products and square roots where these do."""
    if exponent.denominator == 1:
        n = int(exponent)
        return value**n if n >= 0 else 1.0 / value ** (-n)
    if exponent.denominator == 2:
        return np.asarray(np.sqrt(value) ** exponent.numerator)
    return np.asarray(value ** float(exponent))


def to_sympy(tree: Tree, names: tuple[str, ...]) -> "tuple[sympy.Expr, dict[str, float]]":
    """Expression in the groups' names, free constants as ``c_1``, ``c_2``, ... with values."""
    import sympy

    constants: dict[str, float] = {}

    def number(node: Number) -> Any:
        if node.text is not None:
            return sympy.sympify(node.text, rational=True)
        name = f"c_{len(constants) + 1}"
        constants[name] = node.value
        return sympy.Symbol(name)

    def convert(node: Tree) -> Any:
        match node:
            case Number():
                return number(node)
            case Mono(exponents):
                pairs = zip(names, exponents, strict=True)
                powers = [
                    sympy.Symbol(n) ** sympy.Rational(e.numerator, e.denominator) for n, e in pairs
                ]
                return sympy.Mul(*powers)
            case Sum(parts):
                return sympy.Add(*[convert(p) for p in parts])
            case Product(parts):
                return sympy.Mul(*[convert(p) for p in parts])
            case Power(base, e):
                return convert(base) ** sympy.Rational(e.numerator, e.denominator)
            case Call(name, argument):
                return FUNCTIONS[name].form(convert(argument))

    return convert(tree), constants


def compiled(tree: Tree, runs: "Runs") -> Compiled:
    """Function of the free constants that gives values and their gradient.

    Parts without free constants are evaluated once, here.

    Returns
    -------
    callable
        From constants, shape (n_parameters,), to values, shape (n_runs,), and their gradient,
        shape (n_parameters, n_runs).
    """
    part, m = _part(tree, runs, count()), runs.n_runs

    def evaluated(theta: Array) -> tuple[Array, Array]:
        value, slopes = part(theta)
        gradient = np.empty((len(slopes), m))
        for row, slope in zip(gradient, slopes, strict=True):
            row[:] = slope
        return np.broadcast_to(value, (m,)), gradient

    return evaluated


def _part(tree: Tree, runs: "Runs", numbers: Iterator[int]) -> _Part:
    if not any(isinstance(n, Number) and n.free for n in nodes(tree)):
        constant = tree.value if isinstance(tree, Number) else evaluate(tree, runs)
        return lambda theta: (constant, [])
    match tree:
        case Number():
            return _number_part(next(numbers))
        case Sum(terms):
            return _sum_part([_part(p, runs, numbers) for p in terms])
        case Product(factors):
            return _product_part([_part(p, runs, numbers) for p in factors])
        case Power(base, exponent):
            return _power_part(_part(base, runs, numbers), exponent)
        case Call(name, argument):
            return _call_part(_part(argument, runs, numbers), name)
        case _:
            raise AssertionError("a monomial has no free constant")


def _number_part(i: int) -> _Part:
    return lambda theta: (theta[i], [1.0])


def _sum_part(parts: list[_Part]) -> _Part:
    def evaluated(theta: Array) -> Evaluated:
        total: Any = 0.0
        slopes: list[Any] = []
        for part in parts:
            value, part_slopes = part(theta)
            total = total + value
            slopes += part_slopes
        return total, slopes

    return evaluated


def _product_part(parts: list[_Part]) -> _Part:
    def evaluated(theta: Array) -> Evaluated:
        pairs = [part(theta) for part in parts]
        slopes: list[Any] = []
        total: Any = 1.0
        for i, (value, part_slopes) in enumerate(pairs):
            if part_slopes:
                rest: Any = 1.0
                for j, (other, _) in enumerate(pairs):
                    if j != i:
                        rest = rest * other
                slopes += [slope * rest for slope in part_slopes]
            total = total * value
        return total, slopes

    return evaluated


def _power_part(part: _Part, exponent: Any) -> _Part:
    def evaluated(theta: Array) -> Evaluated:
        inside, slopes = part(theta)
        out = raised(inside, exponent)
        steep = float(exponent) * out / inside
        return out, [slope * steep for slope in slopes]

    return evaluated


def _call_part(part: _Part, name: str) -> _Part:
    function = FUNCTIONS[name]

    def evaluated(theta: Array) -> Evaluated:
        inside, slopes = part(theta)
        steep = function.slope(inside)
        return function.value(inside), [slope * steep for slope in slopes]

    return evaluated
