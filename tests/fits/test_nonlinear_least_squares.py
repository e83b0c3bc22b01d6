"""Levenberg-Marquardt steps against SciPy's, and what they promise of many starts at once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from dimgs.common.arrays import Array, IntArray
from dimgs.fits.least_squares import minimise_squares

X = np.linspace(0.1, 3.0, 25)

Model = Callable[[Array], tuple[Array, Array]]


def saturating(y: Array) -> Model:
    """y = a x / (b + x), for one or many pairs of constants."""

    def model(theta: Array) -> tuple[Array, Array]:
        a, b = theta[..., :1], theta[..., 1:]
        with np.errstate(all="ignore"):
            slopes = np.stack([X / (b + X), -a * X / (b + X) ** 2], axis=-1)
        return y - a * X / (b + X), slopes

    return model


@given(st.floats(0.5, 20), st.floats(0.1, 5), st.floats(0, 0.1), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_it_ends_where_scipy_does(a: float, b: float, noise: float, seed: int) -> None:
    y = a * X / (b + X) * np.exp(noise * np.random.default_rng(seed).normal(size=len(X))) / a
    model = saturating(y)
    solution = minimise_squares(model, np.array([1.0, 1.0]), enough=1e-20)

    def left(theta: Array) -> Array:
        return model(theta)[0]

    def falls(theta: Array) -> Array:
        return -model(theta)[1]

    known = least_squares(left, [1.0, 1.0], falls, x_scale="jac", ftol=1e-15)
    assert solution.squares <= 2 * known.cost * (1 + 1e-9) + 1e-25
    assert solution.squares == pytest.approx(float(np.sum(model(solution.parameters)[0] ** 2)))


def test_many_starts_end_as_each_alone() -> None:
    y = 2 * X / (0.7 + X) + 0.01 * np.cos(9 * X)
    starts = np.array([[1.0, 1.0], [5.0, 0.1], [0.1, 4.0], [1.0, -0.5]])
    model, seen = saturating(y), list[int]()

    def of_some(theta: Array, which: IntArray) -> tuple[Array, Array]:
        seen.append(len(which))
        return model(theta)

    both = minimise_squares(of_some, starts)
    assert seen[-1] < seen[0] == len(starts)
    for k, start in enumerate(starts):
        alone = minimise_squares(saturating(y), start)
        assert both.squares[k] == pytest.approx(float(alone.squares), rel=1e-12)
        assert both.parameters[k] == pytest.approx(alone.parameters.tolist(), rel=1e-9)


@given(st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_no_start_gets_worse_and_runs_left_out_do_not_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, start = rng.normal(size=len(X)), rng.normal(size=2)
    rows = rng.random(len(X)) < 0.6
    solution = minimise_squares(saturating(y), start, rows=rows)
    assert solution.squares <= np.sum(saturating(y)(start)[0][rows] ** 2) * (1 + 1e-12)
    moved = np.where(rows, y, 1e3)
    again = minimise_squares(saturating(moved), start, rows=rows)
    assert again.parameters == pytest.approx(solution.parameters.tolist())
    assert solution.residuals.shape == y.shape


def test_a_column_of_zeros_and_a_model_that_ends_stop_nothing() -> None:
    def model(theta: Array) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            root = np.sqrt(theta[0])
            slopes = np.stack([X / (2 * root), np.zeros(len(X))], axis=-1)
            return 3 - root * X, slopes

    solution = minimise_squares(model, np.array([1e-3, 5.0]), enough=1e-16)
    assert np.sqrt(solution.parameters[0]) == pytest.approx(3 * X.sum() / (X @ X), rel=1e-6)
    assert solution.parameters[1] == 5.0
    assert minimise_squares(model, np.array([-1.0, 5.0])).squares == np.inf
    bounded = minimise_squares(model, np.array([1e-3, 1.0]), largest=1.0)
    assert bounded.parameters[0] == 1.0


def test_a_singular_step_is_the_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver may call equations singular that are so to rounding alone."""
    x = np.linspace(0.0, 1.0, 9)
    y = 3.0 * np.exp(-2.0 * x)

    def decay(theta: Array) -> tuple[Array, Array]:
        shape = np.exp(-theta[1] * x)
        return y - theta[0] * shape, np.column_stack([shape, -theta[0] * x * shape])

    def refused(*_: Any) -> Any:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(np.linalg, "solve", refused)
    found = minimise_squares(decay, np.array([1.0, 1.0])).parameters
    assert found == pytest.approx([3.0, 2.0], rel=1e-6)
