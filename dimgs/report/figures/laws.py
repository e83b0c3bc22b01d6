"""Figures of laws: exponents, regimes, candidates and rivals, and the progress of a campaign."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from dimgs.common.advice import setting
from dimgs.common.arrays import Array, BoolArray
from dimgs.common.errors import DimgsError, InputError
from dimgs.expression import sympy_parse_condition
from dimgs.expression.candidate import Candidate
from dimgs.law.latex import symbol_latex
from dimgs.law.prediction import evaluate, predicted
from dimgs.report.figures import style
from dimgs.report.figures.runs import curve
from dimgs.report.figures.style import Drawing, drawing_of
from dimgs.report.findings import Findings, ReportRuns, by_run
from dimgs.report.plain_text import condition
from dimgs.report.words import condition_latex, unit_text
from dimgs.variables import Variable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# ---- Exponents: their intervals, the regimes where they change, and local ones.


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
    rows = np.arange(len(shown))[::-1]
    values, ends = np.array([e.value for e in shown]), np.array([(e.low, e.high) for e in shown])
    span = max(np.ptp([0.0, *values, *ends[np.isfinite(ends)]]), 1e-9)
    axes.axvline(0.0, color=style.RULE, linewidth=0.8, zorder=0)
    # without ends, an interval is not drawn
    halves = np.where(np.isfinite(ends).all(axis=1), np.abs(ends.T - values), np.nan)
    axes.errorbar(
        values, rows, xerr=halves, fmt="o", color=style.BLUE, markersize=5, elinewidth=2.2
    )
    for row, e, width in zip(rows, shown, halves.sum(axis=0), strict=True):
        if e.rational is None:
            continue
        at = float(e.rational), row
        axes.plot(*at, "|", color=style.ORANGE, markersize=13, markeredgewidth=1.6, zorder=4)
        text = str(e.rational).replace("-", "−")
        style.beside(axes, text, at, (0, 8), ha="center", va="bottom")
        if width < _NARROW * span:
            axes.plot(e.value, row, "o", color=style.BLUE, markersize=3, zorder=5)
    axes.set_yticks(rows, [style.math_label(symbol_latex(e.name), e.name) for e in shown])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    level = report.law is not None and report.law.target.is_level
    axes.set(xlabel="exponent of the ratio behind the level" if level else "exponent")
    axes.set(ylim=(-0.6, len(shown) - 0.2), xmargin=0.08)


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


# ---- The law beside others: the candidates of its search, its rivals, and a smooth curve.


# share of its own error by which a candidate may differ from the law that was made of it
_SAME = 0.3
# an error below this is rounding, however small the loss
_ROUNDING = 1e-6


def front_of(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates that none beats in both, by complexity.

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("pi_1")
    >>> both = [Candidate.of(x, loss=1.0), Candidate.of(x + x**2, loss=2.0)]
    >>> [str(c) for c in front_of(both)]
    ['pi_1']
    """
    best, front = np.inf, []
    for each in sorted(candidates, key=lambda c: (c.complexity, c.loss)):
        if each.loss < best:
            best = each.loss
            front.append(each)
    return front


def chosen_of(report: Findings) -> int | None:
    """Position of the candidate that is the law of the report; None where it is not among them.

    The law is refitted and its constants recognised, so that it is known by what it predicts; of
    several that predict the same, it is the simplest.

    Examples
    --------
    >>> import dimgs
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> chosen_of(dimgs.discover(data, "T", constants=["g"], engine="power_law"))
    0
    """
    if report.law is None or report.data is None or not report.candidates:
        return 0 if report.candidates else None
    runs = ReportRuns.of(report)
    same = [k for k, c in enumerate(report.candidates) if _gap(runs, c) <= _room(c.loss)]
    return min(same, key=lambda k: (report.candidates[k].complexity, k), default=None)


def _room(loss: float) -> float:
    return max(_SAME * float(np.sqrt(loss)) if np.isfinite(loss) and loss > 0 else 0.0, _ROUNDING)


def _gap(runs: ReportRuns, candidate: Candidate) -> float:
    """Root mean square of how far a candidate is from the law over the runs."""
    expression = runs.report.expression_of(candidate)
    arguments = {**runs.values, **candidate.constants}
    if {str(s) for s in expression.free_symbols} - set(arguments):
        return np.inf
    values, law = evaluate(expression, arguments, runs.n), runs.fitted()
    with np.errstate(all="ignore"):
        away = np.log(values / law) if runs.is_log else (values - law) / np.std(law)
    return float(np.sqrt(np.mean(away**2))) if np.all(np.isfinite(away)) else np.inf


@style.listed("candidates", lambda report: len(report.candidates) > 1)
def pareto_front(report: Findings, axes: "Axes") -> None:
    """Loss against complexity of the candidates, with the front and the one that was chosen.

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
        If the report has no candidates.

    Examples
    --------
    >>> import dimgs
    >>> from dimgs.report.figures import new_axes, pareto_front
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> axes = new_axes()
    >>> _ = pareto_front(report, axes)
    >>> print(axes.get_xlabel())
    complexity
    """
    if not report.candidates:
        raise InputError("The report has no candidates; the engine found none.")
    losses = np.array([c.loss for c in report.candidates])
    sizes = np.array([c.complexity for c in report.candidates])
    front = front_of(report.candidates)
    steps = zip(*((c.complexity, c.loss) for c in front), strict=True)
    axes.step(*steps, where="post", color=style.MUTED, linewidth=1.0, zorder=1)
    axes.plot(sizes, losses, "o", color=style.BLUE, markersize=5, zorder=2)
    chosen = chosen_of(report)
    if chosen is not None:
        at = sizes[chosen], losses[chosen]
        axes.plot(*at, "o", markersize=10, markerfacecolor="none", color=style.ORANGE)
        style.beside(axes, "chosen", at, (7, 5))
    log = report.candidates[0].scale == "log"
    axes.set(xlabel="complexity", ylabel="mean squared error of ln π₀" if log else "loss")
    axes.margins(x=0.12, y=0.12)
    if bool(np.all(losses > 0)):
        style.log_ticks(axes, "y")


# lines that can still be distinguished
_MOST = 4
# the range is drawn that much wider at each end
_WIDER = 2.0
# of a line that looks smooth
_POINTS = 120


@style.listed("rivals")
def rivals(report: Findings, axes: "Axes") -> None:
    """Rivals over the law, along the input where they part the most; the others at their middle.

    The band is where a new run would lie by the law; the shade is where the runs are.

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
        If the report has no rivals, or none of them depends on an input alone.

    Examples
    --------
    >>> import dimgs
    >>> from dimgs.report.figures import new_axes
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"])
    >>> rivals(report, new_axes())
    Traceback (most recent call last):
    dimgs.common.errors.InputError: ...
    """
    runs = ReportRuns.of(report)
    if not report.rivals:
        raise InputError("The report has no rivals; its runs exclude all other laws.")
    drawn = ((name, _along(report, runs, name)) for name in _inputs(report, runs))
    apart = {name: curves for name, curves in drawn if curves is not None}
    if not apart:
        raise InputError("The rivals differ along no single input.")
    name = max(apart, key=lambda n: float(np.nanmax(np.abs(np.log(np.abs(apart[n][2:]))))))
    x, *lines = apart[name]
    variable = next(v for v in runs.data.variables if v.name == name)
    shown = variable.unit.from_si(x)
    sampled = variable.unit.from_si(np.asarray(runs.data[name], dtype=np.float64))
    ends = float(sampled.min()), float(sampled.max())
    axes.axvspan(*ends, color=style.RULE, alpha=0.5, linewidth=0)
    band = lines.pop(0)
    axes.fill_between(shown, 1 / band, band, color=style.MUTED, alpha=0.25, linewidth=0)
    axes.axhline(1.0, color=style.INK, linewidth=1.2, label="the law")
    for k, line in enumerate(lines):
        probability = report.rivals[k].probability
        label = f"rival {k + 1} ({100 * probability:.0f} %)"
        axes.plot(shown, line, color=style.mark(k + 1)["color"], linewidth=1.2, label=label)
    style.log_ticks(axes, "x")
    axes.set(xlabel=f"{name} [{unit_text(variable.unit.text)}]", ylabel="rival over the law")
    axes.legend(frameon=False)


def _inputs(report: Findings, runs: ReportRuns) -> list[str]:
    laws = [runs.law, *(r.law for r in report.rivals[:_MOST])]
    used = {v.name for law in laws for v in law.symbols.values()}
    return [v.name for v in runs.data.variables if v.name in used and not v.is_label]


def _positive(target: Variable) -> Callable[[Array], Array]:
    """What a target is divided in: itself, or the ratio whose logarithm a level is."""
    return (lambda level: np.exp(target.logs(level))) if target.is_level else np.asarray


def _along(report: Findings, runs: ReportRuns, name: str) -> list[Array] | None:
    """Values of the input, the law's band as a factor, and the ratio of each rival to the law."""
    column = np.asarray(runs.data[name], dtype=np.float64)
    low, high = float(column.min()), float(column.max())
    if not 0 < low < high:
        return None
    x = np.geomspace(low / _WIDER, high * _WIDER, _POINTS)
    # labels aside: the laws are those of a typical source
    middle = {n: np.full(_POINTS, np.median(runs.data[n])) for n in runs.data.numeric_names}
    table = {**middle, name: x}
    try:
        with np.errstate(all="ignore"):
            law = predicted(runs.law, table, report.level, "run")
            ratios = [r.law.predict_si(table) for r in report.rivals[:_MOST]]
            upper, at, *ratios = map(_positive(runs.law.target), (law.high, law.value, *ratios))
            band, lines = upper / at, [r / at for r in ratios]
    except DimgsError:
        return None
    drawable = all(np.any(np.isfinite(line) & (line > 0)) for line in lines)
    return [x, band, *(np.where(line > 0, line, np.nan) for line in lines)] if drawable else None


@style.listed("curve")
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
    axes.fill_between(x, low, high, color=style.MUTED, alpha=0.25, linewidth=0)
    axes.plot(x, middle, color=style.PALETTE[0], linewidth=1.4)
    rows = style.drawn(runs.n)
    at = variable.unit.from_si(columns[line.name])
    axes.scatter(at[rows], moved[rows], s=9, color=style.PALETTE[1], linewidths=0)
    if np.all(line.x > 0) and line.name in curve.coordinates.logged:
        style.log_ticks(axes, "x")
    if log:
        style.log_ticks(axes, "y")
    axes.set_xlabel(f"{line.name} [{unit_text(variable.unit.text)}]")
    axes.set_ylabel(style.target_label(runs))


# ---- Figures of a campaign: its progress, its predictions beside the runs, and its regimes.


@style.styled
def campaign_progress(
    runs: ArrayLike,
    widths: ArrayLike,
    axes: "Axes",
    tiers: Sequence[str] | None = None,
    goal: float | None = None,
) -> None:
    """Width of the interval against the number of runs, by tier, with the goal.

    Parameters
    ----------
    runs : array-like of shape (n_steps,)
        Runs done so far.
    widths : array-like of shape (n_steps,)
        Width of the interval that the campaign narrows.
    axes : Axes
    tiers : sequence of str, optional
        Tier (cheap, dear, ...) of the runs that were added at each step.
    goal : float, optional
        Width at which the campaign ends.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the lengths differ or nothing is given.

    Examples
    --------
    >>> from dimgs.report.figures import campaign_progress, new_axes
    >>> axes = new_axes()
    >>> _ = campaign_progress([4, 8, 16], [0.4, 0.2, 0.1], axes, ["coarse", "coarse", "fine"], 0.15)
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['coarse', 'fine']
    """
    x, y = np.asarray(runs, dtype=np.float64), np.asarray(widths, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise InputError("Give as many widths as numbers of runs, and at least one of each.")
    if tiers is not None and len(tiers) != x.size:
        raise InputError(f"There are {len(tiers)} tiers for {x.size} steps; give one for each.")
    axes.plot(x, y, color=style.MUTED, linewidth=1.0, zorder=1)
    _by_tier(axes, x, y, tiers)
    if goal is not None:
        axes.axhline(goal, color=style.ORANGE, linewidth=1.0, linestyle=(0, (4, 3)))
        across = ("axes fraction", "data")
        style.beside(axes, "goal", (1.0, goal), (0, 3), xycoords=across, ha="right")
    axes.set(xlabel="runs", ylabel="width of the interval")
    if bool(np.all(y > 0)) and y.max() > 3 * y.min():
        style.log_ticks(axes, "y")
    if tiers is not None:
        axes.legend()


def _by_tier(axes: "Axes", x: Array, y: Array, tiers: Sequence[str] | None) -> None:
    """Points with a colour and a marker for each tier."""
    of = np.array([""] * x.size if tiers is None else tiers)
    sets = [(style.plot_text(name) or None, of == name) for name in dict.fromkeys(of.tolist())]
    style.plot_sets(axes, x, y, sets, markersize=5)


@style.styled
def campaign_checks(
    predicted: ArrayLike,
    made: ArrayLike,
    axes: "Axes",
    tiers: Sequence[str] | None = None,
    target: str = "target",
) -> None:
    """Predictions of a campaign against the runs that were made to test them.

    Parameters
    ----------
    predicted, made : array-like of shape (n_checks,)
        The target before a run was made, and of the run; positive.
    axes : Axes
    tiers : sequence of str, optional
        Tier of each run.
    target : str
        Name and unit, for the axes.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the lengths differ, nothing is given, or a value is not positive.

    Examples
    --------
    >>> from dimgs.report.figures import campaign_checks, new_axes
    >>> axes = campaign_checks([1.0, 10.0], [1.01, 9.9], new_axes(), target="CF [mg/kg]")
    >>> axes.get_xlabel()
    'CF [mg/kg], run'
    """
    x, y = np.asarray(made, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0 or not (np.all(x > 0) and np.all(y > 0)):
        raise InputError(
            "Give as many predictions as runs, at least one, and all of them positive."
        )
    ends = [float(f(np.concatenate([x, y]))) for f in (np.min, np.max)]
    axes.plot(ends, ends, color=style.MUTED, linewidth=0.9, zorder=1)
    _by_tier(axes, x, y, tiers)
    style.log_ticks(axes, "x", "y")
    axes.set(xlabel=f"{target}, run", ylabel=f"{target}, predicted before")
    if len(set(tiers or ())) > 1:
        axes.legend()


@style.styled
def campaign_regimes(
    values: Mapping[str, Array], regimes: Sequence[Mapping[str, Any]], axes: "Axes"
) -> None:
    """Runs of a campaign in the plane of two groups, with their regimes.

    Parameters
    ----------
    values : mapping of str to ndarray of shape (n_runs,)
        Groups, and temperatures that enter as 1/T, by the names that conditions use.
    regimes : sequence of mapping
        With ``"where"``, a condition; they need not hold every run.
    axes : Axes

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no regime, or nothing varied.

    Examples
    --------
    >>> import numpy as np
    >>> from dimgs.report.figures import campaign_regimes, new_axes
    >>> r = np.geomspace(0.01, 100.0, 9)
    >>> sides = [{"where": "pi_1 < 0.5"}, {"where": "pi_1 >= 2"}]
    >>> axes = campaign_regimes({"pi_1": r, "pi_2": r**0.5}, sides, new_axes())
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['1: pi_1 < 0.5', '2: pi_1 >= 2', 'no regime']
    """
    varied = [n for n, x in values.items() if np.ptp(x) > 0]
    if not varied or not regimes:
        raise InputError("A map of regimes needs a regime, and a group that varied.")
    used = " ".join(str(r["where"]) for r in regimes)
    across, *rest = sorted(varied, key=lambda n: (n not in used, n))
    n = len(values[across])
    up = values[rest[0]] if rest else np.arange(1.0, n + 1.0)
    members = [inside(str(r["where"]), dict(values), n) for r in regimes]
    texts = [
        f"{k}: {style.plot_text(condition(str(r['where'])))}" for k, r in enumerate(regimes, 1)
    ]
    style.plot_sets(axes, values[across], up, zip(texts, members, strict=True), zorder=2)
    free = ~np.any(members, axis=0)
    if free.any():
        axes.plot(values[across][free], up[free], ".", color=style.MUTED, label="no regime")
    style.log_ticks(axes, "x", *(["y"] if rest else []))
    axes.set(xlabel=style.plot_text(across), ylabel=style.plot_text(rest[0]) if rest else "run")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, labelcolor=style.INK)


def campaign_drawings(
    log: Sequence[Mapping[str, Any]],
    checks: Sequence[Mapping[str, Any]],
    values: Mapping[str, Array],
    regimes: Sequence[Mapping[str, Any]],
    target: str,
) -> list[Drawing]:
    """Figures of a campaign that there are data for.

    Parameters
    ----------
    log : sequence of mapping
        Decisions: with ``"key"`` and ``"tier"`` for a run, with ``"width"`` for the widest
        interval, in tolerances.
    checks : sequence of mapping
        With ``"predicted"``, ``"made"`` and ``"tier"``.
    values, regimes
        See :func:`campaign_regimes`.
    target : str
        Name and unit.

    Returns
    -------
    list of Drawing
    """
    steps: list[tuple[Any, ...]] = []
    made, tier = 0, ""
    for entry in log:
        if entry.get("key") and entry["decision"] != "lost":
            made, tier = made + 1, entry["tier"]
        if entry.get("width") is not None:
            steps.append((made, entry["width"], tier))
    good = [c for c in checks if c["predicted"] > 0 and c["made"] > 0]
    both = ([c["predicted"] for c in good], [c["made"] for c in good])
    runs, widths, of_tier = ([step[k] for step in steps] for k in range(3))
    several = of_tier if len(set(of_tier)) > 1 else None
    draw: dict[str, Callable[[Axes], object]] = {
        "campaign_progress": lambda axes: campaign_progress(runs, widths, axes, several, 1.0),
        "campaign_checks": lambda axes: campaign_checks(
            *both, axes, [c["tier"] for c in good], target
        ),
        "campaign_regimes": lambda axes: campaign_regimes(values, regimes, axes),
    }
    drawings = (drawing_of(name, on_axes) for name, on_axes in draw.items())
    return [drawing for drawing in drawings if drawing is not None]
