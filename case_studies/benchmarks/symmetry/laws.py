"""Textbook laws whose symmetries are known, and tables of laws that nearly have one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

import dimgs
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.law.law import Law

Columns = Mapping[str, Array]


@dataclass(frozen=True)
class KnownLaw:
    """A law with the symmetries that textbooks give it.

    Attributes
    ----------
    name, target, form : str
        `form` in the names of the columns.
    columns : dict of str to (float, float)
        Column with its unit -> range.
    expected : tuple of (str, dict of str to float)
        Kind and coefficients of each symmetry beyond the scalings of the units.
    """

    name: str
    target: str
    form: str
    columns: Mapping[str, tuple[float, float]]
    expected: tuple[tuple[str, dict[str, float]], ...]

    def table(self, rows: int = 60) -> Dataset:
        """Runs of the law without noise."""
        rng = np.random.default_rng(len(self.form))
        drawn = {h: rng.uniform(*ends, rows) for h, ends in self.columns.items()}
        plain = {h.split(" [")[0]: x for h, x in drawn.items()}
        known = {n: getattr(np, n) for n in ("sqrt", "exp", "log", "cos")}
        y = eval(self.form, {"__builtins__": {}}, {**known, **plain})
        return Dataset.from_columns({**drawn, self.target: y})

    def law(self) -> Law:
        """The law, fitted in its own form."""
        name = self.target.split(" [")[0]
        report = dimgs.discover(self.table(), name, form=self.form, effort="quick", seed=0)
        assert report.law is not None
        return report.law


LAWS = (
    KnownLaw(
        "period of a pendulum", "T [s]", "sqrt(L/g)",
        {"L [m]": (0.2, 3.0), "g [m/s^2]": (1.0, 20.0)}, (),
    ),
    KnownLaw(
        "distance in the plane", "r [m]", "sqrt(x**2 + y**2)",
        {"x [m]": (0.5, 3.0), "y [m]": (0.5, 3.0)},
        (("rotation", {"x": -1.0, "y": 1.0}), ("exchange", {"x": 1.0, "y": 1.0})),
    ),
    KnownLaw(
        "speed between two places", "v [m/s]", "(x2 - x1)/t",
        {"x1 [m]": (0.1, 1.0), "x2 [m]": (1.5, 3.0), "t [s]": (0.5, 2.0)},
        (("translation", {"x1": 1.0, "x2": 1.0}),),
    ),
    KnownLaw(
        "uniform motion", "x [m]", "x0 + v*t",
        {"x0 [m]": (0.1, 3.0), "v [m/s]": (0.5, 2.0), "t [s]": (0.5, 2.0)},
        (("translation", {"x0": 1.0, "x": 1.0}), ("galilean", {"v": 1.0, "x": 1.0})),
    ),
    KnownLaw(
        "drag at high speed", "F [N]", "rho*U**2*D**2/(1 + D/l)",
        {"rho [kg/m^3]": (1.0, 5.0), "U [m/s]": (1.0, 5.0), "D [m]": (0.1, 2.0),
         "l [m]": (0.5, 2.0)},
        (),
    ),
    KnownLaw(
        "Langmuir isotherm", "q [1]", "K*p/(1 + K*p)",
        {"K [1/Pa]": (0.1, 2.0), "p [Pa]": (0.1, 5.0)}, (),
    ),
    KnownLaw(
        "reduced mass", "mu [kg]", "m1*m2/(m1 + m2)",
        {"m1 [kg]": (0.5, 3.0), "m2 [kg]": (0.5, 3.0)}, (("exchange", {"m1": 1.0, "m2": 1.0}),),
    ),
    KnownLaw(
        "cantilever with two loads", "d [m]", "(F1 + F2)*L**3/(E0*J)",
        {"F1 [N]": (1.0, 5.0), "F2 [N]": (1.0, 5.0), "L [m]": (0.5, 2.0),
         "E0 [Pa]": (1.0, 5.0), "J [m^4]": (1.0, 5.0)},
        (
            ("translation", {"F1": 1.0, "F2": -1.0}),
            ("exchange", {"F1": 1.0, "F2": 1.0}),
            ("scaling", {"E0": 1.0, "d": -1.0}),
            ("scaling", {"J": 1.0, "d": -1.0}),
        ),
    ),
    KnownLaw(
        "interval of special relativity", "s [m]", "sqrt(w**2 - x**2)",
        {"w [m]": (2.0, 4.0), "x [m]": (0.2, 1.5)}, (("other", {"w": 1.0, "x": 1.0}),),
    ),
    KnownLaw(
        "heat of a resistor beside a loss", "P [W]", "I0**2*R - h*A*D",
        {"I0 [A]": (3.0, 5.0), "R [ohm]": (3.0, 5.0), "h [W/m^2/K]": (0.5, 1.0),
         "A [m^2]": (0.5, 1.0), "D [K]": (0.5, 1.0)},
        # of h -> s h, A -> A/s the units know: mass up, area down
        (),
    ),
)  # fmt: skip


def near_tables() -> list[tuple[str, Dataset, str, tuple[str, dict[str, float]]]]:
    """Tables with 2 % of noise whose law breaks a symmetry by 10 %, and that symmetry."""
    return [_near(*case, seed=seed) for seed, case in enumerate(_NEAR)]


Near = tuple[
    str, str, dict[str, tuple[float, float]], Callable[[Columns], Array], str, dict[str, float]
]
_ROUND = {"x [m]": (0.5, 3.0), "y [m]": (0.5, 3.0)}
_PAIR = {"a [m]": (0.5, 3.0), "b [m]": (0.5, 3.0), "t [s]": (0.5, 2.0)}
_FLOW = {"U [m/s]": (0.5, 5.0), "D [m]": (0.5, 5.0), "nu [m^2/s]": (0.5, 5.0)}
_NEAR: tuple[Near, ...] = (
    ("squashed circle", "r [m]", _ROUND, lambda c: np.sqrt(c["x"] ** 2 + 1.2 * c["y"] ** 2),
     "rotation", {"x": -1.0, "y": 1.0}),
    ("unequal pair", "s [m]", _ROUND, lambda c: c["x"] + 1.2 * c["y"],
     "exchange", {"x": 1.0, "y": 1.0}),
    ("product beside a power", "q [m^2]", _ROUND, lambda c: c["x"] ** 1.1 * c["y"] ** 0.9,
     "exchange", {"x": 1.0, "y": 1.0}),
    ("sum with unequal parts", "v [m/s]", _PAIR, lambda c: (c["a"] + 1.2 * c["b"]) / c["t"],
     "translation", {"a": 1.0, "b": -1.0}),
    ("difference with unequal parts", "v [m/s]", _PAIR,
     lambda c: (4.0 + c["a"] - 1.2 * c["b"]) / c["t"], "translation", {"a": 1.0, "b": 1.0}),
    ("friction with a bend", "f [1]", _FLOW,
     lambda c: 0.3 * (c["U"] * c["D"] / c["nu"]) ** -0.25
     * (1 + 0.1 * np.tanh(np.log(c["U"] * c["D"] / c["nu"]) - 1)), "scaling", {"U": 1.0}),
    ("power beside a logarithm", "F [m^2/s]", _FLOW,
     lambda c: c["nu"] * np.sqrt(c["U"] * c["D"] / c["nu"])
     * (1 + 0.1 * np.sin(np.log(c["U"] * c["D"] / c["nu"]))), "scaling", {"U": 1.0}),
    ("unequal squares", "p [m^2]", _ROUND, lambda c: c["x"] ** 2 + 1.2 * c["y"] ** 2 + 1.0,
     "exchange", {"x": 1.0, "y": 1.0}),
    ("almost a mean", "m [m]", _ROUND, lambda c: 0.55 * c["x"] + 0.45 * c["y"],
     "translation", {"x": 1.0, "y": -1.0}),
    ("almost a distance", "d [m]", _ROUND,
     lambda c: np.hypot(c["x"], c["y"]) * (1 + 0.1 * c["x"] / (c["x"] + c["y"])),
     "rotation", {"x": -1.0, "y": 1.0}),
)  # fmt: skip


def _near(
    name: str,
    target: str,
    columns: Mapping[str, tuple[float, float]],
    law: Callable[[Columns], Array],
    kind: str,
    coefficients: dict[str, float],
    seed: int,
) -> tuple[str, Dataset, str, tuple[str, dict[str, float]]]:
    rng = np.random.default_rng(seed)
    drawn = {h: rng.uniform(*ends, 80) for h, ends in columns.items()}
    y = law({h.split(" [")[0]: x for h, x in drawn.items()})
    y = y * (1 + 0.02 * rng.standard_normal(80))
    data = Dataset.from_columns({**drawn, target: y})
    return name, data, target.split(" [")[0], (kind, coefficients)
