"""Fitted exponents of a law: as they are shown, and as constants with names.

A law holds each exponent in full. A text shows as many digits as its interval supports; a document
or a program names it, like every other constant, so that nothing is rounded where it is computed.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from math import ceil, isfinite, log10
from typing import NamedTuple, TypeVar

import numpy as np
import sympy

from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.parts import Constant
from dimgs.variables import Dimension

Kind = TypeVar("Kind", bound=CheckedLaw)
# a denominator beyond is a decimal number that happens to be a fraction
LARGEST_QUOTIENT = 60
# short decimals, such as 0.313, which a search chose and which cost little
_SHORT = 10**4
# significant digits where no interval is known, and at most
_UNKNOWN, MOST_DIGITS = 4, 6


def is_decimal(number: sympy.Expr) -> bool:
    """Whether a rational is a decimal number with many digits, and no simple quotient.

    Examples
    --------
    >>> is_decimal(sympy.Rational(-7, 4)), is_decimal(sympy.Rational(2520365, 10**7))
    (False, True)
    """
    return bool(number.is_Rational and number.q > LARGEST_QUOTIENT and _SHORT % int(number.q))


def significant_digits(value: float, half_width: float) -> int:
    """Significant digits of a number that its interval supports: two of the half width.

    With one, a formula and the prefactor that was fitted beside its exponents would disagree.

    Examples
    --------
    >>> [significant_digits(value, 0.003) for value in (-0.25204, 1.74796)]
    [4, 5]
    >>> significant_digits(0.27514, float("inf"))
    1
    """
    if not isfinite(half_width):
        return 1
    if half_width <= 0.0 or value == 0.0:
        return _UNKNOWN
    size, last = (ceil(log10(abs(x)) + 1e-9) for x in (value, half_width))
    return min(max(size - last + 2, 1), MOST_DIGITS)


def half_widths(law: CheckedLaw) -> dict[sympy.Rational, float]:
    """Half width of each exponent of a power law by its size, at the law's level.

    Parameters
    ----------
    law : Law

    Returns
    -------
    dict of Rational to float
        Of the variables and of the groups; empty of a law whose parameters are others.
    """
    of_log = {sympy.log(sympy.Symbol(g.name)): g for g in law.groups}
    groups = [of_log.get(parameter) for parameter in law.uncertainty.gradients]
    if law.uncertainty.scale != "log" or not any(groups):
        return {}
    columns = {s: v.name for s, v in law.symbols.items()}
    every = [*law.expression.as_powers_dict().items(), *law.pi_expression.as_powers_dict().items()]
    widths: dict[sympy.Rational, float] = {}
    for base, power in every:
        name = columns.get(str(base), str(base))
        # how the exponent grows with each parameter
        row = [0.0 if g is None else float(g.as_dict().get(name, g.name == name)) for g in groups]
        if is_decimal(power) and any(row):
            half = float(law.uncertainty.half_width(np.array([row]), law.level, 0.0)[0])
            widths[abs(power)] = max(half, widths.get(abs(power), 0.0))
    return widths


def round_decimals(
    expression: sympy.Expr, half_widths: Mapping[sympy.Rational, float]
) -> sympy.Expr:
    """Expression whose long decimals, as numbers or exponents, have the digits that are supported.

    Parameters
    ----------
    expression : sympy.Expr
    half_widths : mapping of Rational to float
        Half widths of exponents, as :func:`half_widths` gives them.
    """
    long = [x for x in expression.atoms(sympy.Rational) if is_decimal(x)]

    def digits(number: sympy.Rational) -> int:
        half = half_widths.get(abs(number))
        return _UNKNOWN if half is None else significant_digits(float(number), half)

    short = {x: sympy.Float(float(x), digits(x)) for x in long}
    short |= {x: sympy.Float(float(x), 5) for x in expression.atoms(sympy.Float)}
    return expression.xreplace(short)


class Named(NamedTuple):
    """A law in which long exponents are constants, and what the name of each stands for."""

    expression: sympy.Expr
    pi_expression: sympy.Expr
    constants: tuple[Constant, ...]
    exact: Mapping[str, sympy.Rational]


def name_exponents(law: CheckedLaw, expression: sympy.Expr | None = None) -> Named:
    """The law with a name for each exponent that is a long decimal.

    Parameters
    ----------
    law : Law
    expression : sympy.Expr, optional
        A form of the law in place of its own; the names are those of the law in every form.
    """
    forms = (law.expression if expression is None else expression, law.pi_expression)
    powers = {p for form in (*forms, law.expression) for p in form.atoms(sympy.Pow)}
    numbers = {abs(x) for p in powers for x in p.exp.atoms(sympy.Rational) if is_decimal(x)}
    taken = {*law.symbols, *law.constant_values, *(g.name for g in law.groups)}
    free = (name for k in count(1) if (name := f"a_{k}") not in taken)
    exact = dict(zip(free, sorted(numbers), strict=False))
    widths = half_widths(law) if exact else {}
    constants = []
    for name, number in exact.items():
        value, half = float(number), widths.get(number, float("inf"))
        constants.append(Constant(name, value, low=value - half, high=value + half))
    symbols = {x: sympy.Symbol(n) for n, x in exact.items()}
    symbols |= {-x: -symbol for x, symbol in symbols.items()}

    def renamed(form: sympy.Expr) -> sympy.Expr:
        return form.replace(
            lambda e: e.is_Pow and bool(e.exp.atoms(sympy.Rational) & set(symbols)),
            lambda e: sympy.Pow(e.base, e.exp.xreplace(symbols)),
        )

    in_inputs, in_groups = map(renamed, forms) if exact else forms
    return Named(in_inputs, in_groups, tuple(constants), exact)


def undetermined(held: Mapping[str, Dimension]) -> frozenset[str]:
    """Constant inputs that form a group among themselves.

    Parameters
    ----------
    held : mapping of str to Dimension
        Inputs that never varied, and physical constants.

    Examples
    --------
    >>> length, time = Dimension.of({"[length]": 1}), Dimension.of({"[time]": 1})
    >>> sorted(undetermined({"A": length**2, "l": length, "t": time}))
    ['A', 'l']
    """
    names = sorted(held)
    kernel = DimensionalMatrix.of_dimensions(names, [held[n] for n in names]).kernel_lattice()
    return frozenset(n for k, n in enumerate(names) if any(row[k] for row in kernel))


def undetermined_inputs(law: CheckedLaw) -> tuple[str, ...]:
    """Inputs that the runs of a law held, and whose exponents are not known.

    Parameters
    ----------
    law : Law
    """
    values = law.domain.held
    held = {
        v.name: v.dimension
        for v in law.inputs
        if isinstance(values.get(v.name), float | int) and not v.is_level
    }
    open_ones = undetermined(held | {v.name: v.dimension for v in law.known})
    return tuple(sorted(n for n in held if n in open_ones))


def without_held(law: Kind) -> Kind:
    """The law as it is shown: its prefactor holds the inputs whose exponents are not known.

    Predictions keep the whole law, since equal groups settle what the units alone determine.

    Parameters
    ----------
    law : Law

    Returns
    -------
    Law
        The same one where there are none, or where no prefactor can hold them.
    """
    names = set(undetermined_inputs(law))
    inside = {s: v for s, v in law.symbols.items() if v.name in names}
    prefactor = next((c for c in law.constants if c.origin == "fitted"), None)
    if not inside or prefactor is None or law.target.is_level:
        return law
    positive = {s: sympy.Symbol(str(s), positive=True) for s in law.expression.free_symbols}
    expression = sympy.expand_power_base(law.expression.xreplace(positive), force=True)
    rest, powers = expression.as_independent(
        *(s for s in positive.values() if str(s) in inside), as_Add=False
    )
    rest = rest.xreplace({s: plain for plain, s in positive.items()})
    alone = {str(s) for s in powers.free_symbols} <= set(inside)
    symbol = sympy.Symbol(prefactor.name)
    if not alone or symbol not in sympy.Mul.make_args(rest) or (rest / symbol).has(symbol):
        return law
    factor, dimension = 1.0, prefactor.dimension
    for base, power in powers.as_powers_dict().items():
        value = law.domain.held.get(inside[str(base)].name) if str(base) in inside else None
        if not power.is_Rational or not isinstance(value, float | int):
            return law
        factor *= float(value) ** float(power)
        dimension = dimension * inside[str(base)].dimension ** power
    low, high = None, None
    if prefactor.low is not None and prefactor.high is not None and prefactor.high < float("inf"):
        low, high = prefactor.low * factor, prefactor.high * factor
    grown = replace(
        prefactor, value=prefactor.value * factor, low=low, high=high, dimension=dimension
    )
    return replace(
        law,
        expression=rest,
        constants=tuple(grown if c is prefactor else c for c in law.constants),
        symbols={s: v for s, v in law.symbols.items() if s not in inside},
        unused=(*law.unused, *inside.values()),
    )


def held_note(law: CheckedLaw) -> str:
    """Note on inputs that were constant in the runs; empty where there are none.

    Parameters
    ----------
    law : Law
    """
    names = undetermined_inputs(law)
    if not names:
        return ""
    which = ", ".join(names)
    one = len(names) == 1
    note = f"{which} {'was' if one else 'were'} fixed: "
    note += "its exponent is not known" if one else "their exponents are not known"
    shown = without_held(law)
    if shown is law:
        used = any(v.name in names for v in law.symbols.values())
        return f"{note}, and the law holds where they are the same." if used else f"{note}."
    (constant,) = (a for a, b in zip(shown.constants, law.constants, strict=True) if a is not b)
    return f"{note}; {constant.name} holds {'it' if one else 'them'}."
