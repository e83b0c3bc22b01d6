"""Distillation of exponents: a power law whose exponent is a closed form of the other groups."""

from dimgs.discovery.distil.compose import Distilled, distil
from dimgs.discovery.distil.forms import description_bits

__all__ = ["Distilled", "description_bits", "distil"]
