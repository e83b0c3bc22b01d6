"""Laws as small immutable trees, with values and exact gradients, and the functions in them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial, reduce
from itertools import count
from math import prod
from operator import add, mul
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from scipy import special

from dimgs.common.arrays import Array
from dimgs.groups.rationals import exact_bits

if TYPE_CHECKING:
    from dimgs.engines.structured.runs import Runs


# ---- The physics library: functions of one dimensionless argument, their slopes and their names.
#
# Each function stands for a family of laws: exponential decay and activation (exp), saturation and
# charging (1 - exp), Planck and diode laws (exp(x) - 1), entropy and isothermal work (log), sound,
# waves and rotation (sin, cos, tan and their inverses), magnetisation and water waves (tanh,
# Langevin's coth x - 1/x), catenaries (cosh, sinh), diffusion fronts (erf), drag and heat exchange
# (log(1 + x)), and what begins at a threshold (ramp, x where it is positive and 0 elsewhere): yield
# stresses, critical shear, work functions. Powers of 1 + x (relativity, resonance, parallel
# resistances, Michaelis and Menten) need no entry here: they are sums raised to a power.


# where coth x - 1/x loses as many digits as the first term of its series leaves out
_SMALL = 1e-4


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the library.

    Parameters
    ----------
    name : str
    value, slope : callable
        The function and its derivative, on arrays; NaN outside the domain.
    bits : float
        How rare it is in formulae, as a length of description.
    periodic : bool
        Whether large arguments still matter.
    """

    name: str
    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    bits: float = 6.0
    periodic: bool = False

    def form(self, x: sympy.Expr) -> Any:
        """SymPy expression from that of the argument."""
        match self.name:
            case "expm1":
                return sympy.exp(x) - 1
            case "log1p":
                return sympy.log(1 + x)
            case "langevin":
                return 1 / sympy.tanh(x) - 1 / x
            case "ramp":
                return sympy.Max(0, x)
        return getattr(sympy, self.name)(x)


def _langevin(x: Array) -> Array:
    small = np.abs(x) < _SMALL
    safe = np.where(small, 1.0, x)
    return np.where(small, x / 3, 1 / np.tanh(safe) - 1 / safe)


def _langevin_slope(x: Array) -> Array:
    small = np.abs(x) < 0.02
    safe = np.where(small, 1.0, x)
    return np.where(small, 1 / 3 - x**2 / 15, 1 / safe**2 - 1 / np.sinh(safe) ** 2)


# 0 up to a threshold, and its argument beyond
RAMP = "ramp"
FUNCTIONS = {
    entry.name: entry
    for entry in (
        Function("exp", np.exp, np.exp, 3.0),
        Function("expm1", np.expm1, np.exp, 6.0),
        Function("log", np.log, lambda x: 1 / x, 4.0),
        Function("log1p", np.log1p, lambda x: 1 / (1 + x), 7.0),
        Function("sin", np.sin, np.cos, 4.0, True),
        Function("cos", np.cos, lambda x: -np.sin(x), 4.0, True),
        Function("tan", np.tan, lambda x: 1 / np.cos(x) ** 2, 6.0, True),
        Function("tanh", np.tanh, lambda x: 1 / np.cosh(x) ** 2, 6.0),
        Function("cosh", np.cosh, np.sinh, 9.0),
        Function("sinh", np.sinh, np.cosh, 9.0),
        Function("atan", np.arctan, lambda x: 1 / (1 + x**2), 7.0),
        Function("asin", np.arcsin, lambda x: 1 / np.sqrt(1 - x**2), 7.0),
        Function("acos", np.arccos, lambda x: -1 / np.sqrt(1 - x**2), 7.0),
        Function("erf", special.erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-(x**2)), 8.0),
        Function("erfc", special.erfc, lambda x: -2 / np.sqrt(np.pi) * np.exp(-(x**2)), 8.0),
        Function("langevin", _langevin, _langevin_slope, 8.0),
        Function(RAMP, lambda x: np.maximum(x, 0.0), lambda x: np.where(x > 0, 1.0, 0.0), 6.0),
    )
}


Exponents = tuple[Fraction, ...]
# the value, and its slope by each free constant in the order of the tree
Evaluated = tuple[Any, list[Any]]
Compiled = Callable[[Array], tuple[Array, Array]]


@dataclass(frozen=True, slots=True)
class Number:
    """A constant: free (refitted to the data) or exact, with the text that SymPy reads."""

    value: float
    text: str | None = None

    @property
    def free(self) -> bool:
        """Whether it is refitted."""
        return self.text is None

    @property
    def bits(self) -> float:
        """Length of description of an exact one; none of 1."""
        return 0.0 if self.text is None or self.value == 1 else exact_bits(self.text)

    def signed(self, sign: float) -> "Number":
        """The number, or minus it."""
        if sign > 0:
            return self
        return Number(-self.value, self.text and f"-{self.text}".removeprefix("--"))


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


def exact(value: int | Fraction | str) -> Number:
    """An exact number, such as -1, "1/2", "2*pi" or "1/(4*pi)"."""
    above, _, below = str(value).partition("/")
    parts = [part.split("*") for part in (above, below.strip("()") or "1")]
    whole, divisor = (prod(np.pi if f == "pi" else float(f) for f in part) for part in parts)
    return Number(whole / divisor, str(value))


MINUS = exact(-1)


def power_of(tree: Tree) -> tuple[Tree, Tree] | None:
    """Base and exponent of exp(a log x), which is x^a; None for another tree."""
    if not isinstance(tree, Call) or tree.name != "exp":
        return None
    inside = [f for part in factors_of(tree.argument) for f in factors_of(part)]
    logs = [f for f in inside if isinstance(f, Call) and f.name == "log"]
    if len(logs) != 1:
        return None
    return logs[0].argument, times(*(f for f in inside if f is not logs[0]))


def to_the_power(base: Tree, exponent: Tree) -> Tree:
    """A power whose exponent is a tree, as exp(a log x)."""
    return Call("exp", times(exponent, Call("log", base)))


def added(*exponents: Exponents) -> Exponents:
    """Exponents of a product of monomials."""
    return tuple(reduce(add, each) for each in zip(*exponents, strict=True))


def monomial(exponents: Exponents) -> Tree:
    """A monomial; the number 1 where it has no group."""
    return Mono(exponents) if any(exponents) else ONE


def free_monomial(exponents: Sequence[Fraction | float]) -> Tree:
    """A monomial of which those exponents are free that are no fractions."""
    groups = range(len(exponents))
    units = [Mono(tuple(Fraction(j == k) for j in groups)) for k in groups]
    fixed = tuple(e if isinstance(e, Fraction) else Fraction(0) for e in exponents)
    free = (k for k in groups if isinstance(exponents[k], float))
    return times(
        monomial(fixed), *(to_the_power(units[k], Number(float(exponents[k]))) for k in free)
    )


def factors_of(tree: Tree) -> tuple[Tree, ...]:
    """Factors of a product; another tree itself."""
    return tree.factors if isinstance(tree, Product) else (tree,)


def times(*factors: Tree) -> Tree:
    """Product of trees, without factors 1."""
    others = tuple(f for f in factors if f != ONE)
    return Product(others) if len(others) > 1 else (*others, ONE)[0]


def plus(*terms: Tree) -> Tree:
    """Sum of trees; a single one itself."""
    return Sum(terms) if len(terms) > 1 else terms[0]


def negated(tree: Tree) -> Tree:
    """Minus a tree, by the signs of its numbers where it has some."""
    match tree:
        case Sum(terms):
            return Sum(tuple(map(negated, terms)))
        case Number():
            return tree.signed(-1.0)
        case Product((Number() as number, *rest)):
            return times(negated(number), *rest)
        case _:
            return Product((MINUS, tree))


def times_monomial(exponents: Exponents, tree: Tree) -> Tree:
    """A tree times a monomial, which is joined with those that it has and stands after numbers."""
    factors = factors_of(tree)
    numbers = [f for f in factors if isinstance(f, Number)]
    powers = [f.exponents for f in factors if isinstance(f, Mono)]
    others = [f for f in factors if not isinstance(f, Number | Mono)]
    return times(*numbers, monomial(added(exponents, *powers)), *others)


def with_front(exponents: Exponents, tree: Tree) -> Tree:
    """A monomial times a tree; where it divides a term of a sum, the sum is multiplied out."""
    factors = factors_of(tree)
    for k, factor in enumerate(factors):
        if isinstance(factor, Sum) and any(_divides(exponents, t) for t in factor.terms):
            inside = Sum(tuple(with_front(exponents, t) for t in factor.terms))
            return times(*factors[:k], inside, *factors[k + 1 :])
    return times_monomial(exponents, tree)


def _divides(exponents: Exponents, term: Tree) -> bool:
    """Whether a monomial of the term has what a front has in its denominator."""
    powers = [f.exponents for f in factors_of(term) if isinstance(f, Mono)]
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
        case Product(factors):
            inside = tuple(powered(f, power) for f in factors)
            if not any(isinstance(f, Power) for f in inside):
                return Product(inside)
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


def with_one_other(tree: Tree, others: Callable[[Tree], Iterable[Tree]]) -> Iterator[Tree]:
    """The tree with another in place of one of its parts, wherever that stands in it.

    Parameters
    ----------
    tree : Tree
    others : callable
        What may stand in place of a part.
    """
    yield from others(tree)
    match tree:
        case Sum(parts) | Product(parts):
            join = plus if isinstance(tree, Sum) else times
            for k, part in enumerate(parts):
                before, after = parts[:k], parts[k + 1 :]
                yield from (join(*before, o, *after) for o in with_one_other(part, others))
        case Power(base, exponent):
            yield from (Power(o, exponent) for o in with_one_other(base, others) if varies(o))
        case Call(name, argument):
            inside = (o for o in with_one_other(argument, others) if varies(o))
            # the logarithm of a free power is a multiple of one, and may be the base of another
            free = (o for o in inside if name != "log" or not any(map(power_of, factors_of(o))))
            yield from (Call(name, o) for o in free)


def without_a_part(tree: Tree) -> Iterator[Tree]:
    """A sum or product without one of its parts, and a monomial without one of its groups."""
    match tree:
        case Mono(exponents):
            for k in range(len(exponents)):
                if exponents[k]:
                    yield monomial((*exponents[:k], Fraction(0), *exponents[k + 1 :]))
        case Sum(parts):
            yield from (plus(*parts[:k], *parts[k + 1 :]) for k in range(len(parts)))
        case Product(parts):
            kept = (k for k, part in enumerate(parts) if not isinstance(part, Number | Mono))
            yield from (times(*parts[:k], *parts[k + 1 :]) for k in kept)


def with_free_power(tree: Tree) -> Iterator[Tree]:
    """A power with a fitted exponent; of a monomial with one of each group, or of the whole."""
    match tree:
        case Power(base, exponent):
            yield to_the_power(base, Number(float(exponent)))
        case Mono(exponents) if any(exponents):
            yield free_monomial([float(e) if e else e for e in exponents])
            if sum(map(bool, exponents)) > 1:
                yield to_the_power(tree, Number(1.0))


def varies(tree: Tree) -> bool:
    """Whether a tree holds a group."""
    return any(isinstance(part, Mono) for part in nodes(tree))


def parameters(tree: Tree) -> Array:
    """Values of the free constants, in the order of the tree."""
    return np.array([n.value for n in nodes(tree) if isinstance(n, Number) and n.free])


def with_parts(tree: Tree, other: Callable[[Tree], Any]) -> Tree:
    """The tree with others in place of those of its parts for which there is one."""
    part: Tree | None = other(tree)
    if part is not None:
        return part
    match tree:
        case Sum(parts):
            return Sum(tuple(with_parts(p, other) for p in parts))
        case Product(parts):
            return Product(tuple(with_parts(p, other) for p in parts))
        case Power(base, exponent):
            return Power(with_parts(base, other), exponent)
        case Call(name, argument):
            return Call(name, with_parts(argument, other))
        case _:
            return tree


def rebuild(tree: Tree, numbers: Iterator[Number]) -> Tree:
    """The tree with numbers in place of its free constants."""
    return with_parts(tree, lambda x: next(numbers) if isinstance(x, Number) and x.free else None)


def split(tree: Tree) -> tuple[float, tuple[Tree, ...]]:
    """The number of a product, and its other factors."""
    factors = factors_of(tree)
    number = prod(f.value for f in factors if isinstance(f, Number))
    return number, tuple(f for f in factors if not isinstance(f, Number))


def other_scales(tree: Tree) -> Iterator[Tree]:
    """The tree with the number of another term in front of a power of a sum.

    That number is free, and so are those of the other terms.
    """
    match tree:
        case Power(Sum(terms), exponent):
            numbered = [split(term) for term in terms]
            for size in dict.fromkeys(abs(c) for c, _ in numbered if abs(c) not in (0, 1)):
                inside = (
                    times(exact(int(np.sign(c))) if abs(c) == size else Number(c / size), *rest)
                    for c, rest in numbered
                )
                yield Product((Number(size ** float(exponent)), Power(Sum((*inside,)), exponent)))
        case Product():
            number, factors = split(tree)
            for k, factor in enumerate(factors):
                for other in other_scales(factor) if isinstance(factor, Power) else ():
                    scale, power = split(other)
                    whole = Number(number * scale)
                    yield Product((whole, *factors[:k], *power, *factors[k + 1 :]))
        case Sum(terms):
            for k, term in enumerate(terms):
                for other in other_scales(term):
                    yield Sum((*terms[:k], other, *terms[k + 1 :]))


def in_groups(tree: Tree, groups: Sequence[Exponents]) -> Tree:
    """A tree over monomials of some groups, given by their exponents, as one over these groups."""

    def leaf(part: Tree) -> Tree | None:
        if not isinstance(part, Mono):
            return None
        pairs = zip(part.exponents, groups, strict=True)
        return monomial(added(*(tuple(x * p for x in e) for p, e in pairs)))

    return with_parts(tree, leaf)


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
    return np.asarray(_combined(tree)([(evaluate(child, runs), []) for child in children(tree)])[0])


def raised(value: Array, exponent: Fraction) -> Array:
    """A power, by products and square roots where these do."""
    if exponent.denominator == 1:
        n = int(exponent)
        return value**n if n >= 0 else 1.0 / value ** (-n)
    if exponent.denominator == 2:
        return np.asarray(np.sqrt(value) ** exponent.numerator)
    return np.asarray(value ** float(exponent))


def to_sympy(tree: Tree, names: tuple[str, ...]) -> tuple[sympy.Expr, dict[str, float]]:
    """Expression in the groups' names, free constants as ``c_1``, ``c_2``, ... with values."""
    constants: dict[str, float] = {}

    def convert(node: Tree) -> Any:
        match node:
            case Number(value, None):
                name = f"c_{len(constants) + 1}"
                constants[name] = value
                return sympy.Symbol(name)
            case Number(_, text):
                return sympy.sympify(text, rational=True)
            case Mono(exponents):
                powers = zip(names, exponents, strict=True)
                return sympy.Mul(*[sympy.Symbol(n) ** sympy.Rational(e) for n, e in powers])
            case Sum(parts):
                return sympy.Add(*[convert(p) for p in parts])
            case Product(parts):
                return sympy.Mul(*[convert(p) for p in parts])
            case Power(base, e):
                return convert(base) ** sympy.Rational(e)
            case Call(name, argument):
                power = power_of(node)
                if power is not None:
                    return convert(power[0]) ** convert(power[1])
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


def _part(tree: Tree, runs: "Runs", numbers: Iterator[int]) -> Callable[[Array], Evaluated]:
    if not any(isinstance(n, Number) and n.free for n in nodes(tree)):
        known = tree.value if isinstance(tree, Number) else evaluate(tree, runs)
        return lambda theta: (known, [])
    if isinstance(tree, Number):
        i = next(numbers)
        return lambda theta: (theta[i], [1.0])
    parts, combined = [_part(child, runs, numbers) for child in children(tree)], _combined(tree)
    return lambda theta: combined([part(theta) for part in parts])


def _combined(tree: Tree) -> Callable[[list[Evaluated]], Evaluated]:
    """What a tree makes of its parts."""
    match tree:
        case Sum():
            return _of_sum
        case Power(_, exponent):
            return partial(_of_power, exponent)
        case Call(name, _):
            return partial(_of_call, FUNCTIONS[name])
        case _:
            return _of_product


def _of_sum(parts: list[Evaluated]) -> Evaluated:
    return reduce(add, [value for value, _ in parts]), [s for _, slopes in parts for s in slopes]


def _of_product(parts: list[Evaluated]) -> Evaluated:
    values, out = [value for value, _ in parts], list[Any]()
    for i, (_, slopes) in enumerate(parts):
        if slopes:
            rest = reduce(mul, values[:i] + values[i + 1 :] or [1.0])
            out += [slope * rest for slope in slopes]
    return reduce(mul, values), out


def _of_power(exponent: Fraction, parts: list[Evaluated]) -> Evaluated:
    ((inside, slopes),) = parts
    value = raised(inside, exponent)
    if not slopes:
        return value, []
    # below a threshold a power of what begins there has the slope 0
    ratio = np.divide(value, inside, out=np.zeros_like(value), where=np.asarray(inside != 0))
    return value, [float(exponent) * slope * ratio for slope in slopes]


def _of_call(function: Function, parts: list[Evaluated]) -> Evaluated:
    ((inside, slopes),) = parts
    outer = function.slope(inside) if slopes else None
    return function.value(inside), [slope * outer for slope in slopes]
