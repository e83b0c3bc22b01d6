"""Records of agents: decisions in the hub, and their replay without the model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dimgs.agent.context import ToolContext
from dimgs.agent.server import checked_arguments, tools_of
from dimgs.agent.session import INSTRUCTIONS, Session
from dimgs.agent.tools import each
from dimgs.common.advice import Act, Step
from dimgs.common.errors import DimgsError, InputError
from dimgs.common.formats import plain, shown
from dimgs.hub import Hub
from dimgs.hub.acts import AGENT
from dimgs.hub.entry import Address, Document, Json
from dimgs.hub.hub import is_remote
from dimgs.hub.jobs import Policy, work

# what differs from run to run and is not a number of an answer
_TIMES = frozenset({"seconds", "wall_seconds", "time", "provenance", "warnings", "note"})
# of an id: SHA-256
_ID_DIGITS = 64


def keep(
    context: ToolContext, session: Session, document: Document, model: str, failure: str
) -> str | None:
    """Keep what an agent did as a decision: question, model, calls with sources, results, answer.

    Returns
    -------
    str or None
        Id of the decision; None without a hub to keep it in.
    """
    if not context.has_hub or not context.hub.may("add", "open", is_author=True):
        return None
    answer = {k: v for k, v in document.items() if k not in ("transcript", "decision")}
    basis = {
        "question": session.question,
        "safe": session.sources.safe,
        "model": model,
        "prompt": INSTRUCTIONS,
        "calls": [call.to_json() for call in session.calls],
        "replies": session.asked,
        "answer": answer,
        "failure": failure,
        "hub": session.begun,
    }
    entry = {"kind": "decision", "action": AGENT, "text": session.question, "known": plain(basis)}
    ids = dict.fromkeys(str(e["id"]) for e in document["evidence"] if len(str(e["id"])) == 64)
    return context.hub.add_linked(entry, [("derived", id) for id in ids])


def replay(
    hub: Hub, id: str, policy: Address | Policy | None = None, workspace: Address | None = None
) -> Json:
    """Make the calls of a decision again, without a model, against the hub as it was.

    Parameters
    ----------
    hub : Hub
        A copy of it is asked; behind a server, where some entries are hidden, the hub as it is now.
    id : str
        Of the decision.
    policy, workspace
        As the agent had them.

    Returns
    -------
    dict
        "same", "as_it_was" (whether the hub was brought back to its state then), and "calls" with
        tool, whether they gave the same numbers, and the first that differs.

    Raises
    ------
    InputError
        If the entry is not a decision of an agent.
    """
    entry = hub.get(id)
    basis = (entry["content"] or {}).get("known")
    if entry["kind"] != "decision" or not isinstance(basis, dict) or "calls" not in basis:
        raise InputError(
            f"'{shown(id[:12])}' is not a decision of an agent; see {Act(Step.LIST_ENTRIES)}."
        )
    comparisons = []
    with _copy_of_then(hub, basis.get("hub") or {}) as (then, exact):
        context = ToolContext(then.for_agent(), policy, workspace)
        context.policy = _changed(context.policy, worker=False)
        try:
            comparisons = _calls(context, then, basis["calls"])
        finally:
            context.close()
    same = all(call["same"] for call in comparisons)
    return {"id": entry["id"], "same": same, "as_it_was": exact, "calls": comparisons}


def _calls(context: ToolContext, hub: Hub, calls: list[Json]) -> list[Json]:
    tools, methods = each(context), tools_of(context)
    ids: dict[str, str] = {}
    comparisons = []
    for number, call in enumerate(calls, 1):
        tool, repeated, error = call["tool"], None, ""
        if "result" not in call:
            # it was refused before anything was computed
            comparisons.append({"call": number, "tool": tool, "same": True, "differs": None})
            continue
        try:
            arguments = checked_arguments(methods[tool], _renamed(call["arguments"], ids))
            repeated = tools[tool](**arguments)
            if tool == "start_campaign":
                # the jobs that were approved then are run here at once
                work(hub, _changed(context.policy, approve_above=context.policy.seconds), once=True)
        except DimgsError as refused:
            error = str(refused)
        unfinished = tool in ("job_status", "start_campaign")
        late = unfinished and call["result"].get("state") not in ("done", "failed")
        # ids are paired also where the job has not ended
        difference = _difference(call["result"], repeated, ids, "")
        differs = error or ("" if late else difference)
        comparison = {"call": number, "tool": tool, "same": not differs, "differs": differs or None}
        comparisons.append(comparison)
    return comparisons


def _changed(policy: Policy, **limits: Any) -> Policy:
    """The policy with other limits of agents."""
    return policy.model_copy(update={"agent": policy.agent.model_copy(update=limits)})


def _renamed(value: Any, ids: Mapping[str, str]) -> Any:
    """Arguments in which ids of then are those of now."""
    if isinstance(value, dict):
        return {k: _renamed(v, ids) for k, v in value.items()}
    if isinstance(value, list):
        return [_renamed(v, ids) for v in value]
    if not isinstance(value, str):
        return value
    whole = [then for then in ids if len(value) >= 8 and then.startswith(value)]
    return ids[whole[0]] if len(whole) == 1 else value


def _difference(then: Any, now: Any, ids: dict[str, str], place: str) -> str:
    """The first number that differs, and where; ids are paired on the way."""
    parts: list[tuple[Any, Any, str]] = []
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        dot = f"{place}." if place else ""
        parts = [(then[k], now.get(k), f"{dot}{k}") for k in then if k not in _TIMES]
    elif isinstance(then, list) and isinstance(now, list | tuple):
        if len(then) != len(now):
            return f"{place} has {len(now)} parts, and had {len(then)}"
        parts = [(then[k], now[k], f"{place}[{k}]") for k in range(len(then))]
    for before, after, where in parts:
        if difference := _difference(before, after, ids, where):
            return difference
    if isinstance(then, str) and isinstance(now, str) and len(then) == _ID_DIGITS:
        ids[then] = now
    is_number = isinstance(then, int | float) and not isinstance(then, bool)
    if is_number and (not isinstance(now, int | float) or then != now):
        return f"{place} is {now}, and was {then}"
    return ""


@contextmanager
def _copy_of_then(hub: Hub, digest: Document) -> Iterator[tuple[Hub, bool]]:
    """A copy of the hub as it was, and whether it is just that, shown by its digest.

    Of a hub behind a server some entries may be hidden from whoever asks: it is asked as it is now.
    """
    entries = digest.get("entries")
    if not isinstance(entries, int):
        yield hub, False
        return
    from dimgs.hub.hub import copy_as_it_was

    with TemporaryDirectory(prefix="dimgs-replay-") as folder:
        copy = Path(folder) / "hub.sqlite"
        copy_as_it_was(hub, entries, copy)
        with Hub(copy, user=hub.user) as then:
            if exact := then.digest() == digest or not is_remote(hub.address):
                yield then, exact
            else:
                yield hub, hub.digest() == digest
