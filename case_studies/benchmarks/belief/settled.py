"""How many ties further runs settle: five that are proposed, and 5 or 25 at random.

``python -m case_studies.benchmarks.belief.settled --set own-test --runs 20 --noise 0.05`` discovers
the laws of a set. Where the true law is found, but with a probability below 0.9, five proposed runs
are made and added, and as many or more random ones instead, from the ranges of the proposals; each
table is discovered again. The tie is settled where the true law then has 0.9 or more. ``--of FILE``
takes the ties with at least 2 % of noise among the discoveries of ``benchmarks.belief`` instead.
"""

import argparse
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from case_studies.benchmarks.belief.fits import is_right, tasks
from case_studies.benchmarks.belief.lines import rescored
from case_studies.benchmarks.exactness import Inputs
from case_studies.benchmarks.feynman_tables import Equation
from case_studies.benchmarks.laws_with_units.tasks import SETS, equations_of
from case_studies.benchmarks.own_laws.__main__ import known_lines
from case_studies.benchmarks.own_laws.law import OwnLaw
from dimgs.dataset import Dataset
from dimgs.discovery.discover import report_of
from dimgs.discovery.next_runs import WIDER
from dimgs.discovery.options import Options
from dimgs.discovery.search import study_with_scales
from dimgs.discovery.study import Study
from dimgs.judgement.confirmation import PROBABLE

PROPOSED, RANDOM = 5, (5, 25)
_AMPLE = 1e6
# with less, the rivals are mostly told apart
_LEAST_NOISE = 0.02


def table_of(law: Equation, values: Mapping[str, Any], noise: float, seed: int) -> Dataset:
    """Runs at these inputs (SI), with noise in proportion to each response."""
    response = np.real(law.value(values)) * np.ones(len(next(iter(values.values()))))
    response = response * (1 + noise * np.random.default_rng(seed).standard_normal(len(response)))
    unit = law.target.unit
    columns = {f"{v.name} [{v.unit.text}]": values[v.name] / v.unit.factor for v in law.inputs}
    return Dataset.from_columns(
        {**columns, f"{law.target.name} [{unit.text}]": response / unit.factor}
    )


def probability_of(found: Study, inputs: Inputs) -> float | None:
    """Of the true law; None where it was not found."""
    known = found.posterior
    right = [] if known is None else [is_right(found, c, inputs) for c in known.forms]
    if known is None or not any(right):
        return None
    true = {n for n, good in zip(known.numbers, right, strict=True) if good}
    number = {id(c): n for c, n in zip(known.forms, known.numbers, strict=True)}
    return sum(x.probability for x in known.laws if number[id(x.form)] in true)


def random_runs(values: Mapping[str, Any], n: int, seed: int) -> dict[str, Any]:
    """Uniform draws on the logarithm, between the least and the largest of the runs, made wider."""
    rng = np.random.default_rng(seed)
    return {
        k: np.exp(rng.uniform(np.log(x.min() / WIDER), np.log(x.max() * WIDER), n))
        for k, x in values.items()
    }


def solve(law: Equation, n: int, noise: float, seed: int) -> dict[str, Any]:
    """The probability of the true law, before and after further runs."""
    constants = law.constants if isinstance(law, OwnLaw) else ()
    options = Options(constants=constants, engine="structured", effort="quick", time_limit=_AMPLE)
    values, _ = law.runs(n, seed)
    values = {k: values[k] for k in law.ranges}
    data = table_of(law, values, noise, seed + 1)
    found = study_with_scales(data, law.target.name, options)
    before = probability_of(found, Inputs(law, given=found.prepared.basis))
    line: dict[str, Any] = {"law": law.name, "seed": seed, "runs": n, "noise": noise}
    line |= {"before": before, "first": str(found.law)}
    if before is None or before >= PROBABLE:
        return line

    def after(more: Mapping[str, Any]) -> tuple[float, str]:
        usable = np.isfinite(np.real(law.value(more)))
        joined = {k: np.concatenate([x, more[k][usable]]) for k, x in values.items()}
        own = study_with_scales(table_of(law, joined, noise, seed + 1), law.target.name, options)
        chance = probability_of(own, Inputs(law, given=own.prepared.basis))
        return chance or 0.0, str(own.law)

    proposed = report_of(found, data, options).next_runs(PROPOSED)
    units = {v.name: v.unit for v in law.inputs}
    middle = {k: float(np.median(x)) for k, x in values.items()}
    asked = {
        k: np.array(
            [
                float(units[k].to_si(float(run.inputs[k][0]))) if k in run.inputs else middle[k]
                for run in proposed.runs
            ]
        )
        for k in values
    }
    line["proposed"] = after(asked)
    drawn = random_runs(values, max(RANDOM), seed + 2)
    line["random"] = [after({k: x[:m] for k, x in drawn.items()}) for m in RANDOM]
    return line


def told(lines: Sequence[Mapping[str, Any]]) -> str:
    """How many ties each way settles."""
    ties = [x for x in lines if "proposed" in x]
    out = [f"{len(lines)} discoveries, {len(ties)} ties"]
    ways = {f"{PROPOSED} proposed": [x["proposed"][0] for x in ties]}
    ways |= {f"{m} random": [x["random"][k][0] for x in ties] for k, m in enumerate(RANDOM)}
    for way, chances in ways.items():
        settled = sum(chance >= PROBABLE for chance in chances)
        mean = np.mean(chances) if chances else np.nan
        out.append(f"{way} runs settle {settled}; mean probability of the true law {mean:.2f}")
    return "\n".join(out)


def ties_of(path: Path, laws: Sequence[Equation]) -> list[tuple[Equation, int, float, int]]:
    """Settings in which the true law was found and not believed, of a file of `belief`."""
    named = {law.name: law for law in laws}
    lines = rescored([x for x in known_lines(path) if x["kind"] == "law" and x.get("forms")])
    return [
        (named[x["law"]], x["runs"], x["noise"], x["seed"])
        for x in lines
        if any(x["right"])
        and sum(p for p, right in zip(x["probabilities"], x["right"], strict=True) if right)
        < PROBABLE
        and x["noise"] >= _LEAST_NOISE
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="own-test")
    parser.add_argument("--runs", type=int, nargs="+", default=[20])
    parser.add_argument("--noise", type=float, nargs="+", default=[0.02, 0.05, 0.1])
    parser.add_argument("--laws", nargs="+", metavar="NAME", help="only these laws of the set")
    parser.add_argument("--of", type=Path, metavar="FILE", help="only ties of these discoveries")
    parser.add_argument("--ties", type=int, default=1000, help="end after so many")
    parser.add_argument("--part", default="1/1", help="i/n: every n-th law, from the i-th")
    parser.add_argument("--out", type=Path, default=Path("settled.jsonl"))
    options = parser.parse_args(arguments)
    done = {(x["law"], x["runs"], x["noise"]) for x in known_lines(options.out)}
    part, parts = (int(x) for x in options.part.split("/"))
    asked = list(tasks(options.set, 1, "law", options.runs, options.noise))
    if options.of:
        asked = ties_of(options.of, equations_of(options.set))
    asked = [t for t in asked if not options.laws or t[0].name in options.laws]
    for law, n, noise, seed in asked[part - 1 :: parts]:
        if (law.name, n, noise) in done:
            continue
        if sum("proposed" in x for x in known_lines(options.out)) >= options.ties:
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            line = solve(law, n, noise, seed)
        with options.out.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
        print(line, flush=True)
    print(told(list(known_lines(options.out))))


if __name__ == "__main__":
    main()
