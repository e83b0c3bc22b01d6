"""What 56 requests of 14 identities come to, as the table beside it says.

The table is written from the pages of the documentation (serving.md, hub.md), not from
`dimgs.hub.permissions`: its cells are statuses of answers. Entries are those of somebody else, but
for the last two identities, whose own they are.
"""

import base64
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from dimgs.hub import Hub
from dimgs.hub.acts import naming
from dimgs.hub.entry import Entry, now, sha256
from dimgs.hub.permissions import ROLES
from tests.hub.conftest import Places, place, postgresql  # noqa: F401
from tests.web.conftest import Asking, Person

with Path(__file__).with_name("permissions.csv").open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))
IDENTITIES = tuple(ROWS[0])[4:]
# those that a mistake in the table of roles would show in; the longer check has all
FEWER = ("stranger", "contributor", "reviewer", "agent", "reviewer of their own")
OWNERS = {"contributor of their own": "carla", "reviewer of their own": "rita"}
_UNTIL = {"embargoed": {"until": "2999-01-01"}}
_SENT: dict[str, dict[str, Any]] = {
    "remark": {"type": "insight", "text": "So?"},
    "dispute": {"text": "No."},
    "fork": {},
    "review": {"verdict": "minor", "text": "Nearly."},
    "accept": {"verdict": "accept"},
    "approve": {"text": "Safe."},
    "redact": {"text": "A secret."},
}


def as_user(hub: Hub, user: str) -> Hub:
    """The hub for somebody who may write whatever is needed."""
    other = hub.for_user("admin")
    other.user = user
    return other


class Request:
    """A row of the table for one identity: what it is about, fresh."""

    _numbers = count()

    def __init__(self, hub: Hub, row: dict[str, str], identity: str) -> None:
        self.row, self._hub, self.owner = row, hub, OWNERS.get(identity, "anna")
        self.number = next(self._numbers)

    @cached_property
    def id(self) -> str:
        """The entry that is asked for."""
        if self.row["request"] == "settle":
            return self.doubted[0]
        of = self.row["of"] or "open"
        document = {"kind": "protocol", "text": f"{self.number}", "visibility": of}
        named = naming({**document, **_UNTIL.get(of, {})}, {"x": self.file})
        by = as_user(self._hub, self.owner)
        made = by.add(named)
        if self.row["request"] == "read a file":
            by.put_file(self.file)
        return made

    @property
    def file(self) -> bytes:
        return f"file {self.number}".encode()

    @cached_property
    def doubted(self) -> tuple[str, str]:
        """A law of the owner that rests on a rejected run, and a run of another that does not."""
        by, judge = as_user(self._hub, self.owner), self._hub.for_user("judge")
        runs = [
            whose.add(
                {"kind": "run", "kernel": "film", "inputs": {"l": {"value": self.number + k}}}
            )
            for k, whose in ((0.0, by), (0.5, judge))
        ]
        law = by.add({"kind": "law", "text": "l", "links": [{"type": "derived", "to": runs[0]}]})
        judge.review(runs[0], "reject")
        return law, runs[1]

    @property
    def path(self) -> str:
        fillings: dict[str, Callable[[], str]] = {
            "{id}": lambda: self.id,
            "{digest}": lambda: sha256(self.file) if self.id else "",
            "{new}": lambda: f"user {self.number}",
            "{token}": lambda: self._hub.new_token("reader").partition(".")[0],
            "{key}": lambda: "0" * 63 + "1",
        }
        path = self.row["path"]
        for name, filling in fillings.items():
            path = path.replace(name, filling()) if name in path else path
        return path

    @property
    def body(self) -> dict[str, Any]:
        """What is sent, as a client is told to send it."""
        name, of = self.row["request"], self.row["of"]
        if name == "settle":
            links = [{"type": "derived", "to": self.doubted[1]}]
            document = {"kind": "law", "text": "l", "links": links}
            return {"json": {"document": document, "confirmed": True}}
        if name == "bring a bundle":
            entry = Entry("question", {"text": f"{self.number}"}, "mallory", now())
            return {"content": json.dumps(entry.to_json()).encode()}
        if name == "bring a file":
            return {"json": {"data": base64.b64encode(self.file).decode()}} if self.id else {}
        run = {"kernel": "film", "inputs": {"l": {"value": self.number}}}
        sent = {
            "add": {"kind": "question", "text": "Why?", "visibility": of, **_UNTIL.get(of, {})},
            "add runs": {"runs": [run]},
            "documents": {"ids": [self.id]} if name == "documents" else {},
            "register a user": {"role": "reader"},
            "make a token": {"scope": "read"},
            "trust a key": {"name": "x"},
            **_SENT,
        }.get(name)
        return {} if sent is None else {"json": sent}


def with_people(hub: Hub) -> Hub:
    for role in ROLES:
        hub.set_user(role, role)
    for user, role in (("carla", "contributor"), ("rita", "reviewer"), ("judge", "reviewer")):
        hub.set_user(user, role)
    return hub


def headers_of(hub: Hub, identity: str) -> dict[str, str]:
    if identity == "stranger":
        return {}
    if identity == "wrong token":
        return {"authorization": "Bearer 0123456789abcdef.nothing"}
    user, _, only = identity.partition(" who may only ")
    token = hub.new_token(OWNERS.get(user, user), scope=only or "write")
    return {"authorization": f"Bearer {token}"}


def check(hub: Hub, client: Any, identities: tuple[str, ...]) -> int:
    """Send every request as every identity; the hub changes where the answer is a 201 alone."""
    seen = 0
    for identity in identities:
        headers = headers_of(hub, identity)
        for row in ROWS:
            asked = Request(hub, row, identity)
            path, body = asked.path, asked.body
            before = hub.digest()
            answer = client.request(row["method"], f"/api/v1/{path}", headers=headers, **body)
            what = (identity, row["request"], row["of"], answer.text)
            assert answer.status_code == int(row[identity]), what
            writes = answer.status_code == 201 and row["request"] not in (
                "make a token",
                "bring a file",
            )
            assert (hub.digest() != before) == writes, what
            if answer.status_code >= 400:
                assert set(answer.json()) == {"error"}, what
            seen += 1
    return seen


def test_requests_come_to_what_the_table_says(hub: Hub, anybody: Any) -> None:
    assert (len(ROWS), len(IDENTITIES)) == (56, 14)
    assert check(with_people(hub), anybody, FEWER) == 56 * len(FEWER)


@pytest.mark.slow
def test_all_requests_of_all_identities(place: Places) -> None:  # noqa: F811
    from starlette.testclient import TestClient

    from dimgs.web.app import make_app

    with (
        Hub(place(), user="anna") as hub,
        TestClient(make_app(hub), base_url="http://localhost") as anybody,
    ):
        assert check(with_people(hub), anybody, IDENTITIES) == 56 * 14


def forms(identities: Sequence[str]) -> Iterator[tuple[dict[str, str], str]]:
    """Acts that pages have forms for, and who sends them."""
    for row in ROWS:
        if row["request"] in _SENT and row["of"] != "embargoed":
            for identity in identities:
                yield row, identity


@pytest.mark.parametrize(
    "identities",
    [
        # forms are read as requests are, whose table is tested for all
        ("contributor", "reviewer of their own"),
        pytest.param(("reader", "reviewer", "agent"), marks=pytest.mark.slow),
    ],
)
def test_forms_of_pages_come_to_the_same(
    hub: Hub, person: Callable[[str], Person], identities: Sequence[str]
) -> None:
    with_people(hub)
    people = {i: person(OWNERS.get(i, i)) for i in identities}
    csrf = {i: one.csrf for i, one in people.items()}
    for row, identity in forms(identities):
        asked = Request(hub, row, identity)
        act = row["path"].rpartition("/")[2]
        form = {"csrf": csrf[identity], **_SENT[row["request"]]}
        answer = people[identity].client.post(f"/entries/{asked.id}/{act}", data=form)
        expected = int(row[identity])
        assert answer.status_code == (303 if expected == 201 else expected), (row, identity)
        shown = people[identity].client.get(f"/entries/{asked.id}").status_code
        assert shown == (404 if expected == 404 else 200), (row, identity)


def test_what_is_hidden_is_in_no_list(hub: Hub, program: Asking, person: Any, anybody: Any) -> None:
    with_people(hub)
    for identity in ("stranger", "reader", "contributor", "reviewer", "admin", "agent"):
        stranger = identity == "stranger"
        client = anybody if stranger else program(identity)
        browser = anybody if stranger else person(identity).client
        rows = [row for row in ROWS if row["request"] == "read"]
        ids = {Request(hub, row, identity).id: int(row[identity]) == 200 for row in rows}
        listed = {e["id"] for e in client.get("/api/v1/entries").json()["entries"]}
        page = browser.get("/entries").text
        given = client.post("/api/v1/documents", json={"ids": list(ids)}).text
        for id, seen in ids.items():
            assert (id in listed) == (id in page) == (id in given) == seen, (identity, id)


def test_only_admins_see_the_page_of_people(hub: Hub, person: Callable[[str], Person]) -> None:
    for role in sorted(ROLES, key="admin".__eq__):
        browser, admin = person(role), role == "admin"
        assert browser.client.get("/people").status_code == (200 if admin else 403)
        made = browser.send("/people", name="mallory", role="admin")
        assert made.status_code == (303 if admin else 403)
        shown = browser.send("/people/tokens", name="reader", days="1", scope="read")
        assert shown.status_code == (200 if admin else 403)
        assert ("mallory" in {u["name"] for u in hub.users()}) == admin


def test_a_token_that_may_only_read_changes_nothing(hub: Hub, program: Asking) -> None:
    from dimgs.web.routes import ROUTES

    client, before = program("admin", "read"), hub.digest()
    for route in ROUTES:
        if route.method == "GET" or route.reads:
            continue
        path = route.path.replace("{id}", "0" * 64).replace("{name}", "x").replace("{key}", "0")
        answer = client.request(route.method, f"/api/v1{path.replace('{token}', 'x')}", json={})
        assert answer.status_code == 403, route
        assert "scope 'read'" in answer.json()["error"]
    assert hub.digest() == before
