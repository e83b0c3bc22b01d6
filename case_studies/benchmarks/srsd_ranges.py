"""The AI-Feynman equations in realistic ranges, with physical constants at their values.

Ranges are those of SRSD: log-uniform, uniform or whole numbers. Where SRSD draws both signs, only
the positive half is drawn here, for quantities with units take logarithms; where it leaves out an
input that it counts as a constant, that input has its SI value in every run, and where it draws a
derived quantity instead, the input keeps the range of its table.

References
----------
Y. Matsubara, N. Chiba, R. Igarashi, Y. Ushiku, J. Data-centric Machine Learning Research (2024),
arXiv:2206.10540.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from case_studies.benchmarks.feynman_tables import Equation, equations, folder
from dimgs.common.arrays import Array

CONSTANTS = {
    "c": 2.99792458e8,
    "G": 6.6743e-11,
    "g": 9.80665,
    "h": 6.62607015e-34,
    "hbar": 1.054571817e-34,
    "kb": 1.380649e-23,
    "epsilon": 8.8541878128e-12,
    "mom": 9.2740100783e-24,
    "m": 9.1093837015e-31,
    "alpha": 7.2973525693e-3,
}
_ALIASES = {
    "I.6.2": "I.6.20",
    "I.6.2a": "I.6.20a",
    "I.6.2b": "I.6.20b",
    "I.15.1": "I.15.10",
    "I.34.1": "I.34.10",
    "I.39.1": "I.39.10",
    "I.48.2": "I.48.20",
}
_NAMES = {"lambda": "lambd"}
_SAMPLER = re.compile(r"(\w+)\(([^,]+), ([^,)]+)")
_SMALLEST = 1e-3


@dataclass(frozen=True)
class RealisticEquation(Equation):
    """An equation with draws as SRSD makes them; `ranges` holds what varies.

    Attributes
    ----------
    samplers : mapping of str to str
        "log", "uniform" or "integer".
    fixed : mapping of str to float
        Constants.
    """

    samplers: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)

    def known(self) -> dict[str, float]:
        """Physical constants."""
        return dict(self.fixed)

    def draw(self, rng: np.random.Generator, n: int, spread: float = 1.0) -> dict[str, Array]:
        """Draws inside the ranges, widened by a factor on both sides."""
        out = {}
        for name, (low, high) in self.ranges.items():
            kind = self.samplers[name]
            if kind == "log":
                out[name] = np.exp(rng.uniform(np.log(low / spread), np.log(high * spread), n))
                continue
            draws = rng.uniform(low / spread, high * spread, n)
            # whole numbers only as data: points of comparison lie anywhere
            out[name] = np.ceil(draws) if kind == "integer" and spread == 1.0 else draws
        return out


def realistic_equations() -> list[Equation]:
    """All equations in their realistic ranges, in the order of the tables."""
    path = folder() / "srsd_feynman_ranges.json"
    document = json.loads(path.read_text(encoding="utf-8"))["equations"]
    by_name = {entry["equation"][0]: entry for entry in document.values()}
    out: list[Equation] = []
    for equation in equations():
        name = equation.name
        entry = by_name.get(_ALIASES.get(name, name))
        if name.startswith("test_"):
            entry = document.get(f"FeynmanBonus{name.removeprefix('test_')}")
        out.append(_realistic(equation, {} if entry is None else entry))
    return out


def _realistic(equation: Equation, entry: Mapping[str, Any]) -> RealisticEquation:
    names = [re.match(r"x\[\d+\]: (\S+) \(", text) for text in entry.get("vars", ())]
    samplers = {
        _NAMES.get(found.group(1), found.group(1)): sampler
        for found, sampler in zip(names, entry.get("samplers", ()), strict=True)
        if found is not None
    }
    ranges: dict[str, tuple[float, float]] = {}
    kinds: dict[str, str] = {}
    fixed: dict[str, float] = {}
    for name, own in equation.ranges.items():
        if name in samplers:
            kinds[name], ranges[name] = _sampler(samplers[name])
        elif entry and name in CONSTANTS:
            fixed[name] = CONSTANTS[name]
        else:
            kinds[name], ranges[name] = "uniform", own
    return RealisticEquation(
        equation.name,
        equation.formula,
        equation.target,
        equation.inputs,
        ranges,
        samplers=kinds,
        fixed=fixed,
    )


def _sampler(text: str) -> tuple[str, tuple[float, float]]:
    found = _SAMPLER.match(text)
    assert found is not None
    low, high = (_number(found.group(k)) for k in (2, 3))
    high = max(abs(low), abs(high)) if low < 0 else high
    kind = {"DefaultSampling": "log", "SimpleSampling": "uniform"}.get(found.group(1), "integer")
    return kind, (max(low, _SMALLEST * high) if kind != "log" else low, high)


def _number(text: str) -> float:
    """Value of a number as SRSD writes it, such as ``-2 * np.pi / 3``."""
    return float(sympy.sympify(text.replace("np.pi", "pi")))
