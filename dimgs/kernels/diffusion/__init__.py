"""One-dimensional migration from a film into a well-stirred bath."""

from dimgs.kernels.diffusion.kernel import Diffusion, DiffusionSeries

__all__ = ["Diffusion", "DiffusionSeries"]
