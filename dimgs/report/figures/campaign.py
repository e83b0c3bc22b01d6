"""Figures of a campaign: its progress, its predictions beside the runs, and its regimes."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.report.figures import style
from dimgs.report.figures.exponents import inside
from dimgs.report.figures.save import Drawing, drawing_of
from dimgs.report.plain_text import condition

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    axes.set_xlabel("runs", color=style.INK)
    axes.set_ylabel("width of the interval")
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
    axes.set_xlabel(f"{target}, run")
    axes.set_ylabel(f"{target}, predicted before")
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
    axes.set_xlabel(style.plot_text(across))
    axes.set_ylabel(style.plot_text(rest[0]) if rest else "run")
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
