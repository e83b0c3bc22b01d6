"""Complexity of an expression: its number of nodes in handwritten form."""

from typing import Any

import sympy


def complexity_of(expr: sympy.Basic) -> int:
    """Number of nodes: operators, functions, symbols and constants.

    Counted as written with ``+ − × ÷ ^``, roots and functions: a number (a rational too), a
    symbol or pi is one node; n terms or factors are joined by n − 1 operators; subtraction and
    division are operators like addition and multiplication, so that neither the −1 of ``a − b``
    nor the exponent −1 of ``a/b`` counts; a square root is one node, any other power an
    operator with its exponent; a sign in front, a comparison and each piece of a Piecewise are
    one node.

    Examples
    --------
    >>> from sympy import symbols, sqrt
    >>> x, y = symbols("x y")
    >>> complexity_of(x), complexity_of(x - y), complexity_of(x / y), complexity_of(2 * sqrt(x))
    (1, 3, 3, 4)
    """
    node: Any = expr
    if node in (sympy.true, sympy.false):
        return 0
    if not node.args:
        return 1
    if node.is_Add:
        # with a positive term in front, every other sign is an operator
        rest = node.args[1:] if all(_negative(term) for term in node.args) else node.args
        first = node.args[: len(node.args) - len(rest)]
        return sum(map(complexity_of, (*first, *map(_without_sign, rest)))) + len(node.args) - 1
    if node.is_Mul:
        return _product(node)
    if node.is_Pow:
        return _power(node.base, node.exp)
    if isinstance(node, sympy.Piecewise):
        return sum(1 + sum(map(complexity_of, piece.args)) for piece in node.args)
    operators = len(node.args) - 1 if len(node.args) > 1 else 1
    return operators + sum(map(complexity_of, node.args))


def _negative(term: Any) -> bool:
    coefficient, _ = term.as_coeff_Mul()
    return bool(coefficient.is_negative)


def _without_sign(term: Any) -> Any:
    return -term if _negative(term) else term


def _product(node: Any) -> int:
    sign = 0
    above = below = 0
    count = 0
    for factor in node.args:
        if factor == -1:
            sign = 1
        elif factor.is_Pow and factor.exp.is_Rational and factor.exp < 0:
            below += 1
            count += _power(factor.base, -factor.exp)
        elif isinstance(factor, sympy.Rational) and abs(factor.p) == 1 and factor.q > 1:
            sign, below, count = int(factor.p < 0), below + 1, count + 1
        else:
            above += 1
            count += complexity_of(factor)
    if above == 0:
        above, count = 1, count + 1
    return sign + count + above + below - 1


def _power(base: Any, exponent: Any) -> int:
    if exponent == 1:
        return complexity_of(base)
    if exponent == sympy.Rational(1, 2):
        return 1 + complexity_of(base)
    if exponent == -1:
        return 2 + complexity_of(base)
    return 1 + complexity_of(base) + complexity_of(exponent)
