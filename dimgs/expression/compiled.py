"""Expressions as functions of arrays and of numbers, in any mixture."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial, reduce
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

# logical functions of conditions that are arrays, or single truth values: NumPy's own would make
# one array of all, which they need not make
_JUNCTIONS = {
    name: SimpleNamespace(reduce=partial(reduce, getattr(np, name)))
    for name in ("logical_and", "logical_or")
}


def compile_expression(
    arguments: Sequence[sympy.Symbol],
    expression: sympy.Basic | Sequence[sympy.Basic],
    *,
    cse: bool = False,
) -> Callable[..., Any]:
    """A function of arrays, or numbers, that computes an expression with NumPy and SciPy.

    Its arguments are given by position; a variable may have the name of a function.

    Parameters
    ----------
    arguments : sequence of sympy.Symbol
    expression : sympy.Basic, or sequence of these
    cse : bool
        Compute common subexpressions once.

    Examples
    --------
    >>> x, c = sympy.symbols("x c")
    >>> pieces = sympy.Piecewise((2 * x, (x < 3) & (c > 0)), (x, True))
    >>> compile_expression([x, c], pieces)(np.array([1.0, 5.0]), 1.0)
    array([2., 5.])
    """
    function: Callable[..., Any] = sympy.lambdify(
        arguments, expression, modules=[_JUNCTIONS, "scipy", "numpy"], cse=cse, dummify=True
    )
    return function


def real_values(values: Any) -> NDArray[np.float64]:
    """Values that are not real as NaN: of numbers alone Python takes complex powers.

    Examples
    --------
    >>> real_values([1 + 0j, (-1.0) ** 0.5]).tolist()
    [1.0, nan]
    """
    array = np.asarray(values)
    if np.iscomplexobj(array):
        array = np.where(array.imag == 0, array.real, np.nan)
    return array.astype(np.float64)


@lru_cache(maxsize=512)
def compiled(expression: sympy.Basic, names: tuple[str, ...]) -> Callable[..., Any]:
    """As :func:`compile_expression`, of symbols by their names; kept for the next call."""
    return compile_expression([sympy.Symbol(name) for name in names], expression)
