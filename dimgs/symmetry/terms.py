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
# of what is given: E = I_1^2 w_1^2 + ... has the degree two, G m_1 m_2 three
_GIVEN_DEGREE = 2
# states of which each may be the argument of a sine or an exponential without being an angle
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
    found = [*monomials]
    found += [Term(x.expression**4, x.dimension**4, 4) for x in plain.values()]
    for function in _functions(runs, plain):
        found.append(function)
        own = {str(s) for s in function.expression.free_symbols}
        is_angular = function.expression.has(sympy.sin, sympy.cos)
        for monomial in monomials:
            used = {str(s) for s in monomial.expression.free_symbols}
            if monomial.cost == 1 or (is_angular and monomial.cost == 2 and not used & own):
                found.append(function * monomial)
    unique = {term.expression: term for term in reversed(found)}
    ordered = sorted(unique.values(), key=lambda t: (t.cost, sympy.default_sort_key(t.expression)))
    return [term for term in ordered if term.expression.free_symbols]


def _functions(runs: Trajectories, plain: dict[str, Term]) -> Iterator[Term]:
    is_few = len(plain) <= _FEW
    lengths = [(s, v) for s, v in runs.given.items() if not v.dimension.is_dimensionless]
    for s, x in plain.items():
        values = runs.values[s]
        if np.all(values > 0):
            yield Term(sympy.log(_pure(x)), _NONE, 2, "log")
            yield Term(1 / x.expression, x.dimension**-1, 2, "reciprocal")
            yield Term(x.expression**-2, x.dimension**-2, 3, "reciprocal")
        scaled = [x.expression] if x.dimension.is_dimensionless else []
        scaled += [x.expression / sympy.Symbol(g) for g, v in lengths if v.dimension == x.dimension]
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
            scaled = [gap] if dimension.is_dimensionless else []
            scaled += [gap / sympy.Symbol(g) for g, v in lengths if v.dimension == dimension]
            for argument in scaled:
                yield Term(sympy.cos(argument), _NONE, 2, "angle")
                yield Term(sympy.exp(argument), _NONE, 2, "difference")
                yield Term(sympy.exp(-argument), _NONE, 2, "difference")
        for square in _squares(names):
            for power, cost in ((1, 2), (-1, 2), (-2, 3), (4, 3)):
                distance = square ** sympy.Rational(power, 2)
                yield Term(distance, dimension**power, cost, "distance")
            yield Term(sympy.log(_pure(Term(square, dimension**2, 2))), _NONE, 3, "distance")


def _pure(x: Term) -> sympy.Expr:
    """The expression over its SI unit, which a logarithm needs where it has a dimension."""
    return x.expression if x.dimension.is_dimensionless else x.expression / unit_symbol(x.dimension)


def unit_symbol(dimension: Dimension) -> sympy.Symbol:
    """Symbol of the coherent SI unit of a dimension; it counts as one."""
    text = "_".join(
        f"{base.strip('[]')}_{exponent}".replace("-", "m").replace("/", "_")
        for base, exponent in dimension
    )
    return sympy.Symbol(f"unit_{text}")


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


def multipliers(given: dict[str, Variable]) -> list[Term]:
    """Monomials of what is given, the number one first."""
    plain = [Term(sympy.Symbol(s), v.dimension, 1) for s, v in given.items()]
    found = [Term(sympy.Integer(1), _NONE, 0), *plain]
    found += [a * b for a, b in combinations_with_replacement(plain, _GIVEN_DEGREE)]
    found += [a * b * c for a, b, c in combinations(plain, 3)]
    return found
