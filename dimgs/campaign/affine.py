"""Small affine fits: the working horse of the search for regimes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Affine:
    """A power law in pi space: log pi_0 = constant + slope . z.

    Parameters
    ----------
    constant : float
    slope : ndarray of shape (rank,)
    """

    constant: float
    slope: Array

    @classmethod
    def fit(cls, z: Array, y: Array) -> "Affine":
        """Least squares; of the smallest slope where the points do not span the space."""
        mean = z.mean(axis=0)
        level = float(y.mean())
        slope = np.linalg.lstsq(z - mean, y - level, rcond=1e-9)[0]
        return cls(level - float(mean @ slope), slope)

    def __call__(self, z: Array) -> Array:
        """Values at points of shape (n, rank)."""
        return np.asarray(self.constant + z @ self.slope)


def distances(z: Array, other: Array) -> Array:
    """Squared distances, shape (n_points, n_other_points)."""
    cross = z @ other.T
    square = (z**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None] - 2.0 * cross
    return np.asarray(np.maximum(square, 0.0))
