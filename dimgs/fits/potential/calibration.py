"""Conformal intervals from runs and pairs left out, wider where the networks know less.

Every run is predicted by networks trained without it (jackknife+ by groups of runs); a pair by
networks trained without both, and pairs share no run. An error counts in units of what the
networks leave open there: their noise, the leverage of the place, and their disagreement.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array
from dimgs.fits.covariance import check_level

IntArray = NDArray[np.intp]
_BLOCK = 5_000_000


@dataclass(frozen=True, eq=False)
class Calibration:
    """Errors on what was left out, and the networks that made them.

    Parameters
    ----------
    fold : ndarray of int of shape (n_errors,)
        Fold of each error.
    scores : ndarray of shape (n_errors, n_targets)
        Absolute errors in units of the scale there.
    effective : int
        Independent errors among them.
    """

    fold: IntArray
    scores: Array
    effective: int

    def bounds(self, centres: Array, scales: Array, level: float) -> Array:
        """Intervals at some places.

        Parameters
        ----------
        centres, scales : ndarray of shape (n_folds, n_rows, n_targets)
            Prediction by the networks of each fold, and what they leave open.
        level : float

        Returns
        -------
        ndarray of shape (n_rows, n_targets, 2)
            Infinite where too few runs were left out for the level.
        """
        check_level(level)
        n = len(self.fold)
        out = np.empty((*centres.shape[1:], 2))
        rank = n + 1
        if self.effective:
            rank = int(np.ceil(level * (1.0 + 1.0 / self.effective) * n - 1e-9))
        if rank > n:
            out[..., 0], out[..., 1] = -np.inf, np.inf
            return out
        if np.all(self.fold == self.fold[0]):
            # one centre for all errors: their own quantile
            size = np.partition(self.scores, rank - 1, axis=0)[rank - 1]
            reach = size * scales[self.fold[0]]
            out[..., 0], out[..., 1] = (centres[self.fold[0]] + s * reach for s in (-1.0, 1.0))
            return out
        block = max(1, _BLOCK // (n * centres.shape[2]))
        for start in range(0, centres.shape[1], block):
            rows = slice(start, start + block)
            centre, scale = centres[self.fold, rows], scales[self.fold, rows]
            reach = self.scores[:, None] * scale
            out[rows, :, 0] = np.partition(centre - reach, n - rank, axis=0)[n - rank]
            out[rows, :, 1] = np.partition(centre + reach, rank - 1, axis=0)[rank - 1]
        return out
