"""What somebody may do in a hub: read entries with states and evidence, add, review, settle."""

import getpass
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Connection, Select, and_, func, insert, inspect, or_, select, true

from dimgs.common.advice import Act, Step, setting
from dimgs.common.errors import InputError
from dimgs.common.escape import visible
from dimgs.common.formats import attributes, validated, whole
from dimgs.hub.accounts import role_of
from dimgs.hub.database import Asked, Database, Dimensions, Labels, RunTable, Wanted, fetch_runs
from dimgs.hub.entry import (
    KINDS,
    MODELS,
    MOST_FILE,
    Address,
    Document,
    Entry,
    Json,
    Links,
    Whole,
    among,
    canonical,
    check_author,
    check_text,
    checked,
    columns_of,
    facts,
    now,
    row_record,
    run_content,
    run_record,
    sha256,
    shown_run,
    verdict,
)
from dimgs.hub.lineage import (
    RESTS_ON,
    STATES,
    Lineage,
    ancestors,
    authors_of,
    authors_of_basis,
    is_claimed,
    neighbours,
)
from dimgs.hub.permissions import NotAllowedError, a_role, allowed, may_settle
from dimgs.hub.schema import (
    PENDING,
    Condition,
    attached,
    batches,
    claims,
    entries,
    erase,
    held,
    ids_of,
    imports,
    insert_new,
    links,
    runs,
    settings,
    share_files,
    tags,
    write,
)
from dimgs.hub.schema import files as contents
from dimgs.kernels.record import RunRecord
from dimgs.variables.quantities import as_quantity

if TYPE_CHECKING:
    import pandas as pd


# ---- Reading a hub: entries with their states and evidence, and runs.


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
            record = attributes(row, "id kind title")
            nodes.append({**record, **_judgement(row, lineage), "depth": depth})
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
        state = lineage.state(first) if count == 1 else "disputed" if bad else "open"
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
                f"admin of the hub, or act as somebody who may (--as, DIMGS_HUB_TOKEN)."
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
            ends = {end for link in beside for end in (link["from"], link["to"])}
            some = select(entries.c.id).where(entries.c.id.in_(ids_of(connection, ends)))
            hidden = set(connection.execute(some.where(~self.readable())).scalars())
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
            # ends that are unknown here are shown
            "links": [link for link in beside if not {link["from"], link["to"]} & hidden],
            **status,
        }

    def _judged(self, connection: Connection, row: Any, lineage: Lineage) -> Json:
        """Kind, content, state, verdict and reviews of an entry."""
        acts = lineage.reviews_of.get(row.id, ())
        return {
            "kind": row.kind,
            "content": json.loads(row.content or "null"),
            "reviews": [self._review(connection, act) for act in acts],
            **_judgement(row, lineage),
        }

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
        limit: Whole | None = None,
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
            if state == "open":
                filters.append(entries.c.id.not_in(ids_of(connection, lineage.states)))
            elif state is not None:
                filters.append(entries.c.id.in_(ids_of(connection, lineage.with_state(state))))
            rows = connection.execute(query.where(*filters).limit(limit))
            return [_listed(row, lineage) for row in rows]

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
        named = {"kernel": kernel, "physics": physics, "where": where, "group": group}
        asked = {**named, "limit": limit, **filters}
        return self._queried(validated(Wanted, asked, "What is asked for: "))

    def _queried(self, ask: Wanted) -> Json:
        check_text(ask.model_dump(), "What is asked for")
        among(ask.state, STATES, "state")
        among(ask.review, VERDICTS, "review")
        with self.database.transaction(read=True) as connection:
            lineage = self.database.lineage(connection)
            chosen = Asked(connection, ask, lineage, self.readable()).runs()
            ranged = bool(ask.where or ask.group)
            rows, count = fetch_runs(connection, chosen, ask.limit, ranged=ranged)
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
        numbers, read = self.database.numbers, self._runs_at
        with self.database.transaction(read=True) as connection:
            return numbers.tables(connection, kernel, inputs, labels, read)

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
        return {"digest": sha256("\n".join(sorted(ids))), "entries": len(ids)}

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


def _listed(row: Any, lineage: Lineage) -> Json:
    header = attributes(row, "id kind title author time")
    return {**header, **_judgement(row, lineage)}


def _judgement(row: Any, lineage: Lineage) -> Json:
    """State of an entry; of a law or an answer, its verdict too."""
    content = json.loads(row.content or "null") if row.kind == "law" else None
    state = lineage.state(row.id)
    shown = verdict(row.kind, content, state, row.id in lineage.unconfirmed)
    return {"state": state, **shown}


def run_of(row: Any, lineage: Lineage) -> Json:
    """A run as queries give it."""
    record = shown_run(json.loads(row.content or "{}"))
    state = lineage.state(row.id)
    return {"id": row.id, **record, "author": row.author, "time": row.time, "state": state}


# ---- Acts in a hub: entries, runs and files are added, reviewed, disputed, forked, approved.
#
# An entry names its files as ``"files": {"report.html": {"sha256": …, "size": …}}``. The author
# or sender of the entry adds the content of a file after the entry. Everyone who may read the
# entry may read the file. Another entry with the same hash shows the file only after its author
# has added it.


# kinds that are added as they are; the others are made by what they record
ADDED = tuple(k for k in KINDS if k not in ("decision", "review"))
# the action of an agent's decision, which is added as it is; other decisions are made by acts
AGENT = "agent"
# links that a user may make; the others are made by the acts that they tell of
LINKED = ("derived", "recombined", "forked", "supersedes", "answers", "annotates")
# digits of an id that is not shortened
_WHOLE = 64
_HEADER = ("kind", "links", "visibility", "until")
_FORMATS = (".csv", ".tsv", ".parquet")
# states whose runs are not for a table that others build on
_DOUBTED = ("disputed", "recheck")


def run_entries(
    connection: Connection,
    records: Iterable[RunRecord],
    author: str,
    agent: bool,
    readable: Condition,
    links: Links = (),
    times: Sequence[str] | None = None,
) -> list[Entry | str]:
    """Entries of runs, or the ids of those that are there already, of equal content.

    Runs that were sent again because nobody knew whether they had arrived are kept once, with or
    without a key.

    Parameters
    ----------
    connection : Connection
    records : iterable of RunRecord
    author : str
    agent : bool
    readable : condition on entries
        Those that the author may know of.
    links : sequence of (str, str)
        Of every run.
    times : sequence of str, optional
        When each ended.
    """
    added: list[Entry | str] = []
    time = now()
    for batch in batches(records):
        contents = [checked("run", run_content(record)) for record in batch]
        keys = {str(c["key"]) for c in contents if c.get("key")}
        # what has no key is found by the kernel, the inputs and the version that it was made with
        reused = {facts(c).reuse for c in contents if not c.get("key")}
        keyless = and_(entries.c.key.is_(None), entries.c.reuse.in_(reused))
        usable = (or_(entries.c.key.in_(keys), keyless), ~is_claimed(), readable)
        query = select(entries.c.digest, entries.c.id).where(entries.c.kind == "run", *usable)
        ids = {row.digest: row.id for row in connection.execute(query)}
        for content in contents:
            digest = sha256(canonical(content))
            if digest in ids:
                added.append(ids[digest])
                continue
            ended = time if times is None else times[len(added)]
            added.append(Entry("run", content, author, ended, tuple(links), agent))
    return added


def adopt(database: Database, author: str) -> int:
    """Make entries of the runs that a file held as a plain store; done once.

    Returns
    -------
    int
        Number of runs that are new.
    """
    mark = {"kind": "adopted", "name": "runs", "value": now()}
    adopted = select(settings.c.value).where(settings.c.kind == "adopted")
    with database.transaction(read=True) as connection:
        if connection.execute(adopted).first() or not inspect(connection).has_table("runs"):
            return 0
    with database.transaction() as connection:
        if connection.execute(adopted).first():
            return 0
        ended = select(runs).where(runs.c.state != PENDING).order_by(runs.c.id)
        rows = [dict(row) for row in connection.execute(ended).mappings()]
        # a store of long ago tells no time
        times = [row["finished_at"] or "1970-01-01T00:00:00.000+00:00" for row in rows]
        added = run_entries(connection, map(row_record, rows), author, False, true(), times=times)
        new = write(connection, [e for e in added if isinstance(e, Entry)])
        connection.execute(insert(settings).values(**mark))
    return len(new)


class Writer(Reader):
    """A hub as somebody may write to it."""

    def add(self, document: Document) -> str:
        """Add an entry.

        Parameters
        ----------
        document : mapping
            With ``kind``, what the kind holds, and where needed ``links`` (a list of
            ``{"type", "to"}``), ``visibility`` ("open", "embargoed" with ``until``, "private").

        Returns
        -------
        str
            Its id.

        Raises
        ------
        InputError
            If it cannot be used, or the user may not add it.
        """
        _check_added(document)
        return Writer.add_linked(self, document, ())

    def add_linked(self, document: Document, links: Links) -> str:
        """Add an entry with links to entries that are there, by their whole ids."""
        with self.database.transaction() as connection:
            return self.enter(connection, document, links).id

    def once(self, document: Document, links: Links = ()) -> str:
        """Id of the open entry of this content and these links, added where there is none.

        One that somebody brought under the name of another is none.
        """
        _check_added(document)
        with self.database.transaction(read=True) as connection:
            typed = self.checked_links(document.get("links") or [], connection)
        document, links = {**document, "links": []}, [*typed, *links]
        content = {k: v for k, v in document.items() if k not in _HEADER}
        kind, digest = document["kind"], sha256(canonical(content))
        query = select(entries.c.id, entries.c.links).order_by(entries.c.seq)
        query = query.where(entries.c.kind == kind, entries.c.digest == digest)
        for row in self.database.rows(query.where(is_open(), ~is_claimed())):
            if set(links) <= {(t, to) for t, to in json.loads(row["links"])}:
                return str(row["id"])
        return self.add_linked(document, links)

    def add_runs(self, records: Iterable[RunRecord], links: Links = ()) -> list[str]:
        """Add runs; those that the hub holds already, by key and content, are not added again.

        Parameters
        ----------
        records : iterable of RunRecord
        links : sequence of (str, str)
            Of every run: to its protocol, for example.

        Returns
        -------
        list of str
            Id of each run, of those that were there too.
        """
        self.check_adder()
        with self.database.transaction() as connection:
            who = (self.user, self.is_agent, self.readable())
            added = run_entries(connection, records, *who, links)
            write(connection, [e for e in added if isinstance(e, Entry)])
        return [e if isinstance(e, str) else e.id for e in added]

    def review(self, id: str, verdict: str, text: str = "", **ratings: int | None) -> str:
        """Review an entry of another author.

        Parameters
        ----------
        id : str
            Or the beginning of it, of at least 8 characters.
        verdict : {"accept", "minor", "major", "reject"}
        text : str
        **ratings
            From 1 to 5: ``clarity``, ``kernel_fit``, ``output``, ``rating``.

        Returns
        -------
        str
            Id of the review.

        Raises
        ------
        InputError
            If it is one's own entry, an agent accepts, the role may not review, or the entry is
            doubted and the reviewer has made something that it rests on.
        """
        with self.database.transaction() as connection:
            row = self._row(connection, id)
            lineage = self.database.lineage(connection)
            # it is seen that the entry is doubted: the acceptance settles that
            causes = lineage.causes.get(row.id, frozenset()) if verdict == "accept" else frozenset()
            self._check_reviewer(connection, row, verdict)
            if causes:
                self._check_settler(connection, row)
            links = [("reviews", row.id), *(("settles", cause) for cause in sorted(causes))]
            earlier = lineage.reviews_of.get(row.id, ())
            links += [("supersedes", act.entry) for act in earlier if act.author == self.user]
            rated = {name: value for name, value in ratings.items() if value is not None}
            document = {"kind": "review", "verdict": verdict, "text": text, **rated}
            as_it_is = {"visibility": row.visibility, "until": row.until}
            return self.enter(connection, {**document, **as_it_is}, links).id

    def _check_reviewer(self, connection: Connection, row: Any, verdict: str) -> None:
        if row.kind == "review":
            raise InputError("A review cannot be reviewed; review its subject, or dispute it.")
        if row.author == self.user:
            raise NotAllowedError(
                f"Authors do not review their own work: '{row.id[:12]}' is by "
                f"{visible(row.author)}; ask somebody else."
            )
        if verdict == "accept" and self.is_agent:
            raise NotAllowedError("An agent's review is advisory; ask a reviewer to accept.")
        if verdict == "accept" and self.user in authors_of(connection, [row.id]):
            raise NotAllowedError(
                f"'{row.id[:12]}' was brought by {visible(self.user)}, and nobody signed that it "
                f"is by {visible(row.author)}; ask somebody else to accept it, or an admin to "
                f"trust the key of the hub that it was made in (dimgs hub trust)."
            )
        self._check_on(row, "review", *({verdict} & {"accept"}), is_author=False)

    def _check_settler(self, connection: Connection, row: Any) -> None:
        """Refuse to settle doubts of an entry whoever may not."""
        if self.is_agent:
            raise NotAllowedError("An agent cannot settle doubts; ask a reviewer.")
        is_author = row.author == self.user
        if not is_author:
            self._check_on(row, "settle", is_author=False)
        if not may_settle(self.user, authors_of_basis(connection, row.id)):
            raise NotAllowedError(
                f"'{row.id[:12]}' is doubted, and {visible(self.user)} has made "
                f"{'it' if is_author else 'something that it rests on'}; ask another reviewer to "
                f"settle that."
            )

    def annotate(self, id: str, type: str, text: str) -> str:
        """Add a remark on an entry: an "insight", a "bug" or a "validation"."""
        document = {"kind": "annotation", "type": type, "text": text}
        return self._remark(id, "annotate", "annotates", document)

    def dispute(self, id: str, text: str) -> str:
        """Doubt an entry: what rests on it is to be checked again until that is settled."""
        document = {"kind": "annotation", "type": "dispute", "text": text}
        return self._remark(id, "dispute", "disputes", document)

    def approve(self, id: str, text: str = "") -> str:
        """Approve an imported protocol, card or job, by its hash, so that it may run here."""
        document = {"kind": "decision", "action": "approve", "text": text}
        return self._remark(id, "approve", "approves", document)

    def redact(self, id: str, text: str) -> str:
        """Remove the content of an entry that should never have been shared; its hash stays."""
        document = {"kind": "decision", "action": "redact", "text": text}
        return self._remark(id, "redact", "redacts", document)

    def _remark(self, id: str, action: str, link: str, document: dict[str, Any]) -> str:
        """Say something of an entry; remarks are seen by those who see the entry."""
        with self.database.transaction() as connection:
            row = self._row(connection, id)
            if action == "approve" and self.is_agent:
                raise NotAllowedError("An agent cannot approve a plan; ask a person.")
            is_author = row.author == self.user and action != "approve"
            self._check_on(row, action, is_author=is_author)
            if document["kind"] == "annotation":
                document |= {"visibility": row.visibility, "until": row.until}
            entry = self.enter(connection, document, [(link, row.id)])
            if action == "redact":
                erase(connection, row.seq, entry_of(row).redacted())
        return entry.id

    def fork(self, id: str, document: Document | None = None) -> str:
        """Copy an entry with changes, as an own entry with a link to its parent.

        Parameters
        ----------
        id : str
        document : mapping, optional
            Keys of the content that differ.
        """
        with self.database.transaction() as connection:
            row = self._row(connection, id)
            self._check_on(row, "fork", is_author=row.author == self.user)
            if row.kind not in ADDED or row.content is None:
                raise InputError(f"An entry of the kind {row.kind} cannot be forked.")
            changes = dict(document or {})
            if changes.pop("kind", row.kind) != row.kind:
                raise InputError(f"A fork has the kind of its parent, {row.kind}.")
            copy = {"kind": row.kind, **json.loads(row.content), **changes}
            copy.setdefault("visibility", row.visibility)
            copy.setdefault("until", row.until)
            entry = self.enter(connection, copy, [("forked", row.id)])
            share_files(connection, row.seq, entry)
        return entry.id

    def settle(self, id: str, document: Document, links: Links, *, confirmed: bool) -> str:
        """Add a result that was derived again without rejected entries.

        Parameters
        ----------
        id : str
            The entry that was made again, such as a law.
        document : mapping
            The new entry, of the same kind, as for :meth:`add`.
        links : sequence of (str, str)
            What it rests on: what was looked at.
        confirmed : bool
            Whether it came to the same: then the doubts that there are of the earlier one now are
            settled; else the new one supersedes it.

        Raises
        ------
        InputError
            If the user may not settle the doubts, or nothing was looked at that nobody doubts.
        """
        _check_added(document)
        with self.database.transaction() as connection:
            row = self._row(connection, id)
            lineage = self.database.lineage(connection)
            if document["kind"] != row.kind:
                raise InputError(
                    f"'{row.id[:12]}' is a {row.kind}; its new version is a {document['kind']}."
                )
            link = [] if confirmed else [("supersedes", row.id)]
            again = self.enter(connection, document, [*links, *link])
            if confirmed and (causes := lineage.causes.get(row.id)):
                self._check_settler(connection, row)
                text = f"Refitted without the doubted entries, {row.id[:12]} holds."
                seen = {"visibility": row.visibility, "until": row.until}
                basis = {"looked_at": _check_basis(again, lineage), **seen}
                decision = {"kind": "decision", "action": "settle", "text": text, **basis}
                settled = [("confirms", row.id), ("derived", again.id)]
                settled += [("settles", cause) for cause in sorted(causes)]
                self.enter(connection, decision, settled)
        return again.id

    def enter(self, connection: Connection, document: Document, links: Links) -> Entry:
        """Add an entry in a transaction: of a document, checked, by the user and of now."""
        kind = str(document["kind"])
        content = checked(kind, {k: v for k, v in document.items() if k not in _HEADER})
        _check_quantities(kind, content)
        visibility = document.get("visibility") or "open"
        self._check("add", str(visibility), is_author=True)
        all_links = [*self.checked_links(document.get("links") or [], connection), *links]
        if kind == "link":
            content = self._link(content, connection)
        seen = str(visibility), str(document.get("until") or "")
        entry = Entry(kind, content, self.user, now(), tuple(all_links), self.is_agent, *seen)
        write(connection, [entry])
        return entry

    def checked_links(self, documents: Any, connection: Connection) -> list[tuple[str, str]]:
        """Links as documents give them, if the user may make them and knows where they lead."""
        typed: list[tuple[str, str]] = []
        for link in documents if isinstance(documents, list) else [None]:
            if not isinstance(link, Mapping) or link.get("type") not in LINKED or "to" not in link:
                raise InputError(
                    f"A link is a table with 'type' (one of {', '.join(LINKED)}) and 'to', an id."
                )
            typed.append((str(link["type"]), str(link["to"]).strip().lower()))
        whole: set[str] = set()
        for batch in batches(sorted({to for _, to in typed if len(to) == _WHOLE})):
            query = select(entries.c.id).where(entries.c.id.in_(batch), self.readable())
            whole |= set(connection.execute(query).scalars())
        return [(t, to if to in whole else self._row(connection, to).id) for t, to in typed]

    def _link(self, content: Document, connection: Connection) -> dict[str, Any]:
        if content["type"] not in LINKED:
            raise InputError(
                f"Links of the type '{visible(str(content['type'])[:40])}' cannot be added; the "
                f"types are {', '.join(LINKED)}."
            )
        ends = {end: self._row(connection, content[end]).id for end in ("from", "to")}
        return {**content, **ends}

    def _rows(self, here: bool) -> Select[Any]:
        """Entries that the user may read, with hashes that they name, of files here or not here."""
        brought = (held.c.entry == attached.c.entry) & (held.c.digest == attached.c.digest)
        return (
            select(attached.c.entry, attached.c.digest, entries.c.author, imports.c.sender)
            .join(entries, entries.c.seq == attached.c.entry)
            .outerjoin(imports, imports.c.entry == attached.c.entry)
            .outerjoin(held, brought)
            .where(held.c.entry.is_not(None) if here else held.c.entry.is_(None), self.readable())
        )

    def file(self, digest: str) -> bytes:
        """Content of a file that is attached to an entry.

        Raises
        ------
        InputError
            If it is not here, or came with no entry that the user may read.
        """
        named = self._rows(here=True).with_only_columns(attached.c.digest)
        query = select(contents.c.data).where(
            contents.c.digest == digest, contents.c.digest.in_(named)
        )
        for data in self.database.scalars(query):
            return bytes(data)
        raise NotFoundError(f"There is no file '{digest[:12]}' here that you may read.")

    def put_file(self, data: bytes) -> str:
        """Keep a file that entries of the user name, or if none does, entries that they may read.

        Raises
        ------
        InputError
            If no entry names it, it is larger than 8 MB, or the user may not add anything.
        """
        self.check_adder()
        digest = sha256(data)
        with self.database.transaction() as connection:
            of_file = attached.c.digest == digest
            wanting = connection.execute(self._rows(here=False).where(of_file)).all()
            there = connection.execute(self._rows(here=True).where(of_file).limit(1)).first()
            if not (wanting or there) or len(data) > MOST_FILE:
                raise InputError(f"No entry names the file '{digest[:12]}'; add the entry first.")
            by_user = [row for row in wanting if self.user in (row.author, row.sender)]
            # what somebody gives for an entry of their own is not shown by an entry of another,
            # who may know no more than its hash
            of = {row.entry for row in by_user or ([] if there else wanting)}
            connection.execute(insert_new(connection, contents), [{"digest": digest, "data": data}])
            if of:
                rows = [{"entry": seq, "digest": digest} for seq in sorted(of)]
                connection.execute(insert_new(connection, held), rows)
        return digest

    def wanted_files(self) -> list[str]:
        """Hashes of files that entries name but that are missing."""
        return self._digests(self._rows(here=False))

    def files(self, everything: bool = False) -> list[str]:
        """Hashes of the files that are here: of open entries, or of all that the user may read."""
        query = self._rows(here=True)
        return self._digests(query if everything else query.where(is_open()))

    def _digests(self, query: Select[Any]) -> list[str]:
        return sorted(self.database.scalars(query.with_only_columns(attached.c.digest).distinct()))

    def dataset(
        self,
        out: Address,
        licence: str = "",
        more: Callable[[list[Json]], Mapping[str, list[str]]] | None = None,
        target: str | None = None,
        **filters: Any,
    ) -> Json:
        """Write selected runs as a table, and store the selection.

        The table has a column per input and output with its unit, ``NAME_err`` where a run gives a
        numerical error, and labels ``origin`` (kernel, tier and cache version: what differs between
        origins is not the physics) and ``run``. Disputed runs are left out.

        Parameters
        ----------
        out : path
            CSV, TSV or Parquet.
        licence : str
        more : callable, optional
            Gives further columns of texts for the runs; they stand as labels, which no fit takes
            for an input.
        target : str, optional
            The output that is kept, of runs that have it; by default all are.
        **filters
            As for :meth:`query`.

        Returns
        -------
        dict
            "id" of the data set's entry, "rows", "origins" with the rows of each, and "left_out".

        Raises
        ------
        InputError
            If no run is found, or the table cannot be written.
        """
        path = Path(out)
        if path.suffix not in _FORMATS:
            raise InputError(
                f"'{visible(path.name)}' has no supported format; use one of {', '.join(_FORMATS)}."
            )
        rows = self.query(**filters, limit=None)["runs"]
        rows = [r for r in rows if target is None or target in r.get("outputs", {})]
        good = [r for r in rows if r["state"] not in _DOUBTED]
        if not good:
            why = f"; {len(rows)} are disputed or to be checked again" if rows else ""
            raise InputError(
                f"No run can be used{why}; ask for others, as {Act(Step.FIND_RUNS)} lists them."
            )
        origins = [origin_of(run) for run in good]
        _write(_table(good, origins, {} if more is None else more(good), target), path)
        count = {name: origins.count(name) for name in sorted(set(origins))}
        chosen: Json = {"kernel": None, "physics": None, "where": [], "group": []}
        chosen |= {k: list(v) if isinstance(v, tuple) else v for k, v in filters.items() if v}
        ids = [r["id"] for r in good]
        document = {"kind": "dataset", "title": path.name, "runs": ids, "chosen": chosen}
        document |= {"origins": count, "licence": licence}
        id = self.add_linked(document, [("recombined", id) for id in ids])
        return {"id": id, "rows": len(good), "origins": count, "left_out": len(rows) - len(good)}

    def check_adder(self) -> None:
        """Refuse anybody who may not add entries."""
        self._check("add", "open", is_author=True)

    def check_manager(self) -> None:
        """Refuse anybody who may not manage users, tokens, keys and peers."""
        self._check("manage", "open", is_author=False)


def _check_basis(again: Entry, lineage: Lineage) -> list[str]:
    """Evidence of an entry that was derived again, none of it in doubt."""
    basis = again.linked(*RESTS_ON)
    if not basis:
        raise InputError(
            "A settlement needs evidence; link the new entry to the entries that it depends on."
        )
    doubted = next((i for i in basis if i in lineage.marks), None)
    if doubted is not None:
        raise InputError(f"'{doubted[:12]}' is itself in doubt; leave it out of the links.")
    return basis


def _check_quantities(kind: str, content: Document) -> None:
    """Refuse what is not a quantity, and in a job or run what is not a number or label."""
    parts = {"question": ["inputs"], "job": ["inputs"], "run": ["inputs", "outputs"]}
    every = chain.from_iterable(content.get(p, {}).items() for p in parts.get(kind, ()))
    for name, value in every:
        where = f"The {kind} cannot be used: '{visible(str(name)[:60])}'"
        quantity = as_quantity(value, where)
        if kind != "question" and not quantity.is_label:
            quantity.number(where)


def _check_added(document: object) -> None:
    """Refuse what is not an entry that is added as it is."""
    given = document if isinstance(document, Mapping) else {}
    kind = given.get("kind")
    if not isinstance(kind, str):
        raise InputError(f"An entry is a table with a kind; give one of {', '.join(ADDED)}.")
    if kind not in ADDED and (kind, given.get("action")) != ("decision", AGENT):
        raise InputError(
            f"An entry of the kind '{visible(kind[:40])}' cannot be added directly; the kinds are "
            f"{', '.join(ADDED)}."
        )


def read_keys(kind: str) -> list[str]:
    """Keys that dimgs reads of an entry; others are kept as they are.

    Examples
    --------
    >>> "text" in read_keys("question"), "colour" in read_keys("question")
    (True, False)
    """
    return [*_HEADER, *(str(f.alias or name) for name, f in MODELS[kind].model_fields.items())]


def naming(document: Document, files: Mapping[str, bytes]) -> dict[str, Any]:
    """A document of an entry that names files.

    Raises
    ------
    InputError
        If one is larger than 8 MB.
    """
    large = next((name for name, data in files.items() if len(data) > MOST_FILE), None)
    if large is not None:
        raise InputError(
            f"'{large}' has more than {MOST_FILE >> 20} MB; give its location in the entry."
        )
    new = {name: {"sha256": sha256(data), "size": len(data)} for name, data in files.items()}
    return {**document, "files": {**document.get("files", {}), **new}} if new else dict(document)


# ---- Tables of runs: of one kernel, or of all that compute the same, chosen once and kept by key.


def origin_of(run: Document) -> str:
    """Kernel, tier and cache version of a run: what may differ though the physics is one."""
    return " ".join(p for p in (run["kernel"], run["tier"], run["version"][:8]) if p)


def joined_rows(
    runs: Iterable[Document], target: str | None = None
) -> list[dict[tuple[str, str], Any]]:
    """Runs as rows of one table, by name and unit of its columns.

    Parameters
    ----------
    runs : iterable of mapping
        As :meth:`Reader.query` gives them.
    target : str, optional
        The only output to keep.

    Raises
    ------
    InputError
        If a quantity has units of different dimensions.
    """
    units: dict[str, str] = {}
    givers: dict[str, Document] = {}
    rows = []
    for run in runs:
        # one output is not an input of another
        columns = columns_of(run_record(run), units, None if target is None else [target])
        for name, unit in columns:
            first = givers.setdefault(name, run)
            if unit != units[name]:
                ids, kernels = ([each[n] for each in (first, run)] for n in ("id", "kernel"))
                remedy = f"choose one kernel ({setting('kernel', *map(visible, kernels))})"
                if kernels[0] == kernels[1]:
                    remedy = (
                        f"dispute the wrong one ({Act(Step.DISPUTE, ids[1][:12] + ' --text WHY')})"
                    )
                raise InputError(
                    f"'{visible(name)}' is in {units[name]} in the run {ids[0][:12]} and in {unit} "
                    f"in the run {ids[1][:12]}, which do not fit in one table; {remedy}."
                )
        rows.append(columns)
    return rows


def _table(
    runs: list[Json], origins: list[str], more: Mapping[str, list[str]], target: str | None
) -> "pd.DataFrame":
    import pandas as pd

    texts = {"origin": origins, "run": [r["id"] for r in runs], **more}
    rows = [
        {f"{n} [{unit}]": value for (n, unit), value in row.items() if n not in texts}
        for row in joined_rows(runs, target)
    ]
    frame = pd.DataFrame(rows)
    for name, column in texts.items():
        frame[f"{name} [label]"] = column
    return frame


def _write(table: "pd.DataFrame", path: Path) -> None:
    try:
        with whole(path) as beside:
            if path.suffix == ".parquet":
                table.to_parquet(beside, index=False)
            else:
                table.to_csv(beside, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    except OSError as error:
        raise InputError(f"'{path}' cannot be written ({error.strerror}).") from error
