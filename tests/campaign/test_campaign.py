"""Whole campaigns on kernels with known answers."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from dimgs.campaign import Budget, CampaignResult, Plan, Range, Tolerance, run_campaign
from dimgs.campaign.binding import bind
from dimgs.campaign.campaign import STORE
from dimgs.campaign.design import Region, dry_run
from dimgs.campaign.progress import Progress
from dimgs.campaign.text import campaign_text, design_text
from dimgs.errors import FitError, InputError
from dimgs.expression import sympy_parse_condition
from dimgs.hub import RunStore
from dimgs.kernels.spec import Tier
from dimgs.report.documents import finite
from tests.campaign.kernels import Uptake, drag_plan, uptake_plan


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
    found = {tuple(str(e.rational) for e in r.every_exponent) for r in result.regimes}
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
    assert {e["decision"] for e in runs} >= {"support", "inside", "tier"}
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
    assert result.runs["fine"] == 3
    assert result.runs["coarse"] <= 30
    assert not any(p.relevant for p in result.pertinence)
    assert "too few" in " ".join(p.meaning for p in result.pertinence)


def test_seconds_are_kept() -> None:
    result = run(uptake_plan(budget=Budget(runs=20, seconds=1e-6)))
    assert result.outcome == "budget spent"
    assert result.runs["fine"] == 0


def test_one_tier_alone() -> None:
    plan = uptake_plan(tiers=("fine",), budget=Budget(runs=80))
    result = run(plan)
    assert result.outcome == "tolerance met"
    assert sorted(str(r.every_exponent[1].rational) for r in result.regimes) == ["0", "1"]
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


def test_a_point_that_no_run_reaches_is_refused_before_any_is_made() -> None:
    points = ({"k": (100.0, "1/s"), "t": (1e6, "s"), "c": (50.0, "kg/m^3")},)
    plan = uptake_plan(tolerance=Tolerance(prediction=0.05), points=points)
    for ask in (run, lambda plan: dry_run(bind(plan))):
        with pytest.raises(InputError, match=r"points\[1\]: its groups lie outside"):
            ask(plan)


def test_a_kernel_that_never_answers_is_an_error_with_its_reason() -> None:
    with pytest.raises(FitError, match="The moon is not full"):
        run(uptake_plan("tests.campaign.kernels:Never"))


def test_progress_is_told() -> None:
    heard: list[Progress] = []
    run(uptake_plan(), progress=heard.append)
    phases = [p.phase for p in heard]
    assert phases[0] == "ask"
    assert phases[-1] == "done"
    assert heard[-1].worst <= 1.0
    assert all(0 <= p.runs[t] <= p.budget[t] for p in heard for t in p.budget)


def test_a_law_that_half_of_the_runs_follow_does_not_hold_everywhere() -> None:
    few = {"tiers": ("fine",), "tolerance": Tolerance(exponents=0.02)}
    short = run(uptake_plan(budget=Budget(runs=8), **few))
    assert short.outcome == "budget spent"
    (regime,) = short.regimes
    assert regime.where.startswith("pi_1 < 0.0")
    (judged,) = short.pertinence
    assert judged.meaning == f"Where {regime.place}, m is proportional to k and t."
    assert "runs follow no law that was found" in judged.why
    # runs that are left go where no law was found
    longer = run(uptake_plan(budget=Budget(runs=20), **few))
    assert longer.outcome == "tolerance met"
    assert len(longer.regimes) == 2


@pytest.mark.parametrize("kernel", ["Uptake", "Crisis", "Seeded"])
def test_a_budget_that_suffices_changes_no_run(kernel: str, tmp_path: Path) -> None:
    more = {"tiers": ("fine",)} if kernel == "Uptake" else {}
    made = []
    for runs in (40, 80, 200):
        if kernel == "Seeded":
            plan = Plan(
                kernel="tests.campaign.kernels:Seeded",
                target="y",
                ranges={"a": Range(1e-2, 100.0), "b": Range(1e-2, 100.0)},
                budget=Budget(runs=runs),
                tolerance=Tolerance(exponents=0.02),
            )
        elif kernel == "Crisis":
            plan = drag_plan("Crisis", budget=Budget(runs=runs))
        else:
            plan = uptake_plan(budget=Budget(runs=runs), **more)
        result = run(plan, tmp_path / str(runs))
        assert result.outcome == "tolerance met"
        made.append([e["key"] for e in result.log if e.get("key")])
    assert made[0] == made[1] == made[2]
    assert len(made[0]) <= 40


def test_a_law_takes_few_more_runs_than_it_has_unknowns() -> None:
    plan = Plan(
        kernel="tests.campaign.kernels:Beam",
        target="w",
        ranges={
            "E": Range(1e9, 1e11),
            "F": Range(1.0, 100.0),
            "L": Range(1.0, 10.0),
            "b": Range(0.01, 0.1),
            "h": Range(0.01, 0.1),
        },
        budget=Budget(runs=100),
        tolerance=Tolerance(exponents=0.02),
    )
    result = run(plan)
    assert result.outcome == "tolerance met"
    assert sum(result.runs.values()) <= bind(plan).space.rank + 6
    (regime,) = result.regimes
    assert [str(e.rational) for e in regime.exponents] == ["-1", "1", "3", "-1", "-3"]
    assert "A Latin hypercube with regression would have taken about 5 runs" in result.further
    assert "no step above 2.0%" in result.unseen


@pytest.mark.parametrize("shift", [10.0, 2.0, 1.0])
def test_a_coarse_tier_whose_border_lies_elsewhere_is_left_aside(shift: float) -> None:
    kernel = Uptake()
    kernel.tiers = (
        Tier("coarse", 0.01, {"bias": 0.05, "shift": shift}),
        Tier("fine", 1.0, {"bias": 0.0}),
    )
    result = run(uptake_plan(kernel, budget=Budget(runs=60)))
    assert result.outcome == "tolerance met"
    (border,) = result.boundaries
    assert border.value == pytest.approx(1.0, rel=0.1)
    aside = any("is left aside" in w for w in result.warnings)
    assert aside == (shift != 1.0)


def test_one_constant_is_a_question() -> None:
    plan = Plan(
        kernel="tests.campaign.kernels:Pendulum",
        target="T",
        ranges={"l": Range(0.1, 10.0), "g": Range(1.0, 20.0)},
        budget=Budget(runs=10),
        tolerance=Tolerance(exponents=0.02),
    )
    result = run(plan)
    assert result.outcome == "tolerance met"
    assert sum(result.runs.values()) == 3
    (regime,) = result.regimes
    assert [str(e.rational) for e in regime.exponents] == ["-1/2", "1/2"]
    assert regime.prefactor is not None
    assert regime.prefactor.value == pytest.approx(2 * np.pi)
    hidden = run(replace(plan, kernel="tests.campaign.kernels:Friction"))
    assert hidden.outcome != "tolerance met"


def test_noise_without_a_seed_is_noticed() -> None:
    plan = Plan(
        kernel="tests.campaign.kernels:Unseeded",
        target="y",
        ranges={"a": Range(0.01, 100.0), "b": Range(0.01, 100.0)},
        budget=Budget(runs=60),
        tolerance=Tolerance(exponents=0.03),
    )
    result = run(plan)
    (regime,) = result.regimes
    assert regime.where == "True"
    assert result.outcome == "tolerance met"
    assert any(e["decision"] == "replicate" for e in result.log)
    assert any(e["decision"] == "expect" for e in result.log)
    for e, truth in zip(regime.exponents, (2.0, -1.0), strict=True):
        assert abs(e.value - truth) < 2 * (e.high - e.low) / 2


def test_a_kernel_without_tiers_has_runs_without_a_name() -> None:
    told = Uptake()
    told.tiers = (Tier("only", 1.0, {"bias": 0.0}),)
    heard: list[Progress] = []
    result = run(uptake_plan(told, tolerance=Tolerance(exponents=0.05)), progress=heard.append)
    text = "\n".join([campaign_text(result), design_text(dry_run(bind(uptake_plan(told))))])
    assert f"after {result.runs['only']} runs (" in text
    assert "first: 3 runs, about 3 s" in text
    assert "budget: 20 runs, at most about 20 s" in text
    assert " only " not in text + "".join(h.text for h in heard)


def test_a_campaign_that_fails_from_the_start_ends_early_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(FitError, match="first 12 runs failed"):
        run(uptake_plan("tests.campaign.kernels:Broken"), tmp_path)
    told = (tmp_path / "decisions.txt").read_text(encoding="utf-8")
    assert told.splitlines()[-1].endswith("The last reason: OSError: no licence")
    with RunStore(tmp_path / STORE) as store:
        assert store.counts()["failed"] < 20


def holds(where: str, names: list[str], log_groups: Any) -> Any:
    """Whether a condition holds at points, as whoever reads the document would ask."""
    condition = sympy.lambdify(names, sympy_parse_condition(where, names), "numpy")
    values = np.exp(log_groups)
    return np.broadcast_to(np.asarray(condition(*values.T), dtype=bool), len(values))


def places(result: CampaignResult, plan: Plan) -> Any:
    """Whether each relevant regime claims each of many points of the reachable space."""
    space = bind(plan).space
    z = Region(space).fill(512, 7)
    names = [g.name for g in space.basis.groups]
    relevant = [r for r, p in zip(result.regimes, result.pertinence, strict=False) if p.relevant]
    return np.array([holds(r.where, names, space.log_groups(z)) for r in relevant])


@pytest.mark.parametrize("d", [Range(0.05, 0.1), Range(1e-3, 1.0)])
def test_parallel_laws_divide_the_ranges_between_them(d: Range) -> None:
    plan = drag_plan("Crisis", ranges={"U": Range(0.1, 100.0), "d": d})
    result = run(plan)
    assert len(result.regimes) == 2
    for regime in result.regimes:
        assert regime.where != "True"
        assert [str(e.rational) for e in regime.every_exponent] == ["2", "2"]
    claimed = places(result, plan)
    assert claimed.sum(axis=0).max() == 1
    assert np.all(claimed.mean(axis=1) > 0.05)
    (step,) = result.boundaries
    assert step.kind == "jump"
    assert step.low <= 3e4 <= step.high or step.low <= 1 / 3e4 <= step.high
    told = [p.meaning for p in result.pertinence]
    assert all("everywhere" not in t for t in told)


def test_laws_whose_runs_lie_among_each_other_are_no_answer() -> None:
    result = run(drag_plan("Moody"))
    claimed = places(result, drag_plan("Moody"))
    assert claimed.sum(axis=0).max(initial=0) <= 1
    if len(result.regimes) > 1:
        assert not any(p.relevant for p in result.pertinence)
        assert "no monomial of the groups says where" in result.pertinence[0].meaning
    assert result.outcome != "tolerance met"


def test_where_runs_failed_nothing_is_claimed() -> None:
    plan = drag_plan("Choking")
    result = run(plan)
    (regime,) = result.regimes
    (judged,) = result.pertinence
    assert "everywhere" not in judged.meaning
    assert "gave no answer: nothing is known there" in judged.why
    space = bind(plan).space
    z = Region(space).fill(512, 7)
    names = [g.name for g in space.basis.groups]
    reynolds = -np.log(1e-5) + space.centre.sum() + z @ space.transform @ space.half
    inside = holds(regime.where, names, space.log_groups(z))
    assert inside.any()
    assert np.all(reynolds[inside] < np.log(3e4))


def test_an_input_that_never_moved_has_no_exponent() -> None:
    ranges = {"k": Range(1e-6, 1.0), "t": Range(1e-2, 1e5), "c": Range(1.0, 2.0)}
    result = run(uptake_plan(ranges=ranges))
    assert result.not_varied == ("c",)
    assert len(result.regimes) == 2
    for regime, judged in zip(result.regimes, result.pertinence, strict=True):
        assert [e.name for e in regime.exponents] == ["k", "t"]
        assert [(e.name, str(e.rational)) for e in regime.implied] == [("c", "1")]
        assert [e.name for e in regime.every_exponent] == ["c", "k", "t"]
        assert not re.search(r"\bc\b", judged.meaning)
    document = result.to_json()["regimes"][0]
    assert [e["name"] for e in document["exponents"]] == ["k", "t"]
    assert "by dimensions; it did not vary" in campaign_text(result)


def test_every_run_has_a_seed_of_its_own_and_the_same_one_again(tmp_path: Path) -> None:
    plan = Plan(
        kernel="tests.campaign.kernels:Seeded",
        target="y",
        ranges={"a": Range(0.1, 10.0), "b": Range(0.1, 10.0)},
        budget=Budget(runs=40),
        tolerance=Tolerance(exponents=0.001),
    )
    result = run(plan, tmp_path)
    with RunStore(tmp_path / STORE) as store:
        records = store.records()
    seeds = [r.seed for r in records]
    assert len(set(seeds)) == len(seeds) == 40
    assert all(s is not None and 0 < s < 2**31 for s in seeds)
    # the noise is seen, so that the prefactor's interval is as wide as it must be
    (regime,) = result.regimes
    prefactor = regime.prefactor
    assert prefactor is not None
    assert prefactor.low is not None
    assert prefactor.high is not None
    half = np.log(prefactor.high / prefactor.low) / 2
    assert 0.5 < half / (1.68 * 0.1 / np.sqrt(36)) < 2.0
    assert abs(np.log(prefactor.value / 3.0)) < 3 * half
    assert run(plan, tmp_path, resume=True).counts["made"] == 0
    with RunStore(tmp_path / STORE) as store:
        assert [r.seed for r in store.records()] == seeds


def test_the_result_is_written_from_python_too(tmp_path: Path) -> None:
    result = run(uptake_plan(budget=Budget(runs=6, coarse_runs=30)), tmp_path / "made")
    written = json.loads((tmp_path / "made" / "result.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(finite(result.to_json())))
    assert sorted(p.name for p in (tmp_path / "made").iterdir() if p.name[0] == ".") == []
    assert written["outcome"] == result.outcome
    assert written["runs"] == dict(result.runs)
    assert written["made"] == sum(result.runs.values())
    pertinence = written["pertinence"]
    assert {"relevant", "acceptability", "confidence", "meaning", "why"} <= pertinence.keys()
    assert written["confidence"] == pertinence["confidence"]
    assert set(written["domain"]) == {"groups", "columns"}
    low, high, unit = written["domain"]["columns"]["t"]
    assert 0.99e-2 <= low < high <= 1.01e5
    assert unit == "s"
    for regime in written["regimes"]:
        assert {"where", "n", "exponents", "prefactor", "law"} <= regime.keys()
        if regime["law"] is not None:
            constant = regime["law"]["constants"][0]
            assert regime["prefactor"] == {n: constant[n] for n in ("value", "unit", "low", "high")}
    for boundary in written["boundaries"]:
        assert {"group", "low", "value", "high", "kind"} <= boundary.keys()
    assert written["law"] is None


def test_what_cannot_be_written_is_told_and_returned(tmp_path: Path) -> None:
    (tmp_path / "result.json").mkdir()
    result = run(uptake_plan(budget=Budget(runs=6, coarse_runs=30)), tmp_path)
    assert f"The answer could not be written to {tmp_path}" in result.warnings[-1]
