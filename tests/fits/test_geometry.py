"""PCA and PCoA of log-ratios: what they report does not depend on the basis."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.fits.geometry import log_ratio_pca, principal_coordinates


def unimodular(rng: np.random.Generator, p: int) -> Array:
    lower = np.tril(rng.integers(-2, 3, (p, p)), -1) + np.eye(p)
    upper = np.triu(rng.integers(-2, 3, (p, p)), 1) + np.eye(p)
    return np.asarray((lower @ upper)[:, rng.permutation(p)])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_principal_monomials_do_not_depend_on_the_basis(seed: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    powers = np.vstack([np.eye(p), rng.integers(-2, 3, (3, p))])
    X = rng.normal(size=(25, p)) @ rng.normal(size=(p, p))
    change = unimodular(rng, p)
    here, there = log_ratio_pca(X, powers), log_ratio_pca(X @ change, powers @ change)
    np.testing.assert_allclose(there.variances, here.variances, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(change @ there.directions, here.directions, atol=1e-4)
    np.testing.assert_allclose(there.physical_exponents, here.physical_exponents, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(here.physical_exponents, axis=0), 1, atol=1e-9)
    np.testing.assert_allclose(here.scores.var(axis=0, ddof=1), here.variances, atol=1e-9)


def test_principal_axes_are_those_of_all_pairs() -> None:
    X = np.random.default_rng(1).normal(size=(30, 3)) * [3, 1, 0.1]
    axes = log_ratio_pca(X)
    first, second = np.triu_indices(30, 1)
    ratios = X[first] - X[second]
    of_pairs = np.linalg.eigvalsh(ratios.T @ ratios / (30 * 29))[::-1]
    np.testing.assert_allclose(axes.variances, of_pairs)
    assert abs(axes.directions[0, 0]) > 0.99


def test_a_constant_monomial_has_no_variance() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=40)
    axes = log_ratio_pca(np.column_stack([x, 2 * x + 1]))
    np.testing.assert_allclose(axes.directions[:, 1] / axes.directions[0, 1], [1, -0.5], atol=1e-9)
    np.testing.assert_allclose(axes.shares, [1, 0], atol=1e-12)


def test_euclidean_distances_are_restored() -> None:
    X = np.random.default_rng(3).normal(size=(25, 3))
    placed = principal_coordinates(X, "euclidean")
    assert placed.coordinates.shape == (25, 3)
    np.testing.assert_allclose(pdist(placed.coordinates), pdist(X), atol=1e-9)
    assert (placed.negative_share, placed.n_negative, placed.triangle_violations) == (0, 0, 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_default_coordinates_do_not_depend_on_the_basis(seed: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, p)) @ rng.normal(size=(p, p))
    change = unimodular(rng, p)
    here, there = principal_coordinates(X), principal_coordinates(X @ change)
    np.testing.assert_allclose(there.eigenvalues, here.eigenvalues, rtol=1e-5, atol=1e-5)


def test_semimetric_distances_are_told() -> None:
    X = 2 * np.random.default_rng(4).normal(size=(40, 3))
    bray = principal_coordinates(X, "braycurtis")
    assert bray.n_negative > 0
    assert 0 < bray.negative_share < 0.5
    assert bray.triangle_violations > 0
    np.testing.assert_allclose(
        bray.negative_share,
        -bray.eigenvalues[bray.eigenvalues < 0].sum() / np.abs(bray.eigenvalues).sum(),
    )
    np.testing.assert_allclose(bray.shares.sum() + bray.negative_share, 1)


@pytest.mark.parametrize(
    ("table", "metric", "message"),
    [
        (np.zeros(3), "euclidean", "table of at least 2 runs"),
        (np.array([[1.0, np.inf], [0, 0]]), "euclidean", "X is not finite in run 0, column 1"),
        (np.eye(3), "no such", "cannot be used"),
        (np.zeros((4001, 1)), "euclidean", "at most 4000"),
        (np.zeros((1, 2)), "euclidean", "at least 2"),
    ],
)
def test_unusable_tables_are_refused(table: Array, metric: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        principal_coordinates(table, metric)


def test_dependent_or_misshapen_maps_are_refused() -> None:
    X = np.random.default_rng(5).normal(size=(10, 2))
    with pytest.raises(InputError, match="dependent columns"):
        log_ratio_pca(X, np.ones((3, 2)))
    with pytest.raises(InputError, match="one column for each of the 2 groups"):
        log_ratio_pca(X, np.eye(3))
    with pytest.raises(InputError, match="one column for each of the 2 groups"):
        log_ratio_pca(X, np.ones(2))
