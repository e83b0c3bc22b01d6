"""Exact linear systems of rationals."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

Row = list[Fraction]


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

    rows: tuple[Row, ...]
    pivots: tuple[int, ...]
    consistent: bool

    @classmethod
    def of(cls, system: Sequence[Sequence[Fraction]], unknowns: int) -> "ReducedSystem":
        """Reduce the rows of [R | r] with `unknowns` columns in R."""
        rows = [list(row) for row in system]
        pivots: list[int] = []
        for column in range(unknowns):
            top = len(pivots)
            found = next((i for i in range(top, len(rows)) if rows[i][column]), None)
            if found is None:
                continue
            rows[top], rows[found] = rows[found], rows[top]
            head = rows[top][column]
            rows[top] = [value / head for value in rows[top]]
            for i, row in enumerate(rows):
                if i != top and row[column]:
                    factor = row[column]
                    rows[i] = [a - factor * b for a, b in zip(row, rows[top], strict=True)]
            pivots.append(column)
        consistent = not any(row[unknowns] for row in rows[len(pivots) :])
        return cls(tuple(rows[: len(pivots)]), tuple(pivots), consistent)

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
