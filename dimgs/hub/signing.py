"""Signatures: that a hub states that an entry was made through it (Ed25519, RFC 8032)."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from dimgs.common.advice import Act, Step
from dimgs.common.errors import InputError
from dimgs.common.plugins import needing
from dimgs.hub.entry import Entry
from dimgs.hub.schema import settings, signatures
from dimgs.hub.writing import insert_new, new_epoch

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


def trust(connection: Connection, key: str, name: str) -> None:
    """Let what a hub signed with this key count here as its authors'.

    Raises
    ------
    InputError
        If it is not a public key.
    """
    try:
        _library().Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except ValueError as error:
        raise InputError(
            f"A public key has 64 hexadecimal digits; see {Act(Step.SHOW_KEYS)}."
        ) from error
    connection.execute(
        insert_new(connection, settings), [{"kind": "trusted", "name": key.lower(), "value": name}]
    )
    new_epoch(connection)


def distrust(connection: Connection, key: str) -> None:
    """Stop counting them."""
    connection.execute(
        delete(settings).where(settings.c.kind == "trusted", settings.c.name == key.lower())
    )
    new_epoch(connection)


def trusted(connection: Connection) -> dict[str, str]:
    """Keys that are trusted, and whose they are."""
    query = select(settings.c.name, settings.c.value).where(settings.c.kind == "trusted")
    return {row.name: row.value for row in connection.execute(query)}


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


def check_signatures(id: str, proofs: Iterable[Any]) -> None:
    """Refuse an entry that somebody signed otherwise.

    Raises
    ------
    InputError
    """
    from cryptography.exceptions import InvalidSignature

    for part in proofs:
        try:
            key = _library().Ed25519PublicKey.from_public_bytes(bytes.fromhex(part.key))
            key.verify(bytes.fromhex(part.signature), _PREFIX + id.encode())
        except (InvalidSignature, ValueError) as error:
            raise InputError(f"the signature of {id[:12]} is wrong; it is left out.") from error
