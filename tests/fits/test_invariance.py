"""Tests of symmetries keep their level, by runs and by clusters, and see what breaks one."""

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.fits.homogeneity import Invariance, invariance


def outcome(seed: int, clusters: int | None, broken: float = 0.0) -> Invariance:
    """Of a response of x and y, with or without a bend along z, and errors that clusters share."""
    rng = np.random.default_rng(seed)
    x, y, z = rng.uniform(0.0, 1.5, (3, 80))
    noise = 0.01 * rng.standard_normal(80)
    labels = None if clusters is None else np.arange(80) * clusters // 80
    if labels is not None:
        noise += 0.02 * rng.standard_normal(80)[labels]
    response: Array = 2 * x - np.log1p(np.exp(y)) + broken * np.sin(3 * z) + noise
    none = np.empty((80, 0))
    return invariance(response, np.stack([x, y], 1), none, np.stack([x, y, z], 1), labels)


@pytest.mark.parametrize("clusters", [None, 16, 8])
def test_a_symmetry_that_holds_is_refuted_by_chance_alone(clusters: int | None) -> None:
    p = np.array([outcome(seed, clusters).p for seed in range(30)])
    assert np.mean(p < 0.1) == pytest.approx(0.1, abs=0.15)
    assert np.mean(p < 0.01) < 0.1


@pytest.mark.parametrize("clusters", [None, 16])
def test_what_breaks_a_symmetry_is_seen(clusters: int | None) -> None:
    document = outcome(1, clusters, broken=0.1)
    assert document.is_refuted
    assert not document.is_shown


def test_rows_that_share_errors_are_not_counted_as_runs() -> None:
    """Points of a run have one error, which a function of the run's input mimics."""
    refuted = np.zeros(2)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        run = np.repeat(np.arange(12), 8)
        x, z = rng.uniform(0.0, 1.5, 96), rng.uniform(0.0, 1.5, 12)[run]
        response = 2 * x + 0.03 * rng.standard_normal(12)[run] + 0.01 * rng.standard_normal(96)
        both, none = np.stack([x, z], 1), np.empty((96, 0))
        for k, labels in enumerate((None, run)):
            refuted[k] += invariance(response, x[:, None], none, both, labels).is_refuted
    assert refuted[0] > 15
    assert refuted[1] < 5


def test_few_clusters_show_nothing() -> None:
    assert not outcome(0, 4).is_shown
    assert not outcome(0, 4).is_refuted
