"""Candidates: loss against complexity."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import sympy

from dimgs.common.errors import InputError
from dimgs.expression.candidate import Candidate
from dimgs.law.evaluate import evaluate
from dimgs.report.figures.style import BLUE, INK, MUTED, ORANGE, beside, listed, log_ticks
from dimgs.report.findings import Findings
from dimgs.report.report_runs import ReportRuns

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
    unlogged = runs.report.unlogged
    named = {sympy.Symbol(k): sympy.Symbol(v) for k, v in unlogged.items()}
    expression = candidate.expression.xreplace(named)
    arguments = {**runs.values, **candidate.constants}
    if {str(s) for s in expression.free_symbols} - set(arguments):
        return np.inf
    values, law = evaluate(expression, arguments, runs.n), runs.fitted()
    with np.errstate(all="ignore"):
        away = np.log(values / law) if runs.is_log else (values - law) / np.std(law)
    return float(np.sqrt(np.mean(away**2))) if np.all(np.isfinite(away)) else np.inf


@listed("candidates", lambda report: len(report.candidates) > 1)
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
    axes.step(*steps, where="post", color=MUTED, linewidth=1.0, zorder=1)
    axes.plot(sizes, losses, "o", color=BLUE, markersize=5, zorder=2)
    chosen = chosen_of(report)
    if chosen is not None:
        at = sizes[chosen], losses[chosen]
        axes.plot(*at, "o", markersize=10, markerfacecolor="none", color=ORANGE)
        beside(axes, "chosen", at, (7, 5))
    axes.set_xlabel("complexity", color=INK)
    scale = report.candidates[0].scale
    axes.set_ylabel("mean squared error of ln π₀" if scale == "log" else "loss")
    axes.margins(x=0.12, y=0.12)
    if bool(np.all(losses > 0)):
        log_ticks(axes, "y")
