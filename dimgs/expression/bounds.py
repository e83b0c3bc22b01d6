"""What reading an expression may cost: counted on its syntax tree, before SymPy sees any of it."""

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dimgs.errors import LawError

# a law of 30 terms in 8 inputs has about 500 operations; SymPy takes some 50 µs for each
_MOST_OPERATIONS = 20_000
# functions and powers inside each other; laws have up to 4
_DEEPEST_FUNCTIONS = 12
# the same in a part without symbols, whose digits SymPy doubles at every level: 4 take 10 ms
_DEEPEST_NUMBERS = 4
# brackets inside each other, such as those of a continued fraction
_DEEPEST = 80
# powers that NumPy takes as 64-bit integers; exponents that runs can tell are below 1e3
MOST_EXPONENT = 10**9
# integers that a double can hold
_MOST_BITS = 1023
# SymPy compares each of these with all others: 24 and 64 of them take half a second
_MOST_EXTREMES, _MOST_COMPARISONS = 24, 64

_FLOATS: Mapping[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in ("sqrt", "cbrt", "exp", "log", "sin", "cos", "tan")},
    **{name: getattr(math, name) for name in ("asin", "acos", "atan", "atan2", "erf", "erfc")},
    **{name: getattr(math, name) for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "ln": math.log,
    "Abs": abs,
    "abs": abs,
    "Min": min,
    "Max": max,
    "floor": lambda x: float(math.floor(x)),
    "ceiling": lambda x: float(math.ceil(x)),
    "Integer": float,
    "Float": float,
    "Rational": lambda p, q=1.0: p / q,
    "sec": lambda x: 1.0 / math.cos(x),
    "csc": lambda x: 1.0 / math.sin(x),
    "cot": lambda x: 1.0 / math.tan(x),
    "sech": lambda x: 1.0 / math.cosh(x),
    "csch": lambda x: 1.0 / math.sinh(x),
    "coth": lambda x: 1.0 / math.tanh(x),
}
_NUMBERS = {"pi": math.pi, "E": math.e}
_COMPARE = frozenset({"Eq", "Ne", "Lt", "Le", "Gt", "Ge"})
_PLAIN = frozenset({"Integer", "Float", "Rational"})


class _Bounded(NamedTuple):
    """A part of an expression: its double where it has one, and its functions inside each other.

    `height` is None where the part holds a symbol.
    """

    value: float | None
    height: int | None


def check_bounds(tree: ast.expr, symbols: Mapping[str, Any]) -> None:
    """Refuse an expression that would take long to build, or whose numbers no double can hold.

    The parts without symbols are computed in floating point, and nothing else is.

    Parameters
    ----------
    tree : ast.expr
    symbols : mapping
        Names that stand for values; ``pi`` and ``E`` are numbers where they are not among them.

    Raises
    ------
    LawError

    Examples
    --------
    >>> check_bounds(ast.parse("x + exp(10**9)", mode="eval").body, {"x": None})
    Traceback (most recent call last):
        ...
    dimgs.errors.LawError: A number in a law is beyond the range of doubles: exp(10 ** 9).
    """
    nodes = list(ast.walk(tree))
    calls = [n for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    extremes = sum(len(n.args) for n in calls if getattr(n.func, "id", "") in {"Min", "Max"})
    comparisons = sum(len(n.ops) for n in nodes if isinstance(n, ast.Compare))
    comparisons += sum(getattr(n.func, "id", "") in _COMPARE for n in calls)
    for what, found, most in (
        ("operations", len(nodes), _MOST_OPERATIONS),
        ("arguments of Min and Max", extremes, _MOST_EXTREMES),
        ("comparisons", comparisons, _MOST_COMPARISONS),
    ):
        if found > most:
            raise LawError(f"A law has at most {most} {what}; this expression has {found}.")
    _Counter(symbols).part(tree, 0, 0)


class _Counter:
    """Walks an expression with the depth at which it is."""

    def __init__(self, symbols: Mapping[str, Any]) -> None:
        self._symbols = symbols

    def part(self, node: ast.AST, depth: int, functions: int) -> _Bounded:
        if depth > _DEEPEST:
            raise LawError(f"A law has at most {_DEEPEST} brackets inside each other.")
        if functions > _DEEPEST_FUNCTIONS:
            raise _too_deep(_DEEPEST_FUNCTIONS)
        match node:
            case ast.Constant(value=int() | float() as number):
                if isinstance(number, int) and number.bit_length() > _MOST_BITS:
                    raise _too_large(node)
                return _Bounded(float(number), 0)
            case ast.Name(id=name):
                if name in self._symbols:
                    return _Bounded(None, None)
                return _Bounded(_NUMBERS.get(name), 0)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return self._power(node, left, right, depth + 1, functions + 1)
            case ast.BinOp(left=left, op=operator, right=right):
                # a chain such as a + b + c - d is one level
                deeper = depth + (not _same(left, operator))
                sides = [self.part(left, deeper, functions), self.part(right, depth + 1, functions)]
                return _of(node, sides, lambda a, b: _combined(operator, a, b), 0, not _adds(node))
            case ast.Call(func=ast.Name(id=name), args=given):
                inner = [self.part(a, depth + 1, functions + 1) for a in given]
                grows = 0 if name in _PLAIN else 1
                return _of(node, inner, _FLOATS.get(name), grows, name == "exp")
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _of(node, [self.part(operand, depth + 1, functions)], lambda x: -x, 0)
        return _of(
            node,
            [self.part(inner, depth + 1, functions) for inner in ast.iter_child_nodes(node)],
            None,
            0,
        )

    def _power(
        self, node: ast.AST, left: ast.AST, right: ast.AST, depth: int, functions: int
    ) -> _Bounded:
        base, exponent = (self.part(side, depth, functions) for side in (left, right))
        if exponent.value is not None and abs(exponent.value) > MOST_EXPONENT:
            raise LawError(
                f"The exponent {ast.unparse(right)[:60]} is too large for a law; it is at most "
                f"{MOST_EXPONENT:.0e}."
            )
        return _of(node, [base, exponent], lambda a, b: a**b, 1, base.value != 0.0)


def _of(
    node: ast.AST,
    parts: Sequence[_Bounded],
    compute: Callable[..., Any] | None,
    grows: int,
    never_zero: bool = False,
) -> _Bounded:
    """A part made of others: None for the value where it is not known or not real."""
    heights = [part.height for part in parts if part.height is not None]
    if len(heights) < len(parts):
        return _Bounded(None, None)
    height = max(heights, default=0) + grows
    if height > _DEEPEST_NUMBERS:
        raise _too_deep(_DEEPEST_NUMBERS, " of numbers alone")
    values = [part.value for part in parts if part.value is not None]
    if compute is None or len(values) < len(parts):
        return _Bounded(None, height)
    try:
        value = compute(*values)
    except OverflowError:
        raise _too_large(node) from None
    except (ValueError, ZeroDivisionError, TypeError):
        # no real value: refused when the expression is built
        return _Bounded(None, height)
    if value is None or isinstance(value, complex) or math.isnan(value):
        return _Bounded(None, height)
    if math.isinf(value) or (value == 0.0 and never_zero and 0.0 not in values):
        raise _too_large(node)
    return _Bounded(float(value), height)


def _same(node: ast.AST, operator: ast.operator) -> bool:
    pairs = ((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitAnd,), (ast.BitOr,))
    return isinstance(node, ast.BinOp) and any(
        isinstance(node.op, pair) and isinstance(operator, pair) for pair in pairs
    )


def _adds(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)


def _combined(operator: ast.operator, a: float, b: float) -> float | None:
    match operator:
        case ast.Add():
            return a + b
        case ast.Sub():
            return a - b
        case ast.Mult():
            return a * b
        case ast.Div():
            return a / b
    return None


def _too_deep(most: int, where: str = "") -> LawError:
    return LawError(f"A law has at most {most} functions and powers{where} inside each other.")


def _too_large(node: ast.AST) -> LawError:
    # a long number cannot be written out, and a long part would hide the message
    short = not isinstance(node, ast.Constant) and sum(1 for _ in ast.walk(node)) < 12
    part = f": {ast.unparse(node)[:80]}" if short else ""
    return LawError(f"A number in a law is beyond the range of doubles{part}.")
