"""Kernels whose laws, borders and noise are known, to judge what campaigns claim of them.

The logarithm of the output is one affine function of the inputs' logarithms, or several that are
joined: summed ("sum", "harmonic", of a sharpness), the larger or smaller one ("max", "min", which
are sharp), or divided by a monomial's value ("jump").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, log, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dimgs.campaign import Budget, Plan, Range, Tolerance
from dimgs.common.errors import RunDivergedError
from dimgs.kernels.base import BaseKernel, Port, Simulated, Tier
from dimgs.kernels.record import Curve

Array = NDArray[np.float64]
Powers = Mapping[str, float]


@dataclass(frozen=True)
class Coarse:
    """A coarse tier: what it costs, and how its answer differs from the fine one.

    Attributes
    ----------
    cost : float
        Of a run, over that of a fine one.
    bias : float
        Of the logarithm.
    powers : mapping of str to float
        Exponents of the ratio of the answers.
    shift : float
        Of the logarithm of the value at which laws change over.
    useless : float
        Amplitude of a difference that follows no law at all.
    """

    cost: float = 0.02
    bias: float = 0.05
    powers: Powers = field(default_factory=dict)
    shift: float = 0.0
    useless: float = 0.0


@dataclass(frozen=True)
class Case:
    """A kernel with a known answer, and what is asked about it.

    Attributes
    ----------
    name : str
    inputs : mapping of str to (unit, low, high)
    unit : str
        Of the output.
    laws : sequence of (constant, exponents)
        Logarithm of the prefactor in SI units, and exponents of the inputs.
    join : str
    at : (exponents, value), optional
        Monomial and value at which laws jump.
    sharpness : float
    noise : float
        Standard deviation of the logarithm.
    seeded : bool
        Whether the kernel takes its seed; one that does not gives other answers all the same.
    bound : (exponents, value), optional
        Monomial above which there is no answer.
    whole : sequence of str
        Inputs that are whole numbers.
    coarse : Coarse, optional
    budget : int
    tolerance : float
    target : str or tuple of str
        "y"; "w", seven times as much; or "decay_half", of a curve that falls in the time y.
    bend : float
        Of the logarithm over the square of that of the product of all inputs: no law then.
    """

    name: str
    inputs: Mapping[str, tuple[str, float, float]]
    unit: str
    laws: Sequence[tuple[float, Powers]]
    join: str = "one"
    at: tuple[Powers, float] | None = None
    sharpness: float = 1.0
    noise: float = 0.0
    seeded: bool = True
    bound: tuple[Powers, float] | None = None
    whole: Sequence[str] = ()
    coarse: Coarse | None = None
    budget: int = 200
    tolerance: float = 0.02
    target: str | tuple[str, ...] = "y"
    bend: float = 0.0

    def law(self, k: int, logs: Array) -> Array:
        """Logarithm of one of the laws at logarithms of the inputs, shape (n, n_inputs)."""
        constant, powers = self.laws[k]
        return np.asarray(constant + logs @ self._row(powers))

    def value(self, logs: Array, coarse: bool = False) -> Array:
        """Logarithm of the output without noise."""
        own = self.coarse if coarse else None
        shift = own.shift if own else 0.0
        table = np.stack([self.law(k, logs) for k in range(len(self.laws))])
        table[1:] += shift
        s = self.sharpness
        if self.join == "sum":
            y = np.logaddexp.reduce(s * table) / s
        elif self.join == "harmonic":
            y = -np.logaddexp.reduce(-s * table) / s
        elif self.join in ("max", "min"):
            y = getattr(table, self.join)(axis=0)
        elif self.join == "plateau":
            # a fall to the second law, and a rise to the third
            y = np.maximum(np.minimum(table[0], table[1]), table[2])
        elif self.at is not None:
            y = np.where(logs @ self._row(self.at[0]) + shift < log(self.at[1]), *table)
        else:
            y = table[0]
        if own:
            y = y + own.bias + logs @ self._row(own.powers)
            y = y + own.useless * np.sin(3.0 * logs.sum(axis=1))
        return np.asarray(y + self.bend * logs.sum(axis=1) ** 2)

    def beyond(self, logs: Array) -> Array:
        """How far past the border of the first two laws points lie, in its logarithm."""
        if self.at is not None:
            return np.asarray(logs @ self._row(self.at[0]) - log(self.at[1]))
        return self.law(1, logs) - self.law(0, logs)

    def answers(self, logs: Array) -> NDArray[np.bool_]:
        """Whether there is an answer."""
        if self.bound is None:
            return np.ones(len(logs), dtype=np.bool_)
        return np.asarray(logs @ self._row(self.bound[0]) < log(self.bound[1]))

    def _row(self, powers: Powers) -> Array:
        return np.array([powers.get(n, 0.0) for n in self.inputs])

    def plan(self, seed: int, **more: Any) -> Plan:
        """What is asked of a campaign."""
        given: dict[str, Any] = {
            "kernel": CaseKernel(self),
            "target": self.target,
            "ranges": {
                n: Range(low, high, integer=n in self.whole)
                for n, (_, low, high) in self.inputs.items()
                if high > low
            },
            "fixed": {n: (a, None) for n, (_, a, b) in self.inputs.items() if a == b},
            "budget": Budget(runs=self.budget),
            "tolerance": Tolerance(exponents=self.tolerance),
            "seed": seed,
            "report": "none",
        }
        return Plan(**(given | more))


class CaseKernel(BaseKernel):
    """A case as a kernel; what noise there is depends on the seed, or on the number of the run."""

    version = "1"

    def __init__(self, case: Case) -> None:
        self.case = case
        self.name = case.name.replace(" ", "-").replace(",", "")
        self.inputs = tuple(Port(n, unit) for n, (unit, _, _) in case.inputs.items())
        self.outputs = (Port("y", case.unit), Port("w", case.unit), Port("decay_half", case.unit))
        if case.coarse:
            self.tiers = (Tier("coarse", case.coarse.cost, {"c": 1}), Tier("fine", 1.0, {"c": 0}))
        self.stochastic = case.noise > 0 and case.seeded
        self._rng = np.random.default_rng(0)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        case = self.case
        logs = np.log([[values[n] for n in case.inputs]])
        if not case.answers(logs)[0]:
            raise RunDivergedError("The solution does not converge.")
        rng = np.random.default_rng(seed) if self.stochastic else self._rng
        y = float(case.value(logs, bool(settings.get("c")))[0])
        y += case.noise * float(rng.standard_normal()) if case.noise else 0.0
        time = exp(y) * np.linspace(0.0, 20.0, 401)
        decay = Curve("t", time, np.exp(-time / exp(y)), case.unit, "1")
        return Simulated({"y": exp(y), "w": 7.0 * exp(y)}, curves={"decay": decay})


AIR = {"rho": ("kg/m^3", 1.2, 1.2), "nu": ("m^2/s", 1e-5, 1e-5)}
FLOW = {"U": ("m/s", 0.01, 100.0), "d": ("m", 0.01, 1.0)}
DRAG = {"rho": 1.0, "U": 2.0, "d": 2.0}
RE = {"U": 1.0, "d": 1.0, "nu": -1.0}
SQUARE = {"a": ("1", 1e-3, 1e3), "b": ("1", 1e-3, 1e3)}
CUBE = {**SQUARE, "c": ("1", 1e-2, 1e2)}


def _single(p: int) -> Case:
    rng = np.random.default_rng(p)
    names = "abcdef"[:p]
    powers = {n: float(rng.choice([-2, -1.5, -1, -0.5, 0.0, 0.5, 1, 2])) for n in names}
    inputs = {n: ("1", 0.1, 10.0 ** float(rng.integers(0, 3))) for n in names}
    return Case(f"single, {p} groups", inputs, "1", [(log(3.0), powers)])


STOKES = Case(
    "Stokes' drag",
    {"mu": ("Pa*s", 1e-3, 1.0), "U": ("m/s", 1e-4, 1e-2), "d": ("m", 1e-4, 1e-2),
     "rho": ("kg/m^3", 800.0, 1200.0)},
    "N",
    [(log(3 * pi), {"mu": 1.0, "U": 1.0, "d": 1.0})],
)  # fmt: skip
BEAM = Case(
    "cantilever",
    {"E": ("Pa", 1e9, 1e11), "F": ("N", 1.0, 100.0), "L": ("m", 1.0, 10.0),
     "b": ("m", 0.01, 0.1), "h": ("m", 0.01, 0.1)},
    "m",
    [(log(4.0), {"F": 1.0, "L": 3.0, "E": -1.0, "b": -1.0, "h": -3.0})],
)  # fmt: skip
CRISIS = Case(
    "drag crisis", {**FLOW, **AIR}, "N",
    [(log(0.47 * pi / 8), DRAG), (log(0.1 * pi / 8), DRAG)], "jump", (RE, 3e5),
)  # fmt: skip
UPTAKE = Case(
    "uptake",
    {"k": ("1/s", 1e-6, 1.0), "t": ("s", 1e-2, 1e5), "c": ("kg/m^3", 2.0, 2.0)},
    "kg/m^3",
    [(0.0, {"c": 1.0, "k": 1.0, "t": 1.0}), (0.0, {"c": 1.0})],
    "harmonic",
)
TWO = Case(
    "two in two groups", SQUARE, "1",
    [(0.0, {"a": 1.0, "b": -0.5}), (1.0, {"b": 1.0})], "sum",
)  # fmt: skip
NOISY = Case("noise 3 %", SQUARE, "1", [(log(2.0), {"a": 1.5, "b": -1.0})], noise=0.03)

CASES: tuple[Case, ...] = (
    *(_single(p) for p in range(1, 7)),
    STOKES,
    BEAM,
    replace(BEAM, name="cantilever, equal shapes", inputs={**BEAM.inputs, "b": ("m", 0.05, 0.05)}),
    Case("one constant", {"g": ("m/s^2", 1.0, 20.0), "l": ("m", 0.1, 10.0)}, "s",
         [(log(2 * pi), {"g": -0.5, "l": 0.5})]),
    CRISIS,
    replace(CRISIS, name="small step", laws=[(log(0.5), DRAG), (log(0.4), DRAG)], at=(RE, 1e4)),
    Case("jump in two groups", SQUARE, "1",
         [(0.0, {"a": 1.0}), (1.0, {"a": 1.0})], "jump", ({"b": 1.0}, 30.0)),
    Case("jump, other exponents", {**FLOW, **AIR}, "N",
         [(log(24.0), {"rho": 1.0, "nu": 1.0, "U": 1.0, "d": 1.0}), (log(0.4), DRAG)],
         "jump", (RE, 2e3)),
    UPTAKE,
    replace(UPTAKE, name="uptake, sharp", join="min"),
    replace(UPTAKE, name="uptake, smooth", sharpness=0.6),
    TWO,
    replace(TWO, name="two in two, sharp", join="max"),
    Case("two in three groups", CUBE, "1",
         [(0.0, {"a": 1.0, "b": -0.5, "c": 1.0}), (1.0, {"b": 1.0, "c": 0.5})], "harmonic", None,
         2.0),
    Case("three in a row", {"a": ("1", 1e-8, 1e8)}, "1",
         [(0.0, {"a": 1.0}), (-2.0, {}), (-16.0, {"a": 2.0})], "plateau"),
    Case("three in series", dict.fromkeys("abc", ("1", 0.0001, 10000.0)), "1",
         [(0.0, {"a": 1.0}), (0.0, {"b": 1.0}), (0.0, {"c": 1.0})], "harmonic"),
    replace(UPTAKE, name="good coarse", coarse=Coarse()),
    replace(TWO, name="tilted coarse", coarse=Coarse(bias=0.1, powers={"a": 0.02})),
    replace(UPTAKE, name="shifted coarse", coarse=Coarse(shift=log(10.0))),
    replace(STOKES, name="useless coarse", coarse=Coarse(useless=0.5)),
    replace(STOKES, name="dear coarse", coarse=Coarse(cost=0.7)),
    NOISY,
    replace(NOISY, name="noise 10 %, one group", noise=0.1, inputs={"a": ("1", 1e-3, 1e3)},
            laws=[(0.0, {"a": 1.5})]),
    replace(NOISY, name="noise 5 %, no seed", noise=0.05, seeded=False),
    replace(CRISIS, name="crisis, noise 3 %", noise=0.03),
    replace(STOKES, name="infeasible", bound=({"rho": 1.0, "U": 1.0, "d": 1.0, "mu": -1.0}, 1.0)),
    replace(NOISY, name="infeasible corner", noise=0.0, bound=({"a": 1.0, "b": 1.0}, 1e3)),
    Case("whole numbers", {"n": ("1", 2.0, 40.0), "x": ("1", 0.1, 10.0)}, "1",
         [(0.0, {"n": 2.0, "x": -1.0})], whole=("n",)),
    replace(TWO, name="two outputs", target=("y", "w")),
    Case("a curve", {"c": ("J/K", 1.0, 100.0), "G": ("W/K", 0.01, 10.0), "x": ("1", 0.1, 10.0)},
         "s", [(0.0, {"c": 1.0, "G": -1.0, "x": 0.5})], target="decay_half"),
    Case("no law", {"x": ("1", 0.1, 10.0)}, "1", [(0.0, {"x": 1.0})], bend=0.1),
)  # fmt: skip


def drawn(seed: int) -> Case:
    """A kernel drawn at random: laws, crossovers or steps, noise, tiers, domain."""
    rng = np.random.default_rng(seed)
    rank, n_laws = int(rng.integers(1, 4)), int(rng.choice([1, 2, 2, 2, 3]))
    reach = 10.0 ** (rng.uniform(1.0, 3.0, rank) * (1.0 if n_laws == 1 else 1.5))
    inputs = {n: ("1", 1.0 / float(r), float(r)) for n, r in zip("abc", reach, strict=False)}
    offer = [-2, -1.5, -1, -2 / 3, -0.5, 0, 0, 1 / 3, 0.5, 1, 1.5, 2, 3]
    laws = [
        (float(rng.uniform(-2, 2)), {n: float(rng.choice(offer)) for n in inputs})
        for _ in range(n_laws)
    ]
    join = str(rng.choice(["sum", "harmonic", "max", "min", "jump"])) if n_laws > 1 else "one"
    at = None
    if join == "jump":
        first = {n: float(rng.choice([0, 1, 1, -1])) for n in inputs}
        first["a"] = 1.0
        at, laws = (first, float(np.exp(rng.uniform(-1.5, 1.5)))), laws[:2]
        if rng.random() < 0.5:
            laws[1] = (laws[0][0] + float(rng.choice([-1, 1]) * rng.uniform(0.2, 2.0)), laws[0][1])
    bound = None
    if rng.random() < 0.15:
        bound = ({n: float(rng.choice([1, -1])) for n in inputs}, float(rng.uniform(1.0, 30.0)))
    noise = float(rng.choice([0.0, 0.0, 0.0, 0.02, 0.05]))
    coarse = None
    if rng.random() < 0.3:
        kind = int(rng.integers(4))
        coarse = Coarse(
            bias=float(rng.uniform(-0.2, 0.2)),
            powers={"a": float(rng.uniform(-0.03, 0.03))} if kind == 1 else {},
            shift=float(rng.uniform(-2.3, 2.3)) if kind == 2 else 0.0,
            useless=float(rng.uniform(0.1, 0.5)) if kind == 3 else 0.0,
        )
    return Case(
        f"drawn {seed}",
        inputs,
        "1",
        laws,
        join,
        at,
        float(rng.choice([0.6, 1.0, 1.0, 2.0])),
        noise,
        bool(rng.random() < 0.7),
        bound,
        coarse=coarse,
        budget=150,
        tolerance=0.02 if noise < 0.03 else 0.04,
    )


__all__ = ["CASES", "Array", "Case", "CaseKernel", "Coarse", "drawn"]
