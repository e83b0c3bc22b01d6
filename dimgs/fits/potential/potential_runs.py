"""Runs as a potential sees them: duplicates merged, whitened coordinates, units of the misfit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.design.whitening import whiten
from dimgs.errors import FitError, InputError
from dimgs.fits.base import TrainingRuns
from dimgs.fits.run_checks import check_clusters

# of the spread of the response: what is left below is rounding
_EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class PotentialRuns:
    """Distinct runs of positive weight.

    Parameters
    ----------
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs, n_targets)
        Response as given.
    weights : ndarray of shape (n_runs,)
        Of mean one.
    clusters : ndarray of int of shape (n_runs,)
        Runs that are held out together.
    within : ndarray of int of shape (n_runs,), optional
        Label within which runs are paired.
    within_labels : ndarray, optional
    rows : ndarray of int of shape (n_runs,)
        Where each run comes first in the table.
    """

    X: Array
    y: Array
    weights: Array
    clusters: IntArray
    within: IntArray | None
    within_labels: NDArray[np.generic] | None
    rows: IntArray

    def __len__(self) -> int:
        return len(self.y)

    @property
    def n_clusters(self) -> int:
        """How many sets of runs can be held out."""
        return int(self.clusters.max()) + 1

    def centred(self, values: Array, weights: Array) -> Array:
        """Values about the weighted mean of their label, or of all runs.

        Parameters
        ----------
        values : ndarray of shape (n_runs, n)
        weights : ndarray of shape (n_runs,)
        """
        if self.within is None:
            return np.asarray(values - weights @ values / weights.sum())
        total = np.bincount(self.within, weights)
        safe = np.where(total > 0, total, 1.0)
        means = np.column_stack([np.bincount(self.within, weights * v) / safe for v in values.T])
        return np.asarray(values - means[self.within])

    def label_means(self, values: Array) -> dict[Any, Array]:
        """Weighted mean of the values over the runs of each label; {} without labels.

        Parameters
        ----------
        values : ndarray of shape (n_runs, n)
        """
        if self.within is None or self.within_labels is None:
            return {}
        out = {}
        for code, label in enumerate(self.within_labels.tolist()):
            own = self.within == code
            if own.any():
                out[label] = self.weights[own] @ values[own] / self.weights[own].sum()
        return out


def distinct_runs(runs: TrainingRuns) -> PotentialRuns:
    """Runs of positive weight; identical ones are one run of their summed weight.

    The order is that of the response, so that neither the order of the table nor the choice of
    groups matters.

    Raises
    ------
    InputError
        If there are not as many labels as runs.
    FitError
        If fewer than two distinct runs, or a single cluster, are left.
    """
    X, t, w = runs.X, runs.y.reshape(len(runs), -1), runs.weights
    labels, within_codes = (
        (None, None) if runs.within is None else np.unique(runs.within, return_inverse=True)
    )
    clusters = None if runs.groups is None else runs.clusters
    table = np.column_stack([X, t, *(c for c in (clusters, within_codes) if c is not None)])
    used = np.flatnonzero(w > 0)
    _, first, inverse = np.unique(table[used], axis=0, return_index=True, return_inverse=True)
    total = np.bincount(inverse.ravel(), w[used])
    rows = used[first]
    by_place = np.argsort(rows)
    order = by_place[np.lexsort(t[rows[by_place]].T[::-1])]
    rows, total = rows[order], total[order]
    if len(rows) < 2:
        raise FitError(f"{len(rows)} distinct runs make no pair: give at least two.")
    if within_codes is not None and np.bincount(within_codes[rows]).max() < 2:
        raise FitError(
            "No label of within has two distinct runs, so that no pair is left: "
            "give labels that runs share, or none."
        )
    new_clusters = np.arange(len(rows), dtype=np.intp)
    if clusters is not None:
        new_clusters = _in_order(clusters[rows])
        check_clusters(new_clusters)
    return PotentialRuns(
        X[rows],
        t[rows],
        total / total.mean(),
        new_clusters,
        None if within_codes is None else within_codes[rows],
        labels,
        rows,
    )


def _in_order(codes: IntArray) -> IntArray:
    """Codes numbered by first appearance."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return np.asarray(rank[inverse.ravel()], dtype=np.intp)


# relative: distances that differ by rounding are equal
_TIE = 1e-9
# relative singular values below are rounding of logarithms
_NEVER_VARIED = 1e-9
# in standard deviations of the runs: nearer to the span or the hull of the runs is inside, but for
# rounding
OUTSIDE = 1e-6


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
        return np.asarray(np.any(np.abs(off) > OUTSIDE, axis=1), dtype=np.bool_)

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


@dataclass(frozen=True, eq=False)
class Task:
    """Runs in whitened coordinates, with the response in units of what the power law leaves.

    Parameters
    ----------
    runs : PotentialRuns
    axes : PotentialAxes
    z : ndarray of shape (n_runs, rank)
    codes : ndarray of int of shape (n_runs, n_categorical)
    target : ndarray of shape (n_runs, n_targets)
        (y - centre) / scale.
    centre, scale : ndarray of shape (n_targets,)
    exact : bool
        Whether the power law leaves nothing but rounding.
    """

    runs: PotentialRuns
    axes: PotentialAxes
    z: Array
    codes: IntArray
    target: Array
    centre: Array
    scale: Array
    exact: bool

    def linear_design(self) -> Array:
        """Coordinates and indicators of labels, shape (n_runs, n_linear)."""
        hot = [
            (self.codes[:, [k]] == np.arange(len(labels))).astype(float)
            for k, labels in enumerate(self.axes.labels)
        ]
        return np.hstack([self.z, *hot])

    def linear(self, weights: Array) -> Array:
        """Weighted least squares over all pairs, shape (n_linear, n_targets)."""
        return _least_squares(self.runs, self.linear_design(), self.target, weights)


def _least_squares(runs: PotentialRuns, design: Array, target: Array, weights: Array) -> Array:
    root = np.sqrt(weights)[:, None]
    a, b = runs.centred(design, weights) * root, runs.centred(target, weights) * root
    gram, moment = a.T @ a, a.T @ b
    if len(a) < 50 * max(design.shape[1], 1):
        return np.asarray(np.linalg.lstsq(a, b, rcond=1e-10)[0])
    return np.asarray(np.linalg.lstsq(gram, moment, rcond=1e-12)[0])


def task_of(runs: PotentialRuns, categorical: tuple[int, ...], robust: bool) -> Task:
    """Axes, coordinates and units of some runs.

    Parameters
    ----------
    runs : PotentialRuns
    categorical : tuple of int
    robust : bool
        Measure what the power law leaves by its median, so that outliers set no unit.
    """
    axes, z = axes_of(runs.X, runs.weights, runs.within, categorical)
    centre = runs.weights @ runs.y / runs.weights.sum()
    y = runs.y - centre
    spread = np.sqrt(runs.weights @ runs.centred(y, runs.weights) ** 2 / len(runs))
    spread = np.where(spread > 0, spread, 1.0)
    first = Task(runs, axes, z, axes.codes(runs.X), y / spread, centre, spread, False)
    design = first.linear_design()
    left = runs.centred(first.target - design @ first.linear(runs.weights), runs.weights)
    size = np.sqrt(runs.weights @ left**2 / len(runs))
    exact = bool(np.all(size <= _EXACT))
    if robust:
        size = np.maximum(1.4826 * np.median(np.abs(left), axis=0), 1e-3 * size)
    # a few digits, so that the last ones, which vary with the choice of groups, do not matter
    unit = np.array([float(f"{u:.6g}") for u in spread * np.where(size > _EXACT, size, 1.0)])
    return Task(runs, axes, z, first.codes, y / unit, centre, unit, exact)
