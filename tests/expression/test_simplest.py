"""The shortest form: equal to what it came from, never longer, the same for equal forms."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.expression.complexity import complexity_of
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


@settings(max_examples=20, deadline=None, derandomize=True)
@given(laws)
def test_equal_and_never_longer(expression: sympy.Expr) -> None:
    short = simplest(expression, POSITIVE)
    assert complexity_of(short) <= complexity_of(expression)
    at = dict(zip((a, b, d, x), (0.7, 1.9, 1.3, -0.4), strict=True))
    at[sympy.Symbol("c_1")] = 0.6
    values = [complex(e.subs(at)) for e in (short, expression)]
    assert np.isclose(values[0], values[1], equal_nan=True)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(sums, monomials)
def test_the_same_law_has_one_form(total: sympy.Expr, front: sympy.Expr) -> None:
    written = (front * total, sympy.expand(front * total), front * d * sympy.expand(total / d))
    assert len({str(simplest(w, POSITIVE)) for w in written}) == 1


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (sympy.sqrt(a) * sympy.sqrt(b) * sympy.sqrt(d), "sqrt(a*b*d)"),
        (a * (1 / a + x / (a * b)), "(b + x)/b"),
        (1 / (1 / a + 1 / b), "a*b/(a + b)"),
        (a**2 * x**2 * (1 + b / (a * x**2)), "a*(a*x**2 + b)"),
        (sympy.exp(-(a * b) / (a * d)), "exp(-b/d)"),
    ],
)
def test_forms_that_a_person_writes(given: sympy.Expr, shown: str) -> None:
    assert str(simplest(given, POSITIVE)) == shown
