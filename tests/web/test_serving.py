"""A server as a process, asked over a real socket by the command line; killed and started again."""

import json
from pathlib import Path
from typing import Any

import pytest

from case_studies.benchmarks.hub_writers import Server
from dimgs.cli.app import run
from dimgs.hub import Hub


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "group.sqlite"
    with Hub(path, user="anna") as hub:
        hub.set_user("carl", "contributor")
        hub.set_user("rita", "reviewer")
        (tmp_path / "carl").write_text(hub.new_token("carl", scope="write") + "\n", "utf-8")
        monkeypatch.setenv("DIMGS_HUB_TOKEN", hub.new_token("rita", scope="write"))
    return path


def test_nothing_is_lost_when_the_server_is_killed(
    group: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    def typed(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert run(["hub", *words, "--json"]) == code
        captured = capsys.readouterr()
        return json.loads(captured.out) if code == 0 else captured.err

    question = tmp_path / "question.json"
    question.write_text(json.dumps({"kind": "question", "text": "How fast?"}), "utf-8")
    with Server(str(group)) as server:
        address = server.address
        monkeypatch.setenv("DIMGS_HUB", address)
        ids = [typed("add", str(question))["id"] for _ in range(3)]
        before = typed("digest")
        server.kill()
        assert "does not answer" in typed("digest", code=1)
        server.start()
        assert server.address == address
        assert typed("digest") == before == {"digest": before["digest"], "entries": 3}
        assert typed("show", ids[0])["author"] == "rita"
        assert "Authors do not review their own" in typed(
            "review", ids[0], "--verdict", "accept", code=2
        )
        # another user's token, from a file
        monkeypatch.delenv("DIMGS_HUB_TOKEN")
        monkeypatch.setenv("DIMGS_HUB_TOKEN_FILE", str(tmp_path / "carl"))
        assert "carl is a contributor here" in typed("review", ids[0], "--verdict", "minor", code=2)
        typed("annotate", ids[0], "--type", "insight", "--text", "Slowly.")
        mine = str(tmp_path / "mine.sqlite")
        synced = typed("sync", address, "--hub", mine)
        assert (synced["added"], synced["pushed"]) == (4, 0)
        assert typed("sync", mine)["present"] == 4
        assert typed("digest", "--hub", mine) == typed("digest")


def test_a_port_that_is_taken_is_one_sentence(
    group: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dimgs.web.serving import listening

    socket, address = listening("127.0.0.1", 0)
    with socket:
        port = address.rpartition(":")[2]
        assert run(["hub", "serve", "--hub", str(group), "--port", port]) == 2
    assert "cannot be listened at" in capsys.readouterr().err
    assert run(["hub", "serve", "--hub", str(group), "--host", "no.such.host.invalid"]) == 2
    assert run(["hub", "serve", "--hub", "none.sqlite"]) == 2
