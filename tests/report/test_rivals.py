"""Rivals in every form of a report, with the figure of where they part."""

from dataclasses import replace

import numpy as np
import pytest

from dimgs import Dataset, discover
from dimgs.common.errors import InputError
from dimgs.report.figures import draw_figures, new_axes, rivals
from dimgs.report.results import Report


@pytest.fixture(scope="module")
def report() -> Report:
    rng = np.random.default_rng(1)
    x, y = np.exp(rng.uniform(-1.0, 1.1, (2, 12)))
    z = x * y / (x + y) * np.exp(0.1 * rng.standard_normal(12))
    data = Dataset.from_columns({"x [m]": x, "y [m]": y, "z [m]": z})
    report = discover(data, "z", engine="structured", effort="quick")
    assert report.rivals
    return report


def test_every_form_shows_the_rivals_with_their_probability(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    # figures would take most of the time
    monkeypatch.setattr("dimgs.report.figures.draw_figures", lambda report: [])
    shown = report.rivals[0].law
    assert str(shown) in str(report)
    assert "Rivals" in report.to_html()
    assert "## Rivals" in report.to_markdown()
    assert "section*{Rivals}" in report.to_latex()
    assert shown.latex() in report.to_latex()
    assert report.to_json()["rivals"][0]["law"]["expression"] == shown.to_json()["expression"]


def test_the_figure_has_a_line_for_each_rival_and_reaches_beyond_the_runs(report: Report) -> None:
    assert "rivals" in [d.name for d in draw_figures(report)]
    axes = new_axes()
    rivals(report, axes)
    lines = [line for line in axes.lines if len(np.atleast_1d(line.get_xdata())) > 2]
    assert len(lines) == min(len(report.rivals), 4)
    assert report.data is not None
    name = axes.get_xlabel().split()[0]
    x = np.asarray(lines[0].get_xdata())
    assert x.min() < np.asarray(report.data[name]).min()
    assert x.max() > np.asarray(report.data[name]).max()


def test_without_rivals_there_is_nothing_to_draw(report: Report) -> None:
    with pytest.raises(InputError, match="no rivals"):
        rivals(replace(report, rivals=()), new_axes())


def test_each_candidate_is_a_law_too(report: Report) -> None:
    laws = [c.law for c in report.candidates]
    assert sum(law is not None for law in laws) > len(laws) / 2
    for law in laws:
        assert law is None or np.all(np.isfinite(law.predict_si(report.data)))
