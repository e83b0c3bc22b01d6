"""Entries that are added, found, reviewed and shared; in SQLite and in PostgreSQL."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.accounts import set_user
from dimgs.hub.permissions import MATRIX, ROLES, allowed
from dimgs.hub.schema import entries
from dimgs.kernels.record import RunRecord, Status

QUESTION = {"kind": "question", "text": "How fast does the film empty?", "tags": ["film"]}


def run(key: str, l: float = 1.0, unit: str = "mm", **changes: Any) -> RunRecord:
    given: dict[str, Any] = {
        "kernel": "film",
        "tier": "fine",
        "inputs": {
            "D": (1e-13, "m^2/s"),
            "l": (l, unit),
            "t": (2.0, "day"),
            "kind": ("resin", "label"),
        },
        "outputs": {"c": (0.5, "kg/m^3")},
        "status": Status.OK,
        "key": key,
        "provenance": {"version": "1"},
    }
    return RunRecord(**{**given, **changes})


def other(hub: Hub, name: str, role: str = "reviewer") -> Hub:
    set_user(hub.database, name, role)
    return hub.for_user(name)


def test_what_is_added_is_found_by_kind_author_tag_and_prefix(hub: Hub) -> None:
    asked = hub.add(QUESTION)
    other(hub, "bob").add({"kind": "question", "text": "Why?"})
    assert [e["id"] for e in hub.listed(tag="film")] == [asked]
    assert [e["author"] for e in hub.listed("question")] == ["anna", "bob"]
    assert [e["title"] for e in hub.listed(author="bob")] == ["Why?"]
    entry = hub.get(asked[:8])
    assert (entry["id"], entry["content"]) == (asked, {k: QUESTION[k] for k in ("text", "tags")})
    for wrong in (asked[:7], "zzzzzzzz", "0" * 64):
        with pytest.raises(InputError):
            hub.get(wrong)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "An entry is a table with a kind"),
        ({"kind": "poem"}, "'poem' cannot be added directly"),
        ({"kind": "review", "verdict": "accept"}, "'review' cannot be added directly"),
        ({"kind": "question"}, "the key 'text' is missing"),
        ({"kind": "question", "text": "Why?", "taget": "J"}, "did you mean 'target'"),
        ({"kind": "question", "text": "Why?", "x": float("nan")}, "cannot be written as JSON"),
        ({"kind": "question", "text": "\ud800"}, "cannot be"),
        ({"kind": "question", "text": "Why?", "visibility": "embargoed"}, "ends on a date"),
        ({"kind": "law", "links": [{"type": "approves", "to": "0" * 64}]}, "A link is a table"),
        ({"kind": "law", "links": [{"type": "derived", "to": "0" * 64}]}, "There is no entry"),
        ({"kind": "run", "kernel": "k", "inputs": {"l": {"value": 1, "unit": "mn"}}}, "'mn'"),
        ({"kind": "run", "kernel": "k", "inputs": {"l": {"value": 10**400}}}, "too large"),
    ],
)
def test_what_cannot_be_used_is_reported_in_one_sentence(
    hub: Hub, document: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        hub.add(document)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500
    assert hub.digest()["entries"] == 0


def test_equal_runs_are_kept_once_and_other_seeds_are_replicates(hub: Hub) -> None:
    first, again = hub.add_runs([run("a")]), hub.add_runs([run("a"), run("b", seed=2)])
    assert first[0] == again[0]
    assert hub.query("film")["count"] == 2
    with hub.database.transaction(read=True) as connection:
        kept = connection.execute(select(entries.c.reuse)).scalars().all()
    assert len(set(kept)) == 1
    hub.add_runs([run("c", tier="coarse"), run("d", provenance={"version": "2"})])
    with hub.database.transaction(read=True) as connection:
        assert len(set(connection.execute(select(entries.c.reuse)).scalars())) == 3


def test_runs_are_found_by_ranges_in_any_unit_and_by_groups(hub: Hub) -> None:
    lengths = [0.1, 0.2, 0.5, 1.0, 2.0]
    ids = hub.add_runs([run(f"k{l}", l) for l in lengths] + [run("m", 0.05, "cm")])

    def thicknesses(**asked: Any) -> set[float]:
        runs = hub.query("film", **asked)
        assert runs["count"] == len(runs["runs"])
        return {round(float(r["inputs"]["l"]["value"]), 12) for r in runs["runs"]}

    assert thicknesses(where=["l=0.0002..0.001 m"]) == {0.2, 0.5, 1.0, 0.05}
    assert thicknesses(where=["l=200 um"]) == {0.2}
    assert thicknesses(where=["l=..0.02 cm"]) == {0.1, 0.2}
    assert thicknesses(where=["l=0.1..10 mm", "kind=resin", "t=48 h"]) == {*lengths, 0.05}
    assert thicknesses(where=["kind=glass"]) == set()
    assert thicknesses(where=["l=1 ± 0.6 mm"]) == {0.05, 0.5, 1.0}
    # D t / l^2 of l = 1 mm is 0.01728
    assert thicknesses(group=["D*t/l^2=0.0172..0.0173"]) == {1.0}
    assert thicknesses(group=["(D*t)^(1/2)/l=0.2..0.3"]) == {0.5, 0.05}
    assert thicknesses(group=["D*t=..1 mm^2"], where=["l=1..3 mm"]) == {1.0, 2.0}
    assert hub.query("film", limit=2)["count"] == 6
    assert [r["id"] for r in hub.query("film", limit=2)["runs"]] == ids[:2]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"where": ["l=1..2 s"]}, r"has the dimension L, and the range '1..2 s' T"),
        ({"where": ["q=1..2 s"]}, "No run has the input 'q'; inputs are D, l, t"),
        ({"where": ["l=2..1 mm"]}, "reversed"),
        ({"where": ["l"]}, "is not a range"),
        ({"where": ["l=1..2 mm mm^"]}, "cannot be read"),
        ({"group": ["D+t=1..2"]}, "not a product of powers"),
        ({"group": ["D*t/l=1..2"]}, "dimension"),
        ({"state": "fine"}, "There is no state 'fine'"),
    ],
)
def test_a_range_that_cannot_be_used_is_reported(hub: Hub, asked: Any, message: str) -> None:
    hub.add_runs([run("a")])
    with pytest.raises(InputError, match=message):
        hub.query(**asked)


def test_a_group_over_inputs_of_two_kernels_is_reported(hub: Hub) -> None:
    hub.add_runs([run("a"), run("b", kernel="rod", inputs={"d": (1.0, "mm")})])
    with pytest.raises(InputError, match=r"No kernel has all the inputs of 'l\*d'"):
        hub.query(group=["l*d=1..2 mm^2"])


def test_kernels_of_more_than_eight_inputs_are_found_by_any_of_them(hub: Hub) -> None:
    names = [f"x{k:02}" for k in range(20)]
    records = [
        run(f"m{v}", inputs={n: (v + k, "mm") for k, n in enumerate(names)}) for v in (1.0, 2.0)
    ]
    hub.add_runs(records)
    for k, name in enumerate(names):
        assert hub.query("film", where=[f"{name}={1 + k} mm"])["count"] == 1
    assert hub.query(group=["x00*x09/x19^2=0.02..0.04"])["count"] == 1
    assert hub.query(group=["x00*x09/x19^2=0.02..0.05"])["count"] == 2


def test_runs_of_a_physics_are_those_of_its_cards(hub: Hub) -> None:
    hub.add_runs([run("a"), run("b", kernel="series"), run("c", kernel="chains")])
    for kernel in ("film", "series"):
        hub.add({"kind": "card", "kernel": kernel, "physics": "migration"})
    assert hub.query(physics="migration")["count"] == 2
    card = hub.add({"kind": "card", "kernel": "chains", "physics": "migration"})
    assert hub.query(physics="migration")["count"] == 3
    other(hub, "bob").review(card, "reject", "Chains do not migrate.")
    assert hub.query(physics="migration")["count"] == 2


def test_runs_that_failed_are_found_where_they_are_asked_for(hub: Hub) -> None:
    hub.add_runs([run("a", status=Status.FAILED, outputs={}, reason="No licence."), run("b")])
    assert hub.query("film")["count"] == 1
    assert hub.query("film", every=True)["count"] == 2


def test_nobody_reviews_their_own_work_and_agents_accept_nothing(hub: Hub) -> None:
    asked = hub.add(QUESTION)
    with pytest.raises(InputError, match="Authors do not review their own work"):
        hub.review(asked, "reject")
    agent = other(hub, "bot", "agent")
    with pytest.raises(InputError, match="is advisory"):
        agent.review(asked, "accept")
    agent.review(asked, "reject", "I doubt it.")
    assert hub.get(asked)["state"] == "open"
    assert [r["counts"] for r in hub.get(asked)["reviews"]] == [False]
    with pytest.raises(InputError, match="bot is an agent here, who may not redact"):
        agent.redact(asked, "x")
    other(hub, "bob").review(asked, "accept", clarity=4)
    assert hub.get(asked)["state"] == "accepted"
    with pytest.raises(InputError, match="less than or equal to 5"):
        other(hub, "bob").review(asked, "accept", clarity=6)


def test_a_fork_remembers_its_parent_and_says_what_differs(hub: Hub) -> None:
    plan = hub.add({"kind": "protocol", "kernel": "film", "plan": {"budget": 10}})
    mine = other(hub, "bob").fork(plan, {"plan": {"budget": 20}})
    entry = hub.get(mine)
    assert entry["author"] == "bob"
    assert entry["content"] == {"kernel": "film", "plan": {"budget": 20}}
    assert {"type": "forked", "from": mine, "to": plan} in entry["links"]
    assert hub.difference(mine) == [
        {"key": "plan.budget", "parent": 10, "fork": 20},
    ]
    assert hub.history(mine) == [plan]
    with pytest.raises(InputError, match="has the kind of its parent"):
        hub.fork(plan, {"kind": "law"})


def test_a_secret_is_redacted_and_its_hash_stays(hub: Hub) -> None:
    made = hub.add({"kind": "question", "text": "password s3cr3t", "tags": ["s3cr3t"]})
    law = hub.add({"kind": "law", "text": "l", "links": [{"type": "derived", "to": made}]})
    before = hub.digest()["entries"]
    hub.redact(made, "It held a password.")
    entry = hub.get(made)
    assert (entry["content"], entry["title"], entry["id"]) == (None, "(redacted)", made)
    assert hub.listed(tag="s3cr3t") == []
    assert hub.history(law) == [made]
    assert hub.digest()["entries"] == before + 1
    with hub.database.transaction(read=True) as connection:
        kept = [str(row) for row in connection.execute(select(entries))]
    assert not any("s3cr3t" in row for row in kept)


def test_the_matrix_holds_for_every_role_action_and_visibility(hub: Hub) -> None:
    soon = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    of_anna = {
        cell: hub.add({**QUESTION, "visibility": cell, "until": soon if cell[0] == "e" else ""})
        for cell in ("open", "embargoed", "private")
    }
    acts: dict[str, Any] = {
        "read": lambda h, id: h.get(id),
        "annotate": lambda h, id: h.annotate(id, "insight", "x"),
        "dispute": lambda h, id: h.dispute(id, "x"),
        "fork": lambda h, id: h.fork(id),
        "review": lambda h, id: h.review(id, "minor"),
        "accept": lambda h, id: h.review(id, "accept"),
        "approve": lambda h, id: h.approve(id),
    }
    for role in ROLES:
        somebody = other(hub, f"a {role}", role)
        for cell, id in of_anna.items():
            for action, act in acts.items():
                may = allowed(role, "read", cell) and allowed(role, action, cell)
                try:
                    act(somebody, id)
                    done = True
                except InputError:
                    done = False
                assert done == may, (role, action, cell)
            listed = {e["id"] for e in somebody.listed("question", author="anna")}
            assert (id in listed) == allowed(role, "read", cell), (role, cell)
            try:
                made = somebody.add(
                    {**QUESTION, "visibility": cell, "until": soon * (cell[0] == "e")}
                )
            except InputError:
                assert not allowed(role, "add", cell)
            else:
                assert allowed(role, "add", cell)
                assert somebody.get(made)["author"] == f"a {role}"
    assert set(MATRIX["accept"]["agent"]) == set()


def test_hidden_runs_are_not_counted_for_those_who_may_not_see_them(hub: Hub) -> None:
    private = {
        "kind": "run",
        "kernel": "film",
        "inputs": {"l": {"value": 1.0, "unit": "mm"}},
        "visibility": "private",
    }
    hub.add(private)
    hub.add_runs([run("a")])
    assert hub.query("film")["count"] == 2
    assert other(hub, "bob", "contributor").query("film")["count"] == 1
    assert hub.for_anybody().query("film")["count"] == 1
    bob = hub.for_user("bob")
    bob.add(private)
    assert (bob.query("film")["count"], hub.for_anybody().query("film")["count"]) == (2, 1)


def test_an_embargo_ends(hub: Hub) -> None:
    over = hub.add({**QUESTION, "visibility": "embargoed", "until": "2020-01-31"})
    assert hub.for_anybody().get(over)["title"] == QUESTION["text"]
    assert [e["id"] for e in hub.for_anybody().listed()] == [over]


def test_the_digest_is_that_of_the_entries(hub: Hub, place: Any) -> None:
    empty = hub.digest()
    hub.add(QUESTION)
    assert hub.digest() != empty
    with Hub(place(), user="bob") as there:
        assert there.digest() == empty


def test_documents_are_json(hub: Hub) -> None:
    asked = hub.add(QUESTION)
    hub.add_runs([run("a")])
    for document in (hub.get(asked), hub.query("film"), {"entries": hub.listed()}):
        json.dumps(document, allow_nan=False)


def test_runs_are_found_by_what_reviews_say_of_them(hub: Hub) -> None:
    ids = hub.add_runs([run(f"r {k}", 1.0 + k) for k in range(4)])
    bob = other(hub, "bob")
    bob.review(ids[0], "minor")
    bob.review(ids[1], "accept")
    bob.review(ids[1], "reject")

    def ids_with(review: str) -> list[str]:
        return [r["id"] for r in hub.query("film", review=review, where=["l=0..9 mm"])["runs"]]

    # the earlier review of the same reviewer is replaced
    verdicts = ("minor", "reject", "accept", "major")
    assert [ids_with(v) for v in verdicts] == [[ids[0]], [ids[1]], [], []]
    assert ids_with("none") == ids[2:]
    assert hub.query(review="minor")["count"] == 1
    with pytest.raises(InputError, match="no review 'good'"):
        hub.query(review="good")


def test_runs_that_are_sent_again_are_kept_once(hub: Hub) -> None:
    for key in ("", "a"):
        sent = [run(key, 1.0), run(key, 2.0)]
        ids = hub.add_runs(sent)
        assert hub.add_runs(sent) == ids
        # another value is another run
        assert len({*hub.add_runs([run(key, 3.0), run(key, 1.0, "cm")]), *ids}) == 4


def test_a_run_that_somebody_hides_is_not_named_to_others(hub: Hub) -> None:
    secret = {"kind": "run", "kernel": "film", "inputs": {"l": {"value": 1.0, "unit": "mm"}}}
    secret_run = hub.add({**secret, "visibility": "private"})
    (id,) = other(hub, "bob", "contributor").add_runs(
        [RunRecord("film", "", {"l": (1.0, "mm")}, {}, Status.OK, "")]
    )
    assert id != secret_run


def test_nothing_is_kept_or_looked_for_that_no_database_holds(hub: Hub) -> None:
    hub.add_runs([run("a")])
    filters: list[dict[str, Any]] = [
        {"where": ["l=1..2\0 mm"]}, {"group": ["l\0/l=1..2"]}, {"where": ["kind=\0"]},
        *({f: "a\0b"} for f in ("kernel", "physics", "author", "tag", "tier", "since", "until")),
        *({f: "a\ud800"} for f in ("kernel", "physics", "author", "tag", "tier", "since")),
    ]  # fmt: skip
    calls: list[Callable[[], Any]] = [
        *(lambda f=f: hub.query(**f) for f in filters),
        lambda: hub.add({**QUESTION, "tags": ["a\0"]}),
        lambda: hub.add({**QUESTION, "anything": {"a\0": 1}}),
        lambda: hub.add_runs([run("a", tier="\0")]),
        lambda: hub.listed(text="a\0b"),
        lambda: hub.listed(author="a\0b"),
        lambda: hub.listed(tag="a\0b"),
        lambda: hub.listed(kernel="a\0b"),
    ]
    for call in calls:
        with pytest.raises(InputError, match="a character that no text has"):
            call()
    # what comes by other ways is refused or not found, and never a fault of the database
    for call in (
        lambda: hub.file("a\0"), lambda: hub.new_token("a\0"), lambda: hub.revoke("a\0"),
        lambda: hub.ids(kind="a\0"), lambda: list(hub.documents(["a\0"])),
        lambda: hub.for_user("a\0"),
    ):  # fmt: skip
        with suppress(InputError):
            assert call() == []


def test_a_label_may_be_written_as_a_number_is(hub: Hub) -> None:
    steel = run("s")
    hub.add_runs([replace(steel, inputs={**steel.inputs, "kind": ("316L", "label")}), run("a", 2)])
    for written in ("kind=316L", "kind='316L'"):
        assert hub.query(where=[written])["count"] == 1


def test_a_label_is_no_range_of_a_number(hub: Hub) -> None:
    hub.add_runs([run("a")])
    for span in ("nan..1", "nan..nan", "resin", "1..two"):
        with pytest.raises(InputError, match=r"not a range of numbers|no number|with a number"):
            hub.query("film", where=[f"D={span}"])
    assert hub.query("film", where=["kind=resin"])["count"] == 1


def test_the_last_admin_stays_one(hub: Hub) -> None:
    for name in ("ada", "bea"):
        hub.set_user(name, "admin")
    hub.for_user("ada").set_user("ada", "reader")
    with pytest.raises(InputError, match="bea is the only admin of this hub"):
        hub.for_user("bea").set_user("bea", "contributor", "another password")
    assert {u["name"]: u["role"] for u in hub.users()} == {"ada": "reader", "bea": "admin"}
    hub.for_user("bea").set_user("bea", "admin", "another password")


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        ("question", {"value": 1, "unit": "mm", "err": 2}, "the key 'err'"),
        ("question", "12 µm (0.5 mil)", "in the brackets"),
        ("job", {"value": 1, "unit": "mm", "low": 0.5, "high": 2}, "one number is needed"),
        ("run", {"value": 1, "unit": "mm", "sigma": 2}, "the key 'sigma'"),
        ("run", {"value": "50", "unit": "um"}, "'50' is a text in 'um'; give a number"),
        ("job", {"value": "50"}, "'50' is a text in '1'"),
        ("run", {"value": "resin", "unit": "um"}, "of a label the unit 'label'"),
    ],
)
def test_an_input_that_is_no_quantity_is_refused(
    tmp_path: Path, kind: str, given: Any, why: str
) -> None:
    with Hub(tmp_path, user="anna") as hub, pytest.raises(InputError, match=rf"\bl\b.*{why}"):
        hub.add({"kind": kind, "kernel": "film", "text": "how fast?", "inputs": {"l": given}})


def test_an_output_that_is_no_number_is_refused(hub: Hub) -> None:
    for t, why in (("2.1", r"outputs\.t\.value: '2.1' is given where a number"), (2, "'furlog'")):
        outputs = {"t": {"value": t, "unit": "furlog"}}
        with pytest.raises(InputError, match=why):
            hub.add({"kind": "run", "kernel": "film", "inputs": {}, "outputs": outputs})
