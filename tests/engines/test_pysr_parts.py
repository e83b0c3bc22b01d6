"""What PySR is told in Julia's notation, and laws built of closed forms of exponents."""

from typing import Any

import numpy as np
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.engines.protocol import Problem
from dimgs.engines.pysr.fields import rebuilt
from dimgs.engines.pysr.guesses import julia_guesses
from dimgs.engines.pysr.integrate import is_gradient
from dimgs.engines.refit import loss_of, refit
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


def test_exponents_of_two_groups_are_put_together() -> None:
    rng = np.random.default_rng(0)
    groups = {n: rng.uniform(0.5, 3, 40) for n in ("pi_1", "pi_2", "pi_3")}
    a, b = 1 + 0.5 * groups["pi_3"], 2 / groups["pi_3"]
    response = 3 * groups["pi_1"] ** a * groups["pi_2"] ** b
    problem = Problem(groups, response, fields={"pi_1": a, "pi_2": b})
    z = sympy.Symbol("pi_3")
    laws = rebuilt(problem, {"pi_1": [0.49 * z + 1.01], "pi_2": [1.9 / z, _Y * 1.0]})
    best = min((refit(law, problem) for law in laws), key=lambda law: law.loss)
    assert best.loss < 1e-25
    assert loss_of(best, problem) == best.loss


def test_exponents_that_depend_on_their_own_groups_are_integrated() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 3, (2, 40))
    problem = Problem({"pi_1": x, "pi_2": y}, 2 * x**1.5 / (1 + 0.7 * x) * np.exp(0.3 * y))
    fronts = {"pi_1": [1.5 - 0.7 * _X / (1 + 0.71 * _X)], "pi_2": [0.3 * _Y]}
    assert min(refit(law, problem).loss for law in rebuilt(problem, fronts)) < 1e-20
    # together they are not a gradient, alone they are taken
    turned = {"pi_1": [1.0 * _Y], "pi_2": [-1.0 * _X]}
    laws = rebuilt(problem, turned)
    assert len(laws) == 2
    assert not is_gradient({n: f[0] for n, f in turned.items()}, problem)
    # no elementary integral is looked for at length
    assert not rebuilt(problem, {"pi_1": [sympy.exp(sympy.sin(_X))]})
