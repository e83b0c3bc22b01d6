"""Bundles: the same hub in whatever order they are merged, and nothing that does not hold."""

import io
import itertools
import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.bundle import Merged
from dimgs.hub.entry import Entry, now, sha256
from tests.hub.conftest import Places
from tests.hub.earlier import DIGEST, FORMATS, make_schema3
from tests.hub.test_hub import QUESTION, other, run
from tests.hub.test_lineage import chain, states


def bundled(hub: Hub, folder: Path) -> Path:
    hub.export(folder)
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("entries-*.jsonl"))


def changed(folder: Path, old: str, new: str) -> None:
    """Change a text in the files of a bundle."""
    (path,) = files(folder)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def merged(folder: Path, place: Places) -> tuple[Merged, int]:
    """What a new hub takes of a bundle."""
    with Hub(place(), user="carl") as new:
        return new.merge(folder), new.digest()["entries"]


def test_a_backup_restores_to_equal_hashes(hub: Hub, place: Places, tmp_path: Path) -> None:
    ids = chain(hub)
    hub.add({**QUESTION, "visibility": "private"})
    hub.add({**QUESTION, "visibility": "embargoed", "until": "2999-01-01"})
    other(hub, "bob").review(ids[1], "reject")
    hub.redact(ids[0], "secret")
    assert hub.export(tmp_path / "all", everything=True).added == 8
    with Hub(place(), user="anna") as restored:
        done = restored.merge(tmp_path / "all")
        assert (done.added, done.present, done.refused) == (8, 0, [])
        assert restored.digest() == hub.digest()
        assert states(restored, ids) == ["answered", "open", "open", "open"]
        (key,) = done.keys
        restored.trust(key, "the hub as it was")
        assert states(restored, ids) == states(hub, ids)
        assert restored.get(ids[1])["content"] == hub.get(ids[1])["content"]
        assert restored.query("film", where=["l=0.1..0.2 cm"])["count"] == 1
        again = restored.merge(tmp_path / "all")
        assert (again.added, again.present) == (0, 8)


def test_what_is_not_open_stays(hub: Hub, place: Places, tmp_path: Path) -> None:
    hub.add({**QUESTION, "visibility": "private", "text": "s3cr3t"})
    hub.add({**QUESTION, "visibility": "embargoed", "until": "2999-01-01", "text": "s3cr3t"})
    (open_one,) = hub.add_runs([run("a")])
    bundled(hub, tmp_path / "b")
    assert not any(b"s3cr3t" in p.read_bytes() for p in (tmp_path / "b").iterdir())
    with Hub(place(), user="carl") as new:
        assert new.sync(tmp_path / "b").added == 1
        assert new.get(open_one)["kind"] == "run"
    with pytest.raises(InputError, match="may not manage"):
        other(hub, "bob").export(tmp_path / "c", everything=True)


def test_bundles_merge_in_any_order_to_the_same(hub: Hub, place: Places, tmp_path: Path) -> None:
    ids = chain(hub)
    bundled(hub, tmp_path / "0")
    with Hub(place(), user="bob") as second:
        second.merge(tmp_path / "0")
        second.review(ids[1], "reject")
        second.add({"kind": "question", "text": "Another?"})
        bundled(second, tmp_path / "1")
    hub.dispute(ids[2], "Why so?")
    bundled(hub, tmp_path / "2")
    digests, merged = set(), set()
    for order in itertools.permutations("012"):
        with Hub(place(), user="carl") as new:
            for name in order:
                new.merge(tmp_path / name)
            digests.add(new.digest()["digest"])
            merged.add(tuple(states(new, ids)))
    assert len(digests) == len(merged) == 1


def test_two_hubs_and_a_folder_come_to_the_same(hub: Hub, place: Places, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    ids = chain(hub)
    with Hub(place(), user="bob") as there:
        there.add(QUESTION)
        assert hub.sync(folder).pushed == 4
        done = there.sync(folder)
        assert (done.added, done.pushed) == (4, 1)
        assert there.digest() != hub.digest()
        hub.sync(folder)
        assert there.digest() == hub.digest()
        before = {p.name for p in files(folder)}
        hub.sync(folder)
        assert {p.name for p in files(folder)} == before
        # a review there is seen here, and counts once its hub is trusted
        there.review(ids[2], "reject")
        there.sync(folder)
        hub.sync(folder)
        (review,) = hub.get(ids[2])["reviews"]
        assert (review["counts"], review["why"][:8]) == (False, "imported")
        assert states(hub, ids)[2] == "open"
        hub.trust(there.key(), "bob's")
        assert states(hub, ids)[2] == "disputed"
        hub.distrust(there.key())
        assert states(hub, ids)[2] == "open"


def test_hubs_sync_with_each_other(hub: Hub, place: Places) -> None:
    address = place()
    with Hub(address, user="bob") as there:
        there.add(QUESTION)
        chain(hub)
        if hub.database.path is not None:
            done = hub.sync(address)
            assert (done.added, done.pushed) == (1, 4)
            assert there.digest() == hub.digest()
            assert hub.sync(address).added == 0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"text":"How fast', '"text":"How slow', "the content of"),
        ('"author":"anna"', '"author":"eve"', "is not the hash of its entry"),
        ('"agent":false', '"agent":true', "is not the hash of its entry"),
        ('"signature":"', '"signature":"0', "signatures"),
        ('"kind":"question"', '"kind":"poem"', "There is no kind 'poem'"),
        ('"author":"anna"', '"author":"a\\u0007"', "is not a name of a user"),
        ('{"agent"', '[{"agent"', "is not JSON"),
    ],
)
def test_what_was_changed_is_left_out(
    hub: Hub, place: Places, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    hub.add(QUESTION)
    bundled(hub, tmp_path / "b")
    changed(tmp_path / "b", old, new)
    done, kept = merged(tmp_path / "b", place)
    assert (done.added, kept) == (0, 0)
    assert reason in done.refused[0]
    assert "line 1" in done.refused[0]


def test_a_signature_of_something_else_is_refused(hub: Hub, place: Places, tmp_path: Path) -> None:
    hub.add(QUESTION)
    hub.add({"kind": "question", "text": "Another?"})
    (path,) = files(bundled(hub, tmp_path / "b"))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    lines[0]["signatures"] = lines[1]["signatures"]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    done, kept = merged(tmp_path / "b", place)
    assert (done.added, kept) == (1, 1)
    assert "signature" in done.refused[0]


def test_links_devices_and_folders_in_a_bundle_are_not_read(
    hub: Hub, place: Places, tmp_path: Path
) -> None:
    hub.add(QUESTION)
    (path,) = files(bundled(hub, tmp_path / "b"))
    outside = tmp_path / "outside.jsonl"
    path.rename(outside)
    path.symlink_to(outside)
    os.mkfifo(path.with_name("entries-0123456789abcdef.jsonl"))
    path.with_name("entries-0123456789abcdee.jsonl").mkdir()
    done, kept = merged(tmp_path / "b", place)
    assert (done.added, kept, len(done.refused)) == (0, 0, 3)


def archived(folder: Path, path: Path, name: str) -> Path:
    """An archive of the entries of a folder, under a name of their own."""
    (entries,) = files(folder)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}{entries.name}", entries.read_bytes())
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(entries, f"{name}{entries.name}")
    return path


@pytest.mark.parametrize("kind", ["b.zip", "b.tar.gz"])
def test_an_archive_is_read_and_never_unpacked(
    hub: Hub, place: Places, tmp_path: Path, kind: str
) -> None:
    hub.add(QUESTION)
    bundled(hub, tmp_path / "b")
    path = archived(tmp_path / "b", tmp_path / kind, "../../../")
    before = set(tmp_path.parent.iterdir())
    done, kept = merged(path, place)
    assert (done.added, kept) == (1, 1)
    assert set(tmp_path.parent.iterdir()) == before
    # a shorter piece may be of the zeros that a tar file ends with, which nobody reads
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cannot be read|is broken"):
        merged(path, place)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def place() -> str:
        return str(tmp_path / "hub.sqlite")

    name = "entries-0123456789abcdef.jsonl"
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"0" * (40 << 20))
    done, kept = merged(tmp_path / "b.zip", place)
    assert (kept, len(done.refused)) == (0, 1)
    assert "longer than any entry" in done.refused[0]
    monkeypatch.setattr("dimgs.hub.bundle._MOST_TOTAL", 1 << 20)
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, (b'"' + b"0" * 100_000 + b'"\n') * 20)
    with pytest.raises(InputError, match="take it in parts"):
        merged(tmp_path / "c.zip", place)


@pytest.mark.parametrize(
    "content",
    [b"[" * 200_000, b"\xff\xfe", b"null", b"[]", b'{"id": 1}', b"1e999", b'{"a": NaN}'],
)
def test_whatever_a_file_holds_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "entries-0123456789abcdef.jsonl").write_bytes(content)
    done, kept = merged(tmp_path, lambda: str(tmp_path / "hub.sqlite"))
    assert (kept, len(done.refused)) == (0, 1)
    assert len(done.refused[0]) < 500
    assert "\n" not in done.refused[0]


def test_a_file_of_something_else_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "entries-0123456789abcdef.jsonl").write_bytes(b"x\n" * 100_000)
    done, kept = merged(tmp_path, lambda: str(tmp_path / "hub.sqlite"))
    assert (kept, len(done.refused)) == (0, 101)
    assert "1 more were left out" in done.refused[-1]


def test_what_is_no_bundle_is_reported(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no bundle"):
        hub.merge(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", "x")
    for name in ("file", "empty", "other.zip"):
        with pytest.raises(InputError, match="is not a bundle: it holds no file of entries"):
            hub.merge(tmp_path / name)
    with pytest.raises(InputError, match="cannot be a folder"):
        hub.export(tmp_path / "file")
    with pytest.raises(InputError, match="may not add"):
        other(hub, "eve", "reader").merge(tmp_path)


def test_an_imported_protocol_is_untrusted_until_somebody_here_approves_it(
    hub: Hub, place: Places, tmp_path: Path
) -> None:
    plan = hub.add({"kind": "protocol", "kernel": "film.py:film"})
    other(hub, "bob").review(plan, "accept")
    bundled(hub, tmp_path / "b")
    with Hub(place(), user="carl") as new:
        new.merge(tmp_path / "b")
        new.trust(hub.key())
        # that it was accepted elsewhere does not let it run here
        assert new.get(plan)["state"] == "untrusted"
        assert [e["id"] for e in new.listed(state="untrusted")] == [plan]
        with pytest.raises(InputError, match="agent cannot approve"):
            other(new, "bot", "agent").approve(plan)
        new.approve(plan, "I have read it.")
        assert new.get(plan)["state"] == "accepted"
        another = hub.add({"kind": "protocol", "kernel": "film.py:film", "text": "new"})
        new.merge(bundled(hub, tmp_path / "b"))
        assert new.get(another)["state"] == "untrusted"


def test_physics_of_imported_cards_is_advisory(hub: Hub, place: Places, tmp_path: Path) -> None:
    hub.add_runs([run("a")])
    card = hub.add({"kind": "card", "kernel": "film", "physics": "migration"})
    bundled(hub, tmp_path / "b")
    with Hub(place(), user="carl") as new:
        new.merge(tmp_path / "b")
        assert new.query(physics="migration")["count"] == 0
        new.approve(card)
        assert new.query(physics="migration")["count"] == 1


def test_a_tombstone_is_filled_unless_it_was_made_here(
    hub: Hub, place: Places, tmp_path: Path
) -> None:
    made = hub.add(QUESTION)
    bundled(hub, tmp_path / "full")
    hub.redact(made, "secret")
    bundled(hub, tmp_path / "empty")
    hub.merge(tmp_path / "full")
    assert hub.get(made)["content"] is None
    with Hub(place(), user="carl") as new:
        new.merge(tmp_path / "empty")
        assert new.get(made)["content"] is None
        new.merge(tmp_path / "full")
        assert new.get(made)["title"] == QUESTION["text"]
        new.merge(tmp_path / "empty")
        assert new.get(made)["title"] == QUESTION["text"]
        assert [e["id"] for e in new.listed(tag="film")] == [made]


def test_an_export_is_described_as_a_crate_with_tables(hub: Hub, tmp_path: Path) -> None:
    from dimgs.dataset import read_table

    hub.add_runs([run("a"), run("b", 2.0), run("c", kernel="../x")])
    hub.export(tmp_path / "b")
    crate = json.loads((tmp_path / "b" / "ro-crate-metadata.json").read_text("utf-8"))
    by_id = {part["@id"]: part for part in crate["@graph"]}
    names = {p.name for p in (tmp_path / "b").iterdir()} - {"ro-crate-metadata.json"}
    assert names <= set(by_id)
    assert all(by_id[n]["sha256"] for n in names)
    data = read_table(str(tmp_path / "b" / "runs-film.parquet"))
    assert data.n_runs == 2
    assert len(names) == 3
    hub.export(tmp_path / "b")
    assert {p.name for p in (tmp_path / "b").iterdir()} == {*names, "ro-crate-metadata.json"}


def test_a_cut_file_is_not_taken_for_a_bundle(hub: Hub, place: Places, tmp_path: Path) -> None:
    hub.add_runs([run(f"k{i}") for i in range(30)])
    (path,) = files(bundled(hub, tmp_path / "b"))
    shutil.copy(path, path.with_suffix(".77.part"))
    cut = io.BytesIO(path.read_bytes()).getvalue()[:-100]
    path.write_bytes(cut)
    done, kept = merged(tmp_path / "b", place)
    assert (done.added, kept, len(done.refused)) == (29, 29, 1)
    # what is whole elsewhere makes it complete
    assert hub.sync(tmp_path / "b").pushed == 1
    assert merged(tmp_path / "b", place)[1] == 30


def sent(by: Hub, *entries: Entry) -> None:
    """Send entries as a bundle, as whoever made them up."""
    done = by.take([(e.id[:8], {**e.to_json(), "signatures": []}) for e in entries], "sent")
    assert (done.added, done.refused) == (len(entries), [])


def forged(author: str, kind: str = "law", *links: tuple[str, str], agent: bool = False) -> Entry:
    content = {"verdict": "accept"} if kind == "review" else {"text": f"by {author}"}
    return Entry(kind, content, author, now(), links, agent)


def test_a_forged_author_is_no_way_to_review_ones_own_work(hub: Hub) -> None:
    bob, eve = other(hub, "bob"), other(hub, "eve")
    law = forged("mallory")
    sent(bob, law)
    entry = hub.get(law.id)
    assert (entry["state"], entry["author"], entry["sender"]) == ("untrusted", "mallory", "bob")
    with pytest.raises(InputError, match="was brought by bob, and nobody signed that it is by mal"):
        bob.review(law.id, "accept")
    # nor with an acceptance under another name, or of a friend's
    sent(bob, forged("eve", "review", ("reviews", law.id)))
    assert hub.get(law.id)["state"] == "untrusted"
    # what rests on it is not settled by whoever brought it
    ours = hub.add({"kind": "law", "text": "l", "links": [{"type": "derived", "to": law.id}]})
    hub.dispute(ours, "Why?")
    with pytest.raises(InputError, match="has made something that it rests on"):
        bob.review(ours, "accept")
    # doubts may be raised by everybody, and another one accepts it
    bob.review(law.id, "minor")
    eve.review(law.id, "accept")
    assert hub.get(law.id)["state"] == "accepted"
    assert {e["id"] for e in hub.listed(state="untrusted")} == {
        e["id"] for e in hub.listed("review") if e["author"] == "eve" and e["state"] == "untrusted"
    }


def test_what_a_program_sends_is_no_persons(hub: Hub) -> None:
    robot = other(hub, "robot", "agent")
    other(hub, "carl", "contributor")
    as_person, as_itself = forged("carl"), forged("robot")
    law = hub.add({"kind": "law", "text": "l"})
    sent(robot, as_person, as_itself, forged("carl", "law", ("supersedes", law)))
    for id in (as_person.id, as_itself.id):
        entry = hub.get(id)
        assert (entry["state"], entry["agent"], entry["sender"]) == ("untrusted", True, "robot")
    assert hub.get(law)["superseded_by"] == []
    # one that says that it is a program's is its own
    honest = forged("robot", agent=True)
    sent(robot, honest)
    assert hub.get(honest.id)["state"] == "open"


def test_what_somebody_brought_under_anothers_name_is_not_taken_for_ones_own(hub: Hub) -> None:
    mine = {"kind": "law", "text": "by anna"}
    bob, (made,) = other(hub, "bob"), hub.add_runs([run("a")])
    content = dict(hub.get(made)["content"])
    hub.redact(made, "no")
    brought = [forged("anna"), Entry("run", content, "mallory", now())]
    sent(bob, *brought)
    added = [hub.once(mine), *hub.add_runs([run("a")])]
    assert not set(added) & {e.id for e in brought}
    assert [hub.get(id)["state"] for id in added] == ["open", "open"]


def test_an_answer_under_anothers_name_answers_nothing(hub: Hub) -> None:
    asked = hub.add(QUESTION)
    sent(other(hub, "bob"), forged("mallory", "answer", ("answers", asked)))
    assert hub.get(asked)["state"] == "open"
    sent(other(hub, "bob"), forged("bob", "answer", ("answers", asked)))
    assert hub.get(asked)["state"] == "answered"


def test_entries_of_others_count_once_their_hub_is_trusted_or_they_send_them(
    hub: Hub, place: Places, tmp_path: Path
) -> None:
    ids = chain(hub)
    with Hub(place(), user="carl") as new:
        new.merge(bundled(hub, tmp_path / "b"))
        assert {e["state"] for e in new.listed()} == {"untrusted"}
        assert all(e["signatures"] for e in new.documents(ids))
        new.trust(hub.key())
        assert states(new, ids) == states(hub, ids)
        new.distrust(hub.key())
        assert {e["state"] for e in new.listed()} == {"untrusted"}
        # the author stands behind them, wherever they came from first
        other(new, "anna", "contributor").merge(tmp_path / "b")
        assert states(new, ids) == states(hub, ids)
    with Hub(place(), user="carl") as new:
        new.merge(tmp_path / "b")
        bob = other(new, "bob", "contributor")
        with pytest.raises(InputError, match="may not manage"):
            bob.merge(tmp_path / "b", trust=True)
        assert {e["state"] for e in new.listed()} == {"untrusted"}
        new.merge(tmp_path / "b", trust=True)
        assert states(new, ids) == states(hub, ids)


def test_an_unsigned_bundle_of_an_earlier_edition_loads_and_can_be_vouched_for(
    hub: Hub, place: Places, tmp_path: Path
) -> None:
    """0.2.0 signed everything but runs."""
    ids = chain(hub)
    (path,) = files(bundled(hub, tmp_path / "b"))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        line["signatures"] = [] if line["kind"] == "run" else line["signatures"]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    with Hub(place(), user="carl") as new:
        assert new.merge(tmp_path / "b").refused == []
        new.trust(hub.key())
        assert states(new, ids) == ["answered", "untrusted", "open", "open"]
        new.merge(tmp_path / "b", trust=True)
        assert states(new, ids) == states(hub, ids)
        assert new.digest() == hub.digest()


def test_what_0_2_0_exported_is_read(place: Places) -> None:
    with Hub(place(), user="carl") as new:
        done = new.merge(FORMATS / "v0_2_0" / "bundle", trust=True)
        assert (done.added, done.refused) == (8, [])
        state_of = {e["title"]: e["state"] for e in new.listed()}
        # and a law that says that it is not confirmed answers no question
        assert (state_of["How fast?"], state_of["How slow?"]) == ("answered", "open")


def test_what_was_cleared_or_hidden_in_earlier_hubs_is_doubted_and_shown_again(
    place: Places,
) -> None:
    address = place()
    make_schema3(address)
    with Hub(address, user="anna") as hub:
        assert hub.digest() == {"digest": DIGEST, "entries": 19}
        state_of = {e["title"]: e["state"] for e in hub.listed()}
        # a remark had settled the doubts of the law
        assert (state_of["l"], state_of["two"], state_of["How fast?"]) == (
            "disputed",
            "recheck",
            "recheck",
        )
        # its sender had accepted what names an author that there is not
        assert (state_of["of nobody"], state_of["of bob"]) == ("untrusted", "open")
        assert (state_of["of a program"], state_of["How slow?"]) == ("untrusted", "open")
        # runs that people had sent are as usable as before
        assert {r["state"] for r in hub.query()["runs"]} == {"open", "disputed"}
        carl, private, shown = hub.for_user("carl"), b"private\n", b"open\n"
        with pytest.raises(InputError, match="There is no file"):
            carl.file(sha256(private))
        assert (hub.file(sha256(private)), carl.file(sha256(shown))) == (private, shown)
        hub.add({"kind": "law", "text": "new"})
