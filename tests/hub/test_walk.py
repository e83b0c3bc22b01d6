"""Random acts of people, programs and bundles in a hub, against a model of what they may come to.

The model is written from the pages of the documentation, without the hub's tables: it says whether
an act is refused, and the state of every entry after it. Besides, whatever the model says, a doubt
that is gone after an act was taken back by whoever had it, or settled by a reviewer who made
nothing of the entry.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dimgs.common.errors import InputError
from dimgs.hub import Hub
from dimgs.hub.entry import Entry, now
from tests.hub.test_hub import other

ROLES = {
    "carl": "contributor", "cora": "contributor", "rita": "reviewer", "rolf": "reviewer",
    "ruth": "reviewer", "ada": "admin", "robot": "agent", "lena": "reader",
}  # fmt: skip
JUDGES = ("reviewer", "admin")


@dataclass
class Known:
    """An entry as the model knows it."""

    id: str
    kind: str
    author: str
    rests: tuple[str, ...] = ()
    copy_of: str | None = None
    sender: str | None = None
    agent: bool = False
    answers: str | None = None
    confirmed: bool = True


@dataclass
class Said:
    """A review, dispute or settlement that counts."""

    id: str
    by: str
    of: str
    verdict: str
    seen: frozenset[str] = frozenset()
    basis: str | None = None


@dataclass
class Model:
    """Entries, and what persons said of them here."""

    entries: dict[str, Known] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)

    def makers(self, id: str) -> set[str]:
        """Who made an entry or anything that it rests on."""
        one = self.entries[id]
        below = [*one.rests, *([one.copy_of] if one.copy_of else [])]
        makers = {one.author, *([one.sender] if one.sender else [])}
        return makers.union(*(self.makers(i) for i in below))

    def in_force(self, id: str) -> list[Said]:
        """The last review of each person."""
        reviews = {
            s.by: s for s in self.said if s.of == id and s.verdict not in ("dispute", "settle")
        }
        return list(reviews.values())

    def is_withdrawn(self, one: Said) -> bool:
        """Whether an acceptance was followed by another verdict of the same person."""
        later = self.said[self.said.index(one) :] if one.verdict == "accept" else []
        others = [s for s in later if s.verdict in ("minor", "major", "reject")]
        return any((s.by, s.of) == (one.by, one.of) for s in others)

    def doubts(self) -> dict[str, dict[str, tuple[int, frozenset[str]]]]:
        """For each entry, the entries that it is doubted because of: how far away, and by what."""
        first = self._doubts([s for s in self.said if s.basis is None])
        holds = [s for s in self.said if s.basis is None or not first[s.basis]]
        return self._doubts(holds)

    def _doubts(self, holds: Iterable[Said]) -> dict[str, dict[str, tuple[int, frozenset[str]]]]:
        settled: dict[str, set[str]] = {id: set() for id in self.entries}
        for s in holds:
            if not self.is_withdrawn(s) and s.by not in self.makers(s.of):
                settled[s.of] |= s.seen
        doubts: dict[str, dict[str, tuple[int, frozenset[str]]]] = {}
        for kind in ("reject", "dispute"):
            for id in self.entries:
                here = doubts.setdefault(id, {})
                if kind == "reject":
                    by = {s.id for s in self.in_force(id) if s.verdict == "reject"}
                else:
                    by = {s.id for s in self.said if s.of == id and s.verdict == "dispute"}
                    by -= settled[id]
                if by:
                    here[f"{kind} {id}"] = 0, frozenset(by)
                # what an entry rests on was there before it
                for under in self.entries[id].rests:
                    for root, (far, causes) in doubts[under].items():
                        known = here.get(root, (far + 2, causes))
                        if root.startswith(kind) and not causes <= settled[id]:
                            here[root] = min(far + 1, known[0]), causes
        return doubts

    def is_claimed(self, one: Known) -> bool:
        """Whether an entry is nobody's but its sender's."""
        if one.sender is None or (
            one.sender == one.author and (one.agent or one.sender != "robot")
        ):
            return False
        accepts = [s for s in self.in_force(one.id) if s.verdict == "accept"]
        return not any(s.by not in (one.author, one.sender) for s in accepts)

    def states(self) -> dict[str, str]:
        """State of every entry."""
        doubts, states = self.doubts(), {}
        for id, one in self.entries.items():
            states[id] = self._state(one, doubts[id])
        for id, one in self.entries.items():
            if one.kind == "question" and states[id] == "open":
                given = [e for e in self.entries.values() if e.answers == id]
                given = [e for e in given if not self.is_claimed(e)]
                good = [e for e in given if states[e.id] in ("open", "accepted")]
                firm = [e for e in given if all(self.entries[i].confirmed for i in e.rests)]
                if any(states[e.id] == "accepted" for e in good):
                    states[id] = "accepted"
                elif any(e in good for e in firm):
                    states[id] = "answered"
                elif firm:
                    states[id] = "recheck"
        return states

    def _state(self, one: Known, doubts: dict[str, tuple[int, frozenset[str]]]) -> str:
        if doubts:
            near = any(
                far == 0 or (far == 1 and r[:6] == "reject") for r, (far, _) in doubts.items()
            )
            return "disputed" if near else "recheck"
        if self.is_claimed(one):
            return "untrusted"
        verdicts = {s.verdict for s in self.in_force(one.id)}
        return "accepted" if "accept" in verdicts and not verdicts & {"major", "reject"} else "open"

    def causes(self) -> dict[str, frozenset[str]]:
        """The reviews and disputes that each entry is doubted by."""
        every = self.doubts()
        return {id: frozenset().union(*(by for _, by in every[id].values())) for id in every}


class Walk:
    """Random acts on a hub and on the model of it."""

    def __init__(self, hub: Hub, seed: int) -> None:
        self.hubs = {name: other(hub, name, role) for name, role in ROLES.items()}
        self.hub, self.model, self.rng = hub, Model(), random.Random(seed)
        self.acts = self.refused = self.cleared = 0
        self.causes: dict[str, frozenset[str]] = {}

    def step(self) -> None:
        """One act; it is refused where the model says so, and doubts go only as they may."""
        who = self.rng.choice(list(ROLES))
        acts: list[tuple[int, Callable[[str], Any]]] = [
            (5, self.add), (7, self.review), (3, self.dispute), (3, self.settle), (2, self.send),
            (1, self.fork), (1, self.annotate), (1, self.link), (1, self.redact),
        ]  # fmt: skip
        (act,) = self.rng.choices([a for _, a in acts], [w for w, _ in acts])
        before = self.causes = self.model.causes()
        self.acts += 1
        allowed = act(who)
        self._check_cleared(who, before, allowed)

    def _check_cleared(self, who: str, before: dict[str, frozenset[str]], allowed: Any) -> None:
        """What the hub says is doubted no more has been cleared by somebody who may."""
        with self.hub.database.transaction(read=True) as connection:
            causes_now = self.hub.database.lineage(connection).causes
        gone = {id: causes - causes_now.get(id, frozenset()) for id, causes in before.items()}
        for id in (id for id, causes in gone.items() if causes):
            self.cleared += 1
            last = self.model.said[-1]
            assert allowed
            assert ROLES[who] in JUDGES
            assert last.by == who
            said_by_them = {s.id for s in self.model.said if s.by == who}
            if not gone[id] <= said_by_them:
                assert last.verdict in ("accept", "settle")
                assert who not in self.model.makers(last.of)
                # a settlement made by somebody who may holds again where what it looked at does
                under = self._below(id)
                again = [s for s in self.model.said if s.of in under and s.basis]
                may = [s.basis for s in again if s.by not in self.model.makers(s.of) and s.basis]
                assert last.of in under.union(*map(self._below, may))

    def _below(self, id: str) -> set[str]:
        return {id}.union(*(self._below(i) for i in self.model.entries[id].rests))

    def check(self) -> None:
        """Every entry is in the state that the model says."""
        states = self.model.states()
        listed = {e["id"]: e["state"] for e in self.hub.listed() if e["id"] in states}
        assert listed == states
        with self.hub.database.transaction(read=True) as connection:
            causes_now = self.hub.database.lineage(connection).causes
        expected = {i: c for i, c in self.model.causes().items() if c}
        assert {i: c for i, c in causes_now.items() if i in states} == expected

    def _some(self, *kinds: str) -> str | None:
        ids = [e.id for e in self.model.entries.values() if not kinds or e.kind in kinds]
        # mostly what was made lately: it rests on the rest
        return self.rng.choice(ids[-12:] if self.rng.random() < 0.7 else ids) if ids else None

    def _try(self, allowed: bool, act: Callable[[], str]) -> str | None:
        """Id of what was made; None where it was refused, as the model says."""
        try:
            made = act()
        except InputError:
            assert not allowed
            self.refused += 1
            return None
        assert allowed
        return made

    def _content(self) -> tuple[dict[str, Any], list[tuple[str, str]], Known]:
        kind = self.rng.choice(("question", "run", "law", "law", "answer"))
        rests: list[str] = []
        document: dict[str, Any] = {"kind": kind, "text": f"{self.rng.random()}"}
        known = Known("", kind, "")
        if kind == "run":
            inputs = {"l": {"value": self.rng.random()}}
            document = {"kind": "run", "kernel": "film", "inputs": inputs}
        elif kind in ("law", "answer"):
            below = ("run", "law") if kind == "law" else ("law", "run")
            rests = [i for _ in range(self.rng.randint(0, 2)) if (i := self._some(*below))]
        links = [("derived", i) for i in dict.fromkeys(rests)]
        if kind == "law" and self.rng.random() < 0.3:
            document["confirmed"] = known.confirmed = False
        if kind == "answer" and (asked := self._some("question")):
            links, known.answers = [*links, ("answers", asked)], asked
        known.rests = tuple(dict.fromkeys(rests))
        return document, links, known

    def _keep(self, known: Known, id: str | None, author: str, **more: Any) -> bool:
        if id is not None:
            known.id, known.author = id, author
            known.agent = known.agent or author == "robot"
            for name, value in more.items():
                setattr(known, name, value)
            self.model.entries[id] = known
        return id is not None

    def add(self, who: str) -> bool:
        document, links, known = self._content()
        writes = ROLES[who] != "reader"
        made = self._try(writes, lambda: self.hubs[who].add_linked(document, links))
        return self._keep(known, made, who)

    def fork(self, who: str) -> bool:
        id = self._some("law", "question")
        if id is None:
            return False
        parent, text = self.model.entries[id], {"text": f"{self.rng.random()}"}
        made = self._try(ROLES[who] != "reader", lambda: self.hubs[who].fork(id, text))
        known = Known("", parent.kind, "", copy_of=id, confirmed=parent.confirmed)
        return self._keep(known, made, who)

    def annotate(self, who: str) -> bool:
        id = self._some()
        if id is None:
            return False
        hub = self.hubs[who]
        kind = self.rng.choice(("insight", "bug", "validation"))
        return bool(self._try(ROLES[who] != "reader", lambda: hub.annotate(id, kind, "Fine.")))

    def dispute(self, who: str) -> bool:
        id = self._some()
        if id is None:
            return False
        made = self._try(ROLES[who] != "reader", lambda: self.hubs[who].dispute(id, "Why?"))
        if made and who != "robot":
            self.model.said.append(Said(made, who, id, "dispute"))
        return bool(made)

    def _may_settle(self, who: str, id: str) -> bool:
        return ROLES[who] in JUDGES and who not in self.model.makers(id)

    def review(self, who: str) -> bool:
        id = self._some()
        if id is None:
            return False
        one, causes = self.model.entries[id], self.causes[id]
        verdict = self.rng.choice(("accept", "accept", "minor", "major", "reject"))
        allowed = ROLES[who] in (*JUDGES, "agent") and who != one.author
        if verdict == "accept":
            allowed &= who != "robot" and (who != one.sender or not self.is_unsigned(one))
            allowed &= not causes or self._may_settle(who, id)
        made = self._try(allowed, lambda: self.hubs[who].review(id, verdict))
        if made and who != "robot":
            seen = causes if verdict == "accept" else frozenset()
            self.model.said.append(Said(made, who, id, verdict, seen))
        return bool(made)

    @staticmethod
    def is_unsigned(one: Known) -> bool:
        return one.sender is not None

    def settle(self, who: str) -> bool:
        """A law made again, from runs that may be doubted, or something else that says so."""
        id, run = self._some("law"), self._some("run")
        if id is None:
            return False
        remark = self.rng.random() < 0.2
        document = {"kind": "annotation" if remark else "law", "text": f"{self.rng.random()}"}
        rests = [run] if run and self.rng.random() < 0.8 else []
        causes = self.causes[id]
        allowed = not remark and ROLES[who] != "reader"
        if causes:
            allowed &= self._may_settle(who, id) and bool(rests)
            allowed &= not any(self.causes[i] for i in rests)
        links = [("derived", i) for i in rests]
        hub = self.hubs[who]
        made = self._try(allowed, lambda: hub.settle(id, document, links, confirmed=True))
        known = Known("", "law", "", tuple(rests))
        if made and causes:
            decision = self.hub.listed("decision", newest=True, limit=1)[0]["id"]
            self._keep(known, made, who)
            self.model.said.append(Said(decision, who, id, "settle", causes, made))
            return True
        return self._keep(known, made, who)

    def send(self, who: str) -> bool:
        """A bundle with an entry under some name, and with acts that count nothing."""
        document, links, known = self._content()
        author = self.rng.choice([*ROLES, "mallory"])
        kind, content = document.pop("kind"), document
        known.agent = self.rng.random() < 0.2
        entry = Entry(kind, content, author, now(), tuple(links), known.agent)
        sent, target = [entry], self._some()
        for verdict in ("accept", "reject") if target else ():
            assert target is not None
            acts = [("reviews", target), *(("settles", c) for c in self.causes[target])]
            sent.append(Entry("review", {"verdict": verdict}, author, now(), tuple(acts)))
            says = (("confirms", target), ("supersedes", target), *acts[1:])
            sent.append(Entry("decision", {"action": "settle"}, author, now(), says))
        lines = [(e.id[:8], e.to_json()) for e in sent]
        if not self._try(ROLES[who] != "reader", lambda: str(self.hubs[who].take(lines, "sent"))):
            return False
        agent = known.agent
        self._keep(known, entry.id, author, sender=who)
        known.agent = agent
        return True

    def link(self, who: str) -> bool:
        """A link between entries that are there; those that would settle something are none."""
        one, another = self._some(), self._some()
        if one is None or another is None:
            return False
        type = self.rng.choice(("supersedes", "annotates", "confirms", "settles", "reviews"))
        document = {"kind": "link", "type": type, "from": one, "to": another}
        allowed = ROLES[who] != "reader" and type in ("supersedes", "annotates")
        self._try(allowed, lambda: self.hubs[who].add(document))
        return False

    def redact(self, who: str) -> bool:
        """A doubt outlives its text."""
        if not self.model.said:
            return False
        doubt = self.rng.choice(self.model.said)
        allowed = ROLES[who] == "admin" or (
            ROLES[who] not in ("agent", "reader") and doubt.by == who
        )
        self._try(allowed, lambda: self.hubs[who].redact(doubt.id, "no"))
        return False


def walk(place: Path, seed: int, acts: int, every: int) -> Walk:
    with Hub(place / f"{seed}.sqlite", user="owner") as hub:
        made = Walk(hub, seed)
        for k in range(acts):
            made.step()
            if k % every == 0:
                made.check()
        made.check()
    return made


def test_a_walk_of_a_hundred_acts_clears_no_doubt_that_it_may_not(tmp_path: Path) -> None:
    made = walk(tmp_path, 19, 150, 10)
    assert made.acts == 150
    # a reviewer accepts once more what an acceptance of theirs has settled
    accepts = [s for s in made.model.said if s.verdict == "accept"]
    times = Counter((s.by, s.of) for s in accepts)
    assert any(times[s.by, s.of] > 1 for s in accepts if s.seen)
    # and it does what there is to be done
    assert min(made.refused, made.cleared) > 5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_walk_of_ten_thousand_acts_clears_no_doubt_that_it_may_not(
    tmp_path: Path, seed: int
) -> None:
    made = walk(tmp_path, 100 + seed, 500, 10)
    assert made.cleared > 0
