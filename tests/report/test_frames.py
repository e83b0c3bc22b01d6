"""Results as values of their own: the law or the reason why there is none, and data frames."""

import pickle
from dataclasses import replace
from fractions import Fraction

import pytest

import dimgs
from dimgs.fits.estimate import Exponent
from dimgs.report.results import Exponents, Report


@pytest.fixture(scope="module")
def report() -> Report:
    return dimgs.discover("docs/planets.csv", "T", constants=["G"], engine="power_law")


def test_the_result_is_the_law_or_why_there_is_none(report: Report) -> None:
    assert report.result is report.law
    without = replace(report, law=None, why_not=("Nothing varied.",))
    with pytest.raises(dimgs.LawError, match="no law of these runs: Nothing varied"):
        _ = without.result
    assert report.summary() == str(report)


def test_frames_hold_what_the_values_hold(report: Report) -> None:
    exponents = report.exponents.to_frame()
    assert list(exponents.index) == [e.name for e in report.exponents]
    assert exponents.loc["a", "rational"] == "3/2"
    assert report.candidates.to_frame()["loss"].tolist() == [c.loss for c in report.candidates]
    assert report.result.scores.to_frame()["r2_log"].tolist() == [report.result.scores.r2_log]
    assert replace(report, fit=None).exponents.to_frame().empty
    assert (
        pickle.loads(pickle.dumps(report))
        .candidates.to_frame()
        .equals(report.candidates.to_frame())
    )


def test_pi_basis_calls_the_response_as_fit_does() -> None:
    given = ["F [N]", "mu [Pa*s]", "U [m/s]", "D [m]"]
    assert dimgs.pi_basis(given, target="F") == dimgs.pi_basis(given, "F")
    with pytest.raises(dimgs.InputError, match="one of the two"):
        dimgs.pi_basis(given, "F", target="U")


def test_exponents_of_another_law_say_whose_they_are(report: Report) -> None:
    assert report.is_power_law
    assert r"\subsection*{Exponents}" in report.to_latex()
    other = replace(report, fit=None)
    assert not other.is_power_law
    law = replace(report.result, pi_expression=report.result.pi_expression + 1)
    assert "Exponents of one power law over all runs" in replace(report, law=law).to_latex()


def test_an_exponent_of_zero_is_a_rational_in_a_frame() -> None:
    zero = Exponents([Exponent("x", 0.001, -0.002, 0.003, rational=Fraction(0))])
    assert zero.to_frame().loc["x", "rational"] == "0"
