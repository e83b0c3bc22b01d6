"""The next run: expected information about which rival is true, and its greedy choice.

Each rival predicts the outcome of a run with a normal density. Its variance contains the noise and
the uncertainty of the constants, which each chosen run reduces. Runs are chosen one after another:
the next one has the largest mutual information between the identity of the true rival and its
outcome, given the runs chosen before. If the posterior is almost certain, the divergence between
pairs of rivals is used instead; for a single law, the variance of its prediction. The criteria of a
power law, of linear functionals of its constants and of a region without a law stand beside it.

References
----------
D. V. Lindley, Ann. Math. Statist. 27 (1956) 986-1005 (information of an experiment); G. E. P. Box,
W. J. Hill, Technometrics 9 (1967) 57-71 (divergence between rival models); A. Krause et al., J.
Machine Learning Research 9 (2008) 235-284 (greedy choice by mutual information).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from dimgs.common.arrays import Array

# outcomes drawn for each rival: they change the information in its third digit
_OUTCOMES = 64
# share of the information that a tie is, so that the divergence breaks it
_TIE = 1e-3
# a probability that was rounded to zero, so that it has a logarithm
_LEAST = 1e-300
# standard deviation whose fourth power is a number still
_LEAST_NOISE = 1e-75
# standard deviations beyond say nothing, such as near a pole, and products of three overflow
_UNKNOWN = 1e90
# of a leverage, and of the logarithm of a determinant: what is less is rounding
_GAINED = 1e-6
# directions drawn at random, beside those that are given
_DRAWN = 64


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predictions of a rival for possible runs, on one scale for all rivals.

    Attributes
    ----------
    probability : float
    mean : ndarray of shape (n_places,)
    slopes : ndarray of shape (n_places, n_constants)
        By its constants.
    covariance : ndarray of shape (n_constants, n_constants)
    noise : ndarray of shape (n_places,)
        Standard deviation of a run.
    """

    probability: float
    mean: Array
    slopes: Array
    covariance: Array
    noise: Array


@dataclass(frozen=True)
class Choice:
    """A place that was chosen, and the information in nats that is expected of its outcome."""

    place: int
    information: float


class _Rival:
    """The predictive density of one rival, given outcomes that each rival in turn would give."""

    def __init__(self, prediction: Prediction, drawn_from: int) -> None:
        # a law that repeats itself to the last digit has no noise, and would divide by it
        self.noise = np.maximum(prediction.noise, _LEAST_NOISE)
        values, vectors = np.linalg.eigh((prediction.covariance + prediction.covariance.T) / 2)
        loadings = prediction.slopes @ (vectors * np.sqrt(np.maximum(values, 0.0)))
        self.loadings = np.clip(loadings, -_UNKNOWN, _UNKNOWN)
        # of each rival whose outcomes are given, in every place
        self.means = np.tile(prediction.mean[:, None], (drawn_from, 1, _OUTCOMES))
        self.log_density = np.zeros((drawn_from, _OUTCOMES))

    @property
    def variance(self) -> Array:
        """Of the outcome in every place, shape (n_places,)."""
        return np.asarray(np.sum(self.loadings**2, axis=1) + self.noise**2)

    def observe(self, place: int, outcomes: Array) -> None:
        """Take note of a place's outcomes, shape (n_rivals, n_outcomes): a step of Kalman's."""
        variance, row = self.variance[place], self.loadings[place].copy()
        missed, across = outcomes - self.means[:, place], self.loadings @ row
        self.log_density -= 0.5 * (missed**2 / variance + np.log(variance))
        self.means += across[:, None] / variance * missed[:, None]
        self.loadings -= np.outer(across, row) / (variance + self.noise[place] * variance**0.5)


def choose(rivals: Sequence[Prediction], n: int, seed: int = 0) -> list[Choice]:
    """Places for the next runs, greedily.

    Parameters
    ----------
    rivals : sequence of Prediction
        Over the same places; their probabilities are scaled to sum to one.
    n : int
        How many runs.
    seed : int
        Of the outcomes that are drawn.

    Returns
    -------
    list of Choice
        The information of all on several rivals is at most the entropy of the probabilities.

    Examples
    --------
    >>> x = np.linspace(0.0, 2.0, 21)
    >>> def law(mean): return Prediction(
    ...     0.5, mean, np.ones((21, 1)), np.eye(1) * 1e-4, np.full(21, 0.05))
    >>> choose([law(x), law(x**2)], 1)[0].place
    20
    """
    # half a second to import, which the dry run of a plan does without
    from scipy.stats import qmc

    predictives = [_Rival(r, len(rivals)) for r in rivals]
    prior = np.array([max(r.probability, _LEAST) for r in rivals])
    prior = prior / prior.sum()
    # drawn outcomes may give more information on the rivals than there is
    left = float(special.entr(prior).sum()) if len(prior) > 1 else np.inf
    normal = special.ndtri(
        qmc.Sobol(max(n, 1), rng=np.random.default_rng(seed)).random(_OUTCOMES)
    ).T
    ties = _divergence(predictives)
    out: list[Choice] = []
    for k in range(n):
        information = _information(predictives, prior, normal[k])
        score = information + _TIE * ties
        score[[c.place for c in out]] = -np.inf
        place = int(np.argmax(np.round(score, 9)))
        if not np.isfinite(score[place]):
            break
        out.append(Choice(place, float(np.clip(information[place], 0.0, left))))
        left -= out[-1].information
        outcomes = [
            rival.means[i, place] + np.sqrt(rival.variance[place]) * normal[k]
            for i, rival in enumerate(predictives)
        ]
        for rival in predictives:
            rival.observe(place, np.stack(outcomes))
    return out


def _information(predictives: Sequence[_Rival], prior: Array, normal: Array) -> Array:
    """Information in nats of each place's outcome about the rival, given the runs before.

    Of a single law, about its constants.
    """
    if len(predictives) == 1:
        return np.asarray(0.5 * np.log(predictives[0].variance / predictives[0].noise ** 2))
    total = np.zeros(len(predictives[0].noise))
    for i, rival in enumerate(predictives):
        outcome = rival.means[i] + np.sqrt(rival.variance)[:, None] * normal[None, :]
        before = np.stack([r.log_density[i] for r in predictives]) + np.log(prior)[:, None]
        before -= special.logsumexp(before, axis=0)
        likely = np.stack(
            [
                -0.5 * (outcome - r.means[i]) ** 2 / v[:, None] - 0.5 * np.log(v)[:, None]
                for r in predictives
                for v in [r.variance]
            ]
        )
        mixed = special.logsumexp(likely + before[:, None, :], axis=0)
        total += prior[i] * np.mean(likely[i] - mixed, axis=1)
    return total


@np.errstate(over="ignore")
def _divergence(predictives: Sequence[_Rival]) -> Array:
    """Divergence between pairs of rivals at each place, on a logarithm; the mean over pairs."""
    total, pairs = np.zeros(len(predictives[0].noise)), 0
    for i, a in enumerate(predictives):
        for b in predictives[i + 1 :]:
            v, w = a.variance, b.variance
            square = (a.means[0, :, 0] - b.means[0, :, 0]) ** 2
            # products of the variances of laws without noise are too small for a double
            apart = 0.5 * (square / v + square / w) + 0.5 * (v / w + w / v - 2.0)
            total += np.log1p(np.maximum(apart, 0.0))
            pairs += 1
    return total / max(pairs, 1)


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
    known, rows = (np.column_stack([np.ones(len(x)), x]) for x in (z, offers))
    moments = known.T @ known + 1e-9 * np.eye(rows.shape[1])
    chosen: list[int] = []
    while len(chosen) < n:
        lever = np.einsum("ij,jk,ik->i", rows, np.linalg.inv(moments), rows)
        at = int(np.argmax(lever))
        if lever[at] <= (n if enough else 0) + _GAINED:
            break
        chosen.append(at)
        moments = moments + np.outer(rows[at], rows[at])
    # of runs chosen one after another, four regimes of a film had exponents up to 1 % off
    for _ in range(n):
        for i in range(len(chosen)):
            rest = moments - np.outer(rows[chosen[i]], rows[chosen[i]])
            gain = np.linalg.slogdet(rest + rows[:, :, None] * rows[:, None, :])[1]
            best = int(np.argmax(gain))
            if gain[best] > np.linalg.slogdet(moments)[1] + _GAINED:
                chosen[i] = best
                moments = rest + np.outer(rows[best], rows[best])
    return [offers[i] for i in dict.fromkeys(chosen)]


def c_optimal(moments: Array, rows: Array, functionals: Array) -> int:
    """The row that takes the most off the widest interval of linear functionals.

    The run that determines all constants best (D-optimal) took 6 % more runs of 40 kernels drawn at
    random.

    Parameters
    ----------
    moments : ndarray of shape (n_constants, n_constants)
        Of the runs that are there.
    rows : ndarray of shape (n_offers, n_constants)
        Of the possible runs.
    functionals : ndarray of shape (n_asked, n_constants)
        What is asked of the constants.
    """
    inverse = np.linalg.pinv(moments)
    width = np.einsum("ij,jk,ik->i", functionals, inverse, functionals)
    lever = np.einsum("ij,jk,ik->i", rows, inverse, rows)
    gain = (rows @ inverse @ functionals[int(np.argmax(width))]) ** 2
    return int(np.argmax(gain / (1.0 + lever)))


def nearest(points: Array, others: Array) -> Array:
    """Distance of each point to the nearest of the others."""
    apart = np.linalg.norm(points[:, None] - others[None], axis=2)
    return np.asarray(apart.min(axis=1, initial=np.inf))


def farthest(n: int, offers: Array, points: Array) -> list[Array]:
    """As many of the offers, each the farthest from all others and from points that are there."""
    chosen: list[Array] = []
    for _ in range(n if len(offers) else 0):
        chosen.append(offers[np.argmax(nearest(offers, np.vstack([points, *chosen])))])
    return chosen


def uncovered(directions: Array, points: Array, pool: Array) -> tuple[Array, float]:
    """The direction along which most of a pool lies beyond all points, and how much of it.

    Parameters
    ----------
    directions : ndarray of shape (n_directions, rank)
        Those looked along, with their sums and differences, and some drawn at random.
    points : ndarray of shape (n_points, rank)
    pool : ndarray of shape (n_pool, rank)

    Returns
    -------
    direction : ndarray of shape (rank,)
    share : float
    """
    pairs = [a + s * b for i, a in enumerate(directions) for b in directions[:i] for s in (1, -1)]
    drawn = np.random.default_rng(0).normal(size=(_DRAWN, points.shape[1]))
    every = np.vstack([directions, *pairs, drawn])
    every = np.vstack([every, -every])
    beyond = np.mean(pool @ every.T > (points @ every.T).max(axis=0) + 1e-9, axis=0)
    at = int(np.argmax(beyond))
    return every[at], float(beyond[at])
