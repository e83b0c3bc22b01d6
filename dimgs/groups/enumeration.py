"""Every distinct basis of pi groups that some choice of repeating variables gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb, gcd, lcm

from dimgs.advice import setting
from dimgs.dimensions import DimensionalMatrix, IntVector, independent_rows
from dimgs.errors import InputError

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
    rows = independent_rows(matrix.integer_rows)
    return _groups_of(rows, columns, len(matrix.names))


def _groups_of(
    rows: Sequence[IntVector], columns: Sequence[int], n: int
) -> tuple[IntVector, ...] | None:
    """Fraction-free Gauss-Jordan on the repeating columns, then one vector per other column."""
    work = [list(row) for row in rows]
    r = len(work)
    if len(columns) != r:
        return None
    for k, column in enumerate(columns):
        pivot = next((i for i in range(k, r) if work[i][column]), None)
        if pivot is None:
            return None
        work[k], work[pivot] = work[pivot], work[k]
        head = work[k]
        for i in range(r):
            factor = work[i][column]
            if i != k and factor:
                mixed = [head[column] * x - factor * y for x, y in zip(work[i], head, strict=True)]
                divisor = gcd(*mixed) or 1
                work[i] = [x // divisor for x in mixed]
    groups = []
    for j in range(n):
        if j in columns:
            continue
        # exponent of column k per unit of column j, over the common denominator
        common = lcm(*(row[c] // gcd(row[c], row[j]) for row, c in zip(work, columns, strict=True)))
        vector = [0] * n
        vector[j] = common
        for row, column in zip(work, columns, strict=True):
            vector[column] = -common * row[j] // row[column]
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
