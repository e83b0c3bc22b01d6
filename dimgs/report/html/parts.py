"""Pieces of HTML that the sections are made of; every text is escaped here."""

import math
import re
from collections.abc import Iterable, Sequence

from dimgs.escape import html as escape
from dimgs.latex import mathml
from dimgs.report.words import short, unit_text

# what takes no place of its own in a formula, and from how many signs on one is wide
_SILENT = re.compile(r"\\[A-Za-z]+|\\.|[{}^_\s]")
_WIDE = (("wider", 120), ("wide", 60))


def number(value: float | None, digits: int = 4) -> str:
    """A number as HTML; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return escape(short(value, digits))


def interval(low: float | None, high: float | None, digits: int = 4) -> str:
    """An interval in brackets; nothing where it is not known."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f'<span class="interval">[{number(low, digits)}, {number(high, digits)}]</span>'


def unit(text: str) -> str:
    """A unit; nothing for a dimensionless one."""
    if text in ("", "1"):
        return ""
    return f'<span class="unit">{escape(unit_text(text))}</span>'


def formula(latex: str, label: str) -> str:
    """A displayed formula; where it is too wide it scrolls, and is set smaller on paper."""
    signs = len(_SILENT.sub("", latex))
    kind = "formula" + next((f" {name}" for name, most in _WIDE if signs > most), "")
    return (
        f'<div class="{kind}" role="group" aria-label="{escape(label)}" tabindex="0">'
        f"{mathml(latex, display=True)}</div>"
    )


def inline(latex: str) -> str:
    """A formula in a line of text."""
    return mathml(latex)


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()
) -> str:
    """A table with a caption, in a box that scrolls; cells are HTML already.

    Parameters
    ----------
    caption : str
        Plain text.
    columns : sequence of str
        Plain text.
    rows : iterable of sequence of str
        HTML.
    numeric : iterable of int
        Columns that are set flush right.
    """
    right = set(numeric)

    def cell(tag: str, j: int, text: str) -> str:
        scope = ' scope="col"' if tag == "th" else ""
        kind = ' class="number"' if j in right else ""
        return f"<{tag}{scope}{kind}>{text}</{tag}>"

    head = "".join(cell("th", j, escape(c)) for j, c in enumerate(columns))
    body = "".join(
        "<tr>" + "".join(cell("td", j, c) for j, c in enumerate(row)) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll" role="group" aria-label="{escape(caption)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def code(text: str, language: str) -> str:
    """Source text that can be copied."""
    return (
        f'<div class="code"><pre tabindex="0" role="group" aria-label="{escape(language)}">'
        f"<code>{escape(text)}</code></pre></div>"
    )


def details(summary: str, body: str) -> str:
    """What opens on request."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def section(name: str, title: str, body: str) -> str:
    """A section with its heading."""
    return (
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{escape(title)}</h2>'
        f"{body}</section>"
    )
