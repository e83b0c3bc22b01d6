"""The connection to a hub behind a server: its token, and what is refused."""

import os
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from dimgs.errors import InputError, StoreError
from dimgs.escape import visible
from dimgs.formats import read_text
from dimgs.hub.permissions import NotAllowedError
from dimgs.hub.reading import NotFoundError

TOKEN = "DIMGS_HUB_TOKEN"
TOKEN_FILE = "DIMGS_HUB_TOKEN_FILE"
# of a request, in seconds: a law of 100,000 runs takes the server about 20
_PATIENCE = 120.0


def refusal(address: str, answer: Any) -> Exception:
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


def client_of(url: str) -> Any:
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
