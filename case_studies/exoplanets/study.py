"""Exoplanets: Kepler's third law in a catalogue with gross errors, and with G the number 2π.

Story
    Period, semi-major axis and mass of the star for 2500 planets, most of them around other
    stars, as the catalogue has them: in days, astronomical units and solar masses, with 46 rows
    that are off by more than a third (planets imaged directly, or mistaken entries). Nothing is
    trimmed. Least squares over all pairs is pulled by them, and its interval for the mass of the
    star misses -1/2. Ranks are hardly pulled: exponents 3/2 and -1/2. With Newton's constant among
    the inputs there is no free group left, and the number in front is 2π. In many rows the axis
    was itself computed from the period by Kepler's law, so that this is a test of the method more
    than of Kepler.

Data
    Open Exoplanet Catalogue: H. Rein, arXiv:1211.7121 (2012), comma-separated table of
    github.com/OpenExoplanetCatalogue/oec_tables (MIT licence). The catalogue grows; the commit
    named here is near the one that was studied, not the same.

Published
    J. Kepler, Harmonices Mundi (1619), book V, chapter 3: T^2 in proportion to a^3. I. Newton,
    Principia (1687), book III: T = 2π (a^3/(G M))^(1/2), with M the mass of star and planet.
"""

from math import pi

import numpy as np
from matplotlib.axes import Axes
from pandas import DataFrame

from dimgs.cli.reproduce import COLOURS, GREY, NOT_JUDGED, Check, Findings, Source
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options
from dimgs.fits.estimate import Exponent
from dimgs.report.results import FitResult

UNITS = {"P": "day", "a": "AU", "Ms": "Msun"}
SCALES = ["P0 [day]", "a0 [AU]", "M0 [Msun]"]
FIELDS = (
    *("name", "binaryflag", "Mp", "Rp", "P", "a", "ecc", "periastron", "longitude", "node"),
    *("inclination", "Teq", "age", "method", "year", "updated", "ra", "dec", "distance", "Ms"),
    *("Rs", "metallicity", "Ts", "star_age", "lists"),
)


def _numbers(frame: DataFrame) -> DataFrame:
    positive = frame[list(UNITS)].where(frame[list(UNITS)] > 0)
    return frame.assign(**{name: positive[name] for name in UNITS})


SOURCE = Source(
    name="exoplanets_kepler",
    repository="OpenExoplanetCatalogue/oec_tables",
    commit="0082b8d09ea6640480abb28e09c4666d0abd25e3",
    path="comma_separated/open_exoplanet_catalogue.txt",
    facts={"P": 12.3694, "a": 0.10479, "Ms": 0.96},
    rows=2909,
    options={"comment": "#", "names": FIELDS},
    prepare=_numbers,
    share=0.3,
)

ROUNDED = "catalogues round; seven rows in ten meet Kepler's law to 1 %"
PULLED = "least squares is pulled by gross errors, which is why ranks are there"


def run() -> Findings:
    data = SOURCE.dataset(UNITS, drop_bad=True)
    squares = _exponents(fit(data, "P", Options(scales=SCALES)))
    ranks = _exponents(fit(data, "P", Options(scales=SCALES, robust=True)))
    report = discover_with(
        data, "P", Options(constants=["G"], robust=True, engine="power_law", drop_bad=True)
    )
    assert report.fit is not None
    prefactor = report.fit.law.constants[0]
    checks = [
        Check.of("exponent of a", ranks["a"], 3 / 2, 0.003, why=ROUNDED),
        Check.of("exponent of Ms", ranks["Ms"], -1 / 2, 0.005, why=ROUNDED),
        Check.of("prefactor with G", prefactor, 2 * pi, 0.002, relative=True, why=ROUNDED),
        Check.of("least squares, exponent of a", squares["a"], 3 / 2, NOT_JUDGED, why=PULLED),
        Check.of("least squares, exponent of Ms", squares["Ms"], -1 / 2, NOT_JUDGED, why=PULLED),
    ]
    caption = "Measured over Kepler's period: most planets on one, and the rows that are wrong."
    return Findings(checks, report, lambda axes: draw(axes, data), caption)


def _exponents(result: FitResult) -> dict[str, Exponent]:
    return {e.name: e for e in result.variable_exponents}


def draw(axes: Axes, data: Dataset) -> None:
    from dimgs.groups.physical_constants import constant

    gravity = constant("G").value
    axis, period, mass = (np.asarray(data[name]) for name in ("a", "P", "Ms"))
    ratio = period / (2 * pi * np.sqrt(axis**3 / (gravity * mass)))
    off = np.abs(np.log(ratio)) > 0.3
    for rows, colour, label in (
        (~off, COLOURS[0], f"{(~off).sum()} planets"),
        (off, COLOURS[1], f"{off.sum()} off by more than a third"),
    ):
        axes.loglog(
            axis[rows] / 149_597_870_700,
            ratio[rows],
            "o",
            color=colour,
            markersize=2.5,
            label=label,
            rasterized=True,
        )
    axes.axhline(1.0, color=GREY, linewidth=0.8)
    axes.set_xlabel("semi-major axis [AU]")
    axes.set_ylabel("period over Kepler's")
    axes.legend(frameon=False)
