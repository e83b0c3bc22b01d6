"""Derivatives of formulas of real numbers."""

import numpy as np
import pytest
import sympy

from dimgs.expression.simplest import derivatives_of


@pytest.mark.parametrize(
    "text",
    [
        *("c*Abs(k*x)", "Abs(c - x)**k", "Max(c*x, k)", "c*sign(x)*k", "exp(-c*x)*k", "sqrt(c*x)"),
        *("Abs(c - 1/x)*k", "Abs(k - x/c)", "Abs(k - sqrt(c*x))", "k*sign(1/x - log(c))"),
    ],
)
def test_they_are_the_limits_of_differences(text: str) -> None:
    expression = sympy.sympify(text)
    names = ("c", "k", "x")
    at = {"c": 1.3, "k": 0.8, "x": 2.0}
    value = sympy.lambdify(list(at), expression, modules=["numpy"])
    for name, slope in zip(names, derivatives_of(expression, names), strict=True):
        assert not slope.has(sympy.Derivative, sympy.Subs)
        up, down = ({**at, name: at[name] + h} for h in (1e-6, -1e-6))
        expected = (value(**up) - value(**down)) / 2e-6
        known = float(slope.subs({sympy.Symbol(n): v for n, v in at.items()}).doit())
        np.testing.assert_allclose(known, expected, rtol=1e-6, atol=1e-9)
