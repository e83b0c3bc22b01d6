"""What the tools take and give back: the schemas of quantities, tables and results."""

from typing import Annotated, Any, NotRequired

from pydantic import Field

# pydantic reads these at run time
from typing_extensions import TypedDict

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


class LawFound(TypedDict):
    """What a search came to."""

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
    """How a job stands, what it came to, and what a failure means."""

    job: str
    state: str
    said: str
    means: str
    remedy: str
    runs: list[Json]
    result: Json | None
    law: str | None


class Explained(TypedDict):
    """What an answer rests on, and what would change it."""

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
