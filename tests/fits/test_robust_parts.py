"""Parts of the robust fit against their definitions over all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import chi2

from dimgs.fits.robust.dispersion import PairLoss
from dimgs.fits.robust.finish import near_pairs
from dimgs.fits.robust.inference import (
    cluster_covariance,
    hat_values,
    robust_distances,
    run_covariance,
)
from dimgs.fits.robust.location import koul_tau, shrunken_bandwidth, weighted_median
from dimgs.fits.robust.solver import Problem, _snap
from dimgs.fits.whitening import whiten

Array = NDArray[np.float64]
SEEDS = st.integers(0, 10_000)


def pairs_of(seed: int, normalised: bool = True) -> tuple[PairLoss, Array, Array, Array]:
    """Losses of 25 weighted runs in three groups; residuals, features, weights of the pairs."""
    rng = np.random.default_rng(seed)
    e, Z, w = rng.standard_normal(25), rng.standard_normal((25, 2)), rng.uniform(0.5, 2.0, 25)
    starts = np.array([0, 9, 11, 25])
    group = np.repeat([0, 1, 2], np.diff(starts))
    factor = 1.0 / np.bincount(group, w) if normalised else np.ones(3)
    each = np.triu((group[:, None] == group) * np.outer(w, w) * factor[group], 1)
    return PairLoss(w, starts, normalised), e, Z, each


@given(SEEDS, st.booleans(), st.floats(0.1, 2.0))
def test_groups_count_by_their_weight_or_by_their_pairs(
    seed: int, normalised: bool, threshold: float
) -> None:
    pairs, e, _, each = pairs_of(seed, normalised)
    gap = np.abs(e[:, None] - e)
    assert pairs.absolute(e).value == pytest.approx((each * gap).sum())
    loss = pairs.huber(e, threshold)
    assert loss.near_weight == pytest.approx((each * (gap <= threshold)).sum())
    huber = np.where(gap <= threshold, gap**2 / (2 * threshold), gap - threshold / 2)
    assert loss.value == pytest.approx((each * huber).sum())
    again = pairs.huber(e, threshold, known=pairs.absolute(e))
    assert again.value == pytest.approx(loss.value)
    np.testing.assert_allclose(again.scores, loss.scores, atol=1e-12)


@given(SEEDS, st.sampled_from([0.05, 0.3, np.inf]))
def test_the_programme_of_near_pairs_is_the_loss_within_its_box(seed: int, radius: float) -> None:
    pairs, y, Z, _ = pairs_of(seed)
    problem = Problem(Z, y, pairs)
    here = problem.absolute(np.zeros(2))
    local = near_pairs(here, pairs, Z, radius)
    assert local is not None
    at_rest = float(local.weights @ np.abs(local.gaps))
    rng = np.random.default_rng(seed)
    for _ in range(5):
        step = rng.uniform(-1, 1, 2) * min(radius, 3.0)
        moved = float(local.weights @ np.abs(local.gaps - local.differences @ step))
        told = moved - at_rest + float(local.slope @ step)
        assert told == pytest.approx(problem.absolute(step).value - here.value, abs=1e-9)
    if np.isfinite(radius):
        reach = radius * np.abs(local.differences).sum(axis=1)
        assert np.all(np.abs(local.gaps) <= reach + 1e-12)


def test_too_many_near_pairs_are_none() -> None:
    pairs, y, Z, each = pairs_of(0)
    here = Problem(Z, y, pairs).absolute(np.zeros(2))
    count = int((each > 0).sum())
    assert near_pairs(here, pairs, Z, np.inf, most=count) is not None
    assert near_pairs(here, pairs, Z, np.inf, most=count - 1) is None
    assert near_pairs(here, pairs, Z, 100.0, most=5) is None


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), SEEDS)
def test_the_weighted_median_is_that_of_repeated_values(values: list[int], seed: int) -> None:
    counts = np.random.default_rng(seed).integers(1, 4, len(values))
    found = weighted_median(np.array(values, dtype=float), counts.astype(float))
    assert found == np.median(np.repeat(values, counts))


@pytest.mark.parametrize("power", [0.5, 0.2])
def test_the_bandwidth_is_a_quantile_of_the_differences(power: float) -> None:
    rng = np.random.default_rng(0)
    e = 3.0 + rng.standard_normal(59)
    pairs = PairLoss(np.ones(59), np.array([0, 59]))
    gaps = np.sort(np.abs(e[:, None] - e)[np.triu_indices(59, 1)])
    expected = gaps[int(np.ceil(0.8 * len(gaps))) - 1] / 59.0**power
    assert shrunken_bandwidth(pairs.absolute(e), pairs, power) == pytest.approx(expected)
    # runs of weight two are two runs, but for their pairs of no difference
    double = PairLoss(np.full(59, 2.0), np.array([0, 59]))
    assert shrunken_bandwidth(double.absolute(e), double, power) == pytest.approx(expected)
    # groups of one run tell nothing
    alone = PairLoss(np.ones(3), np.arange(4))
    assert shrunken_bandwidth(alone.absolute(e[:3]), alone) == 0.0


@pytest.mark.parametrize("groups", [2, 30])
def test_the_bandwidth_of_groups_is_about_that_of_one(groups: int) -> None:
    rng = np.random.default_rng(1)
    e = rng.standard_normal(300)
    starts = np.linspace(0, 300, groups + 1).astype(np.intp)
    one, many = PairLoss(np.ones(300), starts[[0, -1]]), PairLoss(np.ones(300), starts)
    # each group has its own level, which its pairs do not see
    away = e + np.repeat(np.arange(groups) * 100.0, np.diff(starts))
    found = shrunken_bandwidth(many.absolute(away), many)
    assert found == pytest.approx(shrunken_bandwidth(one.absolute(e), one), rel=0.1)


def test_tau_is_that_of_a_normal_distribution() -> None:
    rng = np.random.default_rng(2)
    e = rng.standard_normal(2000)
    pairs = PairLoss(np.ones(2000), np.array([0, 2000]))
    width = shrunken_bandwidth(pairs.absolute(e), pairs)

    def tau(size: float, parameters: int) -> float:
        return koul_tau(pairs.huber(size * e, size * width), pairs, size * width, parameters)

    # 1 / (sqrt(12) times the integral of the squared density)
    assert tau(1.0, 0) == pytest.approx(np.sqrt(np.pi / 3), rel=0.06)
    assert tau(7.0, 0) == pytest.approx(7.0 * tau(1.0, 0))
    assert tau(1.0, 500) == pytest.approx(tau(1.0, 0) * np.sqrt(2000 / 1500))
    assert koul_tau(pairs.absolute(e), pairs, 0.0, 2) == 0.0
    far = PairLoss(np.ones(2), np.array([0, 2]))
    assert koul_tau(far.huber(np.array([0.0, 9.0]), 1.0), far, 1.0, 1) == np.inf


def test_a_majority_that_agrees_to_rounding_is_met_exactly() -> None:
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((60, 2))
    levels = np.repeat([5.0, -3.0], 30)
    y = levels + Z @ [1.0, -2.0]
    y[::3] += rng.standard_normal(20)
    problem = Problem(Z, y, PairLoss(np.ones(60), np.array([0, 30, 60])))
    near = np.array([1.0, -2.0]) + 1e-9
    slopes, loss = _snap(problem, near, problem.absolute(near))
    np.testing.assert_allclose(slopes, [1.0, -2.0], atol=1e-14)
    assert loss.value < problem.absolute(near).value
    # where most do not agree, nothing is moved
    y = y + rng.standard_normal(60)
    other = Problem(Z, y, problem.pairs)
    kept, _ = _snap(other, near, other.absolute(near))
    assert np.array_equal(kept, near)


def quadratic(seed: int, n: int = 40) -> tuple[Problem, Array, Array, Array]:
    """A Huber loss so wide that it is least squares; scores and curvature at the minimum."""
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.5, 2.0, n)
    w /= w.mean()
    _, Z = whiten(rng.standard_normal((n, 2)), w)
    y = Z @ [1.0, -2.0] + 0.3 * rng.standard_normal(n)
    y -= w @ y / w.sum()
    problem = Problem(Z, y, PairLoss(w, np.array([0, n])))
    slopes = problem.least_squares()
    loss = problem.huber(slopes, 1e3)
    np.testing.assert_allclose(problem.gradient(loss), 0.0, atol=1e-9)
    scores = problem.pairs.run_scores(loss, 1e3, Z)
    return problem, slopes, scores, problem.pairs.hessian(loss, 1e3, Z)


@pytest.mark.parametrize("clusters", [None, 8])
def test_covariances_are_those_of_runs_left_out(clusters: int | None) -> None:
    problem, slopes, scores, curvature = quadratic(0)
    Z, y, w = problem.Z, problem.y, problem.pairs.weights
    labels = np.arange(len(y)) if clusters is None else np.arange(len(y)) % clusters
    changes = []
    for label in np.unique(labels):
        rest = labels != label
        design = np.column_stack([np.ones(rest.sum()), Z[rest]]) * np.sqrt(w[rest])[:, None]
        again = np.linalg.lstsq(design, y[rest] * np.sqrt(w[rest]), rcond=None)[0][1:]
        changes.append(again - slopes)
    count = len(changes)
    expected = (count - 1) / count * np.transpose(changes) @ np.array(changes)
    if clusters is None:
        found = run_covariance(scores, curvature, Z, w)
    else:
        found = cluster_covariance(scores, curvature, Z, w, labels)
    # the prefactor's share of the leverage, a fortieth or an eighth, is left out
    size = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(
        found / np.outer(size, size), expected / np.outer(size, size), atol=0.25
    )
    assert np.trace(found) == pytest.approx(
        np.trace(expected), rel=0.08 if clusters is None else 0.3
    )


def test_a_run_of_full_leverage_is_bounded() -> None:
    Z, w = np.array([[2.0], [0.0], [0.0], [0.0]]), np.ones(4)
    np.testing.assert_allclose(hat_values(Z, w), [1.0, 0.0, 0.0, 0.0])
    found = run_covariance(np.ones((4, 1)), np.array([[2.0]]), Z, w)
    assert found[0, 0] == pytest.approx(0.75 * (500.0**2 + 3 * 0.25))


def test_hat_values_are_the_diagonal_of_the_projection() -> None:
    problem, *_ = quadratic(1)
    Z, w = problem.Z, problem.pairs.weights
    root = np.sqrt(w)[:, None] * Z
    hat = root @ np.linalg.solve(root.T @ root, root.T)
    np.testing.assert_allclose(hat_values(Z, w), np.diag(hat))
    assert hat_values(Z, w).sum() == pytest.approx(2.0)


def test_one_cluster_a_run_is_a_run() -> None:
    problem, _, scores, curvature = quadratic(2)
    Z, w = problem.Z[:, :1], problem.pairs.weights
    run = run_covariance(scores[:, :1], curvature[:1, :1], Z, w)
    one = cluster_covariance(scores[:, :1], curvature[:1, :1], Z, w, np.arange(40))
    np.testing.assert_allclose(one, run)


def test_distances_from_the_bulk_are_not_drawn_by_those_far_away() -> None:
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((200, 3))
    distances, cutoff = robust_distances(clean, np.arange(200))
    centred = clean - clean.mean(axis=0)
    whole = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(clean.T)), centred)
    np.testing.assert_allclose(distances, np.sqrt(whole), rtol=1e-9)
    small = 1 + 4 / 197 + 2 / 190
    assert cutoff == pytest.approx(small * np.sqrt(chi2.isf(0.001 / 200, 3)))
    # a gathered seventh of the runs
    mixed = np.concatenate([clean, 12.0 + 0.1 * rng.standard_normal((30, 3))])
    far, limit = robust_distances(mixed, np.arange(230))
    assert np.all(far[:200] < limit)
    assert np.all(far[200:] > limit)
    turned, same = robust_distances(mixed[::-1] @ np.diag([1.0, 5.0, 0.2]) + 7.0, np.arange(230))
    np.testing.assert_allclose(turned[::-1], far, rtol=1e-6)
    assert same == limit


def test_of_long_tables_evenly_spaced_runs_stand_for_all() -> None:
    rng = np.random.default_rng(1)
    Z = rng.standard_normal((500, 2))
    order = rng.permutation(500)
    found, _ = robust_distances(Z, order, most=100)
    part = Z[order[::6]]
    away = Z - part.mean(axis=0)
    expected = np.einsum("ij,jk,ik->i", away, np.linalg.inv(np.cov(part.T)), away)
    np.testing.assert_allclose(found, np.sqrt(expected), rtol=1e-9)
    none, limit = robust_distances(np.empty((5, 0)), np.arange(5))
    assert (none.tolist(), limit) == ([0.0] * 5, np.inf)
