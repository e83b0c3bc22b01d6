"""The Hub: questions, runs, laws and answers that a group shares, reviews and builds on."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dimgs.errors import InputError
from dimgs.escape import visible
from dimgs.hub import accounts, signing
from dimgs.hub.adoption import adopt
from dimgs.hub.bundle import Exchange
from dimgs.hub.database import Database
from dimgs.hub.permissions import NotAllowedError, a_role
from dimgs.hub.reading import Reader

if TYPE_CHECKING:
    from dimgs.hub.numbers import RunTable
    from dimgs.variables import Dimension


def is_remote(url: str | os.PathLike[str]) -> bool:
    """Whether an address is that of a server."""
    return os.fspath(url).startswith(("http://", "https://"))


class Hub(Exchange):
    """Entries of a group: append-only, each named by the hash of what it holds.

    Parameters
    ----------
    url : str or path
        A file or folder (SQLite), a ``postgresql://`` address, or the ``http://`` or
        ``https://`` one of a server.
    user : str, optional
        Who acts; the user of the system by default. A name that the hub has a role for may do
        what that role may; another one has the rights of whoever can open the database.
    make : bool
        Whether the hub is made where there is none.

    Attributes
    ----------
    user, role : str

    Raises
    ------
    StoreError
        If the database cannot be used.
    InputError
        If there is none, and none is to be made.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Hub(folder, user="anna") as hub:
    ...     asked = hub.add({"kind": "question", "text": "How fast does the film empty?"})
    ...     _ = hub.annotate(asked, "insight", "Diffusion decides.")
    ...     [hub.get(asked)[part] for part in ("author", "title", "state")]
    ['anna', 'How fast does the film empty?', 'open']
    """

    def __new__(cls, url: str | os.PathLike[str], *_: Any, **__: Any) -> "Hub":
        """A hub in a database, or one behind a server."""
        if cls is Hub and is_remote(url):
            from dimgs.hub.remote import RemoteHub

            return object.__new__(RemoteHub)
        return object.__new__(cls)

    def __init__(
        self, url: str | os.PathLike[str], user: str | None = None, *, make: bool = True
    ) -> None:
        super().__init__(Database(url, make), user)
        adopt(self.database, self.user)

    def for_user(self, name: str) -> "Hub":
        """The same hub for a registered user.

        Raises
        ------
        InputError
            If there is no such user.
        """
        role = accounts.role_of(self.database, name)
        if role is None:
            raise InputError(f"There is no user '{visible(name[:60])}' in '{self.address}'.")
        return self._as(name, role)

    def for_anybody(self) -> "Hub":
        """The same hub for somebody who is not known: a reader of what is open."""
        return self._as("anybody", "reader")

    def for_agent(self, name: str = "agent", *, writes: bool = True) -> "Hub":
        """The same hub for a program, which accepts, approves, redacts and manages nothing.

        Parameters
        ----------
        name : str
            Author of what it adds.
        writes : bool
            Whether it may add entries.

        Raises
        ------
        InputError
            If the hub is behind a server and the token is that of a person.
        """
        if not is_remote(self.address):
            return self._as(name, "agent" if writes else "reader")
        if self.role not in ("agent", "reader"):
            raise NotAllowedError(
                f"The token is that of {visible(self.user)}, who is {a_role(self.role)}; give that "
                f"of a user of the role agent."
            )
        return self

    def _as(self, user: str, role: str) -> "Hub":
        other = object.__new__(Hub)
        Reader.__init__(other, self.database, user, role)
        return other

    def dataset(self, out: str | os.PathLike[str], **asked: Any) -> dict[str, Any]:
        """Write runs as a table, and keep which they were.

        Takes what :func:`dimgs.hub.datasets.freeze` takes.
        """
        from dimgs.hub.datasets import freeze

        return freeze(self, os.fspath(out), **asked)

    def run_tables(
        self, kernel: str, inputs: "Mapping[str, Dimension]", labels: Mapping[str, str]
    ) -> "dict[str, RunTable]":
        """Inputs of all runs of a kernel, by tier; see :func:`dimgs.hub.numbers.run_tables`."""
        from dimgs.hub.numbers import run_tables

        return run_tables(self, kernel, inputs, labels)

    def similar(
        self, at: Mapping[str, Any], kernel: str, n: int = 10, tier: str | None = None
    ) -> list[dict[str, Any]]:
        """Runs whose groups are nearest to those of some inputs, nearest first.

        Takes what :func:`dimgs.hub.numbers.similar` takes.
        """
        from dimgs.hub.numbers import similar

        return similar(self, at, kernel, n, tier)

    def users(self) -> list[dict[str, Any]]:
        """Users with their roles."""
        self.check_manager()
        return accounts.all_users(self.database)

    def has_users(self) -> bool:
        """Whether anybody is registered."""
        return bool(accounts.all_users(self.database))

    def set_user(self, name: str, role: str, password: str | None = None) -> None:
        """Register a user, or give one another role or password."""
        self.check_manager()
        accounts.set_user(self.database, name, role, password)

    def new_token(self, name: str, days: float = 30.0, scope: str = "read") -> str:
        """Token of a user, shown only now."""
        self.check_manager()
        return accounts.new_token(self.database, name, days, scope)

    def revoke(self, token: str) -> None:
        """Revoke a token, by the part before the dot."""
        self.check_manager()
        if not accounts.revoke(self.database, token):
            raise InputError("There is no such token; give the part before the dot.")

    def key(self) -> str:
        """Public key of this hub, which signs what was made through it."""
        with self.database.transaction() as connection:
            return signing.own_key(connection)[1]

    def trusted(self) -> dict[str, str]:
        """Keys of hubs whose reviews count here, and whose they are."""
        with self.database.transaction(read=True) as connection:
            return signing.trusted(connection)

    def trust(self, key: str, name: str = "") -> None:
        """Let the reviews that another hub signed count here."""
        self.check_manager()
        with self.database.transaction() as connection:
            signing.trust(connection, key, name)

    def distrust(self, key: str) -> None:
        """Let them count no more."""
        self.check_manager()
        with self.database.transaction() as connection:
            signing.distrust(connection, key)

    def __repr__(self) -> str:
        return f"Hub('{self.address}', user='{self.user}')"
