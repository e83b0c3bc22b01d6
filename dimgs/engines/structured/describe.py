"""How many bits the structure of a tree takes, in the physical variables."""

from fractions import Fraction

import numpy as np

from dimgs.engines.structured.functions import FUNCTIONS
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.trees import Call, Mono, Number, Power, Tree, children

_OPERATOR = 2.0
_VARIABLE = 2.0


def structure_bits(tree: Tree, runs: Runs) -> float:
    """Bits of operators, functions, variables, exponents and exact numbers."""
    own = 0.0
    match tree:
        case Number(value, text):
            own = 0.0 if text is None or value == 1 else _exact_bits(text)
        case Mono(exponents):
            physical = runs.shape @ np.array([float(e) for e in exponents])
            own = sum(_VARIABLE + _exponent_bits(x) for x in np.abs(physical) if x > 1e-9)
        case Power(_, exponent):
            own = _OPERATOR + _exponent_bits(abs(float(exponent)))
        case Call(name, _):
            own = FUNCTIONS[name].bits
        case _:
            own = _OPERATOR * (len(children(tree)) - 1)
    return own + sum(structure_bits(child, runs) for child in children(tree))


def _exponent_bits(size: float) -> float:
    fraction = Fraction(size).limit_denominator(12)
    return float(2 * np.log2(max(fraction.numerator, 1)) + 2 * np.log2(fraction.denominator))


def _exact_bits(text: str) -> float:
    """Digits and names of a constant that is written out."""
    numbers = "".join(c if c.isdigit() else " " for c in text).split()
    return 1.0 + sum(2 * float(np.log2(max(int(n), 1))) for n in numbers) + 4.0 * text.count("pi")
