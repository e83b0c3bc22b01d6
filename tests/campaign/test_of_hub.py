"""Campaigns that start from the runs of a hub."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dimgs.campaign import Budget, CampaignResult, Execution, Plan, Range, Tolerance, run_campaign
from dimgs.campaign.campaign import records_in
from dimgs.campaign.known import KnownRun, known_of_hub
from dimgs.campaign.plan import bind
from dimgs.hub import Hub, RunStore
from dimgs.hub.accounts import set_user
from dimgs.kernels import kernel


@kernel(inputs={"l": "m", "g": "m/s^2"}, outputs={"T": "s"})
def pendulum(l: float, g: float) -> float:
    return 6.283185307179586 * math.sqrt(l / g)


def plan(low: float = 0.1) -> Plan:
    return Plan(
        pendulum,
        "T",
        {"l": Range(low, 10.0 * low, "m"), "g": Range(1.0, 20.0)},
        Budget(20),
        Tolerance(exponents=0.02),
        execution=Execution(workers=1),
        report="none",
    )


def answered(asked: Plan, **options: Any) -> CampaignResult:
    with ThreadPoolExecutor(1) as pool:
        return run_campaign(asked, executor=pool, **options)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "campaign"
    answered(plan(), folder=folder)
    return folder / "runs.sqlite"


def test_a_hub_gives_the_runs_that_nobody_doubts(store: Path, tmp_path: Path) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub, RunStore(store) as runs:
        ids = hub.add_runs(runs.records())
        hub.add_runs([pendulum.run({"l": 1.0, "g": 2.0})])
        found = known_of_hub(hub, bind(plan()))
        assert len(found) == len(ids) + 1
        assert all(isinstance(one, KnownRun) for one in found)
        set_user(hub.database, "eve", "reviewer")
        hub.for_user("eve").review(ids[0], "reject", "No.")
        assert len(known_of_hub(hub, bind(plan()))) == len(ids)


def test_a_run_that_a_campaign_reuses_stays_the_one_entry_of_its_author(
    store: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub, RunStore(store) as runs:
        ids = hub.add_runs(runs.records())
        answered(plan(), folder=again, known=known_of_hub(hub, bind(plan())))
        set_user(hub.database, "bob", "contributor")
        assert sorted(hub.for_user("bob").add_runs(records_in(again))) == sorted(ids)
        assert hub.query()["count"] == len(ids)


def test_the_same_campaign_makes_no_run_again_and_a_similar_one_fewer(
    store: Path, tmp_path: Path
) -> None:
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub, RunStore(store) as runs:
        hub.add_runs(runs.records())
        again = answered(plan(), known=known_of_hub(hub, bind(plan())))
        assert again.counts["made"] == 0
        # another size: not one run is the same
        alone = answered(plan(0.7))
        helped = answered(plan(0.7), known=known_of_hub(hub, bind(plan(0.7))))
        assert helped.outcome == alone.outcome == "confirmed"
        assert helped.counts["made"] <= alone.counts["made"]


def test_a_campaign_that_a_hub_has_kept_goes_on_as_it_began(store: Path, tmp_path: Path) -> None:
    home, asked = tmp_path / "home", plan(0.7)
    with Hub(tmp_path / "hub.sqlite", user="anna") as hub, RunStore(store) as runs:
        hub.add_runs(runs.records())
        first = answered(asked, folder=home, known=known_of_hub(hub, bind(asked)))
        hub.add_runs(records_in(home))
        again = answered(asked, folder=home, resume=True, known=known_of_hub(hub, bind(asked)))
        assert (again.counts["made"], again.counts["known"]) == (0, first.counts["made"])
        assert again.counts["elsewhere"] == first.counts["elsewhere"] > 0
        assert (again.runs, again.origins) == (first.runs, first.origins)
