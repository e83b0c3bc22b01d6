"""Simple numbers: rationals of small denominator, multiples of pi, and what they cost in bits."""

from dimgs.rationals.bits import exact_bits, exponent_bits
from dimgs.rationals.numbers import known_values, numbers_near, recognised_value
from dimgs.rationals.search import (
    equal_rational,
    is_simple,
    nearest_rationals,
    only_simple,
    rationals_between,
    simplest_between,
)

__all__ = [
    "equal_rational",
    "exact_bits",
    "exponent_bits",
    "is_simple",
    "known_values",
    "nearest_rationals",
    "numbers_near",
    "only_simple",
    "rationals_between",
    "recognised_value",
    "simplest_between",
]
