"""Numbers in a form that the runs do not single out become constants with an interval.

A search finds ``5 x`` because 5 is near; that it is 5, and not 4.9 or 5.1, the runs must show: the
number pays for itself only where the interval of a constant in its place is so narrow that meeting
so simple a number by chance is improbable. Exponents, and 1, belong to the form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2

import numpy as np
import sympy

from dimgs.arrays import Array
from dimgs.rationals import (
    CHANCE,
    MAX_DENOMINATOR,
    bits_of,
    chance_of_number,
    nearest_rationals,
)

# standard errors: half of an interval of 90 %, and where a number is refuted or allowed at 5 %
_HALF, _REFUTED, _ALLOWED = 1.645, 3.0, 2.0
# a chance below is that of errors that are rounding
_LEAST_CHANCE = 1e-6
# bits of likelihood that a test at 1 % asks of one constant: half of 6.63, over ln 2
_SNAPPED = 4.8


@dataclass(frozen=True)
class Freed:
    """A form whose numbers have become constants.

    Attributes
    ----------
    expression : sympy.Expr
    constants : mapping of str to float
        Its constants, those of the form included.
    numbers : mapping of str to sympy.Expr
        What each new constant was.
    """

    expression: sympy.Expr
    constants: Mapping[str, float]
    numbers: Mapping[str, sympy.Expr]

    def fixed(self, kept: "set[str]") -> tuple[sympy.Expr, dict[str, float]]:
        """The form with some of its numbers again."""
        back = {sympy.Symbol(k): v for k, v in self.numbers.items() if k in kept}
        rest = {k: v for k, v in self.constants.items() if k not in kept}
        return self.expression.xreplace(back), rest


def freed(expression: sympy.Expr, constants: Mapping[str, float]) -> Freed | None:
    """The form with a constant for every number but exponents and 1; None where it has none.

    Examples
    --------
    >>> x = sympy.Symbol("pi_1")
    >>> freed(3 * x**2 / (x + 1), {}).expression
    c_1*pi_1**2/(pi_1 + 1)
    """
    taken = {str(s) for s in expression.free_symbols} | set(constants)
    numbers: dict[str, sympy.Expr] = {}

    def name(number: sympy.Expr) -> sympy.Symbol:
        k = 1
        while f"c_{k}" in taken:
            k += 1
        taken.add(f"c_{k}")
        numbers[f"c_{k}"] = number
        return sympy.Symbol(f"c_{k}")

    def walk(node: sympy.Expr) -> sympy.Expr:
        if node.is_number or not node.args:
            return node
        if node.is_Pow:
            base = node.base if node.base.is_number else walk(node.base)
            return base ** (node.exp if node.exp.is_number else walk(node.exp))
        if node.is_Add or node.is_Mul:
            fixed = [a for a in node.args if a.is_number]
            rest = [walk(a) for a in node.args if not a.is_number]
            number = node.func(*fixed)
            if fixed and number not in (1, -1):
                number = name(number)
            return node.func(number, *rest) if fixed else node.func(*rest)
        return node.func(*(walk(a) for a in node.args))

    one_number = expression.is_number and expression not in (1, -1)
    found = name(expression) if one_number else walk(expression)
    # a free prefactor takes every number beside it
    if not numbers or found == expression:
        return None
    start = {**constants, **{k: float(v) for k, v in numbers.items()}}
    return Freed(found, start, numbers)


def coincidences(values: Array, errors: Array) -> float:
    """Bits by which fitted exponents are nearer to simple rationals than chance would have them.

    No exponent that may be simple is cheaper, be it 0 or 1, than the test by which exponents are
    made simple has it. That 13/6 is within an interval says nothing where as many rationals of its
    digits are met by chance.

    Parameters
    ----------
    values, errors : ndarray of shape (n_exponents,)
        Fitted, with standard errors.

    Examples
    --------
    >>> [round(coincidences(np.array([x]), np.array([0.002])), 1) for x in (0.5, 0.53, 0.501)]
    [6.2, 0.0, 6.2]
    >>> coincidences(np.array([2.15]), np.array([0.015]))
    0.0
    """
    bits = 0.0
    for value, error in zip(values, errors, strict=True):
        chances = []
        for near in nearest_rationals(float(value), range(1, MAX_DENOMINATOR + 1)):
            if abs(value - float(near)) <= _ALLOWED * error:
                # what has the exponent 0 could be left out: as improbable as an exponent of 1
                size = abs(float(near)) or 1.0
                own = bits_of(sympy.Rational(near.numerator or 1, near.denominator))
                chances.append(chance_of_number(size, own, 2 * _HALF * float(error) / size))
        if min(chances, default=1.0) < 1.0:
            bits += max(-log2(max(min(chances), _LEAST_CHANCE)), _SNAPPED)
    return bits


def paying(form: Freed, names: "tuple[str, ...]", values: Array, errors: Array) -> set[str]:
    """The numbers that pay for themselves, or that the runs refute (their form stands alone).

    Parameters
    ----------
    form : Freed
    names : tuple of str
        Its constants, in the order of the next two.
    values, errors : ndarray of shape (n_constants,)
        Refitted, with standard errors.
    """
    out = set()
    for k, value, error in zip(names, values, errors, strict=True):
        if k in form.numbers and pays(form.numbers[k], float(value), float(error)):
            out.add(k)
    return out


def pays(number: sympy.Expr, value: float, error: float) -> bool:
    """Whether a number pays for itself in place of a constant with this standard error.

    Examples
    --------
    >>> [pays(sympy.Integer(1), value, 0.01) for value in (1.01, 1.1)]
    [True, False]
    >>> pays(sympy.Integer(0), 0.07, 0.1)
    False
    """
    target = float(number)
    # a zero has no size by which others would be as near
    if (
        target == 0
        or not np.isfinite(error)
        or abs(value - target) > _REFUTED * error + 1e-9 * abs(target)
    ):
        return False
    width = 2 * _HALF * error / abs(target)
    return chance_of_number(abs(target), bits_of(number), width) < CHANCE
