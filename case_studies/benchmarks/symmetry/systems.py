"""Systems whose conserved quantities are known, integrated from Newton's or their own equations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from dimgs.common.arrays import Array
from dimgs.dataset import Dataset

Columns = Mapping[str, Array]
Draw = Callable[[np.random.Generator], dict[str, float]]


@dataclass(frozen=True)
class System:
    """A system of ordinary differential equations.

    Attributes
    ----------
    name : str
    states, given : str
        Columns with units, separated by commas.
    draw : callable
        Parameters and first values of a run.
    rates : callable
        Time derivatives of the states, by name.
    quantities : dict of str to callable
        Functionally independent conserved quantities of the columns.
    duration : float or callable
    """

    name: str
    states: str
    given: str
    draw: Draw
    rates: Callable[[Mapping[str, float]], tuple[float, ...]]
    quantities: Mapping[str, Callable[[Columns], Any]]
    duration: float = 10.0
    columns: str = ""

    def table(self, runs: int = 8, rows: int = 60, noise: float = 0.0, seed: int = 0) -> Dataset:
        """Trajectories with independent noise, relative to the spread of each state."""
        rng = np.random.default_rng([seed, *self.name.encode()])
        states, given = _names(self.states), _names(self.given)
        found: dict[str, list[Array]] = {}
        t = np.linspace(0.0, self.duration, rows)
        for run in range(runs):
            first = self.draw(rng)
            fixed = {name: first[name] for name in given}

            def rates(_: float, y: Array, fixed: dict[str, float] = fixed) -> list[float]:
                return list(self.rates({**fixed, **dict(zip(states, y, strict=True))}))

            start = [first[name] for name in states]
            way = solve_ivp(rates, (0.0, t[-1]), start, t_eval=t, rtol=1e-9, atol=1e-11)
            columns = dict(zip(states, way.y, strict=True)) | {
                name: np.full(rows, value) for name, value in fixed.items()
            }
            for name, values in {"run": np.full(rows, run), "t": t, **columns}.items():
                found.setdefault(name, []).append(values)
        whole = {name: np.concatenate(parts) for name, parts in found.items()}
        for name in states:
            x = whole[name]
            whole[name] = x + noise * x.std() * rng.standard_normal(len(x))
        units = {"run": "label", "t": "s", **_units(self.states), **_units(self.given)}
        whole["run"] = whole["run"].astype(str)
        return Dataset.from_columns(whole, units=units)


def _units(text: str) -> dict[str, str]:
    parts = [part.strip().rstrip("]").split(" [") for part in text.split(",") if part.strip()]
    return {part[0]: part[1] for part in parts}


def _names(text: str) -> list[str]:
    return list(_units(text))


def _oscillator(rng: np.random.Generator) -> dict[str, float]:
    m, k = rng.uniform(0.5, 3.0), rng.uniform(2.0, 8.0)
    return {"x": rng.uniform(0.5, 2.0), "v": rng.uniform(-2, 2), "m": m, "k": k, "c": 0.15}


def _pendulum(rng: np.random.Generator) -> dict[str, float]:
    length = rng.uniform(0.5, 3.0)
    angle = rng.uniform(0.5, 2.5)
    return {"theta": angle, "omega": rng.uniform(-0.5, 0.5), "L": length, "g": 9.81, "c": 0.1}


def _plane(rng: np.random.Generator) -> dict[str, float]:
    r, angle = rng.uniform(0.8, 1.5), rng.uniform(0, 6.28)
    speed = rng.uniform(0.75, 1.1) / np.sqrt(r)
    turn = angle + np.pi / 2 + rng.uniform(-0.4, 0.4)
    position = {"x": r * np.cos(angle), "y": r * np.sin(angle)}
    return {**position, "vx": speed * np.cos(turn), "vy": speed * np.sin(turn)}


def _kepler(s: Mapping[str, float]) -> tuple[float, ...]:
    r3 = (s["x"] ** 2 + s["y"] ** 2) ** 1.5
    return s["vx"], s["vy"], -s["x"] / r3, -s["y"] / r3


def _lotka(rng: np.random.Generator) -> dict[str, float]:
    rates = dict(zip("abcd", rng.uniform(0.7, 1.5, 4), strict=True))
    return {"prey": rng.uniform(0.6, 3.0), "hunters": rng.uniform(0.6, 2.0), **rates}


def _toda(rng: np.random.Generator) -> dict[str, float]:
    names = ("q1", "q2", "q3", "p1", "p2", "p3")
    return dict(zip(names, rng.uniform(-1.0, 1.0, 6), strict=True))


def _toda_rates(s: Mapping[str, float]) -> tuple[float, ...]:
    e12, e23, e31 = (np.exp(s[f"q{a}"] - s[f"q{b}"]) for a, b in ((1, 2), (2, 3), (3, 1)))
    return s["p1"], s["p2"], s["p3"], e31 - e12, e12 - e23, e23 - e31


def top(rng: np.random.Generator) -> dict[str, float]:
    """Rates and moments of a rigid body."""
    inertia = dict(zip(("I1", "I2", "I3"), np.sort(rng.uniform(1.0, 3.0, 3)), strict=True))
    return {**dict(zip(("w1", "w2", "w3"), rng.uniform(-2, 2, 3), strict=True)), **inertia}


def top_rates(s: Mapping[str, float]) -> tuple[float, ...]:
    """Euler's equations."""
    return (
        (s["I2"] - s["I3"]) / s["I1"] * s["w2"] * s["w3"],
        (s["I3"] - s["I1"]) / s["I2"] * s["w3"] * s["w1"],
        (s["I1"] - s["I2"]) / s["I3"] * s["w1"] * s["w2"],
    )


def _charge(rng: np.random.Generator) -> dict[str, float]:
    names = ("x", "y", "vx", "vy")
    first = dict(zip(names, rng.uniform(-1, 1, 4), strict=True))
    return {**first, "m": rng.uniform(0.5, 2), "q": rng.uniform(0.5, 2), "B": rng.uniform(0.5, 2)}


def polar(rng: np.random.Generator) -> dict[str, float]:
    """First state of a planet in polar coordinates."""
    r = rng.uniform(0.8, 1.5)
    first = {"r": r, "theta": rng.uniform(0, 6.28), "u": rng.uniform(-0.6, 0.6)}
    return {**first, "w": rng.uniform(0.7, 1.1) / r**1.5}


def polar_rates(s: Mapping[str, float]) -> tuple[float, ...]:
    """Newton's equations in polar coordinates."""
    return s["u"], s["w"], s["r"] * s["w"] ** 2 - 1 / s["r"] ** 2, -2 * s["u"] * s["w"] / s["r"]


def _uniform(low: float, high: float, *names: str, **fixed: float) -> Draw:
    def draw(rng: np.random.Generator) -> dict[str, float]:
        return {**dict(zip(names, rng.uniform(low, high, len(names)), strict=True)), **fixed}

    return draw


SYSTEMS = (
    System(
        "oscillator", "x [m], v [m/s]", "m [kg], k [N/m]", _oscillator,
        lambda s: (s["v"], -s["k"] / s["m"] * s["x"]),
        {"energy": lambda c: c["m"] * c["v"] ** 2 + c["k"] * c["x"] ** 2}, 8.0,
    ),
    System(
        "pendulum", "theta [rad], omega [rad/s]", "L [m], g [m/s^2]", _pendulum,
        lambda s: (s["omega"], -s["g"] / s["L"] * np.sin(s["theta"])),
        {"energy": lambda c: c["L"] * c["omega"] ** 2 / 2 - c["g"] * np.cos(c["theta"])}, 6.0,
    ),
    System(
        "pendulum_unknown_gravity", "theta [rad], omega [rad/s]", "L [m]",
        lambda rng: _pendulum(rng),
        lambda s: (s["omega"], -9.81 / s["L"] * np.sin(s["theta"])),
        {"energy": lambda c: c["L"] * c["omega"] ** 2 / 2 - 9.81 * np.cos(c["theta"])}, 6.0,
    ),
    System(
        "duffing", "x [m], v [m/s]", "", _uniform(-2, 2, "x", "v"),
        lambda s: (s["v"], s["x"] - s["x"] ** 3),
        {"energy": lambda c: c["v"] ** 2 / 2 - c["x"] ** 2 / 2 + c["x"] ** 4 / 4}, 12.0,
    ),
    System(
        "lotka_volterra", "prey [1], hunters [1]", "a [1/s], b [1/s], c [1/s], d [1/s]", _lotka,
        lambda s: (
            s["prey"] * (s["a"] - s["b"] * s["hunters"]),
            s["hunters"] * (s["d"] * s["prey"] - s["c"]),
        ),
        {
            "integral": lambda c: c["d"] * c["prey"] - c["c"] * np.log(c["prey"])
            + c["b"] * c["hunters"] - c["a"] * np.log(c["hunters"])
        },
        14.0,
    ),
    System(
        "epidemic", "S [1], I [1]", "beta [1/s], gamma [1/s]",
        lambda rng: {
            "S": rng.uniform(0.6, 0.99), "I": rng.uniform(0.01, 0.1),
            "beta": rng.uniform(1, 2), "gamma": rng.uniform(0.3, 0.6),
        },
        lambda s: (
            -s["beta"] * s["S"] * s["I"], s["beta"] * s["S"] * s["I"] - s["gamma"] * s["I"]
        ),
        {"integral": lambda c: c["S"] + c["I"] - c["gamma"] / c["beta"] * np.log(c["S"])}, 14.0,
    ),
    System(
        "henon_heiles", "x [1], y [1], px [1], py [1]", "",
        _uniform(-0.3, 0.3, "x", "y", "px", "py"),
        lambda s: (
            s["px"], s["py"], -s["x"] - 2 * s["x"] * s["y"],
            -s["y"] - s["x"] ** 2 + s["y"] ** 2,
        ),
        {
            "energy": lambda c: (c["px"] ** 2 + c["py"] ** 2 + c["x"] ** 2 + c["y"] ** 2) / 2
            + c["x"] ** 2 * c["y"] - c["y"] ** 3 / 3
        },
        25.0,
    ),
    System(
        "two_masses", "x1 [m], x2 [m], v1 [m/s], v2 [m/s]", "m1 [kg], m2 [kg], k [N/m]",
        lambda rng: {
            **_uniform(-1, 1, "x1", "x2", "v1", "v2")(rng),
            **_uniform(0.5, 2, "m1", "m2")(rng), "k": rng.uniform(2, 6),
        },
        lambda s: (
            s["v1"], s["v2"], -s["k"] / s["m1"] * (s["x1"] - s["x2"]),
            s["k"] / s["m2"] * (s["x1"] - s["x2"]),
        ),
        {
            "momentum": lambda c: c["m1"] * c["v1"] + c["m2"] * c["v2"],
            "energy": lambda c: c["m1"] * c["v1"] ** 2 + c["m2"] * c["v2"] ** 2
            + c["k"] * (c["x1"] - c["x2"]) ** 2,
        },
        8.0,
    ),
    System(
        "rigid_rotation", "w1 [rad/s], w2 [rad/s], w3 [rad/s]",
        "I1 [kg*m^2], I2 [kg*m^2], I3 [kg*m^2]", top, top_rates,
        {
            "energy": lambda c: sum(c[f"I{i}"] * c[f"w{i}"] ** 2 for i in (1, 2, 3)),
            "angular momentum": lambda c: sum(
                c[f"I{i}"] ** 2 * c[f"w{i}"] ** 2 for i in (1, 2, 3)
            ),
        },
        12.0,
    ),
    System(
        "central_force", "x [m], y [m], vx [m/s], vy [m/s]", "",
        _uniform(-1, 1, "x", "y", "vx", "vy"),
        lambda s: (
            s["vx"], s["vy"], *(-s[a] * (s["x"] ** 2 + s["y"] ** 2) for a in ("x", "y"))
        ),
        {
            "energy": lambda c: (c["vx"] ** 2 + c["vy"] ** 2) / 2
            + (c["x"] ** 2 + c["y"] ** 2) ** 2 / 4,
            "angular momentum": lambda c: c["x"] * c["vy"] - c["y"] * c["vx"],
        },
        10.0,
    ),
    System(
        "charged_particle", "x [m], y [m], vx [m/s], vy [m/s]", "m [kg], q [C], B [T]", _charge,
        lambda s: (
            s["vx"], s["vy"], s["q"] * s["B"] / s["m"] * s["vy"],
            -s["q"] * s["B"] / s["m"] * s["vx"],
        ),
        {
            "energy": lambda c: c["vx"] ** 2 + c["vy"] ** 2,
            "px": lambda c: c["m"] * c["vx"] - c["q"] * c["B"] * c["y"],
            "py": lambda c: c["m"] * c["vy"] + c["q"] * c["B"] * c["x"],
        },
        8.0,
    ),
    System(
        "kepler", "x [m], y [m], vx [m/s], vy [m/s]", "", _plane, _kepler,
        {
            "energy": lambda c: (c["vx"] ** 2 + c["vy"] ** 2) / 2 - 1 / np.hypot(c["x"], c["y"]),
            "angular momentum": lambda c: c["x"] * c["vy"] - c["y"] * c["vx"],
            "axis": lambda c: c["vy"] * (c["x"] * c["vy"] - c["y"] * c["vx"])
            - c["x"] / np.hypot(c["x"], c["y"]),
        },
        10.0,
    ),
    System(
        "planet_in_polar_coordinates", "r [m], theta [rad], u [m/s], w [rad/s]", "",
        polar, polar_rates,
        {
            "energy": lambda c: (c["u"] ** 2 + c["r"] ** 2 * c["w"] ** 2) / 2 - 1 / c["r"],
            "angular momentum": lambda c: c["r"] ** 2 * c["w"],
        },
        8.0,
    ),
    System(
        "double_well", "x [m], v [m/s]", "m [kg]",
        lambda rng: {**_uniform(-2, 2, "x", "v")(rng), "m": rng.uniform(0.5, 2)},
        lambda s: (s["v"], (2 * s["x"] - 1.3 * s["x"] ** 3) / s["m"]),
        {"energy": lambda c: c["m"] * c["v"] ** 2 / 2 - c["x"] ** 2 + 1.3 * c["x"] ** 4 / 4}, 8.0,
    ),
    System(
        "bead_on_a_turning_hoop", "theta [rad], omega [rad/s]", "R [m], g [m/s^2], W [rad/s]",
        lambda rng: {
            "theta": rng.uniform(0.3, 2.5), "omega": rng.uniform(-1, 1),
            "R": rng.uniform(0.5, 2), "g": 9.81, "W": rng.uniform(1, 5),
        },
        lambda s: (
            s["omega"],
            (s["W"] ** 2 * np.cos(s["theta"]) - s["g"] / s["R"]) * np.sin(s["theta"]),
        ),
        {
            "Jacobi's": lambda c: c["R"] * c["omega"] ** 2 / 2 - c["g"] * np.cos(c["theta"])
            - c["R"] * c["W"] ** 2 * np.sin(c["theta"]) ** 2 / 2
        },
        6.0,
    ),
    System(
        "relativistic_charge", "p [kg*m/s], x [m]", "m [kg], c [m/s], F [N]",
        lambda rng: {
            "p": rng.uniform(-2, 2), "x": rng.uniform(-1, 1), "c": 1.5,
            **_uniform(0.5, 2, "m", "F")(rng),
        },
        lambda s: (
            s["F"], s["p"] / s["m"] / np.sqrt(1 + (s["p"] / (s["m"] * s["c"])) ** 2)
        ),
        {
            "energy": lambda c: c["c"] * np.hypot(c["m"] * c["c"], c["p"]) - c["F"] * c["x"]
        },
        3.0,
    ),
    System(
        "toda", "q1 [1], q2 [1], q3 [1], p1 [1], p2 [1], p3 [1]", "", _toda, _toda_rates,
        {
            "momentum": lambda c: c["p1"] + c["p2"] + c["p3"],
            "energy": lambda c: sum(
                c[f"p{a}"] ** 2 / 2 + np.exp(c[f"q{a}"] - c[f"q{b}"])
                for a, b in ((1, 2), (2, 3), (3, 1))
            ),
            "third": lambda c: c["p1"] * c["p2"] * c["p3"]
            - sum(
                c[f"p{k}"] * np.exp(c[f"q{a}"] - c[f"q{b}"])
                for a, b, k in ((1, 2, 3), (2, 3, 1), (3, 1, 2))
            ),
        },
        10.0,
    ),
    System(
        "isotropic_oscillator", "x [1], y [1], vx [1], vy [1]", "",
        _uniform(-1, 1, "x", "y", "vx", "vy"),
        lambda s: (s["vx"], s["vy"], -s["x"], -s["y"]),
        {
            "energy of x": lambda c: c["vx"] ** 2 + c["x"] ** 2,
            "energy of y": lambda c: c["vy"] ** 2 + c["y"] ** 2,
            "angular momentum": lambda c: c["x"] * c["vy"] - c["y"] * c["vx"],
        },
        8.0,
    ),
    System(
        "adiabat", "p [Pa], V [m^3]", "",
        lambda rng: {"p": rng.uniform(1e5, 3e5), "V": rng.uniform(1e-3, 3e-3)},
        lambda s: (-5 / 3 * s["p"] * np.cos(3 * s["V"] * 1e3), s["V"] * np.cos(3 * s["V"] * 1e3)),
        {"entropy": lambda c: np.log(c["p"]) + 5 / 3 * np.log(c["V"])}, 2.0,
    ),
    System(
        "damped_oscillator", "x [m], v [m/s]", "m [kg], k [N/m], c [kg/s]", _oscillator,
        lambda s: (s["v"], -s["k"] / s["m"] * s["x"] - s["c"] / s["m"] * s["v"]), {}, 8.0,
    ),
    System(
        "damped_pendulum", "theta [rad], omega [rad/s]", "L [m], g [m/s^2]", _pendulum,
        lambda s: (s["omega"], -s["g"] / s["L"] * np.sin(s["theta"]) - 0.1 * s["omega"]), {}, 6.0,
    ),
    System(
        "van_der_pol", "x [1], v [1]", "", _uniform(-2.5, 2.5, "x", "v"),
        lambda s: (s["v"], (1 - s["x"] ** 2) * s["v"] - s["x"]), {}, 12.0,
    ),
    System(
        "lorenz", "x [1], y [1], z [1]", "", _uniform(-10, 10, "x", "y", "z"),
        lambda s: (
            10 * (s["y"] - s["x"]), s["x"] * (28 - s["z"]) - s["y"],
            s["x"] * s["y"] - 8 / 3 * s["z"],
        ),
        {}, 2.0,
    ),
    System(
        "top_with_friction", "w1 [rad/s], w2 [rad/s], w3 [rad/s]",
        "I1 [kg*m^2], I2 [kg*m^2], I3 [kg*m^2]", top,
        lambda s: tuple(
            rate - k * s[f"w{i}"]
            for i, k, rate in zip((1, 2, 3), (0.1, 0.15, 0.2), top_rates(s), strict=True)
        ),
        {}, 10.0,
    ),
    System(
        "limited_prey", "prey [1], hunters [1]", "a [1/s], b [1/s], c [1/s], d [1/s]", _lotka,
        lambda s: (
            s["prey"] * (s["a"] - s["b"] * s["hunters"] - 0.2 * s["prey"]),
            s["hunters"] * (s["d"] * s["prey"] - s["c"]),
        ),
        {}, 14.0,
    ),
)  # fmt: skip
