"""Training of many networks at once on the runs that each may see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dimgs.arrays import Array
from dimgs.fits.potential.backend import one_thread
from dimgs.fits.potential.losses import Loss, Pairing, Penalty, pair_loss, penalty_of
from dimgs.fits.potential.network import NetworkLayout
from dimgs.fits.potential.optimise import adam, lbfgs
from dimgs.fits.potential.physics import Physics
from dimgs.fits.potential.potential_runs import Task

# runs up to which all pairs in every step cost less than batches
FULL_BATCH = 2000
# runs of a batch: a pair loss of 1024 runs has half a million pairs
BATCH = 1024
# stochastic steps for one iteration of the full-batch minimiser
_STEPS = 10
# numbers in memory at a time: 32 MB
_BLOCK = 4_000_000
# of whitened coordinates: rounding of the choice of groups lies beyond
_DECIMALS = 8
# width, in units of the misfit, at which corners of the absolute loss are rounded first
_ROUNDED = 0.2
# Huber's 95 % efficiency, for differences of two errors
DELTA = 1.345 * float(np.sqrt(2.0))


@dataclass(frozen=True, eq=False)
class Trainer:
    """A task on its device, and what is asked of the networks.

    Parameters
    ----------
    task : Task
    layout : NetworkLayout
    loss : {"squared", "absolute", "huber"}
    penalty : Penalty, optional
    z, codes, target : Tensor
    pairing : Pairing
    delta : float
        Where Huber's loss turns absolute, in units of what the power law leaves.
    """

    task: Task
    layout: NetworkLayout
    loss: Loss
    penalty: Penalty | None
    z: Tensor
    codes: Tensor
    target: Tensor
    pairing: Pairing
    delta: float = DELTA

    @classmethod
    def of(
        cls, task: Task, layout: NetworkLayout, loss: Loss, physics: Physics, device: Any
    ) -> "Trainer":
        """Copy the task to the device."""

        def there(values: NDArray[Any]) -> Tensor:
            return torch.as_tensor(values, device=device)

        # rounding errors differ with the choice of groups, and long training would amplify them
        z, codes = there(np.round(task.z, _DECIMALS)), there(task.codes)
        numeric = task.runs.X[:, list(task.axes.numeric)]
        penalty = penalty_of(
            physics, layout, task.axes.transform, task.axes.columns, numeric, z, codes, task.scale
        )
        within = task.runs.within
        pairing = Pairing()
        if within is not None:
            pairing = Pairing(there(within), int(within.max()) + 1)
        return cls(task, layout, loss, penalty, z, codes, there(task.target), pairing)

    def train(
        self,
        weights: Array,
        decay: Array,
        stops: Sequence[int],
        rng: np.random.Generator,
        *,
        kinds: NDArray[np.intp] | None = None,
        progress: Callable[[int], None] | None = None,
        starts: Sequence[Array] | Array | None = None,
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
            Linear part (n_linear, n_targets) of each network at the start.

        Returns
        -------
        list of ndarray of shape (n_models, size)
        """
        linear = np.array(self.linear(weights) if starts is None else starts)
        kinds = np.arange(len(weights)) if kinds is None else kinds
        linear = np.round(linear.reshape(len(weights), self.layout.n_linear), _DECIMALS)
        initial = self.layout.initial(linear, kinds, rng)
        theta = torch.as_tensor(initial, device=self.z.device)
        seen = torch.as_tensor(weights, device=self.z.device)
        shrink = torch.as_tensor(decay, device=self.z.device)
        decays = torch.as_tensor(self.layout.decays(), device=self.z.device)

        kind, delta = self.loss, self.delta

        def objective(some: Tensor, models: Tensor, rows: Tensor | None) -> Tensor:
            z = self.z if rows is None else self.z[rows]
            codes = self.codes if rows is None else self.codes[rows]
            target = self.target if rows is None else self.target[rows]
            pairing = self.pairing if rows is None else self.pairing.take(rows)
            w = seen[models] if rows is None else seen[models][:, rows]
            errors = target - self.layout.forward(some, z, codes)
            value = pair_loss(errors, w, pairing, kind, delta)
            if kind != self.loss:
                value = value / (2.0 * delta)
            if self.penalty is not None:
                value = value + self.penalty.value(some)
            return value + shrink[models] * (decays * some.square()).sum(1)

        def full(some: Tensor, models: Tensor) -> tuple[Tensor, Tensor]:
            return _slope(lambda leaf: objective(leaf, models, None), some)

        if len(weights[0]) <= FULL_BATCH:
            if self.loss == "absolute":
                # corners hold the minimiser up: it goes where the rounded loss is least first
                kind, delta = "huber", _ROUNDED
                theta = lbfgs(full, theta, stops[-1:])[-1]
                kind = self.loss
            found = lbfgs(full, theta, stops, progress)
        else:
            everyone = torch.arange(len(theta), device=theta.device)

            def part(some: Tensor, rows: Tensor) -> Tensor:
                return _slope(lambda leaf: objective(leaf, everyone, rows), some)[1]

            steps = [_STEPS * stop for stop in stops]
            batches = self._batches(steps[-1], rng)
            found = adam(part, theta, batches, steps, progress=_every(progress, _STEPS))
        return [rows.cpu().numpy() for rows in found]

    def linear(self, weights: Array) -> list[Array]:
        """Linear part of each network by least squares over the pairs it may see."""
        known: dict[bytes, Array] = {}
        out = []
        for row in weights:
            key = row.tobytes()
            if key not in known:
                known[key] = self.task.linear(row)
            out.append(known[key])
        return out

    def values(self, theta: Array) -> Array:
        """Potential of every run by every network, shape (n_models, n_runs, n_targets)."""
        return evaluate(self.layout, theta, self.task.z, self.task.codes)

    def _batches(self, steps: int, rng: np.random.Generator) -> list[Tensor]:
        n = len(self.task.runs)
        out: list[Tensor] = []
        while len(out) < steps:
            order = torch.as_tensor(rng.permutation(n), device=self.z.device)
            out += [b for b in torch.split(order, BATCH) if len(b) > BATCH // 2]
        return out[:steps]


def _every(progress: Callable[[int], None] | None, steps: int) -> Callable[[int], None] | None:
    if progress is None:
        return None

    def every(number: int) -> None:
        if number % steps == 0:
            progress(number // steps)

    return every


@one_thread()
def evaluate(layout: NetworkLayout, theta: Array, z: Array, codes: NDArray[np.intp]) -> Array:
    """Potential of every row by every network, a block of rows at a time.

    Parameters
    ----------
    layout : NetworkLayout
    theta : ndarray of shape (n_models, size)
    z : ndarray of shape (n_rows, n_inputs)
    codes : ndarray of int of shape (n_rows, n_categories)

    Returns
    -------
    ndarray of shape (n_models, n_rows, n_targets)
    """
    out = np.empty((len(theta), len(z), layout.n_targets))
    networks = torch.as_tensor(theta)
    width = max([layout.n_inputs + 1, *layout.hidden]) * len(theta)
    block = max(1, _BLOCK // width)
    with torch.no_grad():
        for start in range(0, len(z), block):
            rows = slice(start, start + block)
            found = layout.forward(networks, torch.as_tensor(z[rows]), torch.as_tensor(codes[rows]))
            out[:, rows] = found.numpy()
    return out


def _slope(objective: Callable[[Tensor], Tensor], some: Tensor) -> tuple[Tensor, Tensor]:
    """Values of networks, and the slopes of each by its own parameters."""
    leaf = some.detach().requires_grad_()
    with torch.enable_grad():
        value = objective(leaf)
        slope = torch.autograd.grad(value.sum(), leaf)[0]
    return value.detach(), slope
