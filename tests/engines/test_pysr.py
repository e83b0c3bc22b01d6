"""PySR as an engine: without Julia by a stand-in, with Julia by real searches.

The oldest supported version is tried too if the environment variable DIMGS_PYSR_OLD names a
folder that holds it: ``pip install --target FOLDER --no-deps pysr==1.5.10``.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dimgs.engines.protocol import Engine, Problem, SearchBudget
from dimgs.engines.pysr import PySREngine
from dimgs.engines.registry import has_julia, julia_project

ROOT = Path(__file__).resolve().parents[2]
OLD = os.environ.get("DIMGS_PYSR_OLD")
HERE_IS_JULIA = has_julia(julia_project(os.environ), os.environ)


def scenario(name: str, folder: str | None = None, timeout: float = 240) -> dict[str, Any]:
    path = [str(ROOT)] if folder is None else [folder, str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.engines.pysr_scenarios", name],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(
    scope="module",
    params=[
        None,
        pytest.param(
            OLD,
            marks=pytest.mark.skipif(
                OLD is None,
                reason="set DIMGS_PYSR_OLD to a folder made by "
                "'pip install --target FOLDER --no-deps pysr==1.5.10'",
            ),
        ),
    ],
    ids=["installed", "oldest"],
)
def stub(request: pytest.FixtureRequest) -> dict[str, Any]:
    pytest.importorskip("importlib.metadata").version("pysr")
    return scenario("stub", request.param)


def only_call(result: dict[str, Any]) -> dict[str, Any]:
    (call,) = result["calls"]
    return dict(call)


def test_version_is_the_one_meant(stub: dict[str, Any], request: pytest.FixtureRequest) -> None:
    numbers = tuple(int(n) for n in stub["version"].split(".")[:2])
    assert (1, 5) <= numbers < (3, 0)
    if "oldest" in request.node.name:
        assert stub["version"] == "1.5.10"
    assert stub["clone"] == 1


def test_equation_files_become_candidates(stub: dict[str, Any]) -> None:
    for text, parsed in stub["from_file"].items():
        assert parsed["error"] is not None, text
        assert parsed["error"] < 1e-12, text
        assert parsed["json"], text
    power = stub["from_file"]["0.3162277660168379 * (pi_1 ^ -0.25)"]
    assert power["candidate"] == "c_1*pi_1**c_2"
    assert power["constants"] == {"c_1": 0.3162277660168379, "c_2": -0.25}


def test_what_reaches_julia_on_a_log_scale(stub: dict[str, Any]) -> None:
    result = stub["log"]
    call, options = only_call(result), only_call(result)["options"]
    rng = np.random.default_rng(7)
    x, y = rng.uniform(0.5, 3, 25), rng.uniform(0.5, 3, 25)
    assert np.allclose(call["X"], [x, y], rtol=1e-15)
    assert np.allclose(call["y"], 0.3 * x**-0.25 * y**2, rtol=1e-14)
    weights = np.linspace(1, 3, 25)
    assert np.allclose(call["weights"], weights / weights.mean())
    assert call["variable_names"] == ["pi_1", "pi_2"]
    assert options["elementwise_loss"] == (
        "dimgs_log_loss(prediction, target, weight) = weight * (prediction > zero(prediction) ? "
        "abs2(log(prediction / target)) : oftype(prediction, 10000.0))"
    )
    assert options["timeout_in_seconds"] == pytest.approx(12.5 * 0.9)
    assert options["max_evals"] == 999
    assert options["input_stream"] == "devnull"
    assert call["parallelism"] == "multithreading"
    assert (call["progress"], call["verbosity"]) == (False, 0)
    assert not options["left_behind"]


def test_a_front_comes_back(stub: dict[str, Any]) -> None:
    result = stub["log"]
    assert result["outcome"] == "converged"
    assert result["engines"] == ["pysr"]
    assert result["candidates"][0] == "c_1*pi_2**2/pi_1**(1/4)"
    assert result["constants"][0] == pytest.approx({"c_1": 0.3}, rel=1e-14)
    assert result["candidates"][-1] == "pi_2"


def test_guesses_go_where_the_version_knows_them(stub: dict[str, Any]) -> None:
    known = "guesses" in stub["parameters"]
    assert known == (not stub["version"].startswith("1.5."))
    written = [["((0.25 * (pi_1 ^ -0.5)) * (pi_2 ^ 2.0))"]]
    # an error function is not an operator of the search, so that guess is left out
    assert only_call(stub["log"]).get("guesses") == (written if known else None)
    assert only_call(stub["linear"]).get("guesses") is None


def test_a_guess_that_julia_refuses_costs_no_law(stub: dict[str, Any]) -> None:
    if "guesses" not in stub["parameters"]:
        pytest.skip("this PySR takes no guesses: install a newer one")
    first, second = stub["retried"]["calls"]
    assert first["guesses"]
    assert second["guesses"] is None
    assert stub["retried"]["candidates"][0] == "c_1*pi_2**2/pi_1**(1/4)"


def test_deterministic_is_serial_and_counts_iterations(stub: dict[str, Any]) -> None:
    call = only_call(stub["deterministic"])
    assert call["parallelism"] == "serial"
    assert call["options"]["deterministic"] is True
    assert call["niterations"] == 100
    expected = np.random.RandomState(5).randint(0, 2**31 - 1)
    assert call["options"]["seed"] == expected
    assert only_call(stub["linear"])["options"]["seed"] == expected


def test_linear_scale_has_the_squared_loss(stub: dict[str, Any]) -> None:
    result = stub["linear"]
    assert only_call(result)["options"]["elementwise_loss"] in (None, "nothing")
    assert result["candidates"] == ["pi_1 - 2*pi_2"]
    assert min(only_call(result)["y"]) < 0


def test_a_response_of_far_decades_is_brought_near(stub: dict[str, Any]) -> None:
    result = stub["small"]
    assert 0.1 < np.exp(np.mean(np.log(only_call(result)["y"]))) < 10
    assert result["constants"][0] == pytest.approx({"c_1": 3e-10}, rel=1e-12)


def test_parameters_of_the_user_win(stub: dict[str, Any]) -> None:
    result = stub["chosen"]
    call, options = only_call(result), only_call(result)["options"]
    assert call["parallelism"] == "multiprocessing"
    assert call["numprocs"] == 4
    assert call["niterations"] == 7
    assert options["maxsize"] == 12
    assert "SlurmManager" in call["addprocs_function"] or "slurm" in call["addprocs_function"]
    assert options["nested_constraints"] == "Dict((exp) => Dict((exp) => 0, ), )"
    assert result["kept"] == ["hall_of_fame.csv"]


def test_an_unknown_parameter_is_named(stub: dict[str, Any]) -> None:
    assert "'max_size'; did you mean 'maxsize'" in stub["unknown"]


def test_failures_are_outcomes(stub: dict[str, Any]) -> None:
    assert stub["failed"]["outcome"] == "no_candidate"
    assert "no memory" in stub["failed"]["message"]
    assert stub["half"]["outcome"] == "timeout"
    assert stub["half"]["candidates"][0] == "c_1*pi_2**2/pi_1**(1/4)"


def test_an_interrupted_search_returns_the_best_so_far(stub: dict[str, Any]) -> None:
    assert stub["interrupted"]["outcome"] == "timeout"
    assert "interrupted" in stub["interrupted"]["message"]
    assert stub["interrupted"]["candidates"][0] == "c_1*pi_2**2/pi_1**(1/4)"


def test_a_candidate_becomes_a_checked_law(stub: dict[str, Any]) -> None:
    assert stub["law"]["unit"] == "Pa"
    assert stub["law"]["error"] < 1e-9


def test_it_is_an_engine() -> None:
    assert isinstance(PySREngine(), Engine)
    assert (
        PySREngine().search(Problem({}, np.array([1.0])), SearchBudget(1)).outcome == "no_candidate"
    )


@pytest.mark.julia
@pytest.mark.skipif(
    not HERE_IS_JULIA, reason="there is no Julia here: install it (dimgs engines --install pysr)"
)
def test_real_searches() -> None:
    case = scenario("julia", timeout=3600)
    power = case["power"]
    assert power["outcome"] == "converged", power["message"]
    assert "pi_1**(1/4)" in power["candidates"][0]
    assert min(power["losses"]) < 1e-20
    assert case["friction"]["candidates"], case["friction"]["message"]
    assert case["friction"]["unit"] == "Pa"
    assert case["friction"]["error"] < 2e-2
    first, second = case["same"]
    assert first["candidates"], first["message"]
    assert first["candidates"] == second["candidates"]
    assert first["constants"] == second["constants"]
    assert all(math.isfinite(loss) for loss in first["losses"])
