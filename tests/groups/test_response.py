from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Matrix, Rational

from dimgs.groups import derive
from dimgs.groups.derive import Monomial, smallest_monomial
from dimgs.variables import Dimension, Variable, parse_unit, parse_variable
from tests.groups.random_variables import BASES, dimensions, variable, variable_lists
from tests.patience import Work


def by_brute_force(variables: list[Variable], target: Dimension) -> Monomial | None:
    """Every subset in turn, solved by SymPy."""
    bases = sorted({b for v in variables for b, _ in v.dimension} | {b for b, _ in target})

    def column(dimension: Dimension) -> list[Rational]:
        powers = dimension.as_dict()
        return [Rational(str(powers.get(b, 0))) for b in bases]

    for size in range(1, len(bases) + 1):
        monomials = []
        for chosen in combinations(variables, size):
            A = Matrix([column(v.dimension) for v in chosen]).T
            b = Matrix(column(target))
            if A.rank() < size or A.row_join(b).rank() > size:
                continue
            solution = (A.T * A).LUsolve(A.T * b)
            powers = [Fraction(int(x.p), int(x.q)) for x in solution]
            if all(powers):
                monomials.append(
                    Monomial(tuple(zip([v.name for v in chosen], powers, strict=True)))
                )
        if monomials:
            return min(monomials, key=lambda m: m.key)
    return None


@settings(deadline=None, max_examples=60)
@given(variable_lists(least=1, most=6), st.data())
def test_the_criterion_holds_against_every_subset(
    variables: list[Variable], data: st.DataObject
) -> None:
    target = data.draw(dimensions(4).filter(lambda d: not d.is_dimensionless))
    distinct: dict[Dimension, Variable] = {}
    for v in variables:
        if not v.dimension.is_dimensionless:
            distinct.setdefault(v.dimension, v)
    assert smallest_monomial(variables, target) == by_brute_force(list(distinct.values()), target)


def test_the_criterion_where_as_many_variables_as_the_rank_are_needed() -> None:
    """Equally short solutions: the first names win."""
    rng = np.random.default_rng(0)
    for _ in range(15):
        rows = rng.integers(-1, 2, size=(8, 3))
        inputs = [
            variable(f"v{i}", Dimension.of(dict(zip(BASES, map(int, row), strict=False))))
            for i, row in enumerate(np.unique(rows, axis=0))
            if row.any()
        ]
        target = Dimension.of(dict(zip(BASES, (1, 2, -3), strict=False)))
        assert smallest_monomial(inputs, target) == by_brute_force(inputs, target)


def test_names_break_the_tie_between_equal_sums() -> None:
    inputs = [parse_variable(v) for v in ("d [m^2/s]", "a [m]", "c [m/s]", "b [s]")]
    monomial = smallest_monomial(inputs, Dimension.of({"[length]": 3, "[time]": -1}))
    assert monomial is not None
    assert monomial.exponents == (("a", Fraction(1)), ("d", Fraction(1)))
    shift = smallest_monomial(
        [parse_variable(v) for v in ("a [m]", "b [m^2*s]", "c [s]", "d [m*s^2]")],
        parse_unit("m^3*s^3").dimension,
    )
    assert shift is not None
    assert [name for name, _ in shift.exponents] == ["b", "d"]


def test_data_before_constants_before_scales() -> None:
    data = parse_variable("z [m/s]")
    constant = Variable("c", data.unit, None, "constant", 3e8)
    scale = Variable("a", data.unit, None, "scale")
    speed = data.dimension
    for inputs, chosen in (
        ([scale, constant, data], "z"),
        ([scale, constant], "c"),
        ([scale], "a"),
    ):
        monomial = smallest_monomial(inputs, speed)
        assert monomial is not None
        assert monomial.exponents == ((chosen, Fraction(1)),)


def test_a_dimensionless_target_needs_nothing_and_an_outside_one_has_nothing() -> None:
    inputs = [parse_variable("L [m]")]
    assert smallest_monomial(inputs, Dimension()) == Monomial(())
    assert smallest_monomial(inputs, parse_unit("kg").dimension) is None
    assert smallest_monomial([], parse_unit("kg").dimension) is None


def random_inputs(count: int, seed: int, most: int = 3) -> list[Variable]:
    rows = np.random.default_rng(seed).integers(-most, most + 1, size=(count, 7))
    return [
        variable(f"v{i:02d}", Dimension.of(dict(zip(BASES, map(int, row), strict=True))))
        for i, row in enumerate(rows)
    ]


def test_thirty_variables_over_seven_dimensions_are_quick() -> None:
    for seed in range(3):
        target, *inputs = random_inputs(31, seed)
        with Work() as work:
            monomial = smallest_monomial(inputs, target.dimension)
        # three times what it takes at most; every set of seven variables would be far more
        assert work.calls < 10_000_000
        assert monomial is not None
        assert monomial.fewest
        reached = Dimension()
        by_name = {v.name: v.dimension for v in inputs}
        for name, power in monomial.exponents:
            reached = reached * by_name[name] ** power
        assert reached == target.dimension


def test_the_unit_system_does_not_matter() -> None:
    """Exponents of ten million: the same answer as for the same system in other base units."""
    big = 10**7
    system = [[1, 0, 1, 0, 1], [0, 1, 1, 0, 1], [0, 0, 1, 1, 0]]
    turned = [
        [a + big * b for a, b in zip(system[k], system[k - 2], strict=True)] for k in range(3)
    ]
    monomials = []
    for rows in (system, turned):
        columns = [dict(zip(BASES, column, strict=False)) for column in zip(*rows, strict=True)]
        *inputs, target = [variable(f"v{i}", Dimension.of(c)) for i, c in enumerate(columns)]
        monomials.append(smallest_monomial(inputs, target.dimension))
    assert monomials[0] == monomials[1]
    assert monomials[0] is not None
    assert monomials[0].exponents == (("v0", Fraction(1)), ("v1", Fraction(1)))


def test_very_wide_tables_say_that_fewer_were_not_looked_for() -> None:
    target, *inputs = random_inputs(91, 1, most=9)
    monomial = smallest_monomial(inputs, target.dimension)
    assert monomial is not None
    assert not monomial.fewest
    assert len(monomial.exponents) <= 7


def test_of_equally_short_solutions_the_first_name_wins() -> None:
    inputs = [parse_variable(v) for v in ("b [m]", "a [1/m]", "c [m^2]")]
    monomial = smallest_monomial(inputs[:2], Dimension.of({"[length]": 2}))
    assert monomial == Monomial((("a", Fraction(-2)),))
    # a half is shorter than two
    monomial = smallest_monomial(inputs, Dimension.of({"[length]": 1}))
    assert monomial == Monomial((("c", Fraction(1, 2)),))


def test_a_wide_table_is_reached_by_the_shortest_of_as_many_as_the_rank() -> None:
    """The linear program agrees with trying every set."""
    target, *inputs = random_inputs(12, 5)
    system = np.array([[float(v.dimension.get(b)) for b in BASES] for v in [*inputs, target]]).T
    tried = derive._shortest(system, len(system))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derive, "_MOST", 0)
        assert derive._shortest(system, len(system)) == tried
