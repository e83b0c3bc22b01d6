"""A report as LaTeX: a whole study, and fragments to be put into a paper."""

from collections.abc import Sequence

from dimgs.latex import equation, number_latex, symbol_latex, text_latex
from dimgs.law.typeset import constant_equations, group_definitions, law_symbol_table
from dimgs.report.references import works_of
from dimgs.report.results import Exponent, Report
from dimgs.report.runs import Runs
from dimgs.report.text import centre_text
from dimgs.report.verdict import headline, verdict
from dimgs.report.words import regime_sentences, spread_text, title_of

_PREAMBLE = r"""\documentclass[a4paper]{article}
\usepackage{amsmath}
\usepackage{siunitx}
\usepackage{graphicx}
\usepackage[margin=25mm]{geometry}
\graphicspath{{figures/}}
"""


def fragments(report: Report) -> dict[str, str]:
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
    out = {"methods": _methods(report)}
    law = report.law
    if law is None:
        return out
    out["law"] = equation(law.latex())
    out["law_pi"] = equation(law.latex("pi"))
    out["constants"] = _gathered(constant_equations(law))
    out["groups"] = _gathered(group_definitions(law))
    out["symbols"] = law_symbol_table(law)
    out["scores"] = _scores(report)
    if report.fit is not None and report.fit.variable_exponents:
        out["exponents"] = _exponents(report.fit.variable_exponents, report.level)
    return {name: text for name, text in out.items() if text}


def report_latex(report: Report, figures: Sequence[tuple[str, str]] = ()) -> str:
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
    parts = fragments(report)
    above = headline(report)
    body = [rf"\section*{{{text_latex(title_of(report))}}}"]
    body += [text_latex(f"{report.n_runs} runs of {report.source}."), text_latex(above or "")]
    for title, names in (
        ("The law", ("law", "constants")),
        ("In groups", ("law_pi", "groups")),
        ("Symbols", ("symbols",)),
        ("Exponents", ("exponents",)),
        ("How well", ("scores",)),
    ):
        shown = [rf"\input{{tex/{name}}}" for name in names if name in parts]
        body += [rf"\subsection*{{{title}}}", *shown] if shown else []
    if (centre := report.centre) is not None:
        text = centre_text(centre)
        body.append(text_latex(f"{text[:1].upper()}{text[1:]}."))
    body += [text_latex(verdict(report)), *_regimes(report)]
    if figures:
        body.append(r"\subsection*{Figures}")
        body += [_figure(name, caption) for name, caption in figures]
    body += [r"\subsection*{Methods}", r"\input{tex/methods}"]
    if report.notes:
        notes = [text_latex(w) for w in report.notes]
        body += [r"\subsection*{Notes}", _items(notes)]
    body += [r"\bibliographystyle{plain}", r"\bibliography{references}"]
    blocks = "\n\n".join(block for block in body if block)
    return f"{_PREAMBLE}\\begin{{document}}\n{blocks}\n\\end{{document}}\n"


def _gathered(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    joined = " \\\\\n".join(lines)
    return f"\\begin{{gather*}}\n{joined}\n\\end{{gather*}}"


def _exponents(shown: Sequence[Exponent], level: float) -> str:
    rows = []
    for e in shown:
        rational = f"${e.rational}$" if e.rational is not None else "--"
        between = f"$[{number_latex(e.low)},\\, {number_latex(e.high)}]$"
        rows.append(
            rf"${symbol_latex(e.name)}$ & ${number_latex(e.value)}$ & {between} & {rational} \\"
        )
    head = rf"Variable & Exponent & {100 * level:g}\,\% interval & Rational \\"
    lines = [r"\begin{tabular}{llll}", r"\hline", head, r"\hline", *rows, r"\hline"]
    return "\n".join([*lines, r"\end{tabular}"])


def _scores(report: Report) -> str:
    assert report.law is not None
    s = report.law.scores
    on = "" if report.law.target.is_level else " of the logarithm of the target"
    parts = []
    if s.cv_r2_log is not None:
        parts.append(f"on runs left out $R^2 = {number_latex(s.cv_r2_log)}${on}")
    if s.holdout_r2_log is not None:
        parts.append(f"on {s.holdout_n} runs held out $R^2 = {number_latex(s.holdout_r2_log)}$")
    if s.r2_log is not None:
        parts.append(f"in sample $R^2 = {number_latex(s.r2_log)}$")
    elif s.r2 is not None:
        parts.append(f"in sample $R^2 = {number_latex(s.r2)}$ of the target itself")
    words = ""
    if report.data is not None:
        words = " " + text_latex(spread_text(Runs.of(report)))
    joined = "; ".join(parts)
    return f"{joined[:1].upper()}{joined[1:]}.{words}" if joined else words.strip()


def _regimes(report: Report) -> list[str]:
    if report.law is None or report.data is None:
        return []
    found = regime_sentences(Runs.of(report))
    if len(found) < 2:
        return []
    sentences = [f"${where}$: {text_latex(text)}" for where, text in found]
    return [r"\subsection*{Regimes}", _items(sentences)]


def _items(texts: Sequence[str]) -> str:
    listed = "\n".join(rf"\item {{}}{text}" for text in texts)
    return f"\\begin{{itemize}}\\raggedright\n{listed}\n\\end{{itemize}}"


def _figure(name: str, caption: str) -> str:
    return (
        f"\\begin{{center}}\n\\includegraphics[width=89mm]{{{name}}}\\\\\n"
        f"{{\\small {text_latex(caption)}}}\n\\end{{center}}"
    )


def _methods(report: Report) -> str:
    cited = "; ".join(rf"{work.serves}~\cite{{{work.key}}}" for work in works_of(report))
    version = text_latex(report.provenance.get("dimgs", ""))
    seed = text_latex(report.provenance.get("seed", ""))
    return f"Found by dimgs {version} (seed {seed}). It rests on works for {cited}."
