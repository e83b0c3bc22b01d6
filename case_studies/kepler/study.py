"""Kepler's third law, in days, astronomical units and solar masses.

Story
    Eight planets around the Sun and eight moons around three planets, in the units in which
    astronomers keep them. No column holds G. Without it the period lies outside the span of the
    inputs; an unknown scale per base dimension leaves all exponents free, and the runs give 3/2
    and -1/2. The homogeneity test then names what is missing: G to the power -1/2. With G there
    is no free group left, so that the law is one constant times a monomial, and it is 2 pi.

Data
    Facts, copied number by number. Planets: semi-major axes (AU) from E. M. Standish and
    J. G. Williams, "Approximate Positions of the Planets", Table 1, JPL Solar System Dynamics;
    sidereal periods (days) from D. R. Williams, Planetary Fact Sheet, NASA NSSDCA. Moons:
    semi-major axes (km) and periods (days) from "Planetary Satellite Mean Elements", JPL Solar
    System Dynamics. Masses of Jupiter, Saturn and Uranus with their moons, as Sun over planet,
    from the IAU 2009 system of constants (B. Luzum et al., Celest. Mech. Dyn. Astr. 110 (2011)
    293, Table 1). Works of the United States government, and facts.

Published
    J. Kepler, Harmonices Mundi (1619), book V, chapter 3: T^2 in proportion to a^3.
    I. Newton, Principia (1687), book III: T = 2 pi sqrt(a^3/(G M)).
"""

from math import pi

import numpy as np
from matplotlib.axes import Axes

from dimgs.cli.reproduce import COLOURS, GREY, Check, Findings, Statement
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.explore import explore
from dimgs.discovery.options import Options

KM_PER_AU = 149_597_870.7  # IAU 2012 Resolution B2

# semi-major axis (AU), sidereal period (days)
PLANETS = (
    (0.38709927, 87.969),
    (0.72333566, 224.701),
    (1.00000261, 365.256),
    (1.52371034, 686.980),
    (5.20288700, 4332.589),
    (9.53667594, 10759.22),
    (19.18916464, 30685.4),
    (30.06992276, 60189.0),
)

# mass of the Sun over that of the planet; then semi-major axis (km) and period (days)
MOONS = (
    (1047.3486, ((421_800, 1.769138), (671_100, 3.551181), (1_070_400, 7.154553))),
    (1047.3486, ((1_882_700, 16.689017),)),
    (3497.9018, ((527_108, 4.518212), (1_221_870, 15.945421))),
    (22902.98, ((436_300, 8.706234), (583_500, 13.463234))),
)

BODIES = "planets outweigh their moons, and neighbours disturb each other, by less than 0.1 %"


def table() -> Dataset:
    rows = [(a, 1.0, period) for a, period in PLANETS]
    rows += [
        (km / KM_PER_AU, 1.0 / ratio, period) for ratio, moons in MOONS for km, period in moons
    ]
    a, mass, period = zip(*rows, strict=True)
    return Dataset.from_columns({"a [AU]": a, "M [Msun]": mass, "T [day]": period})


def run() -> Findings:
    data = table()
    free = fit(data, "T", Options(scales=["a_0 [AU]", "M_0 [Msun]", "T_0 [day]"]))
    exponents = {e.name: e for e in free.variable_exponents}
    homogeneity = explore(data, "T").homogeneity
    missing = homogeneity["constants"] if homogeneity is not None else {}
    report = discover_with(data, "T", Options(constants=["G"], engine="power_law"))
    assert report.fit is not None
    prefactor = report.fit.law.constants[0]
    checks: list[Check | Statement] = [
        Check.of("exponent of a", exponents["a"], 3 / 2, 0.001, why=BODIES),
        Check.of("exponent of M", exponents["M"], -1 / 2, 0.001, why=BODIES),
        Statement("missing", ", ".join(f"{k}^({v})" for k, v in missing.items()), "G^(-1/2)"),
        Check.of("prefactor", prefactor, 2 * pi, 0.001, relative=True, why=BODIES),
    ]
    caption = "Periods of planets and moons against (a³/M)^(1/2): one line for all."
    return Findings(checks, report, lambda axes: draw(axes), caption)


def draw(axes: Axes) -> None:
    planets = [(a**1.5, period) for a, period in PLANETS]
    moons = [
        ((km / KM_PER_AU) ** 1.5 * ratio**0.5, period) for ratio, own in MOONS for km, period in own
    ]
    for rows, label, colour in ((planets, "planets", COLOURS[0]), (moons, "moons", COLOURS[1])):
        reach, period = zip(*rows, strict=True)
        axes.loglog(reach, period, "o", color=colour, markersize=5, label=label)
    x = np.geomspace(1e-3, 300.0, 9)
    axes.loglog(x, 365.25 * x, color=GREY, linewidth=1, label="one year for the Earth", zorder=0)
    axes.set_xlabel("(a³/M)^(1/2), of the Earth")
    axes.set_ylabel("period [days]")
    axes.legend(frameon=False)
