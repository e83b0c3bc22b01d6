"""Runs of a fit, checked; no scikit-learn, whose import takes longer than a fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.common.errors import FitError, InputError


def checked_weights(sample_weight: ArrayLike | None, n_runs: int) -> Array:
    """Weight of each run, shape (n_runs,); 1 by default, and a scalar counts for all runs.

    Raises
    ------
    InputError
        If there is not one weight per run, one is negative or not finite, or all are zero.
    """
    if sample_weight is None:
        return np.ones(n_runs)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(n_runs, float(weights))
    if weights.shape != (n_runs,):
        raise InputError(
            f"sample_weight has shape {weights.shape} for {n_runs} runs: give one weight per run."
        )
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0.0)))
    if bad.size:
        raise InputError(
            f"sample_weight is {weights[bad[0]]} in row {int(bad[0])}: give finite weights of at "
            f"least 0."
        )
    if not weights.any():
        raise InputError("Every weight in sample_weight is zero: give some run a positive weight.")
    return weights


def checked_table(
    values: ArrayLike, name: str, least: int = 2, columns: Sequence[str] | None = None
) -> Array:
    """Finite table with a row for each of at least `least` runs.

    Raises
    ------
    InputError
        If it has another shape or number of columns, or holds NaN or infinity.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < least:
        raise InputError(
            f"{name} must be a table of at least {least} runs; its shape is {rows.shape}."
        )
    if columns is not None and len(columns) != rows.shape[1]:
        raise InputError(f"{len(columns)} names were given for {rows.shape[1]} columns.")
    if not np.isfinite(rows).all():
        i, j = np.argwhere(~np.isfinite(rows))[0]
        raise InputError(
            f"{name} is not finite in run {i}, column {j if columns is None else columns[j]}: drop "
            f"the run, or take logarithms of positive values only."
        )
    return rows


def checked_response(values: ArrayLike, name: str, n_runs: int) -> Array:
    """Response of each run, shape (n_runs,).

    Raises
    ------
    InputError
        If it has another shape, or holds NaN or infinity.
    """
    response = np.asarray(values, dtype=np.float64)
    if response.shape != (n_runs,) or not np.isfinite(response).all():
        raise InputError(f"{name} must hold one finite value for each of the {n_runs} runs")
    return response


def distinct_rows(table: Array, weights: Array) -> tuple[IntArray, IntArray, Array]:
    """First row of every distinct run, the distinct run of each row, and summed weights.

    Rows of weight zero are not runs; their place is -1.
    """
    used = np.flatnonzero(weights > 0.0)
    _, first, codes = np.unique(table[used], axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    inverse = np.full(len(table), -1, dtype=np.intp)
    inverse[used] = np.argsort(order)[codes.ravel()]
    mass = np.asarray(np.bincount(codes.ravel(), weights[used]), dtype=np.float64)
    return used[first[order]], inverse, mass[order]


def check_pairs(n_runs: int) -> None:
    """Raise FitError unless runs of positive weight make a pair."""
    if n_runs < 2:
        raise FitError(f"{n_runs} run of positive weight makes no pair: give at least two.")


def labels_of(labels: ArrayLike | None, n_runs: int, name: str) -> NDArray[Any] | None:
    """Label of each run, of shape (n_runs,); None where none are given."""
    if labels is None:
        return None
    values = np.asarray(labels)
    if values.shape != (n_runs,):
        raise InputError(f"`{name}` has shape {values.shape} for {n_runs} runs: one label per run.")
    return values


def label_codes(
    labels: ArrayLike | None, n_runs: int, name: str
) -> tuple[NDArray[np.generic], IntArray]:
    """Distinct labels, sorted, and the position of each run's label among them."""
    values = labels_of(labels, n_runs, name)
    if values is None:
        return np.zeros(1, dtype=np.intp), np.zeros(n_runs, dtype=np.intp)
    return np.unique(values, return_inverse=True)


def check_clusters(codes: IntArray) -> None:
    """Raise FitError where all runs lie in one cluster, which cannot be left out."""
    if np.ptp(codes) == 0:
        raise FitError(
            "All runs are in one cluster: give `groups` at least two labels, or leave it out."
        )


def cluster_codes(groups: ArrayLike | None, n_runs: int) -> IntArray:
    """Cluster of each run as a number from 0; every run its own where no groups are given."""
    return np.arange(n_runs) if groups is None else label_codes(groups, n_runs, "groups")[1]


@dataclass(frozen=True, eq=False)
class TrainingRuns:
    """Arguments of `fit`, checked: every array is finite and has one row a run.

    Attributes
    ----------
    X : ndarray of shape (n_runs, n_features)
    y : ndarray of shape (n_runs,) or (n_runs, n_targets)
    weights : ndarray of shape (n_runs,)
        1 where none were given.
    groups, within : ndarray of shape (n_runs,), optional
    """

    X: Array
    y: Array
    weights: Array
    groups: NDArray[Any] | None = None
    within: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def clusters(self) -> IntArray:
        """Cluster of each run as a number from 0; every run its own where no groups are given."""
        return cluster_codes(self.groups, len(self))

    @property
    def used(self) -> BoolArray:
        """Mask of the runs with a positive weight."""
        return self.weights > 0.0

    def only_used(self) -> Self:
        """The runs of positive weight alone."""
        return self.take(self.used)

    def take(self, rows: IntArray | BoolArray) -> Self:
        """Some of the runs."""
        groups, within = (None if v is None else v[rows] for v in (self.groups, self.within))
        return replace(self, X=self.X[rows], y=self.y[rows], weights=self.weights[rows],
                       groups=groups, within=within)  # fmt: skip
