"""Taylor's blast wave: the energy of an explosion from photographs of its fireball.

Story
    Radius against time, read off published photographs, and the density of air. With an unknown
    length and time as scales the exponent of time is free: least squares over all pairs of
    photographs gives 2/5 within a wide interval, because the first photograph lies a quarter below
    the others; ranks are not moved by it and give a slightly lower exponent, narrowly. Then
    dimensions: with the energy as the one unknown scale no group is left, the exponents of time
    and density follow, and the energy hides in the prefactor, (E/S)^(1/5), where S is known from
    the theory of a strong point explosion.

Data
    G. I. Taylor, The formation of a blast wave by a very intense explosion. II. The atomic
    explosion of 1945, Proc. R. Soc. Lond. A 201 (1950) 175-186, Table 1: radius R of the fireball
    at time t, from photographs by J. E. Mack. Facts, copied number by number. Density of the air
    as Taylor took it, 1.25 kg/m^3.

Published
    Same paper: R in proportion to t^(2/5) and, for a ratio of specific heats of 1.4,
    E = 0.856 rho R^5/t^2 = 7.14e20 erg, which is 16 800 tons of TNT (22 900 tons for 1.3).
"""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from dimgs.cli.reproduce import COLOURS, GREY, Check, Findings
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options
from dimgs.law.checked_law import Constant

# time (ms), radius (m)
PHOTOGRAPHS = (
    (0.10, 11.1),
    (0.24, 19.9),
    (0.38, 25.4),
    (0.52, 28.8),
    (0.66, 31.9),
    (0.80, 34.2),
    (0.94, 36.3),
    (1.08, 38.9),
    (1.22, 41.0),
    (1.36, 42.8),
    (1.50, 44.4),
    (1.65, 46.0),
    (1.79, 46.9),
    (1.93, 48.7),
    (3.26, 59.0),
    (3.53, 61.1),
    (3.80, 62.9),
    (4.07, 64.3),
    (4.34, 65.6),
    (4.61, 67.3),
    (15.00, 106.5),
    (25.00, 130.0),
    (34.00, 145.0),
    (53.00, 175.0),
    (62.00, 185.0),
)
AIR = 1.25  # kg/m^3
ENERGY_FACTOR = 0.856  # S in E = S rho R^5/t^2 for a ratio of specific heats of 1.4
TERAJOULE = 1e12

EARLY = "the first photograph lies a quarter below the others"
LEVERAGE = "leaving the first photograph out raises the energy by 6 %"


class Energy(NamedTuple):
    """Energy in TJ with its interval."""

    value: float
    low: float | None
    high: float | None


def energy(prefactor: Constant) -> Energy:
    """E from the prefactor (E/S)^(1/5) of R = C t^(2/5) rho^(-1/5)."""

    def of(c: float) -> float:
        return ENERGY_FACTOR * c**5 / TERAJOULE

    low, high = prefactor.low, prefactor.high
    return Energy(
        of(prefactor.value),
        None if low is None else of(low),
        None if high is None else of(high),
    )


def run() -> Findings:
    time, radius = zip(*PHOTOGRAPHS, strict=True)
    data = Dataset.from_columns({"t [ms]": time, "R [m]": radius, "rho [kg/m^3]": AIR})
    fireball = data.select(["t", "R"])
    scales = ["R_0 [m]", "t_0 [ms]"]
    squares = fit(fireball, "R", Options(scales=scales))
    ranks = fit(fireball, "R", Options(scales=scales, robust=True))
    report = discover_with(data, "R", Options(scales=["E [J]"], engine="power_law"))
    blast = report.fit
    assert blast is not None
    checks = [
        Check.of("exponent of t", squares.exponents[0], 2 / 5, 0.02, why=EARLY),
        Check.of("exponent of t by ranks", ranks.exponents[0], 2 / 5, 0.02, why=EARLY),
        Check.of(
            "energy",
            energy(blast.law.constants[0]),
            71.4,
            0.1,
            relative=True,
            unit="TJ",
            why=LEVERAGE,
        ),
    ]
    prefactor = blast.law.constants[0].value
    caption = "Radius of the fireball against time, and the law with an exponent of 2/5."
    return Findings(checks, report, lambda axes: draw(axes, prefactor), caption)


def draw(axes: Axes, prefactor: float) -> None:
    time, radius = np.array(PHOTOGRAPHS).T
    axes.loglog(time, radius, "o", color=COLOURS[0], markersize=4, label="photographs")
    law = prefactor * (time / 1e3) ** 0.4 * AIR**-0.2
    axes.loglog(time, law, color=GREY, label="(E/S)^(1/5) ρ^(-1/5) t^(2/5)")
    axes.set_xlabel("time [ms]")
    axes.set_ylabel("radius [m]")
    axes.legend(frameon=False)
