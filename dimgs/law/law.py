"""A law: a closed form that is dimensionally checked and knows its uncertainty and domain."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import sympy
from numpy.typing import NDArray

from dimgs.errors import LawError
from dimgs.expression import check_dimension
from dimgs.groups.group import PiGroup
from dimgs.law.evaluate import Inputs, evaluate, inputs_of
from dimgs.law.parts import Constant, Domain, Scores, Uncertainty
from dimgs.variables import Dimension, Variable, registry

if TYPE_CHECKING:
    from dimgs.law.units import UnitLaw

Array = NDArray[np.float64]
Of = Literal["run", "law"]


class Interval(NamedTuple):
    """Values with their intervals, each of shape (n_runs,)."""

    value: Any
    low: Any
    high: Any


@dataclass(frozen=True, slots=True)
class LabelEffects:
    """A prefactor of its own for each label of a column.

    Parameters
    ----------
    column : str
        Label column.
    log_ratios : mapping of str to float
        Logarithm of each label's prefactor over the pooled one.
    """

    column: str
    log_ratios: Mapping[str, float]


@dataclass(frozen=True)
class Law:
    """A checked law: target = expression(symbols, constants), all in coherent SI units.

    Parameters
    ----------
    target : Variable
        What the law predicts.
    symbols : mapping of str to Variable
        Identifier in the expression -> input column.
    expression : sympy.Expr
        The law in the inputs and constants.
    constants : tuple of Constant
        Fitted and physical constants, and scales.
    groups : tuple of PiGroup
        Groups of the inputs; a scale counts as 1 in its SI unit.
    response : PiGroup
        ``pi_0``.
    pi_expression : sympy.Expr
        ``pi_0`` as an expression of the groups.
    scores : Scores
    domain : Domain
    uncertainty : Uncertainty
    level : float
        Coverage of the intervals of the constants.
    label_effects : LabelEffects, optional

    Raises
    ------
    LawError
        If a symbol is unknown, an argument of a transcendental function has a dimension, or the
        two sides differ in dimension.

    Examples
    --------
    A law is made by :func:`dimgs.discover` or loaded with :meth:`from_json`.
    """

    target: Variable
    symbols: Mapping[str, Variable]
    expression: sympy.Expr
    constants: tuple[Constant, ...]
    groups: tuple[PiGroup, ...]
    response: PiGroup
    pi_expression: sympy.Expr
    scores: Scores
    domain: Domain
    uncertainty: Uncertainty
    level: float = 0.9
    label_effects: LabelEffects | None = None
    scales: tuple[Variable, ...] = field(default=())

    def __post_init__(self) -> None:
        dimensions = {k: v.dimension for k, v in self.symbols.items()}
        dimensions |= {c.name: c.dimension for c in self.constants}
        if len(dimensions) != len(self.symbols) + len(self.constants):
            twice = sorted(set(self.symbols) & {c.name for c in self.constants})
            raise LawError(f"The name {twice} stands for an input and for a constant.")
        unknown = sorted(str(s) for s in self.expression.free_symbols if str(s) not in dimensions)
        if unknown:
            raise LawError(
                f"The law uses '{unknown[0]}', which is neither an input nor a constant; "
                f"known are {', '.join(sorted(dimensions))}."
            )
        found = check_dimension(self.expression, dimensions)
        if found != self.target_dimension:
            raise LawError(
                f"The law gives {found} but the target '{self.target.name}' has the dimension "
                f"{self.target_dimension}."
            )
        for constant in self.constants:
            if not np.isfinite(constant.value):
                raise LawError(f"The constant '{constant.name}' is not finite.")
        self._check_pi_expression()

    def _check_pi_expression(self) -> None:
        known = {g.name for g in self.groups} | set(self.symbols)
        known |= {c.name for c in self.constants}
        unknown = sorted(str(s) for s in self.pi_expression.free_symbols if str(s) not in known)
        if unknown:
            raise LawError(f"The pi form uses '{unknown[0]}', which is neither group nor constant.")

    @property
    def target_dimension(self) -> Dimension:
        """Dimension of the result; a level is dimensionless."""
        return Dimension() if self.target.is_level else self.target.dimension

    @property
    def target_unit(self) -> str:
        """Coherent SI unit of the result (a level keeps its own)."""
        return self.target.si_unit

    @property
    def sympy(self) -> sympy.Expr:
        """The law as a SymPy expression in its symbols and constants."""
        return self.expression

    @property
    def constant_values(self) -> dict[str, float]:
        """Value of each constant in SI."""
        return {c.name: c.value for c in self.constants}

    def predict(self, data: Any, level: float | None = None, of: Of = "run") -> Any:
        """Predicted target of each row.

        Parameters
        ----------
        data : Dataset or mapping of column to Pint quantities or plain SI arrays
        level : float, optional
            Coverage of the intervals; without it only values are returned.
        of : {"run", "law"}
            Interval of a new run, or of the law itself.

        Returns
        -------
        values or Interval
            Pint quantities in the target's unit for quantities and datasets; plain SI arrays of
            shape (n_runs,) for plain arrays.

        Raises
        ------
        InputError
            If an input is absent or has another dimension.
        """
        inputs = self._inputs(data)
        value = self._values(inputs)
        if level is None:
            return self._tagged(value, inputs)
        half = self.uncertainty.half_width(
            self._gradients(inputs), level, 1.0 if of == "run" else 0.0
        )
        if self.uncertainty.scale == "linear":
            half = half * self._response_factor(inputs)
        low, high = self._around(value, half)
        return Interval(*(self._tagged(x, inputs) for x in (value, low, high)))

    def predict_si(self, data: Any) -> Array:
        """Predicted target of each row in the coherent SI unit, as a plain array."""
        return self._values(self._inputs(data))

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
        """
        a, b = self._inputs(u), self._inputs(v)
        one, two = self._values(a), self._values(b)
        with np.errstate(all="ignore"):
            value = one - two if self.target.is_level else one / two
        if level is None:
            return value
        gradient_u, gradient_v = self._gradients(a), self._gradients(b)
        if self.uncertainty.scale == "linear" and not self.target.is_level:
            gradient_u = gradient_u * self._response_factor(a)[:, None] / one[:, None]
            gradient_v = gradient_v * self._response_factor(b)[:, None] / two[:, None]
        runs = 2.0 if of == "run" else 0.0
        half = self.uncertainty.half_width(gradient_u - gradient_v, level, runs)
        if self.target.is_level:
            half = half / abs(self.target.unit.log_factor)
            return Interval(value, value - half, value + half)
        return Interval(value, value * np.exp(-half), value * np.exp(half))

    def elasticities(self, data: Any, level: float | None = None) -> dict[str, Any]:
        """Local exponents ∂ ln f/∂ ln x of each input (∂f/∂ ln x for a level).

        Returns
        -------
        dict of str to ndarray of shape (n,) or Interval of such
            By column; with `level`, intervals of the law's own elasticities.
        """
        from dimgs.law.elasticity import elasticities

        return elasticities(self, self._inputs(data), level)

    def outside(self, data: Any) -> list[list[str]]:
        """For each row, the groups in which it lies outside the domain of validity."""
        inputs = self._inputs(data)
        values = self.group_values(inputs)
        logged = {g.name for g in self.groups}
        columns = [np.log(values[f]) if f in logged else values[f] for f in self.domain.features]
        features = np.column_stack(columns) if columns else np.zeros((inputs.n, 0))
        rows = self.domain.outside(values, features)
        if self.label_effects is not None:
            seen = inputs.labels.get(self.label_effects.column)
            for i, row in enumerate(rows):
                if seen is None or str(seen[i]) not in self.label_effects.log_ratios:
                    row.append(self.label_effects.column)
        return rows

    def group_values(self, inputs: Inputs) -> dict[str, Array]:
        """Values of the groups, of the unlogged inputs and of the constants, by name."""
        by_column: dict[str, Any] = dict(inputs.values)
        by_column |= {c.name: c.value for c in self.constants}
        by_column |= {s.name: 1.0 for s in self.scales}
        out: dict[str, Array] = {}
        with np.errstate(all="ignore"):
            for group in self.groups:
                out[group.name] = np.broadcast_to(np.exp(group.log(by_column)), (inputs.n,))
        for symbol, variable in self.symbols.items():
            out[symbol] = inputs.values[variable.name]
        return out

    def _inputs(self, data: Any) -> Inputs:
        from dimgs.errors import InputError

        label = [self.label_effects.column] if self.label_effects else []
        inputs = inputs_of(data, tuple(self.symbols.values()), label)
        for name, column in inputs.values.items():
            bad = np.flatnonzero(~np.isfinite(column))
            if bad.size:
                raise InputError(
                    f"Input '{name}' has no finite value in row {int(bad[0]) + 1}; "
                    f"fill it in or leave the row out."
                )
        return inputs

    def _values(self, inputs: Inputs) -> Array:
        values: dict[str, Any] = {s: inputs.values[v.name] for s, v in self.symbols.items()}
        result = evaluate(self.expression, {**values, **self.constant_values}, inputs.n)
        if self.label_effects is None:
            return result
        seen = inputs.labels.get(self.label_effects.column)
        effects = self.label_effects.log_ratios
        shift = np.array([effects.get(str(x), 0.0) for x in seen] if seen is not None else 0.0)
        if self.target.is_level:
            return np.asarray(result + shift / self.target.unit.log_factor)
        return np.asarray(result * np.exp(shift))

    def _gradients(self, inputs: Inputs) -> Array:
        values = {**self.group_values(inputs), **self.constant_values}
        columns = [evaluate(g, values, inputs.n) for g in self.uncertainty.gradients]
        return np.column_stack(columns) if columns else np.zeros((inputs.n, 0))

    def _response_factor(self, inputs: Inputs) -> Array:
        """Target over pi_0: the monomial that gives pi_0 its dimension back."""
        by_column: dict[str, Any] = dict(inputs.values)
        by_column |= {c.name: c.value for c in self.constants}
        by_column |= {s.name: 1.0 for s in self.scales}
        rest = PiGroup.of(
            "rest", {k: e for k, e in self.response.exponents if k != self.target.name}
        )
        return np.broadcast_to(np.exp(-rest.log(by_column)), (inputs.n,))

    def _around(self, value: Array, half: Array) -> tuple[Array, Array]:
        if self.target.is_level:
            half = half / abs(self.target.unit.log_factor)
            return value - half, value + half
        if self.uncertainty.scale == "log":
            return value * np.exp(-half), value * np.exp(half)
        return value - half, value + half

    def _tagged(self, value: Array, inputs: Inputs) -> Any:
        if not inputs.with_units:
            return value
        from dimgs.dataset.export import quantity

        if self.target.is_level:
            return registry().Quantity(value, "")
        return quantity(self.target, value)

    def latex(self, form: Literal["dimensional", "pi"] = "dimensional") -> str:
        """LaTeX of the law, in its variables or in pi groups (named groups typeset as Re, Pr)."""
        from dimgs.law.typeset import law_latex

        return law_latex(self, form)

    def symbol_table(self) -> str:
        """LaTeX table of symbols, columns, units and ranges."""
        from dimgs.law.typeset import law_symbol_table

        return law_symbol_table(self)

    def python(self, name: str = "law") -> str:
        """Source of a plain NumPy function of the inputs in SI units."""
        from dimgs.law.source import python_source

        return python_source(self, name)

    def with_units(self, units: Mapping[str, str] | None = None, /, **more: str) -> "UnitLaw":
        """The law for numbers in other units, such as US customary ones.

        Parameters
        ----------
        units : mapping of column to unit, optional
            Also as keywords; columns left out stay in SI units.
        """
        from dimgs.law.units import unit_law

        return unit_law(self, {**(units or {}), **more})

    def with_scores(self, scores: Scores) -> "Law":
        """Same law with other scores."""
        return replace(self, scores=scores)

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """The law as a JSON document; also written to `path` if given."""
        from dimgs.law.serialise import law_document, write_document

        document = law_document(self)
        if path is not None:
            write_document(document, Path(path))
        return document

    @classmethod
    def from_json(cls, source: str | Path | Mapping[str, Any]) -> "Law":
        """Law from a file, a JSON text or a document made by :meth:`to_json`.

        Raises
        ------
        InputError
            If there is no such file, or it holds no law.
        """
        from dimgs.law.serialise import law_from

        return law_from(source)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        from dimgs.law.typeset import law_html

        return law_html(self)

    def __str__(self) -> str:
        return f"{self.target.name} = {self.expression}"
