"""What leaves textbook laws unchanged, beyond a change of units.

Story
    Ten textbook laws are fitted to exact runs, each in its own form, and asked what may change
    without changing the law. The scalings of the units are left out, since every law has them. The
    distance in a plane keeps rotations and the exchange of the coordinates; uniform motion keeps
    translations in place and time and the change to a moving frame; a reduced mass does not care
    which mass is which, and has one more affine symmetry; a bent beam allows scalings that the
    units do not force, one with two loads takes from the one what it gives to the other, and
    gravity knows the product of two masses alone. The distance in space keeps the three rotations,
    whose commutators are found, and the interval of relativity the boosts. The period of a pendulum
    and the isotherm of Langmuir keep nothing beyond the units.

Data
    Runs of the formulas, without noise.

Published
    P. J. Olver, Applications of Lie Groups to Differential Equations, 2nd ed. (1993), chapter 2;
    for uniform motion, L. D. Landau, E. M. Lifshitz, Mechanics, 3rd ed. (1976), section 3.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from dimgs.cli.reproduce import Statement
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover
from dimgs.symmetry.symmetries import symmetries

Ranges = Mapping[str, tuple[float, float]]
# target, formula, ranges, kinds of symmetries beyond the units
LAWS: Mapping[str, tuple[str, str, Ranges, str]] = {
    "period of a pendulum": (
        "T [s]",
        "sqrt(L/g)",
        {"L [m]": (0.2, 3.0), "g [m/s^2]": (1.0, 20.0)},
        "none",
    ),
    "distance in a plane": (
        "r [m]",
        "sqrt(x**2 + y**2)",
        {"x [m]": (0.5, 3.0), "y [m]": (0.5, 3.0)},
        "1 exchange, 1 rotation",
    ),
    "uniform motion": (
        "x [m]",
        "x0 + v*t",
        {"x0 [m]": (0.1, 3.0), "v [m/s]": (0.5, 2.0), "t [s]": (0.5, 2.0)},
        "2 galilean, 1 translation",
    ),
    "reduced mass": (
        "mu [kg]",
        "m1*m2/(m1 + m2)",
        {"m1 [kg]": (0.5, 3.0), "m2 [kg]": (0.5, 3.0)},
        "1 exchange, 1 other",
    ),
    "Langmuir's isotherm": (
        "q [1]",
        "K*p/(1 + K*p)",
        {"K [1/Pa]": (0.1, 2.0), "p [Pa]": (0.1, 5.0)},
        "none",
    ),
    "bent beam": (
        "d [m]",
        "F*L**3/(E0*J)",
        {"F [N]": (1, 5), "L [m]": (0.5, 2), "E0 [Pa]": (1, 5), "J [m^4]": (1, 5)},
        "2 scaling",
    ),
    "beam with two loads": (
        "d [m]",
        "(F1 + F2)*L**3/(E0*J)",
        {
            "F1 [N]": (1, 5),
            "F2 [N]": (1, 5),
            "L [m]": (0.5, 2),
            "E0 [Pa]": (1, 5),
            "J [m^4]": (1, 5),
        },
        "1 exchange, 2 scaling, 1 translation",
    ),
    "gravity": (
        "F [N]",
        "K*m1*m2/r**2",
        {
            "K [N*m^2/kg^2]": (1.0, 5.0),
            "m1 [kg]": (1.0, 5.0),
            "m2 [kg]": (1.0, 5.0),
            "r [m]": (1.0, 5.0),
        },
        "1 exchange, 1 scaling",
    ),
    "distance in space": (
        "r [m]",
        "sqrt(x**2 + y**2 + z**2)",
        {"x [m]": (0.5, 3.0), "y [m]": (0.5, 3.0), "z [m]": (0.5, 3.0)},
        "3 exchange, 3 rotation, rotations of space",
    ),
    "interval of relativity": (
        "s [m]",
        "sqrt(w**2 - x**2)",
        {"w [m]": (2.0, 4.0), "x [m]": (0.2, 1.5)},
        "1 other",
    ),
}


def table(target: str, formula: str, ranges: Ranges) -> Dataset:
    """Sixty runs of a formula."""
    rng = np.random.default_rng(1918)
    columns = {header: rng.uniform(*ends, 60) for header, ends in ranges.items()}
    names = {header.split(" [")[0]: x for header, x in columns.items()}
    values = eval(formula, {"__builtins__": {}, "sqrt": np.sqrt}, names)
    return Dataset.from_columns({**columns, target: values})


def kinds(target: str, formula: str, ranges: Ranges) -> str:
    """How many symmetries of each kind the law of a formula has."""
    report = discover(
        table(target, formula, ranges), target.split(" [")[0], form=formula, effort="quick"
    )
    if report.law is None:
        return "no law"
    found = symmetries(report.law)
    count = Counter(generator.kind for generator in found)
    named = [a["name"] for a in found.algebra if a.get("name") == "rotations of space"]
    return ", ".join([*(f"{n} {kind}" for kind, n in sorted(count.items())), *named]) or "none"


def run() -> list[Statement]:
    return [
        Statement(name, kinds(target, formula, ranges), expected)
        for name, (target, formula, ranges, expected) in LAWS.items()
    ]
