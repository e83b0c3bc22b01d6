"""Friction in rough pipes: Nikuradse's sand, cut into regimes by the runs themselves.

Story
    Nikuradse glued sieved sand into pipes and measured the pressure lost by water, for six
    roughnesses and a hundredfold range of speed. One power law through all runs says that friction
    hardly depends on the Reynolds number, and is wrong almost everywhere. The search for regimes
    needs no hint: while the grains lie within the viscous sublayer, roughness plays no part and
    friction falls about as Blasius says; once they stick out of it, the viscosity drops out and
    friction is a matter of e/D alone. Between them lies the dip that commercial pipes do not show.
    The roughness exponent is no universal number: Nikuradse's law is logarithmic, and a power law
    is its tangent. The tolerances compare with that tangent at the same runs.

Data
    J. Nikuradse, Strömungsgesetze in rauhen Rohren, VDI-Forschungsheft 361 (1933), translated as
    NACA TM 1292 (1950), tables 2 to 7: 362 runs with density, viscosity, diameter, speed, grain
    size and Darcy friction factor, from a file of github.com/emreunal13/GPTIPS_OMAPISR, which
    adds 44 runs in the smooth Princeton Superpipe, not used here. Measurements of 1933; the
    repository is under the GPL.

Published
    H. Blasius (1913): f = 0.3164 Re^(-1/4) in smooth pipes. J. Nikuradse (1933): fully rough,
    f = (1.74 + 2 log10(D/2e))^(-2), whatever the Reynolds number, where e u_tau/nu exceeds 70.
"""

import numpy as np
from matplotlib.axes import Axes

from dimgs.cli.reproduce import COLOURS, GREY, Check, Findings, Source
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options

UNITS = {"rho": "kg/m^3", "mu": "Pa*s", "D": "m", "V": "m/s", "e": "m; roughness", "f": "1"}
SOURCE = Source(
    name="nikuradse_rough_pipe",
    repository="emreunal13/GPTIPS_OMAPISR",
    commit="06556fed3a885c766e722997e65f5828f92528a9",
    path="NIKURADSE_DATA_NONZERO_SUPERPIPE_INCH_CONVERTED.csv",
    facts={"D": 0.0729, "V": 2.235, "e": 0.0004, "f": 0.0321366},
    rows=406,
)
SMALLEST_GRAIN = 1e-5  # m; the Superpipe's walls are smoother
FULLY_ROUGH = 70.0  # grain size in viscous lengths

TANGENT = "Nikuradse's law is logarithmic; the exponent is that of its tangent, averaged over runs"
SUBLAYER = "up to Re = 10^5 friction in smooth pipes follows Re^(-1/4), beyond it a flatter curve"


def table() -> Dataset:
    data = SOURCE.dataset(UNITS)
    return data.where(np.asarray(data["e"]) > SMALLEST_GRAIN)


def reynolds(data: Dataset) -> Array:
    return np.asarray(data["rho"] * data["V"] * data["D"] / data["mu"])


def grain_in_viscous_lengths(data: Dataset) -> Array:
    return np.asarray(reynolds(data) * np.sqrt(data["f"] / 8) * data["e"] / data["D"])


def nikuradse(data: Dataset) -> tuple[Array, float]:
    """Friction by Nikuradse's law, and its local exponent of e/D averaged over the runs."""
    root = 1.74 + 2 * np.log10(data["D"] / (2 * data["e"]))
    return root**-2.0, float(np.mean(4 / (np.log(10) * root)))


def run() -> Findings:
    data = table()
    report = discover_with(data, "f", Options(regimes=True, engine="power_law"))
    rough_part = data.where(grain_in_viscous_lengths(data) > FULLY_ROUGH)
    rough = fit(rough_part, "f")
    law, tangent = nikuradse(rough_part)
    factor = float(np.exp(np.mean(np.log(rough_part["f"] / law))))
    smooth = min((r["exponents"] for r in report.regimes or ()), key=lambda e: e[1]["value"])
    checks = [
        _regime("within the sublayer, exponent of Re", smooth[1], -1 / 4, 0.035, SUBLAYER),
        _regime("within the sublayer, exponent of e/D", smooth[0], 0.0, 0.05, SUBLAYER),
        Check.of("fully rough, exponent of Re", rough.exponents[1], 0.0, 0.005),
        Check.of("fully rough, exponent of e/D", rough.exponents[0], tangent, 0.02, why=TANGENT),
        Check(
            "fully rough, friction over Nikuradse's law",
            factor,
            None,
            None,
            1.0,
            0.02,
            why="one factor for all grains; Nikuradse's own scatter is about 2 %",
        ),
    ]
    caption = "Friction of each roughness; Blasius' law and, at right, Nikuradse's plateaus."
    return Findings(checks, report, lambda axes: draw(axes, data), caption)


def _regime(name: str, e: dict[str, float], published: float, tolerance: float, why: str) -> Check:
    return Check(name, e["value"], e["low"], e["high"], published, tolerance, why=why)


def draw(axes: Axes, data: Dataset) -> None:
    number = reynolds(data)
    ratio = np.round(np.asarray(data["e"] / data["D"]), 4)
    edges = np.geomspace(ratio.min() * 0.99, ratio.max() * 1.01, 7)
    for low, high, colour in zip(edges[:-1], edges[1:], COLOURS, strict=True):
        own = (ratio >= low) & (ratio < high)
        part = data.where(own)
        label = f"e/D ≈ {np.median(ratio[own]):.2g}"
        axes.loglog(number[own], part["f"], "o", color=colour, markersize=3, label=label)
        plateau = float(np.median(nikuradse(part)[0]))
        axes.plot([2e5, number.max()], [plateau, plateau], color=colour, linewidth=1)
    x = np.geomspace(number.min(), 1e5, 9)
    axes.loglog(x, 0.3164 * x**-0.25, color=GREY, label="Blasius")
    axes.set_xlabel("Reynolds number")
    axes.set_ylabel("Darcy friction factor")
    axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
