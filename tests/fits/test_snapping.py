from fractions import Fraction as F
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.fits.least_squares import PowerLawFit
from dimgs.fits.power_law import PowerLaw, fit_power_law
from dimgs.fits.snapping import Snapped, restricted_fit, snap


def snap_fit(fit: PowerLawFit, offset: Any, loadings: Any) -> Snapped:
    """`snap` of a fitted power law, with the degrees of freedom of each physical exponent."""
    load = np.array(loadings, dtype=np.float64).reshape(len(offset), len(fit.centre))
    functionals = fit.functionals(np.column_stack([np.zeros(len(load)), load]))
    covariance, dof = fit.joint_covariance[0, 1:, 1:], fit.influence.dof(functionals)
    null = fit.coordinates.null_directions()
    return snap(fit.exponents[0], covariance, dof, offset, loadings, null=null)


Array = np.ndarray[Any, np.dtype[np.float64]]

OFFSET = [F(1, 2), F(0), F(1), F(-1), F(0)]
LOADINGS = [[1, 0], [1, 2], [-1, 1], [0, -3], [2, 1]]
TRUTH = [F(1, 2), F(-1, 3)]
PHYSICAL = tuple(
    a + sum(e * b for e, b in zip(row, TRUTH, strict=True))
    for a, row in zip(OFFSET, LOADINGS, strict=True)
)


def planted(noise: float, seed: int, m: int = 40) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, 2))
    return X, X @ np.array(TRUTH, dtype=float) + 1.0 + noise * rng.standard_normal(m)


@pytest.mark.parametrize("noise", [0.0, 1e-12, 1e-6, 1e-3])
def test_precise_runs_give_the_exact_law(noise: float) -> None:
    for seed in range(10):
        snapped = snap_fit(fit_power_law(*planted(noise, seed)), OFFSET, LOADINGS)
        assert snapped.rationals == PHYSICAL
        assert snapped.exponents == tuple(TRUTH)
        assert snapped.complete
        assert snapped.p_value >= 0.01


def test_noisy_runs_are_rarely_snapped_wrongly() -> None:
    wrong = complete = 0
    for seed in range(200):
        snapped = snap_fit(fit_power_law(*planted(0.1, seed)), OFFSET, LOADINGS)
        wrong += any(r not in (None, t) for r, t in zip(snapped.rationals, PHYSICAL, strict=True))
        complete += snapped.complete
    assert wrong <= 14  # the intervals are at 95 %: ten expected
    assert complete >= 120


def test_irrational_exponents_stay_as_they_are() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 2))
    y = X @ [0.671, np.pi] + 1e-4 * rng.standard_normal(50)
    snapped = snap_fit(fit_power_law(X, y), [0, 0], [[1, 0], [0, 1]])
    assert snapped.rationals == (None, None)
    assert snapped.constraints == ()
    assert snapped.exponents == pytest.approx((0.671, np.pi), abs=1e-3)


def test_one_rational_among_irrationals() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 2))
    y = X @ [0.671, 0.5] + 1e-3 * rng.standard_normal(50)
    snapped = snap_fit(fit_power_law(X, y), [0, 0, 0], [[1, 0], [0, 1], [1, 1]])
    assert snapped.rationals == (None, F(1, 2), None)
    assert snapped.exponents[1] == F(1, 2)
    assert isinstance(snapped.exponents[0], float)
    assert snapped.physical_exponents[2] == pytest.approx(1.171, abs=1e-3)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    noise=st.sampled_from([0.0, 1e-3, 0.05, 0.3]),
    shear=st.integers(-3, 3),
)
def test_neither_basis_nor_order_matters(seed: int, noise: float, shear: int) -> None:
    X, y = planted(noise, seed)
    first = snap_fit(fit_power_law(X, y), OFFSET, LOADINGS)
    U = np.array([[1, shear], [0, 1]]) @ np.array([[2, 1], [1, 1]])
    other = snap_fit(fit_power_law(X @ U, y), OFFSET, (np.array(LOADINGS) @ U).tolist())
    assert other.rationals == first.rationals
    assert other.dropped == first.dropped
    np.testing.assert_allclose(
        np.array(other.physical_exponents, dtype=float),
        np.array(first.physical_exponents, dtype=float),
        atol=1e-6,
    )
    order = np.random.default_rng(seed).permutation(5)
    moved = snap_fit(fit_power_law(X, y), [OFFSET[i] for i in order], [LOADINGS[i] for i in order])
    assert moved.rationals == tuple(first.rationals[i] for i in order)


def test_proposals_that_contradict_each_other_are_dropped() -> None:
    # b = 0.4167: a single rational fits each alone, none fits all
    snapped = snap([0.4167], [[1e-5]], 50, [0, 0], [[1], [2]])
    assert snapped.rationals == (None, None)
    # b alone is near 1/5, but five times it is near 0.96: jointly rejected
    snapped = snap([0.193], [[1e-5]], 50, [0, 0], [[1], [30]])
    assert all(r is None for r in snapped.rationals)


def test_implied_exponents_must_be_simple_too() -> None:
    # 3 b snaps to 1/5, but then b would be 1/15
    snapped = snap([0.0667], [[1e-9]], 50, [0, 0], [[3], [1]])
    assert snapped.rationals == (None, None)
    assert snapped.dropped == (0,)


def test_the_joint_test_rejects_what_single_intervals_allow() -> None:
    # each exponent is 1.9 standard errors off, in a direction where their sum is sharp
    covariance = np.array([[1.0, -0.99], [-0.99, 1.0]]) * 1e-4
    snapped = snap([0.519, 0.519], covariance, 100, [0, 0], [[1, 0], [0, 1]])
    assert snapped.rationals == (None, None)
    assert snapped.dropped == (0, 1)
    assert snap([0.519, 0.481], covariance, 100, [0, 0], [[1, 0], [0, 1]]).complete


def test_what_never_moves_is_exact_and_what_is_unknown_is_not_snapped() -> None:
    X, y = planted(0.0, 0)
    X = np.column_stack([X, X[:, 0] + X[:, 1]])
    fit = fit_power_law(X, y)
    snapped = snap_fit(fit, [F(2, 7), 0, 0, 0], [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 1]])
    assert snapped.rationals[:3] == (F(2, 7), None, None)
    # b1 + b3 = 1/2 is all that the runs know of these
    assert snapped.rationals[3] == F(1, 2)


def test_no_group_at_all() -> None:
    snapped = snap([], np.empty((0, 0)), 3, [F(1, 2)], [[]])
    assert snapped.rationals == (F(1, 2),)
    assert snapped.complete


def test_saturated_fits_are_not_snapped() -> None:
    fit = fit_power_law([[0.0], [1.0]], [0.0, 0.5])
    assert snap_fit(fit, [0], [[1]]).rationals == (None,)


def test_restricted_fit_equals_the_fit_of_the_rest() -> None:
    X, y = planted(0.1, 3)
    fit = fit_power_law(X, y)
    restricted = restricted_fit(fit, [[F(1), F(0), F(1, 2)]])
    rest = PowerLaw().fit(X[:, 1:], y - 0.5 * X[:, 0])
    np.testing.assert_allclose(restricted.exponents, [0.5, rest.exponents_[0]], atol=1e-12)
    assert restricted.intercept == pytest.approx(rest.intercept_)
    np.testing.assert_allclose(restricted.covariance[1], 0.0, atol=1e-15)
    assert restricted.covariance[0, 0] == pytest.approx(rest.joint_covariance_[0, 0], rel=0.1)
    assert restricted.half_width == pytest.approx(
        np.diff(rest.intercept_interval())[0] / 2, rel=0.1
    )
    left = y - X @ restricted.exponents - restricted.intercept
    assert restricted.r2 == pytest.approx(1 - left @ left / np.sum((y - y.mean()) ** 2))
    free = restricted_fit(fit, [])
    assert free.r2 == pytest.approx(fit.r2[0])
    np.testing.assert_allclose(free.covariance, fit.joint_covariance[0], atol=1e-15)


def test_restriction_along_a_null_direction_is_followed() -> None:
    X, y = planted(0.1, 3)
    X = np.column_stack([X, X[:, 0]])
    restricted = restricted_fit(fit_power_law(X, y), [[F(1), F(0), F(0), F(3)]])
    plain = fit_power_law(X[:, :2], y)
    assert restricted.exponents[0] == pytest.approx(3.0, abs=1e-6)
    assert restricted.exponents[0] + restricted.exponents[2] == pytest.approx(
        plain.exponents[0, 0], abs=1e-6
    )


def test_shapes_must_fit() -> None:
    with pytest.raises(InputError, match="one row for each of the 2 variables"):
        snap([0.5], [[0.1]], 5, [0, 0], [[1]])


def test_what_is_known_from_elsewhere_is_not_tested() -> None:
    """A rational that the interval excludes is taken, and one that nothing solves is dropped."""
    loadings = [[1, 0], [0, 1], [1, 1]]

    def known(given: dict[int, F]) -> Snapped:
        return snap([0.02, 1.0], np.diag([1e-6, 1e-6]), 20, [F(0)] * 3, loadings, known=given)

    assert known({}).rationals[0] is None
    assert known({0: F(0), 1: F(1)}).rationals == (F(0), F(1), F(1))
    assert not known({0: F(0), 1: F(1), 2: F(2)}).complete
