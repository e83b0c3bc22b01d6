"""Laws of a response that vanishes or changes sign."""

import numpy as np
import pytest

from dimgs import Dataset
from dimgs.common.errors import FitError
from dimgs.discovery.discover import discover
from tests.law.examples import example


def _discover(columns: dict[str, object], target: str = "F") -> object:
    return discover(Dataset.from_columns(columns), target, engine="power_law")


def test_a_noise_free_law_with_a_sign_is_exact() -> None:
    rng = np.random.default_rng(0)
    U, L = rng.uniform(1, 3, (2, 30))
    nu = 10 ** rng.uniform(-3, -1, 30)
    force = -0.7 * U**2 * (U * L / nu) ** -0.5
    data = Dataset.from_columns({"U [m/s]": U, "L [m]": L, "nu [m^2/s]": nu, "F [m^2/s^2]": force})
    law = discover(data, "F", engine="power_law", evaluations=20).law
    assert law is not None
    np.testing.assert_allclose(law.predict_si(data), force, rtol=1e-8)
    assert law.constants[0].value == pytest.approx(-0.7, rel=1e-8)
    assert law.elasticities(data)["U"] == pytest.approx(1.5, abs=1e-9)


def test_every_constant_has_an_interval() -> None:
    law, _ = example("linear")
    for constant in law.constants:
        assert constant.low is not None
        assert constant.high is not None
        assert constant.low < constant.value < constant.high
    rng = np.random.default_rng(0)
    tilt, U = np.linspace(-1, 1, 40), rng.uniform(1, 2, 40)
    force = U**2 * (0.5 * np.exp(0.6 * tilt) + 0.3 * rng.normal(size=40))
    data = Dataset.from_columns({"U [m/s]": U, "tilt [rad]": tilt, "F [m^2/s^2]": force})
    law = discover(data, "F", engine="power_law", evaluations=20).law or law
    (slope,) = [c for c in law.constants if c.name == "c"]
    assert slope.low is not None
    assert slope.high is not None
    assert slope.low < 0.6 < slope.high


def test_intervals_of_runs_cover() -> None:
    hits = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        U, L = rng.uniform(1, 3, (2, 60))
        W = L * np.exp(rng.uniform(-1, 1, 60))
        force = U**2 * (0.3 * (L / W) ** 0.7 + 0.3 * rng.normal(size=60))
        columns = {"U [m/s]": U, "L [m]": L, "W [m]": W, "F [m^2/s^2]": force}
        data = Dataset.from_columns(columns)
        law = discover(data.take(np.arange(30)), "F", engine="power_law").law
        assert law is not None
        new = {n: data[n][30:] for n in data.names}
        predicted = law.predict(new, 0.9)
        hits.append(np.mean((predicted.low < new["F"]) & (new["F"] < predicted.high)))
    assert 0.85 < np.mean(hits) < 0.95


def test_a_response_of_zeros_is_refused() -> None:
    ones = np.linspace(1, 2, 10)
    with pytest.raises(FitError, match="zero in every run"):
        _discover({"U [m/s]": ones, "F [m^2/s^2]": 0 * ones})


def test_ratios_of_runs_are_wider_where_the_noise_is_large_beside_the_law() -> None:
    law, data = example("linear")
    rows = {n: data[n] for n in data.names}
    reference = {n: v[:1] for n, v in rows.items()}
    runs = law.ratio(rows, reference, 0.9, of="run")
    assert np.all(runs.low <= runs.value)
    assert np.all(runs.value <= runs.high)
    pi_0 = np.abs(law.predict_si(rows)) / np.asarray(data["U"]) ** 2
    widths = np.log(runs.high / runs.low)
    assert np.corrcoef(np.log(pi_0), np.log(widths))[0, 1] < -0.5
