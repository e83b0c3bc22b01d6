import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.fits.design import Moments, group_means


@settings(max_examples=40)
@given(n_labels=st.integers(1, 5), cut=st.integers(1, 39), seed=st.integers(0, 2**32 - 1))
def test_grouped_moments_merge_to_the_moments_within_groups(
    n_labels: int, cut: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    X, y, w = rng.standard_normal((40, 2)), rng.standard_normal(40), rng.uniform(0.1, 1, 40)
    labels = np.array([f"m{i}" for i in rng.integers(0, n_labels, 40)])
    merged = Moments.from_arrays(X[:cut], y[:cut], labels[:cut], w[:cut]).merge(
        Moments.from_arrays(X[cut:], y[cut:], labels[cut:], w[cut:])
    )
    z = np.column_stack([X, y])
    expected = np.zeros((3, 3))
    for label in np.unique(labels):
        rows = labels == label
        c = z[rows] - np.average(z[rows], axis=0, weights=w[rows])
        expected += c.T @ (c * w[rows, None])
    np.testing.assert_allclose(merged.scatter, expected, atol=1e-11)
    assert merged.labels.tolist() == sorted(set(labels))
    assert merged.counts.sum() == 40
    whole = Moments.from_arrays(X, y, sample_weight=w)
    np.testing.assert_allclose(merged.pooled().scatter, whole.scatter, atol=1e-11)
    np.testing.assert_allclose(merged.pooled().means, whole.means, atol=1e-12)


def test_weightless_groups_have_mean_zero() -> None:
    weights, means = group_means(np.array([[2.0], [5.0]]), np.array([0, 1]), 2, np.array([0.0, 1]))
    assert weights.tolist() == [0.0, 1.0]
    assert means.tolist() == [[0.0], [5.0]]


def test_labels_must_match_the_runs() -> None:
    with pytest.raises(InputError, match="1 group labels for 2 runs"):
        Moments.from_arrays([[1.0], [2.0]], [1.0, 2.0], ["a"])


def test_infinite_response_says_where() -> None:
    X = [[0.0], [1.0], [2.0], [3.0]]
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(InputError, match="y is not finite in row 2"),
    ):
        Moments.from_arrays(X, [0.0, 1.0, np.inf, 3.0], ["a", "a", "b", "b"])
