"""The criterion of choice against brute force and on planted laws."""

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sympy import symbols

from dimgs.engines.protocol import Problem
from dimgs.engines.selection import (
    candidate_bits,
    constants_bits,
    is_white,
    pareto_front,
    predictable_share,
    select,
)
from dimgs.expression.candidate import Candidate
from dimgs.expression.price import structure_of
from dimgs.fits.noise import data_bits

Array = NDArray[np.float64]
pi_1, c_1, c_2 = symbols("pi_1 c_1 c_2")
SEEDS = st.integers(0, 10_000)


@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_candidate_is_charged_for_its_errors_constants_and_structure(
    scale: Any, weighted: bool
) -> None:
    rng = np.random.default_rng(1)
    n = 40
    x = rng.uniform(1, 3, n)
    weights = rng.uniform(0.5, 2.0, n) if weighted else None
    known = np.ones(n) if weights is None else weights
    y = (2.0 + 0.5 * x) * np.exp(0.05 * rng.standard_normal(n))
    problem = Problem({"pi_1": x}, y, scale=scale, weights=weights)
    candidate = Candidate.of(c_1 + c_2 * pi_1, {"c_1": 2.0, "c_2": 0.5}, scale=scale)
    expected = (
        data_bits(2.0 + 0.5 * x, y, known / known.mean())
        + structure_of(candidate.expression, {"c_1", "c_2"}).bits
        + np.log2(n)
    )
    assert candidate_bits(candidate, problem) == pytest.approx(expected, rel=1e-9)


def test_a_constant_costs_the_precision_that_the_runs_give() -> None:
    assert constants_bits(0, 50) == 0.0
    assert constants_bits(3, 50) == pytest.approx(3 * constants_bits(1, 50))
    assert constants_bits(1, 400) - constants_bits(1, 100) == pytest.approx(1.0)
    assert constants_bits(1, 100) == pytest.approx(np.log2(100) / 2 + 4.0)


def test_what_is_not_finite_everywhere_is_never_chosen() -> None:
    problem = Problem({"pi_1": np.array([0.5, 1.0, 2.0])}, np.ones(3))
    assert candidate_bits(Candidate.of(1 / (pi_1 - 1)), problem) == np.inf
    assert np.isfinite(candidate_bits(Candidate.of(1 / (pi_1 + 1)), problem))
    # nothing is wrong with a prediction of zero
    assert np.isfinite(candidate_bits(Candidate.of(c_1 * (pi_1 - 1), {"c_1": 1.0}), problem))


def test_a_needless_constant_is_not_chosen() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(1, 3, 200)
    problem = Problem({"pi_1": x}, 2 * x * np.exp(0.05 * rng.standard_normal(200)))
    simple = Candidate.of(c_1 * pi_1, {"c_1": 2.0})
    wordy = Candidate.of(c_1 * pi_1 + c_2 * pi_1**2, {"c_1": 2.0, "c_2": 1e-4})
    wrong = Candidate.of(c_1 * pi_1**2, {"c_1": 0.95})
    bits = [candidate_bits(c, problem) for c in (wordy, wrong, simple)]
    assert bits[2] == min(bits)


def test_a_worse_law_is_not_chosen_for_its_brevity() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(1, 3, 60)
    problem = Problem({"pi_1": x}, (1 + 0.5 * x) * np.exp(0.01 * rng.standard_normal(60)))
    true = Candidate.of(c_1 + c_2 * pi_1, {"c_1": 1.0, "c_2": 0.5})
    short = Candidate.of(c_1 * pi_1, {"c_1": 1.05})
    assert candidate_bits(true, problem) < candidate_bits(short, problem) - 60


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
    assert predictable_share(X, e) == pytest.approx(expected, abs=1e-9)


def test_leftover_tells_structure_from_noise() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 2))
    noise = rng.standard_normal(200)
    assert predictable_share(X, noise) < 0.05
    assert predictable_share(X, X[:, 0] ** 2 + 0.3 * noise) > 0.5
    assert predictable_share(X, np.full(200, 2.0)) == 0.0
    assert predictable_share(np.empty((200, 0)), noise) == 0.0


def test_of_many_runs_some_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((197, 1))
    e = np.sin(X[:, 0]) + rng.standard_normal(197)
    rows = np.linspace(0, 196, 50).astype(int)
    monkeypatch.setattr("dimgs.engines.selection._MOST_RUNS", 50)
    assert predictable_share(X, e) == predictable_share(X[rows], e[rows]) != 0.0


def test_pure_noise_is_white_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((30, 1))
    sets = [rng.standard_normal(30) for _ in range(60)]
    # a quarter of 60, with three standard errors of 3.4
    assert 5 <= sum(not is_white(X, e, level=0.25, shuffles=19) for e in sets) <= 25
    assert sum(not is_white(X, e) for e in sets[:40]) <= 4
    bent = np.cos(2 * X[:, 0])
    assert not any(is_white(X, bent + 0.3 * e) for e in sets[:10])


def test_one_large_residual_does_not_hide_what_the_others_follow() -> None:
    rng = np.random.default_rng(6)
    x = rng.uniform(-1.73, 1.73, 40)
    e = np.cos(2.0 * x) + 0.3 * rng.normal(size=40)
    assert not is_white(x[:, None], e)
    e[7] = 20.0
    assert not is_white(x[:, None], e)


def test_ripples_of_several_waves_are_noticed() -> None:
    rng = np.random.default_rng(5)
    noticed = 0
    for _ in range(12):
        X = rng.uniform(-1.73, 1.73, (60, 2))
        wave = np.sin(6.0 * X[:, 0] + rng.uniform(0.0, 6.0))
        noticed += not is_white(X, 2.0 * wave + rng.normal(size=60))
    # of kernels as wide as the ranges none is
    assert noticed >= 5


@given(SEEDS)
def test_the_front_holds_what_nothing_shorter_equals_whatever_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    forms = [pi_1, 2 * pi_1, pi_1 + 1, pi_1**2 + 3, pi_1**3 + pi_1 + 1]
    losses = rng.choice([0.1, 0.2, 0.3, 1e-30], len(forms))
    known = [Candidate.of(f, loss=float(e)) for f, e in zip(forms, losses, strict=True)]
    front = pareto_front(known)
    mixed = [known[i] for i in rng.permutation(len(known))]
    assert pareto_front(mixed) == front
    assert all(a.complexity < b.complexity and a.loss > b.loss for a, b in pairwise(front))
    for c in known:
        assert any(f.complexity <= c.complexity and f.loss <= c.loss + 1e-25 for f in front)


@given(SEEDS)
def test_the_fewest_bits_come_first_whatever_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 3, 20)
    problem = Problem({"pi_1": x}, 2 * x * np.exp(0.05 * rng.standard_normal(20)))
    known = [Candidate.of(f) for f in (2 * pi_1, pi_1 * 2.1, pi_1 + 2, 1 / (pi_1 - 1), pi_1**2)]
    order = select([known[i] for i in rng.permutation(len(known))], problem)
    assert order == select(known, problem)
    bits = [candidate_bits(c, problem) for c in order]
    assert bits == sorted(bits)
    assert set(map(str, order)) == set(map(str, known))
