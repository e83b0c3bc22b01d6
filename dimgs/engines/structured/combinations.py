"""Sums of squares of all sets of a few columns with simple powers, the shortest messages first."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.engines.structured.description import OPERATOR
from dimgs.engines.structured.products import squares_bits
from dimgs.groups.rationals import exponent_bits

Single = NDArray[np.float32]
HALVES = (1, 2, 3, 4, 6)  # twice the powers that are tried: others are rare in laws
_BLOCK = 2_000_000  # pairs at a time, which bounds the memory
# share of a column outside the others below which single precision no longer separates them
_DEPENDENT, _RIDGE, _TINY = 1e-5, 1e-6, 1e-20


class Chosen(NamedTuple):
    """Sets of columns.

    Parameters
    ----------
    columns : ndarray of int, shape (n_sets, size)
    halves : ndarray of int, shape (n_sets, size)
        Twice the powers.
    squares : ndarray of shape (n_sets,)
        Sums of squares that remain.
    bits : ndarray of shape (n_sets,)
        Of columns and powers.
    """

    columns: IntArray
    halves: IntArray
    squares: Array
    bits: Array

    def take(self, rows: IntArray) -> "Chosen":
        """Some of the sets."""
        return Chosen._make(part[rows] for part in self)

    def with_plain_powers(self) -> "Chosen":
        """These, and with the powers 1 and -1 those that have others.

        Where a column and a monomial go together, the power that is nearest is not the shortest.
        What such sets leave is not known.
        """
        rare = self.take(np.flatnonzero(np.any(np.abs(self.halves) != 2, axis=1)))
        dear = _tables()[1][rare.halves + 6].sum(axis=1)
        unknown, plain = np.full(len(dear), np.nan), 2 * np.sign(rare.halves)
        return self._followed_by(Chosen(rare.columns, plain, unknown, rare.bits - dear))

    def joined(self, other: "Chosen") -> "Chosen":
        """These and others, each set once."""
        both = self._followed_by(other)
        return both.take(np.sort(np.unique(both.columns, axis=0, return_index=True)[1]))

    def _followed_by(self, other: "Chosen") -> "Chosen":
        return Chosen._make(map(np.concatenate, zip(self, other, strict=True)))

    def best(self, n_runs: int, count: int) -> "Chosen":
        """Models with the shortest messages, in order."""
        score = squares_bits(self.squares, n_runs) + self.bits
        return self.take(np.lexsort((*self.columns.T, score))[:count])


@lru_cache(maxsize=1)
def _tables() -> tuple[IntArray, Array, Single]:
    """By the nearest multiple of 1/2 from -3 to 3: twice the power, its bits, and the power."""
    near = [
        min(HALVES, key=lambda h: (abs(h - abs(k)), h)) * (-1 if k < 0 else 1) for k in range(-6, 7)
    ]
    bits = [0.0 if h == 2 else OPERATOR + exponent_bits(float(Fraction(abs(h), 2))) for h in near]
    return np.array(near, dtype=np.int64), np.array(bits), (np.array(near) / 2).astype(np.float32)


def _rounded(b: Single) -> tuple[IntArray, Single]:
    """Nearest allowed powers: their places in the table and their values."""
    # NaN gives an end of the table
    places = np.rint(np.fmax(np.fmin(2 * b, 6), -6)).astype(np.int64) + 6
    return places, _tables()[2][places]


# scores, columns, places of their powers in the table, sums of squares
_Scored = tuple[Single, tuple[Any, ...], tuple[Any, ...], Single]


class Combinations:
    """Sums of squares of sets of columns.

    Parameters
    ----------
    P : ndarray of float32, shape (n_columns, n_runs)
        Columns.
    e : ndarray of shape (n_runs,)
        What they are to explain.
    bits : ndarray of shape (n_columns,)
        In increasing order.
    """

    def __init__(self, P: Single, e: Array, bits: Array) -> None:
        self.P, self.bits, self.n_runs = P, bits, len(e)
        self.whole = np.float32(e @ e)
        self.along = P @ e.astype(np.float32)
        self.square = np.einsum("ij,ij->i", P, P)
        self.longer = np.exp2(2 * (bits - bits[0]) / self.n_runs).astype(np.float32)
        self.dearer = np.exp2(2 * _tables()[1] / self.n_runs).astype(np.float32)

    def singles(self) -> Chosen:
        """Every column with every power."""
        halves = np.array([s * h for h in HALVES for s in (1, -1)])
        b = (halves / 2).astype(np.float32)
        squares = self.whole - 2 * np.outer(b, self.along) + np.outer(b**2, self.square)
        power, columns = (x.ravel() for x in np.indices(squares.shape))
        bits = self.bits[columns] + _tables()[1][halves + 6][power]
        return Chosen(
            columns[:, None], halves[power][:, None], squares.ravel().astype(np.float64), bits
        )

    def grown(self, sets: IntArray, width: int, count: int, check: Callable[[], None]) -> Chosen:
        """The best of some sets with one of the first columns more.

        Powers are rounded one after the other, that of the further column first, and the others
        follow. A pair is found from the later of its columns.

        Parameters
        ----------
        sets : ndarray of int, shape (n_sets, size)
            One or two columns each.
        width, count : int
            First columns that are tried, and how many of the larger sets are given.
        check : callable
            Called now and then; raises where the time is over.
        """
        blocks: list[_Scored] = []
        size = sets.shape[1]
        step, columns = max(1, _BLOCK // (size * width)), np.arange(width)
        for start in range(0, len(sets), step):
            check()
            some = sets[start : start + step]
            j = columns[: max(int(some.max()), 1)] if size == 1 else columns
            C, f, z = self.P[some], self.square[j], self.along[j]
            A, G = C @ C.mT, (C.reshape(-1, C.shape[2]) @ self.P[j].T).reshape(*some.shape, -1)
            # so that columns which are parallel in single precision have an inverse
            R = A * (1 + _RIDGE * np.eye(size, dtype=np.float32))
            with np.errstate(all="ignore"):
                H = np.linalg.inv(R) @ G
                outside = f - (G * H).sum(axis=1)
                place, power = _rounded((z - (self.along[some][:, None] @ H)[:, 0]) / outside)
            places = [place]
            squares = self.whole + power * (power * f - 2 * z)
            score = self.longer[j] * self.dearer[place]
            along = self.along[some][:, :, None] - power[:, None] * G
            for k in range(size):
                first = np.linalg.inv(R[:, k:, k:])[:, 0]
                place, power = _rounded(np.einsum("bk,bkw->bw", first, along[:, k:]))
                squares += power * (power * A[:, k, k, None] - 2 * along[:, k])
                if k + 1 < size:
                    along -= power[:, None] * A[:, :, k, None]
                score *= self.longer[some[:, k], None]
                score *= self.dearer[place]
                places.append(place)
            score *= np.maximum(squares, _TINY)
            known = j >= some if size == 1 else (j == some[:, :, None]).any(axis=1)
            score[known | ~(outside > _DEPENDENT * f)] = np.inf
            r, c = _fewest(score, count)
            chosen = (j[c], *some[r].T), tuple(place[r, c] for place in places)
            blocks.append((score[r, c], *chosen, squares[r, c]))
        return self._collected(blocks, count)

    def _collected(self, blocks: Sequence[_Scored], count: int) -> Chosen:
        score = np.concatenate([f[0] for f in blocks])
        columns = np.concatenate([np.column_stack(f[1]) for f in blocks])
        places = np.concatenate([np.column_stack(f[2]) for f in blocks])
        squares = np.concatenate([f[3] for f in blocks]).astype(np.float64)
        order = np.argsort(columns, axis=1)
        columns = np.take_along_axis(columns, order, axis=1)
        places = np.take_along_axis(places, order, axis=1)
        rows = np.lexsort((*columns.T, score))
        rows = rows[np.sort(np.unique(columns[rows], axis=0, return_index=True)[1])][:count]
        halves, dear = _tables()[0][places[rows]], _tables()[1][places[rows]]
        bits = self.bits[columns[rows]].sum(axis=1) + dear.sum(axis=1)
        return Chosen(columns[rows], halves, squares[rows], bits)


def _fewest(score: Single, count: int) -> tuple[IntArray, IntArray]:
    """Places of the smallest scores that are finite."""
    few = min(count, score.size) - 1
    order = np.argpartition(score, few, axis=None)[: few + 1]
    order = order[np.isfinite(score.ravel()[order])]
    rows, columns = np.unravel_index(order, score.shape)
    return rows.astype(np.int64), columns.astype(np.int64)
