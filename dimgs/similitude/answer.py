"""Answers: values or curves with intervals, what they rest on, and what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dimgs.variables import unit_suffix
from dimgs.variables.quantities import meaning_of

# from the best to the worst: a curve is as good as its worst point
_WAYS = ("run", "similitude", "near", "law", "campaign", "none")


@dataclass(frozen=True)
class Answer:
    """An answer, what it rests on, and what is missing where there is none.

    Attributes
    ----------
    value, low, high : float or None, or tuple of them
        In `unit`; None where there is no answer. Of a curve, at each of its points.
    unit : str
    how : {"run", "similitude", "near", "law", "campaign", "none"}
        Where it comes from. "campaign" without a value: `plan` would give one.
    evidence : list of dict
        ``{"kind", "id", "distance", "weight"}``; distances in decades. Where there is no answer,
        the laws that are not enough, each with ``"why"``.
    pertinence : dict
        ``{"relevant", "acceptability", "confidence", "meaning", "why"}``.
    assumptions : list of dict
        ``{"input", "value", "source"}`` of what nobody gave.
    missing : list of str
    reviews : list of dict
        Of the entries that it rests on.
    plan : dict or None
        Runs that would answer, and their cost.
    level : float
    over : dict or None
        Input that a curve is over: ``{"input", "unit", "values"}``.

    Examples
    --------
    >>> print(Answer(None, None, None, "m", "none", missing=["the input 'h'"]))
    No answer: the input 'h'.
    """

    value: Any
    low: Any
    high: Any
    unit: str
    how: str
    evidence: list[dict[str, Any]] = field(default_factory=list)
    pertinence: dict[str, Any] = field(default_factory=dict)
    assumptions: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    plan: dict[str, Any] | None = None
    level: float = 0.9
    over: dict[str, Any] | None = None

    @property
    def answer(self) -> dict[str, Any] | None:
        """The value with its unit and interval; None where there is no answer."""
        if self.value is None:
            return None
        quantity = {"value": self.value, "unit": self.unit, "low": self.low, "high": self.high}
        return quantity if self.over is None else {**quantity, "over": self.over}

    def to_json(self) -> dict[str, Any]:
        """The value as a JSON document."""
        names = ("how", "evidence", "pertinence", "assumptions", "missing", "reviews", "plan")
        return {"answer": self.answer, **{n: getattr(self, n) for n in names}, "level": self.level}

    def __str__(self) -> str:
        if self.value is None:
            return f"No answer: {'; '.join(self.missing) or 'no evidence exists'}."
        return str(self.pertinence["meaning"])


def curve_of(points: Sequence[Answer], over: str, given: Sequence[Mapping[str, Any]]) -> Answer:
    """The answers at the points of a curve as one answer; each interval is of its own point.

    Parameters
    ----------
    points : sequence of Answer
    over : str
        Input that changes from one to the next.
    given : sequence of mapping of str to Quantity
        The inputs of each point.
    """
    there = [answer for answer in points if answer.value is not None]
    first = there[0] if there else points[0]
    values, unit = [one[over].value for one in given], given[0][over].unit
    open_ends = [k for k, answer in enumerate(points) if answer.value is None]
    missing = [
        f"at {over} = {values[k]:.4g}{unit_suffix(unit or '1')}: {text}"
        for k in dict.fromkeys([*open_ends[:1], *open_ends[-1:]])
        for text in points[k].missing
    ]
    grades = [answer.pertinence for answer in points]
    worst = min(there or points, key=lambda answer: float(answer.pertinence["acceptability"]))
    pertinence = {
        "relevant": len(there) == len(points),
        **{n: min(float(g[n]) for g in grades) for n in ("acceptability", "confidence")},
        "meaning": f"A curve over {over}: {len(there)} of {len(points)} points are answered.",
        "why": worst.pertinence["why"],
    }
    value, low, high = (
        tuple(getattr(answer, n) for answer in points) if there else None
        for n in ("value", "low", "high")
    )
    how = max((answer.how for answer in (there or points)), key=_WAYS.index)
    evidence, reviews = _rests_on(points)
    plan = next((answer.plan for answer in points if answer.plan is not None), None)
    along = {"input": over, "unit": unit, "values": values}
    return Answer(
        value, low, high, first.unit, how, evidence, pertinence, first.assumptions, missing,
        reviews, plan, first.level, along,
    )  # fmt: skip


def hull_of(
    points: Sequence[Answer], target: str, given: Mapping[str, Any], tolerance: float
) -> Answer:
    """The answer for inputs with intervals: its interval holds those of all points in them.

    Parameters
    ----------
    points : sequence of Answer
        The first is that of the values themselves.
    target : str
    given : mapping of str to Quantity
    tolerance : float
    """
    first, evidence, reviews = points[0], *_rests_on(points)
    intervals = {name: quantity for name, quantity in given.items() if quantity.is_interval}
    read = [
        {"input": name, "value": quantity.to_json(), "source": meaning_of(quantity)}
        for name, quantity in intervals.items()
    ]
    assumptions = [*first.assumptions, *read]
    open_ends = [answer for answer in points if answer.value is None]
    if open_ends:
        where = f"in the interval of {' and '.join(intervals)}"
        missing = [f"{where}: {text}" for text in open_ends[0].missing]
        plan = next((answer.plan for answer in open_ends if answer.plan is not None), None)
        if plan is not None:
            plan = {**plan, "runs": len(open_ends) * plan["runs"]}
        return refuse(missing, first.unit, assumptions, plan, first.level)
    low, high = min(answer.low for answer in points), max(answer.high for answer in points)
    half = max(high - first.value, first.value - low)
    relative = half / abs(first.value) if first.value else float("inf") if half else 0.0
    quantity = {"value": first.value, "low": low, "high": high, "unit": first.unit}
    how = max((answer.how for answer in points), key=_WAYS.index)
    why = f"{first.pertinence['why']} The interval holds for all of {' and '.join(intervals)}."
    pertinence = judge_answer(target, quantity, relative, tolerance, first.level, why)
    return replace(
        first, low=low, high=high, how=how, evidence=evidence, pertinence=pertinence,
        assumptions=assumptions, reviews=reviews,
    )  # fmt: skip


def _rests_on(points: Sequence[Answer]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Evidence of several answers, without weights, and its reviews."""
    by_id: dict[tuple[str, str], dict[str, Any]] = {}
    for answer in points:
        for one in answer.evidence:
            by_id.setdefault((one["kind"], one["id"]), {**one, "distance": None, "weight": None})
    reviews = {review["id"]: review for answer in points for review in answer.reviews}
    return list(by_id.values()), list(reviews.values())


def refuse(
    missing: list[str],
    unit: str = "1",
    assumptions: Sequence[dict[str, Any]] = (),
    plan: dict[str, Any] | None = None,
    level: float = 0.9,
) -> Answer:
    """No answer: what is missing, and the runs that would give one."""
    why = {"meaning": "No answer.", "why": "; ".join(missing)}
    nothing = {"relevant": False, "acceptability": 0.0, "confidence": 0.0, **why}
    how = "none" if plan is None else "campaign"
    return Answer(
        None, None, None, unit, how, [], nothing, [*assumptions], missing, [], plan, level
    )


def judge_answer(
    target: str,
    quantity: Mapping[str, Any],
    half_width: float,
    tolerance: float,
    level: float,
    why: str,
) -> dict[str, Any]:
    """Whether a value is good enough.

    Parameters
    ----------
    target : str
    quantity : mapping
        ``{"value", "low", "high", "unit"}``.
    half_width, tolerance : float
        Relative to the value: what its interval has, and what was asked for.
    level : float
    why : str
        What it rests on.
    """
    good = min(1.0, tolerance / half_width) if half_width else 1.0
    grade = {"relevant": True, "acceptability": good, "confidence": level * good}
    return {**grade, "meaning": describe_value(target, quantity), "why": why}


def describe_value(target: str, quantity: Mapping[str, Any]) -> str:
    """A value with its interval, in words.

    Examples
    --------
    >>> describe_value("C", {"value": 0.5, "low": 0.4, "high": 0.625, "unit": "1"})
    'C is 0.5, between 0.4 and 0.625.'
    """
    value, low, high = (f"{quantity[n]:.5g}" for n in ("value", "low", "high"))
    return f"{target} is {value}{unit_suffix(quantity['unit'])}, between {low} and {high}."
