"""Advice to a language model, in terms of the arguments of its tools, and their options."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any
from unicodedata import numeric

from pydantic import Field

from dimgs.common.advice import Act, Advice, Step
from dimgs.common.errors import InputError, attempt
from dimgs.common.formats import shown
from dimgs.discovery.options import Options, options_by_name
from dimgs.hub.entry import Document, Json
from dimgs.variables import parse_unit
from dimgs.variables.quantities import Quantity, as_quantity, parse_quantity

# arguments of the tools that take a table; every other option of an analysis goes in 'options'
_ARGUMENTS = frozenset(
    ["at", "columns", "constants", "kernel", "repeating", "scales", "target", "units", "within"]
)
_STEPS = {
    Step.APPROVE: "the hub, where a person approves it",
    Step.MAKE_HUB: "the help of a person,",
    Step.LIST_ENTRIES: "search_hub",
    Step.FIND_RUNS: "search_hub",
    Step.WRITE_RUNS: "the help of a person",
    Step.CHECK_CARD: "describe_kernels",
    Step.DISPUTE: "the hub, where a person disputes it",
    Step.ADD_USER: "the help of a person",
    Step.SHOW_KEYS: "what a person knows of the keys",
    Step.RUN: "plan_campaign",
}

More = Annotated[Json | None, Field(description="{'drop_bad': true}")]


def in_arguments(advice: Advice) -> str:
    """Advice as an argument of a tool, or as the tool.

    Examples
    --------
    >>> from dimgs.common.advice import setting
    >>> print(in_arguments(setting("constants", "g", "k_B,c")))
    'constants' ["g"] or ["k_B", "c"]
    >>> print(in_arguments(setting("drop_bad")))
    'options' {"drop_bad": true}
    """
    if isinstance(advice, Act):
        return _STEPS[advice.step]
    option = options_by_name().get(advice.option)
    kind = "" if option is None else option.metadata["kind"]
    values = [_value(kind, text) for text in advice.values] or ([True] if kind == "flag" else [])
    if advice.option in _ARGUMENTS:
        choices = " or ".join(json.dumps(v, ensure_ascii=False) for v in values)
        return f"'{advice.option}' {choices}".strip()
    if option is None:
        return f"'{advice.option}' (which a person has on the command line)"
    choices = " or ".join(json.dumps({advice.option: v}, ensure_ascii=False) for v in values)
    return f"'options' {choices}" if choices else f"'{advice.option}' in 'options'"


def _value(kind: str, text: str) -> Any:
    if kind == "texts":
        return [text]
    if kind == "names":
        return text.split(",")
    return int(text) if kind == "count" else text


def options_of(keywords: type, values: Document, more: Document | None) -> Options:
    """Options of an analysis from the arguments of a tool; what is None or empty is not given.

    Parameters
    ----------
    keywords : type
        The TypedDict of the options that the tool takes.
    values : mapping
        Arguments that stand for themselves.
    more : mapping, optional
        Options by name.

    Raises
    ------
    InputError
        If an option is unknown, given twice, or of another type.
    """
    chosen = {k: v for k, v in values.items() if v not in (None, [])}
    for name, value in (more or {}).items():
        if name in values:
            raise InputError(f"'{name}' is an argument of its own; give it beside 'options'.")
        if name not in keywords.__annotations__:
            names = ", ".join(n for n in keywords.__annotations__ if n not in values)
            raise InputError(f"'options' has no '{shown(name)}'; it has {names}.")
        if name == "limits" and isinstance(value, str):
            raise InputError("'limits' is a list of limits here, not the name of a file.")
        if name == "symmetric" and any(str(text).endswith(".json") for text in value):
            raise InputError("'symmetric' is a list of weights here, not the name of a file.")
        chosen[name] = value
    if chosen.get("scales") == ["auto"]:
        chosen["scales"] = "auto"
    return Options(**chosen)


_NUMBER = re.compile(
    r"(?<![\w.^])[-−+]?"
    r"(?:\d{1,3}(?:[,\u202f]\d{3})+(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)"
    r"(?:[eE][-+−]?\d+|\s*[×·x*]\s*10(?:\^|\*\*)?(?:\{?[-+−]?\d+\}?|[⁻⁺]?[⁰¹²³⁴-⁹]+))?"
)
_WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_WORDS += " fifteen sixteen seventeen eighteen nineteen twenty"
_TENS = "thirty forty fifty sixty seventy eighty ninety hundred"
_VALUES: dict[str, int] = {
    **{w: k for k, w in enumerate(_WORDS.split())},
    **{w: 10 * k for k, w in enumerate(_TENS.split(), 3)},
    "thousand": 1000,
}
_PART = re.compile("[¼-¾⅐-⅞]")
# words after a number that make it a factor
_TIMES = re.compile(r"(?:[ \u00a0](?:times|fold)|-?fold)\b", re.IGNORECASE)
_WORD = re.compile(rf"\b(?:{'|'.join(_VALUES)})\b", re.IGNORECASE)
_UNIT = re.compile(r"[ \u00a0\u202f]?(?P<first>[^\s\d,;:!?\"'][^\s,;:!?\"']*)")
# a further factor of a unit has a power or a slash, which the words of a sentence have not
_FACTOR = re.compile(r"[ \u00a0](?P<next>[A-Za-zµμΩ°]{1,4}(?:\^?-?\d|[⁻¹²³⁴]+|\*\*-?\d)\S*)")
# words of sentences that are names of units too
_PROSE = frozenset(["a", "as", "are", "at", "and", "be", "by", "in", "is", "of", "or", "per", "to"])
_JOINED = re.compile(r"\s*(?:to|and|or|–|-|±|\.\.)\s*", re.IGNORECASE)
# relative: what conversions of units lose
_EQUAL = 1e-9


@dataclass(frozen=True)
class Amount(Quantity):
    """A number with its unit, "1" where there is none.

    Attributes
    ----------
    place : int
        Where it begins in its text.
    """

    value: float
    unit: str = "1"
    place: int = 0

    @property
    def bare(self) -> bool:
        """Whether no unit was written."""
        return self.unit == "1"

    @property
    def si(self) -> float:
        """The value in the SI unit of its dimension."""
        return self.parsed.to_si(self.value)

    def equals(self, other: "Amount") -> bool:
        """Whether both are the same quantity, in any units."""
        if self.parsed.dimension != other.parsed.dimension:
            return False
        return math.isclose(self.si, other.si, rel_tol=_EQUAL, abs_tol=0.0)

    def shows(self, other: "Amount") -> bool:
        """Whether this, as it is written, is the other quantity, rounded to the digits written."""
        if self.parsed.dimension != other.parsed.dimension:
            return False
        there = self.parsed.from_si(other.si)
        return abs(self.value - there) <= self.step * (1 + _EQUAL) + _EQUAL * abs(there)


def to_quantity(value: Any, name: str = "The quantity") -> Quantity:
    """Quantity or label of an argument; a plain number has no unit.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> to_quantity("80 µm").unit, to_quantity(2e-3).unit, to_quantity("resin").unit
    ('µm', '1', 'label')
    """
    quantity = as_quantity(value, name)
    return replace(quantity, unit="1") if quantity.unit is None else quantity


def amount(source: Any, name: str = "The quantity") -> Amount:
    """Amount of an argument that is one number.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> amount({"value": 1, "unit": "day"}).si
    86400.0
    >>> amount("0.8..1.2 m", "'l'")
    Traceback (most recent call last):
    dimgs.common.errors.InputError: 'l' is '0.8..1.2 m', a range, and one number is needed here.
    """
    quantity = to_quantity(source, name)
    number, unit = quantity.number(name), quantity.unit or "1"
    return Amount(number, unit, text=quantity.text, step=quantity.step)


def in_unit(quantity: Json, unit: str | None) -> Json:
    """A quantity or curve with its interval, in a unit of its dimension; as it is without one.

    Raises
    ------
    InputError
        If the unit is of another dimension.

    Examples
    --------
    >>> in_unit({"value": 86400.0, "unit": "s", "low": 43200.0, "high": 172800.0}, "day")
    {'value': 1.0, 'unit': 'day', 'low': 0.5, 'high': 2.0}
    """
    if unit is None or unit == quantity["unit"]:
        return quantity
    current, asked_unit = parse_unit(quantity["unit"]), parse_unit(unit)
    if current.dimension != asked_unit.dimension or "label" in (current.scale, asked_unit.scale):
        raise InputError(
            f"The answer is in '{quantity['unit']}', which is no '{shown(unit)}'; give a unit of "
            f"the dimension {current.dimension}, or none."
        )

    def convert(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [convert(part) for part in value]
        return None if value is None else float(asked_unit.from_si(current.to_si(value)))

    keys = ("value", "low", "high")
    return {**quantity, **{k: convert(quantity[k]) for k in keys if k in quantity}, "unit": unit}


def readings(inputs: Mapping[str, Quantity]) -> list[Json]:
    """Inputs on a scale with a zero of its own, which may be meant as differences.

    Examples
    --------
    >>> readings({"T": to_quantity("40 degC")})[0]["value"]
    {'value': 313.15, 'unit': 'K'}
    """
    assumptions = []
    for name, quantity in inputs.items():
        if quantity.is_label or quantity.is_range or not quantity.parsed.offset:
            continue
        value = float(quantity.value or 0.0)
        kelvin = round(quantity.parsed.to_si(value), 9)
        text = f"{value:g} {quantity.unit}"
        why = f"'{text}' read as a temperature; a difference of temperatures is given in K"
        assumptions.append({"input": name, "value": {"value": kelvin, "unit": "K"}, "source": why})
    return assumptions


def amounts(text: str) -> list[Amount]:
    """Every number of a text, in figures or (up to twenty, and tens) in words, with its unit.

    A number in words counts only with a unit or as a factor ("three times"); "between 2 and 3 mg"
    has two amounts in mg.

    Examples
    --------
    >>> [(a.value, a.unit) for a in amounts("after ten days at 40 °C, film 80 µm, 1e-14 m^2/s.")]
    [(10.0, 'days'), (40.0, '°C'), (80.0, 'µm'), (1e-14, 'm^2/s')]
    >>> [(a.value, a.unit) for a in amounts("one of 3 runs: 2 to 3 mg")]
    [(3.0, '1'), (2.0, 'mg'), (3.0, 'mg')]
    """
    scanned = sorted(_scan(text), key=lambda a: a.place)
    for k in range(len(scanned) - 2, -1, -1):
        one, two = scanned[k], scanned[k + 1]
        between = text[one.place + len(one.text) : two.place]
        if one.bare and not two.bare and _JOINED.fullmatch(between):
            scanned[k] = replace(one, unit=two.unit)
    return scanned


def _scan(text: str) -> Iterator[Amount]:
    end_of_last = 0
    # both ends of '2..3' are numbers, and neither has the dots
    plain = text.replace("..", "  ")

    def with_unit(match: re.Match[str], value: float, step: float) -> Amount:
        unit, end = _unit_after(plain, match.end())
        start = match.start()
        return Amount(value, unit or "1", text=text[start:end], step=step, place=start)

    for match in _NUMBER.finditer(plain):
        number = attempt(parse_quantity, re.sub("[,\u202f]", "", match[0]).rstrip("."))
        # a power in the unit before is no number
        if number is None or match.start() < end_of_last:
            continue
        scanned = with_unit(match, number.number(), number.step)
        end_of_last = scanned.place + len(scanned.text)
        yield scanned
    for part in _PART.finditer(text):
        yield with_unit(part, numeric(part[0]), 0.0)
    for word in _WORD.finditer(text):
        scanned = with_unit(word, float(_VALUES[word[0].lower()]), 0.5)
        if not scanned.bare or _TIMES.match(text, word.end()):
            yield scanned


def _unit_after(text: str, place: int) -> tuple[str, int]:
    """Unit that follows a number, and where it ends."""
    match = _UNIT.match(text, place)
    if match is None:
        return "", place
    start, word = match.start("first"), match["first"]
    unit, end = "", place
    for cut in range(len(word), 0, -1):
        part = word[:cut]
        if part[-1] in ".)]-–" and not (part[-1] == ")" and "(" in part):
            continue
        if part.lower() not in _PROSE and is_unit(part):
            unit, end = part, start + cut
            break
        if part.isalpha():
            # a word is a unit as a whole or not at all
            break
    while unit:
        more = _FACTOR.match(text, end)
        part = more["next"].rstrip(".,;:)") if more else ""
        if more is None or not is_unit(f"{unit} {part}"):
            break
        unit, end = f"{unit} {part}", more.start("next") + len(part)
    return unit, end


def is_unit(text: str) -> bool:
    """Whether a text is the unit of a number.

    Examples
    --------
    >>> is_unit("kg/m^3"), is_unit("film"), is_unit("label")
    (True, False, False)
    """
    if len(text) > 40 or text.lower() in ("label", "labels", "none", "text"):
        return False
    unit = attempt(parse_unit, text)
    return unit is not None and unit.scale != "label"
