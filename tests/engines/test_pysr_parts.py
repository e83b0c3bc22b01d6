"""What PySR is told in Julia's notation."""

from typing import Any

import numpy as np
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.engines.pysr import julia_guesses
from dimgs.expression.candidate import Candidate

SYMBOLS = frozenset({"+", "-", "*", "/", "^", "exp", "log", "sqrt", "sin", "cos", "tanh"})
_X, _Y = sympy.symbols("pi_1 pi_2")
_NUMBERS = st.floats(0.1, 9, allow_subnormal=False).map(lambda v: sympy.Float(round(v, 3)))
_TREES = st.recursive(
    st.one_of(st.just(_X), st.just(_Y), _NUMBERS, st.integers(-3, 3).map(sympy.Integer)),
    lambda child: st.one_of(
        st.tuples(child, child).map(lambda t: t[0] + t[1]),
        st.tuples(child, child).map(lambda t: t[0] * t[1]),
        st.tuples(child, child).map(lambda t: t[0] - 2 * t[1]),
        st.tuples(child, st.sampled_from([-2, -1, sympy.Rational(1, 2), -0.25, 3])).map(
            lambda t: t[0] ** t[1]
        ),
        child.map(sympy.exp),
        child.map(sympy.tanh),
        child.map(lambda e: sympy.log(e**2 + 1)),
    ),
    max_leaves=7,
)


@given(_TREES)
@settings(max_examples=60, deadline=None)
def test_guesses_mean_what_the_candidate_means(expression: Any) -> None:
    try:
        candidate = Candidate.of(expression, scale="linear")
    except ValueError:
        return
    groups = {"pi_1": np.array([0.3, 1.7, 2.2]), "pi_2": np.array([1.1, 0.4, 3.0])}
    for text in julia_guesses([candidate], SYMBOLS, maxsize=1000):
        names = {n: getattr(np, n) for n in ("exp", "log", "sqrt", "sin", "cos", "tanh")}
        with np.errstate(all="ignore"):
            value = eval(text.replace("^", "**"), names | groups)
            wanted = candidate.evaluate(groups)
        finite = np.isfinite(wanted) & (np.abs(wanted) < 1e100)
        value = np.broadcast_to(value, wanted.shape)
        assert np.allclose(value[finite], wanted[finite], rtol=1e-9, atol=1e-9)


def test_guesses_keep_to_the_operators_and_the_size() -> None:
    candidate = Candidate.of(sympy.tanh(_X) + 1)
    assert julia_guesses([candidate], SYMBOLS) == ["(tanh(pi_1) + 1.0)"]
    assert julia_guesses([candidate], SYMBOLS - {"tanh"}) == []
    assert julia_guesses([candidate], SYMBOLS, maxsize=3) == []
    assert julia_guesses([candidate], SYMBOLS, factor=10.0) == ["((0.1 * tanh(pi_1)) + 0.1)"]
