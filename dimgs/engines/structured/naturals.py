"""Simple numbers that the constants of laws are tried at."""

from dataclasses import dataclass

import numpy as np

from dimgs.engines.structured.trees import Number
from dimgs.rationals import exact_bits

_RATIONAL = ("1", "2", "1/2", "3", "1/3", "4", "1/4", "3/2", "2/3", "3/4", "4/3", "8", "1/8")
_WITH_PI = ("pi", "2*pi", "pi/2", "4*pi", "1/pi", "1/(2*pi)", "1/(4*pi)", "pi/4", "4*pi/3")


@dataclass(frozen=True, slots=True)
class Natural:
    """A simple positive number.

    Parameters
    ----------
    value : float
    text : str
        As SymPy reads it.
    bits : float
        Length of description.
    """

    value: float
    text: str
    bits: float

    def signed(self, sign: float) -> Number:
        """The number with a sign."""
        return Number(self.value, self.text) if sign > 0 else Number(-self.value, f"-{self.text}")


def natural(text: str) -> Natural:
    """The number of a text such as "1", "1/2", "2*pi" or "1/(4*pi)"."""
    value = 1.0
    head, _, tail = text.partition("/")
    for part, power in ((head, 1.0), (tail.strip("()"), -1.0)):
        for factor in filter(None, part.split("*")):
            value *= (np.pi if factor == "pi" else float(factor)) ** power
    return Natural(value, text, 0.0 if text == "1" else exact_bits(text))


NATURALS = tuple(sorted(map(natural, (*_RATIONAL, *_WITH_PI)), key=lambda n: (n.bits, n.value)))


def natural_near(size: float, window: float) -> Natural | None:
    """The simplest of the numbers whose logarithm is within a window of that of `size`.

    Examples
    --------
    >>> natural_near(1.9, 0.1).text
    '2'
    """
    if not size > 0:
        return None
    return next((n for n in NATURALS if abs(np.log(n.value / size)) <= window), None)
