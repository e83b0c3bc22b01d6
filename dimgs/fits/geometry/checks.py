"""Checks of arguments, and signs, shared by the geometry functions."""

import numpy as np
from numpy.typing import ArrayLike

from dimgs.arrays import Array
from dimgs.errors import InputError


def checked_rows(X: ArrayLike, least: int = 2) -> Array:
    """Finite rows of logarithms, at least `least` of them."""
    rows = np.asarray(X, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise InputError(f"X must be a table of runs by groups, but its shape is {rows.shape}")
    if len(rows) < least:
        raise InputError(f"X holds {len(rows)} runs; at least {least} are needed")
    if not np.isfinite(rows).all():
        where = np.argwhere(~np.isfinite(rows))[0]
        raise InputError(
            f"X[{where[0]}, {where[1]}] is not finite; drop that run, or log positive values only"
        )
    return rows


def checked_map(exponent_map: ArrayLike | None, n_features: int) -> Array:
    """Matrix of physical exponents, one column for each feature; the identity by default."""
    if exponent_map is None:
        return np.eye(n_features)
    powers = np.asarray(exponent_map, dtype=np.float64)
    if powers.ndim != 2 or powers.shape[1] != n_features:
        raise InputError(
            f"exponent_map must have one column for each of the {n_features} groups, "
            f"but its shape is {powers.shape}"
        )
    return powers


def oriented(columns: Array) -> Array:
    """Sign that makes the largest entry of each column positive (the first, in ties)."""
    size = np.abs(columns)
    first = np.argmax(size >= size.max(axis=0) * (1 - 1e-9), axis=0)
    return np.where(columns[first, np.arange(columns.shape[1])] < 0, -1.0, 1.0)
