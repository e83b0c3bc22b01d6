from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.fits.design import BLOCK_ROWS, Moments


def reference(z: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = np.average(z, axis=0, weights=w)
    return mean, (z - mean).T @ ((z - mean) * w[:, None])


@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    seed=st.integers(0, 2**32 - 1),
)
def test_weight_times_scatter_is_the_sum_over_pairs(values: list[float], seed: int) -> None:
    e = np.array(values)
    w = np.random.default_rng(seed).uniform(0.1, 3.0, len(e))
    pairs = sum(
        w[u] * w[v] * (e[u] - e[v]) ** 2 for u in range(len(e)) for v in range(u + 1, len(e))
    )
    moments = Moments.from_arrays(e[:, None], e, sample_weight=w)
    assert moments.weights[0] * moments.scatter == pytest.approx(pairs, rel=1e-9, abs=1e-9)


@settings(max_examples=40)
@given(
    n=st.integers(1, 60),
    p=st.integers(0, 4),
    q=st.integers(1, 2),
    shift=st.sampled_from([0.0, 1.0, 1e6]),
    weighted=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_moments_equal_two_pass_moments(
    n: int, p: int, q: int, shift: float, weighted: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((n, p)) + shift, rng.standard_normal((n, q)) - shift
    w = rng.uniform(0.0, 2.0, n) if weighted else np.ones(n)
    moments = Moments.from_arrays(X, y, sample_weight=w if weighted else None)
    mean, scatter = reference(np.hstack([X, y]), w)
    np.testing.assert_allclose(moments.means[0], mean, rtol=1e-12, atol=1e-12)
    # even shifted by a million spreads, nine digits of the scatter survive
    np.testing.assert_allclose(moments.scatter, scatter, rtol=1e-9, atol=1e-9 * n)
    assert moments.weights[0] == pytest.approx(w.sum())
    assert moments.counts[0] == n
    assert moments.scatter.shape == (p + q, p + q)


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(0, 50), min_size=1, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_merging_any_partition_in_any_order_gives_the_whole(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y, w = rng.standard_normal((50, 3)), rng.standard_normal(50), rng.uniform(0, 1, 50)
    pieces = np.split(np.arange(50), sorted(cuts))
    parts = [Moments.from_arrays(X[i], y[i], sample_weight=w[i]) for i in pieces]
    whole = Moments.from_arrays(X, y, sample_weight=w)
    merged = Moments.empty(3)
    for k in rng.permutation(len(parts)):
        merged = merged + parts[k]
    np.testing.assert_allclose(merged.scatter, whole.scatter, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(merged.means, whole.means, rtol=1e-10, atol=1e-12)
    assert merged.counts == whole.counts


@pytest.mark.parametrize("drift", [0.0, 1e4])
def test_many_blocks_with_a_drift_keep_their_digits(drift: float) -> None:
    rng = np.random.default_rng(3)
    n = 70 * BLOCK_ROWS
    X = rng.standard_normal((n, 2)) + np.linspace(0.0, drift, n)[:, None]
    y = rng.standard_normal(n) + 1e3
    moments = Moments.from_arrays(X, y)
    mean, scatter = reference(np.column_stack([X, y]), np.ones(n))
    np.testing.assert_allclose(moments.means[0], mean, rtol=1e-11)
    np.testing.assert_allclose(moments.scatter, scatter, rtol=1e-9, atol=1e-9 * n)


def test_constant_column_has_no_scatter() -> None:
    X = np.column_stack([np.full(100, 12.345), np.arange(100.0)])
    assert Moments.from_arrays(X, np.arange(100.0)).scatter[0].max() == 0.0


@pytest.mark.parametrize(
    ("X", "y", "w", "message"),
    [
        ([[1.0], [2.0]], [1.0], None, "one row of X per response"),
        ([[1.0], [2.0]], [1.0, 2.0], [1.0], "one weight per run"),
        ([[1.0], [2.0]], [1.0, 2.0], [1.0, -1.0], "run 1 is -1.0"),
        ([[1.0], [np.nan]], [1.0, 2.0], None, "X is not finite in row 1, column 0"),
        ([[1.0], [2.0]], [-np.inf, 2.0], None, "y is not finite in row 0"),
        ([[1.0], [2.0]], [1e200, -1e200], None, "The moments overflow: rescale X or y"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:overflow encountered")
def test_unusable_arrays_say_where(X: Any, y: Any, w: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Moments.from_arrays(X, y, sample_weight=w)


def test_different_columns_do_not_merge() -> None:
    with pytest.raises(InputError, match="same columns"):
        Moments.empty(2).merge(Moments.empty(3))
