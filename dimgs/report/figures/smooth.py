"""The smooth curve that describes runs without a probable law, with its band."""

from typing import TYPE_CHECKING

import numpy as np

from dimgs.common.errors import InputError
from dimgs.report.figures.style import MUTED, PALETTE, drawn, log_ticks, styled, target_label
from dimgs.report.findings import Findings
from dimgs.report.report_runs import ReportRuns
from dimgs.report.words import unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def smooth_curve(report: Findings, axes: "Axes") -> None:
    """Smooth curve along the input with which it varies most, the others in the middle.

    Runs are moved along the curve to that middle.

    Parameters
    ----------
    report : Report
    axes : Axes

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If no curve describes the runs: a law is probable, or none could be compared.

    Examples
    --------
    >>> import dimgs
    >>> from dimgs.report.figures import new_axes
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"], engine="power_law")
    >>> smooth_curve(report, new_axes())
    Traceback (most recent call last):
    dimgs.common.errors.InputError: ...
    """
    curve, runs = report.curve, ReportRuns.of(report)
    if curve is None:
        raise InputError("No smooth curve was compared with the laws of this report.")
    line = curve.along()
    variable = next(v for v in curve.inputs if v.name == line.name)
    x, (middle, low, high) = variable.unit.from_si(line.x), line.interval
    log = curve.scale == "log" and bool(np.all(low > 0))
    columns = {v.name: np.asarray(runs.data[v.name], dtype=np.float64) for v in curve.inputs}
    held = {n: np.full(runs.n, value) for n, value in line.held.items()}
    there = curve.predict_si(columns).value
    here = curve.predict_si({**columns, **held}).value
    measured = np.asarray(report.measured, dtype=np.float64)
    moved = measured * here / there if log else measured + here - there
    axes.fill_between(x, low, high, color=MUTED, alpha=0.25, linewidth=0)
    axes.plot(x, middle, color=PALETTE[0], linewidth=1.4)
    rows = drawn(runs.n)
    at = variable.unit.from_si(columns[line.name])
    axes.scatter(at[rows], moved[rows], s=9, color=PALETTE[1], linewidths=0)
    if np.all(line.x > 0) and line.name in curve.coordinates.logged:
        log_ticks(axes, "x")
    if log:
        log_ticks(axes, "y")
    axes.set_xlabel(f"{line.name} [{unit_text(variable.unit.text)}]")
    axes.set_ylabel(target_label(runs))
