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
# of a leverage, and of the logarithm of a determinant: what is less is rounding
_GAINED = 1e-6
# directions drawn at random, beside those that are given
_DRAWN = 64
# of a variance: far above the rounding of a sum of squares, far below any noise that matters
_ROUNDING = 1e-12


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
    """The predictive density of one rival, given the places chosen so far and their outcomes."""

    def __init__(self, prediction: Prediction) -> None:
        # a law that repeats itself to the last digit has no noise, and would divide by it
        self.noise = np.maximum(prediction.noise, _LEAST_NOISE)
        values, vectors = np.linalg.eigh((prediction.covariance + prediction.covariance.T) / 2)
        self.loadings = prediction.slopes @ (vectors * np.sqrt(np.maximum(values, 0.0)))
        self.mean = prediction.mean
        self.places: list[int] = []

    def inner(self) -> Array:
        """Covariance of the places chosen so far."""
        rows = self.loadings[self.places]
        covariance = rows @ rows.T + np.diag(self.noise[self.places] ** 2)
        # of a law without noise places that are alike would make it singular
        return np.asarray(
            covariance + _ROUNDING * max(float(np.max(covariance)), _LEAST) * np.eye(len(rows))
        )

    def conditional(self, outcomes: Array) -> tuple[Array, Array]:
        """Means of shape (n_places, n_outcomes) and variances of shape (n_places,)."""
        variance = np.sum(self.loadings**2, axis=1) + self.noise**2
        if not self.places:
            return np.repeat(self.mean[:, None], outcomes.shape[1], axis=1), variance
        across = self.loadings @ self.loadings[self.places].T
        gain = np.linalg.solve(self.inner(), across.T).T
        mean = self.mean[:, None] + gain @ (outcomes - self.mean[self.places][:, None])
        explained = np.sum(gain * across, axis=1)
        return mean, np.maximum(variance - explained, self.noise**2)

    def log_density(self, outcomes: Array) -> Array:
        """Of the outcomes at the places chosen so far, shape (n_outcomes,)."""
        if not self.places:
            return np.zeros(outcomes.shape[1])
        factor = np.linalg.cholesky(self.inner())
        z = np.linalg.solve(factor, outcomes - self.mean[self.places][:, None])
        return np.asarray(-0.5 * np.sum(z**2, axis=0) - np.log(np.diag(factor)).sum())


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

    predictives = [_Rival(r) for r in rivals]
    prior = np.array([max(r.probability, _LEAST) for r in rivals])
    prior = prior / prior.sum()
    # drawn outcomes may give more information on the rivals than there is
    left = float(special.entr(prior).sum()) if len(prior) > 1 else np.inf
    normal = special.ndtri(
        qmc.Sobol(max(n, 1), rng=np.random.default_rng(seed)).random(_OUTCOMES)
    ).T
    # outcomes of the chosen places, drawn from each rival in turn: (rival, place, outcome)
    drawn = [np.zeros((0, _OUTCOMES)) for _ in predictives]
    ties = _divergence(predictives)
    out: list[Choice] = []
    for k in range(n):
        information = _information(predictives, prior, drawn, normal[k])
        score = information + _TIE * ties
        score[[c.place for c in out]] = -np.inf
        place = int(np.argmax(np.round(score, 9)))
        if not np.isfinite(score[place]):
            break
        out.append(Choice(place, float(np.clip(information[place], 0.0, left))))
        left -= out[-1].information
        for i, rival in enumerate(predictives):
            mean, variance = rival.conditional(drawn[i])
            new = mean[place] + np.sqrt(variance[place]) * normal[k]
            drawn[i] = np.vstack([drawn[i], new])
            rival.places.append(place)
    return out


def _information(
    predictives: Sequence[_Rival], prior: Array, drawn: Sequence[Array], normal: Array
) -> Array:
    """Information in nats of each place's outcome about the rival, given the runs before.

    Of a single law, about its constants.
    """
    if len(predictives) == 1:
        variance = predictives[0].conditional(drawn[0])[1]
        return np.asarray(0.5 * np.log(variance / predictives[0].noise ** 2))
    total = np.zeros(len(predictives[0].mean))
    for i, rival in enumerate(predictives):
        mean, variance = rival.conditional(drawn[i])
        outcome = mean + np.sqrt(variance)[:, None] * normal[None, :]
        before = np.stack([r.log_density(drawn[i]) for r in predictives]) + np.log(prior)[:, None]
        before -= special.logsumexp(before, axis=0)
        after = []
        for other in predictives:
            m, v = other.conditional(drawn[i])
            after.append(-0.5 * (outcome - m) ** 2 / v[:, None] - 0.5 * np.log(v)[:, None])
        likely = np.stack(after)
        mixed = special.logsumexp(likely + before[:, None, :], axis=0)
        total += prior[i] * np.mean(likely[i] - mixed, axis=1)
    return total


@np.errstate(over="ignore")
def _divergence(predictives: Sequence[_Rival]) -> Array:
    """Divergence between pairs of rivals at each place, on a logarithm; the mean over pairs."""
    total, pairs = np.zeros(len(predictives[0].mean)), 0
    for i, a in enumerate(predictives):
        for b in predictives[i + 1 :]:
            v = np.sum(a.loadings**2, axis=1) + a.noise**2
            w = np.sum(b.loadings**2, axis=1) + b.noise**2
            square = (a.mean - b.mean) ** 2
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
