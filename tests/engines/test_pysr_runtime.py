"""PySR where Julia, its packages or the right version are missing."""

import sys
from pathlib import Path

import numpy as np
import pytest

from dimgs.common.errors import EngineUnavailableError
from dimgs.engines import pysr as pysr_runtime
from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.pysr import PySREngine
from tests.patience import AMPLE


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
        pytest.skip("PySR is running in this process already: run this file alone")
    problem = Problem({"pi_1": np.array([1.0, 2.0])}, np.array([1.0, 2.0]))
    result = PySREngine().search(problem, SearchBudget(5.0))
    assert result.outcome == "unavailable"
    assert "Julia" in result.message
    assert "install" in result.message
    assert not {"pysr", "juliacall"} & set(sys.modules)


@pytest.mark.usefixtures("no_julia")
@pytest.mark.parametrize(
    ("code", "seconds", "words"),
    [
        ("import time; time.sleep(600)", 1.0, "not ready within 1 s"),
        ("raise OSError('no route to host')", AMPLE, "no route to host"),
    ],
)
def test_the_wait_for_packages_is_bounded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, seconds: float, words: str
) -> None:
    """With a Julia but without its packages, on a network that answers nothing or an error."""
    if {"pysr", "juliacall"} & set(sys.modules):
        pytest.skip("PySR is running in this process already: run this file alone")
    julia = tmp_path / "julia"
    julia.write_text("#!/bin/sh\necho julia version 1.11.5\n")
    julia.chmod(0o755)
    (tmp_path / "pysr.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EngineUnavailableError, match=words):
        pysr_runtime.load_pysr(setup_seconds=seconds)


@pytest.mark.usefixtures("no_julia")
@pytest.mark.parametrize("version", ["1.5.9", "0.19.4", "3.0.0"])
def test_versions_out_of_range_are_refused(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    if {"pysr", "juliacall"} & set(sys.modules):
        pytest.skip("PySR is running in this process already: run this file alone")
    monkeypatch.setattr("dimgs.engines.registry._version", lambda _: version)
    with pytest.raises(EngineUnavailableError, match=f"PySR {version} is not supported"):
        pysr_runtime.load_pysr()
