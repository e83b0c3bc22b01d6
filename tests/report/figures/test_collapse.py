"""The collapse, the slopes and the local exponents show the law and its runs."""

from dataclasses import replace

import numpy as np
import pytest

from dimgs.common.errors import InputError
from dimgs.report.figures import collapse, exponent_field, new_axes, slopes
from dimgs.report.figures.runs import pieces
from dimgs.report.findings import ReportRuns
from dimgs.report.words import rational_text
from tests.report.examples import ASKED, report_of
from tests.report.figures.artists import arrows, legend_texts, points, xy


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.slow] * (kind == "two"))
        for kind in sorted(set(ASKED) - {"physical"})
    ],
)
def test_runs_stand_off_the_curve_by_what_the_law_leaves(kind: str) -> None:
    report = report_of(kind)
    runs = ReportRuns.of(report)
    axes = new_axes()
    collapse(report, axes)
    x, y = points(axes)
    assert x.size == runs.n
    order = np.argsort(x, kind="stable")
    name = runs.dominant
    np.testing.assert_allclose(x[order], np.sort(runs.values[name]))
    on_curve = runs.fitted(runs.along(name, x))
    if runs.is_log:
        mine, wanted = np.log(y / on_curve), np.log(runs.measured / runs.fitted())
    else:
        mine, wanted = y - on_curve, runs.measured - runs.fitted()
    np.testing.assert_allclose(np.sort(mine), np.sort(wanted), atol=1e-9)


def test_the_band_holds_most_runs_and_the_law_itself() -> None:
    report = report_of("pipe")
    runs = ReportRuns.of(report)
    axes = new_axes()
    collapse(report, axes)
    x = runs.values[runs.dominant]
    low, high = runs.band(runs.along(runs.dominant, x), 0.9)
    assert np.all((low < runs.fitted()) & (runs.fitted() < high))
    assert np.mean((low < runs.measured) & (runs.measured < high)) >= 0.85
    wide, _ = runs.band(runs.along(runs.dominant, x), 0.99)
    assert np.all(wide < low)


def test_a_band_without_bound_does_not_hide_the_runs() -> None:
    report = report_of("pipe")
    assert report.law is not None
    uncertain = replace(report.law.uncertainty, residual_sd=50.0)
    axes = new_axes()
    collapse(replace(report, law=replace(report.law, uncertainty=uncertain)), axes)
    y = ReportRuns.of(report).measured
    low, high = axes.get_ylim()
    assert np.log(high / low) < 5 * np.log(max(10.0, y.max() / y.min()))
    assert low < y.min()
    assert y.max() < high


def test_the_dominant_group_is_the_one_that_the_law_follows() -> None:
    runs = ReportRuns.of(report_of("pipe"))
    assert runs.groups[runs.dominant].known_as == "Reynolds number"
    assert runs.name_of("Reynolds number") == runs.name_of("reynolds") == runs.dominant
    with pytest.raises(InputError, match="no varied group 'Mach'"):
        runs.name_of("Mach")


def test_labels_are_distinguished_and_their_prefactors_removed() -> None:
    axes = new_axes()
    collapse(report_of("within"), axes)
    assert legend_texts(axes) == ["a", "b"]


def test_without_a_group_the_target_is_drawn_over_its_monomial() -> None:
    report = report_of("physical")
    axes = new_axes()
    collapse(report, axes)
    x, y = points(axes)
    np.testing.assert_allclose(y / x, np.median(y / x), rtol=1e-6)
    assert axes.get_title(loc="right").endswith("2.001")


def test_triangles_carry_the_exponents_of_each_regime() -> None:
    axes = new_axes()
    slopes(report_of("regimes"), axes)
    assert [t.get_text() for t in axes.texts] == ["1", "−1", "1", "−1/4"]
    for patch, slope in zip(axes.patches, (-1.0, -0.25), strict=True):
        across, up = (np.ptp(np.log(corner)) for corner in xy(patch))
        assert up / across == pytest.approx(-slope, rel=1e-6)


def test_the_law_is_broken_where_it_jumps() -> None:
    axes = new_axes()
    collapse(report_of("regimes"), axes)
    law = next(line for line in axes.lines if line.get_marker() == "None")
    assert np.isnan(np.asarray(law.get_ydata())).sum() == 1


def test_slopes_need_ratios() -> None:
    for kind in ("level", "linear", "arrhenius"):
        with pytest.raises(InputError, match="use collapse"):
            slopes(report_of(kind), new_axes())


def test_pieces_of_a_drifting_slope_are_its_ends() -> None:
    x = np.geomspace(1, 100, 200)
    (_, _, first), (_, _, last) = pieces(x, x + 0.01 * x**2)
    assert 1.0 < first < 1.1 < 1.3 < last < 2.0
    assert [rational_text(s, 6, 1e-6) for s in (-0.25, 1.5, 0.3333, 2.0)] == [
        "−1/4",
        "3/2",
        "0.333",
        "2",
    ]


def test_local_exponents_are_those_of_the_report() -> None:
    report = report_of("regimes")
    axes = new_axes()
    exponent_field(report, axes)
    assert report.fit is not None
    assert report.fit.local is not None
    _, y = points(axes)
    wanted = [each["exponents"][0]["value"] for each in report.fit.local]
    np.testing.assert_allclose(np.sort(y), np.sort(wanted))


def test_arrows_have_the_exponents_as_components() -> None:
    report = report_of("two")
    assert report.fit is not None
    assert report.fit.local is not None
    axes = new_axes()
    exponent_field(report, axes)
    components = np.sort(np.concatenate(arrows(axes)))
    wanted = np.sort([e["value"] for each in report.fit.local for e in each["exponents"]])
    np.testing.assert_allclose(components, wanted)
