from typing import Any

import numpy as np
import pytest

from dimgs.fits.covariance import t_quantile, webb_signs
from dimgs.fits.power_law import PowerLaw

Array = np.ndarray[Any, np.dtype[np.float64]]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y = X @ [1.0, -0.5, 2.0] + 3.0 + 0.1 * RNG.standard_normal(40)
W = RNG.uniform(0.5, 2.0, 40)
MATERIALS = np.arange(40) % 4


def refits(columns: Array, units: np.ndarray[Any, Any]) -> Array:
    root = np.sqrt(W)
    return np.array(
        [
            np.linalg.lstsq(
                (columns * root[:, None])[units != u], (Y * root)[units != u], rcond=None
            )[0]
            for u in np.unique(units)
        ]
    )


@pytest.mark.parametrize("n_clusters", [None, 2, 10])
@pytest.mark.parametrize("within", [False, True])
def test_jackknife_equals_refitting_without_each_unit(n_clusters: int | None, within: bool) -> None:
    units = np.arange(40) // 4 % n_clusters if n_clusters else np.arange(40)
    indicators = (MATERIALS[:, None] == np.arange(4)) if within else np.ones((40, 1))
    exponents = refits(np.hstack([indicators, X]), units)
    # the intercept is the weighted mean of the groups' own
    share = (W @ indicators) / W.sum()
    to_joint = np.zeros((4, exponents.shape[1]))
    to_joint[0, : len(share)] = share
    to_joint[1:, len(share) :] = np.eye(3)
    spread = (exponents - exponents.mean(axis=0)) @ to_joint.T
    n = len(exponents)
    law = PowerLaw("jackknife").fit(
        X,
        Y,
        W,
        groups=units if n_clusters else None,
        within=MATERIALS if within else None,
    )
    np.testing.assert_allclose(
        law.joint_covariance_, (n - 1) / n * spread.T @ spread, rtol=1e-8, atol=1e-12
    )


def test_single_run_clusters_agree_with_runs() -> None:
    for within in (None, MATERIALS):
        for kind in ("cr3", "jackknife"):
            runs = PowerLaw(kind).fit(X, Y, W, within=within)
            clusters = PowerLaw(kind).fit(X, Y, W, groups=np.arange(40), within=within)
            np.testing.assert_allclose(clusters.joint_covariance_, runs.joint_covariance_)
            np.testing.assert_allclose(clusters.dof_, runs.dof_)
            assert clusters.cv_r2_ == pytest.approx(runs.cv_r2_)


def test_covariance_is_unbiased_under_homoscedastic_noise() -> None:
    rng = np.random.default_rng(1)
    law = PowerLaw()
    for groups in (None, np.arange(20) % 8):
        design = rng.standard_normal((20, 2))
        design[0] *= 3.0  # one run of high leverage
        mean = np.mean(
            [
                law.fit(design, rng.standard_normal(20), groups=groups).joint_covariance_
                for _ in range(700)
            ],
            axis=0,
        )
        columns = np.column_stack([np.ones(20), design])
        truth = np.linalg.inv(columns.T @ columns)
        np.testing.assert_allclose(mean.diagonal(), truth.diagonal(), rtol=0.15)


def test_satterthwaite_degrees_of_freedom_by_simulation() -> None:
    rng = np.random.default_rng(2)
    design = rng.standard_t(3, (15, 1))
    law = PowerLaw()
    variances = [law.fit(design, rng.standard_normal(15)).covariance_[0, 0] for _ in range(1500)]
    # a scaled chi-square of d degrees of freedom has mean^2 / variance = d / 2
    moments = 2 * np.mean(variances) ** 2 / np.var(variances)
    assert law.dof_[0] == pytest.approx(moments, rel=0.2)
    assert law.dof_[0] < 13


def test_wild_bootstrap_is_close_to_the_closed_form() -> None:
    for groups in (None, np.arange(40) % 20):
        closed = PowerLaw("cr3").fit(X, Y, groups=groups)
        wild = PowerLaw("bootstrap").fit(X, Y, groups=groups)
        ratio = np.diff(wild.intervals()) / np.diff(closed.intervals())
        assert (ratio > 0.75).all()
        assert (ratio < 1.4).all()


def test_a_group_of_one_run_takes_the_pooled_variance() -> None:
    labels = np.where(np.arange(40) == 0, "alone", "rest")
    law = PowerLaw().fit(X, Y, within=labels)
    rest = PowerLaw().fit(X[1:], Y[1:])
    np.testing.assert_allclose(law.exponents_, rest.exponents_)
    np.testing.assert_allclose(law.intervals(), rest.intervals(), rtol=1e-4)
    assert np.isnan(law.loo_residuals_[0])
    assert np.isfinite(law.intercept_interval()).all()


def test_quantiles_and_signs() -> None:
    assert t_quantile(0.9, np.array([5.0, 0.0])).tolist() == pytest.approx([2.015048, np.inf])
    signs = webb_signs(np.random.default_rng(0), (4000, 3))
    assert abs(signs.mean()) < 0.03
    assert signs.var() == pytest.approx(1.0, abs=0.03)
