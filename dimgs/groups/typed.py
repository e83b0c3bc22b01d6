"""Products of powers as they are typed: ``D*t/l^2``."""

import ast
from fractions import Fraction

from dimgs.errors import InputError
from dimgs.escape import visible

# characters of a group, and the largest power, that anybody means
_LONGEST = 1000
_MOST_POWER = 100


def read_group(text: str) -> dict[str, Fraction]:
    """Exponents of a product of powers of names.

    Raises
    ------
    InputError
        If it is anything else.

    Examples
    --------
    >>> read_group("D*t/l^2")
    {'D': Fraction(1, 1), 't': Fraction(1, 1), 'l': Fraction(-2, 1)}
    >>> read_group("a + b")
    Traceback (most recent call last):
    dimgs.errors.InputError: 'a + b' is no product of powers of inputs; write it like 'D*t/l^2'.
    """
    try:
        if len(text) > _LONGEST:
            raise ValueError
        powers = _powers(ast.parse(text.replace("^", "**"), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, ZeroDivisionError) as error:
        raise InputError(
            f"'{visible(text[:60])}' is no product of powers of inputs; write it like 'D*t/l^2'."
        ) from error
    return {name: e for name, e in powers.items() if e}


def _powers(node: ast.expr) -> dict[str, Fraction]:
    if isinstance(node, ast.Name):
        return {node.id: Fraction(1)}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        sign = 1 if isinstance(node.op, ast.Mult) else -1
        out = _powers(node.left)
        for name, e in _powers(node.right).items():
            out[name] = out.get(name, Fraction(0)) + sign * e
        return out
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        power = _number(node.right)
        return {name: e * power for name, e in _powers(node.left).items()}
    if isinstance(node, ast.Constant) and node.value == 1:
        return {}
    raise ValueError


def _number(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = Fraction(str(node.value))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = -_number(node.operand)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        value = _number(node.left) / _number(node.right)
    else:
        raise ValueError
    if abs(value) > _MOST_POWER:
        raise ValueError
    return value
