"""Minimisers that work on many independent small problems at once."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# loss (n_active,) and gradient (n_active, size) of the networks that the indices name
Objective = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
Progress = Callable[[int], None]
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


def lbfgs(
    objective: Objective,
    theta: Tensor,
    stops: Sequence[int],
    progress: Progress | None = None,
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
        Told the number of each iteration.

    Returns
    -------
    list of Tensor
        The rows at each stop.

    References
    ----------
    J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd ed., Springer 2006, algorithm 7.5.
    """
    theta = theta.clone()
    n = len(theta)
    everyone = torch.arange(n, device=theta.device)
    loss, slope = objective(theta, everyone)
    memory = _Memory(theta)
    active = everyone
    kept: list[Tensor] = []
    for iteration in range(1, max(stops) + 1):
        flat = slope[active].abs().amax(1) <= _FLAT * (1.0 + loss[active].abs())
        active = active[~flat]
        if len(active):
            active = _step(objective, theta, loss, slope, memory, active)
        if progress is not None:
            progress(iteration)
        if iteration in stops:
            kept.append(theta.clone())
    return kept


class _Memory:
    """The latest steps and changes of slope; a pair of no use to a row has no weight there."""

    def __init__(self, like: Tensor) -> None:
        self.pairs: list[tuple[Tensor, Tensor, Tensor]] = []
        self.scale: Tensor | None = None
        # rows that have just started over
        self.fresh = torch.zeros(len(like), dtype=torch.bool, device=like.device)

    def add(self, step: Tensor, change: Tensor) -> None:
        curvature = (step * change).sum(1)
        size = (change * change).sum(1)
        useful = curvature > 1e-10 * (step.norm(dim=1) * size.sqrt()).clamp_min(1e-300)
        one = torch.ones_like(curvature)
        rho = torch.where(useful, 1.0 / torch.where(useful, curvature, one), 0.0 * one)
        before = one if self.scale is None else self.scale
        self.scale = torch.where(useful, curvature / torch.where(useful, size, one), before)
        self.pairs.append((step, change, rho))
        del self.pairs[:-_HISTORY]

    def forget(self, rows: Tensor) -> None:
        """Let these rows start over."""
        for _, _, rho in self.pairs:
            rho[rows] = 0.0

    def direction(self, slope: Tensor, rows: Tensor) -> Tensor:
        q = slope
        pairs = [(s[rows], c[rows], rho[rows]) for s, c, rho in self.pairs]
        weights = []
        for step, change, rho in reversed(pairs):
            alpha = rho * (step * q).sum(1)
            q = q - alpha[:, None] * change
            weights.append(alpha)
        if self.scale is None:
            q = q / (1.0 + q.norm(dim=1, keepdim=True))
        else:
            q = q * self.scale[rows][:, None]
        for (step, change, rho), alpha in zip(pairs, reversed(weights), strict=True):
            beta = rho * (change * q).sum(1)
            q = q + (alpha - beta)[:, None] * step
        return -q


def _step(
    objective: Objective,
    theta: Tensor,
    loss: Tensor,
    slope: Tensor,
    memory: _Memory,
    active: Tensor,
) -> Tensor:
    """One step of the active rows, in place; the rows that could move."""
    direction = memory.direction(slope[active], active)
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
    memory.add(step, change)
    # a row that nothing helped starts over along its slope, and ends where that fails too
    stuck = active[waiting]
    ends = stuck[memory.fresh[stuck]]
    memory.forget(stuck)
    memory.fresh[active] = False
    memory.fresh[stuck] = True
    return active[~torch.isin(active, ends)]


BatchObjective = Callable[[Tensor, Tensor], Tensor]


def adam(
    gradient: BatchObjective,
    theta: Tensor,
    batches: Sequence[Tensor],
    stops: Sequence[int],
    rate: float = 0.02,
    progress: Progress | None = None,
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
    theta = theta.clone()
    mean, square = torch.zeros_like(theta), torch.zeros_like(theta)
    kept: list[Tensor] = []
    last = max(stops)
    for number in range(1, last + 1):
        slope = gradient(theta, batches[(number - 1) % len(batches)])
        mean.lerp_(slope, 0.1)
        square.mul_(0.999).addcmul_(slope, slope, value=1e-3)
        lowered = 0.5 * rate * (1.0 + torch.cos(torch.tensor(torch.pi * number / last)).item())
        root = (square / (1.0 - 0.999**number)).sqrt_().add_(1e-8)
        theta.addcdiv_(mean / (1.0 - 0.9**number), root, value=-lowered)
        if progress is not None:
            progress(number)
        if number in stops:
            kept.append(theta.clone())
    return kept
