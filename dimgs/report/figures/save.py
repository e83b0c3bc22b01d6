"""Every figure that a report has data for, drawn once: as SVG and PDF, and inside a page."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.errors import DimgsError
from dimgs.common.escape import html as escape
from dimgs.common.formats import shipped, write_whole
from dimgs.law.latex import spoken
from dimgs.report.figures import style as colours
from dimgs.report.figures.style import LISTED, SINGLE, new_axes
from dimgs.report.findings import Findings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    target = Path(path)
    drawing = Drawing.of(target.stem, axes)
    made = {".pdf": drawing.pdf, ".png": drawing.png}.get(target.suffix, drawing.svg)
    write_whole(target, made())
    return target


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
    written = []
    for drawing in draw_figures(report) if drawings is None else drawings:
        svg, pdf = folder / f"{drawing.name}.svg", folder / f"{drawing.name}.pdf"
        write_whole(svg, drawing.svg())
        write_whole(pdf, drawing.pdf())
        written += [svg, pdf]
    return written


# colours of the figures -> properties of the page, which dark mode changes
_THEME = {
    colours.INK: "--ink",
    colours.MUTED: "--muted",
    colours.RULE: "--line",
    colours.BLUE: "--blue",
    colours.ORANGE: "--orange",
    colours.RUST: "--rust",
    colours.GREEN: "--green",
    colours.PINK: "--pink",
    colours.SKY: "--sky",
    colours.AMBER: "--amber",
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
