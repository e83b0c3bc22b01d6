"""From estimates to laws: exact rationals, names, uncertainty."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dimgs import Dataset, Options
from dimgs.discovery.discover import fit
from dimgs.discovery.prepare import prepare
from dimgs.law.assemble import exact, free_name
from tests.law.examples import example
from tests.law.test_prediction import slopes


@given(st.floats(-10, 10))
def test_coefficients_become_rationals_with_all_their_digits(value: float) -> None:
    assert abs(float(exact(value)) - value) < (1e-14 if abs(value) > 1e-12 else 1e-12)
    assert exact(0.37 + 2e-15) == Fraction(37, 100)
    assert exact(2e-16) == 0
    assert exact(Fraction(1, 3)) == Fraction(1, 3)


def test_names_that_are_taken_get_longer() -> None:
    assert free_name("C", set()) == "C"
    assert free_name("C", {"C", "C_0"}) == "C_0_0"


def test_the_uncertainty_before_snapping_is_kept() -> None:
    law, data = example("power")
    exponents = {e.name: e for e in fit(data, "tau_w").exponents}
    spread = np.sqrt(np.diag(np.asarray(law.uncertainty.covariance)))[1:]
    assert len(spread) == len(exponents)
    assert all(s > 0 for s in spread)
    assert {str(g) for g in law.uncertainty.gradients} == {"1", *(f"log({n})" for n in exponents)}


def test_angles_and_signed_numbers_enter_without_a_logarithm() -> None:
    rng = np.random.default_rng(0)
    size, width = rng.uniform(1, 2, (2, 25))
    angle, lobes = np.linspace(-30, 30, 25), rng.integers(0, 3, 25)
    y = 2 * size**2 / width * np.exp(0.7 * np.radians(angle) - 0.2 * lobes)
    data = Dataset.from_columns(
        {"L [m]": size, "W [m]": width, "a [deg]": angle, "lobes [1]": lobes, "y [m]": y}
    )
    result = fit(data, "y")
    law = result.law
    assert {e.name: e.group is None for e in result.exponents} == {
        "pi_1": False,
        "a": True,
        "lobes": True,
    }
    constants = {c.name: c for c in law.constants}
    assert set(constants) == {"C", "c_a", "c_lobes"}
    assert constants["c_a"].value == pytest.approx(0.7)
    assert constants["c_lobes"].value == pytest.approx(-0.2)
    assert all(c.unit == "1" for c in constants.values())
    np.testing.assert_allclose(law.predict_si(data), y, rtol=1e-9)
    assert any("without a logarithm" in w for w in result.warnings)


def test_origins_of_constants() -> None:
    origins = {c.name: c.origin for c in example("physical")[0].constants}
    assert origins == {"C": "fitted", "g": "physical"}
    absorbed = {c.name: (c.origin, c.low, c.high) for c in example("level")[0].constants}
    assert absorbed["a"] == ("scale", None, None)
    hot = {c.name: (c.origin, c.unit) for c in example("arrhenius")[0].constants}
    assert hot["T_a"] == ("fitted", "K")


def test_a_weighted_fit_follows_its_error_column() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 5, 30)
    sigma = np.where(np.arange(30) < 15, 0.01, 1.0)
    y = 3 * x**2 * np.exp(sigma * rng.normal(size=30))
    columns = {"x [m]": x, "W [m]": np.ones(30), "y [m]": y, "y_err [m]": y * sigma}
    law = fit(Dataset.from_columns(columns), "y", Options()).law
    assert law.elasticities(Dataset.from_columns(columns))["x"] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    ("kind", "target", "options"),
    [
        ("power", "tau_w", Options()),
        ("arrhenius", "D", Options(arrhenius="T", scales="auto")),
        ("level", "SPL", Options(scales=["a [m/s]"])),
    ],
)
def test_gradients_are_the_features_of_the_fit(kind: str, target: str, options: Options) -> None:
    law, data = example(kind)
    design = prepare(data, target, options).design
    columns = {v.name: data[v.name] for v in data.variables}
    rows = list(range(0, data.n_runs, 9))
    expected = np.column_stack([np.ones(len(rows)), design.X[rows]])
    np.testing.assert_allclose(slopes(law, columns, rows), expected, rtol=1e-9, atol=1e-12)


def test_each_label_has_its_own_prefactor() -> None:
    law, data = example("within")
    effects = law.label_effects
    assert effects is not None
    assert (effects.column, effects.counts) == ("rig", {"a": 30, "b": 30})
    rows = {v.name: data[v.name] for v in data.variables}
    left = np.log(data["tau"] / law.predict_si(rows))
    for label in ("a", "b"):
        assert np.mean(left[data["rig"] == label]) == pytest.approx(0.0, abs=1e-3)
    assert [v.label_effects for v in (example("power")[0], example("level")[0])] == [None, None]
