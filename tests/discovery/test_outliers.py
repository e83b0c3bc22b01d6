"""Runs that a law misses by more than their share are named, with what they change."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dimgs
from dimgs.common.arrays import Array
from dimgs.dataset import Dataset
from dimgs.discovery import diagnostics
from dimgs.discovery.diagnostics import carrying, outlying, without_outliers
from dimgs.discovery.discover import discover_with, fit_with
from dimgs.discovery.options import Options
from dimgs.discovery.prepare import prepare
from dimgs.report.results import FitResult


def table(factor: float, noise: float = 0.02, n: int = 24) -> Dataset:
    rng = np.random.default_rng(5)
    U, D, nu = (np.exp(rng.uniform(*ends, n)) for ends in ((-1, 1), (-3, -1), (-12, -9)))
    f = 0.3 * (U * D / nu) ** -0.25 * np.exp(noise * rng.normal(size=n))
    f[7] *= factor
    columns = {"U [m/s]": U, "D [m]": D, "nu [m^2/s]": nu, "rig": ["a", "b"] * (n // 2), "f [1]": f}
    return Dataset.from_columns(columns)


@pytest.mark.parametrize(("factor", "words"), [(1.5, "50 % above"), (0.5, "51 % below")])
def test_an_outlier_is_named_with_its_row_label_and_size(factor: float, words: str) -> None:
    data = table(factor)
    result = fit_with(data, "f", Options())
    odd = [w for w in result.warnings if "The run of row" in w]
    assert len(odd) == 1
    assert odd[0].startswith(f"The run of row {data.rows[7]} (rig b) lies {words[:1]}")
    assert words[-5:] in odd[0]
    without = next(w for w in result.warnings if w.startswith("Without it, the exponent of "))
    rest = fit_with(data.take([i for i in range(24) if i != 7]), "f", Options())
    values = {e.name: e.value for e in rest.variable_exponents}
    assert any(f"{name} is {value:.4g} [" in without for name, value in values.items())
    assert any("--robust" in str(w) for w in result.warnings)


def test_of_a_law_that_the_units_settle_the_prefactor_changes() -> None:
    # the mean logarithm of 24 runs moves by a 24th of that of one run
    L = np.exp(np.random.default_rng(5).uniform(-2, 2, 24))
    period = 2.0 * np.sqrt(L) * np.exp(0.01 * np.random.default_rng(6).normal(size=24))
    period[7] *= 1.5
    data = Dataset.from_columns({"L [m]": L, "T [s]": period})
    result = fit_with(data, "T", Options(constants=("g",)))
    changes = [w for w in result.warnings if w.startswith("Without it, the prefactor falls by ")]
    assert len(changes) == 1
    change = float(changes[0].removeprefix("Without it, the prefactor falls by ").split()[0])
    assert change == pytest.approx(100 * (1 - 1.5 ** (-1 / 23)), abs=0.1)


def test_a_report_names_the_outlier_of_its_fit() -> None:
    data = table(1.5)
    (odd,) = (w for w in fit_with(data, "f", Options()).warnings if "The run of row" in w)
    report = dimgs.discover(data, "f", engine="power_law")
    assert odd in report.warnings
    assert f"row {data.rows[7]}" in report.to_html()


def test_runs_within_their_share_are_not_named() -> None:
    assert not any("The run of row" in w for w in fit_with(table(1.0), "f", Options()).warnings)
    robust = fit_with(table(1.5), "f", Options(robust=True))
    # the robust fit lists its outlying runs itself
    assert not any("The run of row" in w for w in robust.warnings)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(10, 60), st.floats(0.0, 5.0))
def test_what_is_outlying_depends_on_no_unit_and_no_order(seed: int, n: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    values: Array = rng.normal(size=n)
    values[0] = 30.0
    assert [run for run, _ in outlying(values, 2)][:1] == [0]
    assert [r for r, _ in outlying(values * 10.0**unit, 2)] == [r for r, _ in outlying(values, 2)]
    assert {n - 1 - r for r, _ in outlying(values[::-1], 2)} == {r for r, _ in outlying(values, 2)}


def test_chance_names_one_table_in_a_hundred() -> None:
    rng = np.random.default_rng(0)
    named = sum(bool(outlying(rng.normal(size=30), 2)) for _ in range(2000))
    assert named <= 40


def test_heavy_tails_are_no_outliers() -> None:
    values = np.random.default_rng(1).normal(size=60)
    values[:8] = 25.0 * np.arange(1, 9) ** 2
    assert outlying(values, 2) == []


def decay(factor: float) -> Dataset:
    """Runs of y = 2 a^1.5, one of which is wrong by a factor."""
    rng = np.random.default_rng(7)
    a = np.sort(np.exp(rng.uniform(0, 3, 30)))
    y = 2 * a**1.5 * np.exp(0.02 * rng.normal(size=30))
    y[14] *= factor
    return Dataset.from_columns({"a [cm]": a, "y [s]": y})


def test_a_robust_search_leaves_outlying_runs_out_and_names_them() -> None:
    asked: Any = {"scales": ["y0 [s/cm^1.5]"], "engine": "power_law"}
    plain = dimgs.discover(decay(3.0), "y", **asked)
    assert plain.outliers == (15,)
    assert "--robust leaves out row 15" in str(plain)
    # in the units of the table, in which a constant near 2 is one
    changes = [w for w in plain.warnings if w.startswith("Without it, ")]
    assert len(changes) == 1
    robust = dimgs.discover(decay(3.0), "y", robust=True, **asked)
    assert robust.n_runs == 29
    assert robust.outliers == ()
    (note,) = (w for w in robust.warnings if "outlying runs are left out" in w)
    assert "row 15 lies 2" in note
    assert robust.fit is not None
    assert robust.fit.scores.rmse_log == pytest.approx(0.02, rel=0.3)


def test_a_bound_that_a_law_meets_is_no_outlier_beside_gross_errors() -> None:
    rng = np.random.default_rng(1)
    x = np.exp(rng.uniform(-2.0, 2.0, 30))
    y = 3.0 * x**1.5 * np.exp(0.02 * rng.normal(size=30))
    y[[3, 17]] *= [9.0, 0.1]
    cells = [f"<{1.3 * v!r}" if i == 8 else repr(v) for i, v in enumerate(y.tolist())]
    columns = {"x [m]": x, "y [s]": cells}
    asked = Options(scales="auto", engine="power_law")
    plain = dimgs.fit(columns, "y", asked)
    named = " ".join(w for w in plain.warnings if "The run of row" in w)
    assert "row 4 " in named
    assert "row 18 " in named
    assert "row 9 " not in named
    # the scatter beside a bound, the verdict and the search are those of the other runs
    asked = replace(asked, robust=True)
    robust, report = dimgs.fit(columns, "y", asked), dimgs.discover(columns, "y", asked)
    assert sorted(robust.outliers) == [3, 17]
    assert robust.noise is not None
    assert robust.noise.size == pytest.approx(0.02, rel=0.3)
    assert report.n_runs == 28
    assert robust.verdict == report.verdict
    assert robust.verdict != plain.verdict


def test_a_robust_search_judges_runs_in_all_groups_that_it_may_choose() -> None:
    # one scale leaves the exponents of a length and a feed tied, and no run stands out
    rng = np.random.default_rng(3)
    v, d, f = (np.exp(rng.uniform(0, 2, 18)) for _ in range(3))
    life = 40 / (v**3 * d**0.3 * f**2) * np.exp(0.05 * rng.normal(size=18))
    life[7] *= 0.4
    table = {"v [m/min]": v, "d [mm]": d, "f [mm]": f, "life [min]": life}
    data = Dataset.from_columns(table)
    kept, _, (note,) = without_outliers(data, "life", Options(scales="auto", robust=True))
    assert set(data.rows) - set(kept.rows) == {8}
    assert "row 8 lies" in note


def test_where_many_lie_far_a_robust_search_leaves_none_out() -> None:
    data = decay(1.0)
    y = np.array(data["y"])
    y[::5] *= 4.0
    heavy = Dataset.from_columns({"a [cm]": 100 * np.array(data["a"]), "y [s]": y})
    kept, options, notes = without_outliers(heavy, "y", Options(scales="auto", robust=True))
    assert len(kept) == 30
    assert not options.robust
    (note,) = notes
    assert note.startswith("6 of 30 runs lie far from the robust power law (rows 1, 6, 11, 16, ")
    report = dimgs.discover(
        heavy, "y", scales="auto", robust=True, engine="power_law", evaluations=20
    )
    assert report.n_runs == 30
    assert [w for w in report.warnings if "leave" in w] == notes


def test_where_errors_are_of_one_size_a_run_is_off_by_its_difference() -> None:
    rng = np.random.default_rng(3)
    x = np.geomspace(1.0, 100.0, 40)
    y = 0.5 * x**1.5 + rng.normal(size=40)
    y = np.where(y > 0.0, y, 0.01)
    data = Dataset.from_columns({"x [1]": x, "y [1]": y})
    result = fit_with(data, "y", Options())
    assert result.law.uncertainty.errors is not None
    # small targets are off by factors, and none of them is named
    assert np.abs(result.left_out).max() > 1.0
    assert not [w for w in result.warnings if "times their error" in w]
    y[30] += 12.0
    again = fit_with(Dataset.from_columns({"x [1]": x, "y [1]": y}), "y", Options())
    (named,) = [w for w in again.warnings if "times their error" in w]
    assert "row 31" in named


def masked(seed: int, n: int, factors: list[float], exponent: float, noise: float) -> Dataset:
    """Runs of y = 5 x^b in noise, some of which are wrong by factors."""
    rng = np.random.default_rng(seed)
    x = 10 ** rng.uniform(-1, 2, n)
    y = 5 * x**exponent * np.exp(noise * rng.normal(size=n))
    y[: len(factors)] *= factors
    return Dataset.from_columns({"x [m]": x, "y [s]": y})


def fitted(data: Dataset) -> FitResult:
    return fit_with(data, "y", Options(scales="auto"))


def named(fit: FitResult) -> set[int]:
    """Rows that a fit names as outliers."""
    return {
        int(w.split("row ")[1].split()[0]) for w in fit.warnings if w.startswith("The run of row")
    }


@pytest.mark.parametrize("factors", [[10.0, 10.0], [0.1, 0.1], [10.0, 0.1]])
def test_two_gross_runs_do_not_hide_each_other(factors: list[float]) -> None:
    found = [named(fitted(masked(seed, 20, factors, 0.75, 0.03))) == {1, 2} for seed in range(8)]
    assert sum(found) >= 7


@pytest.mark.parametrize("n", [12, 14])
def test_three_gross_runs_among_a_dozen_do_not_hide_each_other(n: int) -> None:
    found = [
        named(fitted(masked(seed, n, [10.0, 0.1, 10.0], 0.75, 0.03))) == {1, 2, 3}
        for seed in range(4)
    ]
    assert sum(found) >= 3


def test_a_clean_fit_names_few_runs_and_rests_on_none() -> None:
    tables = [masked(seed, n, [], 0.75, 0.04) for seed in range(12) for n in (8, 12, 20)]
    laws = [(prepare(each, "y", Options(scales="auto")).design, each) for each in tables]
    fits = [fitted(each) for each in tables]
    assert not any(carrying(d, f.law)[0] for (d, _), f in zip(laws, fits, strict=True))
    assert sum(bool(named(fit)) for fit in fits) <= 1


def test_a_law_that_rests_on_outliers_is_not_confirmed() -> None:
    data = masked(0, 20, [10.0, 0.1, 10.0], 0.75, 0.04)
    asked: Any = {"scales": "auto", "engine": "structured", "evaluations": 20}
    result = fit_with(data, "y", Options(scales="auto"))
    assert result.verdict is not None
    assert any("rests on outliers (rows 1, 2, 3)" in text for text in result.verdict.why_not)
    found = dimgs.discover(data, "y", **asked)
    assert set(found.outliers) == {1, 2, 3}
    # the runs with gross errors stay, and the law is that of the others
    assert found.law is not None
    x = np.array([1.0, 10.0])
    slope = float(np.diff(np.log(found.law.predict({"x": x})))[0] / np.log(10))
    assert slope == pytest.approx(0.75, abs=0.02)
    robust = dimgs.discover(data, "y", robust=True, **asked)
    assert robust.n_runs == 17


def test_where_the_target_vanishes_no_good_run_is_named() -> None:
    rng = np.random.default_rng(2)
    L = rng.uniform(0.3, 2.0, 16)
    T = 2 * np.pi * np.sqrt(L / 9.81) * np.exp(0.01 * rng.normal(size=16))
    T[14], T[15] = 0.0, 9999.0
    data = Dataset.from_columns({"L [m]": L, "T [s]": T})
    asked: Any = {"constants": ["g"], "engine": "power_law", "drop_bad": True}
    report = dimgs.discover(data, "T", **asked)
    assert set(report.outliers) <= {15, 16}
    assert 16 in report.outliers
    assert any("--drop-bad keeps row 15" in w for w in report.warnings)
    assert "--robust" not in str(report)


def sound(argon: float) -> Dataset:
    """Speeds of sound of gases at 0 °C, with that of argon in error."""
    gamma = [1.402, 1.41, 1.4, 1.667, 1.667, 1.667, 1.404, 1.401, 1.304, 1.307, 1.31, 1.29, 1.355]
    molar = [
        28.96,
        2.016,
        4.028,
        4.003,
        20.18,
        39.95,
        28.01,
        32.0,
        44.01,
        16.04,
        17.03,
        64.06,
        70.9,
    ]
    speed = [331.5, 1284, 890, 965, 435, argon, 334, 316, 259, 430, 415, 213, 206]
    columns = {"gamma [1]": gamma, "M [g/mol]": molar, "T [K]": [273.15] * len(molar)}
    return Dataset.from_columns({**columns, "c [m/s]": speed})


@pytest.mark.parametrize("argon", [319.0, 500.0])
def test_a_robust_search_is_advised_only_where_it_leaves_the_run_out(argon: float) -> None:
    # 319 m/s is in old tables: with an exponent of gamma of its own, a power law reaches it
    data = sound(argon)
    asked: Any = {"constants": ["R"]}
    law = dimgs.discover(
        data, "c", form="sqrt(gamma*R*T/M)", engine="power_law", evaluations=20, **asked
    )
    kept, *_ = without_outliers(data, "c", Options(robust=True, **asked))
    assert 6 in law.outliers
    assert ("the search leaves it out" in str(law.warnings)) == (6 not in kept.rows)
    assert ("--robust leaves out" in str(law)) == (6 not in kept.rows)


@pytest.mark.parametrize("seed", [1, 2])
def test_an_input_in_another_unit_is_named_though_it_carries_the_fit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, V = np.exp(rng.uniform(np.log(80), np.log(600), 14)), rng.choice([1.0, 2.0, 5.0], 14)
    T = rng.uniform(280, 350, 14)
    m = p * V / (0.287 * T) * np.exp(0.01 * rng.standard_normal(14))
    p[6] /= 100
    data = Dataset.from_columns({"p [kPa]": p, "T [K]": T, "V [L]": V, "m [g]": m})
    asked = Options(scales="auto", engine="power_law", evaluations=20)
    for result in (fit_with(data, "m", asked), discover_with(data, "m", asked)):
        (odd,) = [w for w in result.warnings if "The run of row" in w]
        assert odd.startswith(f"The run of row {data.rows[6]} lies a factor of")


def test_a_fit_asks_for_no_robust_search(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(diagnostics, "_robust_leaves_out", lambda *_: asked.append(True))
    result = fit_with(table(2.0), "f", Options())
    assert any("times their error" in text for text in result.warnings)
    assert not asked
