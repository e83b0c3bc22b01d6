"""How many ties further runs settle: those that are proposed, and as many times more at random.

``python -m case_studies.benchmarks.belief.settled --set own-test --runs 20 --noise 0.05`` discovers
the laws of a set. Where the true law is found, but with a probability below 0.9, five proposed runs
are made and added, and 5, 10 and 25 random ones instead, drawn from the ranges of the law, each end
wider by √2 as that of proposals is. The same laws are then judged again: a tie is settled where the
true one has 0.9 or more.
"""

import argparse
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from case_studies.benchmarks.belief.fits import is_right, tasks
from case_studies.benchmarks.exactness import Inputs
from case_studies.benchmarks.feynman_tables import Equation
from case_studies.benchmarks.laws_with_units.tasks import SETS
from case_studies.benchmarks.own_laws.__main__ import known_lines
from case_studies.benchmarks.own_laws.law import OwnLaw
from dimgs.dataset import Dataset
from dimgs.discovery.clock import Clock
from dimgs.discovery.discover import report_of
from dimgs.discovery.fitting import fit_prepared
from dimgs.discovery.judgement import judged
from dimgs.discovery.options import Options
from dimgs.discovery.outcome import PROBABLE
from dimgs.discovery.places import WIDER
from dimgs.discovery.prepare import prepare
from dimgs.discovery.scale_search import study_with_scales
from dimgs.discovery.study import Study

PROPOSED, RANDOM = 5, (5, 10, 25)
_AMPLE = 1e6


def table_of(law: Equation, values: Mapping[str, Any], noise: float, seed: int) -> Dataset:
    """Runs at these inputs (SI), with noise in proportion to each response."""
    response = np.real(law.value(values)) * np.ones(len(next(iter(values.values()))))
    response = response * (1 + noise * np.random.default_rng(seed).standard_normal(len(response)))
    unit = law.target.unit
    columns = {f"{v.name} [{v.unit.text}]": values[v.name] / v.unit.factor for v in law.inputs}
    return Dataset.from_columns(
        {**columns, f"{law.target.name} [{unit.text}]": response / unit.factor}
    )


def again(found: Study, data: Dataset, options: Options) -> Study:
    """The same laws, judged by other runs."""
    target = found.law.target.name
    prepared = prepare(data, target, options, linear_allowed=True, signed_allowed=True).ordered()
    result = None if found.result is None else fit_prepared(prepared, options)
    found = replace(found, prepared=prepared, result=result, left_out=None, belief=None)
    return judged(found, options, Clock.of(_AMPLE))


def probability_of(found: Study, inputs: Inputs) -> float | None:
    """Of the true law; None where it was not found."""
    known = found.belief
    right = [] if known is None else [is_right(found, c, inputs) for c in known.forms]
    if known is None or not any(right):
        return None
    true = {n for n, good in zip(known.numbers, right, strict=True) if good}
    number = {id(c): n for c, n in zip(known.forms, known.numbers, strict=True)}
    return sum(x.probability for x in known.laws if number[id(x.contender)] in true)


def solve(law: Equation, n: int, noise: float, seed: int) -> dict[str, Any]:
    """The probability of the true law, before and after further runs."""
    constants = law.constants if isinstance(law, OwnLaw) else ()
    options = Options(constants=constants, engine="structured", effort="quick", time_limit=_AMPLE)
    rng = np.random.default_rng(seed)
    values = law.draw(rng, n)
    data = table_of(law, values, noise, seed + 1)
    found = study_with_scales(data, law.target.name, options)
    inputs = Inputs(law, given=found.prepared.basis)
    before = probability_of(found, inputs)
    line: dict[str, Any] = {"law": law.name, "seed": seed, "runs": n, "noise": noise}
    line["before"] = before
    if before is None or before >= PROBABLE:
        return line

    def after(more: Mapping[str, Any]) -> float:
        joined = {k: np.concatenate([values[k], more[k]]) for k in values}
        fresh = table_of(law, joined, noise, seed + 1)
        return probability_of(again(found, fresh, options), inputs) or 0.0

    proposed = report_of(found, data, options).next_runs(PROPOSED)
    units = {v.name: v.unit for v in law.inputs}
    asked = {
        k: np.array([float(units[k].to_si(float(run.inputs[k][0]))) for run in proposed.runs])
        for k in values
    }
    line["proposed"] = after(asked)
    drawn = law.draw(rng, max(RANDOM), WIDER)
    line["random"] = [after({k: x[:m] for k, x in drawn.items()}) for m in RANDOM]
    return line


def told(lines: Sequence[Mapping[str, Any]]) -> str:
    """How many ties each way settles."""
    ties = [x for x in lines if "proposed" in x]
    out = [f"{len(lines)} discoveries, {len(ties)} ties"]
    settled = sum(x["proposed"] >= PROBABLE for x in ties)
    out.append(f"{PROPOSED} proposed runs settle {settled}")
    for k, m in enumerate(RANDOM):
        out.append(f"{m} random runs settle {sum(x['random'][k] >= PROBABLE for x in ties)}")
    return "\n".join(out)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="own-test")
    parser.add_argument("--runs", type=int, nargs="+", default=[20])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.02, 0.05, 0.1])
    parser.add_argument("--part", default="1/1", help="i/n: every n-th law, from the i-th")
    parser.add_argument("--out", type=Path, default=Path("settled.jsonl"))
    options = parser.parse_args(arguments)
    done = {(x["law"], x["seed"]) for x in known_lines(options.out)}
    part, parts = (int(x) for x in options.part.split("/"))
    asked = list(tasks(options.set, 1, "law", options.runs, options.noise))
    for law, n, noise, seed in asked[part - 1 :: parts]:
        if (law.name, seed) in done:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            line = solve(law, n, noise, seed)
        with options.out.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
        print(line, flush=True)
    print(told(list(known_lines(options.out))))


if __name__ == "__main__":
    main()
