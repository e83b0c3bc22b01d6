"""All pairs in closed form: against pairs written out, and against one pass of NumPy."""

import os
import tracemalloc
from collections.abc import Callable
from time import perf_counter

# Timings are of one core; NumPy reads this when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from dimgs.common.arrays import Array
from dimgs.fits.design import Moments
from dimgs.fits.least_squares import coordinates_of_scatter

N_GROUPS = 6


def best_seconds(function: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs of `function`."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


def planted(n_runs: int, seed: int = 0) -> tuple[Array, Array]:
    """Log groups and a log response with 5 % noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(2.0, 1.0, (n_runs, N_GROUPS))
    y = X @ rng.uniform(-2, 2, N_GROUPS)
    y += 0.05 * rng.standard_normal(n_runs)
    return X, y


def peak_bytes(function: Callable[[], object]) -> int:
    """Most memory that `function` held at once, beyond what was there before."""
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def closed_form(X: Array, y: Array) -> Array:
    """Exponents from all pairs, none of them formed."""
    p, scatter = X.shape[1], Moments.from_arrays(X, y).scatter
    coordinates = coordinates_of_scatter(scatter[:p, :p], np.zeros(p))
    return np.asarray(coordinates.solved(scatter[:p, :p], scatter[:p, p:])[0])


def written_out(X: Array, y: Array) -> Array:
    """Exponents from all pairs, each of them a row."""
    u, v = np.triu_indices(len(X), 1)
    return np.asarray(np.linalg.lstsq(X[u] - X[v], y[u] - y[v], rcond=None)[0])


def against_pairs(n_runs: int = 3000) -> dict[str, float]:
    """Speed and agreement of the closed form against materialised pairs."""
    X, y = planted(n_runs)
    fast, slow = closed_form(X, y), written_out(X, y)
    return {
        "closed_form_s": best_seconds(lambda: closed_form(X, y), 200),
        "materialised_s": best_seconds(lambda: written_out(X, y), 2),
        "relative_difference": float(np.max(np.abs(fast - slow) / np.abs(slow))),
    }


def against_one_pass(n_runs: int = 10_000_000) -> dict[str, float]:
    """Time and extra memory of the moments against X.T @ X on the same array."""
    X, y = planted(n_runs)
    moments = [0.0] * 7
    product = [0.0] * 7
    for i in range(7):
        product[i] = best_seconds(lambda: X.T @ X, 1)
        moments[i] = best_seconds(lambda: Moments.from_arrays(X, y), 1)
    return {
        "numpy_s": min(product),
        "moments_s": min(moments),
        "extra_megabytes": peak_bytes(lambda: Moments.from_arrays(X, y)) / 1e6,
    }


def main() -> None:
    """Print both comparisons."""
    pairs = against_pairs()
    ratio = pairs["materialised_s"] / pairs["closed_form_s"]
    print("All pairs of 3000 runs, 6 groups (4 498 500 pairs)")
    print(f"  closed form         {pairs['closed_form_s'] * 1e6:10.1f} us")
    print(f"  materialised pairs  {pairs['materialised_s'] * 1e6:10.1f} us   {ratio:,.0f} times")
    print(f"  largest relative difference  {pairs['relative_difference']:.1e}")
    one_pass = against_one_pass()
    ratio = one_pass["moments_s"] / one_pass["numpy_s"]
    print("All pairs of 10 000 000 runs, 6 groups, in memory")
    print(f"  NumPy X.T @ X       {one_pass['numpy_s']:10.3f} s")
    print(f"  moments of [X | y]  {one_pass['moments_s']:10.3f} s    {ratio:.2f} times")
    print(f"  extra memory        {one_pass['extra_megabytes']:10.1f} MB")


if __name__ == "__main__":
    main()
