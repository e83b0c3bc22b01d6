"""How far places lie outside the runs: the distance to their convex hull, in whitened units."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import ConvexHull, QhullError

from dimgs.arrays import Array

_OUTSIDE = 1e-6
_TOGETHER = 1e3
_MOST_DIMENSIONS = 4
_MOST_CORNERS = 1000


@dataclass(frozen=True, eq=False)
class Hull:
    """Convex hull of runs in whitened coordinates, which no choice of groups changes.

    Parameters
    ----------
    corners : ndarray of shape (n_corners, rank)
    faces : ndarray of shape (n_faces, rank + 1), optional
        Inside is where faces @ (z, 1) is negative; absent in many dimensions.
    """

    corners: Array
    faces: Array | None

    @classmethod
    def of(cls, z: Array) -> Self:
        """Hull of the rows."""
        rank = z.shape[1]
        if rank == 1:
            low, high = float(z.min()), float(z.max())
            return cls(np.array([[low], [high]]), np.array([[-1.0, low], [1.0, -high]]))
        if 2 <= rank <= _MOST_DIMENSIONS and len(z) > rank + 1:
            try:
                found = ConvexHull(z)
            except QhullError:
                return cls(z[:: -(-len(z) // _MOST_CORNERS)], None)
            return cls(z[found.vertices], np.asarray(found.equations))
        return cls(z[:: -(-len(z) // _MOST_CORNERS)], None)

    def distance(self, z: Array) -> Array:
        """Euclidean distance of each row to the hull, zero inside; shape (n_rows,).

        Examples
        --------
        >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.2, 0.2]])
        >>> Hull.of(corners).distance(np.array([[0.3, 0.3], [-2.0, 0.5]])).round(6)
        array([0., 2.])
        """
        out = np.zeros(len(z))
        if not z.shape[1]:
            return out
        beyond = np.ones(len(z), dtype=np.bool_)
        if self.faces is not None:
            beyond = np.max(z @ self.faces[:, :-1].T + self.faces[:, -1], axis=1) > _OUTSIDE
        columns = np.vstack([self.corners.T, np.full(len(self.corners), _TOGETHER)])
        for k in np.flatnonzero(beyond):
            mixture, _ = nnls(columns, np.append(z[k], _TOGETHER))
            size = float(np.linalg.norm(z[k] - mixture @ self.corners))
            out[k] = size if size > _OUTSIDE * (1.0 + float(np.linalg.norm(z[k]))) else 0.0
        return out
