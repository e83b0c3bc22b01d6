"""What a review or a dispute means for everything that rests on the entry."""

from pathlib import Path

import pytest

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
    other(hub, "bob").review(made, "reject")
    again = hub.settle(law, {"kind": "law", "text": "l"}, [("derived", good)], confirmed=confirmed)
    found = states(hub, (asked, law, answer, again))
    if confirmed:
        assert found == ["answered", "open", "open", "open"]
    else:
        assert found == ["recheck", "disputed", "recheck", "open"]
        assert hub.get(law)["superseded_by"] == [again]


def test_a_refit_that_rests_on_the_rejected_run_settles_nothing(hub: Hub) -> None:
    asked, made, law, answer = chain(hub)
    other(hub, "bob").review(made, "reject")
    hub.settle(law, {"kind": "law", "text": "l"}, [("derived", made)], confirmed=True)
    assert states(hub, (asked, law, answer)) == ["recheck", "disputed", "recheck"]


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
