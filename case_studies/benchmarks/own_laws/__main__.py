"""``dimgs.discover`` on laws of many fields: how many are found exactly, and how fast.

Run it with ``python -m case_studies.benchmarks.own_laws --half test``. Each law is drawn 200 times,
log-uniformly in realistic ranges, with noise in proportion to the response. Results are appended
to a file of JSON lines, so that a run that was stopped goes on where it ended.
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

from case_studies.benchmarks.own_laws.agreement import is_true_law
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
    start = perf_counter()
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
        failed = {"chosen": False, "front": False, "r2": None, "outcome": why, "found": None}
        return {**line, **failed, "seconds_taken": round(perf_counter() - start, 2)}
    seconds = perf_counter() - start
    chosen = _candidate(report)
    is_chosen = chosen is not None and is_true_law(chosen, law, report.basis)
    on_front = any(is_true_law(c, law, report.basis) for c in report.candidates)
    return {
        **line,
        "chosen": is_chosen,
        "front": is_chosen or on_front,
        "r2": _fresh_r2(report, law),
        "outcome": report.outcome,
        "seconds_taken": round(seconds, 2),
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
    out = [f"{'half':13}{'laws':>5}{'chosen':>8}{'front':>7}{'median s':>10}{'longest':>9}"]
    for half in HALVES:
        rows = [r for r in lines if r["half"] == half]
        if not rows:
            continue
        seconds = [r["seconds_taken"] for r in rows]
        out.append(
            f"{half:13}{len(rows):>5}{sum(r['chosen'] for r in rows):>8}"
            f"{sum(r['front'] for r in rows):>7}{np.median(seconds):>10.2f}{max(seconds):>9.2f}"
        )
        missed = [r["law"] for r in rows if not r["front"]]
        out.append(f"  not on the front: {', '.join(missed) or 'none'}")
        passed = [r["law"] for r in rows if r["front"] and not r["chosen"]]
        out.append(f"  on the front, not chosen: {', '.join(passed) or 'none'}")
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
