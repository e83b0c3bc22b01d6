"""Bases of the lattice of groups that contain chosen groups."""

from collections.abc import Sequence
from fractions import Fraction

from dimgs.groups.dimensions import DimensionalMatrix, IntVector, lattice_reduced, solve_exact
from dimgs.variables import Variable


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
    with_dimension = [j for j in range(n) if j not in plain] if plain else list(range(n))
    lattice = _spread(inputs, with_dimension)
    fixed = _spread(inputs, unknown) if len(unknown) > 1 else ()
    if fixed and len(unknown) < len(with_dimension):
        lattice = (*fixed, *(completed(fixed, lattice) or ()))
    return (*fixed, *units, *lattice[len(fixed) :]), fixed


def _spread(inputs: Sequence[Variable], columns: Sequence[int]) -> tuple[IntVector, ...]:
    """Kernel lattice of some of the inputs, with zeros for the others."""
    kernel = DimensionalMatrix.of([inputs[j] for j in columns]).kernel_lattice()
    if len(columns) == len(inputs):
        return kernel
    place = {j: i for i, j in enumerate(columns)}
    return tuple(
        tuple(vector[place[j]] if j in place else 0 for j in range(len(inputs)))
        for vector in kernel
    )


def completed(
    taken: Sequence[IntVector], lattice: Sequence[IntVector]
) -> tuple[IntVector, ...] | None:
    """Vectors that complete `taken` to a basis of the lattice, or None if there are none."""
    if not taken:
        return tuple(lattice)
    coordinates = _coordinates(taken, lattice)
    if coordinates is None:
        return None
    k, s = len(lattice), len(taken)
    # unimodular U with U Cᵀ = [I; 0] exists exactly when C is primitive; U⁻¹ holds the basis
    from flint import fmpz_mat

    identity = [[int(i == j) for j in range(k)] for i in range(k)]
    stacked = [[c[i] for c in coordinates] + identity[i] for i in range(k)]
    normal = fmpz_mat(stacked).hnf().tolist()
    if any(normal[i][j] != identity[i][j] for i in range(k) for j in range(s)):
        return None
    inverse = fmpz_mat([row[s:] for row in normal]).inv().tolist()
    columns = [[int(inverse[i][c].p) for i in range(k)] for c in range(s, k)]
    rest = [_combine(column, lattice) for column in columns]
    return tuple(_shortened(v, taken) for v in lattice_reduced(rest)) if rest else ()


def _coordinates(
    vectors: Sequence[IntVector], lattice: Sequence[IntVector]
) -> list[list[int]] | None:
    n = len(lattice[0])
    out = []
    for vector in vectors:
        system = [[Fraction(b[i]) for b in lattice] + [Fraction(vector[i])] for i in range(n)]
        solution = solve_exact(system, len(lattice))
        if solution is None or any(x.denominator != 1 for x in solution):
            return None
        out.append([int(x) for x in solution])
    return out


def _combine(weights: Sequence[int], lattice: Sequence[IntVector]) -> IntVector:
    n = len(lattice[0])
    return tuple(sum(w * b[i] for w, b in zip(weights, lattice, strict=True)) for i in range(n))


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
