"""A thread of honey before it breaks: a width that units force, and a length that they do not.

Story
    Surface tension squeezes a thread of a very viscous liquid at its waist until it breaks. The
    radius of the waist shrinks at the rate that units and one number give, γ/η. Its length shrinks
    too, but with a power of the time that is left which no unit fixes: similarity of the second
    kind. The thread is followed here, and its profiles of eight liquids, at three times each and
    read to 1 %, are brought onto one curve. The interval does not hold the published power, and it
    should not: it is that of the times at which the profiles are read, and the power is still
    falling there. Exact radii have 0.179 at the first of these times, and 0.176 at the last.

Data
    Runs of this module: the slender thread without inertia in coordinates that move with the
    liquid, ḣ = (γ h - T)/(6 η h) with the tension T = γ ∫h⁻³ds/∫h⁻⁴ds of a thread of fixed
    length, s the volume from the waist (400 cells, a method for stiff equations), from a radius
    that varies by 30 % about its mean R. The break is extrapolated from the last waists.

Published
    D. T. Papageorgiou, Phys. Fluids 7 (1995) 1529: the waist is 0.0709 γ τ/η wide a time τ before
    the break, and its length goes as τ^0.175. J. Eggers, Rev. Mod. Phys. 69 (1997) 865: review.
"""

import numpy as np
from scipy.integrate import solve_ivp

from dimgs.cli.reproduce import Check, Findings, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.symmetry.collapse import collapse

CELLS, VARIATION, THINNEST = 400, 0.3, 1e-3
GAUGE = 0.01
LIQUIDS, TIMES, POINTS = 8, 3, 16
# of the capillary time ηR/γ: later the waist is thinner than the cells, earlier no waist stands out
LATEST, EARLIEST = 0.03, 0.3

READ = "radii are read with an error of 1 %, and the power of the length is still falling"
FALLING = "exact radii show how far the power has fallen"


def thread(times: Array) -> tuple[list[tuple[Array, Array]], float]:
    """Places and radii, over R, at times before the break, over ηR/γ; and the rate of the waist."""
    s = np.pi * np.concatenate([[0.0], np.geomspace(1e-9, 1.0, CELLS)])
    share = np.convolve(np.diff(s), [0.5, 0.5])

    def rate(_: float, h: Array) -> Array:
        tension = (share @ h**-3.0) / (share @ h**-4.0)
        return np.asarray((h - tension) / (6.0 * h))

    def broken(_: float, h: Array) -> float:
        return float(h[0] - THINNEST)

    broken.terminal = True  # type: ignore[attr-defined]
    begin = 1.0 - VARIATION * np.cos(s)
    way = solve_ivp(
        rate, (0.0, 1e3), begin, "LSODA", events=broken, rtol=1e-9, atol=1e-11, dense_output=True
    )
    solution = way.sol
    assert solution is not None
    late = way.y[0] < 3.0 * THINNEST
    slope, at = np.polyfit(way.t[late], way.y[0, late], 1)
    profiles = []
    for before in times:
        h = np.asarray(solution(-at / slope - before))
        z = np.concatenate([[0.0], np.cumsum(np.diff(s) * (h[1:] ** -2 + h[:-1] ** -2) / 2.0)])
        profiles.append((z, h))
    return profiles, -float(slope)


def table(
    latest: float = LATEST, earliest: float = EARLIEST, gauge: float = GAUGE
) -> tuple[Dataset, float]:
    """Radii of eight liquids at three times each over the distance from the waist, and the rate."""
    rng = np.random.default_rng(1995)
    rows = []
    before = latest * (earliest / latest) ** rng.random(LIQUIDS * TIMES)
    profiles, rate = thread(before)
    for k, (left, (z, h)) in enumerate(zip(before, profiles, strict=True)):
        if k % TIMES == 0:
            R, eta, gamma = 10 ** rng.uniform((-4.0, 0.0, -1.7), (-2.5, 2.0, -1.2))
        place = np.geomspace(0.1, 3.0, POINTS) * left**0.175
        radius = np.interp(place, z, h) * (1.0 + gauge * rng.standard_normal(POINTS))
        fixed = [np.full(POINTS, v) for v in (k, R, eta, gamma, left * eta * R / gamma)]
        rows.append([*fixed, place * R, radius * R])
    run, R, eta, gamma, tau, z, h = np.concatenate([np.array(row) for row in rows], axis=1)
    columns = {"R [m]": R, "eta [Pa*s]": eta, "gamma [N/m]": gamma, "tau [s]": tau, "z [m]": z}
    names = np.array([f"profile {k:.0f}" for k in run])
    return Dataset.from_columns({**columns, "h [m]": h, "profile [label]": names}), rate


def run() -> Findings:
    data, rate = table()
    found = collapse(data, "h", "z", "profile", engine="power_law")
    length, width = found.exponent("tau", "s"), found.exponent("tau", "Y")
    first, last = (
        collapse(table(*ends, gauge=0.0)[0], "h", "z", "profile", engine="power_law")
        for ends in ((EARLIEST / 2, EARLIEST), (LATEST, 2 * LATEST))
    )
    checks: list[Check | Statement] = [
        Check("rate of the waist, η/γ dh/dτ", rate, None, None, 0.0709, 0.001, why="three digits"),
        Check.of("exponent of τ in s", length, -0.175, 0.01, why=READ),
        Check.of("exact, first times", first.exponent("tau", "s"), -0.175, 0.005, why=FALLING),
        Check.of("exact, last times", last.exponent("tau", "s"), -0.175, 0.001, why=FALLING),
        Check.of("exponent of τ in h", width, 1.0, 0.02, why=READ),
        Statement("the curves are one", "yes" if found.collapses else "no", "yes"),
    ]
    caption = "Twenty-four profiles of threads of eight liquids on one curve."
    return Findings(checks, None, found.draw, caption)
