"""The campaign of a job, in the process that its supervisor starts for it."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dimgs.campaign.campaign import STORE, run_campaign
from dimgs.campaign.plan import plan_of
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import json_value, read_text
from dimgs.hub import RunStore
from dimgs.hub.runs import plain, run_content
from dimgs.kernels.record import Failure, one_sentence


def campaign(job: Mapping[str, Any]) -> dict[str, Any]:
    """What the campaign of a job's plan comes to.

    Parameters
    ----------
    job : mapping
        Content of its entry, with a "plan" as a TOML file holds it.

    Returns
    -------
    dict
        "result" (``result.json``), "plan" (``plan.json``) and "runs", or the "failure" and the
        "reason" why there are none.
    """
    with TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            result = run_campaign(plan_of(job["plan"]), home)
        except DimgsError as error:
            why = Failure.INPUT if isinstance(error, InputError) else Failure.KERNEL
            return _of_runs(home) or {"failure": why, "reason": one_sentence(error)}
        plan = json_value(read_text(home / "plan.json", "plan"), "plan.json", "run it again")
        with RunStore(home / STORE) as store:
            runs = [run_content(record) for record in store.records()]
    return {"result": plain(result.to_json()), "plan": plan, "runs": runs}


def _of_runs(home: Path) -> dict[str, Any]:
    """Why the first run that failed did, with how many of all; empty where none did."""
    if not (home / STORE).exists():
        return {}
    with RunStore(home / STORE) as store:
        records = store.records()
    failed = [record for record in records if not record.ok]
    if not failed:
        return {}
    told = f"Of {len(records)} runs {len(failed)} gave no answer; the first: {failed[0].reason}"
    return {"failure": failed[0].failure, "reason": told}
