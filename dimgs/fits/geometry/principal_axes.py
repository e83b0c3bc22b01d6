"""Principal axes (PCA) of log-ratios, and principal coordinates (PCoA) for any distances."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist, squareform
from sklearn.decomposition import PCA

from dimgs.arrays import Array
from dimgs.design.whitening import whiten
from dimgs.errors import InputError
from dimgs.fits.solve import oriented


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


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """Monomials of unit physical exponents, by decreasing variance of their logarithm.

    Attributes
    ----------
    variances : ndarray of shape (n_axes,)
        Of the logarithm of each monomial, over the runs.
    shares : ndarray of shape (n_axes,)
        Of the total variance.
    directions : ndarray of shape (n_features, n_axes)
        Exponents of each monomial on the columns of X.
    physical_exponents : ndarray of shape (n_variables, n_axes)
        Exponents on the physical variables, of unit Euclidean length.
    scores : ndarray of shape (n_runs, n_axes)
        Centred logarithm of each monomial at each run.
    """

    variances: Array
    shares: Array
    directions: Array
    physical_exponents: Array
    scores: Array


def log_ratio_pca(X: ArrayLike, exponent_map: ArrayLike | None = None) -> PrincipalAxes:
    """PCA of all log-ratios between runs, which is that of the centred logarithms.

    Length is measured on the physical exponents E d of a monomial d, so the axes do not
    depend on the basis in which the groups are expressed.

    Parameters
    ----------
    X : array-like of shape (n_runs, n_features)
        Logarithms of the groups (or of the physical variables).
    exponent_map : array-like of shape (n_variables, n_features), optional
        E: column j holds the physical exponents of group j. The identity by default, which
        is right when the columns are physical variables.

    References
    ----------
    Aitchison (1986), The Statistical Analysis of Compositional Data, ch. 8 (log-ratio PCA).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(0, 1, 9)
    >>> axes = log_ratio_pca(np.column_stack([x, 2 * x]))
    >>> [round(float(s), 6) for s in axes.shares]
    [1.0, 0.0]
    >>> [round(float(d), 3) for d in axes.directions[:, 0]]
    [0.447, 0.894]
    """
    rows = checked_rows(X)
    powers = checked_map(exponent_map, rows.shape[1])
    values, vectors = np.linalg.eigh(powers.T @ powers)
    if values[0] <= 1e-12 * values[-1]:
        raise InputError("exponent_map has dependent columns; give a basis of independent groups")
    root = (vectors / np.sqrt(values)) @ vectors.T
    pca = PCA(svd_solver="full").fit(rows @ root)
    directions = root @ pca.components_.T
    sign = oriented(powers @ directions)
    directions = directions * sign
    return PrincipalAxes(
        variances=pca.explained_variance_,
        shares=pca.explained_variance_ / max(float(pca.explained_variance_.sum()), 1e-300),
        directions=directions,
        physical_exponents=powers @ directions,
        scores=(rows - rows.mean(axis=0)) @ directions,
    )


# Defined for non-negative quantities: they take the groups, not their logarithms.
_OF_VALUES = frozenset({"braycurtis", "canberra", "jensenshannon"})
# all their distances take 128 MB
_MAX_RUNS = 4000
# a share of violations is then known to a third of a percent
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
            f"metric {metric!r} cannot be used: {error}; give a metric of "
            "scipy.spatial.distance.pdist"
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
