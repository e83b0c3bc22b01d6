"""Colours, sizes and labels that all figures share."""

from collections.abc import Callable, Iterable
from functools import cache, lru_cache, wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, ParamSpec, cast

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.common.escape import visible
from dimgs.groups.group import PiGroup
from dimgs.law.latex import symbol_latex
from dimgs.report.findings import Findings
from dimgs.report.report_runs import ReportRuns
from dimgs.report.words import unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, RULE, PAPER = "#1a1d21", "#626a74", "#c3c9d1", "#fefefe"
# Okabe and Ito (2008), "Color Universal Design", distinguishable for the colour-blind
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY, AMBER = "#56b4e9", "#e69f00"
# the orange that small letters can be read in
RUST = "#ad4a00"
PALETTE = (BLUE, ORANGE, GREEN, PINK, SKY, AMBER)
MARKERS = ("o", "s", "^", "D", "v", "P")
# widths in inches of one and of two columns of a journal (89 and 183 mm)
SINGLE, DOUBLE = 3.5, 7.2
# more points make files of megabytes and look the same
_MOST_DRAWN = 1200
# letters of a name that is drawn; about half the width of a column at the size of the labels
_MOST_LETTERS = 40
# points of a formula at the size of the labels (8.5): what the narrower of the two sizes holds
_WIDEST = 240.0
_P = ParamSpec("_P")
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
    "text.usetex": False,
    "text.parse_math": True,
}


def mark(k: int) -> dict[str, Any]:
    """Marker and colour of the k-th of several sets of points, counted from 0."""
    return {"marker": MARKERS[k % len(MARKERS)], "color": PALETTE[k % len(PALETTE)]}


def plot_sets(
    axes: "Axes", x: Array, y: Array, sets: Iterable[tuple[str | None, Any]], **options: Any
) -> None:
    """Points of several sets, each given by its label and its rows, in colours and markers."""
    for k, (label, rows) in enumerate(sets):
        axes.plot(x[rows], y[rows], linestyle="none", label=label, **mark(k), **options)


def beside(
    axes: "Axes", text: str, at: tuple[Any, Any], away: tuple[float, float], **options: Any
) -> None:
    """A word beside a point, so many points of print away from it."""
    options = {"fontsize": 7.5, "color": RUST, **options}
    axes.annotate(text, at, xytext=away, textcoords="offset points", **options)


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


def styled(draw: Callable[_P, object]) -> "Callable[_P, Axes]":
    """Run a drawing function in the style of the reports, without the settings of the user.

    What it gives back are the ``axes`` that it drew on. Where its docstring says nothing of what
    it takes, that is a report and axes, as is said then.
    """

    @wraps(draw)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> "Axes":
        import matplotlib as mpl

        with mpl.rc_context(_STYLE):
            returned = draw(*args, **kwargs)
        passed = signature(draw).bind(*args, **kwargs).arguments.get("axes")
        return cast("Axes", returned if passed is None else passed)

    return run


# figures of a report by the names of their captions, and when there is something to show
LISTED: "dict[str, tuple[Callable[[Findings, Axes], object], Callable[[Findings], bool]]]" = {}


def listed(
    name: str, when: Callable[[Findings], bool] = lambda report: True
) -> "Callable[[Callable[_P, object]], Callable[_P, Axes]]":
    """A drawing function whose figure belongs to every report, under the name of its caption.

    Parameters
    ----------
    name : str
    when : callable
        Whether a report shows the figure; what it has no data for is left out in any case.
    """

    def add(draw: Callable[_P, object]) -> "Callable[_P, Axes]":
        drawn: Any = styled(draw)
        LISTED[name] = drawn, when
        return cast("Callable[_P, Axes]", drawn)

    return add


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
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    text = f"${latex}$"
    try:
        width = MathTextParser("path").parse(text, 72, FontProperties(size=8.5)).width
    except ValueError:
        return plot_text(plain)
    return text if width <= _WIDEST else plot_text(plain)


def plot_text(text: str, most: int = _MOST_LETTERS) -> str:
    r"""Text for a figure: no formula in it, every character in the font, not too long.

    A character that the font lacks is given by its number.

    Parameters
    ----------
    text : str
    most : int
        Characters, above which the rest is left out.

    Examples
    --------
    >>> print(plot_text("a $b$"), plot_text("ρ\x1b"), plot_text("温"), plot_text("a" * 9, 5))
    a \$b\$ ρ\x1b U+6E29 aaaa…
    """
    shown = "".join(c if _in_font(c) else f"U+{ord(c):04X}" for c in visible(text[: most + 1]))
    shown = shown if len(shown) <= most else f"{shown[: most - 1]}…"
    shown = shown.replace("$", r"\$")
    # Matplotlib leaves a name that begins with _ out of its legends
    return rf"$\_${shown[1:]}" if shown.startswith("_") else shown


@cache
def _in_font(character: str) -> bool:
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont(_STYLE["font.family"]))
    return font.get_char_index(ord(character)) != 0


def with_unit(label: str, unit: str) -> str:
    """Label of an axis with its unit in brackets.

    Examples
    --------
    >>> print(with_unit("U", "m/s^2"), with_unit("Re", "1"))
    U [m/s²] Re
    """
    if unit in ("", "1"):
        return label
    return f"{label} [{plot_text(unit_text(unit))}]"


def drawn(n: int) -> IntArray:
    """Positions of the runs that are drawn: all, or evenly spaced ones where there are many."""
    if n <= _MOST_DRAWN:
        return np.arange(n, dtype=np.intp)
    return np.unique(np.linspace(0, n - 1, _MOST_DRAWN).astype(np.intp))


def log_ticks(axes: "Axes", *which: str) -> None:
    """Logarithmic axes ("x", "y") whose ticks stay few and readable over any range."""
    from matplotlib import ticker

    for each in which:
        getattr(axes, f"set_{each}scale")("log")
        axis = axes.xaxis if each == "x" else axes.yaxis
        low, high = sorted(axis.get_view_interval())
        decades = np.log10(high) - np.log10(low) if low > 0 else 1.0
        subs = (1.0, 2.0, 5.0) if decades < 1.7 else (1.0,)
        places: ticker.Locator = ticker.LogLocator(subs=subs, numticks=8)
        texts: ticker.Formatter = ticker.LogFormatterSciNotation(minor_thresholds=(np.inf, np.inf))
        if decades < 0.9:
            places, plain = ticker.MaxNLocator(4, steps=[1, 2, 5, 10]), ticker.ScalarFormatter()
            plain.set_powerlimits((-4, 5))
            texts = plain
        axis.set_major_locator(places)
        axis.set_major_formatter(texts)
        axis.set_minor_formatter(ticker.NullFormatter())


# letters of a label in a legend or beside a point
LABEL_LETTERS = 24


def group_label(runs: ReportRuns, name: str) -> str:
    """Label of an axis along a group or an unlogged input."""
    group = runs.groups.get(name)
    symbol = math_label(runs.symbol(name), name)
    if group is None:
        variable = runs.law.symbols.get(name)
        return symbol if variable is None else with_unit(symbol, variable.si_unit)
    if group.known_as and group.symbol == runs.symbol(name):
        return f"{plot_text(group.known_as)}  {symbol}"
    return math_label(f"{runs.symbol(name)} = {inline(runs, group)}", f"{name} = {group}")


def response_label(runs: ReportRuns) -> str:
    """Label of an axis along pi_0, or along a target that is a level."""
    target, response = runs.law.target, runs.law.response
    symbol = math_label(runs.response_symbol, "pi_0")
    if target.is_level:
        return with_unit(symbol, target.unit.text)
    if response.known_as:
        return f"{plot_text(response.known_as)}  {symbol}"
    formula = f"{runs.response_symbol} = {inline(runs, response)}"
    return math_label(formula, f"pi_0 = {response}")


def label_axes(
    runs: ReportRuns, axes: "Axes", x: str, y: str | None = None, *, values: Array | None = None
) -> None:
    """Label axes along a group, and along another or the response; logarithmic for logarithms.

    With some of the `values` of the response not above zero, its axis is linear.
    """
    axes.set_xlabel(group_label(runs, x))
    axes.set_ylabel(response_label(runs) if y is None else group_label(runs, y))
    is_log = runs.is_log if y is None else y in runs.law.logged
    is_log = is_log and (values is None or not np.any(values <= 0))
    log_ticks(axes, *(["x"] if x in runs.law.logged else []), *(["y"] if is_log else []))


def inline(runs: ReportRuns, group: PiGroup) -> str:
    """LaTeX of a group on one line, what divides behind a slash."""
    parts = []
    for sign in (1, -1):
        powers = {k: sign * e for k, e in group.exponents if sign * e > 0}
        parts.append((runs.definition(PiGroup.of("part", powers)), len(powers)))
    (above, _), (below, count) = parts
    if count == 0:
        return above
    return rf"{above}\,/\,({below})" if count > 1 else rf"{above}\,/\,{below}"


def target_label(runs: ReportRuns, what: str = "") -> str:
    """Label of an axis along the target in SI units."""
    target = runs.law.target
    symbol = math_label(symbol_latex(target.name, target.kind), target.name)
    return with_unit(f"{what} {symbol}".strip(), runs.law.target_unit)


def scatter(
    runs: ReportRuns,
    axes: "Axes",
    x: Array,
    y: Array,
    rows: IntArray,
    *,
    apart: bool = True,
    above: bool = False,
) -> None:
    """Points of the runs, each label of a few in its own colour and marker."""
    style: dict[str, Any] = {"alpha": 0.8, "markeredgewidth": 0.0, "zorder": 3}
    column = runs.label_column if apart else None
    if column is None:
        plot_sets(axes, x, y, [("runs", rows)], **style)
        return
    labels = np.array([str(label) for label in runs.data[column]])[rows]
    names = sorted(set(labels))
    sets = [(plot_text(name, LABEL_LETTERS), rows[labels == name]) for name in names]
    plot_sets(axes, x, y, sets, **style)
    if above:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    else:
        axes.legend(title=plot_text(column, LABEL_LETTERS))
