"""Whether two expressions are the same function."""

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import sympy

# any: the same points each time
_SEED = 20240229
# over four decades, so that some lie where roots and logarithms are real and nothing overflows
_POINTS = 48
# fewer points at which both have a value would say little
_ENOUGH = 8
# so that cancellation of 1e16 leaves more digits than are compared
_DIGITS = 40
# constants are stored with the digits of a double, and powers multiply their rounding
_TOLERANCE = 1e-10


def are_equivalent(first: "sympy.Expr", second: "sympy.Expr") -> bool:
    """Whether two expressions agree as functions of positive symbols.

    Equal canonical forms settle it; otherwise both are evaluated to 40 digits at seeded points,
    spread over decades around one and around every number that occurs (so that the pieces on
    both sides of a threshold are met). Points where either is not real are left out.

    Parameters
    ----------
    first, second : sympy.Expr
        Expressions in plain symbols, which take positive values only, as logged groups do.

    Examples
    --------
    >>> from sympy import symbols, sqrt
    >>> x, y = symbols("x y")
    >>> are_equivalent(sqrt(x * y), sqrt(x) * sqrt(y)), are_equivalent(x, y)
    (True, False)
    """
    import sympy

    if first == second or _canonical(first) == _canonical(second):
        return True
    unbounded = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)
    if first.has(*unbounded) or second.has(*unbounded):
        return False
    symbols = sorted(first.free_symbols | second.free_symbols, key=lambda s: str(s.name))
    left, right = (_function(e, symbols) for e in (first, second))
    compared = 0
    for point in _points(first, second, len(symbols)):
        a, b = _real(left, point), _real(right, point)
        if a is None or b is None:
            if (a is None) != (b is None):
                return False
            continue
        if abs(a - b) > _TOLERANCE * max(abs(a), abs(b)):
            return False
        compared += 1
    return compared >= _ENOUGH


def _canonical(expression: Any) -> Any:
    """Powers merged, products multiplied out."""
    import sympy

    names = {s: sympy.Symbol(s.name, positive=True) for s in expression.free_symbols}
    expression = expression.xreplace(names)
    return sympy.powsimp(sympy.expand(expression)) if _is_short(expression) else expression


def _is_short(expression: Any) -> bool:
    """Whether multiplying out stays cheap."""
    import sympy

    powers = [p.exp for p in expression.atoms(sympy.Pow) if p.base.is_Add and p.exp.is_Integer]
    sums = sum(len(s.args) - 1 for s in expression.atoms(sympy.Add))
    return all(abs(p) <= 4 for p in powers) and sums <= 8


def _function(expression: Any, symbols: list[Any]) -> Any:
    from sympy import lambdify

    return lambdify(symbols, expression, modules="mpmath", dummify=True)


def _points(first: Any, second: Any, width: int) -> Any:
    import sympy

    numbers = chain(first.atoms(sympy.Number), second.atoms(sympy.Number))
    sizes = {abs(float(n)) for n in numbers if n != 0}
    centres = np.array(sorted(sizes | {1.0}))
    rng = np.random.default_rng(_SEED)
    shape = (_POINTS, width)
    return rng.choice(centres, shape) * 10.0 ** rng.uniform(-2, 2, shape)


def _real(function: Any, point: Any) -> Any:
    """Value as an mpmath real, None where there is none."""
    import mpmath

    with mpmath.workdps(_DIGITS):
        try:
            value = mpmath.mpmathify(function(*map(mpmath.mpf, point)))
        except (ValueError, ZeroDivisionError, OverflowError, TypeError):
            return None
        if isinstance(value, mpmath.mpc):
            # a root of a negative number; rounding alone leaves a far smaller imaginary part
            value = value.real if abs(value.imag) <= mpmath.mpf(10) ** -30 * abs(value) else None
        return value if value is not None and mpmath.isfinite(value) else None
