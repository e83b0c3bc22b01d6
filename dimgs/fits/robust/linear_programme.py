"""The exact last step: the pairs that may still change order form a small linear programme."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from dimgs.arrays import Array, BoolArray, IntArray
from dimgs.fits.robust.dispersion import PairLoss, SortedLoss

# pairs of a linear programme that is still solved at once
MOST_PAIRS = 20_000
# runs of large reach that are paired one by one
LARGE_RUNS = 256


@dataclass(frozen=True, eq=False)
class LocalPairs:
    """Pairs whose order may change when every whitened slope moves by at most `radius`."""

    gaps: Array
    differences: Array
    weights: Array
    slope: Array
    radius: float


def near_pairs(
    loss: SortedLoss, pair_loss: PairLoss, Z: Array, radius: float, most: int = MOST_PAIRS
) -> LocalPairs | None:
    """Collect the pairs that can change order within the box, or None if there are too many.

    Parameters
    ----------
    loss : SortedLoss
        The absolute loss at the centre of the box.
    pair_loss : PairLoss
        Weights and groups.
    Z : ndarray of shape (n_runs, rank)
        Whitened features, rows in group order.
    radius : float
        Half width of the box; infinite takes all pairs.
    most : int
        Give up beyond this many pairs.
    """
    e = loss.sorted_residuals
    size = len(e)
    group = np.repeat(np.arange(len(pair_loss.factors)), np.diff(pair_loss.starts))
    bounds = pair_loss.starts
    found: list[tuple[IntArray, IntArray]] = []
    if np.isinf(radius):
        left, right = np.triu_indices(size, 1)
        same = group[left] == group[right]
        found.append((left[same], right[same]))
    else:
        reach = radius * np.abs(Z).sum(axis=1)[loss.order]
        few = min(LARGE_RUNS, size // 8)
        cut = float(np.partition(reach, size - 1 - few)[size - 1 - few])
        total = 0
        for lag in range(1, size):
            distance = e[lag:] - e[:-lag]
            ok = distance <= 2.0 * cut
            ok &= group[lag:] == group[:-lag]
            left = np.flatnonzero(ok)
            if not left.size:
                break
            total += left.size
            if total > 10 * most:
                return None
            keep = distance[left] <= reach[left] + reach[left + lag]
            keep &= (reach[left] <= cut) & (reach[left + lag] <= cut)
            found.append((left[keep], left[keep] + lag))
        large = np.flatnonzero(reach > cut)
        for run in large.tolist():
            start, end = bounds[group[run]], bounds[group[run] + 1]
            width = reach[run] + reach.max()
            a, b = start + np.searchsorted(e[start:end], [e[run] - width, e[run] + width])
            other = np.arange(a, min(b + 1, end))
            keep = (np.abs(e[other] - e[run]) <= reach[run] + reach[other]) & (other != run)
            keep &= (reach[other] <= cut) | (other > run)
            total += int(keep.sum())
            if total > 10 * most:
                return None
            found.append((np.full(int(keep.sum()), run), other[keep]))
    left = np.concatenate([pair[0] for pair in found]) if found else np.empty(0, dtype=np.intp)
    right = np.concatenate([pair[1] for pair in found]) if found else np.empty(0, dtype=np.intp)
    i, j = loss.order[left], loss.order[right]
    differences = Z[i] - Z[j]
    gaps = e[left] - e[right]
    size_of = np.abs(differences).sum(axis=1)
    # equal rows never change order, and an infinite radius times zero is no number
    keep = size_of > 0.0
    keep[keep] = np.abs(gaps[keep]) <= radius * size_of[keep]
    i, j, gaps, differences = i[keep], j[keep], gaps[keep], differences[keep]
    weights = pair_loss.weights[i] * pair_loss.weights[j] * pair_loss.row_factors()[i]
    slope = -((pair_loss.weights * loss.scores) @ Z) + (weights * np.sign(gaps)) @ differences
    gaps, differences, weights = _merge(gaps, differences, weights)
    if len(gaps) > most:
        return None
    return LocalPairs(gaps, differences, weights, slope, radius)


def _merge(gaps: Array, differences: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Identical pairs (repeated runs, designed tables) as one pair with their summed weight."""
    if len(gaps) < 2:
        return gaps, differences, weights
    flip = np.where(gaps < 0.0, -1.0, 1.0)
    rows = np.column_stack([gaps * flip, differences * flip[:, None]])
    order = np.lexsort(rows.T)
    rows = rows[order]
    new = np.append(True, np.any(rows[1:] != rows[:-1], axis=1))
    if new.all():
        return gaps, differences, weights
    merged = np.add.reduceat(weights[order], np.flatnonzero(new))
    return rows[new, 0], rows[new, 1:], merged


def minimise(pairs: LocalPairs) -> tuple[Array, bool] | None:
    """Step that minimises slope @ d + sum of weights |gaps - differences @ d| over the box.

    Where the minimum is a face rather than a point, the step goes to the middle of the face,
    as the median of an even number of values does.

    Returns
    -------
    step : ndarray of shape (rank,)
    interior : bool
        Whether the box was not in the way: by convexity the step then ends in a minimiser of
        the whole loss. None is returned in place of both if the programme was not solved.
    """
    count, rank = pairs.differences.shape
    if count == 0:
        return None
    bounded = np.isfinite(pairs.radius)
    unit = pairs.radius if bounded else max(float(np.abs(pairs.gaps).max()), 1e-300)
    heavy = float(pairs.weights.max())
    gaps, slope, bound = pairs.gaps / unit, pairs.slope / heavy, pairs.weights / heavy
    box = np.eye(rank) if bounded else np.zeros((rank, 0))
    sides = box.shape[1]
    result = linprog(
        np.concatenate([-gaps, np.ones(2 * sides)]),
        A_eq=np.hstack([pairs.differences.T, box, -box]),
        b_eq=slope,
        bounds=[(-limit, limit) for limit in bound.tolist()] + [(0.0, None)] * (2 * sides),
        method="highs",
    )
    if result.status != 0:
        return None
    multipliers = np.asarray(result.x)[:count]
    step = -np.asarray(result.eqlin.marginals)
    free = np.abs(multipliers) < bound * (1.0 - 1e-9)
    interior = not bounded or bool(np.abs(step).max() < 1.0 - 1e-9)
    if free.any() and np.linalg.matrix_rank(pairs.differences[free]) == rank:
        step = np.linalg.lstsq(pairs.differences[free], gaps[free], rcond=None)[0]
    elif interior:
        step = _middle(pairs.differences, gaps, multipliers, free, bounded, step)
    return step * unit, interior


def _middle(
    differences: Array, gaps: Array, multipliers: Array, free: BoolArray, bounded: bool, step: Array
) -> Array:
    """Mean of the extreme points, along every axis, of the face of minimisers."""
    rank = differences.shape[1]
    sign = np.sign(multipliers[~free])[:, None]
    limit = 1.0 if bounded else None
    corners: list[Array] = []
    for axis in range(rank):
        for direction in (1.0, -1.0):
            objective = np.zeros(rank)
            objective[axis] = direction
            result = linprog(
                objective,
                A_ub=sign * differences[~free],
                b_ub=sign[:, 0] * gaps[~free],
                A_eq=differences[free] if free.any() else None,
                b_eq=gaps[free] if free.any() else None,
                bounds=(None if limit is None else -limit, limit),
                method="highs",
            )
            if result.status != 0:
                return step
            corners.append(np.asarray(result.x))
    return np.asarray(np.mean(corners, axis=0))
