"""The tools for language models: functions with typed arguments and results."""

import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import MethodType
from typing import Annotated, Any, Literal, NotRequired, TypeVar, cast

import numpy as np
from pydantic import Field
from typing_extensions import TypedDict

from dimgs.agent.arguments import More, in_arguments, in_unit, options_of, readings, to_quantity
from dimgs.agent.context import CONTROL, StoppedError, ToolContext
from dimgs.common.advice import worded
from dimgs.common.errors import DimgsError, FitError, InputError, attempt
from dimgs.common.escape import visible
from dimgs.common.formats import attributes, json_value, plain, shown
from dimgs.dataset import Dataset
from dimgs.discovery.options import DiscoverKeywords, FitKeywords, TableKeywords
from dimgs.hub.cards import port_records
from dimgs.hub.entry import DOUBTED, checked, links_from, links_to, run_record, why_unconfirmed
from dimgs.hub.jobs import FAILED, needs_approval, refusal
from dimgs.hub.sandbox import exchanged
from dimgs.kernels.base import Kernel, Port, convert_inputs, port_value
from dimgs.kernels.process import ending
from dimgs.kernels.record import Failure
from dimgs.law import display
from dimgs.law.law import Law
from dimgs.law.prediction import Place, law_table, predicted, wanted_by
from dimgs.similitude.answer import grid_points
from dimgs.variables import parse_unit
from dimgs.variables.quantities import Quantity as ReadQuantity
from dimgs.variables.quantities import meaning_of
from dimgs.variables.units import other_turning

Json = dict[str, Any]
Quantity = Annotated[
    Json | str | float, 'a number with its unit: \'80 µm\' or {"value": 80, "unit": "µm"}'
]
Table = Annotated[str, Field(description="path in the workspace, or CSV text with units in header")]
Point = Annotated[dict[str, Quantity], Field(description="inputs: {'l': '80 µm', …}")]


class Kernels(TypedDict):
    """Kernels that may run; with one name its whole card."""

    kernels: list[Json]


class RunsResult(TypedDict):
    """Entries or runs of a hub."""

    count: int
    entries: list[Json]
    runs: list[Json]


class TableRead(TypedDict):
    """A table as it was understood."""

    table: str
    rows: int
    columns: list[Json]
    head: list[Json]
    warnings: list[str]
    tables: NotRequired[list[str]]


class Groups(TypedDict):
    """Pi groups."""

    rank: int
    groups: list[Json]
    response: Json | None
    dropped: list[Json]
    suggestions: list[str]


class DiscoveredLaw(TypedDict):
    """Result of a search for a law."""

    law: str | None
    expression: str | None
    confirmed: bool
    outcome: str
    why_not: list[str]
    scores: Json | None
    constants: list[Json]
    groups: Json
    domain: Json
    rivals: list[Json]
    probability: float | None
    engine: str
    seconds: float
    study: str
    hub: Json | None
    warnings: list[str]


class Predicted(TypedDict):
    """Values of a law."""

    rows: list[Json]
    unit: str
    level: float
    law: str
    target: str
    confirmed: bool | None
    probability: float | None
    doubts: list[str]


class AnswerResult(TypedDict, total=False):
    """The document of ``dimgs ask``."""

    answer: Json | None
    how: str
    evidence: list[Json]
    pertinence: Json
    assumptions: list[Json]
    missing: list[Any]
    reviews: list[Any]
    plan: Json | None
    level: float


class Planned(TypedDict):
    """A plan with its cost, which nothing has been spent of yet."""

    plan: str | None
    seconds_at_most: float
    runs: Json
    needs_approval: bool
    document: Json
    groups: list[Json]
    notes: list[str]


class Started(TypedDict):
    """A job of the hub."""

    job: str
    state: str
    seconds_at_most: float
    approve: str | None
    note: str


class JobState(TypedDict):
    """State of a job, with its result or the meaning of its failure."""

    job: str
    state: str
    said: str
    means: str
    remedy: str
    runs: list[Json]
    result: Json | None
    law: str | None


class Explained(TypedDict):
    """Evidence of an answer, and observations that would change it."""

    id: str
    kind: str
    title: str
    state: str
    content: Json
    evidence: Json
    reviews: list[Json]
    rivals: list[Json]
    probability: float | None
    would_change: list[str]
    next_runs: list[Json]


class Proposed(TypedDict):
    """A draft, which a person judges."""

    id: str
    state: str
    review: str


T = TypeVar("T")


def _result_of(kind: type[T], document: Json) -> T:
    """What a document holds of the keys of a result."""
    return cast("T", {key: document[key] for key in kind.__annotations__})


# of a kernel's own estimate, which is of another machine: beyond it the run hangs
_MARGIN = 3.0
# seconds that Python, the kernel and its libraries take to start on a slow disk
_START = 20.0
# seconds between looks at a job while somebody waits for it: a person does not notice them
_LOOK = 0.3
# clients of models give a call up after some minutes
Wait = Annotated[float, Field(description="seconds", ge=0.0, le=300.0)]
# runs that a model reads
_SHOWN = 20


def plan_campaign(
    context: ToolContext,
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
    kernel = context.reference(kernel)
    loaded = context.kernel(kernel)
    if target not in {p.name for p in loaded.outputs}:
        names = ", ".join(p.name for p in loaded.outputs)
        raise InputError(f"'{kernel}' has no output '{shown(target)}'; it has {names}.")
    both = sorted(set(at) & set(ranges))
    if both:
        raise InputError(f"'{both[0]}' is in 'at' and in 'ranges'; keep one of them.")
    quantities = {n: to_quantity(v, f"'{shown(n)}'") for n, v in at.items()}
    spans = {n: _span(n, text) for n, text in ranges.items()}
    lowest = {n: (low, unit) for n, (low, _, unit) in spans.items()}
    converted = convert_inputs(loaded.inputs, {**quantities, **lowest}, kernel)
    if converted.refusal:
        raise InputError(converted.refusal)
    values = {n: q.to_json() for n, q in quantities.items()}
    texts = {n: v for n, v in converted.values.items() if isinstance(v, str) and n in at}
    values |= {n: {"value": text, "unit": "label"} for n, text in texts.items()}
    if ranges:
        planned = _campaign(kernel, target, values, spans, runs, tolerance)
        if tier is not None:
            raise InputError("A campaign chooses its tiers; give 'tier' only for a single run.")
    else:
        planned = _single(loaded, kernel, target, values, tier)
    limit = math.ceil(_MARGIN * planned["seconds_at_most"] + _START)
    document = {**planned["document"], "seconds": limit}
    most = context.policy.seconds
    if limit > most:
        raise InputError(
            f"This may take {limit} s, and the policy allows a job {most:g} s; ask for fewer runs, "
            f"or a coarser tier."
        )
    id = None
    if context.has_hub and context.hub.may("add", "open", is_author=True):
        text = f"{kernel}: {target}"
        entry = {"kind": "protocol", "kernel": kernel, "text": text, "plan": document}
        id = context.hub.once({**entry, "tags": ["asked by an agent"]})
    read = [f"'{reading['input']}': {reading['source']}" for reading in readings(quantities)]
    needs_approval = limit > context.policy.agent.approve_above
    stated: Json = {"plan": id, "document": document, "needs_approval": needs_approval}
    return _result_of(Planned, {**planned, **stated, "notes": [*planned["notes"], *read]})


def _single(kernel: Kernel, name: str, target: str, at: Json, tier: str | None) -> Json:
    tiers = {t.name: t for t in kernel.tiers}
    chosen = tier or kernel.tiers[-1].name
    if chosen not in tiers:
        raise InputError(
            f"'{kernel.name}' has no tier '{shown(chosen)}'; it has {', '.join(tiers)}."
        )
    others = [p for p in kernel.inputs if p.name not in at]
    notes = [f"'{p.name}' has the kernel's default {p.default}" for p in others]
    document = {"kernel": name, "target": target, "at": at, "tier": chosen}
    cost: Json = {"seconds_at_most": float(tiers[chosen].cost), "runs": {chosen: 1}}
    return {**cost, "document": document, "groups": [], "notes": notes}


def _campaign(kernel: str, target: str, at: Json, spans: Json, runs: int, tolerance: float) -> Json:
    from dimgs.campaign.plan import bind, plan_of
    from dimgs.campaign.result import dry_run

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
    cost = {"seconds_at_most": float(design["seconds_at_most"]), "runs": design["budget"]}
    return {**cost, "document": document, "groups": design["groups"], "notes": design["notes"]}


def _span(name: str, text: str) -> list[Any]:
    where = f"The range of '{shown(name)}'"
    quantity = to_quantity(text, where)
    if quantity.is_label or (not quantity.is_interval and not quantity.is_range):
        raise InputError(f"{where} is '{shown(text)}'; write a range such as '1..100 day'.")
    return [*quantity.ends(), quantity.unit]


def start_campaign(context: ToolContext, plan: str) -> Started:
    """Start a plan as a job of the hub; above the cost limit a person has to approve it."""
    hub = context.hub
    entry = hub.get(plan)
    document = dict((entry["content"] or {}).get("plan") or {})
    if entry["kind"] != "protocol" or "seconds" not in document or "kernel" not in document:
        raise InputError(
            f"'{shown(plan[:12])}' is not a plan of plan_campaign; make one, which states its cost."
        )
    if entry["state"] in ("untrusted", "disputed"):
        raise InputError(f"The plan is {entry['state']}; make one of your own.")
    kernel = str(document["kernel"])
    context.kernel(kernel)
    seconds = min(float(document.pop("seconds")), context.policy.seconds)
    job: Json = {"kind": "job", "kernel": kernel, "seconds": seconds, "text": entry["title"]}
    if "ranges" in document:
        job["plan"] = document
    else:
        job |= {"inputs": document["at"], "tier": document.get("tier")}
    id = _same_job(context, entry) or hub.add_linked(job, [("derived", entry["id"])])
    if needs_approval(job, context.policy) and not _is_approved(hub.get(id)):
        state = "needs approval"
        note = (
            f"It may take {seconds:g} s, and agents may spend "
            f"{context.policy.agent.approve_above:g} s: a person has to approve it in the hub."
        )
    else:
        working = context.start_worker()
        state = str(hub.get(id)["status"]["state"])
        note = "A worker runs it." if working else "It waits for a worker; a person may start one."
    approve = f"dimgs hub approve {id[:12]}" if state == "needs approval" else None
    return {"job": id, "state": state, "seconds_at_most": seconds, "approve": approve, "note": note}


def _same_job(context: ToolContext, plan: Json) -> str | None:
    """A job of this plan that has not failed: one plan is run once."""
    derived = map(context.hub.get, links_from(plan, "derived"))
    jobs = (entry for entry in derived if entry["kind"] == "job")
    return next((str(job["id"]) for job in jobs if job["status"]["state"] != "failed"), None)


def _is_approved(entry: Json) -> bool:
    accepted = any(r.get("verdict") == "accept" and r.get("counts") for r in entry["reviews"])
    return accepted or bool(links_from(entry, "approves"))


def job_status(context: ToolContext, job: str, wait: Wait = 0.0) -> JobState:
    """State and results of a job; for a failure what was said, means, and to try."""
    ends, call = time.monotonic() + wait, CONTROL.get()
    reported = ""
    while True:
        status = _status(context, job)
        if status["state"] in ("done", "failed", "needs approval") or time.monotonic() >= ends:
            return status
        if status["state"] != reported:
            reported = status["state"]
            call.progress(f"the job is {reported}")
        if call.stop.wait(_LOOK):
            raise StoppedError("The call was cancelled; the job continues.")


def _status(context: ToolContext, job: str) -> JobState:
    hub = context.hub
    entry = hub.get(job)
    if entry["kind"] != "job":
        raise InputError(f"'{shown(job[:12])}' is a {entry['kind']}, no job.")
    content, state = entry["content"] or {}, str(entry["status"]["state"])
    reason = str(entry["status"]["reason"])
    if state == "waiting" and content:
        approved, agent = _is_approved(entry), bool(entry["agent"])
        rights = {"agent": agent, "approved": approved}
        reason = reason or refusal(entry["id"], content, context.policy, entry["state"], **rights)
        if agent and not approved and needs_approval(content, context.policy):
            state = "needs approval"
    runs, result, law, failure = list[Json](), None, None, None
    for child in map(hub.get, links_from(entry, "derived")):
        content = child["content"] or {}
        if child["kind"] == "run":
            runs.append(_run(child["id"], content))
            reason = reason or str(content.get("reason", ""))
            failure = run_record(content).failure if content else None
        elif child["kind"] == "campaign" and content.get("outcome") == FAILED:
            failure = Failure(content["result"]["failure"])
        elif child["kind"] == "campaign":
            result = _result(content)
            rests = links_to(child, "derived")
            law = next((to for to in rests if hub.get(to)["kind"] == "law"), None)
    means, remedy = diagnosis(state, failure, reason)
    return {
        "job": entry["id"],
        "state": state,
        "said": reason,
        "means": means,
        "remedy": remedy,
        "runs": runs[:_SHOWN],
        "result": result,
        "law": law,
    }


def _run(id: str, content: Json) -> Json:
    fields = ("kernel", "tier", "status", "inputs", "outputs", "errors", "reason")
    return {"id": id, **{k: content[k] for k in fields if content.get(k)}}


def _result(content: Json) -> Json:
    result = dict(content.get("result") or {})
    fields = ("outcome", "confidence", "made", "runs", "regimes", "boundaries", "pertinence",
            "unseen", "warnings")  # fmt: skip
    return {k: _brief(result[k]) for k in fields if k in result}


# of a job that has not failed, by its state: the meaning, and what to do
_MEANINGS = {
    "needs approval": (
        "It exceeds the limit for jobs of agents.",
        "A person may approve it in the hub.",
    ),
    "waiting": ("No worker has taken it yet.", "Ask again later; a person may start a worker."),
    "running": ("A worker runs it.", "Ask again soon."),
    "done": ("It ended well.", ""),
}


def diagnosis(state: str, failure: Failure | None, reason: str) -> tuple[str, str]:
    """Meaning of the state of a job, and the remedy.

    Examples
    --------
    >>> diagnosis("failed", Failure.TIME, "It took more than 5 s.")
    ('It reached its time limit.', 'Ask for a coarser tier, fewer runs or narrower ranges.')
    """
    if state == "waiting" and reason:
        return "No worker with this policy may run it.", f"Tell a person: {reason}."
    failure = failure or Failure.DIED
    return _MEANINGS.get(state, (failure.meaning, failure.remedy))


# of seconds beside the time of the search: to start, to fit the power law, to draw
_BESIDE = 60.0
# points of one prediction: a model reads no more, and a person has dimgs predict
_MOST_ROWS = 1000


def discover_law(
    context: ToolContext,
    table: Table,
    target: str,
    columns: Annotated[list[str] | None, Field(description="the only inputs")] = None,
    units: dict[str, str] | None = None,
    constants: Annotated[list[str] | None, Field(description="such as ['g']")] = None,
    scales: Annotated[list[str] | None, Field(description="unknown: ['M0 [kg]']")] = None,
    within: Annotated[str | None, Field(description="label with own prefactors")] = None,
    seconds: float = 30.0,
    seed: int = 0,
    keep: Annotated[bool, Field(description="in the hub")] = True,
    options: More = None,
) -> DiscoveredLaw:
    """Search a table for a law, checked on unseen runs. 'confirmed' false: no reliable law."""
    limit = min(seconds or 30.0, context.policy.agent.analysis_seconds)
    choices: Json = {"columns": columns, "units": units, "constants": constants, "scales": scales}
    choices |= {"within": within, "time_limit": limit, "seed": seed}
    # refused here, before a process is started
    options_of(DiscoverKeywords, choices, options)
    chosen = {k: v for k, v in choices.items() if v not in (None, [])} | (options or {})
    request_text = json.dumps([table, target, chosen], sort_keys=True)
    id = hashlib.sha256(request_text.encode()).hexdigest()[:12]
    hub = None
    if keep and context.has_hub and context.address is not None and context.hub.is_agent:
        hub = {"address": context.address, "user": context.hub.user}
    with context.workspace.file(table) as path:
        request = {"table": str(path), "target": target, "options": chosen, "hub": hub}
        answer = _in_a_process({**request, "out": str(context.study(id))}, limit + _BESIDE)
    document, ids = answer["document"], answer["hub"]
    law = document.get("law")
    parts: Json = {"expression": None, "scores": None, "constants": [], "groups": {}, "domain": {}}
    if law is not None:
        parts = {**{key: law[key] for key in parts}, **_in_units_of_table(law)}
    result = {
        **document,
        **parts,
        "law": None if law is None else ((ids or {}).get("law") or id),
        "confirmed": bool(document.get("confirmed")),
        "why_not": list(document.get("why_not", ())),
        "rivals": [_rival(r) for r in document.get("rivals") or ()],
        "probability": document.get("probability"),
        "study": id,
        "hub": ids,
    }
    return _result_of(DiscoveredLaw, result)


def _in_units_of_table(document: Json) -> Json:
    """Formula, constants and domain of a law, in the names and units of its columns."""
    law = Law.from_json(document)
    constants = [
        attributes(c, "name value low high unit origin") for c in display.shown_constants(law)
    ]
    ranges = display.shown_ranges(law)
    columns = {law.symbols[s].name: [*ends, unit] for s, (unit, ends) in ranges.items()}
    keys = ("groups", "columns", "held", "constant_groups")
    domain = {k: document["domain"][k] for k in keys if k in document["domain"]}
    domain["columns"] = {**domain["columns"], **columns}
    return {"expression": str(law), "constants": constants, "domain": domain}


def _rival(rival: Json) -> Json:
    law, rest = rival.get("law"), {k: v for k, v in rival.items() if k != "law"}
    return {"expression": None if law is None else str(Law.from_json(law)), **rest}


def _in_a_process(request: Json, limit: float) -> Json:
    """Result of dimgs.agent.child, which is ended where nobody waits for it any more."""
    call = CONTROL.get()

    def hear(line: str) -> None:
        # other lines are warnings of libraries
        with suppress(ValueError, TypeError, KeyError):
            call.progress(visible(str(json.loads(line)["progress"])))

    command = [sys.executable, "-P", "-m", "dimgs.agent.child"]
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    ended = exchanged(command, request, limit, hear=hear, stop=call.stop, env=path)
    if ended.stopped:
        raise StoppedError("The call was cancelled, and the search was ended.")
    if ended.late:
        raise FitError(
            f"The search took more than {limit:g} s; ask for fewer columns or less time."
        )
    try:
        document = json_value(ended.text, "The result", "search again")
    except InputError:
        raise FitError(
            f"The search {ending(ended.code or 0)}{ended.last_words}. Try fewer columns or rows."
        ) from None
    if "error" in document:
        raise (InputError if document["is_input"] else FitError)(str(document["error"]))
    return dict(document)


def law_of(context: ToolContext, id: str) -> tuple[Law, Json]:
    """A law of the hub or of a study of this session, and what was said of it when it was found.

    Raises
    ------
    InputError
        If there is none of this id.
    """
    document, record = context.document(id, "law.json"), context.document(id, "report.json") or {}
    if document is None and context.has_hub:
        entry = context.hub.get(id)
        record = dict(entry["content"] or {})
        document = record.get("law")
        if document is None:
            raise InputError(
                f"The entry '{shown(id[:12])}' is a {entry['kind']} and holds no law; search_hub "
                f"with kind 'law' finds laws."
            )
        if entry["state"] in DOUBTED:
            raise InputError(
                f"The law '{shown(id[:12])}' is {entry['state']}, so that its predictions are "
                f"withheld; explain gives the reason, and a person may settle it."
            )
        why = why_unconfirmed(entry)
        record |= {"confirmed": not why, "why_not": why}
    if document is None:
        raise InputError(
            f"There is no law '{shown(id[:70])}'; give the 'law' that discover_law or search_hub "
            f"gave."
        )
    return Law.from_json(document), record


def predict(
    context: ToolContext,
    law: Annotated[str, Field(description="id from discover_law or search_hub")],
    at: Point | list[Point],
    level: float = 0.9,
    unit: str | None = None,
) -> Predicted:
    """Value in 'unit' (or the table's), with interval; 'why_outside': beyond its domain."""
    from dimgs.dataset.raw import ReadOptions

    stored, record = law_of(context, law)
    of_table = stored.target.unit.text if display.only_scales(stored.target) else None
    wanted_unit = unit or of_table or stored.target_unit
    points = [at] if isinstance(at, dict) else list(at)
    if not 1 <= len(points) <= _MOST_ROWS:
        raise InputError(f"'at' has {len(points)} points; give 1 to {_MOST_ROWS}.")
    quantities = [
        {n: to_quantity(v, f"'{shown(n)}' of point {k}") for n, v in point.items()}
        for k, point in enumerate(points, 1)
    ]
    wanted = wanted_by(stored)
    for odd in wanted.unknown(name for point in quantities for name in point):
        raise wanted.no_input(odd)
    boxes = [grid_points(point, level) for point in quantities]
    every = [point for box in boxes for point in box]
    data = law_table(wanted, _columns(every), ReadOptions(find_duplicates=False))
    places = stored.places(data)
    beyond = list(dict.fromkeys(str(d) for place in places for d in place.departures))
    try:
        prediction = predicted(stored, {n: data[n] for n in data.names}, level, "run")
    except InputError as error:
        if beyond:
            where = f"The point lies outside the domain of the law: {'; '.join(beyond)}."
            raise InputError(f"{where} {error}") from error
        raise
    values, lows, highs = (np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in prediction)
    rows, first = [], 0
    for box in boxes:
        # the first is the point itself; the others are of its inputs' intervals
        part = slice(first, first := first + len(box))
        ends = {"low": float(lows[part].min()), "high": float(highs[part].max())}
        ends = {"value": float(values[part.start]), **ends}
        interval = in_unit({**ends, "unit": stored.target_unit}, wanted_unit)
        departures = {d.group: d for place in places[part] for d in place.departures}
        far = {n: factor for place in places[part] for n, factor in place.far.items()}
        place = Place(tuple(departures.values()), far)
        rows.append({**{k: interval[k] for k in ends}, **place.to_json()})
    doubts = [str(why) for why in record.get("why_not") or ()]
    doubts += [stored.doubt] if stored.doubt else []
    if beyond:
        doubts.append(f"Outside the domain a value is no answer: {'; '.join(beyond)}.")
    doubts += data.warnings
    if unit is not None:
        turned = other_turning(stored.target.name, parse_unit(unit), stored.target.unit)
        doubts += [f"The target {turned}."] if turned else []
    for point in quantities:
        doubts += [f"'{reading['input']}': {reading['source']}." for reading in readings(point)]
        doubts += [f"'{n}': {meaning_of(q)}." for n, q in point.items() if q.is_interval]
    return {
        "rows": rows,
        "unit": wanted_unit,
        "level": level,
        "law": law,
        "target": stored.target.name,
        "confirmed": record.get("confirmed"),
        "probability": stored.probability,
        "doubts": list(dict.fromkeys(doubts)),
    }


def _columns(points: list[dict[str, ReadQuantity]]) -> dict[str, list[Any]]:
    """Columns with units of points, all in the unit of the first."""
    names = list(points[0])
    odd = next((point for point in points if set(point) != set(names)), None)
    if odd is not None:
        raise InputError(
            f"A point has the inputs {', '.join(map(shown, odd))}, and the first has "
            f"{', '.join(map(shown, names))}; give each the same."
        )
    columns: dict[str, list[Any]] = {}
    for name in names:
        port = Port(name, str(points[0][name].unit))
        columns[f"{name} [{port.unit}]"] = [port_value(port, point[name]) for point in points]
    return columns


def explain(
    context: ToolContext, id: Annotated[str, Field(description="of an entry, law or study")]
) -> Explained:
    """Evidence, reviews and rivals of an entry, and observations that would change it."""
    report = context.document(id, "report.json")
    if report is not None:
        return _of_study(context, id, report)
    hub = context.hub
    entry = hub.get(id)
    content = dict(entry["content"] or {})
    shown_content = _brief({k: v for k, v in content.items() if k not in _LONG})
    study = _study_of(context, entry["id"])
    if study is not None:
        # what the hub does not keep of a law, its study of this session does
        report = context.document(study, "report.json") or {}
        content |= {k: report[k] for k in ("rivals", "probability") if report.get(k)}
    explained = {
        **entry,
        "content": shown_content,
        "evidence": hub.evidence(entry["id"]),
        "rivals": [_rival(r) for r in content.get("rivals") or ()],
        "probability": entry.get("probability", content.get("probability")),
        "would_change": _would_change(entry, content),
        "next_runs": [] if study is None else _next_runs(context, study),
    }
    return _result_of(Explained, explained)


def _study_of(context: ToolContext, law: str) -> str | None:
    """The study of this session that found a law of the hub."""
    kept = ((study, context.document(study, "kept.json") or {}) for study in context.studies())
    return next((study for study, ids in kept if ids.get("law") == law), None)


def _next_runs(context: ToolContext, study: str) -> list[Json]:
    """Runs that would decide between the rivals of a study."""
    return list((context.document(study, "next.json") or {}).get("runs", ()))


# of an entry's content: what has its own place in the answer, or too many lines
_LONG = ("rivals", "probability", "provenance", "result")


def _brief(value: Any) -> Any:
    """Content in which each law is its expression and domain."""
    if isinstance(value, list):
        return [_brief(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "expression" in value and isinstance(value.get("domain"), dict):
        of_law = attempt(_in_units_of_table, value) or value
        return {key: of_law[key] for key in ("expression", "domain")}
    return {k: _brief(v) for k, v in value.items()}


def _of_study(context: ToolContext, id: str, report: Json) -> Explained:
    law = report.get("law") or {}
    why = [*report.get("why_not", ()), *_next(report)]
    return {
        "id": id,
        "kind": "study",
        "title": str(law.get("text") or "no law found"),
        "state": "confirmed" if report.get("confirmed") else "not confirmed",
        "content": {
            "outcome": report.get("outcome"),
            "scores": law.get("scores"),
            "candidates": list(report.get("candidates", ()))[:10],
            "warnings": report.get("warnings", []),
        },
        "evidence": {"provenance": report.get("provenance", {})},
        "reviews": [],
        "rivals": [_rival(r) for r in report.get("rivals") or ()],
        "probability": report.get("probability"),
        "would_change": why,
        "next_runs": _next_runs(context, id),
    }


def _next(report: Json) -> list[str]:
    """Point where the rivals differ most, in words."""
    sentences = []
    for rival in report.get("rivals") or ():
        at = rival.get("differs_most") or {}
        where = ", ".join(f"{n} = {q['value']:.4g} {q.get('unit', '1')}" for n, q in at.items())
        expression = (rival.get("law") or {}).get("text", "a rival")
        if where:
            sentences.append(f"A run at {where} would distinguish the law from {expression}.")
    return sentences


def _would_change(entry: Json, content: Json) -> list[str]:
    reasons = [str(w) for w in content.get("why_not") or ()] + _next(content)
    pertinence = content.get("pertinence") or {}
    if isinstance(pertinence, dict) and pertinence.get("why"):
        reasons.append(str(pertinence["why"]))
    if entry["state"] in DOUBTED:
        reasons.append(f"It is {entry['state']}: {', '.join(c[:12] for c in entry['causes'])}.")
    if not any(r.get("counts") for r in entry["reviews"]):
        reasons.append("There is no review of it.")
    return reasons


# fields of a kernel's card that describe_kernels gives beside the ports
_CARD_FIELDS = ("text", "assumptions", "limitations", "validity", "conservative", "constants",
                "complete", "physics", "maintainer")  # fmt: skip


def read_table(
    context: ToolContext,
    table: Annotated[str, Field(description="empty lists the workspace")] = "",
    rows: int = 5,
    units: dict[str, str] | None = None,
    options: More = None,
) -> TableRead:
    """Read a table: columns, units as understood, ranges, first rows, doubts."""
    if not table.strip():
        paths = context.workspace.tables()
        return {"table": "", "rows": 0, "columns": [], "head": [], "warnings": [], "tables": paths}
    reading = options_of(TableKeywords, {"units": units}, options)
    with context.workspace.file(table) as path:
        data = reading.read(path)
        shown = data.to_pandas().head(max(0, min(rows, 50)))
        return {
            "table": "pasted" if "\n" in table else table,
            "rows": data.n_runs,
            "columns": [_column(data, name) for name in data.names],
            "head": [
                {str(k): _plain(v) for k, v in row.items()} for row in shown.to_dict("records")
            ],
            "warnings": list(data.warnings),
        }


def _column(data: Dataset, name: str) -> Json:
    variable, values = data.variable(name), data[name]
    column: Json = {"name": name, "unit": variable.unit.text}
    if name in data.label_names:
        labels = sorted({str(v) for v in values})
        return {**column, "unit": "label", "labels": labels[:20], "count": len(labels)}
    finite = values[np.isfinite(values)]
    column["dimension"] = str(variable.dimension)
    column["missing"] = int(len(values) - len(finite))
    if len(finite):
        ends = (finite.min(), finite.max())
        column["low"], column["high"] = (variable.unit.from_si(float(end)) for end in ends)
    return column


def _plain(value: Any) -> Any:
    value = plain(value)
    return visible(value)[:200] if isinstance(value, str) else value


def pi_groups(
    context: ToolContext,
    table: Table | None = None,
    variables: Annotated[
        list[str] | None, Field(description="instead of a table: ['rho [kg/m^3]', …]")
    ] = None,
    target: Annotated[str | None, Field(description="a column, or 'dp [Pa]'")] = None,
    constants: list[str] | None = None,
    scales: list[str] | None = None,
    repeating: list[str] | None = None,
    options: More = None,
) -> Groups:
    """Derive the dimensionless groups of a table's columns or of variables, exactly."""
    from dimgs.discovery.prepare import table_basis
    from dimgs.groups.derive import pi_basis, with_target
    from dimgs.report.results import pi_document

    if (table is None) == (variables is None):
        raise InputError(
            "Give either a table or variables, such as ['rho [kg/m^3]', 'U [m/s]', 'dp [Pa]']."
        )
    if variables is None:
        chosen = options_of(FitKeywords, {"constants": constants, "scales": scales}, options)
        with context.workspace.file(table or "") as path:
            data = chosen.read(path, *([target] if target else []))
            basis = table_basis(data, target, chosen.without_reading(), repeating=repeating or None)
    else:
        listed, response = with_target(variables, target)
        chosen = options_of(FitKeywords, {"constants": constants, "scales": scales}, None)
        further: Json = {"constants": chosen.constants, "scales": chosen.scales}
        basis = pi_basis(listed, response, repeating=repeating or None, **further)
    return _result_of(Groups, pi_document(basis))


def describe_kernels(context: ToolContext, name: str | None = None) -> Kernels:
    """List the simulators that may run, or give one's card: inputs, units, ranges, cost."""
    if name is not None:
        return {"kernels": [_card(context, name)]}
    kernels = []
    for listed in context.kernels():
        try:
            kernel = context.kernel(listed)
        except DimgsError as error:
            kernels.append({"name": listed, "usable": False, "why": str(error)})
            continue
        ports = {p.name: p.unit for p in kernel.inputs}
        outputs = {p.name: p.unit for p in kernel.outputs}
        tiers = {t.name: t.cost for t in kernel.tiers}
        description = {"name": listed, "usable": True, "inputs": ports, "outputs": outputs}
        kernels.append({**description, "seconds_by_tier": tiers})
    return {"kernels": kernels}


def _card(context: ToolContext, name: str) -> Json:
    kernel = context.kernel(name)
    id, card = context.card(name)
    return {
        "name": name,
        "usable": True,
        "version": kernel.version,
        "inputs": plain(port_records(kernel.inputs)),
        "outputs": plain(port_records(kernel.outputs)),
        "seconds_by_tier": {t.name: t.cost for t in kernel.tiers},
        "card": id,
        **{key: card[key] for key in _CARD_FIELDS if card.get(key)},
    }


# what a model reads of a hub at once
_MOST = 100
# entries that steer what dimgs computes are drafted as remarks, until a person adds them
_DIRECT = ("question", "annotation")


def search_hub(
    context: ToolContext,
    kind: str | None = None,
    text: str | None = None,
    kernel: str | None = None,
    physics: str | None = None,
    where: Annotated[list[str], Field(description="runs: ['D=1e-16..1e-12 m^2/s']")] = [],  # noqa: B006
    group: Annotated[list[str], Field(description="runs: ['D*t/l^2=0.1..10']")] = [],  # noqa: B006
    limit: int = 20,
) -> RunsResult:
    """Find entries (question, card, law, answer, …) or runs that the group has already."""
    hub, most = context.hub, max(1, min(limit, _MOST))
    if kernel is not None and (reference := attempt(context.reference, kernel)) is not None:
        # as its runs name it
        kernel = context.kernel(reference).name
    if kind == "run" or where or group or physics:
        page = hub.query(kernel, physics, where, group, most)
        return {"count": page["count"], "entries": [], "runs": page["runs"]}
    entries = hub.listed(kind=kind, text=text, kernel=kernel, limit=most, newest=True)
    return {"count": len(entries), "entries": entries, "runs": []}


def ask(
    context: ToolContext,
    target: str,
    at: Point,
    kernel: str | None = None,
    physics: str | None = None,
    tolerance: float = 0.1,
    unit: str | None = None,
) -> AnswerResult:
    """Answer from what the hub has: a run, similitude, law; else the cost. '1..9 m': curve."""
    if (kernel is None) == (physics is None):
        raise InputError("Give either 'kernel' or 'physics', as describe_kernels lists them.")
    from dimgs.ask import ask as answered

    point = {n: to_quantity(v, f"'{shown(n)}'") for n, v in at.items()}
    # a kernel that the policy does not list is not loaded
    reference = None if kernel is None else attempt(context.reference, kernel)
    asked: Json = {"kernel": reference or kernel, "physics": physics, "tolerance": tolerance}
    asked["load"] = reference is not None
    answer = answered(target, point, context.hub, **asked).to_json()
    if answer["answer"] is not None:
        answer["answer"] = in_unit(answer["answer"], unit)
    answer["assumptions"] = [*answer["assumptions"], *readings(point)]
    return _result_of(AnswerResult, answer)


def propose_entry(
    context: ToolContext,
    kind: Literal[
        "question", "annotation", "card", "law", "limit", "protocol", "answer", "dataset"
    ],
    content: Json,
    about: Annotated[str | None, Field(description="id that it is about")] = None,
) -> Proposed:
    """Draft an entry for review by a person; nothing rests on it before."""
    hub = context.hub
    draft = {k: v for k, v in content.items() if k not in ("kind", "links", "visibility", "until")}
    checked(kind, draft)
    if kind in _DIRECT:
        entry = {**draft, "kind": kind, "tags": [*draft.get("tags", []), "draft"]}
    else:
        title = str(draft.get("title") or draft.get("text") or draft.get("kernel") or kind)
        text = f"Draft of a {kind}: {title}"[:1000]
        entry = {"kind": "annotation", "type": "insight", "text": text, "tags": ["draft"]}
        entry["draft"] = {"kind": kind, **draft}
    if entry["kind"] == "annotation" and entry.get("type") == "dispute":
        raise InputError("A dispute withdraws an entry from use; ask a person to dispute it.")
    links = [] if about is None else [("annotates", hub.get(about)["id"])]
    id = hub.add_linked(entry, links)
    return {"id": id, "state": "draft", "review": f"dimgs hub show {id[:12]}"}


# the names that stay, in the order in which they are listed
_LISTED = (describe_kernels, search_hub, read_table, pi_groups, discover_law, predict, ask,
           plan_campaign, start_campaign, job_status, explain, propose_entry)  # fmt: skip
TOOLS: dict[str, Callable[..., Any]] = {tool.__name__: tool for tool in _LISTED}


class Tools:
    """The tools of dimgs for language models.

    None of it accepts, deletes, changes a policy, runs a kernel that the policy does not list, or
    reads outside the workspace.

    Parameters
    ----------
    context : ToolContext

    Examples
    --------
    >>> from dimgs.agent.context import ToolContext
    >>> tools = Tools(ToolContext())
    >>> groups = tools.pi_groups(variables=["L [m]", "g [m/s^2]", "T [s]"], target="T")
    >>> groups["rank"], groups["response"]["exponents"]
    (2, {'L': '-1/2', 'T': '1', 'g': '1/2'})
    """

    def __init__(self, context: ToolContext) -> None:
        self.context = context

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in TOOLS:
            raise AttributeError(f"There is no tool '{name}'; there are {', '.join(TOOLS)}.")
        return MethodType(TOOLS[name], self.context)


def each(context: ToolContext) -> dict[str, Callable[..., Any]]:
    """The tools of a context by name, which advise in terms of their arguments."""
    return {n: worded(in_arguments)(MethodType(tool, context)) for n, tool in TOOLS.items()}
