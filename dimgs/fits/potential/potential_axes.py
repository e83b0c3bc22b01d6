"""Coordinates of the potential, in an orientation that the runs fix, and their convex hull."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.spatial import ConvexHull, QhullError

from dimgs.arrays import Array, IntArray
from dimgs.design.whitening import whiten
from dimgs.errors import InputError

# relative: distances that differ by rounding are equal
_TIE = 1e-9
# relative singular values below are rounding of logarithms
_NEVER_VARIED = 1e-9
# in standard deviations of the runs: nearer to the hull is inside, but for rounding
_OUTSIDE = 1e-6


@dataclass(frozen=True, eq=False)
class PotentialAxes:
    """From rows of X to whitened coordinates and codes of labels.

    Parameters
    ----------
    centre : ndarray of shape (n_numeric,)
    transform : ndarray of shape (n_numeric, rank)
        z = (x - centre) @ transform.
    numeric, categorical : tuple of int
        Columns of X.
    labels : tuple of ndarray
        Sorted values of each categorical column.
    never_varied : ndarray of shape (n_numeric, n_directions)
        Directions along which all the runs agree.
    """

    centre: Array
    transform: Array
    numeric: tuple[int, ...]
    categorical: tuple[int, ...]
    labels: tuple[Array, ...]
    never_varied: Array

    @property
    def columns(self) -> dict[int, int]:
        """Position of each numeric column of X among the numeric ones."""
        return {column: k for k, column in enumerate(self.numeric)}

    def coordinates(self, X: Array) -> Array:
        """Whitened coordinates, shape (n_rows, rank)."""
        return np.asarray((X[:, list(self.numeric)] - self.centre) @ self.transform)

    def leaves_span(self, X: Array) -> NDArray[np.bool_]:
        """Which rows differ from the runs along a direction in which the runs agree."""
        off = (X[:, list(self.numeric)] - self.centre) @ self.never_varied
        return np.asarray(np.any(np.abs(off) > _OUTSIDE, axis=1), dtype=np.bool_)

    def codes(self, X: Array) -> IntArray:
        """Position of each label among those seen at fit, -1 for others."""
        out = np.empty((len(X), len(self.categorical)), dtype=np.intp)
        for k, (column, labels) in enumerate(zip(self.categorical, self.labels, strict=True)):
            found = np.searchsorted(labels, X[:, column]).clip(max=len(labels) - 1)
            out[:, k] = np.where(labels[found] == X[:, column], found, -1)
        return out


def axes_of(
    X: Array, weights: Array, codes: IntArray | None, categorical: Sequence[int]
) -> tuple[PotentialAxes, Array]:
    """The axes of some runs, and their whitened coordinates.

    The axes go through runs: the first through the run farthest from the centre, the next
    through the farthest from the first axis, and so on, ties to the run that comes first. No
    choice of groups can turn them, since whitened distances do not depend on it.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
        In an order that does not depend on the choice of groups.
    weights : ndarray of shape (n_runs,)
    codes : ndarray of int of shape (n_runs,), optional
        Labels within which runs are paired; the spread within them is made one.
    categorical : sequence of int
        Columns of X that hold codes of labels.

    Raises
    ------
    InputError
        If a categorical column does not exist.
    """
    for column in categorical:
        if not 0 <= column < X.shape[1]:
            raise InputError(
                f"Column {column} given as categorical is not in X, which has {X.shape[1]} "
                f"columns, counted from 0."
            )
    numeric = tuple(j for j in range(X.shape[1]) if j not in set(categorical))
    values = X[:, list(numeric)]
    centre = weights @ values / weights.sum()
    centred = values - centre
    never_varied = _never_varied(centred, values)
    if codes is not None:
        totals = np.bincount(codes, weights)
        for j in range(centred.shape[1]):
            means = np.bincount(codes, weights * centred[:, j]) / totals
            centred[:, j] -= means[codes]
    whitening, rows = whiten(centred, weights)
    turned = _axes(rows)
    labels = tuple(np.unique(X[:, column]) for column in categorical)
    axes = PotentialAxes(
        centre, whitening.transform @ turned, numeric, tuple(categorical), labels, never_varied
    )
    return axes, axes.coordinates(X)


def _never_varied(centred: Array, values: Array) -> Array:
    size = np.maximum(np.abs(values).max(axis=0, initial=0.0), 1.0)
    triangle = np.linalg.qr(centred / size, mode="r")
    _, spread, axes = np.linalg.svd(triangle, full_matrices=True)
    whole = np.zeros(len(axes))
    whole[: len(spread)] = spread
    return np.asarray(axes[whole <= _NEVER_VARIED * np.sqrt(len(values))].T / size[:, None])


def _axes(rows: Array) -> Array:
    """Orthonormal axes through the runs farthest from those before, shape (rank, rank)."""
    rank = rows.shape[1]
    axes = np.zeros((rank, rank))
    left = rows.copy()
    for k in range(rank):
        size = np.einsum("ij,ij->i", left, left)
        far = int(np.argmax(size >= size.max() * (1.0 - _TIE)))
        axis = left[far] - axes[:, :k] @ (axes[:, :k].T @ left[far])
        axes[:, k] = axis / np.linalg.norm(axis)
        left -= np.outer(left @ axes[:, k], axes[:, k])
    return axes


# weight of the condition that shares add up to one, in the units of whitened coordinates
_TOGETHER = 1e3
# faces of a hull grow with the power of half of the dimensions
_MOST_DIMENSIONS = 4
# runs that stand for the hull where its faces are too many
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
