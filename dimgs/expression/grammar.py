"""What a law may be written with: the functions, and the limits on numbers."""

import math
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from dimgs.errors import LawError

if TYPE_CHECKING:
    import sympy

# name -> least and greatest number of arguments (None: any)
_ARITY: dict[str, tuple[int, int | None]] = {
    **dict.fromkeys(("sqrt", "cbrt", "Abs", "abs", "sign", "exp", "ln", "Not"), (1, 1)),
    **dict.fromkeys(("sin", "cos", "tan", "cot", "sec", "csc"), (1, 1)),
    **dict.fromkeys(("asin", "acos", "atan", "acot", "erf", "erfc"), (1, 1)),
    **dict.fromkeys(("sinh", "cosh", "tanh", "coth", "sech", "csch"), (1, 1)),
    **dict.fromkeys(("asinh", "acosh", "atanh", "acoth", "floor", "ceiling"), (1, 1)),
    **dict.fromkeys(("Integer", "Float"), (1, 1)),
    **dict.fromkeys(("log", "Rational"), (1, 2)),
    **dict.fromkeys(("atan2", "Eq", "Ne", "Lt", "Le", "Gt", "Ge"), (2, 2)),
    **dict.fromkeys(("Min", "Max", "And", "Or", "Piecewise"), (1, None)),
}
# an integer of some 5,000 digits, which SymPy still writes at once
_LARGEST_INTEGER_BITS = 16384
# integers beyond are no NumPy integers
_INTEGERS_END = 2**63


def function_names() -> frozenset[str]:
    """Names of the functions that an expression may call."""
    return frozenset(_ARITY)


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """SymPy's function for each name that an expression may call."""
    import sympy

    return {name: getattr(sympy, {"abs": "Abs"}.get(name, name)) for name in _ARITY}


def call(name: str, arguments: list[Any]) -> Any:
    """The function applied; LawError for a wrong number or kind of arguments."""
    least, most = _ARITY[name]
    if len(arguments) < least or (most is not None and len(arguments) > most):
        wanted = (
            f"{least}" if most == least else f"{least} or more" if most is None else f"1 to {most}"
        )
        raise LawError(f"{name} takes {wanted} arguments, not {len(arguments)}.")
    return as_double(functions()[name](*arguments))


@cache
def permitted_heads() -> tuple[type, ...]:
    """Classes that may stand in the tree of an expression."""
    import sympy
    from sympy.functions.elementary.piecewise import ExprCondPair
    from sympy.logic.boolalg import BooleanFalse, BooleanTrue

    calls = {
        head
        for name, head in functions().items()
        if isinstance(head, type) and name not in {"Float", "Integer", "Rational"}
    }
    atoms = (sympy.Symbol, sympy.Rational, sympy.Float, type(sympy.pi), type(sympy.E))
    operators = (sympy.Add, sympy.Mul, sympy.Pow, ExprCondPair, sympy.Tuple)
    return (*atoms, *operators, BooleanTrue, BooleanFalse, *sorted(calls, key=lambda c: c.__name__))


def checked(expression: "sympy.Basic", text: str) -> "sympy.Basic":
    """The expression, if it is real, finite and made of what a law may contain."""
    import sympy

    if expression.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        raise LawError(f"'{text}' is not finite.")
    for node in sympy.preorder_traversal(expression):
        if node.is_number and (node.has(sympy.I) or node.is_extended_real is False):
            raise LawError(f"'{text}' is not real: it contains {node}.")
        as_double(node)
        if not isinstance(node, permitted_heads()):
            raise LawError(
                f"'{text}' contains {node}, a {type(node).__name__}, which a law cannot have."
            )
    # NumPy's functions take integers of 64 bits, and doubles
    large = [n for n in expression.atoms(sympy.Integer) if abs(int(n)) >= _INTEGERS_END]
    return expression.xreplace({n: sympy.Float(float(n)) for n in large})


def power(base: Any, exponent: Any) -> Any:
    """The power, unless it would be an integer too long to write down.

    SymPy also takes the whole part of a fractional power of a rational exactly.
    """
    if base.is_Rational and exponent.is_Rational and base not in (-1, 0, 1):
        bits = max(int(base.p).bit_length(), int(base.q).bit_length()) * int(abs(exponent))
        if bits > _LARGEST_INTEGER_BITS:
            raise LawError(f"{base}**{exponent} is too large a number for a law.")
    return as_double(base**exponent)


def as_double(value: Any) -> Any:
    """The value, unless it is a float beyond doubles, on which SymPy may compute for ever."""
    if value.is_Float and value.is_finite:
        size = abs(float(value))
        if math.isinf(size) or (size == 0.0 and not value.is_zero):
            raise LawError("A number in a law is beyond the range of doubles.")
    return value
