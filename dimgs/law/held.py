"""Inputs whose exponents neither the runs nor the units determine, and a law without them.

Inputs that never varied and form a group of their own could enter the law with any power of it: the
units settle their exponents only together. What such inputs contribute is a number, which the
prefactor of a monomial holds.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import sympy

from dimgs.dimensions import DimensionalMatrix
from dimgs.variables import Dimension

if TYPE_CHECKING:
    from dimgs.law.law import Law


def undetermined(held: Mapping[str, Dimension]) -> frozenset[str]:
    """Which of the inputs that never varied take part in a group of these inputs alone.

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


def undetermined_inputs(law: "Law") -> tuple[str, ...]:
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


def without_held(law: "Law") -> "Law":
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
    own = sympy.Symbol(prefactor.name)
    if not alone or own not in sympy.Mul.make_args(rest) or (rest / own).has(own):
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


def held_note(law: "Law") -> str:
    """What is not known of the inputs that the runs held; empty where there are none.

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
    shown = law.shown
    if shown is law:
        used = any(v.name in names for v in law.symbols.values())
        return f"{note}, and the law holds where they are the same." if used else f"{note}."
    (own,) = (a for a, b in zip(shown.constants, law.constants, strict=True) if a is not b)
    return f"{note}; {own.name} holds {'it' if one else 'them'}."
