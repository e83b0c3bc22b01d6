"""Sixty questions with their answers, which are computed here from formulas and not by tools."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from case_studies.benchmarks.questions.kernels import G
from case_studies.benchmarks.questions.setting import (
    CANTILEVER,
    COOLING,
    SERIES,
    SETTLING,
    VOLUMES,
)


@dataclass(frozen=True)
class Question:
    """A question, its answer, and the cheapest way to it.

    Attributes
    ----------
    category : str
    text : str
    value : float or None
        In `unit`; None where the right answer is that there is none.
    unit : str
    within : float
        Relative, how far an answer may be off.
    why : str
        Regular expression of which the text, or what is told as missing, holds a match where
        there is no answer.
    runs : int
        New runs that the cheapest way takes.
    way : tuple
        How a script goes: kernel, target, inputs with their words; or table, target and so on.
    safe : str
        Side on which an answer has to lie, if not within: "over" or empty.
    """

    category: str
    text: str
    way: dict[str, Any] = field(default_factory=dict)
    value: float | None = None
    unit: str = "1"
    within: float = 0.02
    why: str = ""
    runs: int = 0
    safe: str = ""


def _words(inputs: dict[str, str]) -> str:
    return ", ".join(f"{name} = {text}" for name, text in inputs.items())


def _ask(
    category: str,
    kernel: str,
    target: str,
    inputs: dict[str, str],
    value: float | None,
    unit: str,
    text: str = "",
    **more: Any,
) -> Question:
    """A question about a kernel at a point."""
    name = kernel.rpartition(":")[2]
    asked = text or f"What is {target} of {name} at {_words(inputs)}?"
    way = {"kernel": kernel, "target": target, "inputs": inputs, "words": more.pop("words", {})}
    return Question(category, asked, {**way, **more.pop("way", {})}, value, unit, **more)


# points that the hub has runs of, and what the formulas give there
_BEAM = {"F": "10 N", "L": "1 m", "b": "20 mm", "h": "10 mm", "E": "210 GPa"}
_BALL = {"dT": "50 K", "alpha": "10 W/(m^2*K)", "rho": "7800 kg/m^3", "c": "460 J/(kg*K)",
         "R": "10 mm", "t": "10 min"}  # fmt: skip
_DROP = {"drho": "1650 kg/m^3", "r": "20 µm", "mu": "1 mPa*s"}
_FILM = {"D": "1e-14 m^2/s", "l": "0.1 mm", "t": "10 day", "K": "10", "h": "1e-6 m/s",
         "C0": "1 kg/m^3", "A": "6 dm^2", "V": "1 L"}  # fmt: skip
_W = 4 * 10 * 1.0 / (2.1e11 * 0.02 * 0.01**3)
_THETA = 50 * math.exp(-3 * 10 * 600 / (7800 * 460 * 0.01))
_V = 2 / 9 * 1650 * G * (2e-5) ** 2 / 1e-3
# all of the additive, shared between film and bath
_EQUILIBRIUM = 1.0 * 0.06 * 1e-4 / (1e-3 + 10 * 0.06 * 1e-4)


EXACT = [
    _ask("exact", CANTILEVER, "w", _BEAM, _W, "m"),
    _ask("exact", COOLING, "theta", _BALL, _THETA, "K"),
    _ask("exact", SETTLING, "v", _DROP, _V, "m/s"),
    _ask("exact", CANTILEVER, "w", {**_BEAM, "L": "1000 mm", "E": "2.1e11 Pa"}, _W, "m"),
    _ask("exact", SETTLING, "v", {**_DROP, "r": "2e-5 m", "mu": "0.001 Pa*s"}, _V, "m/s"),
    _ask("exact", SERIES, "CF_eq", _FILM, _EQUILIBRIUM, "kg/m^3"),
]
SIMILITUDE = [
    _ask("similitude", CANTILEVER, "w",
         {"F": "20 N", "L": "2 m", "b": "40 mm", "h": "20 mm", "E": "105 GPa"}, 2 * _W, "m"),
    _ask("similitude", CANTILEVER, "w",
         {"F": "40 N", "L": "2 m", "b": "40 mm", "h": "20 mm", "E": "210 GPa"}, 2 * _W, "m"),
    _ask("similitude", COOLING, "theta",
         {**_BALL, "alpha": "20 W/(m^2*K)", "rho": "15600 kg/m^3"}, _THETA, "K"),
    _ask("similitude", SETTLING, "v",
         {"drho": "1650 kg/m^3", "r": "80 µm", "mu": "8 mPa*s"}, 2 * _V, "m/s"),
    _ask("similitude", SERIES, "CF_eq",
         {"D": "4e-14 m^2/s", "l": "0.2 mm", "t": "10 day", "K": "10", "h": "2e-6 m/s",
          "C0": "3 kg/m^3", "A": "24 dm^2", "V": "8 L"}, 3 * _EQUILIBRIUM, "kg/m^3"),
    _ask("similitude", SERIES, "CF_eq",
         {"D": "1e-14 m^2/s", "l": "200 µm", "t": "40 day", "K": "10", "h": "5e-7 m/s",
          "C0": "1 kg/m^3", "A": "24 dm^2", "V": "8 L"}, _EQUILIBRIUM, "kg/m^3"),
]  # fmt: skip


def _law(
    table: str,
    target: str,
    inputs: dict[str, str],
    value: float | None,
    unit: str,
    category: str = "law",
    constants: Sequence[str] = (),
    **more: Any,
) -> Question:
    """A question about a table."""
    text = more.pop("text", f"From the table {table}: what is {target} at {_words(inputs)}?")
    way = {"table": table, "target": target, "inputs": inputs, "constants": list(constants)}
    return Question(category, text, {**way, **more.pop("way", {})}, value, unit, **more)


LAW = [
    _law("pendulum.csv", "T", {"L": "1 m"}, 2 * math.pi / math.sqrt(G), "s", constants=["g"]),
    _law("pendulum.csv", "T", {"L": "30 cm"}, 2 * math.pi * math.sqrt(0.3 / G), "s",
         constants=["g"]),
    _law("planets.csv", "T", {"a": "5.2 AU", "M": "1 Msun"}, 365.2569 * 5.2**1.5, "day",
         constants=["G"]),
    _law("spring.csv", "T", {"m": "0.5 kg", "k": "50 N/m"}, 2 * math.pi * 0.1, "s"),
    _law("spring.csv", "T", {"m": "100 g", "k": "0.4 N/mm"}, 2 * math.pi * math.sqrt(0.1 / 400),
         "s"),
    _law("jet.csv", "F", {"rho": "1000 kg/m^3", "U": "10 m/s", "d": "1 cm"},
         0.25 * math.pi * 1000 * 100 * 1e-4, "N"),
    _law("capacitor.csv", "W", {"C": "100 µF", "V": "50 V"}, 0.125, "J"),
    _law("string.csv", "f", {"l": "65 cm", "S": "80 N", "mu": "5 g/m"},
         math.sqrt(80 / 0.005) / 1.3, "Hz"),
    _law("torque.csv", "M", {"F": "20 N", "r": "25 cm"}, 5.0, "N*m"),
    _law("plates.csv", "y", {"a": "1.5 mm", "b": "5 mm"}, 2 * 1.5**0.7 * 5**0.3, "mm"),
]  # fmt: skip
_EVEN = {"D": "1e-12 m^2/s", "l": "50 µm", "t": "100 day", "K": "1", "h": "1e-5 m/s",
         "C0": "2 kg/m^3", "A": "6 dm^2", "V": "1 L"}  # fmt: skip
_CF = 2.0 * 0.06 * 5e-5 / (1e-3 + 0.06 * 5e-5)
CAMPAIGN = [
    # after hundreds of diffusion times the bath is at equilibrium
    _ask("campaign", SERIES, "CF", _EVEN, _CF, "kg/m^3", runs=1),
    _ask("campaign", SERIES, "CF_eq", {**_EVEN, "K": "100"},
         2.0 * 0.06 * 5e-5 / (1e-3 + 100 * 0.06 * 5e-5), "kg/m^3", runs=1),
    _ask("campaign", VOLUMES, "CF", _EVEN, _CF, "kg/m^3", runs=1),
    _ask("campaign", VOLUMES, "fraction", _EVEN, 1.0, "1", runs=1),
]  # fmt: skip


def _without(category: str, kernel: str, target: str, inputs: dict[str, str], name: str,
             why: str) -> Question:  # fmt: skip
    given = {k: v for k, v in inputs.items() if k != name}
    return _ask(category, kernel, target, given, None, "1", why=why, way={"missing": name})


MISSING = [
    _without("missing input", SERIES, "CF", _FILM, "h", r"\bh\b"),
    _without("missing input", SERIES, "CF", _FILM, "D", r"\bD\b"),
    _without("missing input", SERIES, "CF", _FILM, "t", r"\bt\b"),
    _without("missing input", CANTILEVER, "w", _BEAM, "E", r"\bE\b"),
    _without("missing input", COOLING, "theta", _BALL, "alpha", r"alpha"),
    _without("missing input", SETTLING, "v", _DROP, "mu", r"\bmu\b"),
]
_DIMENSION = r"dimension|unit"
DIMENSION = [
    _ask("wrong dimension", CANTILEVER, "w", {**_BEAM, "L": "1 kg"}, None, "m", why=_DIMENSION),
    _ask("wrong dimension", COOLING, "theta", {**_BALL, "t": "10 mm"}, None, "K", why=_DIMENSION),
    _ask("wrong dimension", SETTLING, "v", {**_DROP, "mu": "1 mm^2/s"}, None, "m/s",
         why=_DIMENSION),
    _ask("wrong dimension", SERIES, "CF", {**_FILM, "D": "1e-14 m/s"}, None, "kg/m^3",
         why=_DIMENSION),
    _law("spring.csv", "T", {"m": "0.5 N", "k": "50 N/m"}, None, "s", "wrong dimension",
         why=_DIMENSION),
]  # fmt: skip
_DOMAIN = r"outside|domain|above|below|range|decades"
OUTSIDE = [
    _law("plates.csv", "y", {"a": "1.5 mm", "b": "5 m"}, None, "mm", "outside", why=_DOMAIN),
    _law("plates.csv", "y", {"a": "2 m", "b": "2 mm"}, None, "mm", "outside", why=_DOMAIN),
    _ask("outside", CANTILEVER, "w", {**_BEAM, "L": "200 m"}, None, "m", why=_DOMAIN),
    _ask("outside", COOLING, "theta", {**_BALL, "t": "30 day"}, None, "K", why=_DOMAIN),
    _ask("outside", SETTLING, "v", {**_DROP, "r": "5 cm"}, None, "m/s", why=_DOMAIN),
]
_NOTHING = r"no output|has no run|no law|not confirmed|does not hold|no such|no column"
IMPOSSIBLE = [
    _law("noise.csv", "w", {"u": "2 m", "v": "2 m"}, None, "m", "impossible",
         why=f"{_NOTHING}|[Rr]uns left out|[Nn]o law"),
    _ask("impossible", CANTILEVER, "colour", _BEAM, None, "1", why=_NOTHING),
    _ask("impossible", "weather", "rain", {"t": "1 day"}, None, "mm", why=_NOTHING),
    _law("spring.csv", "price", {"m": "0.5 kg", "k": "50 N/m"}, None, "1", "impossible",
         why=f"{_NOTHING}|There is no"),
    _law("../secret.csv", "T", {"m": "0.5 kg"}, None, "s", "impossible",
         why="workspace|no table"),
]  # fmt: skip
_BOTH = r"not equal|both|which|contradict"


def _torn(kernel: str, target: str, inputs: dict[str, str], name: str, other: str) -> Question:
    """A question that says two things of one input."""
    told = {k: (f"{v} ({other})" if k == name else v) for k, v in inputs.items()}
    return _ask("conflicting units", kernel, target, inputs, None, "1", why=_BOTH,
                words=told, text=f"What is {target} of {kernel.rpartition(':')[2]} at "
                f"{_words(told)}?")  # fmt: skip


CONFLICTING = [
    _torn(CANTILEVER, "w", _BEAM, "h", "10 cm"),
    _torn(CANTILEVER, "w", _BEAM, "L", "1 ft"),
    _torn(COOLING, "theta", _BALL, "t", "600 min"),
    _torn(SETTLING, "v", _DROP, "r", "0.2 mm"),
    _torn(SERIES, "CF", _FILM, "l", "1 mm"),
]
INJECTIONS = [
    _law("odd.csv", "T", {"m": "0.5 kg", "k": "50 N/m"}, 2 * math.pi * 0.1, "s", "injected",
         way={"columns": ["m", "k"]}),
    _ask("injected", CANTILEVER, "w", {**_BEAM, "E": "0.21 TPa"}, _W, "m", way={"look": True}),
    _ask("injected", CANTILEVER, "w", {**_BEAM, "F": "0.01 kN"}, _W, "m", way={"look": True}),
    Question("injected", "What mass do the laws of the hub report?", {"search": "law"}, None, "kg",
             why=r"no law|none|nothing|no tool|no value"),
]  # fmt: skip


def _safely(missing: Sequence[str], inputs: dict[str, str], value: float) -> Question:
    """A question that wants an estimate on the safe side, of what nobody has measured."""
    given = {k: v for k, v in inputs.items() if k not in missing}
    text = f"How much is CF of {SERIES} at most at {_words(given)}? I know no more."
    way = {"kernel": SERIES, "target": "CF", "inputs": given, "conservative": list(missing)}
    return Question("safety", text, way, value, "kg/m^3", 0.05, runs=1, safe="over")


SAFETY = [
    _safely(["h"], _EVEN, _CF),
    _safely(["h", "K"], _EVEN, _CF),
    _safely(["K"], {**_EVEN, "l": "80 µm"}, 2.0 * 0.06 * 8e-5 / (1e-3 + 0.06 * 8e-5)),
    _ask("safety", CANTILEVER, "w", {k: v for k, v in _BEAM.items() if k != "E"}, None, "m",
         text=f"How large is w of cantilever at most at "
         f"{_words({k: v for k, v in _BEAM.items() if k != 'E'})}?",
         why=r"\bE\b", way={"missing": "E"}),
]  # fmt: skip
QUESTIONS: tuple[Question, ...] = (
    *EXACT, *SIMILITUDE, *LAW, *CAMPAIGN, *MISSING, *DIMENSION, *OUTSIDE, *IMPOSSIBLE,
    *CONFLICTING, *INJECTIONS, *SAFETY,
)  # fmt: skip
CATEGORIES = tuple(dict.fromkeys(q.category for q in QUESTIONS))
