"""SFPPy behind the kernel protocol: migration from a monolayer into food."""

from dimgs.kernels.sfppy.kernel import Sfppy

__all__ = ["Sfppy"]
