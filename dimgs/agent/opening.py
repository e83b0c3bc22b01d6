"""A bench opened as the commands name it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dimgs.agent.bench import Bench
from dimgs.errors import InputError
from dimgs.hub import Hub


@contextmanager
def requires(package: str) -> Iterator[None]:
    """Say how to get what an import misses."""
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"This needs {error.name or package}; install it with: pip install 'dimgs[agent]'."
        ) from error


@contextmanager
def opened_bench(
    hub: str | None,
    policy: str | os.PathLike[str] | None,
    workspace: str | os.PathLike[str] | None,
    *,
    per_caller: bool = False,
) -> Iterator[Bench]:
    """A bench on a hub as a program may use it.

    Parameters
    ----------
    hub : str or None
        Its address; made where it is a file that is not there.
    policy, workspace : path or None
    per_caller : bool
        Whether each call is of whoever the token stands for, as over HTTP.
    """
    with ExitStack() as stack:
        known = None if hub is None else stack.enter_context(Hub(hub))
        caller = None
        if per_caller:
            from dimgs.agent.http import caller_of

            if known is None:
                raise InputError("Over HTTP the tokens of a hub decide who comes in; give --hub.")
            caller = caller_of(known)
        own = None if known is None else known if per_caller else known.for_agent()
        bench = Bench(own, policy, workspace, caller, hub)
        stack.callback(bench.close)
        yield bench
