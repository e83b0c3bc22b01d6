"""A law: a closed form that is dimensionally checked and knows its uncertainty and domain."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, overload

import sympy

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.law import domain, prediction, serialise, typeset
from dimgs.law.canonical import shortest
from dimgs.law.checked_law import CheckedLaw
from dimgs.law.code import source_code
from dimgs.law.domain import Place
from dimgs.law.exponents import without_held
from dimgs.law.parts import LabelEffects
from dimgs.law.prediction import Interval, Of
from dimgs.law.units import UnitLaw, unit_law

__all__ = ["Interval", "LabelEffects", "Law"]


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
        return domain.places(self, prediction.law_inputs(self, data))

    def latex(self, form: Literal["dimensional", "pi"] = "dimensional") -> str:
        """LaTeX of the law, in its variables or in pi groups (named groups typeset as Re, Pr)."""
        return typeset.law_latex(self, form)

    def symbol_table(self) -> str:
        """LaTeX table of symbols, columns, units and ranges."""
        return typeset.law_symbol_table(self)

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
        return typeset.law_html(self)

    def __repr__(self) -> str:
        return f"Law('{self}')"

    def __str__(self) -> str:
        return typeset.law_text(self)
