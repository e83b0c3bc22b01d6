"""Sentences about a law say what its numbers say, and no more digits than those."""

from dataclasses import replace

import pytest

from dimgs.report.report_runs import ReportRuns
from dimgs.report.words import Effect, exponent_text, spread_text
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
