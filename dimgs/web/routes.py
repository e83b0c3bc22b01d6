"""The REST of a hub: one table of routes, which the server answers and OpenAPI describes.

A route calls a method of the hub for the sender of the request; the hub checks their rights.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from dimgs.ask import ask
from dimgs.common.errors import InputError
from dimgs.common.formats import MOST_BYTES, validated
from dimgs.hub import Hub
from dimgs.hub.bundle import documents
from dimgs.hub.entry import Document, Json, ReviewPart, checked, run_record

# bytes of a request: a sync sends less at once; what reads is asked by anybody, and 10,000 ids are
# the longest
_LINES, _QUESTION = 64 << 20, 1 << 20


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class ReviewBody(_Body, ReviewPart):
    """A review."""


class AnnotationBody(_Body):
    """A remark."""

    type: Literal["insight", "bug", "validation"]
    text: str


class TextBody(_Body):
    """Body of a remark, review or dispute."""

    text: str = ""


class EntryBody(BaseModel):
    """An entry: its kind, what the kind holds, and its links, visibility and embargo."""

    model_config = ConfigDict(strict=True, extra="allow")

    kind: str


class ChangesBody(BaseModel):
    """Keys of an entry that differ from those of its parent."""

    model_config = ConfigDict(strict=True, extra="allow")


class SettlementBody(_Body):
    """Body of a settlement: a result that was derived again without rejected entries."""

    document: Json
    confirmed: bool


class RunsBody(_Body):
    """Runs, each as an entry of the kind run holds it."""

    runs: Annotated[list[Json], Field(max_length=10_000)]
    links: list[Json] = []


class IdsBody(_Body):
    """Whole ids."""

    ids: Annotated[list[str], Field(max_length=10_000)]


class FileBody(_Body):
    """Content of a file, in base 64."""

    data: str


_Pair = Annotated[list[float | int | str | None], Field(min_length=2, max_length=2)]


class AskBody(_Body):
    """A question about a point: inputs as quantities, or as pairs of value and unit.

    A unit that is null is that of the kernel.
    """

    target: str
    at: dict[str, _Pair | dict[str, float | int | str] | str]
    kernel: str | None = None
    physics: str | None = None
    tolerance: float | int = 0.1
    level: float | int = 0.9


class UserBody(_Body):
    """A user of the hub."""

    role: str
    password: str | None = None


class TokenBody(_Body):
    """Lifetime and scope of a token."""

    days: float | int = 30.0
    scope: str = "read"


class NameBody(_Body):
    """Whose a key is."""

    name: str = ""


@dataclass(frozen=True)
class RestCall:
    """A REST request: the hub for its sender, and its parameters."""

    hub: Hub
    path: Mapping[str, str]
    query: Document
    body: Any = None

    @property
    def id(self) -> str:
        """Id of the requested entry."""
        return self.path["id"]


@dataclass(frozen=True)
class Lines:
    """An answer of JSON lines."""

    lines: Iterator[Json]


@dataclass(frozen=True)
class Route:
    """One thing that the server does.

    Attributes
    ----------
    method, path : str
    run : callable
        Gives the JSON of the answer, or :class:`Lines`.
    summary : str
    query : type
        Schema of the parameters.
    body : type, optional
        Schema of the body; :class:`Lines` for JSON lines.
    reads : bool
        Whether a token that may only read suffices.
    """

    method: str
    path: str
    run: Callable[[RestCall], Any]
    summary: str
    query: type[BaseModel] = _Body
    body: Any = None
    reads: bool = False

    @property
    def status(self) -> int:
        """Status of an answer."""
        return 201 if self.method == "POST" and not self.reads else 200

    @property
    def longest(self) -> int:
        """Bytes that a body may have."""
        return _LINES if self.body is Lines else _QUESTION if self.reads else MOST_BYTES


def _entry(call: RestCall) -> Json:
    return {"id": call.hub.once(call.body) if call.query.get("once") else call.hub.add(call.body)}


def _runs(call: RestCall) -> Json:
    hub = call.hub
    with hub.database.transaction(read=True) as connection:
        links = hub.checked_links(call.body.get("links", []), connection)
    records = [run_record(checked("run", content)) for content in call.body["runs"]]
    return {"ids": hub.add_runs(records, links)}


def _ask(call: RestCall) -> Json:
    body = dict(call.body)
    # a kernel of the server's own, which no request names as a file
    return asdict(ask(body.pop("target"), body.pop("at"), call.hub, load=False, **body))


def _settle(call: RestCall) -> Json:
    body = call.body
    return {"id": call.hub.settle(call.id, body["document"], (), confirmed=body["confirmed"])}


def _bundle(call: RestCall) -> Json:
    merged = call.hub.take(documents(call.body, "the request"), f"sent by {call.hub.user}")
    return {**merged.to_json(), "keys": sorted(merged.keys)}


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise InputError("The file is not text in base 64.") from error


def _done(act: Callable[..., None], *values: Any, **named: Any) -> Json:
    act(*values, **named)
    return {"done": True}


# what is done with an entry: the method of the hub, which has the name of the right that it needs
ACTS: dict[str, tuple[str, type[BaseModel], str]] = {
    "reviews": ("review", ReviewBody, "Review an entry of another author"),
    "annotations": ("annotate", AnnotationBody, "Add a remark on an entry"),
    "disputes": ("dispute", TextBody, "Doubt an entry"),
    "forks": ("fork", ChangesBody, "Copy an entry, with changes"),
    "approvals": ("approve", TextBody, "Let an imported protocol, card or job run here"),
    "redactions": ("redact", TextBody, "Remove the content of an entry"),
}


def _act(name: str) -> Route:
    method, body, summary = ACTS[name]

    def run(call: RestCall) -> Json:
        given = {"document": call.body} if body is ChangesBody else call.body
        return {"id": getattr(call.hub, method)(call.id, **given)}

    return Route("POST", f"/entries/{{id}}/{name}", run, summary, _Body, body)


ACT_ROUTES = {name: _act(name) for name in ACTS}


def _typed(texts: str = "", **others: Any) -> type[BaseModel]:
    """Parameters of an address: texts, and those of other kinds."""
    kinds = {**dict.fromkeys(texts.split(), str), **others}
    fields: Json = {name: (kind, None) for name, kind in kinds.items()}
    return create_model("Parameters", __config__=ConfigDict(extra="forbid"), **fields)


_Whole = Annotated[int, Field(ge=0, lt=10**12)]
_FILTERS = _typed(
    "kernel physics author tag state tier review since until",
    where=list[str], group=list[str], limit=_Whole, every=bool,
)  # fmt: skip
_LISTED = _typed("kind state author tag text kernel", limit=_Whole, newest=bool)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/me", lambda c: {"user": c.hub.user, "role": c.hub.role}, "Who asks"),
    Route("GET", "/entries", lambda c: {"entries": c.hub.listed(**c.query)}, "Entries with their "
          "states", _LISTED),
    Route("POST", "/entries", _entry, "Add an entry; with once, only where none is equal",
          _typed(once=bool), EntryBody),
    Route("GET", "/entries/{id}", lambda c: c.hub.get(c.id), "An entry with its state, links and "
          "reviews"),
    Route("GET", "/entries/{id}/difference", lambda c: {"difference": c.hub.difference(c.id)},
          "Differences between a fork and its parent"),
    Route("GET", "/entries/{id}/evidence", lambda c: c.hub.evidence(c.id),
          "Entries that an entry depends on, and entries that depend on it"),
    Route("GET", "/entries/{id}/history", lambda c: {"ids": c.hub.history(c.id)},
          "Ids of all entries that an entry depends on"),
    *ACT_ROUTES.values(),
    Route("POST", "/entries/{id}/settlements", _settle,
          "Add a result that was derived again without rejected entries", _Body, SettlementBody),
    Route("GET", "/runs", lambda c: c.hub.query(**c.query), "Runs by ranges of inputs and groups",
          _FILTERS),
    Route("POST", "/runs", _runs, "Add runs", _Body, RunsBody),
    Route("POST", "/asks", _ask, "An answer from the entries of the hub", body=AskBody,
          reads=True),
    Route("GET", "/kernels", lambda c: {"kernels": c.hub.kernels()}, "Kernels that have runs"),
    Route("GET", "/digest", lambda c: c.hub.digest(), "A hash of all entries, and their number"),
    Route("GET", "/files",
          lambda c: {"files": c.hub.files(**c.query), "wanted": c.hub.wanted_files()},
          "Hashes of the files that entries name, here and not here", _typed(everything=bool)),
    Route("GET", "/files/{digest}",
          lambda c: {"data": b64encode(c.hub.file(c.path["digest"])).decode()},
          "Content of a file, in base 64"),
    Route("POST", "/files", lambda c: {"sha256": c.hub.put_file(_bytes(c.body["data"]))},
          "Keep a file that an entry names", _Body, FileBody),
    Route("GET", "/ids", lambda c: {"ids": c.hub.ids(**c.query)}, "Ids of all open entries; with "
          "everything, of all, for an admin", _typed("kind", everything=bool)),
    Route("POST", "/documents", lambda c: Lines(c.hub.documents(c.body["ids"])),
          "Entries with their signatures, as JSON lines", _Body, IdsBody, reads=True),
    Route("POST", "/bundle", _bundle, "Take entries of another hub, as JSON lines", _Body, Lines),
    Route("GET", "/key", lambda c: {"key": c.hub.key(), "trusted": c.hub.trusted()},
          "Public key of this hub, and those that it trusts"),
    Route("PUT", "/trusted/{key}", lambda c: _done(c.hub.trust, c.path["key"], c.body["name"]),
          "Count reviews that another hub has signed", _Body, NameBody),
    Route("DELETE", "/trusted/{key}", lambda c: _done(c.hub.distrust, c.path["key"]),
          "Stop counting them"),
    Route("GET", "/users", lambda c: {"users": c.hub.users()}, "Users with their roles"),
    Route("PUT", "/users/{name}", lambda c: _done(c.hub.set_user, c.path["name"], **c.body),
          "Register a user, or give one another role or password", _Body, UserBody),
    Route("POST", "/users/{name}/tokens",
          lambda c: {"token": c.hub.new_token(c.path["name"], **c.body)},
          "Make a token, which is shown only now", _Body, TokenBody),
    Route("DELETE", "/tokens/{token}", lambda c: _done(c.hub.revoke, c.path["token"]),
          "Revoke a token, by its part before the dot"),
)  # fmt: skip


def as_lines(answer: Lines) -> str:
    """Text of JSON lines."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in answer.lines)


def body_of(route: Route, document: Any) -> Any:
    """A document that was sent, checked by the schema of the route.

    Raises
    ------
    InputError
    """
    read = validated(route.body, document, "The body cannot be used: ")
    # keys that are not known are content, and stay as they are
    is_whole = read.model_config.get("extra") == "allow"
    return document if is_whole else read.model_dump(exclude_none=True)


BASE = "/api/v1"
_STATUSES = {
    "400": "It cannot be used",
    "401": "A token is needed",
    "403": "The user or the token may not do that",
    "404": "There is no such entry",
    "413": "It is too long",
    "429": "Too many attempts",
    "503": "The database cannot be used now",
}


@cache
def openapi() -> Json:
    """The document ``openapi.json``."""
    import dimgs

    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(f"{BASE}{route.path}", {})[route.method.lower()] = _operation(route)
    sentence = {"type": "string", "description": "One sentence."}
    error = {"type": "object", "properties": {"error": sentence}, "required": ["error"]}
    token = {"type": "http", "scheme": "bearer", "bearerFormat": "id.secret"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dimgs hub",
            "version": dimgs.__version__,
            "description": "Shared and reviewed questions, runs, laws and answers.",
        },
        "paths": paths,
        "security": [{"token": []}, {}],
        "components": {"schemas": {"Error": error}, "securitySchemes": {"token": token}},
    }


def _operation(route: Route) -> Json:
    names = re.findall(r"\{(\w+)\}", route.path)
    where = {"in": "path", "required": True, "schema": {"type": "string"}}
    parameters = [{"name": name, **where} for name in names]
    for name, schema in route.query.model_json_schema()["properties"].items():
        schema.pop("default", None)
        parameters.append({"name": name, "in": "query", "required": False, "schema": schema})
    path = re.sub(r"[{}]", "", route.path).strip("/").replace("/", "_")
    failing = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answer: Json = (
        {"application/jsonl": {}} if route.path == "/documents" else {"application/json": {}}
    )
    spec: Json = {
        "operationId": f"{route.method.lower()}_{path}",
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            str(route.status): {"description": "Done", "content": answer},
            **{code: {"description": why, "content": failing} for code, why in _STATUSES.items()},
        },
    }
    if route.body is Lines:
        spec["requestBody"] = {"required": True, "content": {"application/jsonl": {}}}
    elif route.body is not None:
        content = {"application/json": {"schema": route.body.model_json_schema()}}
        spec["requestBody"] = {"required": True, "content": content}
    return spec
