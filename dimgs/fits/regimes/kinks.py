"""Where two laws meet, with an interval: along one direction, or with the direction estimated."""

import numpy as np

from dimgs.arrays import Array
from dimgs.fits.influence import linearised
from dimgs.fits.regimes.continuity import Pieces
from dimgs.fits.regimes.hinges import kink_scores
from dimgs.fits.regimes.moments import Sample, distinct_cuts
from dimgs.fits.regimes.noise import noise_variance
from dimgs.fits.regimes.thresholds import Profile
from dimgs.fits.regimes.tree import boundaries, labels

_KNOTS = 400
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
