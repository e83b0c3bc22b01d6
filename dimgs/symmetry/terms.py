"""Terms of conserved quantities: functions of the columns that vary along the runs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from math import prod

import numpy as np
import sympy

from dimgs.symmetry.trajectories import Trajectories
from dimgs.variables import Dimension, Variable

# degrees of the monomials: energies are quadratic, the axis vector and integrals of chains cubic
_DEGREE, _DEGREE_OF_MANY, _MANY = 3, 2, 10
# states of which each may be the argument of a sine or an exponential without being an angle, and
# columns that are given of which a square may be times another: m*c**2, R*w**2
_FEW = 4
ANGULAR = frozenset({"rad", "deg", "°", "degree", "degrees", "radian", "radians", "mrad"})
_NONE = Dimension()


@dataclass(frozen=True)
class Term:
    """A function of the states times a monomial of what is given.

    Attributes
    ----------
    expression : sympy.Expr
    dimension : Dimension
    cost : int
        Degree; a function of a state counts as two.
    family : str
        Kind of function in it; empty for monomials. Functions of two kinds are not added.
    """

    expression: sympy.Expr
    dimension: Dimension
    cost: int
    family: str = ""

    def __mul__(self, other: "Term") -> "Term":
        return Term(
            self.expression * other.expression,
            self.dimension * other.dimension,
            self.cost + other.cost,
            self.family or other.family,
        )


def state_terms(runs: Trajectories) -> list[Term]:
    """Functions of the states, the simplest first.

    Monomials; sine and cosine of angles; logarithms, reciprocals and exponentials; distances from
    the origin and between bodies, their reciprocals and logarithms; and products of a function with
    a monomial.
    """
    states = {s: v.dimension for s, v in runs.states.items()}
    degree = _DEGREE if len(states) <= _MANY else _DEGREE_OF_MANY
    plain = {s: Term(sympy.Symbol(s), d, 1) for s, d in states.items()}
    monomials = [
        prod(factors[1:], start=factors[0])
        for k in range(1, degree + 1)
        for factors in combinations_with_replacement(list(plain.values()), k)
    ]
    terms = [*monomials]
    # of quartic potentials, and of kinetic energies in coordinates that are curved: r**2*w**2;
    # those of the axes of a vector are parts of its fourth power
    squares = [x * x for x in plain.values()]
    for a, b in combinations_with_replacement(squares, 2):
        terms += [a * b] if a is b or a.dimension != b.dimension else []
    for function in _functions(runs, plain):
        terms.append(function)
        symbols = function.expression.free_symbols
        is_angular = function.expression.has(sympy.sin, sympy.cos)
        for monomial in monomials:
            is_apart = is_angular and not monomial.expression.free_symbols & symbols
            if monomial.cost == 1 or (is_apart and monomial.cost == 2):
                terms.append(function * monomial)
    unique = {term.expression: term for term in reversed(terms)}
    ordered = sorted(unique.values(), key=lambda t: (t.cost, sympy.default_sort_key(t.expression)))
    return [term for term in ordered if term.expression.free_symbols]


def _functions(runs: Trajectories, plain: dict[str, Term]) -> Iterator[Term]:
    is_few = len(plain) <= _FEW
    one, *coefficients = multipliers(runs.given)
    scales = [one, *(g for g in coefficients if not g.dimension.is_dimensionless)]
    # exp(-a*x) as well as exp(-x/L)
    scales += [Term(1 / g.expression, g.dimension**-1, g.cost) for g in scales[1:]]
    for s, x in plain.items():
        values = runs.values[s]
        if np.all(values > 0):
            yield Term(sympy.log(x.expression), _NONE, 2, "log")
            yield Term(1 / x.expression, x.dimension**-1, 2, "reciprocal")
            yield Term(x.expression**-2, x.dimension**-2, 3, "reciprocal")
        scaled = [x.expression / g.expression for g in scales if g.dimension == x.dimension]
        for argument in scaled:
            # energies of relativity, by the momentum and by the speed
            yield Term(sympy.sqrt(1 + argument**2), _NONE, 2, "root")
            yield Term(1 / sympy.sqrt(1 - argument**2), _NONE, 2, "root")
        is_angle = runs.states[s].unit.text in ANGULAR
        is_argument = is_angle or (is_few and np.any(values < 0))
        for argument in scaled if is_argument else ():
            for function in (sympy.cos, sympy.sin):
                yield Term(function(argument), _NONE, 2, "angle")
            yield Term(sympy.sin(argument) ** 2, _NONE, 3, "angle")
            if is_angle:
                continue
            for k in (1, -1, 2, -2):
                yield Term(sympy.exp(k * argument), _NONE, 1 + abs(k), "exp")
    alike = defaultdict(list)
    for s, v in runs.states.items():
        alike[v.dimension].append(s)
    for dimension, names in alike.items():
        for a, b in combinations(names, 2):
            if dimension.is_dimensionless and _stem(a) != _stem(b):
                continue
            gap = sympy.Symbol(a) - sympy.Symbol(b)
            for argument in (gap / g.expression for g in scales if g.dimension == dimension):
                yield Term(sympy.cos(argument), _NONE, 2, "angle")
                yield Term(sympy.exp(argument), _NONE, 2, "difference")
                yield Term(sympy.exp(-argument), _NONE, 2, "difference")
        for square in _squares(names):
            # along one axis the distance is the difference itself
            for power, cost in ((1, 2), (-1, 2), (-2, 3), (4, 3))[square.is_Pow :]:
                distance = square ** sympy.Rational(power, 2)
                yield Term(distance, dimension**power, cost, "distance")
            yield Term(sympy.log(square), _NONE, 3, "distance")


def _stem(name: str) -> str:
    """Name without the number of its body."""
    return name.rstrip("0123456789")


def _squares(names: Sequence[str]) -> Iterator[sympy.Expr]:
    """Squared distances from the origin, and between bodies that are numbered (x1, y1, x2, y2)."""
    bodies: dict[str, dict[str, sympy.Symbol]] = defaultdict(dict)
    for name in names:
        stem = _stem(name)
        bodies[name[len(stem) :]][stem.rstrip("_")] = sympy.Symbol(name)
    numbered = {body: axes for body, axes in bodies.items() if body}
    for a, b in combinations(numbered.values(), 2):
        if a.keys() == b.keys():
            yield sympy.Add(*((a[axis] - b[axis]) ** 2 for axis in a))
    vectors: dict[str, list[sympy.Symbol]] = defaultdict(list)
    for name in names:
        stem = name.rstrip("xyz") if name[-1] in "xyz" else name.rstrip("123")
        vectors[stem].append(sympy.Symbol(name))
    if len(names) in (2, 3):
        vectors["all"] = [sympy.Symbol(name) for name in names]
    for axes in vectors.values():
        if len(axes) in (2, 3):
            yield sympy.Add(*(x**2 for x in axes))


def multipliers(variables: dict[str, Variable]) -> list[Term]:
    """Monomials of what is given, the number one first."""
    plain = [Term(sympy.Symbol(s), v.dimension, 1) for s, v in variables.items()]
    terms = [Term(sympy.Integer(1), _NONE, 0), *plain]
    terms += [a * b for a, b in combinations_with_replacement(plain, 2)]
    triples = combinations_with_replacement if len(plain) <= _FEW else combinations
    return [*terms, *(a * b * c for a, b, c in triples(plain, 3))]
