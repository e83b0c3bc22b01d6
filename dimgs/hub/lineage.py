"""What became of entries: derived from reviews, disputes and links, by cause and not by clock.

A review is replaced only by a later one of the same author, which links to it; a dispute is
settled by an acceptance that links to it. What rests on a rejected entry is disputed, what rests
on that is to be checked again; where a later entry confirms a disputed one without the rejected
part, what rests on it is free again. Acts that were imported count only where this hub trusts
their signature.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, or_, select
from sqlalchemy.orm import aliased

from dimgs.hub.tables import entries, links, settings, signatures
from dimgs.hub.writing import BATCH, batches

STATES = ("open", "answered", "accepted", "disputed", "recheck", "untrusted")
RESTS_ON = ("derived", "recombined")
# what somebody here has to approve before it runs
EXECUTABLE = ("protocol", "card", "job")

_ACTS = ("reviews", "disputes", "settles", "confirms", "answers", "approves", "supersedes")


@dataclass(frozen=True)
class Act:
    """A link that says something of an entry, and who says it."""

    type: str
    source: str
    target: str
    entry: str
    kind: str
    author: str
    agent: bool
    verdict: str
    here: bool
    trusted: bool

    @property
    def counts(self) -> bool:
        """Whether it decides on states: of a person, made here or signed by a trusted hub."""
        return self.trusted and not self.agent


@dataclass
class Lineage:
    """States of all entries, as far as they are not simply open.

    Attributes
    ----------
    marks : mapping of str to str
        Entries that are disputed or to be checked again.
    causes : mapping of str to frozenset of str
        Reviews and disputes that an entry is marked by.
    accepted : set of str
    superseded : mapping of str to list of str
        By which later entries.
    """

    acts: list[Act]
    marks: dict[str, str] = field(default_factory=dict)
    causes: dict[str, frozenset[str]] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    superseded: dict[str, list[str]] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)
    answers: dict[str, list[str]] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)

    def state(self, id: str, kind: str) -> str:
        """State of an entry."""
        if id in self.marks:
            return self.marks[id]
        if id in self.foreign and id not in self.approved:
            return "untrusted"
        if id in self.accepted:
            return "accepted"
        if kind == "question" and id in self.answers:
            given = [self.marks.get(a, "") for a in self.answers[id]]
            good = [a for a, m in zip(self.answers[id], given, strict=True) if not m]
            if any(a in self.accepted for a in good):
                return "accepted"
            return "answered" if good else "recheck"
        return "open"

    def with_state(self, state: str) -> set[str] | None:
        """Ids that may be in a state, from which the kind decides; None for open ones."""
        if state == "open":
            return None
        if state in ("disputed", "recheck"):
            held = {i for i, mark in self.marks.items() if mark == state}
            return held | (set(self.answers) if state == "recheck" else set())
        if state == "untrusted":
            return set(self.foreign)
        return self.accepted | set(self.answers) if state == "accepted" else set(self.answers)

    def reviewed(self, verdict: str) -> set[str]:
        """Ids that a review which counts gives this verdict; with "none", any verdict."""
        counting = [a for a in self.acts if a.counts and a.kind == "review"]
        replaced = {a.target for a in counting if a.type == "supersedes"}
        return {
            a.target
            for a in counting
            if a.type == "reviews" and a.entry not in replaced and verdict in (a.verdict, "none")
        }

    def not_open(self) -> set[str]:
        """Ids of everything that may not be open."""
        return set(self.marks) | self.accepted | set(self.answers) | self.foreign


def version_of(connection: Connection) -> tuple[int, str]:
    """What changes whenever a state may have changed."""
    last = connection.execute(select(func.max(entries.c.seq))).scalar()
    epoch = select(settings.c.value).where(settings.c.kind == "epoch")
    return last or 0, str(connection.execute(epoch).scalar() or "")


def read_lineage(connection: Connection) -> Lineage:
    """States of all entries now."""
    found = Lineage(_acts(connection))
    counting = [a for a in found.acts if a.counts]
    replaced = {
        (a.target, a.author) for a in counting if a.type == "supersedes" and a.kind == "review"
    }
    reviews = [
        a
        for a in counting
        if a.type == "reviews" and a.kind == "review" and (a.entry, a.author) not in replaced
    ]
    settled_by: dict[str, set[str]] = defaultdict(set)
    for a in counting:
        if a.type == "settles":
            settled_by[a.entry].add(a.target)
    for a in found.acts:
        # a protocol aims at a question, an answer answers it
        if a.type == "answers" and a.kind in ("answer", "link"):
            found.answers.setdefault(a.target, []).append(a.source)
        elif a.type == "supersedes" and a.kind != "review" and a.trusted:
            found.superseded.setdefault(a.target, []).append(a.source)
    found.approved = {
        a.target
        for a in counting
        if a.here and (a.type == "approves" or (a.type == "reviews" and a.verdict == "accept"))
    }
    found.foreign = _foreign(connection)
    rejects, disputes = _roots(counting, reviews, settled_by)
    settled = _settled(reviews, settled_by)
    _mark(connection, found, rejects, disputes, settled, counting)
    bad = {a.target for a in reviews if a.verdict in ("major", "reject")}
    found.accepted = {a.target for a in reviews if a.verdict == "accept"} - bad
    return found


def _acts(connection: Connection) -> list[Act]:
    trusted = (
        select(signatures.c.id)
        .join(settings, settings.c.name == signatures.c.key)
        .where(settings.c.kind == "trusted")
    )
    signed = set(connection.execute(trusted).scalars())
    query = (
        select(
            links.c.type,
            links.c.source,
            links.c.target,
            entries.c.id,
            entries.c.kind,
            entries.c.author,
            entries.c.agent,
            entries.c.status,
            entries.c.origin,
        )
        .join(entries, entries.c.seq == links.c.entry)
        .where(links.c.type.in_(_ACTS))
        .order_by(links.c.entry)
    )
    return [
        Act(*row[:8], here=row.origin is None, trusted=row.origin is None or row.id in signed)
        for row in connection.execute(query)
    ]


def _foreign(connection: Connection) -> set[str]:
    query = select(entries.c.id).where(
        entries.c.kind.in_(EXECUTABLE), entries.c.origin.is_not(None)
    )
    return set(connection.execute(query).scalars())


def _roots(
    counting: Iterable[Act], reviews: Iterable[Act], settled_by: Mapping[str, set[str]]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Rejected and disputed entries, with the reviews and disputes that made them so."""
    rejects: dict[str, set[str]] = defaultdict(set)
    disputes: dict[str, set[str]] = defaultdict(set)
    for a in reviews:
        if a.verdict == "reject":
            rejects[a.target].add(a.entry)
    settled = {d for a in reviews if a.verdict == "accept" for d in settled_by.get(a.entry, ())}
    for a in counting:
        if a.type == "disputes" and a.entry not in settled:
            disputes[a.target].add(a.entry)
    return rejects, disputes


def _settled(reviews: Iterable[Act], settled_by: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Causes that an acceptance of an entry has seen, by entry."""
    seen: dict[str, set[str]] = defaultdict(set)
    for a in reviews:
        if a.verdict == "accept":
            seen[a.target] |= settled_by.get(a.entry, set())
    return seen


def _mark(
    connection: Connection,
    found: Lineage,
    rejects: Mapping[str, set[str]],
    disputes: Mapping[str, set[str]],
    settled: Mapping[str, set[str]],
    counting: Iterable[Act],
) -> None:
    """Mark rejected and disputed entries and what rests on them; then free what is confirmed."""
    resting = _resting_on(connection, {*rejects, *disputes})
    confirms = [(a.source, a.target) for a in counting if a.type == "confirms"]
    free: set[str] = set()
    # again with what the first pass leaves unmarked and therefore able to confirm
    for _ in range(2 if confirms else 1):
        marks: dict[str, str] = {}
        causes: dict[str, set[str]] = defaultdict(set)
        for roots, first in ((rejects, "disputed"), (disputes, "recheck")):
            for root, by in roots.items():
                for id, depth in _reached(resting, root, by, settled, free).items():
                    mark = "disputed" if depth == 0 else first if depth == 1 else "recheck"
                    causes[id] |= by
                    if marks.get(id) != "disputed":
                        marks[id] = mark
        found.marks = marks
        found.causes = {i: frozenset(c) for i, c in causes.items()}
        free = {target for source, target in confirms if source not in marks}


def _reached(
    resting: Mapping[str, list[str]],
    root: str,
    by: set[str],
    settled: Mapping[str, set[str]],
    free: set[str],
) -> dict[str, int]:
    """What rests on an entry, directly (1) or further downstream."""
    depths = {root: 0}
    front = [root]
    for target in front:
        for id in resting.get(target, ()):
            if id not in depths and id not in free and not by <= settled.get(id, set()):
                depths[id] = depths[target] + 1
                front.append(id)
    return depths


def _resting_on(connection: Connection, roots: set[str]) -> dict[str, list[str]]:
    """What rests directly on each of the entries and on everything downstream of them."""
    found: dict[str, list[str]] = {}
    front = sorted(roots)
    # runs of a kernel rest on its card, whether or not they were made after it
    card, run = aliased(entries), aliased(entries)
    for batch in batches(front, BATCH):
        query = select(card.c.id, run.c.id).where(
            card.c.kind == "card",
            run.c.kind == "run",
            run.c.name == card.c.name,
            card.c.id.in_(batch),
            card.c.name != "",
        )
        for target, source in connection.execute(query.order_by(run.c.seq)):
            found.setdefault(target, []).append(source)
    seen = set(front)
    while front:
        following = [source for target in front for source in found.get(target, ())]
        for batch in batches(front, BATCH):
            query = select(links.c.target, links.c.source).where(
                links.c.target.in_(batch), links.c.type.in_(RESTS_ON)
            )
            for target, source in connection.execute(query.distinct()):
                found.setdefault(target, []).append(source)
                following.append(source)
        front = [i for i in dict.fromkeys(following) if i not in seen]
        seen.update(front)
    return found


def ancestors(connection: Connection, id: str, most: int = 10_000) -> list[str]:
    """Everything that an entry rests on, nearest first."""
    seen: dict[str, None] = {}
    front = [id]
    while front and len(seen) < most:
        following: list[str] = []
        for batch in batches(front, BATCH):
            query = select(links.c.target).where(
                links.c.source.in_(batch),
                or_(links.c.type.in_(RESTS_ON), links.c.type == "forked"),
            )
            following += connection.execute(query.order_by(links.c.target)).scalars()
        front = [i for i in dict.fromkeys(following) if i not in seen]
        seen.update(dict.fromkeys(front))
    return list(seen)[:most]


def neighbours(connection: Connection, id: str) -> list[dict[str, Any]]:
    """Links from and to an entry."""
    query = (
        select(links.c.type, links.c.source, links.c.target)
        .where(or_(links.c.source == id, links.c.target == id))
        .order_by(links.c.type, links.c.source, links.c.target)
        .distinct()
    )
    return [
        {"type": row.type, "from": row.source, "to": row.target}
        for row in connection.execute(query)
    ]
