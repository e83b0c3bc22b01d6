"""Operon as an engine; searches only where pyoperon is installed."""

import pickle
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import sympy

from dimgs.common.errors import InputError
from dimgs.engines import operon
from dimgs.engines.operon import OperonEngine, expression_of
from dimgs.engines.protocol import Engine, Problem, SearchBudget
from dimgs.engines.refit import to_candidate
from tests.patience import AMPLE

needs_operon = pytest.mark.skipif(
    find_spec("pyoperon") is None, reason='pyoperon is not installed: pip install "dimgs[operon]"'
)


def groups(n: int = 60, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {f"pi_{j}": np.exp(rng.normal(size=n)) for j in (1, 2)}


def test_it_is_an_engine() -> None:
    assert isinstance(OperonEngine(), Engine)
    assert (
        OperonEngine().search(Problem({}, np.array([1.0])), SearchBudget(1)).outcome
        == "no_candidate"
    )


def test_unavailable_where_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dimgs.engines.registry.find_spec", lambda _: None)
    result = OperonEngine().search(Problem(groups(), groups()["pi_1"]), SearchBudget(1))
    assert result.outcome == "unavailable"
    assert 'pip install "dimgs[operon]"' in result.message


def test_unavailable_where_its_library_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> None:
        raise ImportError("libfmt.so.10: cannot open shared object file")

    monkeypatch.setattr("dimgs.engines.registry.find_spec", lambda _: object())
    monkeypatch.setattr(operon, "import_module", broken)
    result = OperonEngine().search(Problem(groups(), groups()["pi_1"]), SearchBudget(1))
    assert result.outcome == "unavailable"
    assert "libfmt" in result.message


def test_text_is_read_with_its_single_precision_numbers() -> None:
    text = "((-2.11357259750366211) + (exp((0.10000000149011612 * log_pi_1)) ^ 2))"
    expression = expression_of(text, ["pi_1", "log_pi_1"])
    candidate = to_candidate(expression, scale="linear")
    assert candidate is not None
    value = candidate.evaluate({"pi_1": np.array([1.0, 32.0])})
    assert value == pytest.approx([1 - 2.1135726, 2 - 2.1135726], rel=1e-12)
    assert expression.atoms(sympy.Float) >= {sympy.Float("-2.1135726")}
    tiny = expression_of("0.0000000000009999999960041972002500187955", [])
    assert float(tiny) == 1e-12
    assert "safe_square" in str(expression_of("square(pi_1)", ["pi_1"]))


@needs_operon
def test_a_power_law_is_exact_and_repeatable() -> None:
    g = groups()
    problem = Problem(g, 0.3 * g["pi_1"] ** -0.25)
    engine = OperonEngine(parameters={"generations": 8, "population_size": 300})
    first, second = (engine.search(problem, SearchBudget(AMPLE), seed=1) for _ in range(2))
    assert first.outcome == "converged"
    law = first.candidates[0]
    assert law.loss < 1e-28
    assert np.allclose(law.evaluate(g), problem.response, rtol=1e-13)
    assert law.groups == ("pi_1",)
    assert [c.to_json() for c in first.candidates] == [c.to_json() for c in second.candidates]
    assert pickle.loads(pickle.dumps(first)).candidates == first.candidates
    assert {c.engine for c in first.candidates} == {"operon"}


@needs_operon
def test_a_response_of_both_signs() -> None:
    g = groups()
    problem = Problem(g, 2 * g["pi_1"] - 3 * g["pi_2"], scale="linear")
    engine = OperonEngine(parameters={"generations": 8, "population_size": 300})
    law = engine.search(problem, SearchBudget(AMPLE), seed=1).candidates[0]
    assert str(law) == "2*pi_1 - 3*pi_2"
    assert law.scale == "linear"


@needs_operon
def test_an_unlogged_group_may_be_negative() -> None:
    g = groups()
    g["pi_2"] = np.log(g["pi_2"])
    problem = Problem(g, g["pi_1"] * np.exp(0.5 * g["pi_2"]), unlogged=("pi_2",))
    engine = OperonEngine(parameters={"generations": 8, "population_size": 300})
    assert engine.search(problem, SearchBudget(AMPLE), seed=1).candidates[0].loss < 1e-20


@needs_operon
def test_weights_count() -> None:
    g = groups()
    rng = np.random.default_rng(5)
    weights = np.where(np.arange(60) < 30, 1e6, 1.0)
    noise = np.where(np.arange(60) < 30, 1e-6, 0.3) * rng.normal(size=60)
    problem = Problem(g, 0.3 * g["pi_1"] ** -0.25 * np.exp(noise), weights=weights)
    engine = OperonEngine(parameters={"generations": 6, "population_size": 300})
    front = engine.search(problem, SearchBudget(AMPLE), seed=1).candidates
    power = next(c for c in front if c.complexity == 5 and c.groups == ("pi_1",))
    assert np.allclose(power.evaluate(g), 0.3 * g["pi_1"] ** -0.25, rtol=1e-5)


@needs_operon
def test_the_time_is_kept_and_parameters_are_checked() -> None:
    g = groups()
    rng = np.random.default_rng(4)
    problem = Problem(g, g["pi_1"] * np.exp(rng.normal(size=60)))
    small = OperonEngine(parameters={"max_length": 8})
    result = small.search(problem, SearchBudget(2.0), seed=1)
    assert (result.outcome, result.cut) == ("timeout", "time")
    assert result.candidates
    with pytest.raises(InputError, match="max_len"):
        OperonEngine(parameters={"max_len": 3}).search(problem, SearchBudget(1))


@needs_operon
@pytest.mark.parametrize(("evaluations", "cut"), [(500, "evaluations"), (None, None)])
def test_what_ended_the_search_is_told(evaluations: int | None, cut: str | None) -> None:
    g = groups()
    rng = np.random.default_rng(4)
    problem = Problem(g, g["pi_1"] * np.exp(rng.normal(size=60)))
    engine = OperonEngine(parameters={"generations": 3, "population_size": 300})
    result = engine.search(problem, SearchBudget(3600.0, evaluations), seed=1)
    assert result.cut == cut
    assert result.outcome == ("converged" if cut is None else "timeout")
