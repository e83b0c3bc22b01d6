"""Power law times one, two or three factors: exhaustive in the logarithm, then refined.

log|t| = a0 + Σ a_k log pi_k + Σ b_j log|g_j(c_j u_j)|. For given g, c and u this is linear; the
power law is projected out of the response and of every column once, so that one factor costs one
matrix product over all columns, and two factors one product per first factor that is kept.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.arguments import Arguments, differences, modulated, plain
from dimgs.engines.structured.columns import Columns, build_columns
from dimgs.engines.structured.model import Model, refine
from dimgs.engines.structured.rounding import rounded_trees
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import Target

Array = NDArray[np.float64]
Picked = tuple[int, ...]
_ALONE, _FIRST, _PAIRS, _TRIPLES = 60, 150, 80, 40


@dataclass(eq=False)
class Factors:
    """Columns of a problem, searched for several targets.

    Parameters
    ----------
    runs : Runs
    root : ndarray of shape (n_runs,)
        Square roots of the weights of log|t|.
    base : ndarray of shape (n_runs, r)
        Orthonormal basis of the weighted power law.
    arguments : Arguments
    columns : Columns
    """

    runs: Runs
    root: Array
    base: Array
    arguments: Arguments
    columns: Columns

    @classmethod
    def of(cls, runs: Runs) -> "Factors":
        """Build the columns of a problem."""
        root = np.sqrt(runs.weights) * np.abs(runs.y) / runs.size
        base = power_basis(runs, root)
        monomials = plain(runs, 110)
        pairs = differences(runs, 90)
        squares = differences(runs, 30, squares=True)
        simple = monomials + pairs
        inner = plain(runs, 12) + differences(runs, 8)
        arguments = simple + squares + modulated(runs, inner, 1200)
        columns = build_columns(arguments, len(simple), root, base)
        return cls(runs, root, base, arguments, columns)

    def alone(self, targets: list[Target], archive: Archive) -> None:
        """The power law itself and one factor, for every target."""
        for target in targets:
            self._try(target, (), archive)
        left = np.column_stack([self.residual(t) for t in targets]).astype(np.float32)
        gains = (self.columns.projected @ left) ** 2
        for k, target in enumerate(targets):
            for i in self._distinct(gains[:, k], _ALONE if k == 0 else _ALONE // 6):
                self._try(target, (i,), archive)
            if archive.exact:
                return

    def several(self, target: Target, archive: Archive, first: int = _FIRST) -> None:
        """Two, then three factors for one target."""
        X = self.columns.projected
        e = self.residual(target).astype(np.float32)
        start = self._distinct((X @ e) ** 2, first)
        tuples: list[Picked] = [(i,) for i in start]
        for limit in (_PAIRS, _TRIPLES):
            found = self._extend(tuples, e, archive)
            for picked in found[:limit]:
                self._try(target, picked, archive)
            if archive.exact:
                return
            tuples = found[:limit]

    def _extend(self, tuples: list[Picked], e: NDArray[np.float32], archive: Archive) -> list[Picked]:
        X = self.columns.projected
        scored: list[tuple[float, Picked]] = []
        for picked in tuples:
            archive.check()
            Q = np.linalg.qr(X[list(picked)].T.astype(np.float64))[0].astype(np.float32)
            rest = e - Q @ (Q.T @ e)
            overlap = ((X @ Q) ** 2).sum(axis=1)
            gains = (X @ rest) ** 2 / np.maximum(1 - overlap, 1e-3)
            left = float(rest @ rest)
            for i in self._distinct(gains, 6):
                scored.append((left - float(gains[i]), tuple(sorted((*picked, i)))))
        out: dict[tuple[tuple[str, int], ...], Picked] = {}
        for _, picked in sorted(scored):
            out.setdefault(tuple(self._family(i) for i in picked), picked)
        return list(out.values())

    def _family(self, i: int) -> tuple[str, int]:
        return str(self.columns.function[i]), int(self.columns.argument[i])

    def _distinct(self, gains: Array, count: int) -> list[int]:
        """Best columns, one for each function and argument."""
        many = min(12 * count, len(gains))
        top = np.argpartition(-gains, many - 1)[:many]
        top = top[np.lexsort((top, -gains[top]))]
        out: dict[tuple[str, int], int] = {}
        for i in top:
            out.setdefault(self._family(int(i)), int(i))
        return list(out.values())[:count]

    def residual(self, target: Target) -> Array:
        """Weighted log|t| less the power law."""
        with np.errstate(all="ignore"):
            e = self.root * np.log(np.abs(target.values))
        e = np.where(np.isfinite(e), e, 0.0)
        return np.asarray(e - self.base @ (self.base.T @ e))

    def _try(self, target: Target, picked: Picked, archive: Archive) -> None:
        archive.check()
        columns, arguments = self.columns, self.arguments
        model = Model(
            tuple(str(columns.function[i]) for i in picked),
            tuple(arguments.trees[columns.argument[i]] for i in picked),
            arguments.values[:, columns.argument[list(picked)]] if picked else None,
            np.array([columns.constant[i] for i in picked]),
        )
        refined = refine(model, self.runs, target, self.root)
        if refined is None:
            return
        for tree in rounded_trees(refined, self.runs, target):
            archive.add(tree)


def power_basis(runs: Runs, root: Array) -> Array:
    """Orthonormal basis of the weighted power law."""
    Z = np.column_stack([np.ones(runs.n_runs), runs.logs]) * root[:, None]
    basis, size, _ = np.linalg.svd(Z, full_matrices=False)
    return np.asarray(basis[:, size > 1e-10 * size[0]])
