"""Parts of the robust fit against their definitions over all pairs."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.stats import chi2

from dimgs.common.arrays import Array
from dimgs.fits.design import whiten
from dimgs.fits.robust import (
    LocalPairs,
    PairLoss,
    RankProblem,
    _quartile_range,
    _snap,
    deletion_covariance,
    hat_values,
    hodges_lehmann,
    koul_tau,
    minimise,
    near_pairs,
    robust_distances,
    shrunken_bandwidth,
    tied,
)

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
    again = pairs.smoothed(pairs.absolute(e), threshold)
    assert again.value == pytest.approx(loss.value)
    np.testing.assert_allclose(again.scores, loss.scores, atol=1e-12)


@given(SEEDS, st.sampled_from([0.05, 0.3, 1e3]))
def test_the_programme_of_near_pairs_is_the_loss_within_its_box(seed: int, radius: float) -> None:
    pairs, y, Z, _ = pairs_of(seed)
    problem = RankProblem(Z, y, pairs)
    here = problem.absolute(np.zeros(2))
    local = near_pairs(here, pairs, Z, radius)
    assert local is not None
    at_rest = float(local.weights @ np.abs(local.gaps))
    rng = np.random.default_rng(seed)
    for _ in range(5):
        step = rng.uniform(-1, 1, 2) * min(radius, 3.0)
        moved = float(local.weights @ np.abs(local.gaps - local.differences @ step))
        predicted = moved - at_rest + float(local.slope @ step)
        assert predicted == pytest.approx(problem.absolute(step).value - here.value, abs=1e-9)
    reach = radius * np.abs(local.differences).sum(axis=1)
    assert np.all(np.abs(local.gaps) <= reach + 1e-12)


@given(SEEDS, st.booleans(), st.floats(0.2, 2.0))
@example(0, True, 1.0)
def test_slopes_and_curvature_are_sums_over_pairs(seed: int, ties: bool, threshold: float) -> None:
    pairs, e, Z, each = pairs_of(seed)
    e = np.round(e) if ties else e
    weight = each + each.T
    gap = e[:, None] - e
    # a last bit between gap and threshold decides nothing but on which side of a corner a pair is
    beyond = np.abs(np.abs(gap) - threshold)
    assume(bool(np.all((beyond == 0.0) | (beyond > 1e-9))))
    apart = Z[:, None] - Z
    near = (np.abs(gap) <= threshold) & (weight > 0)
    absolute, huber = pairs.absolute(e), pairs.huber(e, threshold)
    clipped = np.clip(gap / threshold, -1.0, 1.0)
    for loss, slope, width in ((absolute, np.sign(gap), 0.0), (huber, clipped, threshold)):
        scores = (weight * slope).sum(axis=1)
        np.testing.assert_allclose(pairs.weights * loss.scores, scores, atol=1e-9)
        expected = np.einsum("uv,uv,uvj->uj", weight, slope, apart)
        np.testing.assert_allclose(pairs.run_scores(loss, width, Z), expected, atol=1e-9)
    curvature = np.einsum("uv,uvi,uvj->ij", weight * near, apart, apart) / (2 * threshold)
    np.testing.assert_allclose(pairs.hessian(huber, threshold, Z), curvature, atol=1e-9)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("radius", [0.3, 2.0, 1e3])
def test_the_programme_is_solved_at_a_corner_or_in_the_middle(rank: int, radius: float) -> None:
    rng = np.random.default_rng(rank)
    for _ in range(4):
        gaps, differences = rng.normal(size=12), rng.normal(size=(12, rank))
        weights = rng.uniform(0.5, 2.0, 12)
        slope = 0.3 * rng.normal(size=rank)

        def value(step: Array) -> float:
            return float(slope @ step + weights @ np.abs(gaps - differences @ step))  # noqa: B023

        solved = minimise(LocalPairs(gaps, differences, weights, slope, radius))
        assert solved is not None
        step, interior = solved
        assert interior == (np.abs(step).max() < radius * (1 - 1e-9))
        for size in (1e-3, 0.1, 1.0):
            for _ in range(60):
                other = step + size * rng.normal(size=rank)
                other = np.clip(other, -radius, radius)
                assert value(step) <= value(other) + 1e-9
        if interior:
            # as many pairs as slopes are tied, to the last digit
            assert np.sum(np.abs(gaps - differences @ step) < 1e-14) >= rank
    # in units and weights of any size
    one, two = (
        minimise(LocalPairs(f * gaps, differences, g * weights, g * slope, f * radius))
        for f, g in ((1.0, 1.0), (1e6, 1e-4))
    )
    assert one is not None
    assert two is not None
    np.testing.assert_allclose(two[0], 1e6 * one[0], rtol=1e-9)


@pytest.mark.parametrize("radius", [5.0, 1e3])
def test_between_two_pairs_of_equal_weight_the_middle_is_taken(radius: float) -> None:
    flat = LocalPairs(np.array([1.0, 3.0]), np.ones((2, 1)), np.ones(2), np.zeros(1), radius)
    minimum = minimise(flat)
    assert minimum is not None
    assert minimum[0] == pytest.approx([2.0])
    # the box ends the face
    closed = minimise(LocalPairs(flat.gaps, flat.differences, flat.weights, flat.slope, 2.5))
    assert closed is not None
    assert 1.0 <= closed[0][0] <= 2.5


@pytest.mark.parametrize("kind", ["normal", "heavy", "two", "ties", "rounding", "far"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_median_of_pair_means_of_many_runs(kind: str, weighted: bool) -> None:
    for seed, size in ((0, 301), (1, 420), (2, 700)):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(size)
        x = {
            "normal": x,
            "heavy": x / rng.uniform(0.0, 1.0, size) ** 2,
            "two": np.where(np.arange(size) % 2, x, 50.0 + x),
            "ties": 3.0 + np.round(2 * x),
            "rounding": 3.0 + 1e-15 * np.round(4 * x),
            "far": 1e9 + x,
        }[kind]
        x = np.sort(x)
        w = rng.integers(1, 4, size).astype(float) if weighted else np.ones(size)
        sums = (x[:, None] + x).ravel()
        expected = np.median(np.repeat(sums, np.outer(w, w).ravel().astype(int))) / 2
        centre = hodges_lehmann(x, w)
        assert centre == pytest.approx(expected, rel=1e-14, abs=1e-12)


def test_ties_that_rounding_parted_are_ties_again() -> None:
    pairs, e, Z, _ = pairs_of(3)
    e = np.round(2 * e)
    parted = e + 1e-15 * np.arange(25)
    problem = RankProblem(Z, parted, pairs)
    again = tied(pairs.absolute(parted), pairs, problem)
    whole = pairs.absolute(e)
    np.testing.assert_allclose(again.scores, whole.scores, atol=1e-12)
    np.testing.assert_array_equal(again.high - again.low, whole.high - whole.low)
    # what differs by more stays apart, and so do neighbouring groups
    loss = pairs.absolute(e + 0.01 * np.arange(25))
    np.testing.assert_allclose(tied(loss, pairs, problem).scores, loss.scores, atol=1e-12)


def test_the_quartiles_are_of_the_largest_group() -> None:
    pairs, e, *_ = pairs_of(6)
    part = np.sort(e[11:])
    quartile_range = _quartile_range(pairs.absolute(e), pairs)
    assert quartile_range == part[10] - part[3]


def test_too_many_near_pairs_are_none() -> None:
    pairs, y, Z, each = pairs_of(0)
    here = RankProblem(Z, y, pairs).absolute(np.zeros(2))
    count = int((each > 0).sum())
    assert near_pairs(here, pairs, Z, 1e3, most=count) is not None
    assert near_pairs(here, pairs, Z, 1e3, most=count - 1) is None
    assert near_pairs(here, pairs, Z, 100.0, most=5) is None


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), SEEDS)
def test_the_centre_of_few_values_is_that_of_repeated_ones(values: list[int], seed: int) -> None:
    counts = np.random.default_rng(seed).integers(1, 4, len(values))
    x = np.repeat(np.array(values, dtype=float), counts)
    assert hodges_lehmann(values, counts.astype(float)) == np.median(x[:, None] + x) / 2


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


@pytest.mark.parametrize("groups", [20, 21])
def test_many_small_groups_share_one_quantile(groups: int) -> None:
    rng = np.random.default_rng(groups)
    e = rng.standard_normal((groups, 3))
    pairs = PairLoss(np.ones(3 * groups), 3 * np.arange(groups + 1))
    centred = e - np.median(e, axis=1, keepdims=True)
    if groups > 20:
        centred = centred.reshape(1, -1)
    first, second = np.triu_indices(centred.shape[1], 1)
    gaps = np.sort(np.abs(centred[:, first] - centred[:, second]).ravel())
    expected = gaps[int(np.ceil(0.8 * len(gaps))) - 1] / np.sqrt(3 * groups)
    assert shrunken_bandwidth(pairs.absolute(e.ravel()), pairs) == pytest.approx(expected)


@pytest.mark.parametrize("groups", [2, 30])
def test_the_bandwidth_of_groups_is_about_that_of_one(groups: int) -> None:
    rng = np.random.default_rng(1)
    e = rng.standard_normal(300)
    starts = np.linspace(0, 300, groups + 1).astype(np.intp)
    one, many = PairLoss(np.ones(300), starts[[0, -1]]), PairLoss(np.ones(300), starts)
    # each group has its own level, which its pairs do not see
    away = e + np.repeat(np.arange(groups) * 100.0, np.diff(starts))
    bandwidth = shrunken_bandwidth(many.absolute(away), many)
    assert bandwidth == pytest.approx(shrunken_bandwidth(one.absolute(e), one), rel=0.1)


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
    problem = RankProblem(Z, y, PairLoss(np.ones(60), np.array([0, 30, 60])))
    near = np.array([1.0, -2.0]) + 1e-9
    slopes, loss = _snap(problem, near, problem.absolute(near))
    np.testing.assert_allclose(slopes, [1.0, -2.0], atol=1e-14)
    assert loss.value < problem.absolute(near).value
    # where most do not agree, nothing is moved
    y = y + rng.standard_normal(60)
    other = RankProblem(Z, y, problem.pairs)
    kept, _ = _snap(other, near, other.absolute(near))
    assert np.array_equal(kept, near)


def quadratic(seed: int, n: int = 40) -> tuple[RankProblem, Array, Array, Array]:
    """A Huber loss so wide that it is least squares; scores and curvature at the minimum."""
    rng = np.random.default_rng(seed)
    w = rng.uniform(0.5, 2.0, n)
    w /= w.mean()
    _, Z = whiten(rng.standard_normal((n, 2)), w)
    y = Z @ [1.0, -2.0] + 0.3 * rng.standard_normal(n)
    y -= w @ y / w.sum()
    problem = RankProblem(Z, y, PairLoss(w, np.array([0, n])))
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
    covariance = deletion_covariance(scores, curvature, Z, w, None if clusters is None else labels)
    # the prefactor's share of the leverage, a fortieth or an eighth, is left out
    size = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(
        covariance / np.outer(size, size), expected / np.outer(size, size), atol=0.25
    )
    assert np.trace(covariance) == pytest.approx(
        np.trace(expected), rel=0.08 if clusters is None else 0.3
    )


def test_a_run_of_full_leverage_is_bounded() -> None:
    Z, w = np.array([[2.0], [0.0], [0.0], [0.0]]), np.ones(4)
    np.testing.assert_allclose(hat_values(Z, w), [1.0, 0.0, 0.0, 0.0])
    covariance = deletion_covariance(np.ones((4, 1)), np.array([[2.0]]), Z, w, None)
    assert covariance[0, 0] == pytest.approx(0.75 * (500.0**2 + 3 * 0.25))


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
    run = deletion_covariance(scores[:, :1], curvature[:1, :1], Z, w, None)
    one = deletion_covariance(scores[:, :1], curvature[:1, :1], Z, w, np.arange(40))
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
    distances, _ = robust_distances(Z, order, most=100)
    part = Z[order[::6]]
    away = Z - part.mean(axis=0)
    expected = np.einsum("ij,jk,ik->i", away, np.linalg.inv(np.cov(part.T)), away)
    np.testing.assert_allclose(distances, np.sqrt(expected), rtol=1e-9)
    none, limit = robust_distances(np.empty((5, 0)), np.arange(5))
    assert (none.tolist(), limit) == ([0.0] * 5, np.inf)
