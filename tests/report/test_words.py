"""Sentences about a law say what its numbers say, and no more digits than those."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dimgs
from dimgs.dataset import Dataset
from dimgs.report.findings import Lead, ReportRuns
from dimgs.report.render import Effect, _extrema, _zeros, effects, exponent_text
from dimgs.report.words import descriptions, headline, leads_words, short, spread_text
from tests.report.examples import report_of


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-1.0, -8.8e-5, "−1 to 0"),
        (1.9e-8, 0.1667, "0 to 0.17"),
        (0.5, 0.5, "1/2"),
        (-2e-5, 3e-5, "0"),
        (-1.3, 2.0, "−1.3 to 2"),
    ],
)
def test_exponents_that_vanish_are_zero(low: float, high: float, text: str) -> None:
    assert exponent_text(Effect("U", "U", low, high, None, "")) == text


@pytest.mark.parametrize(("spread", "known"), [(0.01, True), (1.0, True), (50.0, False)])
def test_an_interval_without_bound_is_no_number(spread: float, known: bool) -> None:
    report = report_of("pipe")
    assert report.law is not None
    uncertainty = replace(report.law.uncertainty, residual_sd=spread)
    text = spread_text(
        ReportRuns.of(replace(report, law=replace(report.law, uncertainty=uncertainty)))
    )
    assert ("%" in text) == known
    assert ("do not determine" in text) != known


def thrown() -> Dataset:
    rng = np.random.default_rng(1)
    v, t = rng.uniform(5, 20, 40), rng.uniform(100, 4000, 40)
    g = np.full(40, 9.81)
    z = v * t / 1e3 - g * (t / 1e3) ** 2 / 2
    return Dataset.from_columns({"v [m/s]": v, "t [ms]": t, "g [m/s^2]": g, "z [m]": z})


def test_a_law_that_changes_sign_is_described_by_zeros_extrema_and_limits() -> None:
    report = dimgs.discover(thrown(), "z", engine="structured", effort="quick")
    for text in (report.to_html(), report.to_markdown()):
        assert "Doubling" not in text
        assert "exponent" not in text.split("Interpretation")[1].split("Figures")[0].casefold()
    runs = ReportRuns.of(report)
    said = {e.column: e.text for e in effects(runs)}
    # g never varied, so that nothing is said of it
    assert set(said) == {"v", "t"}
    top = float(np.median(runs.data["v"])) / 9.81
    assert f"at {short(1e3 * top)} ms, then falls" in said["t"]
    assert f"It is zero at t = {short(2e3 * top)} ms." in said["t"]
    assert "It goes to 0 as t goes to 0 and to −∞ as t goes to infinity." in said["t"]
    assert (
        f"It is zero at v = {short(9.81 * float(np.median(runs.data['t'])) / 2)} m/s." in said["v"]
    )


@given(st.floats(-0.9, 0.9), st.floats(0.5, 2.0))
@settings(max_examples=15)
def test_zeros_and_turns_are_where_the_law_has_them(zero: float, width: float) -> None:
    def line(x: Any) -> Any:
        return np.asarray((x - zero) * (x - zero - width) * 3.0)

    places = np.linspace(-1.0, 4.0, 400)
    assert _zeros(line, places, line(places)) == pytest.approx([zero, zero + width])
    assert _extrema(line, places, line(places)) == pytest.approx([zero + width / 2], abs=1e-4)


def test_descriptions_are_scored_on_the_scale_of_their_errors() -> None:
    # a factor of two on five decades: the largest run alone would make R² of the target negative
    measured = np.logspace(0.0, 5.0, 20)
    predicted = measured * np.where(np.arange(20) % 2, 3.0, 1 / 3.0)
    lead = Lead("power law", tuple(measured), tuple(predicted), is_first=True)
    report = replace(report_of("pipe"), leads=(lead,), engine="power law", noise=None)
    ((_, error, r2, _),) = descriptions(report)
    assert error == "a factor of 3"
    assert 0.8 < float(r2) < 1.0
    assert "better than the mean" not in leads_words(report)[1]


def test_descriptions_have_the_errors_by_which_they_are_compared() -> None:
    # the other is nearer to the three largest targets alone
    measured = np.logspace(0.0, 4.0, 30)
    away = np.where(np.arange(30) % 2, 1.0, -1.0)
    far = measured * (1 + 0.2 * away * (np.arange(30) < 27))
    near = measured * (1 + 0.05 * away)
    leads = (
        Lead("power law", tuple(measured), tuple(far), is_first=False),
        Lead("smooth curve", tuple(measured), tuple(near), is_first=True),
    )
    base, shown = report_of("pipe"), set()
    for kind in ("constant", "mixed", "relative"):
        noise = None if base.noise is None else replace(base.noise, kind=kind)
        report = replace(base, leads=leads, engine="power law", noise=noise, outcome="timeout")
        (_, worse, low, _), (_, better, high, _) = descriptions(report)
        assert float(better.removesuffix(" %")) < float(worse.removesuffix(" %"))
        assert float(high) >= float(low)
        title = headline(report)
        assert title is not None
        assert f"a smooth curve predicts best, error {better} on runs left out" in title
        assert f"one power law, error {worse} on runs left out" in title
        shown.add((worse, better))
    assert len(shown) == 1
