"""An engine on laws with units: how many are found exactly, and how fast.

``python -m case_studies.benchmarks.laws_with_units --noise 0 --budget 20``: each law is drawn 200
times, reduced to pi groups by ``dimgs.pi_basis``, and searched. Noise is a share of the response's
rms (``--kind multiplicative``: of each response).

``--set`` chooses the laws: the 120 AI-Feynman equations in the ranges of their ``table`` or in the
realistic ones of ``srsd``, or the laws of other fields (``own-development``, ``own-test``,
``further-development``, ``further-test``).
``--engine`` chooses who searches; ``-raw`` gives the variables instead of pi groups. ``--stages``
leaves out stages of the embedded engine. ``--part 1/6`` takes every sixth law. ``--clock cpu`` lets
the embedded engine's budget count processor time, for machines that are busy with other things.

Results are appended to a file of JSON lines, so that a run that was stopped goes on where it ended;
seconds are wall time, with the processor time of this process and its children beside them.
In the tables constants are variables with units, as there. One law, I.43.16, has two sides of
different dimension by its table; pi groups absorb that in the response, and it is run all the same.
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from case_studies.benchmarks.laws_with_units.solving import CLOCKS, ENGINES, SETTINGS, solve
from case_studies.benchmarks.laws_with_units.tables import markdown
from case_studies.benchmarks.laws_with_units.tasks import KINDS, SETS, equations_of


def done(path: Path) -> Iterator[dict[str, Any]]:
    """Lines already in the file."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield {"clock": "wall", **json.loads(line)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="table")
    parser.add_argument("--engine", choices=ENGINES, default="structured")
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--kind", choices=KINDS, default="rms")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each law")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="what the budget counts")
    parser.add_argument("--stages", default="abcd")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--laws", default="", help="names, separated by commas; all by default")
    parser.add_argument("--part", default="1/1", help="i/n: every n-th law, from the i-th")
    parser.add_argument("--out", type=Path, default=Path("laws_with_units.jsonl"))
    parser.add_argument("--show", action="store_true", help="only print the tables of the file")
    options = parser.parse_args(arguments)
    if options.show:
        print(markdown(list(done(options.out))))
        return
    if options.clock == "cpu" and options.engine != "structured":
        parser.error("only the embedded engine can count processor time")
    settings = {name: getattr(options, name) for name in SETTINGS}
    lines = {
        line["law"]: line
        for line in done(options.out)
        if all(line.get(k) == v for k, v in settings.items())
    }
    names = set(filter(None, options.laws.split(",")))
    part, parts = (int(x) for x in options.part.split("/"))
    laws = [e for e in equations_of(options.set) if not names or e.name in names]
    laws = laws[part - 1 :: parts]
    for equation in laws:
        if equation.name in lines:
            continue
        line = lines[equation.name] = solve(equation, settings)
        with options.out.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(line) + "\n")
        print(
            f"{line['law']:12} chosen {line['chosen']:d} front {line['front']:d} "
            f"{line['seconds']:6.2f} s {line['cpu']:6.2f} CPU s  {line['found']}",
            flush=True,
        )
        if line["outcome"] == "unavailable":
            print(f"{options.engine} was not run: {line['found']}")
            return
    print(markdown([lines[e.name] for e in laws]))


if __name__ == "__main__":
    main()
