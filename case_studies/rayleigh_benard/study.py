"""Turbulent convection: two laboratories, two units, one third.

Story
    Heat carried by helium gas between two plates, over ten decades of the Rayleigh number, in two
    laboratories. Their columns do not agree: at equal inputs one lies above the other, and the
    tool says so, because in one of them conductivities are a thousand times what helium can have
    (and diffusivities were adapted so that Ra, Pr and Nu came out right). So only the
    dimensionless columns of both can be compared. Left to itself, the search for regimes then
    finds in each laboratory what its authors reported: in the flat cell an exponent that settles
    at one third while the Boussinesq approximation holds, in the tall one a change near Ra = 10^11
    to about 0.38. Up to there the two agree. What happens beyond, where helium near its critical
    point changes within the cell, was disputed between the laboratories, and no fit settles it.

Data
    182 runs in the file dataset_rb.csv of github.com/xiaoyuxie-vico/PyDimension (MIT licence),
    there attributed to Niemela and to Chavanne. The cell height of 0.125 m and the largest Ra of
    3e13 say that Niemela's are those of the cell of aspect ratio 4.

Published
    J. J. Niemela, K. R. Sreenivasan, J. Fluid Mech. 557 (2006) 411-422 (aspect ratio 4): the
    logarithmic slope saturates close to 1/3 where the Boussinesq approximation holds. X. Chavanne
    et al., Phys. Fluids 13 (2001) 1300-1320 (aspect ratio 1/2): Nu ~ Ra^0.3 (2/7 to 0.3) up to
    Ra = 10^11, then an exponent of about 0.38.
"""

from math import log10, nan

import numpy as np
from matplotlib.axes import Axes
from pandas import DataFrame

from dimgs.cli.reproduce import COLOURS, GREY, Check, Findings, Source, Statement
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options
from dimgs.report.results import FitResult, Report


def _with_prandtl(frame: DataFrame) -> DataFrame:
    return frame.assign(Pr=frame["nu"] / frame["kappa"])


UNITS = {
    "source": "label",
    "q": "W/m^2",
    "h": "m",
    "dT": "delta_degC",
    "k_cond": "W/(m*K)",
    "g": "m/s^2",
    "alpha": "1/K",
    "nu": "m^2/s",
    "kappa": "m^2/s",
}
SOURCE = Source(
    name="rayleigh_benard",
    repository="xiaoyuxie-vico/PyDimension",
    commit="2d9c31d76c46ebd28dcb90f718e0f5d905fdf1c4",
    path="dataset/dataset_rb.csv",
    facts={"q": 605.426, "dT": 0.152, "Ra": 1.095e12, "Nu": 647.0},
    rows=182,
    columns={"delta_T": "dT", "lambda": "k_cond", "v": "nu", "k": "kappa"},
    prepare=_with_prandtl,
)
FLAT, TALL = "Niemela", "Chavanne, X."
SETTLED = (1e10, 1e12)  # alpha dT below 6 %
HARD, ULTIMATE = (1e8, 1e11), (2e11, 1e15)

ONE_DIGIT = "published to two digits"
CLOSE = "'close to 1/3'"


def numbers(source: str) -> Dataset:
    data = SOURCE.dataset({"source": "label", "Ra": "1", "Nu": "1"})
    return data.where(data["source"] == source).without(["source"])


def between(data: Dataset, limits: tuple[float, float]) -> FitResult:
    low, high = limits
    number = np.asarray(data["Ra"])
    return fit(data.where((number > low) & (number < high)), "Nu")


def run() -> Findings:
    flat, tall = numbers(FLAT), numbers(TALL)
    raw = fit(SOURCE.dataset(UNITS), "q")
    noticed = any("disagree" in warning for warning in raw.warnings)
    report = discover_with(tall, "Nu", Options(regimes=True, engine="power_law"))
    settled = between(flat, SETTLED).exponents[0]
    hard = between(tall, HARD).exponents[0]
    ultimate = between(tall, ULTIMATE).exponents[0]
    checks: list[Check | Statement] = [
        Statement("the laboratories' columns disagree", "yes" if noticed else "no", "yes"),
        Check.of("aspect ratio 4, exponent of Ra", settled, 1 / 3, 0.01, why=CLOSE),
        Check.of("aspect ratio 1/2, Ra < 10^11, exponent", hard, 0.3, 0.015, why="2/7 to 0.3"),
        Check.of("aspect ratio 1/2, beyond, exponent", ultimate, 0.38, 0.01, why=ONE_DIGIT),
        change_of_slope(report),
    ]
    caption = "Nusselt number over Ra^(1/3): a flat line would be an exponent of one third."
    return Findings(checks, report, lambda axes: draw(axes, flat, tall), caption)


def change_of_slope(report: Report) -> Check:
    """Where the exponent changes above Ra = 10^9, as a power of ten."""
    breaks = [c for c in report.law.constants if c.name.startswith("b_")] if report.law else []
    value, low, high = next(
        (log10(c.value), log10(c.low or nan), log10(c.high or nan))
        for c in sorted(breaks, key=lambda c: c.value)
        if c.value > HARD[0] * 10
    )
    why = "a gradual change, read off a figure"
    return Check("change of exponent at log10 Ra", value, low, high, 11.0, 0.5, why=why)


def draw(axes: Axes, flat: Dataset, tall: Dataset) -> None:
    for data, label, colour in (
        (flat, "aspect ratio 4", COLOURS[0]),
        (tall, "aspect ratio 1/2", COLOURS[1]),
    ):
        number = np.asarray(data["Ra"])
        compensated = data["Nu"] / number ** (1 / 3)
        axes.loglog(number, compensated, "o", color=colour, markersize=3, label=label)
    axes.axvline(1e11, color=GREY, linewidth=0.8)
    axes.set_xlabel("Rayleigh number")
    axes.set_ylabel("Nu / Ra^(1/3)")
    axes.legend(frameon=False)
