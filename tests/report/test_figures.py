"""Figures show what the report holds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from dimgs import Dataset
from dimgs.discovery.discover import discover
from dimgs.report.figures import exponent_forest, predicted_against_measured, save_figures
from tests.law.examples import example
from tests.planted import pipe


def test_measured_and_predicted_are_drawn_in_their_unit() -> None:
    report = discover(pipe(), "tau_w", engine="power_law")
    axes = Figure().subplots()
    predicted_against_measured(report, axes)
    points = axes.lines[-1]
    np.testing.assert_allclose(np.asarray(points.get_xdata()), report.measured)
    np.testing.assert_allclose(np.asarray(points.get_ydata()), report.predicted)
    assert "[Pa]" in axes.get_xlabel()
    assert axes.get_xscale() == "log"
    assert axes.get_legend() is not None


def test_exponents_are_drawn_with_their_rationals() -> None:
    report = discover(pipe(), "tau_w", engine="power_law")
    axes = Figure().subplots()
    exponent_forest(report, axes)
    assert report.fit is not None
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert labels == [e.name for e in report.fit.variable_exponents]
    shown = {t.get_text() for t in axes.texts}
    assert shown == {
        str(e.rational) for e in report.fit.variable_exponents if e.rational is not None
    }


def test_a_signed_target_and_an_unknown_interval_are_drawn(tmp_path: Path) -> None:
    _, data = example("linear")
    report = discover(data, "F", engine="power_law")
    assert [p.name for p in save_figures(report, tmp_path)] == ["predicted_against_measured.svg"]
    x = np.exp(np.random.default_rng(0).normal(size=12))
    same = Dataset.from_columns({"a [1]": x, "b [1]": x**2, "y [1]": x**1.7})
    unknown = discover(same, "y", engine="power_law")
    assert len(save_figures(unknown, tmp_path)) == 2
    assert save_figures(replace(unknown, measured=(), predicted=(), fit=None), tmp_path) == []
