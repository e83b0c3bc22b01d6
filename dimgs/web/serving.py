"""A process that serves a hub: one socket, one event loop, work in threads."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dimgs.common.errors import InputError
from dimgs.common.escape import visible
from dimgs.common.plugins import needing

if TYPE_CHECKING:
    from pathlib import Path

    from uvicorn import Server

    from dimgs.hub import Hub
    from dimgs.web.studio import Studio

_NEEDED = ("uvicorn", "starlette", "python_multipart", "markdown_it", "nh3")

# of requests that are answered or wait, 200; more are turned away with 503
_PAGES: dict[str, Any] = {"limit_concurrency": 200, "lifespan": "off"}
# of seconds: a kept connection without a request, and what is being answered at the end
_IDLE, _LAST = 30, 5


def listening(host: str, port: int) -> tuple[socket.socket, str]:
    """A socket that listens, and its address.

    Raises
    ------
    InputError
        If it cannot: the port is taken, or the host is not this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise InputError(
            f"'{visible(host)}:{port}' cannot be listened at ({error.strerror}); choose another "
            f"--port or --host."
        ) from error
    name, number = listener.getsockname()[:2]
    return listener, f"http://{f'[{name}]' if ':' in name else name}:{number}"


def serving(hub: "Hub", address: str, names: Iterable[str], closed: bool) -> "Server":
    """A server whose ``run(sockets=[…])`` answers requests until it is asked to stop.

    Parameters
    ----------
    hub : Hub
        In a database.
    address : str
        Which stands for the hub in messages, instead of its file.
    names : iterable of str
        Hosts that the server goes by.
    closed : bool

    Raises
    ------
    InputError
        If what it needs is not installed.
    """
    _require_server()
    from dimgs.web.app import make_app

    # those who ask have no use for the path of the file
    hub.database.address = address
    return server_of(make_app(hub, names, closed=closed), **_PAGES)


@contextmanager
def serving_studio(folder: "Path", port: int, hub: str) -> "Iterator[tuple[Server, Studio]]":
    """A server of the workbench, and the workbench; in the end its searches are ended.

    Parameters
    ----------
    folder : Path
        For the tables that are dropped.
    port : int
    hub : str
        Where laws are kept, unless another hub is named.

    Raises
    ------
    InputError
        If what it needs is not installed.
    """
    _require_server()
    from dimgs.web.studio import Studio, Workbench

    with closing(Workbench(folder, hub)) as workbench:
        studio = Studio(workbench, port)
        yield server_of(studio.application, **_PAGES), studio


def _require_server() -> None:
    with needing("hub", "A server needs"):
        for name in _NEEDED:
            import_module(name)


def server_of(app: Any, **settings: Any) -> "Server":
    """A server whose ``run(sockets=[…])`` answers requests until it is asked to stop.

    Parameters
    ----------
    app : ASGI application
    **settings
        Further settings of uvicorn.
    """
    import uvicorn

    settings |= {"log_level": "warning", "access_log": False, "server_header": False}
    settings |= {"timeout_keep_alive": _IDLE, "timeout_graceful_shutdown": _LAST}
    return uvicorn.Server(uvicorn.Config(app, **settings))
