"""Stars: mass and luminosity, in pieces, and what Stefan and Boltzmann would have missed.

Story
    Masses, radii, temperatures and luminosities of stars in eclipsing binaries, where mass is
    weighed and not guessed. First a puzzle with a known answer: luminosity from radius and
    temperature lies outside the span of the inputs. The exponents 2 and 4 come from the runs
    alone, and the test of homogeneity names the constant that is missing, the one of Stefan and
    Boltzmann (these luminosities were computed from it, so the test had better). Then the real
    question, luminosity against mass of dwarfs. One exponent will not do, and the search for
    regimes cuts where stars begin to be convective to the core, at nearly half a solar mass, and
    again near two; the finer cuts of the published relation are beyond what 300 stars decide (they
    come and go with a few stars, so only the first is judged). Within the six ranges of Eker et
    al. the exponents follow theirs, with intervals by system, since the two stars of a binary are
    born alike. Their sample left out metal-poor stars, and so does this one; with them in, the
    range around the Sun comes out much too flat.

Data
    DEBCat: J. Southworth, ASP Conf. Ser. 496 (2015) 164, as the file debs.dat of
    github.com/dancbart/hr2: 450 stars with a luminosity. A free public catalogue; the repository
    states no licence.

Published
    Z. Eker et al., Mon. Not. R. Astron. Soc. 479 (2018) 5491, table 4: L ~ M^2.028, M^4.572,
    M^5.743, M^4.329, M^3.967, M^2.865 between 0.179, 0.45, 0.72, 1.05, 2.40, 7 and 31 solar masses.
    J. Stefan (1879), L. Boltzmann (1884): L = 4π R² σ T⁴.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pandas import DataFrame

from dimgs.cli.reproduce import COLOURS, Check, Findings, Source, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset, read_table
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.explore import explore
from dimgs.discovery.options import Options

FIELDS = (
    *("system", "SpT1", "SpT2", "P", "V", "BV", "M1", "eM1", "M2", "eM2", "R1", "eR1", "R2", "eR2"),
    *("g1", "eg1", "g2", "eg2", "T1", "eT1", "T2", "eT2", "L1", "eL1", "L2", "eL2", "MH", "eMH"),
)
ABSENT = -9.99
SOLAR_MASS = 1.988409871e30  # kg
RANGES = (
    (0.179, 0.45, 2.028),
    (0.45, 0.72, 4.572),
    (0.72, 1.05, 5.743),
    (1.05, 2.40, 4.329),
    (2.40, 7.0, 3.967),
    (7.0, 31.0, 2.865),
)
DWARF, METAL_POOR = 3.9, -0.3  # log g (cm/s²); [M/H]


def _one_star_a_row(frame: DataFrame) -> DataFrame:
    parts = []
    for which in ("1", "2"):
        wide = {name: frame[f"{name}{which}"].replace(ABSENT, np.nan) for name in "MRTL"}
        values = {name: 10.0**column for name, column in wide.items()}
        own = {"system": frame["system"], "logg": frame[f"g{which}"]}
        parts.append(DataFrame({**own, **values, "MH": frame["MH"].replace(ABSENT, np.nan)}))
    return pd.concat(parts).dropna(subset=["M", "R", "T", "L"])


SOURCE = Source(
    name="stars_debcat",
    repository="dancbart/hr2",
    commit="87e6845653346ea863685af9527f4052efb8bd14",
    path="debs.dat",
    facts={"M": 1.5009, "L": 7.9159, "T": 6102.39, "logg": 4.153},
    rows=450,
    options={"sep": r"\s+", "comment": "#", "names": FIELDS},
    prepare=_one_star_a_row,
    share=0.02,
)
SCALES = ["M0 [Msun]", "L0 [Lsun]"]
BY_SYSTEM = "half the interval, by system, around what was found"


def dwarfs(frame: DataFrame) -> Dataset:
    chosen = frame[(frame["logg"] > DWARF) & ~(frame["MH"] < METAL_POOR)]
    units = {"M": "Msun", "L": "Lsun", "system": "label"}
    return read_table(chosen, units=units, columns=list(units))


def run() -> Findings:
    frame = SOURCE.frame()
    surface = read_table(frame[["R", "T", "L"]], units={"R": "Rsun", "T": "K", "L": "Lsun"})
    homogeneity = explore(surface, "L").homogeneity or {}
    data = dwarfs(frame)
    alone = data.without(["system"])
    report = discover_with(alone, "L", Options(scales=SCALES, regimes=True, engine="power_law"))
    breaks = sorted(
        c.value / SOLAR_MASS
        for c in (report.law.constants if report.law else ())
        if c.name.startswith("b_")
    )
    checks: list[Check | Statement] = [
        Statement("missing from L(R, T)", ", ".join(homogeneity.get("constants", {})), "sigma"),
        Check("lowest break", breaks[0], None, None, 0.45, 0.1, True, "Msun", "few stars there"),
        Statement(
            "all breaks, Msun",
            ", ".join(f"{b:.3g}" for b in breaks),
            ", ".join(f"{low:.3g}" for low, _, _ in RANGES[1:]),
            "the runs decide the first; where others fall depends on a few stars",
            judged=False,
        ),
    ]
    mass = np.asarray(data["M"]) / SOLAR_MASS
    for low, high, published in RANGES:
        part = data.where((mass > low) & (mass <= high))
        own = fit(part, "L", Options(scales=SCALES, split_by="system")).variable_exponents[0]
        name, half = f"exponent from {low} to {high} Msun", (own.high - own.low) / 2
        checks.append(Check.of(name, own, published, half, why=BY_SYSTEM))
    caption = "Luminosity over M^3.5, which would be flat for that exponent; Eker's ranges."
    return Findings(checks, report, lambda axes: draw(axes, mass, data), caption)


def draw(axes: Axes, mass: Array, data: Dataset) -> None:
    bright = np.asarray(data["L"]) / 3.828e26 / mass**3.5
    for (low, high, power), colour in zip(RANGES, COLOURS, strict=True):
        own = (mass > low) & (mass <= high)
        axes.loglog(mass[own], bright[own], "o", color=colour, markersize=3)
        x = np.array([low, high])
        middle = np.exp(np.median(np.log(bright[own]) - (power - 3.5) * np.log(mass[own])))
        axes.loglog(x, middle * x ** (power - 3.5), color=colour, label=f"M^{power}")
    axes.set_xlabel("mass [solar masses]")
    axes.set_ylabel("luminosity / M^3.5 [solar]")
    axes.legend(frameon=False, fontsize="small", title="published", ncols=2)
