"""Units as people write them: exact dimensions, right sizes, or a clear refusal."""

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pint import UnitRegistry

from dimgs.common.errors import DimgsError, InputError
from dimgs.variables import Dimension, define_unit, parse_unit, si_unit, to_pint
from dimgs.variables.quantities import unit_of
from dimgs.variables.units import improbable, user_names

BASES = {"m": "[length]", "kg": "[mass]", "s": "[time]", "K": "[temperature]", "A": "[current]"}
EXPONENTS = st.fractions(min_value=-6, max_value=6, max_denominator=12).filter(bool)

SAME = [
    ("m/s**2", "m/s^2", "m·s⁻²", "m s-2", "m s^-2", "m*s**-2", "m/s/s", "m s⁻²"),
    ("kg/m^3", "kg m-3", "kg·m⁻³", "kg/m3", "kg/m³", "kg * m**-3"),
    ("W/(m^2*K)", "W/(m2 K)", "W m-2 K-1", "W·m⁻²·K⁻¹", "W/(m²·K)"),
    ("MPa*m**(1/2)", "MPa·√m", "MPa·√(m)", "MPa sqrt(m)", "MPa m^0.5"),
    ("Pa·s", "Pa s", "Pa*s", "Pa×s", "Pa⋅s"),
    ("µm", "μm", "um", "micrometer"),
    ("1", "", "-", "dimensionless", " "),
    ("degC", "°C", "° C", "℃"),
    ("delta_degC", "Δ°C", "∆°C", "ΔdegC", "∆degC"),
    ("1e19/m^3", "1e19 m^-3", "10^19 m^-3"),
    ("%", "percent"),
]


@pytest.mark.parametrize("writings", SAME, ids=lambda w: w[0])
def test_notations_agree(writings: tuple[str, ...]) -> None:
    first = parse_unit(writings[0])
    for text in writings[1:]:
        other = parse_unit(text)
        assert other.dimension == first.dimension, text
        assert other.factor == pytest.approx(first.factor, rel=1e-14), text
        assert (other.offset, other.scale) == (first.offset, first.scale), text


@given(st.dictionaries(st.sampled_from(sorted(BASES)), EXPONENTS, min_size=1))
def test_exponents_are_exact(powers: dict[str, Fraction]) -> None:
    text = " * ".join(f"{name}**({power})" for name, power in powers.items())
    expected = Dimension.of({BASES[name]: power for name, power in powers.items()})
    assert parse_unit(text).dimension == expected
    # and the decimal float that Pint makes of it comes back to the same rational
    decimal = " * ".join(f"{name}**({float(power)!r})" for name, power in powers.items())
    if all(len(repr(float(p)).lstrip("-")) < 8 for p in powers.values()):
        assert parse_unit(decimal).dimension == expected


@given(st.dictionaries(st.sampled_from(sorted(BASES)), EXPONENTS))
def test_si_units_read_back(powers: dict[str, Fraction]) -> None:
    dimension = Dimension.of({BASES[name]: power for name, power in powers.items()})
    unit = parse_unit(si_unit(dimension))
    assert unit.dimension == dimension
    assert unit.factor == pytest.approx(1.0)
    assert unit.offset == 0.0


@settings(deadline=None)
@given(st.text(max_size=12) | st.text("mskgKPa°C%·*/^()-+0123456789. √²⁻¹dB[];", max_size=14))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        unit = parse_unit(text)
    except InputError:
        return
    assert unit.factor > 0
    assert all(isinstance(e, Fraction) and e for _, e in unit.dimension)


@given(st.floats(1e-3, 1e3), st.sampled_from(["degC", "degF", "km/h", "mm", "1e19/m^3", "psi"]))
def test_conversion_agrees_with_pint(value: float, text: str) -> None:
    unit = parse_unit(text)
    if text == "1e19/m^3":
        expected = value * 1e19
    else:
        pint = to_pint(value, text).to(si_unit(unit.dimension))
        expected = float(pint.magnitude)
    assert unit.factor * value + unit.offset == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        *("m^0.3333", "m**m", "m+s", "m/0", "m**1e400", "m^(1/0)", "9**9**9**9", "m**2**3"),
        *("d638199378", "m d-638199378", "m/d638199378", "(d638199378)"),
        *("kg / m 3", "l/100km", "1/100 m", "W/m²K", "kgm-3", "m;s", "m,s", "frob", "m/", "(("),
        *("-1 m", "0 m", "nan", "inf m", "2 degC", "x" * 1000, "\0", "[length]", "e^-211"),
        *("dB/m", "mag/arcsec^2", "log10(dB)", "ln(K)", "__import__('os')"),
    ],
)
def test_what_would_be_misread_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"unit '|The exponent"):
        parse_unit(text)


def test_messages_name_the_unit_and_a_remedy() -> None:
    with pytest.raises(InputError, match=r"'kg / m 3'.*write an exponent as m\^3"):
        parse_unit("kg / m 3")
    with pytest.raises(InputError, match=r"'W/m²K'.*W/\(m²\*K\)"):
        parse_unit("W/m²K")
    with pytest.raises(InputError, match=r"'m\^0.3333' is not a rational.*m\*\*\(1/3\)"):
        parse_unit("m^0.3333")
    with pytest.raises(InputError, match=r"'frob' cannot be read.*EUR = \[currency\]"):
        parse_unit("frob")


@pytest.mark.parametrize(
    ("text", "factor", "offset"),
    [("degC", 1.0, 273.15), ("degF", 5 / 9, 459.67 * 5 / 9), ("K", 1.0, 0.0)],
)
def test_absolute_temperatures(text: str, factor: float, offset: float) -> None:
    unit = parse_unit(text)
    assert unit.scale == "temperature"
    assert unit.factor == pytest.approx(factor, rel=1e-15)
    assert unit.offset == pytest.approx(offset, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        *(("delta_degC", 1.0), ("delta_degF", 5 / 9), ("degC/m", 1.0), ("degF/m", 5 / 9)),
        *(("1/degC", 1.0), ("degC**2", 1.0), ("J/(kg*degC)", 1.0)),
    ],
)
def test_differences_of_temperature(text: str, factor: float) -> None:
    unit = parse_unit(text)
    assert (unit.scale, unit.offset) == ("ratio", 0.0)
    assert unit.factor == pytest.approx(factor, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        *(("dB", 10**0.1), ("dBm", 10**0.1), ("pH", 0.1), ("mag", 10**-0.4), ("dex", 10.0)),
        *(("Np", 2.718281828459045), ("octave", 2.0), ("log10(Pa)", 10.0), ("log2(1)", 2.0)),
        ("ln(m/s)", 2.718281828459045),
    ],
)
def test_levels_are_logarithmic(text: str, ratio: float) -> None:
    unit = parse_unit(text)
    assert unit.scale == "level"
    assert unit.dimension.is_dimensionless
    assert 2.718281828459045**unit.log_factor == pytest.approx(ratio)


def test_angles_are_radians_and_moles_a_dimension() -> None:
    assert parse_unit("deg").factor == pytest.approx(3.141592653589793 / 180)
    assert parse_unit("deg").dimension.is_dimensionless
    assert parse_unit("mol/L").dimension.to_json() == {"[length]": "-3", "[substance]": "1"}
    assert parse_unit("mol/L").factor == 1000.0


def test_labels() -> None:
    assert {parse_unit(t).scale for t in ("label", "Label", "category", "categorical")} == {"label"}


def test_units_of_the_user() -> None:
    with pytest.raises(InputError):
        parse_unit("thaler/kg")
    define_unit("thaler = [tender]")
    define_unit("groschen = thaler / 24")
    unit = parse_unit("groschen/kg")
    assert unit.dimension.to_json() == {"[mass]": "-1", "[tender]": "1"}
    assert unit.factor == pytest.approx(1 / 24)
    assert parse_unit(si_unit(unit.dimension)).factor == pytest.approx(1.0)
    with pytest.raises(InputError, match="cannot be read"):
        define_unit("thaler thaler thaler")
    # also under a sign of its own, or under a name that would be doubted
    define_unit("piece = [pieces] = pcs = ₿")
    assert parse_unit("pcs/h").dimension == parse_unit("₿/s").dimension
    assert improbable("pcs/h") is None
    user_names.discard("pcs")


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        *(("m (beam diameter)", "m"), ("1 (Darcy)", "1"), ("dB (third-octave level)", "dB")),
        *(
            ("% (signed)", "%"),
            ("label (Mat1 steel, Mat2 Al)", "label"),
            ("m (normalised to 1)", "m"),
        ),
        *(("W/(m K) (at 20 degrees)", "W/(m K)"), ("1 (already log10)", "1")),
    ],
)
def test_remarks_are_no_part_of_the_unit(text: str, unit: str) -> None:
    assert parse_unit(text) == parse_unit(unit)
    assert to_pint(1, text) == to_pint(1, unit)


@pytest.mark.parametrize("text", ["kg (frob)", "m (", "(m) (of it)(x)", "frob (of a kind)"])
def test_a_misspelt_unit_is_no_remark(text: str) -> None:
    with pytest.raises(InputError):
        parse_unit(text)


def test_a_unit_in_brackets_is_a_factor() -> None:
    assert parse_unit("kg (m s)").dimension == parse_unit("kg m s").dimension


def test_astronomy() -> None:
    assert parse_unit("AU").factor == 149597870700.0
    assert parse_unit("Msun").factor == pytest.approx(1.98841e30, rel=1e-5)


@given(st.text(max_size=10))
def test_errors_are_of_one_family(text: str) -> None:
    try:
        to_pint(1, text)
    except DimgsError:
        return


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kg^-3/4", r"whether -3/4 is the exponent; write kg\^\(-3/4\)"),
        ("W*kg**3/4*m", r"write kg\^\(3/4\)"),
        ("m/", "breaks off"),
        ("(m", "breaks off"),
        ("m//s", "not a product of powers of units"),
    ],
)
def test_refusals_speak_of_the_unit_and_not_of_the_parser(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        parse_unit(text)


def test_exponents_of_quantities_are_exact() -> None:
    theirs: UnitRegistry[float] = UnitRegistry()
    assert unit_of(theirs.meter ** (1 / 3), "a").dimension == Dimension.of(
        {"[length]": Fraction(1, 3)}
    )
    root = theirs.Quantity(2.0, "MPa * m**0.5")
    assert unit_of(root, "K").dimension == parse_unit("MPa·√m").dimension
    with pytest.raises(InputError, match="not a rational"):
        unit_of(theirs.meter**0.12345678901234, "a")


def test_a_unit_of_the_users_own_registry_is_known_here_too() -> None:
    theirs: UnitRegistry[float] = UnitRegistry()
    theirs.define("ducat = [currency]")
    theirs.define("zecchino = 3 ducat")
    unit = unit_of(theirs.zecchino / theirs.kg, "price")
    assert unit.dimension == Dimension.of({"[currency]": 1, "[mass]": -1})


def test_gauss_of_the_users_own_registry_is_that_of_a_table() -> None:
    theirs: UnitRegistry[float] = UnitRegistry()
    for text in ("gauss", "kilogauss", "oersted", "maxwell"):
        assert unit_of(theirs.Quantity(2.0, text), "B").factor == parse_unit(text).factor
    # a product with one is no SI unit in Pint, and the remedy names one that is read
    with pytest.raises(InputError, match="give its values in 'N/A'"):
        unit_of(theirs.Quantity(2.0, "gauss * cm"), "w")
    assert unit_of(theirs.Quantity(2.0, "N/A"), "w") == parse_unit("newton / ampere")


@pytest.mark.parametrize("text", ["1e3 kg", "1e19 m^-3", "mm", "degC", "delta_degC", "1", "dB"])
def test_quantities_have_the_number_of_their_unit(text: str) -> None:
    unit, quantity = parse_unit(text), to_pint(2.5, text)
    if unit.scale == "level":
        assert quantity.magnitude == 2.5
    else:
        assert quantity.to_base_units().magnitude == pytest.approx(unit.to_si(2.5), rel=1e-14)


@pytest.mark.parametrize(
    "text",
    ["m^3/(kg*s^2)", "W/m^2", "W/(m^2*K)", "J/(kg*K)", "Pa*s", "N/m", "W/(m*K)", "kg/m^3", "J/K"],
)
def test_si_units_are_those_that_tables_of_constants_print(text: str) -> None:
    assert si_unit(parse_unit(text).dimension) == text


@pytest.mark.parametrize("parts", ["1/4", "3/8", "1/0"])
def test_a_part_of_a_unit_is_offered_as_a_decimal(parts: str) -> None:
    top, below = map(int, parts.split("/"))
    with pytest.raises(InputError) as refused:
        parse_unit(f"{parts} in")
    assert f"write /({below} in) if it is that" in str(refused.value)
    if not below:
        assert "if it is a part" not in str(refused.value)
        return
    offered = str(refused.value).partition(", or ")[2].partition(" if it is a part")[0]
    assert parse_unit(offered).factor == pytest.approx(0.0254 * top / below)


@pytest.mark.parametrize(
    ("text", "readings"),
    [("m/s-1", "'/s' or '*s'"), ("J/(kg K)-2", "'/(...)^2' or '*(...)^2'")],
)
def test_a_division_by_a_negative_power_is_refused_with_both_readings(
    text: str, readings: str
) -> None:
    with pytest.raises(InputError, match=re.escape(readings)):
        parse_unit(text)
