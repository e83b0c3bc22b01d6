"""Covariance of the parameters of any least squares: against refits and known answers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dimgs.common.errors import InputError
from dimgs.fits.covariance import (
    deleted_residuals,
    jackknife_covariance,
    linearised,
    t_intervals,
    t_quantile,
)
from dimgs.fits.least_squares import fit_power_law

Array = np.ndarray[Any, np.dtype[np.float64]]
N = 24
RNG = np.random.default_rng(2)
DESIGN = np.column_stack([np.ones(N), RNG.standard_normal((N, 2))])
WEIGHT = RNG.uniform(0.5, 2.0, N)
Y: Array = DESIGN @ [1.0, -2.0, 0.5] + RNG.standard_normal(N) / np.sqrt(WEIGHT)
CLUSTERS = np.array(["c", "a", "b", "d", "e", "f"])[np.arange(N) // 4]


def solved(rows: np.ndarray[Any, Any]) -> Array:
    root = np.sqrt(WEIGHT[rows])
    return np.asarray(np.linalg.lstsq(root[:, None] * DESIGN[rows], root * Y[rows], rcond=None)[0])


RESIDUALS = Y - DESIGN @ solved(np.arange(N))


@pytest.mark.parametrize("clusters", [None, CLUSTERS])
def test_the_jackknife_is_leaving_out_for_real(clusters: Any) -> None:
    labels = np.arange(N) if clusters is None else clusters
    refits = np.array([solved(np.flatnonzero(labels != k)) for k in np.unique(labels)])
    expected = jackknife_covariance(refits - refits.mean(axis=0))
    n = len(refits)
    by_hand = np.cov(refits.T) * (n - 1) ** 2 / n
    np.testing.assert_allclose(expected, by_hand)
    influence = linearised(DESIGN, RESIDUALS, WEIGHT, clusters, kind="jackknife")
    np.testing.assert_allclose(influence.covariance, expected, rtol=1e-8)
    assert influence.dof == pytest.approx([min(n - 1, N - 3)] * 3)


@pytest.mark.parametrize("clusters", [None, CLUSTERS])
def test_every_way_to_fit_a_line_has_the_same_uncertainty(clusters: Any) -> None:
    law = fit_power_law(DESIGN[:, 1:], Y, WEIGHT, clusters)
    influence = linearised(DESIGN, RESIDUALS, WEIGHT, clusters)
    np.testing.assert_allclose(influence.covariance, law.joint_covariance[0], rtol=1e-8)
    np.testing.assert_allclose(
        influence.half_widths(0.8), law.half_widths(np.eye(3), 0.8)[:, 0], rtol=1e-8
    )
    plain = linearised(DESIGN, RESIDUALS, WEIGHT, clusters, kind="jackknife")
    law = fit_power_law(DESIGN[:, 1:], Y, WEIGHT, clusters, interval="jackknife")
    np.testing.assert_allclose(plain.covariance, law.joint_covariance[0], rtol=1e-8)


def test_one_sample_gives_the_textbook_interval() -> None:
    y = RNG.standard_normal(7)
    influence = linearised(np.ones((7, 1)), y - y.mean())
    # mean ± t(6) s / sqrt(7); 2.4469 is the two-sided 95 % quantile of any table
    assert influence.half_widths(0.95)[0] == pytest.approx(
        2.4469 * y.std(ddof=1) / 7**0.5, rel=1e-4
    )
    assert influence.dof == pytest.approx([6.0])
    assert influence.residual_dof == 6.0


@given(st.integers(-200, 200), st.integers(-100, 100))
def test_units_of_parameters_and_responses_only_change_units(of_y: int, of_x: int) -> None:
    scale = np.array([1.0, 10.0**of_x, 1.0])
    plain = linearised(DESIGN, RESIDUALS, WEIGHT)
    influence = linearised(DESIGN * scale, RESIDUALS * 10.0**of_y, WEIGHT)
    np.testing.assert_allclose(
        influence.half_widths(0.9) / 10.0**of_y * scale, plain.half_widths(0.9), rtol=1e-9
    )
    np.testing.assert_allclose(influence.dof, plain.dof)


def test_what_the_runs_cannot_tell_has_no_interval() -> None:
    twice = np.column_stack([DESIGN, DESIGN[:, 1], np.zeros(N)])
    half = linearised(twice, RESIDUALS, WEIGHT).half_widths(0.9)
    assert np.isfinite(half).tolist() == [True, False, True, False, False]
    assert np.all(np.isinf(linearised(DESIGN, RESIDUALS, None, np.zeros(N)).half_widths(0.9)))
    assert np.all(np.isinf(linearised(DESIGN[:3], RESIDUALS[:3]).half_widths(0.9)))


def test_intervals_are_ordered_and_open_where_nothing_is_known() -> None:
    intervals = t_intervals(
        np.array([1.0, -1.0, 0.0]), np.array([4.0, 0.0, 1.0]), [5.0, 5.0, 0.0], 0.9
    )
    half = 2 * 2.015048
    assert intervals.ravel() == pytest.approx([1 - half, 1 + half, -1, -1, -np.inf, np.inf])
    assert t_quantile(0.9, 1e9) == pytest.approx(1.644854, rel=1e-5)
    for level in (0.0, 1.0, 90.0):
        with pytest.raises(InputError, match="fraction"):
            t_intervals(1.0, 1.0, 3, level)


def linear_runs(n: int = 30) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    Z = np.column_stack([np.ones(n), rng.standard_normal((n, 2))])
    return Z, Z @ [1.0, 2.0, -1.0] + 0.3 * rng.standard_normal(n)


def left_out_by_refits(Z: Array, y: Array, blocks: NDArray[np.intp]) -> Array:
    out = np.empty(len(y))
    for label in np.unique(blocks):
        rows = blocks == label
        out[rows] = y[rows] - Z[rows] @ np.linalg.lstsq(Z[~rows], y[~rows], rcond=None)[0]
    return out


@pytest.mark.parametrize("labels", [None, 5])
def test_deleted_residuals_are_those_of_refits(labels: int | None) -> None:
    Z, y = linear_runs()
    split = None if labels is None else np.arange(len(y)) % labels
    e = y - Z @ np.linalg.lstsq(Z, y, rcond=None)[0]
    blocks = np.arange(len(y)) if split is None else split
    expected = left_out_by_refits(Z, y, blocks)
    np.testing.assert_allclose(deleted_residuals(e, Z, split)[0], expected, atol=1e-8)
    # a constant that another one can stand for is none; neither are their sizes of importance
    twice = np.column_stack([1e6 * Z, Z @ [1.0, 1.0, -1.0]])
    np.testing.assert_allclose(deleted_residuals(e, twice, split)[0], expected, atol=1e-6)


def test_without_constants_runs_left_out_are_the_runs() -> None:
    e = np.array([1.0, -2.0, 3.0])
    deleted, spread = deleted_residuals(e, np.empty((3, 0)))
    assert np.array_equal(deleted, e)
    assert np.array_equal(spread, np.ones(3))


def test_a_run_that_alone_fixes_a_constant_keeps_a_finite_residual() -> None:
    Z = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    deleted, _ = deleted_residuals(np.array([0.1, -0.2, 0.1, 1e-9]), Z)
    np.testing.assert_allclose(deleted[:3], [0.15, -0.3, 0.15])
    assert deleted[3] == pytest.approx(1e-7)


def test_a_label_that_alone_fixes_a_constant_keeps_finite_residuals() -> None:
    rng = np.random.default_rng(4)
    split = np.repeat([0, 1, 2], 4)
    Z = np.column_stack([np.ones(12), rng.normal(size=12), split == 2])
    y = rng.normal(size=12)
    e = y - Z @ np.linalg.lstsq(Z, y, rcond=None)[0]
    deleted, _ = deleted_residuals(e + 1e-10 * rng.normal(size=12), Z, split)
    # what the constant of the third label takes up is not blown up, the rest is left out as ever
    rest = np.linalg.lstsq(Z[split != 2][:, :2], y[split != 2], rcond=None)[0]
    gone = y[split == 2] - Z[split == 2][:, :2] @ rest
    np.testing.assert_allclose(deleted[split == 2], gone - gone.mean(), atol=1e-6)
    assert np.abs(deleted).max() < 10.0
