"""Network on pairs, Gaussian process, boosting, power law and dimgs, side by side.

Run it with ``python -m case_studies.benchmarks.model_comparison``. Two parts: ``--part reference``
(the diffusivity of chains, three splits) and ``--part systems`` (held-out R2 of ln y at 30, 100
and 300 runs). Means over seeds, with the standard deviation. What was computed is kept in
``--results`` and not computed again.
"""

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from case_studies.benchmarks.model_comparison import reference
from case_studies.benchmarks.model_comparison.models import MODELS
from case_studies.benchmarks.model_comparison.systems import SYSTEMS

SIZES = (30, 100, 300)
LEAST_TESTED = 50


def shown(scores: list[float]) -> str:
    """Mean and spread of scores."""
    if not np.isfinite(scores).all():
        return "infinite" if np.inf in scores else "nan"
    return f"{np.mean(scores):.4f} +- {np.std(scores):.4f}"


def reference_table(seeds: int) -> None:
    """Scores on the reference case, a line for each split."""
    for features, model, split, scores in reference.rows(seeds):
        print(f"{features:<10} {model:<18} {split:<34} {shown(scores)}", flush=True)


def one(system: str, model: str, size: int, seed: int) -> dict[str, float] | None:
    """Held-out R2 of ln y and seconds; None where the table is too small."""
    X, y = SYSTEMS[system](seed)
    if len(y) < size + LEAST_TESTED:
        return None
    order = np.random.default_rng([seed, size]).permutation(len(y))
    kept, left = order[:size], order[size:]
    start = time.perf_counter()
    answer = np.asarray(MODELS[model](seed).fit(X[kept], y[kept]).predict(X[left]))
    return {"r2": reference.r2(y[left], answer), "seconds": time.perf_counter() - start}


def cells(seeds: int) -> Iterator[tuple[str, str, int, int]]:
    """System, model, runs and seed of each score."""
    for system in SYSTEMS:
        for size in SIZES:
            for model in MODELS:
                for seed in range(seeds):
                    yield system, model, size, seed


def systems_table(seeds: int, results: Path) -> None:
    """Scores on the systems, a line for each number of runs."""
    known: dict[str, dict[str, float] | None] = {}
    if results.exists():
        known = dict(json.loads(line) for line in results.read_text("utf-8").splitlines())
    for cell in cells(seeds):
        key = "|".join(map(str, cell))
        if key not in known:
            try:
                known[key] = one(*cell)
            except FileNotFoundError:
                continue
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, known[key]]) + "\n")
    for system in SYSTEMS:
        for size in SIZES:
            for model in MODELS:
                found = [known.get(f"{system}|{model}|{size}|{seed}") for seed in range(seeds)]
                scores = [f["r2"] for f in found if f is not None]
                seconds = [f["seconds"] for f in found if f is not None]
                if scores:
                    line = f"{system:<26} {size:>4} {model:<18} {shown(scores)}"
                    print(f"{line}  {np.median(seconds):6.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("reference", "systems", "all"), default="all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=Path("model_comparison.jsonl"))
    given = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="sklearn")
    if given.part != "systems":
        reference_table(given.seeds)
    if given.part != "reference":
        systems_table(given.seeds, given.results)


if __name__ == "__main__":
    main()
