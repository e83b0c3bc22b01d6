"""Power law times one, two or three factors: t = m Π g_j(c_j u_j)^b_j, linear in the logarithm.

In the logarithm such a law is a power law plus a few columns,
log|t| = a0 + Σ a_k log pi_k + b_i d_i + b_j d_j. One factor may have a free constant, whose start
is the best of a grid. For simple constants and powers, with the power law projected out, the best
powers of every pair follow from one matrix of inner products, and those of triples from some of its
rows; they are rounded one after the other, the others following, and so does the sum of squares
that the rounded ones leave. In noise this finds what a search with free constants does not: among
many families that can be bent to fit, the one that fits with nothing to bend.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, reduce

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.engines.selection import constants_bits
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import differences, modulated, plain
from dimgs.engines.structured.columns import (
    EXPONENTIAL,
    Dictionary,
    free_factors,
    simple_factors,
    weighted,
)
from dimgs.engines.structured.combinations import Chosen, Combinations
from dimgs.engines.structured.description import (
    SIMPLE_NUMBERS,
    monomial_bits,
)
from dimgs.engines.structured.grammar import Terms
from dimgs.engines.structured.products import (
    LARGEST,
    ProductModel,
    State,
    fit_rounded,
    power_basis,
    rounded_power_laws,
    squares_bits,
    tree_of,
    with_simple_number,
)
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target
from dimgs.engines.structured.trees import Exponents, exact

# columns in all; of pairs: short rows, best rows, partners of any other column; columns of triples
_SIZE, _ROWS, _BEST, _NARROW, _SHORTEST = 9000, 2500, 300, 600, 120
# sets that are rounded, fitted; pairs that are grown by any column, and by a short one: where the
# third explains much, the right pair is not among the first; columns fitted for further targets
_ROUNDED, _FITTED, _GROWN, _FURTHER, _OTHERS = 1500, 80, 150, 700, 10
# best sets whose constants are free too: each costs some refits
_LOOSE = 3
_ERRORS = 3.0  # standard errors within which a prefactor is a simple number
_AIMS, _FEW = 7, 2500  # targets of pairs; columns of a target with weights of its own
# columns with free constants, single factors of them that are refined for the first target, and
# for each further one, as the right one is among the first there; share of the squares that single
# precision no longer sees
_FREE, _ALONE, _AFTER, _SEEN = 16_000, 60, 8, 1e-7
# first ones of two such factors of each kind, second ones for each, and pairs that are refined;
# share of a column beside the first below which it is the same
_PARTNERS, _BESIDE, _PAIRS, _PARALLEL = 12, 4, 20, 1e-5


def arguments_of(runs: Runs) -> Terms:
    """What functions are tried on: monomials, differences, their squares, modulated monomials."""
    simple = plain(runs, 110) + differences(runs, 110)
    squares = differences(runs, 100, signs=("-",)).raised(Fraction(2))
    inner = plain(runs, 12) + differences(runs, 24)
    return simple + squares + modulated(runs, inner, 1200)


@dataclass(frozen=True, eq=False)
class FactorSearch:
    """Search over the columns of a dictionary.

    Parameters
    ----------
    runs : Runs
    arguments : Terms
    root : ndarray of shape (n_runs,)
        Square roots of the weights of the logarithm.
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law.
    columns : Dictionary
    """

    runs: Runs
    arguments: Terms
    root: Array
    base: Array
    columns: Dictionary

    @classmethod
    def over(cls, runs: Runs, arguments: Terms) -> "FactorSearch":
        """With the cheapest columns over the given arguments."""
        base = power_basis(runs, runs.log_root)
        columns = Dictionary.of(runs, arguments, base, _SIZE, simple_factors())
        return cls(runs, arguments, runs.log_root, base, columns)

    @cached_property
    def free(self) -> Dictionary:
        """Columns with constants of a grid."""
        return Dictionary.of(self.runs, self.arguments, self.base, _FREE, free_factors())

    def loosely(self, targets: list[Target], archive: Archive) -> None:
        """One factor with a free constant and a free power, for every target."""
        for k, target in archive.until_exact(enumerate(targets)):
            bits = self._loose_bits(self._off_base(target), self.free.squares)
            for i in self._distinct(bits, _AFTER if k else _ALONE):
                model = self.model(np.array([i]), self.free)
                fit_rounded(model, target, archive, self.root)

    def two_loosely(self, target: Target, archive: Archive) -> None:
        """Two factors with free constants and powers.

        The first is a short exponential or one of the best alone, and the second the best beside
        it, as an activation beside a saturation.
        """
        e, P, length = self._off_base(target), self.free.projected, self.free.squares
        exponential = np.array([form.function == EXPONENTIAL for form in self.free.form])
        short = np.argsort(np.where(exponential, self.free.bits, np.inf), kind="stable")[:_PARTNERS]
        best = self._distinct(self._loose_bits(e, length), _PARTNERS)
        scored: list[tuple[float, int, int]] = []
        for i in dict.fromkeys([*short.tolist(), *best]):
            archive.check()
            unit = P[i] / np.sqrt(length[i])
            beside = np.maximum(length - (P @ unit) ** 2, 0.0)
            beside = np.where(beside > _PARALLEL * length, beside, np.inf)
            bits = self._loose_bits(e - unit * (unit @ e), beside) + self.free.bits[i]
            scored += [(float(bits[j]), i, j) for j in self._distinct(bits, _BESIDE)]
        for _, i, j in archive.until_exact(sorted(scored)[:_PAIRS]):
            fit_rounded(self.model(np.array([i, j]), self.free), target, archive, self.root)

    def _off_base(self, target: Target) -> Array:
        """Weighted logarithms of a target, less a power law."""
        with np.errstate(all="ignore"):
            e = weighted(target.logs, self.root)
        e = np.where(np.isfinite(e), e, 0.0)
        return np.asarray(e - self.base @ (self.base.T @ e), dtype=np.float32)

    def _loose_bits(self, e: Array, length: Array) -> Array:
        """Bits of one more factor with a free constant, its columns being of these lengths."""
        whole = float(e @ e)
        rest = np.maximum(whole - (self.free.projected @ e) ** 2 / length, _SEEN * whole)
        return np.asarray(squares_bits(rest, self.runs.n_runs) + self.free.bits)

    def _distinct(self, bits: Array, count: int) -> list[int]:
        """The best columns of different functions and arguments."""
        first: dict[tuple[str, int], int] = {}
        for i in np.argsort(bits, kind="stable").tolist():
            first.setdefault((self.free.form[i].function, int(self.free.argument[i])), i)
            if len(first) == count:
                break
        return list(first.values())

    def search(self, targets: list[Target], archive: Archive, most: int = 3) -> None:
        """One, two and three factors; of many targets, two for the first and the best of one."""
        ranked: list[tuple[float, int]] = []
        for k, target in archive.until_exact(enumerate(targets)):
            aim = self._aim(target, archive)
            if aim is None:
                continue
            singles = aim.sums.singles().best(self.runs.n_runs, _ROUNDED)
            aim.fit(singles, _FITTED if k == 0 else _OTHERS)
            if len(singles.squares):
                bits = squares_bits(singles.squares, self.runs.n_runs) + singles.bits
                ranked.append((float(bits.min()), k))
        ranked.sort(key=lambda r: (r[1] > 0, r))
        for _, k in archive.until_exact(ranked[: _AIMS if most > 1 else 0]):
            aim = self._aim(targets[k], archive)
            if aim is not None:
                aim.several(most)

    def _aim(self, target: Target, archive: Archive) -> "_Aim | None":
        """Arrays for one target; None if its logarithm fails."""
        root = target.log_root(self.runs)
        with np.errstate(all="ignore"):
            t = weighted(target.logs, root)
        if not len(self.columns.bits) or not np.any(root) or not np.all(np.isfinite(t)):
            return None
        search = self
        if not np.allclose(root, self.root, rtol=1e-6):
            base = power_basis(self.runs, root)
            columns = self.columns.projected_off(base, root, _FEW)
            search = replace(self, root=root, base=base, columns=columns)
            if not len(columns.bits):
                return None
        e = t - search.base @ (search.base.T @ t)
        sums = Combinations(search.columns.projected, e, search.columns.bits)
        return _Aim(search, target, archive, t, sums)

    def model(self, picked: IntArray, columns: Dictionary) -> ProductModel:
        """The power law times some columns."""
        places = columns.argument[picked]
        return ProductModel(
            tuple(columns.form[i].function for i in picked),
            tuple(self.arguments.trees[k] for k in places),
            self.arguments.values[:, places],
            columns.constant[picked],
        )


@dataclass(frozen=True, eq=False)
class _Aim:
    """A search with the weights of a target, log|t|, and the sums of squares of its columns."""

    scan: FactorSearch
    target: Target
    archive: Archive
    t: Array
    sums: Combinations

    def several(self, most: int) -> None:
        """Pairs of short columns, of the best with short ones, and of any with the shortest."""
        sums, check = self.sums, self.archive.check
        n, width = sums.n_runs, len(sums.bits)
        alone = np.unique(sums.singles().best(n, _BEST).columns[:, 0])
        rows = np.union1d(np.arange(min(_ROWS, width)), alone)
        further = np.setdiff1d(np.arange(width), rows)
        pairs = sums.grown(rows[:, None], min(_ROWS, width), _ROUNDED, check)
        if len(further):
            more = sums.grown(further[:, None], _NARROW, _ROUNDED, check)
            pairs = pairs.joined(more).best(n, _ROUNDED)
        self.fit(pairs, _FITTED)
        if self.archive.exact or most < 3 or not len(pairs.squares):
            return
        short = np.column_stack(np.triu_indices(min(_SHORTEST, width), 1))
        first, others = pairs.columns[:_GROWN], pairs.columns[_GROWN:_FURTHER]
        sets = (first, width), (others, _ROWS), (short, _SHORTEST)
        triples = [sums.grown(s, min(w, width), _ROUNDED, check) for s, w in sets if len(s)]
        self.fit(reduce(Chosen.joined, triples).best(n, _ROUNDED), _FITTED)

    def fit(self, chosen: Chosen, count: int) -> None:
        """Round the power law that goes with each choice, and fit the shortest messages."""
        scan, archive = self.scan, self.archive
        archive.check()
        if not len(chosen.squares):
            return
        chosen = chosen.with_plain_powers()
        factors = chosen.halves[:, :, None] / 2 * scan.columns.values[chosen.columns]
        rest = self.t[:, None] - weighted(factors.sum(axis=1).T, scan.root)
        scored: dict[tuple[int, tuple[Fraction, ...]], tuple[float, float]] = {}
        for theta, squares, variance in rounded_power_laws(scan.runs, scan.root, rest):
            bits = self._with_prefactor(theta[0], squares, variance) + chosen.bits
            bits += self._front_bits(theta[1:])
            for c in np.argsort(bits, kind="stable")[: 2 * count]:
                if not np.isfinite(bits[c]):
                    break
                front = tuple(Fraction(float(x)).limit_denominator(12) for x in theta[1:, c])
                if max(map(abs, front), default=0) <= LARGEST:
                    scored.setdefault((int(c), front), (float(bits[c]), float(theta[0, c])))
        ordered = sorted(scored.items(), key=lambda item: (item[1][0], item[0]))
        for (c, front), (_, intercept) in archive.until_exact(ordered[:count]):
            powers = [Fraction(int(h), 2) for h in chosen.halves[c]]
            self._attempt(chosen.columns[c], powers, front, intercept)
        # the best sets again, with constants and powers that are free at first
        for c in archive.until_exact(list(dict.fromkeys(c for (c, _), _ in ordered))[:_LOOSE]):
            model = scan.model(chosen.columns[c], scan.columns)
            fit_rounded(model, self.target, archive, scan.root)

    def _with_prefactor(self, intercept: Array, squares: Array, variance: float) -> Array:
        """Bits of the runs and of the prefactor: free, or a simple number."""
        n = self.sums.n_runs
        best = squares_bits(squares, n) + constants_bits(1, n)
        for number in SIMPLE_NUMBERS:
            more = (intercept - np.log(number.value)) ** 2 / variance
            best = np.minimum(best, squares_bits(squares + more, n) + number.bits)
        return best

    def _front_bits(self, exponents: Array) -> Array:
        """Bits of monomials, one for each column of exponents of the groups."""
        runs = self.scan.runs
        size = np.abs(runs.shape @ exponents - self.target.power * runs.shift[:, None])
        columns, place = np.unique(np.round(size, 6), axis=1, return_inverse=True)
        return np.array([monomial_bits(column) for column in columns.T])[place]

    def _attempt(
        self, picked: IntArray, powers: list[Fraction], front: Exponents, intercept: float
    ) -> None:
        """Fit one law, also with a simple number in front where one is near."""
        scan, target, archive = self.scan, self.target, self.archive
        forms = [scan.columns.form[i] for i in picked]
        model = scan.model(picked, scan.columns)
        theta = np.array([intercept, *map(float, front), *map(float, powers)])
        first, exponents, numbers = 1 + len(front), dict(enumerate(front, start=1)), {}
        for k, form in enumerate(forms):
            if form.function == EXPONENTIAL:
                numbers[first + k] = exact(abs(powers[k]))
            else:
                exponents[first + k] = powers[k]
        scales = [forms[k].scale for k in model.inside]
        numbers |= {len(theta) + i: scale for i, scale in enumerate(scales) if scale}
        theta = np.concatenate([theta, np.log(np.abs(model.c[model.inside]))])
        still = np.zeros((len(theta), len(theta)))
        state = State(theta, still, 0.0, 0.0, numbers, exponents)
        tree = tree_of(model, scan.runs, target, state)
        fitted = None if tree is None else archive.add(target.back(tree))
        if fitted is None:
            return
        window = _ERRORS * np.sqrt(fitted.loss / scan.runs.n_runs) + 1e-9
        simple = with_simple_number(state, 0, window=window)
        again = None if simple is None else tree_of(model, scan.runs, target, simple)
        if again is not None:
            archive.add(target.back(again))
