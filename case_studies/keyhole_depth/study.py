"""Keyhole depth: ninety x-ray films of a laser drill, and one number that orders them.

Story
    A laser melts metal and drills a vapour cavity, the keyhole. Its depth was filmed by x-rays in
    three alloys, for many powers and speeds. Eight inputs, and only three alloys: no fit can tell
    the exponents of four material properties from three materials. Dimensions can. Of all
    monomials of the groups, the search for a dominant one finds the keyhole number Ke that
    its discoverers found (or a power of it, which is the same number), and with that one number
    the depths of all alloys lie on one line. On that line a straight law beats a power law, as
    published. The published threshold is not found: films below Ke = 3 lie above the published
    line, two of them where it gives no depth at all, and the line of these rows starts earlier.
    The law that the tool prefers on its own is fitted to ratios, where small depths weigh as much
    as large ones; it is told below and not judged.

Data
    X. Xie, A. Samaei, J. Guo, W. K. Liu, Z. Gan, Nat. Commun. 13 (2022) 7562, dataset_keyhole.csv
    of github.com/xiaoyuxie-vico/PyDimension (MIT licence): 90 films of C. Zhao et al., Science 363
    (2019) 849, and Z. Gan et al. (below), in Ti-6Al-4V, Al 6061 and stainless steel 316.

Published
    Z. Gan, O. L. Kafka, N. Parab, C. Zhao, L. Fang, O. Heinonen, T. Sun, W. K. Liu, Nat. Commun. 12
    (2021) 2379: e/r0 = 0.4 (Ke - 1.4), Ke = ηP/((Tl - T0) π ρ cp (α V r0³)^(1/2)). Xie et al.
    (2022) find the same number from the data, with R² of 0.98.
"""

import numpy as np
from matplotlib.axes import Axes
from pandas import DataFrame

from dimgs.cli.reproduce import COLOURS, GREY, NOT_JUDGED, Check, Findings, Source, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover
from dimgs.discovery.explore import explore
from dimgs.report.results import Report

UNITS = {
    "source": "label",
    "etaP": "W",
    "Vs": "m/s",
    "r0": "m",
    "alpha": "m^2/s",
    "rho": "kg/m^3",
    "cp": "J/(kg*K)",
    "dTl": "delta_degC",
    "e": "m",
}
ALLOYS = {3920: "Mat1", 2415: "Mat2", 6881: "Mat3"}  # density tells them apart


def _with_alloys(frame: DataFrame) -> DataFrame:
    return frame.assign(source=frame["rho"].map(ALLOYS))


SOURCE = Source(
    name="keyhole_depth",
    repository="xiaoyuxie-vico/PyDimension",
    commit="d889c08d8201d7b415ab0bec32f2d96b314605fe",
    path="dataset/dataset_keyhole.csv",
    facts={"etaP": 120.16, "Vs": 0.7, "e": 0.000146163, "rho": 3920.0},
    rows=90,
    columns={"Tl-T0": "dTl", "Tv-T0": "dTv"},
    prepare=_with_alloys,
)
# Ke squared, without pi: the smallest whole exponents
KEYHOLE_NUMBER = "etaP²·Vs⁻¹·alpha⁻¹·cp⁻²·dTl⁻²·r0⁻³·rho⁻²"
EVALUATIONS, HOUR = 1000, 3600.0  # a search ends by evaluations on any machine, in seconds on most

DIGIT = "0.4 is published to one digit"
THRESHOLD = "below Ke = 3 the measured depths lie above the published line"
OWN_FORM = "chosen on ratios, where it predicts runs left out no worse than the straight line"


def keyhole_number(data: Dataset) -> Array:
    spread = np.sqrt(data["alpha"] * data["Vs"] * data["r0"] ** 3)
    return np.asarray(data["etaP"] / (np.pi * data["dTl"] * data["rho"] * data["cp"] * spread))


def run() -> Findings:
    data = SOURCE.dataset(UNITS)
    best = (explore(data, "e").dominant or {})["candidates"][0]
    number, depth = keyhole_number(data), np.asarray(data["e"] / data["r0"])
    line, errors = np.polyfit(number, depth, 1, cov=True)
    half = 1.662 * float(np.sqrt(errors[0, 0]))  # Student's t at 90 % for 88 degrees of freedom
    slope, shift = np.polyfit(np.log(number), np.log(depth), 1)
    straight = np.asarray(np.polyval(line, number), dtype=np.float64)
    power = np.asarray(np.exp(shift) * number**slope, dtype=np.float64)
    reduced = Dataset.from_columns({"Ke [1]": number, "e_r0 [1]": depth})
    report = discover(reduced, "e_r0", evaluations=EVALUATIONS, time_limit=HOUR)
    checks: list[Check | Statement] = [
        Statement("dominant number", best["text"], KEYHOLE_NUMBER),
        Check("R² held out, smooth in it", best["r2"], None, None, 0.98, 0.01, why="two digits"),
        Check("slope", line[0], line[0] - half, line[0] + half, 0.4, 0.05, why=DIGIT),
        Check("R² of the straight law", _r2(depth, straight), None, None, 0.98, 0.01),
        Statement(
            "the straight law beats a power law",
            "yes" if _r2(depth, straight) > _r2(depth, power) else "no",
            "yes",
        ),
        Check("threshold in Ke", -line[1] / line[0], None, None, 1.4, NOT_JUDGED, why=THRESHOLD),
        Statement(
            "form preferred by the tool",
            str(report.law.pi_expression) if report.law else "none",
            "0.4 (pi_1 - 1.4)",
            OWN_FORM,
            judged=False,
        ),
    ]
    caption = "Depth over beam radius against the keyhole number, with the straight law found here."
    return Findings(checks, report, lambda axes: draw(axes, data, line, report), caption)


def _r2(measured: Array, predicted: Array) -> float:
    return 1.0 - float(np.mean((measured - predicted) ** 2) / np.var(measured))


def draw(axes: Axes, data: Dataset, line: Array, report: Report) -> None:
    number, depth = keyhole_number(data), np.asarray(data["e"] / data["r0"])
    names = {"Mat1": "Ti-6Al-4V", "Mat2": "Al 6061", "Mat3": "steel 316"}
    for (key, name), colour in zip(names.items(), COLOURS, strict=False):
        own = np.asarray(data["source"]) == key
        axes.plot(number[own], depth[own], "o", color=colour, markersize=4, label=name)
    x = np.linspace(1.0, number.max(), 50)
    axes.plot(x, np.polyval(line, x), color=GREY, label="straight law found")
    axes.plot(x, 0.4 * (x - 1.4), ":", color=GREY, label="published")
    if report.law is not None:
        own_form = report.law.predict_si({"Ke": x})
        axes.plot(x, own_form, "--", color=COLOURS[4], label="form preferred by the tool")
    axes.set_xlabel("keyhole number Ke")
    axes.set_ylabel("depth over beam radius")
    axes.legend(frameon=False)
