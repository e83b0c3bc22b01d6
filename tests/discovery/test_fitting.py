"""Planted laws are found, whatever the units, the order of columns and the order of runs."""

from collections.abc import Callable
from fractions import Fraction
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs import Dataset, Options, discover
from dimgs.common.arrays import Array
from dimgs.discovery.discover import fit
from dimgs.discovery.regimes import _side
from dimgs.fits.design import Feature
from dimgs.law.assemble import where_text
from dimgs.law.law import Law
from dimgs.report.results import fit_document
from dimgs.variables import Dimension, si_unit
from tests.discovery.test_varying_exponents import polymers
from tests.planted import SI, SMALL, TRADE, Planted, pipe, planted

PLAIN = settings(max_examples=25, deadline=None)


def _powers(law: Law) -> dict[str, Fraction]:
    return {
        str(base): Fraction(int(power.p), int(power.q))
        for base, power in law.expression.as_powers_dict().items()
        if str(base) in law.symbols
    }


@PLAIN
@given(planted())
def test_a_planted_law_is_recovered_exactly(law: Planted) -> None:
    fitted = fit(law.table(), "y").law
    assert _powers(fitted) == dict(law.exponents)
    assert fitted.constants[0].value == pytest.approx(law.prefactor, rel=1e-9)
    assert fitted.constants[0].unit == "1"
    np.testing.assert_allclose(fitted.predict_si(law.table()), law.target, rtol=1e-9)


@PLAIN
@given(planted(), st.sampled_from([Fraction(1, 2), Fraction(-3, 4), Fraction(2, 3)]))
def test_with_scales_the_prefactor_carries_the_missing_dimension(
    law: Planted, power: Fraction
) -> None:
    missing = Dimension.of({"[current]": power})
    columns = law.columns()
    header = next(h for h in columns if h.startswith("y ["))
    columns[f"y [{si_unit(law.dimension * missing)}]"] = columns.pop(header)
    bases = {base for d in law.dimensions.values() for base, _ in d}
    scales = [f"s{i} [{SI[base]}]" for i, base in enumerate(sorted(bases))]
    asked = Options(scales=[*scales, "s9 [A]"])
    fitted = fit(Dataset.from_columns(columns), "y", asked).law
    assert _powers(fitted) == dict(law.exponents)
    prefactor = fitted.constants[0]
    assert prefactor.value == pytest.approx(law.prefactor, rel=1e-9)
    assert prefactor.dimension == missing
    assert prefactor.unit == si_unit(missing)


@PLAIN
@given(planted(noise=0.05), st.sampled_from([TRADE, SMALL]))
def test_the_unit_system_of_the_table_changes_nothing(law: Planted, units: dict[str, str]) -> None:
    one, two = fit(law.table(), "y"), fit(law.table(units), "y")
    assert [e.rational for e in one.exponents] == [e.rational for e in two.exponents]
    np.testing.assert_allclose(
        one.law.predict_si(law.table()), two.law.predict_si(law.table(units)), rtol=1e-8
    )
    for name, score in one.scores.to_json().items():
        assert two.scores.to_json()[name] == pytest.approx(score, abs=1e-8), name
    for a, b in zip(one.law.constants, two.law.constants, strict=True):
        assert (a.name, a.unit) == (b.name, b.unit)
        assert [a.value, a.low, a.high] == pytest.approx([b.value, b.low, b.high], rel=1e-6)


@PLAIN
@given(planted(noise=0.05), st.randoms(use_true_random=False))
def test_the_order_of_columns_and_runs_changes_nothing(law: Planted, random: Random) -> None:
    columns = law.columns(SI)
    headers = list(columns)
    random.shuffle(headers)
    order = np.random.default_rng(len(headers)).permutation(24)
    shuffled = Dataset.from_columns({h: columns[h][order] for h in headers})
    one, two = fit(law.table(), "y"), fit(shuffled, "y")
    assert str(one.law.groups) == str(two.law.groups)
    for a, b in zip(one.exponents, two.exponents, strict=True):
        assert (a.name, a.rational) == (b.name, b.rational)
        assert [a.value, a.low, a.high] == pytest.approx([b.value, b.low, b.high], abs=1e-8)
    np.testing.assert_allclose(
        one.law.predict_si(law.table()), two.law.predict_si(law.table()), rtol=1e-8
    )


def test_an_idle_variable_leaves_the_formula_but_its_interval_stays() -> None:
    fitted = fit(pipe(seed=2), "tau_w")
    assert "eps" not in fitted.law.symbols
    assert [v.name for v in fitted.law.unused] == ["eps"]
    (idle,) = [e for e in fitted.exponents if e.group is not None and e.group.get("eps")]
    assert idle.rational == 0
    assert idle.low < 0 < idle.high
    assert idle.low != idle.high


def test_scores_are_those_of_the_target_in_the_tables_variables() -> None:
    data = pipe()
    fitted = fit(data, "tau_w")
    truth, predicted = data["tau_w"], fitted.law.predict_si(data)

    def r2(y: Array, p: Array) -> float:
        return float(1 - np.sum((y - p) ** 2) / np.sum((y - y.mean()) ** 2))

    assert fitted.scores.r2 == pytest.approx(r2(truth, predicted), abs=1e-12)
    assert fitted.scores.r2_log == pytest.approx(r2(np.log(truth), np.log(predicted)), abs=1e-12)
    misses = np.log(truth) - np.log(predicted)
    assert fitted.scores.rmse_log == pytest.approx(np.sqrt(np.mean(misses**2)), rel=1e-9)
    assert fitted.scores.holdout_n == 8
    assert fitted.independent_contrasts == 39
    assert fitted.pairs == 780


def test_cross_validation_leaves_runs_out_one_by_one() -> None:
    data = pipe(n=15, noise=0.2)
    fitted = fit(data, "tau_w")
    misses = []
    for i in range(15):
        rest = np.delete(np.arange(15), i)
        part = fit(data.take(rest), "tau_w")
        values = {e.name: e.value for e in part.variable_exponents}
        # the unsnapped law through the means of the rest
        log = sum(v * np.log(data[k]) for k, v in values.items())
        y = np.log(data["tau_w"])
        misses.append(y[i] - log[i] - (y - log)[rest].mean())
    y = np.log(data["tau_w"])
    expected = 1 - np.sum(np.square(misses)) / np.sum((y - y.mean()) ** 2)
    assert fitted.scores.cv_r2_log == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("numeric", [False, True])
def test_each_label_keeps_its_prefactor_in_predictions_and_scores(numeric: bool) -> None:
    data = pipe(noise=0.01)
    rigs = np.repeat([0.1, 1.0, 2.5, 10.0], 10)
    columns: dict[str, Any] = {
        f"{n} [{data.variable(n).si_unit}]": data[n].copy() for n in data.names
    }
    columns["tau_w [Pa]"] *= rigs**0.5
    columns["rig [mm]" if numeric else "rig"] = rigs if numeric else [f"rig {r}" for r in rigs]
    table = Dataset.from_columns(columns)
    fitted = fit(table, "tau_w", Options(within="rig"))
    assert fitted.group_prefactors is not None
    sizes = sorted(fitted.group_prefactors.values())
    np.testing.assert_allclose(np.array(sizes) / sizes[0], [1, 10**0.5, 5, 10], rtol=0.03)
    assert fitted.scores.r2_log is not None
    assert fitted.scores.r2_log > 0.999
    np.testing.assert_allclose(fitted.law.predict_si(table), table["tau_w"], rtol=0.05)
    assert fitted.law.outside(table) == [[]] * 40
    assert all(row == ["rig"] for row in fitted.law.outside(table.without(["rig"])))
    assert fitted.independent_contrasts == 36


def test_where_a_monomial_does_not_hold_the_missing_scale_is_named() -> None:
    length = np.linspace(0.2, 3, 15)
    noise = np.exp(0.01 * np.random.default_rng(0).normal(size=15))
    data = Dataset.from_columns({"L [m]": length, "T [s]": 3 * length**0.8 * noise})
    fitted = fit(data, "T", Options(constants=["g"]))
    (warning,) = [w for w in fitted.warnings if "scale is missing" in w]
    assert '--scale "L0 [m]"' in warning
    again = fit(data, "T", Options(constants=["g"], scales=["L0 [m]"]))
    assert _powers(again.law)["L"] == Fraction(4, 5)
    assert not any("scale is missing" in w for w in again.warnings)


def test_where_a_monomial_holds_no_scale_is_named() -> None:
    length = np.linspace(0.2, 3, 15)
    noise = np.exp(0.05 * np.random.default_rng(1).normal(size=15))
    data = Dataset.from_columns({"L [m]": length, "T [s]": 2 * length**0.5 * noise})
    assert not any("scale" in w for w in fit(data, "T", Options(constants=["g"])).warnings)


def test_arrhenius_gives_the_activation_energy_and_its_interval() -> None:
    rng = np.random.default_rng(3)
    celsius = rng.uniform(20, 200, 40)
    d = 1e-4 * np.exp(-5000 / (celsius + 273.15) + 0.02 * rng.normal(size=40))
    data = Dataset.from_columns({"T [degC]": celsius, "D [m^2/s]": d})
    fitted = fit(data, "D", Options(arrhenius="T", scales="auto"))
    assert fitted.activation is not None
    barrier = fitted.activation["T"]
    assert barrier.low < 5000 < barrier.high
    assert barrier.kelvin == pytest.approx(5000, rel=0.02)
    assert barrier.kj_per_mol == pytest.approx(barrier.kelvin * 8.31446e-3, rel=1e-5)
    assert fitted.law.elasticities(data)["T"] == pytest.approx(barrier.kelvin / data["T"], rel=1e-9)


def test_two_temperatures_have_two_activation_energies() -> None:
    rng = np.random.default_rng(5)
    hot, cold = rng.uniform(300, 500, 40), rng.uniform(250, 350, 40)
    d = 1e-4 * np.exp(-5000 / hot - 2000 / cold + 0.02 * rng.normal(size=40))
    data = Dataset.from_columns({"T1 [K]": hot, "T2 [K]": cold, "D [m^2/s]": d})
    fitted = fit(data, "D", Options(arrhenius=["T1", "T2"], scales="auto"))
    assert fitted.activation is not None
    for name, kelvin in (("T1", 5000.0), ("T2", 2000.0)):
        assert fitted.activation[name].low < kelvin < fitted.activation[name].high
    assert fitted.law.predict_si(data) == pytest.approx(data["D"], rel=0.1)


def test_a_level_is_fitted_in_its_own_unit() -> None:
    rng = np.random.default_rng(4)
    U, L = rng.uniform(30, 70, 40), rng.uniform(0.1, 1, 40)
    f = 10 ** rng.uniform(2, 4, 40)
    level = 120 + 10 * np.log10((U / 340) ** 5 * (f * L / U) ** -1.3)
    data = Dataset.from_columns({"U [m/s]": U, "L [m]": L, "f [Hz]": f, "SPL [dB]": level})
    fitted = fit(data, "SPL", Options(scales=["a [m/s]"]))
    np.testing.assert_allclose(fitted.law.predict_si(data), level, atol=1e-8)
    assert fitted.law.target_unit == "dB"
    slopes = fitted.law.elasticities(data)
    assert slopes["f"] == pytest.approx(-13 / np.log(10), rel=1e-6)
    assert fitted.law.ratio(data, data.take(np.zeros(40, int))) == pytest.approx(
        level - level[0], abs=1e-8
    )


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("regimes", Options(regimes=True)),
        ("additive", Options(additive=True)),
        ("local", Options(local=True)),
    ],
)
def test_more_asked_for_is_more_given(name: str, asked: Options) -> None:
    assert getattr(fit(pipe(), "tau_w", asked), name)
    assert getattr(fit(pipe(), "tau_w"), name) is None


def test_regimes_of_a_level_are_not_scored_against_themselves() -> None:
    rng = np.random.default_rng(4)
    U, L = rng.uniform(30, 70, 40), rng.uniform(0.1, 1, 40)
    level = 120 + 50 * np.log10(U / L) + rng.normal(size=40)
    data = Dataset.from_columns({"U [m/s]": U, "L [m]": L, "n [Hz]": L, "SPL [dB]": level})
    fitted = fit(data, "SPL", Options(regimes=True))
    assert fitted.regimes is not None
    assert all(r["law"]["scores"]["r2_log"] < 1 for r in fitted.regimes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: Options(within="nope"), "no column 'nope'"),
        (lambda d: Options(within="U"), "value of its own"),
        (lambda d: Options(arrhenius="U"), "absolute temperature"),
        (lambda d: Options(constants=["x"]), "No physical constant"),
    ],
)
def test_bad_options_are_explained(change: Callable[[object], Options], words: str) -> None:
    data = pipe()
    with pytest.raises(ValueError, match=words):
        fit(data, "tau_w", change(data))


def test_options_that_further_fits_cannot_follow_are_named() -> None:
    data = pipe()
    columns: dict[str, Any] = {f"{n} [{data.variable(n).si_unit}]": data[n] for n in data.names}
    table = Dataset.from_columns({**columns, "rig": ["a", "b"] * 20})
    fitted = fit(table, "tau_w", Options(within="rig", robust=True, local=True))
    assert any("--local" in w and "--within is not used" in w for w in fitted.warnings)
    assert any("--local" in w and "--robust" in w for w in fitted.warnings)
    plain = fit(table, "tau_w", Options(within="rig", robust=True))
    assert not any("not used" in w for w in plain.warnings)


def test_a_robust_fit_is_not_scored_by_the_runs_that_it_names() -> None:
    length = np.linspace(0.2, 2.0, 20)
    period = 6.28 * np.sqrt(length / 9.81) * np.random.default_rng(3).normal(1.0, 0.01, 20)
    period[7] *= 10
    table = {"L [m]": length, "T [s]": period}
    fitted = fit(table, "T", Options(constants=["g"], robust=True))
    assert 7 in fitted.outliers
    assert any("which the scores leave out" in w for w in fitted.warnings)
    assert fitted.law.scores.cv_r2_log is not None
    assert fitted.law.scores.cv_r2_log > 0.99
    assert fitted.verdict.confirmed


@pytest.mark.parametrize("split", [None, "lab"])
def test_a_power_law_is_shown_with_the_predictions_that_its_score_is_of(split: str | None) -> None:
    data = pipe(noise=0.1)
    columns = {f"{n} [{data.variable(n).si_unit}]": data[n] for n in data.names}
    table = Dataset.from_columns({**columns, "lab": [f"lab {i % 4}" for i in range(40)]})
    report = discover(table, "tau_w", engine="power_law", evaluations=20, split_by=split)
    assert report.law is not None
    measured, left_out = np.log(report.measured), np.log(report.left_out)
    score = 1 - np.sum((measured - left_out) ** 2) / np.sum((measured - measured.mean()) ** 2)
    assert report.law.scores.cv_r2_log == pytest.approx(score, rel=1e-9)


def test_a_border_of_regimes_has_short_exponents_and_stays_where_it_is() -> None:
    direction, middle = np.array([1.0, -0.31372481]), np.array([9.0, -4.0])
    features = [Feature("pi_1", "log-ratio"), Feature("pi_2", "log-ratio")]
    design = SimpleNamespace(features=features, X=middle + np.array([[1.0, 2.0], [-1.0, -2.0]]))
    hinge = SimpleNamespace(direction=direction, value=2.0, low=1.9, high=2.1, simple=None)
    side = _side(hinge, 1, 1, design)  # type: ignore[arg-type]
    assert where_text([side], features).startswith("pi_1*pi_2**(-0.3137) >= ")
    at = middle @ [float(p) for p in side.powers] - np.log(side.threshold)
    assert at == pytest.approx(middle @ direction - 2.0)


def test_the_document_of_a_fit_has_the_noise_of_its_runs() -> None:
    rng = np.random.default_rng(3)
    x = np.geomspace(1.0, 100.0, 40)
    table = {"x [m]": x, "z [m]": np.roll(x, 7), "y [m]": 2 * x * np.exp(0.1 * rng.normal(size=40))}
    document = fit_document(fit(Dataset.from_columns(table), "y"))
    assert document["noise"]["kind"] == "relative"
    assert document["noise"]["size"]["value"] == pytest.approx(0.1, rel=0.3)
    errors = {"y_err [m]": 0.02 * np.tile([0.2, 1.0, 3.0, 0.5], 10) * table["y [m]"]}
    stated = fit_document(fit(Dataset.from_columns({**table, **errors}), "y"))["noise"]
    assert stated["ratio_to_stated"] > 5.0
    assert stated["intrinsic"]["value"] == pytest.approx(0.1, rel=0.3)


def test_an_exponent_that_the_runs_do_not_determine_has_no_rational() -> None:
    rng = np.random.default_rng(0)
    length, speed = np.exp(rng.uniform(0.0, 2.0, (2, 14)))
    power = speed ** (5 / 3) * length**0.5 * (1 + 0.01 * rng.standard_normal(14))
    # the third input is the product of the others, so that no run separates their exponents
    columns = {"v [m/s]": speed, "L [m]": length, "D [m]": speed * length, "y [W]": power}
    fitted = fit(Dataset.from_columns(columns), "y", scales="auto")
    assert not any(np.isfinite([e.low, e.high]).any() for e in fitted.exponents)
    assert [e.rational for e in fitted.exponents] == [None, None]
    assert "determined by the runs)\n" in str(fitted)


def test_each_regime_has_runs_where_simple_borders_together_leave_none() -> None:
    # borders along pi_1/pi_2 and pi_1^0.5*pi_2 leave no runs between them
    asked: Any = {"scales": ["D0 [m^2/s]", "M0 [g/mol]"], "regimes": True}
    regimes = fit(polymers(0.02), "D", **asked).regimes
    assert regimes is not None
    assert len(regimes) > 2
    assert min(regime["n"] for regime in regimes) >= 4


def test_a_level_without_each_run_is_in_its_own_unit() -> None:
    T, s = np.repeat([500.0, 550.0, 600.0], 4), np.tile([60.0, 80.0, 110.0, 150.0], 3)
    noise = np.random.default_rng(0).normal(0.0, 0.05, 12)
    rate = 5 * np.log10(s / 100) - 15000 / (T + 273) + noise
    data = Dataset.from_columns({"T [degC]": T, "s [MPa]": s, "rate [log10(1/h)]": rate})
    found = discover(data, "rate", scales="auto", arrhenius="T")
    assert found.left_out_r2 == pytest.approx(found.result.scores.cv_r2_log, rel=1e-9)
    assert "of its logarithm" not in str(found)


def test_an_input_that_is_zero_in_every_run_takes_no_part() -> None:
    U = np.geomspace(0.01, 0.1, 9)
    d = np.tile([1.0, 3.0, 9.0], 3)
    table = {"U [m/s]": U, "d [mm]": d, "nu [m^2/s]": np.full(9, 1e-6), "f [1]": 0.064 / U / d}
    data = Dataset.from_columns({**table, "rough [mm]": np.zeros(9)})
    rough = fit(data, "f").law
    assert str(rough) == str(fit(Dataset.from_columns(table), "f").law)
    at = {"U": 0.03, "d": 2e-3, "nu": 1e-6}
    (smooth,) = rough.places({**at, "rough": 0.0})
    (other,) = rough.places({**at, "rough": 1e-3})
    assert (smooth.outside, other.outside, other.far) == ([], ["rough"], {})
