"""Exact linear systems of rationals, and rationals of small denominator."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

MAX_DENOMINATOR = 6
MAX_MAGNITUDE = 8

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


def simple_rationals(low: float, high: float, enough: int = 2) -> list[Fraction]:
    """Rationals p/q with q <= 6 and |p/q| <= 8 between `low` and `high`; stops at `enough`.

    Examples
    --------
    >>> simple_rationals(0.48, 0.53)
    [Fraction(1, 2)]
    >>> simple_rationals(0.61, 0.65)
    []
    """
    low, high = max(low, -MAX_MAGNITUDE), min(high, MAX_MAGNITUDE)
    found: set[Fraction] = set()
    for q in range(1, MAX_DENOMINATOR + 1):
        for p in range(ceil(low * q), floor(high * q) + 1):
            found.add(Fraction(p, q))
            if len(found) >= enough:
                return sorted(found)
    return sorted(found)


def is_simple(value: Fraction) -> bool:
    """Whether `value` is among the rationals that snapping proposes."""
    return value.denominator <= MAX_DENOMINATOR and abs(value) <= MAX_MAGNITUDE
