"""The monomial that makes a response dimensionless, in the fewest variables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, combinations, islice
from math import comb

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.groups.dimensions import DimensionalMatrix, ReducedSystem
from dimgs.variables import Dimension, Variable

# numbers held at once: 240 MB, half as much again for sets of two
_MOST = 30_000_000
# relative: roundings of sums of seven products, and far below what exponents differ by
_SAME = 1e-9
# equally short solutions beyond this many are not looked at
_MOST_TIES = 500


@dataclass(frozen=True, slots=True)
class Monomial:
    """Product of powers of variables.

    Parameters
    ----------
    exponents : tuple of (str, Fraction)
        Variable and non-zero exponent, sorted by name.
    fewest : bool
        Whether it is known that no fewer variables would do (false only in very wide tables).
    """

    exponents: tuple[tuple[str, Fraction], ...]
    fewest: bool = True

    @property
    def size(self) -> Fraction:
        """Sum of the absolute exponents."""
        return sum((abs(e) for _, e in self.exponents), Fraction(0))

    @property
    def key(self) -> tuple[int, Fraction, list[str]]:
        """Fewest variables first, then smallest exponents, then names."""
        return len(self.exponents), self.size, [name for name, _ in self.exponents]


def smallest_monomial(variables: Sequence[Variable], target: Dimension) -> Monomial | None:
    """Monomial of a given dimension: fewest variables, then smallest exponents, then names.

    Of several variables of one dimension only one is a candidate: data before constants before
    scales, then by name.

    Parameters
    ----------
    variables : sequence of Variable
        Candidates.
    target : Dimension
        Dimension to reach.

    Returns
    -------
    Monomial or None
        None if the dimension is outside the rational span of the variables.

    Examples
    --------
    >>> from dimgs.variables import parse_variable, parse_unit
    >>> inputs = [parse_variable(v) for v in ("rho [kg/m^3]", "U [m/s]", "mu [Pa*s]", "D [m]")]
    >>> smallest_monomial(inputs, parse_unit("Pa").dimension).exponents
    (('U', Fraction(2, 1)), ('rho', Fraction(1, 1)))
    """
    if target.is_dimensionless:
        return Monomial(())
    candidates = _one_per_dimension(variables)
    matrix = DimensionalMatrix.of(candidates)
    if matrix.solve(target) is None:
        return None
    # reduced exactly, so that the numbers are the same in every unit system
    system = [[*row, target.get(b)] for b, row in zip(matrix.bases, matrix.rows, strict=True)]
    reduced = np.array(ReducedSystem.of(system, len(candidates)).rows, dtype=np.float64)
    rank, complete = len(reduced), True
    for size in range(1, rank + 1):
        if size < rank and comb(len(candidates), size - 1) * len(candidates) * rank > _MOST:
            complete = False
            continue
        monomials = []
        for columns in _spanning(reduced, size) if size < rank else _shortest(reduced):
            # proposed in floats, and solved exactly
            solution = matrix.solve(target, columns)
            if solution is not None:
                powers = zip(columns, solution, strict=True)
                exponents = tuple((matrix.names[j], e) for j, e in powers if e)
                monomials.append(Monomial(exponents, complete))
        if monomials:
            return min(monomials, key=lambda m: m.key)
    return None


def _sets(columns: Iterable[int], size: int, most: int | None = None) -> IntArray:
    """Sets of so many columns, shape (n_sets, size), in the order of their names."""
    flat = chain.from_iterable(islice(combinations(columns, size), most))
    return np.fromiter(flat, dtype=np.intp).reshape(-1, size) if size else np.zeros((1, 0), np.intp)


def _spanning(system: Array, size: int) -> list[tuple[int, ...]]:
    """Sets of so many columns whose span seems to hold the last column, that of no smaller set."""
    unit = system / np.linalg.norm(system, axis=0)
    sets = _sets(range(system.shape[1] - 1), size)
    basis: list[Array] = []
    for columns in (*sets.T, np.full(len(sets), -1)):
        # Gram and Schmidt, for all sets at once
        rest = unit.T[columns]
        for each in basis:
            rest = rest - each * np.sum(each * rest, axis=1, keepdims=True)
        length = np.linalg.norm(rest, axis=1, keepdims=True)
        basis.append(rest / np.maximum(length, _SAME))
    return [tuple(chosen) for chosen in sets[length[:, 0] <= _SAME].tolist()]


def _shortest(system: Array) -> list[tuple[int, ...]]:
    """Sets of as many columns as the rank over which the sum of absolute exponents is least.

    Where they are too many, only columns are looked at at which the dual of that linear program is
    tight: no other column has an exponent in a shortest solution.
    """
    matrix, target = system[:, :-1], system[:, -1]
    rank, n = matrix.shape
    columns, most = list(range(n)), None
    if comb(n, rank) * rank**2 > _MOST:
        from scipy.optimize import linprog

        both = np.vstack([matrix.T, -matrix.T])
        dual = np.asarray(linprog(-target, both, np.ones(2 * n), bounds=(None, None)).x)
        tight = np.abs(np.abs(matrix.T @ dual) - 1.0) < _SAME
        columns, most = np.flatnonzero(tight).tolist(), _MOST_TIES
    sets = _sets(columns, rank, most)
    squares = np.moveaxis(matrix[:, sets], 0, 1)
    scale = np.prod(np.linalg.norm(squares, axis=1), axis=1)
    good = np.abs(np.linalg.det(squares)) > _SAME * scale
    sets, squares = sets[good], squares[good]
    exponents = np.linalg.solve(squares, np.broadcast_to(target[:, None], (len(sets), rank, 1)))
    size = np.abs(exponents).sum(axis=(1, 2))
    return [tuple(s) for s in sets[size <= (1.0 + _SAME) * size.min()].tolist()]


def _one_per_dimension(variables: Sequence[Variable]) -> list[Variable]:
    """Data before constants before scales, then by name; dimensionless ones never help."""
    rank = {"data": 0, "constant": 1, "scale": 2}
    chosen: dict[Dimension, Variable] = {}
    for variable in sorted(variables, key=lambda v: (rank[v.role], v.name)):
        if not variable.dimension.is_dimensionless:
            chosen.setdefault(variable.dimension, variable)
    return sorted(chosen.values(), key=lambda v: v.name)
