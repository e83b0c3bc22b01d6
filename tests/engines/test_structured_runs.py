"""Errors of a response are relative unless small responses scatter more than large ones."""

import numpy as np
import pytest

from dimgs.engines.protocol import Budget, Problem
from dimgs.engines.structured import StructuredEngine
from dimgs.engines.structured.runs import Runs


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
    result = StructuredEngine("abc").search(problem, Budget(300.0, evaluations=400))
    assert "ended early" not in result.message
    law = result.candidates[0].evaluate(problem.groups)
    np.testing.assert_allclose(law, problem.response, rtol=1e-6)
