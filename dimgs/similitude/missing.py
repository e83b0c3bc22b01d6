"""What is missing where there is no answer: the group, the input, the range."""

from collections.abc import Mapping

import numpy as np

from dimgs.advice import Act, Step
from dimgs.arrays import Array
from dimgs.groups.derive import pi_basis
from dimgs.groups.group import PiGroup
from dimgs.similitude.origin import Origin
from dimgs.variables import parse_unit, si_unit

# relative: an end of a range is where a run is
_EDGE = 1e-9
# decades: nearer runs are told as near
_NEAR = 0.005
# runs whose states are looked at
_MOST = 2000


def beyond(origin: Origin) -> list[str]:
    """In which groups or inputs the point lies beyond the runs, and how to get further.

    Parameters
    ----------
    origin : Origin

    Returns
    -------
    list of str
    """
    runs = origin.nearest(_MOST)
    if not runs:
        none = f"no run of {origin.name} with these signs and labels is by the program as it is now"
        return [f"{none} and not doubted"]
    changes = origin.changes([run["place"] for run in runs])
    units = {p.name: si_unit(p.parsed.dimension) for p in origin.known.inputs}
    told: list[str] = []
    for group, apart, here in _groups(origin, changes):
        low, high = float(apart.min()), float(apart.max())
        if low <= _EDGE and high >= -_EDGE:
            continue
        side, end, far = ("above", high, -high) if high < 0 else ("below", low, low)
        edge = here * np.exp(end)
        (single, *more), _ = zip(*group.exponents, strict=True)
        unit = "" if more or units[single] in ("", "1") else f" {units[single]}"
        told.append(
            f"nothing with {_named(group)} {side} {edge:.3g}{unit}; {here:.3g} is asked, and the "
            f"nearest is {max(far / np.log(10.0), _NEAR):.2g} decades away"
        )
    if not told:
        nearest = float(origin.scalings.distance(changes).min())
        told.append(
            f"the nearest run is {nearest:.2g} decades away, within the ranges of the others"
        )
    if not origin.complete:
        told.append(
            f"the card of {origin.known.name} is not complete, so that runs of other sizes do not "
            f"count as equal; check it with: {Act(Step.CHECK_CARD, origin.known.name)}"
        )
    return told


def _groups(origin: Origin, changes: Array) -> list[tuple[PiGroup, Array, float]]:
    """Groups, their logarithms at the runs from those asked, and the values asked.

    Inputs themselves where it is not known that groups decide.
    """
    logged = [j for j, n in enumerate(origin.table.names) if not (origin.plain | origin.inverse)[j]]
    names = [origin.table.names[j] for j in logged if origin.asked[j] != 0]
    if not names:
        return []
    place = {n: j for j, n in enumerate(origin.table.names)}
    values = {n: abs(float(origin.asked[j])) for n, j in place.items() if n in names}
    groups = tuple(PiGroup.of(n, {n: 1}) for n in names)
    constants = _constants(origin)
    if origin.complete and constants is not None:
        units = {p.name: p.unit for p in origin.known.inputs if p.name in names}
        scales = [f"{n} [{unit}]" for n, (_, unit) in constants.items()]
        given = [f"{n} [{u}]" for n, u in units.items()]
        groups = pi_basis(given, scales=scales, prefer_named=True).groups
        values |= {n: value for n, (value, _) in constants.items()}
    told = []
    for group in groups:
        moving = [(place[n], float(e)) for n, e in group.exponents if n in place]
        if moving:
            apart = np.sum([e * changes[:, j] for j, e in moving], axis=0)
            told.append((group, apart, float(np.exp(group.log(values)[0]))))
    return told


def _constants(origin: Origin) -> dict[str, tuple[float, str]] | None:
    """Constants of the card by name, in SI units; None where one has no name or value."""
    told = origin.known.content.get("constants", {})
    found: dict[str, tuple[float, str]] = {}
    for name, quantity in told.items() if isinstance(told, Mapping) else enumerate(told):
        value = quantity.get("value") if isinstance(quantity, Mapping) else None
        if not isinstance(name, str) or not isinstance(value, float | int) or not value > 0:
            return None
        unit = str(quantity.get("unit", "1"))
        found[name] = (float(parse_unit(unit).to_si(float(value))), unit)
    return found


def _named(group: PiGroup) -> str:
    return f"{group} ({group.known_as})" if group.known_as else str(group)
