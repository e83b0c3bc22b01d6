"""Derivatives of the deep potential, and physics that it is held to."""

from typing import Any

import numpy as np
import pytest

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.fits import ContrastivePotential
from dimgs.fits.potential import Limit, Physics

torch = pytest.importorskip("torch")


def separable(size: int, seed: int) -> tuple[Array, Array]:
    """One factor in the first group, another in the two others together."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, (size, 3))
    y = np.log(np.cosh(X[:, 0])) + np.logaddexp(X[:, 1], X[:, 2])
    return X, y + 0.02 * rng.standard_normal(size)


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4)])
def test_derivatives_are_those_of_the_potential(hidden: tuple[int, ...]) -> None:
    X, y = separable(30, 0)
    both = np.column_stack([y, X @ [1.0, 2.0, 3.0]])
    model = ContrastivePotential(hidden, smoothness=1e-3, max_iter=15, n_members=2).fit(X, both)
    step = 1e-5
    moves = step * np.eye(3)
    slopes = [(model.predict(X + m) - model.predict(X - m)) / (2 * step) for m in moves]
    np.testing.assert_allclose(model.exponents(X), np.stack(slopes, axis=-1), atol=1e-6)
    bends = [(model.exponents(X + m) - model.exponents(X - m)) / (2 * step) for m in moves]
    derivatives = model.mixed_derivatives(X)
    np.testing.assert_allclose(derivatives, np.stack(bends, axis=-1), atol=1e-6)
    np.testing.assert_allclose(derivatives, derivatives.swapaxes(-1, -2), atol=1e-12)


def test_separable_factors_are_told_apart() -> None:
    X, y = separable(100, 1)
    model = ContrastivePotential(smoothness=1e-4, max_iter=100, n_members=2).fit(X, y)
    assert model.separable_blocks() == [(0,), (1, 2)]
    strength = model.interactions()
    assert strength[1, 2] > 5 * max(strength[0, 1], strength[0, 2])


def test_sparse_interactions_switch_off_what_noise_suggests() -> None:
    X, y = separable(40, 2)
    y = y + 0.1 * np.random.default_rng(3).standard_normal(40)
    interactions = {}
    for weight in (0.0, 0.3):
        model = ContrastivePotential(
            (8,), smoothness=1e-5, physics=Physics(interaction=weight), n_members=1, max_iter=40
        )
        interactions[weight] = model.fit(X, y).interactions()
    assert interactions[0.3][0, 1] < 0.4 * interactions[0.0][0, 1]
    assert interactions[0.3][1, 2] > 0.3 * interactions[0.0][1, 2]


def bent(size: int, seed: int) -> tuple[Array, Array]:
    """A step that flattens on both sides."""
    x = np.linspace(-2.0, 2.0, size)[:, None]
    noise = 0.15 * np.random.default_rng(seed).standard_normal(size)
    return x, np.tanh(2.0 * x[:, 0]) + noise


def test_a_monotone_group_has_no_exponent_of_the_other_sign() -> None:
    X, y = bent(40, 0)
    grid = np.linspace(-2.5, 2.5, 60)[:, None]
    least = []
    for physics in (None, Physics(monotone={0: 1})):
        model = ContrastivePotential(smoothness=1e-5, physics=physics, n_members=2, max_iter=60)
        least.append(float(model.fit(X, y).exponents(grid).min()))
    assert least[0] < -0.1
    assert least[1] > -0.02


def test_an_exponent_known_in_a_limit_holds_there() -> None:
    X, y = bent(40, 0)
    limits = [Limit(0, "high", 0.0), Limit(0, "low", 0.0)]
    far = [[6.0], [-6.0]]
    sizes = []
    for physics in (None, Physics(limits=limits)):
        model = ContrastivePotential(smoothness=1e-5, physics=physics, n_members=2, max_iter=60)
        model.fit(X, y)
        assert model.cv_r2_ > 0.9
        sizes.append(float(np.abs(model.exponents(far)).max()))
    assert sizes[0] > 0.2
    assert sizes[1] < 0.03


def test_a_limit_of_a_power_law_is_a_constraint_on_its_exponent() -> None:
    rng = np.random.default_rng(4)
    X = rng.uniform(-2.0, 2.0, (30, 2))
    y = X @ [1.05, 2.0] + 0.1 * rng.standard_normal(30)
    physics = Physics(limits=[Limit(0, "high", 1.0)], strength=1e6)
    model = ContrastivePotential((), physics=physics).fit(X, y)
    np.testing.assert_allclose(model.exponents_[0], 1.0, atol=1e-4)


def test_physics_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="rises"):
        Physics(monotone={0: 2})
    with pytest.raises(InputError, match="negative"):
        Physics(interaction=-1.0)
    with pytest.raises(InputError, match="low"):
        Limit(0, "up", 1.0)  # type: ignore[arg-type]
    X, y = bent(12, 0)
    with pytest.raises(InputError, match="column 3"):
        ContrastivePotential(physics=Physics(monotone={3: 1})).fit(X, y)
    table = np.column_stack([X, np.arange(12) % 2])
    with pytest.raises(InputError, match="categories"):
        ContrastivePotential(categorical=(1,), physics=Physics(monotone={1: 1})).fit(table, y)


def test_a_limit_along_a_direction_of_groups_is_kept_where_it_begins() -> None:
    rng = np.random.default_rng(4)
    X = rng.uniform(-2.0, 2.0, (40, 2))
    # log f = 0.5 (s + softplus-like bend): exponent 1/2 of the sum where it is small, 0 else
    y = -np.logaddexp(-0.5 * X.sum(axis=1), 0.0) + 0.01 * rng.standard_normal(40)
    limit = Limit((1.0, 1.0), "low", 0.5, along=(1.0, 0.0), beyond=-3.0)
    plain, held = (
        ContrastivePotential(physics=physics, n_members=2, max_iter=60).fit(X, y)
        for physics in (None, Physics(limits=[limit], strength=1e4))
    )
    far = np.array([[-8.0, -2.0], [-6.0, -4.0]])
    misses = [np.abs(model.exponents(far)[:, 0] - 0.5).max() for model in (plain, held)]
    assert misses[1] < 0.03
    assert misses[1] < misses[0]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"feature": (1.0, 1.0), "end": "low", "exponent": 0.5}, "needs `along`"),
        ({"feature": (1.0,), "end": "low", "exponent": 0.5, "along": (1.0,)}, "each of 2 columns"),
        ({"feature": (1.0, 1.0), "end": "low", "exponent": 0.5, "along": (1.0, 1.0)}, "by one"),
    ],
)
def test_a_direction_that_is_none_is_refused(given: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        Physics(limits=[Limit(**given)]).check(2, ())
