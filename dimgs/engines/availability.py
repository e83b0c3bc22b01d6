"""Which symbolic-regression engines are usable here, found out without starting any."""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import dimgs
from dimgs.errors import EngineUnavailableError

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


@dataclass(frozen=True)
class EngineStatus:
    """An engine and whether it can run here.

    Parameters
    ----------
    name : str
    usable : bool
    version : str or None
        None where the engine is not installed.
    remedy : str or None
        How to make it usable; None where it is.
    """

    name: str
    usable: bool
    version: str | None = None
    remedy: str | None = None

    def to_json(self) -> dict[str, str | bool | None]:
        """Plain values."""
        return asdict(self)


def all_engines() -> list[EngineStatus]:
    """Every engine that dimgs can use; nothing is imported, started or downloaded.

    Returns
    -------
    list of EngineStatus

    Examples
    --------
    >>> [engine.name for engine in all_engines()]
    ['structured', 'pysr', 'operon']
    >>> all_engines()[0].usable
    True
    """
    return [EngineStatus("structured", True, dimgs.__version__), pysr_status(), operon_status()]


def pysr_status(environment: Mapping[str, str] | None = None) -> EngineStatus:
    """Status of PySR, which needs Julia and Julia packages of its own.

    Importing PySR starts Julia, and may install it; so its files are looked for instead.

    Parameters
    ----------
    environment : mapping of str to str, optional
        By default that of the process.
    """
    known = _version("pysr")
    if known is None:
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
    return EngineStatus("pysr", remedy is None, known, remedy)


def operon_status() -> EngineStatus:
    """Status of Operon, a package without further needs."""
    if find_spec("pyoperon") is None:
        return EngineStatus("operon", False, None, 'pip install "dimgs[operon]"')
    return EngineStatus("operon", True, _version("pyoperon"))


def require_engine(name: str) -> None:
    """Refuse an engine that was asked for by its name and cannot run here.

    Parameters
    ----------
    name : str
        As on the command line; "auto" and "power_law" need nothing.

    Raises
    ------
    EngineUnavailableError
        With the remedy.
    """
    for engine in all_engines():
        if engine.name == name and not engine.usable:
            raise EngineUnavailableError(f"The engine '{name}' cannot run here: {engine.remedy}.")


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
        found = json.loads(text)
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and bool(found.get("InstalledVersions"))


def _has_packages(project: Path) -> bool:
    """Whether the Julia package behind PySR has been resolved in its project."""
    for manifest in project.glob("*Manifest*.toml"):
        if "SymbolicRegression" in manifest.read_text(encoding="utf-8", errors="replace"):
            return True
    return False


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
