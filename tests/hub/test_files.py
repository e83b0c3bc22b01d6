"""Files that entries name by their hash: kept, shared, and lost with the entry."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from dimgs.cli.app import run as typed
from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.acts import naming
from dimgs.hub.entry import MOST_FILE, sha256
from tests.hub.conftest import Places
from tests.hub.test_hub import QUESTION, other

DATA = b"units metal\natom_style full\n"


def with_file(hub: Hub, **more: Any) -> str:
    id = hub.add({**naming(QUESTION, {"in.film": DATA}), **more})
    hub.put_file(DATA)
    return id


def test_a_file_goes_with_its_entry_through_bundles_and_syncs(
    place: Places, tmp_path: Path
) -> None:
    with Hub(place(), user="anna") as hub, Hub(place(), user="carl") as there:
        with_file(hub)
        hub.export(tmp_path / "bundle")
        assert (tmp_path / "bundle" / "files" / sha256(DATA)).read_bytes() == DATA
        there.merge(tmp_path / "bundle")
        assert there.file(sha256(DATA)) == DATA
        with Hub(tmp_path / "third.sqlite", user="eve") as third:
            third.merge(shutil.make_archive(str(tmp_path / "b"), "zip", tmp_path / "bundle"))
            assert third.file(sha256(DATA)) == DATA
        with Hub(tmp_path / "fourth.sqlite", user="eve") as fourth:
            fourth.sync(tmp_path / "bundle")
            assert fourth.file(sha256(DATA)) == DATA
    with Hub(tmp_path / "fifth.sqlite", user="eve") as fifth:
        fifth.sync(tmp_path / "third.sqlite")
        assert fifth.file(sha256(DATA)) == DATA
        assert fifth.wanted_files() == []


def test_a_changed_file_is_left_out_until_the_right_one_comes(tmp_path: Path) -> None:
    with Hub(tmp_path / "a.sqlite", user="anna") as hub:
        with_file(hub)
        hub.export(tmp_path / "bundle")
    file = tmp_path / "bundle" / "files" / sha256(DATA)
    file.write_bytes(DATA + b"!")
    with Hub(tmp_path / "b.sqlite", user="carl") as there:
        there.merge(tmp_path / "bundle")
        assert there.wanted_files() == [sha256(DATA)]
        with pytest.raises(InputError, match="no file"):
            there.file(sha256(DATA))
        file.write_bytes(DATA)
        # what no entry names is not taken
        (file.parent / sha256(b"x")).write_bytes(b"x")
        there.merge(tmp_path / "bundle")
        assert there.files() == [sha256(DATA)]


def test_who_may_not_read_the_entry_may_not_read_the_file(tmp_path: Path) -> None:
    with Hub(tmp_path / "a.sqlite", user="anna") as hub:
        id = with_file(hub, visibility="private")
        reader = other(hub, "rob", "reader")
        with pytest.raises(InputError, match="no file"):
            reader.file(sha256(DATA))
        assert hub.files() == []
        assert hub.files(everything=True) == [sha256(DATA)]
        hub.export(tmp_path / "bundle")
        assert not (tmp_path / "bundle" / "files").exists()
        with pytest.raises(InputError, match="add the entry first"):
            hub.put_file(b"of no entry")
        with pytest.raises(InputError, match="8 MB"):
            naming(QUESTION, {"large": b"x" * (MOST_FILE + 1)})
        hub.redact(id, "A secret.")
        assert hub.files(everything=True) == []


def test_files_are_added_and_written_by_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.film").write_bytes(DATA)
    entry = tmp_path / "question.json"
    entry.write_text(json.dumps(QUESTION), encoding="utf-8")
    hub = ["--hub", str(tmp_path / "h.sqlite"), "--json"]
    assert typed(["hub", "add", str(entry), "--file", str(tmp_path / "in.film"), *hub]) == 0
    id = json.loads(capsys.readouterr().out)["id"]
    assert typed(["hub", "show", id, "--files", str(tmp_path / "out"), *hub]) == 0
    assert (tmp_path / "out" / "in.film").read_bytes() == DATA


def test_a_hub_of_the_schema_before_files_is_upgraded(tmp_path: Path) -> None:
    dump = Path(__file__).parents[1] / "formats" / "hub_schema2.sql"
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as plain:
        plain.executescript(dump.read_text(encoding="utf-8"))
    plain.close()
    with Hub(path, user="anna") as hub:
        assert Path(hub.upgraded).name == "old.sqlite.schema2"
        assert hub.digest() == {
            "digest": "bde19879edff54f430077f34ebae347d09d0053899a55f9f1cf55410b76aca14",
            "entries": 5,
        }
        (law,) = hub.listed("law")
        assert law["state"] == "accepted"
        assert hub.query("film", where=["l=1..2 mm"])["count"] == 2
        with_file(hub)
        assert hub.file(sha256(DATA)) == DATA
    with sqlite3.connect(tmp_path / "old.sqlite.schema2") as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (2,)
        assert copy.execute("SELECT count(*) FROM entries").fetchone() == (5,)
    copy.close()


def test_whoever_knows_a_hash_reads_no_private_file(hub: Hub) -> None:
    """Neither by naming it, before or after it came, nor by letting others bring it."""
    carl, bob = other(hub, "carl", "contributor"), other(hub, "bob", "contributor")
    early = carl.add(naming(QUESTION, {"x": DATA}))
    with_file(hub, visibility="private")
    late = carl.add({**naming(QUESTION, {"x": DATA}), "text": "Late?"})
    for reader in (carl, bob, hub.for_anybody()):
        with pytest.raises(InputError, match="There is no file"):
            reader.file(sha256(DATA))
    assert sha256(DATA) not in carl.files(everything=True)
    hub.put_file(DATA)
    with pytest.raises(InputError, match="There is no file"):
        carl.file(sha256(DATA))
    # whoever has it, has it
    carl.put_file(DATA)
    assert carl.file(sha256(DATA)) == bob.file(sha256(DATA)) == DATA
    # what was redacted is gone with what it brought
    for id in (early, late):
        hub.redact(id, "no")
    with pytest.raises(InputError, match="There is no file"):
        carl.file(sha256(DATA))
    assert hub.file(sha256(DATA)) == DATA


def test_a_fork_brings_the_files_of_its_parent(hub: Hub) -> None:
    carl = other(hub, "carl", "contributor")
    parent = with_file(hub)
    fork = carl.fork(parent, {"text": "Another?"})
    hub.redact(parent, "no")
    assert hub.file(sha256(DATA)) == DATA
    carl.fork(fork, {"files": {"y": {"sha256": "0" * 64, "size": 1}}})
    assert carl.wanted_files() == ["0" * 64]
