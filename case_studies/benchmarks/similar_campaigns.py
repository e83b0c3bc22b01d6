"""Runs that a campaign saves where campaigns on other films are in its hub.

``python -m case_studies.benchmarks.similar_campaigns`` makes the packaging study's campaign alone,
then from hubs that hold one campaign on other films each, and tells the runs that it made.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dimgs.campaign import CampaignResult, Plan, Range, read_plan, run_campaign
from dimgs.campaign.known import known_of_hub
from dimgs.campaign.plan import bind
from dimgs.hub import Hub, RunStore

_PLAN = Path(__file__).parents[1] / "packaging_migration" / "plan.toml"

# what other campaigns had in place of the ranges and constants of the plan
OTHERS: dict[str, dict[str, Any]] = {
    "ten times as thick": {
        "l": Range(500, 1500, "µm"),
        "t": Range(25, 1e5, "day"),
        "h": Range(1e-12, 1e-5, "m/s"),
        "V": Range(200, 5000, "L"),
        "A": (600.0, "dm^2"),
    },
    "slow and thin": {
        "D": Range(1e-17, 1e-13, "m^2/s"),
        "l": Range(20, 100, "µm"),
        "t": Range(0.1, 300, "day"),
        "K": Range(1e-4, 1e4),
    },
    "fast and thick": {
        "D": Range(1e-15, 1e-11, "m^2/s"),
        "l": Range(100, 300, "µm"),
        "K": Range(1e-2, 1e6),
        "V": Range(0.1, 2, "L"),
    },
    "fast and soluble": {"D": Range(1e-14, 1e-12, "m^2/s"), "K": Range(1e-3, 10.0)},
}


def other(plan: Plan, changes: dict[str, Any]) -> Plan:
    """The plan of another film."""
    ranges = {n: v for n, v in changes.items() if n in plan.ranges}
    fixed = {n: v for n, v in changes.items() if n not in plan.ranges}
    return replace(plan, ranges={**plan.ranges, **ranges}, fixed={**plan.fixed, **fixed})


def made(plan: Plan, store: Path | None = None, folder: Path | None = None) -> CampaignResult:
    """A campaign, from a hub that holds the runs of a store."""
    with TemporaryDirectory() as home, Hub(Path(home) / "hub.sqlite", user="bench") as hub:
        if store is not None:
            with RunStore(store) as runs:
                hub.add_runs(runs.records())
        known = known_of_hub(hub, bind(plan))
    with ThreadPoolExecutor(1) as pool:
        return run_campaign(plan, folder, known=known, executor=pool)


def told(name: str, result: CampaignResult) -> str:
    """A line of the table."""
    runs = " + ".join(f"{n} {tier}" for tier, n in result.runs.items())
    return f"{name:28} {sum(result.runs.values()):4} runs ({runs}): {result.outcome}"


def main() -> None:
    """Tell what each campaign made."""
    plan = replace(read_plan(_PLAN), report="none")
    print(told("alone", made(plan)), flush=True)
    for name, changes in OTHERS.items():
        with TemporaryDirectory() as folder:
            before = made(other(plan, changes), folder=Path(folder) / "run")
            print(told(f"  ({name}, alone)", before), flush=True)
            print(told(name, made(plan, Path(folder) / "run" / "runs.sqlite")), flush=True)


if __name__ == "__main__":
    main()
