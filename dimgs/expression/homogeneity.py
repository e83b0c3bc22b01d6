"""The dimension of an expression, or where it breaks dimensional homogeneity."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from dimgs.common.errors import LawError
from dimgs.expression.parsing import permitted_heads
from dimgs.variables import Dimension

if TYPE_CHECKING:
    import sympy

_NONE = Dimension()


def check_dimension(expr: "sympy.Expr", symbol_dimensions: Mapping[str, Dimension]) -> Dimension:
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


class _Dimensions:
    """Dimensions of the nodes of one expression; None stands for zero, which fits any."""

    def __init__(self, symbols: Mapping[str, Dimension]) -> None:
        self._symbols = symbols

    def dimension(self, node: Any) -> Dimension | None:
        import sympy

        if node.is_Number or node.is_NumberSymbol:
            if not node.is_finite:
                raise LawError(f"{node} is not a finite number.")
            return None if node.is_zero else _NONE
        if node.is_Symbol:
            return self._symbol(node)
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
            return self._piecewise(node)
        return self._function(node)

    def _symbol(self, node: Any) -> Dimension:
        if node.name not in self._symbols:
            known = ", ".join(sorted(self._symbols)) or "none"
            raise LawError(f"'{node.name}' has no known dimension; known symbols: {known}.")
        return self._symbols[node.name]

    def _equal(self, whole: Any, parts: Sequence[Any], verb: str) -> Dimension | None:
        """The one dimension of all parts."""
        common: Dimension | None = None
        for part in parts:
            found = self.dimension(part)
            if common is None:
                common = found
            elif found is not None and found != common:
                raise LawError(f"{whole} {verb} {common} and {found}.")
        return common

    def _product(self, node: Any) -> Dimension | None:
        factors = [self.dimension(factor) for factor in node.args]
        total = _NONE
        for factor in factors:
            if factor is None:
                return None
            total = total * factor
        return total

    def _power(self, node: Any) -> Dimension | None:
        base, exponent = self.dimension(node.base), self.dimension(node.exp)
        if exponent is not None and not exponent.is_dimensionless:
            raise LawError(f"{node} has the exponent {node.exp} of dimension {exponent}, not 1.")
        if base is None or base.is_dimensionless:
            return base
        if not node.exp.is_Rational:
            raise LawError(
                f"{node} raises {node.base} of dimension {base} to the exponent {node.exp}, "
                f"which is not an exact rational number; make the base dimensionless (1) first."
            )
        return base ** Fraction(int(node.exp.p), int(node.exp.q))

    def _piecewise(self, node: Any) -> Dimension | None:
        for _, condition in node.args:
            self._condition(condition)
        return self._equal(node, [value for value, _ in node.args], "has branches of")

    def _condition(self, node: Any) -> None:
        import sympy
        from sympy.core.relational import Relational

        if isinstance(node, Relational):
            self._equal(node, (node.lhs, node.rhs), "compares")
        elif isinstance(node, sympy.And | sympy.Or | sympy.Not):
            for part in node.args:
                self._condition(part)
        elif node not in (sympy.true, sympy.false):
            raise LawError(f"The condition {node} is not made of comparisons.")

    def _function(self, node: Any) -> Dimension:
        import sympy

        if not (node.is_Function and issubclass(type(node), permitted_heads())):
            raise LawError(f"{node} is a {type(node).__name__}, whose dimension has no meaning.")
        if isinstance(node, sympy.atan2):
            self._equal(node, node.args, "compares")
            return _NONE
        for argument in node.args:
            found = self.dimension(argument)
            if not (isinstance(node, sympy.sign) or found is None or found.is_dimensionless):
                raise LawError(
                    f"{node} takes {type(node).__name__} of {argument}, which has dimension "
                    f"{found}, not 1."
                )
        return _NONE
