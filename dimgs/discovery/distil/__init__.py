"""Distillation of exponents: a power law whose exponent is a closed form of the other groups."""

from dimgs.discovery.distil.compose import Distilled, distil

__all__ = ["Distilled", "distil"]
