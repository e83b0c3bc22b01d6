"""Properties of the pieces of the embedded engine."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dimgs.engines.protocol import Problem, SearchBudget
from dimgs.engines.structured import StructuredEngine, refine
from dimgs.engines.structured.archive import Archive
from dimgs.engines.structured.columns import (
    FACTORS,
    RELATIVE,
    cheapest,
    differences,
    of_argument,
    short_monomials,
)
from dimgs.engines.structured.products import power_law
from dimgs.engines.structured.refine import (
    canonical,
    law_bits,
    polish,
    simplify_numbers,
    structure_bits,
)
from dimgs.engines.structured.runs import Runs
from dimgs.engines.structured.targets import response
from dimgs.engines.structured.trees import (
    FUNCTIONS,
    MINUS,
    ONE,
    Call,
    Mono,
    Number,
    Power,
    Product,
    Sum,
    Tree,
    compiled,
    evaluate,
    nodes,
    other_scales,
    parameters,
    powered,
    to_sympy,
    varies,
    with_free_power,
    with_front,
    with_one_other,
    with_parameters,
    without_a_part,
)
from dimgs.expression.price import fitted_exponents

Array = NDArray[np.float64]


def some_runs(width: int = 2, n: int = 40) -> Runs:
    rng = np.random.default_rng(0)
    groups = {f"pi_{k + 1}": rng.uniform(0.2, 2.0, n) for k in range(width)}
    return Runs.of(Problem(groups, np.ones(n)))


def leaves() -> st.SearchStrategy[Tree]:
    exponent = st.sampled_from([Fraction(-1), Fraction(0), Fraction(1), Fraction(1, 2)])
    mono = st.tuples(exponent, exponent).map(Mono)
    number = st.floats(0.2, 2.0).map(Number)
    return st.one_of(mono, number, st.just(ONE))


def grown(children: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    few = st.lists(children, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        few.map(Sum),
        few.map(Product),
        st.tuples(children, st.sampled_from([Fraction(2), Fraction(-1), Fraction(1, 2)])).map(
            lambda pair: Power(*pair)
        ),
        st.tuples(st.sampled_from(["sin", "tanh", "log1p", "atan"]), children).map(
            lambda pair: Call(*pair)
        ),
    )


TREES = st.recursive(leaves(), grown, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_gradient_is_that_of_differences(tree: Tree) -> None:
    runs, theta = some_runs(), parameters(tree)
    with np.errstate(all="ignore"):
        value, gradient = compiled(tree, runs)(theta)
    if not len(theta) or not np.all(np.isfinite(value)) or np.abs(value).max() > 1e3:
        return
    assert gradient.shape == (len(theta), runs.n_runs)
    for k in range(len(theta)):
        step = np.zeros(len(theta))
        step[k] = 1e-6
        with np.errstate(all="ignore"):
            high, low = (evaluate(with_parameters(tree, theta + s * step), runs) for s in (1, -1))
        scale = 1 + np.abs(gradient[k]).max()
        np.testing.assert_allclose(gradient[k], (high - low) / 2e-6, atol=2e-4 * scale)


@settings(max_examples=40, deadline=None)
@given(TREES)
def test_sympy_form_has_the_same_values(tree: Tree) -> None:
    runs = some_runs()
    with np.errstate(all="ignore"):
        value = evaluate(tree, runs)
    if not np.all(np.isfinite(value)) or np.abs(value).max() > 1e6:
        return
    expression, constants = to_sympy(tree, runs.names)
    names = [*runs.names, *constants]
    function = sympy.lambdify([sympy.Symbol(n) for n in names], expression, modules="numpy")
    lambdified = function(*runs.values.T, *constants.values())
    np.testing.assert_allclose(
        np.broadcast_to(lambdified, value.shape), value, rtol=1e-9, atol=1e-12
    )


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_compiled_trees_are_the_trees(tree: Tree) -> None:
    runs, theta = some_runs(), parameters(tree)
    with np.errstate(all="ignore"):
        value, compiled_value = evaluate(tree, runs), compiled(tree, runs)(theta)[0]
    if not np.all(np.isfinite(value)):
        return
    np.testing.assert_allclose(compiled_value, value, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_taking_monomials_out_changes_no_value(tree: Tree) -> None:
    runs = some_runs()
    with np.errstate(all="ignore"):
        before = evaluate(tree, runs)
        after = evaluate(canonical(tree, runs), runs)
    if np.all(np.isfinite(before)):
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_another_number_in_front_changes_no_value(tree: Tree) -> None:
    runs = some_runs()
    with np.errstate(all="ignore"):
        before = evaluate(tree, runs)
        for other in other_scales(tree):
            np.testing.assert_allclose(evaluate(other, runs), before, rtol=1e-9, atol=1e-9)


def test_any_term_under_a_power_may_have_the_simple_number() -> None:
    runs = some_runs(1)
    u = runs.values[:, 0]
    runs = Runs.of(Problem({"pi_1": u}, np.sqrt(8 * np.pi / 3 + u)))
    inside = Sum((ONE, Product((Number(0.1), Mono((Fraction(1),))))))
    fitted = polish(Product((Number(3.0), Power(inside, Fraction(1, 2)))), runs)
    assert fitted is not None
    simple = simplify_numbers(fitted, runs)
    assert parameters(simple.tree) == pytest.approx([8 * np.pi / 3])
    assert simple.bits < fitted.bits - 5


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_exponents_of_a_power_law_have_denominators_of_their_own(noise: float) -> None:
    rng = np.random.default_rng(4)
    groups = {"pi_1": np.exp(rng.uniform(1, 4, 60)), "pi_2": np.exp(rng.uniform(-1, 2, 60))}
    y = 0.023 * groups["pi_1"] ** 0.8 * groups["pi_2"] ** (1 / 3)
    y = y * np.exp(noise * rng.standard_normal(60))
    archive = Archive(Runs.of(Problem(groups, y)), np.inf)
    power_law(response(archive.runs), archive)
    assert archive.best is not None
    assert Mono((Fraction(4, 5), Fraction(1, 3))) in list(nodes(archive.best.tree))


def test_what_leaves_two_sums_may_cancel() -> None:
    rng = np.random.default_rng(0)
    u, t = rng.uniform(0.1, 0.9, (2, 30))
    composition = {
        "pi_0": {"x": -1.0},
        "pi_1": {"u": 1.0, "c": -1.0},
        "pi_2": {"c": 1.0, "t": 1.0, "x": -1.0},
    }
    runs = Runs.of(Problem({"pi_1": u, "pi_2": t}, u, composition=composition))
    first = Sum((ONE, Product((MINUS, Mono((Fraction(-1), Fraction(-1)))))))
    second = Power(Sum((Mono((Fraction(-2), Fraction(0))), MINUS)), Fraction(-1, 2))
    tree = Product((Mono((Fraction(0), Fraction(1))), first, second))
    form = canonical(tree, runs)
    np.testing.assert_allclose(evaluate(form, runs), (u * t - 1) / np.sqrt(1 - u**2), rtol=1e-12)
    assert law_bits(form, runs) < law_bits(tree, runs)
    assert isinstance(form, Product)
    assert not any(isinstance(factor, Mono) for factor in form.factors)


def test_a_front_is_multiplied_into_the_sum_whose_term_it_divides() -> None:
    one, none = Fraction(1), Fraction(0)
    apart = Sum((ONE, Mono((none, one))))
    divided = Sum((ONE, Product((Number(3.0, "3"), Mono((-one, none))))))
    form = with_front((one, none), Product((apart, divided)))
    assert form == Product((apart, Sum((Mono((one, none)), Number(3.0, "3")))))


def test_a_power_is_taken_inside_products_of_products() -> None:
    x, y = Mono((Fraction(1), Fraction(0))), Mono((Fraction(0), Fraction(1)))
    form = powered(Product((Number(4.0), Product((x, Call("exp", y))))), Fraction(1, 2))
    assert not any(isinstance(part, Power) for part in nodes(form))
    runs = some_runs()
    u, v = runs.values.T
    np.testing.assert_allclose(evaluate(form, runs), 2 * np.sqrt(u * np.exp(v)), rtol=1e-12)


def test_monomials_that_cancel_leave_one() -> None:
    up, down = Mono((Fraction(1), Fraction(1))), Mono((Fraction(-1), Fraction(-1)))
    assert canonical(Product((up, down)), some_runs()) == Number(1.0, "1")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_slopes_and_forms_of_the_library(name: str) -> None:
    entry = FUNCTIONS[name]
    x = np.linspace(0.03, 0.9, 25)
    rough = (entry.value(x + 1e-6) - entry.value(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(entry.slope(x) * np.ones(25), rough, rtol=1e-4, atol=1e-6)
    symbol = sympy.Symbol("x")
    function = sympy.lambdify(symbol, entry.form(symbol), modules=["numpy", "scipy"])
    np.testing.assert_allclose(function(x), entry.value(x), rtol=1e-9, atol=1e-12)


def test_the_slope_of_a_relative_exponential_is_exact_near_zero_too() -> None:
    entry, x = FACTORS[RELATIVE], np.r_[-3.0, -0.2, -1e-3, -1e-7, 0.0, 1e-7, 5e-5, 2e-4, 0.4, 2.0]
    rough = (entry.value(x + 1e-5) - entry.value(x - 1e-5)) / 2e-5
    np.testing.assert_allclose(entry.slope(x), rough, rtol=1e-6)
    tree = of_argument(RELATIVE, Mono((Fraction(1), Fraction(0))))
    runs = some_runs()
    np.testing.assert_allclose(evaluate(tree, runs), entry.value(runs.values[:, 0]), rtol=1e-12)


def test_constants_are_fitted_to_double_precision() -> None:
    runs = some_runs(1)
    true: Tree = Sum((Number(1.25), Call("exp", Product((Number(-0.7), Mono((Fraction(1),)))))))
    runs.y = evaluate(true, runs)
    fitted = polish(with_parameters(true, [1.0, -0.5]), runs)
    assert fitted is not None
    np.testing.assert_allclose(parameters(fitted.tree), [1.25, -0.7], rtol=1e-12)


def test_a_fit_far_above_the_best_one_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = some_runs(1)
    u = Mono((Fraction(1),))
    runs.y = evaluate(u, runs) * np.exp(np.sin(9 * evaluate(u, runs)))
    bent: Tree = Product((Number(1.0), Call("tanh", Product((Number(1.0), u)))))
    residuals, taken = refine._residuals, list[int]()

    def counted(*arguments: Any) -> Any:
        taken[-1] += 1
        return residuals(*arguments)

    monkeypatch.setattr(refine, "_residuals", counted)
    losses = []
    for least in (np.inf, 1e-12, 0.4):
        taken.append(0)
        fitted = polish(bent, runs, least)
        assert fitted is not None
        losses.append(fitted.loss)
    assert taken[1] < taken[0] == taken[2]
    assert losses[1] >= losses[0] == losses[2]


def test_the_cheapest_come_in_order_and_what_is_no_number_last() -> None:
    cost = np.array([[3.0, np.nan, 1.0], [1.0, 0.5, np.inf]])
    assert cheapest(cost, 3).tolist() == [4, 2, 3]
    assert cheapest(cost, 9).tolist() == [4, 2, 3, 0, 5, 1]
    assert cheapest(cost, 5).tolist() == [4, 2, 3, 0, 5]


def test_short_monomials_do_not_depend_on_the_basis() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.uniform(1, 2, 30), rng.uniform(1, 2, 30)
    composition = {
        "pi_0": {"x": -1.0},
        "pi_1": {"x": 1.0, "y": -1.0},
        "pi_2": {"z": 1.0, "y": -1.0},
    }
    first = Runs.of(Problem({"pi_1": a, "pi_2": b}, a, composition=composition))
    composition = {**composition, "pi_2": {"z": 1.0, "x": 1.0, "y": -2.0}}
    second = Runs.of(Problem({"pi_1": a, "pi_2": a * b}, a, composition=composition))
    values = [short_monomials(r, 15, power=1.0).values for r in (first, second)]
    matched = np.abs(values[0][:, :, None] / values[1][:, None, :] - 1).max(axis=0).min(axis=1)
    assert np.all(matched[:9] < 1e-9)


def test_differences_of_variables_of_one_dimension_come_first() -> None:
    rng = np.random.default_rng(1)
    groups = {f"pi_{k}": rng.uniform(1, 2, 20) for k in (1, 2, 3)}
    composition = {
        "pi_0": {"x1": 1.0},
        "pi_1": {"x1": -1.0, "x2": 1.0},
        "pi_2": {"x1": -1.0, "x3": 1.0},
        "pi_3": {"m1": -1.0, "m2": 1.0},
    }
    runs = Runs.of(Problem(groups, np.ones(20), composition=composition))
    first = differences(runs, 3, signs=("-",), power=-1.0).values
    x1, x2, x3 = np.ones(20), groups["pi_1"], groups["pi_2"]
    for difference in (x1 - x2, x1 - x3, x2 - x3):
        assert np.any(np.all(np.isclose(np.abs(first), np.abs(difference)[:, None]), axis=0))


def test_a_number_in_a_sum_is_as_dear_as_a_coefficient() -> None:
    runs = some_runs()
    x = Mono((Fraction(1), Fraction(0)))
    two = Number(2.0, "2")
    assert structure_bits(Sum((two, x)), runs) == structure_bits(
        Sum((ONE, Product((two, x)))), runs
    )


def test_exponents_and_functions_are_dearer_inside_functions() -> None:
    runs = some_runs()
    cube = Mono((Fraction(3), Fraction(0)))
    x = Mono((Fraction(1), Fraction(0)))

    def more(make: Callable[[Tree], Tree]) -> float:
        return structure_bits(make(cube), runs) - structure_bits(make(x), runs)

    assert more(lambda tree: Call("exp", tree)) > more(lambda tree: Sum((ONE, tree)))
    nested = structure_bits(Call("exp", Call("tanh", x)), runs)
    apart = structure_bits(Product((Call("exp", x), Call("tanh", x))), runs)
    assert nested > apart - structure_bits(x, runs)


def number_of_constant_parts(tree: Tree) -> int:
    return sum(not varies(n) for n in nodes(tree) if isinstance(n, Power | Call))


@given(TREES)
def test_a_tree_without_a_part_is_shorter_and_stays_a_function_of_groups(tree: Tree) -> None:
    size = sum(1 for _ in nodes(tree))
    powers = sum(sum(map(bool, n.exponents)) for n in nodes(tree) if isinstance(n, Mono))
    for other in with_one_other(tree, without_a_part):
        fewer = sum(sum(map(bool, n.exponents)) for n in nodes(other) if isinstance(n, Mono))
        assert sum(1 for _ in nodes(other)) < size or fewer < powers
        assert number_of_constant_parts(other) <= number_of_constant_parts(tree)


@given(TREES)
def test_a_power_that_becomes_free_starts_where_it_was(tree: Tree) -> None:
    runs = some_runs()
    with np.errstate(all="ignore"):
        before = evaluate(tree, runs)
        for other in with_one_other(tree, with_free_power):
            after = evaluate(other, runs)
            real = np.isfinite(after) & np.isfinite(before)
            assert len(parameters(other)) > len(parameters(tree))
            assert np.allclose(after[real], before[real], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("law", "exponents"),
    [
        (lambda x: 2.4 * (1 - x / 10) ** 4.65, [4.65]),
        (lambda x: 0.9 / (1 + 3.1 * x**-2.13), [-2.13, 2.13]),
        (lambda x: np.exp(-((x / 2) ** 1.37)), [1.37]),
    ],
)
def test_exponents_inside_sums_and_functions_are_fitted(
    law: Callable[[Array], Array], exponents: list[float]
) -> None:
    x = np.geomspace(0.1, 8.0, 30)
    y = law(x) * np.exp(0.01 * np.random.default_rng(3).standard_normal(30))
    result = StructuredEngine().search(Problem({"pi_1": x}, y), SearchBudget(600.0))
    first = result.candidates[0]
    fitted = [
        first.constants[name] for name in fitted_exponents(first.expression, {*first.constants})
    ]
    assert any(abs(fitted[0] - e) < 0.05 * abs(e) for e in exponents), str(first)
    assert len(fitted) == 1


def test_a_factor_that_the_runs_do_not_need_is_left_out() -> None:
    rng = np.random.default_rng(4)
    x = np.exp(rng.uniform(-1.0, 2.0, 36))
    y = 4.2 / (x + 1.1) ** 2 * np.exp(0.02 * rng.standard_normal(36))
    archive = Archive(Runs.of(Problem({"pi_1": x}, y)), np.inf)
    root = Mono((Fraction(1, 2),))
    long = Product(
        (Number(4.0), root, Power(Sum((Mono((Fraction(1),)), Number(1.0))), Fraction(-2)))
    )
    archive.add(long)
    assert archive.best is not None
    loss = archive.best.loss
    archive.vary()
    assert not any(part == root for part in nodes(archive.best.tree))
    assert archive.best.loss < loss
    assert parameters(archive.best.tree)[1] == pytest.approx(1.1, rel=0.2)
