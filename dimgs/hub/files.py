"""Files that entries name by the hash of what they hold, such as a report or a simulator's input.

An entry holds ``"files": {"report.html": {"sha256": …, "size": …}}``. What a file holds is added
after the entry that names it, by whoever made or brought that entry, and may be read by whoever may
read it. Another entry that names the same hash shows nothing until its author brings the file too.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select

from dimgs.errors import InputError
from dimgs.hub.acts import Writer
from dimgs.hub.kinds import MOST_FILE
from dimgs.hub.reading import NotFoundError, is_open
from dimgs.hub.tables import attached, entries, held, imports
from dimgs.hub.tables import files as contents
from dimgs.hub.writing import insert_new


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


class FileKeeper(Writer):
    """A hub as somebody may read and write the files of its entries."""

    def _rows(self, here: bool) -> Select[Any]:
        """Entries that the user may read, with hashes that they name, of files here or not here."""
        brought = (held.c.entry == attached.c.entry) & (held.c.digest == attached.c.digest)
        query = (
            select(attached.c.entry, attached.c.digest, entries.c.author, imports.c.sender)
            .join(entries, entries.c.seq == attached.c.entry)
            .outerjoin(imports, imports.c.entry == attached.c.entry)
            .outerjoin(held, brought)
            .where(held.c.entry.is_not(None) if here else held.c.entry.is_(None))
        )
        readable = self.readable()
        return query if readable is None else query.where(readable)

    def file(self, digest: str) -> bytes:
        """What a file holds that came with an entry.

        Raises
        ------
        InputError
            If it is not here, or came with no entry that the user may read.
        """
        named = self._rows(here=True).with_only_columns(attached.c.digest)
        query = select(contents.c.data).where(
            contents.c.digest == digest, contents.c.digest.in_(named)
        )
        with self.database.transaction(read=True) as connection:
            data = connection.execute(query).scalar()
        if data is None:
            raise NotFoundError(f"There is no file '{digest[:12]}' here that you may read.")
        return bytes(data)

    def put_file(self, data: bytes) -> str:
        """Keep a file that entries of the user name, or if none does, entries that they may read.

        Raises
        ------
        InputError
            If no entry names it, it is larger than 8 MB, or the user may not add anything.
        """
        self.check_adder()
        digest = hash_of(data)
        with self.database.transaction() as connection:
            query = self._rows(here=False).where(attached.c.digest == digest)
            wanting = connection.execute(query).all()
            there = connection.execute(
                self._rows(here=True).where(attached.c.digest == digest).limit(1)
            ).first()
            if not (wanting or there) or len(data) > MOST_FILE:
                raise InputError(f"No entry names the file '{digest[:12]}'; add the entry first.")
            own = [row for row in wanting if self.user in (row.author, row.sender)]
            # what somebody gives for an entry of their own is not shown by an entry of another,
            # who may know no more than its hash
            of = {row.entry for row in own or ([] if there else wanting)}
            connection.execute(insert_new(connection, contents), [{"digest": digest, "data": data}])
            if of:
                rows = [{"entry": seq, "digest": digest} for seq in sorted(of)]
                connection.execute(insert_new(connection, held), rows)
        return digest

    def wanted_files(self) -> list[str]:
        """Hashes of files that entries name and that did not come with them."""
        return self._digests(self._rows(here=False))

    def files(self, everything: bool = False) -> list[str]:
        """Hashes of the files that are here: of open entries, or of all that the user may read."""
        query = self._rows(here=True)
        return self._digests(query if everything else query.where(is_open()))

    def _digests(self, query: Select[Any]) -> list[str]:
        digests = query.with_only_columns(attached.c.digest).distinct()
        with self.database.transaction(read=True) as connection:
            return sorted(connection.execute(digests).scalars())
