"""Falling spheres: from Stokes to Newton, found from terminal velocities alone.

Story
    A hundred spheres, from dust to marbles, fall through liquids from thin to treacly on four
    worlds until they no longer accelerate. The table holds what a laboratory would write down:
    diameter, density difference, density and viscosity of the liquid, gravity, and the final
    speed. Nobody says where creeping flow ends. Dimensional analysis leaves two groups, a density
    ratio and the Galileo number g Δρ ρ D³/μ²; the search for regimes then cuts the runs by itself.
    At one end the exponents are those of Stokes, at the other the viscosity drops out, as Newton
    wrote. The prefactors are fitted where theory says that each law holds: Reynolds numbers below
    0.1, and above 2000, where the drag coefficient hardly varies.

Data
    Runs of this module: Newton's second law for a sphere released from rest, integrated by
    scipy.integrate.solve_ivp until it is steady, with the drag coefficient of R. Clift,
    J. R. Grace, M. E. Weber, Bubbles, Drops and Particles (1978), as given by the package `fluids`
    (MIT licence), fluids.drag.Clift, itself a fit to experiments up to Re = 10^6.

Published
    G. G. Stokes, Trans. Camb. Phil. Soc. 9 (1851) 8: V = g Δρ D²/(18 μ), 0.0556 in front.
    I. Newton, Principia (1726), book II: V in proportion to (g D Δρ/ρ)^(1/2); with the usual drag
    coefficient 0.44 ± 0.06 between Re = 750 and 3e5 (Clift et al., table 5.2) the number in front
    is 1.74 ± 0.12.
"""

from math import log

import numpy as np
from matplotlib.axes import Axes
from scipy.integrate import solve_ivp

from dimgs.cli.reproduce import COLOURS, GREY, Check, DataUnavailable, Findings
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options
from dimgs.report.results import Report

RUNS = 100
GRAVITY = (1.62, 3.73, 9.82, 24.79)  # Moon, Mars, Earth, Jupiter (m/s^2), NASA fact sheet
RANGES = {"D": (2e-5, 5e-2), "mu": (2e-4, 0.5), "rho": (700.0, 1300.0), "drho": (50.0, 8000.0)}
CREEPING, TURBULENT = 0.1, 2000.0
LONG = 60.0  # relaxation times

INERTIA = "inertia adds up to 3/16 Re, a few per cent, to the drag near Re = 0.1"
CURVED = "the drag coefficient still varies by some 20 % above Re = 2000"
FOUND_APART = "runs near the crossover belong to the regime, so that its exponents are mixed"


def terminal_velocity(d: float, drho: float, rho: float, mu: float, g: float) -> float:
    """Speed of a sphere released from rest, once it is steady."""
    try:
        from fluids.drag import Clift
    except ImportError as error:
        raise DataUnavailable(
            "the package 'fluids', which holds the drag coefficients, is not installed; install "
            'it with: pip install "dimgs[studies]"'
        ) from error
    body = rho + drho

    def acceleration(_: float, speed: Array) -> list[float]:
        v = float(speed[0])
        drag = 0.75 * Clift(max(rho * v * d / mu, 1e-12)) * rho * v * v / (body * d)
        return [g * drho / body - drag]

    relaxation = min(body * d**2 / (18 * mu), body * (d / (g * drho * rho)) ** 0.5)
    fall = solve_ivp(
        acceleration, (0.0, LONG * relaxation), [1e-9], method="LSODA", rtol=1e-8, atol=1e-14
    )
    return float(fall.y[0, -1])


def table() -> Dataset:
    rng = np.random.default_rng(1851)
    runs = {
        name: np.exp(rng.uniform(log(low), log(high), RUNS)) for name, (low, high) in RANGES.items()
    }
    runs["g"] = np.resize(GRAVITY, RUNS)
    speed = [
        terminal_velocity(*map(float, run))
        for run in zip(*(runs[n] for n in ("D", "drho", "rho", "mu", "g")), strict=True)
    ]
    units = {"D": "m", "drho": "kg/m^3", "rho": "kg/m^3", "mu": "Pa*s", "g": "m/s^2"}
    columns = {f"{name} [{unit}]": runs[name] for name, unit in units.items()}
    return Dataset.from_columns({**columns, "V [m/s]": speed})


def reynolds(data: Dataset) -> Array:
    return np.asarray(data["rho"] * data["V"] * data["D"] / data["mu"])


def run() -> Findings:
    data = table()
    report = discover_with(data, "V", Options(regimes=True, engine="power_law"))
    slow, fast = slowest_and_fastest(report)
    number = reynolds(data)
    creeping = fit(data.where(number < CREEPING), "V")
    turbulent = fit(data.where(number > TURBULENT), "V")
    stokes = {e.name: e for e in creeping.variable_exponents}
    newton = {e.name: e for e in turbulent.variable_exponents}
    checks = [
        _regime("slow regime, exponent of Ga", slow, 1 / 2, 0.02),
        _regime("fast regime, exponent of Ga", fast, 0.0, 0.06),
        Check.of("Stokes, exponent of D", stokes["D"], 2.0, 0.02, why=INERTIA),
        Check.of("Stokes, exponent of mu", stokes["mu"], -1.0, 0.02, why=INERTIA),
        Check.of(
            "Stokes, prefactor",
            creeping.law.constants[0],
            1 / 18,
            0.02,
            relative=True,
            why=INERTIA,
        ),
        Check.of("Newton, exponent of D", newton["D"], 1 / 2, 0.06, why=CURVED),
        Check.of("Newton, exponent of mu", newton["mu"], 0.0, 0.05, why=CURVED),
        Check.of(
            "Newton, prefactor",
            turbulent.law.constants[0],
            1.74,
            0.12,
            why=CURVED,
        ),
    ]
    return Findings(
        checks,
        report,
        lambda axes: draw(axes, data, report),
        "Drag coefficient from terminal velocities, coloured by the regime that was found; the "
        "lines are Stokes' 24/Re and Newton's 0.44.",
    )


def slowest_and_fastest(report: Report) -> tuple[dict[str, float], dict[str, float]]:
    """Exponents of the Galileo number in the regimes at its two ends."""
    own = [regime["exponents"][1] for regime in report.regimes or ()]
    return max(own, key=lambda e: e["value"]), min(own, key=lambda e: e["value"])


def _regime(name: str, exponent: dict[str, float], published: float, tolerance: float) -> Check:
    low, high = exponent["low"], exponent["high"]
    return Check(name, exponent["value"], low, high, published, tolerance, why=FOUND_APART)


def draw(axes: Axes, data: Dataset, report: Report) -> None:
    number = reynolds(data)
    weight = 4 / 3 * data["g"] * data["drho"] * data["D"] / (data["rho"] * data["V"] ** 2)
    axes.loglog(number, weight, "o", color=COLOURS[0], markersize=4, label="runs")
    slow, fast = np.geomspace(number.min(), 3.0, 9), np.geomspace(300.0, number.max(), 9)
    axes.loglog(slow, 24 / slow, color=GREY, label="24/Re (Stokes)")
    axes.loglog(fast, np.full(9, 0.44), "--", color=GREY, label="0.44 (Newton)")
    axes.set_xlabel("Reynolds number at terminal velocity")
    axes.set_ylabel("drag coefficient")
    axes.legend(frameon=False)
