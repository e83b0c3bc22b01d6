"""The monomial that makes a response dimensionless, in the fewest variables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, isqrt, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.dimensions import DimensionalMatrix, independent_rows, primitive
from dimgs.variables import Dimension, Variable

# numbers held at once: in machine integers, and in Python's, which are slower
_MOST, _MOST_BIG = 30_000_000, 500_000

Integers = NDArray[Any]


@dataclass(frozen=True)
class _Prefixes:
    """Independent sets of columns whose last is the same, each eliminated from the system.

    `left` (n_sets, rows, columns) holds what remains of the columns after the last one, and of
    the target; `pivots` (n_sets,) the last pivot of the fraction-free elimination.
    """

    sets: NDArray[np.int64]
    left: Integers
    pivots: Integers


def smallest_sets(system: Sequence[Sequence[Fraction]]) -> tuple[list[tuple[int, ...]], bool]:
    """Sets of columns, fewest first and fewer than the rank, whose span holds the last column.

    Bareiss elimination of all prefixes at once, in integers: entries are minors, and where
    Hadamard's bound does not keep their products within 64 bits, Python's integers are used.

    Parameters
    ----------
    system : sequence of rows of Fraction, shape (n_bases, n_columns + 1)
        Columns, then the target, which is not zero and lies in their span.

    Returns
    -------
    sets : list of tuple of int
        All sets of the smallest size, with non-zero exponents throughout; empty if as many
        columns as the rank are needed.
    complete : bool
        Whether every smaller set was tried.

    References
    ----------
    E. H. Bareiss, Math. Comp. 22 (1968) 565-578.
    """
    columns = [primitive(column) for column in zip(*system, strict=True)]
    rows = independent_rows(list(zip(*columns, strict=True)))
    r, n = len(rows), len(columns) - 1
    norms = sorted((isqrt(sum(x * x for x in c)) + 1 for c in columns), reverse=True)
    small = 2 * prod(norms[: max(r - 1, 1)]) ** 2 < 2**63
    most = _MOST if small else _MOST_BIG
    matrix: Integers = np.array(rows, dtype=np.int64 if small else object)
    start = _Prefixes(np.empty((1, 0), np.int64), matrix[None], np.ones_like(matrix[0, :1]))
    level = {-1: start}
    for size in range(1, r):
        found = [each for last, prefixes in level.items() for each in _completed(last, prefixes)]
        if found:
            return found, True
        if size < r - 1:
            if comb(n, size) * (r - size) * n // 2 > most:
                return [], False
            level = {j: p for j in range(n) if (p := _extended(level, j)) is not None}
    return [], True


def _completed(last: int, prefixes: _Prefixes) -> Iterator[tuple[int, ...]]:
    """Sets with one more column, parallel to the target in what the prefix leaves."""
    left, target = prefixes.left[:, :, :-1], prefixes.left[:, :, -1]
    each = np.arange(len(left))
    row = np.argmax(target != 0, axis=1)
    head, across = target[each, row], left[each, row]
    minors = head[:, None, None] * left - across[:, None, :] * target[:, :, None]
    parallel = ~(minors != 0).any(axis=1) & (across != 0)
    for which, column in np.argwhere(parallel):
        yield (*map(int, prefixes.sets[which]), last + 1 + int(column))


def _extended(level: dict[int, _Prefixes], j: int) -> _Prefixes | None:
    """All prefixes that end before column j, with that column added where it is independent."""
    before = [(last, p) for last, p in level.items() if last < j]
    if not before:
        return None
    left = np.concatenate([p.left[:, :, j - last - 1 :] for last, p in before])
    pivots = np.concatenate([p.pivots for _, p in before])
    sets = np.concatenate([p.sets for _, p in before])
    kept = (left[:, :, 0] != 0).any(axis=1)
    left, pivots, sets = left[kept], pivots[kept], sets[kept]
    each = np.arange(len(left))
    row = np.argmax(left[:, :, 0] != 0, axis=1)
    head = left[each, row]
    left[each, row] = left[:, 0]
    rest, entry = left[:, 1:, 1:], left[:, 1:, :1]
    reduced = (head[:, None, :1] * rest - entry * head[:, None, 1:]) // pivots[:, None, None]
    grown = np.column_stack([sets, np.full(len(sets), j)])
    return _Prefixes(grown, reduced, head[:, 0])


# ties beyond this many equally short solutions are not looked at
_MAX_VERTICES = 500

Row = list[Any]


@dataclass(frozen=True)
class _Tableau:
    """Rows B⁻¹[D | b] with a non-negative right side; `basis` holds (column, sign) per row."""

    rows: list[Row]
    basis: tuple[tuple[int, int], ...]

    def prices(self) -> Row:
        """Sum of each column: beyond ±1, taking the column in shortens the solution."""
        return [sum(column) for column in zip(*self.rows, strict=True)][:-1]

    def leaving(self, column: int, sign: int) -> list[int]:
        """Rows that limit a column that comes in, the first variable first."""
        limits = [
            (row[-1] / (sign * row[column]), self.basis[i], i)
            for i, row in enumerate(self.rows)
            if sign * row[column] > 0
        ]
        least = min(limits)[0]
        return [i for limit, _, i in sorted(limits) if limit == least]

    def pivoted(self, column: int, sign: int, out: int) -> "_Tableau":
        """Tableau with a column in place of that of row `out`."""
        head = [x / (sign * self.rows[out][column]) for x in self.rows[out]]
        rows = []
        for i, row in enumerate(self.rows):
            factor = sign * row[column]
            changed = [x - factor * y for x, y in zip(row, head, strict=True)] if factor else row
            rows.append(head if i == out else changed)
        basis = (*self.basis[:out], (column, sign), *self.basis[out + 1 :])
        return _Tableau(rows, basis)

    def solution(self) -> dict[int, Fraction]:
        """Non-zero exponents by column."""
        values = {
            column: sign * Fraction(int(row[-1].p), int(row[-1].q))
            for row, (column, sign) in zip(self.rows, self.basis, strict=True)
        }
        return {column: value for column, value in values.items() if value}


def least_exponents(system: Sequence[Sequence[Fraction]]) -> list[dict[int, Fraction]]:
    """All basic solutions a of D a = b for which Σ|a| is least.

    Parameters
    ----------
    system : sequence of rows of Fraction, shape (n_bases, n_columns + 1)
        D, and in the last column b, which lies in the span of D.

    Returns
    -------
    list of dict of int to Fraction
        Non-zero exponents by column.

    References
    ----------
    R. G. Bland, Math. Oper. Res. 2 (1977) 103-107.

    Examples
    --------
    >>> least_exponents([[Fraction(2), Fraction(3), Fraction(1)]])
    [{1: Fraction(1, 3)}]
    """
    tableau = _start(system)
    while True:
        prices = tableau.prices()
        column = next((j for j, price in enumerate(prices) if abs(price) > 1), None)
        if column is None:
            break
        sign = 1 if prices[column] > 0 else -1
        tableau = tableau.pivoted(column, sign, tableau.leaving(column, sign)[0])
    return [each.solution() for each in _equally_short(tableau)]


def _start(system: Sequence[Sequence[Fraction]]) -> _Tableau:
    from flint import fmpq, fmpq_mat

    exact = [[fmpq(x.numerator, x.denominator) for x in row] for row in system]
    echelon, rank = fmpq_mat(exact).rref()
    rows, basis = [], []
    for row in echelon.tolist()[:rank]:
        sign = -1 if row[-1] < 0 else 1
        basis.append((next(j for j, x in enumerate(row) if x != 0), sign))
        rows.append([sign * x for x in row])
    return _Tableau(rows, tuple(basis))


def _equally_short(tableau: _Tableau) -> Iterator[_Tableau]:
    """Tableaux of the same sum, reached by pivots that cost nothing."""
    seen = {frozenset(tableau.basis)}
    waiting = [tableau]
    while waiting:
        current = waiting.pop(0)
        yield current
        inside = {column for column, _ in current.basis}
        for column, price in enumerate(current.prices()):
            if column in inside or abs(price) != 1:
                continue
            for out in current.leaving(column, int(price)):
                basis = (*current.basis[:out], (column, int(price)), *current.basis[out + 1 :])
                if frozenset(basis) not in seen and len(seen) < _MAX_VERTICES:
                    seen.add(frozenset(basis))
                    waiting.append(current.pivoted(column, int(price), out))


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
