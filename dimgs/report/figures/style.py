"""Colours, sizes and labels that all figures share, and figures as SVG, PDF and PNG."""

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache, partial, wraps
from inspect import signature
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, cast

import numpy as np

from dimgs.common.arrays import Array, IntArray
from dimgs.common.errors import DimgsError
from dimgs.common.escape import html as escape
from dimgs.common.escape import visible
from dimgs.common.formats import shipped, write_whole
from dimgs.law.latex import spoken, symbol_latex
from dimgs.report.findings import Findings, ReportRuns
from dimgs.report.words import unit_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# ---- Colours, sizes and labels that all figures share.


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
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color", "axes.edgecolor", "axes.titlecolor"), MUTED),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 7.5),
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.7),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    "font.family": "DejaVu Sans", "mathtext.fontset": "dejavusans", "font.size": 8,
    "axes.titlesize": 7.5, "axes.titlelocation": "right", "axes.labelsize": 8.5,
    "lines.linewidth": 1.3, "lines.markersize": 4.2,
    "axes.facecolor": "none", "figure.facecolor": PAPER,
    "text.usetex": False, "text.parse_math": True,
}  # fmt: skip


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
    formula = f"{runs.symbol(name)} = {runs.definition(group, flat=True)}"
    return math_label(formula, f"{name} = {group}")


def response_label(runs: ReportRuns) -> str:
    """Label of an axis along pi_0, or along a target that is a level."""
    target, response = runs.law.target, runs.law.response
    symbol = math_label(runs.response_symbol, "pi_0")
    if target.is_level:
        return with_unit(symbol, target.unit.text)
    if response.known_as:
        return f"{plot_text(response.known_as)}  {symbol}"
    formula = f"{runs.response_symbol} = {runs.definition(response, flat=True)}"
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


# ---- Every figure that a report has data for, drawn once: as SVG and PDF, and inside a page.


# inches, of a figure one column wide
_HEIGHT = 2.7
# dots per inch: 1000 across a column, sharp on a slide
_DPI = 300


@dataclass(frozen=True)
class Drawing:
    """A figure of a report, drawn.

    Attributes
    ----------
    name : str
        Stem of its files.
    figure : matplotlib.figure.Figure
    title, caption : str
        What it is, and what to look at.

    Examples
    --------
    >>> from dimgs.report.figures import new_axes
    >>> Drawing("empty", new_axes().figure, "Nothing", "No runs.").svg()[:5]
    '<?xml'
    """

    name: str
    figure: "Figure"
    title: str
    caption: str

    @classmethod
    def of(cls, name: str, axes: "Axes", title: str = "", caption: str = "") -> "Drawing":
        """The figure that Axes stand in."""
        figure = axes.get_figure(root=True)
        assert figure is not None
        return cls(name, figure, title, caption)

    def svg(self) -> str:
        """The figure as SVG text, the same on every run."""
        return self._svg

    @cached_property
    def _svg(self) -> str:
        style = {"svg.hashsalt": self.name, "svg.fonttype": "path"}
        data = self._saved(style, format="svg", metadata={"Date": None}, transparent=True)
        # its places are known now; to find them again takes a third of the time of a drawing
        self.figure.set_layout_engine(None)
        return data.decode()

    def pdf(self) -> bytes:
        """The figure as PDF, the same on every run."""
        # it tells the user that the date of a font is odd
        logging.getLogger("fontTools.ttLib.tables._h_e_a_d").setLevel(logging.ERROR)
        return self._saved({"pdf.fonttype": 42}, format="pdf", metadata={"CreationDate": None})

    def png(self) -> bytes:
        """The figure as PNG, for slides."""
        return self._saved({}, format="png", dpi=_DPI, metadata={"Software": None})

    def write(self, path: Path) -> Path:
        """Save the figure as SVG, PDF or PNG, by the ending of the path."""
        made = {".pdf": self.pdf, ".png": self.png}.get(path.suffix, self.svg)
        write_whole(path, made())
        return path

    def _saved(self, style: Any, **options: Any) -> bytes:
        import matplotlib as mpl

        buffer = BytesIO()
        with mpl.rc_context(style):
            self.figure.savefig(buffer, **options)
        return buffer.getvalue()


def draw_figures(report: Findings) -> list[Drawing]:
    """Draw every figure that the report has data for.

    Returns
    -------
    list of Drawing
        Empty where the report has no law or does not contain its runs.

    Examples
    --------
    >>> import dimgs
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> [d.name for d in draw_figures(report)]
    ['collapse', 'predicted_against_measured', 'exponents', 'residuals_by_run']
    """
    drawings = []
    # in the order of the captions, of which each has one
    for name in sorted(LISTED, key=[*_captions()].index):
        draw, when = LISTED[name]
        height = max(0.9 + 0.36 * len(report.exponents), 1.4) if name == "exponents" else _HEIGHT
        drawing = drawing_of(name, partial(draw, report), height) if when(report) else None
        if drawing is None:
            continue
        if name == "predicted_against_measured" and drawing.figure.axes[0].get_legend() is not None:
            drawing = replace(drawing, caption=f"{drawing.caption} The bands are ±10 % and ±20 %.")
        if name == "exponents" and not report.is_power_law:
            drawing = replace(drawing, title="Exponents of one power law over all runs")
        drawings.append(drawing)
    return drawings


def drawing_of(
    name: str, draw: "Callable[[Axes], object]", height: float = _HEIGHT
) -> Drawing | None:
    """A figure with its title and caption; None where there are no data for it.

    Parameters
    ----------
    name : str
        In the captions.
    draw : callable
        It draws on the Axes that it is given.
    height : float
        In inches.
    """
    axes = new_axes(SINGLE, height)
    try:
        draw(axes)
    except DimgsError:
        return None
    return Drawing.of(name, axes, **_captions()[name])


@cache
def _captions() -> dict[str, dict[str, str]]:
    """Titles and captions by the names of figures."""
    return shipped("dimgs.report.figures", "captions.toml")


def save(axes: "Axes", path: str | Path) -> Path:
    """Save the figure of an Axes as SVG, PDF or PNG, by the ending of the path.

    Parameters
    ----------
    axes : Axes
    path : str or Path

    Returns
    -------
    Path

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from dimgs.report.figures import new_axes
    >>> with TemporaryDirectory() as folder:
    ...     save(new_axes(), f"{folder}/empty.svg").name
    'empty.svg'
    """
    return Drawing.of(Path(path).stem, axes).write(Path(path))


def save_figures(
    report: Findings, folder: Path, drawings: list[Drawing] | None = None
) -> list[Path]:
    """Save the figures that the report has data for, as SVG and PDF.

    Parameters
    ----------
    report : Report
    folder : Path
        Exists.
    drawings : list of Drawing, optional
        Those of :func:`draw_figures`, where they are at hand.

    Returns
    -------
    list of Path

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import dimgs
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"])
    >>> with TemporaryDirectory() as folder:
    ...     len(save_figures(report, Path(folder)))
    8
    """
    shown = draw_figures(report) if drawings is None else drawings
    return [d.write(folder / f"{d.name}{end}") for d in shown for end in (".svg", ".pdf")]


# colours of the figures -> properties of the page, which dark mode changes
_THEME = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--line",
    BLUE: "--blue",
    ORANGE: "--orange",
    RUST: "--rust",
    GREEN: "--green",
    PINK: "--pink",
    SKY: "--sky",
    AMBER: "--amber",
}
# what stands before the element, and what no page shows
_UNSEEN = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_NAMES = re.compile(r'\bid="|url\(#|href="#')
_OPENING = re.compile(r"<svg[^>]*>")
_VIEW = re.compile(r'viewBox="([^"]*)"')
# hundredths of a point are finer than any screen or printer
_PLACES = re.compile(r' (?:d|x|y)="[^"]*"')
_LONG = re.compile(r"\d+\.\d{3,}")
_MATH = re.compile(r"\$((?:\\.|[^$\\])*)\$")
_BLANKS = re.compile(r">\s+<")


def inline_svg(drawing: "Drawing") -> str:
    """SVG element of a figure, for a page that sets the colours."""
    text = _UNSEEN.sub("", drawing.svg())
    view = _VIEW.search(text)
    assert view is not None
    opening = (
        f'<svg viewBox="{view[1]}" role="img" aria-label="{escape(alternative(drawing))}" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    text = _OPENING.sub(lambda _: opening, text, count=1)
    text = _NAMES.sub(lambda match: f"{match[0]}{drawing.name}-", text)
    for colour, name in _THEME.items():
        text = re.sub(colour, f"var({name})", text, flags=re.IGNORECASE)
    text = _PLACES.sub(lambda match: _LONG.sub(_rounded, match[0]), text)
    return _BLANKS.sub("><", text.strip())


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def alternative(drawing: "Drawing") -> str:
    """Alternative text of a figure."""
    axes = drawing.figure.axes[0]
    points = sum(np.size(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "None")
    parts = [f"{drawing.title}."]
    for which, label in (("Horizontal", axes.get_xlabel()), ("Vertical", axes.get_ylabel())):
        if label:
            parts.append(f"{which} axis: {plain(label)}.")
    if points:
        parts.append(f"{points} points.")
    return " ".join([*parts, drawing.caption])


def plain(label: str) -> str:
    r"""A label without its mathematics, for reading aloud.

    Examples
    --------
    >>> print(plain(r"measured $\tau_{w}$ [Pa]"))
    measured τ w [Pa]
    """
    return " ".join(_MATH.sub(lambda match: spoken(match[1]), label).replace(r"\$", "$").split())
