"""A campaign on a cluster: any executor will do, Dask's among them."""

from pathlib import Path

import pytest

from dimgs.campaign import run_campaign
from tests.campaign.kernels import uptake_plan


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_local_cluster_finds_the_same(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    plan = uptake_plan()
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options, local_directory=str(tmp_path)) as cluster,
        distributed.Client(cluster) as client,
    ):
        executor = client.get_executor()
        far = run_campaign(plan, tmp_path / "campaign", executor=executor)
    near = run_campaign(plan, tmp_path / "campaign", resume=True)
    assert far.outcome == "confirmed"
    assert far.counts["made"] == sum(far.runs.values())
    assert near.counts["made"] == 0
    assert [r.to_json() for r in near.regimes] == [r.to_json() for r in far.regimes]
