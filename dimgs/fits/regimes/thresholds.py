"""Thresholds between regimes and their intervals by inverting the likelihood ratio."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array
from dimgs.errors import InputError
from dimgs.fits.covariance import t_quantile
from dimgs.fits.regimes.continuity import Pieces, fit_laws
from dimgs.fits.regimes.moments import Sample, distinct_cuts, split_losses
from dimgs.fits.regimes.noise import noise_variance
from dimgs.fits.regimes.simple import Simple
from dimgs.fits.regimes.tree import Boundary, at_boundary, boundaries, labels, with_boundary

_CUTS = 2000
_MOVES = 16


def hansen_quantile(level: float) -> float:
    """Critical likelihood ratio of a jump: -2 log(1 - sqrt(level)) (Hansen 2000, theorem 1).

    Examples
    --------
    >>> round(hansen_quantile(0.90), 2)
    5.94
    """
    return float(-2.0 * np.log(1.0 - np.sqrt(level)))


@dataclass(frozen=True, eq=False)
class Profile:
    """Likelihood ratio along one boundary's direction.

    Attributes
    ----------
    lower, upper : ndarray of shape (n_cuts,)
        Range of thresholds that each cut stands for.
    ratio : ndarray of shape (n_cuts,)
        Rise of the loss over its least value, in units of the noise variance.
    dof : float
        Degrees of freedom of that variance.
    continuous : bool
    """

    lower: Array
    upper: Array
    ratio: Array
    dof: float
    continuous: bool

    def translated(self, factor: float, offset: float) -> "Profile":
        """The same profile of factor * threshold + offset."""
        ends = (factor * self.lower + offset, factor * self.upper + offset)
        if factor > 0:
            return Profile(*ends, self.ratio, self.dof, self.continuous)
        return Profile(ends[1][::-1], ends[0][::-1], self.ratio[::-1], self.dof, self.continuous)

    def interval(self, level: float) -> tuple[float, float]:
        """Thresholds that are not rejected; infinite where the last admissible one is not."""
        if not 0 < level < 1:
            raise InputError(f"level must lie between 0 and 1, got {level}")
        if self.continuous:
            bound = float(t_quantile(level, self.dof)) ** 2
        else:
            bound = hansen_quantile(level)
        kept = np.flatnonzero(self.ratio <= bound)
        if not len(kept):
            kept = np.array([int(np.argmin(self.ratio))])
        first, last = int(kept[0]), int(kept[-1])
        low = -np.inf if first == 0 else float(self.lower[first])
        high = np.inf if last == len(self.ratio) - 1 else float(self.upper[last])
        return low, high


@dataclass(frozen=True, eq=False)
class Threshold:
    """A boundary ``direction @ x = value`` between two regimes.

    Attributes
    ----------
    direction : ndarray of shape (n_features,)
        Exponents of the monomial of groups; the largest in size is 1.
    value, low, high : float
        Logarithm of the monomial at the boundary and its interval at `level`, the direction held.
    level : float
    kind : str
        "jump", or "continuous" where the two laws meet and their difference fixes the direction.
    rationals : tuple of tuple of Fraction
        For a jump in several groups with an exponent map: the rational directions that the runs
        cannot distinguish at `level`, shortest first.
    profile : Profile
        Likelihood ratios, for intervals at other levels.
    simple : Simple or None
        For a continuous boundary in several groups with an exponent map: the shortest monomial
        that divides the runs as well, where there is one.
    """

    direction: Array
    value: float
    low: float
    high: float
    level: float
    kind: str
    rationals: tuple[tuple[Fraction, ...], ...]
    profile: Profile
    simple: Simple | None = None

    def interval(self, level: float) -> tuple[float, float]:
        """Interval (low, high) at another level."""
        return self.profile.interval(level)


def jump_profile(sample: Sample, pieces: Pieces, k: int) -> Profile:
    """Likelihood ratio of boundary `k` as a jump, all other boundaries held."""
    edge = boundaries(pieces.tree)[k]
    reaches, left, right = at_boundary(pieces.tree, k, sample.Z)
    projection = sample.Z[reaches] @ edge.direction
    order = np.argsort(projection, kind="stable")
    ordered = projection[order]
    cuts = distinct_cuts(ordered, sample.min_runs)
    if len(cuts) > 2 * _CUTS:
        near = int(np.searchsorted(cuts, np.searchsorted(ordered, edge.threshold)))
        chosen = np.concatenate(
            [
                np.linspace(0, len(cuts) - 1, _CUTS).astype(np.intp),
                np.arange(max(near - _CUTS // 2, 0), min(near + _CUTS // 2, len(cuts))),
            ]
        )
        cuts = cuts[np.unique(chosen)]
    rows = sample.rows[reaches][order]
    loss = split_losses(rows, left[reaches][order], right[reaches][order], cuts, sample.min_runs)
    variance, dof = noise_variance(sample, pieces)
    scale = variance * jump_nuisance(sample, pieces, k, variance)
    lower = np.concatenate([ordered[:1], ordered[cuts[:-1]]])
    upper = np.concatenate([ordered[cuts[1:] - 1], ordered[-1:]])
    return Profile(lower, upper, (loss - loss.min()) / scale, dof, False)


def jump_nuisance(sample: Sample, pieces: Pieces, k: int, variance: float) -> float:
    """Hansen's eta squared: noise at the threshold against the mean noise, never below 1.

    A kernel average over the runs near the threshold of the squared jump times the squared
    residual, over that of the squared jump times the variance (Hansen 2000, section 3.4).
    """
    edge = boundaries(pieces.tree)[k]
    near = np.isin(labels(pieces.tree, sample.Z), (k, k + 1))
    part = sample.take(np.flatnonzero(near))
    projection = part.Z @ edge.direction
    spread = float(np.std(projection)) * len(projection) ** -0.2
    kernel = np.exp(-0.5 * ((projection - edge.threshold) / max(spread, 1e-12)) ** 2)
    jump = part.weight * (part.design @ (pieces.laws[k + 1] - pieces.laws[k])) ** 2 * kernel
    noise = part.weight * (part.y - pieces.predict(part.Z)) ** 2
    bottom = float(jump.sum()) * variance
    return max(1.0, float(jump @ noise) / bottom) if bottom > 0 else 1.0


def threshold_doubt(sample: Sample, pieces: Pieces) -> Array:
    """Covariance of the laws that comes from not knowing where the jumps are.

    Each jump is moved over the thresholds that its profile does not reject at 95 %, the laws
    beside it refitted; their scatter is averaged with weights exp(-ratio / 2).

    Returns
    -------
    ndarray of shape (n_regimes, rank + 1, rank + 1)
    """
    width = sample.Z.shape[1] + 1
    doubt = np.zeros((pieces.n_regimes, width, width))
    for k, edge in enumerate(boundaries(pieces.tree)):
        if edge.continuous:
            continue
        profile = jump_profile(sample, pieces, k)
        kept = np.flatnonzero(profile.ratio <= hansen_quantile(0.95))
        kept = kept[np.unique(np.linspace(0, len(kept) - 1, _MOVES).astype(np.intp))]
        weight = np.exp(-0.5 * profile.ratio[kept])
        weight /= weight.sum()
        place = 0.5 * (profile.lower[kept] + profile.upper[kept])
        before = labels(pieces.tree, sample.Z)
        for share, threshold in zip(weight, place, strict=True):
            moved = with_boundary(pieces.tree, k, Boundary(edge.direction, float(threshold)))
            after = labels(moved, sample.Z)
            for j in np.unique(np.stack([before, after])[:, before != after]):
                change = _law(sample, after == j) - _law(sample, before == j)
                doubt[j] += share * np.outer(change, change)
    return doubt


def _law(sample: Sample, member: NDArray[np.bool_]) -> Array:
    index = np.flatnonzero(member)
    return np.asarray(fit_laws(sample.take(index), np.zeros(len(index), dtype=np.intp), 1)[0])
