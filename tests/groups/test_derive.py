from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sympy import Matrix
from sympy.matrices.normalforms import smith_normal_form
from sympy.polys.domains import ZZ

from dimgs.common.errors import DimensionError, InputError
from dimgs.groups.derive import all_bases, pi_basis
from dimgs.groups.dimensions import DimensionalMatrix
from dimgs.groups.group import PiBasis, PiGroup
from dimgs.variables import Dimension, Variable, parse_variable
from tests.groups.random_variables import variable, variable_lists

PIPE = ["rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]", "L [m]", "eps [m]", "dp [Pa]"]


def dimension_of(basis: PiBasis, exponents: Sequence[tuple[str, Fraction]]) -> Dimension:
    total = Dimension()
    for name, power in exponents:
        total = total * basis.variable(name).dimension ** power
    return total


def check(basis: PiBasis) -> None:
    """What every basis must satisfy, computed apart from its own validation."""
    names = [v.name for v in basis.variables]
    for group in basis.groups:
        assert dimension_of(basis, group.exponents).is_dimensionless
        assert all(e.denominator == 1 for _, e in group.exponents)
    assert len(basis.groups) == len(names) - basis.rank
    if basis.groups:
        rows = Matrix([[int(g.get(n)) for n in names] for g in basis.groups])
        assert rows.rank() == len(basis.groups)
    if basis.target is not None:
        assert basis.response is not None
        assert basis.response.get(basis.target.name) == 1
        assert dimension_of(basis, basis.response.exponents).is_dimensionless
        assert not any(g.get(basis.target.name) for g in basis.groups)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(variable_lists(least=1, most=7), st.data())
def test_any_input_gives_a_correct_basis_or_a_clear_error(
    variables: list[Variable], data: st.DataObject
) -> None:
    names = [v.name for v in variables]
    response = data.draw(st.one_of(st.none(), st.sampled_from([*names, "absent"])))
    options: dict[str, Any] = {
        "repeating": data.draw(
            st.one_of(st.none(), st.lists(st.sampled_from([*names, "absent"]), max_size=4))
        ),
        "constants": data.draw(st.lists(st.sampled_from(["g", "c", "k_B", "zeta"]), max_size=2)),
        "scales": data.draw(st.sampled_from([(), "auto", ("s0 [kg]",), ("v0 [m]",), ("x [1]",)])),
        "prefer_named": data.draw(st.booleans()),
    }
    try:
        basis = pi_basis(variables, response, **options)
    except InputError as error:
        message = str(error)
    else:
        message = "."
        check(basis)
        for each in all_bases(basis):
            check(each)
    assert message.endswith((".", "?"))
    assert "\n" not in message


@settings(deadline=None, max_examples=50)
@given(variable_lists(least=1, most=7), st.data())
def test_the_order_of_the_columns_does_not_matter(
    variables: list[Variable], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(variables))
    assert pi_basis(shuffled) == pi_basis(variables)


@settings(deadline=None, max_examples=50)
@given(variable_lists(least=2, most=6), st.data())
def test_another_system_of_base_dimensions_gives_the_same_groups(
    variables: list[Variable], data: st.DataObject
) -> None:
    """Force, velocity and action as base dimensions, for instance: a unimodular change."""
    bases = sorted({b for v in variables for b, _ in v.dimension})
    shifts = data.draw(
        st.lists(st.integers(-2, 2), min_size=len(bases) ** 2, max_size=len(bases) ** 2)
    )
    order = data.draw(st.permutations(bases))

    def changed(dimension: Dimension) -> Dimension:
        powers = {b: dimension.get(b) for b in bases}
        for i, base in enumerate(bases):
            for k in range(i):
                powers[base] += shifts[i * len(bases) + k] * powers[bases[k]]
        return Dimension.of({new: powers[old] for old, new in zip(bases, order, strict=True)})

    def shape(of: list[Variable]) -> tuple[Any, ...]:
        try:
            basis = pi_basis(of, "v0")
        except DimensionError:
            basis = pi_basis(of[1:])
        exponents = [dict(g.exponents) for g in basis.groups]
        flat = [
            {n: e * (1 if min(g.items())[1] > 0 else -1) for n, e in g.items()} for g in exponents
        ]
        key = sorted(tuple(sorted(g.items())) for g in flat)
        return key, basis.response and basis.response.exponents

    renamed = [variable(v.name, changed(v.dimension)) for v in variables]
    assert shape(renamed) == shape(variables)


def test_all_smith_factors_are_one() -> None:
    basis = pi_basis(["A [m^2]", "L1 [m]", "L2 [m]", "V [m^3]", "t [s]", "nu [m^2/s]", "U [m/s]"])
    rows = Matrix([[int(g.get(v.name)) for v in basis.variables] for g in basis.groups])
    smith = smith_normal_form(rows, domain=ZZ)
    assert [abs(smith[i, i]) for i in range(rows.rows)] == [1] * rows.rows


def test_area_and_two_lengths_yield_the_ratio_of_lengths() -> None:
    groups = {str(g) for g in pi_basis(["A [m^2]", "L1 [m]", "L2 [m]"]).groups}
    assert "L1·L2⁻¹" in groups


def test_the_choice_of_repeating_variables_is_explained() -> None:
    basis = pi_basis(PIPE, "dp")
    assert basis.repeating == ("U", "rho")
    assert "'dp' is made dimensionless by U, rho: the fewest variables" in basis.explanation
    chosen = pi_basis(PIPE, "dp", repeating=["rho", "mu", "D"])
    assert chosen.repeating == ("rho", "mu", "D")
    assert "as asked" in chosen.explanation
    assert chosen.response is not None
    assert chosen.response.as_dict() == {"dp": 1, "rho": 1, "D": 2, "mu": -2}
    assert {str(g) for g in chosen.groups} == {"D·U·rho·mu⁻¹", "D·L⁻¹", "eps·D⁻¹"} | (
        {str(g) for g in chosen.groups} & {"L·D⁻¹"}
    )
    assert "LLL" in pi_basis(PIPE[:-1]).explanation


def test_what_is_dropped_is_named_with_the_reason_and_the_remedy() -> None:
    basis = pi_basis([*PIPE, "I [A]"], "dp")
    (dropped,) = basis.dropped
    assert dropped.name == "I"
    assert "no other column has the dimension I" in dropped.why
    assert 'scale "I0 [A]"' in basis.suggestions[0]
    assert "I" not in [v.name for v in basis.variables]
    (other,) = pi_basis(["a [m]", "b [s]", "c [m*s]", "w [m^2*kg]", "z [kg*K]"]).dropped[:1]
    assert other.name in {"w", "z"}


def test_a_variable_whose_bases_are_shared_is_dropped_with_another_reason() -> None:
    basis = pi_basis(
        ["L [m]", "D [m]", "p [kg*m]", "q [kg*m*s]", "r [kg*s^3*m]", "x [K*s]", "y [K*m]"]
    )
    check(basis)
    lone = pi_basis(["L [m]", "U [m/s]", "m [kg]", "j [kg/s]", "x [K*m]"])
    assert [d.name for d in lone.dropped] == ["x"]
    pair = pi_basis(["L [m]", "D [m]", "x [K*m]", "y [K^2*s]", "z [s*K]"])
    assert pair.dropped == () or all("dimension" in d.why for d in pair.dropped)
    three = pi_basis(["a [m*s]", "b [m/s]"])
    assert {d.why.split(" its")[0] for d in three.dropped} == {
        "no product of powers of the other inputs has"
    }


def test_levels_and_labels_take_no_part() -> None:
    basis = pi_basis(["S [dB]", "L [m]", "D [m]", "material [label]"])
    assert [d.name for d in basis.dropped] == ["S"]
    assert "already logarithmic" in basis.dropped[0].why
    assert [str(g) for g in basis.groups] == ["D·L⁻¹"]
    level = pi_basis(["S [dB]", "L [m]", "D [m]"], "S")
    assert level.response is not None
    assert level.response.as_dict() == {"S": 1}
    assert "is a level" in level.explanation


def test_all_dimensionless() -> None:
    basis = pi_basis(["Nu [1]", "Re [1]", "Pr [-]"], "Nu")
    assert [str(g) for g in basis.groups] == ["Pr", "Re"]
    assert str(basis.response) == "Nu"
    assert (basis.rank, basis.dropped) == (0, ())


def test_one_variable_and_none() -> None:
    alone = pi_basis(["L [m]"])
    assert (alone.groups, alone.response, alone.variables) == ((), None, ())
    assert alone.dropped[0].name == "L"
    assert [str(g) for g in pi_basis(["Re [1]"]).groups] == ["Re"]
    only = pi_basis(["A [m^2]", "L [m]"], "A")
    assert only.groups == ()
    assert str(only.response) == "A·L⁻²"
    for source, response in (([], None), (["L [m]"], "L"), (["m [label]"], None)):
        with pytest.raises(InputError, match="There are no inputs"):
            pi_basis(source, response)


def test_names_are_checked() -> None:
    for source, response in (
        (["L [m]", "L [s]", "T [s]"], None),
        (["T [s]", "T [s]", "L [m]"], "T"),
        (["L [m]", "L [label]"], None),
    ):
        with pytest.raises(InputError, match="is used twice"):
            pi_basis(source, response)
    with pytest.raises(InputError, match="'g' is used twice"):
        pi_basis(["L [m]", "T [s]"], "T", constants=["g", "g"])
    with pytest.raises(InputError, match="no variable 'rhoo'; did you mean 'rho'"):
        pi_basis(PIPE, "rhoo")
    with pytest.raises(InputError, match="is a label"):
        pi_basis(["m [label]", "L [m]"], "m")


def test_groups_of_constants_only_are_flagged() -> None:
    def constant(of: PiBasis) -> list[PiGroup]:
        return [g for g in of.groups if all(of.variable(n).role != "data" for n in g.as_dict())]

    basis = pi_basis(["r [m]", "q [C]"], constants=["e", "hbar", "c", "eps_0"])
    flagged = constant(basis)
    assert flagged
    assert any(f"{flagged[0]} contains constants only" in s for s in basis.suggestions)
    pipe = pi_basis(PIPE)
    assert not constant(pipe)
    named = pi_basis(["q [C]"], constants=["e", "hbar", "c", "eps_0"], prefer_named=True)
    assert constant(named)


def test_explicit_scales_join_the_groups() -> None:
    basis = pi_basis(["B [W]", "M [kg]"], "B", scales=["M0 [kg]", "B0 [W]"])
    assert [str(g) for g in basis.groups] == ["M·M0⁻¹"]
    assert str(basis.response) == "B·B0⁻¹"
    assert {v.role for v in basis.variables} == {"data", "scale"}
    check(basis)


def test_automatic_scales_and_what_does_not_vary() -> None:
    basis = pi_basis(["B [W]", "M [kg]"], "B", scales="auto")
    assert [str(g) for g in basis.groups] == ["M·M0⁻¹"]
    still = pi_basis(["A [m^2]", "L [m]", "m [kg]"], "A", scales="auto", varying=["L"])
    assert [v.name for v in still.variables if v.role == "scale"] == ["L0"]
    with pytest.raises(InputError, match="give 'auto' or a list"):
        pi_basis(["B [W]", "M [kg]"], "B", scales="M0 [kg]")


def test_redundant_base_dimensions_lower_the_rank() -> None:
    basis = pi_basis(["p [Pa]", "q [kg/(m*s^2)]", "E [Pa]"])
    assert (basis.rank, len(basis.groups)) == (1, 2)


def test_fifty_dimensions_and_two_hundred_variables() -> None:
    """Exact, full, reduced; the time is a benchmark's business."""
    rows = [
        [Fraction((7 * i * i + 3 * j * i + j * j) % 7 - 3, 1 + (i * j) % 2) for j in range(60)]
        for i in range(15)
    ]
    D = DimensionalMatrix(
        tuple(f"v{j:02d}" for j in range(60)),
        tuple(f"[b{i}]" for i in range(15)),
        tuple(map(tuple, rows)),
    )
    lattice = D.kernel_lattice()
    assert len(lattice) == 60 - D.rank
    for vector in lattice:
        assert all(sum(x * a for x, a in zip(row, vector, strict=True)) == 0 for row in rows)


def test_sources_without_text() -> None:
    assert pi_basis({"L": "m", "D": "m"}) == pi_basis([parse_variable("L [m]"), "D [m]"])
