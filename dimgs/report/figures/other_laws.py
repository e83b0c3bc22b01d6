"""The law beside others: the candidates of its search, its rivals, and a smooth curve."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsError, InputError
from dimgs.expression.candidate import Candidate
from dimgs.law.prediction import evaluate
from dimgs.report.figures import style
from dimgs.report.findings import Findings
from dimgs.report.report_runs import ReportRuns
from dimgs.report.words import unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    axes.set_xlabel("complexity", color=style.INK)
    scale = report.candidates[0].scale
    axes.set_ylabel("mean squared error of ln π₀" if scale == "log" else "loss")
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
    axes.set_xlabel(f"{name} [{unit_text(variable.unit.text)}]", color=style.INK)
    axes.set_ylabel("rival over the law")
    axes.legend(frameon=False)


def _inputs(report: Findings, runs: ReportRuns) -> list[str]:
    laws = [runs.law, *(r.law for r in report.rivals[:_MOST])]
    used = {v.name for law in laws for v in law.symbols.values()}
    return [v.name for v in runs.data.variables if v.name in used and not v.is_label]


def _along(report: Findings, runs: ReportRuns, name: str) -> list[Array] | None:
    """Values of the input, the law's band as a factor, and the ratio of each rival to the law."""
    column = np.asarray(runs.data[name], dtype=np.float64)
    low, high = float(column.min()), float(column.max())
    if not 0 < low < high:
        return None
    x = np.geomspace(low / _WIDER, high * _WIDER, _POINTS)
    table: dict[str, Any] = {}
    for v in runs.data.variables:
        values = np.asarray(runs.data[v.name])
        middle = values[0] if v.is_label else np.median(values)
        table[v.name] = x if v.name == name else np.full(_POINTS, middle)
    try:
        with np.errstate(all="ignore"):
            law = runs.law.predict(_for(runs.law, table), report.level)
            ratios = [r.law.predict_si(_for(r.law, table)) for r in report.rivals[:_MOST]]
            band = np.asarray(law.high) / np.asarray(law.value)
            lines = [np.asarray(r / law.value) for r in ratios]
    except DimgsError:
        return None
    drawable = all(np.any(np.isfinite(line) & (line > 0)) for line in lines)
    return [x, band, *(np.where(line > 0, line, np.nan) for line in lines)] if drawable else None


def _for(law: Any, table: dict[str, Any]) -> dict[str, Any]:
    inputs = {v.name for v in (*law.symbols.values(), *law.unused)}
    return {k: v for k, v in table.items() if k in inputs}


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
