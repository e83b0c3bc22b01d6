"""A hub as it was, whatever keeps it: a file, PostgreSQL, a server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dimgs.hub import Hub
from dimgs.hub.hub import RemoteHub, copy_as_it_was
from dimgs.hub.jobs import Policy, work
from tests.hub.test_jobs import FILM


@pytest.fixture(params=["database", "server"])
def seen(request: pytest.FixtureRequest, hub: Hub) -> Iterator[Hub]:
    """The hub itself, or as it is seen through a server."""
    if request.param == "database":
        yield hub
        return
    testclient = pytest.importorskip("starlette.testclient")
    from dimgs.web.app import make_app

    hub.set_user("anna", "admin")
    headers = {"Authorization": f"Bearer {hub.new_token('anna', scope='write')}"}
    with testclient.TestClient(
        make_app(hub), base_url="http://localhost", headers=headers
    ) as client:
        yield RemoteHub("http://localhost", client=client)


def states(hub: Hub) -> list[Any]:
    return [(e["id"], e["state"]) for e in hub.listed()]


def test_a_copy_holds_what_there_was_and_nothing_that_came_later(
    hub: Hub, seen: Hub, tmp_path: Path
) -> None:
    hub.add({"kind": "question", "text": "How much?"})
    law = hub.add({"kind": "law", "expression": "2*x", "tags": ["draft"]})
    asked = hub.add(FILM)
    digest, before = hub.digest(), states(hub)
    assert work(hub, Policy(), once=True).done == 1
    hub.dispute(law, "is that so?")
    copy_as_it_was(seen, digest["entries"], tmp_path / "then.sqlite")
    with Hub(tmp_path / "then.sqlite", user="anna") as then:
        assert then.digest() == digest
        assert states(then) == before
        assert not then.query("diffusion-series")["runs"]
        # the job waits again, and gives the same numbers
        if seen is hub:
            work(then, Policy(), once=True)
            runs = [h.query("diffusion-series")["runs"][0]["outputs"] for h in (hub, then)]
            assert runs[0] == runs[1]
    assert hub.get(asked)["status"]["state"] == "done"
