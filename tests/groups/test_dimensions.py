from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Matrix, Rational
from sympy.matrices.normalforms import smith_normal_form
from sympy.polys.domains import ZZ

from dimgs.common.errors import InputError
from dimgs.groups.dimensions import (
    DimensionalMatrix,
    ReducedSystem,
    lattice_reduced,
    primitive,
    solve_exact,
)
from dimgs.variables import Dimension, Variable, parse_variable
from tests.groups.random_variables import EXPONENTS, variable, variable_lists

MATRICES = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(EXPONENTS, min_size=n, max_size=n), min_size=1, max_size=4)
)


def of_rows(rows: list[list[Fraction]]) -> DimensionalMatrix:
    names = tuple(f"v{j}" for j in range(len(rows[0])))
    bases = tuple(f"[b{i}]" for i in range(len(rows)))
    return DimensionalMatrix(names, bases, tuple(map(tuple, rows)))


def in_sympy(rows: list[list[Fraction]]) -> Matrix:
    return Matrix([[Rational(x.numerator, x.denominator) for x in row] for row in rows])


@settings(deadline=None, max_examples=60)
@given(MATRICES)
def test_rank_and_kernel_agree_with_sympy(rows: list[list[Fraction]]) -> None:
    D = of_rows(rows)
    independent = in_sympy(rows)
    lattice = D.kernel_lattice()
    assert D.rank == independent.rank()
    assert len(lattice) == len(rows[0]) - independent.rank()
    for vector in lattice:
        assert all(sum(x * a for x, a in zip(row, vector, strict=True)) == 0 for row in rows)


@settings(deadline=None, max_examples=60)
@given(MATRICES)
def test_the_basis_spans_every_integer_vector_of_the_kernel(rows: list[list[Fraction]]) -> None:
    lattice = of_rows(rows).kernel_lattice()
    if lattice:
        k = len(lattice)
        smith = smith_normal_form(Matrix(lattice), domain=ZZ)
        assert [abs(smith[i, i]) for i in range(k)] == [1] * k


@settings(deadline=None, max_examples=60)
@given(MATRICES, st.data())
def test_another_unit_system_gives_the_same_basis(
    rows: list[list[Fraction]], data: st.DataObject
) -> None:
    """A unit system is an invertible rational recombination of the rows."""
    m = len(rows)
    lower = data.draw(st.lists(EXPONENTS, min_size=m * m, max_size=m * m))
    scale = data.draw(st.lists(EXPONENTS.filter(bool), min_size=m, max_size=m))
    changed: list[list[Fraction]] = []
    for i in range(m):
        row = [scale[i] * x for x in rows[i]]
        for k in range(i):
            row = [x + lower[i * m + k] * y for x, y in zip(row, changed[k], strict=True)]
        changed.append(row)
    order = data.draw(st.permutations(range(m)))
    other = of_rows([changed[i] for i in order])
    assert other.kernel_lattice() == of_rows(rows).kernel_lattice()


def test_a_redundant_base_dimension_changes_nothing() -> None:
    rows = [[Fraction(1), Fraction(2), Fraction(0)], [Fraction(0), Fraction(1), Fraction(1)]]
    doubled = [*rows, [a - 3 * b for a, b in zip(*rows, strict=True)]]
    assert of_rows(doubled).rank == 2
    assert of_rows(doubled).kernel_lattice() == of_rows(rows).kernel_lattice()


def test_primitive_vectors_alone_would_miss_the_ratio_of_lengths() -> None:
    D = DimensionalMatrix.of([parse_variable(v) for v in ("A [m^2]", "L1 [m]", "L2 [m]")])
    assert (0, 1, -1) in {max(v, tuple(-x for x in v)) for v in D.kernel_lattice()}


def test_no_columns_and_no_rows() -> None:
    assert DimensionalMatrix.of([]).kernel_lattice() == ()
    assert DimensionalMatrix.of([]).rank == 0
    plain = DimensionalMatrix.of_dimensions(["a", "b"], [Dimension(), Dimension()])
    assert plain.rank == 0
    assert {tuple(map(abs, v)) for v in plain.kernel_lattice()} == {(1, 0), (0, 1)}


def test_malformed_matrices_are_refused() -> None:
    one = Fraction(1)
    with pytest.raises(InputError, match="'a' is used twice"):
        DimensionalMatrix(("a", "a"), ("[length]",), ((one, one),))
    with pytest.raises(InputError, match="one row per base"):
        DimensionalMatrix(("a",), ("[length]",), ((one, one),))


@settings(deadline=None, max_examples=60)
@given(variable_lists(), st.data())
def test_solve_finds_exact_exponents_whenever_there_are_any(
    variables: list[Variable], data: st.DataObject
) -> None:
    D = DimensionalMatrix.of(variables)
    powers = data.draw(st.lists(EXPONENTS, min_size=len(variables), max_size=len(variables)))
    target = Dimension()
    for v, power in zip(variables, powers, strict=True):
        target = target * v.dimension**power
    exponents = D.solve(target)
    assert exponents is not None
    reached = Dimension()
    for v, power in zip(variables, exponents, strict=True):
        reached = reached * v.dimension**power
    assert reached == target


def test_solve_outside_the_span() -> None:
    D = DimensionalMatrix.of([parse_variable(v) for v in ("U [m/s]", "c [m/s]")])
    assert D.solve(Dimension.of({"[mass]": 1})) is None
    assert D.solve(Dimension.of({"[length]": 1})) is None
    assert D.solve(Dimension.of({"[length]": 2, "[time]": -2}), [1]) == (Fraction(2),)
    assert solve_exact([[Fraction(0), Fraction(1)]], 1) is None


def test_column_order_changes_only_the_order_of_the_columns_of_the_lattice() -> None:
    inputs = [parse_variable(v) for v in ("rho [kg/m^3]", "U [m/s]", "D [m]", "mu [Pa*s]")]
    for order in permutations(inputs):
        (vector,) = DimensionalMatrix.of(order).kernel_lattice()
        powers = dict(zip([v.name for v in order], vector, strict=True))
        sign = powers["rho"]
        assert {n: sign * x for n, x in powers.items()} == {"rho": 1, "U": 1, "D": 1, "mu": -1}


def test_the_pivots_are_the_first_columns_that_span_all() -> None:
    rows = [[0, 1, 2], [0, 2, 4], [0, 1, 3]]
    assert of_rows([[Fraction(x) for x in row] for row in rows]).reduced.pivots == (1, 2)
    assert of_rows([[Fraction(0), Fraction(0)]]).reduced.pivots == ()


def test_primitive_and_reduction() -> None:
    assert primitive([Fraction(2, 3), Fraction(-4, 3)]) == (1, -2)
    assert primitive([0, 0]) == (0, 0)
    assert lattice_reduced([]) == ()
    assert {max(v, tuple(-x for x in v)) for v in lattice_reduced([(1, 5), (0, 1)])} == {
        (1, 0),
        (0, 1),
    }


def test_fractional_units_are_exact() -> None:
    toughness = parse_variable("K [MPa*m^0.5]")
    D = DimensionalMatrix.of([toughness, variable("a", Dimension.of({"[length]": 1}))])
    assert Fraction(-1, 2) in {x for row in D.rows for x in row}


SMALL = st.fractions(min_value=-5, max_value=5, max_denominator=6)


@given(
    rows=st.lists(st.lists(SMALL, min_size=3, max_size=3), max_size=5),
    solution=st.lists(SMALL, min_size=3, max_size=3),
    weights=st.lists(SMALL, min_size=5, max_size=5),
)
def test_a_consistent_system_implies_what_its_rows_span(
    rows: list[list[Fraction]], solution: list[Fraction], weights: list[Fraction]
) -> None:
    def at(row: list[Fraction]) -> Fraction:
        return sum((a * b for a, b in zip(row, solution, strict=True)), Fraction(0))

    system = ReducedSystem.of([[*row, at(row)] for row in rows], 3)
    assert system.consistent
    combined = [
        sum((w * row[j] for w, row in zip(weights, rows, strict=False)), Fraction(0))
        for j in range(3)
    ]
    assert system.implied(combined) == at(combined)
    assert len(system.rows) <= 3


def test_contradictions_and_the_undetermined_are_noticed() -> None:
    one, two = Fraction(1), Fraction(2)
    system = ReducedSystem.of([[one, one, one], [two, two, one]], 2)
    assert not system.consistent
    loose = ReducedSystem.of([[one, one, two]], 2)
    assert loose.implied([two, two]) == 4
    assert loose.implied([one, Fraction(0)]) is None
