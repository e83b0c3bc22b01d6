"""Variables with exact dimensions; the only inner module that imports Pint."""

from dimgs.variables.dimension import Dimension, superscript
from dimgs.variables.units import (
    DIMENSIONLESS,
    LABEL,
    Unit,
    define_unit,
    difference_unit,
    parse_unit,
    registry,
    shown_unit,
    si_unit,
    to_pint,
)
from dimgs.variables.variable import Role, Variable, parse_variable, split_header

__all__ = [
    "DIMENSIONLESS",
    "Dimension",
    "LABEL",
    "Role",
    "Unit",
    "Variable",
    "define_unit",
    "difference_unit",
    "parse_unit",
    "parse_variable",
    "registry",
    "shown_unit",
    "si_unit",
    "split_header",
    "superscript",
    "to_pint",
]
