"""Errors of a response are relative unless small responses scatter more than large ones."""

from fractions import Fraction

import numpy as np
import pytest

from dimgs.engines.protocol import Problem
from dimgs.engines.structured import StructuredEngine
from dimgs.engines.structured.archive import thin_runs
from dimgs.engines.structured.columns import groups_without
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Mono, Product, Sum, evaluate, exact, in_groups
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


def test_groups_of_some_inputs_have_no_others_and_their_laws_are_laws_of_all() -> None:
    X = np.random.default_rng(0).uniform(0.5, 2.0, (20, 2))
    # a/c and b/c, of which b/a is the group without c
    composition = {"pi_1": {"a": 1.0, "c": -1.0}, "pi_2": {"b": 1.0, "c": -1.0}, "pi_0": {}}
    whole = Runs.of(Problem({"pi_1": X[:, 0], "pi_2": X[:, 1]}, X[:, 0], composition=composition))
    groups = groups_without(whole, np.array([False, False, True]))
    assert groups in (((Fraction(1), Fraction(-1)),), ((Fraction(-1), Fraction(1)),))
    some = whole.among(groups)
    assert not np.any(some.shape[2])
    tree = Sum((Mono((Fraction(2),)), Product((exact(3), Mono((Fraction(-1, 2),))))))
    np.testing.assert_allclose(evaluate(in_groups(tree, groups), whole), evaluate(tree, some))


def test_inputs_that_play_no_part_do_not_hide_a_law() -> None:
    rng = np.random.default_rng(1)
    ends = np.log([[1.0, 0.05, 0.05], [10.0, 6.0, 10.0]])
    x, u, v = np.exp(rng.uniform(ends[0][:, None], ends[1][:, None], (3, 100)))
    y = np.sqrt(u - np.log(u) - 0.62) * (1 + 0.01 * rng.normal(size=100))
    result = StructuredEngine().search(Problem({"pi_1": x, "pi_2": u, "pi_3": v}, y), ample(3000))
    assert str(result.candidates[0]) == "sqrt(log(c_1*exp(pi_2)/pi_2))"
