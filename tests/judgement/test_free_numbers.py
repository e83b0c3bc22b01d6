"""Numbers pay for themselves: a simple one in a narrow interval stays, others become constants."""

import numpy as np
import pytest
import sympy

from dimgs.judgement.candidates import numbers_to_keep, release_numbers

X = sympy.Symbol("pi_1")


def test_exponents_and_ones_belong_to_the_form() -> None:
    assert release_numbers(X**3 / (1 + X), {}) is None
    released = release_numbers(3 * X**2 / (1 + sympy.pi * X), {})
    assert released is not None
    assert sorted(map(str, released.numbers.values())) == ["3", "pi"]
    assert released.expression.subs(released.numbers) == 3 * X**2 / (1 + sympy.pi * X)


def test_a_law_that_is_one_number_has_a_constant_too() -> None:
    released = release_numbers(sympy.E, {})
    assert released is not None
    assert released.expression.is_Symbol
    assert list(released.numbers.values()) == [sympy.E]
    assert release_numbers(sympy.Integer(1), {}) is None


@pytest.mark.parametrize(
    ("number", "error", "stays"),
    [
        (sympy.Integer(2), 0.005, True),
        (sympy.Integer(2), 0.2, False),
        (sympy.Rational(13, 7), 0.005, False),
        (sympy.Rational(13, 7), 1e-6, True),
        (2 * sympy.pi, 0.004, True),
    ],
)
def test_a_number_stays_where_chance_would_not_meet_it(
    number: sympy.Expr, error: float, stays: bool
) -> None:
    form = release_numbers(1 + number * X, {})
    assert form is not None
    kept = numbers_to_keep(
        form, tuple(form.constants), np.array([float(number)]), np.array([error])
    )
    assert bool(kept) == stays


def test_a_prefactor_of_one_is_a_number_where_it_is_asked_for() -> None:
    for expression, constants, expected in (
        (X**2, {}, "C*pi_1**2"),
        (X**2 + 1, {}, "C*(pi_1**2 + 1)"),
        (sympy.Symbol("a") * X, {"a": 2.0}, None),
        (3 * X, {}, "c_1*pi_1"),
    ):
        form = release_numbers(expression, constants, prefactor=True)
        assert (None if form is None else str(form.expression)) == expected


@pytest.mark.parametrize("error", [0.007, 0.2])
@pytest.mark.parametrize(("away", "stays"), [(0.5, True), (2.5, False), (-2.5, False)])
def test_a_prefactor_that_the_runs_refute_is_shown(away: float, stays: bool, error: float) -> None:
    form = release_numbers(X**2, {}, prefactor=True)
    assert form is not None
    kept = numbers_to_keep(form, ("C",), np.array([1.0 + error * away]), np.array([error]))
    assert bool(kept) == stays


def test_a_refuted_number_does_not_stay() -> None:
    form = release_numbers(1 + 3 * X, {})
    assert form is not None
    assert not numbers_to_keep(form, tuple(form.constants), np.array([3.14]), np.array([0.01]))
