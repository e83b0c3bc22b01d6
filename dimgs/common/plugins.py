"""What installed packages bring: objects that they name as entry points of a group."""

from collections.abc import Mapping
from functools import cache
from importlib import metadata


@cache
def entry_points(group: str) -> Mapping[str, str]:
    """Homes, as ``"module:attribute"``, of what is registered under a group; nothing is imported.

    No other package takes a name that this package registers itself.

    Examples
    --------
    >>> entry_points("dimgs.engines")["operon"]
    'dimgs.engines.availability:OPERON'
    """
    points = [(p.name, p.value) for p in metadata.entry_points(group=group)]
    own = [(name, home) for name, home in points if home.startswith("dimgs.")]
    return dict(sorted(points)) | dict(own)
