"""The Hub: a shared and reviewed record of questions, runs, laws and answers."""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from inspect import Parameter, signature
from ipaddress import ip_address
from itertools import chain, groupby
from itertools import count as numbers
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import numpy as np
from sqlalchemy import delete, func, insert, select, update

from dimgs.common.advice import Act, Step, setting
from dimgs.common.errors import InputError, StoreError
from dimgs.common.escape import visible
from dimgs.common.formats import attributes, plain, read_text
from dimgs.common.plugins import needing
from dimgs.dataset import Dataset
from dimgs.groups.scalings import Scalings
from dimgs.hub import accounts, schema
from dimgs.hub.acts import NotFoundError, Reader, adopt, naming
from dimgs.hub.bundle import Exchange, Line, Merged, holds_hub
from dimgs.hub.cards import constants_of, keep_card, trusted_cards
from dimgs.hub.database import Database, Dimensions, Labels, RunTable, Wanted, tables_of_runs
from dimgs.hub.entry import (
    ID,
    MET,
    MOST_FILE,
    Address,
    Document,
    Json,
    Links,
    canonical,
    run_content,
    run_record,
    sha256,
)
from dimgs.hub.permissions import NotAllowedError, a_role
from dimgs.hub.schema import batches
from dimgs.kernels.base import Port, canonical_inputs, holds_inputs
from dimgs.kernels.record import RunRecord, Status
from dimgs.variables import LABEL, parse_unit

if TYPE_CHECKING:
    from dimgs.report.results import Report

# of letters: a server takes requests of 64 MB
_PART = 8 << 20
TOKEN = "DIMGS_HUB_TOKEN"
TOKEN_FILE = "DIMGS_HUB_TOKEN_FILE"
# of a request, in seconds: a law of 100,000 runs takes the server about 20
_PATIENCE = 120.0
# more runs than a hub holds
_EVERY = 2**31 - 1


def is_remote(url: Address) -> bool:
    """Whether an address is that of a server."""
    return os.fspath(url).startswith(("http://", "https://"))


class Hub(Exchange):
    """Entries of a group: append-only, each named by the hash of what it holds.

    Parameters
    ----------
    url : str or path
        A file or folder (SQLite), a ``postgresql://`` address, or the ``http://`` or
        ``https://`` one of a server.
    user : str, optional
        Who acts; the user of the system by default. A name that the hub has a role for may do
        what that role may; another one has the rights of whoever can open the database.
    make : bool
        Whether the hub is made where there is none.

    Attributes
    ----------
    user, role : str

    Raises
    ------
    StoreError
        If the database cannot be used.
    InputError
        If there is none, and none is to be made.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Hub(folder, user="anna") as hub:
    ...     asked = hub.add({"kind": "question", "text": "How fast does the film empty?"})
    ...     _ = hub.annotate(asked, "insight", "Diffusion decides.")
    ...     [hub.get(asked)[part] for part in ("author", "title", "state")]
    ['anna', 'How fast does the film empty?', 'open']
    """

    def __new__(cls, url: Address, *_: Any, **__: Any) -> "Hub":
        """A hub in a database, or one behind a server."""
        return object.__new__(RemoteHub if cls is Hub and is_remote(url) else cls)

    def __init__(self, url: Address, user: str | None = None, *, make: bool = True) -> None:
        super().__init__(Database(url, make), user)
        adopt(self.database, self.user)

    def for_user(self, name: str) -> "Hub":
        """The hub for a registered user.

        Raises
        ------
        InputError
            If there is no such user.
        """
        role = accounts.role_of(self.database, name)
        if role is None:
            raise InputError(f"There is no user '{visible(name[:60])}' in '{self.address}'.")
        return self._as(name, role)

    def for_anybody(self) -> "Hub":
        """The hub for an anonymous visitor, who reads open entries."""
        return self._as("anybody", "reader")

    def for_agent(self, name: str = "agent", *, writes: bool = True) -> "Hub":
        """The hub for a program, which cannot accept, approve, redact or manage.

        Parameters
        ----------
        name : str
            Author of what it adds.
        writes : bool
            Whether it may add entries.

        Raises
        ------
        InputError
            If the hub is behind a server and the token is that of a person.
        """
        if not is_remote(self.address):
            return self._as(name, "agent" if writes else "reader")
        if self.role not in ("agent", "reader"):
            raise NotAllowedError(
                f"The token is that of {visible(self.user)}, who is {a_role(self.role)}; give that "
                f"of a user of the role agent."
            )
        return self

    def _as(self, user: str, role: str) -> "Hub":
        other = object.__new__(Hub)
        Reader.__init__(other, self.database, user, role)
        return other

    def similar(
        self, at: Document, kernel: str, n: int = 10, tier: str | None = None
    ) -> list[Json]:
        """Runs of a kernel, the nearest in their groups first.

        Constants that the card declares take part as what they are: equal in all runs. Inputs that
        are not above zero have to be of the same sign, and labels equal.

        Parameters
        ----------
        at : mapping of str to (value, unit), or text for a label
            All inputs.
        kernel : str
        n : int
            Most runs.
        tier : str, optional

        Returns
        -------
        list of dict
            As :meth:`query` gives runs, with "distance" in decades: the least change of inputs
            that makes the change of groups.

        Raises
        ------
        InputError
            If an input cannot be read, or no run of the kernel has these inputs.
        """
        labels = {name: value for name, value in at.items() if isinstance(value, str)}
        numbers = {name: value for name, value in at.items() if name not in labels}
        units = {name: parse_unit(unit) for name, (_, unit) in numbers.items()}
        if any(unit == LABEL for unit in units.values()):
            raise InputError("A label is given as a text, such as 'resin', and not with a unit.")
        inputs = {name: unit.dimension for name, unit in units.items()}
        tables = self.run_tables(kernel, inputs, labels)
        if not tables:
            names = ", ".join(at) or "none"
            raise InputError(
                f"No run of '{visible(kernel)}' has just the inputs {visible(names[:300])} and "
                f"these labels; see {Act(Step.FIND_RUNS)}."
            )
        card = trusted_cards(self, kernel).get(kernel)
        constants = () if card is None else constants_of(card["content"])
        point = np.array([unit.to_si(float(numbers[name][0])) for name, unit in units.items()])
        scalings, ranked = Scalings(inputs, tuple(constants)), []
        for name, table in tables.items():
            if tier in (None, name):
                places = np.flatnonzero(np.all(np.sign(table.values) == np.sign(point), axis=1))
                with np.errstate(divide="ignore", invalid="ignore"):
                    changes = np.log(np.abs(table.values[places] / point))
                away = scalings.distance(np.nan_to_num(changes))
                nearest = np.argsort(away, kind="stable")[:n]
                distance = dict(zip(places[nearest].tolist(), away[nearest].tolist(), strict=True))
                runs = table.fetch(places[nearest].tolist())
                ranked += [{**run, "distance": distance[run.pop("place")]} for run in runs]
        return sorted(ranked, key=lambda run: run["distance"])[:n]

    def sync(self, peer: Address) -> Merged:
        """Push and pull what is missing, to and from a folder, or another hub by its address.

        Only open entries travel. What was cut is gone on with the next time.

        Raises
        ------
        InputError
        """
        address = os.fspath(peer)
        path = Path(address)
        if "://" not in address and not holds_hub(path):
            return self.sync_folder(path)
        with Hub(address, None if is_remote(address) else self.user, make=False) as other:
            return self.sync_with(other)

    def users(self) -> list[Json]:
        """Users with their roles."""
        self.check_manager()
        return accounts.all_users(self.database)

    def set_user(self, name: str, role: str, password: str | None = None) -> None:
        """Register a user, or give one another role or password."""
        self.check_manager()
        accounts.set_user(self.database, name, role, password)

    def new_token(self, name: str, days: float = 30.0, scope: str = "read") -> str:
        """Token of a user, shown only now."""
        self.check_manager()
        return accounts.new_token(self.database, name, days, scope)

    def revoke(self, token: str) -> None:
        """Revoke a token, by the part before the dot."""
        self.check_manager()
        if not accounts.revoke(self.database, token):
            raise InputError("There is no such token; give the part before the dot.")

    def __repr__(self) -> str:
        return f"Hub('{self.address}', user='{self.user}')"


# Methods of a hub as requests to its server, with the key of the answer that holds the result (-
# where the answer is the result). A name in braces is an argument of the method; the others are the
# parameters of a GET, else the body.
_CALLS = """
listed        GET     /entries                    entries
get           GET     /entries/{id}               -
difference    GET     /entries/{id}/difference    difference
evidence      GET     /entries/{id}/evidence      -
history       GET     /entries/{id}/history       ids
review        POST    /entries/{id}/reviews       id
annotate      POST    /entries/{id}/annotations   id
dispute       POST    /entries/{id}/disputes      id
fork          POST    /entries/{id}/forks         id
approve       POST    /entries/{id}/approvals     id
redact        POST    /entries/{id}/redactions    id
query         GET     /runs                       -
kernels       GET     /kernels                    kernels
digest        GET     /digest                     -
files         GET     /files                      files
wanted_files  GET     /files                      wanted
ids           GET     /ids                        ids
key           GET     /key                        key
trusted       GET     /key                        trusted
trust         PUT     /trusted/{key}              done
distrust      DELETE  /trusted/{key}              done
users         GET     /users                      users
set_user      PUT     /users/{name}               done
new_token     POST    /users/{name}/tokens        token
revoke        DELETE  /tokens/{token}             done
"""


@dataclass(frozen=True)
class Call:
    """A method of a hub as a request to its server.

    Attributes
    ----------
    name : str
        Of the method.
    method, path : str
    gives : str
        Key of the answer that holds the result; ``"-"`` where the answer is the result.
    """

    name: str
    method: str
    path: str
    gives: str

    @cached_property
    def arguments(self) -> dict[str, Parameter]:
        """Arguments of the method that the path does not hold, by name."""
        _, *every = signature(getattr(Hub, self.name)).parameters.values()
        return {p.name: p for p in every if f"{{{p.name}}}" not in self.path}


CALLS = tuple(Call(*line.split()) for line in _CALLS.strip().splitlines())


class RemoteHub(Hub):
    """A hub behind a server, for the user of the token in DIMGS_HUB_TOKEN.

    The token may stand in a file instead, which DIMGS_HUB_TOKEN_FILE names. Without one, what is
    open can be read.

    Parameters
    ----------
    url : str
        Such as ``https://hub.example.org``.
    user : str, optional
        Who the token has to be of.
    make : bool
        Not used: a server has a hub.
    client : httpx2.Client, optional
        What sends the requests.

    Raises
    ------
    StoreError
        If there is no server that answers.
    InputError
        If the token is of somebody else, or would travel where others can read it.
    """

    def __init__(
        self, url: Address, user: str | None = None, *, make: bool = True, client: Any = None
    ) -> None:
        self._url = os.fspath(url).rstrip("/")
        self._client = client or _client_of(self._url)
        who = self.call("GET", "me")
        self.user, self.role = who["user"], who["role"]
        if user is not None and user != self.user:
            self.close()
            raise InputError(
                f"'{self.address}' knows you as {visible(self.user)}, not as {visible(user)}; "
                f"give the token of {visible(user)} in {TOKEN}."
            )

    @property
    def address(self) -> str:
        """Address of the server, without a password."""
        parts = urlsplit(self._url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def upgraded(self) -> str:
        """Nothing: the server upgrades its own file."""
        return ""

    def __getattr__(self, name: str) -> Any:
        if name == "database":
            raise InputError(
                f"'{self.address}' gives no access to its database; run this on the machine of the"
                " server, with the hub's file or postgresql:// address."
            )
        raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")

    def _send(self, method: str, path: str, **sent: Any) -> Any:
        import httpx2

        try:
            answer = self._client.request(method, f"{self._url}/api/v1/{path}", **sent)
        except httpx2.HTTPError as error:
            raise StoreError(
                f"'{self.address}' does not answer ({visible(str(error))[:200]}); check the "
                f"address, and whether dimgs hub serve runs there."
            ) from error
        if answer.is_success:
            return answer
        raise _refusal(self.address, answer)

    def call(self, method: str, path: str, **sent: Any) -> Any:
        """Document that a request is answered with; what is sent, as the client takes it."""
        answer = self._send(method, path, **sent)
        try:
            return answer.json()
        except ValueError as error:
            raise StoreError(
                f"'{self.address}' is not a hub of dimgs; check the address."
            ) from error

    def add(self, document: Document) -> str:
        """Add an entry; see :meth:`Hub.add`."""
        return str(self.call("POST", "entries", json=dict(document))["id"])

    def add_linked(self, document: Document, links: Links) -> str:
        """Add an entry with links to entries that are there."""
        return self.add(_linked(document, links))

    def once(self, document: Document, links: Links = ()) -> str:
        """Id of the open entry of this content and these links, added where there is none."""
        sent = {"json": _linked(document, links), "params": {"once": "true"}}
        return str(self.call("POST", "entries", **sent)["id"])

    def add_runs(self, records: Iterable[RunRecord], links: Links = ()) -> list[str]:
        """Add runs; the server sets their time."""
        ids: list[str] = []
        for batch in batches(records):
            body = {"runs": [run_content(r) for r in batch], **_linked({}, links)}
            ids += self.call("POST", "runs", json=body)["ids"]
        return ids

    def check_adder(self) -> None:
        """Refuse anybody who may not add entries, or whose token may not."""
        super().check_adder()
        # no run at all: the server looks at the token first
        self.call("POST", "runs", json={"runs": []})

    def settle(self, id: str, document: Document, links: Links, *, confirmed: bool) -> str:
        """Add a result that was derived again without rejected entries."""
        body = {"document": _linked(document, links), "confirmed": confirmed}
        return str(self.call("POST", f"entries/{_part(id)}/settlements", json=body)["id"])

    def several(self, ids: Sequence[str]) -> dict[str, Json]:
        """Entries that may be read, by their whole ids."""
        entries = {}
        for id in ids:
            with suppress(NotFoundError):
                entries[id] = self.get(id)
        return entries

    def _queried(self, ask: Wanted) -> Json:
        chosen = {"limit": _EVERY, **_stated(ask.model_dump(exclude_unset=True))}
        return dict(self.call("GET", "runs", params=chosen))

    def run_tables(self, kernel: str, inputs: Dimensions, labels: Labels) -> dict[str, RunTable]:
        """Inputs of all runs of a kernel, by tier."""
        where = [f"{name}={label}" for name, label in labels.items()]
        return tables_of_runs(self.query(kernel, where=where, limit=None)["runs"], inputs, labels)

    def asked(self, question: Document) -> Json:
        """Answer of the server to a question about a point, as of :func:`dimgs.ask.ask`."""
        return dict(self.call("POST", "asks", json=dict(question)))

    def file(self, digest: str) -> bytes:
        """Content of a file that an entry names."""
        return b64decode(self.call("GET", f"files/{_part(digest)}")["data"])

    def put_file(self, data: bytes) -> str:
        """Keep a file that an entry names."""
        sent = {"data": b64encode(data).decode()}
        return str(self.call("POST", "files", json=sent)["sha256"])

    def documents(self, ids: Iterable[str]) -> Iterator[Json]:
        """Entries with their signatures."""
        for batch in batches(ids):
            text = self._send("POST", "documents", json={"ids": batch}).text
            yield from (json.loads(line) for line in text.splitlines())

    def take(self, lines: Iterable[Line], origin: str, *, vouched: bool = False) -> Merged:
        """Give lines of a bundle to the server, part by part."""
        if vouched:
            raise InputError(
                "A bundle is trusted only on the machine of the server, with --hub and its file or "
                "postgresql:// address; or let the server trust its key: dimgs hub trust KEY."
            )
        merged, read = Merged(), 0

        def texts() -> Iterator[str]:
            for _, line in lines:
                if isinstance(line, InputError):
                    merged.refused.append(str(line))
                else:
                    yield canonical(line)

        def part_of(text: str) -> int:
            nonlocal read
            read += len(text)
            return read // _PART

        for _, part in groupby(texts(), part_of):
            body = "\n".join(part).encode()
            answer = self._send("POST", "bundle", content=body).json()
            merged.join(Merged(**{**answer, "keys": set(answer["keys"])}))
        return merged

    def revoke(self, token: str) -> None:
        """Revoke a token, by the part before the dot."""
        self.call("DELETE", f"tokens/{_part(token.partition('.')[0])}")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _asking(call: Call) -> Callable[..., Any]:
    """The method of a hub as a request to its server."""
    method = getattr(Hub, call.name)

    @wraps(method)
    def ask(hub: RemoteHub, *values: Any, **named: Any) -> Any:
        given = signature(method).bind(hub, *values, **named).arguments
        path = call.path[1:].format(**{n: _part(str(value)) for n, value in given.items()})
        sent = _stated({n: given[n] for n in call.arguments if n in given})
        sent |= sent.pop("ratings", {})
        # a document is the body itself
        body = {} if call.method == "GET" else {"json": dict(sent.pop("document", sent))}
        answer = hub.call(call.method, path, **(body or {"params": sent}))
        return answer if call.gives == "-" else answer[call.gives]

    return ask


for _call in CALLS:
    # what sends less or more than its arguments has a method of its own
    if _call.name not in (*vars(RemoteHub), "query"):
        setattr(RemoteHub, _call.name, _asking(_call))


def _stated(arguments: Document) -> Json:
    """Arguments without those that stand for nothing."""
    return {k: v for k, v in arguments.items() if v is not None and v is not False}


def _linked(document: Document, links: Links) -> Json:
    linked = [*(document.get("links") or []), *({"type": t, "to": to} for t, to in links)]
    return {**document, "links": linked} if linked else dict(document)


def _part(text: str) -> str:
    """A text as one part of a path."""
    return quote(text.strip(), safe="") or "-"


def _refusal(address: str, answer: Any) -> Exception:
    """Error of what a server refused, in its own sentence."""
    try:
        message = visible(str(answer.json()["error"]))
    except (ValueError, KeyError, TypeError):
        return StoreError(
            f"'{address}' answers with {answer.status_code} and is not a hub of dimgs, or ails; "
            f"check the address."
        )
    if answer.status_code >= 500:
        return StoreError(message)
    kinds = {401: NotAllowedError, 403: NotAllowedError, 404: NotFoundError}
    return kinds.get(answer.status_code, InputError)(message)


def _client_of(url: str) -> Any:
    """HTTP client of a server, with the token of the environment."""
    with needing("hub", "A hub behind a server needs"):
        import httpx2
    token = os.environ.get(TOKEN, "").strip()
    if not token and os.environ.get(TOKEN_FILE):
        token = read_text(os.environ[TOKEN_FILE], "token").strip()
    parts = urlsplit(url)
    # certificates take a tenth of a second to load, and serve nothing without TLS
    secure = parts.scheme == "https"
    here = _is_here(parts.hostname or "")
    headers = {}
    if token:
        if not token.isascii() or not token.isprintable():
            raise InputError("The token is malformed; its form is id.secret.")
        if not (secure or here):
            raise InputError(
                f"The token would travel to '{visible(parts.hostname or '')}' for everybody to "
                f"read; use its https:// address."
            )
        headers["Authorization"] = f"Bearer {token}"
    # redirects, which would take the token elsewhere, are not followed
    return httpx2.Client(headers=headers, timeout=_PATIENCE, trust_env=not here, verify=secure)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


# ---- Snapshot of a hub: its entries at an earlier time, in a separate file.


# rows that are copied at once
_BATCH = 1000


def copy_as_it_was(hub: Hub, entries: int, file: Path) -> None:
    """Write the first entries of a hub to a file.

    What was redacted since stays redacted, and jobs that have been run since wait again. Of a hub
    behind a server, what the user may read is copied.

    Parameters
    ----------
    hub : Hub
    entries : int
        How many it had.
    file : Path
        A file that is not there.
    """
    if is_remote(hub.address):
        with Hub(file) as then:
            lines = ((str(line["id"])[:12], line) for line in hub.documents(hub.ids()[:entries]))
            then.take(lines, hub.address, vouched=True)
            foreign = [entry["id"] for entry in hub.listed(state="untrusted")]
            as_local = update(schema.entries).where(schema.entries.c.id.not_in(foreign))
            with then.database.transaction() as connection:
                connection.execute(as_local.values(origin=None))
        return
    with Hub(file, user=hub.user) as then:
        _copy_rows(hub.database, then.database, entries)


def _copy_rows(source: Database, copy: Database, count: int) -> None:
    """Copy the first entries and what was recorded of them, table by table."""
    number = schema.entries.c.seq
    with source.transaction(read=True) as old, copy.transaction() as new:
        first = select(number).order_by(number).limit(count).subquery()
        last = old.execute(select(func.max(first.c.seq))).scalar() or 0
        every = schema.hub_metadata.sorted_tables
        for table in reversed(every):
            new.execute(delete(table))
        copied = select(schema.entries.c.id).where(number <= last)
        # what a job came to rests on it; without that it had not been run
        derived = (schema.links.c.type == "derived", schema.links.c.entry <= last)
        ended = select(schema.links.c.target).where(*derived)
        for table in every:
            query = select(table)
            for column in table.columns:
                if column is number or column.references(number):
                    query = query.where(column <= last)
            if table is schema.signatures:
                query = query.where(table.c.id.in_(copied))
            if table is schema.claims:
                query = query.where(table.c.job.in_(ended))
            for rows in old.execute(query).mappings().partitions(_BATCH):
                new.execute(insert(table), [dict(row) for row in rows])


# ---- A report, kept in a hub: question, protocol, runs, law and answer with their links.


# a law links to each run it rests on, in an entry of at most 16 MB
_MOST_RUNS = 100_000
_TABLE_TIER = "table"


def keep_report(hub: Hub, report: "Report", page: str | None = None) -> Json:
    """Keep a report of `discover`.

    Each row of the table is kept as a run of a kernel that is named after the table, with a number
    where the hub's runs of that name are of another table.

    Parameters
    ----------
    hub : Hub
    report : Report
        With its data.
    page : str, optional
        Of the report, where it has been made already.

    Returns
    -------
    dict
        Ids of "question", "protocol", "law" and "answer" (None where there is no law), the number
        of "runs", their "kernel" (None where they are of several), and "warnings".

    Raises
    ------
    InputError
        If the table has more than 100,000 rows, or the user may not add entries.
    """
    data, target = report.data, report.target.name
    if data is None:
        raise InputError("A report without its table cannot be stored in a hub.")
    inputs = _ranges(data, target)
    plan: Json = {"table": Path(data.source).name, "sha256": data.sha256, "rows": data.n_runs}
    plan["provenance"] = plain(report.provenance)
    verdict = plain(attributes(report, "engine outcome confirmed why_not options"))
    rows = table_records(data, target)
    runs = _as_runs(hub, data, rows)
    stem, kernels = rows[0].kernel, {run.kernel for _, run in runs}
    named = {run.kernel for id, run in runs if not id} - {stem}
    kernel = kernels.pop() if len(kernels) == 1 else None
    law = None if report.law is None else {**verdict, "law": report.law.to_json()}
    if law is not None and kernel is not None:
        law["kernel"] = kernel
    page = "" if law is None else page or report.to_html()
    files = {"report.html": page.encode()} if page else {}
    question = {"text": _asked(target, inputs), "target": target, "inputs": inputs}
    protocol = {"text": report.provenance.get("command", "dimgs.discover"), "plan": plan}
    meaning = "confirmed" if report.confirmed else "not confirmed"
    pertinence: Json = {"relevant": law is not None, "acceptability": None, "confidence": None}
    pertinence |= {"meaning": meaning, "why": " ".join(report.why_not)}
    kept = _keep_all(hub, question, protocol, runs, law, pertinence, files)
    return {**kept, "kernel": kernel, "warnings": [_renamed(data, stem, name) for name in named]}


def _renamed(data: Dataset, stem: str, kernel: str) -> str:
    """That the rows of a table are of another kernel than its file is named after."""
    table, stem = visible(Path(data.source).name), visible(stem)
    return (
        f"The kernel '{stem}' of this hub has runs that are not of this table, so the rows of "
        f"'{table}' are runs of the kernel '{visible(kernel)}' ({setting('kernel', kernel)}). If "
        f"both are of one system, add one table with the rows of both."
    )


def _as_runs(hub: Hub, data: Dataset, records: Sequence[RunRecord]) -> list[tuple[str, RunRecord]]:
    """The run of this hub that a row holds, with its id; else the row itself, without one."""
    ids = [str(id) for id in data["run"]] if "run" in data.label_names else [""] * len(records)
    entries = hub.several([id for id in ids if ID.fullmatch(id)]).items()
    runs = {
        id: run_record(e["content"]) for id, e in entries if e["kind"] == "run" and e["content"]
    }
    there = [id in runs and _holds(runs[id], r) for id, r in zip(ids, records, strict=True)]
    new = [r for r, known in zip(records, there, strict=True) if not known]
    kernel = _kernel_of(hub, new) if new else ""
    rows = zip(ids, records, there, strict=True)
    return [(i, runs[i]) if known else ("", replace(r, kernel=kernel)) for i, r, known in rows]


def _kernel_of(hub: Hub, rows: Sequence[RunRecord]) -> str:
    """Kernel of the rows of a table: the first name without runs, or with runs of this table."""
    stem = rows[0].kernel
    names = chain([stem], (f"{stem}-{number}" for number in numbers(2)))
    return next(name for name in names if _may_hold(hub, name, rows))


def _may_hold(hub: Hub, kernel: str, rows: Sequence[RunRecord]) -> bool:
    """Whether a kernel has no runs, or those of an earlier version of a table."""
    first = hub.query(kernel, limit=1, every=True)["runs"]
    if not first or first[0]["tier"] != _TABLE_TIER:
        return not first
    tables: dict[str, list[RunRecord]] = {}
    for run in hub.query(kernel, limit=None, every=True)["runs"]:
        tables.setdefault(run["version"], []).append(run_record(run))
    return any(_is_version(table, rows) for table in tables.values())


def _is_version(one: Sequence[RunRecord], other: Sequence[RunRecord]) -> bool:
    """Whether two tables are versions of one: most rows of the shorter one are in the longer one.

    Rows are compared in the columns that both tables have. The inputs of one of them have to be
    columns of the other.
    """
    inputs = [set(chain.from_iterable(row.inputs for row in table)) for table in (one, other)]
    cells = [[_cells(row) for row in table] for table in (one, other)]
    names = [set(chain.from_iterable(table)) for table in cells]
    if not (inputs[0] <= names[1] or inputs[1] <= names[0]):
        return False
    shared = names[0] & names[1]
    rows = [{tuple(map(row.get, shared)) for row in table} for table in cells]
    return 2 * len(rows[0] & rows[1]) > min(map(len, rows))


def _cells(row: RunRecord) -> dict[str, str]:
    """Inputs and outputs of a row as texts, which are equal in all units of a dimension."""
    every = {**row.inputs, **row.outputs}
    ports = [Port(name, unit) for name, (_, unit) in every.items()]
    texts = canonical_inputs(ports, {name: value for name, (value, _) in every.items()}, {})
    return {port.name: f"{texts[port.name]} {port.parsed.dimension}" for port in ports}


def _holds(run: RunRecord, row: RunRecord) -> bool:
    """Whether a run has the result of a row, and equal numbers where both have one."""
    there, here = ({**r.inputs, **r.outputs} for r in (run, row))
    shared = {name: quantity for name, quantity in here.items() if name in there}
    return row.ok and set(row.outputs) <= set(run.outputs) and holds_inputs(there, shared)


def keep_campaign(
    hub: Hub,
    result: Document,
    plan: Document,
    records: Sequence[RunRecord],
    files: Mapping[str, bytes] | None = None,
) -> Json:
    """Keep a campaign.

    Parameters
    ----------
    hub : Hub
    result : mapping
        The document ``result.json``.
    plan : mapping
        The document ``plan.json``: what was asked.
    records : sequence of RunRecord
        All of its runs.
    files : mapping of str to bytes, optional
        That the law names, such as its report.

    Returns
    -------
    dict
        As :func:`keep_report` gives it.
    """
    target, kernel = str(result["target"]), str(plan.get("kernel", ""))
    ranges = {k.partition(".")[2]: str(v) for k, v in plan.items() if k.startswith("ranges.")}
    pertinence = dict(result.get("pertinence", {}))
    laws = [r["law"] for r in result.get("regimes", ()) if r.get("law")]
    law_document = result.get("law") or (laws[0] if laws else None)
    law = None
    if law_document is not None:
        verdict = {"outcome": result["outcome"], **_campaign_verdict(result, laws)}
        law = {"law": law_document, "kernel": kernel, **verdict}
        if result.get("boundaries"):
            law["boundaries"] = list(result["boundaries"])
        parted = any(r.get("where", "True") != "True" for r in result.get("regimes", ()))
        if len(laws) > 1 or (parted and laws and law_document == laws[0]):
            parts = ("where", "place", "law")
            groups = {g["name"]: g["exponents"] for g in result.get("pi", {}).get("groups", ())}
            each = ({k: r.get(k) for k in parts} for r in result["regimes"])
            law["regimes"] = [{**regime, "groups": groups} for regime in each]
    keep_card(hub, kernel)
    question = {"text": _asked(target, ranges, kernel), "target": target, "inputs": ranges}
    protocol = {"kernel": kernel, "text": f"campaign of {kernel}", "plan": plain(plan)}
    runs = [("", record) for record in records]
    kept = _keep_all(hub, question, protocol, runs, law, pertinence, files)
    return {**kept, "kernel": kernel, "warnings": []}


def _campaign_verdict(result: Document, laws: Sequence[Document]) -> Json:
    """The verdict on the law of a campaign, or on those of its regimes.

    Where the laws carry none (of version 0.2), it is whether the campaign reached its tolerance.
    """
    judged = [result["law"]] if result.get("law") else laws
    if all(law.get("confirmed") is not None for law in judged):
        why = dict.fromkeys(text for law in judged for text in law["why_not"])
        return {"confirmed": all(law["confirmed"] for law in judged), "why_not": list(why)}
    answers = dict(result.get("pertinence", {})).get("answers", ())
    failed = [f"{a['answer']}: {a['why']}" for a in answers if not a.get("relevant", True)]
    confirmed = result["outcome"] in MET
    ended = f"The campaign ended with: {result.get('ended', result['outcome'])}."
    return {"confirmed": confirmed, "why_not": [] if confirmed else [ended, *failed]}


def _keep_all(
    hub: Hub,
    question: Json,
    protocol: Json,
    runs: Sequence[tuple[str, RunRecord]],
    law: Json | None,
    pertinence: Json,
    files: Mapping[str, bytes] | None = None,
) -> Json:
    """Keep all of it; runs that are there have their ids.

    What is there already, word for word, is linked to and not kept twice.
    """
    if len(runs) > _MOST_RUNS:
        raise InputError(
            f"A hub keeps up to {_MOST_RUNS} runs of one analysis, and these are {len(runs)}; "
            f"leave out {setting('hub')}, or analyse a part."
        )
    asked = hub.once({"kind": "question", **question})
    plan = hub.once({"kind": "protocol", **protocol}, [("answers", asked)])
    added = iter(hub.add_runs([run for id, run in runs if not id], [("derived", plan)]))
    ids = [id or next(added) for id, _ in runs]
    ids_kept: Json = {"question": asked, "protocol": plan, "law": None, "answer": None}
    if law is not None:
        every = zip(ids, runs, strict=True)
        basis = dict.fromkeys(id for id, (_, run) in every if _is_basis(run, law["law"]))
        links = [("derived", plan), *(("derived", id) for id in basis)]
        # a report that is too large for the hub is left where it lies
        small = {n: data for n, data in (files or {}).items() if len(data) <= MOST_FILE}
        ids_kept["law"] = hub.once(naming({"kind": "law", **law}, small), links)
        for data in small.values():
            hub.put_file(data)
    if ids_kept["law"] is not None and law is not None and pertinence.get("relevant", True):
        # a campaign that nothing came of has asked the question, not answered it
        answer = {"how": "law", "pertinence": pertinence, "text": law["law"].get("text", "")}
        ends = [("derived", ids_kept["law"]), ("answers", asked)]
        ids_kept["answer"] = hub.once({"kind": "answer", **answer}, ends)
    return {**ids_kept, "runs": len(set(ids))}


def _is_basis(run: RunRecord, law: Document) -> bool:
    """Whether a law can be fitted to a run, which has a logarithm where the law is fitted to it."""
    value, text = run.outputs.get(str(law.get("target")), (np.nan, "1"))
    if not run.ok or law.get("scores", {}).get("r2_log") is None:
        return run.ok
    unit = parse_unit(text)
    return unit.scale == "level" or unit.to_si(float(value)) > 0


def _asked(target: str, inputs: Iterable[str], kernel: str = "") -> str:
    names = ", ".join(inputs)
    where = f" in {kernel}" if kernel else ""
    return f"How does {target}{where} depend on {names}?"


def _ranges(data: Dataset, target: str) -> dict[str, Json]:
    """Range of each numeric input, in the unit of the table."""
    ranges = {}
    for name in data.numeric_names:
        values = data[name][np.isfinite(data[name])]
        if name == target or not len(values):
            continue
        unit = data.variable(name).unit
        ends = [float(f"{unit.from_si(float(v)):.12g}") for v in (values.min(), values.max())]
        ranges[name] = {"low": ends[0], "high": ends[1], "unit": unit.text}
    return ranges


def table_records(data: Dataset, target: str) -> list[RunRecord]:
    """Rows of a table as runs: of a kernel named after it, whose version is the table's hash."""
    kernel = Path(data.source).stem or "table"
    provenance = {"version": data.sha256, "source": Path(data.source).name}

    def cells(row: int) -> Iterator[tuple[str, tuple[Any, str]]]:
        for name in data.names:
            unit, value = data.variable(name).unit, data[name][row]
            if name in data.label_names and value:
                yield name, (str(value), unit.text)
            elif name not in data.label_names and np.isfinite(value):
                # 12 digits: what a conversion to SI units and back keeps
                yield name, (float(f"{unit.from_si(float(value)):.12g}"), unit.text)

    records = []
    for i, row in enumerate(data.rows):
        inputs = dict(cells(i))
        output, error = inputs.pop(target, None), np.nan
        if target in data.errors:
            error = float(data.errors[target][i] / data.variable(target).unit.factor)
        records.append(
            RunRecord(
                kernel=kernel,
                tier=_TABLE_TIER,
                inputs=inputs,
                outputs={} if output is None else {target: output},
                status=Status.FAILED if output is None else Status.OK,
                key=sha256(f"{data.sha256} {int(row)}"),
                reason="The table has no value in this cell." if output is None else "",
                errors={target: error} if np.isfinite(error) else {},
                provenance={**provenance, "row": int(row)},
            )
        )
    return records
