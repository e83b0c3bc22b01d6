"""Figures of a report, one function each, drawn on an Axes that the caller gives."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dimgs.report.results import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#888888"


def predicted_against_measured(report: Report, axes: "Axes") -> None:
    """Predicted against measured target, with bands of ±10 % and ±20 %."""
    measured, predicted = np.asarray(report.measured), np.asarray(report.predicted)
    target = report.law.target if report.law else None
    log = bool(measured.size and np.all(measured > 0) and np.all(predicted > 0))
    log = log and target is not None and not target.is_level
    low = float(min(measured.min(), predicted.min()))
    high = float(max(measured.max(), predicted.max()))
    line = np.geomspace(low, high, 50) if log else np.linspace(low, high, 50)
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        for width, shade in ((0.2, 0.12), (0.1, 0.2)):
            band = axes.fill_between(line, line * (1 - width), line * (1 + width), color=_GREY)
            band.set_alpha(shade)
            band.set_label(f"±{width:.0%}")
    axes.plot(line, line, color=_GREY, linewidth=1)
    axes.plot(measured, predicted, "o", color=_BLUE, markersize=4, alpha=0.7)
    if target is not None:
        unit = report.law.target_unit if report.law else ""
        axes.set_xlabel(f"measured {target.name} [{unit}]")
        axes.set_ylabel(f"predicted {target.name} [{unit}]")
    if log:
        axes.legend(frameon=False)


def exponent_forest(report: Report, axes: "Axes") -> None:
    """Exponents of the variables with their intervals and the rationals proposed."""
    shown = report.fit.variable_exponents if report.fit else ()
    for row, e in enumerate(shown):
        ends = np.nan_to_num([e.low, e.high], posinf=np.nan, neginf=np.nan)
        axes.plot(ends, [row, row], color=_BLUE, linewidth=2)
        axes.plot([e.value], [row], "o", color=_BLUE, markersize=5)
        if e.rational is not None:
            axes.plot([float(e.rational)], [row], "D", color=_ORANGE, markersize=5, zorder=3)
            axes.annotate(
                str(e.rational),
                (float(e.rational), row),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                color=_ORANGE,
            )
    axes.set_yticks(range(len(shown)), [e.name for e in shown])
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.set_xlabel("exponent")
    axes.axvline(0.0, color=_GREY, linewidth=0.8)


def save_figures(report: Report, folder: Path) -> list[Path]:
    """Save the figures that the report has data for, as SVG.

    Returns
    -------
    list of Path
    """
    from matplotlib.figure import Figure

    written = []
    wanted = []
    if len(report.measured):
        wanted.append(("predicted_against_measured", predicted_against_measured, 3.4))
    if report.fit is not None and report.fit.variable_exponents:
        height = 1.0 + 0.35 * len(report.fit.variable_exponents)
        wanted.append(("exponents", exponent_forest, height))
    for name, draw, height in wanted:
        figure = Figure(figsize=(3.5, height), layout="constrained")
        draw(report, figure.subplots())
        path = folder / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        written.append(path)
    return written
