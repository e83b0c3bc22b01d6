"""Quantities are what they say, however they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.agent.arguments import amount, amounts, to_quantity
from dimgs.common.errors import InputError

UNITS = ("m", "µm", "kg/m^3", "m^2/s", "day", "mg/kg", "%", "W/(m*K)", "1")


@given(st.floats(1e-12, 1e12), st.sampled_from(UNITS))
def test_a_text_and_a_document_are_the_same_quantity(value: float, unit: str) -> None:
    text = amount(f"{value!r} {unit}" if unit != "1" else repr(value))
    assert text.equals(amount({"value": value, "unit": unit}))
    assert text.equals(amount(f"{value!r}{'' if unit == '1' else unit}"))


@given(st.floats(1e-6, 1e6), st.integers(1, 6), st.sampled_from(UNITS))
def test_a_number_shows_what_it_was_rounded_from_and_nothing_else(
    value: float, digits: int, unit: str
) -> None:
    (stated,) = amounts(f"it is {value:.{digits - 1}e} {'' if unit == '1' else unit}")
    assert stated.shows(amount({"value": value, "unit": unit}))
    assert not stated.shows(amount({"value": value * (1 + 20 * 10.0**-digits), "unit": unit}))
    other = "K" if unit != "K" else "m"
    assert not stated.shows(amount({"value": value, "unit": other}))


def test_prose_has_its_numbers_with_units() -> None:
    text = (
        "In a 0.1 mm film at 40 °C, after ten days, 3.2×10⁻¹⁴ m²/s and 1,000 kg m^-3; "
        "between 2 and 3 mg/kg (90 %), pi_1 = 7, C0 of H2O."
    )
    stated = [(a.value, a.unit) for a in amounts(text)]
    assert stated == [
        (0.1, "mm"),
        (40.0, "°C"),
        (10.0, "days"),
        (3.2e-14, "m²/s"),
        (1000.0, "kg m^-3"),
        (2.0, "mg/kg"),
        (3.0, "mg/kg"),
        (90.0, "%"),
        (7.0, "1"),
    ]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("thick", "give a number with its unit"),
        ("3 blorps", "cannot be read"),
        ({"value": float("nan"), "unit": "m"}, "finite"),
        ({"value": True}, "give a number"),
        ("30 ± 2 m", "an interval"),
    ],
)
def test_what_is_no_quantity_is_refused_with_its_name(given: object, what: str) -> None:
    with pytest.raises(InputError, match=f"'l'.*{what}"):
        amount(given, "'l'")


@pytest.mark.parametrize(("word", "value"), [("twelve", 12), ("seventy", 70), ("eighty", 80)])
def test_numbers_in_words_have_their_units(word: str, value: float) -> None:
    (stated,) = amounts(f"a film of {word} µm")
    assert (stated.value, stated.unit) == (value, "µm")


def test_labels_stay_labels() -> None:
    assert to_quantity("resin", "kind").to_json() == {"value": "resin", "unit": "label"}
    assert to_quantity({"value": "resin", "unit": "1"}, "kind").unit == "label"
    assert to_quantity("2 mm", "l").to_json() == {"value": 2.0, "unit": "mm"}
    assert to_quantity({"value": "2", "unit": "mm"}, "l").to_json() == {
        "value": 2.0,
        "unit": "mm",
    }
