"""What the training of a potential minimises: misfits over all pairs, and penalties."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from dimgs.arrays import Array
from dimgs.fits.potential.network import NetworkLayout, curvatures_of, slopes_of
from dimgs.fits.potential.physics import Physics

Loss = Literal["squared", "absolute", "huber"]
LOSSES: tuple[Loss, ...] = ("squared", "absolute", "huber")


@dataclass(frozen=True, eq=False)
class Pairing:
    """Which runs pair with each other: all, or those of equal label.

    Parameters
    ----------
    codes : Tensor of shape (n_runs,), optional
        Label of each run, 0 .. n_labels - 1; all runs pair where absent.
    n_labels : int
    """

    codes: Tensor | None = None
    n_labels: int = 1

    def take(self, rows: Tensor) -> "Pairing":
        """The pairing of some of the runs."""
        return self if self.codes is None else Pairing(self.codes[rows], self.n_labels)

    def one_hot(self, like: Tensor) -> Tensor:
        """Membership of shape (n_runs, n_labels)."""
        assert self.codes is not None
        hot: Tensor = torch.nn.functional.one_hot(self.codes, self.n_labels).to(like)
        return hot

    def centred(self, errors: Tensor, weights: Tensor) -> Tensor:
        """Errors about the weighted mean of their label; a label without weight stays as it is.

        Parameters
        ----------
        errors : Tensor of shape (n_models, n_runs, n_targets)
        weights : Tensor of shape (n_models, n_runs)
        """
        if self.codes is None:
            total = weights.sum(-1, keepdim=True)
            means = (weights.unsqueeze(-2) @ errors) / total.unsqueeze(-1)
            return errors - means
        hot = self.one_hot(errors)
        total = (weights @ hot).unsqueeze(-1)
        sums = hot.T @ (weights.unsqueeze(-1) * errors)
        return errors - hot @ (sums / total.clamp_min(torch.finfo(errors.dtype).tiny))


def pair_loss(
    errors: Tensor,
    weights: Tensor,
    pairing: Pairing | None = None,
    kind: Loss = "squared",
    delta: float = 1.345,
) -> Tensor:
    """Mean loss over all pairs of runs, of each model.

    Parameters
    ----------
    errors : Tensor of shape (n_models, n_runs, n_targets)
        Response minus potential.
    weights : Tensor of shape (n_models, n_runs)
        A pair weighs the product of its runs' weights.
    pairing : Pairing, optional
        All runs pair by default. With labels, each counts by its weight, as in the linear fits.
    kind : {"squared", "absolute", "huber"}
    delta : float
        Where Huber's loss turns from squared to absolute; it is the squared one for large delta.

    Returns
    -------
    Tensor of shape (n_models,)
        sum over u < v of w_u w_v rho(e_u - e_v) / W^2, with W the sum of the weights, averaged
        over the targets; rho(d) is d^2, abs(d), or Huber's d^2 within delta.
    """
    pairing = pairing or Pairing()
    if kind == "squared":
        e = pairing.centred(errors, weights)
        sums = (weights.unsqueeze(-2) @ e.square()).squeeze(-2)
        return (sums / weights.sum(-1, keepdim=True)).mean(-1)
    with torch.no_grad():
        value, slope = _ranked(pairing.centred(errors, weights), weights, pairing, kind, delta)
    # the value and its slope are known, so that no sort has to be differentiated
    tangent = (slope * errors).sum((-1, -2))
    return value + (tangent - tangent.detach())


def _ranked(
    errors: Tensor, weights: Tensor, pairing: Pairing, kind: Loss, delta: float
) -> tuple[Tensor, Tensor]:
    """Loss of each model, and its slope with respect to each error."""
    rows = errors.transpose(-1, -2).contiguous()
    e, order = torch.sort(rows, dim=-1)
    codes = None
    if pairing.codes is not None:
        order = torch.gather(order, -1, torch.argsort(pairing.codes[order], dim=-1, stable=True))
        e = torch.gather(rows, -1, order)
        codes = torch.sort(pairing.codes).values
    w = torch.gather(weights.unsqueeze(-2).expand(rows.shape), -1, order)
    count = _sums(w)
    first, last = _ends(count, codes, pairing.n_labels)
    total = (last - first).clamp_min(torch.finfo(errors.dtype).tiny)
    share = w / total
    if kind == "absolute":
        # weight of the runs below less that of the runs above
        slope = share * (count[..., :-1] + count[..., 1:] - (first + last))
        value = (slope * e).sum(-1)
    else:
        key = e if codes is None else _apart(e, codes, delta)
        # a pair just delta apart is near and far alike, so that both ends may be searched at once
        ends = torch.searchsorted(key, torch.cat([key - delta, key + delta], -1))
        moment = _sums(w * e)
        below, above = torch.gather(count, -1, ends).chunk(2, -1)
        moment_below, moment_above = torch.gather(moment, -1, ends).chunk(2, -1)
        near = e * (above - below) - (moment_above - moment_below)
        half = share * torch.add(near, below + above - (first + last), alpha=delta)
        slope = 2.0 * half
        moment_first = 0.0 if codes is None else _ends(moment, codes, pairing.n_labels)[0]
        further = (e - delta) * (below - first) - (moment_below - moment_first)
        value = torch.add(half * e, share * further, alpha=delta).sum(-1)
    everything = weights.sum(-1, keepdim=True) * errors.shape[-1]
    out = torch.empty_like(slope).scatter_(-1, order, slope)
    return (value / everything).sum(-1), (out / everything.unsqueeze(-1)).transpose(-1, -2)


def _sums(values: Tensor) -> Tensor:
    """Sums of the first 0, 1, ... runs."""
    return torch.nn.functional.pad(torch.cumsum(values, -1), (1, 0))


def _ends(sums: Tensor, codes: Tensor | None, n_labels: int) -> tuple[Tensor, Tensor]:
    """Sums before and up to the end of the label of each run."""
    if codes is None:
        return sums[..., :1], sums[..., -1:]
    counts = torch.bincount(codes, minlength=n_labels)
    stops = torch.cumsum(counts, 0)
    return sums[..., (stops - counts)[codes]], sums[..., stops[codes]]


def _apart(e: Tensor, codes: Tensor, delta: float) -> Tensor:
    """Errors with labels set apart, so that no window reaches from one into another."""
    gap = (e.amax((-2, -1), keepdim=True) - e.amin((-2, -1), keepdim=True)) + 3 * delta
    return e + gap * codes


# how far beyond the runs a limit is imposed, and signs are kept, in spans of the feature
_BEYOND = (0.5, 1.0, 2.0)
# rows this many times as far from the centre keep their signs too
_AROUND = 1.5
# rows in which knowledge is imposed: more only cost time
_MOST_POINTS = 50
# rounds the corner of an absolute value at zero
_ROUND = 1e-6


@dataclass(frozen=True, eq=False)
class Penalty:
    """Prior knowledge in whitened coordinates, ready to be added to a loss.

    Parameters
    ----------
    physics : Physics
    layout : NetworkLayout
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
    far : tuple of (Tensor, Tensor, float)
        For each limit, points of shape (n_points, rank) out there, the change of the numeric
        columns along it, and the standard deviation of its feature.
    """

    physics: Physics
    layout: NetworkLayout
    transform: Tensor
    columns: dict[int, int]
    spread: Tensor
    scale: Tensor
    points: Tensor
    codes: Tensor
    far: tuple[tuple[Tensor, Tensor, float], ...]

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
        for limit, (far, along, spread) in zip(self.physics.limits, self.far, strict=True):
            codes = self.codes.repeat(len(_BEYOND), 1)
            found = self._exponents(theta, far, codes) @ along
            miss = (found - limit.exponent / self.scale) * spread
            out = out + self.physics.strength * miss.square().mean((-1, -2))
        if self.physics.interaction and len(self.spread) > 1:
            out = out + self.physics.interaction * self._interactions(theta)
        return out

    def _exponents(self, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
        return slopes_of(self.layout, theta, z, codes) @ self.transform.T

    def _interactions(self, theta: Tensor) -> Tensor:
        curved = curvatures_of(self.layout, theta, self.points, self.codes)
        mixed = self.transform @ curved @ self.transform.T
        mixed = mixed * torch.outer(self.spread, self.spread)
        size = (mixed.square().mean((1, 2)) + _ROUND**2).sqrt() - _ROUND
        return torch.triu(size, diagonal=1).sum((-1, -2))


def penalty_of(
    physics: Physics,
    layout: NetworkLayout,
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
    layout : NetworkLayout
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
    points = z[rows]
    matrix = torch.as_tensor(transform, dtype=z.dtype, device=z.device)
    far = []
    n_features = max(columns, default=-1) + 1
    for limit in physics.limits:
        weight, along = (w[list(columns)] for w in limit.weights(n_features))
        feature = X @ weight
        ends = [float(feature.min()), float(feature.max())]
        if limit.beyond is not None:
            ends = [min(ends[0], limit.beyond), max(ends[1], limit.beyond)]
        span = max(float(np.ptp(feature)), 1e-12)
        shifts = []
        for beyond in _BEYOND:
            there = ends[1] + beyond * span if limit.end == "high" else ends[0] - beyond * span
            shift = torch.as_tensor(there - feature[rows], dtype=z.dtype, device=z.device)
            change = torch.as_tensor(along, dtype=z.dtype, device=z.device)
            shifts.append(points + shift[:, None] * (change @ matrix))
        far.append((torch.cat(shifts), change, float(feature.std())))
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
