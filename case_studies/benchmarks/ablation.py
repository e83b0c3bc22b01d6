"""What each step of the embedded engine wins: laws that are lost without it, and its time.

``python -m case_studies.benchmarks.ablation --noise 0``: each law is searched with all steps, and
after each step that found a better law the best one so far is compared with the true law. So it is
known which step found it; only that step can lose the law, and with it switched off the law is
searched again. ``--without`` switches steps off in all searches, to see whether several that win
nothing one by one win something together.

Searches are bounded by evaluations, so that the table is the same on every machine but for its
processor time. Lines are appended to a file, so that a run that was stopped goes on where it ended.
"""

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from case_studies.benchmarks.exactness import Inputs, agreement
from case_studies.benchmarks.feynman_tables import Equation
from case_studies.benchmarks.laws_with_units.tasks import SETS, equations_of, problem_of
from dimgs.common.errors import LawError
from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.structured import StructuredEngine
from dimgs.engines.structured.engine import Stages, Step
from dimgs.engines.structured.trees import to_sympy
from dimgs.expression.candidate import Candidate

# a time that only caps: no search comes near it
LONGEST = 3600.0


@dataclass
class Watch:
    """Processor time of each step, and the step after which the best law was first the true one.

    Parameters
    ----------
    inputs : Inputs
    """

    inputs: Inputs
    seconds: dict[str, float] = field(default_factory=dict)
    winner: str = ""
    _best: str = ""

    def steps(self, stages: Stages, steps: list[Step]) -> list[Step]:
        """The same steps, watched."""

        def watched(step: Step) -> Step:
            def run() -> None:
                start = time.process_time()
                try:
                    step.run()
                finally:
                    spent = time.process_time() - start
                    self.seconds[step.name] = self.seconds.get(step.name, 0.0) + spent
                    self.look(stages, step.name)

            return replace(step, run=run)

        return [watched(step) for step in steps]

    def look(self, stages: Stages, name: str) -> None:
        """Compare the best law so far with the true one, where it is another than before."""
        best = stages.archive.best
        if best is None or repr(best.tree) == self._best:
            return
        self._best = repr(best.tree)
        try:
            found = Candidate.of(*to_sympy(best.tree, stages.runs.names), scale="linear")
        except LawError:
            return
        if not agreement(found, self.inputs).exact:
            self.winner = ""
        elif not self.winner:
            self.winner = name


@contextmanager
def watched(inputs: Inputs) -> Iterator[Watch]:
    """Watch the steps of the searches inside."""
    watch, plain = Watch(inputs), Stages.steps
    with mock.patch.object(Stages, "steps", lambda self: watch.steps(self, plain(self))):
        yield watch


def found(problem: Problem, inputs: Inputs, without: Sequence[str], evaluations: int) -> bool:
    """Whether the law that is chosen is the true one."""
    engine = StructuredEngine(without=without)
    result = engine.search(problem, SearchBudget(LONGEST, evaluations), 0)
    return bool(result.candidates) and agreement(result.candidates[0], inputs).exact


def solve(equation: Equation, options: argparse.Namespace) -> dict[str, Any]:
    """One line of the results."""
    inputs = Inputs(equation)
    problem = problem_of(inputs, options.runs, options.noise, "multiplicative", 0)
    line: dict[str, Any] = {"law": equation.name, "chosen": not problem.groups, "winner": ""}
    if not problem.groups:
        return {**line, "kept": True, "seconds": {}}
    off = list(filter(None, options.without.split(",")))
    with watched(inputs) as watch:
        line["chosen"] = found(problem, inputs, off, options.evaluations)
    line["winner"] = watch.winner if line["chosen"] else ""
    line["seconds"] = {k: round(v, 3) for k, v in watch.seconds.items()}
    kept = line["chosen"]
    if line["winner"]:
        kept = found(problem, inputs, [*off, line["winner"]], options.evaluations)
    return {**line, "kept": kept}


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Laws that each step found first, those lost without it, and its share of the time."""
    first = Counter(line["winner"] for line in lines if line["winner"])
    lost = Counter(line["winner"] for line in lines if line["winner"] and not line["kept"])
    names = dict.fromkeys(name for line in lines for name in line["seconds"])
    seconds = {n: sum(line["seconds"].get(n, 0.0) for line in lines) for n in names}
    total = sum(seconds.values()) or 1.0
    rows = ["| step | found first | lost without it | share of time |", "|---|---|---|---|"]
    rows += [
        f"| {name} | {first[name]} | {lost[name]} | {100 * seconds[name] / total:.1f} % |"
        for name in seconds
    ]
    chosen = sum(line["chosen"] for line in lines)
    return "\n".join([*rows, "", f"{chosen} of {len(lines)} laws; {total:.0f} s in all steps"])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=SETS, default="own-development")
    parser.add_argument("--noise", type=float, default=0.0, help="share of each response")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--part", default="1/1", help="i/n: every n-th law, from the i-th")
    parser.add_argument("--without", default="", help="steps, separated by commas")
    parser.add_argument("--evaluations", type=int, default=6000)
    parser.add_argument("--out", type=Path, default=Path("ablation.jsonl"))
    options = parser.parse_args(arguments)
    settings = {k: getattr(options, k) for k in ("set", "noise", "runs", "without", "evaluations")}
    lines: dict[str, dict[str, Any]] = {}
    if options.out.exists():
        for text in options.out.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            if all(line.get(k) == v for k, v in settings.items()):
                lines[line["law"]] = line
    part, parts = map(int, options.part.split("/"))
    laws = equations_of(options.set)[part - 1 :: parts]
    for equation in laws:
        if equation.name not in lines:
            line = lines[equation.name] = {**solve(equation, options), **settings}
            with options.out.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(line) + "\n")
    print(table([lines[e.name] for e in laws]))


if __name__ == "__main__":
    main()
