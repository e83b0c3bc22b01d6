"""Intervals of exponents."""

from typing import TYPE_CHECKING

import numpy as np

from dimgs.errors import InputError
from dimgs.latex import symbol_latex
from dimgs.report.figures.style import BLUE, INK, ORANGE, RULE, RUST, math_label, styled
from dimgs.report.results import Exponent, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NARROW = 0.02


@styled
def exponent_forest(report: Report, axes: "Axes") -> None:
    """Exponents of the variables with their intervals and the rationals proposed.

    Parameters
    ----------
    report : Report
    axes : Axes

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
    >>> exponent_forest(report, axes)
    >>> [text.get_text() for text in axes.texts]
    ['1/2', '−1/2']
    """
    shown = report.fit.variable_exponents if report.fit else ()
    if not shown:
        raise InputError("The report has no exponents of variables; fit a power law first.")
    rows = list(reversed(range(len(shown))))
    numbers = [x for e in shown for x in (e.value, e.low, e.high) if np.isfinite(x)]
    span = max(np.ptp([0.0, *numbers]), 1e-9)
    axes.axvline(0.0, color=RULE, linewidth=0.8, zorder=0)
    for row, e in zip(rows, _ordered(shown), strict=True):
        ends = np.array([e.low, e.high])
        if np.all(np.isfinite(ends)):
            axes.plot(ends, [row, row], color=BLUE, linewidth=2.2, solid_capstyle="butt")
        axes.plot([e.value], [row], "o", color=BLUE, markersize=5, zorder=3)
        if e.rational is None:
            continue
        at = float(e.rational)
        axes.plot([at], [row], "|", color=ORANGE, markersize=13, markeredgewidth=1.6, zorder=4)
        axes.annotate(
            str(e.rational).replace("-", "−"),
            (at, row),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=7.5,
            color=RUST,
        )
        if np.all(np.isfinite(ends)) and np.ptp(ends) < _NARROW * span:
            axes.plot([e.value], [row], "o", color=BLUE, markersize=3, zorder=5)
    axes.set_yticks(rows, [math_label(symbol_latex(e.name), e.name) for e in _ordered(shown)])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.6, len(shown) - 0.2)
    axes.spines["left"].set_visible(False)
    level = report.law is not None and report.law.target.is_level
    axes.set_xlabel("exponent of the ratio behind the level" if level else "exponent", color=INK)
    axes.margins(x=0.08)


def _ordered(exponents: tuple[Exponent, ...]) -> list[Exponent]:
    return sorted(exponents, key=lambda e: (-e.value, e.name))
