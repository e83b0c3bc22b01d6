"""What every request passes first: the names that the server goes by, and headers of answers."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

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
                told = {name for name, _ in message["headers"]}
                added = self._headers | {"cache-control": "no-store"}
                message["headers"] = [
                    *message["headers"],
                    *((n.encode(), v.encode()) for n, v in added.items() if n.encode() not in told),
                ]
            await send(message)

        headers = {
            name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        why = self._refusal(scope["method"], headers)
        if why is None:
            await self._app(scope, receive, sent)
            return
        status, sentence = why
        await JSONResponse({"error": sentence}, status)(scope, receive, sent)

    def _refusal(self, method: str, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if _name(host) not in self._names:
            return 421, "This server does not go by that name; the one who runs it may let it."
        origin = headers.get("origin")
        if method not in _SAFE and origin is not None and urlsplit(origin).netloc != host:
            return 403, "A page of another origin may change nothing here."
        return None


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
