"""The shortest form: equal to what it came from, never longer, the same for equal forms."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.expression.candidate import complexity_of
from dimgs.expression.simplest import simplest

NAMES = ("a", "b", "d", "x")
POSITIVE = ("a", "b", "d")
a, b, d, x = sympy.symbols(NAMES)

powers = st.sampled_from([-2, -1, 1, 2, sympy.Rational(1, 2), sympy.Rational(-1, 2)])
monomials = st.builds(
    lambda n, p, q, k: n * a**p * b**q * x**k,
    st.sampled_from([1, 2, sympy.Rational(1, 2), -1, sympy.Symbol("c_1")]),
    powers,
    powers,
    st.sampled_from([0, 1, 2]),
)
sums = st.lists(monomials, min_size=1, max_size=3).map(lambda terms: sympy.Add(*terms))
laws = st.builds(lambda m, s, e: m * s**e, monomials, sums, st.sampled_from([1, -1, 2]))


@settings(max_examples=5, deadline=None, derandomize=True)
@given(laws)
def test_equal_and_never_longer(expression: sympy.Expr) -> None:
    short = simplest(expression, POSITIVE)
    assert complexity_of(short) <= complexity_of(expression)
    at = dict(zip((a, b, d, x), (0.7, 1.9, 1.3, -0.4), strict=True))
    at[sympy.Symbol("c_1")] = 0.6
    values = [complex(e.subs(at)) for e in (short, expression)]
    assert np.isclose(values[0], values[1], equal_nan=True)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(sums, monomials)
def test_the_same_law_has_one_form(total: sympy.Expr, front: sympy.Expr) -> None:
    written = (front * total, sympy.expand(front * total), front * d * sympy.expand(total / d))
    assert len({str(simplest(w, POSITIVE)) for w in written}) == 1


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (sympy.sqrt(a) * sympy.sqrt(b) * sympy.sqrt(d), "sqrt(a*b*d)"),
        (a * (1 / a + x / (a * b)), "1 + x/b"),
        (1 / (1 / a + 1 / b), "a*b/(a + b)"),
        (a**2 * x**2 * (1 + b / (a * x**2)), "a*(a*x**2 + b)"),
        (sympy.exp(-(a * b) / (a * d)), "exp(-b/d)"),
        (a * sympy.sqrt((b / a - x / (a * d)) ** 2 + 1), "sqrt(a**2 + (b - x/d)**2)"),
        ((b * d + a * (b / d - 1) / d) / (d - b), "-a/d**2 + b*d/(-b + d)"),
        (2 * a * b / (a + b + sympy.Abs(a - b)), "Min(a, b)"),
        ((a + x + sympy.Abs(a - x)) / 2, "Max(a, x)"),
        (a * (b**2 - d**2) / sympy.tanh(sympy.log(b / d)), "a*(b**2 + d**2)"),
        (a / sympy.tanh(sympy.log(b / d)), "a*(b**2 + d**2)/(b**2 - d**2)"),
        (a - a * sympy.exp(-b), "a*(1 - exp(-b))"),
        (a * (2 * b / d - b / x), "a*b*(-1/x + 2/d)"),
        (a / (1 + a / b + a / d), "1/(1/d + 1/b + 1/a)"),
        (a / (1 + b / a), "a**2/(a + b)"),
        (sympy.sqrt(a * (a + b * (2 * sympy.cos(x) + b / a))), "sqrt(a*(a + 2*b*cos(x)) + b**2)"),
    ],
)
def test_forms_that_a_person_writes(given: sympy.Expr, shown: str) -> None:
    assert str(simplest(given, POSITIVE)) == shown


c, k, t, y = sympy.symbols("c k t y")


@pytest.mark.parametrize(
    "short",
    [
        a + (b - a) * sympy.exp(-d / k),
        a * x**2 * (b - d) + k * (b**4 - d**4),
        sympy.sqrt((x - y) ** 2 + (a - b) ** 2),
        (1 + 2 * x + 3 * y) ** 3,
        (a + b / d) * (d**2 - 1 / d),
        (x + y) / (1 + x * y / c**2),
        (a * sympy.cos(x) - b) / (a * sympy.cos(x) + b),
        a * (1 - sympy.exp(-k * t)) ** 3,
        a * sympy.log(b / d) - c * t,
        a * sympy.exp(-((x - y) ** 2) / (2 * b**2) - t**2 / (2 * d**2)),
        (a + b * sympy.sqrt(d)) * (1 + c * sympy.log(k / t)),
        c + (a - c) / (1 + (b * d) ** sympy.Rational(2, 3)),
        a * t / (d - b) - c / d**2,
        (1 - d) * (a * x * (1 - d) + b),
    ],
    ids=str,
)
def test_what_was_multiplied_out_is_put_together_again(short: sympy.Expr) -> None:
    positive = ("a", "b", "d", "c", "k", "t")
    shortest = simplest(sympy.expand(short), positive)
    assert complexity_of(shortest) <= complexity_of(short)
    at = dict(zip((a, b, d, c, k, t, x, y), np.linspace(0.31, 1.7, 8), strict=True))
    assert np.isclose(complex(shortest.subs(at)), complex(short.subs(at)))


def test_a_difference_of_squares_is_no_product() -> None:
    assert simplest(a**2 - b**2, POSITIVE) == a**2 - b**2


def test_powers_with_large_denominators_are_not_factored() -> None:
    odd, rest = sympy.Rational(1317, 500), sympy.Rational(683, 500)
    law = (a * c**odd * b**rest + d * c**4) ** 3 / c**8
    short = simplest(sympy.expand(law), ("a", "b", "c", "d"))
    assert complexity_of(short) <= complexity_of(sympy.expand(law))


def test_a_logarithm_of_a_product_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    # taken apart, its sum to a fractional power had thousands of forms
    names = ("k", "cp", "mu", "D", "U", "rho", "c")
    k, cp, mu, D, U, rho, c = sympy.symbols(names)
    power = sympy.Rational(14, 3)
    law = k * sympy.sqrt(cp * mu / k) * (D * U * rho / mu) ** sympy.Rational(2, 3)
    seen: list[sympy.Expr] = []

    def counted(expression: sympy.Expr) -> int:
        seen.append(expression)
        return complexity_of(expression)

    monkeypatch.setattr("dimgs.expression.simplest.complexity_of", counted)
    shortest = simplest(law / (D * sympy.log(D * U * c * cp * rho / k) ** power), names)
    assert shortest.has(sympy.log(D * U * c * cp * rho / k))
    assert len(seen) < 500
