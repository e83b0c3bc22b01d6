"""Figures inside the page: colours that follow the page, identifiers of their own."""

import re
from typing import TYPE_CHECKING

import numpy as np

from dimgs.escape import html as escape
from dimgs.latex import spoken
from dimgs.report.figures import style as colours

if TYPE_CHECKING:
    from dimgs.report.figures.save import Drawing

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
_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_OPENING = re.compile(r"<svg[^>]*>")
_VIEW = re.compile(r'viewBox="([^"]*)"')
# hundredths of a point are finer than any screen or printer
_PLACES = re.compile(r' (?:d|x|y)="[^"]*"')
_LONG = re.compile(r"\d+\.\d{3,}")
_MATH = re.compile(r"\$((?:\\.|[^$\\])*)\$")
_BLANKS = re.compile(r">\s+<")


def inline_svg(drawing: "Drawing") -> str:
    """SVG element of a figure, for a page that sets the colours."""
    text = _COMMENT.sub("", _METADATA.sub("", _HEAD.sub("", drawing.svg())))
    view = _VIEW.search(text)
    assert view is not None
    opening = (
        f'<svg viewBox="{view[1]}" role="img" aria-label="{escape(alternative(drawing))}" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    text = _OPENING.sub(lambda _: opening, text, count=1)
    prefix = f"{drawing.name}-"
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = text.replace("url(#", f"url(#{prefix}").replace('href="#', f'href="#{prefix}')
    for colour, name in _THEME.items():
        text = re.sub(colour, f"var({name})", text, flags=re.IGNORECASE)
    text = _PLACES.sub(lambda found: _LONG.sub(_rounded, found[0]), text)
    return _BLANKS.sub("><", text.strip())


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def alternative(drawing: "Drawing") -> str:
    """What the figure shows, for those who do not see it."""
    axes = drawing.figure.axes[0]
    points = sum(np.size(line.get_xdata()) for line in axes.lines if line.get_linestyle() == "None")
    parts = [f"{drawing.title}."]
    if axes.get_xlabel():
        parts.append(f"Horizontal axis: {plain(axes.get_xlabel())}.")
    if axes.get_ylabel():
        parts.append(f"Vertical axis: {plain(axes.get_ylabel())}.")
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
    return " ".join(_MATH.sub(lambda found: spoken(found[1]), label).replace(r"\$", "$").split())
