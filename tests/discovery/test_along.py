"""Local exponents along the trajectory of each run."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dimgs.common.errors import InputError
from dimgs.dataset import Dataset
from dimgs.discovery.discover import fit_with
from dimgs.discovery.estimators import local_along
from dimgs.discovery.options import Options
from dimgs.report.plain_text import fit_text

RUNS, POINTS = 4, 24
ASKED = Options(local=True, along="t", curve="run")


def table(sharp: float = 2.0, scale: float = 1.0) -> Dataset:
    """Distance over time, from free flight to diffusion after the time tau of each run."""
    rng = np.random.default_rng(3)
    tau, speed = (np.repeat(10 ** rng.uniform(-1, 1, RUNS), POINTS) for _ in range(2))
    t = np.tile(np.geomspace(0.01, 100.0, POINTS), RUNS) * tau
    y = scale * speed * t * (1 + (t / tau) ** sharp) ** (-0.5 / sharp)
    y *= 1 + 0.005 * rng.standard_normal(len(y))
    run = np.repeat([f"run {i}" for i in range(RUNS)], POINTS)
    columns: dict[str, Any] = {"t [s]": t, "tau [s]": tau, "v [m/s]": speed, "y [m]": y}
    return Dataset.from_columns({**columns, "run [label]": run})


@settings(max_examples=3)
@given(st.floats(0.1, 10.0))
def test_slopes_go_from_one_power_to_the_other_whatever_the_runs_own_factor(scale: float) -> None:
    data = table(scale=scale)
    local = local_along(data, "y", ASKED)
    x = data["t"] / data["tau"]
    truth = 1.0 - 0.5 * x**2 / (1 + x**2)
    value, low, high = (
        np.array([p["exponents"][0][k] for p in local]) for k in ("value", "low", "high")
    )
    assert np.sqrt(np.mean((value - truth) ** 2)) < 0.04
    assert np.mean((low <= truth) & (truth <= high)) > 0.8
    assert [p["run"] for p in local] == [str(r) for r in data["run"]]


@pytest.mark.slow
def test_regimes_along_the_runs_have_borders_as_groups() -> None:
    result = fit_with(table(sharp=20.0), "y", ASKED)
    assert result.regimes is not None
    assert result.local is not None
    slopes = [regime["along"]["t"] for regime in result.regimes]
    assert min(slopes) == pytest.approx(0.5, abs=0.02)
    assert max(slopes) == pytest.approx(1.0, abs=0.02)
    text = fit_text(result)
    assert "Local exponent along t (SI):" in text
    assert "; along t: " in text


def test_rows_in_another_order_have_the_same_slopes() -> None:
    data = table()
    order = np.random.default_rng(0).permutation(len(data))
    one, other = local_along(data, "y", ASKED), local_along(data.take(order), "y", ASKED)
    by_row = {p["row"]: p["exponents"][0]["value"] for p in other}
    assert [by_row[p["row"]] for p in one] == pytest.approx(
        [p["exponents"][0]["value"] for p in one], abs=1e-9
    )


def test_what_cannot_be_asked_is_said() -> None:
    with pytest.raises(InputError, match="belongs to"):
        Options(along="t")
    with pytest.raises(InputError, match="the one of row 1 of columns has 5"):
        local_along(table().where(np.arange(RUNS * POINTS) % POINTS < 5), "y", ASKED)
    with pytest.raises(InputError, match="'y', which is not an input"):
        fit_with(table(), "y", Options(local=True, along="y", curve="run"))
