"""Candidates: loss against complexity."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dimgs.errors import InputError
from dimgs.expression.candidate import Candidate
from dimgs.report.figures.style import BLUE, INK, MUTED, ORANGE, RUST, log_ticks, styled
from dimgs.report.results import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    best, out = np.inf, []
    for each in sorted(candidates, key=lambda c: (c.complexity, c.loss)):
        if each.loss < best:
            best = each.loss
            out.append(each)
    return out


@styled
def pareto_front(report: Report, axes: "Axes") -> None:
    """Loss against complexity of the candidates, with the front and the one that was chosen.

    Parameters
    ----------
    report : Report
        Its first candidate is the chosen one.
    axes : Axes

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
    >>> pareto_front(report, axes)
    >>> print(axes.get_xlabel())
    complexity
    """
    if not report.candidates:
        raise InputError("The report has no candidates; the engine found none.")
    losses = np.array([c.loss for c in report.candidates])
    sizes = np.array([c.complexity for c in report.candidates])
    front = front_of(report.candidates)
    axes.step(
        [c.complexity for c in front],
        [c.loss for c in front],
        where="post",
        color=MUTED,
        linewidth=1.0,
        zorder=1,
    )
    axes.plot(sizes, losses, "o", color=BLUE, markersize=5, zorder=2)
    axes.plot(sizes[:1], losses[:1], "o", markersize=10, markerfacecolor="none", color=ORANGE)
    axes.annotate(
        "chosen",
        (sizes[0], losses[0]),
        xytext=(7, 5),
        textcoords="offset points",
        fontsize=7.5,
        color=RUST,
    )
    axes.set_xlabel("complexity", color=INK)
    scale = report.candidates[0].scale
    axes.set_ylabel("mean squared error of ln π₀" if scale == "log" else "loss")
    axes.margins(x=0.12, y=0.12)
    if bool(np.all(losses > 0)):
        log_ticks(axes, "y")
