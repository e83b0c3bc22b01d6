"""All runs on one curve: the response against the group that matters most."""

from typing import TYPE_CHECKING

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.groups.group import PiGroup
from dimgs.report.figures.labels import (
    group_label,
    inline,
    response_label,
    scatter,
    target_label,
)
from dimgs.report.figures.style import INK, MUTED, drawn, log_ticks, math_label, styled, with_unit
from dimgs.report.results import Report
from dimgs.report.runs import Runs
from dimgs.report.words import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_CURVE = 200
_JUMP = 8.0
_LEAST_ROOM = 10.0


@styled
def collapse(
    report: Report, axes: "Axes", group: str | None = None, level: float | None = None
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
    >>> collapse(report, axes)
    >>> print(axes.get_xlabel())
    Reynolds number  $\mathrm{Re}$
    """
    runs = Runs.of(report)
    rows = drawn(runs.n)
    if not runs.varied:
        _monomial(runs, axes, rows)
        return
    name = runs.name_of(group)
    x, y = moved(runs, name)
    line, middle = curve(runs, name)
    band = runs.band(runs.along(name, line), report.level if level is None else level)
    low, high = _within_sight(runs, band, np.concatenate([y, middle]))
    axes.fill_between(line, low, high, color=MUTED, alpha=0.22, linewidth=0, zorder=1)
    axes.plot(line, middle, color=INK, zorder=2)
    scatter(runs, axes, x, y, rows)
    axes.set_xlabel(group_label(runs, name))
    axes.set_ylabel(response_label(runs))
    finish(runs, axes, name, np.concatenate([y, middle]))
    others = [n for n in runs.varied if n != name and n in _used(runs)]
    if others:
        fixed = ",  ".join(
            f"{math_label(runs.symbol(n), n)} = {short(runs.middle[n])}" for n in others
        )
        axes.set_title(f"at {fixed}")


def _within_sight(runs: Runs, band: tuple[Array, Array], y: Array) -> tuple[Array, Array]:
    """The band, cut where it would shrink the runs to a line."""
    y = y[np.isfinite(y)]
    low, high = float(np.min(y)), float(np.max(y))
    if runs.is_log and low > 0:
        room = max(_LEAST_ROOM, high / low)
        low, high = low / room, high * room
    else:
        low, high = 2 * low - high, 2 * high - low
    return np.clip(band[0], low, high), np.clip(band[1], low, high)


def _used(runs: Runs) -> set[str]:
    return {str(s) for s in runs.law.pi_expression.free_symbols}


def moved(runs: Runs, name: str) -> tuple[Array, Array]:
    """A group at every run, and the response moved along the law to the medians of the others."""
    x = runs.values[name]
    there, here = runs.fitted(runs.along(name, x)), runs.fitted()
    if runs.is_log:
        return x, np.asarray(runs.measured * there / here)
    return x, np.asarray(runs.measured + there - here)


def curve(runs: Runs, name: str) -> tuple[Array, Array]:
    """The law along a group over its range, the others at their medians; NaN at a jump."""
    low, high = runs.law.domain.groups[name]
    log = name in runs.groups and low > 0
    line = np.geomspace(low, high, _CURVE) if log else np.linspace(low, high, _CURVE)
    values = runs.fitted(runs.along(name, line))
    if runs.law.pi_expression.has(sympy.Piecewise):
        steps = np.abs(np.diff(values))
        beside = np.minimum(np.append(steps[1:], np.inf), np.insert(steps[:-1], 0, np.inf))
        jumps = np.flatnonzero(steps > _JUMP * beside + 1e-12 * np.abs(values[:-1]))
        values = np.insert(values, jumps + 1, np.nan)
        line = np.insert(line, jumps + 1, np.sqrt(line[jumps] * line[jumps + 1]))
    return line, values


def finish(runs: Runs, axes: "Axes", name: str, y: Array) -> None:
    """Scales of the axes: logarithmic where the law is about ratios."""
    if name in runs.groups:
        log_ticks(axes, "x")
    if runs.is_log and bool(np.all(y[np.isfinite(y)] > 0)):
        log_ticks(axes, "y")


def _monomial(runs: Runs, axes: "Axes", rows: NDArray[np.intp]) -> None:
    x, target = runs.factor, runs.measured * runs.factor
    constant = runs.fitted()
    order = np.argsort(x)
    axes.plot(x[order], (constant * x)[order], color=INK, zorder=2)
    scatter(runs, axes, x, target, rows)
    powers = {k: -e for k, e in runs.law.response.exponents if k != runs.law.target.name}
    product = PiGroup.of("rest", powers)
    label = math_label(inline(runs, product), str(product)) if powers else "1"
    axes.set_xlabel(with_unit(label, runs.law.target_unit))
    axes.set_ylabel(target_label(runs))
    log = bool(np.all(x > 0) and np.all(target > 0)) and runs.is_log
    if log:
        log_ticks(axes, "x")
        log_ticks(axes, "y")
    value = math_label(runs.response_symbol, "pi_0")
    axes.set_title(f"{value} = {float(np.median(constant)):.4g}")
