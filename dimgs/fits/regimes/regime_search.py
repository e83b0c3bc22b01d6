"""Search for regimes: grow partitions, improve each boundary; the noise that one leaves."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dimgs.arrays import Array
from dimgs.fits.regimes.boundary_directions import best_hinge, curvature_directions
from dimgs.fits.regimes.pieces import (
    Boundary,
    Pieces,
    Tree,
    at_boundary,
    boundaries,
    chain,
    fit_continuous,
    jump_pieces,
    labels,
    n_leaves,
    split_leaf,
    with_boundary,
)
from dimgs.fits.regimes.regime_runs import Sample, best_chains, best_cut

# first step of the pattern search, in radians, and what it shrinks by
_WIDEST, _NARROWER = 0.3, 0.45

Place = Callable[[Array], tuple[float, float]]


def placer(sample: Sample, tree: Tree, k: int) -> Place:
    """Function (direction) -> (threshold, loss) for boundary `k`, the others held."""
    reaches, left, right = at_boundary(tree, k, sample.Z)
    Z, rows, left, right = sample.Z[reaches], sample.rows[reaches], left[reaches], right[reaches]

    def place(direction: Array) -> tuple[float, float]:
        return best_cut(rows, Z @ direction, left, right, sample.min_runs, exact=True)

    return place


def polish(sample: Sample, tree: Tree) -> Tree:
    """Move each boundary to its best threshold; turn it where no other is parallel to it."""
    for _ in range(2 if n_leaves(tree) > 2 else 1):
        for k, edge in enumerate(boundaries(tree)):
            place = placer(sample, tree, k)
            direction = edge.direction
            threshold, loss = place(direction)
            if not np.isfinite(loss):
                continue
            others = [b.direction for j, b in enumerate(boundaries(tree)) if j != k]
            if direction.size > 1 and not any(abs(abs(d @ direction) - 1) < 1e-9 for d in others):
                turned = _turn(direction, loss, place, max(0.25 / len(sample.y), 1e-4))
                if turned is not direction:
                    direction = turned
                    threshold, _ = place(direction)
            tree = with_boundary(tree, k, Boundary(direction, threshold))
    return tree


def _turn(direction: Array, loss: float, place: Place, finest: float) -> Array:
    """Pattern search on the sphere, in coordinates that no basis can change."""
    size = _WIDEST
    # Runs decide a direction to about the spacing of their projections.
    while size > finest:
        for axis in np.eye(len(direction)):
            tangent = axis - (axis @ direction) * direction
            length = float(np.linalg.norm(tangent))
            if length < 1e-6:
                continue
            for sign in (1.0, -1.0):
                trial = direction + sign * size * tangent / length
                trial /= np.linalg.norm(trial)
                value = place(trial)[1]
                if value < loss * (1 - 1e-9):
                    direction, loss = trial, value
                    break
        size *= _NARROWER
    return direction


# square of relative rounding: less is no misfit
EXACT = 1e-22
# parameters that a jump counts for: see `degrees_of_freedom`
_THRESHOLD_COST = 3.0
# a kink follows from its two laws, but for being searched
_KINK_COST = 1.0
# best directions of one boundary along which several are tried
_CHAIN_DIRECTIONS = 6


@dataclass(frozen=True)
class Kinds:
    """Which kinds of boundary may be used."""

    jump: bool
    continuous: bool


def degrees_of_freedom(tree: Tree, rank: int) -> float:
    """Parameters of a partition, searches included.

    K laws of rank + 1 parameters. A searched threshold costs 3, as a change point does in an
    information criterion that counts it consistently (Hall, Osborn & Sakurai 2013, Manchester
    School 81:54), and each searched direction rank - 1. A continuous boundary is derived from the
    laws beside it; one more for the search of its place.
    """
    total = float(n_leaves(tree) * (rank + 1))
    seen: list[Array] = []
    for edge in boundaries(tree):
        if edge.continuous:
            total += _KINK_COST
            continue
        total += _THRESHOLD_COST
        if not any(abs(abs(edge.direction @ d) - 1) < 1e-9 for d in seen):
            total += rank - 1
            seen.append(edge.direction / np.linalg.norm(edge.direction))
    return total


def bic(sample: Sample, pieces: Pieces) -> float:
    """Bayesian information criterion; runs, never pairs, are counted."""
    n = len(sample.y)
    spread = max(pieces.loss / n, EXACT)
    cost = degrees_of_freedom(pieces.tree, sample.Z.shape[1])
    return float(n * np.log(spread) + cost * np.log(n))


def grow(sample: Sample, directions: Array, max_regimes: int, kinds: Kinds) -> list[Pieces]:
    """Best pieces for 1, 2, ... regimes, until more only lose, or the runs are too few."""
    path = [jump_pieces(sample, None)]
    score = [bic(sample, path[0])]
    if max_regimes < 2 or len(sample.y) < 2 * sample.min_runs or not sample.Z.shape[1]:
        return path
    directions = np.concatenate([directions, curvature_directions(sample)])
    tree, favourites = _first_split(sample, directions)
    if tree is None:
        return path
    chains = _chains(sample, favourites, max_regimes)
    jumps: Tree = None
    for count in range(2, max_regimes + 1):
        proposals: list[Tree] = [tree] if count == 2 else _proposals(sample, jumps, directions)
        if count in chains:
            proposals.append(chains[count])
        polished = [jump_pieces(sample, polish(sample, p)) for p in proposals]
        if not polished:
            break
        jump = min(polished, key=lambda p: bic(sample, p))
        jumps = jump.tree
        options = [jump] if kinds.jump else []
        if kinds.continuous:
            options += _kinked(sample, jump, path[-1], directions, kinds)
        if not options:
            break
        path.append(min(options, key=lambda p: bic(sample, p)))
        score.append(bic(sample, path[-1]))
        if len(score) > 2 and score[-1] > score[-2] > score[-3]:
            break
        if path[-1].loss <= EXACT * len(sample.y):
            break
    return path


def _first_split(sample: Sample, directions: Array) -> tuple[Tree, Array]:
    alone = np.zeros(len(sample.y), dtype=np.intp)
    rows = sample.rows
    cuts = [best_cut(rows, sample.Z @ d, alone, alone, sample.min_runs) for d in directions]
    loss = np.array([c[1] for c in cuts])
    if not np.isfinite(loss).any():
        return None, directions[:0]
    least = max(float(loss.min()), EXACT)
    # Equal up to rounding errors is equal: the first of them, in every basis.
    order = np.argsort(np.round(loss / least, 9), kind="stable")
    at = order[0]
    tree = polish(sample, split_leaf(None, 0, Boundary(directions[at], cuts[at][0])))
    best = boundaries(tree)[0].direction[None]
    if sample.Z.shape[1] == 1:
        return tree, best
    return tree, np.concatenate([best, directions[order[:_CHAIN_DIRECTIONS]]])


def _chains(sample: Sample, favourites: Array, max_regimes: int) -> dict[int, Tree]:
    best: dict[int, tuple[float, Tree]] = {}
    rows = sample.rows
    for direction in favourites:
        found = best_chains(rows, sample.Z @ direction, sample.min_runs, max_regimes)
        for thresholds, loss in found:
            count = len(thresholds) + 1
            if count not in best or loss < best[count][0] * (1 - 1e-9):
                best[count] = (loss, chain(direction, thresholds))
    return {count: tree for count, (_, tree) in best.items()}


def _proposals(sample: Sample, tree: Tree, directions: Array) -> list[Tree]:
    """The tree with the regime split that gains most."""
    regime = labels(tree, sample.Z)
    rows = sample.rows
    best: tuple[float, Tree] | None = None
    for k in range(n_leaves(tree)):
        index = np.flatnonzero(regime == k)
        if len(index) < 2 * sample.min_runs:
            continue
        alone = np.zeros(len(index), dtype=np.intp)
        Z, part = sample.Z[index], rows[index]
        whole = jump_pieces(sample.take(index), None).loss
        for direction in directions:
            threshold, loss = best_cut(part, Z @ direction, alone, alone, sample.min_runs)
            gain = whole - loss
            if np.isfinite(gain) and (best is None or gain > best[0] + 1e-9 * abs(best[0])):
                best = (gain, split_leaf(tree, k, Boundary(direction, threshold)))
    return [] if best is None else [best[1]]


def _kinked(
    sample: Sample, jump: Pieces, fewer: Pieces, directions: Array, kinds: Kinds
) -> list[Pieces]:
    """Variants with continuous boundaries, from the jumps and from the best extra hinge."""
    count = jump.n_regimes
    every = list(range(count - 1))
    starts: list[Tree] = [jump.tree]
    hinge = best_hinge(sample, labels(fewer.tree, sample.Z), directions)
    if hinge is not None and fewer.n_regimes == count - 1:
        starts.append(split_leaf(fewer.tree, hinge[0], Boundary(hinge[1], hinge[2])))
    found = [fit_continuous(sample, start, every) for start in starts]
    if kinds.jump and count > 2:
        single = [(k, fit_continuous(sample, jump.tree, [k])) for k in every]
        found += [pieces for _, pieces in single]
        score = bic(sample, jump)
        helpful = [k for k, p in single if p is not None and bic(sample, p) < score]
        if 1 < len(helpful) < len(every):
            found.append(fit_continuous(sample, jump.tree, helpful))
    return [pieces for pieces in found if pieces is not None]


def noise_variance(sample: Sample, pieces: Pieces) -> tuple[float, float]:
    """Residual variance and its degrees of freedom, searches not counted twice."""
    used = degrees_of_freedom(pieces.tree, sample.Z.shape[1])
    laws = pieces.laws.size + pieces.n_regimes - 1
    dof = max(1.0, len(sample.y) - min(used, float(laws)))
    return max(pieces.loss / dof, 1e-300), dof
