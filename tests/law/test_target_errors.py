"""Laws fitted and used where the errors of the target are not relative."""

from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from dimgs import Dataset, Law, pi_basis
from dimgs.common.arrays import Array
from dimgs.fits.design import Design, TargetErrors, build_design
from dimgs.law.assemble import assemble

FORM = sympy.sympify("c_1*pi_1**2 + c_2")
X = np.geomspace(0.1, 10.0, 40)
TRUE = np.array([2.0, 3.0])


def true_of(kind: str) -> Array:
    """Constants of a law above zero, or of one that changes sign."""
    return TRUE * [1.0, -1.0] if kind == "signed" else TRUE


def design_of(kind: str, seed: int) -> Design:
    """Runs of 2 x² ± 3 with errors of 0.3, or of 0.3 and 5 %."""
    rng, true = np.random.default_rng(seed), true_of(kind)
    law = true[0] * X**2 + true[1]
    y = law + 0.3 * rng.standard_normal(40)
    if kind != "constant":
        y = y + 0.05 * law * rng.standard_normal(40)
    y = y if kind == "signed" else np.maximum(y, 1e-3)
    data = Dataset.from_columns({"x [1]": X, "y [s]": y})
    basis = pi_basis(data, "y", scales=["s0 [s]"])
    design = build_design(data, basis, linear=kind == "signed")
    errors = TargetErrors("constant", 50.0) if kind == "constant" else TargetErrors("mixed", 6.0)
    return replace(design, errors=errors)


def held(law: Law, true: Array) -> list[bool]:
    ends = {c.name: (c.low, c.high) for c in law.constants if c.origin == "fitted"}
    pairs = [ends[name] for name in sorted(ends)]
    return [
        low is not None and high is not None and low <= value <= high
        for (low, high), value in zip(pairs, true, strict=True)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["constant", "mixed", "signed"])
def test_intervals_of_constants_and_of_new_runs_hold_as_often_as_they_say(kind: str) -> None:
    constants, runs, true = [], [], true_of(kind)
    for seed in range(120):
        law = assemble(design_of(kind, seed), FORM, {"c_1": 1.0, "c_2": 1.0}, 0.9)
        constants.append(held(law, true))
        rng = np.random.default_rng(seed + 1000)
        x = np.exp(rng.uniform(np.log(0.1), np.log(10.0), 10))
        y = true[0] * x**2 + true[1]
        error = 0.3 * rng.standard_normal(10)
        error = error + (0.05 * y * rng.standard_normal(10) if kind != "constant" else 0.0)
        _, low, high = law.predict({"x": x}, level=0.9)
        runs.append((np.asarray(low) <= y + error) & (y + error <= np.asarray(high)))
    assert 0.84 <= np.mean(constants) <= 0.95
    assert 0.85 <= np.mean(runs) <= 0.95


@pytest.mark.parametrize("kind", ["constant", "mixed", "signed"])
def test_the_law_is_fitted_on_the_scale_of_its_errors_and_files_keep_it(kind: str) -> None:
    design = design_of(kind, 1)
    start = {"c_1": 1.0, "c_2": 1.0}
    law = assemble(design, FORM, start, 0.9)
    plain = assemble(replace(design, errors=None), FORM, start, 0.9)

    def miss(one: Law) -> float:
        values = np.array([c.value for c in one.constants if c.origin == "fitted"])
        return float(np.abs(np.log(values / true_of(kind))).max())

    assert miss(law) < 0.1
    assert miss(law) < miss(plain)
    again = Law.from_json(law.to_json())
    assert again.uncertainty.errors == law.uncertainty.errors
    x = np.array([0.2, 9.0])
    one, other = (
        [np.asarray(v) for v in each.predict({"x": x}, level=0.9)] for each in (law, again)
    )
    np.testing.assert_allclose(one, other)
    half: Array = (one[2] - one[1]) / 2
    if kind == "constant":
        assert half[1] == pytest.approx(half[0], rel=0.3)
    else:
        assert half[1] > 5 * half[0]
    # the ratio of two runs has the errors of both
    value, low, high = law.ratio({"x": x}, {"x": x[::-1]}, level=0.9)
    assert np.all(np.asarray(low) < np.asarray(value))
    assert np.all(np.asarray(value) < np.asarray(high))


def heavy(seed: int, n: int = 60) -> Design:
    """Runs of 2 x² + 3 with relative errors of 5 % that follow Student's t of two degrees."""
    rng = np.random.default_rng(seed)
    x = np.exp(rng.uniform(-2.0, 2.0, n))
    y = (TRUE[0] * x**2 + TRUE[1]) * np.exp(0.05 * rng.standard_t(2, n))
    data = Dataset.from_columns({"x [1]": x, "y [s]": y})
    design = build_design(data, pi_basis(data, "y", scales=["s0 [s]"]))
    return replace(design, tails=2.0)


def test_heavy_tails_make_constants_more_exact_and_their_intervals_hold() -> None:
    start, hits, miss = {"c_1": 1.0, "c_2": 1.0}, list[bool](), np.zeros((24, 2))
    for seed in range(24):
        design = heavy(seed)
        for k, one in enumerate((design, replace(design, tails=None))):
            law = assemble(one, FORM, start, 0.9)
            found = [c.value for c in law.constants if c.origin == "fitted"]
            miss[seed, k] = np.sum(np.log(found / TRUE) ** 2)
            hits += held(law, TRUE) if k == 0 else []
    # least squares have no variance at all
    assert miss[:, 0].mean() < 0.5 * miss[:, 1].mean()
    assert 0.8 <= np.mean(hits) <= 0.98


def test_predictions_of_runs_with_heavy_tails_are_those_of_students_t_and_files_keep_it() -> None:
    law = assemble(heavy(1), FORM, {"c_1": 1.0, "c_2": 1.0}, 0.9)
    at = {"x": np.array([1.0])}
    wide = [
        float(np.log(law.predict(at, level)[2] / law.predict(at, level)[0])[0])
        for level in (0.5, 0.99)
    ]
    assert wide[1] / wide[0] == pytest.approx(t.ppf(0.995, 2) / t.ppf(0.75, 2), rel=0.1)
    again = Law.from_json(law.to_json())
    assert again.uncertainty == law.uncertainty
    np.testing.assert_allclose(again.predict(at, 0.9), law.predict(at, 0.9))


def test_intervals_of_signed_targets_do_not_depend_on_their_unit() -> None:
    start, x = {"c_1": 1.0, "c_2": -1.0}, np.array([0.3, 1.2, 5.0])
    design = design_of("signed", 3)
    errors = design.errors
    assert errors is not None
    law = assemble(design, FORM, start, 0.9)
    wide = {"x [1]": X, "y [s]": 60 * np.asarray(design.data["y"])}
    data = Dataset.from_columns(wide)
    other = build_design(data, pi_basis(data, "y", scales=["s0 [s]"]), linear=True)
    other = replace(other, errors=replace(errors, turn=60 * errors.turn))
    again = assemble(other, FORM, start, 0.9)
    for one, two in zip(law.predict({"x": x}, 0.9), again.predict({"x": x}, 0.9), strict=True):
        np.testing.assert_allclose(60 * np.asarray(one), np.asarray(two), rtol=1e-6)


@given(st.sampled_from(["constant", "mixed"]), st.floats(0.01, 100.0), st.floats(-1e4, 1e4))
def test_the_scale_and_its_inverse_undo_each_other(kind: str, turn: float, value: float) -> None:
    errors = TargetErrors("mixed" if kind == "mixed" else "constant", turn)
    there = errors.of(np.array([value]))
    assert errors.back(there)[0] == pytest.approx(value, rel=1e-9, abs=1e-9)
    step = 1e-6 * max(abs(value), turn)
    moved = (errors.of(np.array([value + step])) - errors.of(np.array([value - step]))) / (2 * step)
    assert 1.0 / errors.unit(np.array([value]))[0] == pytest.approx(moved[0], rel=1e-4)
