"""PySR as an engine: without Julia by a stand-in, with Julia by real searches.

The oldest supported version is tried too if the environment variable DIMGS_PYSR_OLD names a
folder that holds it: ``pip install --target FOLDER --no-deps pysr==1.5.10``.
"""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.engines.availability import has_julia, julia_project
from dimgs.engines.protocol import Budget, Engine, Problem
from dimgs.engines.pysr import PySREngine
from dimgs.engines.pysr import runtime as pysr_runtime
from dimgs.engines.pysr.fields import rebuilt
from dimgs.engines.pysr.guesses import julia_guesses
from dimgs.engines.refit import loss_of, refit
from dimgs.errors import EngineUnavailableError
from dimgs.expression.candidate import Candidate

ROOT = Path(__file__).resolve().parents[2]
OLD = os.environ.get("DIMGS_PYSR_OLD")
HERE_IS_JULIA = has_julia(julia_project(os.environ), os.environ)
SYMBOLS = frozenset({"+", "-", "*", "/", "^", "exp", "log", "sqrt", "sin", "cos", "tanh"})


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
    for text, found in stub["from_file"].items():
        assert found["error"] is not None, text
        assert found["error"] < 1e-12, text
        assert found["json"], text
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
    assert options["timeout_in_seconds"] == 12.5
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
    # an error function is no operator of the search, so that guess is left out
    assert only_call(stub["log"]).get("guesses") == (written if known else None)
    assert only_call(stub["linear"]).get("guesses") is None


def test_a_guess_that_julia_refuses_costs_no_law(stub: dict[str, Any]) -> None:
    if "guesses" not in stub["parameters"]:
        pytest.skip("this version takes no guesses")
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


def test_learned_exponents_are_targets(stub: dict[str, Any]) -> None:
    fields, response = stub["fields"]["calls"]
    X = np.array(fields["X"])
    assert np.allclose(fields["y"], -(1 + 1.4 / (0.4 + X[1] - X[2])), rtol=1e-14)
    assert fields["options"]["elementwise_loss"] in (None, "nothing")
    assert np.allclose(response["y"], X[0] ** np.array(fields["y"]))
    assert fields["options"]["timeout_in_seconds"] == 30
    assert response["options"]["timeout_in_seconds"] == 30
    assert stub["fields"]["candidates"][0].startswith("pi_1**(c_")
    assert sorted(map(abs, stub["fields"]["constants"][0].values())) == pytest.approx([0.4, 1.4])
    if "guesses" in stub["parameters"]:
        assert "pi_1 ^" in response["guesses"][0][0]


def test_several_exponents_are_one_fit_of_several_targets(stub: dict[str, Any]) -> None:
    fields, _ = stub["two_fields"]["calls"]
    assert np.shape(fields["y"]) == (2, 98)
    assert np.allclose(fields["y"][1], 0.5)
    assert stub["two_fields"]["candidates"][0].startswith("pi_1**(c_")


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


@pytest.fixture
def no_julia(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PYTHON_JULIACALL_EXE", "PYTHON_JULIACALL_PROJECT", "PYTHON_JULIAPKG_EXE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("JULIA_DEPOT_PATH", str(tmp_path))
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", str(tmp_path))


@pytest.mark.usefixtures("no_julia")
def test_without_julia_nothing_is_imported_and_the_remedy_named() -> None:
    if {"pysr", "juliacall"} & set(sys.modules):
        pytest.skip("PySR is already running in this process")
    start = time.monotonic()
    problem = Problem({"pi_1": np.array([1.0, 2.0])}, np.array([1.0, 2.0]))
    result = PySREngine().search(problem, Budget(5.0))
    assert result.outcome == "unavailable"
    assert "Julia" in result.message
    assert "install" in result.message
    assert time.monotonic() - start < 2
    assert not {"pysr", "juliacall"} & set(sys.modules)


@pytest.mark.usefixtures("no_julia")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import time; time.sleep(60)", "not ready within 1 s"),
        ("raise OSError('no route to host')", "no route to host"),
    ],
)
def test_the_wait_for_packages_is_bounded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, words: str
) -> None:
    """With a Julia but without its packages, on a network that answers nothing or an error."""
    if {"pysr", "juliacall"} & set(sys.modules):
        pytest.skip("PySR is already running in this process")
    julia = tmp_path / "julia"
    julia.write_text("#!/bin/sh\necho julia version 1.11.5\n")
    julia.chmod(0o755)
    (tmp_path / "pysr.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    start = time.monotonic()
    with pytest.raises(EngineUnavailableError, match=words):
        pysr_runtime.load_pysr(setup_seconds=1.0)
    assert time.monotonic() - start < 20


@pytest.mark.usefixtures("no_julia")
@pytest.mark.parametrize("version", ["1.5.9", "0.19.4", "3.0.0"])
def test_versions_out_of_range_are_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    if {"pysr", "juliacall"} & set(sys.modules):
        pytest.skip("PySR is already running in this process")
    monkeypatch.setattr("dimgs.engines.availability._version", lambda _: version)
    with pytest.raises(EngineUnavailableError, match=f"PySR {version} is not supported"):
        pysr_runtime.load_pysr()


def test_it_is_an_engine() -> None:
    assert isinstance(PySREngine(), Engine)
    assert PySREngine().search(Problem({}, np.array([1.0])), Budget(1)).outcome == "no_candidate"


_X, _Y = sympy.symbols("pi_1 pi_2")
_NUMBERS = st.floats(0.1, 9, allow_subnormal=False).map(lambda v: sympy.Float(round(v, 3)))
_TREES = st.recursive(
    st.one_of(st.just(_X), st.just(_Y), _NUMBERS, st.integers(-3, 3).map(sympy.Integer)),
    lambda child: st.one_of(
        st.tuples(child, child).map(lambda t: t[0] + t[1]),
        st.tuples(child, child).map(lambda t: t[0] * t[1]),
        st.tuples(child, child).map(lambda t: t[0] - 2 * t[1]),
        st.tuples(child, st.sampled_from([-2, -1, sympy.Rational(1, 2), -0.25, 3])).map(
            lambda t: t[0] ** t[1]
        ),
        child.map(sympy.exp),
        child.map(sympy.tanh),
        child.map(lambda e: sympy.log(e**2 + 1)),
    ),
    max_leaves=7,
)


@given(_TREES)
@settings(max_examples=60, deadline=None)
def test_guesses_mean_what_the_candidate_means(expression: Any) -> None:
    try:
        candidate = Candidate.of(expression, scale="linear")
    except ValueError:
        return
    groups = {"pi_1": np.array([0.3, 1.7, 2.2]), "pi_2": np.array([1.1, 0.4, 3.0])}
    for text in julia_guesses([candidate], SYMBOLS, maxsize=1000):
        names = {n: getattr(np, n) for n in ("exp", "log", "sqrt", "sin", "cos", "tanh")}
        with np.errstate(all="ignore"):
            value = eval(text.replace("^", "**"), names | groups)
            wanted = candidate.evaluate(groups)
        finite = np.isfinite(wanted) & (np.abs(wanted) < 1e100)
        value = np.broadcast_to(value, wanted.shape)
        assert np.allclose(value[finite], wanted[finite], rtol=1e-9, atol=1e-9)


def test_guesses_keep_to_the_operators_and_the_size() -> None:
    candidate = Candidate.of(sympy.tanh(_X) + 1)
    assert julia_guesses([candidate], SYMBOLS) == ["(tanh(pi_1) + 1.0)"]
    assert julia_guesses([candidate], SYMBOLS - {"tanh"}) == []
    assert julia_guesses([candidate], SYMBOLS, maxsize=3) == []
    assert julia_guesses([candidate], SYMBOLS, factor=10.0) == ["((0.1 * tanh(pi_1)) + 0.1)"]


def test_exponents_of_two_groups_are_put_together() -> None:
    rng = np.random.default_rng(0)
    groups = {n: rng.uniform(0.5, 3, 40) for n in ("pi_1", "pi_2", "pi_3")}
    a, b = 1 + 0.5 * groups["pi_3"], 2 / groups["pi_3"]
    response = 3 * groups["pi_1"] ** a * groups["pi_2"] ** b
    problem = Problem(groups, response, fields={"pi_1": a, "pi_2": b})
    z = sympy.Symbol("pi_3")
    laws = rebuilt(problem, {"pi_1": [0.49 * z + 1.01], "pi_2": [1.9 / z, _Y * 1.0]})
    best = min((refit(law, problem) for law in laws), key=lambda law: law.loss)
    assert best.loss < 1e-25
    assert loss_of(best, problem) == best.loss
    # an exponent that depends on its own group is no power of it
    assert not rebuilt(problem, {"pi_2": [_Y * 1.0]})


@pytest.mark.julia
@pytest.mark.skipif(not HERE_IS_JULIA, reason="there is no Julia here")
def test_real_searches() -> None:
    found = scenario("julia", timeout=3600)
    power = found["power"]
    assert power["outcome"] == "converged", power["message"]
    assert power["candidates"][0].startswith("c_1") or "pi_1**" in power["candidates"][0]
    assert min(power["losses"]) < 1e-20
    assert found["diffusion"]["candidates"], found["diffusion"]["message"]
    assert found["diffusion"]["error"] < 1e-2
    assert found["friction"]["candidates"], found["friction"]["message"]
    assert found["friction"]["unit"] == "Pa"
    assert found["friction"]["error"] < 2e-2
    first, second = found["same"]
    assert first["candidates"], first["message"]
    assert first["candidates"] == second["candidates"]
    assert first["constants"] == second["constants"]
    assert all(math.isfinite(loss) for loss in first["losses"])
