"""Every cell of the table of permissions, through REST and through pages."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dimgs.hub import Hub
from dimgs.hub.permissions import MATRIX, ROLES, allowed
from tests.web.conftest import Asking, Person

CELLS = ("open", "embargoed", "private", "own")
ACTIONS = tuple(action for action in MATRIX if action != "manage")
_UNTIL = {"embargoed": {"until": "2999-01-01"}}
# what an action sends, to the REST and as a form
_SENT: dict[str, tuple[str, dict[str, Any]]] = {
    "annotate": ("annotations", {"type": "insight", "text": "So?"}),
    "dispute": ("disputes", {"text": "No."}),
    "fork": ("forks", {}),
    "review": ("reviews", {"verdict": "minor", "text": "Nearly."}),
    "accept": ("reviews", {"verdict": "accept"}),
    "approve": ("approvals", {"text": "Safe."}),
    "redact": ("redactions", {"text": "A secret."}),
}


def entry_for(hub: Hub, role: str, cell: str) -> str:
    """A fresh entry of a cell: of the user himself, or of anna."""
    document = {"kind": "protocol", "text": f"{role} {cell}"}
    if cell == "own":
        return _as(hub, role).add_linked({**document, "visibility": "private"}, [])
    return hub.add({**document, "visibility": cell, **_UNTIL.get(cell, {})})


def _as(hub: Hub, user: str) -> Hub:
    # whoever it is, the entry is theirs
    other = hub.for_user("admin")
    other.user = user
    return other


def expected(role: str, action: str, cell: str) -> int:
    """Status of what the table says."""
    own, visibility = cell == "own", "private" if cell == "own" else cell
    if not allowed(role, "read", visibility, own):
        # not even that it is there is told
        return 404
    # an approval is of the thing, whoever it is by
    own = own and action != "approve"
    return 200 if allowed(role, action, visibility, own) else 403


def outcomes(hub: Hub, send: Callable[[str, str, str, str], Any]) -> Iterator[tuple[Any, ...]]:
    for role in ROLES:
        for action in (a for a in ACTIONS if a not in ("read", "add")):
            for cell in CELLS:
                id = entry_for(hub, role, cell)
                before = hub.digest()
                answer = send(role, id, *_path(action))
                changed = hub.digest() != before
                yield (role, action, cell), expected(role, action, cell), answer, changed


def _path(action: str) -> tuple[str, str]:
    return action, _SENT[action][0]


def test_every_cell_through_the_rest(hub: Hub, program: Asking) -> None:
    clients = {role: program(role) for role in ROLES}

    def send(role: str, id: str, action: str, path: str) -> Any:
        return clients[role].post(f"/api/v1/entries/{id}/{path}", json=_SENT[action][1])

    seen = 0
    for cell, status, answer, changed in outcomes(hub, send):
        assert answer.status_code == (201 if status == 200 else status), (cell, answer.text)
        assert changed == (status == 200), cell
        assert set(answer.json()) == ({"id"} if status == 200 else {"error"}), cell
        seen += 1
    assert seen == len(ROLES) * 7 * 4


def test_every_cell_through_pages(hub: Hub, person: Callable[[str], Person]) -> None:
    people = {role: person(role) for role in ROLES}
    csrf = {role: people[role].csrf for role in ROLES}

    def send(role: str, id: str, action: str, path: str) -> Any:
        form = {"csrf": csrf[role], **_SENT[action][1]}
        return people[role].client.post(f"/entries/{id}/{path}", data=form)

    for cell, status, answer, changed in outcomes(hub, send):
        assert answer.status_code == (303 if status == 200 else status), (cell, answer.text)
        assert changed == (status == 200), cell


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_what_is_read_and_added(
    hub: Hub, anybody: Any, program: Asking, person: Callable[[str], Person], role: str
) -> None:
    client = anybody if role == "nobody" else program(role)
    browser = anybody if role == "nobody" else person(role).client
    acting = "reader" if role == "nobody" else role
    ids = {cell: entry_for(hub, role, cell) for cell in CELLS if (role, cell) != ("nobody", "own")}
    listed = {e["id"] for e in client.get("/api/v1/entries").json()["entries"]}
    found = browser.get("/entries").text
    given = client.post("/api/v1/documents", json={"ids": list(ids.values())}).text
    for cell, id in ids.items():
        own, visibility = cell == "own", "private" if cell == "own" else cell
        may = allowed(acting, "read", visibility, own)
        status = 200 if may else 404
        for part in ("", "/evidence", "/history"):
            assert client.get(f"/api/v1/entries/{id}{part}").status_code == status, (cell, part)
        assert browser.get(f"/entries/{id}").status_code == status, cell
        assert (id in listed) == (id in found) == (id in given) == may, cell
    for visibility in ("open", "embargoed", "private"):
        until = _UNTIL.get(visibility, {})
        question = {"text": "Why?", "visibility": visibility, **until}
        may = role != "nobody" and allowed(role, "add", visibility)
        refused = 401 if role == "nobody" else 403
        answer = client.post("/api/v1/entries", json={"kind": "question", **question})
        assert answer.status_code == (201 if may else refused)
        if role != "nobody":
            assert person(role).send("/ask", **question).status_code == (303 if may else 403)


MANAGING = [
    ("GET", "/api/v1/users", None),
    ("PUT", "/api/v1/users/eve", {"role": "admin"}),
    ("POST", "/api/v1/users/reader/tokens", {"scope": "write"}),
    ("PUT", f"/api/v1/trusted/{'0' * 63}1", {"name": "x"}),
    ("DELETE", f"/api/v1/trusted/{'0' * 63}1", None),
    ("GET", "/api/v1/ids?everything=true", None),
]


@pytest.mark.parametrize("role", ROLES)
def test_only_admins_manage(
    hub: Hub, program: Asking, person: Callable[[str], Person], role: str
) -> None:
    client, may = program(role), allowed(role, "manage")
    for method, path, body in MANAGING:
        status = client.request(method, path, json=body).status_code
        assert status in ((200, 201) if may else (403,)), path
    token = hub.new_token("reader").partition(".")[0]
    revoked = client.delete(f"/api/v1/tokens/{token}").status_code
    assert revoked == (200 if may else 403)
    browser = person(role)
    assert browser.client.get("/people").status_code == (200 if may else 403)
    made = browser.send("/people", name="mallory", role="admin")
    assert made.status_code == (303 if may else 403)
    shown = browser.send("/people/tokens", name="reader", days="1", scope="read")
    assert shown.status_code == (200 if may else 403)
    assert ("mallory" in {u["name"] for u in hub.users()}) == may


def test_a_token_that_may_only_read_changes_nothing(hub: Hub, program: Asking) -> None:
    from dimgs.web.routes import ROUTES

    client, before = program("admin", "read"), hub.digest()
    assert client.get("/api/v1/users").status_code == 200
    for route in ROUTES:
        if route.method == "GET" or route.reads:
            continue
        path = route.path.replace("{id}", "0" * 64).replace("{name}", "x").replace("{key}", "0")
        answer = client.request(route.method, f"/api/v1{path.replace('{token}', 'x')}", json={})
        assert answer.status_code == 403, route
        assert "only read" in answer.json()["error"]
    assert hub.digest() == before
