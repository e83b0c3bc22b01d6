"""Physical constants, and which of them (or which scale) puts a target within reach."""

from dimgs.groups.physical_constants.completion import MissingScale, complete_span, missing_scale
from dimgs.groups.physical_constants.table import PhysicalConstant, all_constants, constant

__all__ = [
    "MissingScale",
    "PhysicalConstant",
    "all_constants",
    "complete_span",
    "constant",
    "missing_scale",
]
