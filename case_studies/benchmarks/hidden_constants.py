"""Are constants inside a kernel found that its inputs do not name?

``python -m case_studies.benchmarks.hidden_constants`` runs a campaign of at most 40 runs for each
of ten kernels. A plan names no more than ``scales = "auto"``, and asks for one law. A constant is
recovered where the law predicts fresh runs within 1 %, and a fitted constant of the law, or a
simple power of one (c² for c), is within 1 % of the kernel's. The command exits 1 where fewer than
nine of ten are.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from dimgs.campaign import Budget, Plan, Range, Tolerance, run_campaign
from dimgs.campaign.result import CampaignResult
from dimgs.kernels import kernel

_G, _LIGHT = 9.80665, 2.99792458e8
# a law may hold the square of a constant, its root or its inverse
_POWERS = (1.0, -1.0, 2.0, -2.0, 0.5, -0.5)


@dataclass(frozen=True)
class Case:
    """A kernel with a constant that no input names.

    Attributes
    ----------
    name : str
    ranges : mapping of str to Range
    target : str
        With its unit, in brackets.
    simulate : callable
        From inputs in SI units to the target.
    hidden : mapping of str to float
        Values in SI units, of which a simple power of a constant of the law has to be one, up to
        its sign.
    """

    name: str
    ranges: Mapping[str, Range]
    target: str
    simulate: Callable[..., float]
    hidden: Mapping[str, float]


def _of(low: float, high: float, unit: str) -> Range:
    return Range(low, high, unit)


_KELVIN = _of(300, 450, "K")
CASES = (
    Case(
        "Arrhenius",
        {"T": _KELVIN},
        "k [1/s]",
        lambda T: 3e6 * math.exp(-5200.0 / T),
        {"activation": 5200.0},
    ),
    Case(
        "film",
        {"T": _KELVIN, "t": _of(1e3, 1e6, "s"), "d": _of(1e-5, 1e-3, "m")},
        "m [1]",
        lambda T, t, d: math.sqrt(2e-5 * math.exp(-7456.8 / T) * t) / d,
        {"activation": 7456.8 / 2},
    ),
    Case(
        "WLF",
        {"T": _of(380, 480, "K"), "eta0": _of(1.0, 1e4, "Pa*s")},
        "eta [Pa*s]",
        lambda T, eta0: eta0 * math.exp(2079.0 / (T - 321.6)),
        {"reference": 321.6},
    ),
    Case(
        "VFT",
        {"T": _of(300, 450, "K")},
        "D [m^2/s]",
        lambda T: 3e-9 * math.exp(-900.0 / (T - 180.0)),
        {"reference": 180.0},
    ),
    Case(
        "Piringer",
        {"T": _of(280, 400, "K"), "M": _of(0.1, 1.0, "kg/mol")},
        "D [m^2/s]",
        lambda T, M: 1e-4 * math.exp(11.5 - 0.1351 * (1e3 * M) ** (2 / 3) - 10454.0 / T),
        {"activation": 10454.0},
    ),
    Case(
        "Sutherland",
        {"T": _of(200, 1200, "K")},
        "mu [Pa*s]",
        lambda T: 1.458e-6 * T**1.5 / (T + 110.4),
        {"Sutherland": 110.4},
    ),
    Case(
        "threshold stress",
        {"tau": _of(10, 500, "Pa"), "mu": _of(1e-3, 1.0, "Pa*s")},
        "rate [1/s]",
        lambda tau, mu: (tau - 6.0) / mu,
        {"threshold": 6.0},
    ),
    Case(
        "gravity",
        {"lam": _of(0.01, 10, "m"), "sigma": _of(0.01, 1, "N/m"), "rho": _of(500, 2000, "kg/m^3")},
        "c [m/s]",
        lambda lam, sigma, rho: math.sqrt(
            _G * lam / (2 * math.pi) + 2 * math.pi * sigma / (rho * lam)
        ),
        {"g/2pi": _G / (2 * math.pi)},
    ),
    Case(
        "speed of light",
        {"m": _of(1e-30, 1e-28, "kg"), "v": _of(1e7, 2.5e8, "m/s")},
        "E [J]",
        lambda m, v: m * _LIGHT**2 / math.sqrt(1 - (v / _LIGHT) ** 2),
        {"c": _LIGHT},
    ),
    Case(
        "saturation",
        {"S": _of(0.01, 100, "mol/m^3"), "E": _of(1e-6, 1e-4, "mol/m^3")},
        "v [mol/m^3/s]",
        lambda S, E: 120.0 * E * S / (2.5 + S),
        {"half": 2.5},
    ),
)


def plan_of(case: Case) -> Plan:
    """The plan of a case, its kernel in SI units."""
    name, _, unit = case.target.partition(" ")
    unit = unit.strip("[]")
    inputs = {n: str(r.unit) for n, r in case.ranges.items()}
    made = kernel(inputs=inputs, outputs={name: unit}, name=case.name, version="1")(case.simulate)
    return Plan(made, name, case.ranges, Budget(runs=40), Tolerance(law=0.9), scales="auto")


def judged(case: Case, result: CampaignResult) -> tuple[bool, float, float]:
    """Whether it is recovered, the largest error of fresh runs, and that of the constant."""
    law = result.whole
    if law is None:
        return False, math.inf, math.inf
    rng, worst = np.random.default_rng(1), 0.0
    for _ in range(100):
        values = {
            n: math.exp(rng.uniform(math.log(r.low), math.log(r.high)))
            for n, r in case.ranges.items()
        }
        said = float(law.predict_si({n: np.array([v]) for n, v in values.items()})[0])
        worst = max(worst, abs(said / case.simulate(**values) - 1))
    fitted = [abs(c.value) ** power for c in law.constants for power in _POWERS]
    off = max(
        min((abs(f / true - 1) for f in fitted), default=math.inf) for true in case.hidden.values()
    )
    return worst < 0.01 and off < 0.01, worst, off


def main() -> int:
    """Run the campaigns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[])
    asked = parser.parse_args()
    cases = [c for c in CASES if not asked.cases or c.name in asked.cases]
    good = 0
    for case in cases:
        began = time.process_time()
        with ThreadPoolExecutor(1) as executor:
            result = run_campaign(plan_of(case), executor=executor, progress=lambda _: None)
        right, worst, off = judged(case, result)
        good += right
        print(
            f"{case.name:16} {'recovered' if right else 'MISSED':9} {result.outcome.value:12} "
            f"{sum(result.runs.values()):3} runs, fresh runs to {worst:.2g}, constant to "
            f"{off:.2g}, {time.process_time() - began:.0f} s: {result.law}",
            flush=True,
        )
    print(f"{good} of {len(cases)} recovered")
    return 0 if good >= 0.9 * len(cases) else 1


if __name__ == "__main__":
    sys.exit(main())
