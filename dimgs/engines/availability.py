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

_JULIA_REMEDY = (
    "install Julia from https://julialang.org/install, or let PySR fetch it: "
    "dimgs engines --install pysr"
)
_PACKAGES_REMEDY = "let PySR fetch its Julia packages once: dimgs engines --install pysr"


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
    if not has_julia(project, variables):
        return EngineStatus("pysr", False, known, _JULIA_REMEDY)
    if not _has_packages(project):
        return EngineStatus("pysr", False, known, _PACKAGES_REMEDY)
    return EngineStatus("pysr", True, known)


def operon_status() -> EngineStatus:
    """Status of Operon, a package without further needs."""
    if find_spec("pyoperon") is None:
        return EngineStatus("operon", False, None, 'pip install "dimgs[operon]"')
    return EngineStatus("operon", True, _version("pyoperon"))


def julia_project(environment: Mapping[str, str]) -> Path:
    """Folder in which PySR keeps its Julia packages, by the rules of juliacall and juliapkg.

    Parameters
    ----------
    environment : mapping of str to str

    References
    ----------
    Documentation of the Python packages juliacall ("Getting started", configuration) and juliapkg
    ("Configuration").
    """
    for key in ("PYTHON_JULIACALL_PROJECT", "PYTHON_JULIAPKG_PROJECT"):
        if environment.get(key):
            return Path(environment[key])
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
    for key in ("PYTHON_JULIACALL_EXE", "PYTHON_JULIAPKG_EXE"):
        if environment.get(key):
            return shutil.which(environment[key], path=environment.get("PATH", "")) is not None
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


def _depot(environment: Mapping[str, str]) -> Path:
    listed = environment.get("JULIA_DEPOT_PATH", "").split(os.pathsep)[0]
    return Path(listed) if listed else Path.home() / ".julia"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
