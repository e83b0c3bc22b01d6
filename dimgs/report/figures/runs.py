"""Figures of runs: residuals, maps, and all runs on one curve."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.groups.group import PiGroup
from dimgs.report.figures import style
from dimgs.report.findings import Findings, ReportRuns
from dimgs.report.words import rational_text, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# ---- Predicted against measured values, and residuals by run, along groups and by label.


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
    what = "predicted when left out" if held_out else "predicted"
    axes.set_xlabel(style.target_label(runs, "measured"))
    axes.set_ylabel(style.target_label(runs, what))
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


def residuals(runs: ReportRuns) -> tuple[Array, str]:
    """Residual of every run and what it is, in percent where the response is a ratio.

    Returns
    -------
    ndarray of shape (n_runs,), str
        Of the law refitted without the run, where the report has that.
    """
    measured, predicted, held_out = runs.report.judged_on()
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
    y, what = residuals(runs)
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
    y, what = residuals(runs)
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


# ---- Maps of the runs.


# share of the variance: the runs lie on a line, and a second axis shows rounding
_FLAT = 1e-6


@style.styled
def principal_map(
    coordinates: ArrayLike,
    axes: "Axes",
    shares: ArrayLike | None = None,
    colour: ArrayLike | None = None,
    label: str = "",
) -> None:
    """Runs in the plane of their first two principal components or coordinates.

    Parameters
    ----------
    coordinates : array-like of shape (n_runs, n_axes)
        Scores of a PCA, or coordinates of a PCoA; a single axis is drawn as a line.
    axes : Axes
    shares : array-like of shape (n_axes,), optional
        Share of each axis, for the labels.
    colour : array-like of shape (n_runs,), optional
        Numbers become a colour scale, strings a colour and a marker each.
    label : str
        What the colour is.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no axis, or `colour` has another length.

    Examples
    --------
    >>> from dimgs.report.figures import new_axes, principal_map
    >>> axes = new_axes()
    >>> _ = principal_map([[0, 1], [1, 0], [2, 1]], axes, shares=[0.8, 0.2], colour=["a", "b", "a"])
    >>> print(axes.get_xlabel())
    axis 1 (80 %)
    """
    places = np.asarray(coordinates, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] == 0 or len(places) == 0:
        raise InputError("A map needs coordinates of shape (n_runs, n_axes) with an axis or two.")
    if places.shape[1] == 1:
        places = np.column_stack([places[:, 0], np.zeros(len(places))])
    shown = style.drawn(len(places))
    axes.axhline(0.0, color=style.RULE, linewidth=0.7, zorder=0)
    axes.axvline(0.0, color=style.RULE, linewidth=0.7, zorder=0)
    _points(axes, places[shown], None if colour is None else np.asarray(colour), shown, label)
    parts = [] if shares is None else np.asarray(shares, dtype=np.float64).tolist()
    for k, name in enumerate(("x", "y")):
        share = f" ({parts[k]:.0%})".replace("%", " %") if k < len(parts) else ""
        getattr(axes, f"set_{name}label")(f"axis {k + 1}{share}")
    axes.set_aspect("equal", adjustable="datalim")


def _points(
    axes: "Axes", places: Array, colour: NDArray[np.generic] | None, shown: IntArray, label: str
) -> None:
    if colour is None:
        axes.plot(*places.T, "o", color=style.PALETTE[0], alpha=0.8, markeredgewidth=0)
        return
    if colour.ndim != 1 or colour.size < int(shown[-1]) + 1:
        raise InputError("The colours of a map need one value for each run.")
    colours = colour[shown]
    if colours.dtype.kind in "fiu":
        (x, y), values = places.T, colours.astype(np.float64)
        # an edge, so that the ends of the scale are seen on paper and on black
        dots = axes.scatter(
            x, y, c=values, cmap="cividis", s=18, linewidths=0.6, edgecolors=style.MUTED
        )
        bar = axes.figure.colorbar(dots, ax=axes, label=label, shrink=0.9)
        bar.outline.set_visible(False)
        return
    texts = colours.astype(str)
    names = sorted(set(texts))
    sets = [(style.plot_text(name, style.LABEL_LETTERS), texts == name) for name in names]
    style.plot_sets(axes, places[:, 0], places[:, 1], sets, alpha=0.85, markeredgewidth=0)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)


@style.listed("runs")
def principal_axes(report: Findings, axes: "Axes") -> None:
    """Runs on the principal axes of their log-ratios, coloured by the target.

    The axes do not depend on the basis of the groups; see
    :func:`dimgs.fits.geometry.log_ratio_pca`.

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
        If fewer than two groups varied.

    Examples
    --------
    >>> import numpy as np
    >>> import dimgs
    >>> from dimgs.report.figures import new_axes, principal_axes
    >>> a, b, c = np.exp(np.random.default_rng(0).normal(size=(3, 20)))
    >>> data = dimgs.Dataset.from_columns(
    ...     {"a [m]": a, "b [m]": b, "c [m]": c, "y [m]": a**2 * b / c**2})
    >>> axes = new_axes()
    >>> _ = principal_axes(dimgs.discover(data, "y", engine="power_law"), axes)
    >>> len(axes.collections[0].get_offsets())
    20
    """
    from dimgs.fits.geometry import log_ratio_pca

    runs = ReportRuns.of(report)
    names = [n for n in runs.varied if n in runs.law.logged]
    if len(names) < 2:
        raise InputError("A map of the runs needs at least two groups that varied.")
    logs = np.log(np.column_stack([runs.values[n] for n in names]))
    variables = sorted({v for n in names for v, _ in runs.groups[n].exponents})
    powers = [[float(runs.groups[n].get(v)) for n in names] for v in variables]
    pca = log_ratio_pca(logs, np.asarray(powers))
    if pca.shares[1] < _FLAT:
        raise InputError(
            "The varied groups are proportional to each other, so their map is a line."
        )
    column = runs.label_column
    if column is not None:
        colour: NDArray[np.generic] = np.array([str(x) for x in runs.data[column]])
        label = style.plot_text(column)
    else:
        target = np.asarray(report.measured, dtype=np.float64)
        log = runs.is_log and bool(np.all(target > 0))
        colour = np.log10(target) if log else target
        label = ("log₁₀ " if log else "") + style.target_label(runs)
    principal_map(pca.scores[:, :2], axes, pca.shares, colour, label)


# ---- The response against the group that matters most: all runs on one curve, and its slopes.


# points: lines look smooth in print
_CURVE = 200
# a step this much above its neighbours is a jump, where lines are broken
_JUMP = 8.0
# a decade: runs that hardly vary still show how wide the band is
_LEAST_ROOM = 10.0


@style.listed("collapse")
def collapse(
    report: Findings, axes: "Axes", group: str | None = None, level: float | None = None
) -> None:
    r"""Collapse of the runs on one group, with the law and the interval of a new run.

    Where the law has further groups, every run is moved along the law to their medians, so that
    what scatters about the curve is what the law leaves unexplained. Where it has none, the
    target is drawn against the only monomial that has its dimension.

    Parameters
    ----------
    report : Report
    axes : Axes
    group : str, optional
        Name (``"pi_1"``), or known name (``"Reynolds number"``), of the group to draw along; by
        default that along which the law varies most over the runs.
    level : float, optional
        Coverage of the band; that of the report by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the report has no law or no runs, or no such group.

    Examples
    --------
    >>> import numpy as np
    >>> import dimgs
    >>> from dimgs.report.figures import collapse, new_axes
    >>> reynolds = np.geomspace(3e3, 1e5, 12)
    >>> data = dimgs.Dataset.from_columns({
    ...     "U [m/s]": 2.0, "D [m]": 0.05, "rho [kg/m^3]": 1000.0,
    ...     "mu [Pa s]": 100.0 / reynolds, "tau [Pa]": 500 * 0.3164 * reynolds**-0.25})
    >>> report = dimgs.discover(data, "tau", engine="power_law")
    >>> axes = new_axes()
    >>> _ = collapse(report, axes)
    >>> print(axes.get_xlabel())
    Reynolds number  $\mathrm{Re}$
    """
    runs = ReportRuns.of(report)
    rows = style.drawn(runs.n)
    if not runs.varied:
        _monomial(runs, axes, rows)
        return
    name = runs.name_of(group)
    x, y = moved(runs, name)
    line, middle = curve(runs, name)
    band = runs.band(runs.along(name, line), report.level if level is None else level)
    low, high = _within_sight(runs, band, np.concatenate([y, middle]))
    axes.fill_between(line, low, high, color=style.MUTED, alpha=0.22, linewidth=0, zorder=1)
    axes.plot(line, middle, color=style.INK, zorder=2)
    style.scatter(runs, axes, x, y, rows)
    style.label_axes(runs, axes, name, values=np.concatenate([y, middle]))
    used = {str(s) for s in runs.law.pi_expression.free_symbols}
    others = [n for n in runs.varied if n != name and n in used]
    if others:
        fixed = ",  ".join(
            f"{style.math_label(runs.symbol(n), n)} = {short(runs.middle[n])}" for n in others
        )
        axes.set_title(f"at {fixed}")


def _within_sight(runs: ReportRuns, band: tuple[Array, Array], y: Array) -> tuple[Array, Array]:
    """The band, cut where it would shrink the runs to a line."""
    y = y[np.isfinite(y)]
    low, high = float(np.min(y)), float(np.max(y))
    if runs.is_log and low > 0:
        # runs over 600 decades have all the room that doubles have
        with np.errstate(over="ignore"):
            room = max(_LEAST_ROOM, high / low)
            low, high = low / room, high * room
    else:
        low, high = 2 * low - high, 2 * high - low
    return np.clip(band[0], low, high), np.clip(band[1], low, high)


def moved(runs: ReportRuns, name: str) -> tuple[Array, Array]:
    """A group at every run, and the response moved along the law to the medians of the others."""
    x = runs.values[name]
    there, here = runs.fitted(runs.along(name, x)), runs.fitted()
    if runs.is_log:
        return x, np.asarray(runs.measured * (there / here))
    return x, np.asarray(runs.measured + there - here)


def curve(runs: ReportRuns, name: str) -> tuple[Array, Array]:
    """The law along a group over its range, the others at their medians; NaN at a jump."""
    low, high = runs.law.domain.groups[name]
    log = name in runs.law.logged and low > 0
    line = np.geomspace(low, high, _CURVE) if log else np.linspace(low, high, _CURVE)
    values = runs.fitted(runs.along(name, line))
    if runs.law.pi_expression.has(sympy.Piecewise):
        steps = np.abs(np.diff(values))
        neighbours = np.minimum(np.append(steps[1:], np.inf), np.insert(steps[:-1], 0, np.inf))
        jumps = np.flatnonzero(steps > _JUMP * neighbours + 1e-12 * np.abs(values[:-1]))
        values = np.insert(values, jumps + 1, np.nan)
        line = np.insert(line, jumps + 1, np.sqrt(line[jumps]) * np.sqrt(line[jumps + 1]))
    return line, values


def _monomial(runs: ReportRuns, axes: "Axes", rows: IntArray) -> None:
    x, target = runs.factor, runs.measured * runs.factor
    constant = runs.fitted()
    order = np.argsort(x)
    axes.plot(x[order], (constant * x)[order], color=style.INK, zorder=2)
    style.scatter(runs, axes, x, target, rows)
    powers = {k: -e for k, e in runs.law.response.exponents if k != runs.law.target.name}
    product = PiGroup.of("rest", powers)
    label = style.math_label(runs.definition(product, flat=True), str(product)) if powers else "1"
    axes.set_xlabel(style.with_unit(label, runs.law.target_unit))
    axes.set_ylabel(style.target_label(runs))
    log = bool(np.all(x > 0) and np.all(target > 0)) and runs.is_log
    if log:
        style.log_ticks(axes, "x", "y")
    value = style.math_label(runs.response_symbol, "pi_0")
    axes.set_title(f"{value} = {float(np.median(constant)):.4g}")


# an exponent that drifts by less looks straight
_SAME_SLOPE = 0.05
# largest denominator that reads as a slope
_SIMPLE = 6
# slopes are differences of a drawn line: their rounding lies below
_ROUNDING = 1e-6
# of the axis: a triangle of a shorter stretch cannot be read
_SHORTEST = 0.08
# the least normal double is e^-708.4
_LEAST_LOG = -708.0


@style.listed("slopes")
def slopes(report: Findings, axes: "Axes", group: str | None = None) -> None:
    """Log-log plot of the collapsed runs with the law's exponents as slope triangles.

    A power law has one triangle; regimes have one each; a law whose exponent drifts has one
    near either end. Each triangle is one unit of its horizontal leg, and the number is the rise.

    Parameters
    ----------
    report : Report
    axes : Axes
    group : str, optional
        See :func:`collapse`.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the response is not judged by ratios, or the group enters without a logarithm.

    Examples
    --------
    >>> import numpy as np
    >>> import dimgs
    >>> from dimgs.report.figures import new_axes, slopes
    >>> a = np.geomspace(1, 100, 12)
    >>> data = dimgs.Dataset.from_columns({"a [m]": a, "b [m]": 1.0, "y [m]": 3 * a**0.75})
    >>> report = dimgs.discover(data, "y", engine="power_law")  # pi_0 = y/a
    >>> axes = new_axes()
    >>> _ = slopes(report, axes)
    >>> [text.get_text() for text in axes.texts]
    ['1', '−1/4']
    """
    runs = ReportRuns.of(report)
    name = runs.name_of(group)
    if not runs.is_log or name not in runs.law.logged:
        raise InputError(
            "Slopes are drawn for a response with a logarithm along a group; use collapse here."
        )
    x, y = moved(runs, name)
    line, middle = curve(runs, name)
    axes.plot(line, middle, color=style.INK, zorder=2)
    style.scatter(runs, axes, x, y, style.drawn(runs.n))
    style.label_axes(runs, axes, name)
    for start, end, slope in pieces(line, middle):
        _triangle(axes, line, middle, start, end, slope)
    low, high = np.log(axes.get_ylim())
    # a twelfth of the axis for the triangles, unless it ends where the numbers do
    axes.set_ylim(np.exp(max(low - 0.08 * (high - low), _LEAST_LOG)), np.exp(high))
    style.log_ticks(axes, "y")


def pieces(line: Array, values: Array) -> list[tuple[float, float, float]]:
    """Stretches of constant slope as (from, to, slope) in log x; ends of a drifting one."""
    u, v = np.log(line), np.log(np.where(values > 0, values, np.nan))
    slope = np.diff(v) / np.diff(u)
    good = np.isfinite(slope)
    change = np.abs(np.diff(slope, prepend=slope[:1]))
    breaks = np.flatnonzero(~good | ~(change <= _SAME_SLOPE))
    edges = [0, *breaks.tolist(), slope.size]
    stretches = []
    whole = u[-1] - u[0]
    for a, b in pairwise(edges):
        a = a + 1 if a in breaks else a
        if b <= a or u[b] - u[a] < _SHORTEST * whole:
            continue
        first, last = float(slope[a]), float(slope[b - 1])
        if abs(first - last) < _SAME_SLOPE:
            stretches.append((float(u[a]), float(u[b]), float(np.median(slope[a:b]))))
            continue
        third = (u[b] - u[a]) / 3
        for lo, hi in ((u[a], u[a] + third), (u[b] - third, u[b])):
            inside = (u[:-1] >= lo - _ROUNDING) & (u[1:] <= hi + _ROUNDING)
            stretches.append((float(lo), float(hi), float(np.median(slope[inside]))))
    return stretches


def _triangle(
    axes: "Axes", line: Array, values: Array, start: float, end: float, slope: float
) -> None:
    """Triangle below a stretch of the curve, its hypotenuse parallel to the law."""
    centre, half = (start + end) / 2, 0.16 * min(end - start, np.ptp(np.log(line)) * 0.6)
    left, right = np.exp(centre - half), np.exp(centre + half)
    height = np.log(axes.get_ylim()[1] / axes.get_ylim()[0])
    at = np.log(np.interp(np.exp(centre), line, values)) - 0.11 * height
    y_left, y_right = np.exp(at - slope * half), np.exp(at + slope * half)
    base = min(y_left, y_right)
    corner = (right, base) if slope > 0 else (left, base)
    corners = [left, corner[0], right], [y_left, corner[1], y_right]
    axes.fill(*corners, facecolor="none", edgecolor=style.ORANGE, linewidth=1.0, zorder=4)
    middle = float(np.sqrt(left) * np.sqrt(right))
    style.beside(axes, "1", (middle, base), (0, -3), ha="center", va="top", zorder=5)
    away, side = (3, "left") if slope > 0 else (-3, "right")
    up = float(np.sqrt(y_left) * np.sqrt(y_right))
    text, leg = rational_text(slope, _SIMPLE, _ROUNDING), (corner[0], up)
    style.beside(axes, text, leg, (away, 0), ha=side, va="center", zorder=5)
