"""Principal coordinates (PCoA) of runs, for distances that need not be metric."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist, squareform

from dimgs.arrays import Array
from dimgs.errors import InputError
from dimgs.fits.geometry.checks import checked_rows
from dimgs.fits.whitening import whiten

# Defined for non-negative quantities: they take the groups, not their logarithms.
_OF_VALUES = frozenset({"braycurtis", "canberra", "jensenshannon"})
_MAX_RUNS = 4000
_TRIPLES = 20_000


@dataclass(frozen=True, eq=False)
class PrincipalCoordinates:
    """Runs placed so that Euclidean distances resemble the given ones.

    Attributes
    ----------
    coordinates : ndarray of shape (n_runs, n_axes)
        One column for each positive eigenvalue.
    eigenvalues : ndarray of shape (n_runs,)
        All, decreasing, the negative ones included.
    shares : ndarray of shape (n_axes,)
        Positive eigenvalues over the sum of the absolute values of all.
    negative_share : float
        Sum of abs(negative eigenvalues) over the sum of the absolute values of all: what no
        Euclidean picture can show.
    n_negative : int
    triangle_violations : float
        Share of triples of runs whose distances break the triangle inequality; above zero the
        distance is only a semimetric.
    """

    coordinates: Array
    eigenvalues: Array
    shares: Array
    negative_share: float
    n_negative: int
    triangle_violations: float


def principal_coordinates(
    X: ArrayLike, metric: str = "mahalanobis", *, random_state: int = 0
) -> PrincipalCoordinates:
    """Classical scaling of the distances between runs (Torgerson, Gower).

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups; or, with ``metric="precomputed"``, a symmetric matrix of
        distances of shape (n_runs, n_runs).
    metric : str, default="mahalanobis"
        "mahalanobis" (distances of whitened log groups) does not depend on the basis of the
        groups. Any other name of `scipy.spatial.distance.pdist` does, since it measures along
        the given columns. Bray-Curtis, Canberra and Jensen-Shannon take the groups themselves,
        each divided by its geometric mean.
    random_state : int, default=0
        Draws the triples on which the triangle inequality is tried.

    Raises
    ------
    InputError
        For an unknown metric, distances that are not symmetric, or more than 4000 runs.

    References
    ----------
    Gower (1966), Biometrika 53, 325-338.
    Legendre & Legendre (2012), Numerical Ecology, § 9.3.4 (negative eigenvalues).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(20, 2))
    >>> principal_coordinates(X).coordinates.shape
    (20, 2)
    >>> principal_coordinates(X, "braycurtis").negative_share > 0
    True
    """
    rows = checked_rows(X)
    if len(rows) > _MAX_RUNS:
        raise InputError(
            f"principal coordinates of {len(rows)} runs need all their distances; "
            f"give a sample of at most {_MAX_RUNS} runs"
        )
    distances = _distances(rows, metric)
    centring = np.eye(len(rows)) - 1 / len(rows)
    values, vectors = np.linalg.eigh(-0.5 * centring @ distances**2 @ centring)
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = 1e-10 * float(np.abs(values).max(initial=0.0))
    values = np.where(np.abs(values) > noise, values, 0.0)
    total = max(float(np.abs(values).sum()), 1e-300)
    positive = values > 0
    return PrincipalCoordinates(
        coordinates=vectors[:, positive] * np.sqrt(values[positive]),
        eigenvalues=values,
        shares=values[positive] / total,
        negative_share=float(-values[values < 0].sum() / total),
        n_negative=int(np.sum(values < 0)),
        triangle_violations=_triangle_violations(distances, random_state),
    )


def _distances(rows: Array, metric: str) -> Array:
    if metric == "precomputed":
        if (
            rows.shape[0] != rows.shape[1]
            or not np.allclose(rows, rows.T, rtol=1e-9, atol=1e-12)
            or np.any(np.diag(rows))
            or np.any(rows < 0)
        ):
            raise InputError(
                "precomputed distances must be a symmetric, non-negative square matrix "
                "with a zero diagonal"
            )
        return (rows + rows.T) / 2
    if metric == "mahalanobis":
        return np.asarray(squareform(pdist(whiten(rows, np.ones(len(rows)))[1])))
    table = np.exp(rows - rows.mean(axis=0)) if metric in _OF_VALUES else rows
    try:
        # scipy's stubs list the names one by one; any string is checked at run time.
        measure = cast(Callable[[Array, Array], float], metric)
        return np.asarray(squareform(pdist(table, measure)))
    except ValueError as error:
        raise InputError(
            f"metric {metric!r} cannot be used: {error}; give a name that "
            "scipy.spatial.distance.pdist knows"
        ) from error


def _triangle_violations(distances: Array, random_state: int) -> float:
    n = len(distances)
    if n < 3:
        return 0.0
    random = np.random.default_rng(random_state)
    a = random.integers(0, n, _TRIPLES)
    b = (a + random.integers(1, n, _TRIPLES)) % n
    c = random.integers(0, n - 2, _TRIPLES)
    for low in np.sort(np.stack([a, b]), axis=0):
        c = c + (c >= low)
    sides = np.sort(np.stack([distances[a, b], distances[b, c], distances[c, a]]), axis=0)
    return float(np.mean(sides[2] > (sides[0] + sides[1]) * (1 + 1e-9)))
