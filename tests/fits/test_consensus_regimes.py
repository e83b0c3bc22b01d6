"""Regimes, borders and crossovers from few runs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dimgs.fits.consensus import GroupAxes, RegimeModel, Scatter, Sites, model_of

Array = NDArray[np.float64]
# two groups between 1e-5 and 1e5
HALF = float(np.log(1e5))
AXES = GroupAxes(np.zeros(2), HALF * np.eye(2), np.eye(2))
Z = np.random.default_rng(2).uniform(-1, 1, (24, 2))
A, B = (Z * HALF).T


def seen(y: Array, z: Array = Z) -> RegimeModel:
    sites = Sites(z, y, np.ones(len(y)), np.arange(len(y)))
    return model_of(AXES, sites, Scatter(0.02), (), np.inf)


def slopes(model: RegimeModel) -> list[list[float]]:
    found = [law.slope / HALF for law in model.laws]
    return sorted(np.abs(np.round(s, 2)).tolist() for s in found)


@pytest.mark.parametrize("s", [0.7, 1.0, 2.0])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_two_laws_and_the_sharpness_of_their_crossover(s: float, sign: float) -> None:
    model = seen(sign * np.logaddexp(s * A, s * (B + 1.0)) / s)
    assert slopes(model) == [[0.0, 1.0], [1.0, 0.0]]
    assert not len(model.orphans)
    (border,) = model.borders
    assert border.meets
    assert border.sharpness == pytest.approx(s, rel=1e-3)
    assert border.sign == sign
    inside = model.holds(Z)
    assert inside.sum(axis=1).max() == 1
    expected = sign * np.logaddexp(s * A, s * (B + 1.0)) / s
    assert model.expected(Z) == pytest.approx(expected, abs=1e-4)


def test_parallel_laws_are_parted_by_a_monomial() -> None:
    model = seen(2.0 * A + np.where(B < 1.0, 0.0, -1.0))
    assert slopes(model) == [[2.0, 0.0], [2.0, 0.0]]
    (border,) = model.borders
    assert not border.meets
    assert border.low < 1.0 < border.high
    assert border.along(Z) == pytest.approx(B)


def test_laws_whose_runs_lie_among_each_other_are_entangled() -> None:
    model = seen(2.0 * A + np.where(np.arange(24) % 2 == 0, 0.0, -1.0))
    assert not model.laws or model.entangled or len(model.orphans)


def test_a_run_of_no_law_is_an_orphan() -> None:
    y = 2.0 * A - B
    y[5] += 0.05
    assert seen(y).orphans.tolist() == [5]
