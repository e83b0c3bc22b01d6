"""A mound of groundwater that loses what it wets: exponents that no units force.

Story
    A mound of groundwater spreads over an impermeable bed. Rock that the falling water leaves keeps
    a part of it, so that the mound falls faster than it rises. Without loss its volume is conserved
    and the radius grows with t^(1/4): similarity of the first kind, had anybody counted the
    volume among the inputs. With a loss no integral is conserved, and the exponent depends on the
    loss coefficient: similarity of the second kind. Profiles of eight mounds at three late times
    each, with the height and the radius at the beginning as inputs, fall on one curve; the
    exponents that the runs give are those of a nonlinear eigenvalue problem.

Data
    Runs of this module: the equation ∂h/∂t = κ Δ(h²) where the water rises, and κ/(1 - loss) Δ(h²)
    where it falls, axially symmetric, by the method of lines on 400 cells. Heights are read with
    an error of 1 %, from a fixed seed.

Published
    I. N. Kochina, N. N. Mikhailov, M. V. Filinov, Groundwater mound damping, Int. J. Eng. Sci. 21
    (1983) 413-421, after G. I. Barenblatt: r = ξ (κ h0 t/l²)^β l, where β is the eigenvalue of the
    self-similar equation, solved here by shooting; 1/4 without loss.
"""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from dimgs.cli.reproduce import Check, Findings, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.symmetry.collapse import collapse

LOSSES = (0.0, 0.3, 0.6)
RUNS, POINTS, CELLS = 8, 14, 400
# times in units of l²/(κ h0): late enough that the first shape is forgotten
EARLIEST, LATEST = 100.0, 10_000.0
GAUGE = 0.01

READ = "heights are read with an error of 1 %"


def eigenvalue(loss: float) -> float:
    """Exponent β of the radius: the self-similar mound is flat at its middle."""

    def slope(beta: float) -> float:
        # from the front at ξ = 1 inwards: h = (β/2)(1 - ξ), flux = -(h²)' ξ
        near = 1e-4
        begin = [(beta * near / 2) ** 2, -beta * (beta * near / 2) * (1 - near)]

        def change(xi: float, state: Array) -> list[float]:
            square = max(state[0], 0.0)
            h, flux = np.sqrt(square), state[1]
            # flux = ξ (h²)' = 2 ξ h h'
            rise = (2 * beta - 1) * h - beta * flux / (2 * h) if h > 0 else 0.0
            return [flux / xi, xi * rise * (1.0 if rise > 0 else 1.0 - loss)]

        found = solve_ivp(change, (1 - near, 1e-3), begin, rtol=1e-9, atol=1e-14)
        return float(found.y[1, -1])

    return float(brentq(slope, 0.12, 0.3))


def mound(loss: float) -> tuple[Array, Array, Array]:
    """Places, times and heights of a mound of height and radius one, κ being one."""
    step = 16.0 / CELLS
    r = (np.arange(CELLS) + 0.5) * step
    faces = np.arange(1, CELLS) * step

    def change(_: float, h: Array) -> Array:
        flux = faces * np.diff(h**2) / step
        rate = np.diff(np.concatenate([[0.0], flux, [0.0]])) / (r * step)
        return np.asarray(np.where(rate > 0, rate, rate / (1.0 - loss)))

    times = np.geomspace(EARLIEST, LATEST, 25)
    begin = np.maximum(1 - r**2, 0.0)
    found = solve_ivp(
        change, (0.0, LATEST), begin, "LSODA", t_eval=times, lband=1, uband=1, rtol=1e-6, atol=1e-9
    )
    return np.asarray(r), np.asarray(times), np.asarray(found.y, dtype=np.float64)


def table(loss: float) -> Dataset:
    """Profiles of eight mounds at three times each, as gauges read them."""
    rng = np.random.default_rng(1983)
    r, times, heights = mound(loss)
    h0, l, kappa = (10 ** rng.uniform(*ends, RUNS) for ends in ((0, 1), (1, 2), (-5, -4)))
    rows = []
    for i in range(RUNS):
        for k in rng.choice(len(times), 3, replace=False):
            front = r[np.flatnonzero(heights[:, k] > 1e-3 * heights[0, k])[-1]]
            x = np.linspace(0.1, 0.85, POINTS) * front
            h = np.interp(x, r, heights[:, k]) * h0[i] * (1 + GAUGE * rng.normal(size=POINTS))
            t = times[k] * l[i] ** 2 / (kappa[i] * h0[i])
            rows.append([np.full(POINTS, v) for v in (i, kappa[i], h0[i], l[i], t)] + [x * l[i], h])
    i, kappas, h0s, ls, t, x, h = np.concatenate([np.array(row) for row in rows], axis=1)
    return Dataset.from_columns(
        {
            "mound [label]": np.array([f"mound {k:.0f}" for k in i]),
            "kappa [m/s]": kappas,
            "h0 [m]": h0s,
            "l [m]": ls,
            "t [s]": t,
            "r [m]": x,
            "h [m]": h,
        }
    )


def run() -> Findings:
    found = {loss: collapse(table(loss), "h", "r", "mound", engine="power_law") for loss in LOSSES}
    checks: list[Check | Statement] = []
    for loss, one in found.items():
        beta, name = eigenvalue(loss), f"loss {loss:g}"
        in_s, in_y = one.exponent("t", "s"), one.exponent("t", "Y")
        checks += [
            Check.of(f"{name}: exponent of t in s", in_s, -beta, 0.01, why=READ),
            Check.of(f"{name}: exponent of t in Y", in_y, 2 * beta - 1, 0.015, why=READ),
            Statement(f"{name}: collapses", str(one.collapses), "True"),
        ]
    caption = "Profiles of mounds that lose three tenths of what falls, on one curve."
    return Findings(checks, None, found[0.3].draw, caption)
