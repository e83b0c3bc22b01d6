"""Runs whose groups are nearest to those of some inputs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dimgs.errors import InputError
from dimgs.escape import visible
from dimgs.groups.scalings import Scalings
from dimgs.hub.cards import constants_of, trusted_cards
from dimgs.variables import LABEL, parse_unit

if TYPE_CHECKING:
    from dimgs.hub.hub import Hub


def similar(
    hub: "Hub", at: Mapping[str, Any], kernel: str, n: int = 10, tier: str | None = None
) -> list[dict[str, Any]]:
    """Runs of a kernel, the nearest in their groups first.

    Constants that the card declares take part as what they are: equal in all runs. Inputs that are
    not above zero have to be of the same sign, and labels equal.

    Parameters
    ----------
    hub : Hub
    at : mapping of str to (value, unit), or text for a label
        All inputs.
    kernel : str
    n : int
        Most runs.
    tier : str, optional

    Returns
    -------
    list of dict
        As :meth:`Hub.query` gives runs, with "distance" in decades: the least change of inputs
        that makes the change of groups.

    Raises
    ------
    InputError
        If an input cannot be read, or no run of the kernel has these inputs.
    """
    labels = {name: value for name, value in at.items() if isinstance(value, str)}
    numbers = {name: value for name, value in at.items() if name not in labels}
    units = {name: parse_unit(unit) for name, (_, unit) in numbers.items()}
    if any(unit == LABEL for unit in units.values()):
        raise InputError("A label is given as a text, such as 'resin', and not with a unit.")
    tables = hub.run_tables(kernel, {n: u.dimension for n, u in units.items()}, labels)
    if not tables:
        names = ", ".join(at) or "none"
        raise InputError(
            f"No run of '{visible(kernel)}' has just the inputs {visible(names[:300])} and these "
            f"labels; see dimgs hub query --kernel {visible(kernel)}."
        )
    card = trusted_cards(hub, kernel).get(kernel)
    constants = () if card is None else constants_of(card["content"])
    inputs = {name: unit.dimension for name, unit in units.items()}
    asked = np.array([unit.to_si(float(numbers[name][0])) for name, unit in units.items()])
    scalings, found = Scalings(inputs, tuple(constants)), []
    for name, table in tables.items():
        if tier in (None, name):
            places = np.flatnonzero(np.all(np.sign(table.values) == np.sign(asked), axis=1))
            with np.errstate(divide="ignore", invalid="ignore"):
                changes = np.log(np.abs(table.values[places] / asked))
            away = scalings.distance(np.nan_to_num(changes))
            nearest = np.argsort(away, kind="stable")[:n]
            distance = dict(zip(places[nearest].tolist(), away[nearest].tolist(), strict=True))
            runs = table.fetch(places[nearest].tolist())
            found += [{**run, "distance": distance[run.pop("place")]} for run in runs]
    return sorted(found, key=lambda run: run["distance"])[:n]
