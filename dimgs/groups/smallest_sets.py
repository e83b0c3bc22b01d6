"""Smallest sets of columns whose span holds a target, by exact vectorised elimination."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, isqrt, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.dimensions import independent_rows, primitive

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


def smallest_sets(
    system: Sequence[Sequence[Fraction]],
) -> tuple[list[tuple[int, ...]], bool]:
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
