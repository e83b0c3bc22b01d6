"""Units whose literal reading is improbable, and those that are plain."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dimgs
from dimgs.common.errors import InputError
from dimgs.variables import parse_unit, si_unit
from dimgs.variables.units import improbable, readings

DOUBTED = {
    "Nm": "N*m",
    "kNm": "N*m",
    "Nm/rad": "N*m",
    "W/mK": "W/(m*K)",
    "W/m K": "W/(m*K)",
    "W/m·K": "W/(m*K)",
    "J/kg K": "J/(kg*K)",
    "W/m^2 K": "W/(m^2*K)",
    "kg/m s": "Pa*s",
    "kg/ms": "Pa*s",
    "Nm3/h": "m^3/h",
    "Nm³/h": "m^3/h",
    "slm": "l/min",
    "mu m": "µm",
    "u m": "µm",
    "mu s": "µs",
    "C": "degC",
    "F": "degF",
    "W/(m k)": "W/(m*K)",
    "1e19/m^3 s": "1/(m^3*s)",
    "ftlb": "N*m",
    "PS": "W",
    "RH": "1",
    "mu": "m",
    "pa": "Pa",
    "kmph": "m/s",
    "J/kg.K": "J/(kg*K)",
    "ms-1": "m/s",
    "ms^-2": "m/s^2",
    "N/A": "1",
    "a.u.": "1",
    "R": "K",
    "mb": "Pa",
}
# of which a table tells no likely other reading
ODD = ["Re", "EH", "PT", "Pm/dd", "RN", "mmin/m", "pli"]
ABSOLUTE = {
    "bara": "bar",
    "kPa(a)": "kPa",
    "psi a": "psi",
    "bar (a)": "bar",
    "psia": "psi",
    "kPa abs": "kPa",
    "mbar (abs)": "mbar",
    "Paa": "Pa",
}
GAUGE = ["barg", "bar(g)", "psi (g)", "bar g", "psig", "kPag", "kPa gauge", "MPag"]  # fmt: skip
PLAIN = [
    *("N m", "W/(m K)", "W/(m·K)", "W/m/K", "W/m*K", "J/(kg*K)", "kg m-3", "kg m^2/s^3 K^-1"),
    *("m/ms", "V/ms", "mm", "µm", "mK", "mPa s", "bar", "m (beam diameter)", "K", "degC", "1"),
    *("dB", "pH", "label", "MPa·√m", "km/h", "mol/L", "rpm", "ft lbf", "m s-1", "1/ms", "kg.m"),
    *("PHz", "PJ", "EeV", "Gy", "Gyr", "ka", "fs", "aJ", "nT", "kmol", "mas", "ksi", "V/ms"),
    *("bara", "psia", "kat", "cd", "min", "ft", "PeV/c", "kip", "Mpc", "mmHg", "%"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), DOUBTED.items())
def test_both_readings_are_given_and_the_literal_one_is_plain(text: str, meant: str) -> None:
    reading = improbable(text)
    assert reading is not None
    assert reading.unit is not None
    assert reading.unit.dimension == parse_unit(meant).dimension
    literal, read = parse_unit(reading.literal), parse_unit(text)
    assert literal.dimension == read.dimension
    assert literal.factor == pytest.approx(read.factor, rel=1e-9)
    assert improbable(reading.literal) is None
    # the sentence ends with two texts that are not doubted again
    assert f"; write '{reading.literal}'" in reading.sentence(text)
    assert improbable(reading.unit.text) is None


@pytest.mark.parametrize("text", [*(r.text for r in readings().values() if r.outcome != "read")])
def test_every_row_of_the_table_gives_two_texts_that_are_not_doubted(text: str) -> None:
    text = f"W{text}" if text.startswith("/") else text
    reading = improbable(text)
    assert reading is not None
    assert reading.unit is not None
    assert improbable(reading.literal) is improbable(reading.unit.text) is None
    assert replace(parse_unit(reading.literal), text=text) == parse_unit(text)


@pytest.mark.parametrize("text", [r.text for r in readings().values() if r.outcome == "read"])
def test_every_row_that_is_read_is_not_doubted(text: str) -> None:
    reading = readings()[text].reading
    assert improbable(text) is None
    assert replace(parse_unit(text), text=reading) == parse_unit(reading)


@pytest.mark.parametrize("text", ["mol(g)", "mol (s)", "kg (e)"])
def test_a_letter_in_brackets_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="a letter in brackets, which may be a unit or a remark"):
        parse_unit(text)


@pytest.mark.parametrize("text", PLAIN)
def test_plain_units_are_not_doubted(text: str) -> None:
    assert improbable(text) is None


@pytest.mark.parametrize("text", ODD)
def test_a_prefix_that_no_unit_takes_is_doubted(text: str) -> None:
    reading = improbable(text)
    assert reading is not None
    assert reading.unit is None
    assert f"but another unit may be meant; write '{reading.literal}'" in reading.sentence(text)
    assert improbable(reading.literal) is None


@pytest.mark.parametrize(("text", "unit"), ABSOLUTE.items())
def test_an_absolute_pressure_says_so(text: str, unit: str) -> None:
    assert replace(parse_unit(text), text=unit) == parse_unit(unit)


@pytest.mark.parametrize("text", GAUGE)
def test_a_gauge_pressure_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(InputError, match=r"gauge pressure.*add the atmosphere's"):
        parse_unit(text)


@given(powers=st.lists(st.integers(-3, 3), min_size=3, max_size=3))
def test_units_written_here_are_never_doubted(powers: list[int]) -> None:
    dimension = parse_unit("1").dimension
    for base, power in zip(("m", "kg", "s"), powers, strict=True):
        dimension = dimension * parse_unit(base).dimension ** power
    reading = improbable(si_unit(dimension))
    assert reading is None, si_unit(dimension)


@pytest.mark.parametrize("name", ["dT", "dT_wall", "Delta T", "ΔT", "T_diff", "temp rise"])
def test_a_difference_by_its_name_in_an_absolute_unit_is_doubted(name: str) -> None:
    table = {f"{name} [degC]": [10.0, 20.0], "L [m]": [1.0, 2.0]}
    (note,) = dimgs.read_table(table).warnings
    assert f"Column '{name}'" in note
    assert "the difference delta_degC may be meant" in note
    with pytest.raises(InputError, match="may be meant"):
        dimgs.read_table(table, strict_units=True)
    plain = {
        f"{name} [delta_degC]": [1.0, 2.0],
        "T [degC]": [3.0, 5.0],
        "dTdt [degC/s]": [7.0, 4.0],
    }
    assert not dimgs.read_table(plain).warnings
