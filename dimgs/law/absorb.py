"""Scales absorbed into fitted constants: no unit stays arbitrary where a constant can carry it.

A scale counts as 1 in its SI unit. Where the law does not change when the scale s grows by a
factor and each fitted constant c by its own power of that factor, s is no part of the law: c s^d
is a constant with a dimension, and its number is that of c. The powers d solve a linear system:
terms of a sum share one power, arguments of functions and exponents have none.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import sympy

from dimgs.errors import LawError
from dimgs.law.canonical import canonical
from dimgs.law.law import Law
from dimgs.law.parts import Constant
from dimgs.variables import Dimension


class _NoPower(Exception):
    """A part that has no power of the scale, whatever the constants carry."""


def absorb(law: Law) -> Law:
    """The same law with its scales carried by fitted constants, in its canonical form.

    Parameters
    ----------
    law : Law
        With constants of the origin "scale", each 1 in its SI unit.

    Returns
    -------
    Law
        Equal in every number; constants that took a scale have its dimension, their intervals
        and covariance stay. A scale that no constant can carry stays.
    """
    return canonical(_absorbed(law))


def _absorbed(law: Law) -> Law:
    fitted = [c.name for c in law.constants if c.origin == "fitted"]
    expression = law.expression
    dimension = {c.name: c.dimension for c in law.constants}
    gone: list[Constant] = []
    numbers: dict[str, float] = {}
    for scale in law.constants:
        if scale.origin != "scale" or scale.value != 1.0:
            continue
        powers = scale_powers(expression, scale.name, fitted)
        if powers is None:
            expression, numbers = _numbered(expression, scale, numbers)
            continue
        for name, power in powers.items():
            dimension[name] = dimension[name] * scale.dimension**power
        expression = expression.subs(sympy.Symbol(scale.name), sympy.Integer(1))
        gone.append(scale)
    if not gone and not numbers:
        return law
    kept = [replace(c, value=numbers.get(c.name, c.value)) for c in law.constants if c not in gone]
    counted = [c for c in law.constants if c.name in numbers]
    names = _names(law, kept, [*gone, *counted], dimension)
    rename = {sympy.Symbol(old): sympy.Symbol(new) for old, new in names.items()}
    try:
        return replace(
            law,
            expression=expression.xreplace(rename),
            pi_expression=law.pi_expression.xreplace(rename),
            constants=tuple(
                replace(c, name=names.get(c.name, c.name), dimension=dimension[c.name])
                for c in kept
            ),
            uncertainty=replace(
                law.uncertainty,
                gradients=tuple(g.xreplace(rename) for g in law.uncertainty.gradients),
            ),
        )
    except LawError:
        return law


def scale_powers(
    expression: sympy.Expr, scale: str, constants: list[str]
) -> dict[str, Fraction] | None:
    """Powers of a scale that the constants take so that it drops out; None if they cannot.

    Parameters
    ----------
    expression : sympy.Expr
    scale : str
    constants : list of str
        Those that may carry it.

    Returns
    -------
    dict of str to Fraction, or None

    Examples
    --------
    >>> c, d, M, T, M0, T0 = sympy.symbols("c d M T M0 T0")
    >>> scale_powers(c * (M / M0) ** 2 * sympy.exp(-d * T0 / T), "T0", ["c", "d"])
    {'d': Fraction(1, 1)}
    >>> scale_powers(sympy.exp(-T0 / T), "T0", ["c", "d"]) is None
    True
    """
    walk = _Walk(scale, constants)
    try:
        walk.equal(walk.power(expression), sympy.Integer(0))
    except _NoPower:
        return None
    unknown = list(walk.unknown.values())
    solutions = sympy.linsolve(walk.equations, unknown) if unknown else None
    if solutions is None:
        return {} if all(e == 0 for e in walk.equations) else None
    if not solutions:
        return None
    values = [v.subs(dict.fromkeys(unknown, 0)) for v in next(iter(solutions))]
    return {
        name: Fraction(int(v.p), int(v.q)) * -1
        for name, v in zip(walk.unknown, values, strict=True)
        if v != 0
    }


def _numbered(
    expression: sympy.Expr, scale: Constant, numbers: Mapping[str, float]
) -> tuple[sympy.Expr, dict[str, float]]:
    """A scale that is a factor of its own takes the number in front of it: 2 s with s = 1."""
    symbol = sympy.Symbol(scale.name)
    number, rest = expression.as_coeff_Mul()
    alone = rest.is_Mul and symbol in rest.args and not (rest / symbol).has(symbol)
    if not (alone or rest == symbol) or number in (0, 1) or not number.is_positive:
        return expression, dict(numbers)
    return rest, {**numbers, scale.name: float(number)}


class _Walk:
    """Power of the scale in every node, linear in the unknown powers of the constants."""

    def __init__(self, scale: str, constants: list[str]) -> None:
        self.scale = scale
        self.unknown = {name: sympy.Dummy(name) for name in constants}
        self.equations: list[sympy.Expr] = []

    def equal(self, a: sympy.Expr, b: sympy.Expr) -> None:
        """Ask for two powers to be equal."""
        gap = sympy.expand(a - b)
        if gap.is_Number and gap != 0:
            raise _NoPower
        if gap != 0:
            self.equations.append(gap)

    def power(self, node: sympy.Expr) -> sympy.Expr:
        """Power of the scale in a node; its parts are asked to agree."""
        if node.is_Symbol:
            if str(node) == self.scale:
                return sympy.Integer(1)
            return self.unknown.get(str(node), sympy.Integer(0))
        if not node.args:
            return sympy.Integer(0)
        if node.is_Mul:
            return sympy.Add(*(self.power(a) for a in node.args))
        if node.is_Pow and node.exp.is_Rational:
            return node.exp * self.power(node.base)
        if node.is_Add or isinstance(node, sympy.Min | sympy.Max):
            first, *rest = (self.power(a) for a in node.args)
            for other in rest:
                self.equal(first, other)
            return first
        if isinstance(node, sympy.Abs):
            return self.power(node.args[0])
        if isinstance(node, sympy.Piecewise) or node.is_Relational:
            raise _NoPower
        for argument in node.args:
            self.equal(self.power(argument), sympy.Integer(0))
        return sympy.Integer(0)


def _names(
    law: Law, kept: list[Constant], gone: list[Constant], dimension: Mapping[str, Dimension]
) -> dict[str, str]:
    """New names: T_c where one constant stands for T0, else T_a, T_b, ...

    Not T0 itself, which the groups and their ranges count as 1.
    """
    taken = {c.name for c in kept} | set(law.symbols) | {g.name for g in law.groups}
    taken |= {"pi_0"} | {str(s) for s in law.pi_expression.free_symbols}
    out: dict[str, str] = {}
    for scale in gone:
        alike = [c for c in kept if dimension[c.name] == scale.dimension and c.name not in out]
        alike = [
            c
            for c in alike
            if c.name == scale.name or (c.origin == "fitted" and c.dimension != scale.dimension)
        ]
        stem = scale.name.rstrip("0123456789_") or scale.name
        letters = "cdefgh" if len(alike) == 1 else "abcdefghij"
        free = [f"{stem}_{x}" for x in letters if f"{stem}_{x}" not in taken]
        for constant, name in zip(alike, free, strict=False):
            out[constant.name] = name
            taken.add(name)
    return out
