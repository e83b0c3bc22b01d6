"""Runs that would tell rivals apart, as values: what `next_runs` gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dimgs.law.law import Law

Quantity = tuple[float, str]


@dataclass(frozen=True)
class RivalPrediction:
    """What a rival predicts of a run, in the unit of the table, with its interval."""

    probability: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ProposedRun:
    """A run to make.

    Attributes
    ----------
    inputs : mapping of str to (float, str) or str
        Value and unit of each column; the label, for a column of labels.
    predicted : tuple of RivalPrediction
        By rival, in the order of the rivals.
    information : float
        Expected of its outcome about which rival is true, in nats, given the runs before it.

    Examples
    --------
    >>> ProposedRun({"x": (2.0, "m")}, (RivalPrediction(0.7, 4.0, 3.9, 4.1),), 0.3).inputs["x"]
    (2.0, 'm')
    """

    inputs: Mapping[str, Quantity | str]
    predicted: tuple[RivalPrediction, ...]
    information: float


@dataclass(frozen=True)
class NextRuns:
    """Runs to make next, and the rivals that they would tell apart.

    Attributes
    ----------
    runs : tuple of ProposedRun
    rivals : tuple of (Law, float)
        With their probabilities, which sum to one.
    target, unit : str
    level : float
        Coverage of the intervals.
    names : tuple of str
        What each rival is called.

    Examples
    --------
    >>> import dimgs
    >>> report = dimgs.discover("docs/planets.csv", "T", constants=["G"])
    >>> proposed = report.next_runs(2, {"a": "0.1..100 AU"})
    >>> len(proposed.runs), proposed.target, proposed.unit
    (2, 'T', 'day')
    """

    runs: tuple[ProposedRun, ...]
    rivals: tuple[tuple["Law", float], ...]
    target: str
    unit: str
    level: float
    names: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The document of `dimgs next`."""
        return {
            "runs": [
                {
                    "inputs": {
                        k: v if isinstance(v, str) else {"value": v[0], "unit": v[1]}
                        for k, v in run.inputs.items()
                    },
                    "predicted": [vars(p) for p in run.predicted],
                    "information": run.information,
                }
                for run in self.runs
            ],
            "rivals": [
                {"law": law.to_json(), "probability": p, "name": name}
                for (law, p), name in zip(self.rivals, self.names, strict=True)
            ],
            "target": self.target,
            "unit": self.unit,
            "level": self.level,
        }

    def __str__(self) -> str:
        from dimgs.report.plain_text import next_text

        return next_text(self)
