"""Power law times factors with simple constants and simple powers: all pairs of a dictionary.

In the logarithm such a law is a power law plus a few known columns with simple coefficients:
log|t| = a0 + Σ a_k log pi_k + b_i d_i + b_j d_j. With the power law projected out, the best powers
of every pair follow from one matrix of inner products, and those of triples from some of its rows;
they are rounded one after the other, the others following, and so does the sum of squares that the
rounded ones leave. In noise this finds what a search with free constants does not: among many
families that can be bent to fit, the one that fits with nothing to bend.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.engines.selection import constants_bits
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import Arguments
from dimgs.engines.structured.columns import EXPONENTIAL, ITSELF, Dictionary, weighted
from dimgs.engines.structured.description import OPERATOR, SIMPLE_NUMBERS, simple_number
from dimgs.engines.structured.model import (
    DENOMINATORS,
    LARGEST,
    ProductModel,
    power_basis,
    rounded_power_laws,
    squares_bits,
)
from dimgs.engines.structured.rounding import State, simple_prefactor, tree_of
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.rationals import exponent_bits

Single = NDArray[np.float32]
HALVES = (1, 2, 3, 4, 6)  # twice the powers that are tried: others are rare in laws
_BLOCK = 2_000_000  # pairs at a time, which bounds the memory
_DEPENDENT, _TINY = 1e-5, 1e-20  # least share of a column outside others in single precision
# columns in all; of pairs: short rows, best rows, partners of any other column; columns of triples
_SIZE, _ROWS, _BEST, _NARROW, _SHORTEST = 9000, 2500, 300, 600, 120
# sets that are rounded, fitted; pairs that are grown by any column, and by a short one: where the
# third explains much, the right pair is not among the first; columns fitted for further targets
_ROUNDED, _FITTED, _GROWN, _FURTHER, _OTHERS = 1500, 80, 150, 700, 10
_ERRORS = 3.0  # standard errors within which a prefactor is a simple number
_AIMS, _FEW = 4, 2500  # targets of pairs; columns of a target with weights of its own


@dataclass(frozen=True, eq=False)
class Chosen:
    """Sets of columns.

    Parameters
    ----------
    columns : ndarray of int, shape (n_sets, size)
    halves : ndarray of int, shape (n_sets, size)
        Twice the powers.
    left : ndarray of shape (n_sets,)
        Sums of squares that remain.
    bits : ndarray of shape (n_sets,)
        Of columns and powers.
    """

    columns: IntArray
    halves: IntArray
    left: Array
    bits: Array

    def take(self, rows: IntArray) -> "Chosen":
        """Some of the sets."""
        return Chosen(self.columns[rows], self.halves[rows], self.left[rows], self.bits[rows])

    def joined(self, other: "Chosen") -> "Chosen":
        """These and others, each set once."""
        columns = np.concatenate([self.columns, other.columns])
        rows = np.sort(np.unique(columns, axis=0, return_index=True)[1])
        return Chosen(
            columns,
            np.concatenate([self.halves, other.halves]),
            np.concatenate([self.left, other.left]),
            np.concatenate([self.bits, other.bits]),
        ).take(rows)

    def best(self, n_runs: int, count: int) -> "Chosen":
        """Those of the shortest messages, in their order."""
        score = squares_bits(self.left, n_runs) + self.bits
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
_Found = tuple[Single, tuple[Any, ...], tuple[Any, ...], Single]


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
        left = self.whole - 2 * np.outer(b, self.along) + np.outer(b**2, self.square)
        power, columns = (x.ravel() for x in np.indices(left.shape))
        bits = self.bits[columns] + _tables()[1][halves + 6][power]
        return Chosen(
            columns[:, None], halves[power][:, None], left.ravel().astype(np.float64), bits
        )

    def pairs(self, rows: IntArray, width: int, count: int, check: Callable[[], None]) -> Chosen:
        """The best pairs of one of the `rows` and one of the first columns before it."""
        found: list[_Found] = []
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
            left = self.whole - 2 * (p * x + q * y) + p**2 * a + q**2 * c + 2 * p * q * G
            score = np.maximum(left, _TINY) * self.longer[i] * self.longer[j]
            score *= self.dearer[first] * self.dearer[second]
            score[(j >= i) | (outside < _DEPENDENT * a * c)] = np.inf
            r, k = _fewest(score, count)
            found.append((score[r, k], (k, i[r, 0]), (second[r, k], first[r, k]), left[r, k]))
        return self._collected(found, count)

    def triples(self, pairs: IntArray, width: int, count: int, check: Callable[[], None]) -> Chosen:
        """The best triples of a pair and one of the first columns."""
        found: list[_Found] = []
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
            left = self.whole - 2 * (p * x + q * y + r * z)
            left += p**2 * a + q**2 * c + r**2 * f + 2 * (p * q * g + p * r * G + q * r * H)
            score = np.maximum(left, _TINY) * self.longer[i] * self.longer[j] * self.longer[k]
            score *= self.dearer[first] * self.dearer[second] * self.dearer[third]
            score[(k == i) | (k == j) | (outside < _DEPENDENT * f)] = np.inf
            s, t = _fewest(score, count)
            sets = (i[s, 0], j[s, 0], t)
            found.append((score[s, t], sets, (first[s, t], second[s, t], third[s, t]), left[s, t]))
        return self._collected(found, count)

    def _collected(self, found: Sequence[_Found], count: int) -> Chosen:
        score = np.concatenate([f[0] for f in found])
        columns = np.concatenate([np.column_stack(f[1]) for f in found])
        places = np.concatenate([np.column_stack(f[2]) for f in found])
        left = np.concatenate([f[3] for f in found]).astype(np.float64)
        order = np.argsort(columns, axis=1)
        columns = np.take_along_axis(columns, order, axis=1)
        places = np.take_along_axis(places, order, axis=1)
        rows = np.lexsort((*columns.T, score))
        rows = rows[np.sort(np.unique(columns[rows], axis=0, return_index=True)[1])][:count]
        halves, dear = _tables()[0][places[rows]], _tables()[1][places[rows]]
        bits = self.bits[columns[rows]].sum(axis=1) + dear.sum(axis=1)
        return Chosen(columns[rows], halves, left[rows], bits)


def _fewest(score: Single, count: int) -> tuple[IntArray, IntArray]:
    """Places of the smallest scores that are finite."""
    few = min(count, score.size) - 1
    order = np.argpartition(score, few, axis=None)[: few + 1]
    order = order[np.isfinite(score.ravel()[order])]
    rows, columns = np.unravel_index(order, score.shape)
    return rows.astype(np.int64), columns.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Lattice:
    """Search over the columns of a dictionary.

    Parameters
    ----------
    runs : Runs
    arguments : Arguments
    root : ndarray of shape (n_runs,)
        Square roots of the weights of the logarithm.
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law.
    columns : Dictionary
    """

    runs: Runs
    arguments: Arguments
    root: Array
    base: Array
    columns: Dictionary

    @classmethod
    def over(cls, runs: Runs, arguments: Arguments, size: int = _SIZE) -> "Lattice":
        """With the cheapest columns over the given arguments."""
        base = power_basis(runs, runs.log_root)
        columns = Dictionary.of(runs, arguments, base, size)
        return cls(runs, arguments, runs.log_root, base, columns)

    def search(self, targets: list[Target], archive: Archive, most: int = 3) -> None:
        """One, two and three factors; of many targets, two for the first and the best of one."""
        ranked: list[tuple[float, int]] = []
        for k, target in enumerate(targets):
            aimed = self._aimed(target)
            if aimed is None:
                continue
            singles = aimed.sums.singles().best(self.runs.n_runs, _ROUNDED)
            aimed.lattice._fit(singles, aimed, archive, _FITTED if k == 0 else _OTHERS)
            if len(singles.left):
                ranked.append(
                    (float((squares_bits(singles.left, self.runs.n_runs) + singles.bits).min()), k)
                )
            if archive.exact:
                return
        for _, k in sorted(ranked, key=lambda r: (r[1] > 0, r))[:_AIMS] if most > 1 else []:
            aimed = self._aimed(targets[k])
            if aimed is not None:
                aimed.lattice._several(aimed, archive, most)
            if archive.exact:
                return

    def _aimed(self, target: Target) -> "_Aimed | None":
        """What is needed for one target; None where its logarithm fails."""
        root = target.log_root(self.runs)
        with np.errstate(all="ignore"):
            t = weighted(target.logs, root)
        if not len(self.columns.bits) or not np.any(root) or not np.all(np.isfinite(t)):
            return None
        lattice = self
        if not np.allclose(root, self.root, rtol=1e-6):
            base = power_basis(self.runs, root)
            columns = self.columns.shortest(_FEW).projected_off(base, root)
            lattice = replace(self, root=root, base=base, columns=columns)
            if not len(columns.bits):
                return None
        e = t - lattice.base @ (lattice.base.T @ t)
        sums = Combinations(lattice.columns.projected, e, lattice.columns.bits)
        return _Aimed(lattice, target, t, sums)

    def _several(self, aimed: "_Aimed", archive: Archive, most: int) -> None:
        """Pairs of short columns, of the best with short ones, and of any with the shortest."""
        n, width, check = self.runs.n_runs, len(self.columns.bits), archive.check
        alone = np.unique(aimed.sums.singles().best(n, _BEST).columns[:, 0])
        rows = np.union1d(np.arange(min(_ROWS, width)), alone)
        pairs = aimed.sums.pairs(rows, _ROWS, _ROUNDED, check)
        further = np.setdiff1d(np.arange(width), rows)
        if len(further):
            more = aimed.sums.pairs(further, _NARROW, _ROUNDED, check)
            pairs = pairs.joined(more).best(n, _ROUNDED)
        self._fit(pairs, aimed, archive, _FITTED)
        if archive.exact or most < 3 or not len(pairs.left):
            return
        short = np.column_stack(np.triu_indices(min(_SHORTEST, width), 1))
        first, others = pairs.columns[:_GROWN], pairs.columns[_GROWN:_FURTHER]
        grown = [
            (p, min(w, width)) for p, w in ((first, width), (others, _ROWS), (short, _SHORTEST))
        ]
        triples = [aimed.sums.triples(p, w, _ROUNDED, archive.check) for p, w in grown if len(p)]
        self._fit(reduce(Chosen.joined, triples).best(n, _ROUNDED), aimed, archive, _FITTED)

    def _fit(self, chosen: Chosen, aimed: "_Aimed", archive: Archive, count: int) -> None:
        """Round the power law that goes with each choice, and fit the shortest messages."""
        archive.check()
        if not len(chosen.left):
            return
        factors = chosen.halves[:, :, None] / 2 * self.columns.values[chosen.columns]
        rest = aimed.t[:, None] - weighted(factors.sum(axis=1).T, self.root)
        scored: dict[tuple[int, tuple[Fraction, ...]], tuple[float, float]] = {}
        for theta, squares, spread in rounded_power_laws(self.runs, self.root, rest):
            bits = self._with_prefactor(theta[0], squares, spread) + chosen.bits
            bits += self._front_bits(theta[1:], aimed.target.power)
            for c in np.argsort(bits, kind="stable")[: 2 * count]:
                if not np.isfinite(bits[c]):
                    break
                front = tuple(Fraction(float(x)).limit_denominator(12) for x in theta[1:, c])
                if max(map(abs, front), default=0) <= LARGEST:
                    scored.setdefault((int(c), front), (float(bits[c]), float(theta[0, c])))
        ordered = sorted(scored.items(), key=lambda item: (item[1][0], item[0]))
        for (c, front), (_, intercept) in ordered[:count]:
            powers = [Fraction(int(h), 2) for h in chosen.halves[c]]
            self._try(chosen.columns[c], powers, front, intercept, aimed.target, archive)
            if archive.exact:
                return

    def _with_prefactor(self, intercept: Array, squares: Array, spread: float) -> Array:
        """Bits of the runs and of the prefactor: free, or a simple number."""
        n = self.runs.n_runs
        best = squares_bits(squares, n) + constants_bits(1, n)
        for number in SIMPLE_NUMBERS:
            more = (intercept - np.log(number.value)) ** 2 / spread
            best = np.minimum(best, squares_bits(squares + more, n) + number.bits)
        return best

    def _front_bits(self, exponents: Array, power: float) -> Array:
        """Bits of monomials, one for each column of exponents of the groups."""
        size = np.abs(self.runs.shape @ exponents - power * self.runs.shift[:, None])
        parts = np.full(size.shape, 12.0)
        for q in reversed(DENOMINATORS):
            parts[np.abs(size * q - np.round(size * q)) < 1e-6] = q
        bits = 2.0 + 2 * np.log2(np.maximum(size * parts, 1)) + 2 * np.log2(parts)
        return np.asarray(np.where(size > 1e-9, bits, 0.0).sum(axis=0))

    def _try(
        self,
        picked: IntArray,
        powers: list[Fraction],
        front: tuple[Fraction, ...],
        intercept: float,
        target: Target,
        archive: Archive,
    ) -> None:
        forms = [self.columns.form[i] for i in picked]
        places = self.columns.argument[picked]
        c = np.array([form.sign * form.scale.value for form in forms])
        theta = np.array([intercept, *map(float, front), *map(float, powers)])
        model = ProductModel(
            tuple(form.function for form in forms),
            tuple(self.arguments.trees[k] for k in places),
            self.arguments.values[:, places],
            c,
            theta,
        )
        first, exponents, numbers = 1 + len(front), dict(enumerate(front, start=1)), {}
        for k, form in enumerate(forms):
            if form.function == EXPONENTIAL:
                numbers[first + k] = simple_number(str(abs(powers[k])))
            else:
                exponents[first + k] = powers[k]
        inside = [k for k, f in enumerate(forms) if f.function not in (EXPONENTIAL, ITSELF)]
        numbers |= {len(theta) + i: forms[k].scale for i, k in enumerate(inside)}
        theta = np.concatenate([theta, np.log(np.abs(c[inside]))])
        still = np.zeros((len(theta), len(theta)))
        state = State(theta, still, 0.0, 0.0, numbers, exponents)
        tree = tree_of(model, self.runs, target, state)
        fitted = None if tree is None else archive.add(target.back(tree))
        if fitted is None:
            return
        simple = simple_prefactor(state, _ERRORS * np.sqrt(fitted.loss / self.runs.n_runs) + 1e-9)
        again = None if simple is None else tree_of(model, self.runs, target, simple)
        if again is not None:
            archive.add(target.back(again))


@dataclass(frozen=True, eq=False)
class _Aimed:
    """A lattice with the weights of a target, log|t|, and the sums of squares of its columns."""

    lattice: Lattice
    target: Target
    t: Array
    sums: Combinations
