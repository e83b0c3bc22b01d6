"""Tables and whole documents that need nothing but amsmath and siunitx."""

from collections.abc import Iterable, Sequence

from dimgs.law.latex.formulas import number_latex, text_latex, unit_latex

SymbolRow = tuple[str, str, str, tuple[float | None, float | None]]

_PREAMBLE = r"""\documentclass{article}
\usepackage{amsmath}
\usepackage{siunitx}
"""


def symbol_table(rows: Iterable[SymbolRow]) -> str:
    r"""Plain table of symbols.

    Parameters
    ----------
    rows : iterable of (symbol, meaning, unit, (low, high))
        LaTeX symbol, plain text, unit text, and range (None where there is none).

    Examples
    --------
    >>> print(symbol_table([(r"\rho", "density", "kg/m^3", (1.0, 998.0))]))
    \begin{tabular}{llll}
    \hline
    Symbol & Meaning & Unit & Range \\
    \hline
    $\rho$ & density & $\unit{\kilogram\per\cubic\metre}$ & $1$ to $998$ \\
    \hline
    \end{tabular}
    """
    cells = [
        (f"${symbol}$", text_latex(meaning), f"${unit_latex(unit)}$", _range(low, high))
        for symbol, meaning, unit, (low, high) in rows
    ]
    return tabular(("Symbol", "Meaning", "Unit", "Range"), cells)


def tabular(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Table of cells in LaTeX below their titles."""
    body = [" & ".join(cells) + r" \\" for cells in (head, *rows)]
    lines = [rf"\begin{{tabular}}{{{'l' * len(head)}}}", r"\hline", body[0], r"\hline", *body[1:]]
    return "\n".join([*lines, r"\hline", r"\end{tabular}"])


def _range(low: float | None, high: float | None) -> str:
    ends = dict.fromkeys(f"${number_latex(x)}$" for x in (low, high) if x is not None)
    before = "from " if high is None else "to " if low is None else ""
    return before + " to ".join(ends) if ends else "--"


def equation(formula: str) -> str:
    r"""Displayed, numbered formula.

    Examples
    --------
    >>> print(equation("y = x"))
    \begin{equation}
    y = x
    \end{equation}
    """
    return f"\\begin{{equation}}\n{formula}\n\\end{{equation}}"


def gathered(formulas: Sequence[str]) -> str:
    r"""Displayed formulas below one another; nothing where there are none.

    Examples
    --------
    >>> print(gathered(["a = b", "c = d"]))
    \begin{gather*}
    a = b \\
    c = d
    \end{gather*}
    """
    lines = " \\\\\n".join(formulas)
    return f"\\begin{{gather*}}\n{lines}\n\\end{{gather*}}" if formulas else ""


def article(*body: str, title: str | None = None) -> str:
    r"""Document that compiles as it is.

    Parameters
    ----------
    *body : str
        LaTeX blocks (equations, tables, escaped text), set apart by empty lines.
    title : str, optional
        Plain text.

    Examples
    --------
    >>> print(article(equation("y = x")))
    \documentclass{article}
    \usepackage{amsmath}
    \usepackage{siunitx}
    \begin{document}
    \begin{equation}
    y = x
    \end{equation}
    \end{document}
    """
    heading = [rf"\section*{{{text_latex(title)}}}"] if title else []
    blocks = "\n\n".join([*heading, *body])
    return f"{_PREAMBLE}\\begin{{document}}\n{blocks}\n\\end{{document}}"
