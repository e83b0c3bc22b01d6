"""The catalogue: dimensionless, well formed, and equal to an independent library's numbers."""

import re
from typing import Any

import numpy as np
import pytest

from dimgs.common.errors import DimensionError, InputError
from dimgs.groups.catalogue import (
    SLOTS,
    NamedNumber,
    all_numbers,
    named_number,
    parse_definition,
    slot_dimension,
    slot_kinds,
)
from dimgs.groups.kinds import kind
from dimgs.variables import Dimension

NUMBERS = all_numbers()
REQUIRED = (
    "Reynolds Prandtl Nusselt Grashof Rayleigh Weber Ohnesorge Bond Eötvös capillary Froude Euler "
    "Mach Knudsen Péclet mass_Péclet Schmidt Sherwood Stanton Biot Fourier Lewis Strouhal Stokes "
    "Deborah Weissenberg Damköhler Hartmann Alfvén Archimedes Galilei Morton Richardson Rossby "
    "Ekman Bingham Hedstrom Jakob Eckert Brinkman Marangoni Taylor Stefan Graetz Dean power "
    "cavitation Cauchy Laplace Suratman Ursell Keulegan-Carpenter Womersley Shields Rouse Bejan "
    "Elsasser Bodenstein Kapitza Lagrange Hatta Lundquist Stuart magnetic_Reynolds"
)


def test_at_least_eighty_entries_with_their_own_names_and_symbols() -> None:
    assert len(NUMBERS) >= 80
    names = [name.casefold() for each in NUMBERS for name in (each.name, *each.aliases)]
    assert len(names) == len(set(names))
    symbols = [each.symbol for each in NUMBERS]
    assert len(symbols) == len(set(symbols))


@pytest.mark.parametrize("name", REQUIRED.split())
def test_the_usual_numbers_are_there(name: str) -> None:
    assert named_number(f"{name.replace('_', ' ')} number").definitions


def test_thiele_modulus_and_coefficients_are_there() -> None:
    for name in ("Thiele modulus", "drag coefficient", "Darcy friction factor", "specific speed"):
        assert named_number(name.upper()).name == name


@pytest.mark.parametrize("entry", NUMBERS, ids=lambda entry: entry.name)
def test_every_definition_is_dimensionless_for_every_choice_of_kinds(entry: NamedNumber) -> None:
    for definition in entry.definitions:
        total = Dimension()
        for slot, exponent in definition:
            dimensions = {kind(name).dimension for name in slot_kinds(slot)}
            assert dimensions == {slot_dimension(slot)}
            total *= slot_dimension(slot) ** exponent
        assert total.is_dimensionless
    assert len(set(entry.definitions)) == len(entry.definitions)


@pytest.mark.parametrize("entry", NUMBERS, ids=lambda entry: entry.name)
def test_every_entry_has_a_reference_with_a_year_and_balanced_latex(entry: NamedNumber) -> None:
    assert re.search(r"\b(18|19|20)\d\d\b", entry.reference)
    assert entry.field
    assert entry.symbol.count("{") == entry.symbol.count("}")


def test_broader_numbers_exist_and_come_first() -> None:
    order = {each.name: position for position, each in enumerate(NUMBERS)}
    special = [each for each in NUMBERS if each.broader]
    assert special
    assert all(order[each.broader] < order[each.name] for each in special)


def test_every_slot_is_used() -> None:
    used = {slot for each in NUMBERS for definition in each.definitions for slot, _ in definition}
    assert set(SLOTS) <= used


def test_bad_entries_are_refused() -> None:
    with pytest.raises(DimensionError, match="Wrong number"):
        NamedNumber("Wrong number", "W", (parse_definition("density, velocity"),), "x 2000", "x")
    with pytest.raises(DimensionError, match="not a dimensionless product"):
        NamedNumber("Empty number", "W", ((),), "x 2000", "x")
    with pytest.raises(InputError, match="at least one"):
        NamedNumber("No number", "W", (), "x 2000", "x")
    twice = parse_definition("any length, diameter^-1")
    with pytest.raises(InputError, match="same kind"):
        NamedNumber("Aspect ratio", "A", (twice,), "x 2000", "x")


def test_unknown_number_lists_near_matches() -> None:
    with pytest.raises(InputError, match="Reynolds number"):
        named_number("Reynold number")
    with pytest.raises(InputError, match="all_numbers"):
        named_number("qqqqqqqq")


# Function of the library `fluids`, its argument for each slot of one definition of the entry.
INDEPENDENT: tuple[tuple[str, str, int, dict[str, str]], ...] = (
    (
        "Reynolds number",
        "Reynolds",
        0,
        {"V": "flow velocity", "D": "any length", "rho": "density", "mu": "any viscosity"},
    ),
    (
        "Prandtl number",
        "Prandtl",
        1,
        {"Cp": "specific heat", "k": "fluid conductivity", "mu": "dynamic viscosity"},
    ),
    ("Prandtl number", "Prandtl", 0, {"nu": "kinematic viscosity", "alpha": "thermal diffusivity"}),
    (
        "Weber number",
        "Weber",
        0,
        {"V": "flow velocity", "L": "any length", "rho": "density", "sigma": "surface tension"},
    ),
    (
        "Ohnesorge number",
        "Ohnesorge",
        0,
        {"L": "any length", "rho": "density", "mu": "any viscosity", "sigma": "surface tension"},
    ),
    (
        "Laplace number",
        "Suratman",
        0,
        {"L": "any length", "rho": "density", "mu": "any viscosity", "sigma": "surface tension"},
    ),
    (
        "capillary number",
        "Capillary",
        0,
        {"V": "flow velocity", "mu": "any viscosity", "sigma": "surface tension"},
    ),
    ("Mach number", "Mach", 0, {"V": "flow velocity", "c": "sound speed"}),
    (
        "Froude number",
        "Froude",
        0,
        {"V": "flow velocity", "L": "any length", "g": "any acceleration"},
    ),
    ("Knudsen number", "Knudsen", 0, {"path": "mean free path", "L": "size"}),
    (
        "Schmidt number",
        "Schmidt",
        1,
        {"D": "mass diffusivity", "mu": "dynamic viscosity", "rho": "density"},
    ),
    (
        "Sherwood number",
        "Sherwood",
        0,
        {"K": "mass transfer coefficient", "L": "any length", "D": "mass diffusivity"},
    ),
    (
        "Stanton number",
        "Stanton",
        0,
        {
            "h": "heat transfer coefficient",
            "V": "flow velocity",
            "rho": "density",
            "Cp": "specific heat",
        },
    ),
    (
        "Nusselt number",
        "Nusselt",
        0,
        {
            "h": "heat transfer coefficient",
            "L": "any length",
            "k": "thermal conductivity of the fluid",
        },
    ),
    (
        "Biot number",
        "Biot",
        0,
        {
            "h": "heat transfer coefficient",
            "L": "any length",
            "k": "thermal conductivity of the solid",
        },
    ),
    (
        "Fourier number",
        "Fourier_heat",
        1,
        {
            "t": "any time",
            "L": "any length",
            "rho": "density",
            "Cp": "specific heat",
            "k": "any conductivity",
        },
    ),
    (
        "mass Fourier number",
        "Fourier_mass",
        0,
        {"t": "any time", "L": "any length", "D": "mass diffusivity"},
    ),
    ("Lewis number", "Lewis", 0, {"D": "mass diffusivity", "alpha": "thermal diffusivity"}),
    ("Strouhal number", "Strouhal", 0, {"f": "frequency", "L": "any length", "V": "flow velocity"}),
    (
        "Péclet number",
        "Peclet_heat",
        1,
        {
            "V": "flow velocity",
            "L": "any length",
            "rho": "density",
            "Cp": "specific heat",
            "k": "fluid conductivity",
        },
    ),
    (
        "mass Péclet number",
        "Peclet_mass",
        0,
        {"V": "flow velocity", "L": "any length", "D": "mass diffusivity"},
    ),
    (
        "Graetz number",
        "Graetz_heat",
        0,
        {"V": "flow velocity", "D": "diameter", "x": "length", "alpha": "thermal diffusivity"},
    ),
    (
        "Eckert number",
        "Eckert",
        0,
        {"V": "flow velocity", "Cp": "specific heat", "dT": "temperature difference"},
    ),
    (
        "Jakob number",
        "Jakob",
        0,
        {"Cp": "specific heat", "Hvap": "latent heat", "Te": "temperature difference"},
    ),
    (
        "Bejan number",
        "Bejan_p",
        2,
        {
            "dP": "pressure difference",
            "K": "permeability",
            "mu": "dynamic viscosity",
            "alpha": "thermal diffusivity",
        },
    ),
    (
        "power number",
        "Power_number",
        0,
        {"P": "power", "L": "any length", "N": "any rotation", "rho": "density"},
    ),
    (
        "drag coefficient",
        "Drag",
        0,
        {"F": "drag force", "A": "area", "V": "flow velocity", "rho": "density"},
    ),
    ("Euler number", "Euler", 0, {"dP": "any pressure", "rho": "density", "V": "flow velocity"}),
    ("boiling number", "Boiling", 0, {"G": "mass flux", "q": "heat flux", "Hvap": "latent heat"}),
)


@pytest.mark.parametrize(
    ("name", "function", "which", "arguments"),
    INDEPENDENT,
    ids=[f"{row[0]} {row[2]}" for row in INDEPENDENT],
)
def test_definitions_agree_with_an_independent_library(
    name: str, function: str, which: int, arguments: dict[str, str]
) -> None:
    core: Any = pytest.importorskip("fluids.core")
    definition = dict(named_number(name).definitions[which])
    assert set(definition) == set(arguments.values())
    rng = np.random.default_rng(7)
    factors = []
    for _ in range(3):
        values = {argument: float(rng.uniform(0.5, 2.0)) for argument in arguments}
        product = np.prod([values[a] ** float(definition[slot]) for a, slot in arguments.items()])
        factors.append(getattr(core, function)(**values) / product)
    assert np.allclose(factors, factors[0], rtol=1e-12)
