"""What known physics adds to the loss: signs and limits of exponents, few interactions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dimgs.arrays import Array
from dimgs.fits.potential.jets import curvatures, slopes
from dimgs.fits.potential.network import Layout
from dimgs.fits.potential.physics import Physics

# how far beyond the runs a limit is imposed, and signs are kept, in spans of the feature
_BEYOND = (0.5, 1.0, 2.0)
_AROUND = 1.5
_MOST_POINTS = 50
_ROUND = 1e-6


@dataclass(frozen=True)
class Penalty:
    """Prior knowledge in whitened coordinates, ready to be added to a loss.

    Parameters
    ----------
    physics : Physics
    layout : Layout
    transform : Tensor of shape (n_numeric, rank)
        Of the whitening: exponents are `slopes @ transform.T`.
    columns : dict of int to int
        Position of a column of X among the numeric ones.
    spread : Tensor of shape (n_numeric,)
        Standard deviation of each numeric column.
    scale : Tensor of shape (n_targets,)
        Unit of the potential.
    points, codes : Tensor
        Runs at which the physics is imposed.
    far : tuple of Tensor
        For each limit, points of shape (n_points, rank) out there.
    """

    physics: Physics
    layout: Layout
    transform: Tensor
    columns: dict[int, int]
    spread: Tensor
    scale: Tensor
    points: Tensor
    codes: Tensor
    far: tuple[Tensor, ...]

    def value(self, theta: Tensor) -> Tensor:
        """Penalty of each network, shape (n_models,)."""
        out = torch.zeros(len(theta), dtype=theta.dtype, device=theta.device)
        if self.physics.monotone:
            around = torch.cat([self.points, _AROUND * self.points])
            codes = torch.cat([self.codes, self.codes])
            found = self._exponents(theta, around, codes)
            for feature, sign in self.physics.monotone.items():
                j = self.columns[feature]
                wrong = torch.relu(-sign * found[..., j]) * self.spread[j]
                out = out + self.physics.strength * wrong.square().mean((-1, -2))
        for limit, far in zip(self.physics.limits, self.far, strict=True):
            j = self.columns[limit.feature]
            codes = self.codes.repeat(len(_BEYOND), 1)
            found = self._exponents(theta, far, codes)[..., j]
            miss = (found - limit.exponent / self.scale) * self.spread[j]
            out = out + self.physics.strength * miss.square().mean((-1, -2))
        if self.physics.interaction and len(self.spread) > 1:
            out = out + self.physics.interaction * self._interactions(theta)
        return out

    def _exponents(self, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
        return slopes(self.layout, theta, z, codes) @ self.transform.T

    def _interactions(self, theta: Tensor) -> Tensor:
        curved = curvatures(self.layout, theta, self.points, self.codes)
        mixed = self.transform @ curved @ self.transform.T
        mixed = mixed * torch.outer(self.spread, self.spread)
        size = (mixed.square().mean((1, 2)) + _ROUND**2).sqrt() - _ROUND
        return torch.triu(size, diagonal=1).sum((-1, -2))


def penalty_of(
    physics: Physics,
    layout: Layout,
    transform: Array,
    columns: dict[int, int],
    X: Array,
    z: Tensor,
    codes: Tensor,
    scale: Array,
) -> Penalty | None:
    """The penalty on some runs; None where no physics is given.

    Parameters
    ----------
    physics : Physics
    layout : Layout
    transform : ndarray of shape (n_numeric, rank)
    columns : dict of int to int
    X : ndarray of shape (n_runs, n_numeric)
        Numeric columns.
    z, codes : Tensor
        Whitened coordinates and labels of the runs.
    scale : ndarray of shape (n_targets,)
    """
    if not (physics.uses_gradient or physics.interaction):
        return None
    step = -(-len(X) // _MOST_POINTS)
    rows = slice(None, None, step)
    some, points = X[rows], z[rows]
    matrix = torch.as_tensor(transform, dtype=z.dtype, device=z.device)
    far = []
    for limit in physics.limits:
        j = columns[limit.feature]
        low, high = X[:, j].min(), X[:, j].max()
        span = max(high - low, 1e-12)
        shifts = []
        for beyond in _BEYOND:
            there = high + beyond * span if limit.end == "high" else low - beyond * span
            shift = torch.as_tensor(there - some[:, j], dtype=z.dtype, device=z.device)
            shifts.append(points + shift[:, None] * matrix[j])
        far.append(torch.cat(shifts))
    return Penalty(
        physics,
        layout,
        matrix,
        columns,
        torch.as_tensor(X.std(axis=0), dtype=z.dtype, device=z.device),
        torch.as_tensor(scale, dtype=z.dtype, device=z.device),
        points,
        codes[rows],
        tuple(far),
    )
