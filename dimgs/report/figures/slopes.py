"""The law on logarithmic axes, its exponents drawn as triangles."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dimgs.errors import InputError
from dimgs.rationals import equal_rational
from dimgs.report.figures.collapse import curve, moved
from dimgs.report.figures.labels import group_label, response_label, scatter
from dimgs.report.figures.style import INK, ORANGE, RUST, drawn, log_ticks, styled
from dimgs.report.results import Report
from dimgs.report.runs import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_SAME_SLOPE = 0.05
_SIMPLE = 6
_ROUNDING = 1e-6
_SHORTEST = 0.08


@styled
def slopes(report: Report, axes: "Axes", group: str | None = None) -> None:
    """Log-log plot of the collapsed runs with the law's exponents as slope triangles.

    A power law has one triangle; regimes have one each; a law whose exponent drifts has one
    near either end. Each triangle is one unit of its horizontal leg, and the number is the rise.

    Parameters
    ----------
    report : Report
    axes : Axes
    group : str, optional
        See :func:`collapse`.

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
    >>> slopes(report, axes)
    >>> [text.get_text() for text in axes.texts]
    ['1', '−1/4']
    """
    runs = Runs.of(report)
    name = runs.name_of(group)
    if not runs.is_log or name not in runs.groups:
        raise InputError(
            "Slopes are drawn for a response with a logarithm along a group; use collapse here."
        )
    x, y = moved(runs, name)
    line, middle = curve(runs, name)
    axes.plot(line, middle, color=INK, zorder=2)
    scatter(runs, axes, x, y, drawn(runs.n))
    log_ticks(axes, "x")
    log_ticks(axes, "y")
    axes.set_xlabel(group_label(runs, name))
    axes.set_ylabel(response_label(runs))
    for start, end, slope in pieces(line, middle):
        _triangle(axes, line, middle, start, end, slope)
    low, high = axes.get_ylim()
    axes.set_ylim(low / (high / low) ** 0.08, high)
    log_ticks(axes, "y")


def pieces(line: Array, values: Array) -> list[tuple[float, float, float]]:
    """Stretches of constant slope as (from, to, slope) in log x; ends of a drifting one."""
    u, v = np.log(line), np.log(np.where(values > 0, values, np.nan))
    slope = np.diff(v) / np.diff(u)
    good = np.isfinite(slope)
    change = np.abs(np.diff(slope, prepend=slope[:1]))
    breaks = np.flatnonzero(~good | ~(change <= _SAME_SLOPE))
    edges = [0, *breaks.tolist(), slope.size]
    out = []
    whole = u[-1] - u[0]
    for a, b in pairwise(edges):
        a = a + 1 if a in breaks else a
        if b <= a or u[b] - u[a] < _SHORTEST * whole:
            continue
        first, last = float(slope[a]), float(slope[b - 1])
        if abs(first - last) < _SAME_SLOPE:
            out.append((float(u[a]), float(u[b]), float(np.median(slope[a:b]))))
            continue
        third = (u[b] - u[a]) / 3
        for lo, hi in ((u[a], u[a] + third), (u[b] - third, u[b])):
            inside = (u[:-1] >= lo - _ROUNDING) & (u[1:] <= hi + _ROUNDING)
            out.append((float(lo), float(hi), float(np.median(slope[inside]))))
    return out


def slope_text(slope: float) -> str:
    """A simple rational where the slope is one, else three digits."""
    simple = equal_rational(slope, _SIMPLE, _ROUNDING)
    if simple is not None:
        return str(simple).replace("-", "−")
    return f"{slope:.3g}".replace("-", "−")


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
    axes.fill(
        [left, corner[0], right],
        [y_left, corner[1], y_right],
        facecolor="none",
        edgecolor=ORANGE,
        linewidth=1.0,
        zorder=4,
    )
    text: dict[str, Any] = {
        "color": RUST,
        "fontsize": 7.5,
        "textcoords": "offset points",
        "zorder": 5,
    }
    middle = float(np.sqrt(left * right))
    axes.annotate("1", (middle, base), xytext=(0, -3), ha="center", va="top", **text)
    side = (3, "left") if slope > 0 else (-3, "right")
    axes.annotate(
        slope_text(slope),
        (corner[0], float(np.sqrt(y_left * y_right))),
        xytext=(side[0], 0),
        ha=side[1],
        va="center",
        **text,
    )
