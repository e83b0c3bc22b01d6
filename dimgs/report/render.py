"""A report as a page, as a card for notebooks, as Markdown and as LaTeX, from templates.

What a template writes is escaped for its language, except what a filter made in that language.
"""

import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dimgs.common.escape import markdown, markdown_code, visible
from dimgs.law import checked_law, display, latex
from dimgs.law.export import constant_equations, group_definitions, law_symbol_table
from dimgs.report import effects, plain_text, references, verdict, views, words
from dimgs.report.findings import Findings
from dimgs.report.report_runs import ReportRuns
from dimgs.variables import shown_unit

if TYPE_CHECKING:
    from jinja2 import Environment

    from dimgs.report.figures import Drawing

# what takes no place of its own in a formula, and from how many signs on one is wide
_SILENT = re.compile(r"\\[A-Za-z]+|\\.|[{}^_\s]")
_WIDE = ((" wider", 120), (" wide", 60))
_LEAD = ("regimes", "collapse")
# what templates call
_CALLED: tuple[tuple[ModuleType, str], ...] = (
    (verdict, "headline descriptions leads_words rivals_title probability verdict remarks"),
    (verdict, "noise_text"),
    (plain_text, "centre_text column_ranges sources_lines place"),
    (words, "title_of reference_of spread_text exponent_name"),
    (views, "tiles_of"),
    (effects, "exponent_text"),
    (references, "works_of"),
    (display, "shown_constants plain_number_note"),
    (display, "held_note"),
    (checked_law, "percent"),
)


class Raw(str):
    """Text that is in the language of its template already."""

    __slots__ = ()


def _template(name: str) -> str:
    return files("dimgs.report").joinpath("templates", name).read_text(encoding="utf-8")


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _environment(**options: Any) -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_template),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        **options,
    )
    environment.globals |= {
        name: getattr(module, name) for module, names in _CALLED for name in names.split()
    }
    environment.filters |= {
        "symbol": latex.symbol_latex,
        "upperfirst": lambda x: x[:1].upper() + x[1:],
    }
    environment.tests["finite"] = _is_finite
    return environment


@cache
def html_templates() -> "Environment":
    """Templates of pages, in which every text is escaped."""
    from markupsafe import Markup

    from dimgs.report.figures.save import inline_svg

    def visible_value(value: Any) -> Any:
        is_text = isinstance(value, str) and not isinstance(value, Markup)
        return visible(value, "\n\t") if is_text else value

    environment = _environment(autoescape=True, finalize=visible_value)
    environment.filters |= {
        "math": lambda x: Markup(latex.mathml(x)),
        "display": lambda x: Markup(latex.mathml(x, display=True)),
        "number": lambda x, digits=4: words.short(x, digits) if _is_finite(x) else "–",
        "score": views.score,
        "unit": words.unit_text,
        "width": _width,
        "file": lambda name: Markup(_template(name)),
        "svg": lambda drawing: Markup(inline_svg(drawing)),
    }
    return environment


@cache
def _escaped(language: str) -> "Environment":
    """Templates whose every text is escaped, in LaTeX or Markdown."""
    write: Callable[[str], str] = latex.text_latex if language == "tex" else markdown

    def escape(value: Any) -> Any:
        if isinstance(value, int | float) or type(value) is Raw:
            return value
        return Raw(write(str(value)))

    marks = {} if language == "md" else _TEX_MARKS
    environment = _environment(autoescape=False, finalize=escape, **marks)
    number = plain_text.number if language == "md" else lambda x: f"${latex.number_latex(x)}$"
    environment.filters |= {
        "raw": Raw,
        "math": lambda x: Raw(f"${x}$"),
        "display": lambda x: Raw(f"$${x}$$"),
        # a bar would end the cell of a table
        "cell": lambda x: Raw(f"${x}$".replace("|", r"\|")),
        "number": lambda x: Raw(number(x)),
        "score": lambda x: Raw(views.score(x)),
        "unit": shown_unit,
        "bare": lambda x: Raw(latex.number_latex(x)),
        "code": lambda x: Raw(markdown_code(x)),
    }
    return environment


_TEX_MARKS = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


def _width(formula: str) -> str:
    """Class of a formula that is set smaller on paper."""
    signs = len(_SILENT.sub("", formula))
    return next((name for name, most in _WIDE if signs > most), "")


def _runs(report: Findings) -> ReportRuns | None:
    return ReportRuns.of(report) if report.law is not None and report.data is not None else None


def _content(report: Findings) -> dict[str, Any]:
    """Content common to all forms of a report."""
    runs, law = _runs(report), report.law
    groups = () if law is None else (law.response, *law.groups)
    return {
        "report": report,
        "runs": runs,
        "strips": views.strips(report, runs),
        "scores": views.scores(report),
        "effects": [] if runs is None else effects.effects(runs),
        "groups": [] if law is None else list(zip(groups, group_definitions(law), strict=True)),
        "regimes": [] if runs is None else words.regime_sentences(runs),
        "level": f"{report.level:.0%}",
    }


def page_content(report: Findings, drawings: "list[Drawing]") -> dict[str, Any]:
    """Content of the page of a report, by the names in its template."""
    first = ("curve",) if report.leads_with_curve else ()
    lead = next((d for name in (*first, *_LEAD) for d in drawings if d.name == name), None)
    content = _content(report)
    law, provenance = report.law, dict(report.provenance)
    used = set() if law is None else {str(s) for s in law.pi_expression.free_symbols}
    return content | {
        "lead": lead if law is not None else None,
        "drawings": [d for d in drawings if d is not lead and d.name != "candidates"],
        "inputs": [v.name for v in report.basis.variables if v.role == "data"],
        "pi_form": law is not None and any(g.name in used for g in law.groups),
        "chart": views.chart(report, content["runs"]),
        "columns": views.columns(report),
        "command": provenance.pop("command", None),
        "facts": views.facts(report, provenance),
    }


def report_html(report: Findings, drawings: "list[Drawing] | None" = None) -> str:
    """One page without any network, in the order in which a scientist asks.

    The law, where it holds, how well, what it means; then figures, candidates, the data and
    where everything comes from.

    Parameters
    ----------
    report : Report
    drawings : list of Drawing, optional
        Those of :func:`dimgs.report.figures.draw_figures`, where they are at hand.

    Returns
    -------
    str
    """
    if drawings is None:
        from dimgs.report.figures import draw_figures

        drawings = draw_figures(report)
    page = html_templates().get_template("page.html")
    return page.render(page_content(report, drawings)) + "\n"


def report_card(report: Findings) -> str:
    """Law, constants, scores and the collapse as one element, which styles nothing but itself.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
    """
    from dimgs.report.figures import Drawing, collapse, new_axes

    drawing = None
    if _runs(report) is not None:
        axes = new_axes()
        collapse(report, axes)
        drawing = Drawing.of("collapse", axes, "Collapse of the runs")
    return html_templates().get_template("card.html").render(report=report, figure=drawing)


def report_markdown(report: Findings, figures: Sequence[tuple[str, str, str]] = ()) -> str:
    r"""A report as Markdown with formulas between dollar signs.

    Parameters
    ----------
    report : Report
    figures : sequence of (title, path, caption)
        Figures to show, by paths relative to the file.

    Returns
    -------
    str

    Examples
    --------
    >>> import dimgs
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> print(report_markdown(report).split("## ")[1].strip())
    The law
    <BLANKLINE>
    **NOT CONFIRMED; best law, error 0.021 % on runs left out:**
    <BLANKLINE>
    $$T = C \, \sqrt{\frac{L}{g}}$$
    <BLANKLINE>
    - C = 6.2816 [6.2803, 6.283], fitted
    - g = 9.8066 m/s^2, physical
    <BLANKLINE>
    Posterior: \> 99 % this law, \< 1 % other laws, \< 1 % none of them.
    <BLANKLINE>
    Not confirmed. No end of the runs could be left out, so predictions beyond them are ...
    """
    text = _escaped("md").get_template("report.md").render(_content(report), figures=figures)
    return re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"


def fragments(report: Findings) -> dict[str, str]:
    r"""Parts of a study by the names of their files, each to be read with ``\input``.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict of str to str
        They need amsmath and siunitx.

    Examples
    --------
    >>> import dimgs
    >>> data = dimgs.Dataset.from_columns(
    ...     {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]})
    >>> report = dimgs.discover(data, "T", constants=["g"], engine="power_law")
    >>> sorted(fragments(report))
    ['constants', 'exponents', 'groups', 'law', 'law_pi', 'methods', 'scores', 'symbols']
    """
    law, tex = report.law, _escaped("tex")
    texts = {"methods": tex.get_template("methods.tex").render(report=report)}
    if law is None:
        return texts
    texts |= {
        "law": latex.equation(law.latex()),
        "law_pi": latex.equation(law.latex("pi")),
        "constants": latex.gathered(constant_equations(law)),
        "groups": latex.gathered(group_definitions(law)),
        "symbols": law_symbol_table(law),
        "scores": tex.get_template("scores.tex").render(law=law, runs=_runs(report)).strip(),
    }
    if report.exponents:
        level = f"{100 * report.level:g} %"
        table = tex.get_template("exponents.tex")
        texts["exponents"] = table.render(exponents=report.exponents, level=level).strip()
    return {name: text for name, text in texts.items() if text}


def report_latex(report: Findings, figures: Sequence[tuple[str, str]] = ()) -> str:
    r"""The whole study as a document that reads its fragments from the folder ``tex``.

    Parameters
    ----------
    report : Report
    figures : sequence of (name, caption)
        Figures in the folder ``figures``.

    Returns
    -------
    str
        Compiles with pdflatex; BibTeX adds the references.
    """
    study = _escaped("tex").get_template("study.tex")
    text = study.render(_content(report), parts=fragments(report), figures=figures)
    return re.sub(r"\n{3,}", "\n\n", text.strip()) + "\n"
