"""``dimgs.discover`` on laws of many fields: how many are found exactly, and how fast.

Run it with ``python -m case_studies.benchmarks.own_laws --half test``. Each law is drawn 200 times,
log-uniformly in realistic ranges, with noise in proportion to the response. Results are appended
to a file of JSON lines, so that a run that was stopped goes on where it ended. Laws count by both
rules of :mod:`case_studies.benchmarks.exactness`, and by its first rule alone.
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from case_studies.benchmarks.exactness import Agreement, Inputs, agreement
from case_studies.benchmarks.laws_with_units.solving import cpu_seconds
from case_studies.benchmarks.own_laws.law import HALVES, OwnLaw, laws
from dimgs.discovery.discover import discover
from dimgs.expression import Candidate
from dimgs.report.results import Report

N_RUNS = 200
_FRESH_SEED = 1000
_SETTINGS = ("noise", "seconds", "engine", "seed")


def solve(law: OwnLaw, settings: dict[str, Any]) -> dict[str, Any]:
    """One line of the results."""
    data = law.table(N_RUNS, settings["seed"], settings["noise"])
    line = {"law": law.name, "field": law.field, "half": law.half, **settings}
    start, cpu = perf_counter(), cpu_seconds()
    try:
        report = discover(
            data,
            law.target.name,
            constants=law.constants,
            engine=settings["engine"],
            time_limit=settings["seconds"],
            seed=settings["seed"],
        )
    except Exception as error:  # a law on which the search fails is a result, and no stop
        why = f"{type(error).__name__}: {error}"
        counts = dict.fromkeys(("chosen", "front", "chosen_exact", "front_exact"), False)
        failed = {**counts, "r2": None, "outcome": why, "found": None}
        return {**line, **failed, "seconds_taken": round(perf_counter() - start, 2), "cpu": 0.0}
    seconds, cpu = perf_counter() - start, cpu_seconds() - cpu
    inputs = Inputs(law, given=report.basis)
    chosen = _candidate(report)
    first = Agreement() if chosen is None else agreement(chosen, inputs)
    front = [first, *(agreement(c, inputs) for c in report.candidates)]
    return {
        **line,
        "chosen": first.strict,
        "front": any(a.strict for a in front),
        "chosen_exact": first.exact,
        "front_exact": any(a.exact for a in front),
        "r2": _fresh_r2(report, law),
        "outcome": report.outcome,
        "confirmed": report.confirmed,
        "seconds_taken": round(seconds, 2),
        "cpu": round(cpu, 2),
        "load": round(os.getloadavg()[0], 1),
        "found": None if report.law is None else str(report.law.pi_expression.evalf(6)),
    }


def _candidate(report: Report) -> Candidate | None:
    """The law of a report as a candidate in its groups."""
    if report.law is None:
        return None
    expression = report.law.pi_expression
    names = {str(s) for s in expression.free_symbols}
    constants = {k: v for k, v in report.law.constant_values.items() if k in names}
    return Candidate.of(expression, constants, scale="linear")


def _fresh_r2(report: Report, law: OwnLaw) -> float | None:
    """R² of the law on 200 clean runs that it has not seen; of logarithms where they exist."""
    if report.law is None:
        return None
    data = law.table(N_RUNS, _FRESH_SEED)
    truth = np.asarray(data[law.target.name])
    found = report.law.predict_si(data)
    if np.all(truth > 0) and np.all(found > 0):
        truth, found = np.log(truth), np.log(found)
    total = np.sum((truth - truth.mean()) ** 2)
    return float(1.0 - np.sum((found - truth) ** 2) / total)


def known_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Lines already in the file."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def totals(lines: Sequence[dict[str, Any]]) -> str:
    """One row for each half, with the names of the laws that were missed."""
    names = ("half", "laws", "chosen", "front", "median s", "longest", "CPU s", "1st rule")
    out = ["{:13}{:>5}{:>8}{:>7}{:>10}{:>9}{:>8}{:>10}".format(*names)]
    for half in HALVES:
        rows = [r for r in lines if r["half"] == half]
        if not rows:
            continue
        seconds = [r["seconds_taken"] for r in rows]
        out.append(
            f"{half:13}{len(rows):>5}{sum(r['chosen'] for r in rows):>8}"
            f"{sum(r['front'] for r in rows):>7}{np.median(seconds):>10.2f}{max(seconds):>9.2f}"
            f"{np.median([r['cpu'] for r in rows]):>8.2f}"
            f"{sum(r['chosen_exact'] for r in rows):>6}/{sum(r['front_exact'] for r in rows)}"
        )
        passed = [r["law"] for r in rows if r["front"] and not r["chosen"]]
        out.append(f"  on the front, not chosen: {', '.join(passed) or 'none'}")
        missed = [r for r in rows if not r["front"]]
        late = [r["law"] for r in missed if r["outcome"] == "timeout"]
        never = [r["law"] for r in missed if r["outcome"] != "timeout"]
        out.append(f"  not on the front: {', '.join(never) or 'none'}")
        out.append(f"  not on the front when the time was over: {', '.join(late) or 'none'}")
    return "\n".join(out)


def row(line: dict[str, Any]) -> str:
    """What is printed for one law."""
    verdict = "chosen" if line["chosen"] else "front" if line["front"] else "missed"
    score = "-" if line["r2"] is None else f"{line['r2']:.6f}"
    return (
        f"{line['half']:12} {line['law']:32} {verdict:7} R² {score:>10} "
        f"{line['seconds_taken']:6.2f} s  {line['found'] or line['outcome']}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=(*HALVES, "all"), default="all")
    parser.add_argument("--noise", type=float, default=0.0, help="share of each response")
    parser.add_argument("--seconds", type=float, default=20.0, help="time limit for each law")
    parser.add_argument("--engine", default="structured")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--laws", default="", help="names, separated by commas; all by default")
    parser.add_argument("--out", type=Path, default=Path("own_laws.jsonl"))
    options = parser.parse_args(arguments)
    settings = {name: getattr(options, name) for name in _SETTINGS}
    names = set(filter(None, options.laws.split(",")))
    wanted = [law for law in laws(options.half) if not names or law.name in names]
    lines = {
        line["law"]: line
        for line in known_lines(options.out)
        if all(line[name] == value for name, value in settings.items())
    }
    for law in wanted:
        if law.name not in lines:
            lines[law.name] = solve(law, settings)
            with options.out.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(lines[law.name]) + "\n")
            print(row(lines[law.name]), flush=True)
    print(totals([lines[law.name] for law in wanted]))


if __name__ == "__main__":
    main()
