"""Where a run came from: versions and threads, nothing that names a machine."""

import os
import platform
from collections.abc import Iterable
from functools import cache
from importlib import metadata

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@cache
def package_version(name: str) -> str | None:
    """Version of an installed distribution; None where there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python and of the packages that are installed.

    Examples
    --------
    >>> sorted(versions(["numpy", "no-such-package"]))
    ['numpy', 'python']
    """
    found = {name: package_version(name) for name in packages}
    known = {name: version for name, version in found.items() if version is not None}
    return {"python": platform.python_version(), **known}


def threads() -> dict[str, str]:
    """Thread limits that the environment sets; empty where the libraries choose."""
    return {name: os.environ[name] for name in _THREADS if name in os.environ}
