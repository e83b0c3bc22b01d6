import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

from dimgs.common.arrays import Array
from dimgs.common.errors import FitError, InputError
from dimgs.fits import ChosenPairsPowerLaw, PowerLaw
from dimgs.fits.design import AllPairs, NearestPairs, PairPolicy, ReferencePairs
from tests.written_out import written_out

U = np.array([[2.0, 1.0], [1.0, 1.0]])
POLICIES = [AllPairs(), NearestPairs(4), ReferencePairs(3)]


def planted(rng: np.random.Generator, m: int = 40) -> tuple[Array, Array]:
    X = rng.standard_normal((m, 2))
    return X, X @ [1.0, -0.5] + 2.0 + 0.1 * rng.standard_normal(m)


@parametrize_with_checks([ChosenPairsPowerLaw()])
def test_scikit_learn_conventions(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("policy", POLICIES)
def test_equals_least_squares_on_the_pairs_written_out(policy: PairPolicy) -> None:
    rng = np.random.default_rng(0)
    X, y = planted(rng)
    w = rng.uniform(0.5, 2, 40)
    dx, dy, weight = written_out(policy, X, y, w)
    root = np.sqrt(weight)[:, None]
    expected = np.linalg.lstsq(dx * root, dy * root[:, 0], rcond=None)[0]
    model = ChosenPairsPowerLaw(policy).fit(X, y, w)
    np.testing.assert_allclose(model.exponents_, expected, rtol=1e-9)
    assert model.n_pairs_ == len(dx)
    assert model.n_contrasts_ == 39


def test_all_pairs_are_the_power_law() -> None:
    X, y = planted(np.random.default_rng(1))
    one, two = ChosenPairsPowerLaw().fit(X, y), PowerLaw("jackknife").fit(X, y)
    np.testing.assert_allclose(one.exponents_, two.exponents_)
    np.testing.assert_allclose(one.predict(X), two.predict(X))
    np.testing.assert_allclose(one.covariance_, two.covariance_, rtol=0.3)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), which=st.integers(0, 2))
def test_nothing_depends_on_the_basis(seed: int, which: int) -> None:
    X, y = planted(np.random.default_rng(seed))
    one = ChosenPairsPowerLaw(POLICIES[which]).fit(X, y)
    for other in (X @ U, X[:, ::-1]):
        two = ChosenPairsPowerLaw(POLICIES[which]).fit(other, y)
        np.testing.assert_allclose(two.predict(other), one.predict(X), atol=1e-8)
    mapped = ChosenPairsPowerLaw(POLICIES[which]).fit(X @ U, y)
    np.testing.assert_allclose(U @ mapped.exponents_, one.exponents_, atol=1e-8)
    np.testing.assert_allclose(U @ mapped.covariance_ @ U.T, one.covariance_, atol=1e-8)


@pytest.mark.parametrize("policy", [NearestPairs(5), ReferencePairs(3)])
def test_intervals_count_runs_whatever_the_pairs(policy: PairPolicy) -> None:
    rng = np.random.default_rng(2)
    X, _ = planted(rng)
    noise = rng.standard_normal((400, 40))
    hits = []
    for e in noise:
        low, high = ChosenPairsPowerLaw(policy).fit(X, e).intervals(0.9).T
        hits.append((low <= 0) & (high >= 0))
    # one run decides half of the answer of reference pairs: few degrees of freedom, wide intervals
    assert 0.85 <= np.mean(hits) <= (1.0 if isinstance(policy, ReferencePairs) else 0.97)


def test_neighbours_see_the_mean_local_exponent() -> None:
    X = np.linspace(-3, 1, 500)[:, None]
    y = np.maximum(X[:, 0], 0.0)
    near = ChosenPairsPowerLaw(NearestPairs(4)).fit(X, y).exponents_[0]
    assert near == pytest.approx(0.25, abs=0.01)
    assert PowerLaw().fit(X, y).exponents_[0] < 0.18


def test_clusters_pickles_and_collinear_groups() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((20, 1))
    X, y = np.repeat(np.hstack([x, 2 * x]), 2, axis=0), np.repeat(x[:, 0], 2)
    y = y + np.repeat(0.1 * rng.standard_normal(20), 2)
    alone = ChosenPairsPowerLaw(NearestPairs(5)).fit(X, y)
    assert len(alone.collinear_) == 1
    assert np.isinf(alone.intervals()).all()
    one = ChosenPairsPowerLaw().fit(X[:, :1], y)
    two = ChosenPairsPowerLaw().fit(X[:, :1], y, groups=np.repeat(np.arange(20), 2))
    assert two.covariance_[0, 0] > 1.5 * one.covariance_[0, 0]
    again = pickle.loads(pickle.dumps(two))
    np.testing.assert_array_equal(again.predict(X[:, :1]), two.predict(X[:, :1]))


def test_bad_requests_name_the_remedy() -> None:
    X, y = planted(np.random.default_rng(0))
    with pytest.raises(InputError, match="NearestPairs"):
        ChosenPairsPowerLaw("nearest").fit(X, y)
    with pytest.raises(InputError, match="k must be"):
        ChosenPairsPowerLaw(NearestPairs(40)).fit(X, y)
    with pytest.raises(FitError, match="at least two"):
        ChosenPairsPowerLaw().fit(X, y, np.eye(1, 40)[0])


def test_a_reference_without_weight_makes_no_pair() -> None:
    X = np.random.default_rng(0).normal(size=(5, 1))
    with pytest.raises(FitError, match="No pair has two runs of positive weight"):
        ChosenPairsPowerLaw(pairs=ReferencePairs(0)).fit(X, X[:, 0], sample_weight=[0, 1, 1, 1, 1])
