"""Whole campaigns on kernels with known answers."""

import json
import re
import shutil
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

import dimgs
from case_studies.benchmarks.campaign_kernels import drawn
from dimgs.campaign import Budget, CampaignResult, Plan, Range, Tolerance
from dimgs.campaign.campaign import STORE
from dimgs.campaign.experiment import Progress
from dimgs.campaign.plan import bind
from dimgs.campaign.result import campaign_text, design_text, dry_run
from dimgs.common.errors import FitError, InputError
from dimgs.common.formats import is_edited, plain, sealed
from dimgs.discovery.discover import report_on_fit
from dimgs.hub import RunStore
from dimgs.kernels import kernel
from dimgs.kernels.base import Tier
from dimgs.report.plain_text import interval, number
from tests.campaign.kernels import Rate, Uptake, drag_plan, uptake_plan
from tests.campaign.whole import run


@kernel(inputs={"F": "N", "A": "m^2"}, outputs={"p": "Pa"})
def pressure(F: float, A: float) -> float:
    return F / A


@kernel(inputs={"F": "N", "A": "m^2"}, outputs={"p": "Pa"})
def suction(F: float, A: float) -> float:
    return -F / A


def test_a_target_that_is_nowhere_above_zero_ends_after_the_first_runs(tmp_path: Path) -> None:
    ranges = {"F": Range(1.0, 100.0, "N"), "A": Range(1.0, 100.0, "cm^2")}
    plan = Plan(suction, "p", ranges, Budget(runs=40), Tolerance(exponents=0.02))
    with pytest.raises(InputError, match=r"'p' is not above zero in all 3 runs.*law = 0.95 alone"):
        run(plan, tmp_path)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[CampaignResult, Path]:
    folder = tmp_path_factory.mktemp("uptake")
    return run(uptake_plan(), folder), folder


def test_both_regimes_are_found_and_known_to_the_tolerance(
    done: tuple[CampaignResult, Path],
) -> None:
    result, _ = done
    assert result.outcome == "confirmed"
    found = {tuple(str(e.rational) for e in r.every_exponent) for r in result.regimes}
    assert found == {("1", "1"), ("0", "0")}
    for regime in result.regimes:
        for e in regime.exponents:
            assert e.high - e.low <= 2 * 0.02
            assert abs(e.value - float(e.rational or 0)) < 0.01
    assert all(p.relevant and p.acceptability == 1.0 for p in result.pertinence)


def test_the_law_of_a_regime_carries_one_verdict(done: tuple[CampaignResult, Path]) -> None:
    """Beside a crossover it has no probability, and the campaign's own tests confirm it."""
    result, folder = done
    document = json.loads((folder / "result.json").read_text("utf-8"))
    for regime, told in zip(result.regimes, document["regimes"], strict=True):
        assert regime.tested is not None
        assert regime.fit is not None
        assert told["tested"]["holds"]
        assert told["tested"]["cleared"]
        law = told["law"]
        assert (law["confirmed"], law["probability"], law["why_not"]) == (True, None, [])
        judged = regime.fit.verdict
        assert (judged.confirmed, judged.probability) == (law["confirmed"], law["probability"])


@pytest.mark.parametrize("seed", [7, 33])
def test_the_law_beside_a_crossover_has_the_exponents_that_are_answered(seed: int) -> None:
    """The scatter of runs that a crossover was taken off does not say how well it is known."""
    regimes = run(drawn(seed).plan(0)).regimes
    assert len(regimes) == 2
    for regime in regimes:
        assert regime.fit is not None
        assert regime.tested.cleared
        answered = {e.name: e.rational for e in regime.exponents}
        assert None not in answered.values()
        assert {e.name: e.rational for e in regime.fit.variable_exponents} == answered


def _pendulum(g: float, L: float, m: float) -> float:
    """A swing that is read to 2 %, differently for every pendulum and equally when repeated."""
    seed = int(sha256(f"10 {g:.9g} {L:.9g} {m:.9g}".encode()).hexdigest()[:8], 16)
    return float(6.283 * np.sqrt(L / g) * np.exp(np.random.default_rng(seed).normal(0.0, 0.02)))


def test_exponents_and_the_law_of_a_regime_state_the_same_rationals() -> None:
    pendulum = kernel(inputs={"g": "m/s^2", "L": "m", "m": "kg"}, outputs={"T": "s"})(_pendulum)
    plan = Plan(
        pendulum, "T",
        {"g": Range(1, 30, "m/s^2"), "L": Range(0.1, 10, "m"), "m": Range(0.1, 10, "kg")},
        Budget(runs=40), Tolerance(exponents=0.02), scales=("m0 [kg]", "L0 [m]"), report="fit",
    )  # fmt: skip
    (regime,) = run(plan).regimes
    assert regime.fit is not None
    stated = {e.name: e for e in (*regime.exponents, *regime.implied)}
    assert {n: e.rational for n, e in stated.items()} == {
        e.name: e.rational for e in regime.fit.variable_exponents
    }
    assert all(e.rational is not None and e.low <= e.rational <= e.high for e in stated.values())


def test_one_law_has_one_verdict_in_a_campaign_and_in_a_fit_of_its_runs() -> None:
    plan = Plan(
        pressure, "p", {"F": Range(1, 100, "N"), "A": Range(1e-4, 1e-2, "m^2")},
        Budget(runs=20), Tolerance(exponents=0.02), report="fit",
    )  # fmt: skip
    result = run(plan)
    document = result.to_json()
    assert result.dataset is not None
    alone = dimgs.fit(result.dataset, "p")
    (regime,) = document["regimes"]
    known = {regime["law"]["probability"], document["law"]["probability"]}
    assert known == {document["report"]["probability"]} == {alone.verdict.probability}
    # three runs leave no end out, so that a table of them confirms nothing; the campaign knows more
    assert (alone.verdict.confirmed, regime["law"]["confirmed"]) == (False, True)
    assert document["law"]["confirmed"] is document["report"]["confirmed"] is True
    assert not regime["tested"]["cleared"]


def test_no_law_of_a_campaign_that_failed_is_confirmed() -> None:
    plan = drag_plan("Crisis", budget=Budget(runs=8))
    result = run(plan)
    assert result.outcome not in ("confirmed", "predicts")
    for regime in result.to_json()["regimes"]:
        assert regime["law"]["confirmed"] is False
        assert regime["law"]["why_not"][0] == f"The campaign ended with: {result.outcome.words}."


def test_constants_are_told_with_their_intervals(done: tuple[CampaignResult, Path]) -> None:
    result, _ = done
    text = campaign_text(result)
    for regime in result.regimes:
        constant = regime.prefactor
        assert constant is not None
        assert constant.low is not None
        assert constant.high is not None
        assert constant.low <= constant.value
        half = (constant.high - constant.low) / 2
        shown = f"C = {number(constant.value, half)}   {interval(constant.low, constant.high)}"
        assert shown in text
        told = regime.to_json()["prefactor"]
        assert told["unit"] == "1"
        assert told["low"] <= told["value"] <= told["high"]


def test_the_text_states_where_each_law_ends(done: tuple[CampaignResult, Path]) -> None:
    text = campaign_text(done[0])
    laws = [r.law for r in done[0].regimes]
    assert len(laws) == 2
    for law in laws:
        assert law is not None
        ((low, high),) = law.domain.groups.values()
        ends = re.escape(number(low)), re.escape(number(high))
        assert re.search("domain: {} <= .* <= {}".format(*ends), text)


def test_the_boundary_is_where_the_laws_meet(done: tuple[CampaignResult, Path]) -> None:
    (boundary,) = done[0].boundaries
    assert boundary.physical == "k·t"
    assert boundary.low <= 1.0 <= boundary.high
    assert boundary.value == pytest.approx(1.0, abs=0.1)
    assert done[0].essential == ("k·t",)


def test_the_law_of_a_regime_holds_where_it_says_it_does(
    done: tuple[CampaignResult, Path],
) -> None:
    x = np.geomspace(1e-7, 1e5, 200)
    rows = {"k": x, "t": np.ones(200), "c": np.full(200, 2.0)}
    truth = 2.0 * x / (1.0 + x)
    for regime in done[0].regimes:
        assert regime.fit is not None
        law = regime.fit.law
        inside = np.array([not row for row in law.outside(rows)])
        assert 20 < inside.sum() < 180
        value, low, high = (part[inside] for part in law.predict(rows, 0.9))
        half = np.maximum(high - value, value - low)
        assert np.all(np.abs(truth[inside] - value) <= 2.0 * half)


def test_one_input_need_not_move(done: tuple[CampaignResult, Path]) -> None:
    result, _ = done
    assert len(result.varied) == 2 or result.not_varied
    assert set(result.varied) | set(result.not_varied) == {"k", "t"}


def test_what_was_held_is_named_in_the_text(done: tuple[CampaignResult, Path]) -> None:
    result, _ = done
    fixed = replace(result, domain={**result.domain, "held": {"c": {"value": 2.5, "unit": "s"}}})
    assert "never varied" not in campaign_text(replace(result, domain={"held": {}}))
    assert "never varied: c = 2.5 s; another value is outside" in campaign_text(fixed)


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
    # but one pair, which shows that the size does not matter
    assert len(set(values)) >= len(values) - 1


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
    document = json.loads(json.dumps(plain(done[0].to_json()), allow_nan=False))
    assert document["regimes"][0]["law"]["dimension_check"] == "ok"
    assert document["report"] is None
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


def test_edited_files_of_a_campaign_are_named_and_written_again(
    done: tuple[CampaignResult, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "campaign"
    shutil.copytree(done[1], folder)
    assert not any("edited" in text for text in done[0].warnings)
    for name in ("plan.json", "decisions.jsonl", "result.json"):
        text = (folder / name).read_text(encoding="utf-8")
        first = json.loads(text.splitlines()[0] if name.endswith("l") else text)
        assert not is_edited(first)
        old = "0.9" if name != "decisions.jsonl" else '"n": 2'
        assert old in text
        (folder / name).write_text(text.replace(old, old + "1", 1), encoding="utf-8")
    assert is_edited(json.loads((folder / "result.json").read_text("utf-8")))
    again = run(uptake_plan(), folder, resume=True)
    (told,) = [text for text in again.warnings if "edited" in text]
    assert "plan.json' was edited" in told
    assert "Line 2 of decisions.jsonl was edited" in told
    assert again.counts["made"] == 0
    for name in ("plan.json", "result.json"):
        assert not is_edited(json.loads((folder / name).read_text("utf-8")))


def test_a_used_folder_is_not_taken_by_accident(done: tuple[CampaignResult, Path]) -> None:
    with pytest.raises(InputError, match="--resume"):
        run(uptake_plan(), done[1])


@pytest.mark.parametrize("coarse", [6, 12, 40])
def test_where_coarse_runs_are_used_up_the_fine_ones_go_on(coarse: int) -> None:
    result = run(uptake_plan(budget=Budget(runs=20, coarse_runs=coarse)))
    assert result.outcome == "confirmed"
    assert result.runs["coarse"] <= coarse
    aside = any("left aside" in text for text in result.warnings)
    # coarse runs count if their laws explain them: fewer fine ones are needed then
    assert aside == (coarse == 6) == (result.runs["fine"] > 10)


def test_the_budget_is_kept() -> None:
    result = run(uptake_plan(budget=Budget(runs=3, coarse_runs=30)))
    assert result.outcome == "budget"
    assert result.runs["fine"] == 3
    assert result.runs["coarse"] <= 30
    assert not any(p.relevant for p in result.pertinence)
    assert "too few" in " ".join(p.meaning for p in result.pertinence)


def test_seconds_are_kept() -> None:
    result = run(uptake_plan(budget=Budget(runs=20, seconds=1e-6)))
    assert result.outcome == "budget"
    assert result.runs["fine"] == 0


def test_one_tier_alone() -> None:
    plan = uptake_plan(tiers=("fine",), budget=Budget(runs=80))
    result = run(plan)
    assert result.outcome == "confirmed"
    assert sorted(str(r.every_exponent[1].rational) for r in result.regimes) == ["0", "1"]
    assert sum(result.runs.values()) <= 80


def test_a_prediction_at_points_in_the_crossover() -> None:
    points = ({"k": (1e-3, "1/s"), "t": (1.2e3, "s")}, {"k": (0.06, "1/min"), "t": (1e3, None)})
    plan = uptake_plan(tolerance=Tolerance(prediction=0.02), points=points)
    result = run(plan)
    assert result.outcome == "predicts"
    for point, x in zip(result.points, (1.2, 1.0), strict=True):
        truth = 2.0 * x / (1.0 + x)
        assert point.value == pytest.approx(truth, rel=0.02)
        assert point.low <= truth <= point.high


@pytest.mark.parametrize("limit", [0.02, 0.5, 1.9])
def test_where_a_limit_is_met_is_asked_by_a_point_that_names_the_target(limit: float) -> None:
    points = ({"k": (1e-3, "1/s"), "m": (limit, None)},)
    result = run(uptake_plan(tolerance=Tolerance(prediction=0.02), points=points))
    assert result.outcome == "predicts"
    assert sum(result.runs.values()) <= 12
    (point,) = result.points
    # m = 2 x / (1 + x), x = k t
    truth = limit / (2.0 - limit) / 1e-3
    assert (point.name, point.unit) == ("t", "s")
    assert point.low <= truth <= point.high
    assert point.high / point.low <= 1.02**2


def test_runs_that_were_predicted_are_reported_beside_the_predictions() -> None:
    result = run(uptake_plan())
    made = [e for e in result.log if "is predicted to be" in e["reason"] and "key" in e]
    assert len(result.checks) == len(made) > 0
    assert all(c["predicted"] == pytest.approx(c["made"], rel=0.05) for c in result.checks)
    assert result.to_json()["checks"] == [dict(c) for c in result.checks]


def test_a_named_point_without_an_answer_costs_no_further_runs() -> None:
    @kernel(inputs={"k": "1/s", "t": "s"}, outputs={"m": "1"}, version="1")
    def early(k: float, t: float) -> float:
        if k * t > 1.0:
            raise ValueError("too late")
        return k * t

    ranges = {"k": Range(1e-3, 1e-1), "t": Range(1.0, 1e3)}
    there, beyond = ({"k": (1e-2, None), "t": (t, None)} for t in (50.0, 500.0))
    for points, runs in (((beyond,), 1), ((beyond, there), 3)):
        tolerance = Tolerance(prediction=0.02)
        result = run(Plan(early, "m", ranges, Budget(20), tolerance, points=points))
        assert sum(result.runs.values()) == runs
        assert [p.relevant for p in result.pertinence] == [False, True][: len(points)]
        assert not result.outcome.is_answer


def test_a_dry_run_shows_the_named_points() -> None:
    given = {"k": (1e-3, "1/s"), "t": (1.2e3, "s")}
    asked = {"tolerance": Tolerance(prediction=0.02), "tiers": ("fine",)}
    (only,) = dry_run(bind(uptake_plan(points=(given,), **asked)))["design"]
    assert only["k"] * only["t"] == pytest.approx(1.2)
    limit = {"k": (1e-3, "1/s"), "m": (0.5, None)}
    ends = dry_run(bind(uptake_plan(points=(limit,), **asked)))["design"]
    assert [run["k"] * run["t"] for run in ends] == pytest.approx([1e-5, 1e2])


def test_a_limit_that_is_met_nowhere_has_no_answer() -> None:
    points = ({"k": (1e-3, "1/s"), "m": (3.0, None)},)
    result = run(uptake_plan(tolerance=Tolerance(prediction=0.02), points=points))
    assert result.outcome == "stopped"
    (point,) = (p for p in result.pertinence if p.answer == "point 1")
    assert not point.relevant
    assert "nowhere along t" in point.meaning


def test_with_noise_the_interval_of_a_limit_holds_it() -> None:
    held = 0
    for seed in range(12):
        plan = Plan(
            "tests.campaign.kernels:Noisy",
            "y",
            {"a": Range(1.0, 100.0), "b": Range(1.0, 100.0)},
            Budget(200),
            Tolerance(prediction=0.05),
            points=({"b": (10.0, None), "y": (30.0, None)},),
            seed=seed,
            report="none",
        )
        (point,) = run(plan).points
        # 3 a^2 / 10 = 30
        held += point.low <= 10.0 <= point.high
    assert held >= 9


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
        assert result.outcome == "confirmed"
        made.append([e["key"] for e in result.log if e.get("key")])
    assert made[0] == made[1] == made[2]
    assert len(made[0]) <= 40


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


def test_runs_that_follow_no_power_law_are_searched_for_another() -> None:
    ranges = {"E": Range(2e4, 1e5, "J/mol"), "T": Range(300.0, 900.0, "K")}
    result = run(Plan(Rate(), "k", ranges, Budget(40), Tolerance(exponents=0.03), constants=("R",)))
    assert result.outcome == "confirmed"
    assert result.whole is not None
    assert str(result.whole) == "k = A*exp(-E/(R*T))"


def rod_plan(tolerance: float) -> Plan:
    """Heat of a rod, Q = sqrt(h p k a) dT tanh(L sqrt(h p/(k a)))."""

    @kernel(
        inputs={"h": "W/(m^2*K)", "p": "m", "k": "W/(m*K)", "a": "m^2", "L": "m", "dT": "K"},
        outputs={"Q": "W"}, version="1",
    )  # fmt: skip
    def rod(h: float, p: float, k: float, a: float, L: float, dT: float) -> float:
        return float(np.sqrt(h * p * k * a) * dT * np.tanh(L * np.sqrt(h * p / (k * a))))

    ranges = {"h": Range(5.0, 500.0, "W/(m^2*K)"), "L": Range(0.01, 0.5, "m")}
    fixed: dict[str, tuple[float | str, str | None]] = {
        "p": (0.05, None), "k": (150.0, None), "a": (2e-4, None), "dT": (40.0, None)
    }  # fmt: skip
    return Plan(rod, "Q", ranges, Budget(40), Tolerance(exponents=tolerance), fixed)


def test_a_law_answers_where_power_laws_come_near_it_in_parts_of_the_ranges() -> None:
    result = run(rod_plan(0.01))
    assert result.outcome == "confirmed"
    assert "tanh" in str(result.whole)
    (judged,) = result.pertinence
    assert judged.answer == "law"
    # a tolerance of exponents asks for no probability
    assert "asked for" not in judged.why
    assert result.confidence > 0.9
    assert result.further == ""
    assert result.surrogate is None
    reasons = [why for r in result.regimes if r.fit is not None for why in r.fit.verdict.why_not]
    assert not any("ended with" in why for why in reasons)
    # the power laws are shown as what they are
    assert all(not r.fit.verdict.confirmed for r in result.regimes if r.fit is not None)


@pytest.mark.parametrize("tolerance", [0.02, 0.005])
def test_a_power_law_that_holds_alone_nowhere_is_not_answered(tolerance: float) -> None:
    """Between its two limits a tanh follows no power law, however close one comes to some runs."""
    result = run(rod_plan(tolerance))
    assert "tanh" in str(result.whole)
    limits = [(Fraction(0), Fraction(1, 2)), (Fraction(1), Fraction(1))]
    regimes = sorted(result.regimes, key=lambda r: r.exponents[0].value)
    for regime, limit in zip(regimes, limits, strict=True):
        for exponent, at_limit in zip(regime.exponents, limit, strict=True):
            assert exponent.value == pytest.approx(float(at_limit), abs=tolerance)
            # a tanh lies below its limit, and an interval that excludes a rational states none
            assert exponent.rational in {at_limit, None}
    assert all(r.share > 0.05 for r in result.regimes)


@pytest.mark.parametrize("power", [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
def test_a_hidden_constant_shows_where_no_group_is_free(power: tuple[float, float]) -> None:
    @kernel(inputs={"k": "N/m", "m": "kg"}, outputs={"T": "s"}, version="1")
    def spring(k: float, m: float) -> float:
        x: float = k ** power[0] * m ** power[1]
        return float((m / k) ** 0.5 * (1.0 + 0.3 * x / (10.0 + x)))

    ranges = {"k": Range(1.0, 100.0, "N/m"), "m": Range(0.1, 10.0, "kg")}
    result = run(Plan(spring, "T", ranges, Budget(20), Tolerance(exponents=0.02)))
    assert result.outcome == "inconsistent"
    assert not result.regimes
    assert any("a constant with a dimension is hidden" in note for note in result.warnings)


def test_regimes_without_one_law_are_confirmed_in_the_same_words_everywhere(
    done: tuple[CampaignResult, Path],
) -> None:
    result, _ = done
    assert result.dataset is not None
    assert result.outcome == "confirmed"
    nearest = replace(result, report=report_on_fit(result.dataset, "m", result.options))
    ended = "power laws of 2 regimes confirmed, and no one law of all runs"
    assert (nearest.law, nearest.ended) == (None, ended)
    assert nearest.to_json()["ended"] == ended
    study = nearest.study()
    assert study is not None
    assert not study.confirmed
    assert f"The campaign ended with: {ended}" in study.why_not[0]
    text = campaign_text(nearest)
    assert f"{ended} after" in text
    assert "law of all runs that comes nearest" in text


def test_the_part_of_a_range_that_was_run_is_stated() -> None:
    @kernel(inputs={"F": "N", "A": "m^2"}, outputs={"p": "Pa"}, version="1")
    def weak(F: float, A: float) -> float:
        return F / A if F > 2.0 else float("nan")

    ranges = {"F": Range(1.0, 100.0, "N"), "A": Range(1e-4, 1e-2, "m^2")}
    result = run(Plan(weak, "p", ranges, Budget(20), Tolerance(exponents=0.02)))
    (judged,) = result.pertinence
    assert judged.meaning.endswith("wherever a run gave an answer, F from 31.62 N to 100 N.")


@pytest.mark.parametrize("low", [True, False])
@pytest.mark.parametrize("first", ["k", "m"])
def test_a_constant_that_matters_at_one_end_of_the_ranges_shows(first: str, low: bool) -> None:
    @kernel(inputs={"k": "N/m", "m": "kg"}, outputs={"T": "s"}, version="1")
    def spring(k: float, m: float) -> float:
        clip = max if low else min
        k, m = (clip(k, 10.0), m) if first == "k" else (k, clip(m, 1.0))
        return float((m / k) ** 0.5)

    ranges = {"k": Range(1.0, 100.0, "N/m"), "m": Range(0.1, 10.0, "kg")}
    result = run(Plan(spring, "T", ranges, Budget(20), Tolerance(exponents=0.02)))
    assert result.outcome == "inconsistent"


def test_no_regime_is_answered_that_has_no_place_before_runs_fail() -> None:
    """Both laws are seen before runs fail, and the second one alone only beyond."""

    units = {"U": "m/s", "d": "mm", "mu": "Pa*s", "rho": "kg/m^3"}

    @kernel(inputs=units, outputs={"F": "mN"}, version="1")
    def drag(U: float, d: float, mu: float, rho: float) -> float:
        x = rho * U * d / mu
        return 9.42 * mu * U * d * (1.0 + 0.1875 * x) if x < 50.0 else float("nan")

    ends = {"U": (0.001, 0.1), "d": (0.1, 1.0), "rho": (500.0, 2000.0), "mu": (0.5, 1.0)}
    ranges = {name: Range(*ends[name], units[name]) for name in ends}
    result = run(Plan(drag, "F", ranges, Budget(30), Tolerance(exponents=0.03)))
    assert result.regimes
    for regime in result.regimes:
        assert regime.share > 0.0
        assert regime.where.count("pi_1") == 1


@pytest.mark.parametrize(("highest", "runs"), [(1.5, 1), (2.0, 2), (5.0, 3)])
def test_runs_without_an_answer_count_where_no_group_is_free(highest: float, runs: int) -> None:
    @kernel(inputs={"v": "m/s", "L": "m", "rho": "kg/m^3"}, outputs={"F": "N"}, version="1")
    def drag(v: float, L: float, rho: float) -> float:
        return rho * v**2 * L**2 if v <= highest else float("nan")

    ranges = {"v": Range(1.0, 9.0, "m/s"), "L": Range(1.0, 9.0, "m")}
    fixed: dict[str, tuple[float | str, str | None]] = {"rho": (1000.0, "kg/m^3")}
    result = run(Plan(drag, "F", ranges, Budget(10), Tolerance(exponents=0.05), fixed))
    (judged,) = result.pertinence
    assert judged.relevant == (runs > 1)
    assert "everywhere" not in judged.meaning
    assert "gave no answer: nothing is known there" in judged.why


def test_a_campaign_that_fails_from_the_start_ends_early_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(FitError, match="first 12 runs failed"):
        run(uptake_plan("tests.campaign.kernels:Broken"), tmp_path)
    told = (tmp_path / "decisions.txt").read_text(encoding="utf-8")
    assert told.splitlines()[-1].endswith("The last reason: OSError: no licence")
    with RunStore(tmp_path / STORE) as store:
        assert store.counts()["failed"] < 20


def test_the_result_is_written_from_python_too(tmp_path: Path) -> None:
    result = run(uptake_plan(budget=Budget(runs=6, coarse_runs=30)), tmp_path / "made")
    written = json.loads((tmp_path / "made" / "result.json").read_text(encoding="utf-8"))
    assert written == sealed(json.loads(json.dumps(plain(result.to_json()))))
    assert sorted(p.name for p in (tmp_path / "made").iterdir() if p.name[0] == ".") == []
    assert written["outcome"] == result.outcome
    assert written["runs"] == dict(result.runs)
    assert written["made"] == sum(result.runs.values())
    pertinence = written["pertinence"]
    assert {"relevant", "acceptability", "confidence", "meaning", "why"} <= pertinence.keys()
    assert written["confidence"] == pertinence["confidence"]
    assert set(written["domain"]) == {"groups", "columns", "held"}
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
