"""A hub behind a server: the methods of a Hub, each a request to the server's REST."""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dimgs.errors import InputError, StoreError
from dimgs.escape import visible
from dimgs.formats import read_text
from dimgs.hub.entry import canonical
from dimgs.hub.hub import Hub
from dimgs.hub.permissions import NotAllowedError
from dimgs.hub.reading import NotFoundError
from dimgs.hub.runs import run_content
from dimgs.hub.writing import batches
from dimgs.kernels.record import RunRecord

if TYPE_CHECKING:
    from dimgs.hub.bundle import Line, Merged
    from dimgs.hub.numbers import RunTable
    from dimgs.variables import Dimension

# of letters: a server takes requests of 64 MB
_PART = 8 << 20


TOKEN = "DIMGS_HUB_TOKEN"
TOKEN_FILE = "DIMGS_HUB_TOKEN_FILE"
# of a request, in seconds: a law of 100,000 runs takes the server about 20
_PATIENCE = 120.0


class RemoteHub(Hub):
    """A hub behind a server, for whom the token stands that DIMGS_HUB_TOKEN holds.

    The token may stand in a file instead, which DIMGS_HUB_TOKEN_FILE names. Without one, what is
    open can be read.

    Parameters
    ----------
    url : str
        Such as ``https://hub.example.org``.
    user : str, optional
        Who the token has to be of.
    make : bool
        Not used: a server has a hub.
    client : httpx2.Client, optional
        What sends the requests.

    Raises
    ------
    StoreError
        If there is no server that answers.
    InputError
        If the token is of somebody else, or would travel where others can read it.
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        user: str | None = None,
        *,
        make: bool = True,
        client: Any = None,
    ) -> None:
        self._url = os.fspath(url).rstrip("/")
        self._client = client or _client_of(self._url)
        who = self._call("GET", "me")
        self.user, self.role = who["user"], who["role"]
        if user is not None and user != self.user:
            self.close()
            raise InputError(
                f"'{self.address}' knows you as {visible(self.user)}, not as {visible(user)}; "
                f"give the token of {visible(user)} in {TOKEN}."
            )

    @property
    def address(self) -> str:
        """Where the server is, without a password."""
        parts = urlsplit(self._url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def upgraded(self) -> str:
        """Nothing: the server upgrades its own file."""
        return ""

    def __getattr__(self, name: str) -> Any:
        if name == "database":
            raise InputError(
                f"'{self.address}' keeps its database to itself; do that on the machine of the "
                f"server, by its file or postgresql:// address."
            )
        raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")

    def _send(self, method: str, path: str, query: Any, **body: Any) -> Any:
        import httpx2

        given = {k: v for k, v in (query or {}).items() if v is not None}
        try:
            answer = self._client.request(
                method, f"{self._url}/api/v1/{path}", params=given, **body
            )
        except httpx2.HTTPError as error:
            raise StoreError(
                f"'{self.address}' does not answer ({visible(str(error))[:200]}); check the "
                f"address, and whether dimgs hub serve runs there."
            ) from error
        if answer.is_success:
            return answer
        raise _refusal(self.address, answer)

    def _call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        sent = {} if body is None else {"json": body}
        try:
            return self._send(method, path, query, **sent).json()
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise StoreError(f"'{self.address}' is no hub of dimgs; check the address.") from error

    def add(self, document: Mapping[str, Any]) -> str:
        """Add an entry; see :meth:`Hub.add`."""
        return str(self._call("POST", "entries", dict(document))["id"])

    def add_linked(self, document: Mapping[str, Any], links: Sequence[tuple[str, str]]) -> str:
        """Add an entry with links to entries that are there."""
        return self.add(_linked(document, links))

    def once(self, document: Mapping[str, Any], links: Sequence[tuple[str, str]] = ()) -> str:
        """Id of the open entry of this content and these links, added where there is none."""
        made = self._call("POST", "entries", _linked(document, links), once="true")
        return str(made["id"])

    def add_runs(
        self,
        records: Iterable[RunRecord],
        links: Sequence[tuple[str, str]] = (),
        times: Sequence[str] | None = None,
    ) -> list[str]:
        """Add runs; the server says when."""
        ids: list[str] = []
        for batch in batches(records):
            body = {"runs": [run_content(r) for r in batch], **_linked({}, links)}
            ids += self._call("POST", "runs", body)["ids"]
        return ids

    def review(self, id: str, verdict: str, text: str = "", **ratings: int | None) -> str:
        """Review an entry of somebody else."""
        rated = {k: v for k, v in ratings.items() if v is not None}
        return self._about(id, "reviews", {"verdict": verdict, "text": text, **rated})

    def annotate(self, id: str, type: str, text: str) -> str:
        """Add a remark on an entry."""
        return self._about(id, "annotations", {"type": type, "text": text})

    def dispute(self, id: str, text: str) -> str:
        """Doubt an entry."""
        return self._about(id, "disputes", {"text": text})

    def fork(self, id: str, document: Mapping[str, Any] | None = None) -> str:
        """Copy an entry, with changes, as one's own."""
        return self._about(id, "forks", dict(document or {}))

    def settle(
        self,
        id: str,
        document: Mapping[str, Any],
        links: Sequence[tuple[str, str]],
        *,
        confirmed: bool,
    ) -> str:
        """Add what was made again without what had been rejected."""
        body = {"document": _linked(document, links), "confirmed": confirmed}
        return self._about(id, "settlements", body)

    def approve(self, id: str, text: str = "") -> str:
        """Let an imported protocol, card or job run there."""
        return self._about(id, "approvals", {"text": text})

    def redact(self, id: str, text: str) -> str:
        """Remove the content of an entry."""
        return self._about(id, "redactions", {"text": text})

    def _about(self, id: str, act: str, body: dict[str, Any]) -> str:
        return str(self._call("POST", f"entries/{_part(id)}/{act}", body)["id"])

    def get(self, id: str) -> dict[str, Any]:
        """An entry with its state, links and reviews."""
        return dict(self._call("GET", f"entries/{_part(id)}"))

    def several(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Entries that may be read, by their whole ids."""
        found = {}
        for id in ids:
            with suppress(NotFoundError):
                found[id] = self.get(id)
        return found

    def difference(self, id: str) -> list[dict[str, Any]]:
        """What a fork has otherwise than its parent."""
        return list(self._call("GET", f"entries/{_part(id)}/difference")["difference"])

    def evidence(self, id: str) -> dict[str, Any]:
        """What an entry rests on and what rests on it."""
        return dict(self._call("GET", f"entries/{_part(id)}/evidence"))

    def history(self, id: str) -> list[str]:
        """Ids of everything that an entry rests on."""
        return list(self._call("GET", f"entries/{_part(id)}/history")["ids"])

    def listed(self, kind: str | None = None, **filters: Any) -> list[dict[str, Any]]:
        """Entries with their states; takes what :meth:`Hub.listed` takes."""
        asked = {k: v for k, v in filters.items() if v is not False}
        return list(self._call("GET", "entries", kind=kind, **asked)["entries"])

    def query(
        self,
        kernel: str | None = None,
        physics: str | None = None,
        where: Sequence[str] = (),
        group: Sequence[str] = (),
        limit: int | None = 100,
        **filters: Any,
    ) -> dict[str, Any]:
        """Runs, by ranges of inputs or groups in any unit."""
        asked = {"kernel": kernel, "physics": physics, "where": where, "group": group}
        limit = _EVERY if limit is None else limit
        given = {k: v for k, v in filters.items() if v not in (None, False)}
        return dict(self._call("GET", "runs", **asked, limit=limit, **given))

    def run_tables(
        self, kernel: str, inputs: "Mapping[str, Dimension]", labels: Mapping[str, str]
    ) -> "dict[str, RunTable]":
        """Inputs of all runs of a kernel, by tier."""
        from dimgs.hub.numbers import tables_of_runs

        where = [f"{name}={label}" for name, label in labels.items()]
        return tables_of_runs(self.query(kernel, where=where, limit=None)["runs"], inputs, labels)

    def asked(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """What the server answers to a question about a point, as :func:`dimgs.ask.ask` does."""
        return dict(self._call("POST", "asks", dict(question)))

    def kernels(self) -> list[str]:
        """Names of the kernels that have runs."""
        return list(self._call("GET", "kernels")["kernels"])

    def digest(self) -> dict[str, Any]:
        """A hash of all entries, and their number."""
        return dict(self._call("GET", "digest"))

    def files(self, everything: bool = False) -> list[str]:
        """Hashes of the files that are there."""
        return list(self._call("GET", "files", everything=everything or None)["files"])

    def wanted_files(self) -> list[str]:
        """Hashes of the files that entries name and that are not there."""
        return list(self._call("GET", "files")["wanted"])

    def file(self, digest: str) -> bytes:
        """What a file holds that an entry names."""
        return b64decode(self._call("GET", f"files/{_part(digest)}")["data"])

    def put_file(self, data: bytes) -> str:
        """Keep a file that an entry names."""
        body = {"data": b64encode(data).decode()}
        return str(self._call("POST", "files", body)["sha256"])

    def ids(self, everything: bool = False, kind: str | None = None) -> list[str]:
        """Ids of the open entries, or of all for an admin."""
        return list(self._call("GET", "ids", everything=everything or None, kind=kind)["ids"])

    def documents(self, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Entries with their signatures."""
        for batch in batches(ids):
            text = self._send("POST", "documents", None, json={"ids": batch}).text
            yield from (json.loads(line) for line in text.splitlines())

    def take(self, lines: "Iterable[Line]", origin: str, *, vouched: bool = False) -> "Merged":
        """Give lines of a bundle to the server, part by part."""
        from dimgs.hub.bundle import Merged

        if vouched:
            raise InputError(
                "A bundle is vouched for on the machine of the server, with --hub and its file or "
                "postgresql:// address; or let the server trust its key: dimgs hub trust KEY."
            )
        done = Merged()
        part: list[str] = []

        def send() -> None:
            body = "\n".join(part).encode()
            part.clear()
            told = self._send("POST", "bundle", None, content=body).json()
            done.added, done.present = done.added + told["added"], done.present + told["present"]
            done.refused += told["refused"]
            done.keys |= set(told["keys"])

        size = 0
        for _, line in lines:
            if isinstance(line, InputError):
                done.refused.append(str(line))
                continue
            text = canonical(line)
            if part and size + len(text) > _PART:
                send()
                size = 0
            part.append(text)
            size += len(text)
        if part:
            send()
        return done

    def users(self) -> list[dict[str, Any]]:
        """Users with their roles."""
        return list(self._call("GET", "users")["users"])

    def set_user(self, name: str, role: str, password: str | None = None) -> None:
        """Register a user, or give one another role or password."""
        told = {"role": role} if password is None else {"role": role, "password": password}
        self._call("PUT", f"users/{_part(name)}", told)

    def new_token(self, name: str, days: float = 30.0, scope: str = "read") -> str:
        """Token of a user, shown only now."""
        body = {"days": days, "scope": scope}
        return str(self._call("POST", f"users/{_part(name)}/tokens", body)["token"])

    def revoke(self, token: str) -> None:
        """Revoke a token, by the part before the dot."""
        self._call("DELETE", f"tokens/{_part(token.partition('.')[0])}")

    def key(self) -> str:
        """Public key of the server's hub."""
        return str(self._call("GET", "key")["key"])

    def trusted(self) -> dict[str, str]:
        """Keys of hubs whose reviews count there."""
        return dict(self._call("GET", "key")["trusted"])

    def trust(self, key: str, name: str = "") -> None:
        """Let the reviews that another hub signed count there."""
        self._call("PUT", f"trusted/{_part(key)}", {"name": name})

    def distrust(self, key: str) -> None:
        """Let them count no more."""
        self._call("DELETE", f"trusted/{_part(key)}")

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


# more runs than a hub holds
_EVERY = 2**31 - 1


def _linked(document: Mapping[str, Any], links: Sequence[tuple[str, str]]) -> dict[str, Any]:
    told = [*(document.get("links") or []), *({"type": t, "to": to} for t, to in links)]
    return {**document, "links": told} if told else dict(document)


def _part(text: str) -> str:
    """A text as one part of a path."""
    from urllib.parse import quote

    return quote(text.strip(), safe="") or "-"


def _refusal(address: str, answer: Any) -> Exception:
    """Error of what a server refused, in its own sentence."""
    try:
        told = visible(str(answer.json()["error"]))
    except (ValueError, KeyError, TypeError):
        return StoreError(
            f"'{address}' answers with {answer.status_code} and is no hub of dimgs, or ails; check "
            f"the address."
        )
    if answer.status_code >= 500:
        return StoreError(told)
    kinds = {401: NotAllowedError, 403: NotAllowedError, 404: NotFoundError}
    return kinds.get(answer.status_code, InputError)(told)


def _client_of(url: str) -> Any:
    """What sends the requests to a server, with the token that the environment names."""
    try:
        import httpx2
    except ImportError as error:
        raise InputError(
            "A hub behind a server needs httpx2; install it with: pip install 'dimgs[hub]'."
        ) from error
    token = os.environ.get(TOKEN, "").strip()
    if not token and os.environ.get(TOKEN_FILE):
        token = read_text(os.environ[TOKEN_FILE], "token").strip()
    parts = urlsplit(url)
    # certificates take a tenth of a second to load, and serve nothing without TLS
    secure = parts.scheme == "https"
    here = _is_here(parts.hostname or "")
    headers = {}
    if token:
        if not token.isascii() or not token.isprintable():
            raise InputError("The token is none; it has the form id.secret.")
        if not (secure or here):
            raise InputError(
                f"The token would travel to '{visible(parts.hostname or '')}' for everybody to "
                f"read; use its https:// address."
            )
        headers["Authorization"] = f"Bearer {token}"
    # redirects, which would take the token elsewhere, are not followed
    return httpx2.Client(headers=headers, timeout=_PATIENCE, trust_env=not here, verify=secure)


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
