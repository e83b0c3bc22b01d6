"""Regimes, residuals, candidates, maps and campaigns; what is written to files."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import sympy

from dimgs import Dataset
from dimgs.common.errors import InputError
from dimgs.discovery.discover import discover
from dimgs.expression.candidate import Candidate
from dimgs.report.figures import (
    campaign_checks,
    campaign_progress,
    collapse,
    draw_figures,
    new_axes,
    pareto_front,
    principal_axes,
    principal_map,
    regime_map,
    residuals_by_group,
    residuals_by_run,
    save,
    save_figures,
)
from dimgs.report.figures.laws import campaign_drawings, chosen_of, inside
from dimgs.report.findings import Candidates, ReportRuns
from tests.report.examples import ASKED, drawings_of, report_of
from tests.report.figures.artists import legend_texts, xy


@pytest.mark.parametrize("kind", ["regimes", "two"])
def test_every_run_lies_in_its_regime(kind: str) -> None:
    report = report_of(kind)
    assert report.regimes is not None
    axes = new_axes()
    regime_map(report, axes)
    counts = [np.size(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "None"]
    assert counts == [r["n"] for r in report.regimes]
    runs = ReportRuns.of(report)
    member = np.array([inside(r["where"], runs.values, runs.n) for r in report.regimes])
    np.testing.assert_array_equal(member.sum(axis=0), 1)
    assert f"({counts[0]} runs)" in legend_texts(axes)[0]


def test_a_report_without_regimes_says_how_to_get_them() -> None:
    with pytest.raises(InputError, match="no regimes"):
        regime_map(report_of("pipe"), new_axes())


def test_residuals_are_those_of_runs_left_out() -> None:
    report = report_of("pipe")
    axes = new_axes()
    residuals_by_run(report, axes)
    points = next(line for line in axes.lines if line.get_marker() == "o")
    wanted = 100 * (np.array(report.measured) / np.array(report.left_out) - 1)
    np.testing.assert_allclose(np.asarray(points.get_ydata()), wanted)
    assert axes.get_ylabel() == "residual, left out [%]"


def test_a_far_run_is_named_by_its_row() -> None:
    report = report_of("pipe")
    predicted = np.array(report.left_out)
    predicted[11] *= 3.0
    axes = new_axes()
    residuals_by_run(replace(report, left_out=tuple(predicted)), axes)
    assert "row 12" in [t.get_text() for t in axes.texts]


def test_names_of_far_runs_do_not_cover_each_other() -> None:
    report = report_of("pipe")
    predicted = np.array(report.left_out)
    predicted[[20, 21, 22, 39]] *= 3.0
    axes = new_axes()
    residuals_by_run(replace(report, left_out=tuple(predicted)), axes)
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in axes.texts]
    assert len(boxes) >= 2
    for k, box in enumerate(boxes):
        assert box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[:k])


def test_runs_with_names_are_named() -> None:
    a = np.geomspace(1, 9, 9)
    y = 2 * a**1.5 * np.where(np.arange(9) == 4, 1.3, 1.001 ** np.arange(9))
    data = Dataset.from_columns({"a [m]": a, "b [m]": 1.0, "y [m]": y, "who": list("pqrstuvwx")})
    axes = new_axes()
    residuals_by_run(discover(data, "y", engine="power_law"), axes)
    assert "t" in [t.get_text() for t in axes.texts]
    assert all(float(x).is_integer() for x in axes.get_xticks())


def test_means_by_label_are_the_means() -> None:
    report = report_of("within")
    axes = new_axes()
    residuals_by_group(report, axes, "rig")
    assert report.data is not None
    labels = np.array([str(x) for x in report.data["rig"]])
    measured, predicted, _ = report.judged_on()
    y = 100 * (measured / predicted - 1)
    means = [xy(c[0])[1][0] for c in axes.containers]
    np.testing.assert_allclose(means, [y[labels == k].mean() for k in "ab"])
    with pytest.raises(InputError, match="no varied group"):
        residuals_by_group(report, new_axes(), "nothing")


def _candidates() -> tuple[Candidate, ...]:
    x = sympy.Symbol("pi_1")
    forms = [(x + 1, 1e-3), (x, 1e-1), (x + x**2 + 1, 1e-4), (x**2 + 3 * x, 0.5)]
    return tuple(Candidate.of(e, loss=loss) for e, loss in forms)


def test_the_front_is_a_staircase_and_the_law_is_marked() -> None:
    last = report_of("pipe").candidates[0]
    report = replace(report_of("pipe"), candidates=Candidates((*_candidates(), last)))
    assert chosen_of(report) == 4
    axes = new_axes()
    pareto_front(report, axes)
    steps, dots, chosen = axes.lines
    assert np.all(np.diff(np.asarray(steps.get_ydata())) < 0)
    assert np.size(dots.get_xdata()) == 5
    np.testing.assert_allclose(np.asarray(chosen.get_ydata()), [last.loss])


def test_a_law_that_is_no_candidate_is_not_marked() -> None:
    report = replace(report_of("pipe"), candidates=Candidates(_candidates()))
    assert chosen_of(report) is None
    axes = new_axes()
    pareto_front(report, axes)
    assert not axes.texts
    with pytest.raises(InputError, match="no candidates"):
        pareto_front(replace(report, candidates=Candidates(())), new_axes())


def test_maps_take_arrays_and_reports() -> None:
    axes = new_axes()
    principal_map([[0.0], [1.0]], axes, colour=[1.0, 2.0])
    assert np.asarray(axes.collections[0].get_offsets())[:, 1].tolist() == [0.0, 0.0]
    axes = new_axes()
    principal_axes(report_of("pipe"), axes)
    assert len(np.asarray(axes.collections[0].get_offsets())) == 40
    axes = new_axes()
    principal_map([[0, 0], [1, 1], [2, 3]], axes, colour=["a", "b", "c"])
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_window_extent().y0 >= axes.get_window_extent().y1
    with pytest.raises(InputError, match="one value for each run"):
        principal_map([[0, 1], [1, 0]], new_axes(), colour=["a"])
    with pytest.raises(InputError, match="at least two groups"):
        principal_axes(report_of("regimes"), new_axes())


def test_campaigns_show_every_step() -> None:
    axes = new_axes()
    campaign_progress([2, 4, 8], [0.5, 0.3, 0.1], axes, ["a", "b", "a"], goal=0.2)
    line, *tiers, goal = axes.lines
    assert np.asarray(line.get_ydata()).tolist() == [0.5, 0.3, 0.1]
    assert [np.size(t.get_xdata()) for t in tiers] == [2, 1]
    assert xy(goal)[1].tolist() == [0.2, 0.2]
    with pytest.raises(InputError, match="2 tiers for 3 steps"):
        campaign_progress([1, 2, 3], [1, 1, 1], new_axes(), ["a", "b"])


@pytest.mark.parametrize("kind", ASKED)
def test_every_kind_of_report_is_drawn_and_written(kind: str, tmp_path: Path) -> None:
    drawings = drawings_of(kind)
    names = [d.name for d in drawings]
    assert {"collapse", "predicted_against_measured", "residuals_by_run"} <= set(names)
    written = save_figures(report_of(kind), tmp_path, drawings[:1])
    assert [p.suffix for p in written] == [".svg", ".pdf"]
    ElementTree.parse(written[0])
    assert written[1].read_bytes().startswith(b"%PDF")


def test_files_are_the_same_on_every_run(tmp_path: Path) -> None:
    texts = []
    for _ in range(2):
        axes = new_axes()
        collapse(report_of("pipe"), axes)
        texts.append(save(axes, tmp_path / "a.svg").read_bytes())
        texts.append(save(axes, tmp_path / "a.pdf").read_bytes())
    assert texts[:2] == texts[2:]


def test_a_report_without_runs_or_law_draws_what_is_left() -> None:
    bare = replace(report_of("pipe"), data=None)
    assert [d.name for d in draw_figures(bare)] == ["exponents"]
    with pytest.raises(InputError, match="does not contain its runs"):
        collapse(bare, new_axes())
    with pytest.raises(InputError, match="no law"):
        collapse(replace(bare, law=None), new_axes())


def test_exponents_of_inputs_that_only_vary_together_are_not_drawn() -> None:
    x = np.exp(np.random.default_rng(0).normal(size=12))
    same = Dataset.from_columns({"a [1]": x, "b [1]": x**2, "y [1]": x**1.7})
    names = {d.name for d in draw_figures(discover(same, "y", engine="power_law"))}
    assert "collapse" in names
    assert "exponents" not in names


def test_the_users_own_settings_do_not_change_a_report() -> None:
    import matplotlib as mpl

    axes = new_axes()
    collapse(report_of("within"), axes)
    with mpl.rc_context({"font.size": 30.0, "lines.markersize": 20.0}):
        other = new_axes()
        collapse(report_of("within"), other)
    assert [line.get_markersize() for line in axes.lines] == [
        line.get_markersize() for line in other.lines
    ]


def points(line: Any) -> list[list[float]]:
    return [[float(v) for v in row] for row in np.transpose(xy(line))]


def test_figures_of_a_campaign_have_all_its_runs_and_predictions() -> None:
    log: list[dict[str, Any]] = [
        {"decision": "support", "key": "a", "tier": "fine"},
        {"decision": "support", "key": "b", "tier": "fine"},
        {"decision": "found", "width": 3.0},
        {"decision": "check", "key": "c", "tier": "fine"},
        {"decision": "lost", "key": "c", "tier": "fine"},
        {"decision": "found", "width": None},
        {"decision": "found", "width": 0.5},
    ]
    checks = [{"tier": "fine", "predicted": 2.0, "made": 2.1}]
    values = {"pi_1": np.array([0.1, 1.0, 10.0]), "pi_2": np.array([1.0, 2.0, 4.0])}
    regimes = [{"where": "pi_1 < 0.5"}, {"where": "pi_1*exp(-1/pi_2) >= 2"}]
    drawings = {d.name: d for d in campaign_drawings(log, checks, values, regimes, "y [m]")}
    assert list(drawings) == ["campaign_progress", "campaign_checks", "campaign_regimes"]
    progress, compared, regions = (d.figure.axes[0] for d in drawings.values())
    assert points(progress.lines[0]) == [[2.0, 3.0], [3.0, 0.5]]
    assert points(compared.lines[-1]) == [[2.1, 2.0]]
    places = {str(line.get_label())[:1]: points(line) for line in regions.lines}
    assert places == {"1": [[0.1, 1.0]], "2": [[10.0, 4.0]], "n": [[1.0, 2.0]]}
    assert not campaign_drawings(log[:2], [], {}, regimes, "y [m]")


def test_predictions_of_a_campaign_are_positive_and_in_pairs() -> None:
    for predicted, made in (([1.0], [1.0, 2.0]), ([], []), ([-1.0], [1.0])):
        with pytest.raises(InputError, match="as many predictions as runs"):
            campaign_checks(predicted, made, new_axes())
