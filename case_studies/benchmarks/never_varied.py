"""Answers where a campaign held inputs constant: is anything wrong said with confidence?

``python -m case_studies.benchmarks.never_varied`` makes a campaign of each of some twenty
deterministic kernels, which holds some of their inputs, and keeps it in a hub; with ``--cards`` it
checks the card of the kernel there. Then it asks ``dimgs.ask``, and every law of the hub by itself,
1,000 questions that change held inputs by factors of 0.2 to 100, singly and together, 500 questions
inside the ranges, and 200 in other sizes, where the units alone settle the answer. ``--out FILE``
keeps every answer as JSON; ``--against FILE`` compares intervals inside with an earlier one;
``--cases`` takes some kernels, ``--share`` a part of the questions.

An answer is wrong where the truth misses its interval by more than half of its width (twice its
half-width from the value). A law by itself counts where it says neither that it is not confirmed
nor that the point is outside.
"""

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil, cos, exp, pi, sqrt, tanh
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from dimgs.ask import ask
from dimgs.campaign import Budget, Plan, Range, Tolerance, run_campaign
from dimgs.hub import Hub, RunStore
from dimgs.hub.cards import check_card
from dimgs.hub.entry import MET
from dimgs.hub.hub import keep_campaign
from dimgs.kernels.base import BaseKernel, Port, Simulated
from dimgs.kernels.registry import load_kernel
from dimgs.law.law import Law

PARTS = {"outside": 1000, "inside": 500, "settled": 200}
_FACTORS = (0.2, 100.0)
# decades: a smaller change of a held input is none that a question would be about
_LEAST = 0.1
# relative: kernels and hubs write twelve digits, and what agrees to six is not missed
_DIGITS = 1e-6
_TOLERANCE = 0.1
# of other sizes, each way
_SIZE = 3.0
_R, _K_B, _G = 8.314462618, 1.380649e-23, 9.80665


@dataclass(frozen=True)
class Case:
    """A kernel, the inputs that its campaign varies, and those that it holds.

    Attributes
    ----------
    name : str
    inputs : mapping of str to str
        Units, in SI.
    unit : str
        Of the target.
    function : callable
    varied : mapping of str to (float, float)
    held : mapping of str to (float or str)
    constants : tuple of str
        That the plan declares.
    hidden : bool
        Whether the kernel hides a constant with a dimension, so that units settle nothing.
    law : bool
        Whether one law is asked of the campaign, in place of exponents.
    limits : mapping of str to (float, float)
        Beyond which the kernel refuses held inputs.
    runs : int
        Of its campaign.
    share : float
        Part of the questions that is asked: the truth of each is another run.
    """

    name: str
    inputs: Mapping[str, str]
    unit: str
    function: Callable[..., float]
    varied: Mapping[str, tuple[float, float]]
    held: Mapping[str, float | str]
    constants: tuple[str, ...] = ()
    hidden: bool = False
    law: bool = False
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    runs: int = 40
    share: float = 1.0

    def plan(self) -> Plan:
        """What is asked of the campaign."""
        tolerance = Tolerance(law=0.9) if self.law else Tolerance(exponents=0.02)
        units = self.inputs
        return Plan(
            CaseKernel(self), "y", {n: Range(a, b, units[n]) for n, (a, b) in self.varied.items()},
            Budget(runs=self.runs), tolerance,
            {n: (v, None if isinstance(v, str) else units[n]) for n, v in self.held.items()},
            constants=self.constants,
        )  # fmt: skip


class CaseKernel(BaseKernel):
    """A case as a kernel."""

    def __init__(self, case: Case) -> None:
        self.case, self.name, self.version = case, case.name, "1"
        self.inputs = tuple(Port(n, unit) for n, unit in case.inputs.items())
        self.outputs = (Port("y", case.unit),)

    def _simulate(
        self, values: Mapping[str, Any], settings: Mapping[str, Any], seed: int | None
    ) -> Mapping[str, Any] | Simulated:
        return {"y": self.case.function(**values)}


def _film(D: float, l: float, t: float, K: float) -> float:
    """Share that a film has given to a bath that takes 1/K of it, where little has left."""
    uptake = 1.0 - sum(
        8 / ((2 * n + 1) * pi) ** 2 * exp(-(((2 * n + 1) * pi / 2) ** 2) * D * t / l**2)
        for n in range(400)
    )
    return uptake / (1.0 + K)


def _drag(rho: float, mu: float, U: float, d: float, phi: float) -> float:
    re = rho * U * d / mu
    return float(24 / re * (1 + 0.15 * re**0.687) / phi * rho * U**2 * pi * d**2 / 8)


def _rough(rho: float, mu: float, U: float, D: float, eps: float) -> float:
    re = rho * U * D / mu
    f = (-1.8 * np.log10((eps / D / 3.7) ** 1.11 + 6.9 / re)) ** -2
    return float(f * rho * U**2 / 8)


_W = {"F": "N", "L": "m", "E": "Pa", "I": "m^4"}
CASES: tuple[Case, ...] = (
    Case("film", {"D": "m^2/s", "l": "m", "t": "s", "K": "1"}, "1", _film,
         {"D": (1e-15, 1e-14), "l": (1e-4, 3e-4), "t": (1e4, 1e5)}, {"K": 10.0}),
    Case("film concentration",
         {"D": "m^2/s", "l": "m", "t": "s", "C0": "mg/kg", "rho": "kg/m^3"}, "kg/m^2",
         lambda D, l, t, C0, rho: 2 * C0 * 1e-6 * rho * sqrt(D * t / pi) * tanh(l / sqrt(D * t)),
         {"D": (1e-15, 1e-14), "t": (1e3, 1e5), "rho": (800, 1200)}, {"C0": 100.0, "l": 1e-3}),
    Case("two layers", {"D1": "m^2/s", "l1": "m", "D2": "m^2/s", "l2": "m", "C": "kg/m^3"},
         "kg/(m^2*s)", lambda D1, l1, D2, l2, C: C / (l1 / D1 + l2 / D2),
         {"D1": (1e-13, 1e-11), "l1": (1e-5, 1e-3), "C": (1, 10)}, {"D2": 1e-12, "l2": 1e-4},
         law=True),
    Case("three layers",
         {**dict.fromkeys(("D1", "D2", "D3"), "m^2/s"), **dict.fromkeys(("l1", "l2", "l3"), "m"),
          "C": "kg/m^3"},
         "kg/(m^2*s)",
         lambda D1, l1, D2, l2, D3, l3, C: C / (l1 / D1 + l2 / D2 + l3 / D3),
         {"D1": (1e-14, 1e-11), "C": (1, 10)},
         {"l1": 1e-4, "D2": 1e-12, "l2": 1e-4, "D3": 1e-13, "l3": 1e-5}, law=True),
    Case("layer with a partition", {"D": "m^2/s", "l": "m", "S": "1", "C": "kg/m^3", "h": "m/s"},
         "kg/(m^2*s)", lambda D, l, S, C, h: C / (l / (D * S) + 1 / h),
         {"D": (1e-14, 1e-12), "l": (1e-5, 1e-4), "C": (1, 10)}, {"S": 0.5, "h": 1e-7}, law=True),
    Case("Arrhenius in time", {"k0": "1/s", "E": "kJ/mol", "T": "K", "c0": "mol/m^3"},
         "mol/(m^3*s)", lambda k0, E, T, c0: k0 * exp(-E * 1e3 / (_R * T)) * c0,
         {"k0": (1e6, 1e9), "c0": (1, 100)}, {"E": 50.0, "T": 350.0}, hidden=True),
    Case("Arrhenius with R", {"k0": "1/s", "E": "J/mol", "T": "K", "t": "s"}, "1",
         lambda k0, E, T, t: (lambda x: x / (1 + x))(k0 * t * exp(-E / (_R * T))),
         {"k0": (1e4, 1e6), "t": (1, 100)}, {"E": 4e4, "T": 350.0}, constants=("R",), law=True),
    Case("Arrhenius diffusivity", {"D0": "m^2/s", "E": "kJ/mol", "T": "K", "l": "m"}, "s",
         lambda D0, E, T, l: l**2 / (6 * D0) * exp(min(E * 1e3 / (_R * T), 600.0)),
         {"D0": (1e-6, 1e-4), "l": (1e-5, 1e-3)}, {"E": 60.0, "T": 320.0}, hidden=True),
    Case("cantilever", _W, "m", lambda F, L, E, I: F * L**3 / (3 * E * I),
         {"F": (10, 1000), "L": (0.5, 5)}, {"E": 2e11, "I": 1e-6}),
    Case("sheared beam", {**_W, "nu": "1", "A": "m^2"}, "m",
         lambda F, L, E, I, nu, A: F * L**3 / (3 * E * I) + F * L * 2 * (1 + nu) * 1.2 / (E * A),
         {"F": (10, 1000), "L": (0.1, 2)}, {"E": 2e11, "I": 1e-6, "nu": 0.3, "A": 3e-3}, law=True),
    Case("buckling", {"E": "Pa", "I": "m^4", "L": "m", "k": "1"}, "N",
         lambda E, I, L, k: pi**2 * E * I / (k * L) ** 2,
         {"E": (1e9, 1e11), "L": (0.5, 5)}, {"I": 1e-7, "k": 1.0}),
    Case("drag of a sphere",
         {"rho": "kg/m^3", "mu": "Pa*s", "U": "m/s", "d": "m", "phi": "1"}, "N", _drag,
         {"U": (0.01, 1), "d": (1e-3, 1e-2)}, {"rho": 1000.0, "mu": 1e-3, "phi": 0.9}, law=True),
    Case("creeping drag", {"mu": "Pa*s", "U": "m/s", "d": "m", "K": "1"}, "N",
         lambda mu, U, d, K: 3 * pi * mu * U * d * (1 + 2.1 * K),
         {"U": (1e-4, 1e-2), "d": (1e-4, 1e-2), "mu": (0.1, 10)}, {"K": 0.05}),
    Case("rough pipe", {"rho": "kg/m^3", "mu": "Pa*s", "U": "m/s", "D": "m", "eps": "m"}, "Pa",
         _rough, {"U": (0.5, 5), "D": (0.05, 0.5)}, {"rho": 1000.0, "mu": 1e-3, "eps": 1e-4}),
    Case("orifice", {"A": "m^2", "rho": "kg/m^3", "dp": "Pa", "Cd": "1"}, "m^3/s",
         lambda A, rho, dp, Cd: Cd * A * sqrt(2 * dp / rho),
         {"A": (1e-4, 1e-2), "dp": (1e3, 1e5)}, {"rho": 1000.0, "Cd": 0.6}),
    Case("charging", {"V0": "V", "R": "ohm", "C": "F", "t": "s"}, "V",
         lambda V0, R, C, t: V0 * (1 - exp(-t / (R * C))),
         {"V0": (1, 100), "t": (1e-4, 1e-2)}, {"R": 1e3, "C": 1e-6}, law=True),
    Case("resonant circuit", {"R": "ohm", "L": "H", "C": "F", "w": "1/s"}, "ohm",
         lambda R, L, C, w: sqrt(R**2 + (w * L - 1 / (w * C)) ** 2),
         {"R": (10, 1000), "w": (1e3, 1e5)}, {"L": 1e-2, "C": 1e-7}, law=True),
    Case("divider", {"V": "V", "R1": "ohm", "R2": "ohm", "gain": "1"}, "V",
         lambda V, R1, R2, gain: gain * V * R2 / (R1 + R2),
         {"V": (1, 100), "R1": (100, 1e4)}, {"R2": 1e3, "gain": 5.0}, law=True),
    Case("diode", {"Is": "A", "V": "V", "VT": "V", "n": "1"}, "A",
         lambda Is, V, VT, n: Is * exp(min(V / (n * VT), 600.0)),
         {"Is": (1e-14, 1e-12), "V": (0.2, 0.5)}, {"VT": 0.026, "n": 1.5}, law=True),
    Case("fin", {"h": "W/(m^2*K)", "P": "m", "k": "W/(m*K)", "A": "m^2", "L": "m", "dT": "K"},
         "W", lambda h, P, k, A, L, dT: sqrt(h * P * k * A) * dT * tanh(L * sqrt(h * P / (k * A))),
         {"h": (5, 500), "L": (0.01, 0.5)}, {"P": 0.04, "k": 200.0, "A": 1e-4, "dT": 50.0}),
    Case("wall", {"k1": "W/(m*K)", "d1": "m", "k2": "W/(m*K)", "d2": "m", "dT": "K"}, "W/m^2",
         lambda k1, d1, k2, d2, dT: dT / (d1 / k1 + d2 / k2),
         {"k1": (0.1, 10), "d1": (0.05, 0.5), "dT": (5, 50)}, {"k2": 0.04, "d2": 0.1}, law=True),
    Case("pendulum", {"L": "m", "g": "m/s^2", "theta": "rad", "m": "kg"}, "s",
         lambda L, g, theta, m: 2 * pi * sqrt(L / g) * (1 + theta**2 / 16),
         {"L": (0.1, 10)}, {"g": 9.81, "theta": 0.2, "m": 1.0}),
    Case("capillary rise",
         {"gamma": "N/m", "rho": "kg/m^3", "g": "m/s^2", "r": "m", "theta": "rad"}, "m",
         lambda gamma, rho, g, r, theta: 2 * gamma * abs(cos(theta)) / (rho * g * r),
         {"gamma": (0.02, 0.07), "r": (1e-4, 1e-3)}, {"rho": 1000.0, "g": 9.81, "theta": 0.5}),
    Case("suspended particle", {"T": "K", "eta": "Pa*s", "r": "m"}, "m^2/s",
         lambda T, eta, r: _K_B * T / (6 * pi * eta * r),
         {"eta": (1e-4, 1e-2), "r": (1e-9, 1e-7)}, {"T": 300.0}, constants=("k_B",)),
    Case("enzyme", {"Vmax": "mol/(m^3*s)", "S": "mol/m^3", "Km": "mol/m^3", "n": "1"},
         "mol/(m^3*s)", lambda Vmax, S, Km, n: Vmax * S**n / (Km**n + S**n),
         {"Vmax": (1e-3, 1), "S": (0.01, 100)}, {"Km": 1.0, "n": 2.0}, law=True),
    Case("settling", {"rho_p": "kg/m^3", "rho_f": "kg/m^3", "mu": "Pa*s", "d": "m"}, "m/s",
         lambda rho_p, rho_f, mu, d: abs(rho_p - rho_f) * _G * d**2 / (18 * mu),
         {"mu": (0.1, 10), "d": (1e-4, 1e-3)}, {"rho_p": 2500.0, "rho_f": 1000.0},
         constants=("g",)),
    Case("kinds", {"F": "N", "A": "m^2", "f": "1", "kind": "label"}, "Pa",
         lambda F, A, f, kind: (F / A) * f * (1.0 if kind == "steel" else 0.3),
         {"F": (1, 100), "A": (1e-4, 1e-2)}, {"f": 2.0, "kind": "steel"}),
    Case("absorption", {"I0": "W/m^2", "eps": "m^2/mol", "c": "mol/m^3", "x": "m", "q": "1"},
         "W/m^2", lambda I0, eps, c, x, q: I0 * exp(-min(eps * c * x * q, 600.0)),
         {"I0": (1, 1000), "x": (1e-3, 0.1)}, {"eps": 10.0, "c": 1.0, "q": 2.0}, law=True),
)  # fmt: skip
# the label that questions put in place of the held one
_OTHER = {"steel": "brass"}


@dataclass
class Said:
    """What was said of a question.

    Attributes
    ----------
    case, part : str
    truth : float
        In SI units, as the other numbers.
    answers : list of (str, float, float, float)
        Who said it (``ask`` with how, or a law), value and interval.
    changed : list of str
    """

    case: str
    part: str
    truth: float
    answers: list[tuple[str, float, float, float]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        """Whether `ask` gave a value."""
        return any(who.startswith("ask") for who, *_ in self.answers)

    @property
    def wrong(self) -> list[tuple[str, float, float, float]]:
        """Answers that miss the truth by more than twice the half-width."""
        return [one for one in self.answers if _misses(self.truth, *one[1:])]


def _misses(truth: float, value: float, low: float, high: float) -> bool:
    half = max(high - value, value - low)
    return not abs(truth - value) <= max(2.0 * half, _DIGITS * abs(truth))


def questions(
    case: Case, part: str, count: int, rng: np.random.Generator
) -> list[tuple[dict[str, Any], list[str]]]:
    """Points of a part, with the held inputs that they change."""
    found = []
    for _ in range(count):
        point: dict[str, Any] = dict(case.held)
        for name, ends in case.varied.items():
            # away from the ends, so that no campaign stops short of it
            a, b = np.log(ends)
            point[name] = float(np.exp(a + (b - a) * rng.uniform(0.1, 0.9)))
        changed: list[str] = []
        if part == "outside":
            names = list(case.held)
            some = int(rng.integers(1, len(names) + 1))
            changed = sorted(rng.choice(names, some, replace=False).tolist())
            for name in changed:
                point[name] = _moved(point[name], case.limits.get(name, (0.0, np.inf)), rng)
        elif part == "settled":
            point = _resized(case, point, rng)
        found.append((point, changed))
    return found


def _moved(
    value: float | str, limits: tuple[float, float], rng: np.random.Generator
) -> float | str:
    if isinstance(value, str):
        return _OTHER[value]
    while True:
        step = float(rng.uniform(*np.log10(_FACTORS)))
        moved = float(value * 10.0**step)
        if abs(step) >= _LEAST and limits[0] < moved < limits[1]:
            return moved


def _resized(case: Case, point: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The same groups in another size: units of all dimensions changed but those of constants."""
    dimensions = {p.name: p.parsed.dimension for p in CaseKernel(case).inputs}
    bases = sorted({base for d in dimensions.values() for base, _ in d})
    step = {base: float(rng.uniform(-1, 1)) * np.log(_SIZE) for base in bases}
    # an input that no group holds is not settled by groups
    for base in bases:
        if sum(base in dict(d) for d in dimensions.values()) == 1:
            step[base] = 0.0
    # constants of the plan keep their numbers: what they hold together moves together
    if "g" in case.constants:
        step["[length]"] = 2 * step["[time]"]
    if "k_B" in case.constants:
        # k_B T moves as an energy: with T fixed, mass as the square of time over length
        step["[temperature]"] = 0.0
        step["[mass]"] = 2 * step["[time]"] - 2 * step["[length]"]
    if "R" in case.constants:
        step["[temperature]"] = 0.0
        step["[mass]"] = step["[substance]"] + 2 * step["[time]"] - 2 * step["[length]"]
    return {
        n: v
        if isinstance(v, str)
        else float(v * np.exp(sum(float(e) * step[b] for b, e in dimensions[n])))
        for n, v in point.items()
    }


def answers_of(case: Case, seed: int, share: float, cards: bool) -> tuple[str, list[Said]]:
    """How the campaign of a case ended, and what was said of each question."""
    kernel = CaseKernel(case)
    told: list[Said] = []
    with TemporaryDirectory() as home, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(home) / "campaign"
        with ThreadPoolExecutor(1) as pool:
            result = run_campaign(case.plan(), folder, executor=pool)
        document = json.loads((folder / "result.json").read_text("utf-8"))
        plan = json.loads((folder / "plan.json").read_text("utf-8"))
        with RunStore(folder / "runs.sqlite") as store, Hub(Path(home) / "hub") as hub:
            keep_campaign(hub, document, plan, store.records())
            if cards and not case.hidden:
                # as `dimgs ask` advises where runs of other sizes do not count as equal yet
                check_card(hub, kernel)
            laws = _laws(hub)
            for k, (part, whole) in enumerate(PARTS.items()):
                rng = np.random.default_rng([seed, k])
                if part == "settled" and case.hidden:
                    continue
                count = ceil(case.share * share * whole / len(CASES))
                for point, changed in questions(case, part, count, rng):
                    told.append(_said(case, kernel, hub, laws, part, point, changed))
    return f"{result.outcome}, {len(laws)} laws", told


def _laws(hub: Hub) -> list[tuple[str, Law]]:
    """Laws of the hub that its campaign relies on, and that do not say they are unconfirmed."""
    found = []
    for listed in hub.listed(kind="law"):
        content = hub.get(listed["id"])["content"] or {}
        if content.get("outcome") in MET:
            every = [content.get("law"), *(r.get("law") for r in content.get("regimes", ()))]
            laws = [Law.from_json(one) for one in every if one]
            found += [(f"law {k}", law) for k, law in enumerate(laws) if law.confirmed is not False]
    return found


def _said(
    case: Case, kernel: CaseKernel, hub: Hub, laws: Sequence[tuple[str, Law]], part: str,
    point: dict[str, Any], changed: list[str],
) -> Said:  # fmt: skip
    truth = float(kernel.outputs[0].parsed.to_si(case.function(**point)))
    said = Said(case.name, part, truth, [], changed)
    at = {n: (v, case.inputs[n]) for n, v in point.items()}
    answer = ask("y", at, hub, kernel=kernel, tolerance=_TOLERANCE)
    if answer.value is not None:
        unit = kernel.outputs[0].parsed
        ends = (float(unit.to_si(x)) for x in (answer.value, answer.low, answer.high))
        value, low, high = ends
        said.answers.append((f"ask: {answer.how}", value, low, high))
    ports = {p.name: p.parsed for p in kernel.inputs}
    row = {
        n: np.array([v if isinstance(v, str) else float(ports[n].to_si(v))])
        for n, v in point.items()
    }
    for name, law in laws:
        if law.outside(row) == [[]]:
            value, low, high = (float(np.asarray(x)[0]) for x in law.predict(row, 0.9))
            said.answers.append((name, value, low, high))
    return said


def _half_width(said: Said) -> float:
    (_, value, low, high), *_ = said.answers
    return max(high - value, value - low) / abs(value)


def summary(told: Sequence[Said], before: Sequence[Said] = ()) -> str:
    """The figures that are looked at."""
    lines = []
    for part in PARTS:
        some = [one for one in told if one.part == part]
        wrong = [one for one in some if one.wrong]
        answered = sum(one.answered for one in some)
        lines.append(
            f"{part}: {len(some)} questions, {answered} answered by ask "
            f"({answered / max(len(some), 1):.1%}), {len(wrong)} with something wrong"
        )
    inside = [one for one in told if one.part == "inside"]
    lines.append(
        "relative half-widths inside, median: "
        f"{median([_half_width(one) for one in inside if one.answered] or [float('nan')]):.3g}"
    )
    if before:
        earlier = {(one.case, one.truth): one for one in before if one.answered}
        pairs = [
            (_half_width(one), _half_width(earlier[one.case, one.truth]))
            for one in inside
            if one.answered and (one.case, one.truth) in earlier
        ]
        both = [max(a, _DIGITS) / max(b, _DIGITS) for a, b in pairs]
        lines.append(
            f"{len(pairs)} questions inside answered then and now: half-widths over the earlier, "
            f"median {median(both):.3g}, largest {max(both):.3g}"
        )
    return "\n".join(lines)


def every_case() -> tuple[Case, ...]:
    """All cases; with Radigen's oxidation where its checkout is named by RADIGEN_ROOT.

    A run of it starts a program and takes three seconds, so that it has fewer runs and questions.
    """
    if not os.environ.get("RADIGEN_ROOT"):
        return CASES
    known = load_kernel("radigen")
    held = {p.name: float(p.default) for p in known.inputs if p.default is not None}

    def peroxides(**inputs: float) -> float:
        return float(known.run(inputs).outputs["LOOH"][0])

    varied = {"t": (3600.0, 2e5), "L1OOH_0": (10.0, 300.0), "L1H_0": (1000.0, 5000.0)}
    held = {"T": 333.15, **{n: v for n, v in held.items() if n not in varied}}
    units = {p.name: p.unit for p in known.inputs}
    limits = {"T": (250.0, 500.0)}
    radigen = Case("radigen", units, "mol/m^3", peroxides, varied, held, hidden=True,
                   limits=limits, runs=16, share=0.3)  # fmt: skip
    return (*CASES, radigen)


def main() -> None:
    """Print what was said, kernel by kernel, and the figures of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", default=[])
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--cards", action="store_true", help="check each kernel's card first")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--against", type=Path)
    asked = parser.parse_args()
    every: list[Said] = []
    for number, case in enumerate(every_case()):
        if asked.cases and case.name not in asked.cases:
            continue
        start = time.perf_counter()
        ended, told = answers_of(case, number, asked.share, asked.cards)
        wrong = [one for one in told if one.wrong]
        shares = [
            f"{sum(o.answered for o in told if o.part == part)}/{sum(o.part == part for o in told)}"
            for part in PARTS
        ]
        seconds = time.perf_counter() - start
        print(f"{case.name:24} {ended:30} answered {' '.join(shares)} wrong {len(wrong)} "
              f"{seconds:.0f} s", flush=True)  # fmt: skip
        for one in wrong[:3]:
            print(f"    {one.part} {one.changed}: truth {one.truth:.5g}, said {one.wrong[0]}")
        every += told
    before = json.loads(asked.against.read_text("utf-8")) if asked.against else []
    print(summary(every, [Said(**one) for one in before]))
    if asked.out:
        asked.out.write_text(json.dumps([vars(one) for one in every]), encoding="utf-8")


if __name__ == "__main__":
    main()
