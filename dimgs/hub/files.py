"""Files that entries name by the hash of what they hold, such as a report or a simulator's input.

An entry holds ``"files": {"report.html": {"sha256": …, "size": …}}``. What a file holds is added
after the entry that names it, and may be read by whoever may read such an entry.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select

from dimgs.errors import InputError
from dimgs.hub.kinds import MOST_FILE
from dimgs.hub.tables import attached, entries, files
from dimgs.hub.writing import insert_new

if TYPE_CHECKING:
    from dimgs.hub.acts import Writer
    from dimgs.hub.reading import Reader


def hash_of(data: bytes) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def naming(document: Mapping[str, Any], given: Mapping[str, bytes]) -> dict[str, Any]:
    """A document of an entry that names files.

    Raises
    ------
    InputError
        If one is larger than 8 MB.
    """
    large = next((name for name, data in given.items() if len(data) > MOST_FILE), None)
    if large is not None:
        raise InputError(
            f"'{large}' has more than {MOST_FILE >> 20} MB; name where it lies in the entry."
        )
    told = {name: {"sha256": hash_of(data), "size": len(data)} for name, data in given.items()}
    return {**document, "files": {**document.get("files", {}), **told}} if told else dict(document)


def _named(hub: "Reader") -> Select[Any]:
    """Hashes that entries name which the user may read."""
    query = select(attached.c.digest).join(entries, entries.c.seq == attached.c.entry)
    readable = hub.readable()
    return query if readable is None else query.where(readable)


def read(hub: "Reader", digest: str) -> bytes:
    """What a file holds.

    Raises
    ------
    InputError
        If it is not here, or no entry that the user may read names it.
    """
    from dimgs.hub.reading import NotFoundError

    query = select(files.c.data).where(files.c.digest == digest, files.c.digest.in_(_named(hub)))
    with hub.database.transaction(read=True) as connection:
        data = connection.execute(query).scalar()
    if data is None:
        raise NotFoundError(f"There is no file '{digest[:12]}' here that you may read.")
    return bytes(data)


def put(hub: "Writer", data: bytes) -> str:
    """Keep a file that an entry names.

    Raises
    ------
    InputError
        If no entry names it, it is larger than 8 MB, or the user may not add anything.
    """
    hub.check_adder()
    digest = hash_of(data)
    with hub.database.transaction() as connection:
        named = connection.execute(_named(hub).where(attached.c.digest == digest).limit(1)).first()
        if named is None or len(data) > MOST_FILE:
            raise InputError(f"No entry names the file '{digest[:12]}'; add the entry first.")
        connection.execute(insert_new(connection, files), [{"digest": digest, "data": data}])
    return digest


def wanted(hub: "Reader") -> list[str]:
    """Hashes of files that entries name and that are not here."""
    query = _named(hub).where(attached.c.digest.not_in(select(files.c.digest))).distinct()
    with hub.database.transaction(read=True) as connection:
        return sorted(connection.execute(query).scalars())


def held(hub: "Reader", everything: bool = False) -> list[str]:
    """Hashes of files that are here, of open entries or of all that the user may read."""
    from dimgs.hub.reading import is_open

    query = _named(hub).where(attached.c.digest.in_(select(files.c.digest))).distinct()
    query = query if everything else query.where(is_open())
    with hub.database.transaction(read=True) as connection:
        return sorted(connection.execute(query).scalars())
