"""How many regimes: by information or validation, and whether structure is left beyond chance."""

from dataclasses import dataclass

import numpy as np

from dimgs.arrays import Array
from dimgs.design.splits import run_folds
from dimgs.fits.one_error import gain_and_error
from dimgs.fits.regimes.boundary_directions import kink_scores, knots_of, thin
from dimgs.fits.regimes.pieces import Pieces, labels
from dimgs.fits.regimes.regime_runs import Sample, distinct_cuts
from dimgs.fits.regimes.regime_search import EXACT, Kinds, bic, grow

# sign flips: the least p-value, times the four statistics, is then 0.008
_REPLICATES = 499
# places of a jump that are tried in a test
_CUTS = 32
# places of a kink that are tried in a test
_KNOTS = 16


def structure_p_value(
    sample: Sample, pieces: Pieces, directions: Array, rng: np.random.RandomState
) -> float:
    """Probability, if the laws held, of a further jump or kink as strong as the strongest seen.

    The strongest gain over every regime, direction and threshold is compared with the same search
    on residuals multiplied by random signs per run or cluster, so the search is paid for and
    unequal scatter is allowed (Hansen 1996, Econometrica 64:413).

    Parameters
    ----------
    sample : Sample
    pieces : Pieces
        The laws under test.
    directions : ndarray of shape (n_directions, rank)
        Directions searched; they may not depend on the residuals.
    rng : RandomState

    Returns
    -------
    float
        The least of four p-values (jumps and kinks, plain and robust), times four.
    """
    sample = thin(sample)
    residual = sample.y - pieces.predict(sample.Z)
    regime = labels(pieces.tree, sample.Z)
    clusters, member = np.unique(sample.cluster, return_inverse=True)
    flips = np.where(rng.random_sample((len(clusters), _REPLICATES)) < 0.5, -1.0, 1.0)[member]
    strongest = np.zeros((4, _REPLICATES + 1))
    for k in np.unique(regime):
        index = np.flatnonzero(regime == k)
        part = sample.take(index)
        if len(index) < 2 * part.min_runs:
            continue
        root = np.sqrt(part.weight)
        basis = np.linalg.qr(root[:, None] * part.design)[0]
        free = np.maximum(1.0 - np.sum(basis**2, axis=1), 0.05)
        seen = (root * residual[index])[:, None]
        scaled = seen / free[:, None]
        response = np.concatenate([seen, scaled * flips[index]], axis=1)
        response = response - basis @ (basis.T @ response)
        loss = np.maximum(np.sum(response**2, axis=0), 1e-300)
        for direction in directions:
            projection = part.Z @ direction
            knots = knots_of(projection, part.min_runs, _KNOTS)
            if not len(knots):
                continue
            jump, jump_robust = _jumps(basis, projection, response, scaled[:, 0], part.min_runs)
            score, hinge = kink_scores(basis, root, projection, knots, response)
            noise = np.maximum((hinge**2).T @ scaled**2, 1e-300)
            found = [
                _evidence(jump, loss, len(index)),
                jump_robust,
                _evidence((score**2).max(axis=0), loss, len(index)),
                (score**2 / noise).max(axis=0),
            ]
            np.maximum(strongest, found, out=strongest)
    exceed = np.sum(strongest[:, 1:] >= strongest[:, :1] * (1 - 1e-9), axis=1)
    return float(min(1.0, 4.0 * (1 + exceed.min()) / (_REPLICATES + 1)))


def _evidence(gain: Array, loss: Array, n_runs: int) -> Array:
    """Twice the log-likelihood ratio of a regime with its own noise: a noisy one hides no other."""
    return np.asarray(-n_runs * np.log1p(-np.minimum(gain / loss, 1 - 1e-12)))


def _jumps(
    basis: Array, projection: Array, response: Array, scaled: Array, min_runs: int
) -> tuple[Array, Array]:
    """Largest reduction by two laws, and largest robust score, of each column of a response.

    The robust score weighs the moments below a cut by their own heteroscedastic covariance, which
    random signs leave as it is, so that outliers discount themselves.
    """
    order = np.argsort(projection, kind="stable")
    cuts = distinct_cuts(projection[order], min_runs, _CUTS)
    basis, response, scaled = basis[order], response[order], scaled[order]
    ends = np.append(cuts, len(order))
    starts = np.concatenate([[0], cuts])
    width = basis.shape[1]
    grams, noise = np.empty((2, len(ends), width, width))
    cross = np.empty((len(ends), width, response.shape[1]))
    for i, (a, b) in enumerate(zip(starts, ends, strict=True)):
        block = basis[a:b]
        loud = scaled[a:b, None] * block
        grams[i], noise[i], cross[i] = block.T @ block, loud.T @ loud, block.T @ response[a:b]
    below, noise, cross = (np.cumsum(part, axis=0) for part in (grams, noise, cross))
    above = np.eye(width) - below[:-1]
    below, cross = below[:-1], cross[:-1]
    # Below the cut the moments are S and c, above it I - S and -c: eigenvalues of S serve both.
    value, vector = np.linalg.eigh(below)
    along = np.swapaxes(vector, 1, 2) @ cross
    inverse = np.where(value > 1e-10, 1.0 / np.maximum(value, 1e-10), 0.0)
    inverse += np.where(value < 1 - 1e-10, 1.0 / np.maximum(1.0 - value, 1e-10), 0.0)
    plain = np.sum(along**2 * inverse[:, :, None], axis=1).max(axis=0)
    spread = above @ noise[:-1] @ above + below @ (noise[-1] - noise[:-1]) @ below
    metric = np.linalg.pinv(spread, rcond=1e-10, hermitian=True)
    robust = np.sum(cross * (metric @ cross), axis=1).max(axis=0)
    return np.asarray(plain), np.asarray(robust)


# chance of one more regime where there is none
SIGNIFICANCE = 0.01
# as is usual: a fifth of the runs is left out
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Selection:
    """The chosen pieces and what chose them.

    Attributes
    ----------
    pieces : Pieces
    scores : dict of int to float
        Criterion for each number of regimes that was fitted; smaller is better.
    p_values : dict of int to float
        Significance of structure left by the best laws with that many regimes, where tested.
    """

    pieces: Pieces
    scores: dict[int, float]
    p_values: dict[int, float]


def by_information(
    sample: Sample, directions: Array, max_regimes: int, kinds: Kinds, seed: int
) -> Selection:
    """Least BIC among the numbers of regimes whose last boundary is significant."""
    path = grow(sample, directions, 1, kinds)
    tested: dict[int, float] = {}

    def left_over(pieces: Pieces) -> float:
        count = pieces.n_regimes
        if count not in tested:
            exact = pieces.loss <= EXACT * len(sample.y)
            rng = np.random.RandomState(seed)
            tested[count] = 1.0 if exact else structure_p_value(sample, pieces, directions, rng)
        return tested[count]

    if max_regimes > 1 and left_over(path[0]) <= SIGNIFICANCE:
        path = grow(sample, directions, max_regimes, kinds)
    scores = [bic(sample, p) for p in path]
    chosen = path[0]
    for at in np.argsort(scores, kind="stable"):
        if at == 0 or left_over(path[at - 1]) <= SIGNIFICANCE:
            chosen = path[at]
            break
    return Selection(chosen, {p.n_regimes: s for p, s in zip(path, scores, strict=True)}, tested)


def by_validation(
    sample: Sample, directions: Array, max_regimes: int, kinds: Kinds, seed: int
) -> Selection:
    """Fewest regimes within one standard error of the least cross-validated loss.

    Folds are of runs, or of clusters where there are any.
    """
    path = grow(sample, directions, max_regimes, kinds)
    if len(path) == 1:
        return Selection(path[0], {1: path[0].loss / len(sample.y)}, {})
    error = np.full((len(path), len(sample.y)), np.nan)
    for train, test in folds(sample.cluster, seed):
        part = grow(sample.take(train), directions, len(path), kinds)
        for k in range(len(path)):
            # A fold too small for that many regimes answers with the most that it supports.
            pieces = part[min(k, len(part) - 1)]
            miss = sample.y[test] - pieces.predict(sample.Z[test])
            error[k, test] = sample.weight[test] * miss**2
    mean = error.mean(axis=1)
    best = int(np.argmin(mean))
    chosen = best
    for k in range(best):
        gain, by_chance = gain_and_error(error[best], error[k], sample.cluster)
        if gain <= by_chance:
            chosen = k
            break
    return Selection(
        path[chosen], {p.n_regimes: float(v) for p, v in zip(path, mean, strict=True)}, {}
    )


def folds(cluster: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Five splits by run, or by cluster where runs share one."""
    shared = len(np.unique(cluster)) < len(cluster)
    return run_folds(_FOLDS, len(cluster), cluster if shared else None, seed)
