"""Kernels by name: those of the package, and those that other packages bring.

A package adds its kernels as entry points of the group ``dimgs.kernels``; each names a kernel, a
class that makes one, or a function with units.
"""

from difflib import get_close_matches
from functools import cache
from importlib import import_module, metadata
from typing import Any

from dimgs.errors import InputError
from dimgs.kernels.making import as_kernel, importing
from dimgs.kernels.protocol import Kernel

GROUP = "dimgs.kernels"

_BUILT_IN = {
    "command": "dimgs.kernels.command:CommandKernel",
    "diffusion": "dimgs.kernels.diffusion:Diffusion",
    "diffusion-series": "dimgs.kernels.diffusion:DiffusionSeries",
    "dscript": "dimgs.kernels.dscript:DScript",
    "dscript-phantom": "dimgs.kernels.dscript:DScriptPhantomChains",
    "lammps": "dimgs.kernels.lammps:LammpsKernel",
    "lammps-excluded-volume": "dimgs.kernels.lammps:ExcludedVolumeChains",
    "lammps-phantom": "dimgs.kernels.lammps:PhantomChains",
    "radigen": "dimgs.kernels.radigen:Radigen",
    "sfppy": "dimgs.kernels.sfppy:Sfppy",
}


def available() -> tuple[str, ...]:
    """Names of the kernels of the package and of installed packages, sorted.

    None is imported: one may still miss the program that it calls.

    Examples
    --------
    >>> "diffusion" in available()
    True
    """
    return tuple(sorted({*_BUILT_IN, *_entry_points()}))


def get_kernel(name: str) -> Any:
    """What is registered under a name: a kernel, or a class that makes one.

    Parameters
    ----------
    name : str
        A name of :func:`available`, ``"module:attribute"``, or the path of a TOML file that
        describes a program (see :func:`dimgs.kernels.command.read_command`).

    Raises
    ------
    InputError
        If there is none, or it cannot be imported.
    """
    if name.endswith(".toml"):
        from dimgs.kernels.command import read_command

        return read_command(name)
    home = name if ":" in name else (_BUILT_IN | _entry_points()).get(name)
    if home is None:
        near = get_close_matches(name, available(), n=2)
        remedy = (
            f"did you mean {' or '.join(repr(n) for n in near)}?"
            if near
            else (f"there are {', '.join(available())}, and 'module:attribute' names your own.")
        )
        raise InputError(f"There is no kernel '{name}'; {remedy}")
    module, _, attribute = home.partition(":")
    found: Any = _imported(name, module, attribute)
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise InputError(f"'{module}' has no '{attribute}'; correct the name of the kernel.")
        found = getattr(found, part)
    return found


def load(name: str, **options: Any) -> Kernel:
    """Kernel by name.

    Parameters
    ----------
    name : str
        A name of :func:`available`, ``"module:attribute"`` of a kernel, a class that makes one,
        or a function whose annotations hold units, or the path of a TOML file that describes a
        program.
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
        remedy = "check the name, or install what it needs"
        if getattr(error.__cause__, "name", None) == module:
            remedy += f"; for a file of yours write '{module}.py:{attribute}'"
        raise InputError(
            f"The kernel '{name}' cannot be imported ({error.__cause__}); {remedy}."
        ) from error.__cause__


@cache
def _entry_points() -> dict[str, str]:
    found = metadata.entry_points(group=GROUP)
    return {point.name: point.value for point in found if point.name not in _BUILT_IN}
