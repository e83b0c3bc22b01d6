"""Predicted against measured values, and residuals by run, along groups and by label."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.report.figures import style
from dimgs.report.findings import Findings
from dimgs.report.report_runs import ReportRuns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# relative errors of 20 % and 10 %, which a reader knows by sight, and how dark they are
BANDS = ((0.2, 0.13), (0.1, 0.2))


@style.listed("predicted_against_measured")
def predicted_against_measured(report: Findings, axes: "Axes", left_out: bool = True) -> None:
    """Predicted against measured target, with bands of ±10 % and ±20 %.

    Parameters
    ----------
    report : Report
    axes : Axes
    left_out : bool
        Whether each run is predicted by the law refitted without it, where the report has that;
        otherwise by the law of all runs.

    Returns
    -------
    Axes

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
    >>> _ = predicted_against_measured(report, axes)
    >>> print(axes.get_ylabel())
    predicted when left out $T$ [s]
    """
    runs = ReportRuns.of(report)
    measured, predicted, held_out = report.judged_on(left_out=left_out)
    both = np.concatenate([measured, predicted])
    log = runs.is_log and bool(np.all(both > 0))
    low, high = float(both.min()), float(both.max())
    ends = (low, high) if log else (low - 0.03 * (high - low), high + 0.03 * (high - low))
    line = np.geomspace(*ends, 50) if log else np.linspace(*ends, 50)
    if not runs.law.target.is_level:
        for width, shade in BANDS:
            half, label = width * np.abs(line), f"±{100 * width:.0f} %"
            band = axes.fill_between(line, line - half, line + half, color=style.MUTED, linewidth=0)
            band.set(alpha=shade, label=label)
    axes.plot(line, line, color=style.MUTED, linewidth=0.9, zorder=2)
    style.scatter(runs, axes, measured, predicted, style.drawn(runs.n), apart=False)
    if log:
        style.log_ticks(axes, "x", "y")
    axes.set_xlabel(style.target_label(runs, "measured"))
    axes.set_ylabel(
        style.target_label(runs, "predicted when left out" if held_out else "predicted")
    )
    handles, names = axes.get_legend_handles_labels()
    shown = [(h, n) for h, n in zip(handles, names, strict=True) if n.startswith("±")]
    if shown:
        axes.legend(*zip(*shown, strict=True), loc="upper left")


# robust standard deviations: one normal residual in 370 lies beyond
_NAMED = 3.0
# shares of the axes: what a name covers, and where it turns to the left
_NAME_SIZE = (0.16, 0.055)
# share of the width beyond which a name stands to the left of its point
_RIGHT = 0.8


def residuals(report: Findings) -> tuple[Array, str]:
    """Residual of every run and what it is, in percent where the response is a ratio.

    Returns
    -------
    ndarray of shape (n_runs,), str
        Of the law refitted without the run, where the report has that.
    """
    runs = ReportRuns.of(report)
    measured, predicted, held_out = report.judged_on()
    what = "residual, left out" if held_out else "residual"
    if runs.is_log:
        return 100.0 * (measured / predicted - 1.0), style.with_unit(what, "%")
    return measured - predicted, style.with_unit(what, runs.law.target_unit)


@style.listed("residuals_by_run")
def residuals_by_run(report: Findings, axes: "Axes") -> None:
    """Residual of every run in the order of the table, far ones named by their label or row.

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
        If the report has no law or no runs.

    Examples
    --------
    >>> import dimgs
    >>> from dimgs.report.figures import new_axes, residuals_by_run
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> axes = new_axes()
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> _ = residuals_by_run(report, axes)
    >>> axes.lines[-1].get_xdata().tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    from matplotlib.ticker import MaxNLocator

    runs = ReportRuns.of(report)
    y, what = residuals(report)
    x = np.asarray(runs.data.rows, dtype=np.float64)
    # the standard deviation of normal residuals, which a few outliers do not stretch
    spread = float(1.4826 * np.median(np.abs(y - np.median(y))))
    axes.axhspan(-2 * spread, 2 * spread, color=style.MUTED, alpha=0.14, linewidth=0)
    axes.axhline(0.0, color=style.RULE, linewidth=0.9)
    style.scatter(runs, axes, x, y, style.drawn(runs.n), above=True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    far = [i for i in np.argsort(-np.abs(y))[:5] if abs(y[i]) > _NAMED * spread > 0]
    _name_points(axes, x, y, far, _row_names(runs))
    named = runs.data.source not in ("columns", "DataFrame")
    axes.set_xlabel(f"row of {style.plot_text(runs.data.source)}" if named else "row")
    axes.set_ylabel(what)


def _name_points(
    axes: "Axes", x: Array, y: Array, points: Sequence[np.intp], names: Sequence[str]
) -> None:
    """Names beside points, on the side that has room; one that would cover another is left out."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    placed: list[Array] = []
    for i in map(int, points):
        across, up = (x[i] - left) / (right - left), (y[i] - low) / (high - low)
        aside = 4 if across < _RIGHT else -4
        middle = np.array([across + 0.005 * aside * max(3, len(names[i])), up])
        if any(np.all(np.abs(middle - other) < _NAME_SIZE) for other in placed):
            continue
        placed.append(middle)
        side = "left" if aside > 0 else "right"
        style.beside(axes, names[i], (x[i], y[i]), (aside, 0), ha=side, va="center", fontsize=7)


def _row_names(runs: ReportRuns) -> list[str]:
    """Label of each run where a column has one for each, else its row."""
    data = runs.data
    column = next((n for n in data.label_names if len(set(data[n])) == runs.n), None)
    if column is None:
        return [f"row {row}" for row in data.rows]
    return [style.plot_text(str(x), style.LABEL_LETTERS) for x in data[column]]


@style.listed("residuals_by_group")
def residuals_by_group(report: Findings, axes: "Axes", group: str | None = None) -> None:
    """Residuals along a group, or by label, with the mean of every part and its standard error.

    Parameters
    ----------
    report : Report
    axes : Axes
    group : str, optional
        A group of the law (see :func:`collapse`) or a label column of the table.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no such group or column, or no group varied.

    Examples
    --------
    >>> import dimgs
    >>> from dimgs.report.figures import new_axes, residuals_by_group
    >>> data = dimgs.Dataset.from_columns({
    ...     "L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537],
    ...     "by": ["Ada", "Bo", "Ada", "Bo"]})
    >>> axes = new_axes()
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> _ = residuals_by_group(report, axes, "by")
    >>> [label.get_text() for label in axes.get_xticklabels()]
    ['Ada', 'Bo']
    """
    runs = ReportRuns.of(report)
    y, what = residuals(report)
    axes.axhline(0.0, color=style.RULE, linewidth=0.9)
    axes.set_ylabel(what)
    if group is not None and group in runs.data.label_names:
        _by_label(runs, axes, group, y)
        return
    name = runs.name_of(group)
    x = runs.values[name]
    style.scatter(runs, axes, x, y, style.drawn(runs.n), above=True)
    parts = np.array_split(np.argsort(x, kind="stable"), min(6, max(1, runs.n // 4)))
    for part in parts:
        _mean(axes, float(np.median(x[part])), y[part])
    axes.set_xlabel(style.group_label(runs, name))
    if name in runs.law.logged:
        style.log_ticks(axes, "x")


@style.listed("residuals_by_label")
def residuals_by_label(report: Findings, axes: "Axes") -> None:
    """Residuals by the label that distinguishes the runs."""
    column = ReportRuns.of(report).label_column
    if column is None:
        raise InputError("The table has no label column with a few labels.")
    residuals_by_group(report, axes, column)


def _by_label(runs: ReportRuns, axes: "Axes", column: str, y: Array) -> None:
    labels = np.array([str(label) for label in runs.data[column]])
    names = sorted(set(labels))
    for k, label in enumerate(names):
        members = np.flatnonzero(labels == label)
        shown = members[style.drawn(members.size)]
        aside = k + 0.25 * (np.linspace(0, 1, shown.size) - 0.5)
        axes.plot(aside, y[shown], "o", color=style.BLUE, alpha=0.6, markeredgewidth=0, zorder=2)
        _mean(axes, float(k), y[members])
    shown_names = [style.plot_text(name, style.LABEL_LETTERS) for name in names]
    turned = len(names) > 4 or max(map(len, shown_names)) > style.LABEL_LETTERS // len(names)
    axes.set_xticks(range(len(names)), shown_names, rotation=30 if turned else 0)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_xlabel(style.plot_text(column))


def _mean(axes: "Axes", x: float, y: Array) -> None:
    error = float(np.std(y, ddof=1) / np.sqrt(y.size)) if y.size > 1 else 0.0
    axes.errorbar(
        [x],
        [float(np.mean(y))],
        yerr=[error],
        fmt="D",
        color=style.ORANGE,
        markersize=4,
        elinewidth=1.2,
        capsize=2.5,
        zorder=4,
    )
