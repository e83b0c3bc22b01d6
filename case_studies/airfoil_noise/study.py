"""Airfoil noise: levels in decibels, already scaled by the fifth power of speed.

Story
    A wing section in a wind tunnel hums. The table gives third-octave levels in decibels, and a
    decibel is already a logarithm: a contrast between two levels is their plain difference, so the
    level enters as it is and its slope on a logarithmic speed is an exponent of intensity. NASA's
    table is not raw either, its levels were scaled by U^5 δ to take out what theory knew. So
    the test is whether anything of the speed is left: summed over the spectrum at zero incidence,
    almost nothing is. The pitch tells more. Where a spectrum peaks, dimensions alone demand that
    f δ/U is constant, were it not for the speed of sound, which is not in the table: as an unknown
    speed it frees the exponent, and f δ/U falls with speed. The published power of the Mach number
    lies within the interval. What does depend on the chord (small airfoils are louder than the
    scaling allows: their boundary layers are laminar and whistle) was known to its authors too.

Data
    T. F. Brooks, D. S. Pope, M. A. Marcolini, Airfoil Self-Noise and Prediction, NASA RP-1218
    (1989), as the UCI data set Airfoil Self-Noise (CC BY 4.0), file airfoil_self_noise.dat of
    github.com/zielarz25/AirfoilSelf-NoiseRegression: 1503 levels, of which the 24 spectra at zero
    incidence.

Published
    The same report: at zero incidence levels scale with M^5 δ L/r² (section 5.1; after
    J. E. Ffowcs Williams, L. H. Hall, J. Fluid Mech. 40 (1970) 657), and spectra peak at
    St = f δ/U = 0.02 M^(-0.6).
"""

import numpy as np
from matplotlib.axes import Axes
from pandas import DataFrame

from dimgs.cli.reproduce import COLOURS, NOT_JUDGED, Check, Findings, Source
from dimgs.dataset import read_table
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options

SOURCE = Source(
    name="airfoil_self_noise",
    repository="zielarz25/AirfoilSelf-NoiseRegression",
    commit="11628813a0438d310fe1443ebeb79277c468853d",
    path="airfoil_self_noise.dat",
    facts={"f": 1600.0, "c": 0.1016, "U": 39.6, "delta_s": 0.00495741, "SPL": 125.721},
    rows=1503,
    options={"sep": "\t", "names": ["f", "alpha_deg", "c", "U", "delta_s", "SPL"]},
)
SPECTRUM = ["c", "U", "delta_s"]
SOUND = 340.46  # m/s, as in the report

HALF = "half the interval around what was found: 24 spectra, peaks read to a third of an octave"
LAMINAR = "small chords whistle (laminar vortex shedding), which the scaling leaves out"


def spectra() -> DataFrame:
    frame = SOURCE.frame()
    return frame[frame["alpha_deg"] == 0].drop(columns="alpha_deg")


def sums(frame: DataFrame) -> DataFrame:
    """Level of each spectrum, its bands added as powers."""
    power = frame.assign(power=10 ** (frame["SPL"] / 10)).groupby(SPECTRUM)["power"].sum()
    return power.reset_index().assign(level=lambda t: 10 * np.log10(t["power"]))


def run() -> Findings:
    frame = spectra()
    loud = sums(frame)[["c", "U", "level"]]
    level = read_table(loud, units={"c": "m", "U": "m/s", "level": "dB"})
    scales = ["U0 [m/s]", "c0 [m]"]
    report = discover_with(level, "level", Options(scales=scales, engine="power_law"))
    assert report.fit is not None
    left = {e.name: e for e in report.fit.variable_exponents}
    highest = frame.loc[frame.groupby(SPECTRUM)["SPL"].idxmax(), ["f", "U", "delta_s"]]
    peaks = read_table(highest, units={"f": "Hz", "U": "m/s", "delta_s": "m"})
    pitch = fit(peaks, "f", Options(scales=["U0 [m/s]"]))
    speed = next(e for e in pitch.variable_exponents if e.name == "U")
    free = fit(peaks, "f", Options(scales=["U0 [m/s]", "L0 [m]"]))
    alone = next(e for e in free.variable_exponents if e.name == "delta_s")
    number = highest["f"] * highest["delta_s"] / highest["U"]
    strouhal = float(np.exp(np.mean(np.log(number * (highest["U"] / SOUND) ** 0.6))))
    half = [(e.high - e.low) / 2 for e in (left["U"], speed, alone)]
    checks = [
        Check.of("level, exponent of U that is left", left["U"], 0.0, half[0], why=HALF),
        Check.of("peak, exponent of U", speed, 0.4, half[1], why=HALF),
        Check.of("peak, exponent of δ, length free", alone, -1.0, half[2], why=HALF),
        Check(
            "peak, f δ/U M^0.6",
            strouhal,
            None,
            None,
            0.02,
            0.25,
            relative=True,
            why="bands are a third of an octave, 26 %, wide",
        ),
        Check.of("level, exponent of c that is left", left["c"], 0.0, NOT_JUDGED, why=LAMINAR),
    ]
    caption = "Spectra at zero incidence against the Strouhal number, coloured by chord."
    return Findings(checks, report, lambda axes: draw(axes, frame), caption)


def draw(axes: Axes, frame: DataFrame) -> None:
    chords = sorted(frame["c"].unique())
    for chord, colour in zip(chords, COLOURS, strict=False):
        label = f"chord {100 * chord:.1f} cm"
        for _, own in frame[frame["c"] == chord].groupby("U"):
            number = own["f"] * own["delta_s"] / own["U"]
            axes.semilogx(number, own["SPL"], color=colour, linewidth=1, label=label)
            label = "_"
    axes.set_xlabel("Strouhal number f δ/U")
    axes.set_ylabel("scaled level [dB]")
    axes.legend(frameon=False, fontsize="small")
