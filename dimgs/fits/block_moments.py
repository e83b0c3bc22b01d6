"""Power laws from moments alone: runs arrive in parts, and none of them is kept."""

from dataclasses import dataclass, field
from functools import reduce
from hashlib import blake2b
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array, IntArray
from dimgs.design.grouped_moments import GroupedMoments
from dimgs.design.moments import checked_arrays
from dimgs.errors import FitError, InputError
from dimgs.fits.covariance import IntervalKind
from dimgs.fits.influence import ClusterInfluence
from dimgs.fits.least_squares import (
    MAX_EXPLICIT_GROUPS,
    GroupTable,
    PowerLawFit,
    assembled,
    group_embedding,
    residual_variance,
    score,
)
from dimgs.fits.run_checks import check_pairs
from dimgs.fits.solve import coordinates_of_scatter

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
    blocks : dict of (int or str) to GroupedMoments
        Keyed by number, or by the label of the cluster.
    n_seen : int
        Number of runs seen.
    shared : bool
        Whether clusters share blocks already.
    """

    blocks: dict[int | str, GroupedMoments] = field(default_factory=dict)
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
            part = GroupedMoments.from_arrays(
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
        blocks: dict[int | str, GroupedMoments] = {}
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
        whole = reduce(GroupedMoments.merge, parts)
        p = whole.n_features
        check_pairs(int(whole.counts.sum()))
        total = float(whole.weights.sum())
        pooled = whole.pooled()
        magnitude = np.sqrt(pooled.xx.diagonal() + total * pooled.mean[:p] ** 2)
        coordinates = coordinates_of_scatter(whole.scatter[:p, :p], magnitude)
        exponents = coordinates.solved(whole.scatter[:p, :p], whole.scatter[:p, p:])
        sst = whole.scatter[p:, p:].diagonal()
        contrast = np.hstack([-exponents, np.eye(len(exponents))])
        sse = np.maximum(np.einsum("qi,ij,qj->q", contrast, whole.scatter, contrast), 0.0)
        explicit = np.arange(len(whole.weights))
        if len(explicit) > MAX_EXPLICIT_GROUPS:
            explicit = explicit[:0]
        embedding = group_embedding(whole.weights, explicit, coordinates.rank)
        parts_of = [_block_score(b, whole, coordinates.whiten, contrast, explicit) for b in parts]
        influence = ClusterInfluence(
            *residual_variance(sse, whole.counts, coordinates.rank),
            interval,
            seed,
            scatter=np.stack([part[0] for part in parts_of]),
            score=np.stack([part[1] for part in parts_of]),
            embedding=embedding,
            nested=1.0 - float((embedding[:, 0] ** 2).sum()),
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


def _add(blocks: dict[int | str, GroupedMoments], key: int | str, part: GroupedMoments) -> None:
    blocks[key] = blocks[key].merge(part) if key in blocks else part


def _block(label: str) -> int:
    # Python's own hash of a string changes from process to process
    digest = blake2b(label.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % N_BLOCKS


def _block_score(
    block: GroupedMoments, whole: GroupedMoments, whiten: Array, contrast: Array, explicit: IntArray
) -> tuple[Array, Array]:
    """Scatter and score of a block in the orthonormal coordinates of the whole."""
    p = whole.n_features
    at = np.searchsorted(whole.labels, block.labels)
    gap = block.means - whole.means[at]
    about_whole = block.scatter + gap.T @ (gap * block.weights[:, None])
    indicator = np.zeros((len(explicit), len(at)))
    if len(explicit):
        safe = np.where(whole.weights > 0.0, whole.weights, 1.0)
        indicator[at, np.arange(len(at))] = block.weights / np.sqrt(safe[at])
    sums = indicator @ np.hstack([gap[:, :p] @ whiten, gap @ contrast.T])
    rank = whiten.shape[1]
    corner = whiten.T @ about_whole[:p, :p] @ whiten
    diagonal = np.zeros(len(explicit))
    if len(explicit):
        diagonal[at] = block.weights / safe[at]
    scatter = np.block([[np.diag(diagonal), sums[:, :rank]], [sums[:, :rank].T, corner]])
    residual = whiten.T @ about_whole[:p] @ contrast.T
    return scatter, np.vstack([sums[:, rank:], residual])
