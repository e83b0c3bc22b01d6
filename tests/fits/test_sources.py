"""What differs between sources: estimates, intervals for known and new sources, and their files."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import fractional_matrix_power
from scipy.stats import t

import dimgs
from dimgs import Dataset, Law
from dimgs.common.arrays import Array
from dimgs.common.errors import InputError
from dimgs.discovery.discover import fit_with
from dimgs.discovery.estimators import fit_by_sources
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.fits.design import Effect, EffectWhitening
from dimgs.fits.sources import Slope, fit_sources, slopes_of
from dimgs.law.assemble import assemble
from dimgs.law.export import law_article, source_tables
from dimgs.report.plain_text import sources_lines

ASKED = Options(by=("lab",), scales=("x0 [m]",))


def laboratories(
    seed: int, spread: float, of_slopes: float, *, sources: int = 8, runs: int = 8
) -> tuple[Dataset, dict[str, Array]]:
    """Runs of y = 3 x^1.4 whose prefactors and exponents differ between laboratories."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([f"lab{k}" for k in range(sources)], runs)
    x = np.exp(rng.uniform(-1.0, 2.0, sources * runs))
    u, v = rng.normal(0, spread, sources), rng.normal(0, of_slopes, sources)
    noise = 0.05 * rng.standard_normal(len(x))
    y = 3 * x ** (1.4 + np.repeat(v, runs)) * np.exp(np.repeat(u, runs) + noise)
    table = {"lab [label]": labels, "x [m]": x, "y [1]": y}
    return Dataset.from_columns(table), {"u": u, "v": v}


def mixed(seed: int, of_slopes: float) -> tuple[Array, Array]:
    """Whether 90 % intervals hold the coefficients, and a run of a new source."""
    rng = np.random.default_rng(seed)
    sources, runs = int(rng.integers(6, 14)), int(rng.integers(5, 10))
    n = sources * runs
    labels = np.repeat(np.arange(sources).astype(str), runs)
    x = rng.normal(size=(n, 2)) + np.repeat(rng.normal(size=(sources, 2)), runs, axis=0)
    u, v = rng.normal(0, 0.3, sources), rng.normal(0, of_slopes, sources)
    true = np.array([1.0, 2.0, -0.5])
    y = true[0] + x @ true[1:] + np.repeat(u, runs) + np.repeat(v, runs) * x[:, 0]
    y = y + rng.normal(0, 0.1, n)
    slopes = slopes_of(["a", "b"], np.eye(2))
    pooled = fit_sources(x, y, None, [("lab", labels)], slopes, np.eye(3))
    errors = np.sqrt(np.diag(pooled.covariance))
    held = np.abs(pooled.coefficients - true) <= t.isf(0.05, pooled.freedom) * errors
    return held, np.array([any(e.name == "a" for e in pooled.effects), len(pooled.effects) > 1])


def numbers(values: Iterable[Any]) -> list[Array]:
    """Values without their unit."""
    return [np.atleast_1d(np.asarray(x.magnitude, dtype=np.float64)) for x in values]


def test_exponents_differ_between_sources_where_the_runs_say_so() -> None:
    differs = [mixed(seed, 0.2)[1][0] for seed in range(4)]
    equal = [mixed(seed, 0.0)[1][1] for seed in range(6)]
    assert all(differs)
    assert sum(equal) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("of_slopes", [0.0, 0.2])
def test_intervals_with_sources_hold_as_often_as_they_say(of_slopes: float) -> None:
    held = np.array([mixed(seed, of_slopes)[0] for seed in range(150)])
    assert 0.84 <= held.mean() <= 0.95


@pytest.mark.slow
def test_intervals_of_new_sources_hold_as_often_as_they_say() -> None:
    held = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        data, _ = laboratories(seed, 0.3, 0.1 * (seed % 2))
        law = fit_with(data, "y", ASKED).law
        x = np.exp(rng.uniform(-1.0, 2.0, 5))
        v = 0.1 * (seed % 2) * rng.standard_normal(5)
        y = 3 * x ** (1.4 + v) * np.exp(rng.normal(0, 0.3, 5) + rng.normal(0, 0.05, 5))
        new = Dataset.from_columns({"x [m]": x, "lab [label]": ["new"] * 5})
        _, low, high = numbers(law.predict(new, level=0.9))
        held.append((low <= y) & (y <= high))
    assert 0.85 <= np.mean(held) <= 0.95


def test_known_sources_are_predicted_better_than_new_ones_and_files_keep_both() -> None:
    data, true = laboratories(1, 0.3, 0.15)
    result = fit_with(data, "y", ASKED)
    law = Law.from_json(result.law.to_json())
    x = np.array([0.5, 5.0, 5.0, 5.0])
    rows = Dataset.from_columns({"x [m]": x, "lab [label]": ["lab2", "lab2", "other", "lab5"]})
    value, low, high = numbers(law.predict(rows, level=0.9))
    exact = [3 * z ** (1.4 + true["v"][k]) * np.exp(true["u"][k]) for z, k in ((0.5, 2), (5, 2))]
    assert np.all((low[:2] <= exact) & (exact <= high[:2]))
    widths = np.log(high / low)
    assert widths[2] > 3 * widths[1]
    # of one source the prefactor and its exponent cancel in a ratio, of two they do not
    other = Dataset.from_columns({"x [m]": [5.0] * 4, "lab [label]": ["lab2"] * 4})
    ratio, near, far = (np.asarray(part) for part in law.ratio(rows, other, level=0.9))
    assert ratio[1] == pytest.approx(1.0)
    assert ratio[3] == pytest.approx(value[3] / value[1])
    assert np.log(far / near)[3] > np.log(far / near)[0]
    text = "\n".join(sources_lines(law))
    assert "8 sources of lab: prefactors differ" in text
    assert "exponents of x differ" in text
    document = result.law.to_json()["sources"][0]
    assert document["sources"]["lab2"]["runs"] == 8
    added = [source["exponents_added"]["x"] for source in document["sources"].values()]
    assert added == pytest.approx(true["v"], abs=0.12)


@pytest.mark.parametrize("unit", ["m", "km"])
def test_a_closed_form_predicts_known_sources_as_they_are(unit: str) -> None:
    data, _ = laboratories(1, 0.3, 0.15)
    x = data["x"] / {"m": 1.0, "km": 1000.0}[unit]
    table = {f"x [{unit}]": x, "y [1]": data["y"] + 2.0, "lab [label]": data["lab"]}
    asked = Options(by=("lab",), scales=("x0 [m]",))
    design = prepare(Dataset.from_columns(table), "y", asked).design
    assert [e.name for e in design.effects] == ["prefactor", "x"]
    expression = sympy.sympify("c_1*pi_1**(7/5) + c_2")
    law = assemble(design, expression, {"c_1": 3.0, "c_2": 1.0}, 0.9)
    away = np.log(law.predict_si(design.data) / design.data["y"])
    # an exponent that differs was taken about another place than the runs were
    assert float(np.sqrt(np.mean(away**2))) < 1.1 * law.uncertainty.residual_sd


def test_latex_has_the_constants_of_each_source() -> None:
    data, _ = laboratories(1, 0.3, 0.15)
    law = fit_with(data, "y", ASKED).law
    (table,) = source_tables(law)
    rows = [line.partition(" & ") for line in table.splitlines() if line.startswith("lab")]
    assert [label for label, _, _ in rows] == [f"lab{k}" for k in range(8)]
    assert table in law_article(law)
    typical, row = law.predict_si({"x": 2.0}), rows[3][2].strip("$ \\")
    value = sympy.sympify(row.replace("\\,", "*").replace("^{", "**(").replace("}", ")"))
    known = law.predict(Dataset.from_columns({"x [m]": [2.0], "lab [label]": ["lab3"]}))
    assert float(value.subs("x", 2.0)) * typical == pytest.approx(
        float(known.magnitude[0]), rel=1e-3
    )


def test_an_exponent_has_one_interval_whatever_it_is_of() -> None:
    data, _ = laboratories(1, 0.3, 0.15)
    d = np.random.default_rng(0).uniform(1.0, 3.0, len(data))
    table = {"lab": data["lab"], "x [m]": data["x"], "d [s]": d, "y [1]": data["y"]}
    result = fit_with(Dataset.from_columns(table), "y", Options(by=("lab",), scales="auto"))
    groups = {str(e.group).split("·")[0]: e for e in result.exponents}
    for of_input in result.variable_exponents:
        of_group = groups[of_input.name]
        assert (of_group.low, of_group.high) == pytest.approx((of_input.low, of_input.high))


def test_an_input_that_is_one_in_each_source_is_named() -> None:
    data, _ = laboratories(3, 0.3, 0.0)
    size = np.repeat(np.arange(1.0, 9.0), 8)
    table = {"lab": data["lab"], "x [m]": data["x"], "d [m]": size, "y [1]": data["y"]}
    warnings = fit_with(Dataset.from_columns(table), "y", ASKED).warnings
    (said,) = [w for w in warnings if "same within every group of 'lab'" in w]
    assert "d·x0⁻¹ is" in said
    assert "only the differences between the 8 groups" in said


def test_a_row_without_a_source_is_of_a_new_one() -> None:
    law = dimgs.fit(laboratories(2, 0.3, 0.0)[0], "y", by="lab", scales=["x0 [m]"]).law
    without = law.predict(Dataset.from_columns({"x [m]": [2.0]}), level=0.9)
    new = law.predict(Dataset.from_columns({"x [m]": [2.0], "lab [label]": ["?"]}), level=0.9)
    assert numbers(without) == numbers(new)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10.0))
def test_whitening_is_the_inverse_root_of_the_covariance(seed: int, ratio: float) -> None:
    rng = np.random.default_rng(seed)
    labels, z = rng.choice(list("abcd"), 12), rng.normal(size=(12, 2))
    effect = Effect("prefactor", "lab", labels, z, np.zeros((1, 2)), ratio)
    root = rng.uniform(0.5, 2.0, 12)
    V = np.eye(12) + root[:, None] * (effect.design @ effect.design.T) * root * ratio**2
    expected = fractional_matrix_power(V, -0.5)
    white = EffectWhitening.of_effects([effect], root)
    np.testing.assert_allclose(white(np.eye(12)), expected, atol=1e-9)
    assert white.log_determinant == pytest.approx(np.linalg.slogdet(V)[1])
    # runs of one source stay apart from the others
    rows = labels == labels[0]
    part = EffectWhitening.of_effects([effect.take(rows)], root[rows])
    y = rng.normal(size=12)
    np.testing.assert_allclose(part(y[rows]), white(y)[rows], atol=1e-9)


@given(st.integers(0, 100))
def test_what_differs_does_not_depend_on_the_basis(seed: int) -> None:
    rng = np.random.default_rng(seed)
    powers = rng.integers(-2, 3, (2, 3)).astype(float)
    turn = np.array([[1.0, float(rng.integers(-2, 3))], [0.0, 1.0]])
    x = rng.normal(size=(10, 3))

    def variances(slopes: list[Slope], features: Array) -> list[list[float]]:
        moved = [features @ s.direction for s in slopes]
        return [np.outer(m, m).ravel().round(8).tolist() for m in moved]

    one = variances(slopes_of(["a", "b", "c"], powers), x @ powers.T)
    other = variances(slopes_of(["a", "b", "c"], turn @ powers), x @ (turn @ powers).T)
    assert np.allclose(one, other, atol=1e-6)


def test_numbers_that_name_sources_are_labels(tmp_path: Path) -> None:
    data, _ = laboratories(2, 0.3, 0.0)
    lab = np.repeat(np.arange(8) + 1, 8)
    path = tmp_path / "t.csv"
    pd.DataFrame({"lab": lab, "x [m]": data["x"], "y [1]": data["y"]}).to_csv(path, index=False)
    law = dimgs.fit(path, "y", by="lab", scales=["x0 [m]"]).law
    assert list(law.sources[0].shifts) == [str(k + 1) for k in range(8)]
    known = law.predict({"x": [2.0], "lab": ["3"]})
    assert float(np.asarray(known)[0]) == pytest.approx(
        float(np.asarray(law.predict_si({"x": 2.0})).item()) * np.exp(law.sources[0].shifts["3"][0])
    )
    with pytest.raises(InputError, match="'x' given to --by has a value of its own"):
        dimgs.fit(path, "y", by="x", units={"lab": "label"}, scales=["x0 [m]"])


def test_too_few_sources_and_options_that_do_not_go_together_are_refused() -> None:
    data, _ = laboratories(0, 0.3, 0.0, sources=2, runs=10)
    with pytest.raises(InputError, match="'lab' names 2 sources"):
        fit_with(data, "y", ASKED)
    with pytest.raises(InputError, match="--by is not combined with --robust"):
        Options(by="lab", robust=True)


TABLES = Path(os.environ.get("DIMGS_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.mark.skipif(
    not (TABLES / "earthquake_attenuation.csv").is_file(), reason="needs the tables of DIMGS_DATA"
)
def test_records_of_one_earthquake_share_what_nobody_measured() -> None:
    data = dimgs.read_table(
        TABLES / "earthquake_attenuation.csv",
        units={"quake": "label", "soil": "label", "dist": "km", "accel": "1", "magnitude": "1"},
    )
    estimate = fit_by_sources(
        prepare(data, "accel", Options(by=("quake",), scales=("d0 [km]",))).design, 0.9
    )
    assert estimate.sources is not None
    assert estimate.sources.effects[0].name == "prefactor"
    assert 0.1 < estimate.sources.spreads[0] < 1.0
    assert estimate.sources.p_values[0] < 0.05
    (dist,) = [e for e in estimate.exponents if e.group is not None and e.group.get("dist")]
    # Joyner and Boore's attenuation is 1/r far from the fault
    assert dist.group is not None
    low, high = sorted(float(dist.group.get("dist")) * end for end in (dist.low, dist.high))
    assert -1.6 < low < -1.0 < high < -0.6


def test_three_sources_of_two_kinds_are_fitted_and_predicted_left_out() -> None:
    # with one material left out, two are left
    rng = np.random.default_rng(4)
    material, lab = rng.integers(0, 3, (2, 48))
    x = np.exp(rng.uniform(-1.0, 2.0, 48))
    noise = rng.normal(0.0, 0.02, 48)
    y = 3 * x**1.4 * np.exp(0.4 * material + 0.05 * lab + noise)
    table = {"material [label]": material, "lab [label]": lab, "x [m]": x, "y [m]": y}
    asked = Options(by=("material", "lab"), scales=("x0 [m]",))
    fit = fit_with(Dataset.from_columns(table), "y", asked)
    assert fit.variable_exponents[0].value == pytest.approx(1.4, abs=0.02)
    assert fit.scores.cv_r2_log is not None
    # stated errors of a run explain what is left inside of sources, so that none scatters
    stated = Dataset.from_columns(table | {"y_err [m]": 0.02 * y})
    again = fit_with(stated, "y", asked)
    assert again.scatter is not None
    assert again.scatter.intrinsic < 0.02
    assert not any("stated errors" in w for w in again.warnings)
