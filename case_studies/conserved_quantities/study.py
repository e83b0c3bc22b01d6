"""What motions conserve: pendulum, planet, charge, predator and prey, top, friction.

Story
    Six motions are integrated from several first states each and followed in time. Nothing is
    given but the positions and rates along the runs, with their units, and the masses, lengths and
    fields where there are some. The quantities that stay equal along every run are looked for as
    sums of terms of one dimension: energies, momenta, the axis of a planet's orbit, the integral of
    Lotka and Volterra. The same oscillator with friction
    conserves nothing, and the tool says so.

Data
    Runs of this module, by scipy.integrate.solve_ivp with a relative tolerance of 1e-9; one part in
    a thousand of noise on every state of the pendulum and of the oscillators.

Published
    L. D. Landau, E. M. Lifshitz, Mechanics, 3rd ed. (1976), sections 6, 15 and 37; V. Volterra,
    Mem. R. Accad. Naz. Lincei 2 (1926) 31.
"""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from scipy.integrate import solve_ivp

from dimgs.cli.reproduce import COLOURS, Check, Findings, Statement
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.symmetry.invariants import Invariants, invariants

Values = Mapping[str, float]
RUNS, ROWS = 8, 60


def followed(
    units: Mapping[str, str],
    draw: Callable[[np.random.Generator], dict[str, float]],
    rates: Callable[[Values], tuple[float, ...]],
    duration: float,
    noise: float = 0.0,
) -> Dataset:
    """Runs of a motion; the first columns are its states, as many as there are rates."""
    rng = np.random.default_rng(1687)
    t = np.linspace(0.0, duration, ROWS)
    parts: dict[str, list[Array]] = {name: [] for name in ("run", "t", *units)}
    for run in range(RUNS):
        first = draw(rng)
        states = list(units)[: len(rates(first))]
        fixed = {name: first[name] for name in units if name not in states}

        def slope(_: float, y: Array, fixed: Values = fixed, states: list[str] = states) -> Array:
            return np.array(rates({**fixed, **dict(zip(states, map(float, y), strict=True))}))

        start = [first[name] for name in states]
        way = solve_ivp(slope, (0.0, duration), start, t_eval=t, rtol=1e-9, atol=1e-11).y
        way = way + noise * way.std(axis=1, keepdims=True) * rng.standard_normal(way.shape)
        own = dict(zip(states, way, strict=True))
        own |= {name: np.full(ROWS, value) for name, value in fixed.items()}
        for name, values in {"run": np.full(ROWS, float(run)), "t": t, **own}.items():
            parts[name].append(values)
    columns = {name: np.concatenate(values) for name, values in parts.items()}
    return Dataset.from_columns(columns, units={"run": "1", "t": "s", **units})


def pendulum(rng: np.random.Generator) -> dict[str, float]:
    length, angle = rng.uniform(0.5, 3.0), rng.uniform(0.5, 2.5)
    return {"theta": angle, "omega": rng.uniform(-0.5, 0.5), "L": length, "g": 9.81}


def planet(rng: np.random.Generator) -> dict[str, float]:
    r, angle = rng.uniform(0.8, 1.5), rng.uniform(0.0, 6.28)
    speed, turn = rng.uniform(0.75, 1.1) / np.sqrt(r), angle + 1.57 + rng.uniform(-0.4, 0.4)
    place = {"x": r * np.cos(angle), "y": r * np.sin(angle)}
    return {**place, "vx": speed * np.cos(turn), "vy": speed * np.sin(turn)}


def pull(s: Values) -> tuple[float, ...]:
    r3 = np.hypot(s["x"], s["y"]) ** 3
    return s["vx"], s["vy"], -s["x"] / r3, -s["y"] / r3


def drawn(
    low: float, high: float, *names: str
) -> Callable[[np.random.Generator], dict[str, float]]:
    return lambda rng: {name: float(rng.uniform(low, high)) for name in names}


def top(s: Values) -> tuple[float, ...]:
    a, b, c = s["I1"], s["I2"], s["I3"]
    u, v, w = s["w1"], s["w2"], s["w3"]
    return (b - c) / a * v * w, (c - a) / b * w * u, (a - b) / c * u * v


def spring(s: Values) -> tuple[float, ...]:
    return s["v"], -(s["k"] * s["x"] + s["c"] * s["v"]) / s["m"]


def tables() -> dict[str, tuple[Dataset, int]]:
    """Runs of each motion, and how many independent quantities it conserves."""
    speeds = {"x": "m", "y": "m", "vx": "m/s", "vy": "m/s"}
    rates = dict.fromkeys("abcd", "1/s")
    masses = {"m": "kg", "k": "N/m", "c": "kg/s"}
    return {
        "pendulum": (
            followed(
                {"theta": "rad", "omega": "rad/s", "L": "m", "g": "m/s^2"},
                pendulum,
                lambda s: (s["omega"], -s["g"] / s["L"] * np.sin(s["theta"])),
                6.0,
                0.001,
            ),
            1,
        ),
        "planet": (followed(speeds, planet, pull, 10.0), 3),
        "charge in a field": (
            followed(
                {**speeds, "m": "kg", "q": "C", "B": "T"},
                drawn(0.5, 2.0, "x", "y", "vx", "vy", "m", "q", "B"),
                lambda s: (
                    s["vx"],
                    s["vy"],
                    s["q"] * s["B"] / s["m"] * s["vy"],
                    -s["q"] * s["B"] / s["m"] * s["vx"],
                ),
                8.0,
            ),
            3,
        ),
        "predator and prey": (
            followed(
                {"prey": "1", "hunters": "1", **rates},
                drawn(0.6, 1.6, "prey", "hunters", "a", "b", "c", "d"),
                lambda s: (
                    s["prey"] * (s["a"] - s["b"] * s["hunters"]),
                    s["hunters"] * (s["d"] * s["prey"] - s["c"]),
                ),
                14.0,
            ),
            1,
        ),
        "top": (
            followed(
                {
                    "w1": "1/s",
                    "w2": "1/s",
                    "w3": "1/s",
                    **dict.fromkeys(("I1", "I2", "I3"), "kg*m^2"),
                },
                drawn(0.5, 3.0, "w1", "w2", "w3", "I1", "I2", "I3"),
                top,
                12.0,
            ),
            2,
        ),
        "oscillator with friction": (
            followed(
                {"x": "m", "v": "m/s", **masses},
                drawn(0.2, 0.6, "x", "v", "m", "k", "c"),
                spring,
                8.0,
                0.001,
            ),
            0,
        ),
    }


def run() -> Findings:
    motions = tables()
    found = {name: invariants(data, "t", "run") for name, (data, _) in motions.items()}
    checks: list[Check | Statement] = [
        Check(f"{name}: conserved quantities", len(found[name]), None, None, count, 0.0)
        for name, (_, count) in motions.items()
    ]
    energy = str(found["pendulum"].invariants[0].expression)
    checks.append(Statement("energy of the pendulum", energy, "L*omega**2 - 2*g*cos(theta)"))
    caption = "What eight pendulums conserve along their runs; dotted, its first term."
    return Findings(checks, None, lambda axes: draw(axes, found["pendulum"]), caption)


def draw(axes: Axes, found: Invariants) -> None:
    runs = found.runs
    energy = found.invariants[0].values(runs.values)
    t = np.asarray(runs.data["t"])
    for r in range(runs.n_runs):
        own = runs.run == r
        axes.plot(t[own], energy[own], color=COLOURS[r % len(COLOURS)])
        kinetic = (runs.values["L"] * runs.values["omega"] ** 2)[own]
        axes.plot(t[own], kinetic, ":", color=COLOURS[r % len(COLOURS)])
    axes.set_xlabel("time [s]")
    axes.set_ylabel("L ω² − 2 g cos θ (dotted: L ω²) [m/s²]")
