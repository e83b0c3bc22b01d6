"""Runs near a point, joined to one value."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from dimgs.groups.scalings import Scalings
from dimgs.similitude.kriging import (
    Hyperparameters,
    Nearby,
    _doubt,
    join,
    learn,
    negative_log_posterior,
    refit,
)
from dimgs.variables import parse_unit

UNITS = {"a": "m^2/s", "r": "m", "t": "s", "b": "m"}
SCALINGS = Scalings({n: parse_unit(u).dimension for n, u in UNITS.items()})


def drop(logs: np.ndarray) -> np.ndarray:
    a, r, t, b = np.exp(logs).T
    fo = a * t / r**2
    return np.asarray(np.log(fo / (1.0 + fo)) + 0.1 * np.log(b / r))


def runs(n: int, seed: int = 0, noise: float = 0.0, order: list[int] | None = None) -> Nearby:
    rng = np.random.default_rng(seed)
    logs = rng.uniform(-2, 2, (n, 4))
    values = drop(logs) + noise * rng.normal(size=n)
    rows = np.arange(n) if order is None else np.array(order)
    return Nearby(SCALINGS, logs[rows], values[rows], np.zeros(n), np.zeros(n, dtype=np.intp))


def test_the_gradient_is_that_of_the_log_posterior() -> None:
    near = runs(20, noise=0.05)
    near = Nearby(SCALINGS, near.changes, near.values, near.variances + 1e-4, np.arange(20) % 2)
    theta = np.array([1.0, 0.5, 1.5, 1.2, -1.0, -4.0, -3.0])

    def value_at(at: np.ndarray) -> float:
        return negative_log_posterior(near, at)[0]

    expected = approx_fprime(theta, value_at, 1e-6)
    assert negative_log_posterior(near, theta)[1] == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_few_runs_tell_a_smooth_target_well() -> None:
    near = runs(60)
    joined = join(near, learn(near))
    assert joined.value == pytest.approx(
        drop(np.zeros((1, 4)))[0], abs=4 * np.sqrt(joined.variance)
    )
    assert np.sqrt(joined.variance) < 0.05
    assert joined.weights.sum() == pytest.approx(1.0, abs=1e-4)
    # an input that hardly matters is nearer than one that does
    lengths = learn(near).lengths
    assert lengths[3] > lengths[0]


def test_the_order_of_runs_and_the_place_of_the_point_change_nothing() -> None:
    near, other = runs(25), runs(25, order=list(range(24, -1, -1)))
    hyper = learn(near)
    one, two = join(near, hyper), join(other, hyper)
    # of equations whose condition is 1e11
    assert one.value == pytest.approx(two.value, abs=1e-7)
    assert one.weights == pytest.approx(two.weights[::-1], abs=1e-4)
    # another unit of length: the same question
    step = SCALINGS.directions @ np.array([0.7, -1.3])
    moved = Nearby(SCALINGS, near.changes + step, near.values, near.variances, near.origins)
    assert join(moved, hyper).value == pytest.approx(one.value, abs=1e-6)


def test_images_of_a_run_tell_nothing_more() -> None:
    near = runs(10)
    step = SCALINGS.directions @ np.array([1.0, 2.0])
    twice = Nearby(
        SCALINGS,
        np.vstack([near.changes, near.changes + step]),
        np.tile(near.values, 2),
        np.zeros(20),
        np.zeros(20, dtype=np.intp),
    )
    assert twice.distinct().tolist() == list(range(10))


def test_another_kernel_helps_through_its_ratio_which_is_learned() -> None:
    near = runs(40, seed=3)
    foreign = (np.arange(40) >= 8).astype(np.intp)
    values = near.values + 0.4 * foreign
    both = Nearby(SCALINGS, near.changes, values, near.variances, foreign)
    alone = both.part(np.arange(8))
    hyper = refit(both, learn(near))
    truth = drop(np.zeros((1, 4)))[0]
    joined, single = join(both, hyper), join(alone, refit(alone, learn(near)))
    assert abs(joined.value - truth) < 4 * np.sqrt(joined.variance)
    assert joined.variance < single.variance
    assert joined.weights[:8].sum() == pytest.approx(1.0, abs=0.2)


def test_noise_is_told_from_change() -> None:
    near = runs(80, seed=5, noise=0.1)
    learned = learn(near)
    assert 0.05 < learned.noise < 0.2
    assert isinstance(learned, Hyperparameters)


@pytest.mark.parametrize(("noise", "error"), [(1e-3, 0.0), (0.3, 0.0), (1e-3, 0.4)])
def test_values_are_as_far_off_as_their_variance_says(noise: float, error: float) -> None:
    rng = np.random.default_rng(9)
    hyper, n = Hyperparameters(np.array([1.5, 2.0, 1.5, 3.0]), 0.8, noise, 1e-3), 12
    off = []
    for _ in range(300):
        logs = rng.uniform(-1.5, 1.5, (n, 4))
        # the field at the runs and at the point, a mean and a power law of the groups
        z = np.vstack([logs, np.zeros((1, 4))]) @ SCALINGS.coordinates(hyper.lengths).T
        r = np.sqrt(5.0 * ((z[:, None] - z) ** 2).sum(axis=-1))
        field = np.linalg.cholesky(
            0.64 * (1 + r + r**2 / 3) * np.exp(-r) + 1e-10 * np.eye(n + 1)
        ) @ rng.normal(size=n + 1)
        field += 2.0 + z @ rng.normal(size=z.shape[1])
        field += np.hypot(noise, error) * rng.normal(size=n + 1)
        near = Nearby(SCALINGS, logs, field[:-1], np.full(n, error**2), np.zeros(n, dtype=np.intp))
        joined = join(near, hyper)
        off.append((joined.value - field[-1]) / np.sqrt(joined.variance))
    # four standard errors of the mean square; a factor of 1.5 would be 0.44 or 2.25
    assert np.mean(np.square(off)) == pytest.approx(1.0, abs=0.33)
    assert np.mean(off) == pytest.approx(0.0, abs=0.25)


def test_joining_is_conditioning_a_normal_field_on_the_runs() -> None:
    rng = np.random.default_rng(2)
    logs, origins = rng.uniform(-1.5, 1.5, (9, 4)), np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])
    variances = rng.uniform(0.01, 0.1, 9) * (origins > 0)
    values = rng.normal(size=9)
    hyper = Hyperparameters(np.array([1.5, 2.0, 1.5, 3.0]), 0.8, 0.1, 0.2)
    joined = join(Nearby(SCALINGS, logs, values, variances, origins), hyper)
    # the runs, then the point; exponents are of size 2 and ratios of size 1 beforehand, and
    # nothing is known of the mean
    places = np.vstack([logs, np.zeros((1, 4))])
    flat, z = (places @ SCALINGS.coordinates(*s).T for s in ((), (hyper.lengths,)))
    r = np.sqrt(5.0 * ((z[:, None] - z) ** 2).sum(axis=-1))
    K = 0.64 * (1 + r + r**2 / 3) * np.exp(-r) + 4.0 * flat @ flat.T + 1e6
    other = np.append(origins, 0)
    K += np.where((other[:, None] == other) & (other > 0), 1.0, 0.0)
    known = K[:9, :9] + np.diag(variances + 0.1**2 + np.where(origins > 0, 0.2**2, 0.0))
    pull = np.linalg.solve(known, K[:9, 9])
    assert joined.value == pytest.approx(pull @ values, rel=1e-4)
    assert joined.variance == pytest.approx(K[9, 9] - pull @ K[:9, 9] + 0.1**2, rel=1e-3)


def test_what_lengths_may_be_is_part_of_the_variance() -> None:
    near, theta = runs(12, noise=0.1), np.log([1.5, 2.0, 1.5, 3.0, 0.8, 0.1, 0.2])
    steps = np.array([[0.5, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0.3, 0.2, 0]])
    alone = join(near, Hyperparameters.of(theta))
    more = sum(
        (join(near, Hyperparameters.of(theta + sign * step)).value - alone.value) ** 2 / 2
        for step in steps
        for sign in (1.0, -1.0)
    )
    joined = join(near, replace(Hyperparameters.of(theta), doubt=steps))
    assert joined.value == alone.value
    assert more > 0
    assert joined.variance - alone.variance == pytest.approx(more)
    assert (
        join(near, replace(Hyperparameters.of(theta), inflation=3.0)).variance == 9 * alone.variance
    )


def test_doubt_is_the_inverse_of_the_curvature() -> None:
    near = runs(25, noise=0.1)
    theta = learn(near).theta
    steps = _doubt(near, theta)
    h = np.eye(len(theta)) * 1e-3
    ends = [(theta + s, theta - s) for s in h]
    slopes = [[negative_log_posterior(near, at)[1] for at in pair] for pair in ends]
    H = np.array([(above - below) / 2e-3 for above, below in slopes])
    sizes, axes = np.linalg.eigh((H + H.T) / 2)
    # a direction in which the density hardly falls is known to two units all the same
    expected = axes @ np.diag(1 / np.maximum(sizes, 0.25)) @ axes.T
    np.testing.assert_allclose(steps.T @ steps, expected, rtol=1e-6, atol=1e-9)
