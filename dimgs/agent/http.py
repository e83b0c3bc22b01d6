"""The MCP server over HTTP: authentication by tokens of the hub, and allowed host names."""

from collections.abc import Callable
from typing import Any

import anyio
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from dimgs.agent.context import ToolContext
from dimgs.agent.server import make_server
from dimgs.common.errors import DimgsError, InputError
from dimgs.hub import Hub, accounts
from dimgs.hub.hub import is_remote
from dimgs.hub.permissions import NotAllowedError

PATH = "/mcp"
# of a request: pasted tables are small, larger ones lie in the workspace
_MOST_BYTES = 8 << 20


class HubTokens:
    """Tokens of a hub, for the SDK's server.

    Parameters
    ----------
    hub : Hub
        In a database.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def verify_token(self, token: str) -> AccessToken | None:
        """The user of a token; None for an invalid one."""
        bearer = await anyio.to_thread.run_sync(accounts.bearer, self._hub.database, token)
        if bearer is None:
            return None
        return AccessToken(token=token, client_id=bearer.user, scopes=[bearer.scope])


def caller_of(hub: Hub) -> Callable[[], Hub]:
    """Hub for the user of the token of this request, with the rights of a program."""
    if is_remote(hub.address):
        raise InputError(
            "Over HTTP the hub has to be in a database here; name a file or postgresql://."
        )

    def caller() -> Hub:
        token = get_access_token()
        if token is None:
            raise NotAllowedError("The request has no token of the hub; send one.")
        try:
            role = hub.for_user(token.client_id).role
        except DimgsError as error:
            raise NotAllowedError("The user of this token no longer exists.") from error
        # a person's token lends a model no right that only people have
        return hub.for_agent(token.client_id, writes="write" in token.scopes and role != "reader")

    return caller


def http_app(context: ToolContext, hub: Hub, address: str) -> Any:
    """ASGI application of the server.

    Parameters
    ----------
    context : ToolContext
        With :func:`caller_of` as its caller.
    hub : Hub
    address : str
        Where it is served, such as ``http://127.0.0.1:8123``.
    """
    url = AnyHttpUrl(address)
    auth = AuthSettings(issuer_url=url, resource_server_url=None, validate_token_resource=False)
    server = make_server(context, token_verifier=HubTokens(hub), auth=auth)
    hosts = [f"{name}:{url.port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=hosts,
        allowed_origins=[f"http://{host}" for host in hosts],
    )
    return server.streamable_http_app(
        streamable_http_path=PATH,
        transport_security=security,
        max_request_body_size=_MOST_BYTES,
        host="127.0.0.1",
    )
