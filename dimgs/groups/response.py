"""The monomial that makes a response dimensionless, in the fewest variables."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb

from dimgs.dimensions import DimensionalMatrix
from dimgs.variables import Dimension, Variable

_MAX_SUBSETS = 60_000


@dataclass(frozen=True, slots=True)
class Monomial:
    """Product of powers of variables."""

    exponents: tuple[tuple[str, Fraction], ...]

    @property
    def size(self) -> Fraction:
        """Sum of the absolute exponents."""
        return sum((abs(e) for _, e in self.exponents), Fraction(0))


def smallest_monomial(variables: Sequence[Variable], target: Dimension) -> Monomial | None:
    """Monomial of a given dimension: fewest variables, then smallest exponents, then names.

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
    representatives = _one_per_dimension(variables)
    matrix = DimensionalMatrix.of(representatives)
    if matrix.solve(target) is None:
        return None
    needed = set(target.as_dict())
    for size in range(1, matrix.rank + 1):
        if comb(len(representatives), size) > _MAX_SUBSETS:
            break
        found = [
            Monomial(
                tuple((representatives[j].name, e) for j, e in zip(subset, solution, strict=True))
            )
            for subset in combinations(range(len(representatives)), size)
            if needed <= {b for j in subset for b in representatives[j].dimension.as_dict()}
            and (solution := matrix.solve(target, subset)) is not None
            and all(solution)
        ]
        if found:
            return min(found, key=lambda m: (m.size, [name for name, _ in m.exponents]))
    return _sparse_solution(matrix, target)


def _one_per_dimension(variables: Sequence[Variable]) -> list[Variable]:
    """Data before constants before scales, then by name; dimensionless ones never help."""
    rank = {"data": 0, "constant": 1, "scale": 2}
    chosen: dict[Dimension, Variable] = {}
    for variable in sorted(variables, key=lambda v: (rank[v.role], v.name)):
        if not variable.dimension.is_dimensionless:
            chosen.setdefault(variable.dimension, variable)
    return sorted(chosen.values(), key=lambda v: v.name)


def _sparse_solution(matrix: DimensionalMatrix, target: Dimension) -> Monomial:
    """Basic solution of least Σ|exponent|, for tables too wide to try every subset.

    Linear programming proposes the support; the exponents are then solved exactly.
    """
    import numpy as np
    from scipy.optimize import linprog

    D = np.array([[float(x) for x in row] for row in matrix.rows])
    wanted = np.array([float(target.get(base)) for base in matrix.bases])
    n = D.shape[1]
    solution = linprog(np.ones(2 * n), A_eq=np.hstack([D, -D]), b_eq=wanted, method="highs-ds")
    magnitude = np.abs(solution.x[:n] - solution.x[n:]) if solution.x is not None else np.ones(n)
    support = [j for j in range(n) if magnitude[j] > 1e-9]
    exact = matrix.solve(target, support)
    if exact is None:
        support = list(range(n))
        exact = matrix.solve(target, support)
    pairs = zip(support, exact or (), strict=False)
    return Monomial(tuple((matrix.names[j], e) for j, e in pairs if e != 0))
