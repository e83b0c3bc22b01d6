"""The runs of a problem as arrays, with the monomials of their groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.protocol import Problem

Array = NDArray[np.float64]
_FLOOR = 0.1


@dataclass(eq=False)
class Runs:
    """Runs, ready to be searched.

    Parameters
    ----------
    names : tuple of str
        Groups, in the order of their numbers.
    values, logs : ndarray of shape (n_runs, n_groups)
        Values, and their logarithms (zero for a group that is not logged).
    logged : tuple of bool
    y : ndarray of shape (n_runs,)
        Response.
    positive : bool
        Whether errors are judged on the logarithm.
    weights : ndarray of shape (n_runs,)
        Mean 1; all ones unless given.
    split : ndarray of shape (n_runs,), optional
    shape : ndarray of shape (n_variables, n_groups)
        Exponents of the physical variables in each group (the unit matrix if unknown).
    shift : ndarray of shape (n_variables,)
        Exponents of the physical variables in pi_0, the target apart.
    """

    names: tuple[str, ...]
    values: Array
    logs: Array
    logged: tuple[bool, ...]
    y: Array
    positive: bool
    weights: Array
    split: NDArray[np.int64] | None
    shape: Array
    shift: Array
    _cache: dict[tuple[Fraction, ...], Array] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem) -> "Runs":
        """From a problem."""
        names = tuple(sorted(problem.groups, key=lambda n: (len(n), n)))
        m = problem.n_runs
        columns = [problem.groups[n] for n in names]
        values = np.column_stack(columns) if columns else np.zeros((m, 0))
        logged = tuple(n not in problem.unlogged for n in names)
        logs = np.zeros_like(values)
        for j, log in enumerate(logged):
            if log:
                logs[:, j] = np.log(values[:, j])
        weights = np.ones(m) if problem.weights is None else np.array(problem.weights, float)
        split = None
        if problem.split is not None:
            split = np.unique(np.asarray(problem.split), return_inverse=True)[1].astype(np.int64)
        shape, shift = _composition(names, problem.composition)
        positive = problem.scale == "log"
        return cls(
            names,
            values,
            logs,
            logged,
            problem.response,
            positive,
            weights / weights.mean(),
            split,
            shape,
            shift,
        )

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.y)

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.names)

    def monomial(self, exponents: tuple[Fraction, ...]) -> Array:
        """Values of a monomial in every run, shape (n_runs,)."""
        found = self._cache.get(exponents)
        if found is None:
            e = np.array([float(x) for x in exponents])
            found = np.exp(self.logs @ e)
            for j, log in enumerate(self.logged):
                if not log and exponents[j]:
                    found = found * self.values[:, j] ** int(exponents[j])
            self._cache[exponents] = found
        return found

    @property
    def size(self) -> Array:
        """Scale of the errors of each response, shape (n_runs,): its modulus, floored."""
        rms = float(np.sqrt(np.mean(self.y**2)))
        return np.sqrt(self.y**2 + (_FLOOR * rms) ** 2)


def _composition(
    names: tuple[str, ...], composition: Mapping[str, Mapping[str, float]] | None
) -> tuple[Array, Array]:
    if composition is None or any(n not in composition for n in (*names, "pi_0")):
        return np.eye(len(names)), np.zeros(len(names))
    variables = sorted({v for n in names for v in composition[n]})
    shape = np.array([[composition[n].get(v, 0.0) for n in names] for v in variables])
    response = composition["pi_0"]
    shift = np.array([response.get(v, 0.0) for v in variables])
    return shape.reshape(len(variables), len(names)), shift
