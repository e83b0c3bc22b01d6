"""Runs that find where the regimes are: coarse, cheap, and where the map is white."""

import numpy as np
from numpy.typing import NDArray

from dimgs.campaign.affine import distances
from dimgs.campaign.analysis import Question, State
from dimgs.campaign.points import Points
from dimgs.campaign.refine import Proposal, deepest

Array = NDArray[np.float64]

# runs without a law that a map may have, and those that tell of a missing regime
STRAY = 2
_ALONE, _STRAY_SHARE = 1, 0.1
_APART = 1e-6


def unmapped(state: State) -> int:
    """Number of runs that follow no law; 0 where they are too few to tell of a missing regime."""
    white = state.regimes.unexplained
    n = int(white.sum())
    return n if n > max(_ALONE, _STRAY_SHARE * len(white)) else 0


def survey(z: Array, names: str) -> list[Proposal]:
    """First runs: all over the space, at the coarsest tier."""
    reason = f"space-filling over the region of pi space that the ranges of {names} reach"
    return [Proposal(point, 0, "survey", reason) for point in z]


def explore(
    question: Question, state: State, points: Points, pool: Array, n: int
) -> list[Proposal]:
    """Runs where a regime may be missing, in regimes of few runs, and far from all runs.

    Parameters
    ----------
    question : Question
    state : State
    points : Points
    pool : ndarray of shape (n_pool, rank)
    n : int

    Returns
    -------
    list of Proposal
        At most `n`, of the coarsest tier.
    """
    chosen: list[Proposal] = []
    regimes = state.regimes
    enough = 3 * (points.rank + 1)
    white = np.flatnonzero(regimes.unexplained)
    if len(white):
        near = _nearest_run(pool, regimes.z)
        offers = pool[np.isin(near, white)]
        reason = f"{len(white)} runs follow no law although none is near: a regime may be missing"
        chosen += _spread(offers, points, chosen, n // 2, reason)
    if regimes.stands_out:
        cores = regimes.cores(regimes.z)
        few = [k for k in range(len(regimes.laws)) if cores[:, k].sum() < enough]
        inside = regimes.cores(pool)
        for k in few:
            offers = deepest(question, state, pool[inside[:, k]], k)
            reason = f"a law rests on {int(cores[:, k].sum())} runs only: does it hold here too?"
            chosen += _spread(offers, points, chosen, max(2, n // (2 * len(few))), reason)
    reason = "farthest from every run so far"
    chosen += _spread(pool, points, chosen, n - len(chosen), reason)
    return chosen[:n]


def _nearest_run(pool: Array, z: Array) -> NDArray[np.intp]:
    return np.asarray(np.argmin(distances(pool, z), axis=1))


def _spread(
    offers: Array, points: Points, chosen: list[Proposal], n: int, reason: str
) -> list[Proposal]:
    """Offers that are farthest from all runs and from each other."""
    if n <= 0 or not len(offers):
        return []
    taken = np.array([*points.z, *(p.z for p in chosen)]).reshape(-1, points.rank)
    far = distances(offers, taken).min(axis=1) if len(taken) else np.full(len(offers), np.inf)
    found = []
    for _ in range(min(n, len(offers))):
        at = int(np.argmax(far))
        if far[at] <= _APART:
            break
        found.append(Proposal(offers[at], 0, "map", reason))
        far = np.minimum(far, distances(offers, offers[at : at + 1])[:, 0])
    return found
