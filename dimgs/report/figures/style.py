"""Colours, sizes and labels that all figures share."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from dimgs.report.words import unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, RULE, PAPER = "#1a1d21", "#626a74", "#c3c9d1", "#fefefe"
# Okabe and Ito (2008), "Color Universal Design", told apart by the colour-blind
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY, AMBER = "#56b4e9", "#e69f00"
# the orange that small letters can be read in
RUST = "#ad4a00"
PALETTE = (BLUE, ORANGE, GREEN, PINK, SKY, AMBER)
MARKERS = ("o", "s", "^", "D", "v", "P")
# widths in inches of one and of two columns of a journal (89 and 183 mm)
SINGLE, DOUBLE = 3.5, 7.2
_MOST_DRAWN = 1200
_P = ParamSpec("_P")
_T = TypeVar("_T")
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.7,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": PAPER,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.2,
    "axes.titlesize": 7.5,
    "axes.titlecolor": MUTED,
    "axes.titlelocation": "right",
}


def new_axes(width: float = SINGLE, height: float = 2.7) -> "Axes":
    """Axes of a new figure in the style of the reports.

    Parameters
    ----------
    width, height : float
        In inches; ``SINGLE`` and ``DOUBLE`` are the widths of one and two columns.

    Examples
    --------
    >>> axes = new_axes()
    >>> axes.figure.get_size_inches().tolist()
    [3.5, 2.7]
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        return Figure(figsize=(width, height), layout="constrained").subplots()


def styled(draw: Callable[_P, _T]) -> Callable[_P, _T]:
    """Run a drawing function in the style of the reports, whatever the user's own settings."""

    @wraps(draw)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        import matplotlib as mpl

        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return run


@lru_cache(maxsize=1024)
def math_label(latex: str, plain: str) -> str:
    r"""Formula for a label, or plain text where Matplotlib cannot typeset it.

    Parameters
    ----------
    latex : str
        For math mode.
    plain : str
        Used with every special character as it is.

    Examples
    --------
    >>> print(math_label(r"\mathrm{Re}", "Re"), math_label(r"\unknown{x}", "x_1"))
    $\mathrm{Re}$ x_1
    """
    from matplotlib.mathtext import MathTextParser

    text = f"${latex}$"
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return plain.replace("$", r"\$")
    return text


def with_unit(label: str, unit: str) -> str:
    """Label of an axis with its unit in brackets.

    Examples
    --------
    >>> print(with_unit("U", "m/s^2"), with_unit("Re", "1"))
    U [m/s²] Re
    """
    if unit in ("", "1"):
        return label
    return f"{label} [{unit_text(unit)}]"


def drawn(n: int) -> NDArray[np.intp]:
    """Positions of the runs that are drawn: all, or evenly spaced ones where there are many."""
    if n <= _MOST_DRAWN:
        return np.arange(n, dtype=np.intp)
    return np.unique(np.linspace(0, n - 1, _MOST_DRAWN).astype(np.intp))


def log_ticks(axes: "Axes", which: str) -> None:
    """Logarithmic axis whose ticks stay few and readable over any range."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    getattr(axes, f"set_{which}scale")("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    decades = np.log10(high / low) if low > 0 else 1.0
    if decades < 0.9:
        from matplotlib.ticker import MaxNLocator, ScalarFormatter

        plain = ScalarFormatter()
        plain.set_powerlimits((-4, 5))
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(plain)
        axis.set_minor_formatter(NullFormatter())
        return
    subs = (1.0, 2.0, 5.0) if decades < 1.7 else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axis.set_major_formatter(LogFormatterSciNotation(minor_thresholds=(np.inf, np.inf)))
    axis.set_minor_formatter(NullFormatter())
