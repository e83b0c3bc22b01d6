"""Whole campaigns on kernels with known answers."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dimgs.campaign import Budget, CampaignResult, Plan, Range, Tolerance, run_campaign
from dimgs.campaign.binding import bind
from dimgs.campaign.campaign import STORE
from dimgs.campaign.design import dry_run
from dimgs.campaign.progress import Progress
from dimgs.campaign.text import campaign_text, design_text
from dimgs.errors import FitError, InputError
from dimgs.hub import RunStore
from dimgs.kernels.spec import Tier
from dimgs.report.documents import finite
from tests.campaign.kernels import Uptake, uptake_plan


def run(plan: Plan, folder: Path | None = None, **more: Any) -> CampaignResult:
    with ThreadPoolExecutor(2) as executor:
        return run_campaign(plan, folder, executor=executor, **more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[CampaignResult, Path]:
    folder = tmp_path_factory.mktemp("uptake")
    return run(uptake_plan(), folder), folder


def test_both_regimes_are_found_and_known_to_the_tolerance(
    done: tuple[CampaignResult, Path],
) -> None:
    result, _ = done
    assert result.outcome == "tolerance met"
    found = {tuple(str(e.rational) for e in r.exponents) for r in result.regimes}
    assert found == {("1", "1"), ("0", "0")}
    for regime in result.regimes:
        for e in regime.exponents:
            assert e.high - e.low <= 2 * 0.02
            assert abs(e.value - float(e.rational or 0)) < 0.01
    assert all(p.relevant and p.acceptability == 1.0 for p in result.pertinence)


def test_the_boundary_is_where_the_laws_meet(done: tuple[CampaignResult, Path]) -> None:
    (boundary,) = done[0].boundaries
    assert boundary.physical == "k·t"
    assert boundary.low <= 1.0 <= boundary.high
    assert boundary.value == pytest.approx(1.0, abs=0.1)
    assert done[0].essential == ("k·t",)


def test_one_input_need_not_move(done: tuple[CampaignResult, Path]) -> None:
    result, _ = done
    assert len(result.varied) == 2 or result.not_varied
    assert set(result.varied) | set(result.not_varied) == {"k", "t"}


def test_the_bias_of_the_coarse_tier_is_fitted(done: tuple[CampaignResult, Path]) -> None:
    for regime in done[0].regimes:
        assert regime.bias["fine"] == pytest.approx(-0.05, abs=0.01)
        law = regime.fit
        assert law is not None
        assert law.law.to_json()["dimension_check"] == "ok"


def test_no_two_runs_are_equivalent(done: tuple[CampaignResult, Path]) -> None:
    with RunStore(done[1] / STORE) as store:
        records = store.records()
    groups = [(r.tier, float(r.inputs["k"][0]) * float(r.inputs["t"][0])) for r in records]
    values = [(tier, round(float(np.log(x)), 9)) for tier, x in groups]
    assert len(set(values)) == len(values)


def test_every_decision_has_its_reason(done: tuple[CampaignResult, Path]) -> None:
    result, folder = done
    lines = (folder / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    assert len(entries) == len(result.log)
    assert all(e["reason"] for e in entries)
    runs = [e for e in entries if e.get("key")]
    assert len(runs) == sum(result.runs.values())
    assert {e["decision"] for e in runs} >= {"survey", "refine"}
    assert entries[-1]["decision"] == "stop"
    assert len((folder / "decisions.txt").read_text(encoding="utf-8").splitlines()) == len(entries)


def test_the_document_is_strict_json(done: tuple[CampaignResult, Path]) -> None:
    document = json.loads(json.dumps(finite(done[0].to_json()), allow_nan=False))
    assert document["regimes"][0]["law"]["dimension_check"] == "ok"
    assert document["report"]["level"] == 0.9
    assert document["counts"]["made"] == sum(document["runs"].values())


def test_a_resumed_campaign_decides_the_same_and_makes_nothing_again(
    done: tuple[CampaignResult, Path],
) -> None:
    result, folder = done
    before = (folder / "decisions.jsonl").read_text(encoding="utf-8")
    again = run(uptake_plan(), folder, resume=True)
    assert again.counts["made"] == 0
    assert again.counts["known"] == result.counts["made"]
    assert [r.to_json() for r in again.regimes] == [r.to_json() for r in result.regimes]
    after = (folder / "decisions.jsonl").read_text(encoding="utf-8")
    assert after.startswith(before)
    (start,) = after[len(before) :].splitlines()
    assert json.loads(start)["decision"] == "start"


def test_a_used_folder_is_not_taken_by_accident(done: tuple[CampaignResult, Path]) -> None:
    with pytest.raises(InputError, match="--resume"):
        run(uptake_plan(), done[1])


def test_the_budget_is_kept() -> None:
    result = run(uptake_plan(budget=Budget(runs=3, coarse_runs=30)))
    assert result.outcome == "budget spent"
    assert result.runs == {"coarse": 30, "fine": 3} or result.runs["fine"] == 3
    assert result.runs["coarse"] <= 30
    assert "too few" in " ".join(p.meaning for p in result.pertinence)


def test_seconds_are_kept() -> None:
    result = run(uptake_plan(budget=Budget(runs=20, seconds=1e-6)))
    assert result.outcome == "budget spent"
    assert result.runs["fine"] == 0


def test_one_tier_alone() -> None:
    plan = uptake_plan(tiers=("fine",), budget=Budget(runs=80))
    result = run(plan)
    assert result.outcome == "tolerance met"
    assert sorted(str(r.exponents[1].rational) for r in result.regimes) == ["0", "1"]
    assert sum(result.runs.values()) <= 80


def test_a_stochastic_kernel_has_one_law_through_its_noise() -> None:
    plan = Plan(
        kernel="tests.campaign.kernels:Noisy",
        target="y",
        ranges={"a": Range(0.1, 10.0), "b": Range(0.1, 10.0)},
        budget=Budget(runs=80),
        tolerance=Tolerance(exponents=0.03),
    )
    result = run(plan)
    (regime,) = result.regimes
    assert regime.where == "True"
    assert [str(e.rational) for e in regime.exponents] == ["2", "-1"]
    for e, truth in zip(regime.exponents, (2.0, -1.0), strict=True):
        assert abs(e.value - truth) <= 2 * (e.high - e.low) / 2
        assert e.high - e.low > 0.005
    assert any(entry["decision"] == "replicate" for entry in result.log)


def test_a_prediction_at_points_in_the_crossover() -> None:
    points = ({"k": (1e-3, "1/s"), "t": (1.2e3, "s")}, {"k": (0.06, "1/min"), "t": (1e3, None)})
    plan = uptake_plan(tolerance=Tolerance(prediction=0.02), points=points)
    result = run(plan)
    assert result.outcome == "tolerance met"
    for point, x in zip(result.points, (1.2, 1.0), strict=True):
        truth = 2.0 * x / (1.0 + x)
        assert point.value == pytest.approx(truth, rel=0.02)
        assert point.low <= truth <= point.high
        assert not point.extrapolated


def test_a_point_outside_the_ranges_uses_the_law_of_its_regime() -> None:
    points = ({"k": (100.0, "1/s"), "t": (1e6, "s"), "c": (50.0, "kg/m^3")},)
    plan = uptake_plan(tolerance=Tolerance(prediction=0.05), points=points)
    (point,) = run(plan).points
    assert point.extrapolated
    assert point.value == pytest.approx(50.0, rel=0.05)


def test_a_kernel_that_never_answers_is_an_error_with_its_reason() -> None:
    with pytest.raises(FitError, match="The moon is not full"):
        run(uptake_plan("tests.campaign.kernels:Never"))


def test_progress_is_told() -> None:
    heard: list[Progress] = []
    run(uptake_plan(), progress=heard.append)
    phases = [p.phase for p in heard]
    assert phases[0] == "survey"
    assert phases[-1] == "done"
    assert heard[-1].worst <= 1.0
    assert all(0 <= p.runs[t] <= p.budget[t] for p in heard for t in p.budget)


def test_a_law_that_half_of_the_runs_follow_does_not_hold_everywhere() -> None:
    few = {"tiers": ("fine",), "tolerance": Tolerance(exponents=0.05)}
    short = run(uptake_plan(budget=Budget(runs=8), **few))
    assert short.outcome == "budget spent"
    assert short.log[-1]["reason"].endswith("4 of 8 runs follow none of the laws found")
    (regime,) = short.regimes
    assert regime.where.startswith("pi_1 < 0.0")
    (judged,) = short.pertinence
    assert judged.meaning == f"Where {regime.place}, m is proportional to k and t."
    assert "4 of 8 runs follow no law that was found" in judged.why
    # runs that are left go where no law was found
    longer = run(uptake_plan(budget=Budget(runs=10), **few))
    assert longer.outcome == "tolerance met"
    assert len(longer.regimes) == 2


def test_a_kernel_without_tiers_has_runs_without_a_name() -> None:
    told = Uptake()
    told.tiers = (Tier("only", 1.0, {"bias": 0.0}),)
    heard: list[Progress] = []
    result = run(uptake_plan(told, tolerance=Tolerance(exponents=0.05)), progress=heard.append)
    text = "\n".join([campaign_text(result), design_text(dry_run(bind(uptake_plan(told))))])
    assert f"after {result.runs['only']} runs (" in text
    assert "survey: 10 runs, about 10 s" in text
    assert "budget: 20 runs, at most about 20 s" in text
    assert " only " not in text + "".join(h.text for h in heard)


def test_a_campaign_that_fails_from_the_start_ends_early_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(FitError, match="first 12 runs failed"):
        run(uptake_plan("tests.campaign.kernels:Broken"), tmp_path)
    told = (tmp_path / "decisions.txt").read_text(encoding="utf-8")
    assert told.splitlines()[-1].endswith("The last reason: OSError: no licence")
    with RunStore(tmp_path / STORE) as store:
        assert store.counts()["failed"] < 20
