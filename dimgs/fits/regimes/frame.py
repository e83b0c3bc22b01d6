"""Coordinates of log-group space that do not know which pi basis was used."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array
from dimgs.fits.whitening import whiten

Labels = NDArray[np.intp]

_DEGENERATE = 1e-6


@dataclass(frozen=True, eq=False)
class Frame:
    """Affine map between log groups X and whitened coordinates Z = (X - centre) @ matrix.

    Attributes
    ----------
    centre : ndarray of shape (n_features,)
        Weighted mean of the runs.
    matrix : ndarray of shape (n_features, rank)
        Columns make Z orthonormal under the weights.
    inverse : ndarray of shape (rank, n_features)
        X - centre = Z @ inverse on the runs.
    """

    centre: Array
    matrix: Array
    inverse: Array

    @property
    def rank(self) -> int:
        """Number of independent directions among the runs."""
        return int(self.matrix.shape[1])

    def coordinates(self, X: Array) -> Array:
        """Whitened coordinates of rows `X`, shape (n_runs, rank)."""
        return np.asarray((X - self.centre) @ self.matrix)


def canonical_frame(X: Array, y: Array, weight: Array) -> Frame:
    """Whitened coordinates that are the same for X and X @ U, U invertible.

    Whitening fixes the coordinates up to a rotation. The rotation is fixed by generic functions
    of what every basis agrees on (the response and the leverages) projected on the span of X.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs,)
    weight : ndarray of shape (n_runs,)
        Positive weights.

    Returns
    -------
    Frame
    """
    whitening, Z = whiten(X, weight)
    root = np.sqrt(weight / weight.sum())
    orthonormal = root[:, None] * Z
    rotation = _rotation(orthonormal, y, root) if whitening.rank else np.zeros((0, 0))
    inverse = (orthonormal @ rotation).T @ (root[:, None] * (X - whitening.centre))
    return Frame(whitening.centre, whitening.transform @ rotation, inverse)


def _rotation(orthonormal: Array, y: Array, root: Array) -> Array:
    rank = orthonormal.shape[1]
    mean = float(np.average(y, weights=root**2))
    spread = float(np.sqrt(np.average((y - mean) ** 2, weights=root**2)))
    signal = (y - mean) / (spread if spread > 0 else 1.0)
    leverage = np.sum((orthonormal / root[:, None]) ** 2, axis=1) / rank
    order = np.arange(1, rank + 1)
    generic = np.cos(order * signal[:, None] + order**2 * np.sqrt(leverage)[:, None] + order)
    generic[:, 0] = signal
    rotation, triangle = np.linalg.qr(orthonormal.T @ (root[:, None] * generic))
    pivots = np.abs(np.diag(triangle))
    if pivots.min() < _DEGENERATE:
        # A design too symmetric for its responses to orient it: the order of the runs decides.
        place = np.arange(len(y))[:, None] * np.sqrt(np.arange(2.0, rank + 2.0))
        rotation, triangle = np.linalg.qr(orthonormal.T @ (root[:, None] * np.cos(place)))
    return np.asarray(rotation * np.where(np.diag(triangle) < 0, -1.0, 1.0))
