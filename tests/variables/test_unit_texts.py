"""Unit texts as journals, spreadsheets and instruments print them, each with its reading."""

import csv
import math
import random
import re
import unicodedata
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.variables import Dimension, Unit, parse_unit
from dimgs.variables.units import improbable

_BASES = {
    "m": "[length]",
    "kg": "[mass]",
    "s": "[time]",
    "K": "[temperature]",
    "A": "[current]",
    "mol": "[substance]",
    "cd": "[luminosity]",
}
# constants as handbooks print them, and acres of the survey foot or of the international one
_TOLERANCE = 1e-5


class Expected(NamedTuple):
    """A row of the table: what is to become of a text."""

    text: str
    outcome: str
    factor: float | None
    offset: float
    si: str


def _expected() -> list[Expected]:
    with Path(__file__).with_name("unit_texts.csv").open(encoding="utf-8", newline="") as file:
        return [
            Expected(
                row["text"],
                row["outcome"],
                float(row["factor"]) if row["factor"] else None,
                float(row["offset"] or 0),
                row["si"],
            )
            for row in csv.DictReader(file)
        ]


EXPECTED = _expected()


def _is(unit: Unit, row: Expected) -> bool:
    """Whether a unit is what a row expects."""
    if row.si == "label":
        return unit.scale == "label"
    assert row.factor is not None
    if row.si == "level":
        return unit.scale == "level" and math.isclose(unit.log_factor, row.factor, rel_tol=1e-9)
    powers = [factor.partition("^") for factor in row.si.split() if factor != "1"]
    dimension = Dimension.of({_BASES[base]: Fraction(power or 1) for base, _, power in powers})
    return (
        unit.scale in ("ratio", "temperature")
        and unit.dimension == dimension
        and math.isclose(unit.factor, row.factor, rel_tol=_TOLERANCE)
        and math.isclose(unit.offset, row.offset, rel_tol=_TOLERANCE)
    )


def misread(row: Expected) -> str | None:
    """What is wrong with how a text is read; None where it is as expected."""
    try:
        unit = parse_unit(row.text)
        doubt = improbable(row.text)
    except InputError:
        return None if row.outcome == "refused" else "refused"
    if doubt is None:
        return None if row.outcome == "read" and _is(unit, row) else f"read as {unit}"
    if row.outcome != "doubted":
        return f"doubted: {doubt.sentence(row.text)}"
    named = [u for u in (unit, doubt.unit) if u is not None]
    fits = row.factor is None or any(_is(u, row) for u in named)
    return None if fits else f"doubted, but {doubt.sentence(row.text)}"


def test_every_text_is_read_as_its_writer_meant() -> None:
    wrong = {row.text: why for row in EXPECTED if (why := misread(row))}
    assert not wrong, "\n".join(f"{text}: {why}" for text, why in wrong.items())


# ways of writing one thing: each sign for the others
_SAME = ("-‐‑‒–—−", "/⁄∕／÷", "·⋅∙×•", " \u00a0\u2009\u202f", "µμ", "☉⊙")
_FOREIGN = "€£¥¢$¤?!;,&@~`|<>\"'=:#§¶†☃★∞≈±∂∫жй中🚀\u200b"
_MUTATIONS = 2000
# a rewriting of a phrase or of a level may be refused
_LEAST_KEPT = 0.97


def _same_meaning(text: str, draw: random.Random) -> str | None:
    """The text with one sign printed as another one that means the same."""
    places = [
        (i, signs)
        for i, char in enumerate(text)
        for signs in _SAME
        if char in signs and (char not in _SAME[0] or text[i + 1 : i + 2].isdigit())
    ]
    if not places:
        return None
    place, signs = draw.choice(places)
    new = draw.choice([c for c in signs if c != text[place]])
    return text[:place] + new + text[place + 1 :]


def _with_foreign(text: str, draw: random.Random) -> str:
    place, char = draw.randrange(len(text) + 1), draw.choice(_FOREIGN)
    return text[:place] + char + text[place + draw.randrange(2) :]


def _broken(text: str, draw: random.Random) -> str:
    """The text with a doubled operator, or one that leads nowhere."""
    places = [i for i, char in enumerate(text) if char in "/·^*"]
    if places and draw.random() < 0.7:
        place = draw.choice(places)
        return text[:place] + text[place] * 2 + text[place:]
    return draw.choice(["{}/", "{}*", "{}·", "{}^", "({}", "{})", "{} 3", "{}--1", "{}+1"]).format(
        text
    )


def _outcome(row: Expected) -> str:
    if misread(row) is None:
        return "as expected"
    try:
        parse_unit(row.text)
        return "read otherwise" if improbable(row.text) is None else "doubted"
    except InputError:
        return "refused"


def test_a_slip_is_never_read_as_another_unit() -> None:
    draw = random.Random(20)
    kept = tried = 0
    for _ in range(_MUTATIONS):
        row = draw.choice(EXPECTED)
        kind = draw.choice(["same", "same", "foreign", "foreign", "broken"])
        new = {"same": _same_meaning, "foreign": _with_foreign, "broken": _broken}[kind](
            row.text, draw
        )
        if new is None or new == row.text or (kind == "broken" and row.outcome == "refused"):
            kind, new = "foreign", f"{row.text}€"
        outcome = _outcome(row._replace(text=new))
        if kind == "same":
            tried, kept = tried + 1, kept + (outcome == "as expected")
            allowed = {"as expected", "doubted", "refused"}
        else:
            # a remark may hold any sign, and "--" means as little as "-"
            remark = row.text.endswith(")") and " (" in row.text
            bare = row.si == "1" and row.factor == 1
            allowed = {"refused", "as expected"} if remark or bare else {"refused"}
            allowed |= {"as expected"} if row.outcome == "refused" else set()
        assert outcome in allowed, (row.text, new, kind, outcome)
    assert kept >= _LEAST_KEPT * tried, (kept, tried)


@given(st.sampled_from(EXPECTED), st.characters(), st.integers(0, 40))
def test_a_foreign_character_is_refused_by_name(row: Expected, char: str, place: int) -> None:
    assume(not (char.isalnum() or char.isspace()) and unicodedata.normalize("NFKC", char) == char)
    assume(char not in "∆%‰°′″☉⊙⊕♃-‐‑‒–—−/⁄∕÷·⋅∙×•*∗.^()√_${\\")
    # a pair of LaTeX or of superscripts that the character parts is foreign itself
    assume(row.outcome != "refused" and not set("([$\\^{⁻") & set(row.text))
    text = row.text[:place] + char + row.text[place:]
    with pytest.raises(InputError, match=re.escape(repr(char))):
        parse_unit(text)


NAMES = ["m", "kg", "s", "K", "mol", "ft", "bbl", "kPa", "µm", "rad", "Hz", "cal"]
POWERS = st.sampled_from([1, 2, 3, -1, -2, -3])
PRODUCTS = st.lists(st.tuples(st.sampled_from(NAMES), POWERS), min_size=1, max_size=4)
RAISED = {
    "{name}^{power}": "-0123456789",
    "{name}**{power}": "-0123456789",
    "{name}{power}": "-0123456789",
    "{name}{power} ": "⁻⁰¹²³⁴⁵⁶⁷⁸⁹",
    "{name}$^{{{power}}}$": "-0123456789",
    "{name}^({power})": "−0123456789",
    "{name} {power}": "–0123456789",
}


def _written(factors: list[tuple[str, int]], draw: st.DataObject) -> str:
    """A product in a notation of its own at each factor."""
    text = ""
    for name, power in factors:
        style, digits = draw.draw(st.sampled_from(list(RAISED.items())))
        if power > 0 and style == "{name} {power}":
            style = "{name}{power}"
        raised = str(power).translate(str.maketrans("-0123456789", digits))
        text += draw.draw(st.sampled_from([" ", "·", "*", "×", " ⋅ ", "\u2009"])) if text else ""
        text += name if power == 1 else style.format(name=name, power=raised)
    return text


@given(PRODUCTS, st.data())
def test_the_reading_does_not_depend_on_the_notation(
    factors: list[tuple[str, int]], draw: st.DataObject
) -> None:
    unit = parse_unit(_written(factors, draw))
    plain = [parse_unit(name) for name, _ in factors]
    powers = [power for _, power in factors]
    assert unit.dimension == math.prod(
        (u.dimension**p for u, p in zip(plain, powers, strict=True)), start=Dimension()
    )
    size = math.prod(u.factor**p for u, p in zip(plain, powers, strict=True))
    assert math.isclose(unit.factor, size, rel_tol=1e-12)


@given(PRODUCTS, PRODUCTS, POWERS, st.data())
def test_products_quotients_and_powers_are_kept(
    one: list[tuple[str, int]], two: list[tuple[str, int]], power: int, draw: st.DataObject
) -> None:
    a, b = _written(one, draw), _written(two, draw)
    slash = draw.draw(st.sampled_from("/⁄∕／÷"))
    unit = parse_unit(f"({a})^{power}{slash}({b})")
    first, second = parse_unit(f"({a})"), parse_unit(f"({b})")
    assert unit.dimension == first.dimension**power / second.dimension
    assert math.isclose(unit.factor, first.factor**power / second.factor, rel_tol=1e-12)
