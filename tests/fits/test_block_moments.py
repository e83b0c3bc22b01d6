from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import FitError, InputError
from dimgs.fits.least_squares import MAX_CLUSTER_BLOCKS, N_BLOCKS, BlockMoments
from dimgs.fits.power_law import PowerLaw

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 2)) + 4.0
Y = X @ [1.0, -0.5] + 3.0 + 0.1 * RNG.standard_normal(60)
W = RNG.uniform(0.5, 2.0, 60)
LABELS: dict[str, Any] = {
    "groups": np.array([f"c{i % 12}" for i in range(60)]),
    "within": np.array([f"m{i % 4}" for i in range(60)]),
}


@pytest.mark.parametrize("names", [(), ("groups",), ("within",), ("groups", "within")])
def test_parts_give_what_the_whole_gives(names: tuple[str, ...]) -> None:
    labels = {name: LABELS[name] for name in names}
    streamed = PowerLaw()
    for start in range(0, 60, 13):
        rows = slice(start, start + 13)
        streamed.partial_fit(X[rows], Y[rows], W[rows], **{k: v[rows] for k, v in labels.items()})
    whole = PowerLaw().fit(X, Y, W, **labels)
    # fewer runs than blocks: every run, or cluster, has a block of its own
    for name in ("exponents_", "intercept_", "joint_covariance_", "dof_", "r2_", "cv_r2_"):
        np.testing.assert_allclose(
            getattr(streamed, name), getattr(whole, name), rtol=1e-8, err_msg=name
        )
    assert streamed.n_pairs_ == whole.n_pairs_
    assert streamed.group_intercepts_ == pytest.approx(whole.group_intercepts_)
    assert not hasattr(streamed, "residuals_")


@settings(max_examples=20)
@given(cut=st.integers(2, 58), clustered=st.booleans())
def test_merge_equals_the_whole_in_either_order(cut: int, clustered: bool) -> None:
    def part(rows: slice) -> PowerLaw:
        groups = LABELS["groups"][rows] if clustered else None
        return PowerLaw().partial_fit(X[rows], Y[rows], W[rows], groups, LABELS["within"][rows])

    whole = PowerLaw().fit(X, Y, W, within=LABELS["within"])
    left, right = part(slice(0, cut)), part(slice(cut, 60))
    before = left.exponents_.copy()
    right.merge(left)
    np.testing.assert_array_equal(left.exponents_, before)
    left.merge(part(slice(cut, 60)))
    for law in (left, right):
        np.testing.assert_allclose(law.exponents_, whole.exponents_, rtol=1e-9)
        assert law.n_contrasts_ == whole.n_contrasts_


def test_many_runs_keep_honest_intervals() -> None:
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(50):
        x = rng.standard_normal((3000, 2))
        y = x @ [1.0, -2.0] + np.abs(x[:, 0]) * rng.standard_normal(3000)
        law = PowerLaw()
        for start in range(0, 3000, 1500):
            law.partial_fit(x[start : start + 1500], y[start : start + 1500])
        low, high = law.intervals(0.9).T
        hits.append((low <= [1.0, -2.0]) & (high >= [1.0, -2.0]))
    # three standard errors about 0.9 of 100 intervals
    assert 0.81 < np.mean(hits) < 0.99
    assert law.dof_.max() < N_BLOCKS


def test_many_clusters_share_blocks_whatever_the_order() -> None:
    n = 2 * MAX_CLUSTER_BLOCKS
    groups = np.array([f"run {i}" for i in range(n)])
    x = np.random.default_rng(2).standard_normal((n, 1))
    forward, backward = BlockMoments(), BlockMoments()
    forward.update(x, x[:, 0], groups=groups)
    for rows in (slice(n // 2, n), slice(0, n // 2)):
        backward.update(x[rows], x[rows, 0], groups=groups[rows])
    assert forward.shared
    assert len(forward.blocks) <= N_BLOCKS
    assert forward.blocks.keys() == backward.blocks.keys()
    for key, part in forward.blocks.items():
        np.testing.assert_allclose(part.scatter, backward.blocks[key].scatter, atol=1e-12)


def test_more_groups_than_explicit_coordinates() -> None:
    rng = np.random.default_rng(3)
    within = np.repeat(np.arange(100), 30)
    x = rng.standard_normal((3000, 1)) + within[:, None]
    y = 2.0 * x[:, 0] + 5.0 * rng.standard_normal(100)[within] + 0.1 * rng.standard_normal(3000)
    streamed = PowerLaw().partial_fit(x, y, within=within)
    whole = PowerLaw().fit(x, y, within=within, groups=np.arange(3000) % 50)
    assert streamed.exponents_ == pytest.approx(whole.exponents_, rel=1e-9)
    for law in (streamed, whole):
        assert np.diff(law.intervals())[0, 0] == pytest.approx(2 * 1.67 * 0.1 / 3000**0.5, rel=0.4)


def test_streaming_errors_name_the_remedy() -> None:
    with pytest.raises(FitError, match="at least two"):
        PowerLaw().partial_fit([[1.0]], [1.0])
    with pytest.raises(FitError, match="call partial_fit"):
        BlockMoments().fit()
    with pytest.raises(FitError, match="partial_fit merge"):
        PowerLaw().fit(X, Y).merge(PowerLaw().partial_fit(X, Y))
    with pytest.raises(InputError, match="one label per run"):
        PowerLaw().partial_fit(X, Y, groups=["a"])
