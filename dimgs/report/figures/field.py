"""Local exponents over the groups."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dimgs.errors import InputError
from dimgs.report.figures.labels import group_label
from dimgs.report.figures.style import BLUE, INK, MUTED, RULE, drawn, log_ticks, math_label, styled
from dimgs.report.results import Report
from dimgs.report.runs import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_STEP = 1e-3
_GUIDES = 5


@styled
def exponent_field(report: Report, axes: "Axes") -> None:
    """Local exponents of pi_0 over the groups: a curve along one group, arrows over two.

    With local exponents in the report (``local=True``) each run has its own, drawn with its
    interval; otherwise the exponents are the law's. The arrow at a run has the exponents of the
    two groups as components: it points to where the response grows, one decade for each.

    Parameters
    ----------
    report : Report
    axes : Axes

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
    >>> exponent_field(report, axes)
    >>> sorted({round(float(y), 6) for y in axes.lines[-1].get_ydata()})
    [-0.25]
    """
    runs = Runs.of(report)
    names = [n for n in runs.varied if n in runs.groups]
    if not names or not runs.is_log:
        raise InputError("Local exponents need a response with a logarithm and a varied group.")
    names.sort(key=lambda n: (n != runs.dominant, n))
    local = report.fit.local if report.fit else None
    if len(names) == 1:
        _curve(runs, axes, names[0], local)
    else:
        _arrows(runs, axes, names[:2], local)


def law_exponents(runs: Runs, name: str) -> Array:
    """Exponent of the law along a group, at every run."""
    out = []
    for sign in (1.0, -1.0):
        values = {**runs.values, name: runs.values[name] * np.exp(sign * _STEP)}
        out.append(np.log(runs.fitted(values)))
    return np.asarray((out[0] - out[1]) / (2 * _STEP))


def _local(runs: Runs, name: str, local: Any) -> tuple[Array, Array, Array] | None:
    """Local exponents of one group and their intervals, where the report has them."""
    found = [
        next((e for e in each["exponents"] if e["name"] == name), None) for each in local or ()
    ]
    if len(found) != runs.n or any(e is None for e in found):
        return None
    table = np.array([[e[k] for k in ("value", "low", "high")] for e in found if e is not None])
    return table[:, 0], table[:, 1], table[:, 2]


def _curve(runs: Runs, axes: "Axes", name: str, local: Any) -> None:
    x = runs.values[name]
    found = _local(runs, name, local)
    order = np.argsort(x)
    if found is not None:
        value, low, high = found
        rows = drawn(runs.n)
        ends = np.vstack([value - low, high - value])[:, rows]
        axes.errorbar(
            x[rows],
            value[rows],
            yerr=np.clip(ends, 0, None),
            fmt="o",
            color=BLUE,
            alpha=0.75,
            elinewidth=0.8,
            markersize=3.5,
            label="local fit",
        )
    axes.plot(x[order], law_exponents(runs, name)[order], color=INK, label="law", zorder=4)
    shown = law_exponents(runs, name) if found is None else found[0]
    room = max(0.5, float(np.ptp(shown)))
    bottom, top = float(np.min(shown)) - room, float(np.max(shown)) + room
    axes.set_ylim(bottom, top)
    steps = [k / 4 for k in range(-16, 17) if bottom <= k / 4 <= top]
    for at in steps if len(steps) <= _GUIDES else []:
        axes.axhline(at, color=RULE, linewidth=0.6, zorder=0)
    # keeps the law the last line, whatever guides were drawn
    law = next(line for line in axes.lines if line.get_label() == "law")
    law.remove()
    axes.add_line(law)
    axes.set_xlabel(group_label(runs, name))
    axes.set_ylabel("local exponent of " + math_label(runs.symbol(name), name))
    log_ticks(axes, "x")
    if found is not None:
        axes.legend()


def _arrows(runs: Runs, axes: "Axes", names: list[str], local: Any) -> None:
    x, y = (runs.values[n] for n in names)
    parts = []
    for name in names:
        found = _local(runs, name, local)
        parts.append(law_exponents(runs, name) if found is None else found[0])
    rows = drawn(runs.n)
    rows = rows[:: max(1, rows.size // 250)]
    size = float(np.nanquantile(np.hypot(*parts), 0.9)) or 1.0
    axes.plot(x[rows], y[rows], "o", color=MUTED, markersize=2, zorder=2)
    arrows = axes.quiver(
        x[rows],
        y[rows],
        parts[0][rows],
        parts[1][rows],
        color=BLUE,
        angles="uv",
        scale_units="width",
        scale=14 * size,
        width=0.005,
        zorder=3,
    )
    key = float(f"{size:.1g}")
    # an empty title keeps room for the key above the axes
    axes.set_title(" ")
    axes.quiverkey(arrows, 0.86, 1.05, key, f"exponent {key:g}", labelpos="W", color=INK)
    axes.set_xlabel(group_label(runs, names[0]))
    axes.set_ylabel(group_label(runs, names[1]))
    log_ticks(axes, "x")
    log_ticks(axes, "y")
    axes.margins(0.1)
