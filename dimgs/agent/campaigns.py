"""Plans, their cost, and jobs, as tools make and follow them."""

import math
import time
from typing import Annotated, Any

from pydantic import Field

from dimgs.agent.arguments import given_quantity, readings
from dimgs.agent.bench import Bench, StoppedError, control
from dimgs.agent.schemas import JobState, Json, Planned, Quantity, Started
from dimgs.common.errors import InputError
from dimgs.common.formats import shown
from dimgs.hub.jobs import FAILED, needs_approval, refusal
from dimgs.hub.runs import run_record
from dimgs.kernels.conversion import check_within, port_value
from dimgs.kernels.record import Failure
from dimgs.kernels.spec import Kernel, Port

# of a kernel's own estimate, which is of another machine: beyond it the run hangs
_MARGIN = 3.0
# seconds that Python, the kernel and its libraries take to start on a slow disk
_START = 20.0
# seconds between looks at a job while somebody waits for it: a person does not notice them
_LOOK = 0.3
# seconds that one call may wait: clients of models give a call up after some minutes
_LONGEST_WAIT = 300.0
# runs that a model reads
_SHOWN = 20


def plan_campaign(
    bench: Bench,
    kernel: str,
    target: str,
    at: Annotated[dict[str, Quantity], Field(description="fixed inputs")] = {},  # noqa: B006
    ranges: Annotated[
        dict[str, str], Field(description="{'t': '1..100 day'}; empty: one run at 'at'")
    ] = {},  # noqa: B006
    runs: Annotated[int, Field(description="at most, of the finest tier", ge=1, le=1000)] = 24,
    tolerance: Annotated[float, Field(description="half-width of exponents")] = 0.05,
    tier: str | None = None,
) -> Planned:
    """Plan one run or a campaign and state its cost; spends nothing."""
    kernel = bench.reference(kernel)
    known = bench.kernel(kernel)
    ports = {p.name: p for p in known.inputs}
    if target not in {p.name for p in known.outputs}:
        names = ", ".join(p.name for p in known.outputs)
        raise InputError(f"'{kernel}' has no output '{shown(target)}'; it has {names}.")
    both = sorted(set(at) & set(ranges))
    if both:
        raise InputError(f"'{both[0]}' is in 'at' and in 'ranges'; keep one of them.")
    values = {n: _in_port(ports, n, v, kernel) for n, v in at.items()}
    if ranges:
        planned = _campaign(kernel, target, values, ranges, runs, tolerance, ports)
        if tier is not None:
            raise InputError("A campaign chooses its tiers; give 'tier' only for a single run.")
    else:
        planned = _single(known, kernel, target, values, tier)
    limit = math.ceil(_MARGIN * planned["seconds_at_most"] + _START)
    document = {**planned["document"], "seconds": limit}
    most = bench.policy.seconds
    if limit > most:
        raise InputError(
            f"This may take {limit} s, and the policy allows a job {most:g} s; ask for fewer runs, "
            f"or a coarser tier."
        )
    id = None
    if bench.has_hub and bench.hub.may("add", "open", own=True):
        text = f"{kernel}: {target}"
        entry = {"kind": "protocol", "kernel": kernel, "text": text, "plan": document}
        id = bench.hub.once({**entry, "tags": ["asked by an agent"]})
    read = [
        f"'{told['input']}': {told['source']}"
        for told in readings({n: given_quantity(q) for n, q in values.items()})
    ]
    return {
        **planned,
        "notes": [*planned["notes"], *read],
        "plan": id,
        "document": document,
        "needs_approval": limit > bench.policy.agent.approve_above,
    }


def _in_port(ports: dict[str, Port], name: str, given: Any, kernel: str) -> Json:
    """A value for an input, checked."""
    if name not in ports:
        raise InputError(f"'{kernel}' has no input '{shown(name)}'; it has {', '.join(ports)}.")
    told = given_quantity(given, f"'{name}'")
    value = port_value(ports[name], told)
    check_within(ports[name], value, kernel)
    return {"value": value, "unit": "label"} if isinstance(value, str) else told.to_json()


def _single(kernel: Kernel, name: str, target: str, at: Json, tier: str | None) -> Planned:
    missing = [p for p in kernel.inputs if p.name not in at and p.default is None]
    if missing:
        told = ", ".join(f"{p.name} [{p.unit}] ({p.description or 'no text'})" for p in missing)
        raise InputError(
            f"'{kernel.name}' cannot run: missing are {told}; ask for them, or vary them as ranges."
        )
    tiers = {t.name: t for t in kernel.tiers}
    chosen = tier or kernel.tiers[-1].name
    if chosen not in tiers:
        raise InputError(
            f"'{kernel.name}' has no tier '{shown(chosen)}'; it has {', '.join(tiers)}."
        )
    defaults = {
        p.name: p.default for p in kernel.inputs if p.name not in at and p.default is not None
    }
    notes = [f"'{n}' has the kernel's default {v}" for n, v in defaults.items()]
    document = {"kernel": name, "target": target, "at": at, "tier": chosen}
    return {
        "plan": None,
        "seconds_at_most": float(tiers[chosen].cost),
        "runs": {chosen: 1},
        "needs_approval": False,
        "document": document,
        "groups": [],
        "notes": notes,
    }


def _campaign(
    kernel: str,
    target: str,
    at: Json,
    ranges: dict[str, str],
    runs: int,
    tolerance: float,
    ports: dict[str, Port],
) -> Planned:
    from dimgs.campaign.binding import bind
    from dimgs.campaign.reading import plan_of
    from dimgs.campaign.text import dry_run
    from dimgs.hub.runs import plain

    spans = {n: _span(ports, n, text, kernel) for n, text in ranges.items()}
    fixed = {n: q["value"] if q["unit"] == "label" else [q["value"], q["unit"]]
             for n, q in at.items()}  # fmt: skip
    document: Json = {
        "kernel": kernel,
        "target": target,
        "ranges": spans,
        "fixed": fixed,
        "budget": {"runs": runs},
        "tolerance": {"exponents": tolerance},
    }
    design = plain(dry_run(bind(plan_of(document, "the campaign"))))
    return {
        "plan": None,
        "seconds_at_most": float(design["seconds_at_most"]),
        "runs": design["budget"],
        "needs_approval": False,
        "document": document,
        "groups": design["groups"],
        "notes": design["notes"],
    }


def _span(ports: dict[str, Port], name: str, text: str, kernel: str) -> list[Any]:
    where = f"The range of '{shown(name)}'"
    found = given_quantity(text, where)
    if found.is_label or (not found.is_interval and not found.is_range):
        raise InputError(f"{where} is '{shown(text)}'; write it as '1..100 day'.")
    low, high = (_in_port(ports, name, (end, found.unit), kernel) for end in found.ends())
    return [low["value"], high["value"], found.unit]


def start_campaign(bench: Bench, plan: str) -> Started:
    """Start a plan as a job of the hub; above the cost limit a person has to approve it."""
    hub = bench.hub
    entry = hub.get(plan)
    document = dict((entry["content"] or {}).get("plan") or {})
    if entry["kind"] != "protocol" or "seconds" not in document or "kernel" not in document:
        raise InputError(
            f"'{shown(plan[:12])}' is no plan of plan_campaign; make one, which states its cost."
        )
    if entry["state"] in ("untrusted", "disputed"):
        raise InputError(f"The plan is {entry['state']}; make one of your own.")
    kernel = str(document["kernel"])
    bench.kernel(kernel)
    seconds = min(float(document.pop("seconds")), bench.policy.seconds)
    job: Json = {"kind": "job", "kernel": kernel, "seconds": seconds, "text": entry["title"]}
    if "ranges" in document:
        job["plan"] = document
    else:
        job |= {"inputs": document["at"], "tier": document.get("tier")}
    known = _same_job(bench, entry)
    id = known or hub.add_linked(job, [("derived", entry["id"])])
    dear = needs_approval(job, bench.policy)
    approved = dear and _is_approved(hub.get(id))
    command = f"dimgs hub approve {id[:12]}"
    if dear and not approved:
        note = (
            f"It may take {seconds:g} s, and agents may spend "
            f"{bench.policy.agent.approve_above:g} s: a person has to approve it in the hub."
        )
        state = "needs approval"
    else:
        working = bench.start_worker()
        state = str(hub.get(id)["status"]["state"])
        note = "A worker runs it." if working else "It waits for a worker; a person may start one."
    approve = command if state == "needs approval" else None
    return {"job": id, "state": state, "seconds_at_most": seconds, "approve": approve, "note": note}


def _same_job(bench: Bench, plan: Json) -> str | None:
    """A job of this plan that has not failed: one plan is run once."""
    for link in plan["links"]:
        if link["type"] == "derived" and link["to"] == plan["id"]:
            entry = bench.hub.get(link["from"])
            if entry["kind"] == "job" and entry["status"]["state"] != "failed":
                return str(entry["id"])
    return None


def _is_approved(entry: Json) -> bool:
    told = [link for link in entry["links"] if link["type"] == "approves"]
    accepted = any(r.get("verdict") == "accept" and r.get("counts") for r in entry["reviews"])
    return bool(told) or accepted


def job_status(
    bench: Bench, job: str, wait: Annotated[float, Field(description="seconds, to 300")] = 0.0
) -> JobState:
    """State and results of a job; for a failure what was said, means, and to try."""
    if not 0.0 <= wait <= _LONGEST_WAIT:
        raise InputError(f"'wait' is {wait} s; give 0 to {_LONGEST_WAIT:g}.")
    ends, call = time.monotonic() + wait, control()
    told = ""
    while True:
        found = _status(bench, job)
        if found["state"] in ("done", "failed", "needs approval") or time.monotonic() >= ends:
            return found
        if found["state"] != told:
            told = found["state"]
            call.tell(f"the job is {told}")
        if call.stop.wait(_LOOK):
            raise StoppedError("The call was cancelled; the job goes on.")


def _status(bench: Bench, job: str) -> JobState:
    hub = bench.hub
    entry = hub.get(job)
    if entry["kind"] != "job":
        raise InputError(f"'{shown(job[:12])}' is a {entry['kind']}, no job.")
    content, state = entry["content"] or {}, str(entry["status"]["state"])
    said = str(entry["status"]["reason"])
    if state == "waiting" and content:
        approved, agent = _is_approved(entry), bool(entry["agent"])
        told = {"agent": agent, "approved": approved}
        said = said or refusal(entry["id"], content, bench.policy, entry["state"], **told)
        if agent and not approved and needs_approval(content, bench.policy):
            state = "needs approval"
    runs, result, law, failure = list[Json](), None, None, None
    for link in entry["links"]:
        if link["type"] != "derived" or link["to"] != entry["id"]:
            continue
        made = hub.get(link["from"])
        found = made["content"] or {}
        if made["kind"] == "run":
            runs.append(_run(made["id"], found))
            said = said or str(found.get("reason", ""))
            failure = run_record(found).failure if found else None
        elif made["kind"] == "campaign" and found.get("outcome") == FAILED:
            failure = Failure(found["result"]["failure"])
        elif made["kind"] == "campaign":
            result = _result(found)
            laws = [to for kind, to in _links(made) if kind == "derived"]
            law = next((to for to in laws if hub.get(to)["kind"] == "law"), None)
    means, remedy = diagnosis(state, failure, said, job)
    return {
        "job": entry["id"],
        "state": state,
        "said": said,
        "means": means,
        "remedy": remedy,
        "runs": runs[:_SHOWN],
        "result": result,
        "law": law,
    }


def _links(entry: Json) -> list[tuple[str, str]]:
    return [(k["type"], k["to"]) for k in entry["links"] if k["from"] == entry["id"]]


def _run(id: str, content: Json) -> Json:
    kept = ("kernel", "tier", "status", "inputs", "outputs", "errors", "reason")
    return {"id": id, **{k: content[k] for k in kept if content.get(k)}}


def _result(content: Json) -> Json:
    result = dict(content.get("result") or {})
    kept = ("outcome", "confidence", "made", "runs", "regimes", "boundaries", "pertinence",
            "unseen", "warnings")  # fmt: skip
    told = {k: result[k] for k in kept if k in result}
    for regime in told.get("regimes", ()):
        if isinstance(regime, dict):
            regime.pop("law", None)
    return told


def diagnosis(state: str, failure: Failure | None, said: str, job: str) -> tuple[str, str]:
    """What the state of a job means, and what to try.

    Examples
    --------
    >>> diagnosis("failed", Failure.TIME, "It took more than 5 s.", "1234")
    ('Its time was over before it ended.', 'Ask for a coarser tier, fewer runs or narrower ranges.')
    """
    if state == "needs approval":
        return (
            "It costs more than an agent may decide on.",
            "A person approves it in the hub.",
        )
    if state == "waiting" and said:
        return "No worker of this policy may run it.", f"Tell a person: {said}."
    if state == "waiting":
        return "No worker has taken it yet.", "Ask again soon; a person may start a worker."
    if state == "running":
        return "A worker runs it.", "Ask again soon."
    if state == "done":
        return "It ended well.", ""
    failure = failure or Failure.DIED
    return failure.meaning, failure.remedy
