"""How a campaign of runs narrows its answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dimgs.errors import InputError
from dimgs.report.figures.style import (
    INK,
    MARKERS,
    MUTED,
    ORANGE,
    PALETTE,
    RUST,
    log_ticks,
    plot_text,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
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
        Width of the interval that the campaign wants narrow.
    axes : Axes
    tiers : sequence of str, optional
        Tier (cheap, dear, ...) of the runs that were added at each step.
    goal : float, optional
        Width at which the campaign ends.

    Raises
    ------
    InputError
        If the lengths differ or nothing is given.

    Examples
    --------
    >>> from dimgs.report.figures import campaign_progress, new_axes
    >>> axes = new_axes()
    >>> campaign_progress([4, 8, 16], [0.4, 0.2, 0.1], axes, ["coarse", "coarse", "fine"], 0.15)
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['coarse', 'fine']
    """
    x, y = np.asarray(runs, dtype=np.float64), np.asarray(widths, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise InputError("Give as many widths as numbers of runs, and at least one of each.")
    if tiers is not None and len(tiers) != x.size:
        raise InputError(f"There are {len(tiers)} tiers for {x.size} steps; give one for each.")
    axes.plot(x, y, color=MUTED, linewidth=1.0, zorder=1)
    names = list(dict.fromkeys(tiers)) if tiers is not None else [""]
    for k, name in enumerate(names):
        own = np.array([tier == name for tier in tiers]) if tiers is not None else x == x
        axes.plot(
            x[own],
            y[own],
            MARKERS[k % len(MARKERS)],
            color=PALETTE[k % len(PALETTE)],
            markersize=5,
            label=plot_text(name) or None,
        )
    if goal is not None:
        axes.axhline(goal, color=ORANGE, linewidth=1.0, linestyle=(0, (4, 3)))
        axes.annotate(
            "goal",
            (1.0, goal),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=7.5,
            color=RUST,
        )
    axes.set_xlabel("runs", color=INK)
    axes.set_ylabel("width of the interval")
    if bool(np.all(y > 0)) and y.max() > 3 * y.min():
        log_ticks(axes, "y")
    if tiers is not None:
        axes.legend()
