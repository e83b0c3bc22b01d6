"""Known limits: how a target grows where a group goes to zero or infinity, as reviewed knowledge.

A limit enters a near answer as points on a line from the question along which the group changes.
The limit gives the growth of the target between these points, and not its level. The points
therefore share an unknown level, as the runs of another kernel share an unknown ratio.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.law.limits import KnownLimit
from dimgs.similitude.kriging import Nearby

if TYPE_CHECKING:
    from dimgs.hub import Hub
    from dimgs.similitude.origin import Origin

# places of the points from where the limit begins to hold, as powers of ten of the group
_STEPS = np.log(10.0) * np.array([0.0, 0.5, 1.0, 2.0])
# powers of ten of a group that a limit reaches over
_REACH = 4.0 * np.log(10.0)


@dataclass(frozen=True)
class LimitPoints:
    """A limit of the hub, seen from a question.

    Attributes
    ----------
    id : str
    changes : ndarray of shape (n, n_inputs)
        Of the inputs from those of the question, at points where the limit holds.
    growth : ndarray of shape (n,)
        Of the target's logarithm along them.
    miss : float
        Relative error of the growth.
    """

    id: str
    changes: Array
    growth: Array
    miss: float


def accepted_limits(hub: "Hub") -> list[tuple[dict[str, Any], KnownLimit]]:
    """Accepted limits of a hub: their contents, and as known limits.

    Those that are stated in words alone are left out.
    """
    accepted = []
    for listed in hub.listed(kind="limit", state="accepted"):
        content = hub.get(listed["id"])["content"] or {}
        try:
            accepted.append((content, KnownLimit.of(content, listed["id"])))
        except InputError:
            continue
    return accepted


def limits_of(hub: "Hub", origin: "Origin") -> list[LimitPoints]:
    """Accepted limits of the target for the kernel of the question, or its physics identity."""
    limits = []
    physics = origin.description.content.get("physics")
    for content, limit in accepted_limits(hub):
        same = content.get("kernel") == origin.description.name
        same = same or (physics is not None and content.get("physics") == physics)
        if same and limit.target == origin.target:
            points = _seen_from(origin, limit)
            limits += [] if points is None else [points]
    return limits


def _seen_from(origin: "Origin", limit: KnownLimit) -> LimitPoints | None:
    """The limit along the line through the question; None where it constrains nothing there."""
    names, point = origin.table.names, origin.asked
    if not set(limit.group) <= set(names):
        return None
    e, along = (
        np.array([float(powers.get(n, 0)) for n in names]) for powers in (limit.group, limit.along)
    )
    if np.any(point[e != 0] <= 0):
        return None
    border = np.log(limit.beyond) - e[e != 0] @ np.log(point[e != 0])
    outward = 1.0 if limit.upward else -1.0
    steps = border + outward * _STEPS
    if -outward * border > 0:
        # the question itself lies where the limit holds
        steps = np.append(steps, 0.0)
    if abs(border) > _REACH:
        return None
    return LimitPoints(limit.source, np.outer(steps, along), limit.growth * steps, limit.miss)


def with_limits(near: Nearby, limits: Sequence[LimitPoints], powers: Array) -> Nearby:
    """The runs, and the points of limits after them, each limit with a level of its own."""
    for k, limit in enumerate(limits, 1):
        values = limit.growth - limit.changes @ powers
        # the level that the nearest run suggests; what it really is, is fitted
        apart = near.scalings.distance(near.changes[:, None] - limit.changes)
        run, point = np.unravel_index(np.argmin(apart), apart.shape)
        values = values - values[point] + near.values[run]
        near = Nearby(
            near.scalings,
            np.vstack([near.changes, limit.changes]),
            np.append(near.values, values),
            np.append(near.variances, np.full(len(values), limit.miss**2)),
            np.append(near.origins, np.full(len(values), -k)),
        )
    return near
