"""Users, passwords and tokens, and signatures of hubs. Rights are in the permissions."""

import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select, update

from dimgs.common.advice import Act, Step
from dimgs.common.errors import InputError
from dimgs.common.plugins import needing
from dimgs.hub.database import Database
from dimgs.hub.entry import Entry, among, check_author, now, sha256
from dimgs.hub.permissions import ROLES, a_role
from dimgs.hub.schema import insert_new, settings, signatures, tokens, users

if TYPE_CHECKING:
    from argon2 import PasswordHasher


# ---- Users, passwords and tokens: authentication. Rights are in the permissions.


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


# ---- Signatures: that a hub states that an entry was made through it (Ed25519, RFC 8032).


# what is signed is no other message that a key of Ed25519 may have signed
_PREFIX = b"dimgs entry "


def _library() -> Any:
    with needing("hub", "Signatures need"):
        from cryptography.hazmat.primitives.asymmetric import ed25519
    return ed25519


def hub_key(connection: Connection) -> tuple[Any, str]:
    """Private key of this hub, made when it is first needed, and its public key."""
    library = _library()
    query = select(settings.c.value).where(settings.c.kind == "key", settings.c.name == "own")
    stored = connection.execute(query).scalar()
    if stored is None:
        stored = library.Ed25519PrivateKey.generate().private_bytes_raw().hex()
        row = {"kind": "key", "name": "own", "value": stored}
        connection.execute(insert(settings).values(**row))
    private = library.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(stored))
    return private, private.public_key().public_bytes_raw().hex()


def public_key(text: str) -> Any:
    """Public key of its 64 hexadecimal digits.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        return _library().Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
    except ValueError as error:
        raise InputError(
            f"A public key has 64 hexadecimal digits; see {Act(Step.SHOW_KEYS)}."
        ) from error


def signed(
    connection: Connection, signable: Sequence[Entry], foreign: set[str], key: Any, public: str
) -> dict[str, list[dict[str, str]]]:
    """Signatures of entries, by id: those that they came with, and this hub's own.

    Parameters
    ----------
    connection : Connection
    signable : sequence of Entry
    foreign : set of str
        Ids of those that were not made here, which this hub does not sign.
    key, public
        As :func:`hub_key` gives them.
    """
    proofs: dict[str, list[dict[str, str]]] = {}
    query = select(signatures).where(signatures.c.id.in_([e.id for e in signable]))
    for row in connection.execute(query.order_by(signatures.c.key)):
        proofs.setdefault(row.id, []).append({"key": row.key, "signature": row.signature})
    for entry in signable:
        if entry.id not in foreign:
            proof = {"key": public, "signature": key.sign(_PREFIX + entry.id.encode()).hex()}
            proofs.setdefault(entry.id, []).append(proof)
    return proofs


def check_signatures(id: str, proofs: Iterable[Mapping[str, str]]) -> None:
    """Refuse an entry that somebody signed otherwise.

    Raises
    ------
    InputError
    """
    from cryptography.exceptions import InvalidSignature

    for part in proofs:
        try:
            signature = bytes.fromhex(part["signature"])
            public_key(part["key"]).verify(signature, _PREFIX + id.encode())
        except (InvalidSignature, InputError) as error:
            raise InputError(f"the signature of {id[:12]} is wrong; it is left out.") from error
