"""The dimension of an expression, or where it breaks dimensional homogeneity.

Of an expression with constants of unknown dimension, :func:`infer_dimensions` finds these.
"""

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from operator import mul
from typing import Any

import sympy
from sympy.core.relational import Relational

from dimgs.common.errors import LawError
from dimgs.expression.parsing import PERMITTED_HEADS
from dimgs.variables import Dimension

_NONE = Dimension()


def check_dimension(expr: sympy.Expr, symbol_dimensions: Mapping[str, Dimension]) -> Dimension:
    """Dimension of an expression that is homogeneous in every part.

    Terms of a sum, arguments of Min and Max, branches of a Piecewise and both sides of a
    comparison have one dimension; arguments of exp, log, sin, ... and exponents have none; a
    quantity with a dimension has an exact rational exponent. Zero has any dimension.

    Parameters
    ----------
    expr : sympy.Expr
        Expression in the named symbols.
    symbol_dimensions : mapping of str to Dimension
        Dimension of each symbol by its name.

    Returns
    -------
    Dimension
        No dimension for an expression that is zero.

    Raises
    ------
    LawError
        Names the part at fault and both dimensions.

    References
    ----------
    P. W. Bridgman, Dimensional Analysis (1922), chapter 4, on dimensional homogeneity.

    Examples
    --------
    >>> from sympy import symbols
    >>> Re, U = symbols("Re U")
    >>> dimensions = {"Re": Dimension(), "U": Dimension.of({"[length]": 1, "[time]": -1})}
    >>> print(check_dimension(U**2 * (1 + Re), dimensions))
    L²·T⁻²
    >>> check_dimension(Re + U, dimensions)
    Traceback (most recent call last):
        ...
    dimgs.common.errors.LawError: Re + U adds 1 and L·T⁻¹.
    """
    return _Dimensions(symbol_dimensions).dimension(expr) or _NONE


def infer_dimensions(
    expr: sympy.Expr,
    dimensions: Mapping[str, Dimension],
    constants: Collection[str],
    whole: Dimension,
) -> tuple[dict[str, Dimension], dict[sympy.Expr, Dimension]]:
    """Dimensions of the constants with which an expression is homogeneous.

    Where homogeneity leaves a choice, as for ``a`` and ``b`` in ``a*b``, a constant has none.

    Parameters
    ----------
    expr : sympy.Expr
    dimensions : mapping of str to Dimension
        Of all symbols but the constants.
    constants : collection of str
    whole : Dimension
        Of the expression.

    Returns
    -------
    mapping of str to Dimension
        Of each constant.
    mapping of sympy.Expr to Dimension
        Bases with a dimension whose exponent is not a rational number: a power of such a base has a
        meaning only relative to a reference of its dimension.

    Raises
    ------
    LawError
        Names the part that no dimension of the constants makes homogeneous.

    Examples
    --------
    >>> from sympy import symbols
    >>> a, b, c, x = symbols("a b c x")
    >>> length, time = Dimension.of({"[length]": 1}), Dimension.of({"[time]": 1})
    >>> found, references = infer_dimensions(a * (1 + c * x), {"x": length}, ["a", "c"], time)
    >>> print(found["a"], found["c"], references)
    T L⁻¹ {}
    >>> infer_dimensions(a * x**b, {"x": length}, ["a", "b"], time)[1] == {x: length}
    True
    """
    walk = _Inferred(dimensions, constants)
    if (dimension := walk.dimension(expr)) is not None:
        walk.agree(dimension, whole, "{0} has the dimension {1}, but the target has {2}", expr)
    return {name: walk.settled(name) for name in constants}, walk.references


class _Dimensions:
    """Dimensions of the nodes of one expression; None stands for zero, which fits any."""

    def __init__(self, symbols: Mapping[str, Dimension]) -> None:
        self._symbols = symbols

    def agree(self, one: Dimension, other: Dimension, message: str, *parts: Any) -> None:
        """Raise unless two dimensions are equal; the message has places for parts and both."""
        if one != other:
            raise LawError(message.format(*parts, one, other) + ".")

    def dimension(self, node: Any) -> Dimension | None:
        if node.is_Number or node.is_NumberSymbol:
            if not node.is_finite:
                raise LawError(f"{node} is not a finite number.")
            return None if node.is_zero else _NONE
        if node.is_Symbol:
            if node.name not in self._symbols:
                symbols = ", ".join(sorted(self._symbols)) or "none"
                raise LawError(f"'{node.name}' has no known dimension; known symbols: {symbols}.")
            return self._symbols[node.name]
        if node.is_Add:
            return self._equal(node, node.args, "adds")
        if node.is_Mul:
            return self._product(node)
        if node.is_Pow:
            return self._power(node)
        if isinstance(node, sympy.Abs):
            return self.dimension(node.args[0])
        if isinstance(node, sympy.Min | sympy.Max):
            return self._equal(node, node.args, "compares")
        if isinstance(node, sympy.Piecewise):
            for _, condition in node.args:
                self._condition(condition)
            return self._equal(node, [value for value, _ in node.args], "has branches of")
        return self._function(node)

    def _equal(self, whole: Any, parts: Sequence[Any], verb: str) -> Dimension | None:
        """The one dimension of all parts."""
        common: Dimension | None = None
        for part in parts:
            dimension = self.dimension(part)
            if common is None:
                common = dimension
            elif dimension is not None:
                self.agree(common, dimension, "{0} {1} {2} and {3}", whole, verb)
        return common

    def _product(self, node: Any) -> Dimension | None:
        factors = [self.dimension(factor) for factor in node.args]
        known = [factor for factor in factors if factor is not None]
        return reduce(mul, known, _NONE) if len(known) == len(factors) else None

    def _power(self, node: Any) -> Dimension | None:
        base, exponent = self.dimension(node.base), self.dimension(node.exp)
        if exponent is not None:
            message = "{0} has the exponent {1} of dimension {2}, not {3}"
            self.agree(exponent, _NONE, message, node, node.exp)
        if base is None or base.is_dimensionless:
            return base
        if not node.exp.is_Rational:
            self._no_power(node, base)
            return _NONE
        return base ** Fraction(int(node.exp.p), int(node.exp.q))

    def _no_power(self, node: Any, base: Dimension) -> None:
        """Refuse a power of what has a dimension whose exponent is not a rational number."""
        raise LawError(
            f"{node} raises {node.base} of dimension {base} to the exponent {node.exp}, "
            f"which is not an exact rational number; make the base dimensionless (1) first."
        )

    def _condition(self, node: Any) -> None:
        if isinstance(node, Relational):
            self._equal(node, (node.lhs, node.rhs), "compares")
        elif isinstance(node, sympy.And | sympy.Or | sympy.Not):
            for part in node.args:
                self._condition(part)
        elif node not in (sympy.true, sympy.false):
            raise LawError(f"The condition {node} is not made of comparisons.")

    def _function(self, node: Any) -> Dimension:
        if not (node.is_Function and issubclass(type(node), PERMITTED_HEADS)):
            raise LawError(f"{node} is a {type(node).__name__}, whose dimension has no meaning.")
        if isinstance(node, sympy.atan2):
            self._equal(node, node.args, "compares")
            return _NONE
        for argument in node.args:
            dimension = self.dimension(argument)
            if not (isinstance(node, sympy.sign) or dimension is None):
                message = "{0} takes {1} of {2}, which has dimension {3}, not {4}"
                self.agree(dimension, _NONE, message, node, type(node).__name__, argument)
        return _NONE


class _Inferred(_Dimensions):
    """Inference of dimensions with constants, each a base dimension at the start."""

    def __init__(self, symbols: Mapping[str, Dimension], constants: Collection[str]) -> None:
        self._placeholders = {name: f"(unit of {name})" for name in constants}
        self._inferred: dict[str, Dimension] = {}
        self.references: dict[Any, Dimension] = {}
        unknown = {name: Dimension.of({base: 1}) for name, base in self._placeholders.items()}
        super().__init__({**symbols, **unknown})

    def _resolved(self, dimension: Dimension) -> Dimension:
        """With what is known of the constants by now."""
        for base, power in dimension:
            if base in self._inferred:
                rest = dimension / Dimension.of({base: power})
                return self._resolved(rest * self._inferred[base] ** power)
        return dimension

    def settled(self, name: str) -> Dimension:
        """Dimension of a constant; what was left open is 1."""
        resolved = self._resolved(Dimension.of({self._placeholders[name]: 1}))
        return Dimension.of({b: e for b, e in resolved if b not in self._placeholders.values()})

    def agree(self, one: Dimension, other: Dimension, message: str, *parts: Any) -> None:
        """Solve for a constant where there is one that is not known yet."""
        ratio = self._resolved(one / other)
        free = [(base, power) for base, power in ratio if base in self._placeholders.values()]
        if not free:
            super().agree(self._resolved(one), self._resolved(other), message, *parts)
            return
        base, power = free[0]
        self._inferred[base] = (ratio / Dimension.of({base: power})) ** (-1 / power)

    def _no_power(self, node: Any, base: Dimension) -> None:
        base = self._resolved(base)
        if any(b in self._placeholders.values() for b, _ in base):
            self.agree(base, _NONE, "")
        elif not base.is_dimensionless:
            self.references[node.base] = base
