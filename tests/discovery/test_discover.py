"""discover on responses and inputs that have no logarithm, and on numbers of any size."""

import json

import numpy as np
import pytest
import sympy

from dimgs import Dataset, Options, discover
from dimgs.common.errors import InputError
from dimgs.discovery.discover import fit
from dimgs.judgement.candidates import is_monomial
from tests.patience import AMPLE


def _throws(sine: bool) -> Dataset:
    rng = np.random.default_rng(1)
    angle = np.linspace(-60.0, 60.0, 24)
    speed = rng.uniform(1.0, 50.0, 24)
    shape = np.sin(np.radians(2 * angle)) if sine else np.cos(np.radians(angle))
    columns = {"a [deg]": angle, "v [m/s]": speed, "x [m]": speed**2 / 9.80665 * shape}
    return Dataset.from_columns(columns)


@pytest.mark.parametrize(("sine", "law"), [(True, "v**2*sin(2*a)/g"), (False, "v**2*cos(a)/g")])
def test_an_angle_of_either_sign_is_an_argument_of_the_law(sine: bool, law: str) -> None:
    report = discover(_throws(sine), "x", constants=["g"], evaluations=2000, time_limit=AMPLE)
    document = json.loads(json.dumps(report.to_json()))
    assert document["law"]["expression"] == law
    # candidates speak of the column, for no group of the basis holds it
    assert document["candidates"][0]["expression"] in {"sin(2*a)", "cos(a)"}


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1.0, 1e200])
def test_scores_do_not_depend_on_the_size_of_the_numbers(size: float) -> None:
    rng = np.random.default_rng(0)
    d, e = rng.uniform(1.0, 9.0, (2, 12))
    y = 2.0 * np.sqrt(d * e) * np.exp(rng.normal(0.0, 0.02, 12))
    table = Dataset.from_columns({"d [m]": d * size, "e [m]": e * size, "y [m]": y * size})
    plain = Dataset.from_columns({"d [m]": d, "e [m]": e, "y [m]": y})
    scores, expected = (fit(t, "y", Options()).scores for t in (table, plain))
    assert scores.r2 == pytest.approx(expected.r2)
    assert scores.r2_log is not None


def test_numbers_whose_squares_overflow_are_no_failure() -> None:
    table = Dataset.from_columns(
        {
            "d [m]": [1e300, 2.0, 3.0, 4.0, 7.0],
            "e [m]": [1, 3, 2, 2.5, 2],
            "y [m]": [1, 2, 3, 4.5, 1],
        }
    )
    scores = fit(table, "y", Options()).scores
    assert scores.r2 is None or scores.r2 < 1.0


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("evaluations", [10, 300])
def test_pure_noise_holds_no_law_whatever_time_there_was(signed: bool, evaluations: int) -> None:
    rng = np.random.default_rng(4)
    a, b, y = np.exp(rng.uniform(0.0, 2.3, (3, 24)))
    table = {"a [m]": a, "b [m]": b, "y [m]": y - 5.0 if signed else y}
    data = Dataset.from_columns(table)
    report = discover(data, "y", engine="structured", evaluations=evaluations, time_limit=AMPLE)
    assert report.outcome == "no_candidate"
    assert str(report).upper().count("NO LAW ") == 1


def test_a_power_law_in_other_clothes_is_no_new_law() -> None:
    c, pi_1, pi_2 = sympy.symbols("c_1 pi_1 pi_2")
    assert is_monomial(1 / sympy.sqrt(c * pi_1 / pi_2))
    assert is_monomial(pi_2 * sympy.cbrt(c * pi_1) ** 2)
    assert not is_monomial(sympy.sqrt(c * pi_1 + 1))
    assert not is_monomial(c**pi_1)


def test_a_coefficient_derived_from_the_target_is_named() -> None:
    rng = np.random.default_rng(5)
    U, D, rho, mu = np.exp(rng.uniform(0.0, 2.0, (4, 20)))
    F = 0.7 * rho * U**2 * D**2 * np.exp(rng.normal(0.0, 0.1, 20))
    columns = {"U [m/s]": U, "D [m]": D, "rho [kg/m^3]": rho, "mu [Pa*s]": mu, "F [N]": F}
    derived = Dataset.from_columns({**columns, "Cd [1]": F / (rho * U**2 * D**2)})
    (named,) = [w for w in fit(derived, "F", Options()).warnings if "exactly a constant" in w]
    assert "Cd·D²·U²·rho" in named
    plain = fit(Dataset.from_columns(columns), "F", Options())
    assert not [w for w in plain.warnings if "exactly a constant" in w]


def test_wrong_options_are_refused_even_where_they_would_not_matter() -> None:
    with pytest.raises(InputError, match="no engine 'zz'; choose from auto, structured"):
        Options(engine="zz")
    with pytest.raises(InputError, match="seed is -1"):
        Options(seed=-1)


def test_a_ratio_of_readings_of_the_target_is_named() -> None:
    rng = np.random.default_rng(3)
    y1, ratio = rng.uniform(1.0, 2.0, 12).round(2), rng.uniform(2.0, 9.0, 12)
    y2 = (y1 * ratio * np.exp(rng.normal(0.0, 0.002, 12))).round(2)
    v = rng.uniform(1.0, 3.0, 12).round(2)
    table = {"V [m/s]": v, "y1 [cm]": y1, "y2/y1 [1]": (y2 / y1).round(2), "y2 [cm]": y2}
    warnings = fit(Dataset.from_columns(table), "y2", Options(constants=["g"])).warnings
    (named,) = [w for w in warnings if "computed from the target" in w]
    assert "'y2' equals y1·(y2/y1) in every run" in named
    # a law of noisy readings is no definition
    del table["y2/y1 [1]"]
    table["n [1]"] = ratio.round(2)
    table["y2 [cm]"] = (y2 * np.exp(rng.normal(0.0, 0.05, 12))).round(2)
    noisy = fit(Dataset.from_columns(table), "y2", Options(constants=["g"]))
    assert not [w for w in noisy.warnings if "computed from the target" in w]


def test_a_coarse_input_that_was_computed_from_the_target_is_named() -> None:
    # a capacity I*t in whole A h, whose exponent is fitted far from 1
    current = np.array([0.5, 1, 2, 3, 5, 8, 10, 15, 20, 30])
    rng = np.random.default_rng(2)
    hours = (100.0 / current**1.2 * np.exp(rng.normal(0.0, 0.01, 10))).round(3)
    table = {"I [A]": current, "t [h]": hours, "C [A h]": (current * hours).round(0)}
    warnings = fit(Dataset.from_columns(table), "t", Options(scales="auto")).warnings
    assert any("'t' equals C·I⁻¹ in every run" in w for w in warnings)
    # a Reynolds number with four decimals, some of which have one digit
    d, eta = rng.uniform(1.0, 3.0, 16).round(2), rng.uniform(0.5, 2.0, 16).round(2)
    v = 0.2 * d**2 / eta * np.exp(rng.normal(0.0, 0.1, 16))
    table = {"d [mm]": d, "eta [Pa s]": eta, "rho [kg/m^3]": rng.uniform(900, 1200, 16).round(0)}
    reynolds = v * d * table["rho [kg/m^3]"] / eta * 1e-6
    table |= {"Re [1]": reynolds.round(4), "v [mm/s]": v.round(3)}
    warnings = fit(Dataset.from_columns(table), "v").warnings
    assert any("'v' equals Re·eta·d⁻¹·rho⁻¹ in every run" in w for w in warnings)


def test_a_column_that_is_the_inverse_of_the_target_is_named() -> None:
    rng = np.random.default_rng(4)
    period = rng.uniform(0.5, 3.0, 12)
    named = "'T' equals f⁻¹ in every run"
    for scatter, computed in ((0.0, True), (0.03, False)):
        f = (1 / period * np.exp(scatter * rng.normal(size=12))).round(4)
        table = {"f [Hz]": f, "T [s]": period.round(4)}
        warnings = fit(Dataset.from_columns(table), "T").warnings
        assert any(named in w for w in warnings) == computed
