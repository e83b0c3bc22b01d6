"""Probabilities of laws against how often they are right.

``python -m case_studies.benchmarks.belief --set own-test --each 2`` discovers every law of a set
with some numbers of runs (20, 60, 200) and noises (0 to 10 % of each response), and says how many
confirmed laws are wrong, how many right ones are confirmed, how often the sets of 90 % hold the
law, and the expected calibration error. ``--kind noise`` and ``--kind permuted`` give tables in
which there is no law. All of it is what the constants as they are say of the lines of the file:
``--table`` prints it again without a search. ``--fit`` fits the logit of
:mod:`dimgs.judgement.posterior` to these lines, with whole laws left out, and ``--fit all`` the
temperature and the prices of :mod:`dimgs.expression.price` too.

Results are appended to a file of JSON lines, so that a run that was stopped goes on where it ended.
"""

import argparse
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from case_studies.benchmarks.belief.calibrate import calibrate
from case_studies.benchmarks.belief.fits import (
    KINDS,
    NOISES,
    RUNS,
    narrowed,
    one_at_a_time,
    solve,
    tasks,
)
from case_studies.benchmarks.belief.lines import rescored
from case_studies.benchmarks.belief.measures import draw, measures
from case_studies.benchmarks.laws_with_units.tasks import SETS
from case_studies.benchmarks.own_laws.__main__ import known_lines
from case_studies.benchmarks.own_laws.law import OwnLaw


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="own-development")
    parser.add_argument("--kind", choices=KINDS, default="law")
    parser.add_argument("--each", type=int, default=1, help="settings for each law")
    parser.add_argument("--runs", type=int, nargs="+", default=RUNS)
    parser.add_argument("--noise", type=float, nargs="+", default=NOISES, help="of each response")
    parser.add_argument("--laws", nargs="+", metavar="NAME", help="only these laws of the set")
    parser.add_argument("--span", type=float, help="factor by which each input varies at most")
    parser.add_argument("--one-input", action="store_true", help="only one of each law does so")
    parser.add_argument("--one-at-a-time", action="store_true", help="runs vary one input each")
    parser.add_argument("--effort", default="normal", help="of each discovery")
    parser.add_argument("--most", type=int, help="only the first so many tasks")
    parser.add_argument("--part", default="1/1", help="i/n: every n-th task, from the i-th")
    parser.add_argument("--out", type=Path, default=Path("belief.jsonl"))
    parser.add_argument(
        "--fit", nargs="?", const="logit", choices=("logit", "all"), help="to the lines of the file"
    )
    parser.add_argument("--table", action="store_true", help="only measure the lines of the file")
    parser.add_argument("--figure", type=Path, help="where to draw the reliability diagram")
    options = parser.parse_args(arguments)
    if options.fit:
        laws = [x for x in known_lines(options.out) if x["kind"] == "law"]
        print(calibrate(laws, options.fit == "all"))
        return
    if not options.table:
        key = ("law", "runs", "noise", "seed", "kind")
        done = {tuple(x[k] for k in key) for x in known_lines(options.out)}
        part, parts = (int(x) for x in options.part.split("/"))
        asked = tasks(options.set, options.each, options.kind, options.runs, options.noise)
        wanted = [t for t in asked if not options.laws or t[0].name in options.laws]
        for law, n, noise, seed in wanted[part - 1 : options.most : parts]:
            if (law.name, n, noise, seed, options.kind) in done:
                continue
            if options.span and isinstance(law, OwnLaw):
                law = narrowed(law, options.span, seed if options.one_input else None)
            if options.one_at_a_time and isinstance(law, OwnLaw):
                law = one_at_a_time(law)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                line = solve(law, n, noise, seed, options.kind, options.effort)
            with options.out.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(line) + "\n")
            told = line.get("failed") or f"{line['probabilities'][:3]} {line['right'][:3]}"
            print(f"{law.name:28} {n:4} runs {100 * noise:3.0f} %  {told}", flush=True)
    lines = rescored(list(known_lines(options.out)))
    print(measures(lines))
    if options.figure:
        draw(lines, options.figure)


if __name__ == "__main__":
    main()
