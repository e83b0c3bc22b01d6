"""Noise about smooth curves, by what the neighbours of each point leave of it.

References
----------
T. Gasser, L. Sroka, C. Jennen-Steinmetz, Biometrika 73 (1986) 625-633.
"""

import numpy as np

from dimgs.common.arrays import Array, IntArray

# of the range of the places: nearer points count as this far apart, so that no weight is infinite
_APART = 1e-12


def left_by_neighbours(
    u: Array, values: Array, runs: IntArray, each_side: int = 1
) -> tuple[IntArray, Array]:
    """What the polynomial through the neighbours of each point leaves of it, in units of noise.

    Parameters
    ----------
    u, values : ndarray of shape (n_points,)
    runs : ndarray of int of shape (n_points,)
        Neighbours are points of the same run.
    each_side : int
        Neighbours before and behind, in the order of `u`.

    Returns
    -------
    rows : ndarray of int of shape (n,)
        The points that have so many neighbours on both sides.
    residuals : ndarray of shape (n,)
        Of the variance of the noise, where that is the same for neighbours.
    """
    order = np.lexsort((u, runs))
    inside = np.flatnonzero(runs[order][2 * each_side :] == runs[order][: -2 * each_side])
    steps = np.delete(np.arange(2 * each_side + 1), each_side)
    near, rows = order[inside[:, None] + steps], order[inside + each_side]
    places = u[near] - u[rows, None] + _APART * (np.ptp(u) or 1.0) * (steps - each_side)
    # weights of Lagrange's polynomial at the point
    weights = np.stack(
        [
            np.prod(np.delete(places, k, 1) / (np.delete(places, k, 1) - places[:, [k]]), axis=1)
            for k in range(2 * each_side)
        ],
        axis=1,
    )
    residuals = values[rows] - (weights * values[near]).sum(axis=1)
    return rows, residuals / np.sqrt(1.0 + (weights**2).sum(axis=1))


def noise_about_curves(u: Array, values: Array, runs: IntArray) -> float:
    """Standard deviation of the noise about a smooth curve through each run.

    By what the line through the two neighbours of each point leaves of it.

    Parameters
    ----------
    u, values : ndarray of shape (n_points,)
    runs : ndarray of int of shape (n_points,)

    Returns
    -------
    float
        NaN where no run has three points.

    Examples
    --------
    >>> u, noise = np.linspace(0, 1, 400), np.random.default_rng(0).normal(0, 0.1, 400)
    >>> print(round(noise_about_curves(u, np.sin(u) + noise, np.zeros(400, int)), 2))
    0.1
    """
    _, residuals = left_by_neighbours(u, values, runs)
    return float(np.sqrt(np.mean(residuals**2))) if len(residuals) else float("nan")
