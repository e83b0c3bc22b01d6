"""One monomial beside another one times a function with a free constant: t = a m + b n g(c u).

Conjugate depths, a base line under a curve. For given m, n, g, c and u the law is linear in a and
b, so that every choice costs two inner products; c runs over a grid, and the best choices are
fitted.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from dimgs.common.arrays import Array, IntArray, least_squares
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import Monomials, differences, plain, short_monomials
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import (
    ONE,
    Call,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    monomial,
    times,
)

# monomials beside the function and in front of it, arguments that are monomials and differences:
# each pair of the first two with each of the others takes two inner products for each constant
_BESIDE, _OUTER, _PLAIN, _PAIRS = 8, 12, 12, 6
# of c in units of 1/median|u|, and turns over the range of u for what oscillates
_GRID = np.geomspace(0.02, 200.0, 22)
_FAST = np.arange(1, 25) * 0.7
_POWERS = tuple(Fraction(*x) for x in ((1, 2), (-1, 2), (-1, 1), (-2, 1), (1, 3), (3, 2), (-1, 3)))
# bits of the rarer powers
_RARE = 1.5
_NAMES = ("exp", "log1p", "tanh", "sin", "cos", "atan")
# runs that are looked at, constants narrowed between points of the grid, laws that are fitted
_MOST_RUNS, _NARROWED, _FITTED_PAIRS = 300, 800, 40
# share of the squares that is rounding; share of a term outside the other below which they are one
_LEAST_SHARE = 1e-12
_PARALLEL = 1e-6
# constants between two points of the grid, and how often: to a hundredth of its step
_INSIDE, _ROUNDS = 9, 3


@dataclass(frozen=True, eq=False)
class ScaledFunction:
    """g(c u)^p for any c.

    Parameters
    ----------
    name : str
        Function, or "" for 1 + c u.
    power : Fraction
    argument : Tree
    u : ndarray of shape (n_runs,)
    bits : float
    constants : ndarray of shape (n_constants,)
        Those at which it is real, from the least.
    """

    name: str
    power: Fraction
    argument: Tree
    u: Array
    bits: float
    constants: Array

    def at(self, c: Array) -> Array:
        """Values, shape (n_constants, n_runs); NaN where it is not real."""
        inner = np.outer(c, self.u)
        if self.name:
            return np.asarray(FUNCTIONS[self.name].value(inner))
        return np.where(inner > -1, 1 + inner, np.nan) ** float(self.power)

    def tree(self, c: float) -> Tree:
        """With a constant that is free."""
        inner = Product((Number(c), self.argument))
        if self.name:
            return Call(self.name, inner)
        return Power(Sum((ONE, inner)), self.power)

    def taken(self, rows: IntArray) -> "ScaledFunction":
        """The same family in some of the runs."""
        return replace(self, u=self.u[rows])


@np.errstate(all="ignore")
def scaled_functions(runs: Runs) -> list[ScaledFunction]:
    """Functions of short arguments with their grids of constants."""
    arguments = plain(runs, _PLAIN, both_signs=False) + differences(runs, _PAIRS)
    out = []
    for k, argument in enumerate(arguments.trees):
        u, cost = arguments.values[:, k], float(arguments.cost[k])
        sizes = _GRID / float(np.median(np.abs(u)))
        both = np.concatenate([-sizes[::-1], sizes])
        for power in _POWERS:
            bits = cost + 2.0 + _RARE * (power.denominator > 2)
            out.append(ScaledFunction("", power, argument, u, bits, both))
        for name in _NAMES:
            entry = FUNCTIONS[name]
            c = both if name in ("exp", "log1p") else sizes
            if entry.periodic:
                c = np.union1d(sizes, _FAST / float(np.abs(u).max()))
            out.append(ScaledFunction(name, Fraction(1), argument, u, cost + 0.5 * entry.bits, c))
    real = [np.all(np.isfinite(f.at(f.constants)), axis=1) for f in out]
    kept = [replace(f, constants=f.constants[r]) for f, r in zip(out, real, strict=True)]
    return [family for family in kept if len(family.constants) > 1]


@dataclass(frozen=True, order=True)
class TwoTerms:
    """One law, given by its places in the lists: t = a m_i + b m_j g_k(c u)."""

    bits: float
    beside: int
    outer: int
    family: int
    place: int
    c: float


@np.errstate(all="ignore")
def two_term_sums(known: list[ScaledFunction], target: Target, archive: Archive) -> None:
    """Fit the best laws of the form t = a m + b n g(c u).

    Parameters
    ----------
    known : list of ScaledFunction
        Those of the runs, see `scaled_functions`.
    target : Target
    archive : Archive
    """
    runs = archive.runs
    root = target.root(runs)
    t = root * target.values
    found = short_monomials(runs, _OUTER, power=target.power, halves=True)
    if not len(found) or not known or not np.all(np.isfinite(t)) or not np.any(t):
        return
    scan = TwoTermScan.of(found, known, root, t)
    chosen: list[TwoTerms] = []
    for k in range(len(known)):
        archive.check()
        chosen += scan.family(k)
    narrowed = sorted(scan.narrowed(choice) for choice in sorted(chosen)[:_NARROWED])
    for choice in narrowed[:_FITTED_PAIRS]:
        factor = known[choice.family].tree(choice.c)
        a, b = scan.coefficients(choice)
        first, second = (monomial(found.exponents[i]) for i in (choice.beside, choice.outer))
        part = Product((Number(b), times(second, factor)))
        archive.add(target.back(Sum((times(Number(a), first), part))))
        if archive.exact:
            return


@dataclass(frozen=True, eq=False)
class TwoTermScan:
    """Sums of squares of all choices.

    Parameters
    ----------
    families : list of ScaledFunction
    cost : ndarray of shape (n_monomials,)
    M : ndarray of shape (n_monomials, n_runs)
        Weighted monomials.
    t : ndarray of shape (n_runs,)
        Weighted.
    n_runs : int
        Of all runs, of which some are looked at.
    """

    functions: list[ScaledFunction]
    cost: Array
    M: Array
    t: Array
    n_runs: int

    @classmethod
    def of(
        cls, found: Monomials, known: list[ScaledFunction], root: Array, t: Array
    ) -> "TwoTermScan":
        """Look at no more runs than decide."""
        rows = np.unique(np.linspace(0, len(t) - 1, _MOST_RUNS).astype(np.int64))
        M = found.values[rows].T * root[rows]
        return cls([f.taken(rows) for f in known], found.cost, M, t[rows], len(t))

    def family(self, k: int) -> list[TwoTerms]:
        """For each pair of monomials the best constant of a family."""
        family, out = self.functions[k], []
        values = family.at(family.constants)
        for j in range(len(self.M)):
            share = self._shares(values * self.M[j], self.M[:_BESIDE])
            for i, place in enumerate(np.argmin(share, axis=0)):
                bits = self._bits(float(share[place, i]), i, j, k)
                out.append(TwoTerms(bits, i, j, k, int(place), float(family.constants[place])))
        return out

    def narrowed(self, choice: TwoTerms) -> TwoTerms:
        """With the constant between its neighbours of the grid."""
        family = self.functions[choice.family]
        ends = np.clip(choice.place + np.array([-1, 1]), 0, len(family.constants) - 1)
        low, high = family.constants[ends]
        best, c = choice.bits, choice.c
        for _ in range(_ROUNDS):
            trial = np.linspace(low, high, _INSIDE + 2)
            values = family.at(trial) * self.M[choice.outer]
            share = self._shares(values, self.M[[choice.beside]])[:, 0]
            k = int(np.argmin(share))
            bits = self._bits(float(share[k]), choice.beside, choice.outer, choice.family)
            if bits < best:
                best, c = bits, float(trial[k])
            low, high = trial[max(k - 1, 0)], trial[min(k + 1, _INSIDE + 1)]
        return replace(choice, bits=best, c=c)

    def coefficients(self, choice: TwoTerms) -> tuple[float, float]:
        """Best a and b."""
        g = self.functions[choice.family].at(np.array([choice.c]))[0]
        A = np.column_stack([self.M[choice.beside], self.M[choice.outer] * g])
        a, b = least_squares(A, self.t)
        return float(a), float(b)

    def _shares(self, F: Array, beside: Array) -> Array:
        """Shares of the squares that remain, shape (n_constants, n_beside)."""
        B = beside / np.sqrt((beside**2).sum(axis=1))[:, None]
        rest = self.t - (B @ self.t)[:, None] * B
        length = (F**2).sum(axis=1)[:, None]
        outside = length - (F @ B.T) ** 2
        gain = (F @ rest.T) ** 2 / outside
        left = np.maximum((rest**2).sum(axis=1) - gain, 0.0) / float(self.t @ self.t)
        told_apart = (outside > _PARALLEL * length) & np.isfinite(left)
        return np.where(told_apart, left, 1.0)

    def _bits(self, share: float, i: int, j: int, k: int) -> float:
        own = self.functions[k].bits + float(self.cost[i] + self.cost[j])
        return 0.5 * self.n_runs * float(np.log2(share + _LEAST_SHARE)) + 2 * own
