"""What ``--model deep`` adds to the discovery of laws: the same tables, with it and without.

Run it with ``python -m case_studies.benchmarks.deep_gain``. A sample of the development half of
:mod:`case_studies.benchmarks.own_laws` is drawn with few, noisy runs, once for each noise; both
ways get the same time limit. A law counts as found by the rules of
:mod:`case_studies.benchmarks.exactness`; R² is on clean runs that it has not seen.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from case_studies.benchmarks.exactness import Inputs, agreement
from case_studies.benchmarks.own_laws.law import OwnLaw, laws
from dimgs.discovery.discover import discover
from dimgs.expression import Candidate
from dimgs.groups.group import PiBasis
from dimgs.law.law import Law

Model = Literal["linear", "deep"]
MODELS: tuple[Model, Model] = ("linear", "deep")
_FRESH_SEED = 1000


@dataclass(frozen=True)
class Line:
    """How one law was found.

    Attributes
    ----------
    law, model, engine : str
    noise : float
    exact : bool
        Whether the chosen law is the planted one.
    r2 : float
        Of the logarithm on clean runs.
    seconds : float
    """

    law: str
    model: Model
    noise: float
    engine: str
    exact: bool
    r2: float
    seconds: float


def solve(law: OwnLaw, model: Model, runs: int, noise: float, seconds: float, seed: int) -> Line:
    """One law, once."""
    data = law.table(runs, seed, noise)
    start = perf_counter()
    report = discover(
        data,
        law.target.name,
        constants=law.constants,
        engine="structured",
        model=model,
        time_limit=seconds,
        seed=seed,
    )
    taken = perf_counter() - start
    found = report.law
    exact = found is not None and _exact(found, report.basis, law)
    r2 = -np.inf if found is None else _fresh(found, law)
    return Line(law.name, model, noise, report.engine, exact, r2, taken)


def _exact(found: Law, basis: PiBasis, law: OwnLaw) -> bool:
    expression = found.pi_expression
    names = {str(s) for s in expression.free_symbols}
    constants = {k: v for k, v in found.constant_values.items() if k in names}
    candidate = Candidate.of(expression, constants, scale="linear")
    return bool(agreement(candidate, Inputs(law, given=basis)).strict)


def _fresh(found: Law, law: OwnLaw) -> float:
    data = law.table(200, _FRESH_SEED)
    truth = np.asarray(data[law.target.name], dtype=np.float64)
    values = found.predict_si(data)
    if np.all(truth > 0) and np.all(values > 0):
        truth, values = np.log(truth), np.log(values)
    return float(1.0 - np.mean((values - truth) ** 2) / np.var(truth))


def sample(count: int) -> list[OwnLaw]:
    """Development laws at equal steps through the list."""
    every = laws("development")
    return every[:: max(1, len(every) // count)][:count]


def summary(lines: Sequence[Line]) -> str:
    """One row for each noise and model, and the laws on which the models differ."""
    out = [f"{'noise':>6} {'model':7}{'laws':>5}{'exact':>6}{'median 1-R²':>13}{'mean s':>8}"]
    for noise in sorted({line.noise for line in lines}):
        for model in MODELS:
            rows = [r for r in lines if r.noise == noise and r.model == model]
            left = float(np.median([1 - r.r2 for r in rows]))
            time = float(np.mean([r.seconds for r in rows]))
            exact = sum(r.exact for r in rows)
            out.append(f"{noise:6.2f} {model:7}{len(rows):5}{exact:6}{left:13.2e}{time:8.1f}")
    known = {(r.law, r.noise): r for r in lines if r.model == "linear"}
    for line in (r for r in lines if r.model == "deep"):
        twin = known[line.law, line.noise]
        without, with_it = 1 - twin.r2, 1 - line.r2
        if line.engine == "deep" or max(without, with_it) > 2 * min(without, with_it) + 1e-9:
            why = "by the potential" if line.engine == "deep" else "by the time it took"
            out.append(
                f"  {line.law} at noise {line.noise:g}: 1 - R² {without:.2e} without, "
                f"{with_it:.2e} with, {why}; exact {twin.exact} -> {line.exact}"
            )
    return "\n".join(out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print each law as it comes, then the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.02, 0.1])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    lines: list[Line] = []
    for noise in given.noise:
        for law in sample(given.count):
            for model in MODELS:
                line = solve(law, model, given.runs, noise, given.seconds, given.seed)
                lines.append(line)
                print(
                    f"{line.noise:5.2f} {line.law:28} {line.model:7} {line.engine:13}"
                    f"{'exact' if line.exact else '-':6} 1-R² {1 - line.r2:.2e} "
                    f"{line.seconds:6.1f} s",
                    flush=True,
                )
    print(summary(lines))


if __name__ == "__main__":
    main()
