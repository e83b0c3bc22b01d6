"""LAMMPS's units against Pint: what one unit is worth, both ways."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.kernels.lammps import BOLTZMANN, Scales
from dimgs.variables import registry

SIZES = st.floats(1e-2, 1e2)
MECHANICAL = st.sampled_from(
    ["nm", "zJ", "amu", "K", "ps", "mN/m", "pN", "m/s", "nm^2", "Pa", "m^2/s", "Pa s", "kg/m^3"]
)
Q = registry().Quantity


def lj(sigma: float, epsilon: float, mass: float) -> Scales:
    return Scales.lj(Q(sigma, "nm"), Q(epsilon, "zJ"), Q(mass, "amu"))


@given(SIZES, SIZES, SIZES)
def test_sigma_epsilon_and_m_are_the_units_of_lj(sigma: float, epsilon: float, m: float) -> None:
    scales = lj(sigma, epsilon, m)
    assert scales.reduced(Q(sigma, "nm")) == pytest.approx(1.0)
    assert scales.reduced(Q(epsilon, "zJ")) == pytest.approx(1.0)
    assert scales.reduced(Q(m, "amu")) == pytest.approx(1.0)
    assert scales.reduced(Q(epsilon * 1e-21 / BOLTZMANN, "K")) == pytest.approx(1.0)
    tau = sigma * 1e-9 * math.sqrt(m * 1.66053906660e-27 / (epsilon * 1e-21))
    assert scales.reduced(Q(tau, "s")) == pytest.approx(1.0)


@given(SIZES, SIZES, SIZES, SIZES, MECHANICAL)
def test_there_and_back(value: float, sigma: float, epsilon: float, m: float, unit: str) -> None:
    for scales in (lj(sigma, epsilon, m), Scales.real()):
        assert scales.in_unit(scales.reduced(value, unit), unit) == pytest.approx(value)


@given(SIZES, SIZES, SIZES)
def test_what_has_no_dimension_has_one_number_in_every_style(
    sigma: float, epsilon: float, m: float
) -> None:
    scales = lj(sigma, epsilon, m)
    assert scales.reduced(0.3, "1") == Scales.real().reduced(0.3, "1") == pytest.approx(0.3)


@pytest.mark.parametrize(
    "text",
    [
        "1 angstrom",
        "1 kcal/mol",
        "1 g/mol",
        "1 fs",
        "1 K",
        "1 kcal/mol/angstrom",
        "1 kcal/mol/angstrom**2",
        "1 angstrom/fs",
        "1 atm",
        "1 g/cm**3",
        "1 poise",
    ],
)
def test_the_units_of_the_style_real_are_those_of_its_manual(text: str) -> None:
    assert Scales.real().reduced(Q(text)) == pytest.approx(1.0, rel=1e-9)


def test_per_mole_and_per_particle_are_one() -> None:
    molar = Scales.lj(Q(3, "angstrom"), Q(0.2, "kcal/mol"), Q(14, "g/mol"))
    single = Scales.lj(3e-10, 0.2 * 4184 / 6.02214076e23, 14e-3 / 6.02214076e23)
    for text in ("1 ps", "300 K", "1 mN/m"):
        assert molar.reduced(Q(text)) == pytest.approx(single.reduced(Q(text)))
    assert molar.in_unit(1.0, "kcal/mol") == pytest.approx(0.2)


def test_absolute_temperatures_keep_their_offset() -> None:
    assert Scales.real().reduced(Q(26.85, "degC")) == pytest.approx(300.0)
    assert Scales.real().in_unit(300.0, "degC") == pytest.approx(26.85)


def test_what_cannot_be_mapped_is_said() -> None:
    with pytest.raises(InputError, match="no unit for 'W'"):
        Scales.real().reduced(1.0, "W")
    with pytest.raises(InputError, match=r"\[current\]"):
        Scales.real().reduced(1.0, "A")
    with pytest.raises(InputError, match="epsilon is in 'kelvin'"):
        Scales.lj(Q(1, "nm"), Q(300, "K"), Q(1, "amu"))
    with pytest.raises(InputError, match="above zero"):
        Scales.lj(0.0, 1.0, 1.0)
