"""A column with one inner constant beside the linear rest: t = a m + b n g(c u), or log t = ....

Conjugate depths, a base line under a curve; with the logarithm as link a power law stands in place
of a m, so that exp(b/(x - c)) of glasses and melts (Vogel, Fulcher and Tammann; Williams, Landel
and Ferry) is one of these. For given m, n, g, c and u the relation is linear in all else, so that
every choice costs a few inner products; c runs over a grid, and the best choices are fitted.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432 (variable projection).
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from dimgs.common.arrays import Array, IntArray, least_squares
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import differences, plain, short_monomials
from dimgs.engines.structured.columns import AFFINE, EXPONENTIAL, FACTORS, of_argument, weighted
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.grammar import Terms
from dimgs.engines.structured.products import ProductModel, fit_rounded, power_basis
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import (
    Number,
    Power,
    Product,
    Sum,
    Tree,
    monomial,
    times,
)
from dimgs.fits.nonlinear_least_squares import minimise_squares

# monomials beside the function and in front of it, arguments that are monomials and differences:
# each pair of the first two with each of the others takes two inner products for each constant
_BESIDE, _OUTER, _PLAIN, _PAIRS = 8, 12, 12, 6
# the same in front of a function inside an exponential, as that step is always done
_FRONTS = 4
# of c in units of 1/median|u|, and turns over the range of u for what oscillates
_GRID = np.geomspace(0.02, 200.0, 22)
_FAST = np.arange(1, 25) * 0.7
# of -1/c where 1 + c u has a zero below all runs, in units of the least |u|
_POLES = np.array([0.95, 0.9, 0.8, 0.7, 0.6, 0.5])
_POWERS = tuple(Fraction(*x) for x in ((1, 2), (-1, 2), (-1, 1), (-2, 1), (1, 3), (3, 2), (-1, 3)))
# bits of the rarer powers
_RARE = 1.5
_NAMES = ("exp", "log1p", "tanh", "sin", "cos", "atan")
# runs that are looked at, choices whose constants are refined, and in how many steps; laws that
# are fitted to the end, and those of which each gives several by its rounded exponents
_MOST_RUNS, _REFINED, _STEPS, _FITTED, _ROUNDED = 300, 800, 30, 40, 6
# share of the squares that is rounding; share of a term outside the other below which they are one
_LEAST_SHARE = 1e-12
_PARALLEL = 1e-6


@dataclass(frozen=True, eq=False)
class ScaledFunction:
    """g(c u)^p for any c.

    Parameters
    ----------
    name : str
        Of `FACTORS`; 1 + c u has another power than 1, and the others have not.
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
        base = np.asarray(FACTORS[self.name].value(np.outer(c, self.u)))
        if self.power == 1:
            return base
        # whole powers of what is negative in every run are real
        whole = self.power.denominator == 1 and np.all(base < 0, axis=1, keepdims=True)
        return np.where((base > 0) | whole, base, np.nan) ** float(self.power)

    def slope(self, c: Array) -> Array:
        """Derivative by the constant, shape (n_constants, n_runs)."""
        inner, entry = np.outer(c, self.u), FACTORS[self.name]
        slope = np.asarray(self.u * entry.slope(inner))
        if self.power == 1:
            return slope
        return np.asarray(float(self.power) * slope * self.at(c) / entry.value(inner))

    def tree(self, c: float) -> Tree:
        """With a constant that is free."""
        base = of_argument(self.name, Product((Number(c), self.argument)))
        return base if self.power == 1 else Power(base, self.power)

    def taken(self, rows: IntArray) -> "ScaledFunction":
        """The family on a subset of the runs."""
        return replace(self, u=self.u[rows])


@np.errstate(all="ignore")
def scaled_functions(runs: Runs) -> list[ScaledFunction]:
    """Functions of short arguments with their grids of constants."""
    pairs, out = differences(runs, _PAIRS), []
    arguments = plain(runs, 2 * _PLAIN) + pairs
    # of u and 1/u one is enough for 1 + c u, which is a monomial times 1 + 1/(c u)
    of_powers = {*plain(runs, _PLAIN, both_signs=False).trees, *pairs.trees}
    for k, argument in enumerate(arguments.trees):
        u, cost = arguments.values[:, k], float(arguments.cost[k])
        sizes = _GRID / float(np.median(np.abs(u)))
        both = np.concatenate([-sizes[::-1], sizes])
        poles = np.union1d(both, -1 / (_POLES * float(np.abs(u).min())))
        for power in _POWERS if argument in of_powers else ():
            bits = cost + 2.0 + _RARE * (power.denominator > 2)
            c = poles if power.denominator == 1 else both
            out.append(ScaledFunction(AFFINE, power, argument, u, bits, c))
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
def two_term_sums(functions: list[ScaledFunction], target: Target, archive: Archive) -> None:
    """Fit the best laws of the form t = a m + b n g(c u).

    Parameters
    ----------
    functions : list of ScaledFunction
        Those of the runs, see `scaled_functions`.
    target : Target
    archive : Archive
    """
    runs, root = archive.runs, target.root(archive.runs)
    monomials = short_monomials(runs, _OUTER, power=target.power, halves=True)
    beside = (monomials.values[:, :_BESIDE] * root[:, None]).T[:, :, None]
    scan = TwoTermScan.of(monomials, functions, root, root * target.values, beside)
    if scan is None:
        return
    for choice in scan.best(archive)[:_FITTED]:
        factor, g = scan.column(choice, functions, runs)
        A = np.column_stack([monomials.values[:, choice.beside], g]) * root[:, None]
        a, b = least_squares(A, root * target.values)
        first = times(Number(float(a)), monomial(monomials.exponents[choice.beside]))
        archive.add(target.back(Sum((first, Product((Number(float(b)), factor))))))
        if archive.exact:
            return


@np.errstate(all="ignore")
def exponentials_of_functions(
    functions: list[ScaledFunction], target: Target, archive: Archive
) -> None:
    """Fit the best laws of the form t = m exp(b n g(c u)), the exponents of m free.

    Parameters
    ----------
    functions : list of ScaledFunction
        Those of the runs, see `scaled_functions`.
    target : Target
    archive : Archive
    """
    runs, root = archive.runs, target.log_root(archive.runs)
    # other functions of one argument are factors of the power law themselves
    functions = [f for f in functions if f.name == "exp" or f.power == -1]
    monomials, t = short_monomials(runs, _FRONTS), weighted(target.logs, root)
    scan = TwoTermScan.of(monomials, functions, root, t, power_basis(runs, root)[None])
    if scan is None:
        return
    for choice in scan.best(archive)[:_ROUNDED]:
        factor, g = scan.column(choice, functions, runs)
        model = ProductModel((EXPONENTIAL,), (factor,), g[:, None], np.ones(1))
        fit_rounded(model, target, archive, root)
        if archive.exact:
            return


@dataclass(frozen=True, eq=False)
class TwoTermScan:
    """Sums of squares of all choices.

    Parameters
    ----------
    functions : list of ScaledFunction
    monomials : Terms
        In front of the function.
    M : ndarray of shape (n_monomials, n_runs)
        Their weighted values.
    t : ndarray of shape (n_runs,)
        Weighted.
    beside : ndarray of shape (n_choices, n_runs, r)
        Orthonormal bases, one of which stands beside the function.
    n_runs : int
        Of all runs, of which some are looked at.
    """

    functions: list[ScaledFunction]
    monomials: Terms
    M: Array
    t: Array
    beside: Array
    n_runs: int

    @classmethod
    def of(
        cls,
        monomials: Terms,
        functions: list[ScaledFunction],
        root: Array,
        t: Array,
        beside: Array,
    ) -> "TwoTermScan | None":
        """Look at no more runs than decide; None where there is nothing to compare."""
        finite = np.all(np.isfinite(t)) and np.all(np.isfinite(beside))
        if not len(monomials) or not functions or not finite or not np.any(t):
            return None
        rows = np.unique(np.linspace(0, len(t) - 1, _MOST_RUNS).astype(np.int64))
        M = monomials.values[rows].T * root[rows]
        base = np.linalg.qr(beside[:, rows])[0]
        return cls([f.taken(rows) for f in functions], monomials, M, t[rows], base, len(t))

    def best(self, archive: Archive) -> list[TwoTerms]:
        """The choices of the shortest messages, each with its best constant."""
        chosen: list[TwoTerms] = []
        for k in range(len(self.functions)):
            archive.check()
            chosen += self._family(k)
        return self._refined(sorted(chosen)[:_REFINED])

    def column(
        self, choice: TwoTerms, functions: list[ScaledFunction], runs: Runs
    ) -> tuple[Tree, Array]:
        """The monomial times the function, as a tree and its values in all runs."""
        family = functions[choice.family]
        tree = times(monomial(self.monomials.exponents[choice.outer]), family.tree(choice.c))
        return tree, self.monomials.values[:, choice.outer] * family.at(np.array([choice.c]))[0]

    def _family(self, k: int) -> list[TwoTerms]:
        """For each pair of a monomial and what is beside it the best constant of a family."""
        family, out = self.functions[k], []
        values = family.at(family.constants)
        for j in range(len(self.M)):
            share = self._shares(values * self.M[j], self.beside)
            for i, place in enumerate(np.argmin(share, axis=0)):
                bits = self._bits(float(share[place, i]), i, j, k)
                out.append(TwoTerms(bits, i, j, k, int(place), float(family.constants[place])))
        return out

    def _refined(self, chosen: list[TwoTerms]) -> list[TwoTerms]:
        """With the constants of least squares, all choices at once, the shortest messages first."""
        c = np.array([[choice.c] for choice in chosen])
        rows: dict[int, list[int]] = {}
        for s, choice in enumerate(chosen):
            rows.setdefault(choice.family, []).append(s)
        front = self.M[[choice.outer for choice in chosen]]
        Q = self.beside[[choice.beside for choice in chosen]]

        def off(columns: Array) -> Array:
            along = np.einsum("snr,sn->sr", Q, columns)
            return np.asarray(columns - np.einsum("snr,sr->sn", Q, along))

        t = off(np.broadcast_to(self.t, front.shape))

        def model(theta: Array) -> tuple[Array, Array]:
            F, slopes = np.empty_like(front), np.empty_like(front)
            for k, places in rows.items():
                F[places] = self.functions[k].at(theta[places, 0])
                slopes[places] = self.functions[k].slope(theta[places, 0])
            w, d = off(F * front), off(slopes * front)
            square = np.einsum("sn,sn->s", w, w)[:, None]
            b = np.einsum("sn,sn->s", w, t)[:, None] / square
            d = b * (d - w * (np.einsum("sn,sn->s", w, d)[:, None] / square))
            return t - b * w, d[:, :, None]

        solution, whole = minimise_squares(model, c, steps=_STEPS), float(self.t @ self.t)
        out = [
            replace(x, bits=self._bits(float(q) / whole, x.beside, x.outer, x.family), c=float(p))
            for x, p, q in zip(chosen, solution.parameters[:, 0], solution.squares, strict=True)
        ]
        return sorted(out)

    def _shares(self, F: Array, beside: Array) -> Array:
        """Shares of the squares that remain, shape (n_constants, n_beside)."""
        rest = self.t - np.einsum("knr,kr->kn", beside, self.t @ beside)
        length = (F**2).sum(axis=1)[:, None]
        outside = length - ((F @ beside) ** 2).sum(axis=2).T
        gain = (F @ rest.T) ** 2 / outside
        shares = np.maximum((rest**2).sum(axis=1) - gain, 0.0) / float(self.t @ self.t)
        distinct = (outside > _PARALLEL * length) & np.isfinite(shares)
        return np.where(distinct, shares, 1.0)

    def _bits(self, share: float, i: int, j: int, k: int) -> float:
        # a single base is the same for all choices
        beside = float(self.monomials.cost[i]) if len(self.beside) > 1 else 0.0
        structure = self.functions[k].bits + float(self.monomials.cost[j]) + beside
        return 0.5 * self.n_runs * float(np.log2(share + _LEAST_SHARE)) + 2 * structure
