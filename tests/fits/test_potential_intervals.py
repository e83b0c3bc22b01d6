"""Intervals of the deep potential: coverage, growth outside the runs, and how runs are held out."""

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.fits import ContrastivePotential
from dimgs.fits.intervals import Calibration
from dimgs.fits.potential.potential_runs import distinct_runs
from dimgs.fits.training_runs import TrainingRuns
from tests.fits.test_potential import crossover

torch = pytest.importorskip("torch")

from dimgs.fits.potential.contrastive_potential import folds_of  # noqa: E402
from dimgs.fits.potential.potential_runs import distances_to_hull, hull_corners  # noqa: E402


def exponents_of_crossover(X: Array) -> Array:
    """Local exponents of the crossover."""
    share = 1.0 / (1.0 + np.exp(-(1.5 * X[:, 0] + X[:, 1])))
    return np.column_stack([0.5 + 1.5 * share, share])


def inside(bounds: Array, values: Array) -> float:
    """Share of the values within their bounds."""
    return float(np.mean((bounds[..., 0] <= values) & (values <= bounds[..., 1])))


def test_intervals_widen_outside_the_runs() -> None:
    X, y, _ = crossover(50, 0)
    model = ContrastivePotential(max_iter=60).fit(X, y)
    centre = X.mean(axis=0)
    widths = []
    for far in (0.0, 6.0, 12.0, 24.0):
        angle = np.linspace(0, 2 * np.pi, 16)
        ring = centre + far * np.column_stack([np.cos(angle), np.sin(angle)])
        bounds = model.predict_interval(ring)
        widths.append(float(np.mean(bounds[:, 1] - bounds[:, 0])))
        assert np.all(model.outside(ring)) == (far > 0)
    assert np.all(np.diff(widths) > 0)
    assert widths[-1] > 2 * widths[0]


def test_a_bend_outside_the_runs_lies_within_the_intervals() -> None:
    rng = np.random.default_rng(6)
    x = rng.uniform(-2.0, 0.5, (40, 1))
    far = np.linspace(1.0, 3.0, 9)[:, None]
    y = np.logaddexp(0.0, 2.0 * x[:, 0]) + 0.01 * rng.standard_normal(40)
    model = ContrastivePotential(max_iter=60).fit(x, y)
    bounds = model.predict_interval(far)
    assert inside(bounds, np.logaddexp(0.0, 2.0 * far[:, 0])) == 1.0
    ratios = model.ratio_interval(far[1:], far[:-1])
    gaps = np.diff(np.logaddexp(0.0, 2.0 * far[:, 0]))
    assert inside(ratios, gaps) == 1.0
    assert float(np.ptp(bounds[0])) < 2.0


def test_what_never_varied_is_not_known() -> None:
    X, y, _ = crossover(30, 7)
    table = np.column_stack([X, np.full(30, 2.0)])
    model = ContrastivePotential(max_iter=20).fit(table, y)
    moved = table + np.array([0.0, 0.0, 1.0])
    assert np.all(np.isinf(model.predict_interval(moved)))
    assert np.all(np.isfinite(model.predict_interval(table)))
    assert np.all(np.isfinite(model.ratio_interval(table, table[::-1])))


def test_power_laws_widen_by_leverage_too() -> None:
    rng = np.random.default_rng(1)
    X = rng.uniform(-1.0, 1.0, (40, 2))
    y = X @ [0.5, 1.0] + 0.1 * rng.standard_normal(40)
    model = ContrastivePotential(()).fit(X, y)
    near, far = (np.ptp(model.predict_interval([[v, v]])) for v in (0.0, 20.0))
    assert far > 3 * near


def test_a_step_in_a_direction_that_never_varied_is_outside() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(-1.0, 1.0, 40)
    X = np.column_stack([x, 2.0 * x, np.full(40, 5.6)])
    model = ContrastivePotential(()).fit(X, x + 0.1 * rng.standard_normal(40))
    assert not model.outside([[0.1, 0.2, 5.6]])[0]
    assert model.outside([[0.1, 0.2, 5.2], [0.1, 0.3, 5.6]]).all()


@pytest.mark.parametrize("rank", [1, 2, 3, 7])
def test_the_hull_holds_mixtures_of_runs_and_nothing_else(rank: int) -> None:
    rng = np.random.default_rng(rank)
    rows = rng.standard_normal((14, rank))
    mixed = rng.dirichlet(np.ones(14), 20) @ rows
    corners = hull_corners(rows)
    assert not distances_to_hull(corners, mixed).any()
    direction = rng.standard_normal(rank)
    direction /= np.linalg.norm(direction)
    reach = float((rows @ direction).max())
    far = mixed + (reach + 0.1 - mixed @ direction)[:, None] * direction
    assert np.all(distances_to_hull(corners, far) > 0.099)
    tip = rows[np.argmax(rows @ direction)]
    np.testing.assert_allclose(
        distances_to_hull(corners, (tip + 3.0 * direction)[None]), 3.0, rtol=1e-5
    )


@pytest.mark.parametrize(("size", "n_labels"), [(30, None), (120, None), (60, 7), (9, 3)])
def test_runs_and_clusters_are_held_out_once_a_round_and_pairs_share_none(
    size: int, n_labels: int | None
) -> None:
    X, y, _ = crossover(size, 2)
    labels = None if n_labels is None else np.arange(size) % n_labels
    runs = distinct_runs(TrainingRuns(X, y, np.ones(size), labels))
    folds = folds_of(runs, 0)
    assert np.all(folds.held.sum(axis=0) == folds.rounds)
    for held in folds.held:
        out, rest = set(runs.clusters[held]), set(runs.clusters[~held])
        assert rest
        assert not out & rest
    each = len(folds.held) // folds.rounds
    for number in range(folds.rounds):
        mine = folds.pairs[folds.pairs[:, 0] // each == number, 1:]
        assert len(np.unique(mine)) == mine.size
    for fold, u, v in folds.pairs:
        assert folds.held[fold, u]
        assert folds.held[fold, v]
        assert runs.clusters[u] != runs.clusters[v]
    if n_labels is None:
        assert len(folds.pairs) >= folds.rounds * (size // 2 - each)


def test_folds_that_agree_are_one_fold() -> None:
    rng = np.random.default_rng(8)
    scores = rng.exponential(size=(50, 2))
    centre, scale = rng.standard_normal((6, 2)), rng.exponential(size=(6, 2))
    one = Calibration(np.zeros(50, dtype=np.intp), scores, 50)
    two = Calibration(np.arange(50) % 2, scores, 50)
    bounds = one.bounds(centre[None], scale[None], 0.9)
    np.testing.assert_allclose(
        two.bounds(np.stack([centre] * 2), np.stack([scale] * 2), 0.9), bounds
    )
    inside_band = np.abs(scores) <= (bounds[0, :, 1] - centre[0]) / scale[0] + 1e-12
    assert np.all(inside_band.sum(axis=0) == 46)


def test_weights_scale_the_noise() -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(-2.0, 2.0, (80, 1))
    sigma = np.where(np.arange(80) % 2, 0.02, 0.2)
    y = 0.5 * X[:, 0] + sigma * rng.standard_normal(80)
    weights = 1.0 / sigma**2
    bounds = ContrastivePotential(()).fit(X, y, sample_weight=weights).predict_interval(X)
    # a run of average weight, and the mean weight is about half of the precise runs'
    width = float(np.mean(bounds[:, 1] - bounds[:, 0])) / (2 * 1.645)
    assert 0.02 < width < 0.05


def test_values_ratios_and_mean_exponents_are_covered_in_one_table() -> None:
    X, y, _ = crossover(40, 4, noise=0.1)
    rows, noisy, _ = crossover(400, 5, noise=0.1)
    model = ContrastivePotential(max_iter=60).fit(X, y)
    assert 0.75 < inside(model.predict_interval(rows), noisy) < 0.99
    gaps = noisy[:200] - noisy[200:]
    assert 0.75 < inside(model.ratio_interval(rows[:200], rows[200:]), gaps) < 0.995
    exact = exponents_of_crossover(X).mean(axis=0)
    assert inside(model.intervals(0.99), exact) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(("size", "tables"), [(30, 8), (60, 6), (120, 5)])
def test_coverage_over_tables(size: int, tables: int) -> None:
    covered = []
    for seed in range(tables):
        X, y, _ = crossover(size, seed, noise=0.1)
        rows, noisy, _ = crossover(400, 1000 + seed, noise=0.1)
        model = ContrastivePotential().fit(X, y)
        gaps = noisy[:200] - noisy[200:]
        covered.append(
            [
                inside(model.predict_interval(rows), noisy),
                inside(model.ratio_interval(rows[:200], rows[200:]), gaps),
                inside(model.exponent_intervals(rows), exponents_of_crossover(rows)),
                inside(model.intervals(), exponents_of_crossover(X).mean(axis=0)),
            ]
        )
    values, ratios, local, mean = np.mean(covered, axis=0)
    assert 0.85 < values < 0.96
    assert 0.85 < ratios < 0.97
    assert local > 0.78
    assert mean > 0.8
