"""The benchmark of laws with units: what counts as found, and why others are missed."""

import json
from pathlib import Path

import numpy as np
import pytest
import sympy

from case_studies.benchmarks.exactness import Inputs, agreement
from case_studies.benchmarks.feynman_tables import Equation, equations
from case_studies.benchmarks.laws_with_units import __main__ as command
from case_studies.benchmarks.laws_with_units.solving import reason, solve
from case_studies.benchmarks.laws_with_units.tables import markdown, missed_of
from case_studies.benchmarks.laws_with_units.tasks import problem_of
from case_studies.benchmarks.srsd_ranges import realistic_equations
from dimgs.expression import Candidate
from tests.patience import AMPLE

SETTINGS = {
    "set": "table",
    "engine": "structured",
    "noise": 0.0,
    "kind": "rms",
    "budget": AMPLE,
    "clock": "wall",
    "stages": "abcd",
    "runs": 60,
    "seed": 0,
}


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> dict[str, Equation]:
    request.getfixturevalue("shared_data")
    return {e.name: e for e in equations()}


def test_there_are_120_and_each_has_runs_in_both_ranges(table: dict[str, Equation]) -> None:
    realistic = {e.name: e for e in realistic_equations()}
    assert len(table) == len(realistic) == 120
    for name in ("I.6.2a", "I.12.2", "I.34.27", "test_19"):
        for equation in (table[name], realistic[name]):
            values, response = equation.runs(30, 0)
            assert np.all(np.isfinite(response))
            assert np.ptp(response) > 0
            for k, (low, high) in equation.ranges.items():
                assert low <= values[k].min() <= values[k].max() <= high


def test_realistic_runs_hold_physical_constants(table: dict[str, Equation]) -> None:
    realistic = {e.name: e for e in realistic_equations()}
    values, response = realistic["I.34.27"].runs(20, 0)
    assert np.allclose(response, 1.054571817e-34 * values["omega"])
    assert "h" not in realistic["I.34.27"].ranges
    decades = np.log10(realistic["I.34.27"].runs(300, 0)[0]["omega"])
    low, high = np.log10(realistic["I.34.27"].ranges["omega"])
    assert np.mean(decades) == pytest.approx((low + high) / 2, abs=0.1 * (high - low))


def test_the_true_law_counts_and_an_approximation_does_not(table: dict[str, Equation]) -> None:
    inputs = Inputs(table["I.10.7"])
    x = sympy.Symbol("pi_1")
    speed = x if inputs.basis.groups[0].get("v") > 0 else 1 / x
    response = dict(inputs.basis.response.exponents if inputs.basis.response else {})
    assert response["m_0"] == -1
    true = 1 / sympy.sqrt(1 - speed**2)
    agreed = agreement(Candidate.of(true, scale="linear"), inputs)
    assert agreed.exact
    assert agreed.strict
    near = 1 + speed**2 / 2 + 3 * speed**4 / 8 + 5 * speed**6 / 16
    assert not agreement(Candidate.of(near, scale="linear"), inputs).exact
    # constants are refitted before the comparison
    moved = 1 / sympy.sqrt(sympy.Float(1.02) - sympy.Float(0.97) * speed**2)
    assert agreement(Candidate.of(moved, scale="linear"), inputs).strict


def test_raw_inputs_are_the_variables(table: dict[str, Equation]) -> None:
    inputs = Inputs(table["I.12.1"], raw=True)
    problem = problem_of(inputs, 20, 0.0, "rms", 0)
    assert list(problem.groups) == ["pi_1", "pi_2"]
    assert agreement(Candidate.of(sympy.sympify("pi_1*pi_2")), inputs).strict


def test_noise_is_of_the_size_that_was_asked_for(table: dict[str, Equation]) -> None:
    inputs = Inputs(table["I.12.1"], raw=True)
    clean = problem_of(inputs, 2000, 0.0, "rms", 0).response
    rms = problem_of(inputs, 2000, 0.1, "rms", 0).response - clean
    assert np.std(rms) == pytest.approx(0.1 * np.sqrt(np.mean(clean**2)), rel=0.06)
    each = problem_of(inputs, 2000, 0.1, "multiplicative", 0).response / clean
    assert np.std(each) == pytest.approx(0.1, rel=0.06)


def test_a_stopped_run_goes_on_and_says_what_was_missed(
    table: dict[str, Equation],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "lines.jsonl"
    arguments = ["--laws", "I.12.1,I.34.8", "--budget", "1e6", "--out", str(out)]
    command.main(arguments)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [line["law"] for line in lines] == ["I.12.1", "I.34.8"]
    assert all(line["chosen_strict"] and not line["why"] for line in lines)
    assert all(line["cpu"] >= 0 and line["load"] >= 0 for line in lines)
    monkeypatch.setattr(command, "solve", None)
    command.main(arguments)
    assert len(out.read_text(encoding="utf-8").splitlines()) == 2
    assert "| 2 | 2 | 2 | 2 | 2 |" in capsys.readouterr().out
    command.main(["--show", "--out", str(out)])
    assert "I.43.16: its two sides differ" in capsys.readouterr().out


def test_a_budget_of_processor_time(table: dict[str, Equation]) -> None:
    # a millionth of a second is over when the first tree was fitted
    line = solve(table["I.44.4"], {**SETTINGS, "clock": "cpu", "budget": 1e-6, "noise": 0.1})
    assert (line["outcome"], line["clock"]) == ("no_candidate", "cpu")
    with pytest.raises(SystemExit):
        command.main(["--clock", "cpu", "--engine", "operon"])


def test_without_stages_a_law_is_missed_for_a_reason(table: dict[str, Equation]) -> None:
    line = solve(table["I.6.2a"], {**SETTINGS, "stages": "a"})
    assert not line["chosen"]
    assert line["why"] == "never on the front"
    assert missed_of([line]) == ["never on the front: I.6.2a"]
    assert "stages a" in markdown([line])


def test_a_tie_follows_noisy_runs_as_well_as_the_law(table: dict[str, Equation]) -> None:
    exact = solve(table["I.6.2a"], {**SETTINGS, "stages": "a"})
    noisy = solve(table["I.6.2a"], {**SETTINGS, "stages": "a", "noise": 3.0})
    assert (exact["tie"], noisy["tie"]) == (False, True)
    assert "as well as the law does: I.6.2a" in missed_of([noisy])[-1]


@pytest.mark.parametrize(
    ("law", "front", "outcome", "why"),
    [
        ("I.43.16", False, "converged", "inconsistent units"),
        ("I.8.14", True, "timeout", "on the front, not chosen"),
        ("I.8.14", False, "timeout", "budget"),
        ("I.8.14", False, "converged", "never on the front"),
        ("I.8.14", False, "unavailable", "not run"),
    ],
)
def test_reasons(law: str, front: bool, outcome: str, why: str) -> None:
    assert reason({"law": law, "chosen": False, "front": front, "outcome": outcome}) == why
    assert not reason({"law": law, "chosen": True, "front": True, "outcome": outcome})
