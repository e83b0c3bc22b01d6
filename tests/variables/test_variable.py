"""Headers, variables and dimensions."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.variables import Dimension, Variable, parse_unit, parse_variable, split_header
from dimgs.variables.units import exact_exponent

RATIONALS = st.fractions(min_value=-9, max_value=9, max_denominator=20)
DIMENSIONS = st.dictionaries(st.sampled_from(["[length]", "[mass]", "[time]"]), RATIONALS).map(
    Dimension.of
)


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("U [m/s]", ("U", "m/s", None)),
        ("  U[m/s]  ", ("U", "m/s", None)),
        ("a [m^2/s; thermal diffusivity]", ("a", "m^2/s", "thermal diffusivity")),
        ("Re []", ("Re", "", None)),
        ("Re [-]", ("Re", "-", None)),
        ("T_g (K)", ("T_g (K)", None, None)),
        ("x [i] [m]", ("x [i]", "m", None)),
        ("[m]", ("[m]", None, None)),
        ("[S] [mM]", ("[S]", "mM", None)),
        ("x [m", ("x [m", None, None)),
    ],
)
def test_headers(header: str, parts: tuple[str, str | None, str | None]) -> None:
    assert split_header(header) == parts


ENDS = "\t\n\v\f\r\x85\u2028\u2029"


@pytest.mark.parametrize("end", [*ENDS, "\r\n", " \n  "])
def test_the_end_of_a_line_in_a_name_is_a_blank(end: str) -> None:
    assert split_header(f"flow{end}rate [m/s]") == ("flow rate", "m/s", None)
    assert split_header(f"flow{end}rate") == ("flow rate", None, None)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters=f"[]{ENDS}"), min_size=1).filter(
        lambda s: s.strip() == s
    ),
    st.sampled_from(["m/s", "1", "", "degC"]),
)
def test_headers_round_trip(name: str, unit: str) -> None:
    assert split_header(f"{name} [{unit}]") == (name, unit, None)


def test_variables() -> None:
    v = parse_variable("a [mm^2/s; thermal diffusivity]")
    assert (v.si_unit, v.kind, v.is_label, v.is_level) == ("m^2/s", "thermal diffusivity", 0, 0)
    assert v.renamed("b").name == "b"
    assert parse_variable("L [dB]").si_unit == "dB"
    assert parse_variable("L [dB]").is_level
    with pytest.raises(InputError, match=r"'U' has no unit; write it as 'name \[unit\]'"):
        parse_variable("U")
    with pytest.raises(InputError, match=r"Variable 'U': The unit 'frob'"):
        parse_variable("U [frob]")
    with pytest.raises(InputError, match="empty name"):
        Variable("", parse_unit("m"))
    with pytest.raises(InputError, match="needs a positive value"):
        Variable("g", parse_unit("m/s^2"), role="constant")


@given(DIMENSIONS, DIMENSIONS, RATIONALS)
def test_dimensions_form_a_vector_space(a: Dimension, b: Dimension, power: Fraction) -> None:
    assert a * b == b * a
    assert (a * b) / b == a
    assert (a * b) ** power == a**power * b**power
    assert (a / a).is_dimensionless
    assert Dimension.from_json(a.to_json()) == a
    assert all(e for _, e in a)


@given(st.fractions(min_value=-50, max_value=50, max_denominator=1000))
def test_exponents_survive_floats(value: Fraction) -> None:
    assert exact_exponent(float(value), "m") == value


@pytest.mark.parametrize("value", [0.3333, 0.66667, 2**0.5])
def test_irrational_exponents_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="not a rational of small denominator"):
        exact_exponent(value, "m")
