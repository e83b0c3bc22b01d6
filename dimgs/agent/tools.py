"""The tools: few, typed, and the same for every model, server and script."""

from collections.abc import Callable
from functools import wraps
from types import MethodType
from typing import Annotated, Any, Literal

from pydantic import Field

from dimgs.agent.arguments import given_quantity, in_arguments, in_unit, readings
from dimgs.agent.bench import Bench
from dimgs.agent.campaigns import job_status, plan_campaign, start_campaign
from dimgs.agent.laws import discover_law, explain, predict
from dimgs.agent.schemas import AnswerResult, Json, Point, Proposed, RunsResult
from dimgs.agent.tables import describe_kernels, pi_groups, read_table
from dimgs.common.advice import worded
from dimgs.common.errors import InputError
from dimgs.common.formats import shown

# what a model reads of a hub at once
_MOST = 100
# entries that steer what dimgs computes are drafted as remarks, until a person adds them
_DIRECT = ("question", "annotation")


def search_hub(
    bench: Bench,
    kind: str | None = None,
    text: str | None = None,
    kernel: str | None = None,
    physics: str | None = None,
    where: Annotated[list[str], Field(description="runs: ['D=1e-16..1e-12 m^2/s']")] = [],  # noqa: B006
    group: Annotated[list[str], Field(description="runs: ['D*t/l^2=0.1..10']")] = [],  # noqa: B006
    limit: int = 20,
) -> RunsResult:
    """Find entries (question, card, law, answer, …) or runs that the group has already."""
    hub, most = bench.hub, max(1, min(limit, _MOST))
    if kernel is not None:
        kernel = own_name(bench, kernel)
    if kind == "run" or where or group or physics:
        found = hub.query(kernel, physics, where, group, most)
        return {"count": found["count"], "entries": [], "runs": found["runs"]}
    entries = hub.listed(kind=kind, text=text, kernel=kernel, limit=most, newest=True)
    return {"count": len(entries), "entries": entries, "runs": []}


def ask(
    bench: Bench,
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

    point = {n: given_quantity(v, f"'{shown(n)}'") for n, v in at.items()}
    known = None if kernel is None else known_kernel(bench, kernel)
    found = answered(
        target,
        point,
        bench.hub,
        kernel=known or kernel,
        physics=physics,
        tolerance=tolerance,
        load=known is not None,
    ).to_json()
    if found["answer"] is not None:
        found["answer"] = in_unit(found["answer"], unit)
    found["assumptions"] = [*found["assumptions"], *readings(point)]
    document: AnswerResult = found
    return document


def known_kernel(bench: Bench, name: str) -> str | None:
    """A kernel as the policy lists it; None where it does not, so that it is not loaded."""
    try:
        return bench.reference(name)
    except InputError:
        return None


def own_name(bench: Bench, name: str) -> str:
    """A kernel as its runs name it."""
    known = known_kernel(bench, name)
    return name if known is None else bench.kernel(known).name


def propose_entry(
    bench: Bench,
    kind: Literal[
        "question", "annotation", "card", "law", "limit", "protocol", "answer", "dataset"
    ],
    content: Json,
    about: Annotated[str | None, Field(description="id that it is about")] = None,
) -> Proposed:
    """Draft an entry for review by a person; nothing rests on it before."""
    from dimgs.hub.entry import checked

    hub = bench.hub
    draft = {k: v for k, v in content.items() if k not in ("kind", "links", "visibility", "until")}
    checked(kind, draft)
    if kind in _DIRECT:
        entry = {**draft, "kind": kind, "tags": [*draft.get("tags", []), "draft"]}
    else:
        told = str(draft.get("title") or draft.get("text") or draft.get("kernel") or kind)
        entry = {
            "kind": "annotation",
            "type": "insight",
            "text": f"Draft of a {kind}: {told}"[:1000],
            "draft": {"kind": kind, **draft},
            "tags": ["draft"],
        }
    if entry["kind"] == "annotation" and entry.get("type") == "dispute":
        raise InputError("A dispute changes what may be used; a person disputes an entry.")
    links = [] if about is None else [("annotates", hub.get(about)["id"])]
    id = hub.add_linked(entry, links)
    return {"id": id, "state": "draft", "review": f"dimgs hub show {id[:12]}"}


# the names that stay, in the order in which they are listed
TOOLS: dict[str, Callable[..., Any]] = {
    tool.__name__: tool
    for tool in (
        describe_kernels,
        search_hub,
        read_table,
        pi_groups,
        discover_law,
        predict,
        ask,
        plan_campaign,
        start_campaign,
        job_status,
        explain,
        propose_entry,
    )
}


class Tools:
    """What a language model may do with dimgs.

    None of it accepts, deletes, changes a policy, runs a kernel that the policy does not list, or
    reads outside the workspace.

    Parameters
    ----------
    bench : Bench

    Examples
    --------
    >>> from dimgs.agent.bench import Bench
    >>> tools = Tools(Bench())
    >>> found = tools.pi_groups(variables=["L [m]", "g [m/s^2]", "T [s]"], target="T")
    >>> found["rank"], found["response"]["exponents"]
    (2, {'L': '-1/2', 'T': '1', 'g': '1/2'})
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in TOOLS:
            raise AttributeError(f"There is no tool '{name}'; there are {', '.join(TOOLS)}.")
        return MethodType(TOOLS[name], self.bench)


def each(bench: Bench) -> dict[str, Callable[..., Any]]:
    """The tools of a bench by name, which advise in terms of their arguments."""
    return {name: _advising(MethodType(tool, bench)) for name, tool in TOOLS.items()}


def _advising(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*given: Any, **named: Any) -> Any:
        with worded(in_arguments):
            return method(*given, **named)

    return call
