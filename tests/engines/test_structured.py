"""The embedded engine on planted laws of several fields."""

import pickle
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dimgs.engines.protocol import Engine, Problem, SearchBudget
from dimgs.engines.structured import StructuredEngine, archive, engine
from dimgs.engines.structured.engine import Stages, Step
from dimgs.engines.structured.refine import FittedTree, polish
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Tree
from dimgs.expression.candidate import Candidate
from tests.patience import ample

Array = NDArray[np.float64]
N_RUNS = 120
LAWS = {
    "friction of a smooth pipe": "0.3164*pi_1**(-1/4)",
    "Michaelis and Menten": "pi_1/(1 + 3*pi_1)",
    "Arrhenius": "0.8*exp(-2*pi_1/pi_2)*sqrt(pi_2)",
    "fin of finite length": "tanh(pi_1)/pi_1",
    "water waves": "sqrt(2*pi_1*tanh(pi_2))",
    "Cross fluid": "1/(1 + 2*pi_1**(2/3))",
    "thin lens": "1/(1/pi_1 + 1/pi_2)",
    "Herschel and Bulkley": "1 + 0.7*sqrt(pi_1)",
    "cosine rule": "sqrt(1 + pi_1**2 - 2*pi_1*cos(pi_2))",
    "mixture": "(1 + pi_1*pi_2)/(1 + pi_1)",
    "yield stress and activated flow": "1.3 + 0.7*pi_1*exp(1.9/pi_2)",
    "activated adsorption": "1/(0.8 + 0.43*exp(-1.7/pi_2)/pi_1)",
    "reactions in series": "pi_1*(exp(-pi_1) - exp(-pi_2))/(pi_2 - pi_1)",
    "activated growth": "exp(-1.7/pi_2)*pi_1/(1 + 2.3*pi_1)",
}
LONG = {*LAWS} - {*list(LAWS)[:8]}


def runs(width: int, seed: int = 0, n: int = N_RUNS) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {f"pi_{k + 1}": rng.uniform(0.3, 3.0, n) for k in range(width)}


def planted(text: str, noise: float = 0.0, seed: int = 0) -> tuple[Candidate, Problem]:
    true = Candidate.of(sympy.sympify(text))
    groups = runs(len(true.groups), seed)
    response = true.evaluate(groups)
    rng = np.random.default_rng(seed + 100)
    response = response * np.exp(noise * rng.standard_normal(len(response)))
    return true, Problem(groups, response)


def agrees(candidate: Candidate, true: Candidate, tolerance: float = 1e-6) -> bool:
    """Agreement far outside the runs."""
    rng = np.random.default_rng(5)
    points = {name: rng.uniform(0.05, 8.0, 50) for name in true.groups}
    return bool(np.allclose(candidate.evaluate(points), true.evaluate(points), rtol=tolerance))


def test_is_an_engine() -> None:
    assert isinstance(StructuredEngine(), Engine)


@pytest.mark.parametrize(
    "name",
    [pytest.param(k, marks=[pytest.mark.slow] * (k in LONG)) for k in LAWS],
)
def test_planted_law_is_found_exactly(name: str) -> None:
    true, problem = planted(LAWS[name])
    result = StructuredEngine().search(problem, ample())
    assert result.outcome == "converged"
    assert agrees(result.candidates[0], true)
    assert "explains every run" in result.message


@pytest.mark.slow
@pytest.mark.parametrize("name", ["friction of a smooth pipe", "Michaelis and Menten", "thin lens"])
def test_planted_law_is_found_in_noise(name: str) -> None:
    true, problem = planted(LAWS[name], noise=0.02)
    result = StructuredEngine().search(problem, ample())
    assert agrees(result.candidates[0], true, tolerance=0.1)


def test_response_of_either_sign() -> None:
    groups = runs(2)
    response = groups["pi_1"] * np.log(groups["pi_2"])
    result = StructuredEngine().search(Problem(groups, response, scale="linear"), ample())
    positive = {sympy.Symbol(n): sympy.Symbol(n, positive=True) for n in groups}
    form = sympy.expand_log(result.candidates[0].numeric.xreplace(positive))
    assert str(form) == "pi_1*log(pi_2)"
    assert result.candidates[0].scale == "linear"


def test_negative_response_keeps_its_sign() -> None:
    groups = runs(1)
    result = StructuredEngine().search(
        Problem(groups, -3 * groups["pi_1"] ** 2, scale="linear"), ample()
    )
    assert str(result.candidates[0]) == "-3*pi_1**2"


def test_group_that_changes_sign() -> None:
    rng = np.random.default_rng(0)
    groups = {"pi_1": rng.uniform(-2, 2, 80), "pi_2": rng.uniform(1, 2, 80)}
    problem = Problem(groups, groups["pi_2"] * (1 + groups["pi_1"] ** 2), unlogged=("pi_1",))
    result = StructuredEngine().search(problem, ample())
    expected = sympy.sympify("pi_2*(1 + pi_1**2)")
    assert sympy.expand(result.candidates[0].numeric - expected) == 0


@pytest.mark.parametrize("unit", [1e-6, 1e3])
def test_a_response_beside_zeros_of_the_input_is_found_in_any_unit(unit: float) -> None:
    x = np.array([0.0, 20.0, 50.0, 100.0, 200.0, 400.0, 700.0, 1000.0, 1500.0, 2000.0])
    y = np.array([-1.9, -0.2, 2.2, 4.8, 8.5, 12.8, 15.8, 17.0, 18.5, 19.4])
    problem = Problem({"pi_1": unit * x}, 1e-6 * y, scale="linear", unlogged=("pi_1",))
    # few runs leave the residuals of a straight line without structure
    first, *_ = StructuredEngine().search(problem, ample()).candidates
    left = 1e6 * first.evaluate(problem.groups) - y
    assert float(np.sqrt(np.mean(left**2))) < 0.2


def test_same_seed_same_result() -> None:
    _, problem = planted("sin(pi_1)*(1 + pi_2)/pi_1", noise=0.01)
    stages = StructuredEngine("ab")
    results = [stages.search(problem, ample(100), seed=3) for _ in range(2)]
    assert [c.to_json() for c in results[0].candidates] == [
        c.to_json() for c in results[1].candidates
    ]


def test_threads_do_not_matter() -> None:
    _, problem = planted("sin(pi_1)*(1 + pi_2)/pi_1", noise=0.01)
    fronts = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            result = StructuredEngine("ab").search(problem, ample(100))
        fronts.append([c.to_json() for c in result.candidates])
    assert fronts[0] == fronts[1]


def test_a_law_in_noise_is_the_simple_one() -> None:
    true, problem = planted("(1 - pi_1/4)/(1 + pi_2**2)**(1/2)", noise=0.01)
    result = StructuredEngine("abc").search(problem, ample(900))
    assert agrees(result.candidates[0], true, tolerance=0.1)


def test_what_the_clock_cuts_is_no_law() -> None:
    groups = runs(3)
    response = np.exp(np.sin(2 * groups["pi_1"]) * groups["pi_2"])
    result = StructuredEngine("ab").search(Problem(groups, response), ample(30))
    assert (result.outcome, result.cut) == ("timeout", "evaluations")
    assert "evaluations were spent" in result.message
    assert "surrogate, not confirmed" in result.message


def test_result_pickles() -> None:
    _, problem = planted("pi_1/(1 + 3*pi_1)")
    result = StructuredEngine().search(problem, ample())
    assert pickle.loads(pickle.dumps(result)) == result


def test_budget_of_seconds_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on a little whenever it is read."""
    ticks = count()
    for part in (archive, engine):
        monkeypatch.setattr(part, "monotonic", lambda: 0.01 * next(ticks))
    response = np.exp(np.random.default_rng(1).standard_normal(N_RUNS))
    result = StructuredEngine().search(Problem(runs(3), response), SearchBudget(1.0))
    assert 100 < next(ticks) < 120
    assert result.seconds < 1.2
    assert result.outcome == "timeout"
    assert result.candidates


def test_budget_of_evaluations_is_kept() -> None:
    _, problem = planted("sin(pi_1)*(1 + pi_2)/pi_1", noise=0.05)
    result = StructuredEngine().search(problem, ample(20))
    assert result.outcome == "timeout"
    assert len(result.candidates) <= 20


def test_what_explains_the_runs_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a short law in noise; all quick steps are waited for, and few others are begun."""
    known, done, quick = Stages.steps, list[str](), set[str]()

    def recorded(step: Step) -> Step:
        quick.update([step.name] if step.quick else [])

        def run() -> None:
            done.append(step.name)
            step.run()

        return replace(step, run=run)

    monkeypatch.setattr(Stages, "steps", lambda stages: list(map(recorded, known(stages))))
    _, problem = planted("3*pi_1/pi_2", noise=0.02)
    result = StructuredEngine().search(problem, ample())
    assert "its residuals do not depend on the groups" in result.message
    assert {"three simple factors", "exponentials of functions"} <= quick <= set(done)
    assert not {"two simple factors of functions", "ratios for functions"} & set(done)


def test_a_root_of_a_sum_is_found_in_errors_of_one_size() -> None:
    """Its square is a sum of two terms, which is tried before the search ends in noise."""
    true = Candidate.of(sympy.sympify("sqrt(2 + pi_3/(2*pi_1*pi_2**2))"))
    rng = np.random.default_rng(1)
    groups = {name: rng.uniform(1.0, 3.0, 150) for name in ("pi_1", "pi_2")}
    groups["pi_3"] = 10 ** rng.uniform(-1.0, 1.5, 150)
    y = true.evaluate(groups)
    y = y + 0.1 * np.sqrt(np.mean(y**2)) * rng.standard_normal(150)
    result = StructuredEngine().search(Problem(groups, y), ample())
    assert agrees(result.candidates[0], true)


def test_interrupt_returns_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def interrupted(tree: Tree, runs: Runs, least: float) -> FittedTree | None:
        nonlocal calls
        calls += 1
        if calls > 10:
            raise KeyboardInterrupt
        return polish(tree, runs, least)

    monkeypatch.setattr("dimgs.engines.structured.archive.polish", interrupted)
    _, problem = planted("sin(pi_1)*(1 + pi_2)/pi_1", noise=0.05)
    result = StructuredEngine().search(problem, ample())
    assert (result.outcome, result.cut) == ("timeout", "interrupt")
    assert "interrupted" in result.message
    assert result.candidates


def test_too_few_runs() -> None:
    one = np.ones(3)
    result = StructuredEngine().search(Problem({"pi_1": one}, one), ample())
    assert result.outcome == "no_candidate"
    assert not result.candidates


def test_no_groups_gives_the_constant() -> None:
    result = StructuredEngine().search(Problem({}, np.full(10, 0.5)), ample())
    assert str(result.candidates[0]) == "1/2"


def test_basis_does_not_matter() -> None:
    groups = runs(2, n=150)
    response = 2 * groups["pi_1"] / np.sqrt(1 - 0.05 * groups["pi_2"] ** 2)
    composition = {
        "pi_0": {"a": -1.0, "b": 1.0},
        "pi_1": {"a": 1.0, "b": -1.0},
        "pi_2": {"c": 1.0, "b": -1.0},
    }
    other = {"pi_1": groups["pi_1"] * groups["pi_2"], "pi_2": groups["pi_2"]}
    changed = {**composition, "pi_1": {"a": 1.0, "c": 1.0, "b": -2.0}}
    first = StructuredEngine().search(Problem(groups, response, composition=composition), ample())
    second = StructuredEngine().search(Problem(other, response, composition=changed), ample())
    np.testing.assert_allclose(
        first.candidates[0].evaluate(groups), second.candidates[0].evaluate(other), rtol=1e-9
    )
