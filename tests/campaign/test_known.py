"""Campaigns that start from runs and laws that exist elsewhere."""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dimgs
from dimgs.campaign import CampaignResult, KnownLaw, KnownRun, Range
from dimgs.campaign.campaign import records_in
from dimgs.campaign.known import PriorRuns, every_known
from dimgs.campaign.plan import CampaignDesign, bind
from dimgs.common.errors import InputError
from dimgs.kernels.record import RunRecord, Status
from dimgs.kernels.registry import load_kernel
from tests.campaign.kernels import Uptake, drag_plan, uptake_plan
from tests.campaign.whole import run

Curve = Callable[[Any], Any]


def saturating(x: Any) -> Any:
    return 2.0 * x / (1.0 + x)


def table(path: Path, curve: Curve = saturating, n: int = 30, seed: int = 1) -> Path:
    """Runs in other units, at times and rates drawn from the ranges of the plan."""
    rng = np.random.default_rng(seed)
    k, t = 10.0 ** rng.uniform(-6, 0, n), 10.0 ** rng.uniform(-2, 5, n)
    rows = [f"{a},{b / 60.0},{m}" for a, b, m in zip(k, t, curve(k * t), strict=True)]
    path.write_text("\n".join(["k [1/s],t [min],m [g/L]", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[CampaignResult, Path]:
    folder = tmp_path_factory.mktemp("before")
    return run(uptake_plan(), folder), folder


def rationals(result: CampaignResult) -> set[tuple[str, ...]]:
    return {tuple(str(e.rational) for e in r.every_exponent) for r in result.regimes}


def told(result: CampaignResult) -> list[str]:
    return [str(o["told"]) for o in result.origins]


def test_runs_that_the_plan_asks_for_count_as_made(
    done: tuple[CampaignResult, Path], tmp_path: Path
) -> None:
    before, folder = done
    result = run(uptake_plan(), tmp_path / "after", known=folder)
    assert result.counts["made"] == 0
    assert result.counts["elsewhere"] == before.counts["made"]
    assert set(result.runs.values()) == {0}
    assert [r.to_json() for r in result.regimes] == [r.to_json() for r in before.regimes]
    assert result.to_json()["boundaries"] == before.to_json()["boundaries"]
    # the folder is complete in itself
    again = run(uptake_plan(), tmp_path / "after", resume=True)
    assert again.counts["made"] == 0


@pytest.mark.parametrize("case", ["alone", "known", "resumed", "other ranges", "retried"])
def test_every_run_is_counted_once(
    case: str, done: tuple[CampaignResult, Path], tmp_path: Path
) -> None:
    """The folder, and so a hub that keeps it, holds the runs made now, known before, or reused."""
    folder, plan, more = tmp_path / "runs", uptake_plan(), dict[str, Any]()
    if case == "resumed":
        shutil.copytree(done[1], folder)
        more = {"resume": True}
    if case == "other ranges":
        plan = replace(plan, ranges={**plan.ranges, "k": Range(1e-5, 0.1, "1/s")})
    if case in ("known", "other ranges"):
        more = {"known": done[1]}
    if case == "retried":
        plan = drag_plan("Stopping")
    result = run(plan, folder, **more)
    counts = result.counts
    held = counts["made"] + counts["known"] + counts["elsewhere"] - counts["evidence"]
    assert held == len(records_in(folder))
    paid = held - (counts["elsewhere"] - counts["evidence"])
    assert sum(result.runs.values()) == paid
    assert sum(o["used"] for o in result.origins) == counts["elsewhere"]
    assert (case == "retried") == bool(counts["failed"])


def test_other_ranges_take_over_what_lies_in_them(done: tuple[CampaignResult, Path]) -> None:
    before, folder = done
    plan = uptake_plan()
    plan = replace(plan, ranges={**plan.ranges, "k": Range(1e-5, 0.1, "1/s")})
    plain, result = run(plan), run(plan, known=[folder / "runs.sqlite"])
    assert result.outcome == "confirmed"
    assert rationals(result) == rationals(plain) == rationals(before)
    assert 0 < result.counts["made"] <= 2 * plain.counts["made"] // 3
    assert " beside them" in told(result)[0]


def test_runs_beside_the_ranges_inform_laws_that_predicted_runs_confirm(tmp_path: Path) -> None:
    plan = replace(
        uptake_plan(), ranges={"k": Range(1e-6, 1e-3, "1/s"), "t": Range(0.01, 1.0, "s")}
    )
    beside = table(tmp_path / "beside.csv", n=60)
    plain, result = run(plan), run(plan, known=[beside])
    assert rationals(result) == rationals(plain) == {("1", "1")}
    assert result.counts["made"] < plain.counts["made"]
    # what holds beside the ranges alone is predicted inside of them, and found wrong
    odd = table(tmp_path / "odd.csv", lambda x: np.where(x > 1e-3, 3.0 * x, 2.0 * x), n=60)
    wrong = run(plan, known=[odd])
    assert rationals(wrong) == {("1", "1")}
    assert wrong.counts["made"] <= plain.counts["made"] + 2


def test_a_campaign_from_known_runs_goes_on_as_it_began(
    done: tuple[CampaignResult, Path], tmp_path: Path
) -> None:
    plan = replace(uptake_plan(), ranges={"k": Range(1e-5, 0.1), "t": Range(0.01, 1e5, "s")})
    first = run(plan, tmp_path / "a", known=done[1])
    again = run(plan, tmp_path / "a", known=done[1], resume=True)
    assert again.counts["made"] == 0
    decided = [[e for e in r.log if e["decision"] != "start"] for r in (first, again)]
    assert [e["reason"] for e in decided[0]] == [e["reason"] for e in decided[1]]
    assert again.to_json()["regimes"] == first.to_json()["regimes"]


@pytest.mark.parametrize("n", [30, 100])
def test_a_table_that_predicts_new_runs_is_used(n: int, tmp_path: Path) -> None:
    path = table(tmp_path / "notebook.csv", n=n)
    result = run(uptake_plan(), known=[path])
    assert result.outcome == "confirmed"
    assert rationals(result) == {("1", "1"), ("0", "0")}
    assert result.runs["coarse"] == 0
    assert result.runs["fine"] <= 6
    assert result.origins[0]["used"] == result.counts["elsewhere"] == n
    assert "2 runs were as predicted" in told(result)[0]
    assert sum(r.to_json()["n"] for r in result.regimes) > n / 2
    text = json.dumps(result.to_json()["from"])
    assert "notebook.csv" in text


@pytest.mark.parametrize(
    ("curve", "why"),
    [
        (lambda x: 1.3 * saturating(x), "predicted from them miss"),
        (lambda x: saturating(x) * 10.0 ** (0.3 * np.sin(1e5 * x)), "too few, or scatter too much"),
        (lambda x: 2.0 * x**0.8 / (1.0 + x**0.8), "predicted from them miss"),
    ],
)
def test_what_does_not_hold_costs_two_runs_at_most(curve: Curve, why: str, tmp_path: Path) -> None:
    plain = run(uptake_plan())
    result = run(uptake_plan(), known=[table(tmp_path / "wrong.csv", curve)])
    assert result.outcome == "confirmed"
    assert rationals(result) == rationals(plain)
    assert result.counts["made"] <= plain.counts["made"] + 2
    assert result.counts["elsewhere"] == 0
    assert why in told(result)[0]


def test_a_law_is_evidence_where_it_holds(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    k, t = 10.0 ** rng.uniform(-6, 0, 20), 10.0 ** rng.uniform(-2, 0, 20)
    early = {"k [1/s]": k, "t [s]": t, "c [kg/m^3]": np.full(20, 2.0)}
    law = dimgs.fit({**early, "m [kg/m^3]": 2.0 * k * t}, "m").law
    plan = replace(uptake_plan(), ranges={"k": Range(1e-6, 1e-3), "t": Range(0.01, 1.0, "s")})
    plain, result = run(plan), run(plan, known=[KnownLaw(law, "earlier work")])
    assert rationals(result) == rationals(plain) == {("1", "1")}
    assert result.counts["made"] < plain.counts["made"]
    wrong = dimgs.fit({**early, "m [kg/m^3]": 3.0 * k * t}, "m").law
    wrong.to_json(tmp_path / "wrong.json")
    doubted = run(plan, known=tmp_path / "wrong.json")
    assert rationals(doubted) == {("1", "1")}
    assert doubted.counts["made"] <= plain.counts["made"] + 2
    assert "miss" in told(doubted)[0]


def known(values: dict[str, tuple[Any, str]], status: Status = Status.OK) -> KnownRun:
    return KnownRun(RunRecord("other", "", values, {"m": (1.0, "kg/m^3")}, status, key=""), "x")


@settings(max_examples=30)
@given(st.floats(1e-5, 0.9), st.floats(1e-6, 1e3))
def test_a_run_lies_where_its_groups_say(k: float, factor: float) -> None:
    one = known({"k": (k, "1/s"), "t": (10.0, "s"), "c": (2.0, "kg/m^3")})
    # only the product matters, also beyond the range of each
    other = known({"k": (k * factor * 60.0, "1/min"), "t": (10.0 / factor, "s")})
    placed = PriorRuns([one, other], CampaignDesign(bind(uptake_plan()))).evidence
    assert placed[0].z == pytest.approx(placed[1].z, abs=1e-6)
    assert placed[0].y == pytest.approx(placed[1].y, abs=1e-9)


@pytest.mark.parametrize(
    ("run_", "why"),
    [
        (known({"t": (1.0, "s")}), "it has no 'k'"),
        (known({"k": (1.0, "m"), "t": (1.0, "s")}), "The input 'k' is in 'm'"),
        (known({"k": (-1.0, "1/s"), "t": (1.0, "s")}), "its 'k' has no logarithm"),
        (known({"k": (1e30, "1/s"), "t": (1e30, "s")}), "far outside the ranges"),
        (known({"k": (1.0, "1/s"), "t": (1.0, "s")}, status=Status.FAILED), "it failed"),
    ],
)
def test_why_a_run_says_nothing_is_told(run_: KnownRun, why: str) -> None:
    found = PriorRuns([run_], CampaignDesign(bind(uptake_plan())))
    assert not found.evidence
    assert not found.exact
    assert why in str(found.origins["x"]["told"])


def test_rows_that_are_left_aside_are_named(tmp_path: Path) -> None:
    (path := tmp_path / "some.csv").write_text(
        "k [1/s],t [s],m [g/L]\n0.1,1,0.3\n0.2,2,-1\n0.3,3,0\n1e30,1e30,1\n"
    )
    binding = bind(uptake_plan())
    (origin,) = PriorRuns(every_known(path, binding), CampaignDesign(binding)).origins.values()
    assert "2 are left aside (rows 2, 3): its 'm' has no logarithm, so correct" in origin["told"]
    assert "1 is left aside (row 4): its groups lie far outside" in origin["told"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("k [1/s],t [s]\n1,2\n2,3\n", "no column 'm'"),
        ("k [1/s],m [kg/m^3]\n1,2\n2,3\n", "no column 't'"),
        (
            "k [1/s],t [m],m [kg/m^3]\n1,2,3\n2,3,4\n",
            "odd.csv: The input 't' is in 'm' .* its port is in 's'",
        ),
    ],
)
def test_a_table_of_something_else_is_refused(content: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=why):
        run(uptake_plan(), known=path)
    with pytest.raises(InputError, match="There is no"):
        run(uptake_plan(), known=tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="no known run"):
        run(uptake_plan(), known=[3])


@pytest.mark.parametrize("headers", ["k [1/s],t,m [kg/m^3]", "k (1/s),t (s),m (kg/m^3)"])
def test_the_units_that_a_message_asks_for_can_be_given(headers: str, tmp_path: Path) -> None:
    path, plan = tmp_path / "known.csv", uptake_plan()
    path.write_text(f"{headers}\n0.1,2,0.3\n0.2,3,0.5\n")
    with pytest.raises(InputError, match=r"known\.units\.json with") as caught:
        every_known(path, bind(plan))
    units = re.search("{.*}", str(caught.value))
    assert units is not None
    path.with_suffix(".units.json").write_text(units[0].replace('"1"', '"s"'))
    assert len(every_known(path, bind(plan))) == 2


def test_any_iterable_of_known_runs_will_do(done: tuple[CampaignResult, Path]) -> None:
    kernel = load_kernel(Uptake())
    records: Sequence[RunRecord] = [
        kernel.run({"k": k, "t": t}, tier="fine")
        for k, t in 10.0 ** np.random.default_rng(3).uniform([-6, -2], [0, 5], (24, 2))
    ]
    strange = [replace(r, key="", kernel="their own") for r in records]
    for made, how in ((records, "count as made"), (strange, "as predicted")):
        result = run(uptake_plan(), known=(KnownRun(r, "the hub") for r in made))
        assert rationals(result) == rationals(done[0])
        assert result.counts["elsewhere"] == 24
        assert how in told(result)[0]
        assert result.counts["made"] < done[0].counts["made"]
