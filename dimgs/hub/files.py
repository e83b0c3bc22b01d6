"""Files that entries name by the hash of what they hold, such as a report or a simulator's input.

An entry holds ``"files": {"report.html": {"sha256": …, "size": …}}``. What a file holds is added
after the entry that names it, and may be read by whoever may read such an entry.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select

from dimgs.errors import InputError
from dimgs.hub.acts import Writer
from dimgs.hub.kinds import MOST_FILE
from dimgs.hub.reading import NotFoundError, is_open
from dimgs.hub.tables import attached, entries
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

    def _named(self) -> Select[Any]:
        """Hashes that entries name which the user may read."""
        query = select(attached.c.digest).join(entries, entries.c.seq == attached.c.entry)
        readable = self.readable()
        return query if readable is None else query.where(readable)

    def file(self, digest: str) -> bytes:
        """What a file holds that an entry names.

        Raises
        ------
        InputError
            If it is not here, or no entry that the user may read names it.
        """
        query = select(contents.c.data).where(
            contents.c.digest == digest, contents.c.digest.in_(self._named())
        )
        with self.database.transaction(read=True) as connection:
            data = connection.execute(query).scalar()
        if data is None:
            raise NotFoundError(f"There is no file '{digest[:12]}' here that you may read.")
        return bytes(data)

    def put_file(self, data: bytes) -> str:
        """Keep a file that an entry names.

        Raises
        ------
        InputError
            If no entry names it, it is larger than 8 MB, or the user may not add anything.
        """
        self.check_adder()
        digest = hash_of(data)
        with self.database.transaction() as connection:
            named = connection.execute(
                self._named().where(attached.c.digest == digest).limit(1)
            ).first()
            if named is None or len(data) > MOST_FILE:
                raise InputError(f"No entry names the file '{digest[:12]}'; add the entry first.")
            connection.execute(insert_new(connection, contents), [{"digest": digest, "data": data}])
        return digest

    def wanted_files(self) -> list[str]:
        """Hashes of files that entries name and that are not here."""
        query = self._named().where(attached.c.digest.not_in(select(contents.c.digest))).distinct()
        with self.database.transaction(read=True) as connection:
            return sorted(connection.execute(query).scalars())

    def files(self, everything: bool = False) -> list[str]:
        """Hashes of the files that are here: of open entries, or of all that the user may read."""
        query = self._named().where(attached.c.digest.in_(select(contents.c.digest))).distinct()
        query = query if everything else query.where(is_open())
        with self.database.transaction(read=True) as connection:
            return sorted(connection.execute(query).scalars())
