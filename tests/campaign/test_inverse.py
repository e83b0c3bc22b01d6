"""From points to inputs and back, and images of runs in other sizes."""

import hashlib
import math
from collections.abc import Callable
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.campaign import Budget, CampaignResult, Plan, Range, Tolerance
from dimgs.campaign.answers import Answers
from dimgs.campaign.plan import CampaignDesign, CampaignRun, CampaignRuns, bind
from dimgs.campaign.regimes import FittedLaw
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


def small_effect(size: float) -> Plan:
    """A law that misses by a factor of the length alone, which the groups of the ranges follow."""

    @kernel(inputs={"rho": "kg/m^3", "U": "m/s", "D": "m", "mu": "Pa*s"}, outputs={"F": "N"})
    def drag(rho: float, U: float, D: float, mu: float) -> float:
        stokes = 3.0 * mu * U * D
        return float(stokes * (rho * U * D / mu) ** 0.25 * (1.0 + size * D))

    ranges = {
        "rho": Range(1.0, 1000.0, "kg/m^3"),
        "U": Range(1.0, 20.0, "m/s"),
        "D": Range(0.01, 1.0, "m"),
        "mu": Range(1e-5, 1e-3, "Pa*s"),
    }
    return Plan(drag, "F", ranges, Budget(40), Tolerance(exponents=0.02), report="none")


def test_an_effect_of_size_that_the_groups_almost_follow_is_named() -> None:
    result = run(small_effect(0.06))
    assert result.outcome == "inconsistent"
    assert any("equal groups that differ in D" in note for note in result.warnings)


def test_what_a_law_misses_runs_by_that_repeat_themselves_widens_its_intervals() -> None:
    exact, mesh = (run(small_effect(size)) for size in (0.0, 0.004))
    assert (exact.outcome, mesh.outcome) == ("confirmed", "confirmed")
    for result, least in ((exact, 0.0), (mesh, 1e-4)):
        (regime,) = result.regimes
        (F,) = [e for e in regime.exponents if e.name == "D"]
        assert F.low - 1e-6 <= 1.25 <= F.high + 1e-6
        assert (F.high - F.low) / 2.0 > least
        assert (F.high - F.low) / 2.0 < 0.02
        constant = regime.prefactor
        assert constant is not None
        assert constant.low is not None
        assert constant.high is not None
        # the middle of the sizes, by which the constant is off, and the law itself
        assert constant.low * (1 - 1e-6) <= 3.0 <= constant.high * (1 + 1e-6)
    (regime,) = mesh.regimes
    assert regime.law is not None
    assert regime.law.uncertainty.residual_sd > 1e-4


def entry_length() -> CampaignResult:
    """Of laminar flow whose drop of pressure grows with the diameter over a length inside."""

    @kernel(inputs={"U": "m/s", "D": "mm", "nu": "mm^2/s", "rho": "kg/m^3"}, outputs={"dp": "Pa/m"})
    def pipe(U: float, D: float, nu: float, rho: float) -> float:
        return 64.0 / (U * D * 1e3 / nu) * rho * U**2 / 2.0 / (D / 1e3) * (1.0 + D / 300.0)

    ranges = {
        "U": Range(0.01, 10.0, "m/s"),
        "D": Range(5.0, 100.0, "mm"),
        "nu": Range(0.5, 5.0, "mm^2/s"),
        "rho": Range(800.0, 1200.0),
    }
    tolerance = Tolerance(exponents=0.02)
    return run(Plan(pipe, "dp", ranges, Budget(60), tolerance, scales="auto", report="none"))


@pytest.mark.parametrize("campaign", [lambda: run(small_effect(0.004)), entry_length])
def test_what_was_reached_is_that_of_the_widest_interval_of_the_answer(
    campaign: Callable[[], CampaignResult],
) -> None:
    result = campaign()
    widest = max(r.tested.half_width for r in result.regimes) / 0.02
    assert f"The widest interval is {widest:.3g} times its tolerance." in result.further
    answered = all(p.acceptability == 1.0 for p in result.pertinence)
    assert answered == result.outcome.is_answer
    # a question that is open is named, whatever the intervals are
    assert answered == result.further.startswith("The widest interval")


def test_replicates_that_agree_do_not_dilute_the_scatter_of_those_that_differ() -> None:
    runs = CampaignRuns(rank=1)
    for log, y in ((0.0, 1.0), (1e-9, 1.2), (2.0, 3.0), (2.0 + 1e-9, 3.0), (2.0 - 1e-9, 3.0)):
        runs.add(CampaignRun(np.zeros(1), 0, y, logs=np.array([log, -log])))
    square, freedom = runs.scatter(0)
    assert (round(square, 12), freedom, runs.repeated(0)) == (0.02, 1, 3)


def scattering(digits: int, salt: str = "") -> CampaignResult:
    """Of a boundary layer with 4 % of scatter, the same for inputs of equal digits."""

    @kernel(inputs={"v": "m/s", "L": "m", "nu": "m^2/s"}, outputs={"d": "mm"})
    def layer(v: float, L: float, nu: float) -> float:
        text = salt + ",".join(f"{x:.{digits}g}" for x in (v, L, nu))
        share = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32
        return float(5e3 * (nu * L / v) ** 0.5 * np.exp(0.04 * 12**0.5 * (share - 0.5)))

    ranges = {"v": Range(0.1, 10.0), "L": Range(1.0, 100.0, "cm"), "nu": Range(1e-6, 1e-4)}
    tolerance, budget = Tolerance(exponents=0.05), Budget(runs=40)
    return run(Plan(layer, "d", ranges, budget=budget, tolerance=tolerance, report="none"))


def test_scatter_that_some_replicates_repeat_leaves_the_truth_in_every_interval() -> None:
    (regime,) = scattering(9).regimes
    for e in regime.exponents:
        assert e.low <= (-0.5 if e.name == "v" else 0.5) <= e.high


def test_a_regime_is_no_surer_than_its_law_where_that_is_doubted() -> None:
    result = scattering(17, "6")
    (regime,), (judged,) = result.regimes, result.pertinence
    assert regime.fit is not None
    probability = regime.fit.verdict.probability
    assert probability is not None
    assert probability < 0.5
    assert judged.confidence == probability
    assert judged.why.endswith(f"Its law is not confirmed. {regime.fit.verdict.why_not[0]}")


def test_two_laws_of_equal_exponents_may_meet() -> None:
    space = bind(times("y")).space
    rationals = [[Fraction(1, 2)] * len(space.names)] * 2
    rows = np.zeros(0, dtype=np.intp)
    flat = np.zeros(space.rank + 1)
    laws = [
        FittedLaw(flat + x, rows, np.zeros((len(flat), len(flat))), 1.0, 1.0, flat)
        for x in (0.0, 0.1)
    ]
    answers: Any = SimpleNamespace(space=space, rationals=rationals)
    answers.model = SimpleNamespace(laws=laws)
    border: Any = SimpleNamespace(monomial=None, below=0, above=1, sign=1.0)
    monomial, _, growth = Answers._monomial(answers, border)
    assert any(monomial)
    assert np.isfinite(growth)


def meshed(budget: int) -> CampaignResult:
    """Of a boundary layer whose mesh follows its inputs in steps, and scatters by up to 7 %."""

    @kernel(inputs={"v": "m/s", "L": "m", "nu": "m^2/s"}, outputs={"d": "m"})
    def layer(v: float, L: float, nu: float) -> float:
        mesh = round(20.0 * math.log(v * L / nu))
        share = int(hashlib.sha256(f"20,{mesh}".encode()).hexdigest()[:8], 16) / 2**32
        return float(5.0 * math.sqrt(nu * L / v) * math.exp(0.14 * (share - 0.5)))

    ranges = {"v": Range(0.1, 10.0), "L": Range(1.0, 100.0, "cm"), "nu": Range(1e-6, 1e-4)}
    plan = Plan(layer, "d", ranges, Budget(budget), Tolerance(exponents=0.05), report="none")
    return run(plan)


def test_few_runs_that_agree_by_chance_among_others_are_no_regime() -> None:
    (judged,) = (p for p in meshed(14).pertinence if "by chance" in p.meaning)
    assert not judged.relevant


def test_no_run_is_made_beside_another_one() -> None:
    chosen = ("support", "inside", "corner", "probe", "fill", "border", "check")
    made = [e["groups"] for e in meshed(30).log if e["decision"] in chosen and e["key"]]
    logs = np.log([list(groups.values()) for groups in made])
    apart = np.abs(logs[:, None] - logs[None]).max(axis=2)[np.triu_indices(len(logs), 1)]
    # a group that reaches over six decades
    assert len(apart)
    assert apart.min() > 1e-3


def test_runs_that_follow_no_law_have_none() -> None:
    @kernel(inputs={"U": "m/s", "d": "m", "nu": "m^2/s"}, outputs={"q": "m^2/s"})
    def wavy(U: float, d: float, nu: float) -> float:
        re = U * d / nu
        return float(nu * math.sqrt(re) * (1.0 + 0.3 * math.sin(3.0 * math.log(re))))

    ranges = {"U": Range(0.01, 10.0), "d": Range(1.0, 100.0, "mm"), "nu": Range(1e-6, 1e-4)}
    plan = Plan(wavy, "q", ranges, Budget(40), Tolerance(exponents=0.02), report="none")
    result = run(plan)
    grades = [p for p in result.pertinence if p.answer.startswith("regime")]
    assert not any(p.relevant for p in grades)
    # what some runs follow is no law of all of them
    assert result.law is None
    assert all(r.law is not None and r.law.confirmed is False for r in result.regimes)


def test_the_same_inputs_again_are_replicates_and_other_inputs_of_equal_groups_are_not() -> None:
    runs = CampaignRuns(rank=1)
    for log, y in ((0.0, 1.0), (1e-9, 1.2), (2.0, 3.0), (2.0 + 1e-9, 3.2)):
        runs.add(CampaignRun(np.zeros(1), 0, y, logs=np.array([log, -log])))
    square, freedom = runs.scatter(0)
    assert (round(square, 12), freedom) == (0.04, 2)
    assert runs.unequal(np.zeros(1), 0, ("a", "b")) == ("a", "b")


@pytest.mark.parametrize("number", range(8))
def test_an_image_moves_every_input_that_it_may(number: int) -> None:
    design = CampaignDesign(bind(small_effect(0.0)))
    z = 0.4 * design.pool[number]
    plain, image = design.region.logs(z), design.region.image(z, 0)
    assert plain is not None
    assert image is not None
    assert np.abs((image - plain) / design.binding.space.half).min() > 0.1


def test_runs_that_follow_no_law_are_tested_for_a_constant_before_the_budget_is_spent() -> None:
    @kernel(inputs={"E": "GPa", "b": "mm", "L": "mm", "P": "N"}, outputs={"d": "mm"}, version="1")
    def beam(E: float, b: float, L: float, P: float) -> float:
        second = (b / 1e3) ** 4 / 12.0
        weight = 4000.0 * 9.81 * (b / 1e3) ** 2
        length, modulus = L / 1e3, E * 1e9
        return float(1e3 * (P * length**3 / 3.0 + weight * length**4 / 8.0) / (modulus * second))

    ranges = {
        "E": Range(1.0, 200.0, "GPa"),
        "b": Range(5.0, 20.0, "mm"),
        "L": Range(0.1, 1.0, "m"),
        "P": Range(1.0, 100.0, "N"),
    }
    result = run(Plan(beam, "d", ranges, Budget(60), Tolerance(exponents=0.02), report="none"))
    assert result.outcome == "inconsistent"
    assert sum(result.runs.values()) < 40
