"""Several targets of one plan, and the law of the whole that `discover` makes of their runs."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sympy

from dimgs.campaign import Budget, CampaignResult, Plan, Range
from dimgs.campaign.plan import plan_of
from dimgs.campaign.result import campaign_text
from dimgs.common.errors import InputError
from dimgs.kernels.base import Port, Simulated, Tier
from dimgs.report.results import Report
from tests.campaign.kernels import Crisis, Uptake, uptake_plan
from tests.campaign.whole import run, without_figures


class Both(Uptake):
    """What was taken up, and how fast it is lost."""

    name = "both"
    outputs: tuple[Port, ...] = (Port("m", "kg/m^3"), Port("r", "kg/(m^3*s)"))
    tiers: tuple[Tier, ...] = (Tier("only", 1.0, {"bias": 0.0}),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        k, t, c = values["k"], values["t"], values["c"]
        return {"m": c * k * t / (1.0 + k * t), "r": 3.0 * c * k**0.5 * t**-0.5}


def plan(target: str | tuple[str, ...], **more: Any) -> Plan:
    return uptake_plan(f"{Both.__module__}:Both", target=target, **more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[CampaignResult, Path]:
    folder = tmp_path_factory.mktemp("both")
    with pytest.MonkeyPatch.context() as patch:
        without_figures(patch)
        return run(plan(("m", "r"), report=None), folder), folder


def test_targets_share_their_runs(done: tuple[CampaignResult, Path]) -> None:
    result, _ = done
    alone = [run(plan(name, report="none")).counts["made"] for name in ("m", "r")]
    (other,) = result.others
    assert result.outcome == other.outcome == "confirmed"
    assert [str(e.rational) for e in other.regimes[0].every_exponent] == ["1/2", "-1/2"]
    assert other.counts["made"] < alone[1]
    assert result.counts["made"] == alone[0]
    document = result.to_json()
    assert document["made"] == result.counts["made"] + other.counts["made"]
    assert document["runs"] == {"only": document["made"]}
    assert [o["target"] for o in document["others"]] == ["r"]


def test_each_target_is_told_and_written(done: tuple[CampaignResult, Path]) -> None:
    result, folder = done
    text = campaign_text(result)
    assert text.count("law confirmed after") == 2
    assert "regime 1: everywhere" in text
    assert result.others[0].to_json()["regimes"][0]["where"] == "True"
    stored = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert stored["others"][0]["regimes"][0]["law"]["target"] == "r"
    again = run(plan(("m", "r"), report="none"), folder, resume=True)
    assert [r.counts["made"] for r in (again, *again.others)] == [0, 0]
    other = again.others[0].to_json()["regimes"]
    assert other == stored["others"][0]["regimes"]


def test_several_regimes_are_searched_for_one_law(done: tuple[CampaignResult, Path]) -> None:
    result, folder = done
    assert isinstance(result.report, Report)
    assert result.law is not None
    assert sympy.simplify(result.law.expression - sympy.sympify("c/(1 + 1/(k*t))")) == 0
    assert (folder / "m" / "law.json").is_file()
    # one regime needs no search
    assert not isinstance(result.others[0].report, Report)
    assert result.others[0].law is not None


def test_steps_make_a_law_in_pieces() -> None:
    steps = uptake_plan(
        f"{Crisis.__module__}:Crisis",
        target="F",
        ranges={"U": Range(0.1, 100.0), "d": Range(0.05, 0.1)},
        budget=Budget(runs=60),
        report=None,
    )
    result = run(steps)
    assert len(result.regimes) == 2
    assert isinstance(result.report, Report)
    assert str(result.report.law).count("U**2*d**2*rho") == 2
    # it is the law of the whole where it is probable enough, too
    assert result.law is (result.report.law if result.report.confirmed else None)


@pytest.mark.slow
def test_a_confirmed_law_is_that_of_the_whole() -> None:
    result = run(uptake_plan(report=None))
    assert result.outcome == "confirmed"
    assert isinstance(result.report, Report)
    assert result.report.confirmed
    assert result.law is result.report.law
    assert str(result.law) == "m = c*k/(k + 1/t)"


def test_targets_of_a_file_are_a_list() -> None:
    document: dict[str, Any] = {
        "kernel": "diffusion",
        "target": ["CF", "CF"],
        "ranges": {"t": [1, 100, "day"]},
        "budget": {"runs": 20},
        "tolerance": {"exponents": 0.02},
    }
    with pytest.raises(InputError, match="target names one twice"):
        plan_of(document)
    both = plan_of({**document, "target": ["CF", "M"]})
    assert [p.target for p in both.each] == ["CF", "M"]
    with pytest.raises(InputError, match="'nothing' is no output"):
        run(replace(plan(("m", "nothing"))))
