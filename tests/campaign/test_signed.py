"""Campaigns over inputs that vanish or change sign."""

from collections.abc import Mapping
from typing import Any

import pytest
import sympy

from dimgs.campaign import Budget, Plan, Range, Tolerance
from dimgs.campaign.campaign import STORE
from dimgs.campaign.plan import bind
from dimgs.common.errors import InputError
from dimgs.hub import RunStore
from dimgs.kernels import kernel
from dimgs.kernels.base import BaseKernel, Port
from tests.campaign.whole import run, without_figures


class Damper(BaseKernel):
    """Force of a spring and a damper."""

    name, version = "damper", "1"
    inputs = (Port("k", "N/m"), Port("x", "m"), Port("c", "N*s/m"), Port("v", "m/s"))
    outputs = (Port("F", "N"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any]:
        return {"F": 0.5 * values["c"] * values["v"] - values["k"] * values["x"]}


def plan(**more: Any) -> Plan:
    given: dict[str, Any] = {
        "kernel": Damper(),
        "target": "F",
        "ranges": {
            "k": Range(1.0, 100.0),
            "c": Range(1.0, 10.0),
            "x": Range(-10.0, 10.0, "cm"),
            "v": Range(-1.0, 2.0),
        },
        "budget": Budget(runs=30),
        "tolerance": Tolerance(law=0.9),
    }
    return Plan(**(given | more))


def test_the_law_of_inputs_and_an_output_that_change_sign(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_figures(monkeypatch)
    result = run(plan(), tmp_path)
    assert result.outcome == "confirmed"
    assert result.law is not None
    assert sympy.simplify(result.law.expression - sympy.sympify("c*v/2 - k*x")) == 0
    with RunStore(tmp_path / STORE) as store:
        runs = store.records()
    assert {float(r.inputs["x"][0]) > 0 for r in runs} == {True, False}
    assert {float(r.outputs["F"][0]) > 0 for r in runs} == {True, False}
    assert all(-0.1 <= float(r.inputs["x"][0]) <= 0.1 for r in runs)
    assert run(plan(), tmp_path, resume=True).counts["made"] == 0


def test_signed_coordinates_are_found_again() -> None:
    binding = bind(plan())
    for u in (-0.7, 0.0, 0.4):
        logs = binding.space.centre + u * binding.space.half
        z = binding.space.coordinates(logs[None])[0]
        assert binding.space.place(binding.space.values(logs)) == pytest.approx(z)


def test_what_changes_sign_has_no_exponent() -> None:
    with pytest.raises(InputError, match=r"no exponent of '[vx]'"):
        bind(plan(tolerance=Tolerance(exponents=0.02)))


def test_the_law_of_an_output_that_changes_sign_with_inputs_that_do_not() -> None:
    @kernel(inputs={"p": "Pa", "q": "Pa", "A": "m^2"}, outputs={"F": "N"}, version="1")
    def piston(p: float, q: float, A: float) -> float:
        return (p - q) * A

    ranges = {"p": Range(1.0, 10.0), "q": Range(1.0, 10.0), "A": Range(1.0, 10.0)}
    result = run(Plan(piston, "F", ranges, Budget(30), Tolerance(law=0.9)))
    assert result.outcome == "confirmed"
    assert result.law is not None
    assert sympy.simplify(result.law.expression - sympy.sympify("A*(p - q)")) == 0
    assert "signed" in {e["decision"] for e in result.log}
    # the runs before the first of the other sign count, and none is made twice
    assert sum(result.runs.values()) == result.counts["made"]
    assert (result.counts["known"], result.counts["elsewhere"]) == (0, 0)
    # exponents of a target without a logarithm do not exist: its runs give no answer
    exponents = run(Plan(piston, "F", ranges, Budget(30), Tolerance(exponents=0.02)))
    assert exponents.counts["failed"] > 0
