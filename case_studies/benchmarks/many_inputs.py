"""Time and memory of exploring and discovering a law among many inputs of which few matter.

``python -m case_studies.benchmarks.many_inputs --inputs 60 --runs 300``: drag of the form
F = ρ U² D² (1/4 + 6 μ/(ρ U D)) with 2 % of noise, beside columns of lengths, speeds, densities,
viscosities and temperatures that play no part. Each task runs in a process of its own, whose
largest memory is told.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import dimgs
from dimgs.discovery.explore import explore

KINDS = ("m", "m/s", "kg/m^3", "Pa*s", "K", "1")
NOISE = 0.02


def table(inputs: int, runs: int, seed: int = 0) -> dimgs.Dataset:
    """Runs of the law with columns that play no part."""
    rng = np.random.default_rng(seed)

    def draw() -> np.ndarray:
        return np.exp(rng.uniform(-1.0, 1.0, runs))

    rho, U, D, mu = draw(), draw(), draw(), draw()
    columns = {"rho [kg/m^3]": rho, "U [m/s]": U, "D [m]": D, "mu [Pa*s]": mu}
    for k in range(inputs - len(columns)):
        columns[f"z{k} [{KINDS[k % len(KINDS)]}]"] = draw()
    force = rho * U**2 * D**2 * (0.25 + 6 * mu / (rho * U * D))
    return dimgs.Dataset.from_columns(
        {**columns, "F [N]": force * np.exp(NOISE * rng.standard_normal(runs))}
    )


def task(name: str, inputs: int, runs: int, limit: float) -> dict[str, object]:
    """What one task found, its seconds and its megabytes."""
    data, start = table(inputs, runs), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dimgs.DimgsWarning)
        if name == "explore":
            found: object = str(explore(data, "F").dominant)[:200]
        elif name == "fit":
            found = str(dimgs.fit(data, "F").law)[:200]
        else:
            report = dimgs.discover(data, "F", time_limit=limit, engine="structured")
            found = f"{report.law} ({report.outcome})"[:200]
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"task": name, "inputs": inputs, "runs": runs, "seconds": round(seconds, 1),
            "MB": round(memory), "found": found}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, nargs="+", default=[10, 20, 60, 200])
    parser.add_argument("--runs", type=int, nargs="+", default=[300])
    parser.add_argument("--tasks", nargs="+", default=["fit", "explore", "discover"])
    parser.add_argument("--limit", type=float, default=30.0, help="seconds for discover")
    parser.add_argument("--one", action="store_true", help="in this process")
    options = parser.parse_args(arguments)
    for runs in options.runs:
        for inputs in options.inputs:
            for name in options.tasks:
                if options.one:
                    print(json.dumps(task(name, inputs, runs, options.limit)), flush=True)
                    continue
                one = ["--inputs", inputs, "--runs", runs, "--tasks", name]
                command = [sys.executable, "-m", "case_studies.benchmarks.many_inputs", "--one"]
                command += [*map(str, one), "--limit", str(options.limit)]
                subprocess.run(command, check=False)


if __name__ == "__main__":
    main()
