"""What an engine is given: noisy runs of a law, in pi groups or in the variables themselves."""

from typing import Literal

import numpy as np

from case_studies.benchmarks.exactness import Inputs
from case_studies.benchmarks.feynman_tables import Equation, equations
from case_studies.benchmarks.own_laws.law import FURTHER, TABLES, laws
from case_studies.benchmarks.srsd_ranges import realistic_equations
from dimgs.engines.protocol import Problem

SETS = (
    "table", "srsd", "own-development", "own-test", "further-development", "further-test",
)  # fmt: skip
KINDS = ("rms", "multiplicative")


def equations_of(name: str) -> list[Equation]:
    """Laws of a set.

    Parameters
    ----------
    name : str
        One of `SETS`: AI-Feynman in the ranges of its tables or in realistic ones; laws of other
        fields, and further ones of an author who had not seen the engine.
    """
    if name == "table":
        return equations()
    if name == "srsd":
        return realistic_equations()
    folder, half = name.split("-")
    return list(laws(half, FURTHER if folder == "further" else TABLES))


def problem_of(inputs: Inputs, n: int, noise: float, kind: str, seed: int) -> Problem:
    """Noisy runs of a law.

    Parameters
    ----------
    inputs : Inputs
    n : int
        Runs.
    noise : float
        Standard deviation: a share of the response's rms, or of each response.
    kind : {"rms", "multiplicative"}
    seed : int
    """
    values, response = inputs.equation.runs(n, seed)
    rng = np.random.default_rng(seed + 1)
    size = np.abs(response) if kind == "multiplicative" else np.sqrt(np.mean(response**2))
    response = response + noise * size * rng.standard_normal(len(response))
    unit = np.broadcast_to(inputs.factor(values), response.shape)
    pi_0 = response * unit
    scale: Literal["log", "linear"] = "log" if np.all(pi_0 > 0) else "linear"
    groups = inputs.groups(values)
    composition = None
    if not inputs.raw:
        basis = inputs.basis
        assert basis.response is not None
        assert basis.target is not None
        composition = {
            g.name: {k: float(e) for k, e in g.exponents if k != basis.target.name}
            for g in (*basis.groups, basis.response)
        }
        # groups of constants alone are the same in every run
        groups = {k: v for k, v in groups.items() if np.ptp(v) > 1e-12 * np.abs(v).max()}
        composition = {k: v for k, v in composition.items() if k in (*groups, "pi_0")}
    return Problem(groups, pi_0, scale=scale, composition=composition, unit=unit)
