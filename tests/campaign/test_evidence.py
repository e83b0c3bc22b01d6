"""What runs say of steps, noise, tiers, failures and constants, in whole campaigns."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dimgs.campaign import Budget, Plan, Range, Tolerance
from dimgs.campaign.answers import exponents_of
from dimgs.campaign.campaign import STORE
from dimgs.campaign.plan import Region, bind
from dimgs.campaign.result import campaign_text
from dimgs.hub import RunStore
from dimgs.kernels.base import Tier
from tests.campaign.kernels import Uptake, drag_plan, uptake_plan
from tests.campaign.whole import holds, places, run


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


def test_laws_that_were_not_predicted_yet_do_not_meet_a_tolerance() -> None:
    few = {"tiers": ("fine",), "tolerance": Tolerance(exponents=0.02)}
    short = run(uptake_plan(budget=Budget(runs=8), **few))
    assert short.outcome == "budget"
    assert all(r.where != "True" for r in short.regimes)
    # as long as runs follow no law, nothing is said of them
    assert not run(uptake_plan(budget=Budget(runs=6), **few)).regimes
    # runs that are left are predicted
    longer = run(uptake_plan(budget=Budget(runs=20), **few))
    assert longer.outcome == "confirmed"
    assert len(longer.regimes) == 2


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
    assert result.outcome == "confirmed"
    assert sum(result.runs.values()) <= bind(plan).space.rank + 6
    (regime,) = result.regimes
    assert [str(e.rational) for e in regime.exponents] == ["-1", "1", "3", "-1", "-3"]
    assert result.further.startswith("The widest interval is")
    assert "no step above 2.0%" in result.unseen


@pytest.mark.parametrize("shift", [10.0, 2.0, 1.0])
def test_a_coarse_tier_whose_border_lies_elsewhere_is_left_aside(shift: float) -> None:
    kernel = Uptake()
    kernel.tiers = (
        Tier("coarse", 0.01, {"bias": 0.05, "shift": shift}),
        Tier("fine", 1.0, {"bias": 0.0}),
    )
    result = run(uptake_plan(kernel, budget=Budget(runs=60)))
    assert result.outcome == "confirmed"
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
    assert result.outcome == "confirmed"
    assert sum(result.runs.values()) == 3
    (regime,) = result.regimes
    assert [str(e.rational) for e in regime.exponents] == ["-1/2", "1/2"]
    assert regime.prefactor is not None
    assert regime.prefactor.value == pytest.approx(2 * np.pi)
    hidden = run(replace(plan, kernel="tests.campaign.kernels:Friction"))
    assert hidden.outcome not in ("confirmed", "predicts")
    # runs that gave no answer are made nearer to the centre
    brittle = run(replace(plan, kernel="tests.campaign.kernels:Brittle"))
    assert brittle.outcome == "confirmed"
    assert brittle.counts["failed"] == 3
    assert sum(brittle.runs.values()) == 6


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
    assert result.outcome == "confirmed"
    assert any(e["decision"] == "replicate" for e in result.log)
    for e, truth in zip(regime.exponents, (2.0, -1.0), strict=True):
        assert abs(e.value - truth) < 2 * (e.high - e.low) / 2


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
    # the last run of a law before the step is one of its runs
    assert result.dataset is not None
    assert sum(n for r in result.regimes for n in r.runs.values()) == result.dataset.n_runs


def test_laws_whose_runs_lie_among_each_other_are_no_answer() -> None:
    result = run(drag_plan("Moody"))
    claimed = places(result, drag_plan("Moody"))
    assert claimed.sum(axis=0).max(initial=0) <= 1
    if len(result.regimes) > 1:
        assert not any(p.relevant for p in result.pertinence)
        assert "no monomial of the groups says where" in result.pertinence[0].meaning
    assert result.outcome not in ("confirmed", "predicts")


def test_where_runs_failed_nothing_is_claimed() -> None:
    plan = drag_plan("Choking")
    result = run(plan)
    (regime,) = result.regimes
    (judged,) = result.pertinence
    assert result.dataset is not None
    assert sum(regime.runs.values()) == result.dataset.n_runs
    assert "everywhere" not in judged.meaning
    assert "gave no answer: nothing is known there" in judged.why
    assert "of the ranges where runs gave an answer;" in judged.why
    space = bind(plan).space
    z = Region(space).fill(512, 7)
    names = [g.name for g in space.basis.groups]
    reynolds = -np.log(1e-5) + space.centre.sum() + z @ space.transform @ space.half
    inside = holds(regime.where, names, space.log_groups(z))
    assert inside.any()
    assert np.all(reynolds[inside] < np.log(3e4))


def test_an_input_that_need_not_move_has_no_exponent() -> None:
    ranges = {"k": Range(1e-6, 1.0), "t": Range(1e-2, 1e5), "c": Range(1.0, 2.0)}
    result = run(uptake_plan(ranges=ranges))
    assert result.not_varied == ("c",)
    assert len(result.regimes) == 2
    for regime, judged in zip(result.regimes, result.pertinence, strict=True):
        assert [e.name for e in regime.exponents] == ["k", "t"]
        assert [(e.name, str(e.rational)) for e in regime.implied] == [("c", "1")]
        assert [e.name for e in regime.every_exponent] == ["c", "k", "t"]
        assert not re.search(r"\bc\b", judged.meaning.removesuffix(" at the same c."))
    document = result.to_json()["regimes"][0]
    assert [e["name"] for e in document["exponents"]] == ["k", "t"]
    assert "c 1 (by dimensions, not fitted)" in campaign_text(result)
    # runs that test the dimensions vary it
    assert len({a["inputs"]["c"] for a in result.log if "inputs" in a}) > 1


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


@pytest.mark.parametrize(
    ("value", "half", "told"),
    [
        # the exponent of a chain in a good solvent is not that of a mean field
        (0.588, 0.0005, None),
        (0.597, 0.0005, "3/5"),
        (0.588, 0.008, "3/5"),
    ],
)
def test_an_exponent_is_rational_only_where_it_is_close(
    value: float, half: float, told: str | None
) -> None:
    binding = bind(uptake_plan(tolerance=Tolerance(exponents=0.02)))
    space = binding.space
    slope = np.linalg.pinv(space.exponent_map[:1]) @ (value - space.offset[:1])
    law = SimpleNamespace(slope=slope, half_widths=lambda rows, _: np.full(len(rows), half))
    first = exponents_of(binding, law)[0]  # type: ignore[arg-type]
    assert first.value == pytest.approx(value)
    assert (None if first.rational is None else str(first.rational)) == told


def seeded_plan(runs: int) -> Plan:
    ranges = {"a": Range(1.0, 100.0), "b": Range(1.0, 100.0)}
    tolerance, kernel = Tolerance(exponents=0.02), "tests.campaign.kernels:Seeded"
    return Plan(kernel, "y", ranges, Budget(runs), tolerance, report="none")


FORECAST = r"about (\d+) to (\d+) more until"


def test_what_noise_takes_is_foretold_from_the_runs_that_there_are() -> None:
    for runs, is_known in ((8, False), (14, True)):
        result = run(seeded_plan(runs))
        assert result.outcome == "budget"
        assert not any("scatter" in warning for warning in result.warnings)
        # nothing is foretold before replicates have shown the noise
        assert (re.search(FORECAST, result.further) is not None) == is_known


def test_a_budget_that_was_too_small_says_how_many_runs_it_lacks() -> None:
    small = run(seeded_plan(14))
    assert small.outcome == "budget"
    found = re.search(FORECAST, small.further)
    assert found is not None
    least, most = map(int, found.groups())
    assert run(seeded_plan(14 + least // 2)).outcome == "budget"
    enough = run(seeded_plan(14 + most))
    assert enough.outcome == "confirmed"
    assert sum(enough.runs.values()) >= 14 + least
