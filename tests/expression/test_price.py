"""What a law's structure costs: more for what the groups do not call for."""

from dataclasses import replace

import pytest
from sympy import Expr, Min, Piecewise, Rational, Symbol, asin, atan, exp, log, sin, sqrt, tanh

from dimgs.expression.price import PRICES, RESPONSE, fitted_exponents, structure_of
from dimgs.groups.rationals import exponent_bits

X, Y, C = Symbol("pi_1"), Symbol("pi_2"), Symbol("c")


def bits(expression: Expr, *constants: str) -> float:
    return structure_of(expression, set(constants)).bits


def test_a_cosine_of_no_angle_costs_more_than_one_that_turns_or_of_an_angle() -> None:
    kinds = ("angle", "turns", "neither")
    said = iter(kinds)
    costs = [structure_of(sin(X), set(), lambda _: next(said)).bits for _ in kinds]
    # an angle calls for such a function, which is rare otherwise
    assert costs[1] - costs[0] == pytest.approx(PRICES["oscillations"] + PRICES["rare"])
    assert structure_of(sin(X), set()).bits == costs[2]
    assert costs[2] - costs[0] == pytest.approx(PRICES["no_angles"] + PRICES["rare"])
    assert (
        structure_of(asin(X), set(), lambda _: "angle").rare
        == 0
        < structure_of(asin(X), set()).rare
    )


def test_each_level_of_functions_costs() -> None:
    assert bits(exp(tanh(X))) > bits(tanh(X)) + PRICES["levels"]
    assert bits(tanh(X) ** 2) < bits(tanh(X) ** 3)
    assert structure_of(sqrt(tanh(exp(X))), set()).levels == 2
    assert structure_of(sqrt(1 + X), set()).levels == 0


def test_common_functions_and_simple_numbers_are_cheap() -> None:
    assert bits(exp(X)) == bits(log(X)) < bits(atan(X))
    assert bits(2 * X) < bits(7 * X) < bits(X * Symbol("d") ** 0 * 13 / 7)


def test_powers_with_fitted_exponents_cost_their_exponents_and_no_nodes() -> None:
    y = Symbol("pi_2")
    one, two = (structure_of(law, {"c", "d"}) for law in (X**C * y, X**C * y ** Symbol("d")))
    assert (one.nodes, two.nodes) == (1, 1)
    # exponents cost what a fit says of their precision
    assert two.bits == pytest.approx(one.bits)
    assert replace(one, free_exponents=4.0).bits > one.bits + 4.0
    assert bits(X**C, "c") < bits(X / (1 + X ** Rational(1, 4)))


def test_roots_cost_in_sums_and_functions_and_not_in_front() -> None:
    third = X ** Rational(1, 3)
    assert structure_of(third, set()).roots == structure_of(sqrt(X) + 1, set()).roots == 0
    assert structure_of(third + 1, set()).roots == structure_of(exp(third), set()).roots == 1
    # a power of a sum that is not a half is as rare
    power = Rational(5, 4)
    assert structure_of((1 + 2 * X) ** power, set()).roots == 1
    assert structure_of(X**power * sqrt(1 + 2 * X) ** 3, set()).roots == 0


def test_a_choice_of_laws_is_no_function() -> None:
    third = X ** Rational(1, 3)
    for law in (Min(third, C), Piecewise((third, X < 1), (C, True))):
        structure = structure_of(law, {"c"})
        assert (structure.rare, structure.roots, structure.levels) == (0, 0, 0)


def test_only_exponents_that_units_leave_free_are_priced() -> None:
    y, angle = Symbol("pi_2"), Symbol("theta")
    groups = {
        "pi_1": {"rho": 1, "U": 1, "D": 1, "mu": -1},
        "pi_2": {"eps": 1, "D": -1},
        RESPONSE: {"rho": 1, "U": 2},
    }
    target = Symbol(RESPONSE)

    def exponents(law: Expr) -> float:
        return structure_of(law, {"c"}, None, groups).exponents

    assert exponents(target) == 0.0
    # one size gives those of all four inputs
    assert exponents(target * X ** Rational(-1, 4)) == exponent_bits(0.25)
    # beside a fitted one as well, and of what is in no group
    assert exponents(target * X ** Rational(-1, 4) * y**C) == exponent_bits(0.25)
    assert exponents(target * angle ** Rational(2, 3)) == exponent_bits(2 / 3)


def test_a_fitted_exponent_inside_a_function_is_three_roots_once() -> None:
    for law in (log(1 + X**C), 1 / (1 + X**C), exp(-(X**C))):
        assert structure_of(law, {"c"}).roots == 3
    assert structure_of(Symbol("d") * X**C, {"c", "d"}).roots == 0


def test_an_exponent_that_varies_costs_what_its_exponential_does() -> None:
    for exponent in (Y, exp(C / Y) - 1, -1 / (C + Y)):
        power = structure_of(X**exponent, {"c"})
        assert power == structure_of(exp(exponent * log(X)), {"c"})
        assert power.levels > 0
        assert not fitted_exponents(X**exponent, {"c"})
    assert fitted_exponents(X ** (C + 1) * Y, {"c"}) == {"c"}
