"""The domain of validity of a design's runs."""

from collections.abc import Sequence

import numpy as np

from dimgs.arrays import Array
from dimgs.dataset import Dataset
from dimgs.design.features import Design
from dimgs.law.names import Names
from dimgs.law.parts import Domain

# exponential of it is well inside doubles (1e±304)
_LOG_RANGE = (-700.0, 700.0)
# spread of a direction without data, over that of the widest: its square times the rounding of
# the logarithms, 1e-16, must stay below what tells leverages apart, 1e-6
_NO_DATA = 1e-4


def domain_of(design: Design) -> Domain:
    """Ranges and leverage of the runs of a design.

    Returns
    -------
    Domain
    """
    X = _leverage_features(design)
    centre = X.mean(axis=0)
    away = X - centre
    ends = np.array([X.min(axis=0, initial=np.inf), X.max(axis=0, initial=-np.inf)])
    return domain_from_moments(design, design.data, ends, centre, away.T @ away, len(X), X)


def domain_from_moments(
    design: Design,
    data: Dataset,
    ends: Array,
    centre: Array,
    scatter: Array,
    n_runs: int,
    extremes: Array,
) -> Domain:
    """Ranges and leverage of runs of which only moments are known, and the extreme ones.

    Parameters
    ----------
    design : Design
        Its features.
    data : Dataset
        With the ranges of the columns.
    ends : ndarray of shape (2, n_features)
        Smallest and largest logarithm (or value) of each group; others are not looked at.
    centre : ndarray of shape (n_features,)
        Mean of the features, absolute temperatures in place of their inverses.
    scatter : ndarray of shape (n_features, n_features)
        About it.
    n_runs : int
    extremes : ndarray of shape (n, n_features)
        Runs among which the largest leverage is.
    """
    names = Names.of(design)
    columns = {n: (float(data[n].min()), float(data[n].max())) for n in data.numeric_names}
    ranges: dict[str, tuple[float, float]] = {}
    for feature, own in zip(design.features, ends.T, strict=True):
        if feature.variable is not None:
            ranges[names.identifier[feature.variable]] = columns[feature.variable]
        else:
            low, high = np.exp(np.clip(own, *_LOG_RANGE)) if feature.logged else own
            ranges[feature.name] = (float(low), float(high))
    precision = inverse_scatter(scatter, n_runs)
    away = extremes - centre
    leverage = np.einsum("ij,jk,ik->i", away, precision, away)
    return Domain(
        ranges,
        {v.name: (*columns[v.name], v.si_unit) for v in names.symbols.values()},
        tuple(ranges),
        tuple(float(x) for x in centre),
        tuple(tuple(float(x) for x in row) for row in precision),
        float(leverage.max(initial=0.0)),
    )


def _leverage_features(design: Design) -> Array:
    """The design's features, 1/T replaced by T, which is what a domain is evaluated on."""
    columns: Sequence[Array] = [
        np.asarray(design.data[f.variable], dtype=np.float64)
        if f.contrast == "inverse" and f.variable is not None
        else design.X[:, j]
        for j, f in enumerate(design.features)
    ]
    return np.column_stack(columns) if columns else np.zeros((design.n_runs, 0))


def inverse_scatter(scatter: Array, n_runs: int) -> Array:
    """Inverse scatter; a direction without data makes any step along it infinitely far.

    Parameters
    ----------
    scatter : ndarray of shape (n_features, n_features)
    n_runs : int
    """
    spread = np.sqrt(np.maximum(scatter.diagonal(), 0.0) / max(n_runs, 1))
    spread[spread == 0.0] = 1.0
    values, vectors = np.linalg.eigh(scatter / np.outer(spread, spread))
    least = max(float(values.max(initial=0.0)) * _NO_DATA**2, 1e-300)
    scaled = vectors / spread[:, None]
    return np.asarray((scaled / np.maximum(values, least)) @ scaled.T)
