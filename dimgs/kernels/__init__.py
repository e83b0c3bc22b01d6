"""Adapters for simulators, one file each: physical inputs in, one traceable RunRecord out.

Names are imported on first use, so that importing the package stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dimgs.kernels.base import BaseKernel, Simulated
    from dimgs.kernels.command import CommandKernel
    from dimgs.kernels.function import FunctionKernel, kernel
    from dimgs.kernels.record import RunRecord, RunRequest, Status
    from dimgs.kernels.registry import available, load
    from dimgs.kernels.spec import Kernel, Port, Tier

_HOMES = {
    "BaseKernel": "base",
    "CommandKernel": "command",
    "FunctionKernel": "function",
    "Kernel": "spec",
    "Port": "spec",
    "RunRecord": "record",
    "RunRequest": "record",
    "Simulated": "base",
    "Status": "record",
    "Tier": "spec",
    "available": "registry",
    "kernel": "function",
    "load": "registry",
}

__all__ = [
    "BaseKernel",
    "CommandKernel",
    "FunctionKernel",
    "Kernel",
    "Port",
    "RunRecord",
    "RunRequest",
    "Simulated",
    "Status",
    "Tier",
    "available",
    "kernel",
    "load",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"dimgs.kernels.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'dimgs.kernels' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
