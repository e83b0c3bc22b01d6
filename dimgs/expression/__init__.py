"""Expressions over groups and columns."""

from dimgs.expression.candidate import Candidate as Candidate
from dimgs.expression.candidate import complexity_of as complexity_of
from dimgs.expression.homogeneity import check_dimension as check_dimension
from dimgs.expression.parsing import reserved_names as reserved_names
from dimgs.expression.parsing import safe_identifiers as safe_identifiers
from dimgs.expression.parsing import sympy_parse as sympy_parse
from dimgs.expression.parsing import sympy_parse_condition as sympy_parse_condition
from dimgs.expression.parsing import sympy_text as sympy_text
