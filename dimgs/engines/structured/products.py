"""Power law times one, two or three factors: exhaustive in the logarithm, then refined.

log|t| = a0 + Σ a_k log pi_k + Σ b_j log|g_j(c_j u_j)|. For given g, c and u this is linear; the
power law is projected out of the response and of every column once, so that one factor costs one
matrix product over all columns, and two factors one product per first factor that is kept. The best
are refined by Gauss-Newton steps in the logarithm.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.common.arrays import Array
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import (
    Terms,
    along,
    differences,
    modulated,
    plain,
    roots,
)
from dimgs.engines.structured.columns import (
    AFFINE,
    EXPONENTIAL,
    ITSELF,
    SIMPLE_CONSTANTS,
    Columns,
    build_columns,
    weighted,
)
from dimgs.engines.structured.factor_search import FactorSearch
from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.model import ProductModel, power_basis
from dimgs.engines.structured.rounding import fit_rounded
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target

Picked = tuple[int, ...]
# how many single factors are refined, how many start pairs, and how many pairs are refined: more
# find more and take longer, refits above all; and pairs at a time
_ALONE, _FIRST, _PAIRS, _BATCH = 60, 60, 48, 40
# single factors that are refined for each further target: the right one is among the first
_FURTHER = 8
# columns of the fewest bits start pairs too, though they explain little alone
_CHEAP = 300
# bits for a unit of the cost of an argument, which is a sum of exponents
_ARGUMENT_BITS = 2.5


@dataclass(eq=False)
class Products:
    """Columns of a problem, searched for several targets.

    Parameters
    ----------
    runs : Runs
    root : ndarray of shape (n_runs,)
        Square roots of the weights of log|t|.
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law.
    arguments : Terms
    few, some : int
        How many arguments take every function, and how many any constant; see `build_columns`.
    """

    runs: Runs
    root: Array
    base: Array
    arguments: Terms
    few: int = 0
    some: int = 0

    @classmethod
    def of(cls, runs: Runs) -> "Products":
        """Build the columns of a problem."""
        monomials = plain(runs, 110)
        pairs = differences(runs, 110)
        squares = differences(runs, 100, squares=True, signs=(-1,))
        simple = monomials + along(runs) + pairs
        inner = plain(runs, 12) + differences(runs, 24)
        rooted = roots(runs, 10)
        arguments = simple + rooted + squares + modulated(runs, inner, 1200)
        return cls.over(runs, arguments, len(simple), len(simple) + len(rooted))

    @classmethod
    def over(cls, runs: Runs, arguments: Terms, simple: int = 0, free: int = 0) -> "Products":
        """Columns of the given arguments; see `build_columns` for the numbers."""
        root = runs.log_root
        return cls(runs, root, power_basis(runs, root), arguments, simple, free)

    @cached_property
    def columns(self) -> Columns:
        """Columns with free constants."""
        return build_columns(self.arguments, self.few, self.some, self.root, self.base)

    @cached_property
    def bits(self) -> Array:
        """Length of description of each function, argument and constant, shape (n_columns,)."""
        return _bits(self.columns, self.arguments)

    @cached_property
    def factor_search(self) -> FactorSearch:
        """Columns with simple constants."""
        return FactorSearch.over(self.runs, self.arguments)

    def alone(self, targets: list[Target], archive: Archive) -> None:
        """One factor, for every target."""
        residuals = np.column_stack([self.residual(t) for t in targets]).astype(np.float32)
        gains = (self.columns.projected @ residuals) ** 2
        for k, target in enumerate(targets):
            for i in self._best(gains[:, k], residuals[:, k], _ALONE if k == 0 else _FURTHER):
                self._try(target, (i,), archive)
            if archive.exact:
                return

    def simple(self, targets: list[Target], archive: Archive, most: int = 3) -> None:
        """Factors with simple constants and powers."""
        self.factor_search.search(targets, archive, most)

    def pairs(self, target: Target, archive: Archive) -> None:
        """Two factors."""
        e = self.residual(target).astype(np.float32)
        gains = (self.columns.projected @ e) ** 2
        cheap = np.argsort(self.bits, kind="stable")[:_CHEAP]
        start = dict.fromkeys([*self._best(gains, e, _FIRST), *cheap.tolist()])
        for picked in self._extend([(i,) for i in start], e, archive)[:_PAIRS]:
            self._try(target, picked, archive)

    def _extend(
        self, tuples: list[Picked], e: NDArray[np.float32], archive: Archive
    ) -> list[Picked]:
        X = self.columns.projected
        scored: list[tuple[float, Picked]] = []
        for start in range(0, len(tuples), _BATCH):
            archive.check()
            part = tuples[start : start + _BATCH]
            A = X[np.array(part)].astype(np.float64)
            Q = np.linalg.qr(A.transpose(0, 2, 1))[0].astype(np.float32)
            rest = e - np.einsum("bmd,bd->bm", Q, np.einsum("bmd,m->bd", Q, e))
            flat = Q.transpose(1, 0, 2).reshape(len(e), -1)
            overlap = ((X @ flat) ** 2).reshape(len(X), len(part), -1).sum(axis=2)
            gains = (X @ rest.T) ** 2 / np.maximum(1 - overlap, 1e-3)
            bits = self._length(gains, (rest**2).sum(axis=1), float(e @ e))
            best = np.minimum.reduceat(bits, self.columns.starts, axis=0)
            for b, picked in enumerate(part):
                price = float(self.bits[list(picked)].sum())
                for f in np.argpartition(best[:, b], min(6, len(best) - 1))[:6]:
                    i = self._place(bits[:, b], int(f))
                    scored.append((float(best[f, b]) + price, tuple(sorted((*picked, i)))))
        out: dict[tuple[int, ...], Picked] = {}
        family = self.columns.family
        for _, picked in sorted(scored):
            out.setdefault(tuple(sorted(int(family[i]) for i in picked)), picked)
        return list(out.values())

    def _length(self, gain: NDArray[np.float32], left: NDArray[Any], whole: float) -> Array:
        """Bits of the data that one more factor leaves, and of that factor."""
        share = np.maximum(left - gain, 1e-7 * whole) / whole
        return np.asarray(0.5 * self.runs.n_runs * np.log2(share) + self.bits[:, None])

    def _place(self, bits: Array, family: int) -> int:
        """Best column of a family."""
        starts = self.columns.starts
        end = starts[family + 1] if family + 1 < len(starts) else len(bits)
        return int(starts[family] + np.argmin(bits[starts[family] : end]))

    def _best(self, gain: NDArray[np.float32], e: NDArray[np.float32], count: int) -> list[int]:
        """Columns of the fewest bits, one for each family."""
        whole = np.array([float(e @ e)])
        bits = self._length(gain[:, None], whole, float(whole[0]) or 1.0)[:, 0]
        best = np.minimum.reduceat(bits, self.columns.starts)
        return [self._place(bits, int(f)) for f in np.argsort(best, kind="stable")[:count]]

    def residual(self, target: Target) -> Array:
        """Weighted log|t| less the power law."""
        with np.errstate(all="ignore"):
            e = weighted(target.logs, self.root)
        e = np.where(np.isfinite(e), e, 0.0)
        return np.asarray(e - self.base @ (self.base.T @ e))

    def _try(self, target: Target, picked: Picked, archive: Archive) -> None:
        columns, arguments = self.columns, self.arguments
        model = ProductModel(
            tuple(str(columns.function[i]) for i in picked),
            tuple(arguments.trees[columns.argument[i]] for i in picked),
            arguments.values[:, columns.argument[list(picked)]],
            columns.constant[list(picked)],
        )
        fit_rounded(model, target, archive, self.root)


def power_law(runs: Runs, target: Target, archive: Archive) -> None:
    """The power law alone."""
    fit_rounded(ProductModel((), (), None, np.zeros(0)), target, archive, runs.log_root)


def _bits(columns: Columns, arguments: Terms) -> Array:
    prices = {
        AFFINE: 3.0,
        EXPONENTIAL: 3.0,
        ITSELF: 0.0,
        **{n: f.bits for n, f in FUNCTIONS.items()},
    }
    function = np.array([prices[str(n)] for n in columns.function])
    size = np.abs(columns.constant)
    constant = np.where(np.isin(size, SIMPLE_CONSTANTS), 4.0, 7.0)
    constant = np.where(np.isin(size, (2.0, 0.5)), 2.0, constant)
    constant = np.where(size == 1.0, 0.0, constant)
    return np.asarray(function + constant + _ARGUMENT_BITS * arguments.cost[columns.argument])
