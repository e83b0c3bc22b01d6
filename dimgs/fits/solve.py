"""Least squares in standardised, orthonormal coordinates: rank, null and weak directions."""

from dataclasses import dataclass

import numpy as np

from dimgs.common.arrays import Array, BoolArray

# relative singular values of rows in memory below it are rounding, not data
ROWS_TOLERANCE = 1e-10
# the same of scatter matrices, whose eigenvalues are squares and have lost half of the digits
SCATTER_TOLERANCE = 1e-6
# of the size of a column: a spread below is rounding of its mean
CONSTANT_TOLERANCE = 1e-11
# Condition index from which Belsley, Kuh and Welsch (1980) call columns strongly collinear.
MAX_CONDITION_INDEX = 30.0
# share of a functional in the null directions: well above the rounding of either tolerance
_LEAK = 1e-6
# entries of an echelon form below are rounding: its pivots are 1, and its rows came from floats
_ZERO = 1e-8


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Orthonormal coordinates of the feature directions that the runs can separate.

    Attributes
    ----------
    whiten : ndarray of shape (n_features, rank)
        Centred, weighted rows times this are orthonormal columns.
    scale : ndarray of shape (n_features,)
        Spread of each feature (root of its scatter; 1 where it never varied).
    directions : ndarray of shape (n_features, n_features)
        Principal directions of the standardised features, one a row, by decreasing spread.
    condition_indices : ndarray of shape (n_features,)
        Largest spread over the spread along each direction; infinite where it vanishes.
    """

    whiten: Array
    scale: Array
    directions: Array
    condition_indices: Array

    @property
    def rank(self) -> int:
        """Number of directions that the runs can separate."""
        return int(self.whiten.shape[1])

    @property
    def null(self) -> Array:
        """Orthonormal null directions in standardised features, shape (n_null, n_features)."""
        return self.directions[self.rank :]

    def solved(self, xx: Array, xy: Array) -> Array:
        """Least-squares exponents from scatter matrices, (n_targets, n_features); refined once."""
        first = self.whiten @ (self.whiten.T @ xy)
        return np.asarray((first + self.whiten @ (self.whiten.T @ (xy - xx @ first))).T)

    def null_directions(self) -> Array:
        """Coefficient vectors along which the exponents can move without any effect.

        The monomial with these exponents is constant over the runs. Reduced to echelon form,
        so that each row involves as few features as possible; shape (n_null, n_features).
        """
        return echelon(self.null / self.scale)

    def weak_directions(self) -> Array:
        """Directions that the runs separate only weakly, the largest entry of each being 1."""
        weak = self.condition_indices[: self.rank] > MAX_CONDITION_INDEX
        rows = self.directions[: self.rank][weak] / self.scale
        if not len(rows):
            return np.asarray(rows)
        largest = np.abs(rows).argmax(axis=1, keepdims=True)
        return np.asarray(rows / np.take_along_axis(rows, largest, axis=1))

    def identifies(self, functionals: Array) -> BoolArray:
        """Whether each functional of the exponents, one a row, is free of null directions."""
        standard = functionals / self.scale
        leak = np.linalg.norm(standard @ self.null.T, axis=1)
        return np.asarray(leak <= _LEAK * np.linalg.norm(standard, axis=1))


def coordinates_of_rows(centred: Array, magnitude: Array) -> tuple[Coordinates, Array]:
    """Coordinates of centred, weighted rows, and the rows in these coordinates.

    Parameters
    ----------
    centred : ndarray of shape (n_runs, n_features)
        Rows times the root of their weights, centred.
    magnitude : ndarray of shape (n_features,)
        Norm of each weighted column before it was centred: what its rounding is relative to.

    Returns
    -------
    Coordinates
    ndarray of shape (n_runs, rank)
        Orthonormal columns.
    """
    scale = _scale(np.linalg.norm(centred, axis=0), magnitude)
    q, r = np.linalg.qr(centred / scale)
    left, singular, directions = np.linalg.svd(r)
    coordinates = _coordinates(scale, singular, directions, ROWS_TOLERANCE)
    return coordinates, q @ left[:, : coordinates.rank]


def coordinates_of_scatter(scatter: Array, magnitude: Array) -> Coordinates:
    """Coordinates from the centred scatter matrix alone; see `coordinates_of_rows`."""
    scale = _scale(np.sqrt(np.maximum(scatter.diagonal(), 0.0)), magnitude)
    values, vectors = np.linalg.eigh(scatter / np.outer(scale, scale))
    singular = np.sqrt(np.maximum(values[::-1], 0.0))
    return _coordinates(scale, singular, vectors[:, ::-1].T, SCATTER_TOLERANCE)


def _scale(norms: Array, magnitude: Array) -> Array:
    return np.where(norms > CONSTANT_TOLERANCE * magnitude, norms, np.inf)


def _coordinates(scale: Array, singular: Array, directions: Array, rtol: float) -> Coordinates:
    p = len(scale)
    singular = np.concatenate([singular, np.zeros(p - len(singular))])
    largest = float(np.max(singular, initial=0.0))
    rank = int(np.count_nonzero(singular > rtol * largest))
    indices = np.full(p, np.inf)
    indices[:rank] = largest / singular[:rank]
    whiten = directions[:rank].T / scale[:, None] / singular[:rank]
    return Coordinates(whiten, np.where(np.isinf(scale), 1.0, scale), directions, indices)


def echelon(rows: Array) -> Array:
    """Reduced echelon form of independent `rows`, pivots 1, largest pivots first."""
    a = np.array(rows, dtype=np.float64)
    free = np.ones(a.shape[1], dtype=bool)
    for i in range(len(a)):
        block = np.where(free, np.abs(a[i:]), -1.0)
        row, column = np.unravel_index(int(np.argmax(block)), block.shape)
        a[[i, i + int(row)]] = a[[i + int(row), i]]
        a[i] /= a[i, column]
        others = np.arange(len(a)) != i
        a[others] -= np.outer(a[others, column], a[i])
        free[column] = False
    a[np.abs(a) < _ZERO] = 0.0
    return a[np.lexsort(-np.abs(a).T[::-1])] if len(a) else a


def oriented(columns: Array) -> Array:
    """Sign that makes the largest entry of each column positive (the first, in ties)."""
    size = np.abs(columns)
    first = np.argmax(size >= size.max(axis=0) * (1 - 1e-9), axis=0)
    return np.where(columns[first, np.arange(columns.shape[1])] < 0, -1.0, 1.0)
