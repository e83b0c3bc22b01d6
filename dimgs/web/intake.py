"""Intake of requests: host names, limits of bodies, headers of answers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from dimgs.common.errors import InputError

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
