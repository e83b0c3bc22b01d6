"""Curves of runs: kept, reduced, and brought onto one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dimgs.campaign import Budget, Plan, Range, Tolerance
from dimgs.campaign.result import campaign_text, collapse, whole_curves
from dimgs.common.errors import InputError
from dimgs.hub import RunStore
from dimgs.kernels.diffusion import DiffusionCurves
from tests.campaign.whole import run

BATH = {"K": 1e-3, "h": 1.0, "A": 1e-8, "V": 1.0}


def early_plan(**more: Any) -> Plan:
    """How fast a thick film loses what it holds, while the front has not crossed it."""
    given: dict[str, Any] = {
        "kernel": "dimgs.kernels.diffusion:DiffusionCurves",
        "target": "CF",
        "tiers": ("medium",),
        "ranges": {"D": Range(1e-15, 1e-14), "t": Range(1e5, 1e6, "s"), "l": Range(0.5, 1.5, "mm")},
        "fixed": {n: (v, None) for n, v in {**BATH, "C0": 10.0}.items()},
        "budget": Budget(runs=20),
        "tolerance": Tolerance(exponents=0.02),
        "curves": {"profile": ("D", "t", "C0", "l")},
        "report": "none",
    }
    return Plan(**(given | more))


def test_a_campaign_keeps_its_curves_and_finds_their_similarity_variable(tmp_path: Path) -> None:
    # a coarse mesh misses a power law by more than its tolerance, and ends the campaign
    result = run(early_plan(tiers=("fine",)), tmp_path)
    assert result.outcome.is_answer
    (found,) = result.curves
    assert found.variable is not None
    assert str(found.variable.group) == "x·D^(-1/2)·t^(-1/2)"
    assert str(found.response.group) == "profile·C0⁻¹"
    assert found.quality > 0.999
    assert (tmp_path / "profile.svg").stat().st_size > 1000
    stored = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert stored["curves"][0]["collapses"]
    text = campaign_text(result)
    assert "curves 'profile'" in text
    assert "the curves collapse" in text
    with RunStore(tmp_path / "runs.sqlite") as store:
        records = store.records()
    for record in records:
        front = record.curves["profile"]
        assert (front.along, front.unit) == ("m", "kg/m^3")
        assert record.outputs["profile_max"][0] == pytest.approx(front.values.max())
        history = record.curves["history"]
        assert history.values[-1] == pytest.approx(record.outputs["CF"][0])


def test_crank_is_what_they_fall_onto() -> None:
    from scipy.special import erf

    draws = 10.0 ** np.random.default_rng(0).uniform([-15, 5, -3.2], [-14, 6, -3], (6, 3))
    runs = [
        DiffusionCurves().run({**BATH, "D": d, "t": t, "C0": 7.0, "l": l}, tier="medium")
        for d, t, l in draws
    ]
    found = collapse(runs, "profile", ["D", "t", "C0", "l"])
    x, y = found.points()
    assert y == pytest.approx(erf(x / 2.0), abs=0.02)


def early_runs(n: int, seed: int) -> list[Any]:
    draws = 10.0 ** np.random.default_rng(seed).uniform([-15, 5, -3.2], [-14, 6, -3], (n, 3))
    return [
        DiffusionCurves().run({**BATH, "D": d, "t": t, "C0": 7.0, "l": l}, tier="medium")
        for d, t, l in draws
    ]


def test_whole_curves_predict_the_curve_of_another_run() -> None:
    inputs = ["D", "t", "C0", "l"]
    found = whole_curves(early_runs(10, 0), "profile", inputs)
    (other,) = early_runs(1, 5)
    assert found.ordinate == "profile·C0⁻¹"
    group = {n: float(other.inputs[n][0]) for n in inputs}
    log_groups = [[g.log(group)[0] for g in found.groups.groups]]
    (said,) = found.model.curves(log_groups)
    front = other.curves["profile"]
    scale = np.prod([group[n] ** e for n, e in (("D", 0.5), ("t", 0.5))])
    unit = found.variable.removeprefix("x")
    along = front.at / scale if "t" in unit else front.at / group["l"]
    seen = np.interp(found.at, along, front.values / group["C0"])
    assert said == pytest.approx(seen, rel=0.1)
    document = found.to_json()
    assert len(document["at"]) == len(said)
    assert document["half_width"] < 0.2


def test_curves_of_all_targets_are_one_question() -> None:
    plan = early_plan(target=("CF", "profile_mean"), budget=Budget(runs=12))
    result = run(plan)
    (found,) = result.curves
    assert found.runs.max() + 1 == sum(result.others[-1].runs.values())
    assert not result.others[0].curves


def test_what_cannot_be_brought_onto_one_is_told() -> None:
    one = DiffusionCurves().run({**BATH, "D": 1e-14, "t": 1e4, "C0": 7.0, "l": 1e-3}, tier="coarse")
    with pytest.raises(InputError, match="no curve 'front'; it has profile, history"):
        collapse([one], "front", ["D"])
    with pytest.raises(InputError, match="no input 'g'"):
        collapse([one], "profile", ["g"])
    with pytest.raises(InputError, match="no runs"):
        collapse([], "profile", ["D"])
    result = run(early_plan(curves={"front": ("D", "t")}))
    assert any("'front' were not brought onto one" in w for w in result.warnings)
