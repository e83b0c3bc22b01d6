import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.design.pairs import (
    AllPairs,
    NearestPairs,
    PairPolicy,
    ReferencePairs,
    WithinGroups,
    materialised_pairs,
    whitened,
)
from dimgs.errors import InputError

U = np.array([[2.0, 1.0, 0.0], [1.0, 1.0, 0.0], [-3.0, 2.0, 1.0]])  # determinant 1


def policies(n: int, rng: np.random.Generator) -> list[PairPolicy]:
    return [
        AllPairs(),
        WithinGroups(rng.integers(0, 3, n)),
        ReferencePairs(int(rng.integers(n))),
        NearestPairs(3),
    ]


@settings(max_examples=30)
@given(n=st.integers(5, 25), seed=st.integers(0, 2**32 - 1))
def test_every_policy_sums_what_the_written_out_pairs_sum(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y, w = rng.standard_normal((n, 3)), rng.standard_normal((n, 2)), rng.uniform(0.1, 2, n)
    for policy in policies(n, rng):
        found = policy.scatter(X, y, w)
        dx, dy, weight = materialised_pairs(X, y, policy, w)
        dz = np.hstack([dx, dy])
        np.testing.assert_allclose(
            found.scatter, dz.T @ (dz * weight[:, None]), rtol=1e-9, atol=1e-9
        )
        assert found.n_pairs == len(dx)
        z = np.hstack([X, y])
        product = z.T @ policy.laplacian_times(X, w, z)
        np.testing.assert_allclose(product, found.scatter, rtol=1e-9, atol=1e-9)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_nearest_pairs_do_not_depend_on_the_basis(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((30, 3)), np.ones(30)
    pairs = NearestPairs(4).pairs(X, w)
    for other in (X @ U, X[:, [2, 0, 1]], X * [1.0, 10.0, 0.1]):
        np.testing.assert_array_equal(NearestPairs(4).pairs(other, w), pairs)


def test_nearest_pairs_survive_duplicates_and_constant_columns() -> None:
    X = np.column_stack([np.repeat(np.arange(5.0), 4), np.full(20, 7.0)])
    u, v = NearestPairs(2).pairs(X, np.ones(20))
    assert (u < v).all()
    assert len(set(zip(u.tolist(), v.tolist(), strict=True))) == len(u)
    laplacian = NearestPairs(2).laplacian(X, np.ones(20))
    np.testing.assert_allclose(laplacian.sum(axis=1), 0.0, atol=1e-12)


def test_whitened_rows_have_unit_covariance_and_drop_what_never_varied() -> None:
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((50, 2)), rng.uniform(0.1, 1.0, 50)
    white = whitened(np.column_stack([X, X @ [1.0, -2.0], np.full(50, 3.0)]), w)
    assert white.shape == (50, 2)
    np.testing.assert_allclose((white.T * w) @ white / w.sum(), np.eye(2), atol=1e-10)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (ReferencePairs(9), "Reference run 9"),
        (NearestPairs(5), "k must be from 1 to 4"),
        (WithinGroups(["a"]), "1 group labels for 5 runs"),
    ],
)
def test_impossible_policies_say_so(policy: PairPolicy, message: str) -> None:
    with pytest.raises(InputError, match=message):
        policy.scatter(np.arange(5.0)[:, None], np.arange(5.0), None)
