"""What a review or a dispute means for everything that rests on the entry."""

from pathlib import Path

import pytest

from dimgs.common.errors import InputError
from dimgs.hub import Hub
from tests.hub.test_hub import QUESTION, other, run


def chain(hub: Hub) -> tuple[str, str, str, str]:
    """A question, a run, a law from it, and an answer from the law."""
    asked = hub.add(QUESTION)
    (made,) = hub.add_runs([run("a")])
    law = hub.add({"kind": "law", "text": "l", "links": [{"type": "derived", "to": made}]})
    answer = hub.add(
        {
            "kind": "answer",
            "text": "two days",
            "links": [{"type": "derived", "to": law}, {"type": "answers", "to": asked}],
        }
    )
    return asked, made, law, answer


def states(hub: Hub, ids: tuple[str, ...]) -> list[str]:
    by_id = {e["id"]: e["state"] for e in hub.listed()}
    assert all(hub.get(i)["state"] == by_id[i] for i in ids)
    return [by_id[i] for i in ids]


def test_a_rejected_run_disputes_its_law_and_the_answer_is_checked_again(hub: Hub) -> None:
    ids = chain(hub)
    assert states(hub, ids) == ["answered", "open", "open", "open"]
    bob = other(hub, "bob")
    bob.review(ids[3], "accept")
    assert states(hub, ids) == ["accepted", "open", "open", "accepted"]
    bob.review(ids[1], "reject", "The mesh was too coarse.")
    assert states(hub, ids) == ["recheck", "disputed", "disputed", "recheck"]
    assert {e["id"] for e in hub.listed(state="disputed")} == set(ids[1:3])
    assert {e["id"] for e in hub.listed(state="recheck")} == {ids[0], ids[3]}
    assert hub.query("film", state="disputed")["count"] == 1
    assert hub.query("film", state="open")["count"] == 0
    # whoever rejected it may think again
    bob.review(ids[1], "minor", "It was fine enough.")
    assert states(hub, ids) == ["accepted", "open", "open", "accepted"]


def test_a_rejection_by_one_is_not_lifted_by_another(hub: Hub) -> None:
    ids = chain(hub)
    other(hub, "bob").review(ids[1], "reject")
    other(hub, "eve").review(ids[1], "accept")
    assert states(hub, ids)[1:] == ["disputed", "disputed", "recheck"]


def test_a_dispute_is_settled_by_an_acceptance_that_has_seen_it(hub: Hub) -> None:
    ids = chain(hub)
    bob = other(hub, "bob")
    bob.review(ids[2], "accept")
    hub.dispute(ids[2], "Is it not Arrhenius?")
    assert states(hub, ids) == ["recheck", "open", "disputed", "recheck"]
    bob.review(ids[2], "accept", "It is not.")
    assert states(hub, ids) == ["answered", "open", "accepted", "open"]
    hub.dispute(ids[2], "But at 80 degC?")
    assert states(hub, ids) == ["recheck", "open", "disputed", "recheck"]
    bob.review(ids[2], "accept", "Nor there.")
    assert states(hub, ids) == ["answered", "open", "accepted", "open"]
    bob.review(ids[2], "minor")
    assert states(hub, ids) == ["recheck", "open", "disputed", "recheck"]
    # once withdrawn, it does not settle again what another has settled meanwhile
    eve = other(hub, "eve")
    for reviewer in (eve, bob):
        reviewer.review(ids[2], "accept")
        assert states(hub, ids) == ["answered", "open", "accepted", "open"]
    eve.review(ids[2], "minor")
    assert states(hub, ids) == ["recheck", "open", "disputed", "recheck"]


def test_an_answer_that_is_accepted_after_the_rejection_stands(hub: Hub) -> None:
    ids = chain(hub)
    bob = other(hub, "bob")
    bob.review(ids[1], "reject")
    bob.review(ids[3], "accept", "It does not hang on that run.")
    assert states(hub, ids) == ["accepted", "disputed", "disputed", "accepted"]


def test_a_rejected_card_disputes_the_runs_of_its_kernel(hub: Hub) -> None:
    ids = chain(hub)
    card = hub.add({"kind": "card", "kernel": "film"})
    other(hub, "bob").review(card, "reject")
    assert states(hub, (card, *ids[1:])) == ["disputed", "disputed", "recheck", "recheck"]
    (later,) = hub.add_runs([run("b", 3.0)])
    assert states(hub, (later,)) == ["disputed"]


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_refit_without_the_rejected_run_settles_it_either_way(hub: Hub, confirmed: bool) -> None:
    asked, made, law, answer = chain(hub)
    (good,) = hub.add_runs([run("b", 2.0)])
    bob = other(hub, "bob")
    bob.review(made, "reject")
    again = bob.settle(law, {"kind": "law", "text": "l"}, [("derived", good)], confirmed=confirmed)
    before = states(hub, (asked, law, answer, again))
    if confirmed:
        assert before == ["answered", "open", "open", "open"]
        (said,) = hub.get(hub.listed("decision")[0]["id"])["content"]["looked_at"]
        assert said == good
        # it is settled for as long as what was looked at holds, and for no later doubt
        other(hub, "eve").review(good, "reject")
        assert states(hub, (law, answer)) == ["disputed", "recheck"]
    else:
        assert before == ["recheck", "disputed", "recheck", "open"]
        assert hub.get(law)["superseded_by"] == [again]


LAW = {"kind": "law", "text": "l"}


@pytest.mark.parametrize(
    ("who", "role", "message"),
    [
        ("anna", "reviewer", "has made it"),
        ("rita", "reviewer", "has made something that it rests on"),
        ("carl", "contributor", "may not settle"),
        ("robot", "agent", "agent cannot settle"),
    ],
)
def test_only_a_reviewer_who_made_nothing_of_it_settles(
    hub: Hub, who: str, role: str, message: str
) -> None:
    rita = other(hub, "rita")
    (made, good) = hub.add_runs([run("a")])[0], rita.add_runs([run("b", 2.0)])[0]
    rests = [("derived", made), ("derived", good)]
    law = hub.add_linked(LAW, rests)
    other(hub, "bob").review(made, "reject")
    with pytest.raises(InputError, match=message):
        other(hub, who, role).settle(law, LAW, [("derived", good)], confirmed=True)
    assert states(hub, (law,)) == ["disputed"]


def test_a_settlement_names_what_was_looked_at(hub: Hub) -> None:
    _, made, law, answer = chain(hub)
    (good,) = hub.add_runs([run("b", 2.0)])
    bob, eve = other(hub, "bob"), other(hub, "eve")
    refused = [
        (LAW, [], "needs evidence"),
        (LAW, [("derived", made)], "is itself in doubt"),
        (
            {"kind": "annotation", "text": "Fine."},
            [("derived", good)],
            "is a law; its new version is",
        ),
    ]
    # where nothing is doubted, nothing is settled
    eve.settle(law, LAW, [], confirmed=True)
    assert not hub.listed("decision")
    bob.review(made, "reject")
    for document, rests, message in refused:
        before = hub.digest()
        with pytest.raises(InputError, match=message):
            eve.settle(law, document, rests, confirmed=True)
        assert hub.digest() == before
    assert states(hub, (law, answer)) == ["disputed", "recheck"]


def test_links_that_anybody_makes_settle_nothing(hub: Hub, tmp_path: Path) -> None:
    """Not as links of entries, and not as acts of elsewhere, nor of a hub of an earlier edition."""
    from dimgs.hub.entry import Entry, now
    from dimgs.hub.schema import write

    _, made, law, answer = chain(hub)
    other(hub, "bob").review(made, "reject")
    carl = other(hub, "carl", "contributor")
    for type in ("confirms", "settles", "reviews", "approves"):
        with pytest.raises(InputError, match="A link is a table with 'type'"):
            carl.add({**LAW, "links": [{"type": type, "to": law}]})
        with pytest.raises(InputError, match="cannot be added"):
            carl.add({"kind": "link", "type": type, "from": answer, "to": law})
    # what earlier editions let everybody write
    kept = Entry("annotation", {"text": "Fine."}, "carl", now(), (("confirms", law),))
    with hub.database.transaction() as connection:
        write(connection, [kept])
    assert states(hub, (law, answer)) == ["disputed", "recheck"]


def test_an_acceptance_settles_doubts_of_that_entry_alone(hub: Hub) -> None:
    _, made, _, _ = chain(hub)
    bob = other(hub, "bob")
    ours = bob.add({**LAW, "links": [{"type": "derived", "to": made}]})
    theirs = hub.add({"kind": "answer", "text": "a", "links": [{"type": "derived", "to": ours}]})
    hub.dispute(ours, "Why?")
    assert states(hub, (ours, theirs)) == ["disputed", "recheck"]
    # what rests on one's own law is no way to free it
    with pytest.raises(InputError, match="bob has made something that it rests on"):
        bob.review(theirs, "accept")
    # and for another reviewer, the answer holds and the law stays doubted
    other(hub, "eve").review(theirs, "accept")
    assert states(hub, (ours, theirs)) == ["disputed", "accepted"]


def test_a_copy_of_ones_own_law_is_settled_by_others(hub: Hub) -> None:
    bob, carl = other(hub, "bob"), other(hub, "carl", "contributor")
    law = bob.add(LAW)
    copy = carl.fork(law)
    hub.dispute(copy, "Why?")
    with pytest.raises(InputError, match="bob has made something that it rests on"):
        bob.review(copy, "accept")
    # a run rests on the card of its kernel too
    bob.add({"kind": "card", "kernel": "film"})
    (made,) = hub.add_runs([run("a")])
    hub.dispute(made, "Why?")
    with pytest.raises(InputError, match="bob has made something that it rests on"):
        bob.review(made, "accept")
    assert states(hub, (copy, made)) == ["disputed", "disputed"]


def test_a_review_of_major_or_reject_stands_against_an_acceptance(hub: Hub) -> None:
    law = hub.add(LAW)
    bob, eve = other(hub, "bob"), other(hub, "eve")
    bob.review(law, "accept")
    for verdict, state in (("minor", "accepted"), ("major", "open"), ("reject", "disputed")):
        eve.review(law, verdict)
        assert states(hub, (law,)) == [state]


def test_a_doubt_outlives_its_text(hub: Hub) -> None:
    """What is redacted was said nevertheless; an admin does not clear doubts so."""
    _, made, law, answer = chain(hub)
    doubts = [other(hub, "bob").review(made, "reject"), hub.dispute(answer, "Why?")]
    for doubt in doubts:
        hub.redact(doubt, "A secret.")
    assert states(hub, (made, law, answer)) == ["disputed", "disputed", "disputed"]


def test_who_supersedes_what(hub: Hub) -> None:
    robot, carl = other(hub, "robot", "agent"), other(hub, "carl", "contributor")
    law = hub.add(LAW)

    def newer(by: Hub) -> str:
        return by.add({**LAW, "text": by.user, "links": [{"type": "supersedes", "to": law}]})

    newer(robot)
    assert hub.get(law)["superseded_by"] == []
    theirs = newer(carl)
    assert hub.get(law)["superseded_by"] == [theirs]
    # an accepted one gives way to its author, or to what was accepted too
    other(hub, "bob").review(law, "accept")
    assert hub.get(law)["superseded_by"] == []
    other(hub, "bob").review(theirs, "accept")
    ours = newer(hub)
    assert hub.get(law)["superseded_by"] == [theirs, ours]


def test_an_unconfirmed_law_answers_no_question(hub: Hub) -> None:
    asked = hub.add(QUESTION)

    def answered(**content: object) -> str:
        law = hub.add({**LAW, **content})
        links = [{"type": "derived", "to": law}, {"type": "answers", "to": asked}]
        return hub.add({"kind": "answer", "text": "a", "links": links})

    answer = answered(confirmed=False, why_not=["The residuals show structure."])
    answered(outcome="budget spent")
    assert states(hub, (asked,)) == ["open"]
    shown = hub.listed("law")
    assert [e["confirmed"] for e in shown] == [False, False]
    assert shown[0]["why_not"] == ["The residuals show structure."]
    # a reviewer may take it for an answer nevertheless
    bob = other(hub, "bob")
    bob.review(answer, "accept")
    assert states(hub, (asked,)) == ["accepted"]
    bob.review(answer, "minor")
    assert states(hub, (asked,)) == ["open"]
    answered(confirmed=True)
    assert states(hub, (asked,)) == ["answered"]
    assert [e["confirmed"] for e in hub.listed("law")] == [False, False, True]


def test_states_do_not_depend_on_the_clock(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = chain(hub)
    bob = other(hub, "bob")
    bob.review(ids[1], "accept")
    monkeypatch.setattr("dimgs.hub.acts.now", lambda: "1999-01-01T00:00:00.000+00:00")
    bob.review(ids[1], "reject")
    assert states(hub, ids)[1:] == ["disputed", "disputed", "recheck"]


def test_an_old_store_becomes_a_hub_of_its_runs(tmp_path: Path) -> None:
    import shutil

    from dimgs.hub import RunStore

    old = Path(__file__).parents[1] / "formats" / "v0_1_0" / "campaign" / "runs.sqlite"
    path = tmp_path / "runs.sqlite"
    shutil.copy(old, path)
    with Hub(path, user="anna") as hub:
        assert Path(hub.database.upgraded).read_bytes()[:16] == b"SQLite format 3\0"
        assert hub.query("diffusion-series", where=["D=1e-20..1 m^2/s"])["count"] == 8
        first = hub.digest()
    with RunStore(hub.database.upgraded) as kept:
        assert kept.counts() == {"ok": 8}
    with Hub(path, user="bob") as hub:
        assert (hub.digest(), hub.database.upgraded) == (first, "")
    # the campaign goes on in the same file
    with RunStore(path) as store:
        assert store.counts() == {"ok": 8}
        assert store.claim("another")


def test_a_settlement_that_was_let_through_elsewhere_settles_nothing(hub: Hub) -> None:
    """As in a hub of an earlier edition, or of another place: who may settle is judged here too."""
    from dimgs.hub.entry import Entry, now
    from dimgs.hub.schema import write

    bob = other(hub, "bob")
    law = bob.add(LAW)
    theirs = hub.add({"kind": "answer", "text": "a", "links": [{"type": "derived", "to": law}]})
    doubt = hub.dispute(law, "Why?")
    for by, state in (("bob", "recheck"), ("eve", "accepted")):
        links = (("reviews", theirs), ("settles", doubt))
        kept = Entry("review", {"verdict": "accept"}, by, now(), links)
        with hub.database.transaction() as connection:
            write(connection, [kept])
        assert states(hub, (law, theirs)) == ["disputed", state]
