"""The embedded engine on 120 laws with units: how many are found exactly, and how fast.

Run it with ``python -m case_studies.benchmarks.laws_with_units --noise 0 --budget 20``. Each law is
drawn 200 times in the ranges of its table, reduced to pi groups by `dimgs.pi_basis`, and searched.
Results are appended to a file of JSON lines, so that a run that was stopped goes on where it ended.
Noise is a share of the response's rms (``--kind multiplicative``: of each response). The constants
in the tables are variables with units, as there. One law, I.43.16, has two sides of different
dimension by its table; pi groups absorb that in the response, and it is run all the same.
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Literal

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from case_studies.benchmarks.exactness import group_values, is_exact, monomial
from case_studies.benchmarks.feynman_tables import INCONSISTENT, Equation, equations
from dimgs.engines.protocol import Budget, Problem
from dimgs.engines.structured import StructuredEngine

N_RUNS = 200


def problem_of(equation: Equation, noise: float, kind: str, seed: int) -> Problem:
    """Groups of 200 noisy runs."""
    values, response = equation.runs(N_RUNS, seed)
    rng = np.random.default_rng(seed + 1)
    size = np.abs(response) if kind == "multiplicative" else np.sqrt(np.mean(response**2))
    response = response + noise * size * rng.standard_normal(N_RUNS)
    basis = equation.basis()
    assert basis.response is not None
    assert basis.target is not None
    composition = {
        g.name: {k: float(e) for k, e in g.exponents if k != basis.target.name}
        for g in (*basis.groups, basis.response)
    }
    pi_0 = response * monomial(basis.response, values, basis)
    scale: Literal["log", "linear"] = "log" if np.all(pi_0 > 0) else "linear"
    return Problem(
        group_values(basis, values),
        pi_0,
        scale=scale,
        composition=composition,
    )


def solve(equation: Equation, options: argparse.Namespace) -> dict[str, Any]:
    """One line of the results."""
    problem = problem_of(equation, options.noise, options.kind, options.seed)
    start, cpu = perf_counter(), process_time()
    result = StructuredEngine(options.stages).search(problem, Budget(options.budget), options.seed)
    seconds, cpu = perf_counter() - start, process_time() - cpu
    basis = equation.basis()
    exact = [i for i, c in enumerate(result.candidates) if is_exact(c, equation, basis)]
    return {
        "law": equation.name,
        **_key(options),
        "chosen": 0 in exact,
        "front": bool(exact),
        "seconds": round(seconds, 2),
        "cpu": round(cpu, 2),
        "outcome": result.outcome,
        "loss": result.candidates[0].loss if result.candidates else None,
        "found": str(result.candidates[0].numeric.evalf(5)) if result.candidates else None,
    }


def _key(options: argparse.Namespace) -> dict[str, Any]:
    names = ("noise", "kind", "budget", "stages", "seed")
    return {n: getattr(options, n) for n in names}


def done(path: Path) -> Iterator[dict[str, Any]]:
    """Lines already in the file."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def table(lines: Sequence[dict[str, Any]]) -> str:
    """One row for each noise, kind, stage and budget."""
    names = ("stages", "noise", "kind", "budget", "laws", "chosen", "front", "median s", "mean s")
    out = ["{:8}{:>7} {:15}{:>7}{:>6}{:>8}{:>7}{:>10}{:>8}".format(*names)]
    settings = sorted({(r["stages"], r["noise"], r["kind"], r["budget"], r["seed"]) for r in lines})
    for stages, noise, kind, budget, seed in settings:
        rows = [
            r
            for r in lines
            if (r["stages"], r["noise"], r["kind"], r["budget"], r["seed"])
            == (stages, noise, kind, budget, seed)
        ]
        seconds = [r["seconds"] for r in rows]
        out.append(
            f"{stages:8}{noise:>7} {kind:15}{budget:>7}{len(rows):>6}"
            f"{sum(r['chosen'] for r in rows):>8}{sum(r['front'] for r in rows):>7}"
            f"{np.median(seconds):>10.2f}{np.mean(seconds):>8.2f}"
        )
        missed = [r["law"] for r in rows if not r["front"]]
        out.append(f"  not on the front: {', '.join(missed) or 'none'}")
        passed = [r["law"] for r in rows if r["front"] and not r["chosen"]]
        out.append(f"  on the front, not chosen: {', '.join(passed) or 'none'}")
    return "\n".join(out)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--kind", choices=("rms", "multiplicative"), default="rms")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each law")
    parser.add_argument("--stages", default="abcd")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--laws", default="", help="names, separated by commas; all by default")
    parser.add_argument("--part", default="1/1", help="i/n: every n-th law, from the i-th")
    parser.add_argument("--out", type=Path, default=Path("laws_with_units.jsonl"))
    options = parser.parse_args(arguments)
    known = [r for r in done(options.out) if all(r[k] == v for k, v in _key(options).items())]
    names = set(filter(None, options.laws.split(",")))
    part, parts = (int(x) for x in options.part.split("/"))
    for i, equation in enumerate(equations()):
        wanted = not names or equation.name in names
        if not wanted or i % parts != part - 1 or equation.name in {r["law"] for r in known}:
            continue
        line = solve(equation, options)
        with options.out.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
        print(
            f"{line['law']:10} chosen {line['chosen']:d} front {line['front']:d} "
            f"{line['seconds']:6.2f} s  {line['found']}",
            flush=True,
        )
    print(table([r for r in done(options.out) if not names or r["law"] in names]))
    for law, why in INCONSISTENT.items():
        print(f"{law}: {why}.")


if __name__ == "__main__":
    main()
