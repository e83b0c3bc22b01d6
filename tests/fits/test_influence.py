"""Covariance of the parameters of any least squares: against refits and known answers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.errors import InputError
from dimgs.fits.covariance import jackknife_covariance, linearised, t_intervals, t_quantile
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
    found = linearised(DESIGN, RESIDUALS, WEIGHT, clusters, kind="jackknife")
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-8)
    assert found.dof == pytest.approx([min(n - 1, N - 3)] * 3)


@pytest.mark.parametrize("clusters", [None, CLUSTERS])
def test_every_way_to_fit_a_line_has_the_same_uncertainty(clusters: Any) -> None:
    law = fit_power_law(DESIGN[:, 1:], Y, WEIGHT, clusters)
    found = linearised(DESIGN, RESIDUALS, WEIGHT, clusters)
    np.testing.assert_allclose(found.covariance, law.joint_covariance[0], rtol=1e-8)
    np.testing.assert_allclose(
        found.half_widths(0.8), law.half_widths(np.eye(3), 0.8)[:, 0], rtol=1e-8
    )
    plain = linearised(DESIGN, RESIDUALS, WEIGHT, clusters, kind="jackknife")
    law = fit_power_law(DESIGN[:, 1:], Y, WEIGHT, clusters, interval="jackknife")
    np.testing.assert_allclose(plain.covariance, law.joint_covariance[0], rtol=1e-8)


def test_one_sample_gives_the_textbook_interval() -> None:
    y = RNG.standard_normal(7)
    found = linearised(np.ones((7, 1)), y - y.mean())
    # mean ± t(6) s / sqrt(7); 2.4469 is the two-sided 95 % quantile of any table
    assert found.half_widths(0.95)[0] == pytest.approx(2.4469 * y.std(ddof=1) / 7**0.5, rel=1e-4)
    assert found.dof == pytest.approx([6.0])
    assert found.residual_dof == 6.0


@given(st.integers(-200, 200), st.integers(-100, 100))
def test_units_of_parameters_and_responses_only_change_units(of_y: int, of_x: int) -> None:
    scale = np.array([1.0, 10.0**of_x, 1.0])
    plain = linearised(DESIGN, RESIDUALS, WEIGHT)
    found = linearised(DESIGN * scale, RESIDUALS * 10.0**of_y, WEIGHT)
    np.testing.assert_allclose(
        found.half_widths(0.9) / 10.0**of_y * scale, plain.half_widths(0.9), rtol=1e-9
    )
    np.testing.assert_allclose(found.dof, plain.dof)


def test_what_the_runs_cannot_tell_has_no_interval() -> None:
    twice = np.column_stack([DESIGN, DESIGN[:, 1], np.zeros(N)])
    half = linearised(twice, RESIDUALS, WEIGHT).half_widths(0.9)
    assert np.isfinite(half).tolist() == [True, False, True, False, False]
    assert np.all(np.isinf(linearised(DESIGN, RESIDUALS, None, np.zeros(N)).half_widths(0.9)))
    assert np.all(np.isinf(linearised(DESIGN[:3], RESIDUALS[:3]).half_widths(0.9)))


def test_intervals_are_ordered_and_open_where_nothing_is_known() -> None:
    found = t_intervals(np.array([1.0, -1.0, 0.0]), np.array([4.0, 0.0, 1.0]), [5.0, 5.0, 0.0], 0.9)
    half = 2 * 2.015048
    assert found.ravel() == pytest.approx([1 - half, 1 + half, -1, -1, -np.inf, np.inf])
    assert t_quantile(0.9, 1e9) == pytest.approx(1.644854, rel=1e-5)
    for level in (0.0, 1.0, 90.0):
        with pytest.raises(InputError, match="fraction"):
            t_intervals(1.0, 1.0, 3, level)
