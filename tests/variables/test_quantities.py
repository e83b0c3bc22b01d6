"""Any text: the quantity that a person means, or refused; never another number."""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.variables import parse_unit, registry
from dimgs.variables.quantities import Quantity, as_quantity, is_numeric, parse_quantity

UNITS = (
    "",
    "m",
    "mm",
    "µm",
    "m^2/s",
    "m²/s",
    "kg m-3",
    "kg/m^3",
    "W/(m*K)",
    "day",
    "1/s",
    "MPa·√m",
)
DASHES = str.maketrans("−–", "--")
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@st.composite
def written(draw: st.DrawFn) -> tuple[str, Decimal, Decimal]:
    """A number as somebody writes it, its value, and what one of its last digits counts."""
    whole = draw(st.integers(0, 99_999))
    decimals = draw(st.text("0123456789", max_size=4))
    exponent = draw(st.integers(-15, 15))
    sign = draw(st.sampled_from(["", "-", "−", "+"]))
    digits = f"{whole}.{decimals}" if decimals else str(whole)
    style = draw(st.sampled_from(["plain", "e", "E", "×^", "· up", "x{}", "*^", "thin"]))
    plain = Decimal(("-" if sign in "-−" and sign else "") + digits)
    last = Decimal(1).scaleb(-len(decimals))
    if style == "thin":
        # three digits at a time, parted by blanks that do not break
        blank = draw(st.sampled_from("\u00a0\u2009\u202f"))
        return sign + f"{whole:,}".replace(",", blank) + digits[len(str(whole)) :], plain, last
    power = {
        "plain": "",
        "e": f"e{exponent}",
        "E": f"E{exponent:+d}",
        "×^": f" × 10^{exponent}".replace("-", "−"),
        "· up": f"·10{str(exponent).translate(SUPERSCRIPT)}",
        "x{}": f"x10^{{{exponent}}}",
        "*^": f"*10**{exponent}",
    }[style]
    shift = 0 if style == "plain" else exponent
    return sign + digits + power, plain.scaleb(shift), last.scaleb(shift)


def close(value: float | None, expected: Decimal) -> bool:
    return value is not None and math.isclose(value, float(expected), rel_tol=1e-13, abs_tol=1e-300)


@given(written(), st.sampled_from(UNITS), st.sampled_from(["", " ", "\u00a0", "  "]))
def test_a_number_with_its_unit_is_read_as_it_is_meant(
    number: tuple[str, Decimal, Decimal], unit: str, blank: str
) -> None:
    text, value, _ = number
    quantity = parse_quantity(text + (blank or (" " if unit[:1].isdigit() else "")) + unit)
    assert quantity.value == float(value)
    assert quantity.unit == (unit or "1")
    assert not quantity.is_interval


@given(written(), st.integers(0, 999), st.sampled_from(UNITS), st.data())
def test_an_interval_is_read_as_it_is_meant(
    number: tuple[str, Decimal, Decimal], width: int, unit: str, data: st.DataObject
) -> None:
    text, value, last = number
    sign = data.draw(st.sampled_from([" ± ", "±", " +/- "]))
    forms = [f"{text}{sign}{width} {unit}"]
    half = Decimal(width)
    if unit:
        forms += [f"{text} {unit}{sign}{width} {unit}", f"({text}{sign}{width}) {unit}"]
    for form in forms:
        quantity = parse_quantity(form)
        assert (quantity.value, quantity.unit) == (float(value), unit or "1"), form
        scale = float(abs(value) + half)
        assert math.isclose(
            quantity.ends()[0], float(value - half), rel_tol=1e-9, abs_tol=1e-12 * scale
        )
        assert math.isclose(
            quantity.ends()[1], float(value + half), rel_tol=1e-9, abs_tol=1e-12 * scale
        )
    if unit:
        part = parse_quantity(f"{text} {unit}{sign}{width} %")
        assert close(part.high, value + abs(value) * half / 100)
    if re.fullmatch(r"[-+−]?[0-9.]+", text):
        concise = parse_quantity(f"{text}({width}) {unit}")
        assert concise.value == float(value)
        assert concise.dist == "normal"
        spread = math.isclose(
            concise.ends()[1], float(value + width * last), rel_tol=1e-9, abs_tol=1e-12 * scale
        )
        assert spread


@given(
    written(),
    written(),
    st.sampled_from(UNITS),
    st.sampled_from(["..", " .. ", "–", " – ", " to "]),
)
def test_a_range_is_read_as_it_is_meant(
    one: tuple[str, Decimal, Decimal], two: tuple[str, Decimal, Decimal], unit: str, between: str
) -> None:
    (low, a, _), (high, b, _) = sorted((one, two), key=lambda number: number[1])
    text = f"{low}{between}{high} {unit}"
    times = [bool(re.search(r"[×·x*]", part)) for part in (low, high)]
    if times == [False, True]:
        # '1–2×10^-3 m' may be 1 to 0.002 or 0.001 to 0.002
        with pytest.raises(InputError, match="power of ten"):
            parse_quantity(text)
        return
    quantity = parse_quantity(text)
    assert quantity.is_range
    assert quantity.ends() == (float(a), float(b))
    assert quantity.unit == (unit or "1")


# an oracle of its own, as strict as the page on quantities: one expression for each form
_TEN = r"10(?:\^[-+−–]?[0-9]+|[⁻⁰¹²³⁴-⁹]+)"
_N = (
    r"[-+−]?(?:[0-9]+/[0-9]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
    rf"(?:[eE][-+−–]?[0-9]+|[ \xa0]?[×·x*][ \xa0]?{_TEN})?|{_TEN})"
)
# the page's units: what begins as a name, with powers of one digit and no other number
_PLAIN = r"[^\s±,;0-9'\"]"
_U = (
    rf"(?:1/)?[°µ√%A-Za-zΩ(]{_PLAIN}*(?:(?:[\s*/^·()²³–−-]|\^\s*[-−–]?[0-9]+"
    r"|(?<=[a-zA-ZµΩ^*)–−-])[1-4](?![0-9])|(?<=[–−-])[0-9](?![0-9])|(?<=[*/(])\s*[0-9.]+(?=[\s*]*[A-Za-zµ]))+"
    rf"{_PLAIN}*)*"
)
FORMS = {
    "plain": rf"(?P<a>{_N})\s*(?P<u>{_U})?",
    "spread": rf"(?P<a>{_N})\s*(?:±|\+/[-−])\s*(?P<b>{_N})\s*(?P<u>{_U})?",
    "range": rf"(?P<a>{_N})\s*(?:\.\.|–)\s*(?P<b>{_N})\s*(?P<u>{_U})?",
    "concise": rf"(?P<a>{_N})\((?P<b>[0-9]+)\)(?P<e>[eE][-+]?[0-9]+)?\s*(?P<u>{_U})?",
    "part": rf"(?P<a>{_N})\s*(?P<u>{_U})\s*(?:±|\+/[-−])\s*(?P<b>{_N})\s*%",
    "part before": rf"(?P<a>{_N})\s*(?:±|\+/[-−])\s*(?P<b>{_N})\s*%\s*(?P<u>{_U})",
    "twice": rf"(?P<a>{_N})\s*(?P<u>{_U})\s*(?:±|\+/[-−]|\.\.|–)\s*(?P<b>{_N})\s*(?P<v>{_U})",
    "fraction": rf"(?P<a>[-+−]?[0-9]+/[0-9]+)\s*(?P<u>{_U})?",
    "open": rf"\.\.\s*(?P<a>{_N})\s*(?P<u>{_U})?|(?P<c>{_N})\s*(?P<w>{_U})?\s*\.\.",
}


def decimal(text: str) -> float:
    """Value of a number, from its parts."""
    plain = re.sub(r"^([-+]?)10(?=[\^⁻⁰¹²³⁴-⁹])", r"\g<1>1×10", text.translate(DASHES))
    if "/" in plain:
        return float(Fraction(plain))
    match = re.fullmatch(r"(.*?)(?:[eE](.*)|\s?[×·x*]\s?10\^?(.*))?", plain)
    assert match is not None
    power = (match[2] or match[3] or "0").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(Decimal(match[1]).scaleb(int(power)))


def agrees(text: str, quantity: Quantity) -> bool:
    """Whether some form of the oracle gives the value, and the same unit stands in the text."""
    numbers = []
    text = re.sub(r"(?<=[0-9])\xa0(?=[0-9]{3}(?![0-9]))", "", text)
    for form in FORMS.values():
        match = re.fullmatch(form, text.strip())
        if match is not None:
            parts = match.groupdict()
            numbers.append(decimal((parts.get("a") or parts["c"]) + (parts.get("e") or "")))
            unit = parts.get("u") or parts.get("v") or parts.get("w") or "1"
            if quantity.unit is not None and quantity.unit.strip() not in (
                unit.strip(),
                parts.get("v"),
            ):
                numbers.pop()
    value = quantity.value if quantity.value is not None else quantity.low
    if value == -math.inf:
        value = quantity.high
    return any(value == number for number in numbers)


def read(reader: Callable[[str], Quantity], text: str) -> Quantity | None:
    """The quantity of a text; None where it is refused, which takes one line."""
    try:
        return reader(text)
    except InputError as error:
        message = str(error)
    assert "\n" not in message
    return None


ROWS = [
    "30 ± 2 mm", "30 +/- 2 mm", "1e-14 m²/s ± 50 %", "0.48(3) mm", "12 µm", "20–200 µm", "5 kg m-3",
    "20..200 µm", "1/3 m", "1.2×10^-3 m", "1.2·10⁻³ m", "-5..5 degC", "3 cm ± 2 mm",
    "1e-14 ± 50 % m²/s",
]  # fmt: skip
TROUBLE = " 0123456789.,-−–±+/*×·^()eEdx%µmks²⁻°'\"\u00a0_~<"


@given(st.sampled_from(ROWS), st.data())
@settings(max_examples=150)
def test_a_text_with_slips_of_the_pen_is_refused_or_means_what_it_says(
    row: str, data: st.DataObject
) -> None:
    text = row
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text)))
        put = data.draw(st.sampled_from(["", *TROUBLE]))
        text = text[:place] + put + text[place + data.draw(st.integers(0, 1)) :]
    quantity = read(parse_quantity, text)
    assert quantity is None or agrees(text, quantity), (text, quantity)


@given(st.text(max_size=30) | st.text(TROUBLE, max_size=14))
@settings(max_examples=150)
@example("9" * 401).via("longer than every quantity")
@example("0:\n0").via("a line end in what is no unit")
def test_any_other_text_is_a_label_or_refused_in_one_sentence(text: str) -> None:
    quantity = read(as_quantity, text)
    assert (
        quantity is None
        or quantity.value == text.strip()
        or quantity.is_label
        or agrees(text, quantity)
    ), (
        text,
        quantity,
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("12 µm (0.5 mil)", "in the brackets"),
        ("12 µm (each side)", "in the brackets"),
        ("20-200 µm", "write it as '20..200 µm'"),
        ("20 µm-200 µm", "write it as '20 µm..200 µm'"),
        ("1,5 mm", "a comma may mark"),
        ("1,000 mm", "a comma may mark"),
        ("1 000 mm", "a blank may part"),
        ("1.000.000 mm", "too many"),
        ("1...3 m", "too many"),
        ("1h30", "h30. is not a unit"),
        ("2m50", "m50. is not a unit"),
        ("5 ft 3 in", "stands|number"),
        ("5 mm × 3 mm", "number follows a unit"),
        ("0x1F m", "one number"),
        ("1 m5m", "is not a unit with a power"),
        ("1e -14 m", "exponent"),
        ("5 kg m -3", "one number"),
        ("5 /s", "one number"),
        ("2 mt", "may be meant"),
        ("5 kg m/3", "divides"),
        ("3 0.92 mg/l", "one number"),
        ("0.48 (3) mm", "one number"),
        ("0.48(0.03) mm", "one number"),
        ("1d-3 m", "exponent"),
        ("5 e-3 m", "exponent"),
        ("1.2×10-3 m", "one number"),
        ("1.2 ± 0.1×10^-3 m", "power of ten"),
        ("1–2×10^-3 m", "power of ten"),
        ("30 ± 2 %", "what the % is of"),
        ("30 % ± 2 %", "what the % is of"),
        ("3000 ± 5 %", "what the % is of"),
        ("20 °C ± 5 %", "no part"),
        ("30 mm ± 2", "both numbers need the unit"),
        ("30 mm ± 2 s", "both numbers need the unit"),
        ("30 ± -2 mm", "no sign"),
        ("200..20 µm", "reversed"),
        ("nan..1", "begins with no number"),
        ("inf m", "begins with no number"),
        ("1e999 m", "beyond"),
        ("1e-999 m", "beyond"),
        ("1/0 m", "zero"),
        ("3 blorps", "cannot be read"),
        ("1 label", "label"),
    ],
)
def test_what_has_no_or_more_than_one_reading_is_refused(text: str, why: str) -> None:
    assert is_numeric(text)
    with pytest.raises(InputError, match=why) as error:
        as_quantity(text, "'l'")
    assert str(error.value).startswith("'l' is")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "value", "low", "high", "unit"),
    [
        ("1e-14 ± 50 % m²/s", 1e-14, 5e-15, 1.5e-14, "m²/s"),
        ("(1.2 ± 0.1)×10^-3 m", 1.2e-3, 1.1e-3, 1.3e-3, "m"),
        ("20 °C ± 2 K", 20.0, 18.0, 22.0, "°C"),
        ("0.4 ± 0.1 %/K", 0.4, 0.3, 0.5, "%/K"),
        ("(30 ± 2) %", 30.0, 28.0, 32.0, "%"),
        ("20 µm..0.2 mm", None, 0.02, 0.2, "mm"),
        ("20 µm–200 µm", None, 20.0, 200.0, "µm"),
        ("−10–−5 °C", None, -10.0, -5.0, "°C"),
        ("..5e-3 m", None, -math.inf, 5e-3, "m"),
        ("1..", None, 1.0, math.inf, "1"),
        ("7 l/(100*km)", 7.0, None, None, "l/(100*km)"),
        ({"value": 30, "unit": "mm", "low": 28, "high": 33}, 30.0, 28.0, 33.0, "mm"),
        ({"low": 1, "high": 9, "unit": "day"}, None, 1.0, 9.0, "day"),
        ({"value": "30 ± 2", "unit": "mm"}, 30.0, 28.0, 32.0, "mm"),
        ({"value": "30 ± 2 mm"}, 30.0, 28.0, 32.0, "mm"),
        (({"value": 3.0}), 3.0, None, None, "1"),
        ((3.0, "0.92 mg/l"), 3.0, None, None, "0.92 mg/l"),
        ("4.2 mmH2O", 4.2, None, None, "mmH2O"),
        ((3.0, None), 3.0, None, None, None),
        (3, 3.0, None, None, None),
        (registry().Quantity(3.0, "mm"), 3.0, None, None, "millimeter"),
    ],
)
def test_every_form_of_a_quantity(
    given: Any, value: float | None, low: float | None, high: float | None, unit: str | None
) -> None:
    quantity = as_quantity(given)
    assert (quantity.value, quantity.low, quantity.high, quantity.unit) == (value, low, high, unit)
    assert as_quantity(quantity) is quantity
    if quantity.is_range or quantity.unit is None:
        return
    assert as_quantity(quantity.to_json()).ends() == quantity.ends()
    parse_unit(str(quantity.unit))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"value": 1, "unit": "m", "error": 0.1}, "the key 'error'"),
        ({"unit": "m"}, "has no value"),
        ({"value": 3, "unit": "m", "low": 4, "high": 5}, "in this order"),
        ({"value": 3, "unit": "m", "dist": "normal"}, "one standard error"),
        ({"value": 3, "unit": "m", "dist": "cauchy"}, "'bounds', or 'normal'"),
        ({"value": 3, "unit": 7}, "give a text"),
        ({"value": "3 mm", "unit": "m"}, "give one unit"),
        ({"value": "30 ± 2", "low": 1, "high": 50}, "give one unit"),
        ({"value": True, "unit": "m"}, "give a number"),
        ({"value": math.inf, "unit": "m"}, "finite"),
        ({"value": 3, "unit": "label"}, "no label"),
        (None, "give a number"),
        ([1.0, 2.0, "m"], "give a number"),
    ],
)
def test_what_is_no_quantity_says_why(given: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        as_quantity(given, "'l'")


def test_a_label_in_quotes_may_begin_as_a_number_does() -> None:
    assert as_quantity("'6061-T6'").value == "6061-T6"
    assert as_quantity({"value": "316L", "unit": "label"}).value == "316L"
    assert as_quantity(" resin ").value == "resin"
