"""The REST as programs see it, and a Hub behind a server beside a Hub in a file."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dimgs.common.errors import InputError, StoreError
from dimgs.hub import Hub
from dimgs.hub.acts import NotFoundError
from dimgs.hub.hub import RemoteHub, keep_campaign
from dimgs.hub.jobs import Policy, work
from dimgs.hub.permissions import NotAllowedError
from dimgs.web.app import make_app
from dimgs.web.routes import ROUTES, openapi
from tests.hub.records import record
from tests.web.conftest import BASE, Asking


def remote(client: TestClient) -> RemoteHub:
    return RemoteHub(BASE, client=client)


def test_a_hub_behind_a_server_does_what_the_hub_does(hub: Hub, program: Asking) -> None:
    there = remote(program("reviewer"))
    anna = remote(program("contributor"))
    assert (there.user, there.role, isinstance(there, Hub)) == ("reviewer", "reviewer", True)
    asked = anna.add({"kind": "question", "text": "How fast?", "tags": ["film"]})
    links = [("derived", asked)]
    law = anna.once({"kind": "law", "expression": "t = l^2/D"}, links)
    assert anna.once({"kind": "law", "expression": "t = l^2/D"}, links) == law
    runs = anna.add_runs([record("a"), record("b", inputs={"l": (2.0, "mm")})], links)
    assert anna.add_runs([record("a")], links) == runs[:1]
    anna.annotate(law, "insight", "Diffusion decides.")
    anna.dispute(asked, "Which film?")
    fork = anna.fork(asked, {"text": "How slowly?"})
    assert there.review(law, "accept", "Sound.", clarity=5, output=None)
    again = there.settle(law, {"kind": "law", "expression": "t = l^2/D"}, links, confirmed=True)
    admin = remote(program("admin"))
    gone = admin.redact(anna.add({"kind": "question", "text": "secret"}), "A slip.")
    assert hub.get(gone)["content"]["action"] == "redact"
    for one, other in ((there, hub), (anna, hub)):
        assert one.listed() == other.listed()
        assert one.listed(kind="question", tag="film", newest=True, text="SLOW") == [
            e for e in other.listed() if e["id"] == fork
        ]
        assert one.query(where=["l=1..1.9 mm"]) == other.query(where=["l=1..1.9 mm"])
        assert one.listed(kernel="film", limit=1) == [
            e for e in other.listed() if e["id"] == runs[0]
        ]
        assert one.listed(limit=0) == [] == other.listed(limit=0)
        # what is not here, or not to be seen, is left out
        assert list(one.several([law, "0" * 64])) == [law] == list(other.several([law, "0" * 64]))
        assert one.query(limit=None)["count"] == 2
        for id in (law, again, fork, runs[0]):
            assert one.get(id) == other.get(id)
            assert one.evidence(id) == other.evidence(id)
            assert one.history(id) == other.history(id)
        assert one.difference(fork) == other.difference(fork)
        assert one.digest() == other.digest()
        assert one.kernels() == ["film"] == other.kernels()
        assert (one.key(), one.trusted()) == (other.key(), other.trusted())
        assert list(one.documents(one.ids())) == list(other.documents(other.ids()))
    assert hub.get(law)["reviews"][0]["clarity"] == 5
    assert hub.get(law)["author"] == "contributor"


def test_who_may_not_add_is_told_before_there_is_anything_to_add(hub: Hub, program: Asking) -> None:
    remote(program("contributor")).check_adder()
    assert hub.query()["count"] == 0
    with pytest.raises(NotAllowedError, match=r"token NAME --scope write"):
        remote(program("contributor", "read")).check_adder()
    with pytest.raises(NotAllowedError, match="a reader here"):
        remote(program("reader")).check_adder()


def test_an_admin_manages_from_afar(hub: Hub, program: Asking) -> None:
    admin = remote(program("admin"))
    admin.set_user("eve", "reader", "a long password")
    assert {"name": "eve", "role": "reader", "password": True} in admin.users() == hub.users()
    token = admin.new_token("eve", days=1, scope="write")
    with pytest.raises(InputError, match="knows you as admin, not as eve"):
        RemoteHub(BASE, "eve", client=program("admin"))
    admin.revoke(token)
    with pytest.raises(InputError, match="no such token"):
        admin.revoke("0")
    key = "0" * 63 + "1"
    admin.trust(key, "theirs")
    assert hub.trusted() == {key: "theirs"}
    admin.distrust(key)
    assert hub.trusted() == {}


def test_refusals_are_the_hubs_own(program: Asking, anybody: TestClient) -> None:
    reader = remote(program("reader"))
    with pytest.raises(NotAllowedError, match="reader here, who may not add"):
        reader.add({"kind": "question", "text": "?"})
    with pytest.raises(NotFoundError, match="There is no entry '12345678'"):
        reader.get("12345678")
    remote(program("contributor")).add_runs([record("a")])
    with pytest.raises(InputError, match="No run has the input 'q'") as error:
        reader.query(where=["q=1..2 m"])
    assert type(error.value) is InputError
    with pytest.raises(NotAllowedError, match="Send a token"):
        remote(anybody).add({"kind": "question", "text": "?"})
    with pytest.raises(InputError, match="gives no access to its database"):
        work(remote(program("contributor")), Policy())
    with pytest.raises(StoreError, match="does not answer"):
        Hub("http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "message"),
    [
        ("GET", "entries?kin=card", {}, 400, "kin: there is no such key; did you mean 'kind'?"),
        ("GET", "entries?limit=-1", {}, 400, "greater than or equal to 0"),
        ("GET", "entries?newest=maybe", {}, 400, "valid boolean"),
        ("GET", "entries?state=fine", {}, 400, "There is no state 'fine'"),
        ("GET", "entries/1234567", {}, 400, "is not an id"),
        ("GET", "entries/12345678", {}, 404, "There is no entry"),
        ("GET", "nothing", {}, 404, "This address does not exist"),
        ("DELETE", "entries", {}, 405, "does not support the request method"),
        ("POST", "entries", {"content": b"{"}, 400, "is not JSON"),
        ("POST", "entries", {"content": b"\xff"}, 400, "not text in UTF-8"),
        ("POST", "entries", {"content": b"[" * 10**6}, 400, "nested too deep"),
        ("POST", "entries", {"content": b" " * (17 << 20)}, 413, "longer than"),
        ("POST", "entries", {"json": {"kind": "review", "verdict": "accept"}}, 400, "directly"),
        ("POST", "entries", {"json": {"kind": "law", "links": [{"type": "reviews", "to": "0"}]}},
         400, "A link is a table"),
        ("POST", "entries?once=true", {"json": {"kind": "decision", "action": "approve"}}, 400,
         "cannot be added directly"),
        ("POST", "runs", {"json": {"runs": [{"kernel": "f"}]}}, 400, "'inputs' is missing"),
        ("POST", "runs", {"json": {"runs": [], "links": [{"type": "settles", "to": "0" * 64}]}},
         400, "A link is a table"),
        ("PUT", "users/x", {"json": {"role": "king"}}, 400, "There is no role 'king'"),
        ("POST", "users/admin/tokens", {"json": {"day": 3}}, 400, "did you mean 'days'"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_sentence(
    hub: Hub, program: Asking, method: str, path: str, sent: Any, status: int, message: str
) -> None:
    before = hub.digest()
    answer = program("admin").request(method, f"/api/v1/{path}", **sent)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert message in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert hub.digest() == before


def test_a_wrong_token_is_refused_even_where_none_is_needed(
    hub: Hub, anybody: TestClient, program: Asking
) -> None:
    token = hub.new_token("reader")
    for wrong in (f"Bearer {token}x", "Bearer x", "Basic eDp4", f"Bearer {token[:-1]}", "Bearer"):
        answer = anybody.get("/api/v1/entries", headers={"Authorization": wrong})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    good = program("reader")
    assert good.get("/api/v1/me").json() == {"user": "reader", "role": "reader"}
    hub.set_user("reader", "reader", "another password")
    assert good.get("/api/v1/me").status_code == 401


def test_only_its_own_names_and_origins(hub: Hub, program: Asking) -> None:
    client = program("admin")
    for name in ("evil.example", "localhost.evil.example", ""):
        assert client.get("/api/v1/me", headers={"Host": name}).status_code == 421
    named = make_app(hub, ["hub.example.org"])
    elsewhere = TestClient(named, base_url="https://hub.example.org")
    assert elsewhere.get("/").status_code == 200
    question = {"kind": "question", "text": "?"}
    for origin, status in (("http://evil.example", 403), ("null", 403), (BASE, 201)):
        answer = client.post("/api/v1/entries", json=question, headers={"Origin": origin})
        assert answer.status_code == status


def test_openapi_tells_of_every_route(anybody: TestClient) -> None:
    document = anybody.get("/api/v1/openapi.json").json()
    assert document == openapi()
    operations = {(m.upper(), p) for p, ms in document["paths"].items() for m in ms}
    assert operations == {(r.method, f"/api/v1{r.path}") for r in ROUTES}
    names = [o["operationId"] for ms in document["paths"].values() for o in ms.values()]
    assert len(set(names)) == len(names) == len(ROUTES)
    review = document["paths"]["/api/v1/entries/{id}/reviews"]["post"]
    schema = review["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["verdict"]["enum"] == ["accept", "minor", "major", "reject"]
    page = anybody.get("/api").text
    assert all(r.path in page for r in ROUTES)


def test_hubs_meet_over_a_server(hub: Hub, program: Asking, tmp_path: Path) -> None:
    hub.add({"kind": "question", "text": "secret", "visibility": "private"})
    asked = hub.add({"kind": "question", "text": "How fast?"})
    with Hub(tmp_path / "mine.sqlite", user="bob") as mine:
        law = mine.add({"kind": "law", "expression": "t = l^2/D"})
        there = remote(program("contributor"))
        # a hub behind a server, to and from a folder that a hub in a file exchanges with too
        folder = tmp_path / "bundle"
        assert there.export(folder).added == 1
        assert mine.sync(folder).to_json() == {"added": 1, "present": 0, "refused": []}
        done = there.sync(folder)
        assert (done.added, done.present, done.refused) == (1, 1, [])
        assert {e["id"] for e in mine.listed()} == {asked, law}
        assert hub.get(law)["imported"]
        assert (hub.get(law)["author"], hub.get(asked)["imported"]) == ("bob", False)
        # what was changed on its way is left out
        line = next(mine.documents([law]))
        line["content"]["expression"] = "t = l^3/D"
        refused = there.take(
            [("x", line), ("y", InputError("y is not a line."))], "elsewhere"
        ).refused
        assert [r for r in refused if "was changed" in r] == refused[1:]
        assert refused[0] == "y is not a line."
    with pytest.raises(NotAllowedError):
        remote(program("reader")).sync(folder)


def test_what_a_campaign_found_is_kept_behind_a_server(hub: Hub, program: Asking) -> None:
    result = {
        "target": "t",
        "outcome": "tolerance met",
        "law": {"expression": "l^2/D"},
        "regimes": [],
    }
    there = remote(program("contributor"))
    records = [record("a"), record("b", inputs={"l": (2.0, "mm")})]
    kept = keep_campaign(there, result, {"kernel": "film", "ranges.l": "1..3 mm"}, records)
    assert kept == keep_campaign(hub, result, {"kernel": "film", "ranges.l": "1..3 mm"}, records)
    assert hub.get(kept["question"])["state"] == "answered"
    table = Path(hub.address).with_name("runs.csv")
    made = there.dataset(table, kernel="film")
    assert made["rows"] == 2
    assert len(table.read_text("utf-8").splitlines()) == 3
    assert json.loads(json.dumps(hub.get(made["id"])["content"]["runs"])) == [
        r["id"] for r in hub.query()["runs"]
    ]


@pytest.mark.parametrize("url", ["http://hub.example.org", "http://10.0.0.1:80"])
def test_a_token_does_not_travel_in_clear(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIMGS_HUB_TOKEN", "0.secret")
    with pytest.raises(InputError, match="for everybody to read") as error:
        Hub(url)
    assert "secret" not in str(error.value)
