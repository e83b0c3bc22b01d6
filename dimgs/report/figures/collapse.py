"""The response against the group that matters most: all runs on one curve, and its slopes."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import sympy

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import InputError
from dimgs.groups.group import PiGroup
from dimgs.report.figures import style
from dimgs.report.findings import Findings
from dimgs.report.report_runs import ReportRuns
from dimgs.report.words import rational_text, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    label = style.math_label(style.inline(runs, product), str(product)) if powers else "1"
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
