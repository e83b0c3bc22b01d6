"""Expressions over groups as small immutable trees, with values and exact gradients."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.functions import FUNCTIONS

if TYPE_CHECKING:
    import sympy

    from dimgs.engines.structured.runs import Runs

Array = NDArray[np.float64]
Exponents = tuple[Fraction, ...]
Evaluated = tuple[Array, Array | None]


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


def rebuild(tree: Tree, numbers: "Iterator[Number]") -> Tree:
    """The same tree with other numbers in place of its free constants."""
    match tree:
        case Number():
            return next(numbers) if tree.free else tree
        case Sum(parts):
            return Sum(tuple(rebuild(p, numbers) for p in parts))
        case Product(parts):
            return Product(tuple(rebuild(p, numbers) for p in parts))
        case Power(base, exponent):
            return Power(rebuild(base, numbers), exponent)
        case Call(name, argument):
            return Call(name, rebuild(argument, numbers))
        case _:
            return tree


def with_parameters(tree: Tree, values: Any) -> Tree:
    """The same tree with these values of its free constants."""
    return rebuild(tree, iter([Number(float(v)) for v in values]))


def evaluate(tree: Tree, runs: "Runs", gradient: bool = False) -> Evaluated:
    """Values in every run, and the gradient with respect to the free constants.

    Returns
    -------
    values : ndarray of shape (n_runs,)
        NaN or infinite where the expression is not real.
    gradient : ndarray of shape (n_parameters, n_runs) or None
        None also where there is no free constant.
    """
    match tree:
        case Number(value):
            slope = np.ones((1, runs.n_runs)) if gradient and tree.free else None
            return np.full(runs.n_runs, value), slope
        case Mono(exponents):
            return runs.monomial(exponents), None
        case Sum(parts):
            pairs = [evaluate(p, runs, gradient) for p in parts]
            total = pairs[0][0]
            for part, _ in pairs[1:]:
                total = total + part
            return total, _stack([g for _, g in pairs])
        case Product(parts):
            return _product([evaluate(p, runs, gradient) for p in parts])
        case Power(base, exponent):
            inside, slope = evaluate(base, runs, gradient)
            return _power(inside, slope, exponent)
        case Call(name, argument):
            inside, slope = evaluate(argument, runs, gradient)
            function = FUNCTIONS[name]
            out = function.value(inside)
            return out, None if slope is None else slope * function.slope(inside)


def _stack(gradients: list[Array | None]) -> Array | None:
    kept = [g for g in gradients if g is not None]
    return np.concatenate(kept) if kept else None


def _product(pairs: list[Evaluated]) -> Evaluated:
    total = pairs[0][0]
    for value, _ in pairs[1:]:
        total = total * value
    gradients = []
    for i, (_, slope) in enumerate(pairs):
        if slope is not None:
            rest = np.ones_like(total)
            for j, (value, _) in enumerate(pairs):
                if j != i:
                    rest = rest * value
            gradients.append(slope * rest)
    return total, _stack(list(gradients))


def raised(value: Array, exponent: Fraction) -> Array:
    """A power, by products and square roots where these do."""
    if exponent.denominator == 1:
        n = int(exponent)
        return value**n if n >= 0 else 1.0 / value ** (-n)
    if exponent.denominator == 2:
        return np.asarray(np.sqrt(value) ** exponent.numerator)
    return np.asarray(value ** float(exponent))


def _power(value: Array, slope: Array | None, exponent: Fraction) -> Evaluated:
    out = raised(value, exponent)
    if slope is None:
        return out, None
    return out, slope * (float(exponent) * out / value)


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
