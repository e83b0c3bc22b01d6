"""`dimgs hub` as it is typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from dimgs.cli.app import run
from dimgs.hub.schema import SCHEMA_VERSION


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "group.sqlite"
    monkeypatch.setenv("DIMGS_HUB", str(path))
    assert run(["hub", "init"]) == 0
    return path


@pytest.fixture
def typed(hub: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def typed(*words: str) -> Any:
        capsys.readouterr()
        code = run(["hub", *words, "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out)

    return typed


def question(folder: Path, **more: Any) -> str:
    path = folder / "question.json"
    path.write_text(json.dumps({"kind": "question", "text": "How fast?", **more}), "utf-8")
    return str(path)


def test_the_way_from_a_question_to_its_acceptance(hub: Path, typed: Any, tmp_path: Path) -> None:
    assert typed("init") == {"hub": str(hub), "schema": SCHEMA_VERSION}
    id = typed("add", question(tmp_path, tags=["film"]), "--as", "anna")["id"]
    review = typed("review", id[:8], "--verdict", "accept", "--clarity", "4", "--as", "bob")["id"]
    entry = typed("show", id[:8])
    assert (entry["state"], entry["reviews"][0]["clarity"]) == ("accepted", 4)
    assert entry["links"] == [{"type": "reviews", "from": review, "to": id}]
    (listed,) = typed("list", "--tag", "film", "--state", "accepted")["entries"]
    assert listed == {k: entry[k] for k in ("id", "kind", "title", "author", "time", "state")}
    typed("annotate", id, "--type", "insight", "--text", "Diffusion decides.", "--as", "bob")
    fork = typed("fork", id, "--as", "bob")["id"]
    assert typed("show", fork)["author"] == "bob"
    typed("dispute", id, "--text", "Which film?", "--as", "eve")
    assert typed("show", id)["state"] == "disputed"
    assert typed("digest")["entries"] == 5
    assert typed("query")["count"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["review", "ID", "--verdict", "accept", "--as", "anna"],
            "Authors do not review their own",
        ),
        (["review", "ID", "--verdict", "accept", "--as", "bot"], "is advisory"),
        (["review", "ID", "--verdict", "fine", "--as", "bob"], "verdict: 'fine' cannot be used"),
        (["annotate", "ID", "--type", "joke", "--text", "x"], "type: 'joke' cannot be used"),
        (["show", "12345678"], "There is no entry '12345678'"),
        (["show", "1234567"], "is not an id"),
        (["add", "/dev/null"], "is not JSON"),
        (["list", "--hub", "no.sqlite"], "There is no hub"),
        (["sync", "no.sqlite"], "There is no hub 'no.sqlite'; correct the name"),
        (["user", "add", "x", "--role", "king"], "There is no role 'king'"),
        (["token", "nobody"], "There is no user 'nobody'"),
        (["user", "add", "x", "--role", "admin", "--as", "bot"], "may not manage"),
    ],
)
def test_what_is_refused_exits_2_with_one_sentence(
    typed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    id = typed("add", question(tmp_path), "--as", "anna")["id"]
    typed("user", "add", "bot", "--role", "agent")
    capsys.readouterr()
    assert run(["hub", *(id if w == "ID" else w for w in words)]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
    assert len(err.splitlines()) == 1


def test_no_hub_is_named(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.delenv("DIMGS_HUB", raising=False)
    assert run(["hub", "list"]) == 2
    assert "No hub is named" in capsys.readouterr().err


def test_a_run_without_a_version_is_added_with_a_warning(
    hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document: dict[str, Any] = {"kind": "run", "kernel": "swing"}
    document["outputs"] = {"T": {"value": 3.0, "unit": "s"}}
    document["inputs"] = {"l": {"value": 2.0, "unit": "m"}}
    for provenance, is_warned in (({}, True), ({"version": "1"}, False)):
        path = tmp_path / "run.json"
        path.write_text(json.dumps({**document, "provenance": provenance}), "utf-8")
        assert run(["hub", "add", str(path), "--as", "anna"]) == 0
        assert ("names no version" in capsys.readouterr().err) == is_warned


def test_a_run_in_a_unit_of_another_dimension_is_named(
    hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    same = {"kind": "run", "kernel": "film", "provenance": {"version": "1"}}
    for unit, is_warned in (("mm", False), ("cm", False), ("kg", True)):
        path.write_text(json.dumps({**same, "inputs": {"l": {"value": 2.0, "unit": unit}}}))
        capsys.readouterr()
        assert run(["hub", "add", str(path), "--as", "anna"]) == 0
        added = capsys.readouterr()
        assert (f"in kg in the run {added.out[:12]}" in added.err) == is_warned


def test_a_token_is_shown_once(typed: Any, hub: Path) -> None:
    typed("user", "add", "bob", "--role", "reviewer")
    token = typed("token", "bob", "--days", "2", "--scope", "write")["token"]
    assert token.encode() not in hub.read_bytes()
    assert typed("token", token, "--revoke") == {"revoked": token.partition(".")[0]}


def test_what_discover_finds_is_kept(
    hub: Path, typed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Path(__file__).parents[2] / "docs" / "planets.csv"
    words = ["discover", str(table), "--target", "T", "--scale", "auto", "--engine", "power_law"]
    capsys.readouterr()
    # the hub of DIMGS_HUB
    assert run([*words, "--as", "dora", "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)["hub"]
    assert typed("show", kept["law"])["author"] == "dora"
    assert typed("query", "--kernel", "planets")["count"] == kept["runs"] > 5
    assert typed("show", kept["question"])["state"] == "answered"
    # a data set of the hub holds its runs; a row that was changed is another one
    out, words = tmp_path / "chosen.csv", ["discover", str(tmp_path / "chosen.csv"), *words[2:]]
    typed("dataset", "--kernel", "planets", "--out", str(out))
    capsys.readouterr()
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hub"]["runs"] == kept["runs"]
    assert typed("query", "--kernel", "chosen")["count"] == 0
    out.write_text(out.read_text().replace(",87.969,", ",87.9,"))
    assert run(words) == 0
    capsys.readouterr()
    assert typed("query", "--kernel", "chosen")["count"] == 1
    typed(
        "review",
        typed("query", "--kernel", "planets")["runs"][0]["id"],
        "--verdict",
        "reject",
        "--as",
        "bob",
    )
    states = {e["id"]: e["state"] for e in typed("list")["entries"]}
    assert (states[kept["law"]], states[kept["answer"]]) == ("disputed", "recheck")


def test_fit_takes_the_limits_that_a_hub_has_accepted(
    hub: Path, typed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = {"kind": "limit", "target": "m", "group": "k*t", "at": 0, "input": "t",
             "exponent": 1, "beyond": 0.05}  # fmt: skip
    file = tmp_path / "limit.json"
    file.write_text(json.dumps(limit))
    rows = [f"{k},{x / k},{x / (1 + x)}" for k in (1.0, 7.0) for x in (0.02, 0.1, 0.3, 0.6, 0.9)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["k [1/s],t [s],m [1]", *rows]) + "\n")
    id = typed("add", str(file), "--as", "anna")["id"]
    fit = ["fit", str(table), "--target", "m", "--json", "--limits"]

    def fitted(limits: str) -> Any:
        capsys.readouterr()
        assert run([*fit, limits]) == 0
        return json.loads(capsys.readouterr().out)

    assert "Piecewise" not in fitted(str(hub))["law"]["expression"]
    typed("review", id, "--verdict", "accept", "--as", "eve")
    document = fitted(str(hub))
    assert "Piecewise" in document["law"]["expression"]
    assert any("m grows with t as its power 1 where k*t < 0.05" in w for w in document["warnings"])
    assert fitted(str(file))["law"]["expression"] == document["law"]["expression"]
    assert run([*fit, str(tmp_path / "nothing.json")]) == 2
    assert run([*fit, str(tmp_path / "nothing.sqlite")]) == 2


def test_an_import_that_leaves_out_entries_exits_with_1(
    hub: Path, typed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("add", question(tmp_path))
    typed("export", str(tmp_path / "bundle"))
    assert typed("import", str(tmp_path / "bundle"))["refused"] == []
    (lines,) = (tmp_path / "bundle").glob("*.jsonl")
    lines.write_text(lines.read_text("utf-8") + "{\n", "utf-8")
    assert run(["hub", "import", str(tmp_path / "bundle"), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["present"], len(document["refused"])) == (1, 1)


def test_a_key_that_is_kept_but_not_read_is_named(
    hub: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["hub", "add", question(tmp_path, colour="red", tags=["film"])]) == 0
    warning = capsys.readouterr().err
    assert "'colour'" in warning
    assert "text" in warning
    assert run(["hub", "add", question(tmp_path, text="How slow?", tags=["film"])]) == 0
    assert "warning" not in capsys.readouterr().err
