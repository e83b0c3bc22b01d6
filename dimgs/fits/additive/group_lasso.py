"""Which groups are curved, and which matter: group lasso scored by run-wise cross-validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.errors import EngineUnavailableError
from dimgs.fits.additive.splines import curvature_columns, quantile_knots
from dimgs.fits.one_error import within_one_error


@dataclass(frozen=True, eq=False)
class AdditiveCandidate:
    """One additive model: a basis, the groups that are kept and those that are curved."""

    basis: int
    curved: tuple[int, ...]
    kept: tuple[int, ...]
    alpha: float
    losses: Array

    @property
    def loss(self) -> float:
        """Held-out weighted mean squared error."""
        return float(self.losses.sum())


class AdditiveDesign:
    """Columns of one basis, and their second moments within each fold.

    Parameters
    ----------
    z : ndarray of shape (n_runs, n_groups)
        Log groups of this basis.
    y, weight : ndarray of shape (n_runs,)
    fold : ndarray of int of shape (n_runs,)
        Fold in which each run is held out.
    n_knots : int
    """

    def __init__(self, z: Array, y: Array, weight: Array, fold: IntArray, n_knots: int):
        w = weight / weight.sum()
        self.knots = [quantile_knots(column, weight, n_knots) for column in z.T]
        centred = z - w @ z
        scale = np.sqrt(w @ centred**2)
        centred = centred / np.where(scale > 1e-13 * np.maximum(np.abs(w @ z), 1.0), scale, np.inf)
        root = np.sqrt(w)[:, None]
        left, singular, _ = np.linalg.svd(root * centred, full_matrices=False)
        line = left[:, singular > 1e-9 * max(float(singular.max()), 1e-300)]
        blocks, slants, self.blocks, at = [], [], [], 1 + z.shape[1]
        for column, knots in zip(z.T, self.knots, strict=True):
            bend = curvature_columns(column, knots)
            bend = root * (bend - w @ bend)
            size = float(np.linalg.norm(bend))
            slant = np.linalg.lstsq(root * centred, bend, rcond=1e-9)[0]
            bend = bend - line @ (line.T @ bend)
            vectors, values, right = np.linalg.svd(bend, full_matrices=False)
            solid = values > 1e-6 * size
            block = vectors[:, solid]
            blocks.append(block)
            slants.append(slant @ (right[solid].T / values[solid]))
            self.blocks.append(np.arange(at, at + block.shape[1]))
            at += block.shape[1]
        y_centred = y - w @ y
        # Squared error that is rounding of the response, whatever the model.
        self.floor = 1e-18 * float(w @ y_centred**2) + (1e-14 * float(np.abs(y).max())) ** 2
        solved = np.linalg.lstsq(root * centred, root[:, 0] * y_centred, rcond=1e-9)[0]
        remainder = y_centred - centred @ solved
        table = np.column_stack([root, root * centred, *blocks, root[:, 0] * remainder])
        self.bent = bool(w @ remainder**2 > self.floor)
        self.n_groups = z.shape[1]
        # The lines that were taken out of each column: a model without a line gets it back.
        self._slant = np.zeros((table.shape[1], self.n_groups))
        self._slant[1 + self.n_groups :] = np.column_stack([*slants, solved]).T
        n_folds = int(fold.max()) + 1
        self.held = np.stack([table[fold == k].T @ table[fold == k] for k in range(n_folds)])
        self.total = self.held.sum(axis=0)

    def _lines(self, kept: Sequence[int]) -> IntArray:
        return np.array([0, *(1 + i for i in kept)], dtype=np.intp)

    def losses(
        self, curved: Sequence[int], kept: Sequence[int], folds: Array | None = None
    ) -> Array:
        """Held-out squared error of each fold, fitted on the others.

        `kept` groups enter by a straight line, the `curved` ones also by their spline.
        """
        columns = np.concatenate([self._lines(kept), *(self.blocks[i] for i in curved), [-1]])
        select = np.eye(self.total.shape[0])[:, columns.astype(np.intp)]
        out = [i for i in range(self.n_groups) if i not in kept]
        select[[1 + i for i in out]] += self._slant[columns.astype(np.intp)][:, out].T
        held = self.held if folds is None else self.held[np.asarray(folds, dtype=np.intp)]
        train = select.T @ (self.total - held) @ select
        inverse = np.linalg.pinv(train[:, :-1, :-1], rcond=1e-10, hermitian=True)
        coef = inverse @ train[:, :-1, -1:]
        vector = np.concatenate([-coef[..., 0], np.ones((len(held), 1))], axis=1)
        return np.asarray(
            np.maximum(np.einsum("ki,kij,kj->k", vector, select.T @ held @ select, vector), 0.0)
        )

    def path(
        self, moments: Array, alphas: Array | None, n_alphas: int
    ) -> tuple[Array, list[tuple[int, ...]]]:
        """Penalties, and the curved groups at each, from second moments of some of the runs."""
        lines = self._lines(range(self.n_groups))
        sizes = [len(block) for block in self.blocks]
        bends = np.concatenate(self.blocks)
        cross = moments[np.ix_(lines, np.append(bends, -1))]
        inverse = np.linalg.pinv(moments[np.ix_(lines, lines)], rcond=1e-10, hermitian=True)
        partial = moments[np.ix_(np.append(bends, -1), np.append(bends, -1))]
        partial = (partial - cross.T @ inverse @ cross) / moments[0, 0]
        values, vectors = np.linalg.eigh(partial[:-1, :-1])
        solid = values > 1e-10 * max(float(values.max()), 1e-300)
        root = np.sqrt(values[solid])
        n = len(root)
        design = np.asfortranarray(np.sqrt(n) * root[:, None] * vectors[:, solid].T)
        target = np.sqrt(n) * (vectors[:, solid].T @ partial[:-1, -1]) / root
        present = [i for i, size in enumerate(sizes) if size]
        ends = np.cumsum(sizes)
        members = {i: np.arange(ends[i] - sizes[i], ends[i]) for i in present}
        weights = np.sqrt([sizes[i] for i in present])
        if alphas is None:
            pull = design.T @ target / n
            most = max(
                float(np.linalg.norm(pull[members[i]])) / weight
                for i, weight in zip(present, weights, strict=True)
            )
            alphas = most * np.geomspace(1.0, 1e-3, n_alphas)
        coefs = _group_lasso(
            design, target, [members[i].tolist() for i in present], weights, alphas
        )
        active = [np.abs(coefs[members[i]]).max(axis=0) > 0 for i in present]
        return alphas, [
            tuple(i for i, on in zip(present, active, strict=True) if on[k])
            for k in range(len(alphas))
        ]


def _group_lasso(
    design: Array, target: Array, members: list[list[int]], weights: Array, alphas: Array
) -> Array:
    """Coefficients along the path, by celer: no compilation at run time, warm starts."""
    try:
        from celer import celer_path
    except ImportError as error:
        raise EngineUnavailableError(
            "SparseAdditive needs the group-lasso solver celer, which is not installed; "
            "install it with: pip install 'dimgs[sparse]'"
        ) from error
    if not np.any(target):
        return np.zeros((design.shape[1], len(alphas)))
    path = celer_path(
        design, target, "grouplasso", alphas=alphas, groups=members, weights=weights, tol=1e-8
    )
    return np.asarray(path[1])


def candidates(design: AdditiveDesign, basis: int, n_alphas: int) -> list[AdditiveCandidate]:
    """Distinct sets of curved groups along the path, each with its held-out losses."""
    everything = tuple(range(design.n_groups))
    found: dict[tuple[int, ...], AdditiveCandidate] = {
        (): AdditiveCandidate(basis, (), everything, np.inf, design.losses((), everything))
    }
    if not design.bent or not any(len(block) for block in design.blocks):
        return list(found.values())
    alphas, chosen = design.path(design.total, None, n_alphas)
    losses = np.empty((len(alphas), len(design.held)))
    for k, held in enumerate(design.held):
        fold_sets = design.path(design.total - held, alphas, n_alphas)[1]
        known: dict[tuple[int, ...], float] = {}
        for a, curved in enumerate(fold_sets):
            if curved not in known:
                known[curved] = float(design.losses(curved, everything, np.array([k]))[0])
            losses[a, k] = known[curved]
    for alpha, curved, loss in zip(alphas, chosen, losses, strict=True):
        if curved not in found or loss.sum() < found[curved].loss:
            found[curved] = AdditiveCandidate(basis, curved, everything, float(alpha), loss)
    return list(found.values())


def prune(design: AdditiveDesign, candidate: AdditiveCandidate) -> AdditiveCandidate:
    """Drop straight groups, one by one, while the held-out loss stays within one error."""
    kept = list(candidate.kept)
    start = losses = design.losses(candidate.curved, kept)
    floor = design.floor
    while True:
        trials = [
            (design.losses(candidate.curved, [j for j in kept if j != i]), i)
            for i in kept
            if i not in candidate.curved
        ]
        trials = [trial for trial in trials if within_one_error(trial[0], start, floor)]
        if not trials:
            break
        losses, least = min(trials, key=lambda trial: float(trial[0].sum()))
        kept.remove(least)
    return AdditiveCandidate(
        candidate.basis, candidate.curved, tuple(kept), candidate.alpha, losses
    )


def select(
    rows: Array,
    y: Array,
    weight: Array,
    fold: IntArray,
    bases: Sequence[NDArray[np.int64]],
    *,
    n_knots: int,
    n_alphas: int,
) -> tuple[AdditiveCandidate, AdditiveDesign]:
    """The simplest model, over all bases, within one standard error of the best.

    Simplest: fewest curved groups, then fewest groups, then the smallest held-out loss.
    """
    designs: dict[int, AdditiveDesign] = {}
    seen = set()
    for k, basis in enumerate(bases):
        axes = frozenset(frozenset((tuple(c), tuple(-c))) for c in basis.T)
        if axes not in seen:
            seen.add(axes)
            designs[k] = AdditiveDesign(rows @ basis, y, weight, fold, n_knots)
    found = [c for k, d in designs.items() for c in candidates(d, k, n_alphas)]
    best = min(found, key=lambda c: c.loss)
    floor = designs[0].floor
    near = [c for c in found if within_one_error(c.losses, best.losses, floor)]
    fewest = min(len(c.curved) for c in near)
    simple = [prune(designs[c.basis], c) for c in near if len(c.curved) == fewest]
    fewest = min(len(c.kept) for c in simple)
    simple = [c for c in simple if len(c.kept) == fewest]
    least = min(c.loss for c in simple)
    # Bases that agree up to rounding are told apart by their order, not by the rounding.
    choice = next(c for c in simple if c.loss <= least * (1 + 1e-6) + floor)
    return choice, designs[choice.basis]
