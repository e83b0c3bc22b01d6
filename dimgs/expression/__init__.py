"""Expressions over groups and columns; SymPy is imported when one is first made."""

from dimgs.expression.candidate import Candidate
from dimgs.expression.complexity import complexity_of
from dimgs.expression.homogeneity import check_dimension
from dimgs.expression.parsing import (
    greek_name,
    reserved_names,
    safe_identifiers,
    sympy_parse,
    sympy_parse_condition,
    sympy_text,
)

__all__ = [
    "Candidate",
    "check_dimension",
    "complexity_of",
    "greek_name",
    "reserved_names",
    "safe_identifiers",
    "sympy_parse",
    "sympy_parse_condition",
    "sympy_text",
]
