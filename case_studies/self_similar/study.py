"""Curves that fall on one: a point source, an edge, a blast, a boundary layer and spreading drops.

Story
    Four simulators give profiles and histories of several runs each, read with an error of 1 %.
    Diffusion from a point and from an edge have similarity variables of the first kind: the units
    force every exponent, and the curve of the source is found as a closed form. The fireball of a
    very intense blast has no similarity variable: its radius is the one monomial that energy,
    density and time make. In a boundary layer the units
    leave one combination open, the Reynolds number, and the runs decide for the square root of
    Prandtl and Blasius. A drop that spreads from a radius of its own forgets it: the runs find the
    tenth power of that radius in the similarity variable, and the exponent along the history of a
    drop goes from 0 to Tanner's 1/10.

Data
    Runs of this module: diffusion by the method of lines (300 cells, S. Hamdi, W. E. Schiesser, G.
    W. Griffiths, Scholarpedia 2 (2007) 2859), Blasius' equation by a Runge-Kutta method, and drops
    by the law of Cox and Voinov for a spherical cap, dR/dt = (γ/η) θ³/90, with the angle
    θ = 4V/(πR³). The fireball is that of the study `taylor_blast`.

Published
    J. Crank, The Mathematics of Diffusion (1975): exp(-x²/4Dt) M/(4πDt)^(1/2), erfc(x/(4Dt)^(1/2)).
    G. I. Taylor, Proc. R. Soc. Lond. A 201 (1950) 159: R in proportion to (E t²/ρ)^(1/5).
    H. Blasius, Z. Math. Phys. 56 (1908) 1: u/U = f'(y (U/νx)^(1/2)).
    L. H. Tanner, J. Phys. D 12 (1979) 1473: R in proportion to t^(1/10); the law above has
    R = R0 (1 + c γ V³ t/(η R0^10))^(1/10).
"""

from typing import Literal

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import erfc

from dimgs.cli.reproduce import Check, Findings, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery.estimators import local_along
from dimgs.discovery.options import Options
from dimgs.symmetry.collapse import Collapse, collapse, collapse_with

# time (ms) and radius (m) of a fireball: G. I. Taylor, Proc. R. Soc. Lond. A 201 (1950) 175-186
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

GAUGE = 0.01
RUNS, POINTS = 8, 16
CELLS = 300

READ = "values are read with an error of 1 %"
MESH = "values are read with an error of 1 %, and the mesh errs by less"


def diffused(source: bool) -> tuple[Array, Array]:
    """Places x/(Dt)^(1/2), and the profile there, of a point source or an edge of size one."""
    step = 16.0 / CELLS
    x = (np.arange(CELLS) + 0.5) * step
    begin = np.where(np.arange(CELLS) == 0, 0.5 / step, 0.0) if source else np.zeros(CELLS)

    def change(_: float, c: Array) -> Array:
        first = c[0] if source else 2.0 - c[0]
        padded = np.concatenate([[first], c, [c[-1]]])
        return np.diff(padded, 2) / step**2

    found = solve_ivp(change, (0.0, 4.0), begin, "LSODA", lband=1, uband=1, rtol=1e-8, atol=1e-12)
    return np.asarray(x / 2.0, dtype=np.float64), found.y[:, -1] * (2.0 if source else 1.0)


def profiles(rng: np.random.Generator, source: bool) -> Dataset:
    """Profiles of diffusion in eight materials at two times each."""
    places, shape = diffused(source)
    s = np.tile(np.geomspace(0.15, 4.0, POINTS), 2 * RUNS)
    D, size = (np.repeat(10 ** rng.uniform(*r, RUNS), 2 * POINTS) for r in ((-10, -8), (-1, 1)))
    t = np.repeat(10 ** rng.uniform(2, 5, 2 * RUNS), POINTS)
    c = size * np.interp(s, places, shape) / (np.sqrt(D * t) if source else 1.0)
    label = np.repeat([f"run {i}" for i in range(RUNS)], 2 * POINTS)
    name = "M [mol/m^2]" if source else "c0 [mol/m^3]"
    columns = {"D [m^2/s]": D, "t [s]": t, "x [m]": s * np.sqrt(D * t), name: size}
    return _read(rng, {**columns, "run [label]": label}, "c [mol/m^3]", c)


def _read(rng: np.random.Generator, columns: dict[str, Array], name: str, values: Array) -> Dataset:
    return Dataset.from_columns(
        {**columns, name: values * (1 + GAUGE * rng.normal(size=len(values)))}
    )


def layers(rng: np.random.Generator) -> Dataset:
    """Velocities across the boundary layers of eight plates."""
    flow = solve_ivp(
        lambda _, f: [f[1], f[2], -0.5 * f[0] * f[2]],
        (0.0, 9.0),
        [0.0, 0.0, 0.332057336],
        t_eval=np.geomspace(0.3, 7.0, POINTS),
        rtol=1e-9,
    )
    U, nu, x = (np.repeat(10 ** rng.uniform(*r, RUNS), POINTS) for r in ((0, 1), (-6, -5), (-1, 0)))
    y = np.tile(flow.t, RUNS) * np.sqrt(nu * x / U)
    label = np.repeat([f"run {i}" for i in range(RUNS)], POINTS)
    columns = {"U [m/s]": U, "nu [m^2/s]": nu, "x [m]": x, "y [m]": y, "run [label]": label}
    return _read(rng, columns, "u [m/s]", U * np.tile(flow.y[1], RUNS))


def spread(volume: float, speed: float, first: float, times: Array) -> Array:
    """Radius of a drop over time; the speed is that of its capillarity, γ/η."""

    def rate(_: float, radius: Array) -> Array:
        return np.asarray(speed * (4 * volume / np.pi / radius**3) ** 3 / 90)

    ends = (0.0, float(times[-1]))
    return np.asarray(solve_ivp(rate, ends, [first], "LSODA", t_eval=times, rtol=1e-9).y[0])


def drops(rng: np.random.Generator) -> Dataset:
    """Histories of the radii of eight drops."""
    rows: list[list[Array]] = []
    for i in range(RUNS):
        V, eta, gamma = (
            10 ** rng.uniform(-9.3, -8),
            10 ** rng.uniform(-2, 0),
            rng.uniform(0.02, 0.05),
        )
        first = (1.5 * V / np.pi) ** (1 / 3) * rng.uniform(1.0, 2.0)
        t = np.geomspace(1.0, 1e6, 2 * POINTS) * eta * V ** (1 / 3) / gamma
        R = spread(V, gamma / eta, first, t)
        rows.append([np.full(len(t), v) for v in (i, V, eta, gamma, first)] + [t, R])
    label, V, eta, gamma, first, t, R = np.concatenate([np.array(r) for r in rows], axis=1)
    columns = {
        "V [m^3]": V,
        "eta [Pa*s]": eta,
        "gamma [N/m]": gamma,
        "R0 [m]": first,
        "t [s]": t,
        "run [label]": np.array([f"drop {k:.0f}" for k in label]),
    }
    return _read(rng, columns, "R [m]", R)


def _exponent(
    name: str, found: Collapse, where: Literal["s", "Y"], column: str, truth: float, near: float
) -> Check:
    e = found.exponent(column, where)
    why = READ if e.kind == "second" else "the units force it"
    return Check.of(f"{name}: exponent of {column} in {where}", e, truth, near, why=why)


def _curve(name: str, found: Collapse, truth: float) -> Check:
    """The smooth curve through all runs, at s = 1."""
    assert found.fit is not None
    s, *curves = found.fit.curve(0.9)
    value, low, high = (float(np.interp(1.0, s, curve)) for curve in curves)
    return Check(f"{name}: y/Y at s = 1", value, low, high, truth, 0.01, relative=True, why=MESH)


def _law(found: Collapse, **at: float) -> float:
    return np.nan if found.function is None else float(np.squeeze(found.function.predict(at)))


def run() -> Findings:
    rng = np.random.default_rng(1979)
    quick = Options(effort="quick", seed=0)
    point = collapse(profiles(rng, source=True), "c", "x", "run", quick)
    edge = collapse(profiles(rng, source=False), "c", "x", "run", quick)
    layer = collapse(layers(rng), "u", "y", "run", engine="power_law")
    histories = drops(rng)
    drop = collapse(histories, "R", "t", "run", engine="power_law")
    time, radius = zip(*PHOTOGRAPHS, strict=True)
    fireball = {"t [ms]": time, "R [m]": radius, "rho [kg/m^3]": AIR}
    blast = collapse_with(Dataset.from_columns(fireball), "R", "t", None, Options(scales=["E [J]"]))
    late = [
        points[-5]["exponents"][0]["value"]
        for label in sorted(set(histories["run"]))
        if (points := local_along(histories.where(histories["run"] == label), "R", _ALONG))
    ]
    gauss = float(np.exp(-0.25) / np.sqrt(4 * np.pi))
    law = _law(point, D=1e-9, t=1e3, x=1e-3, M=1e-3)
    checks: list[Check | Statement] = [
        Statement("point: s", _group(point), "x·D^(-1/2)·t^(-1/2)"),
        _curve("point", point, gauss),
        Check("point: law at s = 1", law, None, None, gauss, 0.01, relative=True, why=READ),
        Statement("edge: s", _group(edge), "x·D^(-1/2)·t^(-1/2)"),
        _curve("edge", edge, float(erfc(0.5))),
        _exponent("blast", blast, "Y", "t", 0.4, 0.0),
        _exponent("blast", blast, "Y", "rho", -0.2, 0.0),
        _exponent("layer", layer, "s", "x", -0.5, 0.01),
        _exponent("layer", layer, "s", "U", 0.5, 0.01),
        _exponent("layer", layer, "Y", "U", 1.0, 0.01),
        _exponent("drops", drop, "s", "R0", -10.0, 0.5),
        _exponent("drops", drop, "s", "V", 3.0, 0.2),
        _exponent("drops", drop, "Y", "R0", 1.0, 0.05),
        Check("drops: late exponent of t", float(np.mean(late)), None, None, 0.1, 0.01, why=READ),
        Check("drops: error that any curve leaves", drop.floor, None, None, GAUGE, 0.002, why=READ),
    ]
    return Findings(checks, None, drop.draw, "Radii of eight drops on one curve.")


_ALONG = Options(local=True, along="t")


def _group(found: Collapse) -> str:
    return "none" if found.variable is None else str(found.variable.group)
