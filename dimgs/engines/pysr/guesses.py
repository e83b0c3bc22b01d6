"""Candidates as text in Julia's notation, from which PySR can start."""

import re
from collections.abc import Iterable
from contextlib import suppress
from math import isfinite
from typing import Any

from dimgs.engines.pysr.options import MAXSIZE
from dimgs.expression.candidate import Candidate

# names, numbers and operators, which are the nodes of a tree
_NODE = re.compile(r"[A-Za-z_]\w*|\d[\d.]*(?:e[-+]?\d+)?| [-+*/^] ")


def julia_guesses(
    candidates: Iterable[Candidate],
    operators: frozenset[str],
    *,
    factor: float = 1.0,
    maxsize: int = MAXSIZE,
) -> list[str]:
    """Candidates that the operators can express, as binary trees in parentheses.

    Parameters
    ----------
    candidates : iterable of Candidate
    operators : frozenset of str
    factor : float
        By which the response was divided.
    maxsize : int
        Larger trees are left out.

    Examples
    --------
    >>> from sympy import Symbol
    >>> found = Candidate.of(0.5 * Symbol("pi_1") ** -0.25 + 1)
    >>> julia_guesses([found], frozenset("+*/^"))
    ['((0.5 * (pi_1 ^ -0.25)) + 1.0)']
    """
    out: list[str] = []
    for candidate in candidates:
        expression = candidate.numeric if factor == 1.0 else candidate.numeric / factor
        with suppress(_UnwritableError):
            text = _written(expression, operators)
            if len(_NODE.findall(text)) <= maxsize and text not in out:
                out.append(text)
    return out


class _UnwritableError(Exception):
    pass


def _written(node: Any, operators: frozenset[str]) -> str:
    import sympy

    def joined(operator: str, *parts: str) -> str:
        if len(parts) > 1 and operator not in operators:
            raise _UnwritableError
        text = parts[0]
        for part in parts[1:]:
            text = f"({text} {operator} {part})"
        return text

    if node.is_Symbol:
        return str(node.name)
    if node.is_number:
        if not isfinite(float(node)):
            raise _UnwritableError
        return repr(float(node))
    if node.is_Add:
        terms = sorted(node.args, key=lambda term: (bool(term.is_number), str(term)))
        return joined("+", *(_written(term, operators) for term in terms))
    if node.is_Mul:
        factors = sorted(node.args, key=lambda f: (not f.is_number, str(f)))
        below = [f for f in factors if f.is_Pow and f.exp == -1]
        top = [_written(f, operators) for f in factors if f not in below] or ["1.0"]
        bottom = [_written(f.base, operators) for f in below]
        whole = joined("*", *top)
        return joined("/", whole, joined("*", *bottom)) if bottom else whole
    name, arguments = node.func.__name__.lower(), node.args
    if node.is_Pow:
        base, exponent = arguments
        if exponent == -1:
            return joined("/", "1.0", _written(base, operators))
        if exponent != sympy.Rational(1, 2) or "sqrt" not in operators:
            if base.is_number and base < 0:
                raise _UnwritableError
            return joined("^", _written(base, operators), _written(exponent, operators))
        name, arguments = "sqrt", (base,)
    if len(arguments) != 1 or name not in operators:
        raise _UnwritableError
    return f"{name}({_written(arguments[0], operators)})"
