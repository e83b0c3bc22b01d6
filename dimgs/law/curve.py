"""A smooth curve through runs as a value: it predicts new rows, and is stored beside a law.

The curve is a Gaussian process in coordinates of the groups that do not depend on their basis. It
is a description of the runs, and no law: it has no formula, and holds between the runs alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.linalg import block_diag

from dimgs.common.arrays import Array, IntArray, leading_rows
from dimgs.common.errors import InputError, LawError
from dimgs.common.formats import (
    SCHEMA,
    attributes,
    is_edited,
    plain,
    refuse_newer,
    sealed,
    validated,
)
from dimgs.fits.design import Design
from dimgs.fits.smooth import SmoothCurve
from dimgs.law.prediction import Bound, Interval, Wanted, inputs_of
from dimgs.law.serialise import read_document, variable_document, variable_from, write_document
from dimgs.variables import Variable

if TYPE_CHECKING:
    from dimgs.law.document import CurveFile

KIND = "smooth curve"
Scale = Literal["log", "linear", "level"]
# spread of what should be the same in every run that is rounding
_ALIKE = 1e-9
# of a range: points beyond an end by rounding are not outside
_ROUNDING = 1e-9
# points of a line that looks smooth, and those that are listed
_POINTS, _LISTED = 120, 5


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Coordinates of runs that do not depend on the basis of the groups, of unit size.

    Attributes
    ----------
    logged, plain : tuple of str
        Inputs that enter by their logarithms, and as they are.
    matrix : ndarray of shape (n_coordinates, n_inputs)
    shift : ndarray of shape (n_coordinates,)
    """

    logged: tuple[str, ...]
    plain: tuple[str, ...]
    matrix: Array
    shift: Array

    @classmethod
    def of(cls, design: Design) -> "Coordinates | None":
        """Those of a design; None where its features are more than products and columns."""
        groups = [f.monomial for f in design.features if f.logged]
        numeric = set(design.data.numeric_names)
        columns = zip(design.features, design.X.T, strict=True)
        plain = [([n for n in f.variables if n in numeric], x) for f, x in columns if not f.logged]
        if not all(len(n) == 1 and _are_multiples(x, design.data[n[0]]) for n, x in plain):
            return None
        named = tuple(n for (n,), _ in plain)
        names = sorted({n for g in groups for n, _ in g.exponents} & numeric)
        spread = {n: float(np.log(design.data[n]).std()) for n in names}
        logged = tuple(n for n in names if spread[n] > 0)
        unit = np.array([spread[n] for n in logged])
        loadings = np.array([[float(g.get(n)) for n in logged] for g in groups])
        rows = leading_rows(loadings * unit) if logged else []
        of_logs = np.array(rows).reshape(len(rows), len(logged)) / unit
        matrix = block_diag(of_logs, np.eye(len(named)))
        whole = cls(logged, named, matrix, np.zeros(len(matrix)))
        places = whole.at(design.data)
        size = np.where(places.std(axis=0) > 0, places.std(axis=0), 1.0)
        return replace(whole, matrix=matrix / size[:, None], shift=-places.mean(axis=0) / size)

    def at(self, columns: Any) -> Array:
        """Coordinates of rows, shape (n_rows, n_coordinates), from the columns in SI."""
        values = [np.log(np.asarray(columns[n], dtype=np.float64)) for n in self.logged]
        values += [np.asarray(columns[n], dtype=np.float64) for n in self.plain]
        return np.asarray((self.matrix @ np.array(values)).T + self.shift)


def _are_multiples(x: Array, y: Array) -> bool:
    """Whether two columns differ by a factor: a group with constants or scales beside one."""
    size, other = np.abs(x).max(initial=0.0), np.abs(y).max(initial=0.0)
    return bool(np.allclose(x * other, y * size, rtol=_ALIKE, atol=0.0))


@dataclass(frozen=True, eq=False)
class Along:
    """The curve along one input, the others in the middle of their runs; all in SI."""

    name: str
    x: Array
    interval: Interval
    held: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Curve:
    """A smooth curve through runs, in the inputs and the target of their table.

    Attributes
    ----------
    target : Variable
    inputs : tuple of Variable
        Those that it depends on.
    coordinates : Coordinates
    process : SmoothCurve
    scale : {"log", "linear", "level"}
        Whether the process is of the logarithm, of the target, or of a level.
    powers : mapping of str to float
        Of the inputs in the factor between the target and the response group.
    constant : float
        Logarithm of the rest of that factor.
    columns : mapping of str to tuple of float
        Least, middle and greatest value of each input in the runs, in SI.

    Examples
    --------
    >>> import dimgs
    >>> from dimgs.discovery.options import Options
    >>> from dimgs.discovery.prepare import prepare
    >>> x = np.linspace(1.0, 9.0, 30)
    >>> table = dimgs.Dataset.from_columns({"x [m]": x, "y [1]": 3 + np.sin(x)})
    >>> design = prepare(table, "y", Options(scales=["L [m]"])).design
    >>> curve = Curve.of(design)
    >>> value, low, high = curve.predict({"x": np.array([4.05])})
    >>> bool(low[0] < 3 + np.sin(4.05) < high[0])
    True
    """

    target: Variable
    inputs: tuple[Variable, ...]
    coordinates: Coordinates
    process: SmoothCurve
    scale: Scale
    powers: Mapping[str, float]
    constant: float
    columns: Mapping[str, tuple[float, float, float]]
    edited: bool = field(default=False, compare=False)

    @classmethod
    def of(
        cls,
        design: Design,
        *,
        linear: bool = False,
        parts: IntArray | None = None,
        level: float = 0.9,
        learned: Any = None,
    ) -> "Curve | None":
        """The curve through the runs of a design; None where none can be stored.

        Parameters
        ----------
        design : Design
        linear : bool
            Whether errors are of one size in the target, though it is positive.
        parts : ndarray of int of shape (n_runs,), optional
            Runs that are left out together, so that the band holds for what is not in the table.
        level : float
            Coverage of the band.
        learned : kernel, optional
            The covariance, where it is known.
        """
        target, coordinates = design.target, Coordinates.of(design)
        if coordinates is None or not len(coordinates.matrix):
            return None
        names = set(design.data.numeric_names)
        group = {} if target.is_level else dict(design.response.exponents)
        powers = {n: -float(e) for n, e in group.items() if n in names and n != target.name}
        columns = {n: np.asarray(design.data[n], dtype=np.float64) for n in names}
        rest = design.offset - sum((e * np.log(columns[n]) for n, e in powers.items()), 0.0)
        if float(np.ptp(rest)) > _ALIKE * max(1.0, float(np.abs(rest).max())):
            return None
        scale: Scale = "level" if target.is_level else design.scale
        y, constant = design.y, float(np.mean(rest))
        if linear and scale == "log":
            size = float(y.max())
            y, scale, constant = np.exp(y - size), "linear", constant + size
        used = sorted({*coordinates.logged, *coordinates.plain, *powers})
        ranges = {
            n: (float(x.min()), float(np.median(x)), float(x.max()))
            for n, x in ((n, columns[n]) for n in used)
        }
        places = coordinates.at(design.data)
        process = SmoothCurve(places, y, level=level, learned=learned, parts=parts)
        inputs = tuple(design.data.variable(n) for n in used)
        return cls(target, inputs, coordinates, process, scale, powers, constant, ranges)

    @property
    def wanted(self) -> Wanted:
        """What it can use of a table."""
        return Wanted(self.inputs, target=self.target.name)

    def predict(self, data: Any, level: float | None = None) -> Interval:
        """The target of new rows, in SI, with the interval of a new run.

        Parameters
        ----------
        data : table, or mapping of arrays in SI
        level : float, optional
            Coverage; by default that of the curve.
        """
        table = inputs_of(data, self.wanted)
        interval = self.predict_si(table.values, level)
        return Interval(*map(table.like, interval))

    def predict_si(self, columns: Mapping[str, Array], level: float | None = None) -> Interval:
        """As :meth:`predict`, from columns in SI to SI."""
        for name in {*self.coordinates.logged, *self.powers}:
            if not np.all(columns[name] > 0):
                raise InputError(
                    f"Input '{name}' is zero or negative, and the curve takes its log."
                )
        mean, half = self.process.predict(self.coordinates.at(columns), level)
        ends = [mean, mean - half, mean + half]
        if self.scale == "level":
            return Interval(*(x / self.target.unit.log_factor for x in ends))
        offset = self.constant + sum((e * np.log(columns[n]) for n, e in self.powers.items()), 0.0)
        with np.errstate(over="ignore"):
            if self.scale == "log":
                return Interval(*(np.exp(x + offset) for x in ends))
            return Interval(*(x * np.exp(offset) for x in ends))

    def outside(self, columns: Mapping[str, Array]) -> list[list[str]]:
        """Inputs of each row that lie outside the runs, or in no combination of theirs."""
        z = self.coordinates.at(columns)
        low, high = self.process.z.min(axis=0), self.process.z.max(axis=0)
        slack = _ROUNDING * (high - low)
        beyond = np.any((z < low - slack) | (z > high + slack), axis=1)
        inside = {
            n: Bound(n, None, least, most, (n,)).contains(columns[n])
            for n, (least, _, most) in self.columns.items()
        }
        return [
            [n for n, rows in inside.items() if not rows[k]]
            or (["a combination of inputs"] if beyond[k] else [])
            for k in range(len(z))
        ]

    def along(self, level: float | None = None) -> Along:
        """The curve along the input with which it varies the most."""
        log = np.log if self.scale == "log" else np.asarray
        return max(
            (self.line(n, level) for n in (*self.coordinates.logged, *self.coordinates.plain)),
            key=lambda line: float(np.ptp(log(line.interval.value))),
        )

    def line(self, name: str, level: float | None = None, points: int = _POINTS) -> Along:
        """The curve along one input."""
        low, _, high = self.columns[name]
        spaced = np.geomspace if name in self.coordinates.logged else np.linspace
        x = np.clip(spaced(low, high, points), low, high)
        held = {n: middle for n, (_, middle, _) in self.columns.items() if n != name}
        table = {**{n: np.full(points, v) for n, v in held.items()}, name: x}
        return Along(name, x, self.predict_si(table, level), held)

    @cached_property
    def listed(self) -> Along:
        """A few points of :meth:`along`."""
        return self.line(self.along().name, points=_LISTED)

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """The curve as a JSON document; also written to `path` if given."""
        process, place = self.process, self.coordinates
        document = sealed(
            {
                "schema": SCHEMA,
                "kind": KIND,
                "target": variable_document(self.target),
                "inputs": [variable_document(v) for v in self.inputs],
                **plain(attributes(place, "logged plain matrix shift")),
                **plain(attributes(self, "scale powers constant columns")),
                "places": process.z.tolist(),
                "values": process.y.tolist(),
                "parts": [] if process.parts is None else process.parts.tolist(),
                "covariance": process.theta.tolist(),
                "level": process.level,
            }
        )
        if path is not None:
            write_document(document, Path(path))
        return document

    @classmethod
    def from_json(cls, source: str | Path | Mapping[str, Any]) -> "Curve":
        """Curve from a file, a JSON text or a document made by :meth:`to_json`.

        Raises
        ------
        InputError
            If there is no such file, or it holds no curve.
        """
        from dimgs.law.document import CurveFile

        document, where = read_document(source)
        refuse_newer(document, where)
        read = validated(CurveFile, document, f"{where} is not a complete curve: ")
        try:
            return replace(_curve_from(read), edited=is_edited(document))
        except (KeyError, ValueError, LawError) as error:
            raise InputError(f"{where} holds an inconsistent curve: {error}") from error


def _curve_from(read: "CurveFile") -> Curve:
    place = Coordinates(read.logged, read.plain, np.array(read.matrix), np.array(read.shift))
    parts = np.array(read.parts) if read.parts else None
    process = SmoothCurve(
        np.array(read.places), np.array(read.values), level=read.level, parts=parts
    ).with_theta(np.array(read.covariance))
    inputs = tuple(map(variable_from, read.inputs))
    columns = {n: (low, middle, high) for n, (low, middle, high) in read.columns.items()}
    if {v.name for v in inputs} != set(columns):
        raise LawError("its inputs and the ranges of its columns differ.")
    return Curve(
        variable_from(read.target), inputs, place, process, read.scale, read.powers, read.constant,
        columns,
    )  # fmt: skip


def is_curve(document: Mapping[str, Any]) -> bool:
    """Whether a document is that of a curve, and not that of a law."""
    return document.get("kind") == KIND
