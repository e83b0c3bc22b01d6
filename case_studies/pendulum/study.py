"""A pendulum, integrated: the mass takes no part, the amplitude hardly any.

Story
    Thirty pendulums of different length, mass and amplitude swing on the Moon, Mars, Earth and
    Jupiter. Nothing but Newton's second law is integrated, and the period is read off the motion.
    First the runs speak alone: with an unknown scale per base dimension every exponent is free,
    and length, gravity and mass come out at 1/2, -1/2 and 0. Then dimensions speak: no group can
    hold the mass, and none but the amplitude is left free. What remains to be measured is the
    prefactor, and how little the amplitude matters.

Data
    Runs of this module: theta'' = -(g/L) sin(theta), from rest at theta_0 until theta = 0, a
    quarter of the period, by scipy.integrate.solve_ivp with a relative tolerance of 1e-10. Gravity
    of the Moon, Mars, Earth and Jupiter (m/s^2) from D. R. Williams, Planetary Fact Sheet, NASA
    NSSDCA.

Published
    T = 2 pi sqrt(L/g) (1 + theta_0^2/16 + ...): C. Huygens, Horologium Oscillatorium (1673), for
    small swings; L. D. Landau, E. M. Lifshitz, Mechanics, 3rd ed. (1976), section 11, problem 1,
    for the series. At theta_0 = 0.2 the correction is 0.25 %, and its local exponent
    theta_0^2/8 = 0.005; over these runs, about 0.001.
"""

from math import pi

import numpy as np
from matplotlib.axes import Axes
from scipy.integrate import solve_ivp

from dimgs.cli.reproduce import COLOURS, GREY, Check, Findings, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.discover import discover_with, fit
from dimgs.discovery.options import Options
from dimgs.groups.derive import pi_basis

RUNS = 30
GRAVITY = (1.62, 3.73, 9.82, 24.79)
AMPLITUDE = "the amplitude lengthens the period by up to theta_0^2/16 = 0.25 %"


class Lowest:
    """The bob passes its lowest point, where the integration stops."""

    terminal = True

    def __call__(self, _: float, state: Array) -> float:
        return float(state[0])


def period(length: float, gravity: float, mass: float, amplitude: float) -> float:
    """Period of one pendulum, from Newton's second law for the bob."""

    def motion(_: float, state: Array) -> list[float]:
        angle, rate = state
        torque = -mass * gravity * length * np.sin(angle)
        return [float(rate), float(torque / (mass * length**2))]

    longest = 10.0 * np.sqrt(length / gravity)
    swing = solve_ivp(
        motion, (0.0, longest), [amplitude, 0.0], events=Lowest(), rtol=1e-10, atol=1e-12
    )
    assert swing.t_events is not None
    return 4.0 * float(swing.t_events[0][0])


def table() -> Dataset:
    rng = np.random.default_rng(1673)
    length = np.exp(rng.uniform(np.log(0.1), np.log(4.0), RUNS))
    mass = np.exp(rng.uniform(np.log(0.01), np.log(10.0), RUNS))
    amplitude = np.exp(rng.uniform(np.log(0.02), np.log(0.2), RUNS))
    gravity = np.resize(GRAVITY, RUNS)
    runs = zip(length, gravity, mass, amplitude, strict=True)
    return Dataset.from_columns(
        {
            "L [m]": length,
            "g [m/s^2]": gravity,
            "m [kg]": mass,
            "theta_0 [rad]": amplitude,
            "T [s]": [period(*map(float, run)) for run in runs],
        }
    )


def run() -> Findings:
    data = table()
    free = fit(data, "T", Options(scales=["L_0 [m]", "m_0 [kg]", "t_0 [s]"]))
    alone = {e.name: e for e in free.variable_exponents}
    report = discover_with(data, "T", Options(engine="power_law"))
    law = report.fit
    assert law is not None
    dropped = ", ".join(d.name for d in pi_basis(data, "T").dropped)
    checks: list[Check | Statement] = [
        Check.of("exponent of L", alone["L"], 1 / 2, 0.001, why=AMPLITUDE),
        Check.of("exponent of g", alone["g"], -1 / 2, 0.001, why=AMPLITUDE),
        Check.of("exponent of m", alone["m"], 0.0, 0.001, why=AMPLITUDE),
        Statement("takes no part", dropped, "m"),
        Check.of("exponent of theta_0", law.exponents[0], 0.0, 0.005, why=AMPLITUDE),
        Check.of("prefactor", law.law.constants[0], 2 * pi, 0.005, relative=True, why=AMPLITUDE),
    ]
    caption = "Period over that of small swings, against the amplitude; the line is theory."
    return Findings(checks, report, lambda axes: draw(axes, data), caption)


def draw(axes: Axes, data: Dataset) -> None:
    amplitude = np.asarray(data["theta_0"])
    small = 2 * pi * np.sqrt(data["L"] / data["g"])
    axes.plot(amplitude, data["T"] / small, "o", color=COLOURS[0], markersize=4, label="runs")
    x = np.linspace(0.0, amplitude.max(), 50)
    axes.plot(x, 1 + x**2 / 16, color=GREY, label="1 + θ²/16")
    axes.set_xlabel("amplitude [rad]")
    axes.set_ylabel("T / 2π √(L/g)")
    axes.legend(frameon=False)
