import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.fits.design import Moments
from dimgs.fits.least_squares import coordinates_of_rows, coordinates_of_scatter, echelon


@settings(max_examples=40)
@given(
    m=st.integers(1, 20),
    p=st.integers(0, 5),
    rank=st.integers(0, 5),
    scale=st.sampled_from([1e-9, 1.0, 1e9]),
    seed=st.integers(0, 2**32 - 1),
)
def test_rank_null_space_and_orthonormal_rows(
    m: int, p: int, rank: int, scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rank = min(rank, m, p)
    X = scale * rng.standard_normal((m, rank)) @ rng.standard_normal((rank, p))
    coordinates, rows = coordinates_of_rows(X, np.linalg.norm(X, axis=0))
    assert coordinates.rank == rank
    np.testing.assert_allclose(rows.T @ rows, np.eye(rank), atol=1e-10)
    np.testing.assert_allclose(X @ coordinates.whiten, rows, atol=1e-7)
    null = coordinates.null_directions()
    assert null.shape == (p - rank, p)
    np.testing.assert_allclose(X @ null.T, 0.0, atol=1e-8 * scale)
    identified = coordinates.identifies(np.vstack([X / scale, null]))
    assert identified[:m].all()
    assert not identified[m:].any()


@settings(max_examples=30)
@given(p=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_scatter_and_rows_give_the_same_exponents(p: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((30, p)) * 10.0 ** rng.integers(-5, 5, p), rng.standard_normal(30)
    scatter = Moments.from_arrays(X, y).scatter
    coordinates = coordinates_of_scatter(scatter[:p, :p], np.zeros(p))
    solution = coordinates.solved(scatter[:p, :p], scatter[:p, p:])[0]
    # columns of one length: over nine decades plain least squares keeps five digits only
    centred = X - X.mean(0)
    length = np.sqrt((centred**2).sum(0))
    expected = np.linalg.lstsq(centred / length, y - y.mean(), rcond=None)[0] / length
    np.testing.assert_allclose(solution, expected, rtol=1e-7)


def test_scatter_of_collinear_columns_gives_the_least_exponents() -> None:
    x = np.arange(6.0)
    scatter = Moments.from_arrays(np.column_stack([x, 2 * x, np.ones(6)]), 4 * x).scatter
    coordinates = coordinates_of_scatter(scatter[:3, :3], np.ones(3))
    exponents = coordinates.solved(scatter[:3, :3], scatter[:3, 3:])[0]
    np.testing.assert_allclose(exponents, [2.0, 1.0, 0.0], atol=1e-12)
    assert coordinates.rank == 1
    assert np.isinf(coordinates.condition_indices[1:]).all()


def test_weak_directions_are_scaled_to_their_largest_entry() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(50)
    X = np.column_stack([x, 3 * x + 1e-2 * rng.standard_normal(50)])
    X -= X.mean(axis=0)
    coordinates = coordinates_of_rows(X, np.linalg.norm(X, axis=0))[0]
    np.testing.assert_allclose(coordinates.weak_directions(), [[1.0, -1 / 3]], rtol=1e-2)
    apart = np.column_stack([x, rng.standard_normal(50)])
    coordinates = coordinates_of_rows(apart, np.linalg.norm(apart, axis=0))[0]
    assert coordinates.weak_directions().shape == (0, 2)


def test_echelon_form_involves_as_few_columns_as_possible() -> None:
    rows = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 2.0, 1.0]])
    mixed = np.array([[1.0, 2.0], [3.0, -1.0]]) @ rows
    np.testing.assert_allclose(
        np.abs(echelon(mixed)), [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5]], atol=1e-12
    )
    assert echelon(np.empty((0, 3))).shape == (0, 3)


def test_condition_indices_are_those_of_belsley() -> None:
    X = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [2.0, 2.0], [-2.0, -2.0]])
    indices = coordinates_of_rows(X, np.linalg.norm(X, axis=0))[0].condition_indices
    r = 8 / 12  # correlation of the two columns
    assert indices.tolist() == pytest.approx([1.0, np.sqrt((1 + r) / (1 - r))])
