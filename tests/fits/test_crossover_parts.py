"""Crossovers: choices by runs left out, and profiles of their sharpness, by plain refits."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from dimgs.common.arrays import Array
from dimgs.fits import PowerLaw
from dimgs.fits.blend import BLUNTEST, SHARPEST, Blend, descend
from dimgs.fits.regimes import (
    FORMS,
    CrossoverChoice,
    CrossoverPowerLaw,
    Sample,
    _held_out_squares,
    _predicts_better,
    best_blend,
    folds,
    power_profile,
    prepare,
)
from dimgs.fits.training_runs import TrainingRuns


@pytest.mark.parametrize("clustered", [False, True])
def test_squares_of_runs_left_out_are_those_of_refits(clustered: bool) -> None:
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(30, 2)), rng.uniform(0.5, 2.0, 30)
    y = X @ [1.0, 2.0] + 0.3 * rng.normal(size=30)
    cluster = np.arange(30) // 3 if clustered else np.arange(30)
    model: Any = PowerLaw()
    expected = np.zeros(30)
    for train, test in folds(cluster, 3):
        design, root = np.column_stack([np.ones(30), X]), np.sqrt(weight)
        law = np.linalg.lstsq(design[train] * root[train, None], (y * root)[train], rcond=None)[0]
        expected[test] = (y - design @ law)[test] ** 2
    squares = _held_out_squares(model, TrainingRuns(X, y, weight, cluster), 3)
    np.testing.assert_allclose(squares, expected)


@pytest.mark.parametrize("seed", range(8))
def test_a_smooth_form_must_gain_more_than_chance(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    cluster, weight = np.arange(40) // 2, rng.uniform(0.5, 2.0, 40)
    one, two = rng.exponential(size=(2, 40)) + np.array([[0.4], [0.0]])
    single, smooth = (CrossoverChoice(name, 0.0, name) for name in "st")  # type: ignore[arg-type]
    monkeypatch.setattr(
        "dimgs.fits.regimes._held_out_squares",
        lambda model, *_: one if model == "s" else two,
    )
    gain = np.bincount(cluster, weight * (one - two))
    surer = gain.sum() / np.sqrt(np.sum(gain**2)) > 1.645
    runs = TrainingRuns(np.zeros((40, 1)), np.zeros(40), weight, cluster)
    assert _predicts_better(smooth, single, runs, 0) == surer


def crossing(noise: float, n: int = 60) -> Sample:
    rng = np.random.default_rng(1)
    z = rng.normal(size=n)
    y = np.logaddexp(2.0 * (-0.5 * z), 2.0 * (1.0 * z)) / 2.0 + noise * rng.normal(size=n)
    return Sample(z[:, None], y, rng.uniform(0.5, 2.0, n), np.arange(n), 6)


def loss(sample: Sample, blend: Blend) -> float:
    return float(sample.weight @ (blend.parts(sample.design)[1] - sample.y) ** 2)


def test_the_best_blend_is_found_and_its_sharpness_is_bounded_by_its_loss() -> None:
    sample = crossing(0.05)
    start = np.array([[0.3, -0.2], [-0.2, 0.6]])
    best = best_blend(sample, start, 1.0, None)
    assert best.loss == pytest.approx(loss(sample, best))
    assert best.power == pytest.approx(2.0, abs=1.0)
    held = best_blend(sample, start, 1.0, best.power)
    assert held.power == best.power
    assert held.loss == pytest.approx(best.loss, rel=1e-6)
    rng = np.random.default_rng(0)
    for _ in range(50):
        laws = best.laws + 0.02 * rng.normal(size=(2, 2))
        assert loss(sample, Blend(laws, best.power, 0.0)) >= best.loss
    slack = 4.0 * best.loss / 55
    low, high = power_profile(sample, best, 1.0, slack)
    assert BLUNTEST < low < abs(best.power) < high < SHARPEST
    for end in (low, high):
        runs = sample.design, sample.y, sample.weight
        refit = descend(runs, best.laws, float(np.sign(best.power)) * end, None)
        assert refit.loss - best.loss == pytest.approx(slack, rel=0.05)
    # what no loss rejects has no end
    assert power_profile(sample, best, 1.0, 1e6) == (0.0, np.inf)


def joined(n: int = 60) -> tuple[Array, Array, Array]:
    sample = crossing(0.05, n)
    return sample.Z, sample.y, sample.weight


@pytest.mark.parametrize("form", ["auto", "blend", "sum", "saturation"])
def test_only_the_forms_asked_for_are_scored(form: Any) -> None:
    X, y, weight = joined()
    model = CrossoverPowerLaw(form).fit(X, y, sample_weight=weight)
    assert list(model.scores_) == (list(FORMS) if form == "auto" else [form])
    assert model.form_ == min(model.scores_, key=model.scores_.__getitem__)
    assert model.bic_ == model.scores_[model.form_]
    assert model.n_parameters_ == (5 if model.form_ == "blend" else 4)
    w = weight / weight.mean()
    spread = np.cov(y, aweights=w, ddof=0)
    loss = w @ model.residuals_**2 / spread
    assert model.bic_ == pytest.approx(60 * np.log(loss / 60) + model.n_parameters_ * np.log(60.0))
    np.testing.assert_allclose(model.residuals_, y - model.predict(X), atol=1e-12)
    assert (model.n_contrasts_, model.n_pairs_) == (59, 59 * 30)
    # too few runs for two laws leave the single one
    few = CrossoverPowerLaw(form).fit(X[:6], y[:6])
    assert list(few.scores_) == ["single"]
    np.testing.assert_allclose(few.predict(X[:6]), PowerLaw().fit(X[:6], y[:6]).predict(X[:6]))


@pytest.mark.parametrize("wider", [0.5, 1.0, 2.0, 30.0])
def test_unequal_scatter_widens_the_interval_of_the_sharpness(wider: float) -> None:
    X, y, weight = joined()
    data = prepare(X, y, weight, np.arange(60))
    sample = data.sample
    start = np.array([[0.5, -0.5], [-0.5, 0.9]])
    best = best_blend(sample, start, data.scale, None)
    jacobian = best.jacobian(sample.design, True)
    variance = best.loss / (60 - 5)
    gram = jacobian.T @ (sample.weight[:, None] * jacobian)
    plain = np.sqrt(variance * np.linalg.inv(gram)[-1, -1])
    interval = CrossoverPowerLaw("blend", level=0.8)._interval_of_n(
        data, best, jacobian, wider * plain
    )
    slack = stats.t.ppf(0.9, 55) ** 2 * variance * min(max(1.0, wider**2), 100.0)
    ends = power_profile(sample, best, data.scale, slack)
    ends = (ends[0] / data.scale, ends[1] / data.scale)
    assert interval == pytest.approx(ends if best.power > 0 else (-ends[1], -ends[0]))
