"""One-dimensional migration from a film into a well-stirred bath."""

from dimgs.kernels.diffusion.diffusion_kernel import Diffusion, DiffusionCurves, DiffusionSeries

__all__ = ["Diffusion", "DiffusionCurves", "DiffusionSeries"]
