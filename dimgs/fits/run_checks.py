"""Checks of weights and labels that need no scikit-learn: its import takes longer than a fit."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array, IntArray
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
    if groups is None:
        return np.arange(n_runs)
    return label_codes(groups, n_runs, "groups")[1]
