import math
import pickle
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dimgs.common.errors import LawError
from dimgs.expression import Candidate, complexity_of, sympy_parse
from tests.expression.strategies import NAMES, expressions

a, b, k = sympy.symbols("pi_1 pi_2 k")
slow_to_draw = settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow]
)


def candidate(expression: sympy.Expr, k_value: float = 0.5) -> Candidate:
    constants = {"k": k_value} if expression.has(k) else {}
    return Candidate.of(expression, constants, loss=0.25, scale="linear", engine="test")


@slow_to_draw
@given(expressions(), st.floats(0.01, 100))
def test_a_candidate_survives_json_pickle_and_copy(expression: sympy.Expr, value: float) -> None:
    made = candidate(expression, value)
    assert made.expression == expression
    assert Candidate.from_json(made.to_json()) == made
    assert pickle.loads(pickle.dumps(made)) == made
    assert deepcopy(made) == made
    assert hash(Candidate.from_json(made.to_json())) == hash(made)


@slow_to_draw
@given(expressions(leaves=4), st.floats(0.1, 10), st.floats(0.1, 10))
def test_evaluation_agrees_with_sympy(expression: sympy.Expr, x: float, y: float) -> None:
    values = candidate(expression).evaluate({"pi_1": np.array([x, x]), "pi_2": np.array([y, y])})
    assert values.shape == (2,)
    exact = complex(expression.subs({a: x, b: y, k: 0.5}).evalf(30))
    assume(exact.imag == 0 and 1e-200 < abs(exact.real) < 1e200 and np.all(np.isfinite(values)))
    # rounding inside is amplified by cancellation and by large arguments of sin
    scale = max([abs(exact.real), *(abs(float(n)) for n in expression.atoms(sympy.Number))])
    assume(scale < 1e6)
    np.testing.assert_allclose(values, exact.real, rtol=1e-6, atol=1e-9 * scale)


def test_evaluation_broadcasts_constants_and_ignores_other_groups() -> None:
    flat = Candidate.of(k * 2, {"k": 1.5}, loss=0.0)
    np.testing.assert_array_equal(flat.evaluate({"pi_3": np.ones(4)}), np.full(4, 3.0))
    column, row = np.ones((3, 1)), np.arange(1.0, 3.0)
    assert candidate(a * b).evaluate({"pi_1": column, "pi_2": row}).shape == (3, 2)
    assert candidate(a**-2).evaluate({"pi_1": np.array([1, 2])}).tolist() == [1.0, 0.25]
    with pytest.raises(LawError, match="needs the group pi_2"):
        candidate(a * b).evaluate({"pi_1": 1.0})


def test_pieces_and_places_without_a_value() -> None:
    friction = sympy.Piecewise((64 / a, a < 2300), (0.3164 * a**-0.25, True))
    values = candidate(friction).evaluate({"pi_1": np.array([1000.0, 10000.0])})
    np.testing.assert_allclose(values, [0.064, 0.03164])
    partial = candidate(sympy.Piecewise((a, (a < 2) & (b >= 1))))
    evaluated = partial.evaluate({"pi_1": np.array([1.0, 3.0]), "pi_2": np.ones(2)})
    np.testing.assert_array_equal(evaluated, [1.0, np.nan])
    roots = candidate(sympy.sqrt(a - 2) + sympy.log(a)).evaluate({"pi_1": np.array([1.0, 6.0])})
    assert np.isnan(roots[0])
    assert roots[1] == pytest.approx(2 + math.log(6))


@pytest.mark.parametrize(
    ("expression", "constants", "part"),
    [
        (a * sympy.Symbol("U"), {}, "'U'"),
        (sympy.Symbol("pi_0"), {}, "'pi_0'"),
        (sympy.Symbol("pi_1 + 1") * a, {}, "neither"),
        (a * k, {"k": math.nan}, "finite"),
        (a * k, {"k": math.inf}, "finite"),
        (a, {"pi_2": 1.0}, "cannot name"),
        (a, {"my k": 1.0}, "cannot name"),
        (sympy.I * a, {}, "'I'"),
        (a + sympy.zoo, {}, "zoo"),
        (sympy.sqrt(-a), {}, None),
        (sympy.gamma(a), {}, "gamma"),
        (sympy.Integral(a, a), {}, "Integral"),
        (sympy.Integer(-2), {}, "never positive"),
    ],
)
def test_what_is_no_candidate(
    expression: sympy.Expr, constants: dict[str, float], part: str | None
) -> None:
    if part is None:
        assert Candidate.of(expression).groups == ("pi_1",)
        return
    with pytest.raises(LawError, match=part):
        Candidate.of(expression, constants)


def test_other_fields_are_checked_and_constants_cannot_change() -> None:
    made = Candidate.of(a * k, {"k": 2.0}, loss=0.1)
    with pytest.raises(LawError, match="loss"):
        replace(made, loss=math.nan)
    with pytest.raises(LawError, match="complexity"):
        replace(made, complexity=0)
    with pytest.raises(LawError, match="'log' or 'linear'"):
        replace(made, scale="ln")  # type: ignore[arg-type]  # what a caller without types may do
    with pytest.raises(TypeError):
        made.constants["k"] = 3.0  # type: ignore[index]  # the mapping is read-only


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("pi_1", 1),
        ("2.5", 1),
        ("-pi_1", 2),
        ("pi_1 + pi_2", 3),
        ("pi_1 - pi_2", 3),
        ("-pi_1 - pi_2", 4),
        ("pi_1/pi_2", 3),
        ("1/pi_1", 3),
        ("pi_1/3", 3),
        ("1/(pi_1*pi_2)", 5),
        ("sqrt(pi_1)", 2),
        ("k/sqrt(pi_1)", 4),
        ("k*pi_1**(-1/4)", 5),
        ("pi_1**2", 3),
        ("exp(-pi_1)", 3),
        ("Max(pi_1, pi_2, k)", 5),
        ("2*pi_1*(1 + 3*pi_2)", 9),
        ("Piecewise((64/pi_1, pi_1 < 2300), (k, True))", 9),
    ],
)
def test_complexity_counts_what_one_would_write(text: str, count: int) -> None:
    assert complexity_of(sympy_parse(text, NAMES)) == count


@slow_to_draw
@given(expressions())
def test_complexity_is_at_least_the_leaves_and_grows(expression: sympy.Expr) -> None:
    assert complexity_of(expression) >= max(1, len(expression.free_symbols))
    assert complexity_of(sympy.sin(expression)) in (1, 2, complexity_of(expression) + 1) or (
        sympy.sin(expression).func != sympy.sin
    )
