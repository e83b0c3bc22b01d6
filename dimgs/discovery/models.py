"""Candidate laws as functions of their constants, which are refitted again and again."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
import sympy

from dimgs.arrays import Array
from dimgs.design.features import Design
from dimgs.law.assemble import feature_values, gradients_of


class Model(Protocol):
    """A candidate whose constants are refitted."""

    @property
    def start(self) -> Array:
        """Constants near those of least squares."""

    def value(self, constants: Array) -> Array:
        """The response group (a level: itself) in every run."""

    def slopes(self, constants: Array) -> Array:
        """Derivatives by the constants, shape (n_runs, n_constants)."""


@dataclass(frozen=True, eq=False)
class PowerModel:
    """exp(offset + columns @ constants), or without the exponential for a level."""

    columns: Array
    offset: Array
    start: Array
    log: bool = True

    def value(self, constants: Array) -> Array:
        """See `Model`."""
        linear = self.offset + self.columns @ constants
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(linear) if self.log else linear)

    def slopes(self, constants: Array) -> Array:
        """See `Model`."""
        return self.value(constants)[:, None] * self.columns if self.log else self.columns


# forms are refitted many times, and again with other runs: as many as a discovery judges
@lru_cache(maxsize=512)
def _compiled(arguments: tuple[sympy.Symbol, ...], what: sympy.Basic) -> Callable[..., Any]:
    made: Callable[..., Any] = sympy.lambdify(arguments, what, modules=["scipy", "numpy"], cse=True)
    return made


class FormulaModel:
    """An expression for pi_0 over the groups and inputs of a design.

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
    constants : mapping of str to float
    """

    def __init__(
        self, design: Design, expression: sympy.Expr, constants: Mapping[str, float]
    ) -> None:
        self.expression = expression
        self.names = tuple(sorted(constants))
        self.start = np.array([constants[k] for k in self.names], dtype=np.float64)
        self._settle(feature_values(design), design.n_runs)

    def _settle(self, known: Mapping[str, Array], n: int) -> None:
        self.n = n
        self.known = {str(s): known[str(s)] for s in self._inputs}

    @cached_property
    def _inputs(self) -> list[sympy.Symbol]:
        return sorted(
            (s for s in self.expression.free_symbols if str(s) not in self.names), key=str
        )

    def elsewhere(self, known: Mapping[str, Array], n: int) -> "FormulaModel":
        """The same model of other runs: their groups and inputs, by name."""
        other = copy(self)
        other._settle(known, n)
        return other

    def filled(self, constants: Array) -> dict[str, Array | float]:
        """Every symbol of the expression with its value."""
        return {**self.known, **dict(zip(self.names, constants, strict=True))}

    @cached_property
    def _arguments(self) -> tuple[sympy.Symbol, ...]:
        return (*self._inputs, *map(sympy.Symbol, self.names))

    @cached_property
    def _gradients(self) -> sympy.Tuple:
        return sympy.Tuple(*gradients_of(self.expression, self.names, False))

    def value(self, constants: Array) -> Array:
        """See `Model`."""
        with np.errstate(all="ignore"):
            found = _compiled(self._arguments, self.expression)(*self.known.values(), *constants)
        return np.broadcast_to(np.asarray(found, dtype=np.float64), (self.n,)).copy()

    def slopes(self, constants: Array) -> Array:
        """See `Model`."""
        out = np.empty((self.n, len(self.names)))
        if self.names:
            with np.errstate(all="ignore"):
                found = _compiled(self._arguments, self._gradients)
                for j, column in enumerate(found(*self.known.values(), *constants)):
                    out[:, j] = column
        return out
