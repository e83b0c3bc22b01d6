"""Systems that played no part where the thresholds of `dimgs invariants` were chosen."""

from collections.abc import Mapping

import numpy as np

from case_studies.benchmarks.symmetry.systems import System, polar, polar_rates


def _bob(rng: np.random.Generator) -> dict[str, float]:
    angles = {"theta": rng.uniform(0.5, 2.0), "phi": rng.uniform(0.0, 1.0)}
    return {
        **angles, "u": rng.uniform(-0.5, 0.5), "w": rng.uniform(1.0, 3.0),
        "L": rng.uniform(0.5, 2.0), "g": 9.81,
    }  # fmt: skip


def _bob_rates(s: Mapping[str, float]) -> tuple[float, ...]:
    sine, cosine = np.sin(s["theta"]), np.cos(s["theta"])
    lift = sine * cosine * s["w"] ** 2 - s["g"] / s["L"] * sine
    return s["u"], s["w"], lift, -2.0 * s["u"] * s["w"] * cosine / sine


def _pair(rng: np.random.Generator) -> dict[str, float]:
    names = ("x1", "x2", "v1", "v2")
    first = dict(zip(names, rng.uniform(-1.0, 1.0, 4), strict=True))
    return {**first, "m": rng.uniform(0.5, 2.0), "k": rng.uniform(1.0, 3.0), "c": 0.2}


def _pair_rates(s: Mapping[str, float], friction: float = 0.0) -> tuple[float, ...]:
    between = s["x1"] - s["x2"]
    a, b = (
        (-s["k"] * s[f"x{j}"] - sign * s["k"] * between - friction * s[f"v{j}"]) / s["m"]
        for j, sign in ((1, 1.0), (2, -1.0))
    )
    return s["v1"], s["v2"], a, b


def _in_space(rng: np.random.Generator) -> dict[str, float]:
    """A planet at about its least or largest distance."""
    r, turn = rng.normal(size=(2, 3))
    r *= rng.uniform(0.8, 1.5) / np.linalg.norm(r)
    v = np.cross(r, turn)
    v *= rng.uniform(0.75, 1.1) / np.linalg.norm(v) / np.sqrt(np.linalg.norm(r))
    v += 0.2 * rng.normal(size=3)
    return dict(zip(("x", "y", "z", "vx", "vy", "vz"), [*r, *v], strict=True))


def _in_space_rates(s: Mapping[str, float]) -> tuple[float, ...]:
    cube = (s["x"] ** 2 + s["y"] ** 2 + s["z"] ** 2) ** 1.5
    return s["vx"], s["vy"], s["vz"], *(-s[axis] / cube for axis in "xyz")


FRESH = (
    System(
        "planet_in_space", "x [m], y [m], z [m], vx [m/s], vy [m/s], vz [m/s]", "",
        _in_space, _in_space_rates,
        {
            "energy": lambda c: (c["vx"] ** 2 + c["vy"] ** 2 + c["vz"] ** 2) / 2
            - 1 / np.sqrt(c["x"] ** 2 + c["y"] ** 2 + c["z"] ** 2),
            "momentum about x": lambda c: c["y"] * c["vz"] - c["z"] * c["vy"],
            "momentum about y": lambda c: c["z"] * c["vx"] - c["x"] * c["vz"],
            "momentum about z": lambda c: c["x"] * c["vy"] - c["y"] * c["vx"],
            "axis": lambda c: c["vy"] * (c["x"] * c["vy"] - c["y"] * c["vx"])
            - c["vz"] * (c["z"] * c["vx"] - c["x"] * c["vz"])
            - c["x"] / np.sqrt(c["x"] ** 2 + c["y"] ** 2 + c["z"] ** 2),
        }, 8.0,
    ),
    System(
        "crossed_fields", "x [m], y [m], vx [m/s], vy [m/s]",
        "m [kg], q [C], B [T], E [V/m]",
        lambda rng: {
            **dict(zip(("x", "y", "vx", "vy"), rng.uniform(-1, 1, 4), strict=True)),
            **dict(zip("mqB", rng.uniform(0.5, 2, 3), strict=True)), "E": rng.uniform(0.3, 1),
        },
        lambda s: (
            s["vx"], s["vy"], s["q"] * s["B"] / s["m"] * s["vy"],
            s["q"] * (s["E"] - s["B"] * s["vx"]) / s["m"],
        ),
        {
            "energy": lambda c: c["m"] * (c["vx"] ** 2 + c["vy"] ** 2) / 2
            - c["q"] * c["E"] * c["y"],
            "momentum": lambda c: c["m"] * c["vx"] - c["q"] * c["B"] * c["y"],
        }, 8.0,
    ),
    System(
        "epidemic_of_a_town", "S [1], I [1], R [1]", "beta [1/s], gamma [1/s], N [1]",
        lambda rng: {
            "S": rng.uniform(600, 990), "I": rng.uniform(5, 80), "R": rng.uniform(0, 50),
            "beta": rng.uniform(1, 2), "gamma": rng.uniform(0.3, 0.6), "N": 1000.0,
        },
        lambda s: (
            -s["beta"] * s["S"] * s["I"] / s["N"],
            (s["beta"] * s["S"] / s["N"] - s["gamma"]) * s["I"], s["gamma"] * s["I"],
        ),
        {
            "people": lambda c: c["S"] + c["I"] + c["R"],
            "integral": lambda c: c["R"] * c["beta"] / c["gamma"] / c["N"]
            + np.log(np.maximum(c["S"], 1e-3)),
        }, 14.0,
    ),
    System(
        "predators_of_an_area", "prey [1/m^2], hunters [1/m^2]",
        "a [1/s], b [m^2/s], c [1/s], d [m^2/s]",
        lambda rng: {
            "prey": rng.uniform(80, 160), "hunters": rng.uniform(8, 14),
            "a": rng.uniform(0.7, 1.5), "b": rng.uniform(0.07, 0.15),
            "c": rng.uniform(0.7, 1.5), "d": rng.uniform(0.007, 0.015),
        },
        lambda s: (
            s["prey"] * (s["a"] - s["b"] * s["hunters"]),
            s["hunters"] * (s["d"] * s["prey"] - s["c"]),
        ),
        {
            "integral": lambda c: c["d"] * c["prey"] - c["c"] * np.log(c["prey"])
            + c["b"] * c["hunters"] - c["a"] * np.log(c["hunters"])
        }, 14.0,
    ),
    System(
        "circuit", "Q [C], I [A]", "L [H], C [F]",
        lambda rng: {
            "Q": rng.uniform(1e-6, 1e-5), "I": rng.uniform(-0.1, 0.1),
            "L": rng.uniform(1e-3, 3e-3), "C": rng.uniform(1e-6, 1e-5),
        },
        lambda s: (s["I"], -s["Q"] / s["L"] / s["C"]),
        {"energy": lambda c: c["L"] * c["I"] ** 2 + c["Q"] ** 2 / c["C"]}, 1e-3,
    ),
    System(
        "planet_with_drag", "r [m], theta [rad], u [m/s], w [rad/s]", "",
        polar,
        lambda s: tuple(
            rate - k * s[n]
            for n, k, rate in zip(s, (0, 0, 0.03, 0.03), polar_rates(s), strict=True)
        ),
        {}, 8.0,
    ),
    System(
        "spherical_pendulum", "theta [rad], phi [rad], u [rad/s], w [rad/s]", "L [m], g [m/s^2]",
        _bob, _bob_rates,
        {
            "energy": lambda c: c["L"] * (c["u"] ** 2 + np.sin(c["theta"]) ** 2 * c["w"] ** 2) / 2
            - c["g"] * np.cos(c["theta"]),
            "momentum": lambda c: np.sin(c["theta"]) ** 2 * c["w"],
        }, 4.0,
    ),
    System(
        "three_species", "x [1], y [1], z [1]", "",
        lambda rng: dict(zip("xyz", rng.uniform(0.3, 2.0, 3), strict=True)),
        lambda s: (
            s["x"] * (s["y"] - s["z"]), s["y"] * (s["z"] - s["x"]), s["z"] * (s["x"] - s["y"]),
        ),
        {
            "total": lambda c: c["x"] + c["y"] + c["z"],
            "product": lambda c: c["x"] * c["y"] * c["z"],
        },
    ),
    System(
        "projectile", "x [m], y [m], vx [m/s], vy [m/s]", "g [m/s^2]",
        lambda rng: {
            "x": rng.uniform(0, 1), "y": rng.uniform(0, 1), "vx": rng.uniform(1, 4),
            "vy": rng.uniform(2, 8), "g": 9.81,
        },
        lambda s: (s["vx"], s["vy"], 0.0, -s["g"]),
        {
            "energy": lambda c: c["vy"] ** 2 / 2 + c["g"] * c["y"],
            "third": lambda c: c["vx"] * c["vy"] + c["g"] * c["x"],
        }, 1.5,
    ),
    System(
        "coupled_oscillators", "x1 [m], x2 [m], v1 [m/s], v2 [m/s]", "m [kg], k [N/m]",
        _pair, _pair_rates,
        {
            "together": lambda c: c["m"] * (c["v1"] + c["v2"]) ** 2
            + c["k"] * (c["x1"] + c["x2"]) ** 2,
            "against": lambda c: c["m"] * (c["v1"] - c["v2"]) ** 2
            + 3 * c["k"] * (c["x1"] - c["x2"]) ** 2,
        },
    ),
    System(
        "reaction", "a [mol/m^3], b [mol/m^3], c [mol/m^3]", "k [m^3/mol/s], r [1/s]",
        lambda rng: {
            "a": rng.uniform(1, 3), "b": rng.uniform(1, 3), "c": rng.uniform(0, 1),
            "k": rng.uniform(0.3, 1.0), "r": rng.uniform(0.1, 0.5),
        },
        lambda s: tuple(
            sign * (s["k"] * s["a"] * s["b"] - s["r"] * s["c"]) for sign in (-1.0, -1.0, 1.0)
        ),
        {"first": lambda c: c["a"] + c["c"], "second": lambda c: c["b"] + c["c"]}, 4.0,
    ),
    System(
        "relativistic_spring", "x [1], p [1]", "",
        lambda rng: {"x": rng.uniform(-2, 2), "p": rng.uniform(-2, 2)},
        lambda s: (s["p"] / np.sqrt(1 + s["p"] ** 2), -s["x"]),
        {"energy": lambda c: np.sqrt(1 + c["p"] ** 2) + c["x"] ** 2 / 2},
    ),
    System(
        "coupled_with_friction", "x1 [m], x2 [m], v1 [m/s], v2 [m/s]", "m [kg], k [N/m]",
        _pair, lambda s: _pair_rates(s, friction=0.2), {},
    ),
    System(
        "dragged_fall", "y [m], v [m/s]", "g [m/s^2], b [1/m]",
        lambda rng: {
            "y": rng.uniform(0, 1), "v": rng.uniform(5, 10), "g": 9.81, "b": rng.uniform(0.05, 0.2),
        },
        lambda s: (s["v"], -s["g"] - s["b"] * s["v"] * abs(s["v"])), {}, 2.0,
    ),
    System(
        "chaos_of_roessler", "x [1], y [1], z [1]", "",
        lambda rng: dict(zip("xyz", rng.uniform(-2.0, 2.0, 3), strict=True)),
        lambda s: (-s["y"] - s["z"], s["x"] + 0.2 * s["y"], 0.2 + s["z"] * (s["x"] - 5.7)),
        {}, 15.0,
    ),
)  # fmt: skip
