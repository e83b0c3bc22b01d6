"""The REST of a hub: one table of routes, which the server answers and OpenAPI describes.

A route calls a method of the hub for the sender of the request; the hub checks their rights.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from dimgs.ask import ask
from dimgs.common.errors import InputError
from dimgs.common.formats import MOST_BYTES, validated
from dimgs.hub import Hub
from dimgs.hub.bundle import documents
from dimgs.hub.database import Wanted
from dimgs.hub.entry import Document, Json, ReviewPart, checked, run_record
from dimgs.hub.hub import CALLS, Call

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


class _Once(BaseModel):
    model_config = ConfigDict(extra="forbid")

    once: bool = False


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


@dataclass(frozen=True)
class RestCall:
    """A REST request: the hub for its sender, and its parameters."""

    hub: Hub
    path: Mapping[str, str]
    query: Document
    body: Any = None


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
    name : str
        Of the method of the hub, where it alone is called: that of the right that it needs.
    """

    method: str
    path: str
    run: Callable[[RestCall], Any]
    summary: str
    query: type[BaseModel] = _Body
    body: Any = None
    reads: bool = False
    name: str = ""

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


def _bundle(call: RestCall) -> Json:
    merged = call.hub.take(documents(call.body, "the request"), f"sent by {call.hub.user}")
    return {**merged.to_json(), "keys": sorted(merged.keys)}


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise InputError("The file is not text in base 64.") from error


# where it is more, or less, than the types of the arguments
_SCHEMAS: dict[str, type[BaseModel]] = {
    "query": Wanted, "review": ReviewBody, "annotate": AnnotationBody, "fork": ChangesBody,
}  # fmt: skip


def _model(call: Call) -> type[BaseModel]:
    """Schema of the arguments of a method that its path does not hold."""
    kinds: Json = {
        n: (p.annotation, ... if p.default is p.empty else p.default)
        for n, p in call.arguments.items()
    }
    config = ConfigDict(strict=call.method != "GET", extra="forbid")
    return create_model("Arguments", __config__=config, **kinds)


def _route(first: Call, *further: Call) -> Route:
    """The route of a method of the hub, whose answer may hold the results of further ones."""

    def run(call: RestCall) -> Json:
        given = {"document": call.body} if "document" in first.arguments else call.body or {}
        result = getattr(call.hub, first.name)(**call.path, **call.query, **given)
        if first.gives == "-":
            return dict(result)
        answer = {first.gives: True if result is None else result}
        return answer | {each.gives: getattr(call.hub, each.name)() for each in further}

    schema: Json = {} if first.method == "DELETE" else {
        "query" if first.method == "GET" else "body": _SCHEMAS.get(first.name) or _model(first)
    }  # fmt: skip
    summary = (getattr(Hub, first.name).__doc__ or "").partition("\n")[0].rstrip(".")
    return Route(first.method, first.path, run, summary, name=first.name, **schema)


_GENERAL = [_route(*calls) for _, calls in groupby(CALLS, attrgetter("method", "path"))]
# what is done with an entry, by the last part of its path
ACTS = {
    route.path.rpartition("/")[2]: route
    for route in _GENERAL
    if route.method == "POST" and "{id}" in route.path
}
ROUTES: tuple[Route, ...] = (
    Route("GET", "/me", lambda c: {"user": c.hub.user, "role": c.hub.role}, "Who asks"),
    Route("POST", "/entries", _entry, "Add an entry; with once, only where none is equal",
          _Once, EntryBody),
    Route("POST", "/entries/{id}/settlements",
          lambda c: {"id": c.hub.settle(c.path["id"], links=(), **c.body)},
          "Add a result that was derived again without rejected entries", body=SettlementBody),
    Route("POST", "/runs", _runs, "Add runs", body=RunsBody),
    Route("POST", "/asks", _ask, "An answer from the entries of the hub", body=AskBody,
          reads=True),
    Route("GET", "/files/{digest}",
          lambda c: {"data": b64encode(c.hub.file(c.path["digest"])).decode()},
          "Content of a file, in base 64"),
    Route("POST", "/files", lambda c: {"sha256": c.hub.put_file(_bytes(c.body["data"]))},
          "Keep a file that an entry names", body=FileBody),
    Route("POST", "/documents", lambda c: Lines(c.hub.documents(c.body["ids"])),
          "Entries with their signatures, as JSON lines", body=IdsBody, reads=True),
    Route("POST", "/bundle", _bundle, "Take entries of another hub, as JSON lines", body=Lines),
    *_GENERAL,
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
    for name, schema in route.query.model_json_schema().get("properties", {}).items():
        schema.pop("default", None)
        # what may be left out may be null
        schema = {**schema.pop("anyOf", [{}])[0], **schema}
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
