"""What an entry rests on and what rests on it, as a graph in which runs are counted together."""

import json
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, true

from dimgs.hub.entry import Entry
from dimgs.hub.lineage import Lineage
from dimgs.hub.tables import entries, links
from dimgs.hub.verdicts import verdict
from dimgs.hub.writing import batches

_SHOWN = ("derived", "recombined", "forked", "supersedes", "confirms", "answers")
# what a person still reads in one picture
_MOST = 40
# of what rests on the entry: two rows of the picture, for the question is what it rests on
_MOST_ABOVE = 6


def evidence(
    connection: Connection, id: str, readable: ColumnElement[bool] | None, lineage: Lineage
) -> dict[str, Any]:
    """Graph of an entry.

    Parameters
    ----------
    connection : Connection
    id : str
        Whole.
    readable : ColumnElement or None
        Condition on entries that may be shown.
    lineage : Lineage

    Returns
    -------
    dict
        "nodes" with id (None for several runs), kind, title, state, of laws whether they are
        confirmed, and depth (0 for the entry itself, below it what it rests on), and "links" with
        type, from and to (places in the list of nodes).
    """
    seen = true() if readable is None else readable
    (root,) = connection.execute(select(entries).where(entries.c.id == id)).all()
    places: dict[str, int] = {}
    nodes: list[dict[str, Any]] = []
    drawn: list[dict[str, Any]] = []

    def node(row: Any, depth: int) -> int:
        if row.id not in places:
            places[row.id] = len(nodes)
            state = lineage.state(row.id, row.kind)
            told = {"id": row.id, "kind": row.kind, "title": row.title, "state": state}
            content = json.loads(row.content or "null") if row.kind == "law" else None
            told |= verdict(row.kind, content, state, row.id in lineage.unconfirmed)
            nodes.append({**told, "depth": depth})
        else:
            nodes[places[row.id]]["depth"] = max(depth, nodes[places[row.id]]["depth"])
        return places[row.id]

    node(root, 0)
    front, depth = [id], 0
    while front and len(nodes) < _MOST:
        depth += 1
        following = []
        for row in connection.execute(_beside(front, seen, up=False).limit(_MOST)).all():
            link = {"type": row.type, "from": places[row.source], "to": node(row, depth)}
            if link not in drawn and row.id != id:
                drawn.append(link)
                following.append(row.id)
        for source, told in _runs(connection, front, seen, lineage):
            drawn.append({"type": "derived", "from": places[source], "to": len(nodes)})
            nodes.append({**told, "depth": depth})
        # an entry links to earlier ones only, so that this ends
        front = list(dict.fromkeys(following))
    for row in connection.execute(_beside([id], seen, up=True).limit(_MOST_ABOVE)).all():
        if row.id not in places:
            drawn.append({"type": row.type, "from": node(row, -1), "to": 0})
    return {"nodes": nodes, "links": drawn}


def _beside(front: list[str], seen: ColumnElement[bool], up: bool) -> Select[Any]:
    """Entries other than runs at the other ends of links."""
    near, far = (links.c.target, links.c.source) if up else (links.c.source, links.c.target)
    return (
        select(links.c.type, links.c.source, links.c.target, entries)
        .join(entries, entries.c.id == far)
        .where(near.in_(front), links.c.type.in_(_SHOWN), entries.c.kind != "run", seen)
        .order_by(entries.c.seq, links.c.type)
    )


def _runs(
    connection: Connection, front: list[str], seen: ColumnElement[bool], lineage: Lineage
) -> list[tuple[str, dict[str, Any]]]:
    """Runs that each of the entries rests on, counted."""
    query = (
        select(
            links.c.source,
            func.count(entries.c.id.distinct()),
            func.min(entries.c.id),
            func.min(entries.c.name),
        )
        .join(entries, entries.c.id == links.c.target)
        .where(links.c.source.in_(front), links.c.type.in_(_SHOWN), entries.c.kind == "run", seen)
        .group_by(links.c.source)
        .order_by(links.c.source)
    )
    marks: set[tuple[str, str]] = set()
    for batch in batches(sorted(lineage.marks)):
        doubted = (
            select(links.c.source, links.c.target)
            .join(entries, entries.c.id == links.c.target)
            .where(links.c.source.in_(front), links.c.target.in_(batch), entries.c.kind == "run")
        )
        marks |= {(row.source, row.target) for row in connection.execute(doubted)}
    told = []
    for source, count, first, kernel in connection.execute(query).all():
        bad = {to for of, to in marks if of == source}
        state = lineage.state(first, "run") if count == 1 else "disputed" if bad else "open"
        title = f"{count} runs of {kernel}" if count > 1 else f"a run of {kernel}"
        title += f", {len(bad)} doubted" if bad and count > 1 else ""
        known = first if count == 1 else None
        told.append((source, {"id": known, "kind": "run", "title": title, "state": state}))
    return told


def kernels(connection: Connection, readable: ColumnElement[bool] | None) -> list[str]:
    """Names of the kernels that have runs."""
    query = select(entries.c.name).where(entries.c.kind == "run", entries.c.name != "").distinct()
    if readable is not None:
        query = query.where(readable)
    return sorted(connection.execute(query).scalars())


def difference(fork: Entry, parent: Entry) -> list[dict[str, Any]]:
    """What a fork has otherwise than its parent, key by key."""
    ours, theirs = _flat(fork.content or {}), _flat(parent.content or {})
    return [
        {"key": key, "parent": theirs.get(key), "fork": ours.get(key)}
        for key in sorted({*ours, *theirs})
        if ours.get(key) != theirs.get(key)
    ]


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """Values of nested tables by dotted keys."""
    if not isinstance(value, dict):
        return {key: value}
    parts = [_flat(v, f"{key}.{k}" if key else str(k)) for k, v in value.items()]
    return {k: v for part in parts for k, v in part.items()}
