"""Plug-ins of installed packages, and how to install an absent package."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import metadata

from dimgs.common.errors import InputError


@cache
def entry_points(group: str) -> Mapping[str, str]:
    """Homes, as ``"module:attribute"``, of what is registered under a group; nothing is imported.

    No other package takes a name that this package registers itself.

    Examples
    --------
    >>> entry_points("dimgs.engines")["operon"]
    'dimgs.engines.registry:OPERON'
    """
    points = [(p.name, p.value) for p in metadata.entry_points(group=group)]
    builtin = [(name, home) for name, home in points if home.startswith("dimgs.")]
    return dict(sorted(points)) | dict(builtin)


@contextmanager
def needing(extra: str, what: str = "This needs") -> Iterator[None]:
    """Say how to install what an import inside misses: an extra of dimgs brings it.

    Examples
    --------
    >>> with needing("hub", "Passwords need"):
    ...     import no_such_package
    Traceback (most recent call last):
    dimgs.common.errors.InputError: Passwords need no_such_package; install it with: pip ...
    """
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"{what} {error.name}; install it with: pip install 'dimgs[{extra}]'."
        ) from error
