"""Curves as responses: recovery, positivity, intervals, invariance."""

import pickle

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.fits import ContrastivePotential, CurvePotential, PowerLaw

torch = pytest.importorskip("torch")
TIMES = np.geomspace(0.1, 10.0, 20)


def decays(size: int, seed: int, noise: float = 0.05) -> tuple[Array, Array, Array]:
    """Logs of stretched decays whose time follows one group and whose height the other."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, (size, 2))
    truth = 0.5 * X[:, [1]] - np.sqrt(TIMES / np.exp(0.7 * X[:, [0]]))
    shared = noise * rng.standard_normal((size, 1))
    single = 0.3 * noise * rng.standard_normal(truth.shape)
    return X, truth + shared + single, truth


def quick(max_iter: int = 40) -> ContrastivePotential:
    """A potential that is trained in little time."""
    return ContrastivePotential((8,), n_members=2, max_iter=max_iter)


def test_estimator_checks() -> None:
    small = ContrastivePotential((2,), smoothness=0.1, n_members=1, max_iter=2)
    check_estimator(CurvePotential(estimator=small), on_skip=None)


def test_curves_are_recovered_and_stay_positive() -> None:
    X, logs, _ = decays(60, 0)
    rows, _, truth = decays(200, 1)
    model = CurvePotential(estimator=quick(80)).fit(X, logs)
    assert np.std(model.predict(rows) - truth) < 0.05 * np.std(truth)
    assert np.all(model.curves(50 * rows) >= 0)
    assert np.all(model.curves(rows) > 0)
    np.testing.assert_allclose(model.curves(rows), np.exp(model.predict(rows)))
    slopes = model.exponents([[0.0, 0.0]])[0]
    np.testing.assert_allclose(slopes[:, 1], 0.5, atol=0.1)
    np.testing.assert_allclose(slopes[:, 0], 0.35 * np.sqrt(TIMES), atol=0.15)


def test_one_component_of_a_power_law_is_the_power_law() -> None:
    rng = np.random.default_rng(2)
    X = rng.uniform(-1.0, 1.0, (20, 2))
    heights = X @ [0.5, -1.0] + 0.05 * rng.standard_normal(20)
    model = CurvePotential(1, quick(20)).fit(X, heights[:, None] - 0.3 * np.log(TIMES))
    law = PowerLaw().fit(X, heights)
    assert np.isinf(model.smoothness_[0])
    np.testing.assert_allclose(model.explained_, [1.0])
    expected = np.tile(law.exponents_, (20, 1))
    np.testing.assert_allclose(model.exponents(X)[0], expected, atol=1e-8)
    np.testing.assert_allclose(model.exponents_, expected, atol=1e-8)
    ratio = np.ptp(model.intervals(), axis=-1) / np.ptp(law.intervals(), axis=-1)
    assert np.all((ratio > 0.5) & (ratio < 2.0))
    np.testing.assert_allclose(model.intervals().mean(axis=-1), expected, atol=1e-8)
    flat = CurvePotential(1, quick(20)).fit(X, heights)
    np.testing.assert_allclose(flat.intervals(), model.intervals()[0], atol=1e-8)


def test_ratios_of_curves_add_up_and_intervals_turn_over() -> None:
    X, logs, _ = decays(30, 3)
    model = CurvePotential(estimator=quick()).fit(X, logs)
    u, v, w = X[:10], X[10:20], X[20:]
    loop = model.predict_ratio(u, v) + model.predict_ratio(v, w) + model.predict_ratio(w, u)
    np.testing.assert_allclose(loop, 0.0, atol=1e-12)
    there, back = model.ratio_interval(u, v), model.ratio_interval(v, u)
    np.testing.assert_allclose(there, -back[..., ::-1], atol=1e-12)


def test_neither_the_choice_of_groups_nor_the_order_of_runs_matters() -> None:
    X, logs, _ = decays(30, 4)
    rows = decays(10, 5)[0]
    turn = np.array([[1.0, 2.0], [1.0, 3.0]])
    order = np.random.default_rng(0).permutation(30)
    plain = CurvePotential(estimator=quick()).fit(X, logs)
    turned = CurvePotential(estimator=quick()).fit((X @ turn)[order], logs[order])
    np.testing.assert_allclose(turned.predict(rows @ turn), plain.predict(rows), atol=1e-6)
    copy = pickle.loads(pickle.dumps(plain))
    assert np.array_equal(copy.predict_interval(rows), plain.predict_interval(rows))


def covered(size: int, seed: int, max_iter: int) -> tuple[float, float, float]:
    """Shares of points, of whole curves, and of ratios within their intervals at 0.9."""
    X, logs, _ = decays(size, seed)
    rows, noisy, _ = decays(300, 1000 + seed)
    model = CurvePotential(estimator=quick(max_iter)).fit(X, logs)
    point, whole = (model.predict_interval(rows, whole=w) for w in (False, True))
    ratio = model.ratio_interval(rows[:150], rows[150:])
    gap = noisy[:150] - noisy[150:]
    held = (whole[..., 0] <= noisy) & (noisy <= whole[..., 1])
    return (
        float(np.mean((point[..., 0] <= noisy) & (noisy <= point[..., 1]))),
        float(np.mean(held.all(axis=1))),
        float(np.mean((ratio[..., 0] <= gap) & (gap <= ratio[..., 1]))),
    )


def test_points_and_whole_curves_are_covered() -> None:
    points, whole, ratios = covered(60, 6, 60)
    assert 0.75 < points < 0.99
    assert 0.7 < whole < 0.99
    assert 0.7 < ratios < 0.995


@pytest.mark.slow
@pytest.mark.parametrize("size", [40, 120])
def test_coverage_over_tables(size: int) -> None:
    mean = np.mean([covered(size, seed, 100) for seed in range(6)], axis=0)
    assert np.all(mean > 0.84)
    assert np.all(mean < 0.99)


def test_what_cannot_be_fitted_is_refused() -> None:
    X, logs, _ = decays(10, 7)
    for wrong in (0, 1.5, -0.1):
        with pytest.raises(InputError, match="n_components"):
            CurvePotential(wrong).fit(X, logs)
    model = CurvePotential(2, quick(5)).fit(X, logs)
    with pytest.raises(InputError, match="paired"):
        model.ratio_interval(X[:2], X[:3])


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("whole", [False, True])
def test_without_a_network_curves_are_least_squares_of_their_components(
    count: int, whole: bool
) -> None:
    rng = np.random.default_rng(count)
    n = 36
    X, w = rng.normal(size=(n, 1)), rng.uniform(0.5, 2.0, n)
    y = X * [1.0, 0.6, -0.2] + rng.normal(size=(n, 3)) * [0.3, 0.1, 0.2] + [1.0, 2.0, 3.0]
    order = np.lexsort(y.T[::-1])
    X, y, w = X[order], y[order], (w / w.mean())[order]
    model = CurvePotential(count, ContrastivePotential(()))
    model.fit(X, y, sample_weight=w)
    mean = w @ y / n
    root = np.sqrt(w)[:, None]
    _, singular, components = np.linalg.svd((y - mean) * root, full_matrices=False)
    components = components[:count]
    np.testing.assert_allclose(np.abs(model.components_), np.abs(components), atol=1e-9)
    np.testing.assert_allclose(model.explained_, (singular**2 / np.sum(singular**2))[:count])
    np.testing.assert_allclose(model.intercept_, mean)
    scores = (y - mean) @ components.T
    missed = np.sqrt(np.mean((y - mean - scores @ components) ** 2, axis=0))
    held = model._folds.held
    design = np.column_stack([np.ones(n), X])
    laws = np.array(
        [np.linalg.lstsq(design[~h] * root[~h], scores[~h] * root[~h], rcond=None)[0] for h in held]
    )
    errors = scores - design @ laws
    noise = np.sqrt(np.mean((errors * root)[held] ** 2, axis=0))
    centre, variance = np.average(X[:, 0], weights=w), np.cov(X[:, 0], aweights=w, ddof=0)

    def open_at(away: Array, runs: int) -> Array:
        variance_of_runs = noise**2 * (runs + away[:, None] ** 2 / variance / n)
        return np.asarray(np.sqrt(variance_of_runs @ components**2 + runs * missed**2))

    def bounds(middle: Array, reach: Array, effective: int) -> Array:
        size = len(reach)
        rank = int(np.ceil(0.8 * (1 + 1 / effective) * size))
        low, high = (np.sort(middle + s * reach, axis=0) for s in (-1, 1))
        return np.stack([low[size - rank], high[rank - 1]], axis=-1)

    rows, others = rng.uniform(-0.8, 0.8, (2, 4, 1))
    fold, run = np.nonzero(held)
    curves = mean + design @ laws @ components
    score = np.abs(y - curves)[fold, run] * root[run] / open_at(X[run, 0] - centre, 1)
    score = score.max(axis=1, keepdims=True) if whole else score
    there = mean + np.column_stack([np.ones(4), rows]) @ laws @ components
    reach = score[:, None] * open_at(rows[:, 0] - centre, 1)
    expected = bounds(there[fold], reach, n)
    np.testing.assert_allclose(model.predict_interval(rows, 0.8, whole), expected, rtol=1e-6)
    k, u, v = model._folds.pairs.T
    gaps = np.einsum("ij,ijt->it", X[u] - X[v], laws[k, 1:] @ components)
    weight = np.sqrt(2 / (1 / w[u] + 1 / w[v]))[:, None]
    score = np.abs(y[u] - y[v] - gaps) * weight / open_at((X[u] - X[v])[:, 0], 2)
    score = score.max(axis=1, keepdims=True) if whole else score
    there = (rows - others) @ laws[:, 1:] @ components
    reach = score[:, None] * open_at((rows - others)[:, 0], 2)
    expected = bounds(there[k], reach, min(len(k), n))
    np.testing.assert_allclose(model.ratio_interval(rows, others, 0.8, whole), expected, rtol=1e-6)
    law = np.linalg.lstsq(design * root, scores * root, rcond=None)[0] @ components
    np.testing.assert_allclose(
        model.predict(rows), mean + np.column_stack([np.ones(4), rows]) @ law
    )
    np.testing.assert_allclose(model.exponents(rows)[..., 0], np.tile(law[1], (4, 1)))


@pytest.mark.parametrize("n", [2, 3])
def test_few_curves_are_fitted_through(n: int) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 3)), rng.normal(size=n)
    assert np.allclose(CurvePotential().fit(X, y).predict(X), y)
