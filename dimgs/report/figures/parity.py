"""Predicted against measured."""

from typing import TYPE_CHECKING

import numpy as np

from dimgs.report.figures.labels import scatter, target_label
from dimgs.report.figures.style import MUTED, drawn, log_ticks, styled
from dimgs.report.results import Report
from dimgs.report.runs import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BANDS = ((0.2, 0.13), (0.1, 0.2))


@styled
def predicted_against_measured(report: Report, axes: "Axes", left_out: bool = True) -> None:
    """Predicted against measured target, with bands of ±10 % and ±20 %.

    Parameters
    ----------
    report : Report
    axes : Axes
    left_out : bool
        Whether each run is predicted by the law refitted without it, where the report has that;
        otherwise by the law of all runs.

    Raises
    ------
    InputError
        If the report has no law or no runs.

    Examples
    --------
    >>> import dimgs
    >>> from dimgs.report.figures import new_axes, predicted_against_measured
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> axes = new_axes()
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> predicted_against_measured(report, axes)
    >>> print(axes.get_ylabel())
    predicted when left out $T$ [s]
    """
    runs = Runs.of(report)
    own = left_out and len(report.left_out) == runs.n
    measured = np.asarray(report.measured, dtype=np.float64)
    predicted = np.asarray(report.left_out if own else report.predicted, dtype=np.float64)
    both = np.concatenate([measured, predicted])
    log = runs.is_log and bool(np.all(both > 0))
    low, high = float(both.min()), float(both.max())
    ends = (low, high) if log else (low - 0.03 * (high - low), high + 0.03 * (high - low))
    line = np.geomspace(*ends, 50) if log else np.linspace(*ends, 50)
    if not runs.law.target.is_level:
        for width, shade in BANDS:
            axes.fill_between(
                line,
                line - width * np.abs(line),
                line + width * np.abs(line),
                color=MUTED,
                alpha=shade,
                linewidth=0,
                label=f"±{100 * width:.0f} %",
            )
    axes.plot(line, line, color=MUTED, linewidth=0.9, zorder=2)
    scatter(runs, axes, measured, predicted, drawn(runs.n), apart=False)
    if log:
        log_ticks(axes, "x")
        log_ticks(axes, "y")
    axes.set_xlabel(target_label(runs, "measured"))
    axes.set_ylabel(target_label(runs, "predicted when left out" if own else "predicted"))
    handles, names = axes.get_legend_handles_labels()
    shown = [(h, n) for h, n in zip(handles, names, strict=True) if n.startswith("±")]
    if shown:
        axes.legend(*zip(*shown, strict=True), loc="upper left")
