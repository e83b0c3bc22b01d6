"""A law in its shortest form, its constants in an order that does not depend on their names."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import sympy

from dimgs.errors import LawError
from dimgs.expression.simplest import simplest

if TYPE_CHECKING:
    from dimgs.law.law import Law


def positive_names(law: "Law") -> frozenset[str]:
    """Inputs that were positive in every run, known constants and scales."""
    columns = law.domain.columns
    inputs = {
        s
        for s, v in law.symbols.items()
        if not v.is_level and v.name in columns and columns[v.name][0] > 0
    }
    return frozenset(inputs | {c.name for c in law.constants if c.origin in ("physical", "scale")})


def canonical(law: "Law") -> "Law":
    """The same law in its shortest form, the engine's constants named by where they stand.

    Parameters
    ----------
    law : Law

    Returns
    -------
    Law
        Equal in every number.
    """
    # evaluated, as it would be read from a file
    expression = _evaluated(simplest(law.expression, positive_names(law)))
    names = _by_place(law)
    if expression == law.expression and all(old == new for old, new in names.items()):
        return law
    rename = {sympy.Symbol(old): sympy.Symbol(new) for old, new in names.items()}
    try:
        return replace(
            law,
            expression=expression.xreplace(rename),
            pi_expression=law.pi_expression.xreplace(rename),
            constants=tuple(replace(c, name=names.get(c.name, c.name)) for c in law.constants),
            uncertainty=replace(
                law.uncertainty,
                gradients=tuple(g.xreplace(rename) for g in law.uncertainty.gradients),
            ),
        )
    except LawError:
        return law


def _evaluated(expression: sympy.Expr) -> sympy.Expr:
    if not expression.args:
        return expression
    return expression.func(*map(_evaluated, expression.args))


def _by_place(law: "Law") -> Mapping[str, str]:
    """New names of the constants c_1, c_2, ... in the order of what the law says of them."""
    own = [c for c in law.constants if c.name.startswith("c_") and c.name[2:].isdigit()]
    symbols = {c.name: sympy.Symbol(c.name) for c in own}

    def place(name: str) -> tuple[str, float]:
        marks = {s: sympy.Symbol("c" if n == name else "c_0") for n, s in symbols.items()}
        return str(law.pi_expression.xreplace(marks)), law.constant_values[name]

    numbers = sorted(int(name[2:]) for name in symbols)
    ordered = sorted(symbols, key=place)
    return {old: f"c_{k}" for old, k in zip(ordered, numbers, strict=True)}
