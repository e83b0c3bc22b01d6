"""A column with one inner constant beside the linear rest: t = a m + b n g(c u), or log t = ....

Conjugate depths, a base line under a curve; with the logarithm as link a power law stands in place
of a m, so that exp(b/(x - c)) of glasses and melts (Vogel, Fulcher and Tammann; Williams, Landel
and Ferry) is one of these, and so is a power law whose exponents vary with g. For given m, n, g, c
and u the relation is linear in all else, so that every choice costs a few inner products; c runs
over a grid, and the best choices are fitted.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432 (variable projection).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import product

import numpy as np

from dimgs.common.arrays import Array, BoolArray, IntArray, least_squares
from dimgs.engines.selection import constants_bits
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import differences, plain, short_monomials
from dimgs.engines.structured.columns import (
    AFFINE,
    EXPONENTIAL,
    FACTORS,
    ITSELF,
    of_argument,
    weighted,
)
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.grammar import Terms
from dimgs.engines.structured.products import ProductModel, fit_rounded, power_basis
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import (
    Call,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    added,
    evaluate,
    exact,
    factors_of,
    monomial,
    nodes,
    power_of,
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
# functions that need no constant inside, and powers of an argument in an exponent
_PLAIN_NAMES, _OF_EXPONENTS = (ITSELF, "log"), tuple(map(Fraction, ("1", "2", "1/2")))
# monomials whose exponent may vary, functions of which each is tried with some of these, and how
# many; the largest logarithm of a pivot; and exponents of variables that are rounding
_FOLLOWED, _VARYING, _EACH, _END, _ROUNDED_AWAY = 24, 6, 2, 300.0, 1e-9
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
        """With a constant that is free, where there is one."""
        inner = self.argument if self.name in _PLAIN_NAMES else Product((Number(c), self.argument))
        base = of_argument(self.name, inner)
        return base if self.power == 1 else Power(base, self.power)


# a law t = a m_i + b m_j g_k(c u): i, j and k in the lists, and c
TwoTerms = tuple[int, int, int, float]


@dataclass(eq=False)
class ScaledFunctions:
    """Searches with a function of a free constant, for one problem."""

    runs: Runs

    @cached_property
    @np.errstate(all="ignore")
    def families(self) -> list[ScaledFunction]:
        """Functions of short arguments with their grids of constants."""
        runs, out = self.runs, list[ScaledFunction]()
        pairs = differences(runs, _PAIRS)
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
                c, bits = both if name in ("exp", "log1p") else sizes, cost + 0.5 * entry.bits
                if entry.periodic:
                    c = np.union1d(sizes, _FAST / float(np.abs(u).max()))
                out.append(ScaledFunction(name, Fraction(1), argument, u, bits, c))
        real = [np.all(np.isfinite(f.at(f.constants)), axis=1) for f in out]
        kept = [replace(f, constants=f.constants[r]) for f, r in zip(out, real, strict=True)]
        return [family for family in kept if len(family.constants) > 1]

    @cached_property
    @np.errstate(all="ignore")
    def exponents(self) -> list[ScaledFunction]:
        """What an exponent may be a function of: hyperbolas, powers, exponentials, logarithms."""
        out = [f for f in self.families if f.power == -1 or f.name == "exp"]
        one = np.ones(1)
        arguments = plain(self.runs, _PLAIN) + differences(self.runs, _PAIRS)
        for tree, u, cost in zip(
            arguments.trees, arguments.values.T, arguments.cost.tolist(), strict=True
        ):
            for power in _OF_EXPONENTS:
                more = 0.0 if power == 1 else 1.0
                out.append(ScaledFunction(ITSELF, power, tree, u, cost + more, one))
            out.append(ScaledFunction("log", Fraction(1), tree, u, cost + 1.0, one))
        return [f for f in out if np.all(np.isfinite(f.at(f.constants)), axis=1).any()]

    @np.errstate(all="ignore")
    def varying_exponents(self, target: Target, archive: Archive) -> None:
        """Fit the best laws of the form t = m (n/k)^(b g(c u)), the exponents of m free.

        The exponents of all groups may vary with a function at first, which is linear and does not
        depend on their basis; then the monomial is sought whose exponent does.

        Parameters
        ----------
        target : Target
        archive : Archive

        References
        ----------
        T. Hastie, R. Tibshirani, J. R. Stat. Soc. B 55 (1993) 757-796 (varying coefficients).
        """
        runs, root = archive.runs, target.log_root(archive.runs)
        t = weighted(target.logs, root)
        most = 2 * (1 + runs.n_groups) + 2
        if runs.n_groups < 2 or runs.n_runs < 2 * most or not np.all(np.isfinite(t)):
            return
        scan = _VaryingScan.of(power_basis(runs, root), t, root)
        linear = np.column_stack([np.ones(runs.n_runs), runs.logs])
        choices: list[tuple[float, int, float]] = []
        for k, family in enumerate(self.exponents):
            archive.check()
            bits, c = scan.best(family, linear)
            choices.append((bits + family.bits, k, c))
        # a power law that needs no other exponents is no law of these
        enough = constants_bits(most, runs.n_runs)
        with_base = replace(target, back=partial(_with_one_base, target.back))
        for bits, k, c in archive.until_exact(sorted(choices)[:_VARYING]):
            for model in scan.models(self.exponents[k], c, runs) if bits < enough else ():
                fit_rounded(model, with_base, archive, root)

    @np.errstate(all="ignore")
    def two_terms(self, target: Target, archive: Archive) -> None:
        """Fit the best laws of the form t = a m + b n g(c u).

        Parameters
        ----------
        target : Target
        archive : Archive
        """
        runs, root = archive.runs, target.root(archive.runs)
        monomials = short_monomials(runs, _OUTER, power=target.power, halves=True)
        beside = (monomials.values[:, :_BESIDE] * root[:, None]).T[:, :, None]
        scan = TwoTermScan(monomials, self.families, root, root * target.values, beside)
        for choice in archive.until_exact(scan.best(archive)[:_FITTED]):
            factor, g = scan.column(choice)
            A = np.column_stack([monomials.values[:, choice[0]], g]) * root[:, None]
            a, b = least_squares(A, root * target.values)
            first = times(Number(float(a)), monomials.trees[choice[0]])
            archive.add(target.back(Sum((first, Product((Number(float(b)), factor))))))

    @np.errstate(all="ignore")
    def exponentials(self, target: Target, archive: Archive) -> None:
        """Fit the best laws of the form t = m exp(b n g(c u)), the exponents of m free.

        Parameters
        ----------
        target : Target
        archive : Archive
        """
        runs, root = archive.runs, target.log_root(archive.runs)
        # other functions of one argument are factors of the power law themselves
        functions = [f for f in self.families if f.name == "exp" or f.power == -1]
        monomials, t = short_monomials(runs, _FRONTS), weighted(target.logs, root)
        scan = TwoTermScan(monomials, functions, root, t, power_basis(runs, root)[None])
        for choice in archive.until_exact(scan.best(archive)[:_ROUNDED]):
            factor, g = scan.column(choice)
            model = ProductModel((EXPONENTIAL,), (factor,), g[:, None], np.ones(1))
            fit_rounded(model, target, archive, root)


@dataclass(frozen=True, eq=False)
class _VaryingScan:
    """What columns times a function explain beside a power law.

    Parameters
    ----------
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law.
    t : ndarray of shape (n_runs,)
        Weighted logarithms, less the power law.
    root : ndarray of shape (n_runs,)
    """

    base: Array
    t: Array
    root: Array

    @classmethod
    def of(cls, base: Array, t: Array, root: Array) -> "_VaryingScan":
        """Of weighted logarithms."""
        return cls(base, t - base @ (base.T @ t), root)

    def _off(self, columns: Array) -> Array:
        return np.asarray(columns - self.base @ (self.base.T @ columns))

    def models(self, family: ScaledFunction, c: float, runs: Runs) -> Iterator[ProductModel]:
        """The best monomials whose exponent varies with a function, each with a pivot and not."""
        monomials, ones = plain(runs, _FOLLOWED, both_signs=False), np.ones(runs.n_runs)
        fixed, bits = replace(family, constants=np.array([c])), list[tuple[float, int]]()
        both = [np.column_stack([np.log(n), ones]) for n in monomials.values.T]
        for j, n in enumerate(monomials.trees):
            if not _is_within(n, family.argument, runs):
                bits.append((self.best(fixed, both[j])[0] + float(monomials.cost[j]), j))
        for (_, j), width in product(sorted(bits)[:_EACH], (1, 2)):
            at, beta = self.refined(family, both[j][:, :width], c)
            n = monomials.trees[j]
            if width > 1:
                pivot = float(np.exp(np.clip(-beta[1] / beta[0], -_END, _END)))
                n = Product((n, Power(Number(pivot), Fraction(-1))))
            factor = times(_upright(family, at), Call("log", n))
            u = evaluate(factor, runs)[:, None]
            yield ProductModel((EXPONENTIAL,), (factor,), u, np.ones(1))

    def best(self, family: ScaledFunction, columns: Array) -> tuple[float, float]:
        """Bits of the runs with the best constant of a function, and that constant."""
        values = family.at(family.constants)
        G = self._off(self.root[:, None] * values[:, :, None] * columns)
        square = np.einsum("cni,cnj->cij", G, G)
        size = np.sqrt(np.einsum("cii->ci", square))
        square = square / (size[:, :, None] * size[:, None, :])
        along = np.einsum("cni,n->ci", G, self.t) / size
        usable = np.all(np.isfinite(square), axis=(1, 2))
        square[~usable], along[~usable] = np.eye(columns.shape[1]), 0.0
        inverse = np.linalg.pinv(square, rcond=_PARALLEL, hermitian=True)
        gain = np.einsum("ci,cij,cj->c", along, inverse, along)
        k, whole = int(np.argmax(gain)), float(self.t @ self.t)
        share = max(1.0 - float(gain[k]) / whole, 0.0)
        bits = 0.5 * len(self.t) * float(np.log2(share + _LEAST_SHARE))
        return bits, float(family.constants[k])

    def refined(self, family: ScaledFunction, columns: Array, c: float) -> tuple[float, Array]:
        """The constant of least squares near one, and the coefficients of the columns."""

        def solved(moved: Array) -> tuple[Array, Array, Array]:
            at = np.array([c * np.exp(moved[0])])
            G = self._off(self.root[:, None] * family.at(at).T * columns)
            beta = least_squares(G, self.t)
            slope = self.root * at[0] * family.slope(at)[0] * (columns @ beta)
            D = self._off(slope)
            return beta, self.t - G @ beta, (D - G @ least_squares(G, D))[:, None]

        if len(family.constants) == 1:
            return c, solved(np.zeros(1))[0]
        best = minimise_squares(lambda moved: solved(moved)[1:], np.zeros(1), steps=_STEPS)
        return c * float(np.exp(best.parameters[0])), solved(best.parameters)[0]


def _upright(family: ScaledFunction, c: float) -> Tree:
    """A function as a tree; a hyperbola by the constant that its argument is compared with."""
    if family.name == AFFINE:
        argument = family.argument
        terms = argument.terms if isinstance(argument, Sum) else (argument,)
        return Power(Sum((Number(1 / c), *terms)), family.power)
    return family.tree(c)


def _is_within(monomial: Tree, argument: Tree, runs: Runs) -> bool:
    """Whether a monomial has no variable that an argument has not."""
    return not np.any(_variables(monomial, runs) & ~_variables(argument, runs))


def _variables(tree: Tree, runs: Runs) -> BoolArray:
    powers = [runs.shape @ np.array(n.exponents, float) for n in nodes(tree) if isinstance(n, Mono)]
    return np.asarray(np.any(np.abs(powers) > _ROUNDED_AWAY, axis=0))


def _with_one_base(back: Callable[[Tree], Tree], tree: Tree) -> Tree:
    """A monomial times (n/k)^a, with what the monomial has of n in the exponent."""
    factors = factors_of(tree)
    fronts = [f for f in factors if isinstance(f, Mono)]
    powers = [(f, p) for f in factors if (p := power_of(f)) is not None]
    if len(fronts) != 1 or len(powers) != 1:
        return back(tree)
    (front,), ((factor, (base, exponent)),) = fronts, powers
    n = next(f.exponents for f in factors_of(base) if isinstance(f, Mono))
    ratios = {a / b for a, b in zip(front.exponents, n, strict=True) if b}
    left = {a: added(front.exponents, tuple(-a * x for x in n)) for a in sorted(ratios)}
    a, rest = min(left.items(), key=lambda item: sum(map(bool, item[1])))
    if not a or sum(map(bool, rest)) >= sum(map(bool, front.exponents)):
        return back(tree)
    others = (f for f in factors if f not in (front, factor))
    power = Call("exp", Product((Sum((exact(a), exponent)), Call("log", base))))
    return back(times(*others, monomial(rest), power))


class TwoTermScan:
    """Sums of squares of all choices.

    Parameters
    ----------
    front : Terms
        In front of the function.
    functions : list of ScaledFunction
    root : ndarray of shape (n_runs,)
        Square roots of the weights.
    t : ndarray of shape (n_runs,)
        Weighted.
    beside : ndarray of shape (n_choices, n_runs, r)
        Weighted columns, one set of which stands beside the function.
    """

    def __init__(
        self, front: Terms, functions: list[ScaledFunction], root: Array, t: Array, beside: Array
    ) -> None:
        finite = np.all(np.isfinite(t)) and np.all(np.isfinite(beside)) and np.any(t)
        # no more runs than decide, and no function where there is nothing to compare
        rows = np.unique(np.linspace(0, len(t) - 1, _MOST_RUNS).astype(np.int64))
        self.whole = functions if finite and len(front) else []
        self.functions = [replace(f, u=f.u[rows]) for f in self.whole]
        self.front, self.n_runs, self.t = front, len(t), t[rows]
        self.M = front.values[rows].T * root[rows]
        self.beside = np.linalg.qr(beside[:, rows])[0] if self.functions else beside

    def best(self, archive: Archive) -> list[TwoTerms]:
        """The choices of the shortest messages, each with its best constant."""
        share = np.empty((len(self.functions), len(self.M), len(self.beside)))
        start = np.empty_like(share)
        for k, family in enumerate(self.functions):
            archive.check()
            values = family.at(family.constants)
            for j, m in enumerate(self.M):
                shares = self._shares(values * m, self.beside)
                share[k, j] = shares.min(axis=0)
                start[k, j] = family.constants[shares.argmin(axis=0)]
        k, j, i = (x.ravel() for x in np.indices(share.shape))
        order = np.lexsort((k, j, i, self._bits(share.ravel(), i, j, k)))[:_REFINED]
        if not len(order):
            return []
        return self._refined(i[order], j[order], k[order], start.ravel()[order])

    def column(self, choice: TwoTerms) -> tuple[Tree, Array]:
        """The monomial times the function, as a tree and its values in all runs."""
        _, j, k, c = choice
        tree = times(self.front.trees[j], self.whole[k].tree(c))
        return tree, self.front.values[:, j] * self.whole[k].at(np.array([c]))[0]

    def _refined(self, i: IntArray, j: IntArray, k: IntArray, c: Array) -> list[TwoTerms]:
        """With the constants of least squares, all choices at once, the shortest messages first."""
        front, Q = self.M[j], self.beside[i]

        def off(columns: Array) -> Array:
            along = np.einsum("snr,sn->sr", Q, columns)
            return np.asarray(columns - np.einsum("snr,sr->sn", Q, along))

        t = off(np.broadcast_to(self.t, front.shape))

        def model(theta: Array) -> tuple[Array, Array]:
            F, slopes = np.empty_like(front), np.empty_like(front)
            for family in np.unique(k):
                rows = k == family
                F[rows] = self.functions[family].at(theta[rows, 0])
                slopes[rows] = self.functions[family].slope(theta[rows, 0])
            w, d = off(F * front), off(slopes * front)
            square = np.einsum("sn,sn->s", w, w)[:, None]
            b = np.einsum("sn,sn->s", w, t)[:, None] / square
            d = b * (d - w * (np.einsum("sn,sn->s", w, d)[:, None] / square))
            return t - b * w, d[:, :, None]

        solution, whole = minimise_squares(model, c[:, None], steps=_STEPS), float(self.t @ self.t)
        order = np.lexsort((k, j, i, self._bits(solution.squares / whole, i, j, k)))
        columns = (i, j, k, solution.parameters[:, 0])
        return list(zip(*(x[order].tolist() for x in columns), strict=True))

    def _shares(self, F: Array, beside: Array) -> Array:
        """Shares of the squares that remain, shape (n_constants, n_beside)."""
        rest = self.t - np.einsum("knr,kr->kn", beside, self.t @ beside)
        length = (F**2).sum(axis=1)[:, None]
        outside = length - ((F @ beside) ** 2).sum(axis=2).T
        gain = (F @ rest.T) ** 2 / outside
        shares = np.maximum((rest**2).sum(axis=1) - gain, 0.0) / float(self.t @ self.t)
        distinct = (outside > _PARALLEL * length) & np.isfinite(shares)
        return np.where(distinct, shares, 1.0)

    def _bits(self, share: Array, i: IntArray, j: IntArray, k: IntArray) -> Array:
        cost, bits = self.front.cost, np.array([f.bits for f in self.functions])
        # a single base is the same for all choices
        structure = bits[k] + cost[j] + (cost[i] if len(self.beside) > 1 else 0.0)
        return np.asarray(0.5 * self.n_runs * np.log2(share + _LEAST_SHARE) + 2 * structure)
