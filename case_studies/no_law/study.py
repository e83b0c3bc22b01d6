"""No law: the digits of π, dressed as runs of a pendulum.

Story
    Lengths, masses, amplitudes and periods of forty pendulums that never swung: every number is
    three digits of π. The units are right, the table looks like any other, and dimensional analysis
    happily writes the period as √(L/g) times a function of the amplitude. Nothing in the table
    follows it. The tool searches for closed forms like for any table, leaves runs out, sees that
    none predicts them, and says that no law holds; it looks for a hidden scale too, and finds
    none. As a control the last column is then replaced by what pendulums of these lengths would
    have shown, with errors of ten per cent taken from further digits of π: there the law is found.
    A tool that finds a law in everything would pass every other study here, and fail this one.

Data
    The first 600 decimals of π: facts.

Published
    There is nothing to find: the decimals of π pass every test of randomness that they were put to
    (D. H. Bailey et al., Exper. Math. 21 (2012) 375). For the control, C. Huygens, Horologium
    Oscillatorium (1673): T = 2π (L/g)^(1/2).
"""

from math import pi

import numpy as np
from matplotlib.axes import Axes

from dimgs.cli.reproduce import COLOURS, GREY, Check, Findings, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover
from dimgs.report.results import Report

DIGITS = (
    "14159265358979323846264338327950288419716939937510"
    "58209749445923078164062862089986280348253421170679"
    "82148086513282306647093844609550582231725359408128"
    "48111745028410270193852110555964462294895493038196"
    "44288109756659334461284756482337867831652712019091"
    "45648566923460348610454326648213393607260249141273"
    "72458700660631558817488152092096282925409171536436"
    "78925903600113305305488204665213841469519415116094"
    "33057270365759591953092186117381932611793105118548"
    "07446237996274956735188575272489122793818301194912"
    "98336733624406566430860213949463952247371907021798"
    "60943702770539217176293176752384674818467669405132"
)
RUNS, WIDTH = 40, 3
GRAVITY = 9.82
ERROR = 0.1
EVALUATIONS, HOUR = 300, 3600.0  # a search ends by evaluations on any machine, in seconds on most

CONFIRMED = 0.5  # R² on runs left out from which a law may hold
NOTHING = "runs left out are predicted no better than by their mean"


def columns() -> Array:
    """Five columns of forty numbers from 1 to 1000."""
    numbers = [int(DIGITS[i : i + WIDTH]) + 1 for i in range(0, 5 * RUNS * WIDTH, WIDTH)]
    return np.reshape(np.asarray(numbers, dtype=float), (RUNS, 5)).T


def table(period: Array) -> Dataset:
    length, mass, amplitude, *_ = columns()
    return Dataset.from_columns(
        {
            "L [mm]": length,
            "m [g]": mass,
            "theta_0 [mrad]": amplitude,
            "g [m/s^2]": np.full(RUNS, GRAVITY),
            "T [ms]": period,
        }
    )


def verdict(report: Report) -> str:
    """The outcome in words."""
    return "no law found" if report.outcome == "no_candidate" else "a law"


def run() -> Findings:
    length, _, _, digits, error = columns()
    nothing = discover(table(digits), "T", evaluations=EVALUATIONS, time_limit=HOUR)
    swing = 2000 * pi * np.sqrt(length / 1000 / GRAVITY)
    blurred = swing * np.exp(2 * ERROR * (error / 1000 - 0.5))
    control = discover(table(blurred), "T", evaluations=EVALUATIONS, time_limit=HOUR)
    assert nothing.law is not None
    assert control.fit is not None
    left_out = nothing.law.scores.cv_r2_log or 0.0
    hidden = any("hidden" in warning for warning in nothing.warnings)
    checks: list[Check | Statement] = [
        Statement("digits of π", verdict(nothing), "no law found", NOTHING),
        Statement("a hidden scale would help", "yes" if hidden else "no", "no"),
        Statement("runs left out are predicted", "yes" if left_out > CONFIRMED else "no", "no"),
        Statement("control", verdict(control), "a law"),
        Check.of(
            "control, prefactor",
            control.fit.law.constants[0],
            2 * pi,
            0.05,
            relative=True,
            why="errors of 10 % in 40 runs",
        ),
    ]
    caption = "Period against length: digits of π, and pendulums of the same lengths."
    return Findings(checks, nothing, lambda axes: draw(axes, length, digits, blurred), caption)


def draw(
    axes: Axes,
    length: Array,
    digits: Array,
    swing: Array,
) -> None:
    axes.loglog(length, digits, "o", color=COLOURS[1], markersize=4, label="digits of π")
    axes.loglog(length, swing, "s", color=COLOURS[0], markersize=4, label="control")
    x = np.geomspace(length.min(), 1000, 9)
    axes.loglog(x, 2000 * pi * np.sqrt(x / 1000 / GRAVITY), color=GREY, label="2π √(L/g)")
    axes.set_xlabel("length [mm]")
    axes.set_ylabel("period [ms]")
    axes.legend(frameon=False)
