"""Which engines are usable, without starting any."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dimgs
from dimgs.common.errors import EngineUnavailableError
from dimgs.engines import registry
from dimgs.engines.registry import (
    EngineStatus,
    all_engines,
    has_julia,
    julia_project,
    operon_status,
    pysr_status,
    require_engine,
)

ROOT = Path(__file__).resolve().parents[2]


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Environment in which no Julia can be found, PySR being installed."""
    monkeypatch.setattr(registry, "_version", lambda package: "1.2.3")
    project = tmp_path / "project"
    return {
        "PATH": str(tmp_path / "bin"),
        "PYTHON_JULIAPKG_PROJECT": str(project),
        "JULIA_DEPOT_PATH": str(tmp_path / "depot"),
    }


def test_every_engine_says_how_to_get_it_or_that_it_is_there() -> None:
    engines = {e.name: e for e in all_engines()}
    assert engines["structured"] == EngineStatus("structured", True, dimgs.__version__)
    for engine in engines.values():
        assert (engine.remedy is None) == engine.usable
        assert json.loads(json.dumps(engine.to_json())) == engine.to_json()
        assert list(engine.to_json()) == ["name", "usable", "version", "remedy"]


def test_pysr_without_julia_says_where_to_get_julia(bare: dict[str, str]) -> None:
    status = pysr_status(bare)
    assert (status.usable, status.version) == (False, "1.2.3")
    assert status.remedy is not None
    assert "julialang.org" in status.remedy
    assert "dimgs engines --install pysr" in status.remedy


def test_pysr_with_julia_still_needs_its_packages(bare: dict[str, str], tmp_path: Path) -> None:
    executable(tmp_path / "bin" / "julia")
    assert not pysr_status(bare).usable
    assert "Julia packages" in str(pysr_status(bare).remedy)
    manifest = tmp_path / "project" / "Manifest.toml"
    manifest.parent.mkdir()
    manifest.write_text("[[deps.Statistics]]\n", encoding="utf-8")
    assert not pysr_status(bare).usable
    manifest.write_text("[[deps.SymbolicRegression]]\n", encoding="utf-8")
    # packages that juliapkg has not settled would be looked for on the network
    assert "PYTHON_JULIAPKG_OFFLINE=yes" in str(pysr_status(bare).remedy)
    usable = EngineStatus("pysr", True, "1.2.3")
    assert pysr_status({**bare, "PYTHON_JULIAPKG_OFFLINE": "yes"}) == usable
    meta = tmp_path / "project" / "pyjuliapkg" / "meta.json"
    meta.parent.mkdir()
    for text, settled in (
        ("{", False),
        ('{"offline": false, "override_executable": null}', True),
        ('{"offline": true, "override_executable": null}', False),
        ('{"offline": false, "override_executable": "/opt/julia"}', False),
    ):
        meta.write_text(text, encoding="utf-8")
        assert pysr_status(bare).usable is settled


def test_variables_of_juliacall_make_nothing_usable(bare: dict[str, str], tmp_path: Path) -> None:
    named = str(executable(tmp_path / "elsewhere" / "julia"))
    project = tmp_path / "own"
    project.mkdir()
    (project / "Manifest.toml").write_text("[[deps.SymbolicRegression]]\n", encoding="utf-8")
    alone = {**bare, "PYTHON_JULIACALL_EXE": named, "PYTHON_JULIACALL_PROJECT": str(project)}
    for environment in (alone, {**alone, "PYTHON_JULIAPKG_PROJECT": str(project)}):
        status = pysr_status(environment)
        assert not status.usable
        for name in ("PYTHON_JULIAPKG_EXE", "PYTHON_JULIAPKG_PROJECT", "PYTHON_JULIAPKG_OFFLINE"):
            assert name in str(status.remedy)
    works = {"PYTHON_JULIAPKG_EXE": named, "PYTHON_JULIAPKG_PROJECT": str(project)}
    works["PYTHON_JULIAPKG_OFFLINE"] = "yes"
    assert pysr_status({**bare, **works}).usable
    assert pysr_status({**alone, **works}).usable
    relative = pysr_status({**bare, **works, "PYTHON_JULIAPKG_PROJECT": "own"})
    assert "absolute path" in str(relative.remedy)


def test_only_engines_that_are_asked_for_by_name_are_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = EngineStatus("pysr", False, None, "pip install pysr")
    monkeypatch.setattr(registry, "pysr_status", lambda: absent)
    for name in ("auto", "power_law", "structured"):
        require_engine(name)
    with pytest.raises(EngineUnavailableError, match=r"'pysr' cannot run here: pip install pysr\."):
        require_engine("pysr")


def test_julia_is_found_wherever_pysr_would_find_it(bare: dict[str, str], tmp_path: Path) -> None:
    project = julia_project(bare)
    assert not has_julia(project, bare)
    named = executable(tmp_path / "elsewhere" / "julia-1.11")
    assert has_julia(project, {**bare, "PYTHON_JULIAPKG_EXE": str(named)})
    assert not has_julia(project, {**bare, "PYTHON_JULIAPKG_EXE": str(tmp_path / "absent")})
    fetched = executable(project / "pyjuliapkg" / "install" / "bin" / "julia")
    assert has_julia(project, bare)
    fetched.unlink()
    executable(tmp_path / "bin" / "juliaup")
    assert not has_julia(project, bare)
    record = tmp_path / "depot" / "juliaup" / "juliaup.json"
    record.parent.mkdir(parents=True)
    for text, present in (
        ("{", False),
        ("{}", False),
        ('{"InstalledVersions": {"1.11": {}}}', True),
    ):
        record.write_text(text, encoding="utf-8")
        assert has_julia(project, bare) is present


def test_julia_packages_follow_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path / "venv"
    monkeypatch.setattr(sys, "prefix", str(prefix))
    assert julia_project({}) == prefix / "julia_env"
    monkeypatch.setattr(sys, "base_prefix", str(prefix))
    assert julia_project({"CONDA_PREFIX": str(tmp_path)}) == tmp_path / "julia_env"
    depot = tmp_path / "depot"
    depots = os.pathsep.join((str(depot), str(tmp_path)))
    assert julia_project({"JULIA_DEPOT_PATH": depots}) == depot / "environments" / "pyjuliapkg"
    assert julia_project({}) == Path.home() / ".julia" / "environments" / "pyjuliapkg"


def test_engines_that_are_not_installed_name_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_version", lambda package: None)
    assert pysr_status({}) == EngineStatus("pysr", False, None, "pip install pysr")
    monkeypatch.setattr(registry, "find_spec", lambda package: None)
    assert operon_status() == EngineStatus("operon", False, None, 'pip install "dimgs[operon]"')
    monkeypatch.setattr(registry, "find_spec", lambda package: object())
    assert operon_status().usable


def test_looking_starts_and_imports_no_engine() -> None:
    code = (
        "import sys; from dimgs.engines.registry import all_engines; all_engines();"
        "print([m for m in ('pysr', 'juliacall', 'juliapkg', 'pyoperon', 'numpy', 'sympy')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
