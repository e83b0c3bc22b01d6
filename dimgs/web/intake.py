"""Intake of requests: host names, limits of bodies, headers of answers, tokens and sessions."""

import asyncio
import hmac
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import IO, Any
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from dimgs.common.errors import DimgsError, InputError
from dimgs.hub import Hub, accounts
from dimgs.hub.permissions import NotAllowedError

# ---- Intake of requests: host names, limits of bodies, headers of answers.


_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_SAFE = ("GET", "HEAD", "OPTIONS")
Form = list[tuple[str, str]]
# bytes that are kept in memory of a request; most entries have less
_IN_MEMORY = 64 << 10
# of one address, requests whose rest has not come yet: a browser opens six connections to a host
UNFINISHED = 8
# seconds for all of a body: 64 MB over 10 Mbit/s take 54
_PATIENCE = 120.0


class Guard:
    """ASGI application around another one.

    Requests for another host are refused: a page elsewhere may have let its own name lead here
    (DNS rebinding). So are changes that a page of another origin asks for.

    Parameters
    ----------
    app
        What answers.
    names : iterable of str
        Names of hosts that the server goes by.
    inline_styles : bool
        Whether pages may carry styles of their own, as reports and their figures do.
    """

    def __init__(self, app: Any, names: Iterable[str], *, inline_styles: bool = False) -> None:
        self._app = app
        self._names = {name.lower() for name in names}
        self._headers = dict(_HEADERS)
        if inline_styles:
            policy = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
            self._headers["content-security-policy"] = policy

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or refuse before anything is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**self._headers, "cache-control": "no-store"}.items():
                    headers.setdefault(name, value)
            await send(message)

        why = self._refusal(scope["method"], Headers(scope=scope))
        if why is None:
            await self._app(scope, receive, sent)
            return
        status, sentence = why
        await JSONResponse({"error": sentence}, status)(scope, receive, sent)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if _name(host) not in self._names:
            return (
                421,
                "The server does not accept this host name; its operator can add it with --name.",
            )
        origin = headers.get("origin")
        if method not in _SAFE and origin is not None and urlsplit(origin).netloc != host:
            return 403, "Requests from pages of another origin are refused."
        return None


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


class TooLongError(InputError):
    """A request is longer than the server reads."""


class TooSlowError(InputError):
    """A request has not come within the time that the server waits."""


class TooManyError(InputError):
    """Too many attempts to sign in, or too many unfinished requests."""


class Intake:
    """Takes the bodies of requests.

    Each lies in a file without a name while it comes. A request that is known to be too long is
    refused before any of it is read.

    Attributes
    ----------
    unfinished : Counter
        Requests whose rest has not come yet, by address.
    """

    def __init__(self) -> None:
        self.unfinished: Counter[str] = Counter()

    @asynccontextmanager
    async def body(self, request: Request, most: int) -> AsyncIterator[IO[bytes]]:
        """The body of a request as a file.

        Parameters
        ----------
        request : Request
        most : int
            Bytes that it may have.

        Raises
        ------
        InputError
            If it is longer, does not come in time, is broken off, or the address sends too many
            at once.
        """
        address = request.client.host if request.client else ""
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            raise _too_long(most)
        if self.unfinished[address] >= UNFINISHED:
            raise TooManyError(
                f"{UNFINISHED} requests from your address are unfinished; finish one of them "
                f"before you send another."
            )
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            self.unfinished[address] += 1
            try:
                async with asyncio.timeout(_PATIENCE):
                    async for part in request.stream():
                        if file.tell() + len(part) > most:
                            raise _too_long(most)
                        file.write(part)
            except TimeoutError as error:
                raise TooSlowError(
                    f"The request did not arrive within {_PATIENCE:g} s; send it in smaller parts."
                ) from error
            except ClientDisconnect as error:
                raise InputError(
                    "The connection was closed before the whole request had arrived."
                ) from error
            finally:
                self.unfinished[address] -= 1
                if not self.unfinished[address]:
                    del self.unfinished[address]
            file.seek(0)
            yield file

    async def form(self, request: Request, most: int, most_fields: int) -> Form:
        """The form of a request; empty where it sends none.

        Parameters
        ----------
        request : Request
        most, most_fields : int
            Bytes and fields that it may have.

        Raises
        ------
        InputError
            As for :meth:`body`, or if it is not text or has more fields.
        """
        if request.method != "POST":
            return []
        async with self.body(request, most) as file:
            text = text_of(file)
        try:
            return parse_qsl(text, keep_blank_values=True, max_num_fields=most_fields)
        except ValueError as error:
            raise InputError("The form has too many fields.") from error


def _too_long(most: int) -> TooLongError:
    return TooLongError(f"The request is longer than {most >> 10} kB; send it in parts.")


def text_of(file: IO[bytes]) -> str:
    """Text of a body.

    Raises
    ------
    InputError
        If it is not text.
    """
    try:
        return file.read().decode()
    except UnicodeDecodeError as error:
        raise InputError("The request is not text in UTF-8.") from error


def number_in(text: str | None, why: str) -> float:
    """Number in a field of a form; what is none is refused with a sentence.

    Examples
    --------
    >>> number_in("30", "Give a number of days.")
    30.0
    >>> number_in(None, "Give a number of days.")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: Give a number of days.
    """
    try:
        return float(text or "")
    except ValueError as error:
        raise InputError(why) from error


# ---- Authentication of requests: tokens, sessions, and limits on attempts to sign in.


COOKIE = "dimgs_session"
# half a day: a working day without signing in again
SESSION_DAYS = 0.5
# failed attempts: of a user from one address, of a user from anywhere, and from one address;
# a person mistypes a password a few times, and guessing needs thousands
_MOST = (5, 50, 20)
# seconds in which they are counted: 480 guesses a day find no password of ten letters
_WINDOW = 15 * 60.0
# a check of a password takes 64 MB and some 0.1 s
_AT_ONCE = 2


class UnknownError(NotAllowedError):
    """An invalid token or session."""


@dataclass(frozen=True)
class Who:
    """The sender of a request.

    Attributes
    ----------
    hub : Hub
        As they may use it.
    known : bool
        Whether it is somebody.
    writes : bool
        Whether their token may write.
    session : str
        Token of the session of a person; else empty.
    """

    hub: Hub
    known: bool = False
    writes: bool = True
    session: str = ""

    @property
    def csrf(self) -> str:
        """Token against cross-site requests that each form of this session must send."""
        return hmac.new(self.session.encode(), b"form", "sha256").hexdigest()

    @contextmanager
    def asked_to(self, remedy: str) -> Iterator[None]:
        """Ask those who are not known who they are, where they may not do what they ask for."""
        try:
            yield
        except NotAllowedError as error:
            if self.known or isinstance(error, UnknownError):
                raise
            raise UnknownError(f"{error} {remedy}") from error


class People:
    """Users of a hub, identified by the requests to the server."""

    def __init__(self, hub: Hub, clock: Callable[[], float] = monotonic) -> None:
        self._hub = hub
        self._clock = clock
        # the time of each attempt that has not succeeded, for each key that counts it
        self._failed: list[tuple[float, tuple[str, ...]]] = []
        self._lock = Lock()
        self._checks = BoundedSemaphore(_AT_ONCE)

    def of_program(self, headers: Mapping[str, str]) -> Who:
        """Sender of a REST request.

        Raises
        ------
        UnknownError
            If its token stands for nobody.
        """
        header = headers.get("authorization")
        if header is None:
            return Who(self._hub.for_anybody())
        scheme, _, token = header.partition(" ")
        who = self._of_token(token.strip()) if scheme.lower() == "bearer" else None
        if who is None:
            raise UnknownError("The token is invalid, expired or revoked; ask for another.")
        return who

    def of_person(self, cookies: Mapping[str, str]) -> Who:
        """Visitor of a page."""
        session = cookies.get(COOKIE, "")
        who = self._of_token(session) if session else None
        if who is None:
            return Who(self._hub.for_anybody())
        return Who(who.hub, True, who.writes, session)

    def _of_token(self, token: str) -> Who | None:
        bearer = accounts.bearer(self._hub.database, token)
        # the user may have been removed meanwhile
        with suppress(DimgsError):
            if bearer is not None:
                return Who(self._hub.for_user(bearer.user), True, bearer.scope == "write")
        return None

    def sign_in(self, name: str, password: str, address: str) -> str:
        """Token of a new session.

        Raises
        ------
        TooManyError
            After too many failed attempts.
        UnknownError
            If it is not the password of the user.
        """
        keys = ((name, address), (name,), ("", address, ""))
        with self._lock:
            self._check(keys)
            # counted before it is checked, so that attempts side by side are counted too
            attempt = [(self._clock(), key) for key in keys]
            self._failed += attempt
        with self._checks:
            good = accounts.check_password(self._hub.database, name, password)
        if not good:
            raise UnknownError("There is no user of this name and password; try again.")
        with self._lock:
            for counted in attempt:
                self._failed.remove(counted)
        return accounts.new_token(self._hub.database, name, SESSION_DAYS, "write")

    def _check(self, keys: tuple[tuple[str, ...], ...]) -> None:
        since = self._clock() - _WINDOW
        self._failed = [attempt for attempt in self._failed if attempt[0] >= since]
        counts = Counter(key for _, key in self._failed)
        if any(counts[key] >= most for key, most in zip(keys, _MOST, strict=True)):
            raise TooManyError("Too many attempts to sign in; wait a quarter of an hour.")

    def sign_out(self, who: Who) -> None:
        """End a session."""
        accounts.revoke(self._hub.database, who.session)


@dataclass(frozen=True)
class Visit:
    """A request of a person."""

    request: Request
    who: Who
    form: dict[str, str]

    @property
    def hub(self) -> Hub:
        """The hub for the one who asks."""
        return self.who.hub

    def parameter(self, name: str) -> str | None:
        """A parameter of the address; None where it is blank."""
        return self.request.query_params.get(name, "").strip()[:1000] or None
