"""Training of networks on the runs of one response, and what they know beforehand."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from dimgs.common.arrays import Array, BoolArray, IntArray
from dimgs.fits.base import TrainingRuns
from dimgs.fits.potential.networks import NetworkLayout, evaluate, lbfgs, pair_loss
from dimgs.fits.potential.physics import Physics
from dimgs.fits.potential.potential_runs import (
    Loss,
    PotentialAxes,
    about_prefactors,
    choose_device,
    labels_of_runs,
)

# of whitened coordinates: rounding of the choice of groups lies beyond, and long training would
# amplify it
_DECIMALS = 8
# Huber's 95 % efficiency, for differences of two errors
HUBER = 1.345 * math.sqrt(2.0)
# runs that are enough for a start of the training
MANY = 2000
# share of the training that is on all runs, where some are enough for a start
_FINISH = 0.25


@dataclass(frozen=True)
class Settings:
    """Parameters of the training; see `ContrastivePotential`."""

    hidden: tuple[int, ...]
    loss: Loss
    decays: tuple[float, ...]
    categorical: tuple[int, ...]
    physics: Physics
    n_members: int
    max_iter: int
    device: str
    verbose: bool
    seed: int


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
