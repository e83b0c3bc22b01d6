"""The dimensional matrix: exact rank, rational solutions, and lattices of its integer nullspace."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm
from typing import TYPE_CHECKING

from dimgs.common.errors import InputError
from dimgs.variables import Dimension, Variable

if TYPE_CHECKING:
    from flint import fmpz


IntVector = tuple[int, ...]


def open_products(held: Mapping[str, Dimension]) -> list[dict[str, int]]:
    """Dimensionless products of what was constant: exponents along them are open.

    Parameters
    ----------
    held : mapping of str to Dimension
        Inputs that never varied, physical constants, and scales.

    Examples
    --------
    >>> length, time = Dimension.of({"[length]": 1}), Dimension.of({"[time]": 1})
    >>> open_products({"A": length**2, "l": length, "t": time})
    [{'A': -1, 'l': 2}]
    """
    names = sorted(held)
    kernel = DimensionalMatrix.of_dimensions(names, [held[n] for n in names]).kernel_lattice()
    return [{n: power for n, power in zip(names, row, strict=True) if power} for row in kernel]


@dataclass(frozen=True)
class DimensionalMatrix:
    """Exact exponents of the base dimensions (rows) in the variables (columns).

    Parameters
    ----------
    names : tuple of str
        Variable names, one per column.
    bases : tuple of str
        Base dimensions, one per row.
    rows : tuple of tuple of Fraction
        Exponents.

    Examples
    --------
    >>> from dimgs.variables import parse_variable
    >>> D = DimensionalMatrix.of([parse_variable(v) for v in ("L [m]", "g [m/s^2]", "t [s]")])
    >>> D.rank
    2
    >>> D.kernel_lattice()
    ((-1, 1, 2),)
    """

    names: tuple[str, ...]
    bases: tuple[str, ...]
    rows: tuple[tuple[Fraction, ...], ...]

    def __post_init__(self) -> None:
        check_names(self.names)
        if len(self.rows) != len(self.bases) or any(len(r) != len(self.names) for r in self.rows):
            raise InputError("A dimensional matrix needs one row per base and one column per name.")

    @classmethod
    def of(cls, variables: Sequence[Variable]) -> "DimensionalMatrix":
        """Matrix of a sequence of variables, columns in the given order."""
        return cls.of_dimensions([v.name for v in variables], [v.dimension for v in variables])

    @classmethod
    def of_dimensions(
        cls, names: Sequence[str] | None, dimensions: Sequence[Dimension]
    ) -> "DimensionalMatrix":
        """Matrix from names, by default numbers, and their dimensions."""
        columns = [d.as_dict() for d in dimensions]
        bases = tuple(sorted({base for column in columns for base in column}))
        zero = Fraction(0)
        rows = tuple(tuple(c.get(base, zero) for c in columns) for base in bases)
        return cls(tuple(map(str, names or range(len(columns)))), bases, rows)

    @cached_property
    def integer_rows(self) -> tuple[IntVector, ...]:
        """Rows cleared of denominators: same kernel, same rank."""
        return tuple(_cleared(row) for row in self.rows)

    @cached_property
    def reduced(self) -> "ReducedSystem":
        """Reduced echelon form; its pivots are the first columns that span what all span."""
        return ReducedSystem.of(self.rows, len(self.names))

    @property
    def rank(self) -> int:
        """Exact rank."""
        return len(self.reduced.pivots)

    def kernel_lattice(self) -> tuple[IntVector, ...]:
        """Reduced basis of the full lattice of integer vectors a with D a = 0.

        The Hermite normal form of [Dᵀ | I] holds, in the rows whose left part vanishes, the
        Hermite normal form of the kernel lattice; it is unique, so that the LLL reduction that
        follows depends on the lattice and the column order alone, not on the unit system.

        FLINT is called directly, not through SymPy's `DomainMatrix`: which LLL that one runs
        depends on the ground types with which SymPy was started, and the basis must not.

        Returns
        -------
        tuple of tuple of int
            One row per group; every Smith factor of the basis is 1.

        References
        ----------
        H. Cohen, A Course in Computational Algebraic Number Theory (1993), sections 2.4.3, 2.7.1.
        A. K. Lenstra, H. W. Lenstra, L. Lovász, Math. Ann. 261 (1982) 515-534.
        """
        from flint import fmpz_mat

        n, r = len(self.names), len(self.rows)
        if n == 0:
            return ()
        # Columns from the last to the first, and rows from the last up: the reduction starts from
        # short vectors, and groups tend to share the first of several variables of one dimension.
        columns = [[row[n - 1 - k] for row in self.integer_rows] for k in range(n)]
        identity = [[int(i == k) for i in range(n)] for k in range(n)]
        augmented = [[*column, *unit] for column, unit in zip(columns, identity, strict=True)]
        normal = fmpz_mat(augmented).hnf().tolist()
        kernel = lattice_reduced([row[r:] for row in reversed(normal) if not any(row[:r])])
        return tuple(vector[::-1] for vector in kernel)

    def solve(
        self, target: Dimension, columns: Sequence[int] | None = None
    ) -> tuple[Fraction, ...] | None:
        """Rational exponents a with D a = target over the chosen columns, or None.

        Where the columns are dependent, the free exponents are zero.
        """
        chosen = list(range(len(self.names)) if columns is None else columns)
        powers = target.as_dict()
        if any(base not in self.bases for base in powers):
            return None
        right = [powers.get(base, Fraction(0)) for base in self.bases]
        system = [[row[j] for j in chosen] + [b] for row, b in zip(self.rows, right, strict=True)]
        return solve_exact(system, len(chosen))


def spans(dimensions: Sequence[Dimension], target: Dimension) -> bool:
    """Whether a product of powers of some dimensions is a target.

    Examples
    --------
    >>> length, time = Dimension.of({"[length]": 1}), Dimension.of({"[time]": 1})
    >>> spans([length / time, time], length), spans([length], time)
    (True, False)
    """
    return DimensionalMatrix.of_dimensions(None, dimensions).solve(target) is not None


def check_names(names: Sequence[str]) -> None:
    """Raise InputError where two variables have one name."""
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise InputError(f"The name '{twice}' is used twice; rename one of the variables.")


def _cleared(row: Sequence[Fraction]) -> IntVector:
    multiple = lcm(*(x.denominator for x in row))
    return tuple(x.numerator * (multiple // x.denominator) for x in row)


def lattice_reduced(rows: "Sequence[Sequence[int | fmpz]]") -> tuple[IntVector, ...]:
    """LLL-reduced basis of the lattice spanned by independent integer rows, by FLINT."""
    if not rows:
        return ()
    from flint import fmpz_mat

    return tuple(tuple(map(int, row)) for row in fmpz_mat(rows).lll().tolist())


@dataclass(frozen=True)
class ReducedSystem:
    """Reduced echelon form of R b = r.

    Attributes
    ----------
    rows : tuple of list of Fraction
        Independent rows of [R | r].
    pivots : tuple of int
        Pivot column of each row.
    consistent : bool
        Whether a solution exists.
    """

    rows: tuple[list[Fraction], ...]
    pivots: tuple[int, ...]
    consistent: bool

    @classmethod
    def of(cls, system: Sequence[Sequence[Fraction]], unknowns: int) -> "ReducedSystem":
        """Reduce the rows of [R | r] with `unknowns` columns in R."""
        if not system:
            return cls((), (), True)
        from flint import fmpq, fmpq_mat

        exact = [[fmpq(x.numerator, x.denominator) for x in row] for row in system]
        echelon, rank = fmpq_mat(exact).rref()
        rows = [[Fraction(int(x.p), int(x.q)) for x in row] for row in echelon.tolist()[:rank]]
        pivots = tuple(next(j for j, x in enumerate(row) if x) for row in rows)
        consistent = unknowns not in pivots
        # the last row of an inconsistent system is 0 = 1
        return cls(
            tuple(rows if consistent else rows[:-1]),
            pivots if consistent else pivots[:-1],
            consistent,
        )

    def implied(self, functional: Sequence[Fraction]) -> Fraction | None:
        """Value of functional . b where the system determines it, else None."""
        left = list(functional)
        value = Fraction(0)
        for row, pivot in zip(self.rows, self.pivots, strict=True):
            factor = left[pivot]
            if factor:
                left = [a - factor * b for a, b in zip(left, row[:-1], strict=True)]
                value += factor * row[-1]
        return None if any(left) else value


def solve_exact(system: Sequence[Sequence[Fraction]], unknowns: int) -> tuple[Fraction, ...] | None:
    """Solution of an augmented rational system, free unknowns zero; None if inconsistent."""
    reduced = ReducedSystem.of(system, unknowns)
    fixed = {pivot: row[-1] for row, pivot in zip(reduced.rows, reduced.pivots, strict=True)}
    return tuple(fixed.get(j, Fraction(0)) for j in range(unknowns)) if reduced.consistent else None


def primitive(vector: Sequence[Fraction | int]) -> IntVector:
    """Shortest integer vector in the direction of a rational one.

    Examples
    --------
    >>> primitive([Fraction(1, 2), Fraction(-1, 3)])
    (3, -2)
    """
    integers = _cleared([Fraction(x) for x in vector])
    divisor = gcd(*integers)
    return tuple(x // divisor for x in integers) if divisor else integers


def lattice_of(inputs: Sequence[Variable]) -> tuple[tuple[IntVector, ...], tuple[IntVector, ...]]:
    """Basis of all integer groups of the inputs, and the part of it made of constants only.

    Every dimensionless variable is a group of its own, and what known constants and scales form
    among themselves stands apart from the data; the rest is LLL-reduced.

    Returns
    -------
    lattice, fixed : tuple of tuple of int
        Exponents of the inputs in each group; `fixed` are the first rows of `lattice`.
    """
    n = len(inputs)
    plain = [j for j, v in enumerate(inputs) if v.dimension.is_dimensionless]
    unknown = [j for j, v in enumerate(inputs) if v.role != "data" and j not in plain]
    units = [tuple(int(i == j) for i in range(n)) for j in plain]
    with_dimension = [j for j in range(n) if j not in plain]
    lattice = _spread(inputs, with_dimension)
    fixed = _spread(inputs, unknown) if len(unknown) > 1 else ()
    if fixed and len(unknown) < len(with_dimension):
        lattice = (*fixed, *(completed(fixed, lattice) or ()))
    return (*fixed, *units, *lattice[len(fixed) :]), fixed


def _spread(inputs: Sequence[Variable], columns: Sequence[int]) -> tuple[IntVector, ...]:
    """Kernel lattice of some of the inputs, with zeros for the others."""
    kernel = DimensionalMatrix.of([inputs[j] for j in columns]).kernel_lattice()
    spread = (dict(zip(columns, vector, strict=True)) for vector in kernel)
    return tuple(tuple(powers.get(j, 0) for j in range(len(inputs))) for powers in spread)


def completed(
    taken: Sequence[IntVector], lattice: Sequence[IntVector]
) -> tuple[IntVector, ...] | None:
    """Vectors that complete some of a lattice to a basis of it, or None if there are none."""
    if not taken:
        return tuple(lattice)
    k, s = len(lattice), len(taken)
    identity = [[int(i == j) for j in range(k)] for i in range(k)]
    # rows of the coordinates C of the taken vectors in the lattice
    both = zip(*lattice, *taken, strict=True)
    system = ReducedSystem.of([[*map(Fraction, row)] for row in both], k + s)
    coordinates = [[int(x) for x in row[k:]] for row in system.rows]
    # unimodular U with U Cᵀ = [I; 0] exists exactly when C is primitive; U⁻¹ holds the basis
    from flint import fmpz_mat

    stacked = [[*of, *unit] for of, unit in zip(coordinates, identity, strict=True)]
    normal = fmpz_mat(stacked).hnf().tolist()
    if any(normal[i][j] != identity[i][j] for i in range(k) for j in range(s)):
        return None
    inverse = fmpz_mat([row[s:] for row in normal]).inv(True)
    rest = (inverse.transpose() * fmpz_mat(lattice)).tolist()[s:]
    return tuple(_shortened(v, taken) for v in lattice_reduced(rest))


def _length(vector: IntVector) -> tuple[int, list[bool], list[int]]:
    """Smallest exponents first, then the first names, then positive exponents."""
    return sum(map(abs, vector)), [x == 0 for x in vector], [-x for x in vector]


def _shortened(vector: IntVector, taken: Sequence[IntVector]) -> IntVector:
    """Vector minus the multiples of taken groups that make it shortest."""
    best = vector
    for _ in range(4):
        before = best
        for group in taken:
            options = [
                tuple(x - m * y for x, y in zip(best, group, strict=True)) for m in range(-4, 5)
            ]
            best = min(options, key=_length)
        if best == before:
            break
    return best
