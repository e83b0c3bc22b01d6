"""Functions with constants inside beside a linear rest, t = a m + b n g(c (u - d)), and waves.

Conjugate depths, a base line under a curve, a logarithm or root that begins at d. Of steps between
two levels both constants are free: transitions of steels, magnets that switch, doses and responses,
Fermi's function, as the logistic function is a hyperbolic tangent. With the logarithm as link a
power law stands in place of a m, so that exp(b/(x - c)) of glasses and melts (Vogel, Fulcher and
Tammann; Williams, Landel and Ferry) is one of these, and so is a power law whose exponents vary
with g. For given m, n, g, c, d and u the relation is linear in all else, so that every choice costs
a few inner products; c and d run over a grid, and the best choices are fitted.

References
----------
G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973) 413-432 (variable projection).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from dimgs.common.arrays import Array, BoolArray, IntArray, least_squares
from dimgs.engines.refit import constants_bits
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.columns import (
    AFFINE,
    EXPONENTIAL,
    FACTORS,
    ITSELF,
    differences,
    of_argument,
    plain,
    short_monomials,
    weighted,
)
from dimgs.engines.structured.products import ProductModel, fit_rounded, power_basis
from dimgs.engines.structured.refine import Projection, canonical, projected
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import (
    FUNCTIONS,
    RAMP,
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
    negated,
    nodes,
    plus,
    power_of,
    times,
    to_the_power,
)
from dimgs.fits.least_squares import minimise_squares

# monomials beside the function and in front of it, arguments that are monomials and differences:
# each pair of the first two with each of the others takes two inner products for each constant
_BESIDE, _OUTER, _PLAIN, _PAIRS = {1: 8, 2: 5}, {1: 12, 2: 6}, 12, 6
# the same in front of a function inside an exponential, as that step is always done
_FRONTS = 4
# of c in units of 1/median|u|, and turns over the range of u for what oscillates
_GRID = np.geomspace(0.02, 200.0, 22)
_FAST = np.arange(1, 25) * 0.7
# of -1/c where 1 + c u has a zero below all runs, in units of the least |u|
_POLES = np.array([0.95, 0.9, 0.8, 0.7, 0.6, 0.5])
_NAMES = ("exp", "tanh", "sin", "cos", "atan")
# in place of a power: the logarithm is what powers tend to as they vanish
_LOGARITHM = Fraction(0)
# steps, with what their offset costs: its precision, as of 60 runs, in units of one more variable;
# and where they are tried: quantiles of u, and widths in units of its range
_STEPPED, _OFFSET = ("tanh", "erf", "atan"), 3.5
_CENTRES, _WIDTHS = np.arange(0.15, 0.9, 0.1), np.array([0.06, 0.11, 0.2, 0.4])
# functions g with their powers and what they cost beside the argument: powers of 1 + c u, of which
# thirds are rarer, its logarithm, functions of the library, steps, what exponents may be besides
_FUNCTIONS = (
    *((AFFINE, Fraction(p), 2.0, False) for p in ("1/2", "-1/2", "-1", "-2", "3/2")),
    *((AFFINE, Fraction(p), 3.5, False) for p in ("1/3", "-1/3")),
    (AFFINE, _LOGARITHM, 0.5 * FUNCTIONS["log1p"].bits, False),
    *((k, Fraction(1), 0.5 * FUNCTIONS[k].bits, False) for k in _NAMES),
    *((k, Fraction(1), 0.5 * FUNCTIONS[k].bits + _OFFSET, True) for k in _STEPPED),
    *((RAMP, Fraction(p), 0.5 * FUNCTIONS[RAMP].bits + _OFFSET, True) for p in ("1", "3/2", "2")),
    *((ITSELF, Fraction(p), 1.0, False) for p in ("2", "1/2")),
    (ITSELF, Fraction(1), 0.0, False),
    (ITSELF, _LOGARITHM, 1.0, False),
)
# monomials whose exponent may vary, functions of which each is tried with some of these, and how
# many; the largest logarithm of a pivot; and exponents of variables that are rounding
_FOLLOWED, _VARYING, _EACH, _END, _ROUNDED_AWAY = 24, 6, 2, 300.0, 1e-9
# runs that are looked at, choices whose constants are refined, and in how many steps; laws that
# are fitted to the end, and those of which each gives several by its rounded exponents: of 600
# refined choices, thresholds among them, one exact step between levels is not the best
_MOST_RUNS, _REFINED, _STEPS, _FITTED, _ROUNDED = 300, 700, 30, 40, 6
# share of the squares that is rounding; share of a term outside the other below which they are one
_LEAST_SHARE = 1e-12
_PARALLEL = 1e-6


@dataclass(frozen=True, eq=False)
class ScaledFunction:
    """g(c (u - d))^p for any c, and any d if it is a step.

    Roots and logarithms of what is negative in every run are those of its opposite.

    Parameters
    ----------
    name : str
        Of `FACTORS`; the argument itself needs no constant.
    power : Fraction
        Another one than 1 for the argument and for 1 + c u only; 0 stands for the logarithm.
    argument : Tree
    u : ndarray of shape (n_runs,)
    bits : float
    constants : ndarray of shape (n_constants, 2)
        Pairs of c and d at which it is real.
    stepped : bool
        Whether d is free; otherwise it is 0.
    """

    name: str
    power: Fraction
    argument: Tree
    u: Array
    bits: float
    constants: Array
    stepped: bool = False

    def at(self, constants: Array) -> Array:
        """Values, shape (n_constants, n_runs); NaN where it is not real."""
        base = self._base(constants)
        if self.power == 1:
            return base
        one_sign = np.all(base >= 0, axis=1) | np.all(base <= 0, axis=1)
        base = np.where(one_sign[:, None], base if self._whole else np.abs(base), np.nan)
        return np.log(base) if self.power == _LOGARITHM else base ** float(self.power)

    def slopes(self, constants: Array) -> Array:
        """Derivatives by both constants, shape (n_constants, n_runs, 2); 0 by those not free."""
        out = np.zeros((len(constants), len(self.u), 2))
        if self.name == ITSELF:
            return out
        slope = np.asarray(FACTORS[self.name].slope(self._inside(constants)))
        if self.power != 1:
            outer = 1.0 if self.power == _LOGARITHM else float(self.power) * self.at(constants)
            base = self._base(constants)
            slope = np.where(base == 0, 0.0, slope * outer / base)
        if self.name != RAMP:  # whose c is part of the coefficient
            out[..., 0] = slope * (self.u - constants[:, 1:])
        if self.stepped:
            out[..., 1] = -slope * constants[:, :1]
        return out

    def tree(self, c: float, d: float) -> Tree:
        """With constants that are free, where there are some."""
        inner = Sum((self.argument, Number(-d))) if self.stepped else self.argument
        if self.name == RAMP:
            inner = inner if c > 0 else Sum((negated(self.argument), Number(d)))
        elif self.name != ITSELF:
            inner = Product((Number(c), inner))
        base = of_argument(self.name, inner)
        if not self._whole and np.all(self._base(np.array([[c, d]])) < 0):
            base = negated(base)
        if self.power == _LOGARITHM:
            return Call("log", base)
        return base if self.power == 1 else Power(base, self.power)

    @property
    def _whole(self) -> bool:
        return self.power != _LOGARITHM and self.power.denominator == 1

    def _inside(self, constants: Array) -> Array:
        return np.asarray(constants[:, :1] * (self.u - constants[:, 1:]))

    def _base(self, constants: Array) -> Array:
        return np.asarray(FACTORS[self.name].value(self._inside(constants)))


def _grid(name: str, stepped: bool, u: Array) -> Array:
    """Constants at which g(c (u - d))^p is tried first."""
    if name == RAMP:
        return np.array(list(product((1.0, -1.0), np.quantile(u, _CENTRES))))
    if stepped:
        widths, centres = _WIDTHS * float(np.ptp(u)), np.quantile(u, _CENTRES)
        return np.array(list(product(1 / widths[::-1], centres)))
    return np.column_stack([c := _sizes(name, u), np.zeros(len(c))])


def _sizes(name: str, u: Array) -> Array:
    """Values of c, where d is 0."""
    if name == ITSELF:
        return np.ones(1)
    sizes = _GRID / float(np.median(np.abs(u)))
    if name not in (AFFINE, "exp"):
        turns = _FAST / float(np.abs(u).max())
        return np.union1d(sizes, turns) if FUNCTIONS[name].periodic else sizes
    both = np.concatenate([-sizes[::-1], sizes])
    poles = -1 / (_POLES * float(np.abs(u).min()))
    return np.union1d(both, poles) if name == AFFINE else both


@dataclass(eq=False)
class ScaledFunctions:
    """Searches with a function of a free constant, for one problem."""

    runs: Runs

    @cached_property
    @np.errstate(all="ignore")
    def functions(self) -> list[ScaledFunction]:
        """Every function of short arguments, with the constants of its grid."""
        pairs, out = differences(self.runs, _PAIRS), list[ScaledFunction]()
        arguments = plain(self.runs, 2 * _PLAIN) + pairs
        # of u and 1/u one is enough for 1 + c u, which is a monomial times 1 + 1/(c u)
        upright = {*plain(self.runs, _PLAIN, both_signs=False).trees, *pairs.trees}
        listed = zip(arguments.trees, arguments.values.T, arguments.cost.tolist(), strict=True)
        for (argument, u, cost), (name, power, more, stepped) in product(listed, _FUNCTIONS):
            if (name != AFFINE and not stepped) or argument in upright:
                c = _grid(name, stepped, u)
                function = ScaledFunction(name, power, argument, u, cost + more, c, stepped)
                real = np.all(np.isfinite(function.at(c)), axis=1)
                out.append(replace(function, constants=c[real]))
        return [function for function in out if len(function.constants)]

    @property
    def families(self) -> list[ScaledFunction]:
        """Those with a constant inside."""
        return [f for f in self.functions if len(f.constants) > 1]

    @property
    def exponents(self) -> list[ScaledFunction]:
        """What an exponent may be a function of: hyperbolas, powers, exponentials, logarithms."""
        return [f for f in self.functions if f.power == -1 or f.name in ("exp", ITSELF)]

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
        most = 2 * (1 + runs.n_groups) + 2
        if runs.n_groups < 2 or runs.n_runs < 2 * most:
            return
        power_law, ones = power_basis(runs, root)[None], np.ones(runs.n_runs)
        scan = partial(Scan, root, weighted(target.logs, root), power_law)
        linear = np.column_stack([ones, runs.logs])[None]
        monomials = plain(runs, _FOLLOWED, both_signs=False)
        logs = np.log(monomials.values).T
        both = np.stack([logs, np.broadcast_to(ones, logs.shape)], axis=2)
        # a power law that needs no other exponents is no law of these
        enough = constants_bits(most, runs.n_runs)
        first = scan(linear, self.exponents).best(archive)[:_VARYING]
        with_base = replace(target, back=partial(_with_one_base, target.back))
        for bits, choice in archive.until_exact(first):
            family = replace(
                self.exponents[choice.function], constants=np.array([choice.constants])
            )
            apart = [j for j, n in enumerate(monomials.trees) if not _is_within(n, family, runs)]
            if bits >= enough or not apart:
                continue
            some = monomials.take(np.array(apart))
            followed = scan(both[apart], [family], some.cost).best(archive)[:_EACH]
            for (_, again), width in product(followed, (1, 2)):
                n, block = some.trees[again.block], both[apart][[again.block], :, :width]
                ((_, at, beta),) = scan(block, [family]).refined([again._replace(block=0)])
                if width > 1:
                    pivot = float(np.exp(np.clip(-beta[1] / beta[0], -_END, _END)))
                    n = Product((n, Power(Number(pivot), Fraction(-1))))
                inside = times(_upright(family, *at.constants), Call("log", n))
                fit_rounded(_exponential(inside, runs), with_base, archive, root)

    @np.errstate(all="ignore")
    def sums(self, beside: int, width: int, target: Target, archive: Archive) -> None:
        """Fit the best laws of the form t = Σ a_j m_j + g(c u) Σ b_k n_k.

        Parameters
        ----------
        beside, width : int
            Number of monomials m_j and n_k.
        target : Target
        archive : Archive
        """
        runs, root = archive.runs, target.root(archive.runs)
        front = short_monomials(
            runs, _OUTER[max(beside, width)], power=target.power, halves=max(beside, width) == 1
        )
        columns, t, functions = front.values.T, root * target.values, self.families
        few, among = (
            list(combinations(range(min(len(columns), most)), each))
            for most, each in ((_BESIDE[beside], beside), (len(columns), width))
        )
        if not few or not among:
            return
        bases, blocks = (np.array([columns[list(each)].T for each in x]) for x in (few, among))
        costs = (np.array([sum(front.cost[list(each)]) for each in x]) for x in (among, few))
        scan = Scan(root, t, root[:, None] * bases, blocks, functions, *costs)
        for _, (i, j, k, c), _ in archive.until_exact(scan.best_refined(archive)[:_FITTED]):
            inner = functions[k].tree(*c)
            first, inside = ([front.trees[n] for n in each] for each in (few[i], among[j]))
            terms = [*first, *(times(n, inner) for n in inside)]
            A = np.column_stack([evaluate(term, runs) for term in terms]) * root[:, None]
            a = [Number(float(x)) for x in least_squares(A, t)]
            # one function, as its constant is one
            block = plus(*map(times, a[beside:], inside))
            whole = times(block, inner) if width > 1 else canonical(times(block, inner), runs)
            archive.add(target.back(plus(*map(times, a, first), whole)))

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
        front, t = short_monomials(runs, _FRONTS), weighted(target.logs, root)
        base, blocks = power_basis(runs, root)[None], front.values.T[:, :, None]
        scan = Scan(root, t, base, blocks, functions, front.cost)
        for _, (_, j, k, c), _ in archive.until_exact(scan.best_refined(archive)[:_ROUNDED]):
            model = _exponential(times(front.trees[j], functions[k].tree(*c)), runs)
            fit_rounded(model, target, archive, root)


def _exponential(inside: Tree, runs: Runs) -> ProductModel:
    return ProductModel((EXPONENTIAL,), (inside,), evaluate(inside, runs)[:, None], np.ones(1))


def _upright(family: ScaledFunction, c: float, d: float) -> Tree:
    """A function as a tree; a hyperbola by the constant that its argument is compared with."""
    if family.power == -1:
        argument = family.argument
        terms = argument.terms if isinstance(argument, Sum) else (argument,)
        return Power(Sum((Number(1 / c), *terms)), family.power)
    return family.tree(c, d)


def _is_within(monomial: Tree, family: ScaledFunction, runs: Runs) -> bool:
    """Whether a monomial has no variable that the argument of a function has not."""
    return not np.any(_variables(monomial, runs) & ~_variables(family.argument, runs))


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
    return back(times(*others, monomial(rest), to_the_power(base, Sum((exact(a), exponent)))))


class Choice(NamedTuple):
    """The places of a base, a block and a function, and the constants of the function."""

    base: int
    block: int
    function: int
    constants: tuple[float, float]


class Scan:
    """Sums of squares of t = base + g(c u) Σ b_k m_k for all bases, blocks of m_k, and functions.

    Parameters
    ----------
    root : ndarray of shape (n_runs,)
        Square roots of the weights.
    t : ndarray of shape (n_runs,)
        Weighted.
    bases : ndarray of shape (n_bases, n_runs, r)
        Weighted columns, one set of which stands beside the function.
    blocks : ndarray of shape (n_blocks, n_runs, width)
        Columns, one set of which the function is multiplied with.
    functions : list of ScaledFunction
    blocks_cost, bases_cost : ndarray, optional
        In units of one more variable.
    """

    def __init__(
        self,
        root: Array,
        t: Array,
        bases: Array,
        blocks: Array,
        functions: list[ScaledFunction],
        blocks_cost: Array | None = None,
        bases_cost: Array | None = None,
    ) -> None:
        finite = np.all(np.isfinite(t)) and np.all(np.isfinite(bases)) and np.any(t)
        # no more runs than decide, and no function where there is nothing to compare
        rows = np.unique(np.linspace(0, len(t) - 1, _MOST_RUNS).astype(np.int64))
        self.functions = [replace(f, u=f.u[rows]) for f in functions if finite and len(blocks)]
        self.n_runs, self.t = len(t), t[rows]
        self.blocks = blocks[:, rows] * root[rows, None]
        self.bases = np.linalg.qr(bases[:, rows])[0] if self.functions else bases[:, rows]
        # the bases side by side, and what each leaves
        self.flat = self.bases.transpose(1, 0, 2).reshape(len(self.t), -1)
        self.rest = self.t - np.einsum("snr,sr->sn", self.bases, self.t @ self.bases)
        self.blocks_cost = np.zeros(len(blocks)) if blocks_cost is None else blocks_cost
        self.bases_cost = np.zeros(len(bases)) if bases_cost is None else bases_cost

    def best(self, archive: Archive) -> list[tuple[float, Choice]]:
        """The choices of the shortest messages, each with its bits and its best constant."""
        share = np.ones((len(self.functions), len(self.blocks), len(self.bases)))
        start = np.empty((*share.shape, 2))
        for k, family in enumerate(self.functions):
            archive.check()
            values = family.at(family.constants)[:, :, None]
            shares = self._shares(
                (self.blocks[:, None] * values).reshape(-1, *self.blocks.shape[1:])
            )
            shares = shares.reshape(len(self.blocks), len(values), -1)
            share[k], start[k] = shares.min(axis=1), family.constants[shares.argmin(axis=1)]
        k, j, i = (x.ravel() for x in np.indices(share.shape))
        return self._ordered(share.ravel(), i, j, k, start.reshape(-1, 2))[0]

    def best_refined(self, archive: Archive) -> list[tuple[float, Choice, Array]]:
        """The best choices with the constants of least squares, and their coefficients."""
        return self.refined([choice for _, choice in self.best(archive)])

    def refined(self, choices: list[Choice]) -> list[tuple[float, Choice, Array]]:
        """Choices with the constants of least squares, all at once, and their coefficients."""
        if not choices:
            return []
        i, j, k, c = map(np.array, zip(*choices, strict=True))

        def model(theta: Array, starts: IntArray) -> Projection:
            block, base, families = self.blocks[j[starts]], self.bases[i[starts]], k[starts]
            g, slopes = np.empty(block.shape[:2]), np.empty((*block.shape[:2], 2))
            for family in np.unique(families):
                rows = families == family
                g[rows] = self.functions[family].at(theta[rows])
                slopes[rows] = self.functions[family].slopes(theta[rows])
            return projected(
                self.t,
                g[:, :, None] * block,
                lambda b: (block @ b[..., None]) * slopes,
                base,
            )

        solution = minimise_squares(lambda *given: model(*given)[:2], c, steps=_STEPS)
        constants = solution.parameters
        beta = model(constants, np.arange(len(constants))).coefficients
        ranked, order = self._ordered(solution.squares / float(self.t @ self.t), i, j, k, constants)
        return [(bits, choice, beta[n]) for (bits, choice), n in zip(ranked, order, strict=True)]

    def _shares(self, F: Array) -> Array:
        """Shares of the squares that remain, shape (n_constants, n_bases).

        The columns of a block are eliminated one after the other from their inner products, those
        that depend on the ones before left out.
        """
        columns, width = F.mT, F.shape[2]
        length = (columns**2).sum(axis=2)[:, None, :]
        flat = columns.reshape(-1, F.shape[1])
        inner = (flat @ self.flat).reshape(len(F), width, len(self.bases), -1).transpose(0, 2, 1, 3)
        square = (columns @ F)[:, None] - inner @ inner.mT
        along = (flat @ self.rest.T).reshape(len(F), width, -1).mT
        gain = np.zeros(along.shape[:2])
        for m in range(width):
            pivot = square[..., m, m]
            outside = pivot > _PARALLEL * length[..., m]
            part = np.where(outside[..., None], square[..., m] / pivot[..., None], 0.0)
            gain += np.where(outside, along[..., m] ** 2 / pivot, 0.0)
            along = along - part * along[..., m, None]
            square = square - part[..., None] * square[..., m, None, :]
        shares = np.maximum((self.rest**2).sum(axis=1) - gain, 0.0) / float(self.t @ self.t)
        return np.where((gain > 0) & np.isfinite(shares), shares, 1.0)

    def _ordered(
        self, share: Array, i: IntArray, j: IntArray, k: IntArray, c: Array
    ) -> tuple[list[tuple[float, Choice]], list[int]]:
        """Bits and choices, the shortest messages first, and the places that they had."""
        cost = np.array([f.bits for f in self.functions])[k] if len(k) else np.zeros(0)
        cost = cost + self.blocks_cost[j] + self.bases_cost[i]
        bits = 0.5 * self.n_runs * np.log2(share + _LEAST_SHARE) + 2 * cost
        order = np.lexsort((k, j, i, bits))[:_REFINED]
        rows = zip(*(x[order].tolist() for x in (bits, i, j, k, c)), strict=True)
        return [(b, Choice(i, j, k, (*c,))) for b, i, j, k, c in rows], order.tolist()


# ---- Waves with any phase, damped or not: t = a + exp(-d u) (b cos(c u) + b' sin(c u)).
#
# For given d, c and u the relation is linear. Both constants run over a grid, and the best
# choices are fitted, with and without damping. A wave of a whole table is narrow in its
# frequency, so that no descent from elsewhere finds it.
#
# References: G. L. Bretthorst, Bayesian Spectrum Analysis and Parameter Estimation,
# Springer, 1988 (frequencies by projection on sines and cosines).


# arguments, and choices of each that are fitted
_ARGUMENTS_OF_WAVES, _WAVES_FITTED = 6, 3
# of d, in units of one over the range of u; growing waves are as rare as strongly damped ones
_DAMPING = np.array([0.0, 1.0, 2.0, 4.0, 8.0, -2.0])
# phases over the range of u in steps of a quarter of a turn, in which a peak is four steps wide,
# from half a wave on; of more waves than a quarter of the runs no neighbours show the shape
_STEP, _FROM, _MOST = np.pi / 2.0, 2, 160
# runs for each of the six constants
_FEWEST = 12


@np.errstate(all="ignore")
def waves(target: Target, archive: Archive) -> None:
    """Fit the best waves along each short argument.

    Parameters
    ----------
    target : Target
    archive : Archive
    """
    runs = archive.runs
    if runs.n_runs < _FEWEST:
        return
    root = target.root(runs)
    t = root * target.values
    arguments = plain(runs, _ARGUMENTS_OF_WAVES, both_signs=False)
    steps = np.arange(_FROM, min(runs.n_runs, _MOST) + 1)
    for u, argument in zip(arguments.values.T, arguments.trees, strict=True):
        span = float(np.ptp(u))
        d, c = (x.ravel() / span for x in np.meshgrid(_DAMPING, _STEP * steps, indexing="ij"))
        size, phase = np.exp(-np.outer(d, u - u.min())), np.outer(c, u)
        columns = np.stack([np.ones_like(phase), size * np.cos(phase), size * np.sin(phase)], 2)
        axes = np.linalg.qr(root[:, None] * columns)[0]
        gain = np.sum((t @ axes) ** 2, axis=1)
        for k in np.argsort(-np.where(np.isfinite(gain), gain, 0.0), kind="stable")[:_WAVES_FITTED]:
            archive.check()
            a, b, other = np.linalg.lstsq(root[:, None] * columns[k], t, rcond=None)[0].tolist()
            inside = Product((Number(float(c[k])), argument)), Number(-float(np.arctan2(other, b)))
            wave = Call("cos", Sum(inside))
            height = Number(float(np.hypot(b, other) * np.exp(d[k] * u.min())))
            damping = Call("exp", Product((Number(-float(d[k]) or -0.1 / span), argument)))
            for factors in ((wave,), (damping, wave)):
                shown: Tree = times(height, *factors)
                archive.add(target.back(Sum((Number(a), shown))))
