import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.fits.design import AllPairs, NearestPairs, PairPolicy, ReferencePairs
from tests.written_out import written_out

U = np.array([[2.0, 1.0, 0.0], [1.0, 1.0, 0.0], [-3.0, 2.0, 1.0]])  # determinant 1


def policies(n: int, rng: np.random.Generator) -> list[PairPolicy]:
    return [
        AllPairs(),
        ReferencePairs(int(rng.integers(n))),
        NearestPairs(3),
    ]


@settings(max_examples=30)
@given(n=st.integers(5, 25), seed=st.integers(0, 2**32 - 1))
def test_every_policy_sums_what_the_written_out_pairs_sum(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y, w = rng.standard_normal((n, 3)), rng.standard_normal((n, 2)), rng.uniform(0.1, 2, n)
    for policy in policies(n, rng):
        dx, dy, weight = written_out(policy, X, y, w)
        dz, z = np.hstack([dx, dy]), np.hstack([X, y])
        product = z.T @ policy.laplacian_times(X, w, z)
        np.testing.assert_allclose(product, dz.T @ (dz * weight[:, None]), rtol=1e-9, atol=1e-9)
        assert policy.count(X, w) == len(dx)


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
    constant = NearestPairs(2).laplacian_times(X, np.ones(20), np.ones((20, 1)))
    np.testing.assert_allclose(constant, 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (ReferencePairs(9), "Reference run 9"),
        (NearestPairs(5), "k must be from 1 to 4"),
    ],
)
def test_impossible_policies_say_so(policy: PairPolicy, message: str) -> None:
    with pytest.raises(InputError, match=message):
        policy.laplacian_times(np.arange(5.0)[:, None], np.ones(5), np.ones((5, 1)))
