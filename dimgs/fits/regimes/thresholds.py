"""Where a boundary lies: profiles of its threshold, for jumps and kinks; jumps as monomials."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from dimgs.arrays import Array, BoolArray
from dimgs.fits.covariance import check_level, t_quantile
from dimgs.fits.influence import linearised
from dimgs.fits.regimes.boundary_directions import kink_scores, rational
from dimgs.fits.regimes.pieces import (
    Boundary,
    Pieces,
    at_boundary,
    boundaries,
    fit_continuous,
    fit_laws,
    jump_pieces,
    labels,
    with_boundary,
)
from dimgs.fits.regimes.regime_runs import Sample, WhitenedAxes, distinct_cuts, split_losses
from dimgs.fits.regimes.regime_search import noise_variance, placer
from dimgs.fits.regimes.simple import Simple

# thresholds of a profile, beside as many around the best
_CUTS = 2000
# admissible thresholds that the doubt of the laws is averaged over
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
        check_level(level)
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
class RegimeThreshold:
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


def _law(sample: Sample, member: BoolArray) -> Array:
    index = np.flatnonzero(member)
    return np.asarray(fit_laws(sample.take(index), np.zeros(len(index), dtype=np.intp), 1)[0])


# places of a profile: its ends are known to a quarter of a percent of the range
_KNOTS = 400
# numbers in memory at a time: 16 MB
_BLOCK = 2_000_000


def kink_profile(sample: Sample, pieces: Pieces, k: int) -> Profile:
    """Likelihood ratio of the kink between the two regimes beside it, in one independent direction.

    The noise is scaled by the ratio of the run- or cluster-robust to the plain variance of the
    difference of the laws at the boundary, never below 1.
    """
    edge = boundaries(pieces.tree)[k]
    regime = labels(pieces.tree, sample.Z)
    part = sample.take(np.flatnonzero(np.isin(regime, (k, k + 1))))
    root = np.sqrt(part.weight)
    basis = np.linalg.qr(root[:, None] * part.design)[0]
    response = (root * part.y)[:, None]
    response = response - basis @ (basis.T @ response)
    projection = part.Z @ edge.direction
    ordered = np.sort(projection)
    cuts = distinct_cuts(ordered, part.min_runs)
    ends = ordered[cuts[0] - 1], ordered[cuts[-1]]
    knots = np.unique(np.append(np.linspace(*ends, _KNOTS), np.clip(edge.threshold, *ends)))
    blocks = np.array_split(knots, -(-len(knots) * len(projection) // _BLOCK))
    scores = [kink_scores(basis, root, projection, b, response)[0][:, 0] for b in blocks]
    gain = np.concatenate(scores) ** 2
    variance, dof = noise_variance(sample, pieces)
    scale = variance * _kink_nuisance(sample, pieces, k, variance)
    lower = np.concatenate([knots[:1], knots[:-1]])
    upper = np.concatenate([knots[1:], knots[-1:]])
    return Profile(lower, upper, (gain.max() - gain) / scale, dof, True)


def _kink_nuisance(sample: Sample, pieces: Pieces, k: int, variance: float) -> float:
    edge = boundaries(pieces.tree)[k]
    regime = labels(pieces.tree, sample.Z)
    middle = sample.Z[np.isin(regime, (k, k + 1))].mean(axis=0)
    middle = middle + (edge.threshold - middle @ edge.direction) * edge.direction
    point = np.append(1.0, middle)
    robust = plain = 0.0
    for j in (k, k + 1):
        part = sample.take(np.flatnonzero(regime == j))
        miss = part.y - part.design @ pieces.laws[j]
        spread = linearised(part.design, miss, part.weight, part.cluster).covariance
        gram = part.design.T @ (part.weight[:, None] * part.design)
        robust += float(point @ spread @ point)
        plain += variance * float(point @ np.linalg.pinv(gram, hermitian=True) @ point)
    ratio = robust / plain if plain > 0 else 1.0
    return max(1.0, ratio) if np.isfinite(ratio) else 1.0


def meeting_profile(difference: Array, covariance: Array, lead: int, dof: float) -> Profile:
    """Squared t statistics of thresholds c where difference @ (1, c at `lead`) = 0 (Fieller 1954).

    For a continuous boundary in several groups, whose direction is estimated with it.

    Parameters
    ----------
    difference : ndarray of shape (n_features + 1,)
        Intercept and exponents of one law minus those of the other.
    covariance : ndarray of shape (n_features + 1, n_features + 1)
    lead : int
        Feature whose exponent is 1 in the boundary.
    dof : float

    References
    ----------
    Fieller (1954), J. R. Statist. Soc. B 16:175.
    """
    pick = np.array([0, lead + 1])
    offset, slope = difference[pick]
    block = covariance[np.ix_(pick, pick)]
    centre = -offset / slope
    gradient = np.array([-1.0 / slope, offset / slope**2])
    error = float(np.sqrt(max(gradient @ block @ gradient, 0.0)))
    if not np.isfinite(error) or error == 0.0:
        error = max(abs(centre), 1.0)
    steps = np.sinh(np.linspace(-8.0, 8.0, 2 * _KNOTS + 1)) / 10.0
    grid = centre + error * steps
    variance = block[0, 0] + 2 * grid * block[0, 1] + grid**2 * block[1, 1]
    miss = (offset + grid * slope) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(np.isfinite(variance) & (variance > 0), miss / variance, 0.0)
    lower = np.concatenate([grid[:1], grid[:-1]])
    upper = np.concatenate([grid[1:], grid[-1:]])
    return Profile(lower, upper, ratio, dof, True)


Rationals = dict[int, tuple[tuple[Fraction, ...], ...]]


def round_directions(
    axes: WhitenedAxes,
    sample: Sample,
    pieces: Pieces,
    monomials: list[tuple[int, ...]],
    level: float,
) -> tuple[Pieces, Rationals]:
    """Give each jump the shortest direction that is not rejected by the likelihood ratio.

    Parameters
    ----------
    axes : WhitenedAxes
    sample : Sample
    pieces : Pieces
    monomials : list of tuple of int
        Candidate directions in the groups, shortest first.
    level : float
        Level of the test, whose critical value is that of a threshold.

    Returns
    -------
    pieces : Pieces
        Refitted where a direction changed.
    rationals : dict of int to tuple of tuple of Fraction
        For each jump, the directions that are not rejected, shortest first, leading exponent 1.
    """
    if not monomials:
        return pieces, {}
    variance, _ = noise_variance(sample, pieces)
    tree = pieces.tree
    found: Rationals = {}
    for k, edge in enumerate(boundaries(pieces.tree)):
        if edge.continuous:
            continue
        place = placer(sample, tree, k)
        slack = variance * jump_nuisance(sample, pieces, k, variance) * hansen_quantile(level)
        tried = []
        for monomial in monomials:
            direction = axes.direction(monomial)
            if direction is not None:
                tried.append((monomial, direction, *place(direction)))
        least = min([place(edge.direction)[1], *(t[3] for t in tried)])
        kept = [t for t in tried if t[3] <= least + slack]
        found[k] = tuple(rational(t[0]) for t in kept)
        if kept:
            _, direction, threshold, _ = kept[0]
            if direction @ edge.direction < 0:
                direction, threshold = -direction, -threshold
            tree = with_boundary(tree, k, Boundary(direction, threshold))
    if tree is pieces.tree:
        return pieces, found
    flags = [k for k, edge in enumerate(boundaries(tree)) if edge.continuous]
    if not flags:
        return jump_pieces(sample, tree), found
    rounded = fit_continuous(sample, tree, flags)
    return (pieces, found) if rounded is None else (rounded, found)
