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
_ALONE, _FIRST, _PAIRS, _TRIPLES, _BATCH = 60, 160, 80, 50, 40


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
        best, where = self._by_family((self.columns.projected @ left) ** 2)
        for k, target in enumerate(targets):
            for i in _top(best[:, k], where[:, k], _ALONE if k == 0 else _ALONE // 4):
                self._try(target, (i,), archive)
            if archive.exact:
                return

    def several(self, target: Target, archive: Archive, share: float = 1.0, most: int = 3) -> None:
        """Two, then three factors for one target; `share` narrows the beam."""
        e = self.residual(target).astype(np.float32)
        gains = (self.columns.projected @ e) ** 2
        best, where = self._by_family(gains[:, None])
        tuples: list[Picked] = [(i,) for i in _top(best[:, 0], where[:, 0], int(_FIRST * share))]
        for limit in (_PAIRS, _TRIPLES)[: most - 1]:
            found = self._extend(tuples, e, archive)
            for picked in found[: int(limit * share)]:
                self._try(target, picked, archive)
            if archive.exact:
                return
            tuples = found[: int(limit * share)]

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
            best, where = self._by_family(gains)
            left = (rest**2).sum(axis=1)
            for b, picked in enumerate(part):
                top = np.argpartition(-best[:, b], min(6, len(best) - 1))[:6]
                scored += [
                    (float(left[b] - best[f, b]), tuple(sorted((*picked, int(where[f, b])))))
                    for f in top
                ]
        out: dict[tuple[int, ...], Picked] = {}
        family = self.columns.family
        for _, picked in sorted(scored):
            out.setdefault(tuple(sorted(int(family[i]) for i in picked)), picked)
        return list(out.values())

    def _by_family(self, gains: Array) -> tuple[Array, NDArray[np.int64]]:
        """Best gain and column of each function and argument, shape (n_families, n_targets)."""
        starts = self.columns.starts
        best = np.maximum.reduceat(gains, starts, axis=0)
        rows = np.arange(len(gains))[:, None]
        hit = np.where(gains == best[self.columns.family], rows, len(gains))
        return best, np.minimum.reduceat(hit, starts, axis=0)

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


def _top(best: Array, where: NDArray[np.int64], count: int) -> list[int]:
    order = np.argsort(-best, kind="stable")[:count]
    return [int(where[f]) for f in order]
