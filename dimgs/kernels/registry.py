"""Kernels by name, file or module; any error in a user's code becomes one sentence."""

import hashlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from dimgs.common.advice import did_you_mean
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.plugins import entry_points
from dimgs.kernels.base import Kernel, Port, Tier, all_of
from dimgs.kernels.fingerprint import file_digest
from dimgs.kernels.function import PackedKernel, kernel, unpacked
from dimgs.kernels.record import with_kind

GROUP = "dimgs.kernels"

# the adapters of single programs are entry points of this package, like those of any other
_BUILT_IN = {"command": "dimgs.kernels.command:CommandKernel"}
_PARTS = ("name", "version", "inputs", "outputs", "tiers", "run")


def available() -> tuple[str, ...]:
    """Names of the kernels of the package and of installed packages, sorted.

    None is imported: one may still miss the program that it calls.

    Examples
    --------
    >>> "diffusion" in available()
    True
    """
    return tuple(sorted({*_BUILT_IN, *entry_points(GROUP)}))


def get_kernel(name: str) -> Any:
    """Kernel that is registered under a name, or its class.

    Parameters
    ----------
    name : str
        A name of :func:`available`, ``"module:attribute"``, ``"file.py:attribute"``, or the path
        of a TOML file that describes a program (see :func:`dimgs.kernels.command.read_command`).

    Raises
    ------
    InputError
        If there is none, or it cannot be imported.
    """
    if name.endswith(".toml"):
        from dimgs.kernels.command import read_command

        return read_command(name)
    if name.endswith(".py"):
        raise InputError(f"'{name}' is a file; write 'file.py:name' of a kernel in it.")
    home = name if ":" in name else ({**entry_points(GROUP), **_BUILT_IN}).get(name)
    if home is None:
        names = available()
        known = f"there are {', '.join(names)}, and 'module:attribute' names your own."
        raise InputError(f"There is no kernel '{name}'; {did_you_mean(name, names, known, most=2)}")
    module, _, attribute = home.rpartition(":")
    in_file = module.endswith(".py")
    entry: Any = load_file(Path(module)) if in_file else _imported(name, module, attribute)
    for part in attribute.split("."):
        if not hasattr(entry, part):
            raise InputError(f"'{module}' has no '{attribute}'; correct the name of the kernel.")
        entry = getattr(entry, part)
    return entry


def load(name: str, **options: Any) -> Kernel:
    """Kernel by name.

    Parameters
    ----------
    name : str
        A name of :func:`available`; ``"module:attribute"`` or ``"file.py:attribute"`` of a
        kernel, a class that makes one, or a function whose annotations hold units; or the path of
        a TOML file that describes a program.
    **options
        For the class that makes it, such as the arguments of
        :class:`~dimgs.kernels.command.CommandKernel`.

    Returns
    -------
    Kernel

    Raises
    ------
    InputError
        If there is none, or it cannot be made of the options.

    Examples
    --------
    >>> [tier.name for tier in load("diffusion").tiers]
    ['coarse', 'medium', 'fine']
    """
    return as_kernel(get_kernel(name), name, **options)


def _imported(name: str, module: str, attribute: str) -> Any:
    try:
        with importing(f"The module of the kernel '{name}'"):
            return import_module(module)
    except InputError as error:
        if not isinstance(error.__cause__, ImportError):
            raise
        cause, remedy = error.__cause__, "check the name, or install its dependencies"
        if cause.name == module:
            remedy += f"; for a file of yours write '{module}.py:{attribute}'"
        raise InputError(f"The kernel '{name}' cannot be imported ({cause}); {remedy}.") from cause


@contextmanager
def importing(what: str, file: str | None = None) -> Iterator[None]:
    """Import code of a user.

    Parameters
    ----------
    what : str
        What is imported, for messages.
    file : str, optional
        Its file; the message gives the line where the error arises in it.

    Raises
    ------
    InputError
        For whatever the code raises, an exit included; Ctrl-C passes.

    Examples
    --------
    >>> with importing("film.py"):
    ...     1 / 0
    Traceback (most recent call last):
    dimgs.common.errors.InputError: film.py fails when it is imported (ZeroDivisionError: ...);
    correct it.
    """
    try:
        yield
    except DimgsError as error:
        raise InputError(f"{what}: {error}") from error
    except (Exception, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
        why = with_kind(error) + (f", line {frames[-1].lineno}" if frames else "")
        raise InputError(f"{what} fails when it is imported ({why}); correct it.") from error


def as_kernel(entry: Any, name: str, **options: Any) -> Kernel:
    """Kernel from a kernel, a class that makes one, or a function with units.

    Parameters
    ----------
    entry : object
    name : str
        Name for messages.
    **options
        For the class.

    Raises
    ------
    InputError
        If it is not one, or cannot be made.
    """
    if isinstance(entry, type):
        entry = _make(entry, name, options)
    elif options:
        raise InputError(f"The kernel '{name}' takes no options, not {', '.join(options)}.")
    elif callable(entry) and not isinstance(entry, Kernel):
        entry = kernel(entry)
    missing = [part for part in _PARTS if not hasattr(entry, part)]
    if missing:
        fault = f"'{name}' is not a kernel: it needs {', '.join(_PARTS)}, and has no {missing[0]}"
        raise InputError(f"{fault}; subclass BaseKernel or decorate a function with @kernel.")
    _check_parts(entry, name)
    checked: Kernel = entry
    return checked


def _make(factory: type, name: str, options: dict[str, Any]) -> Any:
    try:
        return factory(**options)
    except DimgsError:
        raise
    except TypeError as error:
        ways = "give what it needs as options of load(), or make it in a Python file and name it"
        fault = f"The kernel '{name}' cannot be made like this ({error})"
        raise InputError(f"{fault}; {ways} as 'file.py:name'.") from error
    except (Exception, SystemExit) as error:
        raise InputError(f"The kernel '{name}' cannot be made ({with_kind(error)}).") from error


def _check_parts(entry: Any, name: str) -> None:
    kinds: dict[str, Any] = {"inputs": Port, "outputs": Port, "tiers": Tier}
    for part, kind in kinds.items():
        what = f"The {part} of the kernel '{name}'"
        if not all_of(getattr(entry, part), kind, what, "a tuple of") and part != "inputs":
            raise InputError(f"The kernel '{name}' declares no {part}; give at least one.")


def load_kernel(reference: Any) -> Kernel:
    """Kernel that a plan names.

    Parameters
    ----------
    reference : str or Kernel
        Name of an installed kernel, ``"module:attribute"``, ``"file.py:attribute"``, the path of
        a TOML file that describes a program, a kernel, or one that :func:`portable` packed.

    Returns
    -------
    Kernel

    Raises
    ------
    InputError
        If there is none; the message names the remedy.
    """
    if isinstance(reference, PackedKernel):
        if reference.file is not None:
            load_file(Path(reference.file))
        reference = unpacked(reference.content)
    if isinstance(reference, str):
        file = reference if reference.endswith(".toml") else reference.rpartition(":")[0]
        return _by_text(reference, file_digest(file))
    return as_kernel(reference, getattr(reference, "name", None) or f"{reference!r:.60}")


@lru_cache(maxsize=16)
def _by_text(reference: str, content: str | None) -> Kernel:
    """Kernel of a text, and of what its file holds now."""
    return load(reference)


def load_file(file: Path) -> ModuleType:
    """Module of a Python file as it is now, under a name of its own.

    What lies beside the file can be imported in it, after everything that is installed.

    Raises
    ------
    InputError
        If there is no such file, or it fails when it is imported.
    """
    try:
        there = file.is_file()
    except OSError as error:
        fault = f"'{file}' cannot be read ({error.strerror})"
        raise InputError(f"{fault}; check its path and permissions.") from error
    if not there:
        raise InputError(f"There is no file '{file}'; give the path of a Python file.")
    return _executed(file, file_digest(file))


@lru_cache(maxsize=16)
def _executed(file: Path, content: str | None) -> ModuleType:
    unique = f"_dimgs_plan_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    module = ModuleType(unique)
    module.__file__ = str(file)
    sys.modules[unique] = module
    beside = str(file.resolve().parent)
    if beside not in sys.path:
        sys.path.append(beside)
    with importing(file.name, str(file)):
        # not through Python's cache of compiled files, which takes an edit within a second for none
        exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)
    return module
