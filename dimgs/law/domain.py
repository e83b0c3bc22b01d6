"""The domain of validity of a design's runs."""

from collections.abc import Sequence

import numpy as np

from dimgs.arrays import Array
from dimgs.design.features import Design
from dimgs.law.names import Names
from dimgs.law.parts import Domain

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
    ranges: dict[str, tuple[float, float]] = {}
    names = Names.of(design)
    labels: list[str] = []
    for j, feature in enumerate(design.features):
        column = design.X[:, j]
        if feature.group is not None:
            label = feature.name
            ends = np.exp(np.clip([column.min(), column.max()], *_LOG_RANGE))
            ranges[label] = (float(ends[0]), float(ends[1]))
        else:
            assert feature.variable is not None
            label = names.identifier[feature.variable]
            raw = np.asarray(design.data[feature.variable], dtype=np.float64)
            ranges[label] = (float(raw.min()), float(raw.max()))
        labels.append(label)
    columns = {
        v.name: (float(design.data[v.name].min()), float(design.data[v.name].max()), v.si_unit)
        for v in names.symbols.values()
    }
    X = _leverage_features(design)
    centre = X.mean(axis=0) if X.size else np.zeros(X.shape[1])
    away = X - centre
    precision = _pseudo_inverse(away)
    leverage = np.einsum("ij,jk,ik->i", away, precision, away)
    return Domain(
        ranges,
        columns,
        tuple(labels),
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


def _pseudo_inverse(away: Array) -> Array:
    """Inverse scatter; a direction without data makes any step along it infinitely far."""
    if away.shape[1] == 0:
        return np.zeros((0, 0))
    spread = away.std(axis=0)
    spread[spread == 0] = 1.0
    _, s, vt = np.linalg.svd(away / spread, full_matrices=False)
    limit = s.max(initial=0.0) * _NO_DATA
    inverse = np.where(s > limit, 1.0 / np.maximum(s, limit or 1.0), 1.0 / max(limit, 1e-300))
    scaled = vt.T / spread[:, None]
    return np.asarray((scaled * inverse**2) @ scaled.T)
