from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import LawError
from dimgs.expression import check_dimension, sympy_parse
from dimgs.variables import Dimension, parse_unit
from tests.expression.strategies import expressions

UNITS = {
    "rho": "kg/m^3",
    "U": "m/s",
    "V": "m/s",
    "D": "m",
    "mu": "Pa*s",
    "T": "K",
    "Re": "1",
    "theta": "rad",
    "pi_1": "1",
    "k": "W/kg^(3/4)",
    "M": "kg",
}
DIMENSIONS = {name: parse_unit(unit).dimension for name, unit in UNITS.items()}

VALID = {
    "rho*U**2/2": "Pa",
    "rho*U*D/mu": "1",
    "k*M**(3/4)": "W",
    "sqrt(U*V)": "m/s",
    "U + V": "m/s",
    "U*(1 + 0.3*Re**0.37)": "m/s",
    "U*exp(-V/U)": "m/s",
    "D*log(U/V) + D": "m",
    "U*sin(theta)": "m/s",
    "Abs(U - V)": "m/s",
    "Max(U, V, 0)": "m/s",
    "Piecewise((U, Re < 2300), (V, True))": "m/s",
    "Piecewise((U, (U < V) & (Re > 1)), (0, True))": "m/s",
    "sign(U)*D": "m",
    "atan2(U, V)": "1",
    "Re**pi_1": "1",
    "(U/V)**0.5": "1",
    "(rho*D**3/M)**Re": "1",
    "pi*D**2/4": "m^2",
    "2": "1",
    "0": "1",
}

INVALID = {
    "Re + U": r"Re \+ U adds 1 and L·T⁻¹",
    "U + V + D": r"adds L(·T⁻¹)? and L(·T⁻¹)?",
    "exp(U)": r"exp\(U\) takes exp of U, which has dimension L·T⁻¹",
    "log(T)": r"log\(T\) takes log of T, which has dimension Θ",
    "sin(D)*U": "takes sin of D",
    "U**pi_1": "U of dimension L·T⁻¹ to the exponent pi_1",
    "U**0.5": "not an exact rational",
    "(2*U)**Re": "not an exact rational",
    "Re**U": "exponent U of dimension L·T⁻¹",
    "2**T": "exponent T of dimension Θ",
    "Max(U, 1)": r"Max\(1, U\) compares 1 and L·T⁻¹|compares L·T⁻¹ and 1",
    "Piecewise((U, Re < 1), (D, True))": "has branches of L·T⁻¹ and L",
    "Piecewise((U, U < 1), (V, True))": "compares L·T⁻¹ and 1",
    "Piecewise((U, (Re < 1) & (U > D)), (V, True))": "compares",
    "atan2(U, D)": "compares L·T⁻¹ and L",
    "floor(U)": "takes floor of U",
    "exp(Re + U)": "Re . U adds",
    "sqrt(rho*(U + D))": "adds",
    "nu*U": "'nu' has no known dimension",
}


def parsed(text: str) -> sympy.Expr:
    return sympy_parse(text, [*DIMENSIONS, "nu"])


@pytest.mark.parametrize("text", VALID)
def test_homogeneous_expressions_have_their_dimension(text: str) -> None:
    assert check_dimension(parsed(text), DIMENSIONS) == parse_unit(VALID[text]).dimension


@pytest.mark.parametrize("text", INVALID)
def test_broken_expressions_are_named(text: str) -> None:
    with pytest.raises(LawError, match=INVALID[text]):
        check_dimension(parsed(text), DIMENSIONS)


@pytest.mark.parametrize("text", [t for t in VALID if t not in {"2", "0"}])
@pytest.mark.parametrize("mutation", ["{} + T", "exp(T*({}))", "sin(mu*T*({}))", "Max({}, rho*T)"])
def test_a_mutated_law_is_refused(text: str, mutation: str) -> None:
    with pytest.raises(LawError):
        check_dimension(parsed(mutation.format(text)), DIMENSIONS)


@pytest.mark.parametrize(
    "expression",
    [
        sympy.Integral(sympy.Symbol("U"), sympy.Symbol("U")),
        sympy.Function("f")(sympy.Symbol("Re")),
        sympy.gamma(sympy.Symbol("Re")),
        sympy.I * sympy.Symbol("U"),
        sympy.oo * sympy.Symbol("U", positive=True),
    ],
)
def test_what_has_no_dimension_is_refused(expression: sympy.Expr) -> None:
    with pytest.raises(LawError):
        check_dimension(expression, DIMENSIONS)


@settings(deadline=None, max_examples=15)
@given(expressions())
def test_everything_dimensionless_passes(expression: sympy.Expr) -> None:
    names = {s.name: Dimension() for s in expression.free_symbols}
    assert check_dimension(expression, names).is_dimensionless


rationals = st.fractions(min_value=-3, max_value=3, max_denominator=4)


@given(st.dictionaries(st.sampled_from(["rho", "U", "D", "mu", "M", "k"]), rationals))
def test_a_monomial_has_the_product_of_its_dimensions(powers: dict[str, Fraction]) -> None:
    expression, expected = sympy.Integer(1), Dimension()
    for name, power in powers.items():
        expression *= sympy.Symbol(name) ** sympy.Rational(power.numerator, power.denominator)
        expected = expected * DIMENSIONS[name] ** power
    assert check_dimension(expression, DIMENSIONS) == expected
