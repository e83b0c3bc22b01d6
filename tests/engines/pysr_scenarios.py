"""Searches with PySR, run in a process of its own: with a stand-in for Julia, or with Julia.

``python -m tests.engines.pysr_scenarios stub|julia`` prints what happened as JSON.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import sympy

from dimgs.common.errors import InputError
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.discovery.study import problem_of
from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.pysr import PySREngine
from dimgs.engines.refit import to_candidate
from dimgs.expression.candidate import Candidate
from tests.engines.pysr_problems import (
    friction,
    law_of,
    points,
    power_problem,
    shown,
)
from tests.engines.stub_julia import EquationSearch, Row, install, write_hall_of_fame

NAMES = ("pi_1", "pi_2")
# what SymbolicRegression.jl writes for each operator, protected ones too, and the same in NumPy
EQUATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "2.5": lambda x, y: 2.5 + 0 * x,
    "0.3162277660168379 * (pi_1 ^ -0.25)": lambda x, y: 0.3162277660168379 * x**-0.25,
    "1.0e-5 + (pi_1 * 2.3f-2)": lambda x, y: 1e-5 + 0.023 * x,
    "sqrt(pi_1 + 1.5) / (pi_2 - -3.25)": lambda x, y: np.sqrt(x + 1.5) / (y + 3.25),
    "log(pi_2) * exp(-0.5 * pi_1)": lambda x, y: np.log(y) * np.exp(-0.5 * x),
    "log10(pi_1) + log2(pi_2) - log1p(pi_1)": lambda x, y: np.log10(x) + np.log2(y) - np.log1p(x),
    "safe_log(pi_1) - safe_pow(pi_2, 1.5)": lambda x, y: np.log(x) - y**1.5,
    "square(pi_1) + cube(pi_2) - inv(pi_1)": lambda x, y: x**2 + y**3 - 1 / x,
    "cbrt(pi_1) + neg(pi_2)": lambda x, y: np.cbrt(x) - y,
    "tanh(sin(cos(pi_1 * 1.25)))": lambda x, y: np.tanh(np.sin(np.cos(x * 1.25))),
    "max(pi_1, pi_2) * min(pi_1, 2.0)": lambda x, y: np.maximum(x, y) * np.minimum(x, 2),
    "pow_abs(pi_1, pi_2) + log_abs(pi_1)": lambda x, y: x**y + np.log(x),
    "greater(pi_1, 1.5) + relu(pi_2 - 1.0)": lambda x, y: (x > 1.5) + np.maximum(y - 1, 0),
    "pi_1 ^ (1.5 + (1.4 / (0.4 + pi_2)))": lambda x, y: x ** (1.5 + 1.4 / (0.4 + y)),
}


class Stub:
    """PySR over the stand-in; its rows are set by each scenario."""

    def __init__(self) -> None:
        self.search = EquationSearch(lambda call, output: [])
        install(self.search)

    def run(
        self,
        problem: Problem,
        rows: Sequence[Any],
        engine: PySREngine | None = None,
        error: BaseException | None = None,
        budget: SearchBudget | None = None,
    ) -> dict[str, Any]:
        """Result and what reached Julia; `rows` is one front, or one for each call and output."""
        self.search.calls.clear()
        self.search.error = error
        nested = bool(rows) and not isinstance(rows[0], tuple)
        self.search.rows = lambda call, output: rows[call - 1][output] if nested else rows
        result = (engine or PySREngine()).search(problem, budget or SearchBudget(60.0), seed=5)
        return {**shown(result), "calls": [_plain(call) for call in self.search.calls]}


def _plain(call: dict[str, Any]) -> dict[str, Any]:
    """The call in what JSON can hold."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.tolist()
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return value if isinstance(value, (list, int, float, bool, type(None))) else str(value)

    out = {k: plain(v) for k, v in call.items()}
    out["options"]["left_behind"] = Path(call["options"]["output_directory"]).exists()
    return dict(json.loads(json.dumps(out, default=str)))


def from_file() -> dict[str, Any]:
    """PySR's own reader on an equation file, and the candidates and laws that come of it."""
    from pysr import PySRRegressor

    groups = points()
    out: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        rows = [(j + 1, 1.0 / (j + 1), text) for j, text in enumerate(EQUATIONS)]
        write_hall_of_fame(Path(folder) / "hall_of_fame.csv", rows)
        model = PySRRegressor.from_file(
            run_directory=folder,
            binary_operators=["+", "-", "*", "/", "^"],
            unary_operators=["exp", "log"],
            n_features_in=2,
            feature_names_in=np.array(NAMES),
        )
        for text, expression in zip(EQUATIONS, model.equations_["sympy_format"], strict=True):
            candidate = to_candidate(expression, scale="linear", engine="pysr")
            if candidate is None:
                out[text] = {"error": None}
                continue
            wanted = EQUATIONS[text](groups["pi_1"], groups["pi_2"])
            error = float(np.max(np.abs(candidate.evaluate(groups) - wanted)))
            out[text] = {
                "error": error,
                "candidate": str(candidate),
                "constants": dict(candidate.constants),
                "json": Candidate.from_json(candidate.to_json()) == candidate,
            }
    return out


def stub() -> dict[str, Any]:
    """Everything that can be seen without Julia."""
    julia = Stub()
    import pysr
    from sklearn.base import clone

    exact: list[Row] = [
        (1, 4.0, "pi_2"),
        (7, 1e-3, "0.29 * (pi_2 ^ 2.0)"),
        (9, 1e-9, "(0.3 / (pi_1 ^ 0.25000001)) * (pi_2 * pi_2)"),
    ]
    x, y = sympy.symbols("pi_1 pi_2")
    guess = Candidate.of(0.25 * y**2 / sympy.sqrt(x))
    odd = Candidate.of(sympy.erf(x) * y)
    regressor = pysr.PySRRegressor(parallelism="serial", random_state=1)
    out: dict[str, Any] = {
        "version": pysr.__version__,
        "clone": clone(regressor).get_params()["random_state"],
        "parameters": sorted(regressor.get_params()),
        "from_file": from_file(),
    }
    weights = np.linspace(1, 3, 25)
    out["log"] = julia.run(
        power_problem(weights=weights),
        exact,
        PySREngine([guess, odd]),
        budget=SearchBudget(12.5, 999),
    )
    out["deterministic"] = julia.run(power_problem(), exact, PySREngine(deterministic=True))
    groups = points()
    linear = Problem(groups, groups["pi_1"] - 2 * groups["pi_2"], scale="linear")
    out["linear"] = julia.run(linear, [(5, 1e-9, "pi_1 - (2.0000001 * pi_2)")])
    small = power_problem()
    small = replace(small, response=small.response * 1e-9)
    out["small"] = julia.run(small, exact, PySREngine([guess]))
    with tempfile.TemporaryDirectory() as folder:
        chosen = {"cluster_manager": "slurm", "procs": 4, "maxsize": 12, "niterations": 7}
        chosen["unary_operators"] = ["exp"]
        out["chosen"] = julia.run(
            power_problem(), exact, PySREngine(parameters=chosen, output=Path(folder) / "kept")
        )
        out["chosen"]["kept"] = [p.name for p in Path(folder).rglob("hall_of_fame.csv")]
    try:
        julia.run(power_problem(), exact, PySREngine(parameters={"max_size": 3}))
    except InputError as error:
        out["unknown"] = str(error)
    out["retried"] = julia.run(
        power_problem(), [[[]], [exact]], PySREngine([guess]), error=RuntimeError("no operator")
    )
    out["failed"] = julia.run(power_problem(), [[[]]], error=RuntimeError("no memory"))
    out["half"] = julia.run(power_problem(), exact, error=RuntimeError("no memory"))
    out["interrupted"] = julia.run(power_problem(), exact, error=KeyboardInterrupt())
    data = friction()
    runs = problem_of(prepare(data, "tau", Options()).design)
    assert runs.composition is not None
    reynolds = next(n for n in runs.groups if "mu" in runs.composition[n])
    ratio = next(n for n in runs.groups if n != reynolds)
    k_over_D = f"({ratio} ^ {runs.composition[ratio]['k']})"
    julia.run(runs, [(9, 1.0, f"(0.31 * ({reynolds} ^ -0.26)) * (1.0 + (1.9 * {k_over_D}))")])
    result = PySREngine().search(runs, SearchBudget(1.0))
    out["law"] = law_of(result, data)
    return out


def julia() -> dict[str, Any]:
    """Real searches."""
    out: dict[str, Any] = {}
    began = time.monotonic()
    groups = {k: np.random.default_rng(1).uniform(0.5, 3, 60) for k in ("pi_1",)}
    power = Problem(groups, 0.3 * groups["pi_1"] ** -0.25)
    out["power"] = shown(PySREngine(setup_seconds=1500).search(power, SearchBudget(60), seed=1))
    out["setup_seconds"] = time.monotonic() - began
    data = friction()
    runs = problem_of(prepare(data, "tau", Options()).design)
    guess = Candidate.of(0.5 * sympy.Symbol(next(iter(runs.groups))) ** -0.25)
    result = PySREngine([guess]).search(runs, SearchBudget(180), seed=1)
    out["friction"] = shown(result)
    if result.candidates:
        out["friction"].update(law_of(result, data))
    fixed = PySREngine(deterministic=True, parameters={"niterations": 3, "populations": 4})
    noisy = replace(
        power, response=power.response * (1 + 0.05 * np.random.default_rng(2).normal(size=60))
    )
    out["same"] = [shown(fixed.search(noisy, SearchBudget(300), seed=3)) for _ in range(2)]
    return out


if __name__ == "__main__":
    answer = {"stub": stub, "julia": julia}[sys.argv[1]]()
    print("\n" + json.dumps(answer))
