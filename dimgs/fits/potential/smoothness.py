"""How smooth: weight decay and the end of training, by folds of runs held out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dimgs.arrays import Array, IntArray
from dimgs.fits.potential.potential_runs import PotentialRuns
from dimgs.fits.potential.training import Trainer

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

    held: NDArray[np.bool_]
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
    held: list[NDArray[np.bool_]] = []
    pairs: list[tuple[int, int, int]] = []
    for _ in range(rounds):
        place = np.empty(n, dtype=np.intp)
        place[rng.permutation(n)] = np.arange(n) % n_folds
        for fold in range(1 if len(runs) > MANY else n_folds):
            mask = place[runs.clusters] == fold
            for u, v in disjoint_pairs(np.flatnonzero(mask), runs, rng):
                pairs.append((len(held), u, v))
            held.append(mask)
    return Folds(np.array(held), np.array(pairs, dtype=np.intp).reshape(-1, 3), rounds)


def disjoint_pairs(
    rows: IntArray, runs: PotentialRuns, rng: np.random.Generator
) -> list[tuple[int, int]]:
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
    decays: tuple[float, ...],
    max_iter: int,
    seed: int,
    progress: Callable[[int], None] | None = None,
) -> PotentialChoice:
    """Train without each fold at every smoothness, and keep the smoothest that is not worse.

    Parameters
    ----------
    linear, deep : Trainer
        Without and with a network; the latter absent where none is wanted.
    folds : Folds
    decays : tuple of float
        From the largest; an infinite one is the power law, without which no network is compared.
    max_iter : int
    seed : int
    progress : callable, optional

    Notes
    -----
    Not worse: the mean loss on held-out runs exceeds the least one by no more than one standard
    error of the difference, which is taken over the clusters of runs. A power law is given up
    only where it exceeds it by more than 1.64 of them, by chance one time in twenty.
    """
    task = linear.task
    weights = np.where(folds.held, 0.0, task.runs.weights)
    rng = np.random.default_rng(seed)
    base = _linear_networks(linear, weights, max_iter, rng)
    tried: list[tuple[float, int, Array, Array]] = []
    if np.inf in decays or deep is None:
        tried.append((np.inf, 1, held_out_losses(linear, base[:, None], folds), base[:, None]))
    finite = [d for d in decays if np.isfinite(d)]
    if deep is not None and finite:
        tried += _deep(deep, base, weights, folds, finite, max_iter, rng, progress)
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


def _linear_networks(
    trainer: Trainer, weights: Array, max_iter: int, rng: np.random.Generator
) -> Array:
    """Power laws of each set of weights; in closed form where the loss allows it."""
    if trainer.loss == "squared" and trainer.penalty is None:
        return np.array(trainer.linear(weights)).reshape(len(weights), trainer.layout.n_linear)
    return trainer.train(weights, np.zeros(len(weights)), [max_iter], rng)[0]


def _deep(
    trainer: Trainer,
    base: Array,
    weights: Array,
    folds: Folds,
    decays: list[float],
    max_iter: int,
    rng: np.random.Generator,
    progress: Callable[[int], None] | None,
) -> list[tuple[float, int, Array, Array]]:
    n_folds, n = len(folds), INITIALISATIONS
    each = n_folds * n
    rows = np.tile(np.repeat(np.arange(n_folds), n), len(decays))
    decay = np.repeat(decays, each)
    stops = sorted({max(1, round(share * max_iter)) for share in _SHARES})
    # the same beginnings in every fold, so that folds differ by their runs alone
    kinds = np.tile(np.arange(n), n_folds * len(decays))
    found = trainer.train(
        weights[rows], decay, stops, rng, kinds=kinds, progress=progress, starts=base[rows]
    )
    clusters = trainer.task.runs.clusters[folds.held.any(axis=0)]
    out = []
    for k, value in enumerate(decays):
        options = []
        for stop, theta in zip(stops, found, strict=True):
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
    total = np.zeros(len(weighted[0]))
    for held, values in zip(folds.held, weighted, strict=True):
        total[held] += values[held]
    return np.asarray(total[seen] / np.maximum(folds.held.sum(axis=0), 1)[seen])


def held_out_errors(trainer: Trainer, theta: Array, folds: Folds) -> Array:
    """Errors of the mean network of each fold, about the fold's own prefactors.

    Returns
    -------
    ndarray of shape (n_folds, n_runs, n_targets)
    """
    task = trainer.task
    n_folds, n, _ = theta.shape
    values = trainer.values(np.concatenate(theta)).reshape(n_folds, n, len(task.runs), -1)
    misses = task.target - values.mean(axis=1)
    out: Array = np.empty(misses.shape)
    for k, (held, miss) in enumerate(zip(folds.held, misses, strict=True)):
        out[k] = centred_on_seen(trainer, miss, held)
    return out


def centred_on_seen(trainer: Trainer, miss: Array, held: NDArray[np.bool_]) -> Array:
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


def _error(difference: Array, clusters: NDArray[np.intp]) -> float:
    """Standard error of a mean difference, over clusters of runs."""
    n = len(difference)
    sums = np.bincount(clusters, difference)
    sizes = np.bincount(clusters)
    sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    spread = sums - sizes * difference.mean()
    m = len(sums)
    return float(np.sqrt(np.sum(spread**2) * m / max(m - 1, 1)) / n)
