"""All-pairs least squares of a power law in closed form, from runs or from moments alone.

With moments runs arrive in parts, and none of them is kept.
"""

from dataclasses import dataclass, field
from functools import reduce
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import FitError, InputError
from dimgs.fits.covariance import (
    FULL_LEVERAGE,
    ClusterInfluence,
    Influence,
    IntervalKind,
    RunInfluence,
)
from dimgs.fits.design.moments import Moments, check_finite, checked_arrays, group_means
from dimgs.fits.run_checks import check_clusters, check_pairs, label_codes
from dimgs.fits.solve import Coordinates, coordinates_of_rows, coordinates_of_scatter

# Groups that span several clusters become explicit coordinates of the jackknife up to this
# number; beyond it their prefactors count as known, which then makes next to no difference.
MAX_EXPLICIT_GROUPS = 64


@dataclass(frozen=True, eq=False)
class PowerLawFit:
    """A fitted power law with the arrays for its uncertainty; targets are the first axis.

    Attributes
    ----------
    exponents : ndarray of shape (n_targets, n_features)
    intercept : ndarray of shape (n_targets,)
        Weighted mean of the group intercepts.
    group_labels : ndarray of shape (n_groups,)
    group_intercepts : ndarray of shape (n_groups, n_targets)
    centre : ndarray of shape (n_features,)
        Weighted mean of the features, where the intercept is known best.
    coordinates : Coordinates
    influence : Influence
    weight : float
        Sum of the weights.
    r2, cv_r2 : ndarray of shape (n_targets,)
        In-sample, and by runs or clusters left out; of the contrasts that were fitted.
    residual_scale : ndarray of shape (n_targets,)
        Standard deviation of a run of average weight about the law.
    n_runs, n_pairs, n_contrasts : int
    residuals, loo_residuals : ndarray of shape (n_runs, n_targets) or None
        The second by the law without the run, or without its cluster. None when only moments were
        kept; NaN where a run cannot be left out.
    """

    exponents: Array
    intercept: Array
    group_labels: NDArray[np.generic]
    group_intercepts: Array
    centre: Array
    coordinates: Coordinates
    influence: Influence
    weight: float
    r2: Array
    cv_r2: Array
    residual_scale: Array
    n_runs: int
    n_pairs: int
    n_contrasts: int
    residuals: Array | None = None
    loo_residuals: Array | None = None

    @property
    def joint_covariance(self) -> Array:
        """Covariance of [intercept, exponents], shape (n_targets, n_features + 1, ...)."""
        u = self.functionals(np.eye(len(self.centre) + 1))
        return np.asarray(u @ self.influence.covariance @ u.T)

    def functionals(self, c: Array) -> Array:
        """Orthonormal coordinates of functionals c . [intercept, exponents], one a row of `c`."""
        about_centre = c[:, 1:] - c[:, :1] * self.centre
        return np.column_stack(
            [c[:, 0] / np.sqrt(self.weight), about_centre @ self.coordinates.whiten]
        )

    def half_widths(self, c: Array, level: float, extra: float = 0.0) -> Array:
        """Half width of each functional's interval; infinite where the runs do not determine it.

        Parameters
        ----------
        c : ndarray of shape (n, n_features + 1)
            Functionals of [intercept, exponents], one a row.
        level : float
        extra : float
            Variances of one run to add.

        Returns
        -------
        ndarray of shape (n, n_targets)
        """
        widths = self.influence.half_widths(self.functionals(c), level, extra)
        unknown = ~self.coordinates.identifies(c[:, 1:] - c[:, :1] * self.centre)
        widths[unknown] = np.inf
        return widths


def fit_power_law(
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    within: ArrayLike | None = None,
    *,
    interval: IntervalKind = "cr3",
    seed: int = 0,
) -> PowerLawFit:
    """Least squares over all pairs of runs, in closed form; `X` may have no column at all.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Log groups; n_features may be 0, where the law is a constant.
    y : array-like of shape (n_runs,) or (n_runs, n_targets)
    sample_weight : array-like of shape (n_runs,), optional
        A pair weighs the product of its runs' weights; 1/variance is efficient.
    groups : array-like of shape (n_runs,), optional
        Cluster of each run, for the uncertainty and the cross-validation.
    within : array-like of shape (n_runs,), optional
        Only runs of equal label are paired, so that each label keeps its own prefactor.
    interval : {"cr3", "jackknife", "bootstrap"}
    seed : int

    Raises
    ------
    FitError
        If fewer than two runs have a positive weight.
    InputError
        If shapes disagree or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> fit = fit_power_law(np.log([[1.0], [2.0], [4.0]]), np.log([3.0, 12.0, 48.0]))
    >>> float(fit.exponents[0, 0].round(12)), float(np.exp(fit.intercept[0]).round(12))
    (2.0, 3.0)
    """
    x, t, w = checked_arrays(X, y, sample_weight)
    check_finite(x, t)
    weight = np.ones(len(x)) if w is None else w
    used = weight > 0.0
    check_pairs(int(used.sum()))
    labels, codes = label_codes(within, len(x), "within")
    group_weight, means = group_means(np.hstack([x, t]), codes, len(labels), weight)
    p = x.shape[1]
    root = np.sqrt(weight)[:, None]
    xc, tc = (x - means[codes, :p]), (t - means[codes, p:])
    coordinates, rows = coordinates_of_rows(xc * root, np.linalg.norm(x * root, axis=0))
    target = tc * root
    loadings, residuals = _projected(rows, target)
    exponents = (coordinates.whiten @ loadings).T
    counts = np.bincount(codes, used, len(labels)).astype(np.int64)
    sse = np.einsum("iq,iq->q", residuals, residuals)
    share = np.divide(weight, group_weight[codes], out=np.zeros(len(x)), where=used)
    runs = RunInfluence(
        *residual_variance(sse, counts, coordinates.rank),
        interval,
        seed,
        rows=rows,
        constant=np.sqrt(weight / group_weight.sum()),
        dummy=np.sqrt(share),
        codes=codes,
        residuals=residuals,
    )
    influence: Influence = runs
    # a run that alone determines a direction cannot be left out
    free = (used & (runs.leverage < FULL_LEVERAGE))[:, None]
    left_out = np.full(residuals.shape, np.nan)
    np.divide(residuals, 1.0 - runs.leverage[:, None], out=left_out, where=free)
    if groups is not None:
        _, clusters = label_codes(groups, len(x), "groups")
        check_clusters(clusters)
        influence, left_out = cluster_influence(runs, clusters, group_weight)
    finite = np.isfinite(left_out).all(axis=1)
    return assembled(
        GroupTable(labels, group_weight, counts, means),
        exponents,
        coordinates,
        influence,
        r2=score(sse, np.einsum("iq,iq->q", target, target)),
        cv_r2=score((left_out[finite] ** 2).sum(axis=0), (target[finite] ** 2).sum(axis=0)),
        residuals=tc - xc @ exponents.T,
        loo_residuals=np.divide(left_out, root, out=np.full_like(left_out, np.nan), where=root > 0),
    )


def _projected(rows: Array, target: Array) -> tuple[Array, Array]:
    """Loadings of orthonormal columns, and what they leave of the target."""
    loadings = rows.T @ target
    residuals = target - rows @ loadings
    # one refinement step: what rounding left of the fit in the residuals
    correction = rows.T @ residuals
    return loadings + correction, residuals - rows @ correction


class GroupTable(NamedTuple):
    """Counts and means of groups with their own prefactor; the means are of [X | Y]."""

    labels: NDArray[np.generic]
    weights: Array
    counts: NDArray[np.int64]
    means: Array


def residual_variance(sse: Array, counts: NDArray[np.int64], rank: int) -> tuple[float, Array]:
    """Degrees of freedom of the residuals, and their variance per unit weight."""
    dof = float(counts.sum() - np.count_nonzero(counts) - rank)
    return dof, sse / dof if dof > 0 else np.zeros_like(sse)


def assembled(
    groups: GroupTable,
    exponents: Array,
    coordinates: Coordinates,
    influence: Influence,
    *,
    r2: Array,
    cv_r2: Array,
    residuals: Array | None = None,
    loo_residuals: Array | None = None,
) -> PowerLawFit:
    """The fit with all that follows from its exponents, from runs or from moments."""
    p, counts = exponents.shape[1], groups.counts
    total, n_runs = float(groups.weights.sum()), int(counts.sum())
    offsets = groups.means[:, p:] - groups.means[:, :p] @ exponents.T
    variance, dof = influence.variance, influence.residual_dof
    scale = np.sqrt(variance * n_runs / total) if dof > 0 else np.full(len(variance), np.nan)
    return PowerLawFit(
        exponents=exponents,
        intercept=groups.weights @ offsets / total,
        group_labels=groups.labels,
        group_intercepts=np.where(counts[:, None] > 0, offsets, np.nan),
        centre=groups.weights @ groups.means[:, :p] / total,
        coordinates=coordinates,
        influence=influence,
        weight=total,
        r2=r2,
        cv_r2=cv_r2,
        residual_scale=scale,
        n_runs=n_runs,
        n_pairs=int((counts * (counts - 1) // 2).sum()),
        n_contrasts=n_runs - int(np.count_nonzero(counts)),
        residuals=residuals,
        loo_residuals=loo_residuals,
    )


def cluster_influence(
    runs: RunInfluence, clusters: IntArray, group_weight: Array
) -> tuple[ClusterInfluence, Array]:
    """Influence of clusters of runs, and the residuals with the own cluster left out.

    A group that lies inside one cluster goes with it: its prefactor, which no other run determines,
    is granted to the left-out residuals.
    """
    cells = np.unique(np.stack([runs.codes, clusters]), axis=1)
    spanning = np.flatnonzero(np.bincount(cells[0], minlength=len(group_weight)) > 1)
    explicit, embedding = group_embedding(group_weight, spanning, runs.rows.shape[1])
    indicator = runs.codes[:, None] == explicit
    columns = np.hstack([indicator * runs.dummy[:, None], runs.rows])
    influence = ClusterInfluence.of_runs(runs, columns, clusters, embedding)
    left_out = runs.residuals.copy()
    for column, shift in zip(columns.T, influence.leave_out().transpose(1, 0, 2), strict=True):
        left_out += column[:, None] * shift[clusters]
    return influence, left_out


def group_embedding(group_weight: Array, spanning: IntArray, rank: int) -> tuple[IntArray, Array]:
    """Groups with an indicator, and the matrix from [1, features] to [indicators, features]."""
    explicit = spanning if len(spanning) <= MAX_EXPLICIT_GROUPS else spanning[:0]
    embedding = np.zeros((len(explicit) + rank, 1 + rank))
    embedding[: len(explicit), 0] = np.sqrt(group_weight[explicit] / group_weight.sum())
    embedding[len(explicit) :, 1:] = np.eye(rank)
    return explicit, embedding


def score(sse: Array, sst: Array) -> Array:
    """Share of the spread that is explained; 1 or 0 where there is no spread to explain."""
    flat = sst <= 0.0
    return np.where(flat, np.where(sse <= 0.0, 1.0, 0.0), 1.0 - sse / np.where(flat, 1.0, sst))


# blocks of runs that the jackknife leaves out: t quantiles with 63 degrees of freedom are normal
# ones to 2 %
N_BLOCKS = 64
# Clusters keep a block each up to this number; then they share the N_BLOCKS.
MAX_CLUSTER_BLOCKS = 256


@dataclass
class BlockMoments:
    """Moments of the runs seen so far, spread over blocks that the jackknife leaves out.

    Runs go to the blocks in turn; a cluster of runs has a block of its own, or, when there are
    many, always the same one. So the uncertainty stays honest under clustered and
    heteroscedastic noise without keeping any run.

    Attributes
    ----------
    blocks : dict of (int or str) to Moments
        Keyed by number, or by the label of the cluster.
    n_seen : int
        Number of runs seen.
    shared : bool
        Whether clusters share blocks already.
    """

    blocks: dict[int | str, Moments] = field(default_factory=dict)
    n_seen: int = 0
    shared: bool = False

    def update(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        within: ArrayLike | None = None,
    ) -> None:
        """Add runs; arguments as in `fit_power_law`."""
        x, t, w = checked_arrays(X, y, sample_weight)
        labels = None if within is None else np.asarray(within)
        for block, rows in self._assign(len(x), groups):
            part = Moments.from_arrays(
                x[rows],
                t[rows],
                None if labels is None else labels[rows],
                None if w is None else w[rows],
            )
            _add(self.blocks, block, part)
        self.n_seen += len(x)
        self._share(self.shared)

    def merge(self, other: "BlockMoments") -> Self:
        """Moments of the runs of both, block by block; neither is changed."""
        merged = type(self)(dict(self.blocks), self.n_seen + other.n_seen, self.shared)
        for key, part in other.blocks.items():
            _add(merged.blocks, key, part)
        merged._share(self.shared or other.shared)
        return merged

    def _share(self, at_once: bool) -> None:
        """Move clusters to shared blocks once there are too many of them."""
        if not at_once and len(self.blocks) <= MAX_CLUSTER_BLOCKS:
            return
        blocks: dict[int | str, Moments] = {}
        for key, part in self.blocks.items():
            _add(blocks, _block(key) if isinstance(key, str) else key, part)
        self.blocks, self.shared = blocks, True

    def _assign(
        self, n_runs: int, groups: ArrayLike | None
    ) -> list[tuple[int | str, slice | IntArray]]:
        if groups is None:
            bounds = np.linspace(0, n_runs, min(N_BLOCKS, n_runs) + 1).astype(int)
            return [
                ((self.n_seen + i) % N_BLOCKS, slice(int(a), int(b)))
                for i, (a, b) in enumerate(pairwise(bounds))
            ]
        distinct, codes = np.unique(np.asarray(groups), return_inverse=True)
        if codes.shape != (n_runs,):
            raise InputError(f"`groups` has {codes.size} labels for {n_runs} runs: one per run.")
        order = np.argsort(codes, kind="stable")
        bounds = np.searchsorted(codes[order], np.arange(1, len(distinct)))
        return [
            (str(label), rows)
            for label, rows in zip(distinct, np.split(order, bounds), strict=True)
        ]

    def fit(self, interval: IntervalKind = "cr3", seed: int = 0) -> PowerLawFit:
        """Fit the runs seen so far; the scores are cross-validated over the blocks.

        Raises
        ------
        FitError
            If fewer than two runs of positive weight, or a single block, were seen.
        """
        keys = sorted(self.blocks, key=str)
        parts = [self.blocks[k] for k in keys]
        if not parts:
            raise FitError("No run was seen yet: call partial_fit with some.")
        whole = reduce(Moments.merge, parts)
        p = whole.n_features
        check_pairs(int(whole.counts.sum()))
        total = float(whole.weights.sum())
        pooled = whole.pooled()
        magnitude = np.sqrt(pooled.scatter.diagonal()[:p] + total * pooled.means[0, :p] ** 2)
        coordinates = coordinates_of_scatter(whole.scatter[:p, :p], magnitude)
        exponents = coordinates.solved(whole.scatter[:p, :p], whole.scatter[:p, p:])
        sst = whole.scatter[p:, p:].diagonal()
        contrast = np.hstack([-exponents, np.eye(len(exponents))])
        sse = np.maximum(np.einsum("qi,ij,qj->q", contrast, whole.scatter, contrast), 0.0)
        every = np.arange(len(whole.weights))
        explicit, embedding = group_embedding(whole.weights, every, coordinates.rank)
        parts_of = [_block_score(b, whole, coordinates.whiten, contrast, explicit) for b in parts]
        influence = ClusterInfluence(
            *residual_variance(sse, whole.counts, coordinates.rank),
            interval,
            seed,
            scatter=np.stack([part[0] for part in parts_of]),
            score=np.stack([part[1] for part in parts_of]),
            embedding=embedding,
        )
        # sum of (e + Q shift)^2 over a block, from its scores alone
        shift = influence.leave_out()
        cross = 2.0 * np.einsum("gkq,gkq->q", shift, influence.score)
        square = np.einsum("gkq,gkl,glq->q", shift, influence.scatter, shift)
        return assembled(
            GroupTable(whole.labels, whole.weights, whole.counts, whole.means),
            exponents,
            coordinates,
            influence,
            r2=score(sse, sst),
            cv_r2=score(sse + cross + square, sst),
        )


def _add(blocks: dict[int | str, Moments], key: int | str, part: Moments) -> None:
    blocks[key] = blocks[key].merge(part) if key in blocks else part


def _block(label: str) -> int:
    # Python's own hash of a string changes from process to process
    return int.from_bytes(blake2b(label.encode(), digest_size=8).digest(), "big") % N_BLOCKS


def _block_score(
    block: Moments, whole: Moments, whiten: Array, contrast: Array, explicit: IntArray
) -> tuple[Array, Array]:
    """Scatter and score of a block in the orthonormal coordinates of the whole."""
    p = whole.n_features
    at = np.searchsorted(whole.labels, block.labels)
    gap = block.means - whole.means[at]
    about_whole = block.scatter + gap.T @ (gap * block.weights[:, None])
    indicator, diagonal = np.zeros((len(explicit), len(at))), np.zeros(len(explicit))
    if len(explicit):
        safe = np.where(whole.weights > 0.0, whole.weights, 1.0)
        indicator[at, np.arange(len(at))] = block.weights / np.sqrt(safe[at])
        diagonal[at] = block.weights / safe[at]
    sums = indicator @ np.hstack([gap[:, :p] @ whiten, gap @ contrast.T])
    rank = whiten.shape[1]
    corner = whiten.T @ about_whole[:p, :p] @ whiten
    scatter = np.block([[np.diag(diagonal), sums[:, :rank]], [sums[:, :rank].T, corner]])
    residual = whiten.T @ about_whole[:p] @ contrast.T
    return scatter, np.vstack([sums[:, rank:], residual])
