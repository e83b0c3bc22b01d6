"""Local exponents: residuals without each run, and intervals, written out point by point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dimgs.common.arrays import Array
from dimgs.fits.design import whiten
from dimgs.fits.local import (
    BandwidthTable,
    LocalPowerLaw,
    choose_share,
    gather,
    held_out_globally,
    held_out_residuals,
    partition,
)
from dimgs.fits.training_runs import distinct_rows

N = 40


def bent(seed: int) -> tuple[Array, Array]:
    """One group, and an exponent that grows with it; runs of unlike noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 2.0, N)
    y = x + 0.5 * x**2 + 0.1 * (1.0 + np.abs(x)) * rng.standard_normal(N)
    return x[:, None], y


def kernel(z: Array, at: float, share: float) -> Array:
    """Weights of the runs in a window that holds a share of them."""
    distance = np.abs(z - at)
    reach = np.sort(distance)[int(np.ceil(min(share, 1.0) * len(z))) - 1] * max(share, 1.0)
    return np.asarray(np.maximum(1.0 - (distance / (1.001 * reach)) ** 3, 0.0) ** 3)


def functional(z: Array, at: float, share: float, power: int, which: int) -> Array:
    """What each response contributes to a coefficient of the local polynomial."""
    root = np.sqrt(kernel(z, at, share))
    design = (z - at)[:, None] ** np.arange(power + 1)
    return np.asarray(np.linalg.pinv(design * root[:, None])[which] * root)


@pytest.mark.parametrize("share", [0.5, 1.5])
def test_residuals_are_of_runs_left_out(share: float) -> None:
    X, y = bent(0)
    z = (X[:, 0] - X.mean()) / X.std()
    fit = LocalPowerLaw(share=share).fit(X, y)
    # each run against those of its window, and each pair once
    assert (fit.n_contrasts_, fit.n_pairs_) == (N - 1, N * int(min(share, 0.975) * N) // 2)
    for run in range(0, N, 7):
        row = functional(z, z[run], share, 1, 0)
        within = y[run] - row @ y
        assert fit.residuals_[run] == pytest.approx(within, abs=1e-6)
        assert fit.held_out_residuals_[run] == pytest.approx(within / (1 - row[run]), abs=1e-6)


@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_are_those_of_local_quadratics(clustered: bool) -> None:
    X, y = bent(1)
    labels = np.arange(N) % 10 if clustered else np.arange(N)
    z = (X[:, 0] - X.mean()) / X.std()
    fit = LocalPowerLaw(share=1.5).fit(X, y, groups=labels if clustered else None)
    out = fit.held_out_residuals_
    noise = out if clustered else np.sqrt(np.abs(fit.residuals_ * out)) * np.sign(out)
    for at in (-1.0, 0.0, 1.3):
        row = functional(z, (at - X.mean()) / X.std(), fit.interval_share_, 2, 1) / X.std()
        sums = np.bincount(labels, row * noise)
        spread = np.bincount(labels, row**2)
        dof = spread.sum() ** 2 / (spread**2).sum() - (1.0 if clustered else 0.0)
        half = stats.t.ppf(0.95, dof) * np.sqrt(np.sum(sums**2))
        low, high = fit.elasticity_intervals([[at]], 0.9)[0, 0]
        assert (low + high) / 2 == pytest.approx(row @ y, abs=1e-5)
        assert (high - low) / 2 == pytest.approx(half, rel=1e-5)


def test_without_a_window_residuals_are_of_the_global_law() -> None:
    X, y = bent(2)
    fit = LocalPowerLaw(share=np.inf).fit(X, y)
    design = np.column_stack([np.ones(N), X])
    hat = design @ np.linalg.pinv(design)
    within = y - hat @ y
    np.testing.assert_allclose(fit.residuals_, within, atol=1e-9)
    np.testing.assert_allclose(fit.held_out_residuals_, within / (1 - np.diag(hat)), atol=1e-9)
    np.testing.assert_allclose(fit.exponents_[:, 0], np.polyfit(X[:, 0], y, 1)[0])


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 4), min_size=1, max_size=15))
def test_equal_runs_are_one_of_their_summed_weight(rows: list[tuple[int, int, int, int]]) -> None:
    X, y, clusters, weights = (np.array(c, dtype=float) for c in zip(*rows, strict=True))
    first, inverse, mass = distinct_rows(np.column_stack([X, y, clusters]), weights)
    seen: dict[tuple[float, ...], float] = {}
    place: dict[tuple[float, ...], int] = {}
    for k, key in enumerate(zip(X, y, clusters, strict=True)):
        if weights[k]:
            place.setdefault(key, k)
            seen[key] = seen.get(key, 0.0) + weights[k]
    assert first.tolist() == list(place.values())
    assert mass.tolist() == list(seen.values())
    for k, key in enumerate(zip(X, y, clusters, strict=True)):
        expected = list(place).index(key) if weights[k] else -1
        assert inverse[k] == expected


def test_the_runs_surround_what_lies_between_them() -> None:
    X, y = bent(3)
    fit = LocalPowerLaw(share=0.7).fit(X, y)
    low, high = X.min(), X.max()
    assert fit.in_support(X).all()
    assert not fit.in_support([[low - 1.0], [high + 1.0]]).any()
    assert fit.in_support([[(low + high) / 2]]).all()


def runs_to_judge(n: int, n_clusters: int, bend: float, seed: int = 0) -> BandwidthTable:
    """One whitened group and what a global power law leaves of a bent response."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 1.5, n)
    _, Z = whiten(rng.uniform(-2.0, 2.0, (n, 1)), weights)
    y = bend * np.sin(2.5 * Z[:, 0]) + 0.2 * rng.standard_normal(n)
    design = np.column_stack([np.ones(n), Z])
    root = np.sqrt(weights)
    y = y - design @ np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
    clusters = np.arange(n) % n_clusters if n_clusters else np.zeros(n, dtype=np.intp)
    return BandwidthTable(Z, y, weights, clusters, bool(n_clusters), np.ones(1))


@pytest.mark.parametrize("n_clusters", [0, 12])
@pytest.mark.parametrize("bend", [0.0, 0.12, 1.0])
@pytest.mark.parametrize("n", [60, 510])
def test_the_widest_window_that_runs_left_out_allow(n: int, bend: float, n_clusters: int) -> None:
    table = runs_to_judge(n, n_clusters, bend)
    weight = table.weights / table.weights.sum()
    fewest, fine = 5, n <= 500
    choice = choose_share(table, fewest)
    ratio = np.sqrt(2.0) if fine else 2.0
    errors = {
        share: (
            held_out_globally(table)
            if np.isinf(share)
            else held_out_residuals(table, table.window(share), np.arange(n))
        )
        ** 2
        for share in choice.shares
    }
    scores = np.array([weight @ error for error in errors.values()])
    np.testing.assert_allclose(choice.scores, scores)
    # from four times all runs downwards, until it becomes much worse or too few are left
    down = choice.shares[:-1][::-1]
    grid = 4.0 / ratio ** np.arange(60)
    grid = grid[grid >= fewest / n]
    coarse = [s for s in grid if np.isclose(s, down).any()]
    np.testing.assert_allclose(coarse, grid[: len(coarse)])
    score = {s: float(weight @ errors[down[np.argmin(np.abs(down - s))]]) for s in coarse}
    so_far = np.minimum.accumulate(list(score.values()))
    worse = [s > 1.5 * b for s, b in zip(score.values(), so_far, strict=True)]
    since = len(coarse) - 1 - int(np.argmin(list(score.values())))
    assert len(coarse) == len(grid) or (worse[-1] and since >= 4)
    assert not any(worse[k] and np.argmin(so_far[: k + 1]) <= k - 4 for k in range(len(coarse) - 1))
    if fine:
        assert len(down) == len(coarse)
    else:
        centre = min(coarse, key=score.__getitem__)
        between = [centre * 2.0**0.5, centre * 2.0**-0.5]
        expected = sorted([*coarse, *(s for s in between if s >= fewest / n)], reverse=True)
        np.testing.assert_allclose(down, expected)
    assert choice.best == choice.shares[np.argmin(scores)]

    def refuted(share: float) -> bool:
        loss = weight * (errors[share] - errors[choice.best])
        if n_clusters:
            loss = np.bincount(table.clusters, loss)
        return bool(loss.sum() > np.std(loss, ddof=1) * np.sqrt(len(loss)))

    assert choice.share == max(s for s in choice.shares if s == choice.best or not refuted(s))
    assert bend == 0.12 or np.isinf(choice.share) == (bend == 0.0)


@pytest.mark.parametrize("clustered", [False, True])
def test_weighted_runs_left_out_of_the_global_law_are_those_of_refits(clustered: bool) -> None:
    table = runs_to_judge(30, 6 if clustered else 0, 1.0)
    design, root = np.column_stack([np.ones(30), table.Z]), np.sqrt(table.weights)
    out = held_out_globally(table)
    blocks = table.clusters if clustered else np.arange(30)
    for block in np.unique(blocks):
        keep = blocks != block
        law = np.linalg.lstsq(design[keep] * root[keep, None], (table.response * root)[keep])[0]
        np.testing.assert_allclose(out[~keep], (table.response - design @ law)[~keep], atol=1e-9)


def test_without_enough_runs_no_window_is_tried() -> None:
    table = runs_to_judge(30, 0, 1.0)
    share = choose_share(table, 1000)
    assert (share.share, share.best, share.shares.tolist()) == (np.inf, np.inf, [np.inf])
    assert share.scores[0] == pytest.approx(
        np.average(held_out_globally(table) ** 2, weights=table.weights)
    )


@given(st.integers(0, 10_000), st.integers(2, 9))
@settings(max_examples=10)
def test_cells_hold_weighted_means_and_covariances(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(10, 80))
    Z, y, weights = rng.normal(size=(n, 2)), rng.normal(size=n), rng.uniform(0.1, 2.0, n)
    clusters = rng.integers(0, 3, n)
    member = partition(Z, np.array([0.6, 0.8]), clusters, size)
    cells = gather(Z, y, weights, clusters, member)
    assert sorted(set(member)) == list(range(len(cells.mass)))
    for cell in range(len(cells.mass)):
        rows = np.flatnonzero(member == cell)
        w = weights[rows]
        assert 1 <= len(rows) <= size
        # halves are never smaller than they need to be
        assert len(rows) >= (size + 1) // 2 or len(rows) == (clusters == clusters[rows[0]]).sum()
        assert set(clusters[rows]) == {cells.cluster[cell]}
        assert cells.mass[cell] == pytest.approx(w.sum())
        np.testing.assert_allclose(cells.centres[cell], np.average(Z[rows], axis=0, weights=w))
        assert cells.response[cell] == pytest.approx(np.average(y[rows], weights=w))
        expected = np.cov(Z[rows].T, aweights=w, ddof=0) if len(rows) > 1 else np.zeros((2, 2))
        np.testing.assert_allclose(cells.second[cell], expected, atol=1e-12)


def test_without_a_window_the_support_is_an_ellipse_of_the_runs() -> None:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(50, 2)) @ [[2.0, 0.3], [0.0, 0.5]]
    fit = LocalPowerLaw(share=np.inf).fit(X, X @ [1.0, -1.0] + 0.1 * rng.normal(size=50))
    _, Z = whiten(X, np.ones(50))
    points = 2.0 * rng.normal(size=(200, 2)) @ [[2.0, 0.3], [0.0, 0.5]]
    inverse = np.linalg.inv(np.cov(X.T, ddof=0))
    away = points - X.mean(axis=0)
    size = np.einsum("ij,jk,ik->i", away, inverse, away)
    apart = np.linalg.norm(Z[:, None] - Z, axis=2)
    spacing = np.sort(apart, axis=1)[:, 6]
    steps = points[:, None] - X
    to_runs = np.einsum("pij,jk,pik->pi", steps, inverse, steps)
    near = np.sqrt(to_runs.min(axis=1)) <= 2.0 * spacing[np.argmin(to_runs, axis=1)]
    expected = near & (size <= (Z**2).sum(axis=1).max())
    np.testing.assert_array_equal(fit.in_support(points), expected)
    assert 20 < expected.sum() < 180


def test_a_run_alone_in_its_window_is_not_blown_up() -> None:
    X, y = bent(4)
    fit = LocalPowerLaw(share=0.03).fit(X, y)
    within, out = np.abs(fit.residuals_), np.abs(fit.held_out_residuals_)
    assert np.all(out <= 1.0001e3 * within)
    assert np.max(out) < 1e-2 * np.std(y)
