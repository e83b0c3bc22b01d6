"""Random expressions, as SymPy evaluates them."""

import sympy
from hypothesis import assume
from hypothesis import strategies as st

NAMES = ("pi_1", "pi_2", "k")

_doubles = st.floats(min_value=1e-30, max_value=1e30).map(sympy.Float)
_rationals = st.fractions(min_value=-9, max_value=9, max_denominator=12).map(
    lambda q: sympy.Rational(q.numerator, q.denominator)
)
numbers = st.one_of(_doubles, _doubles.map(lambda x: -x), _rationals)
symbols = st.sampled_from([sympy.Symbol(name) for name in NAMES])
_exponents = st.one_of(_rationals, st.floats(-4, 4).map(sympy.Float))
_functions = st.sampled_from(
    [sympy.exp, sympy.log, sympy.sin, sympy.tanh, sympy.sqrt, sympy.Abs, sympy.atan, sympy.sign]
)


def _piecewise(first: sympy.Expr, second: sympy.Expr, x: sympy.Symbol, at: sympy.Expr) -> object:
    return sympy.Piecewise((first, x < at), (second, True))


def _extended(inner: st.SearchStrategy[sympy.Expr]) -> st.SearchStrategy[sympy.Expr]:
    return st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(lambda a, b: a - b, inner, inner),
        st.builds(lambda a, x: a / x, inner, symbols),
        st.builds(lambda x, p: x**p, symbols, _exponents),
        st.builds(lambda f, a: f(a), _functions, inner),
        st.builds(lambda a, b: sympy.Max(a, b), symbols, numbers),
        st.builds(_piecewise, inner, inner, symbols, numbers),
    )


def _moderate(expression: sympy.Expr) -> bool:
    """Whether SymPy can go on computing with the floats in it."""
    return all(1e-60 < abs(float(n)) < 1e60 for n in expression.atoms(sympy.Float))


@st.composite
def expressions(draw: st.DrawFn, leaves: int = 6) -> sympy.Expr:
    """Real and finite expressions in NAMES with exact and floating numbers."""
    tree = st.recursive(
        st.one_of(symbols, numbers),
        lambda inner: _extended(inner).filter(_moderate),
        max_leaves=leaves,
    )
    expression = draw(tree)
    bad = (sympy.I, sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)
    assume(not expression.has(*bad))
    assume(all(float(n) == n for n in expression.atoms(sympy.Float)))
    return expression
