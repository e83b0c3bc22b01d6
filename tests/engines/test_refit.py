"""Constants of candidates in double precision, and what other engines' texts become."""

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.engines.protocol import Problem
from dimgs.engines.refit import (
    candidate_bits,
    front_of,
    loss_of,
    name_constants,
    refit,
    to_candidate,
    with_simple_constants,
)
from dimgs.expression.candidate import Candidate

X, Y, A, B, C = sympy.symbols("pi_1 pi_2 a b c")


def groups(n: int = 30, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"pi_1": rng.uniform(0.3, 5, n), "pi_2": rng.uniform(0.3, 5, n)}


@given(
    st.floats(0.05, 20), st.floats(-2, 2), st.floats(0.1, 5), st.floats(-0.1, 0.1), st.booleans()
)
@settings(max_examples=40, deadline=None)
def test_planted_constants_come_back_to_rounding(
    a: float, b: float, c: float, off: float, log: bool
) -> None:
    g = groups()
    response = a * g["pi_1"] ** b + c * g["pi_2"]
    scale = "log" if log else "linear"
    problem = Problem(g, response, scale=scale)  # type: ignore[arg-type]
    near = {"a": a * (1 + off), "b": b + off, "c": c * (1 - off)}
    fitted = refit(Candidate.of(A * X**B + C * Y, near, scale=scale), problem)  # type: ignore[arg-type]
    assert np.allclose(fitted.evaluate(g), response, rtol=1e-10)
    if abs(b) > 0.1 and abs(b - 1) > 0.1:
        assert [fitted.constants[n] for n in "abc"] == pytest.approx([a, b, c], rel=1e-6, abs=1e-8)


def test_power_law_is_weighted_least_squares_of_logarithms() -> None:
    g = groups()
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.1, 10, 30)
    response = 2 * g["pi_1"] ** 0.7 * np.exp(rng.normal(size=30))
    problem = Problem(g, response, weights=weights)
    fitted = refit(Candidate.of(A * X**B, {"a": 1.0, "b": 0.0}), problem)
    root = np.sqrt(weights)
    columns = np.column_stack([np.ones(30), np.log(g["pi_1"])]) * root[:, None]
    exact = np.linalg.lstsq(columns, root * np.log(response), rcond=None)[0]
    coefficients = [np.log(fitted.constants["a"]), fitted.constants["b"]]
    assert coefficients == pytest.approx(exact.tolist(), rel=1e-9)
    e = np.log(response) - exact[0] - exact[1] * np.log(g["pi_1"])
    assert fitted.loss == pytest.approx(np.sum(weights * e**2) / weights.sum(), rel=1e-12)


def test_scale_is_that_of_the_candidate() -> None:
    g = groups()
    response = g["pi_1"] - 2.5
    problem = Problem(g, response, scale="linear")
    fitted = refit(Candidate.of(X + A, {"a": 1.0}, scale="linear"), problem)
    assert fitted.constants["a"] == pytest.approx(-2.5, rel=1e-14)
    assert fitted.scale == "linear"
    assert loss_of(Candidate.of(X, scale="linear"), problem) == pytest.approx(6.25)


def test_no_candidate_gets_worse_or_loses_its_reality() -> None:
    g = groups()
    problem = Problem(g, g["pi_1"] ** 2)
    start = Candidate.of(sympy.sqrt(X - A) + B, {"a": 0.2, "b": 3.0})
    fitted = refit(start, problem)
    assert fitted.loss <= loss_of(start, problem)
    assert np.all(np.isfinite(fitted.evaluate(g)))
    assert loss_of(fitted, problem) == fitted.loss


def test_a_candidate_without_a_value_has_an_infinite_loss() -> None:
    g = groups()
    problem = Problem(g, g["pi_1"])
    nowhere = Candidate.of(sympy.log(X - A), {"a": 100.0})
    assert refit(nowhere, problem).loss == np.inf
    assert loss_of(Candidate.of(X - 3), problem) == np.inf
    assert front_of([nowhere], problem) == ()


def test_more_constants_than_runs_do_no_harm() -> None:
    g = {"pi_1": np.array([1.0, 2.0])}
    problem = Problem(g, np.array([3.0, 5.0]))
    fitted = refit(Candidate.of(A * X**B + C, {"a": 1.0, "b": 1.0, "c": 1.0}), problem)
    assert fitted.loss < 1e-20


def test_equal_floats_are_one_constant_and_whole_ones_none() -> None:
    expression, constants = name_constants(2.5 * X + X**2.5 + 1.25)
    assert set(constants.values()) == {2.5, 1.25}
    assert expression.subs(constants).equals(2.5 * X + X**2.5 + 1.25)
    whole = to_candidate(sympy.Float(2.0) * X ** sympy.Float(3.0))
    assert whole is not None
    assert str(whole) == "2*pi_1**3"


@pytest.mark.parametrize(
    "expression",
    [
        sympy.log(sympy.Float(-2.5)) * X,
        sympy.zoo * X,
        sympy.gamma(X),
        sympy.Function("unheard_of")(X),
        sympy.Symbol("x0") + 1,
        sympy.Float("1e400") * X,
    ],
)
def test_what_cannot_be_a_law_is_left_out(expression: Any) -> None:
    assert to_candidate(expression) is None


def test_an_exponential_of_a_sum_is_a_product() -> None:
    candidate = to_candidate(0.5 + 2.25 * (sympy.log(X) - 0.1), of_logarithm=True, factor=10.0)
    assert candidate is not None
    assert candidate.numeric.free_symbols == {X}
    assert np.allclose(candidate.evaluate(groups()), 10 * np.exp(0.275) * groups()["pi_1"] ** 2.25)
    assert candidate.complexity == 5


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        (sympy.sqrt(sympy.exp(-2 * X)), "exp(-pi_1)"),
        ((sympy.Float(2.5) ** (X**2)) ** sympy.Rational(1, 4), "c_1**(pi_1**2)"),
        (sympy.log(sympy.exp(X)), "pi_1"),
        (sympy.sqrt(X**2) + sympy.Abs(X), "2*pi_1"),
        (sympy.exp(sympy.log(X) * sympy.Float(2.5)), "pi_1**c_1"),
        (sympy.exp(X) ** sympy.Float(2.5), "exp(c_1*pi_1)"),
    ],
)
def test_powers_of_positive_groups_come_apart(expression: Any, shown: str) -> None:
    candidate = to_candidate(expression)
    assert candidate is not None
    assert str(candidate) == shown


def test_an_unlogged_input_keeps_its_sign() -> None:
    candidate = to_candidate(sympy.sqrt(X**2), scale="linear", unlogged=["pi_1"])
    assert candidate is not None
    assert str(candidate) == "Abs(pi_1)"
    assert np.allclose(candidate.evaluate({"pi_1": np.array([-2.0, 3.0])}), [2.0, 3.0])


_LEAVES = st.sampled_from([X, sympy.Symbol("pi_2"), sympy.Float(2.5), sympy.Integer(2)])


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    one = st.sampled_from([sympy.exp, sympy.sqrt, sympy.log, sympy.Abs, lambda e: e**-2])
    two = st.sampled_from([sympy.Add, sympy.Mul])
    return st.one_of(
        st.builds(lambda f, e: f(e), one, inner),
        st.builds(lambda f, a, b: f(a, b), two, inner, inner),
    )


@settings(deadline=None, max_examples=60)
@given(st.recursive(_LEAVES, _grown, max_leaves=5))
def test_what_is_simplified_means_the_same_without_nested_powers(expression: Any) -> None:
    candidate = to_candidate(expression, scale="linear")
    points = {"pi_1": np.array([0.3, 1.7, 2.9]), "pi_2": np.array([1.2, 0.6, 0.9])}
    symbols = sympy.symbols("pi_1 pi_2")
    with np.errstate(all="ignore"):
        wanted = sympy.lambdify(symbols, expression, "numpy")(*map(np.asarray, points.values()))
    wanted = np.broadcast_to(np.asarray(wanted, dtype=complex), (3,))
    fine = (np.abs(wanted) < 1e100) & (np.abs(wanted) > 1e-100) & (wanted.imag == 0)
    if candidate is None or not fine.all():
        return
    assert np.allclose(candidate.evaluate(points), wanted.real, rtol=1e-7)
    for node in sympy.preorder_traversal(candidate.expression):
        if node.is_Pow:
            assert not isinstance(node.base, (sympy.Pow, sympy.exp)), candidate
        assert node.func is not sympy.log or node.args[0].func is not sympy.exp, candidate


def test_front_is_strictly_better_where_longer() -> None:
    g = groups(60)
    rng = np.random.default_rng(2)
    problem = Problem(g, 3 * g["pi_1"] ** 0.4 * np.exp(0.05 * rng.normal(size=60)))
    candidates = [
        Candidate.of(A, {"a": 1.0}),
        Candidate.of(A * X**B, {"a": 1.0, "b": 1.0}),
        Candidate.of(A * X**B * Y**C, {"a": 1.0, "b": 1.0, "c": 0.0}),
        Candidate.of(A * Y**B, {"a": 1.0, "b": 1.0}),
    ]
    front = front_of(candidates, problem)
    ordered = sorted(front, key=lambda c: c.complexity)
    losses = [c.loss for c in ordered]
    assert losses == sorted(losses, reverse=True)
    assert len({c.complexity for c in ordered}) == len(ordered)
    assert candidate_bits(front[0], problem) == min(candidate_bits(c, problem) for c in front)
    assert "pi_2" not in str(front[0])


def test_constants_become_simple_only_where_the_runs_agree() -> None:
    g = groups(40)
    rng = np.random.default_rng(3)
    clean = Problem(g, g["pi_1"] ** 0.51)
    start = Candidate.of(A * X**B + C, {"a": 1.0, "b": 0.51, "c": 0.0})
    exact = with_simple_constants(refit(start, clean), clean)
    assert exact.numeric.equals(X**0.51) or exact.loss < 1e-20
    assert set(exact.constants) == {"b"}
    assert exact.constants["b"] == pytest.approx(0.51, rel=1e-12)
    noisy = Problem(g, g["pi_1"] ** 0.51 * np.exp(0.2 * rng.normal(size=40)))
    rough = refit(Candidate.of(X**B, {"b": 0.51}), noisy)
    if abs(rough.constants["b"] - 0.5) < 0.01:
        assert str(with_simple_constants(rough, noisy)) == "sqrt(pi_1)"


@pytest.mark.parametrize("begin", [1.0, 3e4, -2e4])
def test_a_factor_follows_the_exponent_of_a_narrow_range(begin: float) -> None:
    # times of death of germs between 104 and 130 degrees Celsius
    T = np.linspace(377.0, 403.0, 13)
    factor = 1.5e-36
    response = factor * np.exp(34300.0 / T)
    start = float(np.exp(np.mean(np.log(response) - begin / T)))
    rough = Candidate.of(A * sympy.exp(B / X), {"a": start, "b": begin})
    fitted = refit(rough, Problem({"pi_1": T}, response))
    assert fitted.constants["b"] == pytest.approx(34300.0, rel=1e-6)
    assert fitted.constants["a"] == pytest.approx(factor, rel=1e-4)
