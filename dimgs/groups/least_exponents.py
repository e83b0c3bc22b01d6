"""Exponents of least absolute sum, by an exact rational simplex."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

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
