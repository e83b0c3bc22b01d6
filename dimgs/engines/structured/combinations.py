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
_DEPENDENT, _TINY = 1e-5, 1e-20


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
def _tables() -> tuple[IntArray, Array]:
    """By the nearest multiple of 1/2 from -3 to 3: the power that is allowed, its bits."""
    near = [
        min(HALVES, key=lambda h: (abs(h - abs(k)), h)) * (-1 if k < 0 else 1) for k in range(-6, 7)
    ]
    bits = [0.0 if h == 2 else OPERATOR + exponent_bits(float(Fraction(abs(h), 2))) for h in near]
    return np.array(near, dtype=np.int64), np.array(bits)


def _rounded(b: Single) -> tuple[IntArray, Single]:
    """Nearest allowed powers: their places in the table and their values."""
    with np.errstate(invalid="ignore"):
        places = np.rint(np.clip(2 * np.nan_to_num(b), -6, 6)).astype(np.int64) + 6
    return places, (_tables()[0][places] / 2).astype(np.float32)


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

    def pairs(self, rows: IntArray, width: int, count: int, check: Callable[[], None]) -> Chosen:
        """The best pairs of one of the `rows` and one of the first columns before it."""
        blocks: list[_Scored] = []
        step = max(1, _BLOCK // width)
        for start in range(0, len(rows), step):
            check()
            i = rows[start : start + step][:, None]
            j = np.arange(min(width, int(i.max()) or 1))[None, :]
            G = self.P[i[:, 0]] @ self.P[: j.size].T
            a, c, x, y = self.square[i], self.square[j], self.along[i], self.along[j]
            outside = a * c - G**2
            with np.errstate(all="ignore"):
                first, p = _rounded((x * c - y * G) / outside)
                second, q = _rounded((y - G * p) / c)
            squares = self.whole - 2 * (p * x + q * y) + p**2 * a + q**2 * c + 2 * p * q * G
            score = np.maximum(squares, _TINY) * self.longer[i] * self.longer[j]
            score *= self.dearer[first] * self.dearer[second]
            score[(j >= i) | (outside < _DEPENDENT * a * c)] = np.inf
            r, k = _fewest(score, count)
            blocks.append((score[r, k], (k, i[r, 0]), (second[r, k], first[r, k]), squares[r, k]))
        return self._collected(blocks, count)

    def triples(self, pairs: IntArray, width: int, count: int, check: Callable[[], None]) -> Chosen:
        """The best triples of a pair and one of the first columns."""
        blocks: list[_Scored] = []
        step, k = max(1, _BLOCK // (2 * width)), np.arange(width)[None, :]
        f, z = self.square[:width][None, :], self.along[:width][None, :]
        for start in range(0, len(pairs), step):
            check()
            i, j = (pairs[start : start + step, [m]] for m in range(2))
            G, H = (self.P[m[:, 0]] @ self.P[:width].T for m in (i, j))
            g = np.einsum("ij,ij->i", self.P[i[:, 0]], self.P[j[:, 0]])[:, None]
            a, c, x, y = self.square[i], self.square[j], self.along[i], self.along[j]
            det = a * c - g**2
            with np.errstate(all="ignore"):
                outside = f - (G * (G * c - H * g) + H * (H * a - G * g)) / det
                rest = z - (G * (x * c - y * g) + H * (y * a - x * g)) / det
                third, r = _rounded(rest / outside)
                u, v = x - r * G, y - r * H
                first, p = _rounded((u * c - v * g) / det)
                second, q = _rounded((v - g * p) / c)
            squares = self.whole - 2 * (p * x + q * y + r * z)
            squares += p**2 * a + q**2 * c + r**2 * f + 2 * (p * q * g + p * r * G + q * r * H)
            score = np.maximum(squares, _TINY) * self.longer[i] * self.longer[j] * self.longer[k]
            score *= self.dearer[first] * self.dearer[second] * self.dearer[third]
            score[(k == i) | (k == j) | (outside < _DEPENDENT * f)] = np.inf
            s, t = _fewest(score, count)
            sets = (i[s, 0], j[s, 0], t)
            blocks.append(
                (score[s, t], sets, (first[s, t], second[s, t], third[s, t]), squares[s, t])
            )
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
