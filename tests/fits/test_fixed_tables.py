"""Every model on small fixed tables: what its functions return is kept as reference values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.base import clone

from dimgs.common.arrays import Array
from dimgs.fits import ContrastivePotential, CurvePotential
from dimgs.fits.additive import PairAdditive, SparseAdditive
from dimgs.fits.base import ContrastiveRegressor
from dimgs.fits.covariance import linearised
from dimgs.fits.design import NearestPairs, ReferencePairs
from dimgs.fits.errors_in_variables import OrthogonalPowerLaw
from dimgs.fits.homogeneity import dependence
from dimgs.fits.intervals import PredictionIntervals
from dimgs.fits.local import LocalPowerLaw
from dimgs.fits.noise import likeliest_measure, noise_about
from dimgs.fits.power_law import ChosenPairsPowerLaw, PowerLaw, RobustPowerLaw
from dimgs.fits.regimes import CrossoverPowerLaw, RegimePowerLaw, choose_crossover
from dimgs.fits.sensitivity import Copula, effects_of, jackknife_half
from dimgs.fits.similarity import fit_similarity, noise_about_curves
from dimgs.fits.smooth import SmoothCurve
from dimgs.fits.sources import fit_sources, slopes_of, with_chances


def table(runs: int, *, columns: int = 2, noise: float = 0.05, seed: int = 0) -> Any:
    """Log groups, noise, weights, clusters and labels of as many runs."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, (runs, columns))
    e = noise * rng.standard_normal(runs)
    weights = rng.uniform(0.5, 2.0, runs)
    return X, e, weights, np.arange(runs) // 3, np.arange(runs) % 4


ARGUMENTS: dict[str, Callable[[Array, Array, Array], dict[str, Array]]] = {
    "plain": lambda w, c, g: {},
    "weights": lambda w, c, g: {"sample_weight": w},
    "clusters": lambda w, c, g: {"sample_weight": w, "groups": c},
    "within": lambda w, c, g: {"within": g},
    "clusters within": lambda w, c, g: {"sample_weight": w, "groups": c, "within": g},
}


@pytest.mark.parametrize("arguments", ARGUMENTS)
@pytest.mark.parametrize("model", [PowerLaw(), RobustPowerLaw(), RobustPowerLaw("huber")],
                         ids=["squares", "ranks", "huber"])  # fmt: skip
def test_power_laws(model: Any, arguments: str) -> None:
    X, e, *rest = table(36)
    y = 1.0 + X @ [0.5, -2.0] + e + 0.3 * (rest[2] == 1)
    y[[3, 20]] += 2.0
    fit = clone(model).fit(X, y, **ARGUMENTS[arguments](*rest))
    assert fit.exponents_ == pytest.approx([0.5, -2.0], abs=0.5)
    assert np.all(np.diff(fit.intervals(0.8)) > 0)


def test_power_laws_that_runs_leave_open() -> None:
    X, e, weights, *_ = table(30)
    X = np.column_stack([X, X[:, 0] - X[:, 1]])
    y = np.round(X[:, 0] + e, 1)
    for fit in (PowerLaw().fit(X, y), RobustPowerLaw().fit(X, y, weights)):
        of_two = fit.exponents_[:2] + fit.exponents_[2] * np.array([1.0, -1.0])
        assert of_two == pytest.approx([1.0, 0.0], abs=0.05)
    one = PowerLaw().fit(X[:, :2], y, within=np.arange(30) // 5)
    assert one.predict_interval(X[:3, :2]).shape == (3, 2)
    part = PowerLaw().partial_fit(X[:12, :2], y[:12]).partial_fit(X[12:, :2], y[12:])
    two = PowerLaw().fit(X[:, :2], y)
    assert part.exponents_ == pytest.approx(two.exponents_)
    for of in ("run", "law"):
        assert np.all(np.diff(two.predict_interval(X[:3, :2], 0.8, of)) > 0)
    assert np.all(np.diff(two.ratio_interval(X[:3, :2], X[3:6, :2])) > 0)
    assert np.diff(two.intercept_interval()) > 0


def test_many_runs_of_a_robust_law() -> None:
    X, e, weights, *_ = table(700, columns=3, noise=0.3)
    y = X @ [1.0, 0.5, 0.0] + e
    y[:100] += 5.0
    X[:5] *= 10.0
    fit = RobustPowerLaw().fit(X, y, weights, within=np.arange(700) // 25)
    assert fit.exponents_ == pytest.approx([1.0, 0.5, 0.0], abs=0.1)


@pytest.mark.parametrize("kind", ["jump", "kink", "two", "tree", "straight"])
@pytest.mark.parametrize("criterion", ["bic", "cv"])
def test_regimes(kind: str, criterion: str) -> None:
    X, e, weights, clusters, _ = table(60, columns=2 if kind == "tree" else 1, noise=0.05)
    a = X[:, 0]
    y = {
        "jump": np.where(a < 0.3, 1.0 - a, 0.5 * a - 1.0),
        "kink": np.maximum(0.5 * a, 2.0 * a - 1.0),
        "two": np.where(a < -0.8, -2.0 * a, np.where(a < 0.8, 1.0 + a, 2.0 * a)),
        "tree": np.where(a + X[:, -1] < 0.3, X @ np.ones(X.shape[1]), 2.0 + 0.5 * a),
        "straight": 1.0 - a,
    }[kind] + e
    exponent_map = np.array([[1, 0], [1, 1], [0, 2]])[:, : X.shape[1]]
    model = RegimePowerLaw(3, criterion=criterion, exponent_map=exponent_map)
    given = {"sample_weight": weights, "groups": clusters} if criterion == "cv" else {}
    fit = model.fit(X, y, **given)
    assert fit.n_regimes_ >= (1 if kind == "straight" else 2)
    assert np.isfinite(fit.predict(X)).all()
    for regime in fit.regimes_:
        assert np.all(np.diff(regime.intervals()) > 0)
        assert np.diff(regime.intercept_interval()) > 0
    for threshold in fit.thresholds_:
        assert threshold.interval(0.5)[0] <= threshold.interval(0.9)[1]


@pytest.mark.parametrize("continuous", [True, False])
def test_regimes_whose_boundaries_are_of_one_kind(continuous: bool) -> None:
    X, e, *_ = table(80, seed=1)
    y = np.maximum(X @ [0.5, 1.0], X @ [2.0, -0.5] - 0.5) + e
    fit = RegimePowerLaw(3, continuous=continuous, min_runs=8).fit(X, y)
    assert fit.n_regimes_ >= 2


@pytest.mark.parametrize("columns", [1, 2])
def test_crossovers(columns: int) -> None:
    X, e, weights, clusters, _ = table(50, columns=columns)
    slow, fast = 0.5 * X[:, 0], 0.3 + 2.0 * X[:, 0] - (X[:, 1] if columns == 2 else 0.0)
    y = np.logaddexp(2.0 * slow, 2.0 * fast) / 2.0 + e
    fit = CrossoverPowerLaw().fit(X, y, weights, clusters)
    assert np.isfinite(fit.predict(X)).all()
    fit = CrossoverPowerLaw().fit(X, -y)
    assert np.isfinite(fit.predict(X)).all()


def test_choices_of_a_crossover() -> None:
    X, e, *_ = table(50, columns=1)
    y = np.logaddexp(0.5 * X[:, 0], 1.0 + 2.0 * X[:, 0]) + e
    assert choose_crossover(X, y)[0].name


@pytest.mark.parametrize("columns", [1, 2])
def test_local_exponents(columns: int) -> None:
    X, e, weights, clusters, _ = table(60, columns=columns)
    y = X[:, 0] ** 2 + X.sum(axis=1) + e
    fit = LocalPowerLaw().fit(X, y, weights, clusters)
    at = np.tile([[0.1], [0.7]], columns)
    assert np.isfinite(fit.elasticities(at)).all()
    assert np.all(np.diff(fit.elasticity_intervals(at)) > 0)
    assert fit.in_support(at).all()
    assert np.isfinite(fit.intervals(0.8)).all()
    assert fit.field([[0.0, 0.5]] * columns).shape


@pytest.mark.parametrize("arguments", ["plain", "clusters"])
@pytest.mark.parametrize("model", [
    PairAdditive(), SparseAdditive(), ChosenPairsPowerLaw(NearestPairs(4)),
    ChosenPairsPowerLaw(ReferencePairs(2)), ChosenPairsPowerLaw(None),
], ids=["additive", "sparse", "nearest", "reference", "every"])  # fmt: skip
def test_sums_and_chosen_pairs(model: ContrastiveRegressor, arguments: str) -> None:
    X, e, *rest = table(48, columns=3)
    y = X[:, 0] ** 2 + 0.5 * X[:, 1] + e
    fit = clone(model).fit(X, y, **ARGUMENTS[arguments](*rest))
    assert np.isfinite(fit.predict(X)).all()
    assert np.isfinite(fit.predict_ratio(X[:4], X[4:8])).all()
    assert fit.intervals(0.8).shape == (3, 2)


@pytest.mark.parametrize("clusters", [False, True])
def test_errors_of_the_inputs(clusters: bool) -> None:
    X, e, *rest = table(24)
    given = {"groups": rest[1]} if clusters else {}
    law = OrthogonalPowerLaw().fit(
        X, X @ [1.0, -0.5] + e, X_err=0.05 + 0.02 * np.abs(X), y_err=0.03 + 0.01 * np.abs(e),
        **given,
    )  # fmt: skip
    assert law.exponents_ == pytest.approx([1.0, -0.5], abs=0.2)


@pytest.mark.parametrize("method", ["jackknife+", "split"])
@pytest.mark.parametrize("clusters", [False, True])
def test_intervals_of_predictions(method: Any, clusters: bool) -> None:
    X, e, *rest = table(36)
    fit = PredictionIntervals(PowerLaw(), method).fit(
        X, X[:, 0] + e, groups=rest[1] if clusters else None
    )
    assert np.all(np.diff(fit.predict_interval(X[:3], 0.8)) > 0)
    assert np.all(np.diff(fit.ratio_interval(X[:3], X[3:6], 0.8)) > 0)


def test_small_networks() -> None:
    pytest.importorskip("torch")
    X, e, weights, clusters, _ = table(24)
    y = np.sin(X[:, 0]) - X[:, 1] + e
    fit = ContrastivePotential((4,), n_members=2, max_iter=3).fit(X, y, weights, clusters)
    assert np.isfinite(fit.predict(X)).all()
    assert np.all(np.diff(fit.predict_interval(X[:3])) > 0)
    assert np.all(np.diff(fit.ratio_interval(X[:3], X[3:6])) > 0)
    assert fit.exponents(X[:2]).shape
    assert fit.exponent_intervals(X[:2]).shape
    assert fit.intervals(0.8).shape
    curves = CurvePotential(estimator=ContrastivePotential((4,), n_members=2, max_iter=3))
    curves.fit(X, y[:, None] - np.linspace(0.0, 1.0, 5) + 0.1 * e[:, None])
    assert np.all(np.diff(curves.predict_interval(X[:3])) > 0)
    assert curves.exponents(X[:2]).shape


@pytest.mark.parametrize("differ", ["prefactor", "exponent", "nothing"])
def test_sources(differ: str) -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat([f"lab{k}" for k in range(7)], 8)
    X, e, weights, *_ = table(56)
    u, v = rng.normal(0.0, 0.4, (2, 7))
    y = 1.0 + X @ [2.0, -0.5] + e
    y = y + np.repeat(u, 8) * (differ != "nothing")
    y = y + np.repeat(v, 8) * X[:, 0] * (differ == "exponent")
    slopes = slopes_of(["a", "b"], np.eye(2))
    for given in (None, weights):
        mixed = fit_sources(X, y, given, [("lab", labels)], slopes, np.eye(3))
        assert len(mixed.coefficients) == 3
    assert with_chances(mixed, np.column_stack([np.ones(56), X]), y, weights).effects is not None


@pytest.mark.parametrize("noise", [0.05, None])
def test_smooth_curves(noise: float | None) -> None:
    X, e, *_ = table(16)
    curve = SmoothCurve(X / 2, np.sin(X[:, 0]) + X[:, 1] ** 2 + e, noise)
    assert curve.error > 0
    said, half = curve.predict(X[:3] / 4)
    assert np.isfinite(said).all()
    assert (half > 0).all()
    assert curve.left_out(np.arange(16) // 4)[0].shape == (16,)
    assert curve.widest(X / 3, 2).size


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_effects(correlation: float) -> None:
    R = np.array([[1.0, correlation, 0.0], [correlation, 1.0, 0.0], [0.0, 0.0, 1.0]])
    effects = effects_of(lambda x: x[:, 0] + 2.0 * x[:, 1] * x[:, 2], Copula(R, norm.ppf))
    assert effects.total.sum() > 0.9
    X, e, *_ = table(40)
    sampled = Copula.of(np.exp(X + correlation * X[:, ::-1]), 1)
    assert sampled.changed([0]).shape == sampled.draws[0].shape
    assert jackknife_half(X[:, :1] + e[:, None], 0.9) > 0


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_similarity_of_curves(noise: float) -> None:
    width = np.repeat(np.log([1.0, 1.5, 2.0, 4.0, 8.0]), 12)
    x = np.tile(np.geomspace(0.3, 8.0, 12), 5)
    e = noise * np.random.default_rng(0).standard_normal(60)
    y = np.exp(-x * np.exp(-0.5 * width)) * (1.0 + e)
    collapse = fit_similarity(x, y, width[:, None], width)
    assert collapse.along == pytest.approx([-0.5], abs=0.05)
    assert np.isfinite(collapse.residuals_of(x, y, width[:, None])).sum() > 50
    assert all(np.isfinite(part).all() for part in collapse.curve(0.9, 5))
    assert all(np.isfinite(part).all() for part in collapse.half_widths(np.eye(1), 0.9))
    u, values = collapse.collapsed()
    assert noise_about_curves(u, values, np.repeat(np.arange(5), 12)) >= 0


def test_kinds_of_errors() -> None:
    _, e, *_ = table(40, noise=0.1)
    exact = np.geomspace(1.0, 100.0, 40)
    for measured in (exact * np.exp(e), exact + 10 * e, exact + 10 * e * (1 + exact / 20)):
        assert noise_about(measured, exact, 2) is not None
        assert noise_about(measured, exact, 2, np.full(40, 0.1)) is not None
        assert likeliest_measure(measured, [exact, 1.1 * exact]) is not None
    assert noise_about(exact * (1 + e**3 * 1e3), exact, 2, kind=None, left_out=e) is not None


def test_dependence_and_uncertainty_of_constants() -> None:
    X, e, weights, clusters, _ = table(30, columns=3)
    chance = [
        dependence(X[:, :1], e),
        dependence(X[:, :1], e + 0.1 * X[:, 0] ** 2, X[:, 1:]),
        dependence(X[:, :1], e, X[:, 1:2], clusters),
        dependence(X[:, :2], e, exchangeable=True),
    ]
    assert all(0.0 <= p <= 1.0 for p in chance)
    for influence in (linearised(X, e), linearised(X, e, weights, clusters),
                  linearised(X @ np.ones((3, 3)), e, kind="jackknife")):  # fmt: skip
        assert np.all(influence.half_widths(0.9) > 0)
