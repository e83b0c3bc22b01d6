"""Reports as text."""

import numpy as np
import pytest

from dimgs import Dataset, Options, Report
from dimgs.discovery.discover import discover
from dimgs.discovery.fitting import fit
from dimgs.report.text import condition, fit_text, number, report_text
from tests.planted import pipe


@pytest.fixture(scope="module")
def report() -> Report:
    return discover(pipe(), "tau_w", engine="power_law")


def test_numbers_are_short_and_absent_ones_are_dashes() -> None:
    assert number(1234567.0) == "1.2346e+06"
    assert number(0.25) == "0.25"
    assert [number(x) for x in (None, float("nan"), float("inf"))] == ["-"] * 3


def test_conditions_are_read_with_few_digits() -> None:
    long = "(pi_1*pi_2**(0.70078941211) >= 3.7831208084e-19) & (pi_3**(-1/3) < 2300)"
    assert condition(long) == "(pi_1*pi_2**(0.70079) >= 3.7831e-19) & (pi_3**(-1/3) < 2300)"
    assert condition("True") == "True"


def test_the_text_shows_law_scores_domain_and_verdict(report: Report) -> None:
    text = report_text(report)
    assert str(report) == text
    for words in (
        "tau_w = ", "Reynolds number", "-> -1/4", "Holds for:", "39 independent contrasts",
        "The law predicts runs that it was not fitted on.",
    ):  # fmt: skip
        assert words in text


def test_a_law_that_nothing_checked_does_not_claim_to_predict() -> None:
    data = Dataset.from_columns({"L [m]": [1.0, 2.0, 3.0], "W [m]": [2.0, 1.0, 4.0], "q [1]": 1.0})
    found = discover(data, "q", engine="power_law")
    assert found.outcome == "unchecked"
    assert "not checked" in report_text(found)
    assert "The law predicts runs" not in report_text(found)


def test_a_law_that_fails_is_called_a_surrogate() -> None:
    rng = np.random.default_rng(0)
    a, b, y = np.exp(rng.normal(size=(3, 30)))
    found = discover(
        Dataset.from_columns({"a [m]": a, "b [m]": b, "y [m]": a * y}), "y", engine="power_law"
    )
    if found.outcome == "no_candidate":
        assert "No law found" in report_text(found)
    flat = Dataset.from_columns({"a [m]": a, "b [m]": b, "y [1]": y})
    found = discover(flat, "y", engine="power_law")
    assert found.outcome == "no_candidate"
    assert "No law found" in report_text(found)
    assert any("does not hold out of sample" in w for w in found.warnings)


def test_fit_text_tells_of_labels_regimes_and_terms() -> None:
    data = pipe()
    text = fit_text(fit(data, "tau_w", Options(regimes=True, additive=True)))
    assert "Regime" in text
    assert "Term in" in text
