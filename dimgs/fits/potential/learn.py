"""The whole training: smoothness by runs held out, then an ensemble on all runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from dimgs.arrays import Array
from dimgs.fits.potential.backend import choose_device
from dimgs.fits.potential.extrapolation import growth_of
from dimgs.fits.potential.fitted import FittedPotential, assemble
from dimgs.fits.potential.losses import Loss
from dimgs.fits.potential.network import NetworkLayout
from dimgs.fits.potential.physics import Physics
from dimgs.fits.potential.potential_runs import Task
from dimgs.fits.potential.smoothness import (
    DECAYS,
    Folds,
    PotentialChoice,
    choose,
    folds_of,
    held_out_errors,
)
from dimgs.fits.potential.training import DELTA, Trainer

# below so many runs, or clusters, nothing but a power law can be fitted
_FEWEST = 12
_FEWEST_CLUSTERS = 4
# coordinates of a label: two tell apart what one would order
_EMBEDDING = 2
# what the loss's scale must shrink to for another training
_SHARPER = 0.8


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
class Learned:
    """A trained potential.

    Parameters
    ----------
    fitted : FittedPotential
    choice : PotentialChoice
    cv_r2 : ndarray of shape (n_targets,)
    """

    fitted: FittedPotential
    choice: PotentialChoice
    cv_r2: Array


def decays_of(smoothness: float | str) -> tuple[float, ...]:
    """Weight decays to try: infinity is the power law."""
    return (np.inf, *DECAYS) if isinstance(smoothness, str) else (float(smoothness),)


def learn(task: Task, settings: Settings) -> Learned:
    """Train a potential on a task.

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
    linear, deep = (
        Trainer.of(
            task,
            NetworkLayout(n_inputs, n_targets, hidden, categories),
            settings.loss,
            settings.physics,
            device,
        )
        for hidden in ((), settings.hidden)
    )
    enough = len(task.runs) >= _FEWEST and task.runs.n_clusters >= _FEWEST_CLUSTERS
    wanted = settings.hidden and n_inputs and enough and not task.exact
    folds = folds_of(task.runs, settings.seed)
    with _progress(settings.verbose and bool(wanted), settings.max_iter) as progress:
        choice = choose(
            linear,
            deep if wanted else None,
            folds,
            settings.decays,
            settings.max_iter,
            settings.seed,
            progress,
        )
        trainer = deep if np.isfinite(choice.decay) else linear
        if settings.loss == "huber":
            trainer, choice = _sharpened(linear, trainer, choice, folds, settings)
        theta = _ensemble(trainer, choice, settings, progress)
    growth = growth_of(trainer, choice, folds, settings.seed)
    fitted, errors = assemble(task, trainer, theta, choice, folds, growth)
    held = folds.held[..., None] * task.runs.weights[:, None]
    spread = task.runs.centred(task.target, task.runs.weights)
    total = (held * spread**2).sum(axis=(0, 1))
    left = (held * errors**2).sum(axis=(0, 1))
    safe = np.where(total > 0, total, 1.0)
    return Learned(fitted, choice, np.where(total > 0, 1.0 - left / safe, np.nan))


def _sharpened(
    linear: Trainer, trainer: Trainer, choice: PotentialChoice, folds: Folds, settings: Settings
) -> tuple[Trainer, PotentialChoice]:
    """Huber's loss in units of what the potential leaves of runs held out, not the power law."""
    errors = held_out_errors(trainer, choice.theta, folds)[folds.held]
    # a few digits, so that the last ones, which vary with the choice of groups, do not matter
    delta = float(f"{DELTA * 1.4826 * np.median(np.abs(errors)):.6g}")
    if not 0.0 < delta < _SHARPER * trainer.delta:
        return trainer, choice
    sharp = replace(trainer, delta=delta)
    deep = sharp if np.isfinite(choice.decay) else None
    base = replace(linear, delta=delta)
    again = choose(base, deep, folds, (choice.decay,), choice.iterations, settings.seed)
    return sharp, replace(again, rougher=choice.rougher, scores=choice.scores)


def _ensemble(
    trainer: Trainer,
    choice: PotentialChoice,
    settings: Settings,
    progress: Callable[[int], None] | None,
) -> Array:
    """Networks on all runs, as smooth as was chosen; a power law needs but one."""
    rng = np.random.default_rng([settings.seed, 1])
    whole = trainer.task.runs.weights
    if not np.isfinite(choice.decay):
        weights = whole[None]
        if trainer.loss == "squared" and trainer.penalty is None:
            return np.array(trainer.linear(weights)).reshape(1, trainer.layout.n_linear)
        return trainer.train(weights, np.zeros(1), [settings.max_iter], rng)[0]
    n = settings.n_members
    weights = np.tile(whole, (n, 1))
    decay = np.full(n, choice.decay)
    return trainer.train(weights, decay, [choice.iterations], rng, progress=progress)[0]


@contextmanager
def _progress(shown: bool, iterations: int) -> Iterator[Callable[[int], None] | None]:
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
