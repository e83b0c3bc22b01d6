"""Parts of the deep potential against NumPy: without a network, all of it is least squares."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from dimgs.common.arrays import Array
from dimgs.fits import ContrastivePotential
from tests.fits.test_potential import crossover

torch = pytest.importorskip("torch")

from dimgs.fits.potential import contrastive_potential  # noqa: E402 - needs torch
from dimgs.fits.potential.contrastive_potential import (  # noqa: E402
    DECAYS,
    Folds,
    choose,
    folds_of,
)
from dimgs.fits.potential.networks import NetworkLayout, Training, lbfgs, penalty_of  # noqa: E402
from dimgs.fits.potential.potential_runs import (  # noqa: E402
    HUBER,
    LOSSES,
    Limit,
    Loss,
    Physics,
    axes_of,
    distances_to_hull,
    distinct_runs,
    hull_corners,
)
from dimgs.fits.training_runs import TrainingRuns  # noqa: E402

SEEDS = st.integers(0, 10_000)


def runs_of_a_power_law(n: int, seed: int = 0, rank: int = 1) -> tuple[Array, Array, Array]:
    """Rows in rising order of the response, as a fit orders them; weights of mean one."""
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(n, rank)), rng.uniform(0.5, 2.0, n)
    y = 2.0 + X @ np.arange(1.0, rank + 1) + 0.3 * rng.standard_normal(n) / np.sqrt(w)
    order = np.argsort(y)
    return X[order], y[order], w[order] / w.mean()


def least_squares(X: Array, y: Array, w: Array) -> Array:
    root = np.sqrt(w)[:, None]
    design = np.column_stack([np.ones(len(X)), X])
    return np.asarray(np.linalg.lstsq(design * root, y * root[:, 0], rcond=None)[0])


def a_task(loss: Loss, within: bool, seed: int = 0) -> tuple[Training, Folds, Array]:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    labels = np.arange(40) % 4 if within else None
    runs = distinct_runs(TrainingRuns(X, y, rng.uniform(0.5, 2.0, 40), np.arange(40) // 2, labels))
    given = ContrastivePotential((), loss=loss).settings(2)
    training = Training(runs, axes_of(runs, ()), runs.y[:, 0], 1.3, given)
    folds = folds_of(runs, 1)
    return training, folds, rng.normal(size=(len(folds.held), 2, 2))


@pytest.mark.parametrize("within", [False, True])
def test_errors_on_runs_left_out_are_about_the_prefactors_seen(within: bool) -> None:
    training, folds, theta = a_task("squared", within)
    runs = training.runs
    z = training.axes.apply(runs.X)
    label = np.zeros(len(runs)) if runs.within is None else runs.within
    errors = training.held_out_errors(theta, folds.held)
    for held, network, found in zip(folds.held, theta, errors, strict=True):
        miss = runs.y[:, 0] / 1.3 - z @ network.mean(axis=0)
        for value in np.unique(label):
            members, seen = label == value, (label == value) & ~held
            if seen.any():
                miss[members] -= np.average(miss[seen], weights=runs.weights[seen])
            else:
                miss[members] -= miss[members].mean()
        np.testing.assert_allclose(found, miss, atol=1e-12)


def test_decays_fall_from_the_smoothest_on() -> None:
    falls = np.array(DECAYS[:-1]) / DECAYS[1:]
    assert np.all((falls > 9.0) & (falls < 101.0))


@pytest.mark.parametrize("seed", range(12))
def test_the_smoothest_that_is_not_worse_is_kept(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = LOSSES[seed % 3]
    training, folds, _ = a_task(loss, within=False, seed=seed)
    rng = np.random.default_rng(seed)
    decays = (np.inf, 1e-1, 1e-3, 1e-6)
    base = 2.0 * rng.normal(size=folds.held.shape)
    errors = [
        base * rng.uniform(0.85, 1.05) * np.exp(0.2 * rng.normal(size=base.shape)) for _ in decays
    ]

    def numbered(self: Training, weights: Array, decay: Array, *_: Any) -> tuple[Array, int]:
        return np.array([[float(decays.index(d))] for d in decay]), 1

    monkeypatch.setattr(Training, "networks", numbered)
    monkeypatch.setattr(
        Training, "held_out_errors", lambda self, theta, held: errors[int(theta.flat[0])]
    )
    choice = choose(training, folds, decays)
    fold, run = np.nonzero(folds.held)
    sizes = [np.abs(error[fold, run]) for error in errors]
    assert pytest.approx(1.345 * np.sqrt(2.0)) == HUBER
    rho = {
        "squared": [size**2 for size in sizes],
        "absolute": sizes,
        "huber": [np.where(z < HUBER, z**2, HUBER * (2 * z - HUBER)) for z in sizes],
    }[loss]
    losses = [training.runs.weights[run] * r for r in rho]
    means = np.array([values.mean() for values in losses])
    best = int(np.argmin(means))
    clusters = training.runs.clusters[run]

    def doubt(k: int) -> float:
        gap = losses[k] - losses[best]
        sums = np.bincount(clusters, gap - gap.mean())
        return float(np.std(sums, ddof=1) * np.sqrt(len(sums)) / len(gap))

    chosen = next(
        k for k in range(4) if means[k] - means[best] <= (1.64 if k == 0 else 1.0) * doubt(k)
    )
    assert choice.decay == decays[chosen]
    assert np.all(choice.theta == chosen)
    assert choice.scores == pytest.approx(dict(zip(decays, means / means[0], strict=True)))
    rougher = chosen if chosen in (0, 3) else max(chosen + 1, best)
    assert np.all(choice.rougher == rougher)
    # a power law that was not asked about is not an answer
    without = choose(training, folds, decays[1:])
    assert without.decay in decays[1:]
    assert list(without.scores) == list(decays[1:])


def test_hubers_loss_is_in_units_of_what_the_potential_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y, _ = crossover(40, 0, noise=0.02)
    calls: list[Any] = []

    def spied(training: Training, folds: Folds, decays: tuple[float, ...]) -> Any:
        calls.append((training, folds, decays, choose(training, folds, decays)))
        return calls[-1][-1]

    monkeypatch.setattr(contrastive_potential, "choose", spied)
    model = ContrastivePotential((6,), loss="huber", max_iter=25, n_members=1).fit(X, y)
    (first, folds, _, choice), (second, _, decays, again) = calls
    errors = first.held_out_errors(choice.theta, folds.held)[folds.held]
    smaller = 1.4826 * np.median(np.abs(errors))
    assert smaller < 0.8
    assert second.unit == pytest.approx(first.unit * smaller, rel=1e-5)
    assert decays == (choice.decay,)
    assert model.smoothness_ == again.decay
    assert model.validation_ == choice.scores


@pytest.mark.parametrize("loss", ["absolute", "huber"])
def test_without_a_network_a_robust_loss_is_minimised(loss: Loss) -> None:
    """Over all pairs, in units of what least squares leave."""
    X, y, _ = runs_of_a_power_law(24, 9, 2)
    y[[3, 17]] += 3.0
    model = ContrastivePotential((), loss=loss, max_iter=60).fit(X, y)
    u, v = np.triu_indices(24, 1)
    delta = HUBER * model.potentials_[0].training.unit

    def total(slopes: Array) -> float:
        size = np.abs(y[u] - y[v] - (X[u] - X[v]) @ slopes)
        if loss == "huber":
            size = np.where(size < delta, size**2, delta * (2 * size - delta))
        return float(size.sum())

    start = least_squares(X, y, np.ones(24))[1:]
    best = optimize.minimize(total, start, method="Nelder-Mead", options={"xatol": 1e-9})
    assert total(model.exponents_) <= best.fun * (1 + 1e-4) < total(start)


def test_the_minimiser_works_on_each_row_alone() -> None:
    rng = np.random.default_rng(2)
    roots = torch.as_tensor(rng.normal(size=(3, 5, 5)) + 2 * np.eye(5))
    goals = torch.as_tensor(rng.normal(size=(3, 5)))

    def quadratic(theta: Any, rows: Any) -> Any:
        off = torch.einsum("nij,nj->ni", roots[rows], theta - goals[rows])
        return off.square().sum(1), 2 * torch.einsum("nij,ni->nj", roots[rows], off)

    start = torch.as_tensor(rng.normal(size=(3, 5)))
    early, _ = lbfgs(quadratic, start, range(1, 4))
    late, steps = lbfgs(quadratic, start, range(1, 101))
    assert steps < 100
    np.testing.assert_allclose(late, goals, atol=1e-6)
    assert (early - goals).abs().max() > 1e-3
    for k in range(3):

        def one_row(theta: Any, _: Any, k: int = k) -> Any:
            return quadratic(theta, slice(k, k + 1))

        alone, _ = lbfgs(one_row, start[k : k + 1], range(1, 4))
        np.testing.assert_allclose(alone[0], early[k], atol=1e-9)

    def valley(theta: Any, _: Any) -> Any:
        x, y = theta.T
        slope = [-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)]
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2, torch.stack(slope, dim=1)

    bottom, _ = lbfgs(valley, torch.tensor([[-1.2, 1.0]], dtype=torch.float64), range(1, 91))
    np.testing.assert_allclose(bottom, 1.0, atol=1e-4)


@given(SEEDS, st.booleans())
@settings(max_examples=25)
def test_copies_are_one_run(seed: int, labelled: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 14
    X, y = rng.integers(0, 3, (n, 2)).astype(float), rng.integers(0, 3, n).astype(float)
    X[0], X[1], y[0], y[1] = 8.0, 9.0, 8.0, 9.0
    w = rng.integers(0, 3, n).astype(float)
    w[:2] = 1.0
    groups = rng.permutation(np.arange(n) % 5)
    labels = np.array(["a", "b"])[np.arange(n) // 2 % 2] if labelled else None
    runs = distinct_runs(TrainingRuns(X, y, w, groups, labels))
    seen: dict[Any, float] = {}
    for k in range(n):
        if w[k]:
            key = (*X[k], y[k], groups[k], None if labels is None else labels[k])
            seen[key] = seen.get(key, 0.0) + w[k]
    assert len(runs) == len(seen)
    assert np.all(np.diff(runs.y[:, 0]) >= 0)
    total = sum(seen.values()) / len(seen)
    for k in range(len(runs)):
        assert runs.groups is not None
        label = None if runs.within is None else runs.within[k]
        key = (*runs.X[k], runs.y[k, 0], runs.groups[k], label)
        assert runs.weights[k] == pytest.approx(seen[key] / total)


def test_the_unit_is_what_a_power_law_leaves() -> None:
    X, y, w = runs_of_a_power_law(60, 4, 2)
    left = y - np.column_stack([np.ones(60), X]) @ least_squares(X, y, w)

    def unit(loss: Loss) -> float:
        model = ContrastivePotential((), loss=loss, max_iter=5).fit(X, y, sample_weight=w)
        return model.potentials_[0].training.unit

    assert unit("squared") == pytest.approx(np.sqrt(np.average(left**2, weights=w)), rel=1e-5)
    assert unit("absolute") == pytest.approx(1.4826 * np.median(np.abs(left)), rel=1e-5)
    exact = ContrastivePotential().fit(X, X @ [1.0, 2.0])
    assert np.isinf(exact.smoothness_)
    np.testing.assert_allclose(exact.exponents_, [1.0, 2.0], rtol=1e-12)


def test_the_hull_of_one_group_is_its_range() -> None:
    corners = hull_corners(np.array([[0.5], [-1.0], [2.0], [1.0]]))
    distances = distances_to_hull(corners, np.array([[-3.0], [-1.0], [0.3], [2.0], [2.5]]))
    np.testing.assert_allclose(distances, [2.0, 0.0, 0.0, 0.0, 0.5], atol=1e-5)
    nothing = distances_to_hull(hull_corners(np.empty((4, 0))), np.empty((3, 0)))
    assert nothing.tolist() == [0.0] * 3
    # in many dimensions some of the runs stand for the corners
    many = np.random.default_rng(0).normal(size=(2500, 6))
    np.testing.assert_array_equal(hull_corners(many), many[::3])


def test_a_limit_is_imposed_beyond_the_runs_along_its_own_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training, _, _ = a_task("squared", within=False)
    axes, X, unit = training.axes, training.runs.X, training.unit
    limits = (Limit(0, "high", 0.5), Limit(1, "low", -1.0))
    training.settings = replace(training.settings, physics=Physics(limits=limits))
    penalty = penalty_of(training, torch.as_tensor)
    assert penalty is not None
    # a power law of other exponents misses them by as much, in standard deviations of the group
    theta = torch.as_tensor(np.linalg.pinv(axes.transform) @ np.ones((2, 1))).reshape(1, 2)
    places, slopes = [], NetworkLayout.slopes

    def spied(layout: NetworkLayout, theta: Any, x: Any) -> Any:
        places.append(x)
        return slopes(layout, theta, x)

    monkeypatch.setattr(NetworkLayout, "slopes", spied)
    found = float(penalty(theta)[0])
    for j, (limit, far) in enumerate(zip(limits, places, strict=True)):
        back = axes.centre + np.asarray(far) @ np.linalg.inv(axes.transform)
        other = 1 - j
        low, high = X[:, j].min(), X[:, j].max()
        for k, beyond in enumerate((0.5, 1.0, 2.0)):
            rows = back[40 * k : 40 * (k + 1)]
            end = (
                high + beyond * (high - low) if limit.end == "high" else low - beyond * (high - low)
            )
            np.testing.assert_allclose(rows[:, j], end, atol=1e-6)
            np.testing.assert_allclose(rows[:, other], X[:, other], atol=1e-6)
    miss = [1.0 - limit.exponent / unit for limit in limits]
    expected = sum(100.0 * (m * X[:, j].std()) ** 2 for j, m in enumerate(miss))
    assert found == pytest.approx(expected)
    training.settings = replace(training.settings, physics=Physics())
    assert penalty_of(training, torch.as_tensor) is None
