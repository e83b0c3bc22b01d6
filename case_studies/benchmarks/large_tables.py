"""Tables larger than memory: a fit against reading the same Parquet file with pyarrow alone."""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

# The arithmetic is of one core; NumPy reads this when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from dimgs.common.errors import InputError
from dimgs.discovery.outofcore import CHUNK_ROWS, fit_stream
from dimgs.report.results import FitResult

N_RUNS = 20_000_000
_GROUP_ROWS = 1 << 20
_BYTES_PER_RUN = 80
_EXPONENT = -0.2513

Reader = Callable[[Path], object]


def write_table(path: Path, n_runs: int, seed: int = 0) -> None:
    """Drag on rough bodies: six inputs, three groups, 10 % noise; a row group at a time.

    Raises
    ------
    InputError
        If the disk has no room for the table.
    """
    free = shutil.disk_usage(path.parent).free
    if free < 2 * n_runs * _BYTES_PER_RUN:
        raise InputError(
            f"'{path.parent}' has {free / 1e9:.1f} GB free, and the table may need "
            f"{n_runs * _BYTES_PER_RUN / 1e9:.1f} GB; choose another folder with TMPDIR."
        )
    writer = None
    rng = np.random.default_rng(seed)
    for start in range(0, n_runs, _GROUP_ROWS):
        n = min(_GROUP_ROWS, n_runs - start)
        rho, U, D, mu, k, c = (
            rng.lognormal(mean, spread, n)
            for mean, spread in ((3, 1), (1, 0.7), (-2, 0.7), (-7, 1), (-7, 0.5), (5.8, 0.1))
        )
        drag = rho * U**2 * D**2 * (rho * U * D / mu) ** _EXPONENT * (k / D) ** 0.1309
        drag *= (U / c) ** 0.0517 * np.exp(0.1 * rng.standard_normal(n))
        table = pa.table(
            {
                "rho [kg/m^3]": rho,
                "U [m/s]": U,
                "D [m]": D,
                "mu [Pa*s]": mu,
                "k [m]": k,
                "c [m/s]": c,
                "F [N]": drag,
            }
        )
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def read_in_batches(path: Path) -> int:
    """Read the file in the batches of the fit, with nothing kept."""
    batches = parquet.ParquetFile(path).iter_batches(CHUNK_ROWS)
    return sum(batch.num_rows for batch in batches)


def read_by_row_group(path: Path) -> int:
    """Read the file a row group at a time, with nothing kept."""
    file = parquet.ParquetFile(path)
    return sum(file.read_row_group(i).num_rows for i in range(file.num_row_groups))


def read_at_once(path: Path) -> int:
    """Read the whole file into memory."""
    return int(parquet.read_table(path).num_rows)


READERS: dict[str, Reader] = {
    "in batches": read_in_batches,
    "by row group": read_by_row_group,
    "at once": read_at_once,
}


def seconds(function: Callable[[], object]) -> float:
    """Time of one run."""
    start = perf_counter()
    function()
    return perf_counter() - start


def peak_megabytes(table: Path) -> float:
    """Most memory that a process of its own holds while it fits the table."""
    command = [sys.executable, "-m", "case_studies.benchmarks.large_tables", "--memory", str(table)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def own_peak_megabytes() -> float:
    """Most memory that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def compare(folder: Path, n_runs: int, repeats: int = 3) -> dict[str, float]:
    """Times of the fit and of every way to read, taken in turn, and the growth of memory."""
    table, small = folder / "runs.parquet", folder / "few.parquet"
    write_table(table, n_runs)
    write_table(small, max(n_runs // 10, 1000), seed=1)
    peak, peak_of_tenth = peak_megabytes(table), peak_megabytes(small)
    result = {"peak_megabytes": peak, "growth_megabytes": peak - peak_of_tenth}
    found: FitResult = fit_stream(table, "F")
    times: dict[str, list[float]] = {name: [] for name in ("fit", *READERS)}
    for _ in range(repeats):
        times["fit"].append(seconds(lambda: fit_stream(table, "F")))
        for name, reader in READERS.items():
            times[name].append(seconds(partial(reader, table)))
    result |= {name: min(values) for name, values in times.items()}
    result["gigabytes"] = table.stat().st_size / 1e9
    viscosity = next(e for e in found.variable_exponents if e.name == "mu")
    result["error"] = abs(viscosity.value + _EXPONENT)
    return result


def report(result: dict[str, float], n_runs: int) -> str:
    """The comparison as text."""
    lines = [f"{n_runs:,} runs of 6 inputs and a target, {result['gigabytes']:.2f} GB of Parquet"]
    lines.append(f"  fit of the power law       {result['fit']:8.2f} s")
    lines += [
        f"  pyarrow alone, {name:<12}{result[name]:8.2f} s    the fit takes "
        f"{result['fit'] / result[name]:.2f} times as long"
        for name in READERS
    ]
    lines.append(
        f"  peak memory of the process {result['peak_megabytes']:8.0f} MB, "
        f"{result['growth_megabytes']:+.0f} MB against a table of a tenth"
    )
    lines.append(f"  error of the exponent      {result['error']:.1e}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Make the table in a temporary folder, and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=N_RUNS)
    parser.add_argument("--quick", action="store_true", help="200 000 runs, for tests")
    parser.add_argument("--memory", type=Path, metavar="TABLE", help="peak MB of fitting TABLE")
    given = parser.parse_args(arguments)
    if given.memory is not None:
        fit_stream(given.memory, "F")
        print(own_peak_megabytes())
        return
    n_runs = 200_000 if given.quick else given.runs
    with tempfile.TemporaryDirectory(prefix="dimgs-large-") as folder:
        print(report(compare(Path(folder), n_runs, 1 if given.quick else 3), n_runs))


if __name__ == "__main__":
    main()
