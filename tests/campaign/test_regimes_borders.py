"""Regimes, borders and crossovers from few runs."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dimgs.campaign.regimes import GroupAxes, RegimeModel, Scatter, Sites, model_of

Array = NDArray[np.float64]
# two groups between 1e-5 and 1e5
HALF = float(np.log(1e5))
AXES = GroupAxes(np.zeros(2), HALF * np.eye(2), np.eye(2))
Z = np.random.default_rng(2).uniform(-1, 1, (24, 2))
A, B = (Z * HALF).T


def seen(y: Array, z: Array = Z, axes: GroupAxes = AXES) -> RegimeModel:
    sites = Sites(z, y, np.ones(len(y)), np.arange(len(y)))
    return model_of(axes, sites, Scatter(0.02), (), np.inf)


def slopes(model: RegimeModel) -> list[list[float]]:
    scaled = [law.slope / HALF for law in model.laws]
    return sorted(np.abs(np.round(s, 2)).tolist() for s in scaled)


@pytest.mark.parametrize("s", [0.7, 1.0, 2.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_two_laws_and_the_sharpness_of_their_crossover(s: float, sign: float) -> None:
    model = seen(sign * np.logaddexp(s * A, s * (B + 1.0)) / s)
    assert slopes(model) == [[0.0, 1.0], [1.0, 0.0]]
    assert not len(model.unexplained)
    (border,) = model.borders
    assert border.meets
    assert border.sharpness == pytest.approx(s, rel=1e-3)
    assert border.sign == sign
    inside = model.holds(Z)
    assert inside.sum(axis=1).max() == 1
    expected = sign * np.logaddexp(s * A, s * (B + 1.0)) / s
    assert model.expected(Z) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("form", [np.tanh, lambda r: -np.expm1(-r), lambda r: r / np.hypot(1, r)])
def test_a_crossover_need_be_no_power_mean(form: Callable[[Array], Array]) -> None:
    x = np.linspace(-6.0, 6.0, 17)
    model = seen(np.log(form(np.exp(x))), x[:, None], GroupAxes(np.zeros(1), np.eye(1), np.eye(1)))
    assert sorted(law.slope[0] for law in model.laws) == pytest.approx([0.0, 1.0], abs=0.02)
    assert not len(model.unexplained)


def resistances(seed: int) -> tuple[GroupAxes, Sites, Array]:
    """Eighty runs of four random laws of four groups whose resistances add, and their slopes."""
    rng = np.random.default_rng(seed)
    z, rows = rng.uniform(-6, 6, (80, 4)), rng.choice([-1, -0.5, 0, 0.5, 1.0], (4, 4))
    y = -np.log(np.exp(-(rng.uniform(-1, 1, 4) + z @ rows.T)).sum(axis=1))
    axes = GroupAxes(np.zeros(4), np.eye(4), np.eye(4))
    return axes, Sites(z, y, np.ones(80), np.arange(80)), rows


@pytest.mark.parametrize("seed", [2, 3, 6])
def test_four_laws_are_found_though_most_runs_lie_in_crossovers(seed: int) -> None:
    axes, sites, rows = resistances(seed)
    model = model_of(axes, sites, Scatter(0.02), (), 0.01)
    slopes = np.array([law.slope for law in model.laws])
    assert model.explained.all()
    assert len(slopes) == 4
    nearest = np.abs(slopes[None] - rows[:, None]).max(axis=2).min(axis=1)
    assert nearest == pytest.approx(np.zeros(4), abs=0.03)


def test_a_law_stays_while_runs_are_made_elsewhere() -> None:
    z = np.random.default_rng(0).uniform(-1, 1, (40, 2))
    first = slice(0, 8)
    y = np.where(z[:, 0] < 0.0, z @ [2.0, 1.0], np.sin(9.0 * z[:, 1]) + z[:, 0])
    order = np.argsort(z[:, 0])
    z, y = z[order], y[order]
    few = Sites(z[first], y[first], np.ones(8), np.arange(8))
    (law,) = model_of(AXES, few, Scatter(0.02), (), np.inf).laws
    assert law.slope == pytest.approx([2.0, 1.0])
    every = Sites(z, y, np.ones(40), np.arange(40))
    kept = model_of(AXES, every, Scatter(0.02), (law,), np.inf).laws
    assert any(k.slope == pytest.approx([2.0, 1.0]) for k in kept)


def test_parallel_laws_are_parted_by_a_monomial() -> None:
    model = seen(2.0 * A + np.where(B < 1.0, 0.0, -1.0))
    assert slopes(model) == [[2.0, 0.0], [2.0, 0.0]]
    (border,) = model.borders
    assert not border.meets
    assert border.low < 1.0 < border.high
    assert border.along(Z) == pytest.approx(B)


def test_laws_whose_runs_lie_among_each_other_are_entangled() -> None:
    model = seen(2.0 * A + np.where(np.arange(24) % 2 == 0, 0.0, -1.0))
    assert not model.laws or model.entangled or len(model.unexplained)


def test_a_run_of_no_law_is_an_orphan() -> None:
    y = 2.0 * A - B
    y[5] += 0.05
    assert seen(y).unexplained.tolist() == [5]
