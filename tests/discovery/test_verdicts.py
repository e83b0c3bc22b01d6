"""`fit`, `discover` and their reports give one verdict on one law."""

import pickle
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dimgs
from case_studies.benchmarks.verdicts import contradict, of_discover, of_fit, table
from dimgs.discovery.diagnostics import open_inputs
from dimgs.discovery.discover import discover_with, fit_with
from dimgs.discovery.options import Options
from dimgs.engines.protocol import Clock
from dimgs.judgement.confirmation import PROBABLE, SHORT_SEARCH, LawFacts, conclude
from dimgs.report.findings import NOT_JUDGED
from dimgs.report.plain_text import fit_text
from dimgs.report.results import fit_document
from tests.planted import planted


@pytest.mark.parametrize(
    ("law", "runs", "noise"),
    [("drag", 24, 0.1), ("stokes", 24, 0.2), ("pipe_heat", 24, 0.02), ("sphere_heat", 24, 0.2)],
)
def test_fit_and_discover_do_not_contradict_each_other(law: str, runs: int, noise: float) -> None:
    data, target = table(law, runs, noise)
    assert not contradict(of_fit(data, target), of_discover(data, target))


def rotor(seed: int, spread: float, power: float) -> dimgs.Dataset:
    """Power of a rotor, which depends on an efficiency that varies by a factor, or does not."""
    rng = np.random.default_rng(seed)
    speed, diameter = rng.uniform(4.0, 10.0, 16), rng.choice([1.0, 2.0], 16)
    share = 0.35 * np.exp(spread * rng.uniform(-0.5, 0.5, 16))
    noise = np.exp(0.03 * rng.standard_normal(16))
    columns = {"U [m/s]": speed, "D [m]": diameter, "rho [kg/m^3]": np.full(16, 1.2)}
    columns |= {
        "eff [%]": 100 * share,
        "P [W]": 0.4 * share**power * diameter**2 * speed**3 * noise,
    }
    return dimgs.Dataset.from_columns(columns)


@settings(max_examples=10)
@given(
    st.integers(0, 1000), st.sampled_from([0.05, 0.2, 2.0]), st.sampled_from([-0.5, 0.0, 0.2, 1.0])
)
def test_an_input_is_open_where_the_interval_of_its_exponent_holds_zero(
    seed: int, spread: float, power: float
) -> None:
    data = rotor(seed, spread, power)
    result = fit_with(data, "P", Options())
    (eff,) = (e for e in result.variable_exponents if e.name == "eff")
    names = ("eff",) if eff.rational is None and eff.low < 0 < eff.high else ()
    assert open_inputs(result.law, data) == names


def test_a_law_with_an_input_that_may_play_no_part_is_not_confirmed() -> None:
    asked: Any = {"engine": "structured", "evaluations": 60}
    narrow, wide = rotor(0, 0.1, 0.0), rotor(0, 2.0, 1.0)
    doubted, sure = (dimgs.discover(data, "P", **asked) for data in (narrow, wide))
    assert not doubted.confirmed
    (why,) = (text for text in doubted.why_not if "depends on eff" in text)
    assert "--drop eff" in why
    assert sure.confirmed
    assert "eff" in str(sure.law)
    # the remedy that is named
    assert dimgs.discover(narrow, "P", drop="eff", **asked).confirmed


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("law", ["friction", "drag", "droplet", "deep_beam", "rotor"])
def test_fit_and_discover_do_not_contradict_each_other_on_more_tables(
    law: str, noise: float
) -> None:
    data, target = table(law, 60, noise, seed=1)
    assert not contradict(of_fit(data, target), of_discover(data, target))


def test_a_power_law_that_hides_in_noise_is_not_confirmed() -> None:
    data, target = table("drag", 60, 0.1)
    result = fit_with(data, target, Options())
    document = fit_document(result)
    assert not document["confirmed"]
    assert document["probability"] is not None
    assert document["probability"] < SHORT_SEARCH[0]
    assert any("below 90 %" in text for text in document["why_not"])
    text = fit_text(result)
    assert "Posterior: " in text
    assert "Not confirmed." in text
    page = discover_with(data, target, Options(engine="power_law"))
    assert "</span> Confirmed" not in page.to_html()
    assert page.probability == document["probability"]
    assert tuple(document["why_not"]) == page.why_not


def test_a_true_power_law_is_confirmed_and_its_probability_stands_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # figures would take most of the time
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: [])
    data, target = table("pipe_heat", 24, 0.005)
    few = Options(engine="power_law", evaluations=20)
    result = fit_with(data, target, few)
    assert result.verdict.confirmed
    report = discover_with(data, target, few)
    assert report.verdict == result.verdict
    for text in (report.to_html(), report.to_latex(), report.to_markdown(), str(report)):
        assert len(set(re.findall(r"Posterior: \D*(\d+)", text))) == 1


def test_a_law_is_judged_once_and_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    # of that many exact runs the form with simple exponents was passed over as hopeless
    data, target = table("stokes", 150, 0.0)
    result = fit_with(data, target, Options())
    assert result.judge is not None
    assert pickle.loads(pickle.dumps(result)).verdict == result.verdict
    monkeypatch.setattr(Clock, "of", lambda _: pytest.fail("judged again"))
    assert result.verdict.confirmed


# horizontal reach of a ball against its drop on the ramp, in points: Galileo, folio 116v, as in
# S. Drake, Sci. Am. 228 (1973) 84, and J. Dickey, J. Stat. Educ. 3 (1995) 1
DROP = [100.0, 200.0, 300.0, 450.0, 600.0, 800.0, 1000.0]
REACH = [253.0, 337.0, 395.0, 451.0, 495.0, 534.0, 573.0]


def ramps() -> tuple[dimgs.Dataset, dimgs.Dataset]:
    """Galileo's runs, and those of a power law at the same heights."""
    straight = [
        20 * h**0.35 * (1 + e / 100) for h, e in zip(DROP, [2, -2, 1, 0, -1, 2, -1], strict=True)
    ]
    ramp, other = (
        dimgs.Dataset.from_columns({"H [mm]": DROP, "D [mm]": D}) for D in (REACH, straight)
    )
    return ramp, other


def test_few_runs_that_bend_confirm_no_power_law() -> None:
    ramp, _ = ramps()
    asked = Options(scales=["H0 [m]"], engine="power_law", evaluations=20)
    bent = discover_with(ramp, "D", asked)
    assert bent.probability is not None
    assert bent.probability < 0.75
    # in one unit the power is 1, which seven runs refute
    forced = discover_with(ramp, "D", replace(asked, scales=()))
    assert forced.probability is not None
    assert forced.probability < 0.05
    five = discover_with(ramp.take(range(5)), "D", replace(asked, engine="structured"))
    assert "Only the power law is judged: other closed forms need 6 runs." in five.warnings


def test_seven_runs_are_searched_for_other_forms() -> None:
    ramp, other = ramps()
    asked = Options(scales=["H0 [m]"], engine="structured", evaluations=300)
    bent = discover_with(ramp, "D", asked)
    assert bent.law is not None
    assert "+" in str(bent.law)
    # there are several such forms
    assert not bent.confirmed
    straight = discover_with(other, "D", asked)
    assert straight.probability is not None
    assert straight.probability > 0.75


@pytest.mark.parametrize("reaction", [0.0, 1.0])
def test_a_law_of_the_units_alone_is_doubted_where_residuals_follow_an_input(
    reaction: float,
) -> None:
    rng = np.random.default_rng(1)
    v = rng.uniform(2.0, 11.0, 50)
    d = (reaction * v + v**2 / 5.0) * np.exp(0.5 * rng.standard_normal(50))
    data = dimgs.Dataset.from_columns({"v [m/s]": v, "d [m]": d})
    report = discover_with(data, "d", Options(constants=["g"], engine="power_law"))
    assert str(report.law) == "d = C*v**2/g"
    assert report.confirmed == (reaction == 0)


def test_what_cannot_be_judged_says_so() -> None:
    data, target = table("stokes", 24, 0.0)
    result = dimgs.fit(data, target)
    streamed = fit_document(type(result)(**{**_fields(result), "judge": None}))
    assert streamed["probability"] is None
    assert not streamed["confirmed"]
    assert streamed["why_not"] == list(NOT_JUDGED.why_not)


def _fields(result: Any) -> dict[str, Any]:
    return {name: getattr(result, name) for name in result.__dataclass_fields__}


@given(st.floats(0.0, 1.0), st.booleans())
def test_a_short_search_confirms_no_law_that_a_long_one_may_refuse(p: float, brief: bool) -> None:
    held = conclude(LawFacts(left_out=0.99, probability=p, none=1 - p, brief=brief))
    low, high = SHORT_SEARCH
    assert low < PROBABLE < high
    if brief and low < p < high:
        assert held.probability is None
        assert any("dimgs discover" in text for text in held.why_not)
    else:
        assert held.probability == p
        assert held.confirmed == (p >= (high if brief else PROBABLE))


@settings(max_examples=15)
@given(st.data(), st.sampled_from([0.0, 1e-3, 0.05, 0.3]), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_rational_lies_in_the_interval_that_is_shown(
    draw: st.DataObject, noise: float, level: float
) -> None:
    law = draw.draw(planted(noise))
    try:
        fitted = dimgs.fit(law.table(), "y", scales="auto", level=level)
    except dimgs.DimgsError:
        return
    for e in (*fitted.exponents, *fitted.variable_exponents):
        assert e.rational is None or e.low <= float(e.rational) <= e.high


def test_settings_that_repeat_are_no_structure() -> None:
    # runs are in the order of their values, so that equal settings are in that of the responses;
    # settings that differ a little have no such order
    none: dict[float, list[float]] = {0.0: [], 1e-4: []}
    for seed in range(4):
        rng = np.random.default_rng(seed)
        S, T = rng.choice([100.0, 150.0, 200.0, 250.0, 300.0], 80), rng.choice([293.0, 333.0], 80)
        errors, apart = np.exp(rng.normal(0, 0.4, 80)), rng.normal(0, 1, (2, 80))
        for spread, values in none.items():
            s, t = S * (1 + spread * apart[0]), T * (1 + spread * apart[1])
            N = 1e9 * (s / 100) ** -5 * np.exp(1800 / t) * errors
            data = dimgs.Dataset.from_columns({"S [MPa]": s, "T [K]": t, "N [1]": N})
            values.append(
                fit_with(data, "N", Options(scales="auto", arrhenius="T")).verdict.none_of_these
            )
    assert np.median(none[0.0]) < np.median(none[1e-4]) + 0.1
    assert np.median(none[0.0]) < 0.7


def test_a_law_of_open_exponents_is_confirmed_and_a_simple_one_says_what_it_lacks() -> None:
    x = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    y = [2.31, 4.2, 6.6, 11.8, 18.6, 25.3, 34.2, 42.0, 52.9, 61.3]
    data = dimgs.Dataset.from_columns({"x [m]": x, "y [s]": y})
    fitted = dimgs.fit(data, "y", scales="auto")
    assert str(fitted.law) == "y = C*x**(3/2)"
    assert not fitted.confirmed
    reasons = fitted.verdict.why_not
    assert any("with fitted exponents in place of simple ones" in why for why in reasons)
    found = dimgs.discover(data, "y", scales="auto", engine="structured", evaluations=60)
    assert found.confirmed
    assert found.law is not None
    assert found.law.elasticities({"x": 2.0})["x"] == pytest.approx(1.4975, abs=1e-4)
    assert found.fit is not None
    # what does not stand in the law is not named beside its exponents
    assert [e.rational for e in (*found.fit.exponents, *found.fit.variable_exponents)] == [None] * 2
    assert [str(e.rational) for e in fitted.variable_exponents] == ["3/2"]
    assert not any(float(rival.law.elasticities({"x": 2.0})["x"]) == 1.5 for rival in found.rivals)


# vapour pressure of water from 0 to 100 degC in mmHg (CRC Handbook of Chemistry and Physics)
_WATER = [4.579, 9.209, 17.535, 31.824, 55.324, 92.51, 149.38, 233.7, 355.1, 525.76, 760.0]


@pytest.mark.parametrize("is_water", [True, False])
def test_a_curved_line_is_no_line_with_errors_of_two_kinds(is_water: bool) -> None:
    # the latent heat of water falls with T, by so little that errors of a mixed kind seem to do
    t = np.linspace(0.0, 100.0, 11)
    line = 4.6 * np.exp(5200.0 * (1 / 273.15 - 1 / (t + 273.15)))
    p = _WATER if is_water else [float(f"{x:.4g}") for x in line]
    found = dimgs.discover({"T [degC]": t, "p [mmHg]": p}, "p", scales="auto", arrhenius="T")
    assert found.confirmed == (not is_water)


@pytest.mark.parametrize("noise", [0.02, 3.0])
def test_a_law_that_holds_within_sources_is_found_though_new_sources_are_not_predicted(
    noise: float,
) -> None:
    rng = np.random.default_rng(1)
    x, prefactors = np.exp(rng.uniform(-1.0, 1.0, 40)), np.array([1.0, 30.0, 0.1, 4.0])
    y = np.repeat(prefactors, 10) * x**2 * np.exp(noise * rng.standard_normal(40))
    data = dimgs.Dataset.from_columns({"rig": np.repeat([*"abcd"], 10), "x [1]": x, "y [1]": y})
    found = dimgs.discover(data, "y", by="rig", engine="power_law")
    assert not found.confirmed
    assert found.law is not None
    assert found.law.scores.cv_r2_log is not None
    assert found.law.scores.cv_r2_log < 0.5
    is_found = noise < 1.0
    assert (found.outcome != "no_candidate") == is_found
    assert any(why.startswith("New sources of rig") for why in found.why_not) == is_found
