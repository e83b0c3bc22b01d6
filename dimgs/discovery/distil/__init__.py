"""Distillation of exponents: a power law whose exponent is a closed form of the other groups."""

from dimgs.discovery.distil.compose import Distilled, distil
from dimgs.discovery.distil.gradient import Integrated, exponent_fields, integrate

__all__ = [
    "Distilled",
    "Integrated",
    "distil",
    "exponent_fields",
    "integrate",
]
