"""Whether residuals still depend on the coordinates of the runs."""

from itertools import product

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.fits.whiteness import KernelRegressions


def is_white(X: Array, e: Array, level: float) -> bool:
    return KernelRegressions.of(X).unexplained(e, level)[0] == 0.0


def share_of(X: Array, e: Array) -> float:
    return KernelRegressions.of(X).share(e)


def kernel_regression_without_each_run(X: Array, e: Array) -> float:
    e = (e - e.mean()) / e.std()
    square = ((X[:, None, :] - X[None, :, :]) ** 2).mean(axis=2)
    best = 0.0
    for width, ridge in product((0.1, 0.5, 4.0), (0.03, 0.3, 3.0)):
        K = np.exp(-square / width)
        wrong = np.empty(len(e))
        for i in range(len(e)):
            rest = np.arange(len(e)) != i
            inner = K[np.ix_(rest, rest)] + ridge * np.eye(len(e) - 1)
            wrong[i] = e[i] - K[i, rest] @ np.linalg.solve(inner, e[rest])
        best = max(best, 1 - float(np.mean(wrong**2)))
    return best


@pytest.mark.parametrize("power", [0.3, 1.0, 3.0])
def test_leftover_is_the_best_kernel_regression_of_runs_left_out(power: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 2))
    e = 3.0 + 5.0 * (np.sin(power * X[:, 0]) + 0.2 * rng.standard_normal(40))
    expected = kernel_regression_without_each_run(X, e)
    assert 0.2 < expected < 0.99
    assert share_of(X, e) == pytest.approx(expected, abs=1e-9)


def test_leftover_tells_structure_from_noise() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    noise = rng.standard_normal(200)
    assert share_of(X, noise) < 0.05
    assert share_of(X, X[:, 0] ** 2 + 0.3 * noise) > 0.5
    assert share_of(X, np.full(200, 2.0)) == 0.0
    assert share_of(np.empty((200, 0)), noise) == 0.0


def test_of_many_runs_some_are_looked_at() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1001, 1))
    e = np.sin(X[:, 0]) + rng.standard_normal(1001)
    rows = KernelRegressions.of(X).rows
    assert len(rows) == len(set(rows.tolist())) < 1001
    assert share_of(X, e) == share_of(X[rows], e[rows]) != 0.0


def test_pure_noise_is_white() -> None:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((30, 1))
    sets = [rng.standard_normal(30) for _ in range(300)]
    assert sum(not is_white(X, e, 0.01) for e in sets) <= 3
    assert 1 <= sum(not is_white(X, e, 0.5) for e in sets) <= 75
    bent = np.cos(2 * X[:, 0])
    assert not any(is_white(X, bent + 0.3 * e, 0.01) for e in sets[:10])


def test_one_large_residual_does_not_hide_what_the_others_follow() -> None:
    rng = np.random.default_rng(6)
    x = rng.uniform(-1.73, 1.73, 40)
    e = np.cos(2.0 * x) + 0.3 * rng.normal(size=40)
    assert not is_white(x[:, None], e, 0.01)
    e[7] = 20.0
    assert not is_white(x[:, None], e, 0.01)


def test_ripples_of_several_waves_are_noticed() -> None:
    rng = np.random.default_rng(5)
    noticed = 0
    for _ in range(12):
        X = rng.uniform(-1.73, 1.73, (60, 2))
        wave = np.sin(6.0 * X[:, 0] + rng.uniform(0.0, 6.0))
        noticed += not is_white(X, 2.0 * wave + rng.normal(size=60), 0.1)
    # of kernels as wide as the ranges none is
    assert noticed >= 5
