"""Text -> SymPy without running it, and back without losing a digit."""

import ast
import math
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from dimgs.errors import LawError
from dimgs.expression.bounds import check_bounds
from dimgs.expression.grammar import call, checked, function_names, power

if TYPE_CHECKING:
    import sympy

# characters: more than anyone would read, and the parser's time grows with them
_LONGEST_TEXT = 100_000
# what a message of one line has room for
_SHOWN = 200


def sympy_parse(
    text: str, identifiers: "Iterable[str] | Mapping[str, sympy.Symbol]"
) -> "sympy.Expr":
    """Expression from its text, which is read as a syntax tree and never run.

    Parameters
    ----------
    text : str
        In SymPy's notation: arithmetic, ``sqrt``, ``exp``, ``log``, ``Min``, ``Piecewise``, ...,
        comparisons joined by ``&``, ``|`` and ``~``. Quotients of integers are exact; a number
        with a point or an exponent is a double.
    identifiers : iterable of str, or mapping of str to sympy.Symbol
        The only symbols that may occur (as plain symbols, or as the given ones).

    Returns
    -------
    sympy.Expr

    Raises
    ------
    LawError
        If the text cannot be read, names another symbol or function, or is not real and finite.

    Examples
    --------
    >>> sympy_parse("2*rho*U**2/3", ["rho", "U"])
    2*U**2*rho/3
    >>> sympy_parse("2*rho.real", ["rho"])
    Traceback (most recent call last):
        ...
    dimgs.errors.LawError: 'rho.real' in the expression '2*rho.real' is not allowed in a law.
    """
    import sympy

    result = _read(text, identifiers)
    if not isinstance(result, sympy.Expr):
        raise LawError(f"'{_shown(text)}' is a condition; an expression with a value is needed.")
    return result


def sympy_parse_condition(
    text: str, identifiers: "Iterable[str] | Mapping[str, sympy.Symbol]"
) -> "sympy.Basic":
    """Condition such as ``(pi_1 >= 2300) & (pi_2 < 0.1)``; arguments as :func:`sympy_parse`.

    Examples
    --------
    >>> sympy_parse_condition("(pi_1 < 2300) | (pi_1 >= 4000)", ["pi_1"])
    (pi_1 >= 4000) | (pi_1 < 2300)
    """
    from sympy.logic.boolalg import Boolean

    result = _read(text, identifiers)
    if not isinstance(result, Boolean) or result.is_Symbol:
        raise LawError(f"'{_shown(text)}' is not a condition such as 'pi_1 < 2300'.")
    return result


def _read(text: str, identifiers: Any) -> Any:
    import sympy

    if isinstance(identifiers, Mapping):
        symbols = dict(identifiers)
    else:
        symbols = {name: sympy.Symbol(name) for name in identifiers}
    if len(text) > _LONGEST_TEXT:
        raise LawError(f"The expression '{text[:40]}...' is too long to be a law.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text.strip(), mode="eval")
        check_bounds(tree.body, symbols)
        return checked(_Reader(text, symbols).read(tree.body), text)
    except (SyntaxError, RecursionError, MemoryError, TypeError, ValueError) as error:
        if isinstance(error, LawError):
            raise
        raise LawError(f"The expression '{_shown(text)}' cannot be read: {error}.") from error


def _shown(text: str) -> str:
    """The text as a message has room for it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


class _Reader:
    """Builds the SymPy tree of one text from its Python syntax tree."""

    def __init__(self, text: str, symbols: Mapping[str, Any]) -> None:
        self._text = text
        self._symbols = symbols

    def read(self, node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=value):
                return self._constant(node, value)
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=operator, operand=operand):
                return self._unary(node, operator, operand)
            case ast.BinOp(op=operator, left=left, right=right):
                return self._binary(node, operator, left, right)
            case ast.Compare():
                return self._compare(node)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
            case ast.BoolOp():
                raise self._refused(node, "write & and | with comparisons in parentheses")
        raise self._refused(node)

    def _refused(self, node: ast.AST, remedy: str = "") -> LawError:
        part = ast.get_source_segment(self._text.strip(), node) or self._text
        hint = f"; {remedy}" if remedy else ""
        return LawError(
            f"'{_shown(part)}' in the expression '{_shown(self._text)}' is not allowed in a "
            f"law{hint}."
        )

    def _constant(self, node: ast.AST, value: object) -> Any:
        import sympy

        if isinstance(value, bool):
            return sympy.true if value else sympy.false
        if isinstance(value, int):
            return sympy.Integer(value)
        if isinstance(value, float) and math.isfinite(value):
            return sympy.Float(value)
        raise self._refused(node)

    def _name(self, name: str) -> Any:
        import sympy

        if name in self._symbols:
            return self._symbols[name]
        if name in {"pi", "E"}:
            return getattr(sympy, name)
        known = _shown(", ".join(self._symbols)) or "none"
        raise LawError(
            f"'{_shown(name)}' in the expression '{_shown(self._text)}' is not a known symbol; "
            f"known are: {known}."
        )

    def _number(self, node: ast.AST) -> Any:
        import sympy

        value = self.read(node)
        if not isinstance(value, sympy.Expr):
            raise self._refused(node, "a number was expected there")
        return value

    def _condition(self, node: ast.AST) -> Any:
        from sympy.logic.boolalg import Boolean

        value = self.read(node)
        if not isinstance(value, Boolean) or value.is_Symbol:
            raise self._refused(node, "put comparisons that & or | joins in parentheses")
        return value

    def _unary(self, node: ast.AST, operator: ast.unaryop, operand: ast.AST) -> Any:
        import sympy

        match operator:
            case ast.USub():
                return self._product(node)
            case ast.UAdd():
                return self._number(operand)
            case ast.Invert():
                return sympy.Not(self._condition(operand))
        raise self._refused(node, "write ~ for not")

    def _binary(self, node: ast.AST, operator: ast.operator, left: ast.AST, right: ast.AST) -> Any:
        import sympy

        match operator:
            case ast.BitAnd():
                return sympy.And(self._condition(left), self._condition(right))
            case ast.BitOr():
                return sympy.Or(self._condition(left), self._condition(right))
            case ast.Add() | ast.Sub():
                return sympy.Add(*self._terms(node))
            case ast.Mult() | ast.Div():
                return self._product(node)
            case ast.Pow():
                return power(self._number(left), self._number(right))
        raise self._refused(node, "write ** for powers" if isinstance(operator, ast.BitXor) else "")

    def _terms(self, node: ast.AST) -> list[Any]:
        match node:
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return [*self._terms(left), *self._terms(right)]
            case ast.BinOp(op=ast.Sub(), left=left, right=right):
                return [*self._terms(left), -self._number(right)]
        return [self._number(node)]

    def _product(self, node: ast.AST) -> Any:
        """Product of all factors at once: in pairs, SymPy would multiply 2*(x + 1)/y out."""
        import sympy

        return sympy.Mul(*self._factors(node))

    def _factors(self, node: ast.AST) -> list[Any]:
        import sympy

        match node:
            case ast.BinOp(op=ast.Mult(), left=left, right=right):
                return [*self._factors(left), *self._factors(right)]
            case ast.BinOp(op=ast.Div(), left=left, right=right):
                return [*self._factors(left), 1 / self._number(right)]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return [sympy.Integer(-1), *self._factors(operand)]
        return [self._number(node)]

    def _compare(self, node: ast.Compare) -> Any:
        import sympy

        operators = {ast.Lt: sympy.Lt, ast.LtE: sympy.Le, ast.Gt: sympy.Gt, ast.GtE: sympy.Ge}
        sides = [self._number(side) for side in (node.left, *node.comparators)]
        parts = []
        for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
            if type(operator) not in operators:
                raise self._refused(node, "write Eq(a, b) or Ne(a, b)")
            parts.append(operators[type(operator)](left, right))
        return sympy.And(*parts)

    def _call(self, name: str, arguments: list[ast.expr]) -> Any:
        if name not in function_names():
            raise LawError(
                f"'{_shown(name)}' in the expression '{_shown(self._text)}' is not a function that "
                f"a law may use."
            )
        if name == "Piecewise":
            return call(name, [self._piece(argument) for argument in arguments])
        if name in {"And", "Or", "Not"}:
            return call(name, [self._condition(argument) for argument in arguments])
        return call(name, [self._number(argument) for argument in arguments])

    def _piece(self, node: ast.AST) -> Any:
        if not (isinstance(node, ast.Tuple) and len(node.elts) == 2):
            raise self._refused(node, "write the pieces as (value, condition)")
        return self._number(node.elts[0]), self._condition(node.elts[1])


@cache
def _printer() -> Any:
    from sympy.printing.str import StrPrinter

    class ExactPrinter(StrPrinter):
        """SymPy's own text, with every float as the double of 17 digits."""

        def _print_Float(self, expr: Any) -> str:
            value = float(expr)
            if not math.isfinite(value):
                raise LawError(f"{expr!s} is no double and cannot be written in a law.")
            text = f"{value:.17g}"
            return text if "." in text or "e" in text else f"{text}.0"

    return ExactPrinter({"order": "lex"})


def sympy_text(expression: "sympy.Basic") -> str:
    """Text that both :func:`sympy_parse` and :func:`sympy.sympify` read back exactly.

    Rationals are written as quotients of integers, floats with 17 significant digits.

    Examples
    --------
    >>> from sympy import Float, Rational, Symbol
    >>> sympy_text(Float(0.1) * Symbol("x") ** Rational(1, 3))
    '0.10000000000000001*x**(1/3)'
    """
    return str(_printer().doprint(expression))
