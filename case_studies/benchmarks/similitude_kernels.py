"""Four kernels to judge similitude by: migration, chains, a projectile and a pipe.

Each has a range of its inputs, and where it holds a constant with a dimension, its card tells it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dimgs.kernels.base import BaseKernel, Port, Simulated, Tier
from dimgs.kernels.diffusion import DiffusionSeries

_BOLTZMANN = 1.380649e-23
_GRAVITY = 9.80665
# random chains of one run: errors of some per cent
_CHAINS = 256
# of the flight: the error of the range is below 1e-6
_STEPS = 400


class Chains(BaseKernel):
    """Extension of freely jointed chains that a force pulls, by sampling; k_B is inside."""

    name, version, stochastic = "pulled-chains", "1", True
    inputs = (
        Port("b", "nm", low=1e-9, high=1e9),
        Port("n", "1", low=1.0, high=1e6),
        Port("f", "pN", low=1e-12, high=1e12),
        Port("T", "K", low=1e-3, high=1e6),
    )
    outputs = (Port("x", "nm"),)
    tiers = (Tier("only", 0.01),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Simulated:
        pull = values["f"] * 1e-12 * values["b"] * 1e-9 / (_BOLTZMANN * values["T"])
        n = math.ceil(values["n"])
        u = np.random.default_rng(seed).uniform(size=(_CHAINS, n))
        # inverse of the distribution of the cosine of a bond's angle
        cosine = 1.0 + np.log(u + (1.0 - u) * np.exp(-2.0 * pull)) / pull
        # of the last bond, the part that is left
        part = np.append(np.ones(n - 1), values["n"] - (n - 1))
        along = cosine @ part * values["b"]
        return Simulated({"x": along.mean()}, {"x": along.std(ddof=1) / math.sqrt(_CHAINS)})


class Projectile(BaseKernel):
    """Range of a ball thrown in air with quadratic drag; g is inside."""

    name, version = "projectile", "1"
    inputs = (
        Port("v", "m/s", low=1e-6, high=1e6),
        Port("angle", "degree", low=1.0, high=89.0),
        Port("m", "g", low=1e-12, high=1e12),
        Port("rho", "kg/m^3", low=1e-12, high=1e12),
        Port("S", "cm^2", low=1e-12, high=1e12),
    )
    outputs = (Port("R", "m"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, float]:
        v, angle = values["v"], math.radians(values["angle"])
        # in units of v, v/g: the drag over the weight at the start is left
        drag = 0.5 * values["rho"] * values["S"] * 1e-4 * v**2 / (values["m"] * 1e-3 * _GRAVITY)
        state = np.array([0.0, 0.0, math.cos(angle), math.sin(angle)])
        step = 2.0 * math.sin(angle) / (1.0 + drag**0.5) / _STEPS

        def rate(s: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, Any]:
            speed = math.hypot(s[2], s[3])
            return np.array([s[2], s[3], -drag * speed * s[2], -1.0 - drag * speed * s[3]])

        before = state
        while state[1] > 0 or state[3] > 0:
            before = state
            a = rate(state)
            b = rate(state + step / 2 * a)
            c = rate(state + step / 2 * b)
            d = rate(state + step * c)
            state = state + step / 6 * (a + 2 * b + 2 * c + d)
        # where the last step crosses the ground, by the cubic through both ends
        share = before[1] / (before[1] - state[1])
        for _ in range(20):
            t = share * step
            height = before[1] + t * before[3] + t**2 / 2 * rate(before)[3]
            share = min(max(share - height / ((before[3] + t * rate(before)[3]) * step), 0.0), 1.0)
        t = share * step
        reach = before[0] + t * before[2] + t**2 / 2 * rate(before)[2]
        return {"R": float(reach) * v**2 / _GRAVITY}


class Pipe(BaseKernel):
    """Pressure drop of a rough pipe, laminar to turbulent, by Churchill's equation of 1977."""

    name, version = "rough-pipe", "1"
    inputs: tuple[Port, ...] = (
        Port("U", "m/s", low=1e-9, high=1e9),
        Port("D", "mm", low=1e-9, high=1e12),
        Port("L", "m", low=1e-9, high=1e9),
        Port("rho", "kg/m^3", low=1e-12, high=1e12),
        Port("mu", "mPa*s", low=1e-9, high=1e12),
        Port("k", "um", low=1e-9, high=1e12),
    )
    outputs = (Port("dp", "Pa"),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, float]:
        d = values["D"] * 1e-3
        re = values["rho"] * values["U"] * d / (values["mu"] * 1e-3)
        rough = (2.457 * math.log(1.0 / ((7.0 / re) ** 0.9 + 0.27e-6 * values["k"] / d))) ** 16
        f = 8.0 * ((8.0 / re) ** 12 + (rough + (37530.0 / re) ** 16) ** -1.5) ** (1.0 / 12.0)
        return {"dp": f * values["L"] / d * values["rho"] * values["U"] ** 2 / 2.0}


@dataclass(frozen=True)
class Case:
    """A kernel, its target, and the ranges of its runs in the units of the ports."""

    kernel: BaseKernel
    target: str
    ranges: Mapping[str, tuple[float, float]]
    constants: Mapping[str, Any] = field(default_factory=dict)


CASES = (
    Case(
        DiffusionSeries(),
        "CF",
        {
            "D": (1e-15, 1e-12),
            "l": (3e-5, 3e-4),
            "t": (3e4, 3e6),
            "K": (0.1, 100.0),
            "h": (1e-9, 1e-6),
            "C0": (1.0, 10.0),
            "A": (0.03, 0.1),
            "V": (5e-4, 2e-3),
        },
    ),
    Case(
        Chains(),
        "x",
        {"b": (0.3, 2.0), "n": (10.0, 300.0), "f": (3.0, 100.0), "T": (200.0, 500.0)},
        {"k_B": {"value": _BOLTZMANN, "unit": "J/K"}},
    ),
    Case(
        Projectile(),
        "R",
        {
            "v": (3.0, 100.0),
            "angle": (10.0, 80.0),
            "m": (1.0, 1000.0),
            "rho": (0.5, 2.0),
            "S": (1.0, 100.0),
        },
        {"g": {"value": _GRAVITY, "unit": "m/s^2"}},
    ),
    Case(
        Pipe(),
        "dp",
        {
            "U": (0.05, 5.0),
            "D": (2.0, 200.0),
            "L": (1.0, 100.0),
            "rho": (700.0, 1300.0),
            "mu": (0.3, 100.0),
            "k": (1.0, 300.0),
        },
    ),
)
