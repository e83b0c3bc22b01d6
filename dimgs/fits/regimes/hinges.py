"""Kinks: how much of the residuals a hinge max(0, s - tau) explains, for many hinges at once."""

import numpy as np

from dimgs.arrays import Array
from dimgs.fits.regimes.frame import Labels
from dimgs.fits.regimes.moments import Sample, distinct_cuts

_LARGEST_TABLE = 5000


def thin(sample: Sample) -> Sample:
    """At most a few thousand runs, evenly spaced, where every run is not needed."""
    if len(sample.y) <= _LARGEST_TABLE:
        return sample
    step = -(-len(sample.y) // _LARGEST_TABLE)
    return sample.take(np.arange(0, len(sample.y), step))


def knots_of(projection: Array, min_runs: int, most: int) -> Array:
    """Thresholds between runs that leave enough of them on both sides."""
    ordered = np.sort(projection)
    cuts = distinct_cuts(ordered, min_runs, most)
    return np.asarray(0.5 * (ordered[cuts - 1] + ordered[cuts]))


def kink_scores(
    basis: Array, root: Array, projection: Array, knots: Array, response: Array
) -> tuple[Array, Array]:
    """Projections on single hinges, given the laws already fitted.

    Parameters
    ----------
    basis : ndarray of shape (n_runs, q)
        Orthonormal basis of the weighted design.
    root : ndarray of shape (n_runs,)
        Roots of the weights.
    projection : ndarray of shape (n_runs,)
    knots : ndarray of shape (n_knots,)
    response : ndarray of shape (n_runs, n_responses)
        Weighted responses, already orthogonal to `basis`.

    Returns
    -------
    scores : ndarray of shape (n_knots, n_responses)
        Their squares are the reductions of the sum of squares.
    hinges : ndarray of shape (n_runs, n_knots)
        Unit vectors orthogonal to `basis`; zero where the laws already contain the hinge.
    """
    hinge = root[:, None] * np.maximum(projection[:, None] - knots, 0.0)
    raw = np.sum(hinge**2, axis=0)
    hinge = hinge - basis @ (basis.T @ hinge)
    size = np.sqrt(np.sum(hinge**2, axis=0))
    usable = size > 1e-5 * np.sqrt(raw)
    hinge *= np.where(usable, 1.0 / np.where(usable, size, 1.0), 0.0)
    return np.asarray(hinge.T @ response), hinge


def best_hinge(
    sample: Sample, regime: Labels, directions: Array
) -> tuple[int, Array, float] | None:
    """The regime, direction and threshold of the hinge that explains most, or None."""
    best: tuple[int, Array, float] | None = None
    most = 0.0
    for k in range(int(regime.max()) + 1):
        part = thin(sample.take(np.flatnonzero(regime == k)))
        root = np.sqrt(part.weight)
        basis = np.linalg.qr(root[:, None] * part.design)[0]
        response = (root * part.y)[:, None]
        response = response - basis @ (basis.T @ response)
        for direction in directions:
            projection = part.Z @ direction
            knots = knots_of(projection, part.min_runs, 32)
            if len(knots):
                gain = kink_scores(basis, root, projection, knots, response)[0][:, 0] ** 2
                at = int(np.argmax(gain))
                if gain[at] > most * (1 + 1e-9):
                    most, best = float(gain[at]), (k, direction, float(knots[at]))
    return best
