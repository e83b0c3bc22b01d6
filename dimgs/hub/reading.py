"""Reading a hub: entries with their states and evidence, and runs."""

import getpass
import json
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Self

from sqlalchemy import Connection, Select, and_, func, or_, select

from dimgs.common.advice import Act, Step
from dimgs.common.errors import InputError
from dimgs.common.escape import visible
from dimgs.common.formats import attributes
from dimgs.hub.accounts import role_of
from dimgs.hub.database import Asked, Database, Dimensions, Labels, RunTable, fetch_runs, wanted
from dimgs.hub.entry import (
    KINDS,
    Entry,
    Json,
    among,
    check_author,
    check_text,
    digest_of,
    now,
    shown_run,
    verdict,
)
from dimgs.hub.lineage import STATES, Lineage, ancestors, neighbours
from dimgs.hub.permissions import NotAllowedError, a_role, allowed
from dimgs.hub.schema import Condition, batches, claims, entries, ids_of, imports, links, tags

# a job whose worker died may have been what killed it
MOST_ATTEMPTS = 3
# a prefix shorter than this could be met by chance in a hub of a million entries
_SHORTEST = 8
_SHOWN = ("derived", "recombined", "forked", "supersedes", "confirms", "answers")
# what a person still reads in one picture
_MOST = 40
# of what rests on the entry: two rows of the picture, for the question is what it rests on
_MOST_ABOVE = 6
# runs that a query gives by default: a screen or two
_LIMIT = 100
# of reviews, by which runs are asked for
VERDICTS = ("accept", "minor", "major", "reject", "none")
# why a review decides nothing
_ADVISORY = {True: "by an agent", False: "imported, not signed by a key that this hub trusts"}


def status_of(connection: Connection, id: str) -> Json:
    """State of a job: waiting, running, done or failed."""
    row = connection.execute(select(claims).where(claims.c.job == id)).first()
    if row is None:
        return {"state": "waiting", "attempts": 0, "reason": ""}
    state, reason = row.state, row.reason
    if state == "running" and row.until < time.time():
        state = "failed" if row.attempts >= MOST_ATTEMPTS else "waiting"
        reason = "Its worker died."
    return {"state": state, "attempts": row.attempts, "reason": reason}


def _graph(connection: Connection, root: Any, readable: Condition, lineage: Lineage) -> Json:
    """Graph of the entry of a row, in what may be read."""
    places: dict[str, int] = {}
    nodes: list[Json] = []
    drawn: list[Json] = []

    def node(row: Any, depth: int) -> int:
        place = places.setdefault(row.id, len(nodes))
        if place == len(nodes):
            state = lineage.state(row.id, row.kind)
            record = {"id": row.id, "kind": row.kind, "title": row.title, "state": state}
            nodes.append({**record, **_verdict(row, state, lineage), "depth": depth})
        nodes[place]["depth"] = max(depth, nodes[place]["depth"])
        return place

    node(root, 0)
    front, depth = [root.id], 0
    while front and len(nodes) < _MOST:
        depth += 1
        following = dict[str, None]()
        for row in connection.execute(_neighbours(front, readable, up=False).limit(_MOST)).all():
            link = {"type": row.type, "from": places[row.source], "to": node(row, depth)}
            if link not in drawn and row.id != root.id:
                drawn.append(link)
                following[row.id] = None
        for source, group in _runs(connection, front, readable, lineage):
            drawn.append({"type": "derived", "from": places[source], "to": len(nodes)})
            nodes.append({**group, "depth": depth})
        # an entry links to earlier ones only, so that this ends
        front = [*following]
    above = _neighbours([root.id], readable, up=True).limit(_MOST_ABOVE)
    for row in connection.execute(above).all():
        if row.id not in places:
            drawn.append({"type": row.type, "from": node(row, -1), "to": 0})
    return {"nodes": nodes, "links": drawn}


def _neighbours(front: list[str], readable: Condition, up: bool) -> Select[Any]:
    """Entries other than runs at the other ends of links."""
    near, far = (links.c.target, links.c.source) if up else (links.c.source, links.c.target)
    return (
        select(links.c.type, links.c.source, links.c.target, entries)
        .join(entries, entries.c.id == far)
        .where(near.in_(front), links.c.type.in_(_SHOWN), entries.c.kind != "run", readable)
        .order_by(entries.c.seq, links.c.type)
    )


def _runs(
    connection: Connection, front: list[str], readable: Condition, lineage: Lineage
) -> list[tuple[str, Json]]:
    """Runs that each of the entries rests on, counted."""
    doubted, counted = entries.c.id.in_(ids_of(connection, lineage.marks)), entries.c.id.distinct()
    numbers = (func.count(counted), func.count(counted).filter(doubted))
    of_runs = (entries.c.kind == "run", readable)
    query = (
        select(links.c.source, *numbers, func.min(entries.c.id), func.min(entries.c.name))
        .join(entries, entries.c.id == links.c.target)
        .where(links.c.source.in_(front), links.c.type.in_(_SHOWN), *of_runs)
        .group_by(links.c.source)
        .order_by(links.c.source)
    )
    groups = []
    for source, count, bad, first, kernel in connection.execute(query).all():
        state = lineage.state(first, "run") if count == 1 else "disputed" if bad else "open"
        title = f"{count} runs of {kernel}" if count > 1 else f"a run of {kernel}"
        title += f", {bad} doubted" if bad and count > 1 else ""
        run_id = first if count == 1 else None
        groups.append((source, {"id": run_id, "kind": "run", "title": title, "state": state}))
    return groups


def flattened(value: Any, is_whole: Callable[[Any], bool] = lambda _: False, key: str = "") -> Json:
    """Values of nested tables by dotted keys; what is whole is one value.

    Examples
    --------
    >>> flattened({"a": {"b": 1, "c": {}}, "d": [2]})
    {'a.b': 1, 'd': [2]}
    """
    if not isinstance(value, Mapping) or is_whole(value):
        return {key: value}
    parts = [flattened(v, is_whole, f"{key}.{k}" if key else str(k)) for k, v in value.items()]
    return {k: v for part in parts for k, v in part.items()}


class NotFoundError(InputError):
    """There is no such entry, or none that the user may know of."""


def system_user() -> str:
    """Name of the user of the system."""
    try:
        return check_author(getpass.getuser())
    except (OSError, KeyError, InputError):
        return "unknown"


class Reader:
    """A hub as somebody may read it.

    Parameters
    ----------
    database : Database
    user : str, optional
        Who reads; the user of the system by default.
    role : str, optional
        By default the one that is registered.

    Attributes
    ----------
    user, role : str
    """

    def __init__(
        self, database: Database, user: str | None = None, role: str | None = None
    ) -> None:
        self.user = check_author(user) if user is not None else system_user()
        self.database = database
        # who is not registered has opened the database by other rights: those of its owner
        self.role = role or role_of(database, self.user) or "admin"

    @property
    def address(self) -> str:
        """Address of the hub, without a password."""
        return self.database.address

    @property
    def upgraded(self) -> str:
        """Copy of the file as it was, where it was upgraded; else empty."""
        return self.database.upgraded

    @property
    def is_agent(self) -> bool:
        """Whether the user is a program."""
        return self.role == "agent"

    def may(self, action: str, visibility: str, is_author: bool, until: str = "") -> bool:
        """Whether the user may do something to an entry."""
        # an embargo ends by this machine's clock, as only people are kept waiting
        over = visibility == "embargoed" and until <= now()[:10]
        return allowed(self.role, action, "open" if over else visibility, is_author)

    def _check_on(self, row: Any, *actions: str, is_author: bool) -> None:
        """Refuse whoever may not do something to an entry."""
        for action in actions:
            self._check(action, row.visibility, is_author, row.until)

    def _check(self, action: str, visibility: str, is_author: bool, until: str = "") -> None:
        if not self.may(action, visibility, is_author, until):
            whose = "entries of their own" if is_author else f"{visibility} entries"
            raise NotAllowedError(
                f"{self.user} is {a_role(self.role)} here, who may not {action} {whose}; ask an "
                f"admin of the hub."
            )

    def get(self, id: str) -> Json:
        """An entry with its state, links and reviews.

        Raises
        ------
        InputError
            If there is none that begins so, or several.
        """
        with self.database.transaction(read=True) as connection:
            row = self._row(connection, id)
            lineage = self.database.lineage(connection)
            beside = neighbours(connection, row.id)
            seen = self._readable_ids(connection, {i for k in beside for i in (k["from"], k["to"])})
            status = {"status": status_of(connection, row.id)} if row.kind == "job" else {}
            brought = connection.execute(
                select(imports.c.sender, imports.c.agent).where(imports.c.entry == row.seq)
            ).first()
            judged = self._judged(connection, row, lineage)
        doubted_agent = brought is not None and brought.agent and judged["state"] == "untrusted"
        return {
            **entry_of(row).to_json(),
            **judged,
            "title": row.title,
            "causes": sorted(lineage.causes.get(row.id, ())),
            "superseded_by": lineage.superseded.get(row.id, []),
            "imported": row.origin is not None,
            "sender": None if brought is None else brought.sender,
            "agent": row.agent or doubted_agent,
            "links": [link for link in beside if {link["from"], link["to"]} <= seen],
            **status,
        }

    def _judged(self, connection: Connection, row: Any, lineage: Lineage) -> Json:
        """Kind, content, state, verdict and reviews of an entry."""
        state, acts = lineage.state(row.id, row.kind), lineage.reviews_of.get(row.id, ())
        content = json.loads(row.content or "null")
        reviews = [self._review(connection, act) for act in acts]
        judged = {"kind": row.kind, "content": content, "state": state, "reviews": reviews}
        return {**judged, **_verdict(row, state, lineage)}

    def several(self, ids: Sequence[str]) -> dict[str, Json]:
        """Kind, content, state and reviews of entries that may be read, by their whole ids."""
        with self.database.transaction(read=True) as connection:
            some = entries.c.id.in_(ids_of(connection, set(ids)))
            query = select(entries).where(some, self.readable())
            rows = {row.id: row for row in connection.execute(query)}
            lineage = self.database.lineage(connection)
            return {id: self._judged(connection, rows[id], lineage) for id in ids if id in rows}

    def difference(self, id: str) -> list[Json]:
        """Differences between a fork and its parent, key by key."""
        with self.database.transaction(read=True) as connection:
            fork = entry_of(self._row(connection, id))
            parents = fork.linked("forked")
            if not parents:
                raise InputError(f"'{fork.id[:12]}' is not a fork.")
            parent = entry_of(self._row(connection, parents[0]))
        ours, theirs = flattened(fork.content or {}), flattened(parent.content or {})
        differing = [k for k in sorted({*ours, *theirs}) if ours.get(k) != theirs.get(k)]
        return [{"key": k, "parent": theirs.get(k), "fork": ours.get(k)} for k in differing]

    def _readable_ids(self, connection: Connection, ids: set[str]) -> set[str]:
        """Ids of entries that the user may read, or that are unknown here."""
        unreadable = select(entries.c.id).where(
            entries.c.id.in_(ids_of(connection, ids)), ~self.readable()
        )
        return ids - set(connection.execute(unreadable).scalars())

    def _review(self, connection: Connection, act: Any) -> Json:
        content = connection.execute(
            select(entries.c.content, entries.c.time).where(entries.c.id == act.entry)
        ).one()
        return {
            "id": act.entry,
            "author": act.author,
            "time": content.time,
            **json.loads(content.content or "{}"),
            "counts": act.counts,
            "why": "" if act.counts else _ADVISORY[act.agent],
        }

    def listed(
        self,
        kind: str | None = None,
        *,
        state: str | None = None,
        author: str | None = None,
        tag: str | None = None,
        limit: int | None = None,
        text: str | None = None,
        newest: bool = False,
        kernel: str | None = None,
    ) -> list[Json]:
        """Entries, oldest or newest first: id, kind, title, author, time and state.

        Those with a ``text`` have it in their title or content, in any case of its letters; those
        of a ``kernel`` are its cards, runs, protocols and jobs.
        """
        among(state, STATES, "state")
        among(kind, KINDS, "kind")
        check_text([author, tag, text, kernel], "What is asked for")
        query = select(entries).order_by(entries.c.seq.desc() if newest else entries.c.seq)
        columns = {entries.c.kind: kind, entries.c.author: author, entries.c.name: kernel}
        filters = [column == value for column, value in columns.items() if value is not None]
        filters.append(self.readable())
        if tag is not None:
            filters.append(entries.c.seq.in_(select(tags.c.entry).where(tags.c.tag == tag)))
        if text is not None:
            fields = (entries.c.title, entries.c.content)
            filters.append(or_(*(field.icontains(text, autoescape=True) for field in fields)))
        with self.database.transaction(read=True) as connection:
            lineage = self.database.lineage(connection)
            some = lineage.with_state(state) if state is not None else None
            if some is not None:
                filters.append(entries.c.id.in_(ids_of(connection, some)))
            rows = connection.execute(query.where(*filters).limit(None if state else limit))
            now_in = ((row, lineage.state(row.id, row.kind)) for row in rows)
            listed = (_listed(row, now, lineage) for row, now in now_in if state in (None, now))
            return list(islice(listed, limit))

    def query(
        self,
        kernel: str | None = None,
        physics: str | None = None,
        where: Sequence[str] = (),
        group: Sequence[str] = (),
        limit: int | None = _LIMIT,
        **filters: Any,
    ) -> Json:
        """Runs, by ranges of inputs or groups in any unit.

        Parameters
        ----------
        kernel, physics : str, optional
        where : sequence of str
            Such as ``"D=1e-16..1e-12 m^2/s"``, ``"kind=resin"``.
        group : sequence of str
            Such as ``"D*t/l^2=0.1..10"``.
        limit : int, optional
            Most runs that are given; all are counted.
        **filters
            ``author``, ``tag``, ``state``, ``tier``, ``review`` (a verdict, or "none"),
            ``since``, ``until`` (times), and ``every``
            for runs that did not end well too.

        Returns
        -------
        dict
            "runs" with id, kernel, tier, inputs, outputs and state, and their "count".

        Raises
        ------
        InputError
            If a range cannot be read, or no run has such an input.
        """
        ask = wanted(where, group, kernel=kernel, physics=physics, **filters)
        among(ask.state, STATES, "state")
        among(ask.review, VERDICTS, "review")
        with self.database.transaction(read=True) as connection:
            lineage = self.database.lineage(connection)
            chosen = Asked(connection, ask, lineage, self.readable()).runs()
            ranged = bool(ask.where or ask.groups)
            rows, count = fetch_runs(connection, chosen, limit, ranged=ranged)
        return {"runs": [run_of(row, lineage) for row in rows], "count": count}

    def run_tables(self, kernel: str, inputs: Dimensions, labels: Labels) -> dict[str, RunTable]:
        """Runs of a kernel with these inputs and these labels, by tier.

        Parameters
        ----------
        kernel : str
        inputs : mapping of str to Dimension
            Of the numeric inputs; runs with others are left out.
        labels : mapping of str to str
        """
        with self.database.transaction(read=True) as connection:
            tiers = self.database.numbers.tiers(connection, kernel, inputs, labels)
        return {
            tier: RunTable(tuple(inputs), values, seqs, self._runs_at, cache)
            for tier, (seqs, values, cache) in tiers.items()
        }

    def _runs_at(self, seqs: Sequence[int]) -> dict[int, Json]:
        query = select(entries).where(entries.c.content.is_not(None), self.readable())
        runs: dict[int, Json] = {}
        with self.database.transaction(read=True) as connection:
            lineage = self.database.lineage(connection)
            for batch in batches(seqs):
                rows = connection.execute(query.where(entries.c.seq.in_(batch)))
                runs |= {row.seq: run_of(row, lineage) for row in rows}
        return runs

    def readable(self) -> Condition:
        """Condition on entries that the user may read."""
        cells = [c for c in ("embargoed", "private") if allowed(self.role, "read", c)]
        parts = [is_open(), entries.c.visibility.in_(cells)]
        if allowed(self.role, "read", "private", is_author=True):
            parts.append(entries.c.author == self.user)
        return or_(*parts)

    def digest(self) -> Json:
        """A hash of all entries, equal for hubs that hold the same, and their number."""
        ids = self.database.scalars(select(entries.c.id))
        return {"digest": digest_of(ids), "entries": len(ids)}

    def evidence(self, id: str) -> Json:
        """Entries that an entry depends on, and those that depend on it.

        Returns
        -------
        dict
            "nodes" with id (None for several runs), kind, title, state, of laws whether they are
            confirmed, and depth (0 for the entry itself, below it what it rests on), and "links"
            with type, from and to (places in the list of nodes).
        """
        with self.database.transaction(read=True) as connection:
            row, lineage = self._row(connection, id), self.database.lineage(connection)
            return _graph(connection, row, self.readable(), lineage)

    def kernels(self) -> list[str]:
        """Names of the kernels that have runs."""
        runs = select(entries.c.name).where(entries.c.kind == "run", entries.c.name != "")
        return sorted(self.database.scalars(runs.where(self.readable()).distinct()))

    def history(self, id: str) -> list[str]:
        """Ids of everything that an entry rests on, nearest first."""
        with self.database.transaction(read=True) as connection:
            return ancestors(connection, self._row(connection, id).id)

    def _row(self, connection: Connection, id: object) -> Any:
        """Row of an entry that the user may read."""
        text = str(id).strip().lower()
        if len(text) < _SHORTEST or not all(c in "0123456789abcdef" for c in text):
            raise InputError(
                f"'{visible(str(id)[:70])}' is not an id; give at least {_SHORTEST} of its "
                f"64 hexadecimal digits."
            )
        query = select(entries).where(entries.c.id.between(text, text + "g"), self.readable())
        rows = connection.execute(query.limit(2)).all()
        if not rows:
            raise NotFoundError(
                f"There is no entry '{text}' in '{self.address}'; see {Act(Step.LIST_ENTRIES)}."
            )
        if len(rows) > 1:
            raise InputError(f"Several entries begin with '{text}'; give more of its digits.")
        return rows[0]

    def close(self) -> None:
        """Close the database; it opens again where it is used again."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_open() -> Condition:
    """Condition on entries that everybody may read."""
    over = and_(entries.c.visibility == "embargoed", entries.c.until <= now()[:10])
    return or_(entries.c.visibility == "open", over)


def entry_of(row: Any) -> Entry:
    """Entry of a row."""
    content = None if row.content is None else json.loads(row.content)
    return Entry.of(row, content, tuple((kind, to) for kind, to in json.loads(row.links)))


def _listed(row: Any, state: str, lineage: Lineage) -> Json:
    header = attributes(row, "id kind title author time")
    return {**header, "state": state, **_verdict(row, state, lineage)}


def _verdict(row: Any, state: str, lineage: Lineage) -> Json:
    content = json.loads(row.content or "null") if row.kind == "law" else None
    return verdict(row.kind, content, state, row.id in lineage.unconfirmed)


def run_of(row: Any, lineage: Lineage) -> Json:
    """A run as queries give it."""
    record = shown_run(json.loads(row.content or "{}"))
    state = lineage.state(row.id, row.kind)
    return {"id": row.id, **record, "author": row.author, "time": row.time, "state": state}
