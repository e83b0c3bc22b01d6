"""From what a plan names to a kernel, in this process or in a worker."""

import hashlib
import pickle
import sys
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from dimgs.errors import InputError
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
    found = _by_text(reference) if isinstance(reference, str) else reference
    if isinstance(found, type):
        found = found()
    if callable(found) and not isinstance(found, Kernel):
        from dimgs.kernels.function import kernel

        found = kernel(found)
    if not isinstance(found, Kernel):
        raise InputError(
            f"{reference!r:.80} is no kernel: it needs name, version, inputs, outputs, tiers and "
            f"run; subclass BaseKernel or decorate a function with @kernel."
        )
    return found


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
        raise InputError(
            f"The kernel '{reference.name}' cannot be sent to another process ({error}); name it "
            f"as 'module:attribute' in the plan, or use a thread pool."
        ) from error
    return reference


@lru_cache(maxsize=16)
def _by_text(reference: str) -> Any:
    home, _, attribute = reference.rpartition(":")
    if not home.endswith(".py"):
        return load(reference)
    found = getattr(load_file(Path(home)), attribute, None)
    if found is None:
        raise InputError(f"'{home}' has no '{attribute}'; give 'file.py:name' of a kernel.")
    return found


@lru_cache(maxsize=16)
def load_file(file: Path) -> ModuleType:
    """Module of a Python file, under a name of its own.

    Raises
    ------
    InputError
        If there is no such file.
    """
    if not file.is_file():
        raise InputError(f"There is no file '{file}'; give the path of a Python file.")
    unique = f"_dimgs_plan_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]}"
    spec = spec_from_file_location(unique, file)
    if spec is None or spec.loader is None:
        raise InputError(f"'{file}' cannot be imported; give a Python file.")
    module = module_from_spec(spec)
    sys.modules[unique] = module
    spec.loader.exec_module(module)
    return module
