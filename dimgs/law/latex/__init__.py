"""Groups, expressions, units and tables in LaTeX."""

from dimgs.law.latex.document import SymbolRow as SymbolRow
from dimgs.law.latex.document import article as article
from dimgs.law.latex.document import equation as equation
from dimgs.law.latex.document import gathered as gathered
from dimgs.law.latex.document import symbol_table as symbol_table
from dimgs.law.latex.formulas import expression_latex as expression_latex
from dimgs.law.latex.formulas import group_latex as group_latex
from dimgs.law.latex.formulas import number_latex as number_latex
from dimgs.law.latex.formulas import quantity_latex as quantity_latex
from dimgs.law.latex.formulas import symbol_latex as symbol_latex
from dimgs.law.latex.formulas import text_latex as text_latex
from dimgs.law.latex.formulas import unit_latex as unit_latex
from dimgs.law.latex.mathml import mathml as mathml
from dimgs.law.latex.mathml import spoken as spoken
