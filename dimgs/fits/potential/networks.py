"""Networks of a potential: many small ones at once, their training, and how smooth they are.

Each is a linear part plus layers of softplus, one row of numbers each. A crossover of two power
laws is one softplus unit exactly, and outside the runs every unit is linear again, so that the
potential ends in power laws. Smoothness (weight
decay and the end of training) is chosen by runs held out; then an ensemble is trained on all runs,
and how fast it errs outside of them is measured by leaving out outer ones.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor
from torch.nn.functional import one_hot, pad, softplus

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.fits.intervals import Calibration, widen
from dimgs.fits.potential.potential_runs import (
    OUTSIDE,
    Loss,
    Physics,
    PotentialAxes,
    PotentialRuns,
    Task,
    choose_device,
    one_thread,
)

# standard deviation of the first weights: bends lie within two standard deviations of the runs
_SPREAD = 2.0


@dataclass(frozen=True)
class NetworkLayout:
    """Shape of the potential.

    Parameters
    ----------
    n_inputs : int
        Whitened coordinates.
    n_targets : int
    hidden : tuple of int
        Width of each layer; empty for the linear part alone.
    categories : tuple of (int, int)
        Number of labels of each category, and how many coordinates embed one.
    """

    n_inputs: int
    n_targets: int
    hidden: tuple[int, ...] = ()
    categories: tuple[tuple[int, int], ...] = ()

    def _parts(self) -> "list[_Part]":
        """The linear part and those of the labels, then all that makes the hidden layers."""
        shapes = [(self.n_inputs, self.n_targets)]
        shapes += [(labels, self.n_targets) for labels, _ in self.categories]
        parts = [_Part(shape, False, None) for shape in shapes]
        if self.hidden:
            # labels start alike: what is never seen stays an average label
            parts += [_Part(shape, True, _zeros) for shape in self.categories]
            widths = [self.n_inputs + sum(size for _, size in self.categories), *self.hidden]
            for k, (before, after) in enumerate(pairwise(widths)):
                scale = (_SPREAD if k == 0 else 1.0) / np.sqrt(max(before, 1))
                shift = _SPREAD if k == 0 else 0.0
                normal = partial(Generator.normal, scale=scale)
                even = partial(Generator.uniform, low=-shift, high=shift)
                parts += [_Part((before, after), True, normal), _Part((1, after), False, even)]
            parts.append(_Part((widths[-1], self.n_targets), True, _zeros))
        return parts

    def decays(self) -> Array:
        """One where weight decay applies, shape (size,)."""
        return np.concatenate([np.full(p.size, float(p.decays)) for p in self._parts()])

    def initial(self, linear: Array, kinds: IntArray, rng: Generator) -> Array:
        """Networks that start as their linear parts, with hidden layers at random.

        Parameters
        ----------
        linear : ndarray of shape (n_models, n_linear)
        kinds : ndarray of int of shape (n_models,)
            Networks of equal kind start from the same hidden layers.
        rng : Generator

        Returns
        -------
        ndarray of shape (n_models, size)
        """
        n_models = int(kinds.max()) + 1
        hidden = [p.first(rng, size=(n_models, p.size)) for p in self._parts() if p.first]
        return np.concatenate([linear, *(part[kinds] for part in hidden)], axis=1)

    def forward(self, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
        """Potential of every run by every network.

        Parameters
        ----------
        theta : Tensor of shape (n_models, size)
        z : Tensor of shape (n_runs, n_inputs) or (n_models, n_runs, n_inputs)
        codes : Tensor of int of shape (n_runs, n_categories)
            -1 for a label that was never seen, which counts as an average one.

        Returns
        -------
        Tensor of shape (n_models, n_runs, n_targets)
        """
        sizes = [part.size for part in self._parts()]
        pieces = zip(torch.split(theta, sizes, dim=1), self._parts(), strict=True)
        parts = (piece.reshape(len(theta), *part.shape) for piece, part in pieces)
        out = z @ next(parts)
        for labels in codes.T:
            out = out + _looked_up(next(parts), labels)
        if not self.hidden:
            return out
        layer = z.expand(len(theta), -1, -1)
        if self.categories:
            # points, and the coordinates of their labels
            embedded = [_looked_up(next(parts), labels) for labels in codes.T]
            layer = torch.cat([layer, *embedded], dim=-1)
        for _ in self.hidden:
            weight, bias = next(parts), next(parts)
            # one fused product and sum of all networks
            layer = softplus(torch.baddbmm(bias, layer, weight))
        return out + layer @ next(parts)


class _Part(NamedTuple):
    """Numbers of each network that stand for one thing."""

    shape: tuple[int, int]
    # whether weight decay applies
    decays: bool
    # draws numbers to begin with; absent for what least squares give
    first: Callable[..., Any] | None

    @property
    def size(self) -> int:
        return math.prod(self.shape)


def _zeros(_: Generator, *, size: tuple[int, int]) -> Array:
    return np.zeros(size)


def _looked_up(table: Tensor, codes: Tensor) -> Tensor:
    average = table.mean(1, keepdim=True)
    return torch.cat([table, average], dim=1)[:, codes]


def slopes_of(layout: NetworkLayout, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
    """First derivatives in whitened coordinates, shape (n_models, n_runs, n_targets, n_inputs).

    Parameters
    ----------
    layout : NetworkLayout
    theta : Tensor of shape (n_models, size)
    z : Tensor of shape (n_runs, n_inputs)
    codes : Tensor of int of shape (n_runs, n_categories)
    """
    places = z.expand(len(theta), -1, -1)
    return _by_place(lambda at: layout.forward(theta, at, codes), places)


def curvatures_of(layout: NetworkLayout, theta: Tensor, z: Tensor, codes: Tensor) -> Tensor:
    """Second derivatives, shape (n_models, n_runs, n_targets, n_inputs, n_inputs).

    Parameters as in `slopes_of`.
    """
    places = z.expand(len(theta), -1, -1)
    if not layout.hidden:
        shape = (*places.shape[:2], layout.n_targets, *2 * (layout.n_inputs,))
        return torch.zeros(shape, dtype=z.dtype, device=z.device)
    return _by_place(lambda at: slopes_of(layout, theta, at, codes), places)


def _by_place(values: Callable[[Tensor], Tensor], places: Tensor) -> Tensor:
    """Derivatives, in a last dimension, by the place of each run; they can be differentiated."""
    if not places.requires_grad:
        places = places.detach().requires_grad_()
    with torch.enable_grad():
        out = values(places)
        each = (value.sum() for value in out.flatten(2).unbind(-1))
        slopes = [torch.autograd.grad(total, places, create_graph=True)[0] for total in each]
    return torch.stack(slopes, dim=2).reshape(*out.shape, places.shape[-1])


@dataclass(frozen=True, eq=False)
class Pairing:
    """Pairs of runs: all, or those of equal label.

    Parameters
    ----------
    codes : Tensor of shape (n_runs,), optional
        Label of each run, 0 .. n_labels - 1; all runs pair where absent.
    n_labels : int
    """

    codes: Tensor | None = None
    n_labels: int = 1

    def take(self, rows: Tensor | slice) -> "Pairing":
        """The pairing of some of the runs."""
        return self if self.codes is None else Pairing(self.codes[rows], self.n_labels)

    def centred(self, errors: Tensor, weights: Tensor) -> Tensor:
        """Errors about the weighted mean of their label; a label without weight stays as it is.

        Parameters
        ----------
        errors : Tensor of shape (n_models, n_runs, n_targets)
        weights : Tensor of shape (n_models, n_runs)
        """
        if self.codes is None:
            total = weights.sum(-1, keepdim=True)
            return errors - (weights.unsqueeze(-2) @ errors) / total.unsqueeze(-1)
        hot = one_hot(self.codes, self.n_labels).to(errors)
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
    return pad(torch.cumsum(values, -1), (1, 0))


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
_MOST_BENT = 50
# rounds the corner of an absolute value at zero
_ROUND = 1e-6


# penalty (n_models,) of networks (n_models, size)
Penalty = Callable[[Tensor], Tensor]


def penalty_of(
    physics: Physics, layout: NetworkLayout, task: Task, z: Tensor, codes: Tensor
) -> Penalty | None:
    """Prior knowledge on some runs, ready to be added to a loss; None where none is given.

    Parameters
    ----------
    physics : Physics
    layout : NetworkLayout
    task : Task
        Exponents are `slopes @ task.axes.transform.T`, in units of `task.scale`.
    z, codes : Tensor
        Whitened coordinates and labels of the runs, on the device.
    """
    if not (physics.uses_gradient or physics.interaction):
        return None

    def there(values: Array) -> Tensor:
        return torch.as_tensor(values, dtype=z.dtype, device=z.device)

    columns, X = task.axes.columns, task.runs.X[:, list(task.axes.numeric)]
    rows = slice(None, None, -(-len(X) // _MOST_BENT))
    points, labels = z[rows], codes[rows]
    turn, spread, unit = map(there, (task.axes.transform, X.std(axis=0), task.scale))
    # for each limit: its exponent, points out there, change along it, spread of its feature
    far: list[tuple[float, Tensor, Tensor, float]] = []
    for limit in physics.limits:
        weight, along = (w[list(columns)] for w in limit.weights(max(columns, default=-1) + 1))
        feature, change = X @ weight, there(along)
        ends = [float(feature.min()), float(feature.max())]
        if limit.beyond is not None:
            ends = [min(ends[0], limit.beyond), max(ends[1], limit.beyond)]
        span = max(float(np.ptp(feature)), 1e-12)
        end, sign = (ends[1], 1.0) if limit.end == "high" else (ends[0], -1.0)
        shifts = [
            points + there(end + sign * beyond * span - feature[rows])[:, None] * (change @ turn)
            for beyond in _BEYOND
        ]
        far.append((limit.exponent, torch.cat(shifts), change, float(feature.std())))

    def exponents(theta: Tensor, at: Tensor) -> Tensor:
        return slopes_of(layout, theta, at, labels.repeat(len(at) // len(labels), 1)) @ turn.T

    def penalty(theta: Tensor) -> Tensor:
        out = torch.zeros(len(theta), dtype=theta.dtype, device=theta.device)
        if physics.monotone:
            around = exponents(theta, torch.cat([points, _AROUND * points]))
            for feature, sign in physics.monotone.items():
                j = columns[feature]
                wrong = torch.relu(-sign * around[..., j]) * spread[j]
                out = out + physics.strength * wrong.square().mean((-1, -2))
        for exponent, at, along, size in far:
            miss = (exponents(theta, at) @ along - exponent / unit) * size
            out = out + physics.strength * miss.square().mean((-1, -2))
        if physics.interaction and len(spread) > 1:
            mixed = turn @ curvatures_of(layout, theta, points, labels) @ turn.T
            mixed = mixed * torch.outer(spread, spread)
            strength = (mixed.square().mean((1, 2)) + _ROUND**2).sqrt() - _ROUND
            out = out + physics.interaction * torch.triu(strength, diagonal=1).sum((-1, -2))
        return out

    return penalty


# loss (n_active,) and gradient (n_active, size) of the networks that the indices name
Objective = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Progress = Callable[[int], None] | None
# steps that are remembered; Nocedal and Wright (2006) advise 3 to 20
_HISTORY = 12
# shortened so often, a step is 5e-8 of its length
_HALVINGS = 14
# factor by which a step that did not help is shortened
_SHORTER = 0.3
# of the expected decrease (Nocedal and Wright 2006, chapter 3)
_ARMIJO = 1e-4
# slope, in units of the loss, at which nothing is left to gain
_FLAT = 1e-7


class _Pair(NamedTuple):
    """A step of every row, how it changed the slope, and what that says of the curvature."""

    step: Tensor
    change: Tensor
    # 0 where it is of no use to a row
    weight: Tensor
    # of the latest step that was of use
    scale: Tensor


def lbfgs(
    objective: Objective, theta: Tensor, stops: Sequence[int], progress: Progress = None
) -> list[Tensor]:
    """Limited-memory BFGS of every row by itself.

    Parameters
    ----------
    objective : callable
    theta : Tensor of shape (n_models, size)
        Where each starts.
    stops : sequence of int
        Rising numbers of iterations at which the rows are kept; the last one ends.
    progress : callable, optional
        Called with the number of each iteration.

    Returns
    -------
    list of Tensor
        The rows at each stop.

    References
    ----------
    J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd ed., Springer 2006, algorithm 7.5.
    """
    theta = theta.clone()
    active = torch.arange(len(theta), device=theta.device)
    loss, slope = objective(theta, active)
    memory: list[_Pair] = []

    def step_of(active: Tensor) -> Tensor:
        """Move the active rows by one step; those that could move."""
        direction = _direction(memory, slope)[active]
        descent = (direction * slope[active]).sum(1)
        uphill = descent >= 0
        direction = torch.where(uphill[:, None], -slope[active], direction)
        descent = torch.where(uphill, -slope[active].square().sum(1), descent)
        length = torch.ones_like(descent)
        waiting = torch.arange(len(active), device=theta.device)
        step, change = torch.zeros_like(theta), torch.zeros_like(theta)
        for _ in range(_HALVINGS):
            rows = active[waiting]
            trial = theta[rows] + length[waiting, None] * direction[waiting]
            value, gradient = objective(trial, rows)
            bound = loss[rows] + _ARMIJO * length[waiting] * descent[waiting]
            good = (value <= bound) & torch.isfinite(gradient).all(1)
            moved = rows[good]
            step[moved] = trial[good] - theta[moved]
            change[moved] = gradient[good] - slope[moved]
            theta[moved], loss[moved], slope[moved] = trial[good], value[good], gradient[good]
            waiting = waiting[~good]
            length[waiting] *= _SHORTER
            if not len(waiting):
                break
        curvature, size = (step * change).sum(1), (change * change).sum(1)
        useful = curvature > 1e-10 * (step.norm(dim=1) * size.sqrt()).clamp_min(1e-300)
        before = memory[-1].scale if memory else torch.ones_like(size)
        scale = torch.where(useful, curvature / size, before)
        # a row that nothing helped starts over along its slope, and ends where that fails too
        stuck = active[waiting]
        ends = [stuck[~pair.step[stuck].any(1)] for pair in memory[-1:]]
        memory.append(_Pair(step, change, torch.where(useful, 1.0 / curvature, 0.0), scale))
        del memory[:-_HISTORY]
        for pair in memory:
            pair.weight[stuck] = 0.0
        return active[~torch.isin(active, torch.cat([stuck[:0], *ends]))]

    kept: list[Tensor] = []
    for iteration in range(1, max(stops) + 1):
        flat = slope[active].abs().amax(1) <= _FLAT * (1.0 + loss[active].abs())
        active = active[~flat]
        if len(active):
            active = step_of(active)
        if progress is not None:
            progress(iteration)
        if iteration in stops:
            kept.append(theta.clone())
    return kept


def _direction(pairs: Sequence[_Pair], slope: Tensor) -> Tensor:
    """Direction of every row in which its loss falls, by what its steps say of the curvature."""
    shares, q = [], slope
    for pair in reversed(pairs):
        shares.append(pair.weight * (pair.step * q).sum(1))
        q = q - shares[-1][:, None] * pair.change
    q = q * pairs[-1].scale[:, None] if pairs else q / (1.0 + q.norm(dim=1, keepdim=True))
    for pair, share in zip(pairs, reversed(shares), strict=True):
        q = q + (share - pair.weight * (pair.change * q).sum(1))[:, None] * pair.step
    return -q


BatchObjective = Callable[[Tensor, Tensor], Tensor]


def adam(
    gradient: BatchObjective,
    theta: Tensor,
    batches: Sequence[Tensor],
    stops: Sequence[int],
    rate: float = 0.02,
    progress: Progress = None,
) -> list[Tensor]:
    """Adam of every row by itself, on batches of runs, with a rate that falls to zero.

    Parameters
    ----------
    gradient : callable
        Slope (n_models, size) of the networks on the runs of a batch.
    theta : Tensor of shape (n_models, size)
    batches : sequence of Tensor of int
        Runs of each step.
    stops : sequence of int
        Rising numbers of steps at which the rows are kept; the last one ends.
    rate : float
    progress : callable, optional

    Returns
    -------
    list of Tensor

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """
    leaf = theta.clone().requires_grad_()
    optimiser = torch.optim.Adam([leaf], lr=rate)
    last = max(stops)
    falling = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda done: 0.5 * (1.0 + math.cos(math.pi * (done + 1) / last))
    )
    kept: list[Tensor] = []
    for number in range(1, last + 1):
        leaf.grad = gradient(leaf.detach(), batches[(number - 1) % len(batches)])
        optimiser.step()
        falling.step()
        if progress is not None:
            progress(number)
        if number in stops:
            kept.append(leaf.detach().clone())
    return kept


# runs up to which all pairs in every step cost less than batches
FULL_BATCH = 2000
# runs of a batch: a pair loss of 1024 runs has half a million pairs
BATCH = 1024
# stochastic steps for one iteration of the full-batch minimiser
_STEPS = 10
# numbers in memory at a time: 32 MB
_NUMBERS = 4_000_000
# of whitened coordinates: rounding of the choice of groups lies beyond
_DECIMALS = 8
# width, in units of the misfit, at which corners of the absolute loss are rounded first
_ROUNDED = 0.2
# Huber's 95 % efficiency, for differences of two errors
DELTA = 1.345 * float(np.sqrt(2.0))


class Trainer:
    """Training of the networks of a task, on its device.

    Parameters
    ----------
    task : Task
    layout : NetworkLayout
    loss : {"squared", "absolute", "huber"}
    physics : Physics
    device : torch.device
    """

    def __init__(
        self, task: Task, layout: NetworkLayout, loss: Loss, physics: Physics, device: Any
    ) -> None:
        def there(values: NDArray[Any]) -> Tensor:
            return torch.as_tensor(values, device=device)

        self.task, self.layout, self.loss = task, layout, loss
        # where Huber's loss turns absolute, in units of what the power law leaves
        self.delta = DELTA
        # rounding errors differ with the choice of groups, and long training would amplify them
        self.z, self.codes = there(np.round(task.z, _DECIMALS)), there(task.codes)
        self.target = there(task.target)
        self.penalty = penalty_of(physics, layout, task, self.z, self.codes)
        self.pairing, within = Pairing(), task.runs.within
        if within is not None:
            self.pairing = Pairing(there(within), int(within.max()) + 1)

    def sharpened(self, delta: float) -> "Trainer":
        """The same with another end of the quadratic part of Huber's loss."""
        sharp = copy(self)
        sharp.delta = delta
        return sharp

    def train(
        self,
        weights: Array,
        decay: Array,
        stops: Sequence[int],
        rng: Generator,
        *,
        kinds: IntArray | None = None,
        progress: Progress = None,
        starts: Array | None = None,
    ) -> list[Array]:
        """Networks at each stop.

        Parameters
        ----------
        weights : ndarray of shape (n_models, n_runs)
            Zero for runs that a network may not see.
        decay : ndarray of shape (n_models,)
            Weight decay.
        stops : sequence of int
        rng : Generator
        kinds : ndarray of int of shape (n_models,), optional
            Networks of equal kind start from the same hidden layers; all differ by default.
        progress : callable, optional
        starts : sequence of ndarray, optional
            Linear part of each network at the start, shape (n_models, n_linear).

        Returns
        -------
        list of ndarray of shape (n_models, size)
        """
        linear = np.round(self.linear(weights) if starts is None else starts, _DECIMALS)
        kinds = np.arange(len(weights)) if kinds is None else kinds
        theta = torch.as_tensor(self.layout.initial(linear, kinds, rng), device=self.z.device)
        seen = torch.as_tensor(weights, device=self.z.device)
        shrink = torch.as_tensor(decay, device=self.z.device)
        decays = torch.as_tensor(self.layout.decays(), device=self.z.device)

        kind, delta = self.loss, self.delta

        def objective(
            some: Tensor, models: Tensor, rows: Tensor | slice = slice(None)
        ) -> tuple[Tensor, Tensor]:
            """Values of networks, and the slopes of each by its own parameters."""
            leaf = some.detach().requires_grad_()
            with torch.enable_grad():
                predicted = self.layout.forward(leaf, self.z[rows], self.codes[rows])
                w, errors = seen[models][:, rows], self.target[rows] - predicted
                value = pair_loss(errors, w, self.pairing.take(rows), kind, delta)
                if kind != self.loss:
                    value = value / (2.0 * delta)
                if self.penalty is not None:
                    value = value + self.penalty(leaf)
                value = value + shrink[models] * (decays * leaf.square()).sum(1)
                slope = torch.autograd.grad(value.sum(), leaf)[0]
            return value.detach(), slope

        if len(weights[0]) <= FULL_BATCH:
            if self.loss == "absolute":
                # corners hold the minimiser up: it goes where the rounded loss is least first
                kind, delta = "huber", _ROUNDED
                theta = lbfgs(objective, theta, stops[-1:])[-1]
                kind = self.loss
            states = lbfgs(objective, theta, stops, progress)
        else:
            everyone = torch.arange(len(theta), device=theta.device)
            steps = [_STEPS * stop for stop in stops]
            batches = self._batches(steps[-1], rng)
            heard = progress and (lambda number: progress(number // _STEPS))

            def part(some: Tensor, rows: Tensor) -> Tensor:
                return objective(some, everyone, rows)[1]

            states = adam(part, theta, batches, steps, progress=heard)
        return [rows.cpu().numpy() for rows in states]

    def linear(self, weights: Array) -> Array:
        """Linear part of each network by least squares over the pairs it may see, one a row."""
        rows, back = np.unique(weights, axis=0, return_inverse=True)
        return np.array([self.task.linear(row).ravel() for row in rows])[back.ravel()]

    def values(self, theta: Array) -> Array:
        """Potential of every run by every network, shape (n_models, n_runs, n_targets)."""
        return evaluate(self.layout, theta, self.task.z, self.task.codes)

    def _batches(self, steps: int, rng: Generator) -> list[Tensor]:
        n = len(self.task.runs)
        out: list[Tensor] = []
        while len(out) < steps:
            order = torch.as_tensor(rng.permutation(n), device=self.z.device)
            out += [b for b in torch.split(order, BATCH) if len(b) > BATCH // 2]
        return out[:steps]


# values of some runs by some networks, from their layout, numbers, coordinates and labels
Way = Callable[[NetworkLayout, Tensor, Tensor, Tensor], Tensor]


@one_thread()
def evaluate(
    layout: NetworkLayout, theta: Array, z: Array, codes: IntArray, way: Way = NetworkLayout.forward
) -> Array:
    """Potential of every row by every network, a block of rows at a time.

    Parameters
    ----------
    layout : NetworkLayout
    theta : ndarray of shape (..., size)
    z : ndarray of shape (n_rows, n_inputs)
    codes : ndarray of int of shape (n_rows, n_categories)
    way : callable
        Computes something else of the networks: `slopes_of` or `curvatures_of`.

    Returns
    -------
    ndarray of shape (..., n_rows, n_targets), or as `way` has it
    """
    *models, size = theta.shape
    networks = torch.as_tensor(theta.reshape(math.prod(models), size))
    width = max([layout.n_inputs + 1, *layout.hidden]) * len(networks)
    # derivatives keep what they are computed from
    numbers = _NUMBERS if way is NetworkLayout.forward else _NUMBERS // 10
    tables = [torch.split(torch.as_tensor(x), max(1, numbers // width)) for x in (z, codes)]
    with torch.no_grad():
        parts = [
            way(layout, networks, *rows).detach().numpy() for rows in zip(*tables, strict=True)
        ]
    return np.concatenate(parts, axis=1).reshape(*models, len(z), *parts[0].shape[2:])


# weight decay, from the smoothest; no network at all is tried first
DECAYS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6)
# beginnings of every fold, so that an unlucky one does not decide
INITIALISATIONS = 2
# one-sided quantile of 5 %: a network must beat the power law by more than chance
_DOUBT = 1.64
# share of the loss that an earlier stop must gain
_LITTLE = 0.01
# of the longest training, at which it may stop
_SHARES = (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
# clusters from which one round of five folds leaves enough errors for a level of 0.95
FEW = 100
# runs from which a single fold leaves out hundreds of them
MANY = 2000


@dataclass(frozen=True, eq=False)
class Folds:
    """Sets of runs that some networks are trained without.

    Parameters
    ----------
    held : ndarray of bool of shape (n_folds, n_runs)
        Rounds of folds one after the other; in a round, no run is held out twice.
    pairs : ndarray of int of shape (n_pairs, 3)
        Fold and two of its runs, of different clusters; in a round, no run occurs twice.
    rounds : int
    """

    held: BoolArray
    pairs: IntArray
    rounds: int

    def __len__(self) -> int:
        return len(self.held)


def folds_of(runs: PotentialRuns, seed: int) -> Folds:
    """Folds for the choice of smoothness and for the intervals.

    Below 100 clusters, eight folds (jackknife+ by groups of runs), in two rounds below 50; from
    100 on five folds; of thousands of runs, one fifth is held out once.

    Parameters
    ----------
    runs : PotentialRuns
    seed : int
    """
    rng = np.random.default_rng(seed)
    n = runs.n_clusters
    if len(runs) > MANY or n >= FEW:
        n_folds, rounds = 5, 1
    else:
        # two clusters a fold where they allow it, since a pair needs two
        n_folds, rounds = min(8, max(n // 2, min(n, 3))), 2 if n < FEW // 2 else 1
    held: list[BoolArray] = []
    pairs: list[tuple[int, int, int]] = []
    for _ in range(rounds):
        place = np.empty(n, dtype=np.intp)
        place[rng.permutation(n)] = np.arange(n) % n_folds
        for fold in range(1 if len(runs) > MANY else n_folds):
            mask = place[runs.clusters] == fold
            matched = disjoint_pairs(np.flatnonzero(mask), runs, rng)
            pairs += [(len(held), u, v) for u, v in matched]
            held.append(mask)
    return Folds(np.array(held), np.array(pairs, dtype=np.intp).reshape(-1, 3), rounds)


def disjoint_pairs(rows: IntArray, runs: PotentialRuns, rng: Generator) -> list[tuple[int, int]]:
    """Pairs of the rows that share no run: of two clusters, and of one label if any.

    Parameters
    ----------
    rows : ndarray of int of shape (n_rows,)
    runs : PotentialRuns
    rng : Generator
    """
    out = []
    label = np.zeros(len(runs), dtype=np.intp) if runs.within is None else runs.within
    shuffled = rng.permutation(runs.n_clusters)
    for value in np.unique(label[rows]):
        mine = rng.permutation(rows[label[rows] == value])
        # cluster by cluster and folded in half, partners differ unless one cluster is the majority
        mine = mine[np.argsort(shuffled[runs.clusters[mine]], kind="stable")]
        half = len(mine) // 2
        for u, v in zip(mine[:half], mine[len(mine) - half :], strict=True):
            if runs.clusters[u] != runs.clusters[v]:
                out.append((int(u), int(v)))
    return out


@dataclass(frozen=True)
class Settings:
    """Parameters of the training; see `ContrastivePotential`."""

    hidden: tuple[int, ...]
    loss: Loss
    decays: tuple[float, ...]
    physics: Physics
    n_members: int
    max_iter: int
    device: str
    verbose: bool
    seed: int


@dataclass(frozen=True, eq=False)
class PotentialChoice:
    """The chosen smoothness and the networks trained with runs left out.

    Parameters
    ----------
    decay : float
        Infinite where the power law alone is as good.
    iterations : int
    theta : ndarray of shape (n_folds, n_initialisations, size)
        Networks of the layout that was chosen.
    rougher : ndarray of the same shape, optional
        Networks that are one step less smooth, to show what smoothness costs.
    scores : dict of float to float
        Mean loss on runs held out for each weight decay, relative to the power law's.
    """

    decay: float
    iterations: int
    theta: Array
    rougher: Array | None
    scores: dict[float, float]


def choose(
    linear: Trainer,
    deep: Trainer | None,
    folds: Folds,
    settings: Settings,
    progress: Progress = None,
) -> PotentialChoice:
    """Train without each fold at every smoothness, and keep the smoothest that is not worse.

    Parameters
    ----------
    linear, deep : Trainer
        Without and with a network; the latter absent where none is wanted.
    folds : Folds
    settings : Settings
        Its weight decays come from the largest; an infinite one is the power law, without which
        no network is compared.
    progress : callable, optional

    Notes
    -----
    Not worse: the mean loss on held-out runs exceeds the least one by no more than one standard
    error of the difference, which is taken over the clusters of runs. A power law is given up
    only where it exceeds it by more than 1.64 of them, by chance one time in twenty.
    """
    task = linear.task
    weights = np.where(folds.held, 0.0, task.runs.weights)
    rng = np.random.default_rng(settings.seed)
    base = _linear_networks(linear, weights, settings.max_iter, rng)
    tried: list[tuple[float, int, Array, Array]] = []
    if np.inf in settings.decays or deep is None:
        tried.append((np.inf, 1, held_out_losses(linear, base[:, None], folds), base[:, None]))
    if deep is not None and min(settings.decays) < np.inf:
        tried += _deep(deep, base, weights, folds, settings, rng, progress)
    means = [float(np.mean(losses)) for _, _, losses, _ in tried]
    best = int(np.argmin(means))
    clusters = task.runs.clusters[folds.held.any(axis=0)]
    chosen = next(
        k
        for k, item in enumerate(tried)
        if means[k] - means[best]
        <= (1.0 if np.isfinite(item[0]) else _DOUBT) * _error(item[2] - tried[best][2], clusters)
    )
    decay, iterations, _, theta = tried[chosen]
    power = means[0] if means[0] > 0 else 1.0
    scores = {item[0]: mean / power for item, mean in zip(tried, means, strict=True)}
    rougher = None
    if np.isfinite(decay) and chosen + 1 < len(tried):
        rougher = tried[max(chosen + 1, best)][3]
    return PotentialChoice(decay, iterations, theta, rougher, scores)


def _linear_networks(trainer: Trainer, weights: Array, max_iter: int, rng: Generator) -> Array:
    """Power laws of each set of weights; in closed form where the loss allows it."""
    if trainer.loss == "squared" and trainer.penalty is None:
        return trainer.linear(weights)
    return trainer.train(weights, np.zeros(len(weights)), [max_iter], rng)[0]


def _deep(
    trainer: Trainer,
    base: Array,
    weights: Array,
    folds: Folds,
    settings: Settings,
    rng: Generator,
    progress: Progress,
) -> list[tuple[float, int, Array, Array]]:
    decays = [d for d in settings.decays if np.isfinite(d)]
    n_folds, n = len(folds), INITIALISATIONS
    each = n_folds * n
    rows = np.tile(np.repeat(np.arange(n_folds), n), len(decays))
    decay = np.repeat(decays, each)
    stops = sorted({max(1, round(share * settings.max_iter)) for share in _SHARES})
    # the same beginnings in every fold, so that folds differ by their runs alone
    kinds = np.tile(np.arange(n), n_folds * len(decays))
    states = trainer.train(
        weights[rows], decay, stops, rng, kinds=kinds, progress=progress, starts=base[rows]
    )
    clusters = trainer.task.runs.clusters[folds.held.any(axis=0)]
    out = []
    for k, value in enumerate(decays):
        options = []
        for stop, theta in zip(stops, states, strict=True):
            networks = theta[k * each : (k + 1) * each].reshape(n_folds, n, -1)
            losses = held_out_losses(trainer, networks, folds)
            options.append((float(np.mean(losses)), stop, losses, networks))
        # the end of the training, unless held-out runs clearly prefer an earlier stop
        early, last = min(options, key=lambda option: option[0]), options[-1]
        gain = last[0] - early[0]
        worse = gain > max(_error(last[2] - early[2], clusters), _LITTLE * last[0])
        out.append((value, *(early if worse else last)[1:]))
    return out


def held_out_losses(trainer: Trainer, theta: Array, folds: Folds) -> Array:
    """Loss of each run by the networks trained without it, shape (n_runs,).

    Parameters
    ----------
    trainer : Trainer
    theta : ndarray of shape (n_folds, n_initialisations, size)
    folds : Folds
    """
    errors = held_out_errors(trainer, theta, folds)
    size = np.abs(errors)
    if trainer.loss == "squared":
        losses = size**2
    elif trainer.loss == "absolute":
        losses = size
    else:
        delta = trainer.delta
        losses = np.where(size <= delta, size**2, 2 * delta * size - delta**2)
    weighted = trainer.task.runs.weights * losses.mean(-1)
    seen = folds.held.any(axis=0)
    total = np.where(folds.held, weighted, 0.0).sum(axis=0)
    return np.asarray(total[seen] / np.maximum(folds.held.sum(axis=0), 1)[seen])


def held_out_errors(trainer: Trainer, theta: Array, folds: Folds) -> Array:
    """Errors of the mean network of each fold, about the fold's own prefactors.

    Returns
    -------
    ndarray of shape (n_folds, n_runs, n_targets)
    """
    misses = trainer.task.target - trainer.values(theta).mean(axis=1)
    pairs = zip(misses, folds.held, strict=True)
    return np.array([centred_on_seen(trainer, miss, held) for miss, held in pairs])


def centred_on_seen(trainer: Trainer, miss: Array, held: BoolArray) -> Array:
    """Misses about the prefactor of the runs seen; a label never seen about its own."""
    runs = trainer.task.runs
    out = runs.centred(miss, np.where(held, 0.0, runs.weights))
    if runs.within is None:
        return out
    seen = np.bincount(runs.within, ~held) > 0
    alone = ~seen[runs.within]
    if alone.any():
        out[alone] = runs.centred(miss, runs.weights)[alone]
    return out


def _error(difference: Array, clusters: IntArray) -> float:
    """Standard error of a mean difference, over clusters of runs."""
    n = len(difference)
    sums = np.bincount(clusters, difference)
    sizes = np.bincount(clusters)
    sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    spread = sums - sizes * difference.mean()
    m = len(sums)
    return float(np.sqrt(np.sum(spread**2) * m / max(m - 1, 1)) / n)


# share of the runs that is left out at an end of an axis: a fifth, as in validation
_SHARE = 0.2
# axes at whose ends runs are left out: six trainings
_MOST_AXES = 3
# runs below which a fifth of them is one or two
_FEWEST = 12
# runs left out that are looked at: each distance is a small optimisation
_MOST_POINTS = 40
# share of the runs held out that counts as usual
_FEW_EXCEED = 0.95


@dataclass(frozen=True, eq=False)
class Growth:
    """Errors outside the hull of what networks saw.

    Parameters
    ----------
    usual : float
        Distance at which runs that are left out at random lie; intervals hold there as they are.
    distance : float
        Typical distance at which errors were measured.
    slopes : ndarray of shape (n_errors, n_targets)
        Absolute errors over their distances, each column in rising order.
    """

    usual: float
    distance: float
    slopes: Array

    def reach(self, distances: Array, level: float) -> Array:
        """Factor by which intervals widen with distance, shape (n_rows, n_targets).

        In proportion to the distance, and to its square beyond those where errors were measured.

        Parameters
        ----------
        distances : ndarray of shape (n_rows,)
        level : float
        """
        n = len(self.slopes)
        if not n:
            return np.zeros((len(distances), self.slopes.shape[1]))
        slope = self.slopes[min(int(np.ceil(level * (n + 1))), n) - 1]
        excess = np.maximum(distances - self.usual, 0.0)
        away = excess * np.maximum(1.0, distances / self.distance)
        return np.asarray(away[:, None] * slope)


def growth_of(trainer: Trainer, choice: PotentialChoice, folds: Folds, seed: int) -> Growth:
    """Leave out the outermost runs along each axis, both ways, and predict them.

    Parameters
    ----------
    trainer : Trainer
        Of the layout that was chosen.
    choice : PotentialChoice
    folds : Folds
    seed : int
    """
    task = trainer.task
    n, rank = task.z.shape
    nothing = Growth(np.inf, 1.0, np.zeros((0, task.target.shape[1])))
    if not rank or not _FEWEST <= n <= FULL_BATCH or task.exact:
        return nothing
    held = []
    for axis in range(min(rank, _MOST_AXES)):
        order = np.argsort(task.z[:, axis], kind="stable")
        count = max(2, round(_SHARE * n))
        for rows in (order[:count], order[-count:]):
            held.append(np.isin(np.arange(n), rows))
    weights = np.where(held, 0.0, task.runs.weights)
    rng = np.random.default_rng([seed, 2])
    smooth = np.full(len(held), choice.decay if np.isfinite(choice.decay) else 0.0)
    theta = trainer.train(weights, smooth, [choice.iterations], rng)[0]
    values = trainer.values(theta)
    distances, errors = [], []
    for mask, predicted in zip(held, values, strict=True):
        rows, away = _outside(task.z, mask)
        distances.append(away)
        errors.append(np.abs(centred_on_seen(trainer, task.target - predicted, mask))[rows])
    away, error = np.concatenate(distances), np.concatenate(errors)
    far = away > np.median(away[away > 0]) / 2 if np.any(away > 0) else away > 0
    if not far.any():
        return nothing
    slopes = np.sort(error[far] / away[far, None], axis=0)
    # distance that few of the runs held out exceed
    usual = np.quantile(
        np.concatenate([_outside(task.z, fold)[1] for fold in folds.held]), _FEW_EXCEED
    )
    return Growth(float(usual), float(np.median(away[far])), slopes)


def _outside(z: Array, held: BoolArray) -> tuple[IntArray, Array]:
    """Some of the runs held out, and their distances from the hull of the others."""
    rows = np.flatnonzero(held)
    rows = rows[:: -(-len(rows) // _MOST_POINTS)]
    return rows, Hull.of(z[~held]).distance(z[rows])


# weight of the condition that shares add up to one, in the units of whitened coordinates
_TOGETHER = 1e3
# faces of a hull grow with the power of half of the dimensions
_MOST_DIMENSIONS = 4
# runs that stand for the hull where its faces are too many
_MOST_CORNERS = 1000


@dataclass(frozen=True, eq=False)
class Hull:
    """Convex hull of runs in whitened coordinates, which no choice of groups changes.

    Parameters
    ----------
    corners : ndarray of shape (n_corners, rank)
    faces : ndarray of shape (n_faces, rank + 1), optional
        Inside is where faces @ (z, 1) is negative; absent in many dimensions.
    """

    corners: Array
    faces: Array | None

    @classmethod
    def of(cls, z: Array) -> Self:
        """Hull of the rows."""
        rank = z.shape[1]
        if rank == 1:
            low, high = float(z.min()), float(z.max())
            return cls(np.array([[low], [high]]), np.array([[-1.0, low], [1.0, -high]]))
        if 2 <= rank <= _MOST_DIMENSIONS and len(z) > rank + 1:
            with suppress(QhullError):
                hull = ConvexHull(z)
                return cls(z[hull.vertices], np.asarray(hull.equations))
        return cls(z[:: -(-len(z) // _MOST_CORNERS)], None)

    def distance(self, z: Array) -> Array:
        """Euclidean distance of each row to the hull, zero inside; shape (n_rows,).

        Examples
        --------
        >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.2, 0.2]])
        >>> Hull.of(corners).distance(np.array([[0.3, 0.3], [-2.0, 0.5]])).round(6)
        array([0., 2.])
        """
        out = np.zeros(len(z))
        if not z.shape[1]:
            return out
        beyond = np.ones(len(z), dtype=np.bool_)
        if self.faces is not None:
            beyond = np.max(z @ self.faces[:, :-1].T + self.faces[:, -1], axis=1) > OUTSIDE
        columns = np.vstack([self.corners.T, np.full(len(self.corners), _TOGETHER)])
        for k in np.flatnonzero(beyond):
            mixture, _ = nnls(columns, np.append(z[k], _TOGETHER))
            size = float(np.linalg.norm(z[k] - mixture @ self.corners))
            out[k] = size if size > OUTSIDE * (1.0 + float(np.linalg.norm(z[k]))) else 0.0
        return out


@dataclass(frozen=True, eq=False)
class FittedPotential:
    """Networks in whitened coordinates, with the units of the response.

    Parameters
    ----------
    axes : PotentialAxes
    layout : NetworkLayout
    theta : ndarray of shape (n_members, size)
        The ensemble, trained on all runs.
    held_out : ndarray of shape (n_folds, n_initialisations, size)
        Networks trained without the runs of each fold.
    rougher : ndarray of shape (n_folds, n_initialisations, size), optional
        Such networks, less smooth.
    rounds : int
        Rounds of folds in `held_out`.
    scale : ndarray of shape (n_targets,)
        Unit of the networks' values.
    offsets : ndarray of shape (n_folds, n_targets)
        Prefactor of each fold's networks.
    noise : ndarray of shape (n_targets,)
        Root-mean-square error on runs left out.
    weight : float
        Number of runs.
    hull : Hull
        Of the runs.
    growth : Growth
        Of errors outside it.
    left_out : ndarray of int of shape (n_errors, 2)
        Fold and run of each error on runs left out.
    pairs : ndarray of int of shape (n_pairs, 3)
        Fold and two runs of each error on pairs left out.
    values_calibration, pairs_calibration : Calibration
    """

    axes: PotentialAxes
    layout: NetworkLayout
    theta: Array
    held_out: Array
    rougher: Array | None
    rounds: int
    scale: Array
    offsets: Array
    noise: Array
    weight: float
    hull: Hull
    growth: Growth
    left_out: IntArray
    pairs: IntArray
    values_calibration: Calibration
    pairs_calibration: Calibration

    def members(self, X: Array) -> Array:
        """Potential by each member, shape (n_members, n_rows, n_targets)."""
        return self._evaluate(self.theta, X) * self.scale

    def _evaluate(self, theta: Array, X: Array, way: Way = NetworkLayout.forward) -> Array:
        return evaluate(self.layout, theta, self.axes.coordinates(X), self.axes.codes(X), way)

    def slopes(self, theta: Array, X: Array) -> Array:
        """Local exponents, (n_models, n_rows, n_targets, n_features); NaN for labels."""
        slopes = self._evaluate(theta, X, slopes_of)
        return self.axes.wide(slopes @ self.axes.transform.T * self.scale[:, None])

    def mixed(self, X: Array) -> Array:
        """Second derivatives by the ensemble, (n_rows, n_targets, n_features, n_features)."""
        turn, wide = self.axes.transform, self.axes.wide
        bends = self._evaluate(self.theta, X, curvatures_of).mean(axis=0)
        mixed = turn @ bends @ turn.T * self.scale[:, None, None]
        return wide(wide(mixed).swapaxes(-1, -2))

    def bounds(self, level: float, X: Array, other: Array | None = None) -> Array:
        """Intervals of the response less its centre, or of its difference from other rows.

        Returns
        -------
        ndarray of shape (n_rows, n_targets, 2)
        """
        calibration, reach = self.values_calibration, self.reach(X, level)
        if other is not None:
            calibration, reach = self.pairs_calibration, np.hypot(reach, self.reach(other, level))
        bounds = calibration.bounds(*self.by_fold(X, other), level)
        return widen(bounds, reach) * self.scale[:, None]

    def reach(self, X: Array, level: float) -> Array:
        """Additional width of intervals outside the runs, in units of `scale`.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        level : float

        Returns
        -------
        ndarray of shape (n_rows, n_targets)
        """
        reach = self.growth.reach(self.hull.distance(self.axes.coordinates(X)), level)
        # of a direction that never varied the runs determine nothing
        return np.where(self.axes.leaves_span(X)[:, None], np.inf, reach)

    def by_fold(self, X: Array, other: Array | None = None) -> tuple[Array, Array]:
        """Response less its centre, or its difference, by the networks of each fold.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        other : ndarray of the same shape, optional
            Rows that the response of `X` is compared with.

        Returns
        -------
        values, scales : ndarray of shape (n_folds, n_rows, n_targets)
            In units of `scale`; the second is what the networks leave open.
        """
        values, z = self._evaluate(self.held_out, X), self.axes.coordinates(X)
        if other is not None:
            values = values - self._evaluate(self.held_out, other)
            z = z - self.axes.coordinates(other)
        offsets = self.offsets[:, None] if other is None else 0.0
        scales = open_scale(values, z, self.noise, self.weight, 1 if other is None else 2)
        return values.mean(axis=1) + offsets, scales

    def slope_variance(self, X: Array, average: bool) -> tuple[Array, int]:
        """Variance of local exponents by runs left out, and its degrees of freedom.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
        average : bool
            Of the mean exponents over the rows instead.

        Returns
        -------
        ndarray of shape (n_rows, n_targets, n_numeric), int
            A single row for the mean.
        """

        def by_member(theta: Array) -> Array:
            slopes = self.slopes(theta, X)
            return np.asarray(slopes.mean(axis=1, keepdims=True) if average else slopes)

        n_folds, n, _ = self.held_out.shape
        slopes, whole = by_member(np.concatenate(self.held_out)), by_member(self.theta)
        folds = slopes.reshape(n_folds, n, *slopes.shape[1:]).mean(axis=1)
        each = n_folds // self.rounds
        if each < 2:
            return np.full(folds.shape[1:], np.inf), 1
        per_round = folds.reshape(self.rounds, each, *folds.shape[1:])
        variance = (each - 1) * per_round.var(axis=1).mean(axis=0)
        if len(whole) > 1:
            variance = variance + whole.var(axis=0, ddof=1) / len(whole)
        if self.rougher is not None:
            # what one step of smoothness changes stands for what smoothness hides
            variance = variance + np.square(
                by_member(np.concatenate(self.rougher)).mean(0) - folds.mean(0)
            )
        return variance, each - 1

    def outside(self, X: Array) -> BoolArray:
        """Mask of rows outside the convex hull of the runs."""
        beyond = self.hull.distance(self.axes.coordinates(X)) > 0
        return beyond | self.axes.leaves_span(X)


def open_scale(values: Array, z: Array, noise: Array, weight: float, runs: int) -> Array:
    """Predictive standard deviation of each fold: noise, leverage and disagreement.

    Parameters
    ----------
    values : ndarray of shape (n_folds, n_initialisations, n_rows, n_targets)
    z : ndarray of shape (n_rows, rank)
        Whitened place, or difference of two places.
    noise : ndarray of shape (n_targets,)
    weight : float
        Number of runs.
    runs : int
        Whose noise counts: one for a value, two for a ratio.

    Returns
    -------
    ndarray of shape (n_folds, n_rows, n_targets)
    """
    leverage = np.square(z).sum(axis=1) / weight
    noise_variance = noise**2 * (runs + leverage[:, None])
    disagreement = np.zeros_like(values[:, 0])
    if values.shape[1] > 1:
        disagreement = values.var(axis=1, ddof=1)
    return np.asarray(np.sqrt(noise_variance + disagreement))


def assemble(
    trainer: Trainer, theta: Array, choice: PotentialChoice, folds: Folds, growth: Growth
) -> tuple[FittedPotential, Array]:
    """The fitted potential, and the errors on runs left out of shape (n_folds, n_runs, n_targets).

    Parameters
    ----------
    trainer : Trainer
        Of the layout of the networks.
    theta : ndarray of shape (n_members, size)
    choice : PotentialChoice
    folds : Folds
    growth : Growth
    """
    task, held_out = trainer.task, choice.theta
    values = trainer.values(held_out)
    misses = task.target - values.mean(axis=1)
    weights = np.where(folds.held, 0.0, task.runs.weights)
    offsets = np.einsum("kr,krt->kt", weights, misses) / weights.sum(axis=1)[:, None]
    errors = held_out_errors(trainer, held_out, folds)
    root = np.sqrt(task.runs.weights)[:, None]
    of, run = np.nonzero(folds.held)
    noise = np.sqrt(np.mean(np.square(errors * root)[of, run], axis=0))
    noise = np.maximum(noise, np.finfo(float).eps)
    count = len(task.runs)
    scales = open_scale(values, task.z, noise, count, 1)
    scores = np.abs(errors * root)[of, run] / scales[of, run]
    distinct = int(folds.held.any(axis=0).sum())
    k, u, v = folds.pairs.T
    gap = misses[k, u] - misses[k, v]
    apart = (values[k, :, u] - values[k, :, v]).swapaxes(0, 1)[None]
    each = open_scale(apart, task.z[u] - task.z[v], noise, count, 2)[0]
    together = np.sqrt(2.0 / (1.0 / task.runs.weights[u] + 1.0 / task.runs.weights[v]))[:, None]
    pair_scores = np.abs(gap) * together / each
    fitted = FittedPotential(
        task.axes,
        trainer.layout,
        theta,
        held_out,
        choice.rougher,
        folds.rounds,
        task.scale,
        offsets,
        noise,
        float(count),
        Hull.of(task.z),
        growth,
        np.column_stack([of, run]).astype(np.intp),
        folds.pairs,
        Calibration(of.astype(np.intp), scores, distinct),
        Calibration(k, pair_scores, min(len(k), distinct)),
    )
    return fitted, errors


# below so many runs, or clusters, nothing but a power law can be fitted
_FEWEST_RUNS = 12
_FEWEST_CLUSTERS = 4
# coordinates of a label: two separate labels that one would order
_EMBEDDING = 2
# what the loss's scale must shrink to for another training
_SHARPER = 0.8


def learn(task: Task, settings: Settings) -> tuple[FittedPotential, PotentialChoice, Array]:
    """Train a potential on a task: it, its smoothness, and R² on runs left out of each target.

    Parameters
    ----------
    task : Task
    settings : Settings
    """
    device = choose_device(settings.device, len(task.runs))
    categories = tuple(
        (len(labels), min(_EMBEDDING, max(len(labels) - 1, 1))) for labels in task.axes.labels
    )
    n_inputs, n_targets = task.z.shape[1], task.target.shape[1]
    layouts = (NetworkLayout(n_inputs, n_targets, h, categories) for h in ((), settings.hidden))
    linear, deep = (Trainer(task, x, settings.loss, settings.physics, device) for x in layouts)
    enough = len(task.runs) >= _FEWEST_RUNS and task.runs.n_clusters >= _FEWEST_CLUSTERS
    wanted = settings.hidden and n_inputs and enough and not task.exact
    folds = folds_of(task.runs, settings.seed)
    with _progress(settings.verbose and bool(wanted), settings.max_iter) as progress:
        choice = choose(linear, deep if wanted else None, folds, settings, progress)
        trainer = deep if np.isfinite(choice.decay) else linear
        if settings.loss == "huber":
            trainer, choice = _sharpened(linear, trainer, choice, folds, settings)
        rng, whole = np.random.default_rng([settings.seed, 1]), task.runs.weights
        if np.isfinite(choice.decay):
            weights = np.tile(whole, (settings.n_members, 1))
            smooth = np.full(len(weights), choice.decay)
            theta = trainer.train(weights, smooth, [choice.iterations], rng, progress=progress)[0]
        else:
            # a power law needs but one network
            theta = _linear_networks(trainer, whole[None], settings.max_iter, rng)
    growth = growth_of(trainer, choice, folds, settings.seed)
    fitted, errors = assemble(trainer, theta, choice, folds, growth)
    held = folds.held[..., None] * task.runs.weights[:, None]
    spread = task.runs.centred(task.target, task.runs.weights)
    total = (held * spread**2).sum(axis=(0, 1))
    squares = (held * errors**2).sum(axis=(0, 1))
    safe = np.where(total > 0, total, 1.0)
    return fitted, choice, np.where(total > 0, 1.0 - squares / safe, np.nan)


def _sharpened(
    linear: Trainer, trainer: Trainer, choice: PotentialChoice, folds: Folds, settings: Settings
) -> tuple[Trainer, PotentialChoice]:
    """Huber's loss in units of what the potential leaves of runs held out, not the power law."""
    errors = held_out_errors(trainer, choice.theta, folds)[folds.held]
    # a few digits, so that the last ones, which vary with the choice of groups, do not matter
    delta = float(f"{DELTA * 1.4826 * np.median(np.abs(errors)):.6g}")
    if not 0.0 < delta < _SHARPER * trainer.delta:
        return trainer, choice
    sharp = trainer.sharpened(delta)
    deep = sharp if np.isfinite(choice.decay) else None
    same = replace(settings, decays=(choice.decay,), max_iter=choice.iterations)
    again = choose(linear.sharpened(delta), deep, folds, same)
    return sharp, replace(again, rougher=choice.rougher, scores=choice.scores)


@contextmanager
def _progress(shown: bool, iterations: int) -> Iterator[Progress]:
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        steps = bar.add_task("deep potential", total=2 * iterations)
        done = 0

        def advance(iteration: int) -> None:
            nonlocal done
            # the ensemble counts from one again
            done = iterations + iteration if iteration < done else iteration
            bar.update(steps, completed=done)

        yield advance
