from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import FitError, InputError
from dimgs.fits.intervals import Method, PredictionIntervals, _matchings
from dimgs.fits.power_law import PowerLaw

Array = np.ndarray[Any, np.dtype[np.float64]]


def planted(m: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Heavy-tailed noise that grows along the first feature: no textbook interval holds."""
    X = rng.uniform(0.0, 2.0, (m, 2))
    return X, X @ [1.0, -2.0] + 0.1 * rng.standard_t(4, m) * (1.0 + X[:, 0])


def coverage(m: int, n_tables: int, seed: int = 0) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    values, ratios = [], []
    for table in range(n_tables):
        intervals = PredictionIntervals(PowerLaw(), random_state=table).fit(*planted(m, rng))
        X, y = planted(40, rng)
        low, high = intervals.predict_interval(X, 0.9).T
        values.append(np.mean((low <= y) & (y <= high)))
        low, high = intervals.ratio_interval(X[:20], X[20:], 0.9).T
        ratio = y[:20] - y[20:]
        ratios.append(np.mean((low <= ratio) & (ratio <= high)))
    return float(np.mean(values)), float(np.mean(ratios))


@pytest.mark.parametrize(
    ("m", "n_tables"), [pytest.param(20, 25, marks=pytest.mark.slow), (120, 150)]
)
def test_coverage_of_values_and_ratios(m: int, n_tables: int) -> None:
    for share in coverage(m, n_tables):
        assert 0.84 < share < 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("m", "n_tables"), [(20, 150), (50, 100), (200, 1000)])
def test_coverage_in_many_tables(m: int, n_tables: int) -> None:
    for share in coverage(m, n_tables, seed=1):
        assert 0.88 < share < 0.93


@settings(max_examples=30)
@given(n=st.integers(2, 30), n_clusters=st.integers(2, 30), seed=st.integers(0, 1000))
def test_matchings_are_disjoint_and_never_repeat_a_pair(n: int, n_clusters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = rng.integers(0, n_clusters, n)
    seen: set[frozenset[int]] = set()
    for pairs in _matchings(n, clusters, rng):
        assert len(set(pairs.ravel().tolist())) == 2 * len(pairs)
        assert (clusters[pairs[:, 0]] != clusters[pairs[:, 1]]).all()
        matching = {frozenset(pair) for pair in pairs.tolist()}
        assert not seen & matching
        seen |= matching
    different = clusters[:, None] != clusters
    assert len(seen) == np.triu(different, 1).sum()


def test_jackknife_plus_by_hand() -> None:
    rng = np.random.default_rng(0)
    X, y = planted(9, rng)
    intervals = PredictionIntervals(PowerLaw()).fit(X, y)
    assert intervals.method_ == "jackknife+"
    new = X[:1] + 0.1
    low, high = [], []
    for i in range(9):
        law = PowerLaw().fit(np.delete(X, i, 0), np.delete(y, i))
        error = abs(y[i] - law.predict(X[i : i + 1])[0])
        low.append(law.predict(new)[0] - error)
        high.append(law.predict(new)[0] + error)
    # ranks of Barber et al.: floor(0.2 * 10) = 2 from below, ceil(0.8 * 10) = 8
    expected = [sorted(low)[1], sorted(high)[7]]
    np.testing.assert_allclose(intervals.predict_interval(new, 0.8)[0], expected)
    assert np.isinf(intervals.predict_interval(new, 0.95)).all()


@pytest.mark.parametrize("clustered", [False, True])
def test_ratios_by_hand(clustered: bool) -> None:
    """Nine runs make less than fifty pairs: all of them are left out, and count as nine."""
    rng = np.random.default_rng(0)
    X, y = planted(9, rng)
    groups = np.array([3, 3, 0, 0, 1, 1, 2, 2, 5]) if clustered else np.arange(9)
    known = {"groups": groups} if clustered else {}
    intervals = PredictionIntervals(PowerLaw()).fit(X, y, **known)
    u, v = np.array([[0.3, 1.9]]), np.array([[1.7, 0.2]])
    low, high = [], []
    for i in range(9):
        for j in range(i):
            if groups[i] == groups[j]:
                continue
            rest = (groups != groups[i]) & (groups != groups[j])
            law = PowerLaw().fit(X[rest], y[rest])
            error = abs(y[i] - y[j] - law.predict_ratio(X[i : i + 1], X[j : j + 1])[0])
            middle = law.predict_ratio(u, v)[0]
            low.append(middle - error)
            high.append(middle + error)
    n = len(low)
    assert intervals.n_calibration_pairs_ == n
    rank = int(np.ceil(0.7 * n * (1 + 1 / 9)))
    expected = [sorted(low)[n - rank], sorted(high)[rank - 1]]
    np.testing.assert_allclose(intervals.ratio_interval(u, v, 0.7)[0], expected)


FITTED: list[Array] = []


class Remembering(PowerLaw):
    """Tells which runs it is fitted to."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **more: Any) -> Any:  # type: ignore[override]
        FITTED.append(np.array(X))
        super().fit(X, y, sample_weight=sample_weight, **more)
        return self


@pytest.mark.parametrize(("m", "n_groups", "held"), [(120, 0, 60), (121, 0, 60), (505, 101, 250)])
def test_split_by_hand(m: int, n_groups: int, held: int) -> None:
    X, y = planted(m, np.random.default_rng(6))
    groups = np.arange(m) % n_groups if n_groups else np.arange(m)
    FITTED.clear()
    known = {"groups": groups} if n_groups else {}
    intervals = PredictionIntervals(Remembering()).fit(X, y, **known)
    assert intervals.method_ == "split"
    (fitted,) = FITTED
    calibrating = ~(X[:, None] == fitted).all(axis=2).any(axis=1)
    assert intervals.n_calibration_ == calibrating.sum() == held
    assert not set(groups[calibrating]) & set(groups[~calibrating])
    law = PowerLaw().fit(X[~calibrating], y[~calibrating])
    errors = y[calibrating] - law.predict(X[calibrating])
    new = X[:3] + 0.1
    half = np.sort(np.abs(errors))[int(np.ceil(0.8 * (held + 1))) - 1]
    expected = law.predict(new)[:, None] + half * np.array([-1.0, 1.0])
    np.testing.assert_allclose(intervals.predict_interval(new, 0.8), expected)
    # pairs share no run, and each one's error is the difference of two
    ends = intervals.ratio_interval(new[:1], new[1:2], 0.8)[0]
    assert ends.mean() == pytest.approx(law.predict_ratio(new[:1], new[1:2])[0])
    gaps = np.abs(errors[:, None] - errors)
    assert np.isclose(gaps, np.ptp(ends) / 2).any()
    if not n_groups:
        assert intervals.n_calibration_pairs_ == held // 2
    # a level that so many runs cannot give is no level; the highest that they can is the worst run
    highest = held / (held + 1)
    worst = np.abs(errors).max()
    assert np.ptp(intervals.predict_interval(new, highest)[0]) == pytest.approx(2 * worst)
    assert np.isinf(intervals.predict_interval(new, (held + 0.5) / (held + 1))).all()


@pytest.mark.parametrize("method", ["jackknife+", "split"])
def test_a_method_asked_for_is_used(method: Any) -> None:
    for m in (20, 120):
        X, y = planted(m, np.random.default_rng(7))
        assert PredictionIntervals(PowerLaw(), method=method).fit(X, y).method_ == method


@pytest.mark.parametrize("m", [20, 120])
def test_ratios_are_antisymmetric_and_nothing_depends_on_the_basis(m: int) -> None:
    X, y = planted(m, np.random.default_rng(1))
    U = np.array([[2.0, 1.0], [1.0, 1.0]])
    first, other = (PredictionIntervals(PowerLaw()).fit(x, y) for x in (X, X @ U))
    forth = first.ratio_interval(X[:4], X[4:8])
    np.testing.assert_allclose(forth, -first.ratio_interval(X[4:8], X[:4])[:, ::-1])
    np.testing.assert_allclose(other.ratio_interval(X[:4] @ U, X[4:8] @ U), forth, atol=1e-9)
    np.testing.assert_allclose(other.predict_interval(X @ U), first.predict_interval(X), atol=1e-9)


@pytest.mark.parametrize("m", [40, 600])
def test_clusters_are_left_out_whole(m: int) -> None:
    rng = np.random.default_rng(2)
    hits = []
    for table in range(10):
        groups = np.arange(m) % 20
        X = rng.standard_normal((m, 1))
        y = X[:, 0] + 0.3 * rng.standard_normal(20)[groups] + 0.1 * rng.standard_normal(m)
        intervals = PredictionIntervals(PowerLaw(), random_state=table).fit(X, y, groups=groups)
        new = rng.standard_normal((100, 1))
        value = new[:, 0] + 0.32 * rng.standard_normal(100)
        low, high = intervals.predict_interval(new).T
        hits.append(np.mean((low <= value) & (value <= high)))
    assert 0.82 < np.mean(hits) < 0.98
    assert intervals.method_ == ("split" if m == 600 else "jackknife+")


SEEN: list[Any] = []


class Watched(PowerLaw):
    """Tells which clusters it is fitted with."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **more: Any) -> Any:  # type: ignore[override]
        SEEN.append(more.get("groups"))
        super().fit(X, y, sample_weight=sample_weight, **more)
        return self


@pytest.mark.parametrize("m", [20, 600])
def test_clusters_reach_the_estimator(m: int) -> None:
    X, y = planted(m, np.random.default_rng(3))
    SEEN.clear()
    PredictionIntervals(Watched()).fit(X, y)
    assert SEEN
    assert all(groups is None for groups in SEEN)
    SEEN.clear()
    PredictionIntervals(Watched()).fit(X, y, groups=np.arange(m) % 5)
    assert all(groups is not None and len(np.unique(groups)) in (3, 4) for groups in SEEN)


def test_weights_reach_the_estimator() -> None:
    X, y = planted(30, np.random.default_rng(3))
    w = np.linspace(0.1, 2.0, 30)
    weighted = PredictionIntervals(PowerLaw()).fit(X, y, sample_weight=w).predict_interval(X[:2])
    assert not np.allclose(
        weighted, PredictionIntervals(PowerLaw()).fit(X, y).predict_interval(X[:2])
    )


def test_bad_requests_name_the_remedy() -> None:
    X, y = planted(30, np.random.default_rng(4))
    with pytest.raises(InputError, match="auto, jackknife"):
        PredictionIntervals(PowerLaw(), method="cv").fit(X, y)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="one response at a time"):
        PredictionIntervals(PowerLaw()).fit(X, y[:, None])
    with pytest.raises(InputError, match="one label per run"):
        PredictionIntervals(PowerLaw()).fit(X, y, groups=["a"])
    with pytest.raises(FitError, match="at least four"):
        PredictionIntervals(PowerLaw()).fit(X[:3], y[:3])
    with pytest.raises(InputError, match="fraction"):
        PredictionIntervals(PowerLaw()).fit(X, y).predict_interval(X, 90)


@pytest.mark.parametrize("method", ["split", pytest.param("auto", marks=pytest.mark.slow)])
def test_it_keeps_the_rules_of_estimators(method: Method) -> None:
    from sklearn.utils.estimator_checks import check_estimator

    check_estimator(PredictionIntervals(PowerLaw(), method), on_skip=None)
