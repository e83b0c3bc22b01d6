"""Coverage of the intervals of planted laws, at the level of runs and of clusters."""

from typing import Any

import numpy as np
import pytest

from dimgs.fits.covariance import IntervalKind
from dimgs.fits.power_law import PowerLaw

Array = np.ndarray[Any, np.dtype[np.float64]]


def planted(m: int, noise: str, rng: np.random.Generator) -> tuple[Array, Array, Array, Any]:
    """Log groups, response, exponents and clusters of one planted law."""
    p = int(rng.integers(1, 4))
    exponents = rng.uniform(-3.0, 3.0, p)
    groups = None
    X = rng.standard_normal((m, p)) if rng.random() < 0.5 else rng.uniform(-2.0, 2.0, (m, p))
    e = rng.standard_normal(m)
    if noise == "heteroscedastic":
        e *= np.abs(X[:, 0])
    elif noise == "clustered":
        n_clusters = max(10, m // 10)
        groups = np.arange(m) % n_clusters
        X = 0.8 * rng.standard_normal((n_clusters, p))[groups] + 0.6 * X
        e += 0.7 * rng.standard_normal(n_clusters)[groups]
    return X, X @ exponents + 1.0 + 0.1 * e, exponents, groups


def coverage(
    n_laws: int, m: int, noise: str, kind: IntervalKind = "cr3", seed: int = 0
) -> dict[str, float]:
    rng = np.random.default_rng([seed, m, ord(noise[1])])
    exponents, intercepts, laws = [], [], []
    for _ in range(n_laws):
        X, y, truth, groups = planted(m, noise, rng)
        law = PowerLaw(kind).fit(X, y, groups=groups)
        low, high = law.intervals(0.9).T
        exponents.append(np.mean((low <= truth) & (truth <= high)))
        low, high = law.intercept_interval(0.9)
        intercepts.append(low <= 1.0 <= high)
        new = rng.standard_normal((1, len(truth)))
        low, high = law.predict_interval(new, 0.9, of="law")[0]
        laws.append(low <= 1.0 + float(new[0] @ truth) <= high)
    return {
        "exponents": float(np.mean(exponents)),
        "intercept": float(np.mean(intercepts)),
        "law": float(np.mean(laws)),
    }


NOISES = ("homoscedastic", "heteroscedastic", "clustered")


@pytest.mark.parametrize("noise", NOISES)
def test_coverage_of_a_few_laws(noise: str) -> None:
    covered = coverage(300, 20, noise)
    # three standard errors of 300 laws about 0.9
    assert 0.848 < covered["exponents"] < 0.952


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("m", [20, 50, 200])
def test_coverage_of_two_thousand_laws(m: int, noise: str) -> None:
    covered = coverage(2000, m, noise)
    assert 0.87 <= covered["exponents"] <= 0.93
    assert 0.86 <= covered["intercept"] <= 0.94
    assert 0.86 <= covered["law"] <= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kind", ["jackknife", "bootstrap"])
def test_coverage_of_the_alternatives(kind: IntervalKind, noise: str) -> None:
    covered = coverage(500, 50, noise, kind)
    assert 0.86 <= covered["exponents"] <= 0.95


@pytest.mark.slow
def test_coverage_of_one_more_run() -> None:
    rng = np.random.default_rng(0)
    hits, ratios = [], []
    for _ in range(500):
        X, y = rng.standard_normal((20, 2)), rng.standard_normal(20)
        new, value = rng.standard_normal((40, 2)), rng.standard_normal(40)
        law = PowerLaw().fit(X, y)
        low, high = law.predict_interval(new, 0.9).T
        hits.append(np.mean((low <= value) & (value <= high)))
        low, high = law.ratio_interval(new[:20], new[20:], 0.9, of="run").T
        ratio = value[:20] - value[20:]
        ratios.append(np.mean((low <= ratio) & (ratio <= high)))
    assert 0.88 < np.mean(hits) < 0.92
    assert 0.88 < np.mean(ratios) < 0.92
