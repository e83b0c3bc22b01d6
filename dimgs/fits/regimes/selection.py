"""How many regimes: information criterion with a test, or run-wise cross-validation."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold, KFold

from dimgs.arrays import Array
from dimgs.fits.regimes.continuity import Pieces
from dimgs.fits.regimes.evidence import structure_p_value
from dimgs.fits.regimes.moments import Sample
from dimgs.fits.regimes.search import EXACT, Kinds, bic, grow

SIGNIFICANCE = 0.01
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
        excess = _cluster_sums(error[k] - error[best], sample.cluster)
        if excess.sum() <= np.sqrt(len(excess)) * excess.std(ddof=1):
            chosen = k
            break
    return Selection(
        path[chosen], {p.n_regimes: float(v) for p, v in zip(path, mean, strict=True)}, {}
    )


def folds(cluster: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Five splits by run, or by cluster where runs share one."""
    clusters = np.unique(cluster)
    count = min(_FOLDS, len(clusters))
    if len(clusters) == len(cluster):
        splitter = KFold(count, shuffle=True, random_state=seed)
        return list(splitter.split(cluster))
    return list(GroupKFold(count).split(cluster, groups=cluster))


def _cluster_sums(value: Array, cluster: np.ndarray) -> Array:
    _, member = np.unique(cluster, return_inverse=True)
    return np.asarray(np.bincount(member, weights=value))
