"""Contenders: each form is judged once, whatever numbers it was found with."""

from dataclasses import replace

import numpy as np
import pytest
import sympy

import dimgs
from dimgs import Dataset, Options
from dimgs.common.arrays import Array
from dimgs.dataset.dataset import BOUND_SUFFIX
from dimgs.discovery.discover import discover_with
from dimgs.discovery.given_form import GivenForm, in_groups
from dimgs.discovery.power_law import fit_prepared
from dimgs.discovery.prepare import prepare
from dimgs.engines.protocol import Clock
from dimgs.expression.candidate import Candidate
from dimgs.fits.design import Design
from dimgs.judgement.candidates import JudgedForm, Proposal, _with_one_constant, judge_forms
from dimgs.judgement.evidence import FormulaModel
from dimgs.judgement.posterior import (
    NONE,
    TEMPERATURE,
    posterior_of,
    representative,
    same_laws,
)
from dimgs.law.assemble import assemble, used_inputs


def test_forms_that_differ_in_numbers_alone_are_one_with_a_constant() -> None:
    rng = np.random.default_rng(3)
    r, y = np.exp(rng.uniform(-1.0, 1.0, (2, 30)))
    z = y * (1.37 + r) * np.exp(0.05 * rng.standard_normal(30))
    known = prepare(Dataset.from_columns({"x [m]": r * y, "y [m]": y, "z [m]": z}), "z", Options())
    design, result = known.design, fit_prepared(known, Options())
    (group,) = [np.exp(design.X[:, 0])]
    # the group and its response, whichever way up they are
    share = 1.0 if np.allclose(group, r) else -1.0
    pi = sympy.Symbol("pi_1") ** int(share)
    factor = np.exp(design.y) / (z / y)
    power = round(float(np.polyfit(np.log(r), np.log(factor), 1)[0] * share))
    candidates = [
        Candidate.of((number + pi) * pi**power, {})
        for number in (sympy.Rational(7, 5), sympy.Rational(4, 3))
    ]
    judged = judge_forms(design, result, result.law, candidates, Clock.of(1e6))
    texts = [str(c.expression) for c in judged]
    assert len(set(texts)) == len(texts)
    assert sum("c_1" in text for text in texts) == 1


def test_constants_that_may_as_well_be_one_are() -> None:
    rng = np.random.default_rng(5)
    r, y = np.exp(rng.uniform(-1.5, 1.5, (2, 60)))
    z = y * np.minimum(1.0, r) * np.exp(0.02 * rng.standard_normal(60))
    columns = {"x [m]": r * y, "y [m]": y, "z [m]": z}
    known = prepare(Dataset.from_columns(columns), "z", Options())
    design, result = known.design, fit_prepared(known, Options())
    pi, one, other = sympy.symbols("pi_1 C_1 C_2")
    slope = float(np.polyfit(np.log(r), design.X[:, 0], 1)[0])
    over = np.exp(design.y) / np.minimum(1.0, r)
    power = round(float(np.polyfit(np.log(r), np.log(over), 1)[0]))
    ratio = pi ** round(slope)
    form = sympy.Min(one, other * ratio) * ratio**power
    start = {"C_1": 1.0, "C_2": 1.0}
    judged = judge_forms(
        design,
        result,
        result.law,
        [],
        Clock.of(1e6),
        [Proposal(name="regimes", expression=form, constants=start)],
    )
    regimes = [c for c in judged if c.name == "regimes"]
    best = max(regimes, key=lambda c: c.score)
    assert best.constants == {}


def _power_laws(exponent: float, noise: float) -> tuple[Design, list[JudgedForm]]:
    """Forms of z = 2π x^exponent, a known number among them."""
    rng = np.random.default_rng(2)
    x = np.exp(rng.uniform(-1.0, 1.0, 60))
    z = 2 * np.pi * x**exponent * np.exp(noise * rng.standard_normal(60))
    known = prepare(Dataset.from_columns({"x [1]": x, "z [1]": z}), "z", Options())
    result = fit_prepared(known, Options())
    form = 2 * sympy.pi * sympy.Symbol("pi_1") ** sympy.Rational(exponent).limit_denominator(6)
    more = [Proposal(name="front", expression=form, constants={})] if noise < 0.05 else []
    return known.design, judge_forms(known.design, result, result.law, [], Clock.of(1e6), more)


def test_a_power_law_with_a_recognised_prefactor_is_the_same_law() -> None:
    design, judged = _power_laws(1.5, 0.01)
    rigid = [k for k, c in enumerate(judged) if c.rigid]
    assert {len(judged[k].constants) for k in rigid} == {0, 1}
    assert len({same_laws(design, judged)[k] for k in rigid}) == 1


def test_a_rational_of_many_digits_within_a_wide_interval_is_no_surer_than_a_fitted_exponent() -> (
    None
):
    for exponent, sure in ((2.15, False), (2.0, True)):
        _, judged = _power_laws(exponent, 0.1)
        score = {c.rigid: c.score for c in judged}
        odds = (score[True] - score[False]) / TEMPERATURE if True in score else 0.0
        assert (odds > np.log(9)) == sure


def test_laws_with_fitted_exponents_are_one_whatever_the_others_are() -> None:
    rng = np.random.default_rng(4)
    x, y = np.exp(rng.uniform(-1.0, 1.0, (2, 60)))
    z = x**0.37 * y**0.5 * np.exp(0.02 * rng.standard_normal(60))
    columns = {"x [1]": x, "y [1]": y, "z [1]": z}
    known = prepare(Dataset.from_columns(columns), "z", Options())
    result = fit_prepared(known, Options())
    judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6))
    assert sorted(c.exponents for c in judged) == [1, 2]
    assert same_laws(known.design, judged) == [0, 0]
    # the simple one is shown where it is sure
    for gap, shown in ((1.0, 2), (4.0, 1)):
        assert [1, 2][representative(np.array([0.0, -gap]), [1, 2])] == shown
    assert representative(np.array([0.0, -1.0]), [0, 0]) == 0


@pytest.mark.parametrize(("exponent", "noise", "simple"), [(2.0, 0.01, True), (0.68, 0.05, False)])
def test_simple_and_fitted_exponents_are_one_law_that_states_what_is_sure(
    exponent: float, noise: float, *, simple: bool
) -> None:
    design, judged = _power_laws(exponent, noise)
    assert {c.rigid for c in judged} == {True, False}
    laws = same_laws(design, judged)
    assert len(set(laws)) == 1
    first = posterior_of(design, judged, laws).laws[0]
    assert first.form.rigid == simple


@pytest.mark.parametrize("size", [1.0, 1e30])
def test_simple_and_fitted_exponents_are_one_law_in_every_unit(size: float) -> None:
    rng = np.random.default_rng(5)
    x = np.exp(rng.uniform(-3.0, 3.0, 60))
    z = x**3.7 * np.exp(1.5 * rng.standard_normal(60))
    known = prepare(Dataset.from_columns({"x [1]": size * x, "z [1]": z}), "z", Options())
    result, pi = fit_prepared(known, Options()), sympy.Symbol("pi_1")
    form, start = sympy.Symbol("c") * pi**4, {"c": size**-4.0}
    more = [Proposal(name="front", expression=form, constants=start)]
    judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6), more)
    assert {"front", "power"} <= {one.name for one in judged}
    assert len(set(same_laws(known.design, judged))) == 1


@pytest.mark.parametrize("start", [1, 4])
def test_laws_that_are_zero_in_many_runs_are_compared_there_too(start: int) -> None:
    rng = np.random.default_rng(6)
    x, y = rng.uniform(0.1, 6.0, 40), rng.uniform(0.5, 2.0, 40)
    z = y * np.maximum(x - start, 0) * (1 + 0.02 * rng.standard_normal(40))
    columns = {"x [1]": x, "y [1]": y, "z [1]": z}
    known = prepare(Dataset.from_columns(columns), "z", Options(), any_sign=True)
    one, two = sympy.symbols("pi_1 pi_2")
    line = two * (one - start)
    forms = [sympy.Max(0, line), two * sympy.Max(0, one - start), line]
    law = assemble(known.design, forms[0], {}, 0.9)
    judged = judge_forms(known.design, None, law, [], Clock.of(1e6))
    (first,) = (form for form in judged if form.expression == forms[0])
    models = [FormulaModel(known.design, e, {}) for e in forms]
    assert same_laws(known.design, [replace(first, model=m) for m in models]) == [0, 0, 2]


def test_a_refuted_form_with_simple_exponents_makes_no_two_laws_one() -> None:
    rng = np.random.default_rng(3)
    x = np.exp(rng.uniform(-2.0, 2.0, 60))
    z = (1 + 0.8 * x**1.15) ** -0.5 * np.exp(0.02 * rng.standard_normal(60))
    known = prepare(Dataset.from_columns({"x [1]": x, "z [1]": z}), "z", Options())
    result, (pi, c, a) = fit_prepared(known, Options()), sympy.symbols("pi_1 c a")
    simple = 1 / sympy.sqrt(1 + c * pi)
    forms = [(1 + c * pi) ** a, 1 / sympy.sqrt(1 + c * pi**a), simple]
    start = {"c": 1.0, "a": 1.0}
    more = [
        Proposal(name="front", expression=e, constants={str(s): start[str(s)] for s in free})
        for e in forms
        if (free := e.free_symbols - {pi})
    ]
    judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6), more)
    judged = [one for one in judged if one.expression in forms]
    assert judged[2].expression == simple
    assert same_laws(known.design, judged) == [0, 1, 0]


def test_a_form_that_was_asked_for_is_meant_with_its_exponents() -> None:
    design, judged = _power_laws(1.5, 0.01)
    asked = [replace(c, given=c.rigid) for c in judged]
    laws = same_laws(design, asked)
    assert {(laws[k], c.rigid) for k, c in enumerate(asked)} == {
        (laws[next(k for k, c in enumerate(asked) if c.rigid == rigid)], rigid)
        for rigid in (True, False)
    }
    assert len(set(laws)) == 2


@pytest.mark.parametrize("basis", [[[1, 1], [0, 1]], [[2, 1], [1, 1]], [[0, 1], [-1, 3]]])
def test_the_price_of_fitted_exponents_does_not_depend_on_the_basis(basis: list[list[int]]) -> None:
    rng = np.random.default_rng(1)
    logs, noise = rng.normal(size=(2, 30)), 0.02 * rng.standard_normal(30)
    bits = []
    for change in (np.eye(2), np.array(basis)):
        x, z = np.exp(change @ logs)
        y = 3.0 * np.exp(0.43 * logs[0] + 0.71 * logs[1] + noise)
        columns = {"x [1]": x, "z [1]": z, "y [1]": y}
        known = prepare(Dataset.from_columns(columns), "y", Options())
        result = fit_prepared(known, Options())
        judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6))
        bits += [c.structure.free_exponents for c in judged if c.exponents == 2]
    assert bits[0] > 8.0
    assert bits[1] == pytest.approx(bits[0])


def test_two_constants_are_one_where_a_function_has_a_limit_without_any() -> None:
    rng = np.random.default_rng(6)
    x = np.exp(rng.uniform(-2.0, 2.0, 60))
    pi, one, other = sympy.symbols("pi_1 c_1 c_2")
    form = one * sympy.sqrt(sympy.tanh(other * pi) / pi)
    for related in (True, False):
        front = 3.0**-0.5 if related else 1.37
        # six relations of two constants are tried: with errors of 2 % one of them is met by chance
        z = front * np.sqrt(np.tanh(3.0 * x) / x) * np.exp(0.005 * rng.standard_normal(60))
        known = prepare(Dataset.from_columns({"x [1]": x, "z [1]": z}), "z", Options())
        result = fit_prepared(known, Options())
        start = {"c_1": front, "c_2": 3.0}
        more = [Proposal(name="front", expression=form, constants=start)]
        judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6), more)
        whole = next(c for c in judged if len(c.constants) == 2 and c.name == "front")
        simpler = [c for c in judged if len(c.constants) == 1 and c.name == "front"]
        assert len(simpler) == related
        assert all(c.score > whole.score for c in simpler)
        assert all(
            sympy.simplify(c.expression**2 * pi / sympy.tanh(other * pi) - 1 / other) == 0
            for c in simpler
        )


@pytest.mark.parametrize("target", ["y", "w"])
def test_an_input_that_a_form_depends_on_by_no_more_than_chance_is_left_out(target: str) -> None:
    rng = np.random.default_rng(7)
    x, y, w, v = np.exp(rng.uniform(-1.0, 1.0, (4, 60)))
    z = 1.7 * y * (1 + 0.6 * x / y) * np.exp(0.02 * rng.standard_normal(60))
    columns = {"x [m]": x, "y [m]": y, "w [m]": w, "v [1]": v, "z [m]": z}
    data = Dataset.from_columns(columns)
    known = prepare(data, "z", Options())
    result = fit_prepared(known, Options())
    text = f"C*y*(1 + c*x/y)*(w/{'x' if target == 'w' else 'y'})**(1/200)*exp(v/500)"
    form = in_groups(known.design, GivenForm.read(text, data, "z", Options()).expression)
    more = [Proposal(name="front", expression=form, constants={"C": 1.7, "c": 0.6})]
    judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6), more)
    proposed = [one for one in judged if one.name == "front"]
    best = max(proposed, key=lambda one: one.score)
    inputs = [used_inputs(known.design, one.expression) for one in proposed]
    assert {"x", "y", "w", "v"} in inputs
    assert {"x", "y"} in inputs
    assert "v" not in used_inputs(known.design, best.expression)


def test_a_wave_of_an_exponential_of_the_inverse_of_a_temperature_has_a_price() -> None:
    T = np.linspace(280.0, 360.0, 30)
    data = Dataset.from_columns({"T [K]": T, "p [Pa]": 2.0 + np.sin(40.0 * np.exp(-300.0 / T))})
    known = prepare(data, "p", Options(scales=("T0 [K]", "p0 [Pa]")))
    result, pi = fit_prepared(known, Options()), sympy.Symbol("pi_1")
    form = sympy.Symbol("C") * (2 + sympy.sin(40 * sympy.exp(sympy.Symbol("b") / pi)))
    wave = Proposal(name="front", expression=form, constants={"C": 1.0, "b": -300.0})
    judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6), [wave])
    assert any(one.name == "front" and one.structure.oscillations for one in judged)


def test_bounds_do_not_lower_the_exactness_of_the_runs_beside_them() -> None:
    x = np.geomspace(0.1, 10.0, 60)
    y = x**1.5 * np.exp(0.05 * np.random.default_rng(2).normal(size=60))
    is_bound = x < 0.4
    columns = {"x [1]": x, "y [1]": np.where(is_bound, y[is_bound].max(), y)}
    bounds = {f"y{BOUND_SUFFIX}": np.where(is_bound, "<", "=")}

    known = prepare(Dataset.from_columns(columns | bounds), "y", Options())
    result = fit_prepared(known, Options())
    forms = judge_forms(known.design, result, result.law, [], Clock.of(1e6))
    laws = same_laws(known.design, forms)
    censored = posterior_of(known.design, forms, laws)
    as_runs = posterior_of(replace(known.design, censored=0.0), forms, laws)
    # counted as runs, bounds lower the median density, as larger errors of measurement would
    logit, logit_of_runs = (np.log(p.none / (1.0 - p.none)) for p in (censored, as_runs))
    # by more than two bits, which count by fifties
    assert logit < logit_of_runs - 0.04 * NONE[2]


def test_a_ratio_that_is_one_by_chance_leaves_two_constants() -> None:
    rng = np.random.default_rng(8)
    x = np.exp(rng.uniform(-1.5, 1.5, 60))
    pi, one, other = sympy.symbols("pi_1 c_1 c_2")
    for noise in (0.05, 0.002):
        y = 2.0 * (1.0 + x**1.5) * np.exp(noise * rng.standard_normal(60))
        known = prepare(Dataset.from_columns({"x [1]": x, "y [1]": y}), "y", Options())
        start, form = {"c_1": 2.0, "c_2": 2.0}, one + other * pi ** sympy.Rational(3, 2)
        more = [Proposal(name="front", expression=form, constants=start)]
        result = fit_prepared(known, Options())
        judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6), more)
        best = next(c for c in judged if c.name == "front")
        assert len(best.constants) == (2 if noise > 0.01 else 1)


@pytest.mark.parametrize(
    ("text", "constants"),
    [
        # a sum whose first term is nothing beside the second, and a factor that is saturated
        ("c_3 + c_1*(c_2*pi_1 + 1)**(3/2)/pi_2", {"c_1": 2e-9, "c_2": 1e6, "c_3": 3.0}),
        ("(c_3 + c_1*pi_1**(3/2)/pi_2)*tanh(c_2*(pi_1 + 1))", {"c_1": 2, "c_2": 1e3, "c_3": 3}),
    ],
)
def test_parts_that_are_nothing_in_the_runs_are_no_part_of_a_law(
    text: str, constants: dict[str, float]
) -> None:
    rng = np.random.default_rng(3)
    x, z = np.exp(rng.uniform(-1.5, 1.5, (2, 40)))
    y = (2 * x**1.5 / z + 3) * np.exp(0.01 * rng.standard_normal(40))
    known = prepare(Dataset.from_columns({"x [1]": x, "z [1]": z, "y [1]": y}), "y", Options())
    result = fit_prepared(known, Options())
    candidate = Candidate.of(sympy.sympify(text), constants)
    judged = judge_forms(known.design, result, result.law, [candidate], Clock.of(1e6))
    assert len(judged[0].constants) <= 2
    assert not judged[0].expression.has(sympy.tanh)
    values = judged[0].model.value(judged[0].evidence.whole.constants)
    np.testing.assert_allclose(values, 2 * x**1.5 / z + 3, rtol=0.03)


def test_a_typing_error_among_nearly_exact_runs_is_no_part_of_the_law() -> None:
    rng = np.random.default_rng(3)
    x, z = np.exp(rng.uniform(-1.5, 1.5, (2, 40)))
    y = 2 * x**1.5 / z * np.exp(1e-6 * rng.standard_normal(40))
    y[7] *= 20.0
    data = Dataset.from_columns({"x [1]": x, "z [1]": z, "y [1]": y})
    report = discover_with(data, "y", Options(engine="structured", effort="quick"))
    assert report.confirmed
    assert report.law is not None
    ratio = np.asarray(report.law.predict(data).magnitude) / y
    assert np.sum(np.abs(np.log(ratio)) > 1e-4) == 1
    assert any("row 8" in text for text in report.warnings)


def test_a_power_law_is_one_law_in_every_spelling() -> None:
    """That of the fit is shown, and none of a search whose scale is one SI unit."""
    rng = np.random.default_rng(0)
    c = np.geomspace(0.3, 300.0, 25)
    table = {"c [mg/L]": c, "q [mg/g]": 3.0 * c**0.4537 * np.exp(0.03 * rng.normal(size=25))}
    found = dimgs.discover(table, "q", scales="auto", evaluations=100, engine="structured")
    assert found.law is not None
    assert not found.law.scales or "c0" not in str(found.law)
    assert [str(rival.law) for rival in found.rivals] == []
    assert found.probability is not None
    assert found.probability > 0.85


def test_constants_become_one_only_where_that_is_real() -> None:
    a, b, x = sympy.symbols("c_1 c_2 pi_1")
    whole = x * sympy.sqrt(a) * b + 1
    expression, start = _with_one_constant(whole, {"c_1": 4.0, "c_2": 3.0}, ["c_1", "c_2"])
    assert expression == a * x + 1
    assert start == {"c_1": pytest.approx(6.0)}
    kept = {"c_1": -4.0, "c_2": 3.0}
    assert _with_one_constant(whole, kept, ["c_1", "c_2"]) == (whole, kept)


def test_the_price_of_a_law_does_not_depend_on_the_response_group() -> None:
    rng = np.random.default_rng(7)
    t = np.linspace(1.0, 60.0, 40)
    y = (900.0 * np.exp(-t / 12.0) + 30.0) * np.exp(0.01 * rng.standard_normal(40))
    bits = []
    a, b, c = sympy.symbols("c_1 c_2 c_3")
    for scales in (("t0 [s]",), ("t0 [s]", "I0 [1/s]")):
        data = Dataset.from_columns({"t [s]": t, "I [1/s]": y})
        known = prepare(data, "I", Options(scales=scales))
        time = sympy.Symbol("pi_1") ** int(dict(known.basis.groups[0].exponents)["t"])
        front = time if len(scales) == 1 else sympy.Integer(1)
        decay = sympy.exp(-c * time)
        for form in (a * front + b * front * decay, front * (a + b * decay)):
            start = {"c_1": 30.0, "c_2": 900.0, "c_3": 1.0 / 12.0}
            more = [Proposal(name="front", expression=form, constants=start)]
            result = fit_prepared(known, Options())
            judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6), more)
            (one,) = [each for each in judged if each.expression == form]
            assert one.evidence.whole.sd < 0.012
            bits.append(one.structure.bits)
    assert bits == pytest.approx([bits[0]] * 4)


def test_exponents_that_the_runs_determine_only_together_cost_what_they_determine() -> None:
    rng = np.random.default_rng(6)
    x = np.exp(rng.uniform(-1.0, 1.0, 40))
    y = x**1.37 * np.exp(0.02 * rng.standard_normal(40))

    def precision(columns: dict[str, Array]) -> set[float]:
        known = prepare(Dataset.from_columns({**columns, "y [1]": y}), "y", Options())
        result = fit_prepared(known, Options())
        judged = judge_forms(known.design, result, result.law, [], Clock.of(1e6))
        return {round(c.structure.free_exponents, 2) for c in judged if c.exponents}

    (alone,) = precision({"x [1]": x})
    assert alone > 5.0
    # an exponent of x and one of its square, of which only a sum is determined
    together = precision({"x [1]": x, "z [1]": x**2})
    assert together
    assert min(together) > alone - 1.5


def test_a_form_costs_the_same_however_a_search_wrote_it() -> None:
    rng = np.random.default_rng(8)
    x = np.exp(rng.uniform(-1.0, 1.0, 60))
    z = 2 / (np.exp(1 / x) - 1) * np.exp(0.02 * rng.standard_normal(60))
    known = prepare(Dataset.from_columns({"x [1]": x, "z [1]": z}), "z", Options())
    result, pi = fit_prepared(known, Options()), sympy.Symbol("pi_1")
    once = sympy.exp(1 / pi)
    texts = [2 / (once - 1), 2 / once / (1 - 1 / once)]

    def judged(*several: sympy.Expr) -> list[float]:
        more = [Proposal(name="front", expression=e, constants={}) for e in several]
        forms = judge_forms(known.design, result, result.law, [], Clock.of(1e6), more)
        return sorted(c.score for c in forms if c.name == "front")

    alone = [judged(text) for text in texts]
    assert max(alone[1]) == pytest.approx(max(alone[0]))
    together = judged(*texts)
    assert max(together) == pytest.approx(max(alone[0]))
    assert sum(score > max(together) - 0.01 for score in together) == 1
