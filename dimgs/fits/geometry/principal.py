"""Principal axes of log-ratios: which monomials vary most over the runs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.decomposition import PCA

from dimgs.arrays import Array
from dimgs.errors import InputError
from dimgs.fits.geometry.checks import checked_map, checked_rows, oriented


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
