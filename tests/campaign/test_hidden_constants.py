"""Constants inside a kernel that its inputs do not name: scales, and temperatures as 1/T."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.campaign import Budget, Plan, Range, Tolerance
from dimgs.campaign.plan import bind
from dimgs.common.errors import InputError
from dimgs.expression.parsing import sympy_parse_condition
from dimgs.kernels import kernel
from tests.campaign.whole import run, without_figures

KELVIN = 62000 / 8.314462618


@kernel(inputs={"d": "m", "T": "K", "t": "s"}, outputs={"m": "1"}, version="1")
def film(d: float, T: float, t: float) -> float:
    return math.sqrt(2e-5 * math.exp(-KELVIN / T) * t) / d


@kernel(inputs={"T": "K"}, outputs={"k": "1/s"}, version="1")
def rate(T: float) -> float:
    return 3e6 * math.exp(-KELVIN / T)


def film_plan(**more: Any) -> Plan:
    ranges = {
        "d": Range(10, 1000, "um"),
        "T": Range(40, 180, "degC"),
        "t": Range(1, 1000, "hour"),
    }
    asked: dict[str, Any] = {"tolerance": Tolerance(exponents=0.02), "arrhenius": ("T",), **more}
    return Plan(film, "m", ranges, Budget(30), scales=("D0 [m^2/s]",), **asked)


@pytest.mark.parametrize("asked", [Tolerance(exponents=0.02), Tolerance(law=0.9)])
def test_no_inverse_of_a_temperature_starts_at_absolute_zero(asked: Tolerance) -> None:
    plan = film_plan(tolerance=asked)
    cold = replace(plan, ranges={**plan.ranges, "T": Range(0, 400, "K")})
    with pytest.raises(InputError, match=r"ranges\.T: the range of 1/T starts at absolute zero"):
        bind(cold)


def test_a_temperature_enters_as_its_inverse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_figures(monkeypatch)
    result = run(film_plan(), tmp_path)
    assert result.outcome == "confirmed"
    (regime,) = result.regimes
    assert {e.name: e.rational for e in regime.exponents} == {"d": -1, "t": 0.5}
    assert regime.activation["T"].kelvin == pytest.approx(KELVIN / 2, rel=1e-6)
    assert result.law is not None
    (exponential,) = (c for c in result.law.constants if c.unit == "K")
    assert exponential.value == pytest.approx(KELVIN / 2, rel=1e-6)
    document = json.loads((tmp_path / "result.json").read_text())
    assert document["regimes"][0]["activation"]["T"]["kJ_per_mol"] == pytest.approx(31.0)
    assert {"report.html", "law.json", "law.tex"} <= {p.name for p in tmp_path.iterdir()}
    stored = json.loads((tmp_path / "law.json").read_text())
    assert stored["confirmed"] is True


def test_a_border_of_regimes_knows_the_temperature() -> None:
    @kernel(inputs={"d": "m", "T": "K", "t": "s", "D0": "m^2/s"}, outputs={"m": "1"}, version="1")
    def filling(d: float, T: float, t: float, D0: float) -> float:
        return min(1.0, math.sqrt(D0 * math.exp(-KELVIN / T) * t) / d)

    ranges = {
        "D0": Range(1e-6, 1e-4),
        "d": Range(50, 500, "um"),
        "T": Range(40, 180, "degC"),
        "t": Range(1, 100, "day"),
    }
    result = run(
        Plan(filling, "m", ranges, Budget(60), Tolerance(exponents=0.02), arrhenius=("T",))
    )
    assert result.outcome == "confirmed"
    (border,) = result.boundaries
    before, _, kelvin = border.monomial.partition("*exp(-")
    assert before == "pi_1"
    assert float(kelvin.removesuffix("/T)")) == pytest.approx(KELVIN, rel=1e-4)
    assert border.low <= 1.0 <= border.high < 1.1 * border.low
    groups = [g.name for g in result.basis.groups]
    rng = np.random.default_rng(0)
    for regime in result.regimes:
        condition = sympy_parse_condition(regime.where, [*groups, "T"])
        level = {e.rational for e in regime.exponents} == {0}
        for u in rng.uniform(size=(40, 4)):
            values = {
                n: r.low * (r.high / r.low) ** x
                for (n, r), x in zip(ranges.items(), u, strict=True)
            }
            D0, d, T, t = (
                values["D0"],
                values["d"] * 1e-6,
                values["T"] + 273.15,
                86400 * values["t"],
            )
            filled = D0 * math.exp(-KELVIN / T) * t / d**2
            # the border is known to about 1 %
            if abs(filled - 1.0) > 0.02 and condition.subs({"pi_1": D0 * t / d**2, "T": T}):
                assert bool(filled >= 1.0) is level


def test_regimes_in_a_temperature_alone_part_at_a_temperature() -> None:
    @kernel(inputs={"T": "K"}, outputs={"y": "1"}, version="1")
    def glass(T: float) -> float:
        return math.exp(-KELVIN / T + KELVIN / 360.0) if T > 360.0 else 1.0

    result = run(
        Plan(glass, "y", {"T": Range(300, 450)}, Budget(40), Tolerance(exponents=0.05),
             arrhenius=("T",))
    )  # fmt: skip
    (border,) = result.boundaries
    assert (border.monomial, border.physical, border.unit) == ("T", "T", "K")
    assert border.low <= 360.0 <= border.high < 1.01 * border.low
    assert {r.where.split()[:2][1] for r in result.regimes} == {"<", ">="}
    assert {r.activation["T"].kelvin > 1000.0 for r in result.regimes} == {True, False}


def test_two_temperatures_have_two_activation_temperatures() -> None:
    @kernel(inputs={"T1": "K", "T2": "K", "d": "m"}, outputs={"q": "m^2"}, version="1")
    def exchange(T1: float, T2: float, d: float) -> float:
        return 3.0 * d**2 * math.exp(-KELVIN / T1 + 1500.0 / T2)

    ranges = {"T1": Range(300, 450), "T2": Range(250, 320), "d": Range(0.1, 10)}
    plan = Plan(
        exchange, "q", ranges, Budget(30), Tolerance(exponents=0.02), arrhenius=("T1", "T2")
    )
    result = run(plan)
    assert result.outcome == "confirmed"
    (regime,) = result.regimes
    assert regime.activation["T1"].kelvin == pytest.approx(KELVIN, rel=1e-6)
    assert regime.activation["T2"].kelvin == pytest.approx(-1500.0, rel=1e-6)
    assert result.law is not None
    assert {round(abs(c.value)) for c in result.law.constants if c.unit == "K"} == {
        round(KELVIN), 1500
    }  # fmt: skip


def test_an_unknown_scale_becomes_a_constant_of_the_law() -> None:
    plan = Plan(
        rate, "k", {"T": Range(300, 450, "K")}, Budget(30), Tolerance(law=0.9), scales="auto"
    )
    result = run(plan)
    assert result.outcome == "confirmed"
    assert result.whole is not None
    assert (
        pytest.approx(next(abs(c.value) for c in result.whole.constants if c.unit == "K"), rel=1e-6)
        == KELVIN
    )


@given(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_places_of_a_space_with_a_temperature_are_found_again(a: float, b: float, c: float) -> None:
    space = bind(film_plan()).space
    logs = space.centre + np.array([a, b, c]) * space.half
    values = space.values(logs)
    assert 313.15 * (1 - 1e-9) <= values["T"] <= 453.15 * (1 + 1e-9)
    np.testing.assert_allclose(space.logs(values), logs, rtol=1e-12, atol=1e-12)
    place = space.place(values)
    assert place is not None
    np.testing.assert_allclose(place, space.coordinates(logs[None])[0], atol=1e-9)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"arrhenius": ("t",)}, "'t' is in s; name an absolute temperature"),
        ({"arrhenius": ("x",)}, "'x', which is not in ranges"),
        ({"arrhenius": ("T", "d")}, "'d' is in m; name an absolute temperature"),
    ],
)
def test_only_one_absolute_temperature_enters_as_its_inverse(
    more: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        bind(film_plan(**more))


def test_a_scale_needs_a_unit() -> None:
    with pytest.raises(InputError, match=r"scales: 'T0 \[' has no unit"):
        bind(
            Plan(
                rate,
                "k",
                {"T": Range(300, 450, "K")},
                Budget(9),
                Tolerance(law=0.9),
                scales=("T0 [",),
            )
        )


@pytest.mark.parametrize("asked", [Tolerance(exponents=0.02), Tolerance(law=0.9)])
def test_where_equal_groups_disagree_one_more_constant_joins_them(asked: Tolerance) -> None:
    @kernel(inputs={"S": "mol/m^3", "E": "mol/m^3"}, outputs={"v": "mol/m^3/s"}, version="1")
    def conversion(S: float, E: float) -> float:
        return 120.0 * E * S / (2.5 + S)

    ranges = {"S": Range(0.01, 100.0), "E": Range(1e-6, 1e-4)}
    plan = Plan(conversion, "v", ranges, Budget(40), asked, scales="auto")
    result = run(plan)
    assert result.outcome == "confirmed"
    assert "scale" in {e["decision"] for e in result.log}
    assert result.law is not None
    fresh = {"S": np.geomspace(0.02, 90.0, 7), "E": np.geomspace(2e-6, 9e-5, 7)}
    expected = 120.0 * fresh["E"] * fresh["S"] / (2.5 + fresh["S"])
    np.testing.assert_allclose(result.law.predict_si(fresh), expected, rtol=1e-6)
    # every run counts once
    assert sum(result.runs.values()) == result.counts["made"] == len({
        e["key"] for e in result.log if e.get("key")
    })  # fmt: skip
    # a plan that names its constants is taken at its word, and asks for no closed form of such runs
    named = run(replace(plan, scales=("v0 [1/s]",)))
    assert named.outcome == "inconsistent"
    assert sum(named.runs.values()) < 12
    assert named.law is None
