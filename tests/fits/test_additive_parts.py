"""Splines, losses and pairs of additive models against direct computations."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.arrays import Array, IntArray
from dimgs.fits import PairAdditive, SparseAdditive
from dimgs.fits.additive import (
    AdditiveCandidate,
    AdditiveDesign,
    OddSpline,
    curvature_columns,
    prune,
    slope_and_curvature,
)
from dimgs.fits.noise import within_one_error

SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.integers(2, 6))
@settings(max_examples=25)
def test_means_over_references_are_sums(seed: int, n_knots: int) -> None:
    rng = np.random.default_rng(seed)
    spline = OddSpline(np.cumsum(rng.uniform(0.1, 1.0, n_knots)))
    coef = rng.normal(size=n_knots)
    reference, share = np.sort(rng.normal(size=15)), rng.dirichlet(np.ones(15))
    z = 3.0 * rng.normal(size=11)
    expected = [float(share @ (spline.columns(at - reference) @ coef)) for at in z]
    np.testing.assert_allclose(spline.mean_over(z, reference, share, coef), expected, atol=1e-8)
    # odd, and with the slopes that their differences have
    np.testing.assert_allclose(spline.columns(-z), -spline.columns(z), atol=1e-12)
    step = 1e-6
    slope = (spline.columns(z + step) - spline.columns(z - step)) / (2 * step)
    # across a knot, where the curvature jumps, the difference is off by about a step
    np.testing.assert_allclose(spline.columns(z, 1), slope, atol=10 * step)


def test_slope_and_curvature_are_of_the_best_parabola() -> None:
    rng = np.random.default_rng(0)
    z, share = rng.normal(size=30), rng.dirichlet(np.ones(30))
    knots, coef = np.array([-1.0, -0.2, 0.5, 1.1]), np.array([0.7, 1.5, -2.0])
    slope, bow = slope_and_curvature(z, share, knots, curved=True)

    def value(at: Array) -> Array:
        return np.asarray(coef[0] * at + curvature_columns(at, knots) @ coef[1:])

    step = 1e-6
    mean = share @ (value(z + step) - value(z - step)) / (2 * step)
    assert slope @ coef == pytest.approx(mean, rel=1e-6)
    parabola = np.polyfit(z, value(z), 2, w=np.sqrt(share))
    assert bow @ coef == pytest.approx(2 * parabola[0])
    straight = slope_and_curvature(z, share, knots, curved=False)
    assert [v.tolist() for v in straight] == [[1.0], [0.0]]


def design_of(seed: int) -> tuple[AdditiveDesign, Array, Array, Array, IntArray]:
    rng = np.random.default_rng(seed)
    z, weight = rng.normal(size=(45, 3)), rng.uniform(0.5, 2.0, 45)
    y = z @ [1.0, -0.5, 0.02] + np.abs(z[:, 0]) + 0.2 * rng.normal(size=45)
    fold = rng.permutation(np.arange(45) % 5)
    return AdditiveDesign(z, y, weight, fold, 4), z, y, weight, fold


@pytest.mark.parametrize("seed", [0, 1])
def test_losses_are_of_refits_without_each_fold(seed: int) -> None:
    design, z, y, weight, fold = design_of(seed)
    for size in range(4):
        for kept in combinations(range(3), size):
            for curved in (c for n in range(size + 1) for c in combinations(kept, n)):
                blocks = [curvature_columns(z[:, i], design.knots[i]) for i in curved]
                columns = np.column_stack([np.ones(45), z[:, list(kept)], *blocks])
                expected = []
                for k in range(5):
                    rest, root = fold != k, np.sqrt(weight)
                    law = np.linalg.lstsq(
                        columns[rest] * root[rest, None], (y * root)[rest], rcond=None
                    )[0]
                    miss = (y - columns @ law)[~rest]
                    expected.append(weight[~rest] @ miss**2 / weight.sum())
                np.testing.assert_allclose(design.losses(curved, kept), expected, rtol=1e-6)
                some = design.losses(curved, kept, np.array([3, 1]))
                np.testing.assert_allclose(some, np.array(expected)[[3, 1]], rtol=1e-6)


@pytest.mark.parametrize(("seed", "dropped"), [(0, 0), (1, 1), (2, 0), (3, 1)])
def test_straight_groups_are_dropped_while_it_costs_less_than_one_error(
    seed: int, dropped: int
) -> None:
    design, *_ = design_of(seed)
    everything = (0, 1, 2)
    start = design.losses((0,), everything)
    pruned = prune(design, AdditiveCandidate(0, (0,), everything, 0.1, start))
    kept = list(everything)
    while True:
        trials = {i: design.losses((0,), [j for j in kept if j != i]) for i in kept if i != 0}
        fine = {
            i: loss.sum()
            for i, loss in trials.items()
            if (loss - start).sum() <= np.std(loss - start, ddof=1) * np.sqrt(5)
        }
        if not fine:
            break
        kept.remove(min(fine, key=fine.__getitem__))
    assert pruned.kept == tuple(kept)
    assert 3 - len(kept) == dropped
    np.testing.assert_allclose(pruned.losses, design.losses((0,), kept))
    assert (pruned.curved, pruned.alpha, pruned.basis) == ((0,), 0.1, 0)
    best = np.array([1.0, 2.0, 1.5])
    assert within_one_error(best + np.array([0.1, -0.05, 0.0]), best, 0.0)
    assert not within_one_error(best + 0.1, best, 0.0)
    assert within_one_error(best + 0.1, best, 0.31)
    assert within_one_error(best * (1 + 1e-10), best, 0.0)


def test_terms_have_mean_zero_and_say_when_a_power_law_is_enough() -> None:
    pytest.importorskip("celer")
    _, z, y, weight, _ = design_of(2)
    model = SparseAdditive(n_knots=4, level=0.8).fit(z, y, sample_weight=weight)
    assert model.n_contrasts_ == 44
    assert model.n_pairs_ == 45 * 22
    total = np.zeros(45)
    for term in model.components_:
        values = term(z @ np.array(term.group, dtype=float))
        total += values
        assert weight @ values / weight.sum() == pytest.approx(0.0, abs=1e-10)
        assert term.power_law_enough == (term.p_value > 0.2)
        low, high = term.slope_interval
        assert (low + high) / 2 == pytest.approx(term.slope)
        low, high = term.curvature_interval
        assert (low + high) / 2 == pytest.approx(term.curvature)
        if not term.curved:
            assert (low, high) == (0.0, 0.0)
            assert term.slope == pytest.approx(term.coefficients[0])
    assert any(term.curved for term in model.components_)
    centre = weight @ y / weight.sum()
    np.testing.assert_allclose(model.predict(z), centre + total, atol=1e-10)
    np.testing.assert_allclose(model.residuals_, y - centre - total, atol=1e-10)


def test_odd_functions_are_least_squares_over_pairs() -> None:
    rng = np.random.default_rng(3)
    X, weight = rng.normal(size=(20, 2)), rng.uniform(0.5, 2.0, 20)
    y = np.abs(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * rng.normal(size=20)
    model = PairAdditive(n_knots=3).fit(X, y, sample_weight=weight)
    assert (model.n_pairs_, model.n_contrasts_) == (190, 19)
    w = weight / weight.mean()
    spread = np.sqrt(np.average((X - np.average(X, axis=0, weights=w)) ** 2, axis=0, weights=w))
    outer = np.minimum(2 * np.sqrt(2) * spread, np.ptp(X, axis=0))
    np.testing.assert_allclose(model.knots_, np.outer(outer, [1 / 3, 2 / 3, 1.0]))
    u, v = np.triu_indices(20, 1)
    splines = [OddSpline(knots) for knots in model.knots_]

    def table(derivative: int) -> list[Array]:
        apart = X[u] - X[v]
        return [s.columns(d, derivative) for s, d in zip(splines, apart.T, strict=True)]

    columns, pair = np.hstack(table(0)), w[u] * w[v]
    root = np.sqrt(pair)
    coef = np.linalg.lstsq(columns * root[:, None], (y[u] - y[v]) * root, rcond=None)[0]
    np.testing.assert_allclose(model.predict_ratio(X[u], X[v]), columns @ coef, atol=1e-9)
    means = [pair @ slopes / pair.sum() for slopes in table(1)]
    functional = np.zeros((2, 6))
    functional[0, :3], functional[1, 3:] = means
    np.testing.assert_allclose(model.exponents_, functional @ coef)
    # sandwich of scores of runs, each in all of its pairs
    pull = (pair * (y[u] - y[v] - columns @ coef))[:, None] * columns
    scores = np.zeros((20, 6))
    np.add.at(scores, u, pull)
    np.add.at(scores, v, pull)
    inverse = np.linalg.inv((columns * pair[:, None]).T @ columns)
    meat = scores.T @ scores * 20 / 19
    expected = functional @ inverse @ meat @ inverse @ functional.T
    np.testing.assert_allclose(model.covariance_, expected)
    potential = [float(w @ model.predict_ratio(np.tile(x, (20, 1)), X) / w.sum()) for x in X]
    left = y - potential - np.average(y - potential, weights=w)
    np.testing.assert_allclose(model.residuals_, left, atol=1e-9)
    two = PairAdditive(n_knots=2).fit([[0.0], [1.0]], [0.0, 2.0])
    assert (two.loop_defect_, two.loop_defect_relative_) == (0.0, 0.0)
