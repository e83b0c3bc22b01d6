"""A law rewritten for numbers in the units of a trade."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy

from dimgs.common.errors import DimgsWarning, InputError
from dimgs.expression import sympy_text
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.code import domain_lines, numpy_function
from dimgs.law.exponents import half_widths, name_exponents, round_decimals
from dimgs.law.latex import expression_latex, symbol_latex
from dimgs.law.prediction import Interval, Of, inputs_in, predict, values
from dimgs.law.serialise import constant_document
from dimgs.variables import Unit, Variable, parse_unit, si_unit
from dimgs.variables.readings import other_turning


@dataclass(frozen=True)
class UnitLaw:
    """A law between plain numbers, each in a stated unit.

    Parameters
    ----------
    target, target_unit : str
    symbols : mapping of str to (str, str)
        Identifier -> (column, unit of its number).
    expression : sympy.Expr
        Constants are numbers here; they carry the units.
    law : Law
        The same law in SI units, which knows the intervals.
    """

    target: str
    target_unit: str
    symbols: Mapping[str, tuple[str, str]] = field(hash=False)
    expression: sympy.Expr
    law: CheckedLaw = field(repr=False, compare=False)

    def predict(self, data: Any, level: float | None = None, of: Of = "run") -> Any:
        """Plain numbers in `target_unit` from numbers by column, each in its stated unit.

        What carries a unit of its own (a quantity, a table) is converted to the stated units first;
        :meth:`Law.predict` returns quantities for these.

        Parameters
        ----------
        data : mapping of str to array-like, or as in :meth:`Law.predict`
        level : float, optional
            Coverage of the intervals; none by default.
        of : {"run", "law"}
            Interval of a new run, or of the law.

        Returns
        -------
        ndarray of shape (n,), a number for single numbers, or Interval of such
        """
        inputs = inputs_in(self.law, data, dict(self.symbols.values()))
        unit = parse_unit(self.target_unit)
        if level is None:
            return inputs.like(unit.from_si(values(self.law, inputs)))
        interval = predict(self.law, {**inputs.values, **inputs.labels}, level, of)
        return Interval(*(inputs.like(unit.from_si(x)) for x in interval))

    def to_json(self) -> dict[str, Any]:
        """The numerical equation as a JSON document; long exponents are among its constants."""
        form = name_exponents(self.law, self.expression)
        used = {s.name for s in form.expression.free_symbols}
        return {
            "target": self.target,
            "target_unit": self.target_unit,
            "expression": sympy_text(form.expression),
            "symbols": {s: {"column": c, "unit": u} for s, (c, u) in self.symbols.items()},
            "constants": [constant_document(c) for c in form.constants if c.name in used],
        }

    def latex(self) -> str:
        """LaTeX of the numerical equation."""
        names = {s: symbol_latex(c) for s, (c, _) in self.symbols.items()}
        right = expression_latex(self._shown, names)
        return f"{symbol_latex(self.target)} = {right}"

    def python(self, name: str = "law") -> str:
        """Source of a plain NumPy function in these units; the domain is stated in SI units."""
        takes = [f"{s}: {c} in {u}" for s, (c, u) in self.symbols.items()]
        takes += ["", "In SI units:", *domain_lines(self.law)]
        gives = f"{self.target} in {self.target_unit}"
        return numpy_function(name, self.symbols, (gives, takes), self.expression.evalf(17))

    def __str__(self) -> str:
        units = ", ".join(f"{c} [{u}]" for c, u in self.symbols.values())
        return f"{self.target} [{self.target_unit}] = {self._shown} with {units}"

    @property
    def _shown(self) -> sympy.Expr:
        """The expression with the digits that are supported."""
        return round_decimals(self.expression, half_widths(self.law))


def unit_law(law: CheckedLaw, units: Mapping[str, str]) -> UnitLaw:
    """Rewrite `law` for the given units; columns left out stay in SI.

    Raises
    ------
    InputError
        If a column is unknown or a unit has another dimension.
    """
    columns = {v.name: (s, v) for s, v in law.symbols.items()}
    unknown = [name for name in units if name not in columns and name != law.target.name]
    if unknown:
        listed = ", ".join([*columns, law.target.name])
        raise InputError(f"The law has no column '{unknown[0]}'; it has {listed}.")
    replacements = {sympy.Symbol(c.name): sympy.Float(c.value, 17) for c in law.constants}
    symbols = {}
    for name, (symbol, variable) in columns.items():
        text = units.get(name, variable.si_unit)
        unit = _checked(variable, text)
        symbols[symbol] = (name, text)
        if unit.factor != 1.0 or unit.offset != 0.0:
            x, (factor, offset) = sympy.Symbol(symbol), _linear(unit)
            replacements[x] = factor * x + offset
    expression = law.expression.subs(replacements, simultaneous=True)
    target_text = units.get(law.target.name, law.target_unit)
    factor, offset = _linear(_checked(law.target, target_text))
    if not law.target.is_level:
        expression = (expression - offset) / factor
    expression = sympy.expand_power_base(expression, force=True).evalf(17, maxn=400)
    # numbers are decimals, but exponents stay what they are
    powers = [p.exp for p in law.expression.atoms(sympy.Pow) if p.exp.is_Rational]
    exact = {float(p): p for power in powers for p in (power, -power)}
    expression = expression.replace(
        lambda e: e.is_Pow and e.exp.is_Float, lambda e: e.base ** exact.get(float(e.exp), e.exp)
    )
    return UnitLaw(law.target.name, target_text, symbols, expression, law)


def _linear(unit: Unit) -> tuple[sympy.Expr, sympy.Expr]:
    offset = sympy.Float(unit.offset, 17) if unit.offset else sympy.Integer(0)
    return sympy.Float(unit.factor, 17), offset


def _checked(variable: Variable, text: str) -> Unit:
    if variable.is_level:
        if text != variable.unit.text:
            raise InputError(f"'{variable.name}' is a level and stays in '{variable.unit.text}'.")
        return variable.unit
    unit = parse_unit(text)
    if unit.dimension != variable.dimension or unit.scale in ("level", "label"):
        raise InputError(
            f"'{variable.name}' cannot be given in '{text}': its dimension is that of "
            f"{si_unit(variable.dimension)}."
        )
    if doubt := other_turning(variable.name, unit, variable.unit):
        warnings.warn(f"In the law {doubt}.", DimgsWarning, stacklevel=4)
    return unit
