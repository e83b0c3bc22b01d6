"""The monomial that makes a response dimensionless, in the fewest variables."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from dimgs.dimensions import DimensionalMatrix
from dimgs.groups.least_exponents import least_exponents
from dimgs.groups.smallest_sets import smallest_sets
from dimgs.variables import Dimension, Variable


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
    system = [[*row, target.get(b)] for b, row in zip(matrix.bases, matrix.rows, strict=True)]
    sets, complete = smallest_sets(system)
    solved = (
        [dict(zip(s, matrix.solve(target, s) or (), strict=True)) for s in sets]
        if sets
        else least_exponents(system)
    )
    found = [
        Monomial(tuple((matrix.names[j], e) for j, e in sorted(each.items())), complete)
        for each in solved
    ]
    return min(found, key=lambda m: m.key)


def _one_per_dimension(variables: Sequence[Variable]) -> list[Variable]:
    """Data before constants before scales, then by name; dimensionless ones never help."""
    rank = {"data": 0, "constant": 1, "scale": 2}
    chosen: dict[Dimension, Variable] = {}
    for variable in sorted(variables, key=lambda v: (rank[v.role], v.name)):
        if not variable.dimension.is_dimensionless:
            chosen.setdefault(variable.dimension, variable)
    return sorted(chosen.values(), key=lambda v: v.name)
