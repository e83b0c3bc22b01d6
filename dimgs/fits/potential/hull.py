"""Convex hull of runs in whitened coordinates, which no choice of groups changes."""

from contextlib import suppress

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import ConvexHull, QhullError

from dimgs.common.arrays import Array

# in standard deviations of the runs: nearer to the hull of the runs is inside, but for rounding
_INSIDE = 1e-6
# weight of the condition that shares add up to one, in the units of whitened coordinates
_TOGETHER = 1e3
# faces of a hull grow with the power of half of the dimensions
_MOST_DIMENSIONS = 4
# runs that stand for the hull where its faces are too many
_MOST_CORNERS = 1000


def hull_corners(z: Array) -> Array:
    """Rows that span the convex hull of all, or many of them where its faces are too many.

    Examples
    --------
    >>> hull_corners(np.array([[0.5], [2.0], [-1.0]])).ravel().tolist()
    [-1.0, 2.0]
    """
    if z.shape[1] == 1:
        return np.array([z.min(axis=0), z.max(axis=0)])
    if 2 <= z.shape[1] <= _MOST_DIMENSIONS:
        with suppress(QhullError):
            return np.asarray(z[ConvexHull(z).vertices])
    return z[:: -(-len(z) // _MOST_CORNERS)]


def distances_to_hull(corners: Array, z: Array) -> Array:
    """Euclidean distance of each row to the hull of some, zero inside; shape (n_rows,).

    Examples
    --------
    >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> distances_to_hull(corners, np.array([[0.3, 0.3], [-2.0, 0.5]])).round(6)
    array([0., 2.])
    """
    columns = np.vstack([corners.T, np.full(len(corners), _TOGETHER)])
    shares = np.array([nnls(columns, [*row, _TOGETHER])[0] for row in z])
    size = np.linalg.norm(z - shares.reshape(len(z), -1) @ corners, axis=1)
    return np.where(size > _INSIDE * (1.0 + np.linalg.norm(z, axis=1)), size, 0.0)
