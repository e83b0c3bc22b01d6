"""Predicted against measured, and exponents with their rationals."""

import numpy as np
import pytest

from dimgs.report.figures import exponent_forest, new_axes, predicted_against_measured
from tests.report.examples import report_of
from tests.report.figures.artists import legend_texts, xy


@pytest.mark.parametrize("left_out", [True, False])
def test_measured_and_predicted_are_drawn_in_their_unit(left_out: bool) -> None:
    report = report_of("pipe")
    axes = new_axes()
    predicted_against_measured(report, axes, left_out)
    points = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(np.asarray(points.get_xdata()), report.measured)
    wanted = report.left_out if left_out else report.predicted
    np.testing.assert_allclose(np.asarray(points.get_ydata()), wanted)
    assert "[Pa]" in axes.get_xlabel()
    assert ("left out" in axes.get_ylabel()) == left_out
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert legend_texts(axes) == ["±20 %", "±10 %"]


def test_bands_lie_where_they_say() -> None:
    axes = new_axes()
    predicted_against_measured(report_of("pipe"), axes)
    for band, width in zip(axes.collections, (0.2, 0.1), strict=True):
        x, y = xy(band)
        np.testing.assert_allclose(np.abs(y / x - 1), width, atol=1e-9)


def test_a_level_has_no_relative_band_and_a_signed_target_no_logarithm() -> None:
    axes = new_axes()
    predicted_against_measured(report_of("level"), axes)
    assert not axes.collections
    assert "[dB]" in axes.get_xlabel()
    axes = new_axes()
    predicted_against_measured(report_of("linear"), axes)
    assert axes.get_xscale() == "linear"


def test_exponents_are_drawn_with_their_rationals() -> None:
    report = report_of("pipe")
    axes = new_axes()
    exponent_forest(report, axes)
    assert report.fit is not None
    shown = report.fit.variable_exponents
    assert len(axes.get_yticklabels()) == len(shown)
    assert {t.get_text().replace("−", "-") for t in axes.texts} == {
        str(e.rational) for e in shown if e.rational is not None
    }
    dots = sorted(
        float(x)
        for line in axes.lines
        if line.get_marker() == "o" and line.get_markersize() == 5
        for x in xy(line)[0]
    )
    np.testing.assert_allclose(dots, sorted(e.value for e in shown))
