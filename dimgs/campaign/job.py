"""The campaign of a job, in the process that its supervisor starts for it."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dimgs.campaign.campaign import records_in, run_campaign
from dimgs.campaign.plan import plan_of
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import json_value, plain, read_text
from dimgs.hub.runs import run_content
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
            records = records_in(home)
            failed = [record for record in records if not record.ok]
            if not failed:
                failure = Failure.INPUT if isinstance(error, InputError) else Failure.KERNEL
                return {"failure": failure, "reason": one_sentence(error)}
            first, many = failed[0], f"Of {len(records)} runs {len(failed)} gave no answer"
            return {"failure": first.failure, "reason": f"{many}; the first: {first.reason}"}
        plan = json_value(read_text(home / "plan.json", "plan"), "plan.json", "run it again")
        runs = [run_content(record) for record in records_in(home)]
    return {"result": plain(result.to_json()), "plan": plan, "runs": runs}
