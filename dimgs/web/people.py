"""Authentication of requests: tokens, sessions, and limits on attempts to sign in."""

import hmac
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from time import monotonic

from starlette.requests import Request

from dimgs.common.errors import DimgsError
from dimgs.hub import Hub, accounts
from dimgs.hub.permissions import NotAllowedError
from dimgs.web.intake import TooManyError

COOKIE = "dimgs_session"
# half a day: a working day without signing in again
SESSION_DAYS = 0.5
# failed attempts: of a user from one address, of a user from anywhere, and from one address;
# a person mistypes a password a few times, and guessing needs thousands
_MOST = (5, 50, 20)
# seconds in which they are counted: 480 guesses a day find no password of ten letters
_WINDOW = 15 * 60.0
# keys that are remembered; beyond, the oldest are forgotten
_MOST_KEYS = 10_000
# a check of a password takes 64 MB and some 0.1 s
_AT_ONCE = 2
Form = dict[str, str]


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
        self._failed: dict[tuple[str, ...], deque[float]] = {}
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
            for key in keys:
                self._failed.setdefault(key, deque()).append(self._clock())
            while len(self._failed) > _MOST_KEYS:
                del self._failed[next(iter(self._failed))]
        with self._checks:
            good = accounts.check_password(self._hub.database, name, password)
        if not good:
            raise UnknownError("There is no user of this name and password; try again.")
        with self._lock:
            for key in keys:
                if self._failed.get(key):
                    self._failed[key].pop()
        return accounts.new_token(self._hub.database, name, SESSION_DAYS, "write")

    def _check(self, keys: tuple[tuple[str, ...], ...]) -> None:
        since = self._clock() - _WINDOW
        for key, most in zip(keys, _MOST, strict=True):
            times = self._failed.get(key, deque())
            while times and times[0] < since:
                times.popleft()
            if len(times) >= most:
                raise TooManyError("Too many attempts to sign in; wait a quarter of an hour.")

    def sign_out(self, who: Who) -> None:
        """End a session."""
        accounts.revoke(self._hub.database, who.session)


@dataclass(frozen=True)
class Visit:
    """A request of a person."""

    request: Request
    who: Who
    form: Form

    @property
    def hub(self) -> Hub:
        """The hub for the one who asks."""
        return self.who.hub

    def parameter(self, name: str) -> str | None:
        """A parameter of the address; None where it is blank."""
        return self.request.query_params.get(name, "").strip()[:1000] or None
