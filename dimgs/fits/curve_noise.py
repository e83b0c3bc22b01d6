"""Noise about smooth curves, by what the neighbours of each point leave of it.

References
----------
T. Gasser, L. Sroka, C. Jennen-Steinmetz, Biometrika 73 (1986) 625-633.
"""

import numpy as np

from dimgs.common.arrays import Array, IntArray


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
    order = np.lexsort((u, runs))
    u, values, runs = u[order], values[order], runs[order]
    inside = np.flatnonzero(runs[2:] == runs[:-2]) + 1
    if not len(inside):
        return float("nan")
    before, after = u[inside] - u[inside - 1], u[inside + 1] - u[inside]
    total = before + after
    near = np.where(total > 0, after / np.where(total > 0, total, 1.0), 0.5)
    line = near * values[inside - 1] + (1.0 - near) * values[inside + 1]
    residuals = (values[inside] - line) / np.sqrt(1.0 + near**2 + (1.0 - near) ** 2)
    return float(np.sqrt(np.mean(residuals**2)))
