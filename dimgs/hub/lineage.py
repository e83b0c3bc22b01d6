"""States of entries, derived from reviews, disputes and links, and not from clocks.

A review is replaced only by a later review of the same author, which links to it. An acceptance or
a settlement of an entry settles the doubts that it names, if its author has made neither the entry
nor its evidence. An entry that depends directly on a rejected entry is disputed; an entry that
depends on a disputed one has the state recheck. Imported acts count only with a signature that this
hub trusts. Unsigned entries are attributed to their sender, and are untrusted until another
reviewer accepts them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, func, or_, select

from dimgs.hub.entry import UNCONFIRMED, Json
from dimgs.hub.permissions import may_settle
from dimgs.hub.schema import Condition, entries, ids_of, imports, links, settings, signatures

STATES = ("open", "answered", "accepted", "disputed", "recheck", "untrusted")
RESTS_ON = ("derived", "recombined")
# what somebody here has to approve before it runs
EXECUTABLE = ("protocol", "card", "job")

_ACTS = ("reviews", "disputes", "settles", "confirms", "answers", "approves", "supersedes")
# verdicts with which an entry is not accepted, whoever else accepts it
_AGAINST = ("major", "reject")


@dataclass(frozen=True)
class Act:
    """A review, dispute or settlement as a link to an entry, with its author."""

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


class Settlement(NamedTuple):
    """Decision of a reviewer that an entry holds despite the named doubts.

    Attributes
    ----------
    target : str
        The entry that holds.
    causes : set of str
        The reviews and disputes that were looked at.
    basis : set of str
        Entries that show it, none of which may be doubted.
    """

    target: str
    causes: set[str]
    basis: set[str]


@dataclass(frozen=True)
class Lineage:
    """States of all entries, as far as they are not simply open.

    Attributes
    ----------
    states : mapping of str to str
        Of all entries that are not open.
    marks : mapping of str to str
        Entries that are disputed or to be checked again.
    causes : mapping of str to frozenset of str
        Reviews and disputes that an entry is marked by.
    superseded : mapping of str to list of str
        By which later entries.
    approved : set of str
        What somebody here lets run.
    unconfirmed : set of str
        Answers that rest on a law which says that it is not confirmed.
    reviews : list of Act
        Those that count and that their author has not replaced.
    reviews_of : mapping of str to list of Act
        All reviews of an entry.
    """

    states: Mapping[str, str]
    marks: Mapping[str, str]
    causes: Mapping[str, frozenset[str]]
    superseded: Mapping[str, list[str]]
    approved: set[str]
    unconfirmed: set[str]
    reviews: list[Act]
    reviews_of: Mapping[str, list[Act]]

    def state(self, id: str) -> str:
        """State of an entry."""
        return self.states.get(id, "open")

    def with_state(self, state: str) -> set[str]:
        """Ids of the entries in a state other than "open"."""
        return {id for id, now in self.states.items() if now == state}

    def reviewed(self, verdict: str) -> set[str]:
        """Ids that a review which counts gives this verdict; with "none", any verdict."""
        return {a.target for a in self.reviews if verdict in (a.verdict, "none")}


def version_of(connection: Connection) -> tuple[int, str]:
    """Version number that changes whenever a state may have changed."""
    last = connection.execute(select(func.max(entries.c.seq))).scalar()
    epoch = select(settings.c.value).where(settings.c.kind == "epoch")
    return last or 0, str(connection.execute(epoch).scalar() or "")


def read_lineage(connection: Connection) -> Lineage:
    """States of all entries now."""
    acts = _acts(connection)
    counting = [a for a in acts if a.counts]
    replaced = {
        (a.target, a.author) for a in counting if a.type == "supersedes" and a.kind == "review"
    }
    reviews = [a for a in counting if a.type == "reviews" and a.kind == "review"]
    reviews = [a for a in reviews if (a.entry, a.author) not in replaced]
    answers, reviews_of = defaultdict[str, list[str]](list), defaultdict[str, list[Act]](list)
    for a in acts:
        # a protocol aims at a question, an answer answers it
        if a.type == "answers" and a.kind in ("answer", "link"):
            answers[a.target].append(a.source)
        elif a.type == "reviews":
            reviews_of[a.target].append(a)
    # what was imported and may run only once somebody approves it
    foreign = _ids(connection, entries.c.kind.in_(EXECUTABLE), entries.c.origin.is_not(None))
    # other entries that were brought under the name of somebody who did not sign them
    claimed = _ids(connection, entries.c.origin.is_not(None), is_claimed())
    endorsed = [a for a in reviews if a.verdict == "accept"]
    of_claimed = [a for a in endorsed if a.target in claimed]
    authors = {a.target: authors_of(connection, [a.target]) for a in of_claimed}
    claimed -= {a.target for a in of_claimed if a.author not in authors[a.target]}
    approved = {
        a.target
        for a in counting
        if a.here and (a.type == "approves" or (a.type == "reviews" and a.verdict == "accept"))
    }
    marks, causes = _marks(connection, counting, reviews)
    bad = {a.target for a in reviews if a.verdict in _AGAINST}
    accepted = {a.target for a in endorsed} - bad - claimed
    superseded = defaultdict[str, list[str]](list)
    for a in counting:
        if a.type != "supersedes" or a.kind == "review":
            continue
        # what was accepted is superseded by its authors, or by what was accepted too
        weaker = a.target in accepted and a.source not in accepted
        if not weaker or a.author in authors_of(connection, [a.target]):
            superseded[a.target].append(a.source)
    untrusted = claimed | (foreign - approved)
    states = dict.fromkeys(accepted, "accepted") | dict.fromkeys(untrusted, "untrusted") | marks
    unconfirmed = _unconfirmed(connection, answers)
    is_answered = entries.c.id.in_(ids_of(connection, answers))
    of_questions = {
        id: _by_answers([a for a in answers[id] if a not in untrusted], states, unconfirmed)
        for id in _ids(connection, entries.c.kind == "question", is_answered)
    }
    states = {id: state for id, state in of_questions.items() if state != "open"} | states
    return Lineage(states, marks, causes, superseded, approved, unconfirmed, reviews, reviews_of)


def _by_answers(answers: list[str], states: Mapping[str, str], unconfirmed: set[str]) -> str:
    """State of a question, by its trusted answers."""
    if any(states.get(a) == "accepted" for a in answers):
        return "accepted"
    firm = {states.get(a, "open") for a in answers if a not in unconfirmed}
    if not firm:
        return "open"
    return "recheck" if firm <= {"disputed", "recheck"} else "answered"


def _trusted() -> Select[Any]:
    """Ids of entries that a trusted hub signed."""
    signed = select(signatures.c.id).join(settings, settings.c.name == signatures.c.key)
    return signed.where(settings.c.kind == "trusted")


def _acts(connection: Connection) -> list[Act]:
    signed = set(connection.execute(_trusted()).scalars())
    of_link = links.c["type", "source", "target"]
    of_entry = entries.c["id", "kind", "author", "agent", "status", "origin"]
    query = select(*of_link, *of_entry).join(entries, entries.c.seq == links.c.entry)
    rows = connection.execute(query.where(links.c.type.in_(_ACTS)).order_by(links.c.entry))
    return [
        Act(*[*row[:8], row.origin is None, row.origin is None or row.id in signed]) for row in rows
    ]


def _unconfirmed(connection: Connection, answers: Mapping[str, list[str]]) -> set[str]:
    """Answers that rest on a law which says that it is not confirmed."""
    law, every = entries.alias(), {a for some in answers.values() for a in some}
    rests = (links.c.source.in_(ids_of(connection, every)), links.c.type == "derived")
    on_law = (law.c.kind == "law", law.c.status == UNCONFIRMED)
    query = select(links.c.source).join(law, law.c.id == links.c.target).where(*rests, *on_law)
    return set(connection.execute(query).scalars())


def _ids(connection: Connection, *conditions: Condition) -> set[str]:
    return set(connection.execute(select(entries.c.id).where(*conditions)).scalars())


def _unsigned() -> Condition:
    """Condition on an import: nobody but its sender answers for it."""
    return and_(~imports.c.vouched, entries.c.id.not_in(_trusted()))


def is_claimed() -> Condition:
    """Condition on entries: somebody else than their author, or a program, answers for them."""
    others = or_(entries.c.author != imports.c.sender, and_(imports.c.agent, ~entries.c.agent))
    brought = select(imports.c.entry).where(imports.c.entry == entries.c.seq, _unsigned(), others)
    return and_(entries.c.kind.not_in(EXECUTABLE), brought.correlate(entries).exists())


def authors_of(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Persons responsible for entries: authors, or senders of unsigned entries."""
    brought = and_(imports.c.entry == entries.c.seq, _unsigned())
    query = select(entries.c.author, imports.c.sender).select_from(entries)
    query = query.outerjoin(imports, brought).where(entries.c.id.in_(ids_of(connection, ids)))
    rows = connection.execute(query.distinct())
    return {name for row in rows for name in row if name is not None}


def authors_of_basis(connection: Connection, id: str) -> set[str]:
    """Persons responsible for an entry or its evidence, who may not settle its doubts."""
    return authors_of(connection, [id, *ancestors(connection, id)])


def _settlements(connection: Connection, counting: Sequence[Act]) -> list[Settlement]:
    """Acceptances and settlements of those who may settle the doubts that they name."""
    made_by = cache(lambda id: authors_of_basis(connection, id))
    causes, basis = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for a in counting:
        if a.type == "settles":
            causes[a.entry].add(a.target)
    # an acceptance holds, renewed or not, until its author gives another verdict
    other = (a for a in counting if a.kind == "review" and a.verdict != "accept")
    withdrawn = {(a.target, a.author) for a in other if a.type == "supersedes"}
    says = [a for a in counting if (a.type, a.kind, a.verdict) == ("reviews", "review", "accept")]
    says = [a for a in says if (a.entry, a.author) not in withdrawn]
    says += [a for a in counting if (a.type, a.kind) == ("confirms", "decision")]
    query = select(links.c.source, links.c.target).where(
        links.c.source.in_(ids_of(connection, {a.entry for a in says})),
        links.c.type.in_(RESTS_ON),
    )
    for source, target in connection.execute(query):
        basis[source].add(target)
    return [
        Settlement(a.target, causes[a.entry], basis[a.entry])
        for a in says
        if causes[a.entry] and may_settle(a.author, made_by(a.target))
    ]


def _marks(
    connection: Connection, counting: Sequence[Act], reviews: Sequence[Act]
) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    """Marks of rejected and disputed entries and of what rests on them, and their causes.

    What is settled is left out.
    """
    settlements = _settlements(connection, counting)
    rejects, disputes = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for a in reviews:
        if a.verdict == "reject":
            rejects[a.target].add(a.entry)
    for a in counting:
        if a.type == "disputes":
            disputes[a.target].add(a.entry)
    resting = _resting_on(connection, {*rejects, *disputes})
    # first without what rests on entries that may be doubted themselves
    usable = [s for s in settlements if not s.basis]
    for _ in range(2):
        settled: dict[str, set[str]] = defaultdict(set)
        for s in usable:
            settled[s.target] |= s.causes
        marks: dict[str, str] = {}
        causes: dict[str, set[str]] = defaultdict(set)
        for roots, first in ((rejects, "disputed"), (disputes, "recheck")):
            for root, every in roots.items():
                # the reviewer who rejected an entry can think again; a dispute of it is settled
                by = every if roots is rejects else every - settled[root]
                for id, depth in _depths(resting, root, by, settled).items() if by else ():
                    mark = "disputed" if depth == 0 else first if depth == 1 else "recheck"
                    causes[id] |= by
                    if marks.get(id) != "disputed":
                        marks[id] = mark
        usable = [s for s in settlements if not s.basis & marks.keys()]
    return marks, {i: frozenset(c) for i, c in causes.items()}


def _depths(
    resting: Mapping[str, list[str]], root: str, by: set[str], settled: Mapping[str, set[str]]
) -> dict[str, int]:
    """Unsettled entries that depend on an entry, directly (1) or further downstream."""
    depths = {root: 0}
    front = [root]
    for target in front:
        for id in resting.get(target, ()):
            if id not in depths and not by <= settled.get(id, set()):
                depths[id] = depths[target] + 1
                front.append(id)
    return depths


def _resting_on(connection: Connection, roots: set[str]) -> dict[str, list[str]]:
    """Direct dependents of each entry and of everything downstream of it."""
    resting: dict[str, list[str]] = {}
    # runs of a kernel rest on its card, whether or not they were made after it
    card, run = entries.alias(), entries.alias()
    of_card = (run.c.kind == "run", run.c.name == card.c.name, card.c.name != "")
    query = select(card.c.id, run.c.id).where(card.c.kind == "card", *of_card)
    query = query.where(card.c.id.in_(ids_of(connection, roots))).order_by(run.c.seq)
    for target, source in connection.execute(query):
        resting.setdefault(target, []).append(source)
    seen, front = set(roots), set(roots)
    while front:
        following = {source for target in front for source in resting.get(target, ())}
        for target, source in _linked(connection, front, links.c.target, RESTS_ON):
            resting.setdefault(target, []).append(source)
            following.add(source)
        front = following - seen
        seen |= front
    return resting


def _linked(
    connection: Connection, ids: Iterable[str], end: Any, types: Sequence[str]
) -> list[tuple[str, str]]:
    """Targets and sources of links one end of which is one of the entries."""
    ends = (links.c.target, links.c.source)
    query = select(*ends).where(end.in_(ids_of(connection, ids)), links.c.type.in_(types))
    rows = connection.execute(query.order_by(*ends).distinct())
    return [(row.target, row.source) for row in rows]


def ancestors(connection: Connection, id: str) -> list[str]:
    """Everything that an entry rests on, nearest first; a run rests on its kernel's cards too."""
    seen, front = {id: None}, {id}
    run, card = entries.alias(), entries.alias()
    while front:
        kernels = select(run.c.name).where(
            run.c.kind == "run", run.c.name != "", run.c.id.in_(ids_of(connection, front))
        )
        cards = select(card.c.id).where(card.c.kind == "card", card.c.name.in_(kernels))
        rows = _linked(connection, front, links.c.source, (*RESTS_ON, "forked"))
        following = {target for target, _ in rows} | set(connection.execute(cards).scalars())
        front = following - seen.keys()
        seen.update(dict.fromkeys(sorted(front)))
    return list(seen)[1:]


def neighbours(connection: Connection, id: str) -> list[Json]:
    """Links from and to an entry."""
    columns = (links.c.type, links.c.source, links.c.target)
    query = select(*columns).where(or_(links.c.source == id, links.c.target == id))
    rows = connection.execute(query.order_by(*columns).distinct())
    return [{"type": row.type, "from": row.source, "to": row.target} for row in rows]
