"""Friction in smooth pipes: laminar and turbulent, either side of the transition.

Story
    One table, two laws. A single power law through all runs would mean nothing: the exponent is -1
    while the flow is laminar and about -1/4 once it is turbulent. Here the runs are split where
    the transition is known to be, and those between the two regimes, where puffs of turbulence come
    and go, belong to neither. The measured laminar friction lies a few per cent above theory, and
    more so close to the transition; the tolerances say so.

Data
    59 runs of the Oregon facility, Reynolds numbers from 11 to a million, published in
    B. J. McKeon, C. J. Swanson, M. V. Zagarola, R. J. Donnelly, A. J. Smits, J. Fluid Mech. 511
    (2004) 41-44, and shipped by the package `fluids` (MIT licence) as
    `fluids.friction.oregon_smooth_data`: Reynolds number and Darcy friction factor.

Published
    Laminar: f = 64/Re (G. Hagen 1839, J. L. M. Poiseuille 1840; as a friction factor in any
    textbook). Turbulent: f = 0.3164 Re^(-1/4) for Re below about 10^5, H. Blasius, Das
    Aehnlichkeitsgesetz bei Reibungsvorgängen in Flüssigkeiten, Forschungsarbeiten des VDI 131
    (1913). Transition: Re = 2040, K. Avila et al., Science 333 (2011) 192-196.
"""

import numpy as np
from matplotlib.axes import Axes

from dimgs.cli.reproduce import COLOURS, Check, DataUnavailable, Findings
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options
from dimgs.law.law import Law
from dimgs.report.results import FitResult

TRANSITION = 2040.0
TURBULENT = (3000.0, 2e5)

LAMINAR_BIAS = "measured laminar friction is some 4 % above theory, more near transition"
LOCAL_POWER = "Blasius' power is the tangent of a curve"


def table() -> Dataset:
    try:
        from fluids.friction import oregon_smooth_data
    except ImportError as error:
        raise DataUnavailable(
            "the package 'fluids', which ships the measurements, is not installed; "
            'install it with: pip install "dimgs[studies]"'
        ) from error
    reynolds, friction = (np.asarray(column) for column in oregon_smooth_data)
    return Dataset.from_columns({"Re [1]": reynolds, "f [1]": friction})


def between(data: Dataset, low: float, high: float) -> FitResult:
    reynolds = np.asarray(data["Re"])
    return fit(data.where((reynolds > low) & (reynolds < high)), "f")


def run() -> Findings:
    data = table()
    report = discover_with(data, "f", Options(regimes=True, engine="power_law"))
    laminar = between(data, 0.0, TRANSITION)
    turbulent = between(data, *TURBULENT)
    law = report.law
    assert law is not None
    checks = [
        Check.of("laminar exponent", laminar.exponents[0], -1.0, 0.02, why=LAMINAR_BIAS),
        Check.of(
            "laminar prefactor",
            laminar.law.constants[0],
            64.0,
            0.06,
            relative=True,
            why=LAMINAR_BIAS,
        ),
        Check.of("turbulent exponent", turbulent.exponents[0], -0.25, 0.015, why=LOCAL_POWER),
        Check.of(
            "turbulent prefactor",
            turbulent.law.constants[0],
            0.3164,
            0.02,
            relative=True,
            why=LOCAL_POWER,
        ),
    ]
    caption = "Friction in smooth pipes, with the regimes found; grey: intervals of boundaries."
    return Findings(checks, report, lambda axes: draw(axes, data, law), caption)


def draw(axes: Axes, data: Dataset, law: Law) -> None:
    reynolds, friction = np.asarray(data["Re"]), np.asarray(data["f"])
    axes.loglog(reynolds, friction, "o", color="#444444", markersize=4, zorder=3, label="runs")
    boundaries = [c for c in law.constants if c.name.startswith("b_")]
    ends = [reynolds.min(), *sorted(c.value for c in boundaries), reynolds.max()]
    for low, high, colour in zip(ends[:-1], ends[1:], COLOURS, strict=False):
        x = np.geomspace(low, high * (1 - 1e-9), 50)
        value, lower, upper = law.predict({"Re": x}, level=0.9)
        slope = np.log(value[-1] / value[0]) / np.log(x[-1] / x[0])
        axes.loglog(x, value, color=colour, linewidth=2, label=f"Re^{slope:.2f}")
        axes.fill_between(x, lower, upper, color=colour, alpha=0.2, linewidth=0)
    for c in boundaries:
        axes.axvspan(c.low or 0.0, c.high or 0.0, color="#999999", alpha=0.25)
    axes.set_ylim(0.7 * friction.min(), 1.6 * friction.max())
    axes.set_xlabel("Reynolds number")
    axes.set_ylabel("Darcy friction factor")
    axes.legend(frameon=False, title="regimes found")
