"""Whitened groups: unit moments under any weights, and exponents of least norm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.arrays import Array
from dimgs.fits.design import whiten


def drawn(seed: int, weighted: bool, rank: int, n: int = 30) -> tuple[Array, Array]:
    """Four columns of that rank, of sizes from 1e-3 to 1e3 and away from the origin."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, 4))
    X = X * 10.0 ** rng.uniform(-3, 3, 4) if rank == 4 else X
    weights = rng.uniform(0.1, 5.0, n) if weighted else np.full(n, 3.0)
    if weighted:
        weights[:3] = 0.0
    return X + rng.uniform(-1, 1, 4) * np.abs(X).max(axis=0), weights


@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 4))
def test_rows_have_mean_zero_and_unit_second_moment(seed: int, weighted: bool, rank: int) -> None:
    X, weights = drawn(seed, weighted, rank)
    whitening, Z = whiten(X, weights)
    share = weights / weights.sum()
    assert whitening.rank == Z.shape[1] == rank
    np.testing.assert_allclose(share @ Z, 0.0, atol=1e-7)
    np.testing.assert_allclose(Z.T @ (share[:, None] * Z), np.eye(rank), atol=1e-6)
    np.testing.assert_allclose(whitening.apply(X), Z, atol=1e-9)


@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 4))
def test_exponents_in_the_groups_say_the_same(seed: int, weighted: bool, rank: int) -> None:
    X, weights = drawn(seed, weighted, rank)
    whitening, Z = whiten(X, weights)
    slopes = np.random.default_rng(seed + 1).standard_normal(rank)
    exponents = whitening.exponents(slopes)
    away = (X - weights @ X / weights.sum()) @ exponents
    np.testing.assert_allclose(away, Z @ slopes, atol=1e-6)
    if rank < 4:
        shortest = np.linalg.pinv(X - weights @ X / weights.sum(), rcond=1e-9) @ (Z @ slopes)
        np.testing.assert_allclose(exponents, shortest, atol=1e-6)


@pytest.mark.parametrize("size", [1.0, 1e8])
def test_what_never_varied_beyond_rounding_is_no_direction(size: float) -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_normal(20), np.full(20, 0.1) * size])
    X[:, 1] += size * 1e-17 * rng.standard_normal(20)
    whitening, Z = whiten(X, np.ones(20))
    assert whitening.rank == 1
    assert whitening.exponents(np.array([1.0]))[1] == pytest.approx(0.0, abs=1e-8)
    nothing, none = whiten(np.full((20, 2), 0.3) * size, np.ones(20))
    assert (nothing.rank, none.shape) == (0, (20, 0))
    assert Z.std() == pytest.approx(1.0)
