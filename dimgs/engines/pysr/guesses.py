"""Candidates as text in Julia's notation, from which PySR can start."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from dimgs.engines.pysr.options import MAXSIZE
from dimgs.expression.candidate import Candidate


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
    out = []
    for candidate in candidates:
        expression = candidate.numeric if factor == 1.0 else candidate.numeric / factor
        try:
            tree = _Writer(operators).write(expression)
        except _UnwritableError:
            continue
        if tree.size <= maxsize and tree.text not in out:
            out.append(tree.text)
    return out


class _UnwritableError(Exception):
    pass


@dataclass(frozen=True)
class _Tree:
    text: str
    size: int
    number: float | None = None


class _Writer:
    def __init__(self, operators: frozenset[str]) -> None:
        self._operators = operators

    def write(self, node: Any) -> _Tree:
        import sympy

        if node.is_Symbol:
            return _Tree(str(node.name), 1)
        if node.is_number and not node.free_symbols:
            value = float(node)
            if not isfinite(value):
                raise _UnwritableError
            return self._number(value)
        if node.is_Add:
            return self._fold("+", [self.write(term) for term in _largest_first(node)])
        if node.is_Mul:
            return self._product(node)
        if node.is_Pow:
            return self._power(*node.as_base_exp())
        if isinstance(node, sympy.exp):
            return self._call("exp", node.args[0])
        name = node.func.__name__.lower()
        if len(node.args) == 1:
            return self._call(name, node.args[0])
        raise _UnwritableError

    def _number(self, value: float) -> _Tree:
        return _Tree(repr(value), 1, value)

    def _call(self, name: str, argument: Any) -> _Tree:
        self._need(name)
        inner = self.write(argument)
        return _Tree(f"{name}({inner.text})", inner.size + 1)

    def _power(self, base: Any, exponent: Any) -> _Tree:
        import sympy

        if isinstance(base, type(sympy.E)):
            return self._call("exp", exponent)
        if exponent == -1:
            return self._join("/", self._number(1.0), self.write(base))
        if exponent == sympy.Rational(1, 2) and "sqrt" in self._operators:
            return self._call("sqrt", base)
        written = self.write(base)
        if written.number is not None and written.number < 0:
            raise _UnwritableError
        return self._join("^", written, self.write(exponent))

    def _product(self, node: Any) -> _Tree:
        above, below = [], []
        for factor in sorted(node.args, key=lambda f: (not f.is_number, str(f))):
            base, exponent = factor.as_base_exp()
            if not factor.is_number and exponent == -1:
                below.append(self.write(base))
            else:
                above.append(self.write(factor))
        top = self._fold("*", above) if above else self._number(1.0)
        return self._join("/", top, self._fold("*", below)) if below else top

    def _fold(self, operator: str, parts: list[_Tree]) -> _Tree:
        tree = parts[0]
        for part in parts[1:]:
            tree = self._join(operator, tree, part)
        return tree

    def _join(self, operator: str, left: _Tree, right: _Tree) -> _Tree:
        self._need(operator)
        return _Tree(f"({left.text} {operator} {right.text})", left.size + right.size + 1)

    def _need(self, operator: str) -> None:
        if operator not in self._operators:
            raise _UnwritableError


def _largest_first(node: Any) -> list[Any]:
    return sorted(node.args, key=lambda term: (bool(term.is_number), str(term)))
