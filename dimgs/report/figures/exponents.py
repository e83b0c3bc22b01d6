"""Exponents: their intervals, the regimes where they change, and local ones."""

from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, BoolArray
from dimgs.common.errors import InputError
from dimgs.expression import sympy_parse_condition
from dimgs.law.latex import symbol_latex
from dimgs.law.prediction import evaluate
from dimgs.report.figures import style
from dimgs.report.figures.collapse import curve
from dimgs.report.findings import Findings, by_run
from dimgs.report.report_runs import ReportRuns
from dimgs.report.words import condition_latex

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# share of the axis: a narrower interval would vanish behind its point
_NARROW = 0.02


@style.listed("exponents")
def exponent_forest(report: Findings, axes: "Axes") -> None:
    """Exponents of the variables with their intervals and the rationals proposed.

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
        If the report has no exponents of variables.

    Examples
    --------
    >>> import dimgs
    >>> from dimgs.report.figures import exponent_forest, new_axes
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> axes = new_axes()
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> _ = exponent_forest(report, axes)
    >>> [text.get_text() for text in axes.texts]
    ['1/2', '−1/2']
    """
    shown = sorted(report.exponents, key=lambda e: (-e.value, e.name))
    if not shown:
        raise InputError("The report has no exponents of variables; fit a power law first.")
    rows = list(reversed(range(len(shown))))
    numbers = [x for e in shown for x in (e.value, e.low, e.high) if np.isfinite(x)]
    span = max(np.ptp([0.0, *numbers]), 1e-9)
    axes.axvline(0.0, color=style.RULE, linewidth=0.8, zorder=0)
    for row, e in zip(rows, shown, strict=True):
        ends = np.array([e.low, e.high])
        if np.all(np.isfinite(ends)):
            axes.plot(ends, [row, row], color=style.BLUE, linewidth=2.2, solid_capstyle="butt")
        axes.plot([e.value], [row], "o", color=style.BLUE, markersize=5, zorder=3)
        if e.rational is None:
            continue
        at = float(e.rational)
        axes.plot(
            [at], [row], "|", color=style.ORANGE, markersize=13, markeredgewidth=1.6, zorder=4
        )
        style.beside(
            axes, str(e.rational).replace("-", "−"), (at, row), (0, 8), ha="center", va="bottom"
        )
        if np.all(np.isfinite(ends)) and np.ptp(ends) < _NARROW * span:
            axes.plot([e.value], [row], "o", color=style.BLUE, markersize=3, zorder=5)
    axes.set_yticks(rows, [style.math_label(symbol_latex(e.name), e.name) for e in shown])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(shown) - 0.2)
    axes.spines["left"].set_visible(False)
    level = report.law is not None and report.law.target.is_level
    axes.set_xlabel(
        "exponent of the ratio behind the level" if level else "exponent", color=style.INK
    )
    axes.margins(x=0.08)


# points along each axis: a border looks smooth in print
_MESH = 240
# of the axis, left free around the runs
_MARGIN = 0.06


@style.listed("regimes", lambda report: len(report.regimes or ()) > 1)
def regime_map(report: Findings, axes: "Axes", x: str | None = None, y: str | None = None) -> None:
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

    Returns
    -------
    Axes

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
    >>> _ = regime_map(discover_with(data, "y", options), axes)
    >>> len(axes.get_legend().get_texts())
    2
    """
    runs = ReportRuns.of(report)
    regimes = report.regimes
    if not regimes:
        raise InputError(f"The report has no regimes; request them ({setting('regimes')}).")
    names = _names(runs, regimes, x, y)
    where = np.argmax([inside(r["where"], runs.values, runs.n) for r in regimes], axis=0)
    if len(names) == 2:
        _areas(runs, axes, regimes, names)
        horizontal, vertical = (runs.values[n] for n in names)
    else:
        _stripes(runs, axes, regimes, names[0])
        horizontal, vertical = runs.values[names[0]], runs.measured
    rows = style.drawn(runs.n)
    sets = []
    for k, regime in enumerate(regimes):
        text = style.math_label(condition_latex(runs, regime["where"]), regime["where"])
        sets.append((f"{text}  ({regime['n']} runs)", rows[where[rows] == k]))
    style.plot_sets(axes, horizontal, vertical, sets, markeredgewidth=0, alpha=0.85, zorder=3)
    style.label_axes(runs, axes, *names)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, labelcolor=style.INK)


def inside(where: str, values: dict[str, Array], n: int) -> BoolArray:
    """Whether a condition over group names holds in each of `n` rows."""
    if where == "True":
        return np.ones(n, dtype=bool)
    condition: Any = sympy_parse_condition(where, list(values))
    return evaluate(condition, values, n) > 0.5


def _names(runs: ReportRuns, regimes: Any, x: str | None, y: str | None) -> list[str]:
    used = " ".join(r["where"] for r in regimes)
    order = sorted(runs.varied, key=lambda n: (n not in used, n != runs.dominant, n))
    chosen = [runs.name_of(name) for name in (x, y) if name is not None]
    rest = [n for n in order if n not in chosen]
    runs.name_of(None)
    return (chosen + rest)[:2]


def _areas(runs: ReportRuns, axes: "Axes", regimes: Any, names: list[str]) -> None:
    lines = []
    for name in names:
        low, high = runs.law.domain.groups[name]
        log = name in runs.law.logged
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
        colour = style.PALETTE[k % len(style.PALETTE)]
        axes.contourf(across, up, area, levels=[0.5, 1.5], colors=[colour], alpha=0.13)
        if not area.all():
            axes.contour(across, up, area, levels=[0.5], colors=[style.MUTED], linewidths=0.8)


def _stripes(runs: ReportRuns, axes: "Axes", regimes: Any, name: str) -> None:
    line, middle = curve(runs, name)
    values = runs.along(name, line)
    for k, regime in enumerate(regimes):
        members = np.flatnonzero(inside(regime["where"], values, line.size))
        for part in np.split(members, np.flatnonzero(np.diff(members) > 1) + 1):
            if part.size:
                ends = line[part[0]], line[min(part[-1] + 1, line.size - 1)]
                axes.axvspan(
                    *ends, color=style.PALETTE[k % len(style.PALETTE)], alpha=0.1, linewidth=0
                )
                axes.plot(line[part], middle[part], color=style.INK, zorder=2)


# of ln: the central difference is off by a sixth of its square, which no figure shows
_STEP = 1e-3
# more lines would hide the runs
_GUIDES = 5


@style.listed("local_exponents", lambda report: bool(report.fit and report.fit.local))
def exponent_field(report: Findings, axes: "Axes") -> None:
    """Local exponents of pi_0 over the groups: a curve along one group, arrows over two.

    With local exponents in the report (``local=True``) each run has its own, drawn with its
    interval; otherwise the exponents are the law's. The arrow at a run has the exponents of the
    two groups as components: it points to where the response grows, one decade for each.

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
        If no group with a logarithm varied, or the response has none.

    Examples
    --------
    >>> import numpy as np
    >>> import dimgs
    >>> from dimgs.report.figures import exponent_field, new_axes
    >>> a = np.geomspace(1, 100, 12)
    >>> data = dimgs.Dataset.from_columns({"a [m]": a, "b [m]": 1.0, "y [m]": 3 * a**0.75})
    >>> report = dimgs.discover(data, "y", engine="power_law")  # pi_0 = y/a
    >>> axes = new_axes()
    >>> _ = exponent_field(report, axes)
    >>> sorted({round(float(y), 6) for y in axes.lines[-1].get_ydata()})
    [-0.25]
    """
    runs = ReportRuns.of(report)
    names = [n for n in runs.varied if n in runs.law.logged]
    if not names or not runs.is_log:
        raise InputError("Local exponents need a response with a logarithm and a varied group.")
    names.sort(key=lambda n: (n != runs.dominant, n))
    local = report.fit.local if report.fit else None
    if len(names) == 1:
        _curve(runs, axes, names[0], local)
    else:
        _arrows(runs, axes, names[:2], local)


@style.listed("along")
def along_exponents(report: Findings, axes: "Axes") -> None:
    """Local exponents along the trajectory of each run, a colour each, with their bands.

    Parameters
    ----------
    report : Report
        Of a fit with ``local`` and ``along``.
    axes : Axes

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the report has none.

    Examples
    --------
    >>> import numpy as np
    >>> import dimgs
    >>> from dimgs.report.figures import along_exponents, new_axes
    >>> t = np.geomspace(1, 100, 12)
    >>> data = dimgs.Dataset.from_columns({"t [s]": t, "tau [s]": 1.0, "y [1]": 3 * t**0.75})
    >>> report = dimgs.discover(data, "y", engine="power_law", local=True, along="t")
    >>> axes = along_exponents(report, new_axes())
    >>> print(axes.lines[0].get_ydata()[:2].round(3))
    [0.75 0.75]
    """
    runs = by_run((report.fit.local if report.fit else None) or ())
    if not runs or report.data is None:
        raise InputError("The report has no local exponents along a trajectory; fit with along.")
    for k, (run, points) in enumerate(runs.items()):
        at = np.array([p["at"] for p in points])
        value, low, high = (
            np.array([p["exponents"][0][key] for p in points]) for key in ("value", "low", "high")
        )
        colour = style.mark(k)["color"]
        axes.plot(at, value, color=colour, label=style.plot_text(run, style.LABEL_LETTERS))
        axes.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0)
    name = points[0]["exponents"][0]["name"]
    axes.set_xlabel(style.with_unit(style.plot_text(name), report.data.variable(name).si_unit))
    axes.set_ylabel(f"local exponent along {style.plot_text(name)}")
    style.log_ticks(axes, "x")


def law_exponents(runs: ReportRuns, name: str) -> Array:
    """Exponent of the law along a group, at every run."""
    logs = []
    for sign in (1.0, -1.0):
        values = {**runs.values, name: runs.values[name] * np.exp(sign * _STEP)}
        logs.append(np.log(runs.fitted(values)))
    return np.asarray((logs[0] - logs[1]) / (2 * _STEP))


def _local_exponents(runs: ReportRuns, name: str, local: Any) -> tuple[Array, Array, Array] | None:
    """Local exponents of one group and their intervals, where the report has them."""
    exponents = [
        next((e for e in each["exponents"] if e["name"] == name), None) for each in local or ()
    ]
    if len(exponents) != runs.n or any(e is None for e in exponents):
        return None
    table = np.array([[e[k] for k in ("value", "low", "high")] for e in exponents if e is not None])
    return table[:, 0], table[:, 1], table[:, 2]


def _curve(runs: ReportRuns, axes: "Axes", name: str, local: Any) -> None:
    x = runs.values[name]
    law, local_exponents = law_exponents(runs, name), _local_exponents(runs, name, local)
    shown = law if local_exponents is None else local_exponents[0]
    room = max(0.5, float(np.ptp(shown)))
    bottom, top = float(np.min(shown)) - room, float(np.max(shown)) + room
    axes.set_ylim(bottom, top)
    steps = [k / 4 for k in range(-16, 17) if bottom <= k / 4 <= top]
    for at in steps if len(steps) <= _GUIDES else []:
        axes.axhline(at, color=style.RULE, linewidth=0.6, zorder=0)
    if local_exponents is not None:
        value, low, high = local_exponents
        rows = style.drawn(runs.n)
        ends = np.vstack([value - low, high - value])[:, rows]
        axes.errorbar(
            x[rows],
            value[rows],
            yerr=np.clip(ends, 0, None),
            fmt="o",
            color=style.BLUE,
            alpha=0.75,
            elinewidth=0.8,
            markersize=3.5,
            label="local fit",
        )
    order = np.argsort(x)
    axes.plot(x[order], law[order], color=style.INK, label="law", zorder=4)
    axes.set_xlabel(style.group_label(runs, name))
    axes.set_ylabel("local exponent of " + style.math_label(runs.symbol(name), name))
    style.log_ticks(axes, "x")
    if local_exponents is not None:
        axes.legend()


def _arrows(runs: ReportRuns, axes: "Axes", names: list[str], local: Any) -> None:
    x, y = (runs.values[n] for n in names)
    parts = []
    for name in names:
        local_exponents = _local_exponents(runs, name, local)
        parts.append(law_exponents(runs, name) if local_exponents is None else local_exponents[0])
    rows = style.drawn(runs.n)
    rows = rows[:: max(1, rows.size // 250)]
    size = float(np.nanquantile(np.hypot(*parts), 0.9)) or 1.0
    axes.plot(x[rows], y[rows], "o", color=style.MUTED, markersize=2, zorder=2)
    arrows = axes.quiver(
        x[rows],
        y[rows],
        parts[0][rows],
        parts[1][rows],
        color=style.BLUE,
        angles="uv",
        scale_units="width",
        scale=14 * size,
        width=0.005,
        zorder=3,
    )
    key = float(f"{size:.1g}")
    # an empty title keeps room for the key above the axes
    axes.set_title(" ")
    axes.quiverkey(arrows, 0.86, 1.05, key, f"exponent {key:g}", labelpos="W", color=style.INK)
    style.label_axes(runs, axes, *names)
    axes.margins(0.1)
