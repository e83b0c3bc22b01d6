"""A law: a closed form that is dimensionally checked and knows its uncertainty and domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import sympy

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError, LawError
from dimgs.expression import check_dimension
from dimgs.expression.simplest import simplest
from dimgs.groups.group import PiGroup
from dimgs.law import domain, prediction
from dimgs.law.canonical import positive_names
from dimgs.law.domain import Domain, Place
from dimgs.law.exponents import without_held
from dimgs.law.parts import Constant, Scores, Uncertainty, percent
from dimgs.law.prediction import Interval, Of
from dimgs.variables import Dimension, Variable

if TYPE_CHECKING:
    from dimgs.dataset import Dataset
    from dimgs.law.units import UnitLaw


__all__ = ["Interval", "LabelEffects", "Law"]


@dataclass(frozen=True, slots=True)
class LabelEffects:
    """A prefactor of its own for each label of a column.

    Parameters
    ----------
    column : str
        Label column.
    log_ratios : mapping of str to float
        Logarithm of each label's prefactor over the pooled one.
    counts : mapping of str to int
        Runs of each label.
    """

    column: str
    log_ratios: Mapping[str, float]
    counts: Mapping[str, int] = field(default_factory=dict)


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
    scales : tuple of Variable
        Unknown constants that the groups contain.
    known : tuple of Variable
        Known physical constants that the groups contain.
    unused : tuple of Variable
        Inputs of the runs that the expression does not contain. Where they are given, the domain is
        judged in them too; where they are not, they are taken to lie where the runs held them, or
        would have had them.
    edited : bool
        Whether it was read from a document that somebody changed after it was written. What was
        said of the law that the runs gave, such as that it is confirmed, does not hold for it.
    confirmed : bool, optional
        Whether the law was confirmed by the search that found it; None where nothing judged it.
    why_not : tuple of str
        What keeps it from being confirmed.
    probability : float, optional
        Of the law, among all that were found beside it and none of them; None where it was not
        judged or is left open.

    Raises
    ------
    LawError
        If a symbol is unknown, an argument of a transcendental function has a dimension, or the
        two sides differ in dimension.

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
    scales: tuple[Variable, ...] = ()
    known: tuple[Variable, ...] = ()
    unused: tuple[Variable, ...] = ()
    edited: bool = False
    confirmed: bool | None = field(default=None, compare=False)
    why_not: tuple[str, ...] = field(default=(), compare=False)
    probability: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        dimensions = {k: v.dimension for k, v in self.symbols.items()}
        dimensions |= {c.name: c.dimension for c in self.constants}
        if len(dimensions) != len(self.symbols) + len(self.constants):
            names = [*self.symbols, *(c.name for c in self.constants)]
            twice = ", ".join(sorted({f"'{n}'" for n in names if names.count(n) > 1}))
            raise LawError(f"The name {twice} stands for two inputs or constants of the law.")
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
    def logged(self) -> frozenset[str]:
        """Groups that were positive in every run, and so are judged by their logarithms."""
        low = {name: ends[0] for name, ends in self.domain.groups.items()}
        return frozenset(g.name for g in self.groups if low.get(g.name, 1.0) > 0)

    @cached_property
    def shown(self) -> "Law":
        """The law as it is shown: inputs with unknown exponents are held by its prefactor."""
        return without_held(self)

    @property
    def inputs(self) -> tuple[Variable, ...]:
        """Numeric inputs of the runs, those that the expression contains first."""
        return (*self.symbols.values(), *self.unused)

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Labels that the runs have, of each column of labels."""
        effects = self.label_effects
        own = {} if effects is None else {effects.column: tuple(effects.log_ratios)}
        return {**self.domain.labels, **own}

    @property
    def verdict(self) -> str:
        """Whether the law was confirmed, and how probable it is, in words."""
        if self.confirmed is None or self.edited:
            return "It is not known whether the law was confirmed."
        why = ["Confirmed."] if self.confirmed else ["Not confirmed.", *self.why_not]
        known = [] if self.probability is None else [f"Probability {percent(self.probability)}."]
        return " ".join([*why, *known])

    @property
    def doubt(self) -> str:
        """Why no prediction of the law can be judged fully; empty where each can be."""
        edited = (
            "The law was edited after it was written: it is not the one that the runs gave, and "
            "nothing confirms it. Use the file as it was written, or find the law again."
        )
        unheld = (
            "The law was written by dimgs 0.2, which did not record the inputs that its runs held "
            "constant, so that a prediction for other values of such an input is not recognised as "
            "outside. Find the law again from its table or plan to have every input checked."
        )
        known = self.domain.knows_held
        return " ".join([edited] * self.edited + [unheld] * (not known))

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
        """The law as a SymPy expression in its symbols and constants, in its shortest form."""
        return simplest(self.expression, positive_names(self))

    @property
    def constant_values(self) -> dict[str, float]:
        """Value of each constant in SI."""
        return {c.name: c.value for c in self.constants}

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
            If an input is absent, lacks its unit or has another dimension.
        """
        return prediction.predict(self, data, level, of)

    def predict_si(self, data: Any) -> Array:
        """Predicted target of each row in the coherent SI unit, as a plain array."""
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
        from dimgs.law.prediction import elasticities

        return elasticities(self, prediction.law_inputs(self, data), level)

    def outside(self, data: Any) -> list[list[str]]:
        """For each row, the groups in which it lies outside the domain of validity.

        An input that no group holds, and a column of labels, is named by its column.
        """
        return domain.outside(self, prediction.law_inputs(self, data))

    def places(self, data: Any) -> list[Place]:
        """Where each row lies in the domain of validity, with the reasons in words.

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
        (['pi_1'], 'K was 10 in every run; 100 is asked', {'x': 14.0})
        """
        return domain.places(self, prediction.law_inputs(self, data))

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
        from dimgs.law.code import source_code

        return source_code(self, language, name)

    def c(self, name: str = "law") -> str:
        """Source of a C99 function of doubles, in SI units."""
        return self.code("c", name)

    def fortran(self, name: str = "law") -> str:
        """Source of a pure Fortran 2008 function in a module, in SI units."""
        return self.code("fortran", name)

    def with_units(self, units: Mapping[str, str] | None = None, /, **more: str) -> "UnitLaw":
        """The law for numbers in other units, such as US customary ones.

        Parameters
        ----------
        units : mapping of column to unit, optional
            Also as keywords; columns left out stay in SI units.
        """
        from dimgs.law.units import unit_law

        if units is not None and not isinstance(units, Mapping):
            raise InputError(
                f"Units are given by column, such as with_units(U='ft/s'), not as {units!r}."
            )
        return unit_law(self, {**(units or {}), **more})

    def with_inputs(self, variables: Sequence[Variable], data: "Dataset") -> "Law":
        """The law with further inputs of its runs, which no group holds.

        Parameters
        ----------
        variables : sequence of Variable
        data : Dataset
            The runs, with these columns.
        """
        columns = dict(self.domain.columns)
        for v in variables:
            x = data[v.name][np.isfinite(data[v.name])]
            columns[v.name] = (
                float(x.min(initial=np.inf)),
                float(x.max(initial=-np.inf)),
                v.si_unit,
            )
        columns = {name: ends for name, ends in columns.items() if ends[0] <= ends[1]}
        more = tuple(v for v in variables if v.name in columns)
        return replace(
            self, unused=(*self.unused, *more), domain=replace(self.domain, columns=columns)
        )

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

        Warns
        -----
        DimgsWarning
            If the document was edited after it was written; the law's `edited` says so too.
        """
        from dimgs.law.serialise import law_from

        return law_from(source)

    def __hash__(self) -> int:
        parts = (self.target, self.expression, self.constants, self.groups, self.response)
        return hash((*parts, self.level))

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        from dimgs.law.typeset import law_html

        return law_html(self)

    def __repr__(self) -> str:
        return f"Law('{self}')"

    def __str__(self) -> str:
        from dimgs.law.typeset import law_text

        return law_text(self)
