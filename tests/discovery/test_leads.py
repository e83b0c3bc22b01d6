"""What leads where no law is probable."""

import json
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import sympy

import dimgs
from dimgs import Dataset
from dimgs.common.arrays import Array
from dimgs.discovery import judgement
from dimgs.discovery.judgement import Values, by_source, compare_leads, is_acrobatic, sum_of
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.engines.protocol import Clock
from dimgs.fits.design import Design, build_design
from dimgs.law.curve import Coordinates
from dimgs.report.figures import draw_figures
from dimgs.report.results import Report
from tests.campaign.test_space import recombined


def wave(x: Array) -> Array:
    """No power law anywhere, and no short formula."""
    return np.asarray(np.exp(1.5 * np.sin(2.5 * x) + 0.5 * np.cos(2 * x**2)))


def bend(x: Array) -> Array:
    """A slope of 2.5 that becomes one of 0.5."""
    return np.asarray(-np.logaddexp(-4 * 0.5 * x, -4 * 2.5 * x) / 4)


def table(kind: str, n: int = 50, noise: float = 0.03, apart: float = 0.0) -> Dataset:
    rng = np.random.default_rng(2)
    x, b = rng.uniform(-2, 2, n), np.exp(rng.uniform(-1, 1, n))
    y = {
        "power": np.exp(0.7 * x),
        "offset": 3.0 + np.exp(1.5 * x),
        "bend": np.exp(bend(x)),
        "wave": wave(x),
    }[kind]
    lab = np.arange(n) % 6
    y = y * np.exp(noise * rng.standard_normal(n) + apart * np.sin(lab))
    columns = {"a [m]": np.exp(x) * b, "b [m]": b, "lab [label]": lab, "y [m]": y * b}
    return Dataset.from_columns(columns)


def design_of(data: Dataset, **options: object) -> Design:
    return prepare(data, "y", Options(**options)).ordered().design  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("offset", "sum"),
        pytest.param("power", "power law", marks=pytest.mark.slow),
        pytest.param("bend", "blend", marks=pytest.mark.slow),
        pytest.param("wave", "smooth curve", marks=pytest.mark.slow),
    ],
)
def test_the_simplest_of_the_best_leads(kind: str, first: str) -> None:
    comparison = compare_leads(design_of(table(kind)), Options(), Clock.of(100.0))
    assert comparison is not None
    assert comparison.first == first
    best = comparison.left_out[first]
    assert float(np.std(np.log(best / comparison.measured))) < (0.2 if kind == "wave" else 0.04)


@pytest.mark.parametrize(
    ("form", "leads"),
    [("exp(c*sin(d*log(pi_1)) + cos(2*log(pi_1)**2)/2)/pi_1", True), ("c*exp(d*sin(pi_1))", False)],
)
def test_a_candidate_leads_only_if_it_predicts_clearly_better(form: str, leads: bool) -> None:
    design = design_of(table("wave"))
    names = {name: sympy.Symbol(name) for name in ("c", "d", "pi_1")}
    candidate = sympy.sympify(form, names), {"c": 1.4, "d": 2.4}
    seen = compare_leads(design, Options(), Clock.of(100.0), candidate)
    assert seen is not None
    assert (seen.first == "candidate") == leads
    assert (seen.closed == "candidate") == leads
    without = compare_leads(design, Options(), Clock.of(100.0))
    assert without is not None
    assert without.left_out.keys() == seen.left_out.keys() - {"candidate"}
    for name, values in without.left_out.items():
        np.testing.assert_array_equal(seen.left_out[name], values)


def test_when_the_time_is_over_nothing_is_begun_but_the_power_law() -> None:
    seen = compare_leads(design_of(table("bend")), Options(), Clock.of(0.0))
    assert seen is not None
    assert list(seen.left_out) == ["power law"]


class Countdown(Clock):
    """A clock on which each look takes a second."""

    looks = 0

    @property
    def left(self) -> float:
        Countdown.looks += 1
        return self.end - Countdown.looks


@pytest.mark.parametrize("seconds", [10, 40])
def test_no_step_is_begun_that_would_end_too_late(
    seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Countdown, "looks", 0)
    begun: list[float] = []

    def slow(design: Design, options: Options) -> Values | None:
        Countdown.looks += 2
        begun.append(seconds - Countdown.looks)
        return None

    monkeypatch.setattr(
        judgement, "_DESCRIPTIONS", {"power law": judgement._power, "sum": slow, "blend": slow}
    )
    seen = compare_leads(design_of(table("bend")), Options(), Countdown(float(seconds)))
    assert seen is not None
    assert set(seen.left_out) == {"power law", "smooth curve"}
    assert len(begun) == (2 if seconds == 40 else 0)
    assert all(end >= 0 for end in begun)


def test_runs_of_sources_that_differ_are_left_out_together() -> None:
    alike, none = by_source(design_of(table("power")), Options())
    assert not none
    assert alike.split is None
    whole, column = by_source(design_of(table("power", apart=0.3)), Options())
    assert column == "lab"
    assert whole.split is not None
    assert len(np.unique(whole.split)) == 6


def test_coordinates_do_not_depend_on_the_basis() -> None:
    rng = np.random.default_rng(0)
    columns = {f"{n} [m]": np.exp(rng.normal(size=20)) for n in "abcy"}
    design = design_of(Dataset.from_columns(columns))
    other = build_design(design.data, recombined(design.basis, 1))
    assert not np.allclose(design.X, other.X)
    places = [Coordinates.of(each) for each in (design, other)]
    one, two = (place.at(design.data) for place in places if place is not None)
    assert one == pytest.approx(two, abs=1e-9)


@pytest.fixture(scope="module")
def waves() -> Report:
    with pytest.warns(dimgs.DimgsWarning):
        return dimgs.discover(
            table("wave", 36),
            "y",
            engine="structured",
            evaluations=20,
            complete=1,
            effort="thorough",
        )


def test_a_report_leads_with_what_predicts(waves: Report) -> None:
    names = [lead.name for lead in waves.leads]
    assert names[0] == "power law"
    assert [lead.name for lead in waves.leads if lead.is_first] == ["smooth curve"]
    assert waves.law is not None
    assert waves.probability is not None
    assert waves.probability < 0.05
    assert not waves.confirmed
    document = json.loads(json.dumps(waves.to_json()))
    assert [one["name"] for one in document["leads"]] == names
    assert document["leads"][-1]["law"] is None
    assert document["leads"][-1]["r2"] > 0.9
    points = document["leads"][-1]["curve"]["points"]
    assert all(point["low"] < point["value"] < point["high"] for point in points)
    assert waves.curve is not None
    inside = waves.curve.predict(waves.data, 0.9)
    assert np.mean((inside.low <= waves.measured) & (waves.measured <= inside.high)) > 0.8
    assert draw_figures(waves)[0].name == "curve"


def test_every_form_of_a_report_shows_it(waves: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    # figures would take most of the time
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: [])
    says = "A smooth curve predicts clearly better than every formula"
    assert "NO LAW IS PROBABLE; a smooth curve predicts best" in str(waves)
    assert str(waves).index("Curve") < str(waves).index("Formula")
    for text in (str(waves), waves.to_html(), waves.to_markdown(), waves.to_latex()):
        assert says in text
        # what the searches found comes below it
        assert text.find("Rivals", 0, text.index(says)) < 0


def test_forms_that_fit_by_chance_are_known() -> None:
    law = dimgs.fit("docs/planets.csv", "T", scales="auto").law
    x = sympy.Symbol("pi_1")
    for odd in (sympy.exp(sympy.sin(x)), sympy.sqrt(1 + sympy.sin(x))):
        assert is_acrobatic(replace(law, pi_expression=odd))
    for plain in (x**2 * sympy.exp(-x), 1 / (1 + sympy.exp(x)), sympy.sqrt(1 + x)):
        assert not is_acrobatic(replace(law, pi_expression=plain))


def test_a_law_without_constants_predicts_for_its_sources() -> None:
    rng = np.random.default_rng(1)
    a, b = np.exp(rng.uniform(-1, 1, (2, 48)))
    lab = np.arange(48) % 6
    y = b * np.exp(0.3 * np.sin(lab) + 0.02 * rng.standard_normal(48))
    data = Dataset.from_columns({"a [m]": a, "b [m]": b, "lab [label]": lab, "y [m]": y})
    with pytest.warns(dimgs.DimgsWarning):
        law = dimgs.discover(
            data, "y", by="lab", engine="structured", evaluations=5, complete=1
        ).result
    assert str(law) == "y = b"
    inside = law.predict(data, level=0.9)
    low, high = (x.to("m").magnitude for x in inside[1:])
    assert np.mean((low <= y) & (y <= high)) > 0.8


def test_a_sum_is_the_same_on_a_slower_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    design = prepare(table("offset"), "y", Options()).design
    usual, ticks = sum_of(design), count(step=1000.0)
    for module in ("archive", "engine"):
        clock = f"dimgs.engines.structured.{module}.monotonic"
        monkeypatch.setattr(clock, lambda: float(next(ticks)))
    assert usual is not None
    assert sum_of(design) == usual
