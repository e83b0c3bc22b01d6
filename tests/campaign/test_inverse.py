"""From points to inputs and back, and images of runs in other sizes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.campaign import Budget, Plan, Range, Tolerance
from dimgs.campaign.binding import bind
from dimgs.campaign.design import CampaignDesign
from dimgs.kernels import kernel
from tests.campaign.kernels import Rough
from tests.campaign.whole import run


def times(target: str, **more: object) -> Plan:
    given: dict[str, object] = {
        "kernel": "tests.campaign.kernels:Hidden",
        "target": target,
        "ranges": {name: Range(0.1, 100.0) for name in "abc"},
        "budget": Budget(runs=40),
        "tolerance": Tolerance(exponents=0.02),
        "report": "none",
    }
    return Plan(**(given | more))  # type: ignore[arg-type]


@given(st.integers(0, 100), st.integers(0, 63))
def test_an_image_has_the_same_groups_and_other_inputs(seed: int, number: int) -> None:
    design = CampaignDesign(bind(times("w")))
    inverse, space = design.region, design.binding.space
    z = design.pool[number]
    plain, image = inverse.logs(z), inverse.image(z, seed)
    assert plain is not None
    # near a corner of what the ranges reach there is none
    assert image is not None or np.abs(plain - space.centre).max() > 0.5 * space.half.max()
    if image is None:
        return
    assert np.allclose(space.coordinates(np.array([plain, image])), z, atol=1e-9)
    assert np.all(np.abs(image - space.centre) <= space.half * (1 + 1e-9))
    assert np.abs((image - plain) / space.half).max() >= 0.25


def test_where_the_groups_decide_the_inputs_there_is_no_image() -> None:
    design = CampaignDesign(
        bind(
            times("w", ranges={"a": Range(0.1, 100.0)}, fixed={"b": (1.0, None), "c": (2.0, None)})
        )
    )
    assert design.region.image(np.zeros(1), 0) is None


# seeds for which the run inside lies where some tangent explains it, among others
@pytest.mark.parametrize(("target", "seed"), [("y", 0), ("y", 1), ("y", 6), ("z", 0), ("z", 6)])
def test_a_hidden_constant_is_named_and_no_law_is_believed(target: str, seed: int) -> None:
    result = run(times(target, seed=seed))
    assert result.outcome == "inconsistent"
    assert any("a constant with a dimension is hidden" in note for note in result.warnings)
    assert not result.regimes
    assert not result.boundaries
    assert result.law is None


def test_an_input_in_no_group_reveals_a_hidden_constant() -> None:
    @kernel(inputs={"a": "1", "t": "s"}, outputs={"y": "1"}, version="1")
    def aging(a: float, t: float) -> float:
        return math.sqrt(a) * (1.0 + t / 100.0)

    @kernel(inputs={"a": "1", "t": "s"}, outputs={"y": "1"}, version="1")
    def steady(a: float, t: float) -> float:
        return math.sqrt(a)

    ranges = {"a": Range(1.0, 10.0), "t": Range(1.0, 1000.0, "s")}
    one, other = (
        run(Plan(k, "y", ranges, Budget(30), Tolerance(exponents=0.02), report="none"))
        for k in (aging, steady)
    )
    assert (one.outcome, other.outcome) == ("inconsistent", "confirmed")
    assert any("scales" in note for note in one.warnings)
    assert {e.name: e.value for e in other.regimes[0].every_exponent} == {
        "a": pytest.approx(0.5),
        "t": 0,
    }


def test_without_one_the_inputs_that_need_not_move_are_named() -> None:
    result = run(times("w"))
    assert result.outcome == "confirmed"
    assert not any("hidden" in note for note in result.warnings)
    slopes = {tuple(str(e.rational) for e in r.every_exponent) for r in result.regimes}
    assert slopes == {("2", "-2", "1"), ("2", "-1", "0")}


@pytest.mark.parametrize("seed", [13, 17, 22, 27])
def test_noise_that_is_not_declared_is_no_hidden_constant(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rough, "salt", seed)
    tolerance = Tolerance(exponents=0.05)
    plan = times("y", kernel="tests.campaign.kernels:Rough", tolerance=tolerance, seed=seed)
    result = run(plan)
    assert not any("hidden" in note for note in result.warnings)
