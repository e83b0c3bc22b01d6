"""Points that say most, and what no point sees."""

import numpy as np

from dimgs.arrays import Array
from dimgs.campaign.space import PiSpace

# directions along which something may hide, beside groups and their products
_DRAWN = 64


def d_optimal(z: Array, offers: Array, n: int, enough: bool = True) -> list[Array]:
    """Offers that determine a power law best, beside runs that are there.

    Parameters
    ----------
    z : ndarray of shape (n_runs, rank)
        There already.
    offers : ndarray of shape (n_offers, rank)
    n : int
        Runs in all, where there are none yet.
    enough : bool
        Whether no run is added once every offer is predicted as well as from `n` chosen ones.

    Returns
    -------
    list of ndarray of shape (rank,)

    References
    ----------
    V. V. Fedorov, Theory of Optimal Experiments, Academic Press 1972, chapter 3 (exchange).
    """
    if not len(offers):
        return []
    rows = np.column_stack([np.ones(len(offers)), offers])
    own = np.column_stack([np.ones(len(z)), z])
    moments = own.T @ own + 1e-9 * np.eye(rows.shape[1])
    chosen: list[int] = []
    while len(chosen) < n:
        lever = np.einsum("ij,jk,ik->i", rows, np.linalg.inv(moments), rows)
        at = int(np.argmax(lever))
        if lever[at] <= (n if enough else 1e-6) + 1e-6:
            break
        chosen.append(at)
        moments = moments + np.outer(rows[at], rows[at])
    for _ in range(n):
        for i in range(len(chosen)):
            rest = moments - np.outer(rows[chosen[i]], rows[chosen[i]])
            gain = np.linalg.slogdet(rest + rows[:, :, None] * rows[:, None, :])[1]
            best = int(np.argmax(gain))
            if gain[best] > np.linalg.slogdet(moments)[1] + 1e-6:
                chosen[i] = best
                moments = rest + np.outer(rows[best], rows[best])
    return [offers[i] for i in dict.fromkeys(chosen)]


def hidden(space: PiSpace, z: Array, pool: Array) -> tuple[Array, float]:
    """The direction along which most of the ranges lie beyond all runs, and how much.

    Directions are those of groups, of products of two, and some drawn at random.
    """
    rank = z.shape[1]
    loadings = space.loadings * space.half @ space.transform.T
    pairs = [a + s * b for i, a in enumerate(loadings) for b in loadings[:i] for s in (1, -1)]
    drawn = np.random.default_rng(0).normal(size=(_DRAWN, rank))
    every = np.vstack([loadings, *pairs, drawn]) if pairs else np.vstack([loadings, drawn])
    every = np.vstack([every, -every])
    beyond = np.mean(pool @ every.T > (z @ every.T).max(axis=0) + 1e-9, axis=0)
    at = int(np.argmax(beyond))
    return every[at], float(beyond[at])


def nearest(points: Array, others: Array) -> Array:
    """Distance of each point to the nearest of the others."""
    if not len(others):
        return np.full(len(points), np.inf)
    return np.asarray(np.linalg.norm(points[:, None] - others[None], axis=2).min(axis=1))
