"""The engines of this package as they are registered, and whether they can run here."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from dimgs.engines.registry import EngineEntry, EngineStatus

_JULIA_REMEDY = (
    "install Julia from https://julialang.org/install, or let PySR fetch it: "
    "dimgs engines --install pysr"
)
_PACKAGES_REMEDY = "let PySR fetch its Julia packages once: dimgs engines --install pysr"
_OFFLINE_REMEDY = (
    "Julia and its packages are there, but PySR would ask the network for them first: set "
    "PYTHON_JULIAPKG_OFFLINE=yes, or once run dimgs engines --install pysr"
)
# juliacall has variables of its own, which PySR's packages are not found by
_NOT_ENOUGH = (
    "PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT are not enough: set PYTHON_JULIAPKG_EXE, "
    "PYTHON_JULIAPKG_PROJECT (an absolute path) and PYTHON_JULIAPKG_OFFLINE=yes"
)
IGNORED = ("PYTHON_JULIACALL_EXE", "PYTHON_JULIACALL_PROJECT")


def pysr_status(environment: Mapping[str, str] | None = None) -> EngineStatus:
    """Status of PySR, which needs Julia and Julia packages of its own.

    Importing PySR starts Julia, and may install it; so its files are looked for instead.

    Parameters
    ----------
    environment : mapping of str to str, optional
        By default that of the process.
    """
    installed = _version("pysr")
    if installed is None:
        return EngineStatus("pysr", False, None, "pip install pysr")
    variables = os.environ if environment is None else environment
    project = julia_project(variables)
    remedy = None
    if not has_julia(project, variables):
        remedy = _JULIA_REMEDY
    elif not project.is_absolute():
        remedy = f"set PYTHON_JULIAPKG_PROJECT to an absolute path, which '{project}' is not"
    elif not _has_packages(project):
        remedy = _PACKAGES_REMEDY
    elif not _is_settled(project, variables):
        remedy = _OFFLINE_REMEDY
    if remedy is not None and any(variables.get(name) for name in IGNORED):
        remedy = f"{_NOT_ENOUGH}; or {remedy}"
    return EngineStatus("pysr", remedy is None, installed, remedy)


def operon_status() -> EngineStatus:
    """Status of Operon, a package without further needs."""
    if find_spec("pyoperon") is None:
        return EngineStatus("operon", False, None, 'pip install "dimgs[operon]"')
    return EngineStatus("operon", True, _version("pyoperon"))


def julia_project(environment: Mapping[str, str]) -> Path:
    """Folder in which PySR keeps its Julia packages, by the rules of juliapkg.

    Parameters
    ----------
    environment : mapping of str to str

    References
    ----------
    Documentation of the Python package juliapkg ("Configuration").
    """
    if environment.get("PYTHON_JULIAPKG_PROJECT"):
        return Path(environment["PYTHON_JULIAPKG_PROJECT"])
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "julia_env"
    if environment.get("CONDA_PREFIX"):
        return Path(environment["CONDA_PREFIX"]) / "julia_env"
    return _depot(environment) / "environments" / "pyjuliapkg"


def has_julia(project: Path, environment: Mapping[str, str]) -> bool:
    """Whether a Julia executable is where PySR would find it.

    Parameters
    ----------
    project : Path
        As :func:`julia_project` gives it.
    environment : mapping of str to str
    """
    named = environment.get("PYTHON_JULIAPKG_EXE")
    if named:
        return shutil.which(named, path=environment.get("PATH", "")) is not None
    fetched = project / "pyjuliapkg" / "install" / "bin" / "julia"
    if shutil.which(str(fetched)):
        return True
    path = environment.get("PATH", "")
    return shutil.which("julia", path=path) is not None or _has_juliaup_versions(path, environment)


def _has_juliaup_versions(path: str, environment: Mapping[str, str]) -> bool:
    """Whether juliaup, found on the path, has installed a version of Julia."""
    if shutil.which("juliaup", path=path) is None:
        return False
    try:
        text = (_depot(environment) / "juliaup" / "juliaup.json").read_text(encoding="utf-8")
        versions = json.loads(text)
    except (OSError, ValueError):
        return False
    return isinstance(versions, dict) and bool(versions.get("InstalledVersions"))


def _has_packages(project: Path) -> bool:
    """Whether the Julia package behind PySR has been resolved in its project."""
    manifests = project.glob("*Manifest*.toml")
    texts = (manifest.read_text(encoding="utf-8", errors="replace") for manifest in manifests)
    return any("SymbolicRegression" in text for text in texts)


def _is_settled(project: Path, environment: Mapping[str, str]) -> bool:
    """Whether juliapkg would take what is there, and not look for newer packages first."""
    if environment.get("PYTHON_JULIAPKG_OFFLINE") == "yes":
        return True
    try:
        meta = json.loads((project / "pyjuliapkg" / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (
        isinstance(meta, dict)
        and not meta.get("offline")
        and meta.get("override_executable") == environment.get("PYTHON_JULIAPKG_EXE")
    )


def _depot(environment: Mapping[str, str]) -> Path:
    listed = environment.get("JULIA_DEPOT_PATH", "").split(os.pathsep)[0]
    return Path(listed) if listed else Path.home() / ".julia"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


STRUCTURED = EngineEntry(
    "dimgs.engines.structured:StructuredEngine",
    lambda: EngineStatus("structured", True, version("dimgs")),
    rank=0,
)
PYSR = EngineEntry(
    "dimgs.engines.pysr:PySREngine",
    lambda: pysr_status(),
    rank=1,
    takes_guesses=True,
    cites=("cranmer2023",),
    # its first import starts PySR's own installation
    install=lambda: import_module("dimgs.engines.pysr.runtime").fetch_packages(),
)
OPERON = EngineEntry(
    "dimgs.engines.operon:OperonEngine", lambda: operon_status(), rank=2, cites=("burlacu2020",)
)
