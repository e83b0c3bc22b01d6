"""Pages as people get them: what they show, and what they let nobody do."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import dimgs
from dimgs.hub import Hub
from dimgs.hub.hub import keep_campaign, keep_report
from dimgs.web.app import make_app
from dimgs.web.intake import COOKIE, People, TooManyError, UnknownError
from dimgs.web.pages import evidence_graph, map_of_runs, markdown_html
from tests.hub.records import record
from tests.web.conftest import PASSWORD, Person

BAD = "<script>alert(1)</script>\u202e'\"&"


@pytest.fixture(scope="module")
def report() -> Any:
    """What discover finds of a pendulum."""
    length = np.array([0.2, 0.4, 0.8, 1.6])
    data = dimgs.Dataset.from_columns({"L [m]": length, "T [s]": 2.006 * np.sqrt(length)})
    return dimgs.discover(data, "T", constants=["g"], engine="power_law")


@pytest.fixture
def kept(hub: Hub, report: Any) -> dict[str, Any]:
    """It is kept by anna, with a page without figures, which would take most of the time."""
    return keep_report(hub, report, "<p>The report.</p>")


def test_a_law_is_typeset_with_what_it_rests_on(
    hub: Hub, kept: dict[str, Any], anybody: TestClient
) -> None:
    law = anybody.get(f"/entries/{kept['law']}").text
    assert "<msqrt>" in law
    assert "def law(" in law
    assert "4 runs of columns" in law
    answer = anybody.get(f"/entries/{kept['answer']}").text
    boxes = set(re.findall(r'<a href="/entries/(\w+)"><g class="', answer))
    assert boxes == {kept[k] for k in ("question", "law", "protocol")}
    home = anybody.get("/").text
    answered = home.index("Answered</h2>")
    # a law that is not confirmed answers nothing, and says why wherever it is listed
    assert home.index(kept["question"]) < answered
    for page in (law, anybody.get("/entries?kind=law").text, anybody.get("/queue").text):
        assert "not confirmed</span>: " in page
    assert "The answer depends on a law that is not confirmed." in answer
    assert "Not confirmed: " in answer
    hub.for_user("reviewer").review(kept["answer"], "reject", "Too few runs.")
    home = anybody.get("/").text
    assert home.index(kept["question"]) < home.index("Answered</h2>")
    again = anybody.get(f"/entries/{kept['answer']}").text
    assert 'class="disputed root"' in again
    assert "Too few runs." in again


def test_the_queue_leads_to_a_review(
    hub: Hub, kept: dict[str, Any], person: Callable[[str], Person], anybody: TestClient
) -> None:
    rita = person("reviewer")
    queue = rita.client.get("/queue").text
    assert f"/entries/{kept['law']}/reviews" in queue
    assert "/reviews" not in anybody.get("/queue").text
    sent = rita.send(
        f"/entries/{kept['law']}/reviews", verdict="accept", clarity="4", rating="", text="*Fine*"
    )
    assert sent.headers["location"] == f"/entries/{kept['law']}"
    (review,) = hub.get(kept["law"])["reviews"]
    assert (review["author"], review["clarity"], review.get("rating")) == ("reviewer", 4, None)
    assert f"/entries/{kept['law']}/reviews" not in rita.client.get("/queue").text
    # a text of one digit stays a text
    assert rita.send(f"/entries/{kept['law']}/annotations", type="bug", text="4").status_code == 303
    wrong = rita.send(f"/entries/{kept['law']}/reviews", verdict="minor", clarity="45")
    assert (wrong.status_code, "clarity" in wrong.text) == (400, True)
    assert rita.client.post("/ask", content="&".join("a=1" for _ in range(101))).status_code == 400
    assert "<em>Fine</em>" in rita.client.get(f"/entries/{kept['law']}").text


def test_a_fork_stands_beside_its_parent(hub: Hub, person: Callable[[str], Person]) -> None:
    asked = hub.add({"kind": "question", "text": "How fast?", "target": "t"})
    carl = person("contributor")
    made = carl.send(f"/entries/{asked}/forks", changes='{"text": "How slowly?"}')
    fork = made.headers["location"]
    beside = carl.client.get(f"{fork}/beside").text
    assert "<td>text</td><td>How fast?</td><td>How slowly?</td>" in beside
    assert beside.count("Nothing yet.") == 2
    hub.add({"kind": "answer", "answer": {"value": 2.5, "unit": "h"},
             "links": [{"type": "answers", "to": asked}]})  # fmt: skip
    again = carl.client.get(f"{fork}/beside").text
    assert (again.count("Nothing yet."), ">2.5 h</a>" in again) == (1, True)
    for k in range(8):
        carl.send(f"{fork}/forks", changes=f'{{"text": "How slowly, {k}?"}}')
    # the forks of the fork are not its parent
    assert f'href="/entries/{asked}"' in carl.client.get(f"{fork}/beside").text
    assert carl.send(f"/entries/{asked}/forks", changes="{").status_code == 400
    assert carl.client.get(f"/entries/{asked}/beside").status_code == 400


def test_a_question_is_asked_found_and_tagged(hub: Hub, person: Callable[[str], Person]) -> None:
    carl = person("contributor")
    made = carl.send(
        "/ask", text="# How *fast*?", tags="film, polymer ", safe="", visibility="open"
    )
    entry = hub.get(made.headers["location"].rpartition("/")[2])
    assert entry["content"] == {"text": "# How *fast*?", "tags": ["film", "polymer"]}
    for asked, matches in (("text=FAST", True), ("text=slow", False), ("tag=film", True),
                         ("kind=law", False), ("author=contributor", True)):  # fmt: skip
        page = carl.client.get(f"/entries?{asked}").text
        assert (entry["id"] in page) == matches, asked
    part = carl.client.get("/entries?text=fast", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="found"')


def test_a_question_holds_what_was_typed_and_no_file_of_the_server(
    hub: Hub, person: Callable[[str], Person], tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("salary [1]\n42\n")
    carl = person("contributor")
    refused = carl.send("/ask", text="What is in it?", at=str(secret))
    assert refused.status_code == 400
    assert hub.listed("question") == []
    made = carl.send("/ask", text="How much?", at="D=1e-14 m^2/s, t=1..9 day, kind=resin")
    entry = hub.get(made.headers["location"].rpartition("/")[2])
    assert entry["content"]["inputs"] == {
        "D": {"value": 1e-14, "unit": "m^2/s"}, "t": "1..9 day",
        "kind": {"value": "resin", "unit": "label"},
    }  # fmt: skip


def test_cards_jobs_and_runs_are_shown(hub: Hub, anybody: TestClient) -> None:
    card = {
        "kind": "card", "kernel": "film", "inputs": {"l": {"unit": "mm", "low": 1, "high": 3}},
        "assumptions": ["one dimension", "no swelling"], "complete": True,
    }  # fmt: skip
    shown = anybody.get(f"/entries/{hub.add(card)}").text
    assert "<td>1 to 3 mm</td>" in shown
    assert "one dimension, no swelling" in shown
    (run,) = hub.add_runs([record("a")])
    assert "<td>1.5 mm</td>" in anybody.get(f"/entries/{run}").text
    job = {"kind": "job", "kernel": "film", "inputs": {"l": {"value": 2.0}}, "text": "Two, please."}
    id = hub.add(job)
    assert "Two, please." in anybody.get("/jobs").text
    for path in ("/jobs", f"/entries/{id}"):
        assert "waiting" in anybody.get(path).text


def film_runs(n: int) -> list[Any]:
    return [
        record(
            str(k), inputs={"D": (10.0**k, "um^2/s"), "t": (2.0, "s"), "l": (1.0, "mm")},
            outputs={"c": (0.5, "1")},
        )
        for k in range(n)
    ]  # fmt: skip


def test_a_law_in_regimes_is_titled_and_shown_by_their_formulas(
    hub: Hub, anybody: TestClient
) -> None:
    laws = [{"text": f"c = C*t**{k}", "expression": f"C*t**{k}"} for k in (1, 2)]
    regimes = [
        {"where": "pi_1 < 1", "place": "D·t·l⁻² < 1", "law": laws[0]},
        {"where": "pi_1 >= 1", "place": "D·t·l⁻² ≥ 1", "law": laws[1]},
    ]
    asked: dict[str, Any] = {"target": "c", "outcome": "confirmed", "law": None, "pertinence": {}}
    result = {**asked, "regimes": regimes}
    kept = keep_campaign(hub, result, {"kernel": "film"}, film_runs(2))["law"]
    title = "c = C*t**1 where D·t·l⁻² < 1; c = C*t**2 where D·t·l⁻² ≥ 1"
    assert hub.get(kept)["title"] == title
    page = unescape(anybody.get(f"/entries/{kept}").text)
    assert "<li>c = C*t**2 where D·t·l⁻² ≥ 1</li>" in page
    assert "regimes</dt>" not in page


def test_the_map_places_runs_and_borders(hub: Hub, anybody: TestClient) -> None:
    result = {
        "target": "c", "outcome": "converged", "law": {"expression": "1"}, "regimes": [],
        "boundaries": [{"physical": "D·t·l⁻²", "value": 2e-3}, {"physical": "q", "value": 1.0}],
    }  # fmt: skip
    kept = keep_campaign(hub, result, {"kernel": "film"}, film_runs(5))
    drawn = map_of_runs(hub, "film", None, None)
    assert drawn is not None
    assert "D·t·l⁻² = 0.002, q = 1" in unescape(anybody.get(f"/entries/{kept['law']}").text)
    assert (drawn.x, drawn.y, drawn.shown) == ("D*t*l^-2", "c", 5)
    # D t / l^2 goes from 2e-6 to 2e-2 in decades, and the border is at the third of its four steps
    steps = np.diff([p["x"] for p in drawn.points])
    assert steps == pytest.approx(steps[0], abs=2e-4)
    (border,) = drawn.borders
    assert border["law"] == kept["law"]
    assert border["ends"][::2] == pytest.approx([drawn.points[3]["x"]] * 2, abs=2e-4)
    assert sorted(border["ends"][1::2]) == [0.0, 1.0]
    page = anybody.get("/map?kernel=film&x=D&y=l").text
    assert page.count("<circle") == 5
    assert anybody.get("/map?x=D*q").status_code == 400
    assert "names 'q'" in unescape(anybody.get("/map?x=D*q").text)
    # slanted: D / l^2 against t has the border D t / l^2 = const from corner to corner of a square
    slanted = map_of_runs(hub, "film", "D/l^2", "t")
    assert slanted is not None
    assert slanted.borders[0]["ends"][0] < slanted.borders[0]["ends"][2]
    assert map_of_runs(hub, "none", None, None) is None
    assert anybody.get("/map?kernel=film&x=PCoA+1&y=PCoA+2").status_code == 400


def test_principal_coordinates_keep_the_distances_of_groups(hub: Hub, anybody: TestClient) -> None:
    rng = np.random.default_rng(1)
    points = np.exp(rng.normal(size=(30, 3)) * [2.0, 1.0, 0.0])
    # three inputs of one dimension: two groups
    hub.add_runs(
        record(f"r {k}", kernel="beam",
               inputs={n: (float(x), "m") for n, x in zip("abc", row, strict=True)})
        for k, row in enumerate(points)
    )  # fmt: skip
    drawn = map_of_runs(hub, "beam", "PCoA 1", "PCoA 2")
    assert drawn is not None
    logs = np.log10(points)
    groups = logs - logs.mean(axis=1, keepdims=True)
    apart = np.linalg.norm(groups - groups[0], axis=1)
    x, y = (np.array([p[a] for p in drawn.points]) for a in "xy")
    # the picture stretches each axis to its own span; undone, distances are those of the groups
    scales, *_ = np.linalg.lstsq(
        np.column_stack([(x - x[0]) ** 2, (y - y[0]) ** 2]), apart**2, rcond=None
    )
    distances = np.sqrt(scales[0] * (x - x[0]) ** 2 + scales[1] * (y - y[0]) ** 2)
    assert distances == pytest.approx(apart, abs=0.01)
    assert scales[0] > scales[1]
    page = anybody.get("/map?kernel=beam&x=PCoA+1&y=PCoA+2").text
    assert page.count("<circle") == 30


def test_texts_of_others_stay_texts(hub: Hub, person: Callable[[str], Person]) -> None:
    id = hub.add({"kind": "question", "text": f"{BAD} [x](javascript:alert(1))", "tags": [BAD]})
    hub.annotate(id, "insight", f"<img src=http://evil.example/x onerror=alert(1)>{BAD}")
    admin = person("admin")
    for path in (f"/entries/{id}", "/", "/entries", f"/entries?text={BAD}", "/people"):
        page = admin.client.get(path).text
        assert "<script>alert" not in page
        assert re.findall(r'<[^>]*"javascript:', page) == []
        assert "\u202e" not in page
        assert "<img" not in page
        assert re.findall(r"<[^>]*\son\w+=", page) == []
        assert "style=" not in page
    assert markdown_html("<b onclick=x>a</b>**b**") == "<p>a<strong>b</strong></p>"


def test_no_page_takes_anything_from_elsewhere(
    hub: Hub, kept: dict[str, Any], person: Callable[[str], Person]
) -> None:
    admin = person("admin")
    for path in ("/", "/entries", f"/entries/{kept['law']}", "/map", "/queue", "/jobs", "/ask",
                 "/people", "/sign-in", "/api", "/nothing"):  # fmt: skip
        answer = admin.client.get(path)
        assert answer.status_code == (404 if path == "/nothing" else 200)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert re.findall(r'(?:src|href|action)="(?![/#]|data:,)[^"]*"', answer.text) == []
        assert "<script>" not in answer.text
        for asked in re.findall(r'(?:src|href)="(/static/[^"]*)"', answer.text):
            assert admin.client.get(asked).status_code == 200
        assert answer.headers["cache-control"] == "no-store"


def test_forms_of_another_session_do_nothing(hub: Hub, person: Callable[[str], Person]) -> None:
    id, before = hub.add({"kind": "question", "text": "?"}), hub.digest()["entries"]
    rita, carl = person("reviewer"), person("contributor")
    form = {"text": "No."}
    for csrf in ("", "0" * 64, carl.csrf):
        sent = rita.client.post(f"/entries/{id}/disputes", data={**form, "csrf": csrf})
        assert sent.status_code == 403
    headers = {"Origin": "http://evil.example"}
    sent = rita.client.post(
        f"/entries/{id}/disputes", data={**form, "csrf": rita.csrf}, headers=headers
    )
    assert sent.status_code == 403
    # the session of a person is not a token for the REST
    assert (
        rita.client.post("/api/v1/entries", json={"kind": "question", "text": "?"}).status_code
        == 401
    )
    assert hub.digest()["entries"] == before
    assert rita.send(f"/entries/{id}/disputes", **form).status_code == 303


def test_signing_in_and_out(hub: Hub, client: Any) -> None:
    hub.set_user("reviewer", "reviewer", PASSWORD)
    someone = Person(client(follow_redirects=False))
    wrong = someone.sign_in("reviewer", "not this one")
    nobody = someone.sign_in("nobody")
    assert (wrong.status_code, nobody.status_code) == (401, 401)
    sentence = "There is no user of this name and password"
    assert sentence in wrong.text
    assert sentence in nobody.text
    signed = someone.sign_in("reviewer")
    cookie = signed.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Max-Age=43200"))
    assert "Secure" not in cookie
    assert "Sign out reviewer (reviewer)" in someone.client.get("/").text
    kept = someone.client.cookies[COOKIE]
    assert someone.send("/sign-out").status_code == 303
    someone.client.cookies.set(COOKIE, kept, domain="localhost.local")
    assert "Sign in" in someone.client.get("/").text


def test_attempts_to_sign_in_are_few(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def check(database: Any, name: str, password: str) -> bool:
        tried.append(name)
        return password == PASSWORD

    monkeypatch.setattr("dimgs.hub.accounts.check_password", check)
    now = [0.0]
    people = People(hub, lambda: now[0])

    def refused(name: str, address: str, n: int) -> None:
        for _ in range(n):
            with pytest.raises(UnknownError):
                people.sign_in(name, "wrong", address)

    refused("reader", "10.0.0.1", 4)
    people.sign_in("reader", PASSWORD, "10.0.0.1")
    refused("reader", "10.0.0.1", 1)
    with pytest.raises(TooManyError):
        people.sign_in("reader", PASSWORD, "10.0.0.1")
    # another address is not locked out, nor is another user; but an address that tries many is
    people.sign_in("reader", PASSWORD, "10.0.0.2")
    people.sign_in("admin", PASSWORD, "10.0.0.1")
    for k in range(3):
        refused(f"user{k}", "10.0.0.1", 5)
    count = len(tried)
    with pytest.raises(TooManyError):
        people.sign_in("admin", PASSWORD, "10.0.0.1")
    assert len(tried) == count
    now[0] = 901.0
    people.sign_in("reader", PASSWORD, "10.0.0.1")


def test_a_closed_hub_shows_nothing_to_strangers(hub: Hub, person: Callable[[str], Person]) -> None:
    id = hub.add({"kind": "question", "text": "How fast?"})
    closed = make_app(hub, closed=True)
    stranger = TestClient(closed, base_url="http://localhost", follow_redirects=False)
    for path in ("/", "/entries", f"/entries/{id}", "/map"):
        assert stranger.get(path).headers["location"] == "/sign-in"
    assert stranger.get("/sign-in").status_code == 200
    for path in ("entries", f"entries/{id}", "ids", "digest", "me"):
        assert stranger.get(f"/api/v1/{path}").status_code == 401
    token = hub.new_token("reader")
    given = {"Authorization": f"Bearer {token}"}
    assert stranger.get(f"/api/v1/entries/{id}", headers=given).status_code == 200


def test_the_graph_has_every_link_between_boxes_that_do_not_meet(hub: Hub) -> None:
    asked = hub.add({"kind": "question", "text": "?"})
    parts = [hub.add({"kind": "protocol", "text": f"plan {k} " + "long " * 9}) for k in range(7)]
    hub.add_runs([record(str(k)) for k in range(3)], [("derived", parts[0])])
    law = hub.add_linked({"kind": "law", "expression": "x"}, [("derived", p) for p in parts])
    answer = hub.add_linked({"kind": "answer"}, [("derived", law), ("answers", asked)])
    evidence = hub.evidence(answer)
    assert {n["id"] for n in evidence["nodes"]} == {asked, law, answer, *parts}
    drawn = evidence_graph(evidence)
    assert drawn is not None
    assert len(drawn.arrows) == len(evidence["links"]) == 9
    places = [(b["x"], b["y"]) for b in drawn.boxes]
    for i, (x, y) in enumerate(places):
        assert 0 <= x <= drawn.width - 150
        assert 0 <= y <= drawn.height - 58
        assert all(abs(x - u) >= 150 or abs(y - v) >= 58 for u, v in places[:i])
    assert all(len(line) <= 18 for b in drawn.boxes for line in b["lines"])
    above = evidence_graph(hub.evidence(parts[0]))
    assert above is not None
    assert json.dumps([b["depth"] for b in above.boxes]) == "[-1, 0]"
