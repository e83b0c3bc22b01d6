"""Robust fit of a million runs against least squares; local exponents of many runs."""

import os
from collections.abc import Callable
from time import perf_counter

# Matrix products on one core; the spatial index uses two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from dimgs.common.arrays import Array
from dimgs.fits.design import whiten
from dimgs.fits.local import LocalPowerLaw
from dimgs.fits.power_law import PowerLaw, RobustPowerLaw
from dimgs.fits.robust import PairLoss, RankProblem, solve_absolute


def closed_form(X: Array, y: Array) -> Array:
    """Least squares over all pairs by centred moments, nothing else."""
    mean, size = X.mean(axis=0), len(X)
    scatter = X.T @ X - size * np.outer(mean, mean)
    return np.asarray(np.linalg.solve(scatter, X.T @ y - size * mean * y.mean()))


def robust_exponents(X: Array, y: Array) -> Array:
    """Exponents that minimise the rank dispersion, nothing else."""
    whitening, Z = whiten(X, np.ones(len(y)))
    pairs = PairLoss(np.ones(len(y)), np.array([0, len(y)]))
    return whitening.exponents(solve_absolute(RankProblem(Z, y - y.mean(), pairs)).slopes)


def robust_timings(n_runs: int = 1_000_000, n_groups: int = 6) -> dict[str, float]:
    """Shortest of three interleaved timings each, 5 % of the responses wrong."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_runs, n_groups))
    y = X @ np.arange(1.0, n_groups + 1.0) + rng.standard_normal(n_runs)
    y[: n_runs // 20] += 10.0
    functions: dict[str, Callable[[], object]] = {
        "closed form": lambda: closed_form(X, y),
        "PowerLaw().fit": lambda: PowerLaw().fit(X, y),
        "robust exponents": lambda: robust_exponents(X, y),
        "RobustPowerLaw().fit": lambda: RobustPowerLaw().fit(X, y),
    }
    best = dict.fromkeys(functions, np.inf)
    for _ in range(3):
        for name, function in functions.items():
            start = perf_counter()
            function()
            best[name] = min(best[name], perf_counter() - start)
    return best


def local_seconds(n_runs: int) -> float:
    """Time of a local fit in three groups, the window chosen by cross-validation."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_runs, 3))
    y = np.sin(X[:, 0]) + 0.5 * X[:, 1] + 0.3 * X[:, 0] * X[:, 2]
    y += 0.1 * rng.standard_normal(n_runs)
    start = perf_counter()
    LocalPowerLaw().fit(X, y)
    return perf_counter() - start


def main() -> None:
    """Print both comparisons."""
    timings = robust_timings()
    print("1 000 000 runs, 6 groups, 5 % of the responses wrong")
    for name, seconds in timings.items():
        ratio, whole = seconds / timings["closed form"], seconds / timings["PowerLaw().fit"]
        print(f"  {name:22s}{seconds:8.3f} s {ratio:8.1f} x closed form {whole:8.2f} x PowerLaw")
    print("Local exponents at every run, 3 groups")
    half, full = local_seconds(100_000), local_seconds(200_000)
    print(f"  100 000 runs {half:8.1f} s")
    print(f"  200 000 runs {full:8.1f} s {full / half:8.2f} times")


if __name__ == "__main__":
    main()
