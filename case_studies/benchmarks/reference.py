"""A frozen reference of what dimgs answers, to compare with after a change of its structure.

``python -m case_studies.benchmarks.reference --out before.json`` writes the checks of the case
studies, fits and discoveries on tables that come along (laws, exponents, intervals, outcomes), and
what the embedded engine chooses for a fixed sample of 60 laws with units, half of them with noise
of 1 %. Searches are bounded by evaluations, never by time, so that the file is the same on every
machine. ``--against before.json`` compares, prints each difference and exits 1 if there is one.
``--parts studies,tables,laws`` chooses; laws of the AI-Feynman list need their tables at hand.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import dimgs
from case_studies.benchmarks.exactness import Inputs, agreement
from case_studies.benchmarks.feynman_tables import Equation
from case_studies.benchmarks.laws_with_units.tasks import equations_of, problem_of
from case_studies.kepler.study import table as planets
from case_studies.pendulum.study import table as pendulums
from dimgs.cli.reproduce import run_studies, study_titles
from dimgs.engines.protocol import SearchBudget
from dimgs.engines.structured import StructuredEngine

PARTS = ("studies", "tables", "laws")
EVALUATIONS = 20_000
# a time that only caps: no search of the sample comes near it
LONGEST = 3600.0
RUNS = 200
NOISE = 0.01
# relative deviation of a number that rounding and another order of sums explain
SAME = 1e-6


def sample() -> list[Equation]:
    """60 laws: every fifth of the AI-Feynman list, every second of the development half."""
    return [*equations_of("table")[::5], *equations_of("own-development")[::2]]


def laws() -> Iterator[tuple[str, Any]]:
    """What the embedded engine chooses, every other law with noise."""
    for k, equation in enumerate(sample()):
        inputs = Inputs(equation, raw=False)
        problem = problem_of(inputs, RUNS, NOISE * (k % 2), "rms", 0)
        if not problem.groups:
            continue
        result = StructuredEngine().search(problem, SearchBudget(LONGEST, EVALUATIONS), 0)
        first = result.candidates[0]
        yield (
            equation.name,
            {
                "outcome": result.outcome,
                "exact": agreement(first, inputs).exact,
                "expression": str(first.expression),
                "constants": dict(first.constants),
            },
        )


def studies() -> Iterator[tuple[str, Any]]:
    """Found values of every case study."""
    for outcome in run_studies(list(study_titles())):
        yield outcome.name, {"status": outcome.status, "found": outcome.found}


def tables() -> Iterator[tuple[str, Any]]:
    """Fits and discoveries on small tables: power law, hidden scale, closed form, noise."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 3.0, 60)
    curve = dimgs.Dataset.from_columns({"x [1]": x, "y [1]": 2.0 * np.sinh(x) + 1.0})
    noise = dimgs.Dataset.from_columns({"x [1]": x, "y [1]": rng.lognormal(size=60)})
    yield "planets, free", answer(dimgs.fit(planets(), "T", scales="auto"))
    yield "pendulums", answer(dimgs.fit(pendulums(), "T"))
    for name, data, target, constants in (
        ("planets, G", planets(), "T", ["G"]),
        ("sinh", curve, "y", []),
        ("noise", noise, "y", []),
    ):
        report = dimgs.discover(
            data,
            target,
            constants=constants,
            evaluations=EVALUATIONS,
            time_limit=LONGEST,
            engine="structured",
        )
        yield name, {**answer(report), "outcome": report.outcome, "engine": report.engine}


def answer(found: Any) -> dict[str, Any]:
    """Law, constants and exponents with intervals."""
    law = found.law
    fit = getattr(found, "fit", found)
    exponents = () if fit is None else fit.exponents
    return {
        "law": str(law),
        "constants": {c.name: [c.value, c.low, c.high] for c in law.constants},
        "exponents": {e.name: [e.value, e.low, e.high, str(e.rational)] for e in exponents},
    }


def differences(before: Any, now: Any, where: str = "") -> Iterator[str]:
    """Where two documents differ by more than rounding."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now}):
            yield from differences(before.get(key), now.get(key), f"{where}/{key}")
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for k, (one, two) in enumerate(zip(before, now, strict=True)):
            yield from differences(one, two, f"{where}/{k}")
    elif isinstance(before, float) and isinstance(now, float):
        if abs(before - now) > SAME * max(abs(before), abs(now)) and before == before:
            yield f"{where}: {before!r} before, {now!r} now"
    elif before != now:
        yield f"{where}: {before!r} before, {now!r} now"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="where to write the reference")
    parser.add_argument("--against", type=Path, help="a reference to compare with")
    parser.add_argument("--parts", default=",".join(PARTS))
    options = parser.parse_args(arguments)
    known = {"studies": studies, "tables": tables, "laws": laws}
    document: dict[str, dict[str, Any]] = {}
    for part in options.parts.split(","):
        document[part] = {}
        for name, value in known[part]():
            document[part][name] = value
            print(part, name, file=sys.stderr, flush=True)
            if options.out is not None:
                options.out.write_text(json.dumps(document, indent=1), encoding="utf-8")
    if options.against is None:
        return 0
    before = json.loads(options.against.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(document))
    found = list(differences({k: v for k, v in before.items() if k in now}, now))
    print("\n".join(found) or "no difference")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
