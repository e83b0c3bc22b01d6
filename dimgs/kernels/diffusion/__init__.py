"""One-dimensional migration from a film into a well-stirred bath."""

from dimgs.kernels.diffusion.kernel import Diffusion, DiffusionCurves, DiffusionSeries

__all__ = ["Diffusion", "DiffusionCurves", "DiffusionSeries"]
