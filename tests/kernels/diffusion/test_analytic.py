"""The exact solution: limits of Crank, balance, monotonicity, and an independent inversion."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import erfcx

from dimgs.kernels.diffusion import SHORT_TIME, eigenvalues, migrated_fraction

fo_log = st.floats(-6, 1.5)
b_log = st.floats(-10, 12)
k_log = st.floats(-10, 8)


def plane_sheet(fo: float) -> float:
    """Crank, eq. 4.18: constant concentration at the surface."""
    odd = 2 * np.arange(400) + 1
    return 1 - float(np.sum(8 / (odd * math.pi) ** 2 * np.exp(-((odd * math.pi / 2) ** 2) * fo)))


def limited_volume(fo: float, alpha: float) -> float:
    """Crank, eqs 4.37 and 4.38: a stirred solution of limited volume, tan q = -alpha·q."""
    rest = 0.0
    for n in range(1, 200):
        low, high = (n - 0.5) * math.pi, n * math.pi
        q = brentq(lambda q: math.sin(q) + alpha * q * math.cos(q), low, high, xtol=1e-15)
        rest += 2 * alpha * (1 + alpha) / (1 + alpha + (alpha * q) ** 2) * math.exp(-q * q * fo)
    return 1 - rest


def evaporation(fo: float, biot: float) -> float:
    """Crank, eqs 4.50 and 4.53: transfer through a resistance, q·tan q = L."""
    rest = 0.0
    for n in range(200):
        low, high = n * math.pi, (n + 0.5) * math.pi
        q = brentq(lambda q: q * math.sin(q) - biot * math.cos(q), low, high, xtol=1e-15)
        rest += 2 * biot**2 / (q * q * (q * q + biot**2 + biot)) * math.exp(-q * q * fo)
    return 1 - rest


@pytest.mark.parametrize("fo", [1e-3, 0.01, 0.02999, 0.03, 0.1, 0.5, 2.0])
def test_crank_constant_surface(fo: float) -> None:
    assert migrated_fraction(fo, 1e15, 0.0) == pytest.approx(plane_sheet(fo), rel=1e-9)


@pytest.mark.parametrize("alpha", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("fo", [1e-3, 0.029, 0.031, 0.3, 2.0])
def test_crank_limited_volume(fo: float, alpha: float) -> None:
    assert migrated_fraction(fo, 1e15, 1 / alpha) == pytest.approx(
        limited_volume(fo, alpha), rel=1e-6
    )


@pytest.mark.parametrize("biot", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("fo", [1e-3, 0.029, 0.031, 0.3, 2.0])
def test_crank_evaporation(fo: float, biot: float) -> None:
    assert migrated_fraction(fo, biot, 0.0) == pytest.approx(evaporation(fo, biot), rel=1e-7)


@settings(max_examples=60)
@given(fo_log, b_log, k_log)
def test_an_independent_inversion_agrees(fo_log: float, b_log: float, k_log: float) -> None:
    """The transform for the film of finite thickness, inverted with 30 digits."""
    fo, b, k = 10**fo_log, 10**b_log, 10**k_log
    with mpmath.workdps(30):

        def transform(p: mpmath.mpc) -> mpmath.mpc:
            root = mpmath.sqrt(p / fo)
            return (1 + k) * b * fo / (p * (p + b * fo * root * mpmath.coth(root) + b * k * fo))

        exact = float(mpmath.invertlaplace(transform, 1, method="talbot", degree=30))
    assert migrated_fraction(fo, b, k) == pytest.approx(exact, rel=1e-9)


@given(st.floats(-3, 1.0), st.floats(-8, -1), st.floats(0, 0.4))
def test_short_times_agree_with_the_closed_form_in_erfc(
    root_b: float, fo_log: float, share: float
) -> None:
    """Two real roots a + b = B, a·b = k·B, far enough apart for the closed form."""
    b, fo = 10**root_b, min(10**fo_log, 0.99 * SHORT_TIME)
    small, large = share * b, (1 - share) * b
    k = small * large / b
    closed = 1 - (large * erfcx(small * math.sqrt(fo)) - small * erfcx(large * math.sqrt(fo))) / (
        large - small
    )
    fraction = migrated_fraction(fo, b, k) * k / (1 + k)
    assert fraction == pytest.approx(closed, rel=1e-9, abs=1e-14)


@given(b_log, k_log)
def test_both_forms_meet(b_log: float, k_log: float) -> None:
    b, k = 10**b_log, 10**k_log
    before, after = (migrated_fraction(SHORT_TIME * f, b, k) for f in (1 - 1e-12, 1.0))
    assert before == pytest.approx(after, rel=1e-9)


@given(fo_log, st.floats(1e-6, 2), b_log, k_log)
def test_more_time_and_less_resistance_release_more(
    fo_log: float, more: float, b_log: float, k_log: float
) -> None:
    fo, b, k = 10**fo_log, 10**b_log, 10**k_log
    fraction = migrated_fraction(fo, b, k)
    assert 0 <= fraction <= 1
    assert migrated_fraction(fo * (1 + more), b, k) >= fraction * (1 - 1e-9)
    assert migrated_fraction(fo, b * (1 + more), k) >= fraction * (1 - 1e-9)


@given(st.floats(-12, 12), st.floats(-12, 12), st.floats(-40, 20))
def test_is_finite_far_outside_what_occurs(b_log: float, k_log: float, fo_log: float) -> None:
    assert 0 <= migrated_fraction(10**fo_log, 10**b_log, 10**k_log) <= 1


def test_limits() -> None:
    assert migrated_fraction(0.0, 1.0, 1.0) == 0.0
    assert migrated_fraction(1e6, 1.0, 1.0) == 1.0
    # a thin front below a resistance: F = (1 + k)·B·Fo
    assert migrated_fraction(1e-12, 1e-3, 0.5) == pytest.approx(1.5e-15, rel=1e-6)
    # no gradient in the film: F = 1 - exp(-B·(1 + k)·Fo)
    assert migrated_fraction(1e6, 1e-6, 0.5) == pytest.approx(1 - math.exp(-1.5), rel=1e-5)


@given(st.floats(-12, 12), st.floats(-12, 12))
def test_eigenvalues_interlace_with_multiples_of_pi(b_log: float, k_log: float) -> None:
    q = eigenvalues(10**b_log, 10**k_log, 20) / math.pi
    n = np.arange(20)
    assert np.all((q >= n) & (q <= n + 1))
