"""Coordinates in which no choice of groups is preferred: centred log groups, unit covariance."""

from dataclasses import dataclass

import numpy as np

from dimgs.common.arrays import Array

# standard deviation along a direction, over the largest, each column in units of its own: below,
# the direction is constant but for rounding
_CONSTANT = 1e-10


@dataclass(frozen=True, eq=False)
class Whitening:
    """Affine map z = (x - centre) @ transform onto uncorrelated unit-variance coordinates.

    A change of basis of the log groups rotates z and leaves distances, ellipsoids and
    predictions as they are. Directions without variance are left out, so that exponents
    mapped back by `exponents` are those of minimum norm.

    Attributes
    ----------
    centre : ndarray of shape (n_features,)
        Weighted mean of the rows.
    transform : ndarray of shape (n_features, rank)
        Columns span the directions that vary.
    """

    centre: Array
    transform: Array

    @property
    def rank(self) -> int:
        """Number of directions that the runs vary in."""
        return int(self.transform.shape[1])

    def apply(self, X: Array) -> Array:
        """Whitened coordinates of the rows of `X`, shape (n_runs, rank)."""
        return np.asarray((X - self.centre) @ self.transform)

    def exponents(self, slopes: Array) -> Array:
        """Exponents of the features from slopes in whitened coordinates (last axis)."""
        return np.asarray(slopes @ self.transform.T)

    @property
    def translation(self) -> Array:
        """Matrix from [intercept, slopes] here to those of the features, (n_features + 1, ...)."""
        out = np.zeros((len(self.transform) + 1, self.rank + 1))
        out[0] = np.append(1.0, -self.centre @ self.transform)
        out[1:, 1:] = self.transform
        return out

    def covariance(self, matrix: Array) -> Array:
        """Covariance of the exponents from the covariance of whitened slopes."""
        return np.asarray(self.transform @ matrix @ self.transform.T)


def whiten(X: Array, weights: Array) -> tuple[Whitening, Array]:
    """Weighted whitening of the rows and the whitened rows themselves.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
        Log groups (already centred within groups if pairs stay within groups).
    weights : ndarray of shape (n_runs,)
        Non-negative weights, not all zero.

    Returns
    -------
    whitening : Whitening
    Z : ndarray of shape (n_runs, rank)
        Rows with weighted mean zero and weighted second moment the identity.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    >>> whitening, Z = whiten(X, np.ones(3))
    >>> whitening.rank
    1
    >>> bool(np.isclose(Z[:, 0] @ Z[:, 0] / 3, 1.0))
    True
    """
    total = weights.sum()
    centre = weights @ X / total
    centred = X - centre
    uniform = bool(np.all(weights == weights[0]))
    weighted = centred if uniform else centred * weights[:, None]
    gram = centred.T @ weighted * ((weights[0] if uniform else 1.0) / total)
    noise = np.finfo(float).eps * np.maximum(np.abs(centre), np.sqrt(np.diag(gram)))
    deviation = np.sqrt(np.diag(gram))
    varies = deviation > 8.0 * noise
    scale = np.where(varies, deviation, 1.0)
    correlation = np.where(np.outer(varies, varies), gram / np.outer(scale, scale), 0.0)
    values, vectors = np.linalg.eigh(correlation)
    top = values[-1] if values.size else 0.0
    kept = values > max(_CONSTANT**2, 32.0 * np.finfo(float).eps * len(values)) * max(top, 0.0)
    rows = vectors[:, kept] / scale[:, None]
    if not varies.any() or not kept.any():
        return Whitening(centre, np.zeros((X.shape[1], 0))), np.zeros((X.shape[0], 0))
    if not kept.all():
        # Rank deficient: return to the row space in the features' own units, so that the
        # exponents have minimum norm.
        left, singular, right = np.linalg.svd(centred * np.sqrt(weights / total)[:, None], False)
        rank = int(kept.sum())
        del left
        rows = right[:rank].T / singular[:rank]
    else:
        rows = rows / np.sqrt(values[kept])
    return Whitening(centre, rows), centred @ rows
