"""The key of a run (a content hash), its seed, and its provenance."""

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import metadata
from typing import Any

from dimgs.kernels.spec import Port, Settings, Values

# of 16: conversions of units lose the last two or three
_DIGITS = 12


def content_key(
    kernel: str, version: str, tier: str, settings: Settings, inputs: Values, seed: int | None
) -> str:
    """SHA-256 of what determines a run.

    Parameters
    ----------
    kernel, version, tier : str
    settings : mapping
        Of the tier, and of the kernel itself.
    inputs : mapping of str to str
        Canonical texts, as :func:`canonical_inputs` makes them.
    seed : int or None

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    content = {
        "kernel": kernel,
        "version": version,
        "tier": tier,
        "settings": settings,
        "inputs": inputs,
        "seed": seed,
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def run_seed(seed: int, inputs: Mapping[str, str], tier: str, replicate: int = 0) -> int:
    """Seed of one run among many: from 1 to 2^31 - 1, which every generator takes.

    Parameters
    ----------
    seed : int
        Of the whole.
    inputs : mapping of str to str
        Canonical texts, as :func:`canonical_inputs` makes them.
    tier : str
    replicate : int

    Examples
    --------
    >>> seeds = [run_seed(0, {"l": "1.0"}, "fine", r) for r in (0, 1)]
    >>> seeds == [run_seed(0, {"l": "1.0"}, "fine", r) for r in (0, 1)], seeds[0] == seeds[1]
    (True, False)
    """
    text = json.dumps([seed, dict(inputs), tier, replicate], sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return number % (2**31 - 1) + 1


def canonical_inputs(ports: Sequence[Port], values: Values, inputs: Values) -> dict[str, str]:
    """Inputs as texts that do not depend on the units they were given in.

    Numbers are rounded to 12 digits in coherent SI units, so that the rounding of a conversion
    does not make two runs of one. What could not be converted stands as it was given.

    Examples
    --------
    >>> canonical_inputs([Port("l", "mm")], {"l": 2.3}, {})
    {'l': '0x1.2d77318fc5048p-9'}
    >>> canonical_inputs([Port("l", "m")], {"l": 0.0023}, {})
    {'l': '0x1.2d77318fc5048p-9'}
    """
    texts = {str(n): repr(v)[:200] for n, v in inputs.items() if n not in values}
    for port in ports:
        if port.name in values:
            value = values[port.name]
            texts[port.name] = f"label {value}" if port.is_label else canonical(port, value)
    return texts


def canonical(port: Port, value: float) -> str:
    """Hexadecimal text of a number of a port, rounded to 12 digits in coherent SI units."""
    si = port.parsed.to_si(value)
    return (float(f"{si:.{_DIGITS}g}") + 0.0).hex()


def _plain(value: Any) -> Any:
    """Of a setting that JSON does not know: the plain number behind it, or its text."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value.item() if hasattr(value, "item") else str(value)


THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


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
    installed = {name: package_version(name) for name in packages}
    present = {name: version for name, version in installed.items() if version is not None}
    return {"python": platform.python_version(), **present}


def threads() -> dict[str, str]:
    """Thread limits that the environment sets; empty where the libraries choose."""
    return {name: os.environ[name] for name in THREADS if name in os.environ}
