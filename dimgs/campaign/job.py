"""The campaign of a job, in the process that a worker starts for it: ``python -m``."""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryDirectory
from typing import Any

from dimgs.hub.sandbox import answer_job


def campaign(job: Mapping[str, Any]) -> dict[str, Any]:
    """What the campaign of a job's plan comes to.

    Parameters
    ----------
    job : mapping
        Content of its entry, with a "plan" as a TOML file holds it.

    Returns
    -------
    dict
        "result" (``result.json``), "plan" (``plan.json``) and "runs", or the "reason" why there
        are none.
    """
    from pathlib import Path

    from dimgs.campaign import run_campaign
    from dimgs.campaign.reading import plan_of
    from dimgs.errors import DimgsError
    from dimgs.formats import json_value, read_text
    from dimgs.hub import RunStore
    from dimgs.hub.runs import plain, run_content
    from dimgs.kernels.record import one_sentence

    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        home = Path(folder)
        try:
            result = run_campaign(plan_of(job["plan"]), home, executor=pool)
        except DimgsError as error:
            return {"reason": one_sentence(error), "failures": _failures(home)}
        plan = json_value(read_text(home / "plan.json", "plan"), "plan.json", "run it again")
        with RunStore(home / "runs.sqlite") as store:
            runs = [run_content(record) for record in store.records()]
    return {"result": plain(result.to_json()), "plan": plan, "runs": runs}


def _failures(home: Any) -> list[str]:
    """Why runs did not end well, each reason once."""
    from dimgs.hub import RunStore

    if not (home / "runs.sqlite").exists():
        return []
    with RunStore(home / "runs.sqlite") as store:
        return list(dict.fromkeys(r.reason for r in store.records() if not r.ok))[:5]


if __name__ == "__main__":
    answer_job(campaign)
    sys.exit(0)
