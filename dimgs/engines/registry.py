"""Engines by name: what each can do, whether it can run here, and how to make one.

A package adds an engine with one file, which holds the engine and an :class:`EngineEntry`, and an
entry point of the group ``dimgs.engines`` that names the entry. Those of this package register the
same way. Nothing here imports an engine before it is made.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dimgs.common.errors import DimgsError, EngineUnavailableError, InputError
from dimgs.common.plugins import entry_points

if TYPE_CHECKING:
    from dimgs.engines.protocol import Engine
    from dimgs.expression.candidate import Candidate

GROUP = "dimgs.engines"
# what may stand in place of an engine: all that are usable, in turn; none
ALL, NONE = "auto", "power_law"


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


@dataclass(frozen=True)
class EngineEntry:
    """An engine as it is registered, with its capabilities.

    Parameters
    ----------
    engine : str
        Class of the engine as ``"module:attribute"``, see :class:`dimgs.engines.protocol.Engine`.
    status : callable
        Tells whether it can run here; must import and start nothing.
    rank : int
        With ``engine="auto"`` those of lower rank run first; the first one needs no other program,
        and takes part wherever one engine has to do.
    takes_guesses : bool
        Whether the class takes ``guesses``, candidates to start from.
    cites : tuple of str
        Works that a law found by it rests on: keys of the bibliography of reports.
    install : callable, optional
        Fetches what the engine needs at its first start; raises `DimgsError` where that fails.
    """

    engine: str
    status: Callable[[], EngineStatus]
    rank: int = 100
    takes_guesses: bool = False
    cites: tuple[str, ...] = ()
    install: Callable[[], None] | None = field(default=None, compare=False)

    def make(self, guesses: "Sequence[Candidate]" = ()) -> "Engine":
        """The engine, started from guesses where it can be.

        Raises
        ------
        ImportError
            If a package that it needs is missing.
        """
        from dimgs.engines.protocol import Engine

        module, _, attribute = self.engine.partition(":")
        factory = getattr(import_module(module), attribute)
        engine = factory(guesses=guesses) if self.takes_guesses else factory()
        assert isinstance(engine, Engine)
        return engine


def entries() -> dict[str, EngineEntry]:
    """Engines that can be had by name, in their order; those whose package fails are left out.

    Examples
    --------
    >>> [name for name, entry in entries().items() if entry.takes_guesses]
    ['pysr']
    """
    by_name = {
        name: entry
        for name in entry_points(GROUP)
        if isinstance(entry := _entry(name), EngineEntry)
    }
    # those of other packages come after the own ones, whatever rank they claim
    built_in = {name for name, home in entry_points(GROUP).items() if home.startswith("dimgs.")}
    return dict(
        sorted(by_name.items(), key=lambda item: (item[0] not in built_in, item[1].rank, item[0]))
    )


def entry_named(name: str) -> EngineEntry:
    """Entry of an engine.

    Raises
    ------
    InputError
        If there is no such engine, or its package does not register it properly.
    """
    check_name(name)
    entry = _entry(name) if name in entry_points(GROUP) else f"'{name}' is not a single engine"
    if isinstance(entry, str):
        raise InputError(f"The engine '{name}' cannot be made: {entry}.")
    return entry


def engine_names() -> tuple[str, ...]:
    """Names of engines that ``engine=`` accepts.

    Examples
    --------
    >>> engine_names()[0], engine_names()[-1]
    ('auto', 'power_law')
    """
    return (ALL, *entries(), NONE)


def embedded() -> str:
    """Name of the engine that needs no other program.

    Examples
    --------
    >>> embedded()
    'structured'
    """
    return next(iter(entries()))


def check_name(name: str) -> None:
    """Refuse a name that is not an engine's.

    Raises
    ------
    InputError
        With the names that there are.
    """
    if name not in (*engine_names(), *entry_points(GROUP)):
        raise InputError(f"There is no engine '{name}'; choose from {', '.join(engine_names())}.")


def all_engines() -> list[EngineStatus]:
    """Every engine that is registered, in their order; nothing is started or downloaded.

    Returns
    -------
    list of EngineStatus
        Those whose package fails when it is imported come last.

    Examples
    --------
    >>> [engine.name for engine in all_engines()]
    ['structured', 'pysr', 'operon']
    >>> all_engines()[0].usable
    True
    """
    statuses = [entry.status() for entry in entries().values()]
    failed = {name: why for name in entry_points(GROUP) if isinstance(why := _entry(name), str)}
    return statuses + [EngineStatus(name, False, None, why) for name, why in failed.items()]


def require_engine(name: str) -> None:
    """Raise an error for a requested engine that cannot run here.

    Parameters
    ----------
    name : str
        As on the command line; "auto" and "power_law" need nothing.

    Raises
    ------
    EngineUnavailableError
        With the remedy.
    """
    if name in (ALL, NONE):
        return
    status = entry_named(name).status()
    if not status.usable:
        raise EngineUnavailableError(f"The engine '{name}' cannot run here: {status.remedy}.")


def _entry(name: str) -> EngineEntry | str:
    """Engine of an entry point, or the reason why it is none."""
    home = entry_points(GROUP)[name]
    module, _, attribute = home.partition(":")
    try:
        entry = getattr(import_module(module), attribute)
    except Exception as error:
        why = str(error) if isinstance(error, DimgsError) else f"{type(error).__name__}: {error}"
        return f"the package of '{name}' fails when it is imported ({why}); mend or remove it"
    if not isinstance(entry, EngineEntry):
        return f"'{home}', registered as the engine '{name}', is no EngineEntry; ask who wrote it"
    return entry


# ---- The engines of this package as they are registered, and whether they can run here.


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
    install=lambda: import_module("dimgs.engines.pysr").fetch_packages(),
)
OPERON = EngineEntry(
    "dimgs.engines.operon:OperonEngine", lambda: operon_status(), rank=2, cites=("burlacu2020",)
)
