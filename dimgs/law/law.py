"""A law: a closed form that is dimensionally checked and knows its uncertainty and domain."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, overload

import sympy

from dimgs.common.arrays import Array
from dimgs.common.errors import DimgsWarning, InputError
from dimgs.expression import sympy_text
from dimgs.law import export, prediction, serialise
from dimgs.law.canonical import shortest
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.display import half_widths, name_exponents, round_decimals, without_held
from dimgs.law.export import domain_lines, numpy_function, source_code
from dimgs.law.latex import distinct_symbols, expression_latex
from dimgs.law.prediction import Interval, Of, Place, predict
from dimgs.law.serialise import constant_document
from dimgs.variables import Unit, Variable, parse_unit, si_unit
from dimgs.variables.units import other_turning

# ---- A law rewritten for numbers in the units of a trade.


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

        Warns
        -----
        DimgsWarning
            As :meth:`Law.predict`.
        """
        unit = parse_unit(self.target_unit)
        predicted = predict(self.law, data, level, of, dict(self.symbols.values()))
        if level is None:
            return unit.from_si(predicted)
        return Interval(*map(unit.from_si, predicted))

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
        columns = (*(c for c, _ in self.symbols.values()), self.target)
        symbols = distinct_symbols(dict.fromkeys(columns))
        names = {s: symbols[c] for s, (c, _) in self.symbols.items()}
        return f"{symbols[self.target]} = {expression_latex(self._shown, names)}"

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


class Law(CheckedLaw):
    """A law with checked dimensions, constants, uncertainty and domain.

    Examples
    --------
    A law is made by :func:`dimgs.discover` or loaded with :meth:`from_json`.

    >>> import dimgs
    >>> table = {"L [m]": [0.2, 0.4, 0.8, 1.6], "T [s]": [0.897, 1.269, 1.794, 2.537]}
    >>> law = dimgs.fit(table, "T", constants=["g"]).law
    >>> print(law, law.predict({"L [cm]": [50.0]}).round(2))
    T = C*sqrt(L/g) [1.42] second
    >>> law.ratio({"L": [2.0]}, {"L": [1.0]}).round(3)
    array([1.414])
    >>> dimgs.Law.from_json(law.to_json()) == law
    True
    """

    @cached_property
    def shown(self) -> "Law":
        """The law as it is shown: inputs with unknown exponents are held by its prefactor."""
        return without_held(self)

    @property
    def sympy(self) -> sympy.Expr:
        """The law as a SymPy expression in its symbols and constants, in its shortest form."""
        return shortest(self)

    @overload
    def predict(self, data: Any, level: float, of: Of = "run") -> Interval: ...
    @overload
    def predict(self, data: Mapping[str, float], level: None = None, of: Of = "run") -> float: ...
    @overload
    def predict(self, data: Mapping[str, Array], level: None = None, of: Of = "run") -> Array: ...
    @overload
    def predict(self, data: Any, level: None = None, of: Of = "run") -> Any: ...
    def predict(self, data: Any, level: float | None = None, of: Of = "run") -> Any:
        """Predicted target of each row.

        Parameters
        ----------
        data : whatever `read_table` takes
            A mapping's plain numbers are in SI units; scalars give scalars. In any other table
            every input with a dimension needs a unit.
        level : float, optional
            Coverage of the intervals; without it only values are returned.
        of : {"run", "law"}
            Interval of a new run, or of the law itself.

        Returns
        -------
        values or Interval
            Pint quantities in the target's unit for quantities and tables with units; plain SI
            arrays of shape (n_runs,) for plain arrays.

        Raises
        ------
        InputError
            If an input is absent, lacks its unit or has another dimension, or a mapping has a name
            like that of an input which it lacks.

        Warns
        -----
        DimgsWarning
            Of rows outside the domain, with their number, the first row and the reasons (those of
            each row are in :meth:`places`); of columns that the law does not know; and of a law in
            doubt.
        """
        return prediction.predict(self, data, level, of)

    def predict_si(self, data: Any) -> Array:
        """Predicted target of each row in the coherent SI unit; columns may be more than inputs."""
        return prediction.values(self, prediction.law_inputs(self, data))

    @overload
    def ratio(self, u: Any, v: Any, level: float, of: Of = "law") -> Interval: ...
    @overload
    def ratio(self, u: Any, v: Any, level: None = None, of: Of = "law") -> Array: ...
    def ratio(self, u: Any, v: Any, level: float | None = None, of: Of = "law") -> Any:
        """f(u)/f(v), free of the prefactor (for a level: the difference f(u) - f(v)).

        Parameters
        ----------
        u, v : as `data` in :meth:`predict`, with equal numbers of rows or one
        level : float, optional
            Coverage of the intervals.
        of : {"law", "run"}
            Interval of the law's ratio, or of the ratio of two new runs.

        Returns
        -------
        ndarray of shape (n,) or Interval of such

        Warns
        -----
        DimgsWarning
            As :meth:`predict`.
        """
        return prediction.ratio(self, u, v, level, of)

    @overload
    def elasticities(self, data: Any, level: float) -> dict[str, Interval]: ...
    @overload
    def elasticities(self, data: Any, level: None = None) -> dict[str, Array]: ...
    def elasticities(self, data: Any, level: float | None = None) -> dict[str, Any]:
        """Local exponents ∂ ln f/∂ ln x of each input (∂f/∂ ln x for a level).

        Returns
        -------
        dict of str to ndarray of shape (n,) or Interval of such
            By column; with `level`, intervals of the law's own elasticities.
        """
        return prediction.elasticities(self, prediction.law_inputs(self, data), level)

    def outside(self, data: Any) -> list[list[str]]:
        """For each row, the groups in which it lies outside the domain of validity.

        An input that no group holds, and a column of labels, is named by its column.
        """
        return [place.outside for place in self.places(data)]

    def places(self, data: Any) -> list[Place]:
        """Position of each row relative to the domain of validity, with reasons in words.

        Parameters
        ----------
        data : as in :meth:`predict`

        Returns
        -------
        list of Place
            One for each row: `outside` as :meth:`outside` gives it, `departures` with the range
            over the runs and the inputs that left it, and `far` with the columns that lie more than
            ten times beyond their runs.

        Examples
        --------
        >>> import dimgs
        >>> table = {"K [1]": [10.0] * 5, "x [m]": [1.0, 2, 3, 4, 5], "y [m]": [2.0, 4, 6, 8, 10]}
        >>> law = dimgs.fit(table, "y").law
        >>> place, = law.places({"K": [100.0], "x": [70.0]})
        >>> place.outside, str(place.departures[0]), place.far
        (['pi_1'], 'K was 10 in every run; the point has 100', {'x': 14.0})
        """
        return prediction.places(self, prediction.law_inputs(self, data))

    def latex(self, form: Literal["dimensional", "pi"] = "dimensional") -> str:
        """LaTeX of the law, in its variables or in pi groups (named groups typeset as Re, Pr).

        Raises
        ------
        InputError
            If there is no such form.
        """
        if form not in ("dimensional", "pi"):
            raise InputError(f"A law has no LaTeX form {form!r}; choose 'dimensional' or 'pi'.")
        return export.law_latex(self, form)

    def symbol_table(self) -> str:
        """LaTeX table of symbols, columns, units and ranges."""
        return export.law_symbol_table(self)

    def python(self, name: str = "law") -> str:
        """Source of a plain NumPy function of the inputs in SI units."""
        return self.code("python", name)

    def code(self, language: str, name: str = "law") -> str:
        """Source of a function of the inputs in SI units, in Python, C or Fortran.

        Parameters
        ----------
        language : {"python", "c", "fortran"}
        name : str
            Name of the function.

        Raises
        ------
        InputError
            If there is no such language.
        """
        return source_code(self, language, name)

    def c(self, name: str = "law") -> str:
        """Source of a C99 function of doubles, in SI units."""
        return self.code("c", name)

    def fortran(self, name: str = "law") -> str:
        """Source of a pure Fortran 2008 function in a module, in SI units."""
        return self.code("fortran", name)

    def with_units(self, units: Mapping[str, str] | None = None, /, **more: str) -> UnitLaw:
        """The law for numbers in other units, such as US customary ones.

        Parameters
        ----------
        units : mapping of column to unit, optional
            Also as keywords; columns left out stay in SI units.

        Returns
        -------
        UnitLaw
            It takes and predicts plain numbers, each in its stated unit.
        """
        if units is not None and not isinstance(units, Mapping):
            raise InputError(
                f"Units are given by column, such as with_units(U='ft/s'), not as {units!r}."
            )
        return unit_law(self, {**(units or {}), **more})

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """The law as a JSON document; also written to `path` if given."""
        document = serialise.law_document(self)
        if path is not None:
            serialise.write_document(document, Path(path))
        return document

    @classmethod
    def from_json(cls, source: str | Path | Mapping[str, Any]) -> Self:
        """Law from a file, a JSON text or a document made by :meth:`to_json`.

        Raises
        ------
        InputError
            If there is no such file, or it holds no law.

        Warns
        -----
        DimgsWarning
            If the document was edited after it was written; the law's `edited` says so too.
        """
        return serialise.law_from(source, cls)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        return export.law_html(self)

    def __repr__(self) -> str:
        return f"Law('{self}')"

    def __str__(self) -> str:
        return export.law_text(self)
