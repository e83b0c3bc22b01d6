"""Runs of several kernels, tiers and versions as one table: how they differ, how they weigh."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError

from dimgs.common.arrays import Array
from dimgs.groups.scalings import Scalings
from dimgs.hub.acts import origin_of
from dimgs.hub.cards import is_complete
from dimgs.hub.entry import numeric_inputs, output_of, si_of
from dimgs.hub.hub import Hub
from dimgs.similitude.kriging import Nearby, learn, nugget, ratios
from dimgs.similitude.origin import describe
from dimgs.variables import parse_unit

Run = Mapping[str, Any]

# runs from which ratios are learned, a share of each origin; a second of work
_LEARNED = 150
# runs that an origin needs to be what others are compared with
_STANDS = 3


def recombined(hub: Hub, runs: Sequence[Run], target: str) -> dict[str, list[str]]:
    """Columns of a table of runs: what origins differ by, and how much each run counts.

    The ratio of each origin to the first is learned together with a power law of the groups and
    residuals that are alike where groups are (:mod:`dimgs.similitude.kriging`), so that the origins
    need not have run at the same points.

    Parameters
    ----------
    hub : Hub
    runs : sequence of dict
        As :meth:`Hub.query` gives them.
    target : str
        Output that is compared.

    Returns
    -------
    dict
        "bias" (the origin's value over that of the first, less one), "bias_err" (its standard
        error) and "weight" (inverse variance of the logarithm, one on average): texts, blank where
        origins cannot be compared. The first is the origin of the finest tier with three runs.
    """
    blank = {name: [""] * len(runs) for name in ("bias", "bias_err", "weight")}
    good = [i for i, run in enumerate(runs) if _comparable(run, runs[0], target)]
    names = [origin_of(run) for run in runs]
    first = _first(hub, [runs[i] for i in good])
    if len(good) < _STANDS or first is None:
        return blank
    others = sorted({names[i] for i in good} - {first})
    number = {name: k for k, name in enumerate([first, *others])}
    near = _nearby(hub, [runs[i] for i in good], target, [number[names[i]] for i in good], first)
    kept = np.sort(np.concatenate([
        rows[np.linspace(0, len(rows) - 1, min(len(rows), _LEARNED // len(number))).astype(int)]
        for rows in (np.flatnonzero(near.origins == k) for k in range(len(number)))
    ]))  # fmt: skip
    part = near.part(kept)
    part = part.part(part.distinct())
    hyper = learn(part)
    try:
        logs, errors = (np.r_[0.0, column] for column in ratios(part, hyper))
    except LinAlgError:
        return blank
    weights = 1.0 / nugget(near, hyper)
    weights /= weights.mean()
    for row, i in enumerate(good):
        k = near.origins[row]
        blank["bias"][i] = f"{np.expm1(logs[k]):.6g}"
        blank["bias_err"][i] = f"{np.exp(logs[k]) * errors[k]:.3g}"
        blank["weight"][i] = f"{weights[row]:.6g}"
    return blank


def _numbers(run: Run) -> dict[str, float]:
    return {n: si_of(q) for n, q in numeric_inputs(run).items()}


def _comparable(run: Run, other: Run, target: str) -> bool:
    """Whether a run has the target and inputs of another one, all of them above zero."""
    labels = [
        {n: q["value"] for n, q in r["inputs"].items() if isinstance(q["value"], str)}
        for r in (run, other)
    ]
    numbers = _numbers(run)
    same = labels[0] == labels[1] and set(numbers) == set(_numbers(other))
    value = run["outputs"].get(target, {}).get("value")
    positive = isinstance(value, float | int) and value > 0
    return bool(same and positive and min(numbers.values(), default=1.0) > 0)


def _first(hub: Hub, runs: Sequence[Run]) -> str | None:
    """The origin that others are compared with."""
    tiers = {run["kernel"]: describe(hub, run["kernel"], load=False).tiers for run in runs}
    rank: dict[str, int] = {}
    for run in runs:
        tier_order = tiers[run["kernel"]]
        rank[origin_of(run)] = tier_order.index(run["tier"]) if run["tier"] in tier_order else 0
    count = Counter(origin_of(run) for run in runs)
    order = sorted(rank, key=lambda name: (count[name] >= _STANDS, rank[name], count[name], name))
    return order[-1] if order else None


def _nearby(
    hub: Hub, runs: Sequence[Run], target: str, origins: Sequence[int], first: str
) -> Nearby:
    one = next(run for run in runs if origin_of(run) == first)
    units = {n: parse_unit(one["inputs"][n].get("unit", "1")) for n in _numbers(one)}
    description = describe(hub, one["kernel"], load=False)
    card = description.card
    whole = card is not None and is_complete(hub, card, one["program"])
    unit = parse_unit(one["outputs"][target].get("unit", "1"))
    scalings = Scalings(
        {n: u.dimension for n, u in units.items()}, tuple(description.constants), whole
    )
    powers = scalings.monomial(unit.dimension)
    if powers is None:
        scalings = Scalings(scalings.inputs, scalings.constants, False)
        powers = np.zeros(len(units))
    logs = np.log([[_numbers(run)[n] for n in units] for run in runs])
    changes: Array = logs - logs.mean(axis=0)
    values, errors = np.array([output_of(run, target) for run in runs]).T
    y = np.log(values) - changes @ powers
    return Nearby(scalings, changes, y - y.mean(), (errors / values) ** 2, np.array(origins))
