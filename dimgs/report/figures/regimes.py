"""Map of the regimes in the plane of two groups."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dimgs.errors import InputError
from dimgs.expression import sympy_parse_condition
from dimgs.law.evaluate import evaluate
from dimgs.report.figures.collapse import curve
from dimgs.report.figures.labels import group_label, response_label
from dimgs.report.figures.style import (
    INK,
    MARKERS,
    MUTED,
    PALETTE,
    drawn,
    log_ticks,
    math_label,
    styled,
)
from dimgs.report.results import Report
from dimgs.report.runs import Runs
from dimgs.report.words import condition_latex

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_MESH = 240
_MARGIN = 0.06


@styled
def regime_map(report: Report, axes: "Axes", x: str | None = None, y: str | None = None) -> None:
    """Regimes as areas in the plane of two groups, with the runs in their markers.

    Further groups are held at their medians. Where a single group varied, the second axis is
    the response, and the law is drawn.

    Parameters
    ----------
    report : Report
        Of an analysis with ``regimes=True``.
    axes : Axes
    x, y : str, optional
        Groups; by default those that the conditions of the regimes name, then the others.

    Raises
    ------
    InputError
        If the report has no regimes, or no such group.

    Examples
    --------
    >>> import numpy as np
    >>> import dimgs
    >>> from dimgs.discovery.discover import discover_with
    >>> from dimgs.report.figures import new_axes, regime_map
    >>> r = np.geomspace(1, 1e4, 40)
    >>> y = np.where(r < 100, r, 10 * np.sqrt(r))
    >>> data = dimgs.Dataset.from_columns({"r [m]": r, "l [m]": 1.0, "y [m]": y})
    >>> options = dimgs.Options(engine="power_law", regimes=True)
    >>> axes = new_axes()
    >>> regime_map(discover_with(data, "y", options), axes)
    >>> len(axes.get_legend().get_texts())
    2
    """
    runs = Runs.of(report)
    regimes = report.regimes
    if not regimes:
        raise InputError("The report has no regimes; ask for them with regimes=True (--regimes).")
    names = _names(runs, regimes, x, y)
    where = np.argmax([inside(r["where"], runs.values, runs.n) for r in regimes], axis=0)
    if len(names) == 2:
        _areas(runs, axes, regimes, names)
        horizontal, vertical = (runs.values[n] for n in names)
    else:
        _stripes(runs, axes, regimes, names[0])
        horizontal, vertical = runs.values[names[0]], runs.measured
    rows = drawn(runs.n)
    for k, regime in enumerate(regimes):
        own = rows[where[rows] == k]
        text = math_label(condition_latex(runs, regime["where"]), regime["where"])
        axes.plot(
            horizontal[own],
            vertical[own],
            MARKERS[k % len(MARKERS)],
            color=PALETTE[k % len(PALETTE)],
            markeredgewidth=0,
            alpha=0.85,
            label=f"{text}  ({regime['n']} runs)",
            zorder=3,
        )
    axes.set_xlabel(group_label(runs, names[0]))
    axes.set_ylabel(group_label(runs, names[1]) if len(names) == 2 else response_label(runs))
    logged = [names[0] in runs.groups]
    logged += [names[1] in runs.groups if len(names) == 2 else runs.is_log]
    for which, log in zip("xy", logged, strict=True):
        if log:
            log_ticks(axes, which)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, labelcolor=INK)


def inside(where: str, values: dict[str, Array], n: int) -> NDArray[np.bool_]:
    """Whether a condition over group names holds in each of `n` rows."""
    if where == "True":
        return np.ones(n, dtype=bool)
    condition: Any = sympy_parse_condition(where, list(values))
    return evaluate(condition, values, n) > 0.5


def _names(runs: Runs, regimes: Any, x: str | None, y: str | None) -> list[str]:
    used = " ".join(r["where"] for r in regimes)
    order = sorted(runs.varied, key=lambda n: (n not in used, n != runs.dominant, n))
    chosen = [runs.name_of(name) for name in (x, y) if name is not None]
    rest = [n for n in order if n not in chosen]
    runs.name_of(None)
    return (chosen + rest)[:2]


def _areas(runs: Runs, axes: "Axes", regimes: Any, names: list[str]) -> None:
    lines = []
    for name in names:
        low, high = runs.law.domain.groups[name]
        log = name in runs.groups
        ends = np.log([low, high]) if log else np.array([low, high])
        more = _MARGIN * np.ptp(ends)
        line = np.linspace(ends[0] - more, ends[1] + more, _MESH)
        lines.append(np.exp(line) if log else line)
    across, up = np.meshgrid(*lines)
    flat = runs.along(names[0], across.ravel()) | {names[1]: up.ravel()}
    for k, regime in enumerate(regimes):
        area = inside(regime["where"], flat, across.size).reshape(across.shape)
        if not area.any():
            continue
        colour = PALETTE[k % len(PALETTE)]
        axes.contourf(across, up, area, levels=[0.5, 1.5], colors=[colour], alpha=0.13)
        if not area.all():
            axes.contour(across, up, area, levels=[0.5], colors=[MUTED], linewidths=0.8)


def _stripes(runs: Runs, axes: "Axes", regimes: Any, name: str) -> None:
    line, middle = curve(runs, name)
    values = runs.along(name, line)
    for k, regime in enumerate(regimes):
        own = np.flatnonzero(inside(regime["where"], values, line.size))
        for part in np.split(own, np.flatnonzero(np.diff(own) > 1) + 1):
            if part.size:
                ends = line[part[0]], line[min(part[-1] + 1, line.size - 1)]
                axes.axvspan(*ends, color=PALETTE[k % len(PALETTE)], alpha=0.1, linewidth=0)
                axes.plot(line[part], middle[part], color=INK, zorder=2)
