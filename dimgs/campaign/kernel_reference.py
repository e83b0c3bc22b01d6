"""From what a plan names to a kernel, in this process or in a worker."""

import hashlib
import pickle
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from dimgs.errors import InputError
from dimgs.kernels.fingerprint import file_digest
from dimgs.kernels.making import as_kernel, importing
from dimgs.kernels.protocol import Kernel
from dimgs.kernels.registry import load


def load_kernel(reference: Any) -> Kernel:
    """Kernel that a plan names.

    Parameters
    ----------
    reference : str or Kernel
        Name of an installed kernel, ``"module:attribute"``, ``"file.py:attribute"``, the path of
        a TOML file that describes a program, or a kernel.

    Returns
    -------
    Kernel

    Raises
    ------
    InputError
        If there is none; the message names the remedy.
    """
    if isinstance(reference, str):
        file = reference if reference.endswith(".toml") else reference.rpartition(":")[0]
        return _by_text(reference, file_digest(file))
    return as_kernel(reference, getattr(reference, "name", None) or f"{reference!r:.60}")


def portable(reference: Any) -> Any:
    """What to send to another process: a text, or a kernel that can be pickled.

    Raises
    ------
    InputError
        If the kernel can be neither named nor pickled.
    """
    if isinstance(reference, str):
        return reference
    try:
        pickle.dumps(reference)
    except Exception as error:
        name = getattr(reference, "name", None) or getattr(reference, "__name__", "of the plan")
        why = str(error).rpartition(": ")[2].rstrip(".")
        raise InputError(
            f"The kernel '{name}' cannot be sent to another process: {why}; name it as "
            f"'module:attribute' or 'file.py:attribute' in the plan, or use a thread pool."
        ) from error
    return reference


@lru_cache(maxsize=16)
def _by_text(reference: str, content: str | None) -> Kernel:
    """Kernel of a text, and of what its file holds now."""
    home, _, attribute = reference.rpartition(":")
    if reference.endswith(".py"):
        raise InputError(f"'{reference}' is a file; write 'file.py:name' of a kernel in it.")
    if not home.endswith(".py"):
        return load(reference)
    found = getattr(load_file(Path(home)), attribute, None)
    if found is None:
        raise InputError(f"'{home}' has no '{attribute}'; give 'file.py:name' of a kernel.")
    return as_kernel(found, attribute)


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
        raise InputError(f"'{file}' cannot be read ({error.strerror}); see to it.") from error
    if not there:
        raise InputError(f"There is no file '{file}'; give the path of a Python file.")
    return _imported(file, file_digest(file))


@lru_cache(maxsize=16)
def _imported(file: Path, content: str | None) -> ModuleType:
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
