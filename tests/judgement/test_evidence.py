"""Evidence: what is predicted beyond the runs counts, and true laws are not refuted by it."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dimgs import Dataset
from dimgs.discovery.discover import discover_with, fit_with
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.fits.design import Design
from dimgs.fits.noise import UNUSUAL, Errors, StudentTails, possible_errors
from dimgs.judgement.evidence import (
    Evidence,
    FormulaModel,
    PowerModel,
    errors_of,
    evidence,
    fit_model,
    n_settings,
    outer_blocks,
)

PI, C = sympy.Symbol("pi_1"), sympy.Symbol("c")


def ratios(n: int, seed: int, noise: float, law: str = "line") -> Design:
    """z/y of x/y = r: 1 + r or exp(r/3), with errors that are relative."""
    rng = np.random.default_rng(seed)
    x, y = np.exp(rng.uniform(-1.0, 1.5, n)), np.exp(rng.uniform(-1.0, 1.0, n))
    true = y * (1 + x / y) if law == "line" else y * np.exp(x / y / 3)
    z = true * np.exp(noise * rng.standard_normal(n))
    columns = {"x [m]": x, "y [m]": y, "z [m]": z}
    return prepare(Dataset.from_columns(columns), "z", Options()).design


def of(design: Design, expression: sympy.Expr, **constants: float) -> Evidence:
    values = {f.name: np.exp(design.X[:, j]) for j, f in enumerate(design.features)}
    assert set(values) == {"pi_1"}
    model = FormulaModel(design, expression, constants)
    support = evidence(model, errors_of(design, [model])[0], outer_blocks(design), design)
    assert support is not None
    return support


def true_form(design: Design) -> sympy.Expr:
    """1 + x/y over y, or over x, whichever the response group is in."""
    model = FormulaModel(design, 1 + PI, {})
    with np.errstate(all="ignore"):
        gap = np.log(model.value(model.start)) - design.y
    return 1 + PI if np.std(gap) < 0.3 else 1 + 1 / PI


@settings(max_examples=20)
@given(st.integers(15, 60), st.integers(0, 10_000), st.sampled_from([1e-3, 0.02, 0.1]))
def test_more_noise_leaves_less_evidence_and_constants_cost_theirs(
    n: int, seed: int, noise: float
) -> None:
    design = ratios(n, seed, noise)
    form = true_form(design)
    one = of(design, form)
    # a constant that is not needed costs about half a nat; twice what it helps by is chi-squared of
    # one degree, above 24 in one draw of a million
    free = of(design, C * form, c=1.0)
    assert -12.0 < free.log_density - one.log_density < 12.0
    louder = ratios(n, seed, 3 * noise)
    assert of(louder, form).log_density < one.log_density


def test_a_true_law_extrapolates_and_is_seldom_told_otherwise() -> None:
    missed = 0
    for seed in range(120):
        design = ratios(40, seed, 0.03)
        missed += not of(design, C * true_form(design), c=1.0).extrapolates
    assert missed <= 6


def test_a_law_that_only_interpolates_is_told() -> None:
    design = ratios(80, 1, 0.0005)
    form = true_form(design)
    # a parabola follows the logarithm inside the runs
    a, b, d = sympy.symbols("a b d")
    parabola = sympy.exp(a + b * sympy.log(PI) + d * sympy.log(PI) ** 2)
    prediction = of(design, parabola, a=0.5, b=0.5, d=0.1)
    assert not prediction.extrapolates
    assert prediction.log_density < of(design, form).log_density - 50


@pytest.mark.parametrize("kind", ["relative", "target"])
def test_the_kind_of_errors_is_told(kind: str) -> None:
    rng = np.random.default_rng(2)
    x, y = np.exp(rng.uniform(-1.0, 1.0, 150)), np.exp(rng.uniform(-1.5, 1.5, 150))
    error = rng.standard_normal(150)
    true = x + y
    z = true * (1 + 0.03 * error) if kind == "relative" else true + 0.05 * error
    columns = {"x [m]": x, "y [m]": y, "z [m]": z}
    design = prepare(Dataset.from_columns(columns), "z", Options()).design
    model = FormulaModel(design, C * true_form(design), {"c": 1.0})
    assert errors_of(design, [model])[0].kind == kind


def straight(n: int, seed: int) -> tuple[Design, PowerModel, np.ndarray, np.ndarray]:
    """A design, a power law of it, and the columns and logarithms that it is linear in."""
    design = ratios(n, seed, 0.1)
    columns = np.column_stack([np.ones(n), design.X])
    return design, PowerModel(columns, np.zeros(n), np.zeros(2)), columns, design.y


def refit(columns: np.ndarray, y: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Residuals of all runs by a fit to some, the sum of squares of these, and its freedom."""
    constants = np.linalg.lstsq(columns[kept], y[kept], rcond=None)[0]
    left = y - columns @ constants
    return left, float(np.sum(left[kept] ** 2)), int(kept.sum()) - columns.shape[1]


@pytest.mark.parametrize("n", [6, 25])
def test_a_run_left_out_has_the_density_of_students_t(n: int) -> None:
    design, model, columns, y = straight(n, 1)
    support = evidence(model, possible_errors(design)[0], [], design)
    assert support is not None
    expected = 0.0
    for i in range(n):
        kept = np.arange(n) != i
        left, square, dof = refit(columns, y, kept)
        inverse = np.linalg.inv(columns[kept].T @ columns[kept])
        sd = np.sqrt(square / dof * (1 + columns[i] @ inverse @ columns[i]))
        expected += float(stats.t.logpdf(left[i], dof, scale=sd))
    assert support.log_density == pytest.approx(expected, rel=1e-9)
    assert support.p_block is None


def test_the_worst_of_several_blocks_is_judged_as_one_of_them() -> None:
    design, model, columns, y = straight(40, 2)
    blocks = outer_blocks(design)
    assert len(blocks) > 2
    support = evidence(model, possible_errors(design)[0], blocks, design)
    assert support is not None
    chances = []
    _, square, _ = refit(columns, y, np.ones(40, dtype=bool))
    for block in blocks:
        # Chow's test: the block adds so much to the sum of squares
        _, of_rest, dof = refit(columns, y, ~block.rows)
        m = int(block.rows.sum())
        chances.append(stats.f.sf((square - of_rest) / m / (of_rest / dof), m, dof))
    assert min(chances) * len(blocks) > 0.01
    assert support.p_block == pytest.approx(min(1.0, min(chances) * len(blocks)), rel=1e-6)


def test_standard_errors_hold_constants_as_often_as_they_say() -> None:
    held, rows, rng = [], np.ones(12, dtype=bool), np.random.default_rng(0)
    for _ in range(150):
        columns = np.column_stack([np.ones(12), rng.standard_normal(12)])
        y = columns @ np.array([1.0, 0.5]) + 0.1 * rng.standard_normal(12)
        errors = Errors("relative", np.exp(y), np.ones(12), np.ones(12))
        fit = fit_model(PowerModel(columns, np.zeros(12), np.zeros(2)), errors, rows, np.zeros(2))
        quantile = stats.t.ppf(0.95, fit.dof)
        held.append(np.abs(fit.constants - [1.0, 0.5]) <= quantile * fit.standard_errors)
    # a factor of 1.5 either way would be 0.74 or 0.98
    assert np.mean(held) == pytest.approx(0.9, abs=0.05)


@settings(max_examples=20)
@given(st.integers(15, 200), st.integers(0, 10_000), st.sampled_from([0.0, 1e-3, 0.1]))
def test_the_density_of_runs_left_out_hardly_exceeds_the_most(
    n: int, seed: int, noise: float
) -> None:
    design = ratios(n, seed, noise)
    model = FormulaModel(design, true_form(design), {})
    errors = errors_of(design, [model])[0]
    whole = fit_model(model, errors, np.ones(n, dtype=bool), model.start)
    support = evidence(model, errors, outer_blocks(design), design, whole)
    assert support is not None
    # blocks of runs have a density of heavier tails
    assert support.log_density < whole.most_density + 0.1 * n


@pytest.mark.parametrize("heavy", [False, True])
def test_tails_of_students_t_are_more_evident_where_the_errors_have_them(heavy: bool) -> None:
    gains, misses = [], []
    for seed in range(12):
        rng, design = np.random.default_rng(seed), ratios(60, seed, 0.0)
        error = rng.standard_t(2, 60) if heavy else rng.standard_normal(60)
        design = replace(design, y=design.y + 0.05 * error)
        model = FormulaModel(design, C * true_form(design), {"c": 1.0})
        errors, rows = possible_errors(design)[0], np.ones(60, dtype=bool)
        whole = fit_model(model, errors, rows, model.start)
        tails = replace(errors, tails=StudentTails.of(whole.residuals, 2.0, 1))
        supports = [evidence(model, e, outer_blocks(design), design) for e in (errors, tails)]
        normal, student = (s for s in supports if s is not None)
        gains.append(student.log_density - normal.log_density)
        misses.append([float(np.log(s.whole.constants[0])) ** 2 for s in (normal, student)])
    by_squares, by_tails = np.mean(misses, axis=0)
    if heavy:
        assert np.median(gains) > 4.0
        assert by_tails < by_squares / 2
    else:
        assert np.median(gains) < -1.0


def test_a_law_of_runs_with_heavy_tails_is_fitted_by_them() -> None:
    rng = np.random.default_rng(4)
    x, z = np.exp(rng.uniform(-1.5, 1.5, (2, 60)))
    y = (x**1.5 / z + 0.3) * np.exp(0.02 * rng.standard_t(2, 60))
    data = Dataset.from_columns({"x [1]": x, "z [1]": z, "y [1]": y})
    options = Options(engine="power_law", evaluations=20, form="a*x**p/z + b")
    law = discover_with(data, "y", options).law
    assert law is not None
    assert law.uncertainty.tails is not None
    fitted = {c.name: c.value for c in law.constants}
    assert min(abs(value - 0.3) for value in fitted.values()) < 0.03, law


@pytest.mark.parametrize("gross", [False, True])
def test_a_power_law_is_fitted_on_the_scale_of_its_errors(gross: bool) -> None:
    rng = np.random.default_rng(3)
    x, z = np.exp(rng.uniform(-1.5, 1.5, (2, 60)))
    y = 2 * x**1.37 / z**0.81
    if gross:
        # one run off by a factor of 20, which no law should follow
        y = y * np.exp(0.05 * rng.standard_normal(60)) * np.where(np.arange(60) == 32, 20.0, 1.0)
    else:
        y = np.maximum(y + 0.2 * rng.standard_normal(60), 1e-3)
    data = Dataset.from_columns({"x [1]": x, "z [1]": z, "y [1]": y})
    report = discover_with(data, "y", Options(engine="structured", effort="quick"))
    assert report.law is not None
    exponents = report.law.elasticities({"x": [1.0], "z": [1.0]}, level=0.9)
    of_logs = fit_with(data, "y", Options(noise="relative")).exponents
    far = {e.name: abs(e.value - (1.37 if e.name == "pi_1" else -0.81)) for e in of_logs}
    for name, true in (("x", 1.37), ("z", -0.81)):
        value, low, high = (float(np.squeeze(v)) for v in exponents[name])
        assert abs(value - true) < 0.03
        assert high - low < 0.06
        # squares of logarithms are those of the smallest targets, or of the gross run
        assert far["pi_1" if name == "x" else "pi_2"] > abs(value - true)
    if gross:
        assert report.confirmed


@pytest.mark.parametrize("seed", range(3))
def test_a_usual_run_has_the_mean_density_unless_a_run_is_gross(seed: int) -> None:
    design = ratios(400, seed, 0.05)
    plain = of(design, true_form(design))
    assert plain.usual == pytest.approx(plain.log_density / 400, abs=0.1)
    with_gross = replace(design, y=design.y + 2.0 * (np.arange(400) % 40 == 7))
    gross = of(with_gross, true_form(design))
    assert gross.errors.tails is not None
    assert gross.usual - gross.log_density / 400 > 0.1
    assert gross.usual == pytest.approx(plain.usual, abs=0.3)


def test_the_density_of_a_law_is_the_sum_over_kinds_of_errors_by_their_prior() -> None:
    design = ratios(12, 5, 0.1)
    model, blocks = FormulaModel(design, C * true_form(design), {"c": 1.0}), outer_blocks(design)
    usual, *others = possible_errors(design)
    assert {usual.kind, usual.price} == {"relative", 0.0}
    each = [evidence(model, kind, blocks, design) for kind in (usual, *others)]
    supports = [one for one in each if one is not None]
    densities = [one.log_density for one in supports]
    equally = evidence(model, replace(others[0], price=0.0), blocks, design)
    assert equally is not None
    assert equally.log_density - densities[1] == pytest.approx(UNUSUAL)
    whole = Evidence.over_kinds(supports)
    assert whole is not None
    assert whole.log_density == pytest.approx(np.logaddexp.reduce(densities))
    assert whole.errors is supports[int(np.argmax(densities))].errors
    assert Evidence.over_kinds([]) is None


@pytest.mark.parametrize("of_counts", [True, False])
def test_errors_between_two_kinds_are_in_doubt_where_the_runs_hardly_tell(of_counts: bool) -> None:
    """Errors of counts grow with the root of the mean."""
    kinds, t = [], np.linspace(2.0, 120.0, 40)
    rate, first, floor = sympy.symbols("c_1 c_2 c_3")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        mean = 900.0 * np.exp(-t / 23.0) + 35.0
        size = np.sqrt(mean) / 3.0 if of_counts else 0.03 * mean
        data = Dataset.from_columns({"t [1]": t, "I [1]": mean + size * rng.normal(size=40)})
        design = prepare(data, "I", Options()).design
        model = FormulaModel(
            design,
            floor + first * sympy.exp(-rate * PI),
            {"c_1": 1.0 / 23.0, "c_2": 900.0, "c_3": 35.0},
        )
        kinds.append("mixed" in {each.kind for each in errors_of(design, [model])})
    assert (sum(kinds) >= 12) == of_counts


@settings(max_examples=30)
@given(
    st.integers(2, 9),
    st.integers(1, 5),
    st.floats(0.0, 0.003),
    st.randoms(use_true_random=False),
)
def test_runs_that_repeat_a_setting_but_for_a_little_are_one_setting(
    count: int, repeats: int, apart: float, draw: Random
) -> None:
    rng = np.random.default_rng(draw.randrange(1000))
    among = rng.permutation(np.repeat(np.arange(count), repeats))
    x = 1.5**among * np.exp(apart * np.log(1.5) * rng.uniform(-1, 1, len(among)))
    y = np.exp(rng.normal(size=len(among)))
    columns = {"x [m]": x * y, "y [m]": y, "z [m]": y * x**0.5}
    design = prepare(Dataset.from_columns(columns), "z", Options()).design
    assert n_settings(design) == count
    assert n_settings(design.take(rng.permutation(len(among)))) == count


def test_few_settings_leave_more_doubt_than_as_many_runs_as_they_have() -> None:
    doubts = []
    for settings_of in (3, 12):
        rng = np.random.default_rng(2)
        x = np.repeat(np.geomspace(0.7, 4.0, settings_of), 12 // settings_of)
        y = 3.0 * np.sqrt(x) * np.exp(0.01 * rng.normal(size=12))
        for near in (0.0, 1e-3):
            x = x * np.exp(near * rng.normal(size=12))
            data = Dataset.from_columns({"x [1]": x, "y [1]": y})
            verdict = fit_with(data, "y", Options()).verdict
            doubts.append(verdict.none_of_these)
            if settings_of == 3:
                assert not verdict.confirmed
                assert any("repeat 3 settings" in reason for reason in verdict.why_not)
    assert min(doubts[:2]) > 1.5 * max(doubts[2:])
