"""Runs that a campaign needs for the right answer, on kernels whose answer is known.

What is right is said in `campaign_judge`, and what stands beside it in `campaign_baselines`:
regression with an oracle, and by name `--beside discover process` for the first seeds.

With --drawn N the kernels are drawn at random instead: one to three groups and laws, smooth, sharp
or with a step, with noise, tiers of all kinds, and regions without an answer. --coverage N counts
the intervals that hold the truth in N campaigns with noise. With --keep FILE every figure is
written to a file as soon as it is known, and not measured again.

Run: python -m case_studies.benchmarks.campaign_runs [--seeds 10] [--cases NAME...] [--keep FILE]
     python -m case_studies.benchmarks.campaign_runs --seeds 1 --drawn 100
     python -m case_studies.benchmarks.campaign_runs --coverage 1000
"""

import argparse
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from case_studies.benchmarks.campaign_baselines import BASELINES
from case_studies.benchmarks.campaign_judge import Verdict, judged
from case_studies.benchmarks.campaign_kernels import CASES, NOISY, Case, drawn
from dimgs.campaign import CampaignResult, run_campaign
from dimgs.campaign.plan import bind
from dimgs.common.errors import DimgsError

Measure = Callable[[Case, int], Any]
# the kernels on whose intervals coverage is counted
SCATTERING = (
    NOISY,
    replace(NOISY, name="noise 10 %", noise=0.1, tolerance=0.04),
    # here runs stop because of what they said
    *(c for c in CASES if c.name == "noise 10 %, one group"),
)


class Kept:
    """Figures that were measured before, by kernel, seed and kind."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        self.known = {tuple(e["of"]): e["value"] for e in map(json.loads, lines)}

    def __call__(self, case: Case, seed: int, kind: str, measure: Measure) -> Any:
        """The figure, measured where it is not known."""
        of = (case.name, seed, kind)
        if of not in self.known:
            self.known[of] = measure(case, seed)
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps({"of": of, "value": self.known[of]}) + "\n")
        return self.known[of]


def campaign(case: Case, seed: int) -> tuple[Verdict, CampaignResult | None]:
    """A campaign on a case, and the judgement of it."""
    plan = case.plan(seed)
    try:
        with ThreadPoolExecutor(1) as executor:
            result = run_campaign(plan, executor=executor)
    except DimgsError as error:
        return Verdict(False, str(error), False, np.nan), None
    told = [
        judged(case, one, bind(part))
        for one, part in zip((result, *result.others), plan.each, strict=True)
    ]
    wrong = next((t for t in told if not t.right), told[0])
    met = all(t.met for t in told)
    return replace(wrong, met=met, cost=max(t.cost for t in told)), result


def verdict(case: Case, seed: int) -> dict[str, Any]:
    """The judgement of a campaign, to be kept."""
    return asdict(campaign(case, seed)[0])


def held(case: Case, seed: int) -> dict[str, list[bool]]:
    """Which intervals of one law with noise hold the truth."""
    result = campaign(case, seed)[1]
    if result is None or len(result.regimes) != 1:
        return {}
    regime = result.regimes[0]
    constant, powers = case.laws[0]
    inside = {"exponents": [e.low <= powers.get(e.name, 0.0) <= e.high for e in regime.exponents]}
    told = regime.prefactor
    if told is not None and told.low is not None and told.high is not None:
        inside["prefactor"] = [bool(np.log(told.low) <= constant <= np.log(told.high))]
    return inside


def coverage(case: Case, seeds: int, kept: Kept) -> str:
    """Part of the intervals that hold the truth, exponents and prefactor apart."""
    every = [kept(case, s, "coverage", held) for s in range(seeds)]
    shares = {
        kind: np.mean([hit for one in every for hit in one.get(kind, [])])
        for kind in ("exponents", "prefactor")
    }
    text = ", ".join(f"{kind} {share:.1%}" for kind, share in shares.items())
    return f"{case.name:<24} {seeds} campaigns: intervals at 90 % hold {text}"


def row(case: Case, seeds: int, beside: Sequence[str], few: int, kept: Kept) -> list[Verdict]:
    """Print a line of the table."""
    told = [Verdict(**kept(case, s, "campaign", verdict)) for s in range(seeds)]
    others = [median(kept(case, s, name, BASELINES[name]) for s in range(few)) for name in beside]
    costs = [t.cost for t in told if t.right]
    wrong = [t for t in told if t.met and not t.right]
    cost = f"{median(costs):6.1f} [{min(costs):.0f}, {max(costs):.0f}]" if costs else "     -"
    print(
        f"{case.name:<24} {cost:<18} right {np.mean([t.right for t in told]):4.0%}  met "
        f"{np.mean([t.met for t in told]):4.0%}  wrongly {len(wrong):2d}  | "
        f"{' '.join(f'{o:5.0f}' for o in others)}  "
        f"{next((t.why for t in told if not t.right), '')[:90]}",
        flush=True,
    )
    return told


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for every kernel."""
    parser = argparse.ArgumentParser(description="Runs to the right answer.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cases", nargs="*", help="part of a name")
    parser.add_argument("--budget", type=int)
    parser.add_argument("--coverage", type=int, default=0, help="campaigns with noise")
    parser.add_argument("--beside", nargs="*", default=[], choices=("discover", "process"))
    parser.add_argument("--few", type=int, default=1, help="seeds of what stands beside")
    parser.add_argument("--drawn", type=int, default=0, help="kernels drawn at random")
    parser.add_argument("--first", type=int, default=0, help="of the drawn kernels")
    parser.add_argument("--keep", type=Path, help="file of figures that are not measured twice")
    given = parser.parse_args(arguments)
    kept = Kept(given.keep)
    if given.coverage:
        for case in SCATTERING:
            print(coverage(case, given.coverage, kept), flush=True)
        return
    beside = ["regression", *given.beside]
    print("runs (in fine ones) to the right answer, median [least, most]; |", *beside)
    every: list[Verdict] = []
    numbers = range(given.first, given.first + given.drawn)
    for case in map(drawn, numbers) if given.drawn else CASES:
        if given.cases and not any(c in case.name for c in given.cases):
            continue
        asked = case if given.budget is None else replace(case, budget=given.budget)
        every += row(asked, given.seeds, beside, given.few, kept)
    met = [t for t in every if t.met]
    print(
        f"{len(every)} campaigns: right {np.mean([t.right for t in every]):.1%}, tolerance met "
        f"{len(met) / len(every):.1%}, of these right {np.mean([t.right for t in met]):.1%}"
    )


if __name__ == "__main__":
    main()
