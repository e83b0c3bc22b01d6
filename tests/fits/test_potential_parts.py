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

from dimgs.fits.base import TrainingRuns  # noqa: E402
from dimgs.fits.potential import networks  # noqa: E402 - needs torch
from dimgs.fits.potential.networks import (  # noqa: E402
    DELTA,
    Folds,
    Hull,
    NetworkLayout,
    Trainer,
    adam,
    folds_of,
    lbfgs,
    penalty_of,
)
from dimgs.fits.potential.potential_runs import (  # noqa: E402
    Limit,
    Loss,
    Physics,
    distinct_runs,
    task_of,
)

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


def a_task(loss: Loss, within: bool, seed: int = 0) -> tuple[Trainer, Folds, Array]:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    labels = np.arange(40) % 4 if within else None
    runs = distinct_runs(TrainingRuns(X, y, rng.uniform(0.5, 2.0, 40), np.arange(40) // 2, labels))
    task = task_of(runs, (), False)
    trainer = Trainer(task, NetworkLayout(2, 2, (), ()), loss, Physics(), torch.device("cpu"))
    folds = folds_of(runs, 1)
    return trainer, folds, rng.normal(size=(len(folds), 2, 4))


@pytest.mark.parametrize("loss", ["squared", "absolute", "huber"])
@pytest.mark.parametrize("within", [False, True])
def test_losses_on_runs_left_out_are_about_the_prefactors_seen(loss: Loss, within: bool) -> None:
    trainer, folds, theta = a_task(loss, within)
    task, runs = trainer.task, trainer.task.runs
    assert pytest.approx(1.345 * np.sqrt(2.0)) == DELTA
    expected, count = np.zeros(len(runs)), np.zeros(len(runs))
    label = np.zeros(len(runs), dtype=np.intp) if runs.within is None else runs.within
    for held, network in zip(folds.held, theta, strict=True):
        miss = task.target - task.z @ network.mean(axis=0).reshape(2, 2)
        for value in np.unique(label):
            members, seen = label == value, (label == value) & ~held
            known = seen if seen.any() else members
            miss[members] -= np.average(miss[known], axis=0, weights=runs.weights[known])
        size = np.abs(miss)
        rho = {
            "squared": size**2,
            "absolute": size,
            "huber": np.where(size < DELTA, size**2, DELTA * (2 * size - DELTA)),
        }[loss]
        expected[held] += (runs.weights * rho.mean(axis=1))[held]
        count[held] += 1
    losses = networks.held_out_losses(trainer, theta, folds)
    np.testing.assert_allclose(losses, (expected / np.maximum(count, 1))[count > 0])


def test_decays_fall_from_the_smoothest_on() -> None:
    falls = np.array(networks.DECAYS[:-1]) / networks.DECAYS[1:]
    assert np.all((falls > 9.0) & (falls < 101.0))


@pytest.mark.parametrize("seed", range(12))
def test_the_smoothest_that_is_not_worse_is_kept(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, folds, _ = a_task("squared", within=False, seed=seed)
    rng = np.random.default_rng(seed)
    decays = (1e-1, 1e-3, 1e-6)
    usual = replace(ContrastivePotential().settings(2), max_iter=5)
    base = networks.choose(trainer, None, folds, replace(usual, decays=(np.inf,)))
    assert (base.decay, base.iterations, base.rougher) == (np.inf, 1, None)
    assert base.scores == {np.inf: 1.0}
    base_losses = networks.held_out_losses(trainer, base.theta, folds)
    shape = base.theta.shape
    tried = [(np.inf, 1, base_losses, base.theta)]
    for k, decay in enumerate(decays):
        losses = (
            base_losses * rng.uniform(0.7, 1.1) * np.exp(0.4 * rng.normal(size=len(base_losses)))
        )
        tried.append((decay, 10 * (k + 1), losses, np.full(shape, float(k))))
    monkeypatch.setattr(networks, "_deep", lambda *_: tried[1:])
    choice = networks.choose(trainer, trainer, folds, replace(usual, decays=(np.inf, *decays)))
    means = np.array([item[2].mean() for item in tried])
    best = int(np.argmin(means))
    pairs = trainer.task.runs.clusters[folds.held.any(axis=0)]

    def doubt(k: int) -> float:
        gap = tried[k][2] - tried[best][2]
        sums = np.bincount(pairs, gap - gap.mean())
        return float(np.std(sums, ddof=1) * np.sqrt(len(sums)) / len(gap))

    chosen = next(
        k for k in range(4) if means[k] - means[best] <= (1.64 if k == 0 else 1.0) * doubt(k)
    )
    assert choice.decay == tried[chosen][0]
    assert choice.iterations == tried[chosen][1]
    assert choice.theta is tried[chosen][3] or chosen == 0
    assert choice.scores == pytest.approx(
        dict(zip((np.inf, *decays), means / means[0], strict=True))
    )
    if chosen in (0, 3):
        assert choice.rougher is None
    else:
        assert choice.rougher is tried[max(chosen + 1, best)][3]
    # a power law that was not asked about is not an answer
    without = networks.choose(trainer, trainer, folds, replace(usual, decays=decays))
    assert without.decay in decays
    assert list(without.scores) == list(decays)


def test_hubers_loss_is_in_units_of_what_the_potential_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y, _ = crossover(40, 0, noise=0.02)
    calls: list[Any] = []
    original = networks.choose

    def spied(linear: Trainer, deep: Trainer | None, folds: Folds, *rest: Any) -> Any:
        positions = original(linear, deep, folds, *rest)
        calls.append((linear, deep, folds, positions))
        return positions

    monkeypatch.setattr(networks, "choose", spied)
    model = ContrastivePotential((6,), loss="huber", max_iter=25, n_members=1).fit(X, y)
    (_, deep, folds, first), (linear, sharp, _, again) = calls
    assert deep.delta == DELTA
    errors = networks.held_out_errors(deep, first.theta, folds)[folds.held]
    expected = DELTA * 1.4826 * np.median(np.abs(errors))
    assert linear.delta == sharp.delta == pytest.approx(expected, rel=1e-5)
    assert expected < 0.8 * DELTA
    assert model.smoothness_ == again.decay
    assert model.validation_ == first.scores


@pytest.mark.parametrize("loss", ["absolute", "huber"])
def test_without_a_network_a_robust_loss_is_minimised(loss: Loss) -> None:
    """Over all pairs, in units of what least squares leave."""
    X, y, _ = runs_of_a_power_law(24, 9, 2)
    y[[3, 17]] += 3.0
    model = ContrastivePotential((), loss=loss, max_iter=60).fit(X, y)
    u, v = np.triu_indices(24, 1)
    delta = DELTA * model.model_.scale[0]

    def total(slopes: Array) -> float:
        size = np.abs(y[u] - y[v] - (X[u] - X[v]) @ slopes)
        if loss == "huber":
            size = np.where(size < delta, size**2, delta * (2 * size - delta))
        return float(size.sum())

    start = least_squares(X, y, np.ones(24))[1:]
    best = optimize.minimize(total, start, method="Nelder-Mead", options={"xatol": 1e-9})
    assert total(model.exponents_) <= best.fun * (1 + 1e-4) < total(start)


def test_minimisers_work_on_each_row_alone() -> None:
    rng = np.random.default_rng(2)
    roots = torch.as_tensor(rng.normal(size=(3, 5, 5)) + 2 * np.eye(5))
    goals = torch.as_tensor(rng.normal(size=(3, 5)))

    def quadratic(theta: Any, rows: Any) -> Any:
        off = torch.einsum("nij,nj->ni", roots[rows], theta - goals[rows])
        return off.square().sum(1), 2 * torch.einsum("nij,ni->nj", roots[rows], off)

    start = torch.as_tensor(rng.normal(size=(3, 5)))
    steps: list[int] = []
    early, late = lbfgs(quadratic, start, [3, 25], steps.append)
    assert steps == list(range(1, 26))
    np.testing.assert_allclose(late, goals, atol=1e-6)
    assert (early - goals).abs().max() > 1e-3
    for k in range(3):

        def one_row(theta: Any, rows: Any, k: int = k) -> Any:
            return quadratic(theta, rows + k)

        (alone,) = lbfgs(one_row, start[k : k + 1], [25])
        np.testing.assert_allclose(alone[0], late[k], atol=1e-9)

    def valley(theta: Any, rows: Any) -> Any:
        x, y = theta.T
        slope = [-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)]
        return (1 - x) ** 2 + 100 * (y - x**2) ** 2, torch.stack(slope, dim=1)

    (states,) = lbfgs(valley, torch.tensor([[-1.2, 1.0]], dtype=torch.float64), [45])
    np.testing.assert_allclose(states, 1.0, atol=1e-4)


def test_adam_is_adam_with_a_rate_that_falls_to_zero() -> None:
    rng = np.random.default_rng(3)
    theta, batches = rng.normal(size=(2, 3)), [torch.tensor([k, k + 1]) for k in range(3)]
    targets = rng.normal(size=(4, 3))

    def gradient(some: Any, rows: Any) -> Any:
        return 2 * (some - torch.as_tensor(targets)[rows].mean(0))

    steps: list[int] = []
    early, late = adam(gradient, torch.as_tensor(theta), batches, [4, 10], 0.05, steps.append)
    assert steps == list(range(1, 11))
    x, m, s = theta.copy(), np.zeros((2, 3)), np.zeros((2, 3))
    for t in range(1, 11):
        g = 2 * (x - targets[[(t - 1) % 3, (t - 1) % 3 + 1]].mean(0))
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
        rate = 0.05 * (1 + np.cos(np.pi * t / 10)) / 2
        x = x - rate * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        if t == 4:
            np.testing.assert_allclose(early, x, atol=1e-6)
    np.testing.assert_allclose(late, x, atol=1e-6)


@given(SEEDS, st.booleans())
@settings(max_examples=25)
def test_copies_are_one_run_and_labels_keep_their_means(seed: int, labelled: bool) -> None:
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
    for k, row in enumerate(runs.rows):
        key = (*X[row], y[row], groups[row], None if labels is None else labels[row])
        assert runs.weights[k] == pytest.approx(seen[key] / total)
        np.testing.assert_array_equal(runs.X[k], X[row])
    codes = groups[runs.rows]
    np.testing.assert_array_equal(codes[:, None] == codes, runs.clusters[:, None] == runs.clusters)
    assert set(runs.clusters) == set(range(runs.n_clusters))
    values, weights = rng.normal(size=(len(runs), 2)), rng.uniform(0, 1, len(runs))
    centred = runs.centred(values, weights)
    label = np.zeros(len(runs)) if labels is None else labels[runs.rows]
    means = runs.label_means(values)
    for value in np.unique(label):
        mine = label == value
        middle = np.average(values[mine], axis=0, weights=weights[mine])
        np.testing.assert_allclose(centred[mine], values[mine] - middle, atol=1e-12)
        if labelled:
            expected = np.average(values[mine], axis=0, weights=runs.weights[mine])
            np.testing.assert_allclose(means[value], expected)
    assert labelled or means == {}


def test_the_units_of_a_task_are_what_a_power_law_leaves() -> None:
    X, y, w = runs_of_a_power_law(60, 4, 2)
    runs = distinct_runs(TrainingRuns(X, y, w))
    left = y - np.column_stack([np.ones(60), X]) @ least_squares(X, y, w)
    plain, robust = task_of(runs, (), False), task_of(runs, (), True)
    assert plain.scale[0] == pytest.approx(np.sqrt(np.average(left**2, weights=w)), rel=1e-5)
    assert robust.scale[0] == pytest.approx(1.4826 * np.median(np.abs(left)), rel=1e-5)
    assert plain.centre[0] == pytest.approx(np.average(y, weights=w))
    np.testing.assert_allclose(plain.target[:, 0] * plain.scale + plain.centre, y)
    np.testing.assert_allclose(plain.z.T @ (w[:, None] * plain.z) / 60, np.eye(2), atol=1e-12)
    assert not plain.exact
    assert task_of(distinct_runs(TrainingRuns(X, X @ [1.0, 2.0], w)), (), False).exact


def test_the_hull_of_one_group_is_its_range() -> None:
    hull = Hull.of(np.array([[0.5], [-1.0], [2.0], [1.0]]))
    distances = hull.distance(np.array([[-3.0], [-1.0], [0.3], [2.0], [2.5]]))
    np.testing.assert_allclose(distances, [2.0, 0.0, 0.0, 0.0, 0.5], atol=1e-5)
    assert Hull.of(np.empty((4, 0))).distance(np.empty((3, 0))).tolist() == [0.0] * 3
    rng = np.random.default_rng(0)
    # in four dimensions the hull is made of faces, in more it is made of runs
    for rank, faces in ((2, True), (4, True), (5, False)):
        assert (Hull.of(rng.normal(size=(30, rank))).faces is not None) == faces
    many = rng.normal(size=(2500, 6))
    np.testing.assert_array_equal(Hull.of(many).corners, many[::3])


def test_a_limit_is_imposed_beyond_the_runs_along_its_own_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trainer, _, _ = a_task("squared", within=False)
    task = trainer.task
    X = task.runs.X
    limits = (Limit(0, "high", 0.5), Limit(1, "low", -1.0))
    penalty = penalty_of(Physics(limits=limits), trainer.layout, task, trainer.z, trainer.codes)
    assert penalty is not None
    # a power law of other exponents misses them by as much, in standard deviations of the group
    theta = torch.as_tensor(np.linalg.pinv(task.axes.transform) @ np.ones((2, 2))).reshape(1, 4)
    places, slopes_of = [], networks.slopes_of

    def spied(layout: NetworkLayout, theta: Any, z: Any, codes: Any) -> Any:
        places.append(z)
        return slopes_of(layout, theta, z, codes)

    monkeypatch.setattr(networks, "slopes_of", spied)
    found = float(penalty(theta)[0])
    for j, (limit, far) in enumerate(zip(limits, places, strict=True)):
        back = task.axes.centre + np.asarray(far) @ np.linalg.inv(task.axes.transform)
        other = 1 - j
        low, high = X[:, j].min(), X[:, j].max()
        for k, beyond in enumerate((0.5, 1.0, 2.0)):
            rows = back[40 * k : 40 * (k + 1)]
            end = (
                high + beyond * (high - low) if limit.end == "high" else low - beyond * (high - low)
            )
            np.testing.assert_allclose(rows[:, j], end, atol=1e-6)
            np.testing.assert_allclose(rows[:, other], X[:, other], atol=1e-6)
    exponents = task.axes.transform @ theta.numpy().reshape(2, 2) * task.scale
    miss = [(exponents[j] - v.exponent) / task.scale for j, v in enumerate(limits)]
    expected = sum(100.0 * np.mean((m * X[:, j].std()) ** 2) for j, m in enumerate(miss))
    assert found == pytest.approx(expected)
    assert penalty_of(Physics(), trainer.layout, task, trainer.z, trainer.codes) is None
