"""Outputs that are curves: values along a coordinate, both with units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.common.formats import attributes, plain
from dimgs.variables import parse_unit


def _mean(at: Array, values: Array) -> float:
    return float(np.trapezoid(values, at) / (at[-1] - at[0]))


def _half(at: Array, values: Array) -> float:
    """Coordinate at which the curve is halfway from its first to its last value."""
    fraction = (values - values[0]) / (values[-1] - values[0])
    i = int(np.argmax(fraction >= 0.5))
    return float(np.interp(0.5, fraction[i - 1 : i + 1], at[i - 1 : i + 1]))


# what a curve is reduced to, by the end of an output's name
FEATURES: Mapping[str, Callable[[Array, Array], float]] = MappingProxyType(
    {
        "mean": _mean,
        "max": lambda _, values: float(values.max()),
        "min": lambda _, values: float(values.min()),
        "first": lambda _, values: float(values[0]),
        "last": lambda _, values: float(values[-1]),
        "half": _half,
    }
)


@dataclass(frozen=True, eq=False)
class Curve:
    """Values along a coordinate.

    Parameters
    ----------
    coordinate : str
        Its name, such as ``"x"``.
    at : array-like of shape (n,)
        Increasing, in `along`.
    values : array-like of shape (n,)
        In `unit`.
    along, unit : str

    Raises
    ------
    InputError
        If there are fewer than three points, they do not increase, or a number is not finite.

    Examples
    --------
    >>> front = Curve("x", [0.0, 1.0, 2.0], [4.0, 2.0, 0.0], "mm", "g/L")
    >>> front.feature("mean"), front.feature("half")
    (2.0, 1.0)
    >>> Curve.from_json(front.to_json()).unit
    'g/L'
    """

    coordinate: str
    at: Any
    values: Any
    along: str
    unit: str

    def __post_init__(self) -> None:
        at, values = (np.asarray(x, dtype=np.float64) for x in (self.at, self.values))
        parse_unit(self.along), parse_unit(self.unit)
        name = f"A curve along '{self.coordinate}'"
        if at.ndim != 1 or at.shape != values.shape or len(at) < 3:
            shapes = f"{np.shape(at)} places and {np.shape(values)} values"
            raise InputError(f"{name} has {shapes}; give three or more of each.")
        if not (np.isfinite(at).all() and np.isfinite(values).all() and np.all(np.diff(at) > 0)):
            raise InputError(f"{name} needs finite numbers at increasing places.")
        object.__setattr__(self, "at", at)
        object.__setattr__(self, "values", values)

    def feature(self, name: str) -> float:
        """Feature of the curve, one of `FEATURES`, in its unit ("half" in that of the coordinate).

        Raises
        ------
        InputError
            If there is no such feature.
        """
        if name not in FEATURES:
            raise InputError(f"A curve has no '{name}'; it has {', '.join(FEATURES)}.")
        return FEATURES[name](self.at, self.values)

    def to_json(self) -> dict[str, Any]:
        """The value as a JSON document."""
        document: dict[str, Any] = plain(attributes(self, "coordinate at values along unit"))
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Curve":
        """From its JSON."""
        names = ("coordinate", "at", "values", "along", "unit")
        return cls(**{n: document[n] for n in names})


def reduced(
    curves: Mapping[str, Curve], outputs: Mapping[str, Any], names: set[str]
) -> dict[str, Any]:
    """Outputs with those that are features of curves, named ``CURVE_FEATURE``.

    Examples
    --------
    >>> front = Curve("x", [0.0, 1.0, 2.0], [4.0, 2.0, 0.0], "mm", "g/L")
    >>> reduced({"front": front}, {}, {"front_max"})
    {'front_max': 4.0}
    """
    pairs = ((name, curve, feature) for name, curve in curves.items() for feature in FEATURES)
    named = ((f"{name}_{feature}", curve, feature) for name, curve, feature in pairs)
    features = {n: c.feature(f) for n, c, f in named if n in names and n not in outputs}
    return {**outputs, **features}


__all__ = ["FEATURES", "Curve", "reduced"]
