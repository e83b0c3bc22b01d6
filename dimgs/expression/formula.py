"""Values of an expression in every run as functions of its constants, with their slopes."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy

from dimgs.common.arrays import Array
from dimgs.expression.candidate import compile_expression, real_values
from dimgs.expression.simplest import derivatives_of


# forms are refitted many times, and again with other runs: as many as a discovery judges
@lru_cache(maxsize=512)
def _compiled(arguments: tuple[str, ...], what: sympy.Basic) -> Callable[..., Any]:
    return compile_expression(list(map(sympy.Symbol, arguments)), what, cse=True)


@lru_cache(maxsize=512)
def gradients_of(
    expression: sympy.Expr, names: tuple[str, ...], log: bool
) -> tuple[sympy.Expr, ...]:
    """∂F/∂θ (or ∂ log F/∂θ) for each symbol; NaN where there is no derivative."""
    unknown = (sympy.Derivative, sympy.DiracDelta, sympy.Subs)
    slopes = (
        sympy.nan if slope.has(*unknown) else slope for slope in derivatives_of(expression, names)
    )
    return tuple(slope / expression if log else slope for slope in slopes)


class Formula:
    """An expression in runs, as a function of its constants.

    Parameters
    ----------
    expression : sympy.Expr
    inputs : mapping of str to ndarray of shape (n_runs,)
        Values of every other symbol.
    names : sequence of str
        Its constants, in the order in which they are given.
    n : int
        Number of runs.

    Examples
    --------
    >>> x, c = sympy.symbols("x c")
    >>> line = Formula(1 + c * x, {"x": np.array([1.0, 2.0])}, ["c"], 2)
    >>> line.value(np.array([3.0])).tolist(), line.slopes(np.array([3.0])).tolist()
    ([4.0, 7.0], [[1.0], [2.0]])
    """

    def __init__(
        self, expression: sympy.Expr, inputs: Mapping[str, Array], names: Sequence[str], n: int
    ) -> None:
        self.expression, self.inputs, self.names, self.n = expression, inputs, tuple(names), n

    @cached_property
    def _gradients(self) -> sympy.Tuple:
        return sympy.Tuple(*gradients_of(self.expression, self.names, False))

    def _at(self, what: sympy.Basic, constants: Array) -> Any:
        # numbers, or columns of those of several sets
        each = constants if constants.ndim == 1 else constants.T[..., None]
        with np.errstate(all="ignore"):
            return _compiled((*self.inputs, *self.names), what)(*self.inputs.values(), *each)

    def value(self, constants: Array) -> Array:
        """Shape (n_runs,); of several sets of constants, one a row, (n_sets, n_runs)."""
        values, shape = real_values(self._at(self.expression, constants)), constants.shape[:-1]
        is_whole = values.shape == (*shape, self.n)
        return values if is_whole else np.broadcast_to(values, (*shape, self.n)).copy()

    def slopes(self, constants: Array) -> Array:
        """By the constants: shape (n_runs, n_constants), or (n_sets, n_runs, n_constants)."""
        out = np.empty((*constants.shape[:-1], self.n, len(self.names)))
        for j, column in enumerate(self._at(self._gradients, constants) if self.names else ()):
            out[..., j] = real_values(column)
        return out
