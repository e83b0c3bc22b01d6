"""Small networks, many at once: their values, losses over all pairs of runs, and training.

Each is a linear part plus layers of softplus, one row of numbers each. A crossover of two power
laws is one softplus unit exactly, and outside the runs every unit is linear again, so that the
potential ends in power laws.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import pad, softplus

from dimgs.common.arrays import Array, IntArray
from dimgs.fits.potential.potential_runs import Loss, one_thread

# standard deviation of the first weights: bends lie within two standard deviations of the runs
_SPREAD = 2.0


@dataclass(frozen=True)
class NetworkLayout:
    """Shape of a network.

    Parameters
    ----------
    n_inputs : int
    hidden : tuple of int
        Width of each layer; empty for the linear part alone.
    """

    n_inputs: int
    hidden: tuple[int, ...] = ()

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The linear part, weights and biases of each layer, and the weights of the last one."""
        widths = [self.n_inputs, *self.hidden]
        layers = [s for a, b in pairwise(widths) for s in ((a, b), (1, b))]
        return [(self.n_inputs, 1), *layers, *([(widths[-1], 1)] if self.hidden else [])]

    def initial(self, linear: Array, kinds: IntArray, rng: Generator) -> Array:
        """Networks that start as their linear parts, with hidden layers at random.

        Parameters
        ----------
        linear : ndarray of shape (n_models, n_inputs)
        kinds : ndarray of int of shape (n_models,)
            Networks of equal kind start from the same hidden layers.
        rng : Generator

        Returns
        -------
        ndarray of shape (n_models, n_numbers)
        """
        parts, size = [linear], _SPREAD
        for fan_in, width in self.shapes[1:-1:2]:
            weights = (
                size / np.sqrt(fan_in) * rng.standard_normal((kinds.max() + 1, fan_in * width))
            )
            shifts = rng.uniform(-_SPREAD, _SPREAD, (kinds.max() + 1, width))
            parts += [weights[kinds], shifts[kinds] if size == _SPREAD else 0.0 * shifts[kinds]]
            size = 1.0
        if self.hidden:
            parts.append(np.zeros((len(linear), self.hidden[-1])))
        return np.concatenate(parts, axis=1)

    def values(self, theta: Tensor, x: Tensor) -> Tensor:
        """Potential of every run by every network, shape (n_models, n_runs).

        Parameters
        ----------
        theta : Tensor of shape (n_models, n_numbers)
        x : Tensor of shape (n_runs, n_inputs) or (n_models, n_runs, n_inputs)
        """
        pieces = torch.split(theta, [a * b for a, b in self.shapes], dim=1)
        linear, *layers = (
            p.reshape(len(theta), *s) for p, s in zip(pieces, self.shapes, strict=True)
        )
        layer = x.expand(len(theta), -1, -1)
        out = layer @ linear
        if layers:
            *layers, last = layers
            for weights, bias in zip(layers[::2], layers[1::2], strict=True):
                # one fused product and sum of all networks
                layer = softplus(torch.baddbmm(bias, layer, weights))
            out = out + layer @ last
        return out[..., 0]

    def slopes(self, theta: Tensor, x: Tensor) -> Tensor:
        """First derivatives by the inputs, shape (n_models, n_runs, n_inputs)."""
        places = x.expand(len(theta), -1, -1)
        if not places.requires_grad:
            places = places.detach().requires_grad_()
        with torch.enable_grad():
            return _derivative(self.values(theta, places), places)

    def bends(self, theta: Tensor, x: Tensor) -> Tensor:
        """Second derivatives, shape (n_models, n_runs, n_inputs, n_inputs)."""
        places = x.expand(len(theta), -1, -1).detach().requires_grad_()
        if not self.hidden:
            return places.new_zeros((*places.shape, self.n_inputs))
        with torch.enable_grad():
            slopes = self.slopes(theta, places).unbind(-1)
            return torch.stack([_derivative(slope, places) for slope in slopes], dim=-2)


def _derivative(values: Tensor, places: Tensor) -> Tensor:
    """Of each value by its own place; it can be differentiated."""
    (slopes,) = torch.autograd.grad(values.sum(), places, create_graph=True)
    return slopes


# numbers in memory at a time: 32 MB
_NUMBERS = 4_000_000


@one_thread()
def evaluate(way: Callable[[Tensor, Tensor], Tensor], theta: Array, x: Array) -> Array:
    """What networks give at some rows, a block of rows at a time.

    Parameters
    ----------
    way : callable
        `values`, `slopes` or `bends` of their layout.
    theta : ndarray of shape (..., n_numbers)
    x : ndarray of shape (n_rows, n_inputs)

    Returns
    -------
    ndarray of shape (..., n_rows), or as `way` has it
    """
    *models, size = theta.shape
    networks = torch.as_tensor(theta.reshape(math.prod(models), size))
    block = max(1, _NUMBERS // max(networks.numel(), 1))
    with torch.no_grad():
        blocks = torch.split(torch.as_tensor(x), block)
        parts = [way(networks, rows).detach().numpy() for rows in blocks]
    out = np.concatenate(parts, axis=1)
    return out.reshape(*models, *out.shape[1:])


def pair_loss(
    errors: Tensor, weights: Tensor, kind: Loss = "squared", delta: float = 1.345
) -> Tensor:
    """Mean loss over all pairs of runs of equal label, of each model.

    Parameters
    ----------
    errors : Tensor of shape (n_models, n_labels, n_runs)
        Response minus potential.
    weights : Tensor of the same shape
        A pair weighs the product of its runs' weights; places without a run weigh nothing.
    kind : {"squared", "absolute", "huber"}
    delta : float
        Where Huber's loss turns from squared to absolute.

    Returns
    -------
    Tensor of shape (n_models,)
        sum over u < v of w_u w_v rho(e_u - e_v) / W with W the weight of the label, over all
        labels, as a share of their weight; rho(d) is d^2, abs(d), or Huber's d^2 within delta.
    """
    total = weights.sum(-1, keepdim=True).clamp_min(torch.finfo(errors.dtype).tiny)
    if kind == "squared":
        centred = errors - (weights * errors).sum(-1, keepdim=True) / total
        sums = weights * centred.square()
    else:
        e, order = torch.sort(errors, dim=-1)
        w = weights.gather(-1, order)
        count = pad(torch.cumsum(w, -1), (1, 0))
        if kind == "absolute":
            # weight of the runs below less that of the runs above
            sums = w * e * (count[..., 1:] + count[..., :-1] - total) / total
        else:
            # of each run: the runs that are near, and those farther below
            ends = torch.searchsorted(e.detach(), torch.cat([e - delta, e + delta], -1).detach())
            moments = [pad(torch.cumsum(w * p, -1), (1, 0)) for p in (e, e.square())]
            low, high = zip(
                *(m.gather(-1, ends).chunk(2, -1) for m in (count, *moments)), strict=True
            )
            near = [b - a for a, b in zip(low, high, strict=True)]
            squares = (e.square() * near[0] - 2.0 * e * near[1] + near[2]) / 2.0
            farther = delta * (2.0 * (e * low[0] - low[1]) - delta * low[0])
            sums = w * (squares + farther) / total
    return sums.sum((-1, -2)) / weights.sum((-1, -2))


# loss (n_active,) and slopes (n_active, n_numbers) of the networks of a mask
Objective = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
# steps that are remembered; Nocedal and Wright (2006) advise 3 to 20
_HISTORY = 12
# factor by which a step that did not help is shortened, and the length at which a row starts over
_SHORTER, _SHORTEST = 0.3, 1e-5
# of the expected decrease (Nocedal and Wright 2006, chapter 3)
_ARMIJO = 1e-4
# slope, in units of the loss, at which nothing is left to gain
_FLAT = 1e-7


class _Step(NamedTuple):
    """A step of every row, how it changed the slope, and one over the product of both."""

    step: Tensor
    change: Tensor
    # 0 where it is of no use to a row
    weight: Tensor


def lbfgs(objective: Objective, theta: Tensor, steps: Iterable[int]) -> tuple[Tensor, int]:
    """Limited-memory BFGS of every row by itself; a step that does not help is taken back.

    Parameters
    ----------
    objective : callable
        Loss (n_models,) and its slopes (n_models, n_numbers) of the rows of a mask.
    theta : Tensor of shape (n_models, n_numbers)
        Where each starts.
    steps : iterable of int

    Returns
    -------
    Tensor, int
        The rows, and the number of steps.

    References
    ----------
    J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd ed., Springer 2006, algorithm 7.5.
    """
    loss, slope = objective(theta, torch.ones(len(theta), dtype=torch.bool, device=theta.device))
    memory: deque[_Step] = deque(maxlen=_HISTORY)
    length = torch.ones_like(loss)[:, None]
    scale = 1.0 / (1.0 + slope.norm(dim=1, keepdim=True))
    done = 0
    for done in steps:
        active = (slope.abs() > _FLAT * (1.0 + loss.abs())[:, None]).any(1)
        if not active.any():
            return theta, done
        shares, q = [], slope
        for past in reversed(memory):
            shares.append(past.weight * (past.step * q).sum(1, keepdim=True))
            q = q - shares[-1] * past.change
        q = q * scale
        for past, share in zip(memory, reversed(shares), strict=True):
            q = q + (share - past.weight * (past.change * q).sum(1, keepdim=True)) * past.step
        trial = theta - length * q
        value, gradient = loss.clone(), slope.clone()
        value[active], gradient[active] = objective(trial[active], active)
        expected = (_ARMIJO * length * q * slope).sum(1)
        good = ((value <= loss - expected) & torch.isfinite(gradient).all(1))[:, None]
        step = torch.where(good, trial - theta, 0.0)
        change = torch.where(good, gradient - slope, 0.0)
        product, size = (step * change).sum(1, keepdim=True), change.square().sum(1, keepdim=True)
        useful = product > 1e-10 * step.norm(dim=1, keepdim=True) * size.sqrt()
        memory.append(_Step(step, change, torch.where(useful, 1.0 / product, 0.0)))
        scale = torch.where(useful, product / size, scale)
        theta, slope = theta + step, slope + change
        loss = torch.where(good[:, 0], value, loss)
        length = torch.where(good, 1.0, length * _SHORTER)
        lost = length < _SHORTEST
        if bool(lost.any()):
            for past in memory:
                past.weight[lost] = 0.0
            length = torch.where(lost, 1.0, length)
            scale = torch.where(lost, scale * 1e-2, scale)
    return theta, done
