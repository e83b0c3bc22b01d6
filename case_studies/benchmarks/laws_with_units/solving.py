"""One law, one engine, one setting: a line of the results."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import sympy

from case_studies.benchmarks.exactness import Agreement, Inputs, agreement
from case_studies.benchmarks.feynman_tables import INCONSISTENT, Equation
from case_studies.benchmarks.laws_with_units.tasks import problem_of
from dimgs.engines.operon import OperonEngine
from dimgs.engines.protocol import Engine, Problem, Result, SearchBudget
from dimgs.engines.pysr import PySREngine
from dimgs.engines.refit import refit
from dimgs.engines.structured import StructuredEngine, archive
from dimgs.engines.structured import engine as structured_engine
from dimgs.expression.candidate import Candidate

ENGINES = ("structured", "operon", "operon-raw", "pysr", "pysr-raw")
SETTINGS = ("set", "engine", "noise", "kind", "budget", "clock", "stages", "runs", "seed")
CLOCKS = ("wall", "cpu")
# bits by which a law may follow the runs better than another that is as good: a likelihood 100
# times as high
_TIE = 6.6


def engine_of(name: str, stages: str) -> Engine:
    """Engine by its name here; ``-raw`` is what it is given."""
    match name.removesuffix("-raw"):
        case "operon":
            return OperonEngine()
        case "pysr":
            return PySREngine()
    return StructuredEngine(stages)


def cpu_seconds() -> float:
    """Processor time of this process and of those that it started and ended."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


@contextmanager
def clock_of(name: str) -> Iterator[None]:
    """Let the budget of the embedded engine count processor time, so that load does not matter."""
    if name == "wall":
        yield
        return
    with (
        mock.patch.object(archive, "monotonic", time.process_time),
        mock.patch.object(structured_engine, "monotonic", time.process_time),
    ):
        yield


def constant_result(problem: Problem) -> Result:
    """Where no group is left, pi_0 is a constant: dimensional analysis alone, by any engine."""
    start = time.perf_counter()
    value = float(np.mean(problem.response))
    candidate = Candidate.of(sympy.Symbol("c_1"), {"c_1": value}, scale=problem.scale)
    front = (refit(candidate, problem),)
    return Result(front, "converged", "there is no group", time.perf_counter() - start)


def solve(equation: Equation, settings: dict[str, Any]) -> dict[str, Any]:
    """One line of the results.

    Parameters
    ----------
    equation : Equation
    settings : dict
        By the names of `SETTINGS`.
    """
    inputs = Inputs(equation, raw=settings["engine"].endswith("-raw"))
    problem = problem_of(
        inputs, settings["runs"], settings["noise"], settings["kind"], settings["seed"]
    )
    engine = engine_of(settings["engine"], settings["stages"])
    start, cpu = time.perf_counter(), cpu_seconds()
    if problem.groups:
        with clock_of(settings["clock"]):
            result = engine.search(problem, SearchBudget(settings["budget"]), settings["seed"])
    else:
        result = constant_result(problem)
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    found = [agreement(c, inputs) for c in result.candidates]
    first = found[0] if found else Agreement()
    line = {
        "law": equation.name,
        **settings,
        "chosen": first.exact,
        "tie": bool(found) and bits_behind(inputs, problem, settings, result) <= _TIE,
        "front": any(a.exact for a in found),
        "chosen_strict": first.strict,
        "front_strict": any(a.strict for a in found),
        "seconds": round(seconds, 2),
        "cpu": round(cpu, 2),
        "load": round(os.getloadavg()[0], 1),
        "outcome": result.outcome,
        "loss": result.candidates[0].loss if found else None,
        "found": str(result.candidates[0].numeric.evalf(5)) if found else result.message,
    }
    return {**line, "why": reason(line)}


def bits_behind(
    inputs: Inputs, problem: Problem, settings: dict[str, Any], result: Result
) -> float:
    """Bits by which the true law, without any fit, follows the runs better than the chosen one."""
    clean = problem_of(inputs, settings["runs"], 0.0, settings["kind"], settings["seed"])
    true, seen, chosen = clean.response, problem.response, result.candidates[0].loss
    errors = np.log(true / seen) if problem.scale == "log" else true - seen
    least = np.finfo(float).tiny
    squares = (max(float(x), least) for x in (chosen, np.mean(errors**2)))
    return 0.5 * problem.n_runs * float(np.subtract(*map(np.log2, squares)))


def reason(line: dict[str, Any]) -> str:
    """Why a law was missed; empty where it was not."""
    if line["chosen"]:
        return ""
    if line["outcome"] == "unavailable":
        return "not run"
    if line["law"] in INCONSISTENT:
        return "inconsistent units"
    if line["front"]:
        return "on the front, not chosen"
    return "budget" if line["outcome"] == "timeout" else "never on the front"
