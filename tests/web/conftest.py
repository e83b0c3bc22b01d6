"""A hub with a person of each role, behind a server in this process."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
from starlette.testclient import TestClient

from dimgs.hub import Hub
from dimgs.hub.permissions import ROLES
from dimgs.web.app import make_app

BASE = "http://localhost"
PASSWORD = "a long password"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Its users are called by their roles; anna, who is not registered, owns it."""
    with Hub(tmp_path / "group.sqlite", user="anna") as hub:
        for role in ROLES:
            hub.set_user(role, role)
        yield hub


@pytest.fixture
def app(hub: Hub) -> Any:
    return make_app(hub)


@pytest.fixture
def client(app: Any) -> Iterator[Callable[..., TestClient]]:
    """Makes clients, each of which keeps its event loop: that spares most of a request's time."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(TestClient(app, base_url=BASE, **options))


@pytest.fixture
def anybody(client: Callable[..., TestClient]) -> TestClient:
    return client()


Asking = Callable[..., TestClient]


@pytest.fixture
def program(client: Callable[..., TestClient], hub: Hub) -> Asking:
    """Makes clients with a token of a user."""

    def program(user: str, scope: str = "write") -> TestClient:
        token = hub.new_token(user, scope=scope)
        return client(headers={"Authorization": f"Bearer {token}"})

    return program


class Person:
    """A person at a browser that runs no script."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def sign_in(self, user: str, password: str = PASSWORD) -> Any:
        return self.client.post("/sign-in", data={"name": user, "password": password})

    @property
    def csrf(self) -> str:
        (token,) = set(re.findall(r'name="csrf" value="(\w+)"', self.client.get("/").text))
        return str(token)

    def send(self, path: str, **form: str) -> Any:
        return self.client.post(path, data={"csrf": self.csrf, **form})


@pytest.fixture
def person(client: Callable[..., TestClient], hub: Hub) -> Callable[[str], Person]:
    """Signs people in, without the time that a password takes."""
    from dimgs.hub import accounts
    from dimgs.web.intake import COOKIE

    def person(user: str) -> Person:
        made = Person(client(follow_redirects=False))
        session = accounts.new_token(hub.database, user, 0.1, "write")
        made.client.cookies.set(COOKIE, session, domain="localhost.local")
        return made

    return person


@pytest.fixture(autouse=True, scope="module")
def searches_are_brief(brief: None) -> None:
    """What a search finds is tested elsewhere."""
