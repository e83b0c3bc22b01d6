"""Groups, expressions, units and tables in LaTeX; SymPy and Pint are imported when needed."""

from dimgs.law.latex.document import SymbolRow, article, equation, gathered, symbol_table
from dimgs.law.latex.formulas import (
    expression_latex,
    greek_latex,
    group_latex,
    number_latex,
    quantity_latex,
    symbol_latex,
    text_latex,
    unit_latex,
    word_latex,
)
from dimgs.law.latex.mathml import mathml, spoken

__all__ = [
    "SymbolRow",
    "article",
    "equation",
    "expression_latex",
    "gathered",
    "greek_latex",
    "group_latex",
    "mathml",
    "number_latex",
    "quantity_latex",
    "spoken",
    "symbol_latex",
    "symbol_table",
    "text_latex",
    "unit_latex",
    "word_latex",
]
