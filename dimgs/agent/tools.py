"""The tools: few, typed, and the same for every model, server and script."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Literal

from pydantic import Field

from dimgs.agent import campaigns, laws, tables
from dimgs.agent.amounts import in_unit, label_or_amount, readings
from dimgs.agent.bench import Bench
from dimgs.agent.results import (
    AnswerResult,
    Explained,
    Groups,
    JobState,
    Json,
    Kernels,
    LawFound,
    Planned,
    Predicted,
    Proposed,
    Quantity,
    RunsResult,
    Started,
    TableRead,
)
from dimgs.errors import DimgsError, InputError
from dimgs.formats import shown

# what a model reads of a hub at once
_MOST = 100
# entries that steer what dimgs computes are drafted as remarks, until a person adds them
_DIRECT = ("question", "annotation")
# what dimgs advises, which names options of the command line
_ADVICE = frozenset(["warnings", "missing", "why", "why_not", "doubts", "suggestions", "notes"])
_OPTION = re.compile(r"(?<![\w-])--(?=[a-z])")

Table = Annotated[str, Field(description="path in the workspace, or CSV text with units in header")]
Point = Annotated[dict[str, Quantity], Field(description="inputs: {'l': '80 µm', …}")]


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

    def describe_kernels(self, name: str | None = None) -> Kernels:
        """List the simulators that may run, or give one's card: inputs, units, ranges, cost."""
        return tables.kernels(self.bench, name)

    def search_hub(
        self,
        kind: str | None = None,
        text: str | None = None,
        kernel: str | None = None,
        physics: str | None = None,
        where: Annotated[list[str], Field(description="runs: ['D=1e-16..1e-12 m^2/s']")] = [],  # noqa: B006
        group: Annotated[list[str], Field(description="runs: ['D*t/l^2=0.1..10']")] = [],  # noqa: B006
        limit: int = 20,
    ) -> RunsResult:
        """Find entries (question, card, law, answer, …) or runs that the group has already."""
        hub, most = self.bench.hub, max(1, min(limit, _MOST))
        if kernel is not None:
            kernel = own_name(self.bench, kernel)
        if kind == "run" or where or group or physics:
            found = hub.query(kernel, physics, where, group, most)
            return {"count": found["count"], "entries": [], "runs": found["runs"]}
        entries = hub.listed(kind=kind, text=text, kernel=kernel, limit=most, newest=True)
        return {"count": len(entries), "entries": entries, "runs": []}

    def read_table(
        self,
        table: Annotated[str, Field(description="as elsewhere; empty lists the workspace")] = "",
        rows: int = 5,
        units: dict[str, str] | None = None,
    ) -> TableRead:
        """Read a table: columns, units as understood, ranges, first rows, doubts."""
        return tables.read(self.bench, table, rows, units)

    def pi_groups(
        self,
        table: Table | None = None,
        variables: Annotated[
            list[str] | None, Field(description="instead of a table: ['rho [kg/m^3]', …]")
        ] = None,
        target: str | None = None,
        constants: list[str] | None = None,
        scales: list[str] | None = None,
        repeating: list[str] | None = None,
    ) -> Groups:
        """Derive the dimensionless groups of a table's columns or of variables, exactly."""
        return tables.groups(self.bench, table, variables, target, constants, scales, repeating)

    def discover_law(
        self,
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
    ) -> LawFound:
        """Search a table for a law, checked on unseen runs. 'confirmed' false: no reliable law."""
        options: Json = {
            "columns": columns,
            "units": units,
            "constants": constants,
            "scales": scales,
            "within": within,
            "time_limit": seconds,
            "seed": seed,
        }
        return laws.discover(self.bench, table, target, options, keep)

    def predict(
        self,
        law: Annotated[str, Field(description="id from discover_law or search_hub")],
        at: Point | list[Point],
        level: float = 0.9,
        unit: str | None = None,
    ) -> Predicted:
        """Value of a law in 'unit', with interval; 'outside': groups beyond its domain."""
        return laws.predict(self.bench, law, at, level, unit)

    def ask(
        self,
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
        from dimgs.ask import ask
        from dimgs.hub.ranges import is_range

        spans = {n: v for n, v in at.items() if isinstance(v, str) and is_range(v)}
        given = {n: label_or_amount(v, f"'{shown(n)}'") for n, v in at.items() if n not in spans}
        point: Json = {n: (q["value"], q["unit"]) for n, q in given.items()}
        known = None if kernel is None else known_kernel(self.bench, kernel)
        found = ask(
            target,
            _text(point, spans) if spans else point,
            self.bench.hub,
            kernel=known or kernel,
            physics=physics,
            tolerance=tolerance,
            load=known is not None,
        ).to_json()
        if found["answer"] is not None:
            found["answer"] = in_unit(found["answer"], unit)
        found["assumptions"] = [*found["assumptions"], *readings(given)]
        document: AnswerResult = found
        return document

    def plan_campaign(
        self,
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
        return campaigns.plan(self.bench, kernel, target, at, ranges, runs, tolerance, tier)

    def start_campaign(self, plan: str) -> Started:
        """Start a plan as a job of the hub; above the cost limit a person has to approve it."""
        return campaigns.start(self.bench, plan)

    def job_status(
        self, job: str, wait: Annotated[float, Field(description="seconds, to 300")] = 0.0
    ) -> JobState:
        """State and results of a job; for a failure what was said, means, and to try."""
        return campaigns.status(self.bench, job, wait)

    def explain(
        self, id: Annotated[str, Field(description="of an entry, law or study")]
    ) -> Explained:
        """What it rests on, its reviews and rivals, and what would change it."""
        return laws.explain(self.bench, id)

    def propose_entry(
        self,
        kind: Literal[
            "question", "annotation", "card", "law", "limit", "protocol", "answer", "dataset"
        ],
        content: Json,
        about: Annotated[str | None, Field(description="id that it is about")] = None,
    ) -> Proposed:
        """Draft an entry for review by a person; nothing rests on it before."""
        return propose(self.bench, kind, content, about)


def _text(point: Json, spans: Json) -> str:
    """A point with a range in it, as it is typed."""
    parts = [f"{n}={v}" if u == "label" else f"{n}={v!r} {u}" for n, (v, u) in point.items()]
    return ", ".join([*parts, *(f"{n}={text}" for n, text in spans.items())])


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


def propose(bench: Bench, kind: str, content: Json, about: str | None) -> Proposed:
    """Add a draft: a question or remark as such, anything else inside a remark."""
    from dimgs.hub.kinds import checked

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
NAMES = (
    "describe_kernels",
    "search_hub",
    "read_table",
    "pi_groups",
    "discover_law",
    "predict",
    "ask",
    "plan_campaign",
    "start_campaign",
    "job_status",
    "explain",
    "propose_entry",
)


def each(tools: Tools) -> dict[str, Callable[..., Any]]:
    """The tools by name, which advise in words of their arguments."""
    return {name: _advising(getattr(tools, name)) for name in NAMES}


def _advising(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return _in_arguments(method(*given, **named), False)
        except DimgsError as error:
            error.args = tuple(_in_arguments(part, True) for part in error.args)
            raise

    return call


def _in_arguments(value: Any, told: bool) -> Any:
    """A result in whose advice options of the command line are arguments."""
    if isinstance(value, dict):
        return {k: _in_arguments(v, told or k in _ADVICE) for k, v in value.items()}
    if isinstance(value, list):
        return [_in_arguments(part, told) for part in value]
    if not told or not isinstance(value, str):
        return value
    return _OPTION.sub("", value.replace("--scale ", "scales "))


__all__ = ["NAMES", "Tools", "each", "propose"]
