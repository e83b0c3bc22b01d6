"""Errors of a response are relative unless small responses scatter more than large ones."""

import numpy as np
import pytest

from dimgs.engines.protocol import Problem
from dimgs.engines.structured import StructuredEngine
from dimgs.engines.structured.archive import thin_runs
from dimgs.engines.structured.runs import Runs
from tests.patience import ample


def _problem(kind: str, seed: int) -> Problem:
    rng = np.random.default_rng(seed)
    x = np.exp(rng.uniform(-1.0, 8.0, 150))
    y = 24.0 * x + 0.4 * x**2
    if kind == "relative":
        y = y * np.exp(0.02 * rng.normal(size=len(y)))
    if kind == "additive":
        y = y + 0.02 * np.sqrt(np.mean(y**2)) * rng.normal(size=len(y))
    kept = y > 0
    return Problem({"pi_1": x[kept]}, y[kept])


@pytest.mark.parametrize("seed", range(5))
def test_relative_errors_let_small_responses_count(seed: int) -> None:
    for kind in ("none", "relative"):
        runs = Runs.of(_problem(kind, seed))
        small = int(np.argmin(runs.y))
        assert runs.size[small] < 0.01 * np.sqrt(np.mean(runs.y**2))


@pytest.mark.parametrize("seed", range(5))
def test_additive_errors_do_not(seed: int) -> None:
    runs = Runs.of(_problem("additive", seed))
    assert runs.size.min() >= 0.1 * np.sqrt(np.mean(runs.y**2)) * (1 - 1e-12)


def test_groups_whose_squares_are_no_doubles_are_searched_all_the_same() -> None:
    rng = np.random.default_rng(0)
    x, z = np.exp(rng.uniform(-600, -5, 40)), np.exp(rng.uniform(-1, 1, 40))
    problem = Problem({"pi_1": x, "pi_2": z}, 2 * x**0.25 / (1 + z))
    result = StructuredEngine("abc").search(problem, ample(400))
    assert "ended early" not in result.message
    law = result.candidates[0].evaluate(problem.groups)
    np.testing.assert_allclose(law, problem.response, rtol=1e-6)


def test_of_many_runs_some_are_searched_and_all_are_fitted() -> None:
    rng = np.random.default_rng(4)
    n = 20_000
    x, z = rng.uniform(0.3, 3.0, n), rng.uniform(0.3, 3.0, n)
    y = 3.1 * np.sqrt(x) / (1 + 2 * z) * np.exp(0.04 * rng.normal(size=n))
    problem = Problem({"pi_1": x, "pi_2": z}, y)
    outcome = StructuredEngine().search(problem, ample(500)).candidates[0]
    at = outcome.evaluate({"pi_1": np.array([1.0]), "pi_2": np.array([1.0])})
    # three standard errors of all runs, half of one of the runs that are searched
    assert at[0] == pytest.approx(3.1 / 3, rel=3 * 0.04 / np.sqrt(n))


def test_runs_are_thinned_together() -> None:
    x = np.arange(1.0, 1001.0)
    problem = Problem({"pi_1": x}, 2 * x, weights=3 * x)
    some = thin_runs(problem, 50)
    assert some.n_runs == 50
    taken = some.groups["pi_1"]
    np.testing.assert_array_equal(some.response, 2 * taken)
    assert some.weights is not None
    np.testing.assert_array_equal(some.weights, 3 * taken)
    assert thin_runs(some, 50) is some
