from fractions import Fraction

import pytest
from hypothesis import given, settings
from sympy import Matrix
from sympy.matrices.normalforms import smith_normal_form
from sympy.polys.domains import ZZ

from dimgs.groups.derive import pi_basis
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.groups.group import Namer, PiBasis, kinds_of, with_named_groups
from dimgs.variables import Variable, parse_variable
from tests.groups.random_variables import variable_lists

PIPE = ["rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]", "L [m]", "eps [m]"]
CONVECTION = [
    "beta [1/K]",
    "g [m/s^2]",
    "dT [delta_degC]",
    "L [m]",
    "nu [m^2/s; kinematic viscosity]",
    "alpha [m^2/s; thermal diffusivity]",
    "k [W/m/K]",
]


def names_of(basis: PiBasis) -> list[str | None]:
    return [group.known_as for group in basis.groups]


def test_a_recognised_group_keeps_its_usual_form() -> None:
    (reynolds,) = pi_basis(["rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]"]).groups
    assert reynolds.known_as == "Reynolds number"
    assert reynolds.get("mu") == -1
    prandtl = pi_basis(CONVECTION[4:6]).groups[0]
    assert (prandtl.known_as, prandtl.get("nu")) == ("Prandtl number", Fraction(1))
    assert prandtl.symbol == r"\mathrm{Pr}"


def test_an_unknown_group_has_its_first_exponent_positive() -> None:
    (group,) = pi_basis(["b [m]", "a [s]", "c [m/s]"]).groups
    assert group.as_dict() == {"a": 1, "b": -1, "c": 1}
    assert (group.known_as, group.symbol) == (None, None)


def test_shorter_groups_come_first() -> None:
    for basis in (pi_basis(PIPE), pi_basis(CONVECTION)):
        sizes = [sum(abs(e) for _, e in g.exponents) for g in basis.groups]
        assert sizes == sorted(sizes)
        assert [g.name for g in basis.groups] == [f"pi_{i + 1}" for i in range(len(sizes))]


def test_one_reynolds_number_with_the_diameter() -> None:
    basis = pi_basis(PIPE, prefer_named=True)
    (reynolds,) = [g for g in basis.groups if g.known_as == "Reynolds number"]
    assert reynolds.get("D") == 1
    renamed = ["rho [kg/m^3]", "U [m/s]", "z [m; diameter]", "mu [Pa*s]", "e [m; roughness]"]
    names = {g.known_as: dict(g.exponents) for g in pi_basis(renamed, prefer_named=True).groups}
    assert names["Reynolds number"]["z"] == 1
    assert names["relative roughness"] == {"e": 1, "z": -1}


def test_a_length_that_is_measured_is_no_roughness() -> None:
    depth = pi_basis(["e [m]", "r0 [m]", "w [m]"], "e")
    assert depth.response is not None
    assert depth.response.known_as is None


def test_named_groups_are_preferred_only_when_asked() -> None:
    preferred = names_of(pi_basis(CONVECTION, prefer_named=True))
    assert {"Prandtl number", "Grashof number"} <= set(preferred)
    assert "Grashof number" not in names_of(pi_basis(CONVECTION))


def test_the_response_takes_a_name_when_asked() -> None:
    inputs = ["rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]"]
    drag = pi_basis([*inputs, "F [N; drag force]"], "F", prefer_named=True)
    assert drag.response is not None
    assert drag.response.known_as == "drag coefficient"
    assert drag.response.as_dict() == {"F": 1, "rho": -1, "U": -2, "D": -2}
    assert drag.repeating == ("D", "U", "rho")
    assert "named number" in drag.explanation
    heat = pi_basis([*CONVECTION, "h [W/m^2/K]"], "h", prefer_named=True)
    assert heat.response is not None
    assert heat.response.known_as == "Nusselt or Biot number"
    fluid = [t.replace("k [W/m/K]", "k_f [W/m/K]") for t in CONVECTION]
    heat = pi_basis([*fluid, "h [W/m^2/K]"], "h", prefer_named=True)
    assert heat.response is not None
    assert heat.response.known_as == "Nusselt number"


def test_without_a_name_the_response_is_the_smallest_monomial() -> None:
    basis = pi_basis(["x [m^3]", "a [m]", "b [m*s]"], "x", prefer_named=True)
    assert basis.response is not None
    assert basis.response.as_dict() == {"x": 1, "a": -3}


def test_nothing_is_named_where_kinds_are_ambiguous() -> None:
    (ratio,) = pi_basis(["x [m^2/s]", "y [m^2/s]"], prefer_named=True).groups
    assert ratio.known_as is None


def test_the_namer_answers_alike_for_a_vector_and_its_opposite() -> None:
    variables = [parse_variable(v) for v in ("D [m]", "U [m/s]", "nu [m^2/s]")]
    namer = Namer([v.name for v in variables], kinds_of(variables))
    assert namer.groups([(1, 1, -1)]) == namer.groups([(-1, -1, 1)])
    response = namer.response("D", {"U": Fraction(1), "nu": Fraction(-1)})
    assert (response.name, response.known_as) == ("pi_0", "Reynolds number")


@pytest.mark.parametrize("texts", [PIPE, CONVECTION, [*CONVECTION, "U [m/s]", "rho [kg/m^3]"]])
def test_a_basis_with_names_still_spans_the_full_lattice(texts: list[str]) -> None:
    variables = sorted((parse_variable(t) for t in texts), key=lambda v: v.name)
    check_full_lattice(variables)


@settings(deadline=None, max_examples=30)
@given(variable_lists(least=2))
def test_a_basis_with_names_spans_the_full_lattice_of_anything(variables: list[Variable]) -> None:
    check_full_lattice(variables)


def check_full_lattice(variables: list[Variable]) -> None:
    D = DimensionalMatrix.of(variables)
    lattice = D.kernel_lattice()
    if not lattice:
        return
    named = with_named_groups(lattice, D.names, kinds_of(variables))
    assert len(named) == len(lattice)
    for vector in named:
        assert all(sum(x * a for x, a in zip(row, vector, strict=True)) == 0 for row in D.rows)
    smith = smith_normal_form(Matrix(named), domain=ZZ)
    assert {abs(smith[i, i]) for i in range(len(named))} == {1}
