"""The run itself, and runs with equal groups: their values, scaled by the units' monomial."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dimgs.common.arrays import Array
from dimgs.fits.covariance import t_quantile
from dimgs.similitude.origin import Origin

# replicates that are averaged; more give the same mean
_MOST = 100
# relative: values of one program that differ by less were rounded, not drawn
_ROUNDED = 1e-9
# a normal error: the degrees of freedom that a quantile of t takes for endless
_ENDLESS = 1e9


def evidence_of(
    kind: str, id: str, distance: float | None = None, weight: float | None = None
) -> dict[str, Any]:
    """An entry that an answer rests on, how many decades away, and how much it counts."""
    return {"kind": kind, "id": id, "distance": distance, "weight": weight}


@dataclass(frozen=True)
class Offer:
    """A value that evidence supports.

    Attributes
    ----------
    how : {"run", "similitude", "near", "law", "campaign"}
    value, low, high : float
        In SI units.
    evidence : list of dict
        ``{"kind", "id", "distance", "weight"}`` of each entry that it rests on.
    why : str
    """

    how: str
    value: float
    low: float
    high: float
    evidence: list[dict[str, Any]]
    why: str

    @property
    def half_width(self) -> float:
        """Half of the interval, relative to the value; infinite where the value is zero."""
        half = max(self.high - self.value, self.value - self.low)
        if not half:
            return 0.0
        return float(half / abs(self.value)) if self.value else float("inf")


def exact(origin: Origin, groups: bool, level: float) -> Offer | None:
    """Answer of runs with equal inputs, or with equal groups.

    Parameters
    ----------
    origin : Origin
    groups : bool
        Whether runs of other sizes count, of which only the groups are equal. They do only where
        the card declares everything that has a dimension.
    level : float

    Returns
    -------
    Offer or None
        None where there is no such run.
    """
    if groups and (not origin.complete or origin.powers is None):
        return None
    runs = list(origin.usable(origin.equal(groups), _MOST))
    if not runs:
        return None
    growth = np.ones(len(runs))
    if groups and origin.powers is not None:
        growth = np.exp(-(origin.changes([run["place"] for run in runs]) @ origin.powers))
    outputs = np.array([origin.output(run) for run in runs]) * growth[:, None]
    value, half = _mean(outputs[:, 0], outputs[:, 1], level)
    evidence = [evidence_of("run", run["id"], 0.0, 1.0 / len(runs)) for run in runs]
    what = "with equal groups, scaled as its dimension says" if groups else "itself"
    many = f"{len(runs)} runs of {origin.name}" if len(runs) > 1 else f"The run of {origin.name}"
    how = "similitude" if groups else "run"
    return Offer(how, value, value - half, value + half, evidence, f"{many} {what}.")


def _mean(values: Array, errors: Array, level: float) -> tuple[float, float]:
    """Mean of replicates and half its interval, numerical error included."""
    n = len(values)
    mean = float(values.mean())
    error = float(np.sqrt((errors**2).mean()))
    scatter = float(values.std(ddof=1)) if n > 1 else 0.0
    if scatter <= _ROUNDED * abs(mean):
        return mean, float(t_quantile(level, _ENDLESS)) * error
    # the scatter holds the independent part of the errors already
    return mean, float(t_quantile(level, n - 1)) * max(scatter, error) / np.sqrt(n)
