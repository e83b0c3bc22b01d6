"""Minimisers of the pair losses: smoothed Newton steps, then an exact finish."""

from dataclasses import dataclass

import numpy as np

from dimgs.arrays import Array
from dimgs.fits.robust.dispersion import PairLoss, SortedLoss
from dimgs.fits.robust.linear_programme import minimise, near_pairs

# a thousand pairs: the linear programme takes them all at once
ALL_PAIRS_RUNS = 45
# runs whose minimiser is as near as Newton steps need
SUBSAMPLE = 20_000
# pairs that the exact last step begins with
PAIRS_AT_FINISH = 1_500
# of the response: what is left below is rounding
TINY = 1e-13


@dataclass(frozen=True, eq=False)
class Solution:
    """Slopes in whitened coordinates and how far they can be from optimal.

    Attributes
    ----------
    slopes : ndarray of shape (rank,)
    loss : SortedLoss
        The loss at the slopes.
    hessian : ndarray of shape (rank, rank)
        A curvature of the loss at the slopes.
    gap : float
        Bound (exact finish, duality) or estimate (half the squared Newton decrement) of the
        excess over the minimum, relative to the loss.
    n_iter : int
        Evaluations of the loss over all runs.
    """

    slopes: Array
    loss: SortedLoss
    hessian: Array
    gap: float
    n_iter: int


@dataclass
class RankProblem:
    """Whitened features, response and pair loss; rows contiguous by group."""

    Z: Array
    y: Array
    pairs: PairLoss
    n_iter: int = 0

    def residuals(self, slopes: Array) -> Array:
        """Response minus potential."""
        return np.asarray(self.y - self.Z @ slopes)

    def gradient(self, loss: SortedLoss) -> Array:
        """Derivative of the loss in the slopes."""
        return np.asarray(-((self.pairs.weights * loss.scores) @ self.Z))

    def absolute(self, slopes: Array) -> SortedLoss:
        """Rank dispersion at the slopes."""
        self.n_iter += 1
        return self.pairs.absolute(self.residuals(slopes))

    def huber(self, slopes: Array, threshold: float) -> SortedLoss:
        """Pairwise Huber loss at the slopes."""
        self.n_iter += 1
        return self.pairs.huber(self.residuals(slopes), threshold)

    def least_squares(self) -> Array:
        """All-pairs least squares, each group centred."""
        w = self.pairs.weights
        gram = (self.Z * w[:, None]).T @ self.Z
        return np.asarray(np.linalg.lstsq(gram, self.Z.T @ (w * self.y), rcond=None)[0])

    def spread(self, loss: SortedLoss) -> float:
        """Mean of the loss per unit weight: a scale of the residuals, in their units."""
        return loss.value / float(self.pairs.weights.sum())

    def subsample(self, size: int) -> "RankProblem":
        """A fixed pseudo-random part of the runs, for a start."""
        chosen = np.sort(np.random.default_rng(0).permutation(len(self.y))[:size])
        starts = np.unique(np.searchsorted(chosen, self.pairs.starts))
        return RankProblem(
            self.Z[chosen], self.y[chosen], PairLoss(self.pairs.weights[chosen], starts)
        )


def newton(
    problem: RankProblem, slopes: Array, threshold: float, steps: int, tolerance: float
) -> tuple[Array, SortedLoss, Array, float]:
    """Damped Newton on the pairwise Huber loss, which is convex and piecewise quadratic.

    Returns the slopes, the loss, its Hessian and the squared Newton decrement relative to the
    loss.
    """
    loss = problem.huber(slopes, threshold)
    hessian = problem.pairs.hessian(loss, threshold, problem.Z)
    decrement = np.inf
    for _ in range(steps):
        gradient = problem.gradient(loss)
        rank = len(gradient)
        # Few near pairs may leave a direction flat: a small part of the curvature that all
        # pairs have at this spread keeps the step finite.
        ridge = 1e-3 * float(problem.pairs.weights.sum()) / max(problem.spread(loss), threshold)
        direction = -np.linalg.solve(hessian + ridge * 1e-3 * np.eye(rank), gradient)
        decrement = float(-gradient @ direction) / max(loss.value, 1e-300)
        if decrement <= tolerance:
            break
        step, found = 1.0, False
        while step > 1e-6:
            trial = problem.huber(slopes + step * direction, threshold)
            if trial.value <= loss.value * (1.0 - 1e-4 * step * decrement):
                found = True
                break
            step *= 0.25
        if not found:
            break
        slopes = slopes + step * direction
        loss = trial
        hessian = problem.pairs.hessian(loss, threshold, problem.Z)
    return slopes, loss, hessian, decrement


def _ladder(problem: RankProblem, slopes: Array, few_pairs: float) -> tuple[Array, Array, float]:
    """Follow the smoothed minimiser as the smoothing shrinks; slopes, Hessian, relative gap."""
    loss = problem.absolute(slopes)
    typical = float(np.mean(problem.pairs.weights)) ** 2 * float(np.mean(problem.pairs.factors))
    start = threshold = max(problem.spread(loss), 1e-300)
    gap = np.inf
    while True:
        slopes, smooth, hessian, decrement = newton(problem, slopes, threshold, 8, 1e-9)
        gap = (smooth.gap_bound / max(smooth.value, 1e-300)) + decrement
        near = smooth.near_weight / typical
        if near <= few_pairs or threshold <= 1e-9 * start:
            return slopes, hessian, gap
        robust = _quartile_range(smooth, problem.pairs)
        threshold = min(threshold / 6.0, max(robust, threshold / 1e3))


def _quartile_range(loss: SortedLoss, pairs: PairLoss) -> float:
    sizes = np.diff(pairs.starts)
    largest = int(np.argmax(sizes))
    part = loss.sorted_residuals[pairs.starts[largest] : pairs.starts[largest + 1]]
    size = len(part)
    return float(part[(3 * size) // 4] - part[size // 4])


def _snap(problem: RankProblem, slopes: Array, loss: SortedLoss) -> tuple[Array, SortedLoss]:
    """Least squares on the runs that agree to rounding, where a majority follows a law exactly."""
    e = problem.residuals(slopes)
    keep = np.zeros(len(e), dtype=bool)
    for start, end, _ in problem.pairs.spans:
        centre = np.median(e[start:end])
        keep[start:end] = np.abs(e[start:end] - centre) <= 1e-6 * problem.spread(loss)
    if keep.sum() <= len(slopes) + 1:
        return slopes, loss
    group = np.repeat(np.arange(len(problem.pairs.factors)), np.diff(problem.pairs.starts))[keep]
    count = np.bincount(group)
    Z, r = problem.Z[keep], e[keep]
    Z = Z - np.column_stack([(np.bincount(group, z) / np.maximum(count, 1))[group] for z in Z.T])
    r = r - (np.bincount(group, r) / np.maximum(count, 1))[group]
    trial_slopes = slopes + np.linalg.lstsq(Z, r, rcond=None)[0]
    trial = problem.absolute(trial_slopes)
    return (trial_slopes, trial) if trial.value < loss.value else (slopes, loss)


def _exact(
    problem: RankProblem, slopes: Array, hessian: Array, gap: float, everything: bool
) -> tuple[Array, SortedLoss, float]:
    """Solve for the pairs that may still change order until the answer lies inside the box."""
    loss = problem.absolute(slopes)
    size, rank = problem.Z.shape
    total = float(problem.pairs.weights.sum())
    curvature = max(float(np.trace(hessian)) / rank, 1e-300)
    # Expected number of pairs within the box, from the density of ties that the curvature is.
    radius = np.inf if everything else 2.0 * PAIRS_AT_FINISH * total / (curvature * size**2 * rank)
    for _ in range(60):
        local = near_pairs(loss, problem.pairs, problem.Z, radius)
        if local is None:
            radius *= 0.125
            if radius * curvature <= 1e-15 * total:
                break
            continue
        answer = minimise(local)
        if answer is None:
            radius *= 4.0
            continue
        step, interior = answer
        trial = problem.absolute(slopes + step)
        if trial.value <= loss.value * (1.0 + 1e-15):
            slopes, loss = slopes + step, trial
        if interior:
            return slopes, loss, 0.0
        radius *= 1.5
    return slopes, loss, gap


def solve_absolute(problem: RankProblem) -> Solution:
    """Minimiser of the rank dispersion over all runs.

    Small tables are one linear programme. Otherwise Newton steps on a smoothed loss (or, for
    large tables, on the dispersion itself from the answer of a subsample) bring the slopes so
    close that only few pairs can still change order, and those are solved exactly.
    """
    size, rank = problem.Z.shape
    if rank and size > 2 * SUBSAMPLE:
        near = _sharp(problem)
        if near is not None:
            slopes, loss, gap = _exact(problem, *near, everything=False)
            return Solution(slopes, loss, near[1], gap, problem.n_iter)
    slopes = problem.least_squares()
    loss = problem.absolute(slopes)
    hessian = np.eye(rank) * float(problem.pairs.weights.sum())
    rounding = TINY * float(problem.pairs.weights @ np.abs(problem.y))
    if rank == 0 or loss.value <= rounding:
        return Solution(slopes, loss, hessian, 0.0, problem.n_iter)
    small = size <= ALL_PAIRS_RUNS
    gap = np.inf
    if not small:
        slopes, hessian, gap = _ladder(problem, slopes, PAIRS_AT_FINISH)
        slopes, loss = _snap(problem, slopes, problem.absolute(slopes))
        if loss.value <= rounding:
            return Solution(slopes, loss, hessian, 0.0, problem.n_iter)
    slopes, loss, gap = _exact(problem, slopes, hessian, gap, everything=small)
    return Solution(slopes, loss, hessian, gap, problem.n_iter)


def _sharp(problem: RankProblem) -> tuple[Array, Array, float] | None:
    """Newton steps on the dispersion of all runs from a subsample's start and curvature.

    With many runs the dispersion is quadratic to within its own noise, so that each step
    gains a factor; secant (BFGS) updates improve the curvature. None if it does not settle.
    """
    part = problem.subsample(SUBSAMPLE)
    share = float(problem.pairs.weights.sum() / part.pairs.weights.sum())
    slopes, _, gap = _ladder(part, part.least_squares(), 200.0 * len(part.y))
    width = 0.25 * _quartile_range(part.absolute(slopes), part.pairs)
    if width <= 1e-9 * float(np.abs(part.y).max(initial=0.0)):
        return None
    hessian = curvature = share * part.pairs.hessian(part.huber(slopes, width), width, part.Z)
    loss = problem.absolute(slopes)
    gradient = problem.gradient(loss)
    best = np.inf
    for _ in range(25):
        try:
            step = -np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            return None
        gap = 0.5 * float(-gradient @ step) / loss.value
        if not 0.0 <= gap < 4.0 * best:
            return None
        best = min(best, gap)
        if gap <= 1e-16:
            return slopes, curvature, gap
        slopes = slopes + step
        loss = problem.absolute(slopes)
        change = problem.gradient(loss) - gradient
        gradient = gradient + change
        curve = float(change @ step)
        if curve > 0.0:
            pushed = hessian @ step
            hessian = (
                hessian
                + np.outer(change, change) / curve
                - np.outer(pushed, pushed) / float(step @ pushed)
            )
    return None


def solve_huber(problem: RankProblem, slopes: Array, threshold: float) -> Solution:
    """Minimiser of the pairwise Huber loss from a robust start."""
    slopes, loss, hessian, decrement = newton(problem, slopes, threshold, 60, 1e-24)
    return Solution(slopes, loss, hessian, 0.5 * decrement, problem.n_iter)
