"""Small networks, many at once: their values, losses over all pairs of runs, and training.

Each is a linear part plus layers of softplus, one row of numbers each. A crossover of two power
laws is one softplus unit exactly, and outside the runs every unit is linear again, so that the
potential ends in power laws.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad, softplus

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.fits.potential.potential_runs import (
    HUBER,
    MANY,
    Loss,
    PotentialAxes,
    Settings,
    about_prefactors,
    choose_device,
    labels_of_runs,
    one_thread,
)
from dimgs.fits.training_runs import TrainingRuns

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


# ---- Training of networks on the runs of one response, and what they know beforehand.


# of whitened coordinates: rounding of the choice of groups lies beyond, and long training would
# amplify it
_DECIMALS = 8
# share of the training that is on all runs, where some are enough for a start
_FINISH = 0.25


class Training:
    """Training of networks on some runs, with the response in units of one residual.

    Parameters
    ----------
    runs : TrainingRuns
        Distinct ones.
    axes : PotentialAxes
    target : ndarray of shape (n_runs,)
    unit : float
        What the response is divided by.
    settings : Settings
    """

    def __init__(
        self,
        runs: TrainingRuns,
        axes: PotentialAxes,
        target: Array,
        unit: float,
        settings: Settings,
    ) -> None:
        self.runs, self.axes, self.settings, self.unit = runs, axes, settings, unit
        self.labels, self.target = labels_of_runs(runs), target / unit
        self.x = axes.inputs(runs.X)
        self.layout = NetworkLayout(self.x.shape[1], settings.hidden)

    def linear(self, weights: Array) -> Array:
        """Power law by weighted least squares over all pairs, shape (n_inputs,)."""
        root = np.sqrt(weights)
        columns = about_prefactors(np.column_stack([self.x, self.target]), self.labels, weights)
        *x, y = (columns * root[:, None]).T
        return np.asarray(np.linalg.lstsq(np.array(x).T.reshape(len(y), -1), y, rcond=1e-10)[0])

    def networks(
        self, weights: Array, decay: Array, kinds: IntArray, rng: Generator
    ) -> tuple[Array, int]:
        """Trained networks, shape (n_models, n_numbers), and the steps of their training.

        Parameters
        ----------
        weights : ndarray of shape (n_models, n_runs)
            Zero for runs that a network may not see.
        decay : ndarray of shape (n_models,)
            Weight decay; infinite for a power law.
        kinds : ndarray of int of shape (n_models,)
            Networks of equal kind start alike.
        rng : Generator
        """
        settings, inputs = self.settings, self.layout.n_inputs
        device = choose_device(settings.device, len(self.runs))
        distinct, back = np.unique(weights, axis=0, return_inverse=True)
        starts = np.array([self.linear(row) for row in distinct])[back.ravel()]
        bends = np.isfinite(decay)[:, None]
        starts = np.where(bends, np.round(starts, _DECIMALS), starts)

        def there(values: NDArray[Any]) -> Tensor:
            return torch.as_tensor(values, device=device)

        shrink, free = there(np.where(bends[:, 0], decay, 0.0)), there(bends.astype(float))
        penalty = penalty_of(self, there)

        def trained(theta: Tensor, rows: IntArray, steps: Iterable[int]) -> tuple[Tensor, int]:
            x, target = there(np.round(self.x[rows], _DECIMALS)), there(self.target[rows])
            places, present = label_rows(self.labels[rows])
            w = there(weights[:, rows[places]] * present)

            def objective(theta: Tensor, active: Tensor) -> tuple[Tensor, Tensor]:
                leaf = theta.detach().requires_grad_()
                errors = target - self.layout.values(leaf, x)
                errors = errors[:, None] if len(places) == 1 else errors[:, places]
                loss = pair_loss(errors, w[active], settings.loss, HUBER)
                loss = loss + shrink[active] * leaf[:, inputs:].square().sum(1)
                if penalty is not None:
                    loss = loss + penalty(leaf)
                slope = torch.autograd.grad(loss.sum(), leaf)[0]
                # a power law is a network whose layers stay at zero
                slope[:, inputs:] *= free[active]
                return loss.detach(), slope

            return lbfgs(objective, theta, steps)

        theta, rows = there(self.layout.initial(starts, kinds, rng)), np.arange(len(self.runs))
        steps = range(1, settings.max_iter + 1)
        if len(rows) > MANY:
            # what some of many runs teach needs only a few more steps on all
            theta, _ = trained(
                theta, np.sort(rng.permutation(rows)[:MANY]), _shown(steps, settings)
            )
            steps = steps[: max(1, round(_FINISH * settings.max_iter))]
        theta, count = trained(theta, rows, _shown(steps, settings))
        return theta.cpu().numpy(), count

    def values(self, theta: Array, X: Array | None = None) -> Array:
        """Potential at some rows, by default of the runs; shape (..., n_rows)."""
        return evaluate(self.layout.values, theta, self.x if X is None else self.axes.inputs(X))

    def held_out_errors(self, theta: Array, held: Sequence[BoolArray] | BoolArray) -> Array:
        """Errors of the mean network of each fold about the prefactors of the runs it saw.

        Parameters
        ----------
        theta : ndarray of shape (n_folds, n_initialisations, n_numbers)
        held : ndarray of bool of shape (n_folds, n_runs)

        Returns
        -------
        ndarray of shape (n_folds, n_runs)
        """
        misses = self.target - self.values(theta).mean(axis=1)
        weights = np.where(held, 0.0, self.runs.weights)
        pairs = zip(misses[..., None], weights, strict=True)
        return np.array([about_prefactors(miss, self.labels, w)[:, 0] for miss, w in pairs])


def label_rows(labels: IntArray) -> tuple[IntArray, BoolArray]:
    """Places of the runs of each label, one a row; the others are filled up, as the mask says.

    Examples
    --------
    >>> label_rows(np.array([0, 1, 0]))[0].tolist()
    [[0, 2], [1, 0]]
    """
    counts = np.bincount(labels)
    present = np.arange(counts.max()) < counts[:, None]
    places = np.zeros(present.shape, dtype=np.intp)
    places[present] = np.argsort(labels, kind="stable")
    return places, present


def _shown(steps: range, settings: Settings) -> Iterable[int]:
    """Numbers of the steps of a training, with a progress bar where one is asked for."""
    if not settings.verbose:
        return steps
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = not console.is_terminal
    return track(steps, "deep potential", console=console, transient=True, disable=hidden)


# how far beyond the runs a limit is imposed, in spans of the feature
_BEYOND = (0.5, 1.0, 2.0)
# rows this many times as far from the centre keep their signs too
_AROUND = 1.5
# rows in which knowledge is imposed: more only cost time
_MOST_BENT = 50
# rounds the corner of an absolute value at zero
_ROUND = 1e-6


def penalty_of(
    training: Training, there: Callable[[NDArray[Any]], Tensor]
) -> Callable[[Tensor], Tensor] | None:
    """Prior knowledge, as a penalty (n_models,) on networks; None where nothing is known.

    Parameters
    ----------
    training : Training
    there : callable
        Moves an array to the device.
    """
    physics, axes, layout = training.settings.physics, training.axes, training.layout
    if physics.is_empty:
        return None
    X = training.runs.X
    some = X[:: -(-len(X) // _MOST_BENT)]
    numeric = ~np.isin(np.arange(X.shape[1]), axes.categorical)
    spread = X.std(axis=0)
    turn = there(axes.transform)

    def places(*moved: Array) -> Tensor:
        return there(axes.inputs(np.concatenate(moved)))

    around = places(some, some + (_AROUND - 1.0) * numeric * (some - axes.centre))
    # for each limit: its exponent, points out there, change along it, spread of its feature
    far: list[tuple[float, Tensor, Tensor, float]] = []
    for limit in physics.limits:
        weight, along = limit.weights(X.shape[1])
        sign = 1.0 if limit.end == "high" else -1.0
        feature = X @ weight
        beyond = -math.inf if limit.beyond is None else sign * limit.beyond
        start, span = max(float((sign * feature).max()), beyond), max(float(np.ptp(feature)), 1e-12)
        ends = (sign * (start + share * span) for share in _BEYOND)
        moved = [some + (end - some @ weight)[:, None] * along for end in ends]
        far.append((limit.exponent, places(*moved), there(along), float(feature.std())))

    def exponents(theta: Tensor, at: Tensor) -> Tensor:
        return layout.slopes(theta, at)[..., : axes.rank] @ turn.T

    def penalty(theta: Tensor) -> Tensor:
        out = torch.zeros_like(theta[:, 0])
        for feature, sign in physics.monotone.items():
            wrong = torch.relu(-sign * exponents(theta, around)[..., feature]) * spread[feature]
            out = out + physics.strength * wrong.square().mean(-1)
        for exponent, at, along, size in far:
            miss = (exponents(theta, at) @ along - exponent / training.unit) * size
            out = out + physics.strength * miss.square().mean(-1)
        if physics.interaction:
            bends = layout.bends(theta, around[: len(some)])[..., : axes.rank, : axes.rank]
            mixed = turn @ bends @ turn.T * there(np.outer(spread, spread))
            strength = (mixed.square().mean(1) + _ROUND**2).sqrt() - _ROUND
            out = out + physics.interaction * torch.triu(strength, diagonal=1).sum((-1, -2))
        return out

    return penalty
