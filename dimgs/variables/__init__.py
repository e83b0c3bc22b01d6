"""Variables with exact dimensions; the only inner module that imports Pint."""

from dimgs.variables.units import DIMENSIONLESS as DIMENSIONLESS
from dimgs.variables.units import LABEL as LABEL
from dimgs.variables.units import Dimension as Dimension
from dimgs.variables.units import Unit as Unit
from dimgs.variables.units import define_unit as define_unit
from dimgs.variables.units import difference_unit as difference_unit
from dimgs.variables.units import parse_unit as parse_unit
from dimgs.variables.units import registry as registry
from dimgs.variables.units import shown_unit as shown_unit
from dimgs.variables.units import si_unit as si_unit
from dimgs.variables.units import superscript as superscript
from dimgs.variables.units import to_pint as to_pint
from dimgs.variables.units import unit_suffix as unit_suffix
from dimgs.variables.variable import Variable as Variable
from dimgs.variables.variable import parse_variable as parse_variable
from dimgs.variables.variable import split_header as split_header
