"""Adapters for simulators, one file each: physical inputs in, one traceable RunRecord out.

Names are imported on first use, so that importing the package stays fast.
"""

from typing import TYPE_CHECKING

from dimgs.common.lazy import on_first_use

if TYPE_CHECKING:
    from dimgs.kernels.base import BaseKernel as BaseKernel
    from dimgs.kernels.base import Kernel as Kernel
    from dimgs.kernels.base import Port as Port
    from dimgs.kernels.base import Simulated as Simulated
    from dimgs.kernels.base import Tier as Tier
    from dimgs.kernels.command import CommandKernel as CommandKernel
    from dimgs.kernels.function import FunctionKernel as FunctionKernel
    from dimgs.kernels.function import kernel as kernel
    from dimgs.kernels.record import RunRecord as RunRecord
    from dimgs.kernels.record import RunRequest as RunRequest
    from dimgs.kernels.record import Status as Status
    from dimgs.kernels.registry import available as available
    from dimgs.kernels.registry import load as load

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "base": "BaseKernel Kernel Port Simulated Tier",
        "command": "CommandKernel",
        "function": "FunctionKernel kernel",
        "record": "RunRecord RunRequest Status",
        "registry": "available load",
    },
)
