"""Runs as a potential sees them: duplicates merged, ordered by response, in units of the misfit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.errors import FitError
from dimgs.fits.base import TrainingRuns
from dimgs.fits.potential.potential_axes import PotentialAxes, axes_of
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
    """PotentialAxes, coordinates and units of some runs.

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
