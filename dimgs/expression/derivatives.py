"""Derivatives of formulas whose symbols all stand for real numbers."""

from collections.abc import Iterable

import sympy

# what SymPy takes for complex, and leaves with derivatives of real parts
_NOT_SMOOTH = ("Abs", "sign", "Max", "Min", "Piecewise", "floor", "ceiling")


def derivatives_of(expression: sympy.Expr, names: Iterable[str]) -> list[sympy.Expr]:
    """Derivatives by some of the symbols.

    Examples
    --------
    >>> x, c = sympy.symbols("x c")
    >>> derivatives_of(c * abs(c * x), ["c"])[0].has(sympy.Derivative)
    False
    """
    if not expression.has(*(getattr(sympy, name) for name in _NOT_SMOOTH)):
        return [sympy.diff(expression, sympy.Symbol(n)) for n in names]
    # of real arguments these have derivatives, of complex ones they have not
    symbols = {s: sympy.Symbol(s.name, real=True) for s in expression.free_symbols}
    plain = {r: s for s, r in symbols.items()}
    real = expression.xreplace(symbols)
    return [sympy.diff(real, sympy.Symbol(n, real=True)).xreplace(plain) for n in names]
