"""The number of regimes, and whether structure is left, against plain loops."""

from itertools import pairwise

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.fits.regimes import (
    Boundary,
    Kinds,
    Pieces,
    Sample,
    bic,
    by_information,
    by_validation,
    fit_continuous,
    folds,
    grow,
    hansen_quantile,
    jump_pieces,
    labels,
    polish,
    prepare,
    round_directions,
    split_leaf,
    structure_p_value,
    unit_of_ratio,
)
from tests.fits.test_regimes_parts import bent, chain, loss_of


def strongest(sample: Sample, pieces: Pieces, directions: Array, flips: Array) -> Array:
    """The two statistics of the test of left structure for the runs, and for signs, by loops."""
    regime = labels(pieces.tree, sample.Z)
    miss = sample.y - pieces.predict(sample.Z)
    most = np.zeros((2, flips.shape[1] + 1))
    for k in np.unique(regime):
        part = sample.take(np.flatnonzero(regime == k))
        n = len(part.y)
        if n < 2 * part.min_runs:
            continue
        root = np.sqrt(part.weight)
        design = root[:, None] * part.design
        hat = design @ np.linalg.pinv(design)
        scaled = root * miss[regime == k] / np.maximum(1 - np.diag(hat), 0.05)
        basis = np.linalg.qr(design)[0]
        for r in range(flips.shape[1] + 1):
            y = root * miss[regime == k] if r == 0 else scaled * flips[regime == k, r - 1]
            y = y - hat @ y
            for direction in directions:
                at = part.Z @ direction
                for cut in np.sort(at)[part.min_runs : n - part.min_runs + 1]:
                    low = at < cut
                    left = sum(
                        np.sum((y[s] - design[s] @ np.linalg.lstsq(design[s], y[s])[0]) ** 2)
                        for s in (low, ~low)
                    )
                    below, above = basis[low].T @ basis[low], basis[~low].T @ basis[~low]
                    loud = [basis[s].T * scaled[s] ** 2 @ basis[s] for s in (low, ~low)]
                    spread = above @ loud[0] @ above + below @ loud[1] @ below
                    c = basis[low].T @ y[low]
                    robust = c @ np.linalg.pinv(spread, rcond=1e-10) @ c
                    most[0, r] = max(most[0, r], -n * np.log(left / (y @ y)))
                    most[1, r] = max(most[1, r], robust)
    return most


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize(("rank", "leaves"), [(1, 1), (2, 1), (1, 2)])
def test_left_structure_is_judged_by_signs_of_runs_or_clusters(
    rank: int, leaves: int, clustered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dimgs.fits.regimes._REPLICATES", 14)
    for seed in range(3):
        sample = bent(34, rank, 0.2, seed, noise=0.8)
        cluster = np.arange(34) // 2 if clustered else np.arange(34)
        sample = Sample(sample.Z, sample.y, sample.weight, cluster, 6)
        tree = () if leaves == 1 else chain(np.eye(rank)[0], np.array([0.2]))
        pieces, directions = jump_pieces(sample, tree), np.eye(rank)
        draws = np.random.RandomState(5).random_sample((len(np.unique(cluster)), 14))
        flips = np.where(draws < 0.5, -1.0, 1.0)[cluster]
        most = strongest(sample, pieces, directions, flips)
        exceed = (most[:, 1:] >= most[:, :1]).sum(axis=1)
        p_value = structure_p_value(sample, pieces, directions, np.random.RandomState(5))
        assert p_value == pytest.approx(min(1.0, 2 * (1 + exceed.min()) / 15))


KINDS = Kinds(jump=True, continuous=True)


@pytest.mark.parametrize("noise", [0.05, 0.5, 1.5])
def test_the_number_of_regimes_by_information(noise: float) -> None:
    sample, directions = bent(60, 1, 1.0, 3, noise), np.ones((1, 1))
    choice = by_information(sample, directions, 3, KINDS, 7)
    path = grow(sample, directions, 3, KINDS)

    def chance(pieces: Pieces) -> float:
        return structure_p_value(sample, pieces, directions, np.random.RandomState(7))

    if chance(path[0]) > 0.01:
        path = path[:1]
    scores = {p.n_regimes: bic(sample, p) for p in path}
    assert choice.scores == pytest.approx(scores)
    allowed = [p for k, p in enumerate(path) if k == 0 or chance(path[k - 1]) <= 0.01]
    best = min(allowed, key=lambda p: scores[p.n_regimes])
    assert choice.pieces.n_regimes == best.n_regimes
    assert choice.pieces.loss == pytest.approx(best.loss)
    for count, p_value in choice.p_values.items():
        assert p_value == chance(path[count - 1])
    one = by_information(sample, directions, 1, KINDS, 7)
    assert (one.pieces.n_regimes, one.p_values) == (1, {})


@pytest.mark.parametrize(("noise", "seed"), [(0.05, 3), (0.6, 3), (0.9, 5)])
@pytest.mark.parametrize("clustered", [False, True])
def test_the_number_of_regimes_by_validation(noise: float, seed: int, clustered: bool) -> None:
    known = bent(60, 1, 1.0, seed, noise)
    cluster = np.arange(60) // 3 if clustered else np.arange(60)
    sample = Sample(known.Z, known.y, known.weight, cluster, 6)
    directions, kinds = np.ones((1, 1)), Kinds(jump=True, continuous=False)
    choice = by_validation(sample, directions, 3, kinds, 4)
    path = grow(sample, directions, 3, kinds)
    error = np.zeros((len(path), 60))
    seen = np.zeros(60)
    for train, test in folds(cluster, 4):
        assert not set(cluster[train]) & set(cluster[test])
        seen[test] += 1
        part = grow(sample.take(train), directions, len(path), kinds)
        for k in range(len(path)):
            miss = sample.y[test] - part[min(k, len(part) - 1)].predict(sample.Z[test])
            error[k, test] = sample.weight[test] * miss**2
    np.testing.assert_array_equal(seen, 1.0)
    scores = error.mean(axis=1)
    assert list(choice.scores) == [p.n_regimes for p in path]
    np.testing.assert_allclose(list(choice.scores.values()), scores)
    best = int(np.argmin(scores))

    def as_good(k: int) -> bool:
        excess = np.bincount(cluster, error[k] - error[best])
        return bool(excess.sum() <= np.sqrt(len(excess)) * np.std(excess, ddof=1))

    chosen = min(k for k in range(best + 1) if k == best or as_good(k))
    assert choice.pieces.n_regimes == path[chosen].n_regimes
    alone = by_validation(sample, directions, 1, kinds, 4)
    assert alone.scores == {1: pytest.approx(path[0].loss / 60)}


def test_folds_are_five_and_of_about_equal_size() -> None:
    parts = folds(np.arange(23), 0)
    assert sorted(len(test) for _, test in parts) == [4, 4, 5, 5, 5]
    assert [t.tolist() for _, t in parts] != [t.tolist() for _, t in folds(np.arange(23), 1)]
    assert len(folds(np.arange(23) % 3, 0)) == 3


def test_parallel_boundaries_stay_parallel_and_a_lone_one_is_turned() -> None:
    rng = np.random.default_rng(4)
    Z = rng.normal(size=(90, 2))
    along = Z @ [0.8, 0.6]
    y = np.where(along < -0.5, -along, np.where(along < 0.6, 2.0, 3.0 * along))
    sample = Sample(Z, y + 0.1 * rng.normal(size=90), np.ones(90), np.arange(90), 8)
    start = np.array([1.0, 0.0])
    two = polish(sample, chain(start, np.array([-0.5, 0.6])))
    assert all(np.array_equal(edge.direction, start) for edge in two)
    (one,) = polish(sample, chain(start, np.array([0.6])))
    assert one.direction @ [0.8, 0.6] > 0.95
    across = split_leaf(chain(start, np.array([0.6])), 0, Boundary(np.array([0.0, 1.0]), 0.0))
    edges = polish(sample, across)
    assert not any(edge.direction @ start > 1 - 1e-9 for edge in edges)


def test_more_regimes_are_tried_until_two_in_turn_only_lose() -> None:
    rng = np.random.default_rng(5)
    z = rng.uniform(-2.0, 2.0, 80)
    sample = Sample(z[:, None], rng.normal(size=80), np.ones(80), np.arange(80), 5)
    path = grow(sample, np.ones((1, 1)), 8, Kinds(jump=True, continuous=False))
    scores = [bic(sample, pieces) for pieces in path]
    rises = [b > a for a, b in pairwise(scores)]
    assert rises[-2:] == [True, True]
    assert not any(one and two for one, two in pairwise(rises[:-1]))
    assert len(path) < 8


@pytest.mark.parametrize("seed", [6, 7, 8])
def test_a_short_monomial_may_cost_what_the_noise_allows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 2)) * 2.0
    normal = np.array([1.0, 0.45])
    y = 1.5 * np.maximum(X @ normal, 0.0) - 0.3 * X[:, 0] + 0.4 * rng.normal(size=80)
    data = prepare(X, y, rng.uniform(0.5, 2.0, 80), np.arange(80))
    axes, sample = data.axes, data.sample
    towards = axes.inverse @ normal
    start = chain(towards / np.linalg.norm(towards), np.array([0.0]))
    pieces = fit_continuous(sample, start, [0])
    assert pieces is not None
    monomials: list[tuple[int, ...]] = [(0, 1), (1, 0), (1, 1), (2, 1), (3, 1), (5, 2)]
    losses = {}
    for monomial in monomials:
        at = sample.Z @ (axes.inverse @ np.array(monomial, dtype=float))
        ordered = np.sort(at)
        places = np.linspace(ordered[6], ordered[-7], 500)
        losses[monomial] = min(loss_of(sample, np.maximum(at - c, 0.0)) for c in places)
    for level in (0.5, 0.9, 0.999):
        slack = unit_of_ratio(sample, pieces, 0) * hansen_quantile(level)
        least = min(pieces.loss, *losses.values())
        expected = [m for m in monomials if losses[m] <= least + slack]
        same, kept = round_directions(data, pieces, monomials, level)
        assert same is pieces
        assert kept == {0: expected}
    assert round_directions(data, pieces, [], 0.9) == (pieces, {})


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_rounded_boundary_keeps_the_regimes_on_each_side_of_it(sign: float) -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1.0, 1.0, (200, 2))
    high, far = X[:, 0] >= 0.1, X[:, 1] >= -0.2
    y = np.where(high, 3.0 + X[:, 0], np.where(far, -2.0 * X[:, 1], 1.0 + X[:, 1]))
    data = prepare(X, y + 0.01 * rng.normal(size=200), np.ones(200), np.arange(200))
    # of the regimes of the first boundary that which is divided lies above it, or below it
    edges = []
    for group, cut in enumerate((0.1, -0.2)):
        along = data.axes.inverse[:, group]
        length = float(np.linalg.norm(along))
        place = float(cut - data.axes.centre[group]) / length
        edges.append(Boundary(sign * along / length, sign * place))
    tree = split_leaf(split_leaf((), 0, edges[0]), 0 if sign > 0 else 1, edges[1])
    pieces = jump_pieces(data.sample, polish(data.sample, tree))
    rounded, kept = round_directions(data, pieces, [(1, 0), (0, 1), (1, 1)], 0.9)
    assert rounded.loss < 1.5 * pieces.loss
    assert sorted(ways[0] for ways in kept.values()) == [(0, 1), (1, 0)]
    counts = np.bincount(labels(rounded.tree, data.sample.Z)).tolist()
    assert sorted(counts) == sorted(
        map(int, (high.sum(), (~high & far).sum(), (~high & ~far).sum()))
    )
