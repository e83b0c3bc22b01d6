"""Candidate laws as functions of their constants, which are refitted again and again."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import sympy

from dimgs.arrays import Array
from dimgs.design.features import Design
from dimgs.law.assemble import feature_values, gradients_of
from dimgs.law.evaluate import evaluate


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


class FormulaModel:
    """An expression for pi_0 over the groups and inputs of a design.

    Parameters
    ----------
    design : Design
    expression : sympy.Expr
    constants : mapping of str to float
    """

    def __init__(self, design: Design, expression: sympy.Expr, constants: dict[str, float]) -> None:
        self.expression, self.n = expression, design.n_runs
        self.names = tuple(sorted(constants))
        self.start = np.array([constants[k] for k in self.names])
        self.known = feature_values(design)
        self.gradients = gradients_of(expression, self.names, False)

    def filled(self, constants: Array) -> dict[str, Array | float]:
        """Every symbol of the expression with its value."""
        return {**self.known, **dict(zip(self.names, constants, strict=True))}

    def value(self, constants: Array) -> Array:
        """See `Model`."""
        return evaluate(self.expression, self.filled(constants), self.n)

    def slopes(self, constants: Array) -> Array:
        """See `Model`."""
        filled = self.filled(constants)
        columns = [evaluate(g, filled, self.n) for g in self.gradients]
        return np.column_stack(columns) if columns else np.zeros((self.n, 0))
