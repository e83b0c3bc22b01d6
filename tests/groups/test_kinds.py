"""Kinds: the table agrees with pint, and names and hints settle what they should."""

import pickle
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.groups.kinds import (
    Kind,
    all_kinds,
    infer_kinds,
    kind,
    kinds_of_dimension,
    name_tokens,
    parse_dimension,
)
from dimgs.variables import Dimension

DIFFUSIVITY = "L2 T-1"


@cache
def registry() -> Any:
    """Of Pint; it takes most of a second to make."""
    return pytest.importorskip("pint").UnitRegistry()


def inferred(name: str, code: str, hint: str | None = None) -> list[str]:
    return [each.name for each in infer_kinds(name, parse_dimension(code), hint)]


def test_table_is_large_and_names_are_unique() -> None:
    names = [each.name for each in all_kinds()]
    assert len(names) == len(set(names)) >= 90


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("density", "kg/m**3"),
        ("dynamic viscosity", "Pa*s"),
        ("kinematic viscosity", "m**2/s"),
        ("surface tension", "N/m"),
        ("thermal conductivity", "W/m/K"),
        ("specific heat", "J/kg/K"),
        ("heat transfer coefficient", "W/m**2/K"),
        ("latent heat", "J/kg"),
        ("heat flux", "W/m**2"),
        ("volumetric heating rate", "W/m**3"),
        ("surface tension temperature coefficient", "N/m/K"),
        ("Stefan-Boltzmann constant", "W/m**2/K**4"),
        ("thermal resistance", "K/W"),
        ("elastic modulus", "Pa"),
        ("pressure gradient", "Pa/m"),
        ("compressibility", "1/Pa"),
        ("torque", "N*m"),
        ("power", "W"),
        ("moment of inertia", "kg*m**2"),
        ("gravitational constant", "m**3/kg/s**2"),
        ("dissipation rate", "W/kg"),
        ("concentration", "mol/m**3"),
        ("volumetric reaction rate", "mol/m**3/s"),
        ("second-order rate constant", "m**3/mol/s"),
        ("molar activation energy", "J/mol"),
        ("molar gas constant", "J/mol/K"),
        ("charge", "C"),
        ("voltage", "V"),
        ("electric field", "V/m"),
        ("electrical resistance", "ohm"),
        ("electrical conductivity", "S/m"),
        ("electrical resistivity", "ohm*m"),
        ("permittivity", "F/m"),
        ("magnetic permeability", "H/m"),
        ("magnetic flux density", "T"),
        ("magnetic flux", "Wb"),
        ("magnetic field strength", "A/m"),
        ("capacitance", "F"),
        ("inductance", "H"),
        ("charge density", "C/m**3"),
        ("charge per amount", "C/mol"),
        ("luminous intensity", "cd"),
    ],
)
def test_dimensions_agree_with_pint(name: str, unit: str) -> None:
    expected = {base: Fraction(power) for base, power in registry()(unit).dimensionality.items()}
    assert dict(kind(name).dimension) == expected


def test_fracture_toughness_has_an_exact_half() -> None:
    assert kind("fracture toughness").dimension.get("[length]") == Fraction(-1, 2)


@pytest.mark.parametrize("each", all_kinds(), ids=lambda each: each.name)
def test_every_alias_and_hint_finds_its_kind(each: Kind) -> None:
    assert infer_kinds("x7", each.dimension, hint=each.name) == (each,)
    assert infer_kinds("x7", each.dimension, hint=each.name.upper().replace(" ", "_")) == (each,)
    for alias in each.symbols:
        assert each in infer_kinds(alias, each.dimension)
        assert each in infer_kinds("x7", each.dimension, hint=alias)


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("alpha", DIFFUSIVITY, "thermal diffusivity"),
        ("α_air", DIFFUSIVITY, "thermal diffusivity"),
        ("kappa", DIFFUSIVITY, "thermal diffusivity"),
        ("nu", DIFFUSIVITY, "kinematic viscosity"),
        ("ν", DIFFUSIVITY, "kinematic viscosity"),
        ("D", DIFFUSIVITY, "mass diffusivity"),
        ("D_AB", DIFFUSIVITY, "mass diffusivity"),
        ("D_eff", DIFFUSIVITY, "effective diffusivity"),
        ("rho_f", "M L-3", "density"),
        ("ρ", "M L-3", "density"),
        ("RHO1", "M L-3", "density"),
        ("$\\rho_{l}$", "M L-3", "density"),
        ("Δρ", "M L-3", "density difference"),
        ("delta_rho", "M L-3", "density difference"),
        ("particleDensity", "M L-3", "particle density"),
        ("U_inf", "L T-1", "velocity"),
        ("u*", "L T-1", "friction velocity"),
        ("speed_of_sound", "L T-1", "sound speed"),
        ("T_g (K)", "K", "temperature"),
        ("ΔT", "K", "temperature difference"),
        ("∆T [K]", "K", "temperature difference"),
        ("d_p", "L", "diameter"),
        ("pipe diameter", "L", "diameter"),
        ("R1", "L", "radius"),
        ("surface roughness", "L", "roughness"),
        ("dp", "M L-1 T-2", "pressure difference"),
        ("pressure_drop_total", "M L-1 T-2", "pressure difference"),
        ("tau_w", "M L-1 T-2", "wall shear stress"),
        ("µ", "M L-1 T-1", "dynamic viscosity"),
        ("Ω", "T-1", "angular velocity"),
        ("c_p_air", "L2 T-2 K-1", "specific heat"),
    ],
)
def test_names_that_settle_the_kind(name: str, code: str, expected: str) -> None:
    assert inferred(name, code) == [expected]


@pytest.mark.parametrize("name", ["x", "a", "d", "chi", "x17", "Größe", "col 3", "(?)", ""])
def test_names_that_settle_nothing_leave_all_kinds(name: str) -> None:
    assert infer_kinds(name, parse_dimension(DIFFUSIVITY)) == kinds_of_dimension(
        parse_dimension(DIFFUSIVITY)
    )
    assert {"kinematic viscosity", "thermal diffusivity", "mass diffusivity"} <= set(
        inferred(name, DIFFUSIVITY)
    )


def test_shared_names_stay_ambiguous() -> None:
    assert inferred("lambda", "L") == ["wavelength", "mean free path"]
    assert inferred("x", DIFFUSIVITY, "diffusivity") == ["thermal diffusivity", "mass diffusivity"]
    assert inferred("omega", "T-1") == ["angular frequency", "angular velocity"]


def test_hint_takes_precedence_and_unknown_hint_is_free_text() -> None:
    assert inferred("nu", DIFFUSIVITY, "thermal diffusivity") == ["thermal diffusivity"]
    assert inferred("nu", DIFFUSIVITY, "of the oil") == ["kinematic viscosity"]
    assert inferred("rho", "M L-3", "velocity") == ["density"]
    assert inferred("x", "M L-3", "air density") == ["density"]


def test_no_kind_for_dimensionless_or_unheard_of() -> None:
    assert infer_kinds("phi", Dimension()) == ()
    assert infer_kinds("x", Dimension.of({"[currency]": 1})) == ()


def test_unknown_kind_is_refused_with_near_matches() -> None:
    with pytest.raises(InputError, match="dynamic viscosity"):
        kind("dinamic viscosity")
    with pytest.raises(InputError, match="all_kinds"):
        kind("zzzzzz")


def test_a_kind_survives_pickling() -> None:
    made = Kind("x", Dimension.of({"[time]": Fraction(1, 2)}))
    assert pickle.loads(pickle.dumps(made)) == made


@given(st.text(max_size=12), st.sampled_from(all_kinds()))
def test_any_name_gives_kinds_of_that_dimension(name: str, each: Kind) -> None:
    inferred = infer_kinds(name, each.dimension, hint=name)
    assert inferred
    assert set(inferred) <= set(kinds_of_dimension(each.dimension))
    assert all(token.isalnum() for token in name_tokens(name))
