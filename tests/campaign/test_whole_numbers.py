"""Inputs that a kernel takes in whole numbers only, which its plan does not say."""

from pathlib import Path

import pytest

from dimgs.campaign import Budget, CampaignResult, Plan, Range, Tolerance
from dimgs.common.errors import FitError
from dimgs.kernels import kernel
from tests.campaign.whole import run, without_figures


@kernel(inputs={"N": "1", "mu": "1", "I": "A", "a": "cm", "b": "cm"}, outputs={"H": "A/m"},
        version="1")  # fmt: skip
def coil(N: float, I: float, a: float, b: float, mu: float = 1.0) -> float:
    if int(N) != N:
        raise ValueError("no message is read")
    return 100.0 * mu * N * I * a / b**2


@kernel(inputs={"x": "1", "y": "m"}, outputs={"z": "m"}, version="1")
def ends(x: float, y: float) -> float:
    """Answers near the ends of a range alone."""
    if 2.0 < x < 19.0:
        raise ValueError("no solution")
    return y * x


def coil_plan(**more: Range) -> Plan:
    ranges = {"N": Range(3.0, 500.0), "a": Range(1.0, 10.0, "cm"), "b": Range(1.0, 10.0, "cm")}
    fixed: dict[str, tuple[float | str, str | None]] = {"I": (2.0, "A")}
    return Plan(coil, "H", {**ranges, **more}, Budget(40), Tolerance(exponents=0.02), fixed)


def failed(result: CampaignResult) -> list[str]:
    return [e["reason"] for e in result.log if e["decision"] == "lost"]


def test_an_input_of_whole_numbers_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_figures(monkeypatch)
    result, stated = run(coil_plan(), tmp_path), run(coil_plan(N=Range(3.0, 500.0, integer=True)))
    assert result.outcome == stated.outcome == "confirmed"
    (regime,) = result.regimes
    assert {e.name: e.rational for e in regime.every_exponent} == {"N": 1, "a": 1, "b": -2}
    assert len(failed(result)) <= 5
    assert not failed(stated)
    assert result.counts["made"] <= stated.counts["made"] + len(failed(result)) + 2
    # the remedy is the plan that has none of these failures
    assert any("N = { low = 3, high = 500, integer = true }" in w for w in result.warnings)
    again = run(coil_plan(), tmp_path, resume=True)
    assert again.counts["made"] == 0
    assert [r.exponents for r in again.regimes] == [r.exponents for r in result.regimes]


def test_an_input_whose_range_has_whole_ends_too_keeps_its_fractions() -> None:
    result = run(coil_plan(mu=Range(1.0, 10.0)))
    assert result.outcome == "confirmed"
    (named,) = (warning for warning in result.warnings if "integer = true" in warning)
    assert "'N'" in named
    assert len(failed(result)) <= 6


def test_a_range_without_whole_ends_has_no_run_with_an_answer() -> None:
    with pytest.raises(FitError, match="first 12 runs failed"):
        run(coil_plan(N=Range(3.5, 500.5)))


def test_failures_at_whole_numbers_too_are_no_matter_of_whole_numbers() -> None:
    plan = Plan(
        ends,
        "z",
        {"x": Range(1.0, 20.0), "y": Range(0.3, 3.5)},
        Budget(20),
        Tolerance(exponents=0.02),
    )
    result = run(plan)
    tried = [e for e in result.log if e["decision"] == "whole"]
    assert len(tried) == 1
    assert not any("whole" in warning for warning in result.warnings)
