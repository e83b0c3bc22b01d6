"""An epoch of all pairs against an epoch of plain regression: same network, same batches."""

import os
from collections.abc import Callable
from functools import partial
from time import thread_time

# Timings are of one core; the libraries read this when they are first imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from dimgs.fits.potential.networks import NetworkLayout, pair_loss
from dimgs.fits.potential.potential_runs import LOSSES

N_GROUPS = 6
# runs of a batch: a pair loss of 1024 runs has half a million pairs
BATCH = 1024
REPEATS = 9


def planted(n_runs: int) -> tuple[Tensor, Tensor]:
    """Whitened groups, and a response with a crossover and noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_runs, N_GROUPS))
    y = np.logaddexp(X @ rng.uniform(-1, 1, N_GROUPS), X[:, 0])
    y += 0.05 * rng.standard_normal(n_runs)
    return torch.as_tensor(X), torch.as_tensor(y)


Loss = Callable[[Tensor], Tensor]


def epoch_seconds(layout: NetworkLayout, X: Tensor, y: Tensor, loss: Loss, paired: bool) -> float:
    """One pass over the runs in batches: loss, slope, and a plain step; in processor time."""
    rng = np.random.default_rng(1)
    linear = np.zeros((1, layout.n_inputs))
    theta = torch.as_tensor(layout.initial(linear, np.zeros(1, dtype=np.intp), rng))
    order = torch.as_tensor(rng.permutation(len(X)))
    start = thread_time()
    for rows in torch.split(order, BATCH):
        leaf = theta.requires_grad_()
        errors = y[rows] - layout.values(leaf, X[rows])
        if paired:
            other = rows[torch.randperm(len(rows))]
            errors = errors - (y[other] - layout.values(leaf, X[other]))
        slope = torch.autograd.grad(loss(errors), leaf)[0]
        theta = (theta - 1e-3 * slope).detach()
    return thread_time() - start


def epochs(
    n_runs: int = 100_000, hidden: tuple[int, ...] = (32, 32)
) -> dict[str, Callable[[], float]]:
    """An epoch with each loss, which gives its seconds; the first is plain regression."""
    X, y = planted(n_runs)
    layout = NetworkLayout(N_GROUPS, hidden)
    ones = torch.ones((1, 1, BATCH), dtype=torch.float64)

    def squares(errors: Tensor) -> Tensor:
        return errors.square().mean()

    def over_pairs(kind: str) -> Loss:
        (known,) = (k for k in LOSSES if k == kind)
        return lambda errors: pair_loss(
            errors[None], ones[..., : errors.shape[1]], kind=known
        ).sum()

    losses: dict[str, tuple[Loss, bool]] = {"plain": (squares, False)}
    losses |= {kind: (over_pairs(kind), False) for kind in LOSSES}
    losses["sampled pairs"] = (squares, True)
    return {
        name: partial(epoch_seconds, layout, X, y, loss, paired)
        for name, (loss, paired) in losses.items()
    }


def compare(n_runs: int = 100_000) -> dict[str, float]:
    """Median time of an epoch with each loss, relative to plain regression in the same run."""
    made = epochs(n_runs)
    times: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(REPEATS):
        for name, epoch in made.items():
            times[name].append(epoch())
    plain = float(np.median(times["plain"]))
    # of neighbours in time, so that a busy machine slows both
    ratios = {name: float(np.median(np.divide(t, times["plain"]))) for name, t in times.items()}
    return {"plain_s": plain, **{name: r for name, r in ratios.items() if name != "plain"}}


def main() -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    n_runs = 100_000
    found = compare(n_runs)
    print(f"An epoch of {n_runs} runs in batches of {BATCH}, network 6-32-32-1")
    print(f"  plain regression            {found['plain_s']:8.3f} s of one processor")
    for kind in LOSSES:
        print(f"  all pairs, {kind:<16} {found[kind]:8.2f} times that")
    loop = found["sampled pairs"]
    print(f"  as many sampled pairs       {loop:8.2f} times that, for one pair a run;")
    print(f"  all pairs of the batches    {loop * (BATCH - 1) / 2:8.0f} times that, one by one")


if __name__ == "__main__":
    main()
