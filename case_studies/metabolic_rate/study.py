"""Metabolic rate: Simpson's trap, noticed, and the exponents within classes.

Story
    Heat production of animals against their mass, from spiders to cattle. Through all of them
    together runs a line of exponent 1.03, as if an elephant lived at the pace of a mouse: insects
    are small and cold, mammals large and warm, and the step between the classes is taken for a
    slope. No column says warm-blooded. But the column of classes is enough for the tool to see
    that the pooled exponent holds within no class, and to say so; contrasts taken only within
    classes then give an exponent near three quarters. Nothing in the table has the dimension of a
    rate of energy but the rate itself: an unknown mass, an unknown time and an unknown length
    stand for what is missing, and cancel in every contrast. Within mammals the exponent is that of
    White and Seymour; for birds these rows give a flatter one than the published collections, and
    the table does not say why (species repeat, temperatures differ): told below and not judged.

Data
    AnimalTraits: M. E. Herberstein et al., Sci. Data 9 (2022) 265, observations.csv of
    github.com/animaltraits/animaltraits.github.io (CC0): 1184 observations with both body mass
    and metabolic rate.

Published
    M. Kleiber, Hilgardia 6 (1932) 315: exponent 3/4. C. R. White, R. S. Seymour, PNAS 100 (2003)
    4046: mammals 0.67 to 0.69. Birds: A. E. McKechnie, R. P. Freckleton, W. Jetz, Proc. R. Soc. B
    273 (2006) 931: 0.67 raised in captivity, 0.74 caught in the wild. Insects: S. L. Chown et al.,
    Funct. Ecol. 21 (2007) 282: 0.82 across species, 0.75 once relatedness is accounted for.
"""

import numpy as np
from matplotlib.axes import Axes
from pandas import DataFrame

from dimgs.cli.reproduce import COLOURS, GREY, NOT_JUDGED, Check, Findings, Source, Statement
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options
from dimgs.fits.estimate import Exponent

UNITS = {"class": "label", "M": "kg", "B": "W"}
SCALES = ["M0 [kg]", "t0 [s]", "L0 [m]"]


def _with_both(frame: DataFrame) -> DataFrame:
    return frame.dropna(subset=["M", "B"])


SOURCE = Source(
    name="metabolic_rate_animals",
    repository="animaltraits/animaltraits.github.io",
    commit="01298c764c3a464676dfd6f6cb94d8c90138fd69",
    path="docs/observations.csv",
    facts={"M": 0.000573, "B": 0.0011487},
    rows=1184,
    columns={"body mass": "M", "metabolic rate": "B"},
    options={"low_memory": False},
    prepare=_with_both,
    share=0.05,
)

BAND = "published collections of mammals and of many taxa lie between 2/3 and 3/4"
BIRDS = "these rows are flatter than published collections of birds; they mix states and sources"
INSECTS = "published 0.82 across species, 0.75 with relatedness; here species repeat"


def exponent(data: Dataset, within: str | None = None) -> Exponent:
    result = fit(data, "B", Options(scales=SCALES, within=within))
    return next(e for e in result.variable_exponents if e.name == "M")


def run() -> Findings:
    data = SOURCE.dataset(UNITS)
    pooled = fit(data, "B", Options(scales=SCALES))
    trap = any(warning.startswith("Simpson") for warning in pooled.warnings)
    report = discover_with(data, "B", Options(scales=SCALES, within="class", engine="power_law"))
    within = exponent(data, within="class")
    own = {
        name: exponent(data.where(data["class"] == name).without(["class"]))
        for name in ("Mammalia", "Aves", "Insecta")
    }
    through = next(e for e in pooled.variable_exponents if e.name == "M")
    checks: list[Check | Statement] = [
        Check.of("all animals together", through, 3 / 4, NOT_JUDGED, why="the trap"),
        Statement("Simpson's trap noticed", "yes" if trap else "no", "yes"),
        Check.of("within classes", within, 3 / 4, 0.05, why=BAND),
        Check.of("mammals", own["Mammalia"], 0.68, 0.04, why="published: 0.67 to 0.69"),
        Check.of("insects", own["Insecta"], 0.82, 0.05, why=INSECTS),
        Check.of("birds", own["Aves"], 0.67, NOT_JUDGED, why=BIRDS),
    ]
    caption = "Metabolic rate against mass: one class, one line; the dashed line is the trap."
    slope = through.value
    return Findings(checks, report, lambda axes: draw(axes, data, slope), caption)


def draw(axes: Axes, data: Dataset, pooled: float) -> None:
    mass, rate = np.asarray(data["M"]), np.asarray(data["B"])
    labels = np.asarray(data["class"])
    names, counts = np.unique(labels, return_counts=True)
    for name, colour in zip(names[np.argsort(-counts)], COLOURS, strict=False):
        own = labels == name
        axes.loglog(
            mass[own], rate[own], "o", color=colour, markersize=2.5, label=name, rasterized=True
        )
        slope, shift = np.polyfit(np.log(mass[own]), np.log(rate[own]), 1)
        x = np.array([mass[own].min(), mass[own].max()])
        axes.loglog(x, np.exp(shift) * x**slope, color=colour, linewidth=1.5)
    x = np.array([mass.min(), mass.max()])
    middle = np.exp(np.mean(np.log(rate)) - pooled * np.mean(np.log(mass)))
    axes.loglog(x, middle * x**pooled, "--", color=GREY, label="all together")
    axes.set_xlabel("body mass [kg]")
    axes.set_ylabel("metabolic rate [W]")
    axes.legend(frameon=False, fontsize="small")
