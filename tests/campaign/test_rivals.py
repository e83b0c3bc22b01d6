"""Campaigns that end when one closed form is probable enough."""

import pytest
import sympy

from dimgs.campaign import Budget, Plan, Range, Tolerance
from dimgs.common.errors import InputError
from tests.campaign.kernels import uptake_plan
from tests.campaign.whole import run

# a decade and a half about the crossover: no power law holds anywhere in it
NARROW = {"k": Range(0.2, 2.0, "1/s"), "t": Range(0.3, 3.0, "s")}


def plan(**more: object) -> Plan:
    given: dict[str, object] = {"ranges": NARROW, "tiers": ("fine",), "report": None}
    return uptake_plan(**(given | more))


def test_a_closed_form_is_found_where_no_power_law_holds() -> None:
    result = run(plan(tolerance=Tolerance(law=0.95)))
    assert result.outcome == "confirmed"
    assert result.law is not None
    assert sympy.simplify(result.law.expression - sympy.sympify("c/(1 + 1/(k*t))")) == 0
    assert result.runs["fine"] <= 10
    last = result.pertinence[-1]
    assert last.answer == "law"
    assert last.relevant
    assert last.confidence >= 0.95
    assert result.to_json()["report"]["probability"] == last.confidence


def test_more_runs_tell_rivals_apart_until_the_budget_ends() -> None:
    asked = plan(tolerance=Tolerance(law=0.9999), budget=Budget(runs=11))
    result = run(asked)
    assert result.outcome == "budget"
    assert result.runs == {"fine": 11}
    told = [e["reason"] for e in result.log if e["decision"] == "rivals"]
    assert told
    assert all("nats" in reason or "farthest" in reason for reason in told)
    assert result.pertinence[-1].acceptability < 1.0


def test_a_probability_lies_between_0_and_1() -> None:
    with pytest.raises(InputError, match=r"law: 1.0 cannot be used \(.* less than 1\)"):
        Tolerance(law=1.0)
    with pytest.raises(InputError, match=r"law \(0.95\)"):
        Tolerance()
