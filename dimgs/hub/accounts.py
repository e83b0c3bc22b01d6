"""Users, passwords and tokens: authentication. Rights are in the permissions."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from dimgs.common.advice import Act, Step
from dimgs.common.errors import InputError
from dimgs.common.plugins import needing
from dimgs.hub.database import Database
from dimgs.hub.entry import among, check_author, sha256
from dimgs.hub.permissions import ROLES, a_role
from dimgs.hub.runs import now
from dimgs.hub.schema import tokens, users
from dimgs.hub.writing import insert_new

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SCOPES = ("read", "write")
# a token that is forgotten somewhere should end within a year
_MOST_DAYS = 366
# of bytes: argon2 reads all of a password, and somebody may send megabytes
_LONGEST_PASSWORD = 1000
# of letters: two more than NIST SP 800-63B asks for at least
_SHORTEST_PASSWORD = 10


@dataclass(frozen=True)
class Bearer:
    """User and scope of a token."""

    user: str
    scope: str


def set_user(database: Database, name: str, role: str, password: str | None = None) -> None:
    """Register a user, or give a registered one another role or password.

    Another password ends the tokens and sessions of the user.

    Raises
    ------
    InputError
        If the name, the role or the password cannot be used, or no admin would be left.
    """
    check_author(name)
    among(role, ROLES, "role")
    values = {"role": role}
    if password is not None:
        if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
            raise InputError(f"A password has {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} letters.")
        values["password"] = str(_hasher().hash(password))
    with database.transaction() as connection:
        query = select(users.c.name).where(users.c.role == "admin")
        admins = set(connection.execute(query).scalars())
        if admins == {name} and role != "admin":
            raise InputError(
                f"{name} is the only admin of this hub; register another admin before {name} "
                f"becomes {a_role(role)}."
            )
        row = {"name": name, "password": None, "time": now(), **values}
        connection.execute(insert_new(connection, users), [row])
        connection.execute(update(users).where(users.c.name == name).values(**values))
        if password is not None:
            connection.execute(delete(tokens).where(tokens.c.user == name))


def all_users(database: Database) -> list[dict[str, Any]]:
    """Name, role, and whether there is a password, of every registered user."""
    rows = database.rows(select(users).order_by(users.c.name))
    return [{"name": r["name"], "role": r["role"], "password": bool(r["password"])} for r in rows]


def role_of(database: Database, name: str) -> str | None:
    """Role of a registered user; None for another one."""
    return next(iter(database.scalars(select(users.c.role).where(users.c.name == name))), None)


def check_password(database: Database, name: str, password: str) -> bool:
    """Whether this is the password of the user; takes as long where there is no such user."""
    hasher = _hasher()
    from argon2.exceptions import Argon2Error, InvalidHashError

    hashed = next(iter(database.scalars(select(users.c.password).where(users.c.name == name))), "")
    if len(password) > _LONGEST_PASSWORD:
        return False
    try:
        return hasher.verify(hashed or _nobodys(), password) and bool(hashed)
    except (Argon2Error, InvalidHashError):
        return False


def new_token(database: Database, name: str, days: float = 30.0, scope: str = "read") -> str:
    """Token of a registered user: ``id.secret``, shown once and kept as a hash.

    Raises
    ------
    InputError
        If there is no such user or scope, or it would last for more than a year.
    """
    if role_of(database, name) is None:
        raise InputError(f"There is no user '{name}' here; add one with: {Act(Step.ADD_USER)}.")
    among(scope, SCOPES, "scope")
    if not 0 < days <= _MOST_DAYS:
        raise InputError(f"A token lasts for up to {_MOST_DAYS} days, not {days:g}.")
    id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    expires = datetime.now(UTC) + timedelta(days=days)
    row = {"id": id, "user": name, "scope": scope, "digest": sha256(secret), "revoked": False}
    row["expires"] = expires.isoformat(timespec="milliseconds")
    with database.transaction() as connection:
        connection.execute(delete(tokens).where(tokens.c.expires <= now()))
        connection.execute(tokens.insert().values(**row))
    return f"{id}.{secret}"


def bearer(database: Database, token: str) -> Bearer | None:
    """User and scope of a token; None if it is invalid, expired or revoked."""
    id, _, secret = token.partition(".")
    with database.transaction(read=True) as connection:
        row = connection.execute(select(tokens).where(tokens.c.id == id[:32])).first()
    # a comparison that takes as long for a wrong token as for a right one
    same = hmac.compare_digest(sha256(secret), row.digest if row is not None else sha256(""))
    if row is None or not same or row.revoked or row.expires <= now():
        return None
    return Bearer(row.user, row.scope)


def revoke(database: Database, id: str) -> bool:
    """Revoke a token, by the part before the dot; whether there was one."""
    with database.transaction() as connection:
        deleted = connection.execute(
            update(tokens).where(tokens.c.id == id.partition(".")[0]).values(revoked=True)
        )
    return bool(deleted.rowcount)


@cache
def _nobodys() -> str:
    """A hash to compare with where there is no password, which takes as long."""
    return str(_hasher().hash(secrets.token_hex()))


def _hasher() -> "PasswordHasher":
    with needing("hub", "Passwords need"):
        from argon2 import PasswordHasher
    # argon2id, with the parameters that RFC 9106 recommends where memory is scarce
    return PasswordHasher()
