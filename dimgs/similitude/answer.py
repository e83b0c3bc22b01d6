"""Points of questions, and answers: values or curves with intervals, and what they rest on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from dimgs.common.errors import InputError
from dimgs.common.escape import visible
from dimgs.dataset import Dataset, read_table
from dimgs.hub.database import split_condition
from dimgs.hub.hub import Hub
from dimgs.variables import unit_suffix
from dimgs.variables.quantities import NORMAL, Quantity, as_quantity, meaning_of, stored

# ---- Points of a question: from a text, a mapping, a table or a stored question.


Given = dict[str, Quantity]
# a comma between two conditions, not one inside a unit or label
_COMMA = re.compile(r",\s*(?=[^=,]+=)")
# of a curve: what a line through them shows of a law in regimes
_POINTS = 13
# of a grid over one, two or three intervals: 9, 25 or 27 points, that of a curve or twice it
_LEVELS = (9, 5, 3)
_ID = re.compile(r"[0-9a-f]{8,64}")
_TABLES = (".csv", ".tsv", ".parquet", ".xlsx", ".xls", ".txt", ".dat")


def points_given(at: Any) -> tuple[list[Given], bool | str]:
    """Values with units of each point, and whether a table was given, or the input of a curve.

    Parameters
    ----------
    at : str, mapping, path, or whatever `read_table` takes
        ``"D=1e-14 m^2/s, l=0.1 mm"``, with a range of one input for a curve; a mapping of names to
        quantities, ``(value, unit)``, texts or plain numbers in the unit of the kernel; a table
        with a row for each point.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> (point,), many = points_given("D=1e-14 m^2/s, kind=resin")
    >>> point["D"].value, point["kind"].value, many
    (1e-14, 'resin', False)
    """
    if isinstance(at, str) and "=" in at:
        at = typed_inputs(at)
    if isinstance(at, str | Path) and Path(at).suffix.lower() not in _TABLES:
        remedy = "write 'D=1e-14 m^2/s, l=0.1 mm', or name a table of points"
        raise InputError(f"'{visible(str(at)[:60])}' names no inputs; {remedy}.")
    if not isinstance(at, Mapping) or any(_is_column(value) for value in at.values()):
        return _rows(at), True
    point = {str(n): as_quantity(value, f"'{visible(str(n)[:60])}'") for n, value in at.items()}
    ranged = [visible(name[:60]) for name, value in point.items() if value.is_range]
    if len(ranged) > 1:
        fault = f"A curve is over one input, and '{ranged[0]}' and '{ranged[1]}' have ranges"
        raise InputError(f"{fault}; give a table of points.")
    for name, value in point.items():
        if value.is_range:
            return [{**point, name: one} for one in _along(value)], name
    return [point], False


def typed_inputs(text: str) -> dict[str, str]:
    """Values and ranges of inputs, by name, as they are typed.

    Raises
    ------
    InputError
        If a part is no ``name=value``, or an input is given twice.

    Examples
    --------
    >>> typed_inputs("D=1e-14 m^2/s, t=1..9 day")
    {'D': '1e-14 m^2/s', 't': '1..9 day'}
    """
    values: dict[str, str] = {}
    for name, value in map(split_condition, _COMMA.split(text.strip())):
        if name in values:
            raise InputError(f"'{visible(name[:60])}' is given twice; give it once.")
        values[name] = value
    return values


def _along(span: Quantity) -> list[Quantity]:
    """Points of a range in its unit, even in the logarithm where there is one."""
    ends = span.ends()
    if not np.isfinite(ends).all():
        raise InputError(f"The range '{visible(str(span)[:60])}' needs both ends: 1..100 day.")
    even: Any = np.geomspace if ends[0] > 0 and span.parsed.scale != "level" else np.linspace
    return [Quantity(float(f"{x:.12g}"), span.unit) for x in even(*ends, _POINTS)]


def grid_points(point: Given, level: float) -> list[Given]:
    """Grid points for inputs with intervals, the central values first.

    Bounds are kept; a standard error is widened to the interval that holds `level` of a normal
    distribution, and never made smaller. The points are a grid with the ends of all intervals.

    Raises
    ------
    InputError
        If more than three inputs have intervals.

    Examples
    --------
    >>> points = grid_points(points_given("l=30 ± 2 mm, D=1e-14 m^2/s")[0][0], 0.9)
    >>> [point["l"].value for point in points]
    [30.0, 28.0, 28.5, 29.0, 29.5, 30.5, 31.0, 31.5, 32.0]
    """
    wide = [name for name, quantity in point.items() if quantity.is_interval]
    for name in wide:
        if point[name].is_range:
            point[name].number(f"'{visible(name[:60])}'")
    if not wide:
        return [point]
    if len(wide) > len(_LEVELS):
        names = ", ".join(visible(name[:60]) for name in wide)
        fault = f"{names} have intervals, and an answer takes at most {len(_LEVELS)}"
        raise InputError(f"{fault}; give the others as numbers.")
    widening = max(1.0, float(norm.ppf((1.0 + level) / 2.0)))
    steps = []
    for name in wide:
        quantity = point[name]
        ends = quantity.ends(widening)
        middle = float(quantity.value) if quantity.value is not None else sum(ends) / 2.0
        every = [float(x) for x in np.linspace(*ends, _LEVELS[len(wide) - 1])]
        others = [x for x in every if not np.isclose(x, middle, rtol=1e-12, atol=0.0)]
        steps.append([Quantity(x, quantity.unit) for x in (middle, *others)])
    return [{**point, **dict(zip(wide, values, strict=True))} for values in product(*steps)]


def _is_column(value: Any) -> bool:
    """Whether a value of a mapping is a column of a table; a pair of a value and a unit is none."""
    pair = isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[1], str | None)
    single = pair or isinstance(value, Quantity | Mapping | str)
    return not single and np.ndim(getattr(value, "magnitude", value)) > 0


def _rows(table: Any) -> list[Given]:

    data = read_table(table)
    return [{name: _cell(data, name, i) for name in data.names} for i in range(data.n_runs)]


def _cell(data: Dataset, name: str, row: int) -> Quantity:
    """A cell of a table; what stands in ``name_err`` is its standard error."""
    variable, errors = data.variable(name), data.errors.get(name)
    if variable.is_label:
        return Quantity(str(data[name][row]), "label")
    value, error = float(data[name][row]), 0.0 if errors is None else float(errors[row])
    if not error > 0:
        return Quantity(value, variable.si_unit)
    return Quantity(value, variable.si_unit, value - error, value + error, NORMAL)


def question_of(hub: Hub, text: str) -> dict[str, Any] | None:
    """A stored question, by its id or the beginning of it; None where the text is none.

    Raises
    ------
    InputError
        If it is the id of something else.
    """
    if not _ID.fullmatch(text):
        return None
    entry = hub.get(text)
    if entry["kind"] != "question":
        raise InputError(f"'{text[:12]}' is not a question but a {entry['kind']}; give its id.")
    return entry


def point_of_question(content: Mapping[str, Any]) -> Given:
    """Inputs that a question gives; ranges are left to whoever asks."""
    values = {}
    for name, written in content.get("inputs", {}).items():
        value = as_quantity(stored(written), f"'{visible(str(name)[:60])}' of the question")
        if not value.is_range:
            values[name] = value
    return values


# ---- Answers: values or curves with intervals, what they rest on, and what is missing.


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
    relative = relative_half_width(first.value, low, high)
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


def relative_half_width(value: float, low: float, high: float) -> float:
    """Half of an interval, relative to the value; infinite where the value is zero."""
    half = max(high - value, value - low)
    if not half:
        return 0.0
    return float(half / abs(value)) if value else float("inf")


def evidence_of(
    kind: str, id: str, distance: float | None = None, weight: float | None = None
) -> dict[str, Any]:
    """An entry that an answer rests on, how many decades away, and how much it counts."""
    return {"kind": kind, "id": id, "distance": distance, "weight": weight}


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
