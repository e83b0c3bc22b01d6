"""Groups over repeating variables: those that the user asks for, and all possible choices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb, gcd

from dimgs.common.advice import setting
from dimgs.common.errors import InputError
from dimgs.groups.dimensions import DimensionalMatrix, IntVector, independent_rows, leading_columns
from dimgs.groups.group import PiBasis
from dimgs.groups.missing_input import UnreachableError
from dimgs.groups.recognition import Namer, kinds_of
from dimgs.variables import Variable

# groups that are computed, some 30 µs each, most of them again and again
_MOST_TRIED = 2_000_000
# groups of distinct bases: with their JSON text, 51,480 of 15 variables over 7 dimensions took
# 320 MB and 81,900 of 28 over 3 took 290 MB, of which 200 MB without any: half a GB is not exceeded
MOST_GROUPS = 100_000


@dataclass(frozen=True, slots=True)
class RepeatingBasis:
    """Groups that a set of repeating variables gives, one per remaining variable."""

    repeating: tuple[str, ...]
    groups: tuple[IntVector, ...]


def repeating_groups(
    matrix: DimensionalMatrix, repeating: Sequence[str]
) -> tuple[IntVector, ...] | None:
    """Groups of each non-repeating variable with the repeating ones; None if not independent.

    Returns
    -------
    tuple of tuple of int
        Primitive vectors, the non-repeating variable positive, in the matrix's column order.
    """
    columns = [matrix.names.index(name) for name in repeating]
    return _groups_of(independent_rows(matrix.integer_rows), columns, len(matrix.names))


def _groups_of(
    rows: Sequence[IntVector], columns: Sequence[int], n: int
) -> tuple[IntVector, ...] | None:
    """Fraction-free Gauss-Jordan on the repeating columns, then one vector per other column."""
    rest = [j for j in range(n) if j not in columns]
    if len(columns) != len(rows):
        return None
    if not rows:
        return tuple(tuple(int(i == j) for i in range(n)) for j in rest)
    from flint import fmpz_mat

    echelon, pivot, _ = fmpz_mat([[row[j] for j in (*columns, *rest)] for row in rows]).rref()
    work, common = [list(map(int, row)) for row in echelon.tolist()], int(pivot)
    if any(row[k] != common for k, row in enumerate(work)):
        return None
    groups = []
    for place, j in enumerate(rest, len(rows)):
        # exponent of each repeating column per unit of column j, over the common denominator
        divisor = gcd(common, *(row[place] for row in work)) * (1 if common > 0 else -1)
        vector = [0] * n
        vector[j] = common // divisor
        for row, column in zip(work, columns, strict=True):
            vector[column] = -row[place] // divisor
        groups.append(tuple(vector))
    return tuple(groups)


def enumerate_bases(matrix: DimensionalMatrix) -> Iterator[RepeatingBasis]:
    """All distinct bases: distinct as sets of groups up to powers, repeating sets in name order.

    Parameters
    ----------
    matrix : DimensionalMatrix
        Columns in name order.

    Yields
    ------
    RepeatingBasis

    Raises
    ------
    InputError
        If more than two million groups would have to be computed, or the distinct bases have more
        than 100,000, which is more than a reader can use and a GB of memory can hold.

    Examples
    --------
    >>> from dimgs.variables import parse_variable
    >>> D = DimensionalMatrix.of([parse_variable(v) for v in ("A [m^2]", "L1 [m]", "L2 [m]")])
    >>> [basis.repeating for basis in enumerate_bases(D)]
    [('A',), ('L1',), ('L2',)]
    """
    rows = independent_rows(matrix.integer_rows)
    n, r = len(matrix.names), len(rows)
    remedy = (
        f"choose some inputs ({setting('columns')}) or the repeating set ({setting('repeating')})"
    )
    if comb(n, r) * (n - r) > _MOST_TRIED:
        raise InputError(
            f"{n} variables over {r} dimensions have {comb(n, r):,} choices of repeating "
            f"variables, too many to list; {remedy}."
        )
    seen: set[frozenset[IntVector]] = set()
    for columns in combinations(range(n), r):
        groups = _groups_of(rows, columns, n)
        if groups is None:
            continue
        key = frozenset(_unsigned(g) for g in groups)
        if key not in seen:
            seen.add(key)
            if len(seen) * (n - r) > MOST_GROUPS:
                raise InputError(
                    f"{n} variables over {r} dimensions have more than {len(seen) - 1:,} distinct "
                    f"bases of {n - r} groups, too many to list; {remedy}."
                )
            yield RepeatingBasis(tuple(matrix.names[j] for j in columns), groups)


def _unsigned(vector: IntVector) -> IntVector:
    lead = next(x for x in vector if x)
    return vector if lead > 0 else tuple(-x for x in vector)


def by_repeating(
    active: Sequence[Variable],
    isolated: frozenset[str],
    target: Variable | None,
    repeating: Sequence[str],
) -> tuple[tuple[IntVector, ...], dict[str, Fraction], str]:
    """Groups over the repeating variables that the user asks for.

    Parameters
    ----------
    active : sequence of Variable
        Inputs in name order.
    isolated : frozenset of str
        Inputs that no dimensionless group can contain.
    target : Variable, optional
        Response.
    repeating : sequence of str
        Repeating variables.

    Returns
    -------
    vectors : tuple of tuple of int
        Exponents of the active inputs in each group.
    powers : dict of str to Fraction
        Powers of the repeating variables that go with the target in pi_0.
    explanation : str

    Raises
    ------
    InputError
        If a name is unknown or given twice, or the variables are not independent or too few.
    DimensionError
        If the target is outside the span of the inputs.
    """
    names = [v.name for v in active]
    for name in repeating:
        if name not in names:
            raise InputError(
                f"The repeating variable '{name}' is not an input; choose from {', '.join(names)}."
            )
    if len(set(repeating)) != len(repeating):
        raise InputError("A repeating variable is given twice; give each once.")
    needed = set(repeating) | _needed(active, target)
    matrix = DimensionalMatrix.of([v for v in active if v.name not in isolated - needed])
    vectors = repeating_groups(matrix, repeating)
    if vectors is None:
        raise InputError(_defect(active, matrix, repeating))
    powers = {}
    if target is not None and not target.is_level:
        powers = _powers(matrix, repeating, target)
    exponents = [dict(zip(matrix.names, vector, strict=True)) for vector in vectors]
    spread = tuple(tuple(e.get(name, 0) for name in names) for e in exponents)
    explanation = f"Repeating variables {', '.join(repeating)} as asked: one group per other input."
    return spread, powers, explanation


def _powers(
    matrix: DimensionalMatrix, repeating: Sequence[str], target: Variable
) -> dict[str, Fraction]:
    """Powers of repeating variables that go with the target in pi_0."""
    columns = [matrix.names.index(name) for name in repeating]
    solution = matrix.solve(target.dimension, columns) or ()
    return {n: -e for n, e in zip(repeating, solution, strict=False) if e}


def _needed(active: Sequence[Variable], target: Variable | None) -> set[str]:
    """Inputs of one way to reach the target; it holds every isolated input that is needed."""
    if target is None or target.is_level:
        return set()
    solution = DimensionalMatrix.of(active).solve(target.dimension)
    if solution is None:
        raise UnreachableError(active, target)
    return {v.name for v, e in zip(active, solution, strict=True) if e}


def _defect(active: Sequence[Variable], matrix: DimensionalMatrix, repeating: Sequence[str]) -> str:
    rank = matrix.rank
    spanned = DimensionalMatrix.of([v for v in active if v.name in set(repeating)]).rank
    why = (
        f"{len(repeating)} are given but the rank is {rank}"
        if len(repeating) != rank
        else f"they span {spanned} of {rank} dimensions"
    )
    example = ",".join(matrix.names[j] for j in leading_columns(matrix.integer_rows))
    remedy = f"choose {rank} independent ones, for example {example}" if rank else "choose none"
    return f"{', '.join(repeating) or 'No variables'} cannot be the repeating set: {why}; {remedy}."


def all_bases(basis: PiBasis) -> list[PiBasis]:
    """Every distinct basis that some choice of repeating variables gives.

    Parameters
    ----------
    basis : PiBasis
        Basis whose variables are used; dropped ones stay out.

    Returns
    -------
    list of PiBasis
        Distinct as sets of groups up to powers.

    Raises
    ------
    InputError
        If there are too many; see :func:`dimgs.groups.repeating.enumerate_bases`.

    Examples
    --------
    >>> from dimgs.groups.derive import pi_basis
    >>> len(all_bases(pi_basis(["A [m^2]", "L1 [m]", "L2 [m]"])))
    3
    """
    matrix, target = basis.matrix, basis.target
    namer = Namer(matrix.names, kinds_of([*basis.variables, *([target] if target else [])]))
    bases = []
    for choice in enumerate_bases(matrix):
        response = None
        if target is not None:
            response = namer.response(target.name, _powers(matrix, choice.repeating, target))
        bases.append(
            PiBasis(
                variables=basis.variables,
                groups=namer.groups(choice.groups),
                response=response,
                target=target,
                repeating=choice.repeating,
                explanation=f"Repeating variables {', '.join(choice.repeating)}.",
            )
        )
    return bases
